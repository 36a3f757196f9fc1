#include "src/os/timer_queue.h"

#include <utility>

namespace zkark::os {

Loop::TimerId TimerQueue::add(std::int64_t due_ns, Loop::Task task) {
  const Due due{due_ns, ++last_};
  timers_.emplace(due, std::move(task));
  due_ns_.emplace(due.timer, due_ns);
  return due.timer;
}

void TimerQueue::cancel(Loop::TimerId timer) {
  const auto found = due_ns_.find(timer);
  if (found == due_ns_.end()) return;
  const auto dropped = timers_.extract({found->second, timer});
  due_ns_.erase(found);
}

void TimerQueue::run_due(std::int64_t now_ns) {
  const Loop::TimerId newest = last_;
  while (!timers_.empty()) {
    const Due due = timers_.begin()->first;
    if (due.at_ns > now_ns || due.timer > newest) return;
    const auto node = timers_.extract(timers_.begin());
    due_ns_.erase(due.timer);
    node.mapped()();
  }
}

void TimerQueue::clear() {
  while (!timers_.empty()) {
    due_ns_.clear();
    const std::map<Due, Loop::Task> dropped = std::exchange(timers_, {});
  }
}

}  // namespace zkark::os
