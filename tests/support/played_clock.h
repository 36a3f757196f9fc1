#pragma once
// A clock with which time passes only where somebody waits, and whose waits are the moments at which a test
// plays the other process.
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "tests/support/sim_clock.h"

namespace zkark::test {

class PlayedClock final : public Clock {
 public:
  /// What happens during the next wait that has nothing to do yet; empty: nothing.
  PlayedClock& then(std::function<void()> step) {
    steps_.push_back(std::move(step));
    return *this;
  }
  PlayedClock& then_nothing(std::size_t waits) {
    for (std::size_t i = 0; i < waits; ++i) then({});
    return *this;
  }
  /// What ends the run: called in each wait behind the last step.
  void at_the_end(std::function<void()> end) { end_ = std::move(end); }
  std::size_t waits() const { return next_; }

  WallTime wall() override { return clock_.wall(); }
  MonotonicTime monotonic() override { return clock_.monotonic(); }
  void sleep_ms(std::int64_t ms) override {
    clock_.sleep_ms(ms);
    if (next_ >= steps_.size()) return end_ ? end_() : void();
    const std::function<void()> step = steps_[next_++];
    if (step) step();
  }

 private:
  SimClock clock_;
  std::vector<std::function<void()>> steps_;
  std::size_t next_ = 0;
  std::function<void()> end_;
};

}  // namespace zkark::test
