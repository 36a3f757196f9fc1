#pragma once
#include <atomic>

#include "formats/base/clock.h"

namespace zkark::test {

/// Moves only when told, or by sleep_ms, which returns at once. Thread-safe.
class SimClock final : public Clock {
 public:
  /// 2026-01-01 00:00:00 UTC unless told otherwise.
  explicit SimClock(WallTime start = {1'767'225'600'000}) : wall_ms_(start.ms) {}

  WallTime wall() override { return {wall_ms_.load()}; }
  MonotonicTime monotonic() override { return {monotonic_ns_.load()}; }
  void sleep_ms(std::int64_t ms) override {
    advance_ms(ms);
    slept_ms_ += ms;
  }

  /// Time passes: both clocks.
  void advance_ms(std::int64_t ms) {
    wall_ms_ += ms;
    monotonic_ns_ += ms * 1'000'000;
  }
  /// Somebody sets the clock: wall time alone, forwards or backwards.
  void set_wall(WallTime to) { wall_ms_ = to.ms; }
  /// Sum of all sleeps.
  std::int64_t slept_ms() const { return slept_ms_; }

 private:
  std::atomic<std::int64_t> wall_ms_;
  std::atomic<std::int64_t> monotonic_ns_{0};
  std::atomic<std::int64_t> slept_ms_{0};
};

}  // namespace zkark::test
