#pragma once
// How long things took: every value goes into a bucket that is at most 1.6 % wide, so that a million of them
// cost 30 KiB and a percentile is exact to that.
#include <array>
#include <cstdint>

namespace zkark::client {

class Histogram {
 public:
  void add(std::int64_t ns);
  void add(const Histogram& other);
  std::uint64_t count() const { return count_; }
  std::int64_t max_ns() const { return max_ns_; }
  double mean_ns() const {
    return count_ == 0 ? 0 : static_cast<double>(sum_ns_) / static_cast<double>(count_);
  }
  /// The least value that `percent` of all do not exceed, or up to 1.6 % more; 0 when there are none.
  std::int64_t percentile_ns(double percent) const;

 private:
  // Values below 128 have a bucket each; above, each power of two has 64.
  static constexpr unsigned kBits = 6;
  static constexpr std::size_t kBuckets = (64 - kBits) << kBits;
  static std::size_t bucket_of(std::uint64_t value);
  static std::uint64_t last_of(std::size_t bucket);

  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  std::int64_t max_ns_ = 0, sum_ns_ = 0;
};

}  // namespace zkark::client
