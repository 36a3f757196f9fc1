#pragma once
#include "formats/base/clock.h"

namespace zkark::os {

/// CLOCK_REALTIME, CLOCK_MONOTONIC, and a sleep on the latter. Thread-safe, without state.
class SystemClock final : public Clock {
 public:
  WallTime wall() override;
  MonotonicTime monotonic() override;
  void sleep_ms(std::int64_t ms) override;
};

}  // namespace zkark::os
