#include "src/os/clock.h"

#include <time.h>

#include <cerrno>

#include "formats/base/check.h"

namespace zkark::os {
namespace {

timespec now(clockid_t clock) {
  timespec t{};
  ZK_CHECK(::clock_gettime(clock, &t) == 0);
  return t;
}

}  // namespace

WallTime SystemClock::wall() {
  const timespec t = now(CLOCK_REALTIME);
  return {static_cast<std::int64_t>(t.tv_sec) * 1000 + t.tv_nsec / 1'000'000};
}

MonotonicTime SystemClock::monotonic() {
  const timespec t = now(CLOCK_MONOTONIC);
  return {static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec};
}

void SystemClock::sleep_ms(std::int64_t ms) {
  if (ms <= 0) return;
  // Until a point in time, so that signals neither shorten nor stretch it.
  timespec until = now(CLOCK_MONOTONIC);
  until.tv_sec += ms / 1000;
  until.tv_nsec += ms % 1000 * 1'000'000;
  if (until.tv_nsec >= 1'000'000'000) {
    until.tv_nsec -= 1'000'000'000;
    ++until.tv_sec;
  }
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR) {
  }
}

}  // namespace zkark::os
