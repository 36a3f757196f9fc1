// What clients may ask of a server at once, and what one connection can make it hold
// (client-protocol-and-server section 4).
#include "src/server/throttle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/server_lab.h"
#include "tests/support/sim_random.h"

namespace zkark::server {
namespace {

using ::testing::ElementsAre;

// ---- connection_throttle_*

TEST(ConnectionThrottle, TokensComeBackWithTime) {
  Settings settings;
  settings.connection_throttle_tokens = 3;
  settings.connection_throttle_fill_ms = 100;
  test::SimRandom random(1);
  ConnectionThrottle throttle(settings, random, 1000);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(throttle.admit(1, 1000));
  EXPECT_EQ(throttle.deficit(), 3);
  EXPECT_FALSE(throttle.admit(1, 1000));
  EXPECT_FALSE(throttle.admit(1, 1100)) << "more than the fill time must pass";
  EXPECT_TRUE(throttle.admit(1, 1101));
  EXPECT_FALSE(throttle.admit(1, 1150));
  EXPECT_TRUE(throttle.admit(3, INT64_MAX)) << "no more than the bucket holds";
  EXPECT_FALSE(throttle.admit(1, INT64_MAX));
}

TEST(ConnectionThrottle, ZeroTokensTurnItOff) {
  const Settings settings;
  test::SimRandom random(1);
  ConnectionThrottle throttle(settings, random, 0);
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(throttle.admit(1, 0));
}

TEST(ConnectionThrottle, NewSessionsCostMoreWhereWeightsAreOn) {
  Settings settings;
  test::SimRandom random(1);
  ConnectionThrottle throttle(settings, random, 0);
  EXPECT_EQ(throttle.price(true), 1);
  settings.connection_throttle_weight_enabled = true;
  EXPECT_EQ(throttle.price(true), 3);
  EXPECT_EQ(throttle.price(false), 2);
}

TEST(ConnectionThrottle, TheChanceOfBeingTurnedAwayFollowsTheBucket) {
  Settings settings;
  settings.connection_throttle_tokens = 2;
  settings.connection_throttle_fill_ms = 1'000'000;
  settings.connection_throttle_freeze_ms = 10;
  settings.connection_throttle_drop_increase = 0.25;
  settings.connection_throttle_drop_decrease = 0.5;
  test::SimRandom random(1);
  ConnectionThrottle throttle(settings, random, 0);
  EXPECT_TRUE(throttle.admit(2, 1));
  for (int i = 1; i <= 6; ++i) {
    EXPECT_FALSE(throttle.admit(1, i * 11));
    EXPECT_DOUBLE_EQ(throttle.drop_chance(), std::min(1.0, i * 0.25));
    throttle.admit(1, i * 11 + 1);
    EXPECT_DOUBLE_EQ(throttle.drop_chance(), std::min(1.0, i * 0.25)) << "frozen meanwhile";
  }
  EXPECT_FALSE(throttle.admit(1, 90)) << "nobody is let in";
  throttle.admit(1, 2'000'000);  // full again
  EXPECT_DOUBLE_EQ(throttle.drop_chance(), 0.5);
  throttle.admit(0, 4'000'000);
  EXPECT_DOUBLE_EQ(throttle.drop_chance(), 0);
}

TEST(ConnectionThrottle, AHandshakeWithoutATokenIsClosedWithoutAByte) {
  Settings settings = lab_settings();
  settings.connection_throttle_tokens = 2;
  settings.connection_throttle_fill_ms = 1000;
  ServerLab lab(1, settings);
  Client a(lab), b(lab), c(lab);
  EXPECT_TRUE(a.open());
  EXPECT_TRUE(b.open());
  EXPECT_FALSE(c.open());
  EXPECT_TRUE(c.ends());
  EXPECT_EQ(c.bytes_waiting(), 0u);
  EXPECT_EQ(lab.server().metrics().connection_rejected, 1);
  EXPECT_EQ(a.create("/a").err, 0) << "who is in stays in";
  lab.loop.advance(2000);
  Client d(lab);
  EXPECT_TRUE(d.open());
}

// ---- large requests

TEST(LargeRequests, WhatWouldExceedTheBudgetEndsItsConnection) {
  Settings settings = lab_settings();
  settings.large_request_threshold = 10'000;
  settings.large_request_max_bytes = 50'000;
  ServerLab lab(1, settings);
  Client a(lab), b(lab), c(lab);
  for (Client* client : {&a, &b, &c}) ASSERT_TRUE(client->open());
  lab.worker->hold();
  a.request(OpCode::kCreate, create_body("/a", std::string(30'000, 'x')));
  lab.loop.advance(50);
  EXPECT_GT(lab.server().large_requests().bytes(), 30'000);
  b.request(OpCode::kCreate, create_body("/b", std::string(30'000, 'x')));
  EXPECT_TRUE(b.ends());
  EXPECT_EQ(lab.server().metrics().large_requests_rejected, 1);
  c.request(OpCode::kCreate, create_body("/c", std::string(9000, 'x')));
  lab.worker->release();
  EXPECT_EQ(a.reply(1).err, 0);
  EXPECT_EQ(c.reply(1).err, 0) << "small ones are not counted";
  EXPECT_EQ(lab.server().large_requests().bytes(), 0);
  EXPECT_EQ(c.create("/d", std::string(30'000, 'x')).err, 0);
}

TEST(LargeRequests, AConnectionThatEndsGivesItsShareBack) {
  Settings settings = lab_settings();
  settings.large_request_threshold = 10'000;
  ServerLab lab(1, settings);
  Client a(lab);
  ASSERT_TRUE(a.open());
  lab.worker->hold();
  a.request(OpCode::kCreate, create_body("/a", std::string(30'000, 'x')));
  a.request(OpCode::kExists, Fields().s("/" + std::string(20'000, 'x')).b(false));
  lab.loop.advance(50);
  EXPECT_GT(lab.server().large_requests().bytes(), 50'000);
  a.hang_up();
  lab.loop.advance(50);
  EXPECT_EQ(lab.server().large_requests().bytes(), 0);
  lab.worker->release();
}

// ---- request_throttle_*

Settings throttled() {
  Settings settings = lab_settings();
  settings.request_throttle_max = 2;
  return settings;
}

TEST(RequestThrottle, AllIsAnsweredInOrderNoMoreThanTheLimitAtATime) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    ServerLab lab(seed, throttled());
    Client a(lab), b(lab);
    ASSERT_TRUE(a.open());
    ASSERT_TRUE(b.open());
    for (int i = 0; i < 60; ++i) {
      a.request(OpCode::kCreate, create_body("/s", "", 2));
      a.request(OpCode::kExists, Fields().s("/s").b(false));
      b.request(OpCode::kCreate, create_body("/t", "", 2));
    }
    std::size_t most = 0;
    lab.loop.run_until(
        [&] {
          most = std::max(most, lab.server().outstanding());
          return lab.server().last_zxid() >= 122;
        },
        60'000);
    EXPECT_LE(most, 2u);
    EXPECT_EQ(a.reply(120).err, -101);
    EXPECT_EQ(b.reply(60).err, 0);
    EXPECT_EQ(a.trace.size(), 120u);
    for (int i = 0; i < 120; ++i)
      EXPECT_EQ(
          a.trace[static_cast<std::size_t>(i)].substr(0, a.trace[static_cast<std::size_t>(i)].find(' ')),
          "#" + std::to_string(i + 1));
    EXPECT_GT(lab.server().metrics().request_throttle_wait_count, 0);
    EXPECT_EQ(lab.server().request_throttle().waiting(), 0u);
  }
}

TEST(RequestThrottle, WhoseRequestWaitedLongerThanItsSessionMayBeSilentIsDropped) {
  for (const bool drop : {true, false}) {
    Settings settings = throttled();
    settings.request_stale_latency_check = true;
    settings.request_throttle_drop_stale = drop;
    ServerLab lab(1, settings);
    Client busy(lab), late(lab);
    ASSERT_TRUE(busy.open(40'000));
    ASSERT_TRUE(late.open(4000));
    lab.worker->hold();
    busy.request(OpCode::kCreate, create_body("/a"));
    busy.request(OpCode::kCreate, create_body("/b"));
    lab.loop.advance(10);
    late.request(OpCode::kExists, Fields().s("/").b(false));
    lab.loop.advance(3900);
    EXPECT_FALSE(late.ended());
    lab.loop.advance(300);
    EXPECT_EQ(late.ended(), drop);
    EXPECT_EQ(lab.server().metrics().stale_requests_dropped, drop ? 1 : 0);
    lab.worker->release();
    EXPECT_EQ(busy.reply(2).err, 0);
  }
}

TEST(RequestThrottle, WhatWaitedTooLongIsAnsweredUnexecuted) {
  Settings settings = throttled();
  settings.throttled_op_wait_ms = 500;
  ServerLab lab(1, settings);
  Client busy(lab), late(lab);
  ASSERT_TRUE(busy.open(40'000));
  ASSERT_TRUE(late.open(40'000));
  lab.worker->hold();
  busy.request(OpCode::kCreate, create_body("/a"));
  busy.request(OpCode::kCreate, create_body("/b"));
  lab.loop.advance(10);
  late.request(OpCode::kCreate, create_body("/never"));
  late.request(OpCode::kExists, Fields().s("/a").b(false));
  late.request(OpCode::kPing, "");
  lab.loop.advance(600);
  lab.worker->release();
  late.listen(50);
  EXPECT_THAT(late.trace, ElementsAre("#1 -127", "#2 -127", "#-2"));
  EXPECT_EQ(lab.server().metrics().throttled_ops, 2);
  EXPECT_EQ(late.exists("/never").err, -101);
  EXPECT_EQ(late.create("/now").err, 0) << "what comes later has not waited";
}

TEST(RequestThrottle, AConnectionThatEndsWhileItWaitsIsForgotten) {
  ServerLab lab(1, throttled());
  Client busy(lab), gone(lab);
  ASSERT_TRUE(busy.open());
  ASSERT_TRUE(gone.open());
  lab.worker->hold();
  busy.request(OpCode::kCreate, create_body("/a"));
  busy.request(OpCode::kCreate, create_body("/b"));
  lab.loop.advance(10);
  gone.request(OpCode::kCreate, create_body("/c"));
  lab.loop.advance(10);
  EXPECT_EQ(lab.server().request_throttle().waiting(), 1u);
  // Another connection takes the session over, and the server ends this one.
  Client successor(lab);
  EXPECT_TRUE(successor.reattach(gone.session(), gone.password()));
  EXPECT_EQ(lab.server().request_throttle().waiting(), 0u);
  lab.worker->release();
  EXPECT_EQ(busy.reply(2).err, 0);
}

// ---- what one connection can make a server hold

TEST(Bounds, ReadsBehindAConnectionsOwnWriteAreLeftUnreadAtALimit) {
  for (const std::size_t size : {std::size_t{2}, std::size_t{50'000}}) {
    ServerLab lab;
    Client client(lab), other(lab);
    ASSERT_TRUE(client.open(40'000));
    ASSERT_TRUE(other.open(40'000));
    lab.worker->hold();
    client.request(OpCode::kCreate, create_body("/a"));
    const int count = size > 100 ? 200 : 5000;
    for (int i = 0; i < count; ++i)
      client.request(OpCode::kExists, Fields().s("/" + std::string(size, 'x')).b(false));
    lab.loop.advance(500);
    std::size_t waiting = 0;
    for (const auto& connection : lab.server().connections())
      waiting = std::max(waiting, connection->outstanding());
    EXPECT_LE(waiting, 1001u);
    EXPECT_LE(waiting * size, (1u << 20) + 2 * size);
    if (size > 100) {
      EXPECT_GT(client.link().unsent_bytes(), 0u) << "the client feels it";
    }
    EXPECT_EQ(other.exists("/").err, 0) << "others are served";
    lab.worker->release();
    EXPECT_EQ(client.reply(count + 1).err, -101);
    EXPECT_EQ(client.trace.size(), static_cast<std::size_t>(count) + 1);
  }
}

TEST(Bounds, WhatComesBeforeTheHandshakeIsAnsweredIsLeftUnreadAtALimit) {
  ServerLab lab;
  Client client(lab);
  lab.worker->hold();
  client.frame(client.connect_body(10'000));
  const std::string ping = Fields().i(-2).i(11).str();
  std::string pings;
  for (int i = 0; i < 50'000; ++i) pings += Fields().s(ping).str();
  for (int i = 0; i < 8; ++i) client.send(pings);
  lab.loop.advance(1000);
  EXPECT_GT(client.link().unsent_bytes(), pings.size() * 4);
  lab.worker->release();
  ASSERT_TRUE(client.packet().has_value());
  for (int i = 0; i < 400'000; ++i) ASSERT_TRUE(client.packet().has_value()) << i;
}

}  // namespace
}  // namespace zkark::server
