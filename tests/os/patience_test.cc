#include "src/os/patience.h"

#include <gtest/gtest.h>

namespace zkark::os {
namespace {

constexpr std::int64_t kLook = 300'000, kShort = 100'000, kLong = 2'000'000;

Patience after(int short_waits, int long_waits = 0) {
  Patience patience(kLook);
  for (int i = 0; i < short_waits; ++i) patience.waited(kShort);
  for (int i = 0; i < long_waits; ++i) patience.waited(kLong);
  return patience;
}

TEST(Patience, LooksOnceWaitsHaveTurnedOutShort) {
  EXPECT_EQ(after(0).look_ns(0), 0);
  EXPECT_EQ(after(3).look_ns(0), 0);
  EXPECT_EQ(after(4).look_ns(0), kLook);
}

TEST(Patience, SleepsAgainAfterAFewLongWaits) {
  EXPECT_EQ(after(1000, 4).look_ns(0), kLook);
  EXPECT_EQ(after(1000, 5).look_ns(0), 0);
}

TEST(Patience, NeverLooksWhereMostWaitsAreLong) {
  Patience patience(kLook);
  for (int i = 0; i < 1000; ++i) {
    patience.waited(i % 3 == 0 ? kShort : kLong);
    EXPECT_EQ(patience.look_ns(0), 0) << i;
  }
}

TEST(Patience, AWaitAsLongAsTheLookIsLong) {
  Patience patience(kLook);
  for (int i = 0; i < 100; ++i) patience.waited(kLook);
  EXPECT_EQ(patience.look_ns(0), 0);
}

TEST(Patience, RestsASecondWhenOthersWantTheProcessorAgainAndAgain) {
  Patience patience = after(8);
  int times = 0;
  while (patience.look_ns(times) != 0 && times < 1000) patience.looked(times++, true);
  EXPECT_EQ(times, 200);
  EXPECT_EQ(patience.look_ns(1'000'000'000), 0);
  EXPECT_EQ(patience.look_ns(1'000'000'200), kLook);
}

TEST(Patience, GoesOnWhereOthersWantTheProcessorNowAndThen) {
  Patience patience = after(8);
  for (int i = 0; i < 100'000; ++i) patience.looked(0, i % 5 == 0);
  EXPECT_EQ(patience.look_ns(0), kLook);
}

TEST(Patience, NoneIsNone) {
  Patience patience;
  for (int i = 0; i < 100; ++i) patience.waited(0);
  EXPECT_EQ(patience.look_ns(1), 0);
}

}  // namespace
}  // namespace zkark::os
