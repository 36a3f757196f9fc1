#pragma once
#include <algorithm>
#include <cstdint>

namespace zkark::os {

/// Whether a thread with nothing to do looks for something before it sleeps. Waking a processor that sleeps
/// takes some 50 microseconds on a virtual machine, as long as the whole rest of a request; looking takes a
/// processor for as long as it goes on. So it is done only as long as most waits turn out that short, and not
/// while others want the processor. (Virtual machine monitors do the same under the name of halt polling.)
class Patience {
 public:
  /// Looks for `look_ns` at most at a time; 0: never.
  explicit Patience(std::int64_t look_ns = 0) : look_ns_(look_ns) {}

  /// How long to look before sleeping, in ns; 0: sleep at once.
  std::int64_t look_ns(std::int64_t now_ns) const {
    return short_waits_ >= kEnough && now_ns >= rests_until_ns_ ? look_ns_ : 0;
  }
  /// A wait is over, which took so long, with or without looking.
  void waited(std::int64_t ns) {
    short_waits_ = ns < look_ns_ ? std::min(short_waits_ + 1, kMost) : std::max(short_waits_ - 1, 0);
  }
  /// It has looked. `in_the_way`: it was sent off its processor meanwhile, as somebody had work to do there.
  /// Once in a while that is nothing: then whoever comes finds another processor soon.
  void looked(std::int64_t now_ns, bool in_the_way) {
    trouble_ = in_the_way ? trouble_ + kTroubleOfOne : std::max(trouble_ - 1, 0);
    if (trouble_ < kTooMuch) return;
    trouble_ = 0;
    rests_until_ns_ = now_ns + kRestNs;
  }

 private:
  static constexpr int kEnough = 4, kMost = 8;
  static constexpr int kTroubleOfOne = 4, kTooMuch = 800;  // more than every fifth time, for a while
  static constexpr std::int64_t kRestNs = 1'000'000'000;
  std::int64_t look_ns_;
  std::int64_t rests_until_ns_ = 0;
  int short_waits_ = 0;  // more of them than long ones, by so many
  int trouble_ = 0;
};

}  // namespace zkark::os
