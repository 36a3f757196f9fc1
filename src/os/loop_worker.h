#pragma once
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "formats/base/error.h"
#include "formats/base/loop.h"

namespace zkark::os {

/// A thread of its own that lives as long as the object.
class LoopWorker final : public Worker {
 public:
  /// `on_failure` is told, on the worker's thread, when a task threw (the allocator, a library): kOutOfMemory
  /// for bad_alloc, kInternal else. What the task was to do is half done then, so a server ends; the tasks
  /// behind it still run, unless on_failure sees to that.
  explicit LoopWorker(std::function<void(Error)> on_failure);
  ~LoopWorker() override;
  LoopWorker(const LoopWorker&) = delete;
  LoopWorker& operator=(const LoopWorker&) = delete;

  void run(Loop::Task task) override;

 private:
  void work();
  void run_one(Loop::Task task);

  std::function<void(Error)> on_failure_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Loop::Task> queue_;
  bool waiting_ = false, ending_ = false;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace zkark::os
