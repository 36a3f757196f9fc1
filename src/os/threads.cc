#include "src/os/threads.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

namespace zkark::os {
namespace {

unsigned processors() {
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<unsigned>(CPU_COUNT(&set));
  return std::max(1u, std::thread::hardware_concurrency());
}

Status run_one(const std::function<Status()>& task) {
  try {
    return task();
  } catch (const std::bad_alloc&) {
    return fail(ErrorId::kOutOfMemory, "no memory left for a task");
  } catch (const std::exception& e) {
    return fail(ErrorId::kInternal, std::string("a task failed: ") + e.what());
  } catch (...) {
    return fail(ErrorId::kInternal, "a task failed");
  }
}

}  // namespace

ThreadExecutor::ThreadExecutor(unsigned width) : width_(width == 0 ? processors() : width) {}

Status ThreadExecutor::run_all(std::span<const std::function<Status()>> tasks) {
  std::vector<Status> outcomes(tasks.size());
  std::atomic<std::size_t> next{0};
  auto work = [&] {
    for (std::size_t i = next++; i < tasks.size(); i = next++) outcomes[i] = run_one(tasks[i]);
  };
  {
    std::vector<std::jthread> helpers;
    helpers.reserve(width_);
    try {
      while (helpers.size() + 1 < std::min<std::size_t>(width_, tasks.size())) helpers.emplace_back(work);
    } catch (const std::system_error&) {
    }
    work();
  }
  for (Status& outcome : outcomes)
    if (!outcome) return std::move(outcome);
  return {};
}

Ticker::Ticker(std::int64_t interval_ms, std::function<void()> tick)
    : thread_([this, interval_ms, tick = std::move(tick)](const std::stop_token& stop) {
        std::unique_lock lock(mutex_);
        for (;;) {
          wake_.wait_for(lock, stop, std::chrono::milliseconds(interval_ms), [] { return false; });
          if (stop.stop_requested()) return;
          tick();
        }
      }) {}

}  // namespace zkark::os
