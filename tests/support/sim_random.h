#pragma once
#include "formats/base/random.h"

namespace zkark::test {

/// The next number of a splitmix64 sequence; `state` is the seed and the only state.
inline std::uint64_t next_random(std::uint64_t& state) {
  std::uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

/// Randomness that a seed repeats. Not thread-safe: a test that needs order has one thread.
class SimRandom final : public Random {
 public:
  explicit SimRandom(std::uint64_t seed = 1) : state_(seed) {}
  void fill(MutableBytes into) override {
    for (std::byte& b : into) b = static_cast<std::byte>(next_random(state_) >> 56);
  }
  /// A number in [0, bound), bound > 0.
  std::uint64_t below(std::uint64_t bound) { return next_random(state_) % bound; }

 private:
  std::uint64_t state_;
};

}  // namespace zkark::test
