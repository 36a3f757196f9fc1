#pragma once
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

#include "formats/base/executor.h"

namespace zkark::os {

/// Runs tasks on up to `width` threads, the caller's among them. Threads live for one run_all alone: starting
/// one costs some 20 microseconds, and an idle pool would have to be shut down in the right order. When the
/// system refuses a thread, the ones there are do the work. An exception of a task (the allocator, a library)
/// becomes its Error: kOutOfMemory for bad_alloc, kInternal else. Any number of threads may call run_all.
class ThreadExecutor final : public Executor {
 public:
  /// 0 means one thread per processor that this process may use.
  explicit ThreadExecutor(unsigned width = 0);
  Status run_all(std::span<const std::function<Status()>> tasks) override;
  unsigned width() const override { return width_; }

 private:
  unsigned width_;
};

/// Calls `tick` on a thread of its own, every `interval_ms` and never twice at a time, until destroyed. The
/// destructor waits for a tick that runs. For showing progress, never for work.
class Ticker {
 public:
  Ticker(std::int64_t interval_ms, std::function<void()> tick);

 private:
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace zkark::os
