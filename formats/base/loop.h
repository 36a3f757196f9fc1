#pragma once
// Seams of a server: the loop on which everything of it happens, and the workers that do what would hold the
// loop up. The real ones are src/os/event_loop and src/os/threads; a simulated pair runs all of it on one
// thread, in an order that a seed decides.
#include <cstdint>
#include <functional>
#include <memory>

#include "formats/base/clock.h"

namespace zkark {

/// One thread that runs tasks, timers and the callbacks of a Transport, one at a time.
class Loop {
 public:
  using Task = std::function<void()>;
  using TimerId = std::uint64_t;  // never 0
  virtual ~Loop() = default;

  /// Runs `task` once, after what is ready now has been handled; tasks run in the order of their posts. Any
  /// thread.
  virtual void post(Task task) = 0;
  /// Runs `task` once, `ms` milliseconds from now or a little later, never earlier. Loop thread.
  virtual TimerId call_after(std::int64_t ms, Task task) = 0;
  /// The task of that timer will not run any more; a timer that ran already is ignored. Loop thread.
  virtual void cancel(TimerId timer) = 0;
};

/// Runs tasks in the order of run(), one at a time, off the loop. What a task has for the loop it posts
/// there. The destructor returns when all tasks handed over have run.
class Worker {
 public:
  virtual ~Worker() = default;
  /// Any thread.
  virtual void run(Loop::Task task) = 0;
};

}  // namespace zkark
