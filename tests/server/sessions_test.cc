#include "src/server/sessions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "formats/data.h"

namespace zkark::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

TEST(SessionTable, IdsHaveTheServerTheClockAndACount) {
  SessionTable table(2000, 1, 0x15443b);
  EXPECT_EQ(table.create(4000, 0).id, 0x01000015443b0000);
  EXPECT_EQ(table.create(4000, 0).id, 0x01000015443b0001);
  // ((ms << 24) >>> 8) | (id << 56): of a clock of more than 40 bits the low 40 count.
  SessionTable late(2000, 2, 0x19b'7654'3210);
  EXPECT_EQ(late.create(4000, 0).id, static_cast<std::int64_t>(0x029b'7654'3210'0000));
}

TEST(SessionTable, AnIdThatIsInUseIsPassedOver) {
  SessionTable table(2000, 1, 0x15443b);
  table.add(0x01000015443b0000, 4000, 0);
  table.add(0x01000015443b0001, 4000, 0);
  EXPECT_EQ(table.create(4000, 0).id, 0x01000015443b0002);
  EXPECT_EQ(table.size(), 3u);
}

TEST(SessionTable, TheDeadlineIsTheNextTickBehindTheTimeout) {
  // ((now + timeout) / tick + 1) * tick
  SessionTable table(500, 1, 0);
  EXPECT_EQ(table.add(1, 1000, 0).deadline_ms, 1500);
  EXPECT_EQ(table.add(2, 1200, 0).deadline_ms, 1500);
  EXPECT_EQ(table.add(3, 1000, 499).deadline_ms, 1500);
  EXPECT_EQ(table.add(4, 1000, 500).deadline_ms, 2000);
  EXPECT_EQ(table.next_deadline_ms(), 1500);
}

TEST(SessionTable, ABucketFiresWholeAndEachSessionOnce) {
  SessionTable table(500, 1, 0);
  table.add(1, 1000, 0), table.add(2, 1200, 0), table.add(3, 1600, 0);
  EXPECT_THAT(table.expire(1499), IsEmpty());
  EXPECT_THAT(table.expire(1500), UnorderedElementsAre(1, 2));
  EXPECT_TRUE(table.find(1)->closing);
  EXPECT_THAT(table.expire(1500), IsEmpty());
  EXPECT_EQ(table.next_deadline_ms(), 2000 + 0);
  EXPECT_THAT(table.expire(60'000), ElementsAre(3));
  EXPECT_EQ(table.next_deadline_ms(), std::nullopt);
  EXPECT_EQ(table.size(), 3u) << "gone only when their txn is applied";
}

TEST(SessionTable, TouchingMovesTheDeadlineNeverBack) {
  SessionTable table(500, 1, 0);
  Session& session = table.add(1, 1000, 0);
  table.touch(session, 400);
  EXPECT_EQ(session.deadline_ms, 1500);
  table.touch(session, 700);
  EXPECT_EQ(session.deadline_ms, 2000);
  session.timeout_ms = 10;  // renegotiated: a shorter one counts from the next bucket on
  table.touch(session, 701);
  EXPECT_GE(session.deadline_ms, 711);
  EXPECT_THAT(table.expire(5000), ElementsAre(1));
}

TEST(SessionTable, WhoIsClosingDoesNotExpireAndIsNotRevived) {
  SessionTable table(500, 1, 0);
  Session& session = table.add(1, 1000, 0);
  table.set_closing(session);
  EXPECT_TRUE(session.closing);
  EXPECT_EQ(table.next_deadline_ms(), std::nullopt);
  table.touch(session, 100);
  EXPECT_EQ(table.next_deadline_ms(), std::nullopt) << "a late request brings nobody back";
  EXPECT_THAT(table.expire(100'000), IsEmpty());
}

TEST(SessionTable, WhatIsRemovedLeavesNothingBehind) {
  SessionTable table(500, 1, 0);
  table.add(1, 1000, 0);
  table.remove(1);
  table.remove(1);
  table.remove(77);
  EXPECT_EQ(table.find(1), nullptr);
  EXPECT_EQ(table.size(), 0u);
  EXPECT_TRUE(table.buckets().empty());
  EXPECT_EQ(table.next_deadline_ms(), std::nullopt);
}

TEST(SessionTable, TheLongestTimeoutDoesNotOverflow) {
  SessionTable table(3000, 1, 0);
  Session& session = table.add(1, INT32_MAX, INT64_C(1) << 40);
  EXPECT_GT(session.deadline_ms, (INT64_C(1) << 40) + INT32_MAX);
}

TEST(SessionTable, TenThousandSessionsExpireEachExactlyOnce) {
  SessionTable table(2000, 1, 0);
  for (int i = 1; i <= 10'000; ++i) table.add(i, 4000 + i % 37'000, i % 7);
  std::vector<int> seen(10'001);
  for (std::int64_t now = 0; now <= 60'000; now += 100)
    for (const std::int64_t id : table.expire(now)) {
      ++seen[static_cast<std::size_t>(id)];
      EXPECT_GT(now, 4000 + id % 37'000 + id % 7 - 1);
    }
  for (int i = 1; i <= 10'000; ++i) EXPECT_EQ(seen[static_cast<std::size_t>(i)], 1) << i;
}

TEST(SessionTable, AServerOfTheIdThatTtlNodesBeginWithHasSessionsToo) {
  SessionTable table(2000, 255, 1000);
  const std::int64_t id = table.create(4000, 0).id;
  EXPECT_EQ(node_kind(id), NodeKind::kEphemeral);
  EXPECT_EQ(static_cast<std::uint64_t>(id) >> 56, 0xfeu);
}

}  // namespace
}  // namespace zkark::server
