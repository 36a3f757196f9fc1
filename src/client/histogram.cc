#include "src/client/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace zkark::client {

std::size_t Histogram::bucket_of(std::uint64_t value) {
  const unsigned width = static_cast<unsigned>(std::bit_width(value));
  if (width <= kBits + 1) return value;
  const unsigned shift = width - kBits - 1;
  return (static_cast<std::size_t>(shift) << kBits) + (value >> shift);
}

std::uint64_t Histogram::last_of(std::size_t bucket) {
  if (bucket < (2U << kBits)) return bucket;
  const std::size_t shift = (bucket >> kBits) - 1;
  const std::uint64_t first = bucket - (shift << kBits);
  return ((first + 1) << shift) - 1;
}

void Histogram::add(std::int64_t ns) {
  ns = std::max<std::int64_t>(ns, 0);
  ++buckets_[bucket_of(static_cast<std::uint64_t>(ns))];
  ++count_;
  sum_ns_ += ns;
  max_ns_ = std::max(max_ns_, ns);
}

void Histogram::add(const Histogram& other) {
  for (std::size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  sum_ns_ += other.sum_ns_;
  max_ns_ = std::max(max_ns_, other.max_ns_);
}

std::int64_t Histogram::percentile_ns(double percent) const {
  if (count_ == 0) return 0;
  const double wanted = std::ceil(static_cast<double>(count_) * percent / 100);
  const auto rank = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1, count_);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i)
    if ((seen += buckets_[i]) >= rank) return std::min(static_cast<std::int64_t>(last_of(i)), max_ns_);
  return max_ns_;
}

}  // namespace zkark::client
