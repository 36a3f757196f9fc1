#include "src/os/loop_worker.h"

#include <exception>
#include <new>
#include <string>
#include <utility>

namespace zkark::os {

LoopWorker::LoopWorker(std::function<void(Error)> on_failure)
    : on_failure_(std::move(on_failure)), thread_([this] { work(); }) {}

LoopWorker::~LoopWorker() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void LoopWorker::run(Loop::Task task) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(task));
    wake = std::exchange(waiting_, false);
  }
  if (wake) wake_.notify_one();  // a thread at work looks into the queue before it waits
}

void LoopWorker::work() {
  std::vector<Loop::Task> batch;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      while (queue_.empty() && !ending_) {
        waiting_ = true;
        wake_.wait(lock);
      }
      waiting_ = false;
      if (queue_.empty()) return;
      std::swap(batch, queue_);
    }
    for (Loop::Task& task : batch) run_one(std::move(task));
    batch.clear();
  }
}

void LoopWorker::run_one(Loop::Task task) {
  try {
    task();
  } catch (const std::bad_alloc&) {
    on_failure_(Error(ErrorId::kOutOfMemory, "no memory left for a task"));
  } catch (const std::exception& e) {
    on_failure_(Error(ErrorId::kInternal, std::string("a task failed: ") + e.what()));
  } catch (...) {
    on_failure_(Error(ErrorId::kInternal, "a task failed"));
  }
}

}  // namespace zkark::os
