#pragma once
#include <compare>
#include <cstdint>

namespace zkark {

/// Wall time: milliseconds since 1970-01-01 UTC, as ZooKeeper writes it. Labels only; nothing is decided by
/// it.
struct WallTime {
  std::int64_t ms = 0;
  auto operator<=>(const WallTime&) const = default;
};

/// Monotonic time in nanoseconds from an arbitrary start. Does not convert to WallTime.
struct MonotonicTime {
  std::int64_t ns = 0;
  auto operator<=>(const MonotonicTime&) const = default;
};

/// Seam: the only source of time. Thread-safe. A simulated clock moves only when told, or by sleep_ms.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime wall() = 0;
  virtual MonotonicTime monotonic() = 0;
  /// Waits. Only for retries and lock waits of commands, never on a server's loop.
  virtual void sleep_ms(std::int64_t ms) = 0;
};

}  // namespace zkark
