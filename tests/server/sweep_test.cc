// Containers and TTL nodes go when their time has come, and not before (client-protocol-and-server section
// 2).
#include "src/server/sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/server_lab.h"

namespace zkark::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Settings with_ttl() {
  Settings settings = lab_settings();
  settings.extended_types = true;
  settings.container_check_ms = 10'000;
  return settings;
}

struct Swept : testing::Test {
  explicit Swept(Settings settings = with_ttl()) : lab(1, std::move(settings)), client(lab) {
    EXPECT_TRUE(client.open(40'000));
  }
  void container(const std::string& path) {
    EXPECT_EQ(client.call(OpCode::kCreateContainer, create_body(path, "", 4)).err, 0) << path;
  }
  void ttl(const std::string& path, std::int64_t ms) {
    EXPECT_EQ(client.call(OpCode::kCreateTtl, Fields().raw(create_body(path, "", 5)).l(ms)).err, 0) << path;
  }
  /// Time passes, and the session stays.
  void wait(std::int64_t ms) {
    for (; ms > 0; ms -= 1000) {
      lab.loop.advance(std::min<std::int64_t>(ms, 1000));
      client.call(OpCode::kPing, "");
    }
  }
  bool there(const std::string& path) { return lab.server().state().tree.find(path) != restore::kNoNode; }

  ServerLab lab;
  Client client;
};

TEST_F(Swept, AContainerGoesAtTheNextRoundOnceItIsEmptyAgain) {
  container("/c");
  container("/unused");
  ASSERT_EQ(client.create("/c/x").err, 0);
  wait(25'000);
  EXPECT_TRUE(there("/c")) << "it has a child";
  ASSERT_EQ(client.remove("/c/x").err, 0);
  wait(4000);
  EXPECT_TRUE(there("/c")) << "the round has not come";
  client.call(OpCode::kExists, Fields().s("/c").b(true));
  client.take_events();
  wait(7000);
  EXPECT_FALSE(there("/c"));
  EXPECT_THAT(client.take_events(), ElementsAre("Deleted /c"));
  wait(60'000);
  EXPECT_TRUE(there("/unused")) << "it never had one, and maxNeverUsedIntervalMs is 0";
}

TEST_F(Swept, ATtlNodeGoesWhenNobodyWroteItForItsTime) {
  ttl("/t", 15'000);
  wait(14'000);
  ASSERT_EQ(client.set("/t", "again").err, 0);
  wait(10'000);
  EXPECT_TRUE(there("/t")) << "its time began anew";
  ASSERT_EQ(client.create("/t/child").err, 0);
  wait(30'000);
  EXPECT_TRUE(there("/t")) << "it has a child";
  ASSERT_EQ(client.remove("/t/child").err, 0);
  wait(11'000);
  EXPECT_FALSE(there("/t"));
}

TEST_F(Swept, NodesOfBeforeARestartAreKnown) {
  container("/c");
  ASSERT_EQ(client.create("/c/x").err, 0);
  ASSERT_EQ(client.remove("/c/x").err, 0);
  ttl("/t", 5000);
  lab.restart();
  lab.loop.advance(11'000);
  EXPECT_FALSE(there("/c"));
  EXPECT_FALSE(there("/t"));
}

TEST_F(Swept, WhatIsOnItsWayIsLookedAtOnceMore) {
  container("/c");
  ASSERT_EQ(client.create("/c/x").err, 0);
  ASSERT_EQ(client.remove("/c/x").err, 0);
  container("/again");
  ASSERT_EQ(client.create("/again/x").err, 0);
  ASSERT_EQ(client.remove("/again/x").err, 0);
  // Prepared, and not on disk when the round comes.
  lab.worker->hold();
  client.request(OpCode::kCreate, create_body("/c/y"));
  client.request(OpCode::kDelete, Fields().s("/again").i(-1));
  client.request(OpCode::kCreate, create_body("/again", "an ordinary node"));
  lab.loop.advance(10'100);
  lab.worker->release();
  lab.loop.advance(100);
  EXPECT_TRUE(there("/c/y"));
  EXPECT_TRUE(there("/again"));
}

TEST_F(Swept, EachDeletionIsARecordThatReplays) {
  container("/c");
  ASSERT_EQ(client.create("/c/x").err, 0);
  ASSERT_EQ(client.remove("/c/x").err, 0);
  const std::int64_t before = lab.server().last_zxid();
  wait(11'000);
  EXPECT_EQ(lab.server().last_zxid(), before + 1);
  lab.expect_log_is_state();
}

struct NeverUsed : Swept {
  static Settings limited() {
    Settings settings = with_ttl();
    settings.container_max_never_used_ms = 30'000;
    return settings;
  }
  NeverUsed() : Swept(limited()) {}
};

TEST_F(NeverUsed, AContainerWithoutAChildGoesAfterTheLimit) {
  container("/c");
  wait(29'000);
  EXPECT_TRUE(there("/c"));
  wait(12'000);
  EXPECT_FALSE(there("/c"));
}

struct Throttled : Swept {
  static Settings given() {
    Settings settings = with_ttl();
    settings.container_max_per_minute = 600;
    return settings;
  }
  Throttled() : Swept(given()) {}
};

TEST_F(Throttled, NoMoreGoInAMinuteThanAreAllowed) {
  for (int i = 0; i < 30; ++i) ttl("/t" + std::to_string(i), 1000);
  const auto left = [&] { return lab.server().state().tree.count_of(NodeKind::kTtl); };
  lab.loop.run_until([&] { return left() < 30; }, 12'000);
  lab.loop.advance(1000);
  EXPECT_GE(left(), 17u);
  EXPECT_LE(left(), 20u) << "ten a second";
  lab.loop.advance(3000);
  EXPECT_EQ(left(), 0u);
}

TEST(Sweep, TtlNodesStayWhereThereAreNone) {
  Settings settings = lab_settings();
  StatPersisted stat;
  stat.ephemeral_owner = ttl_owner(1000);
  EXPECT_FALSE(is_due(stat, 0, 5000, settings));
  settings.extended_types = true;
  EXPECT_TRUE(is_due(stat, 0, 5000, settings));
  EXPECT_FALSE(is_due(stat, 0, 1000, settings)) << "not longer than its time";
  EXPECT_FALSE(is_due(stat, 1, 5000, settings));
  for (const std::int64_t owner : {std::int64_t{0}, std::int64_t{0x100000}}) {
    stat.ephemeral_owner = owner;
    stat.cversion = 1;
    EXPECT_FALSE(is_due(stat, 0, INT64_MAX, settings)) << owner;
  }
}

TEST(Sweep, APointThatIsServedKeepsItsNodes) {
  Settings settings = with_ttl();
  ServerLab lab(1, settings);
  {
    Client client(lab);
    ASSERT_TRUE(client.open());
    ASSERT_EQ(client.call(OpCode::kCreateTtl, Fields().raw(create_body("/t", "", 5)).l(1000)).err, 0);
    lab.settle();
  }
  lab.kill();
  lab.settings.read_only = true;
  lab.start();
  lab.loop.advance(60'000);
  EXPECT_NE(lab.server().state().tree.find("/t"), restore::kNoNode);
}

}  // namespace
}  // namespace zkark::server
