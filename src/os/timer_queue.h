#pragma once
// The timers of the event loop, without the clock. For the files of src/os only.
#include <cstdint>
#include <map>
#include <unordered_map>

#include "formats/base/loop.h"

namespace zkark::os {

class TimerQueue {
 public:
  static constexpr std::int64_t kNever = INT64_MAX;

  Loop::TimerId add(std::int64_t due_ns, Loop::Task task);
  /// Nothing when it ran or was cancelled already.
  void cancel(Loop::TimerId timer);
  /// When the first one is due; kNever when there is none.
  std::int64_t first_ns() const { return timers_.empty() ? kNever : timers_.begin()->first.at_ns; }
  /// Runs what is due, in the order of the times and, for equal ones, in which they were added; but not what
  /// is added meanwhile, or a timer that sets itself again would never let go.
  void run_due(std::int64_t now_ns);
  /// Drops all, and what is added while they are destroyed.
  void clear();

 private:
  struct Due {
    std::int64_t at_ns = 0;
    Loop::TimerId timer = 0;
    auto operator<=>(const Due&) const = default;
  };

  Loop::TimerId last_ = 0;
  std::map<Due, Loop::Task> timers_;
  std::unordered_map<Loop::TimerId, std::int64_t> due_ns_;
};

}  // namespace zkark::os
