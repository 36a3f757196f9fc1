#include "src/client/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace zkark::test {
namespace {

using client::Histogram;

TEST(Histogram, is_exact_to_a_sixty_fourth) {
  std::vector<std::int64_t> values;
  Histogram histogram;
  std::uint64_t state = 7;
  for (int i = 0; i < 20'000; ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    const auto value = static_cast<std::int64_t>(state >> (20 + i % 44));
    values.push_back(value);
    histogram.add(value);
  }
  std::sort(values.begin(), values.end());
  for (const double percent : {0.01, 1.0, 10.0, 50.0, 90.0, 99.0, 99.9, 100.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(static_cast<double>(values.size()) * percent / 100));
    const std::int64_t exact = values[rank - 1];
    const std::int64_t told = histogram.percentile_ns(percent);
    EXPECT_GE(told, exact) << percent;
    EXPECT_LE(told, exact + exact / 64 + 1) << percent;
  }
  EXPECT_EQ(histogram.max_ns(), values.back());
  EXPECT_EQ(histogram.percentile_ns(100), values.back());
}

TEST(Histogram, holds_the_ends_of_the_range) {
  Histogram histogram;
  for (const std::int64_t value : {INT64_MAX, std::int64_t{0}, std::int64_t{-5}}) histogram.add(value);
  EXPECT_EQ(histogram.count(), 3U);
  EXPECT_EQ(histogram.percentile_ns(50), 0);
  EXPECT_EQ(histogram.percentile_ns(100), INT64_MAX);
  EXPECT_EQ(Histogram().percentile_ns(50), 0);
}

TEST(Histogram, adds_up) {
  Histogram one, other;
  one.add(10);
  other.add(30);
  one.add(other);
  EXPECT_EQ(one.count(), 2U);
  EXPECT_EQ(one.max_ns(), 30);
  EXPECT_EQ(one.mean_ns(), 20);
}

}  // namespace
}  // namespace zkark::test
