#include "tests/support/sim_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/support/sim_transport.h"

namespace zkark::test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct SimLoopTest : ::testing::Test {
  SimClock clock;
  SimLoop loop{clock, 7};
};

TEST_F(SimLoopTest, TimeMovesBetweenEventsAlone) {
  std::vector<std::int64_t> seen_ms;
  const auto look = [&] { seen_ms.push_back(clock.monotonic().ns / 1'000'000); };
  loop.call_after(5, look);
  loop.call_after(12, look);
  loop.post(look);
  EXPECT_EQ(loop.run_until_idle(), 1u);
  EXPECT_THAT(seen_ms, ElementsAre(0));
  EXPECT_FALSE(loop.step());
  loop.advance(10);
  EXPECT_THAT(seen_ms, ElementsAre(0, 5));
  EXPECT_EQ(clock.monotonic().ns, 10'000'000);
  loop.advance(2);
  EXPECT_THAT(seen_ms, ElementsAre(0, 5, 12)) << "what is due at the end has run";
}

TEST_F(SimLoopTest, RunUntilEndsAtItsLimitAndWhenNothingCanHappen) {
  EXPECT_FALSE(loop.run_until([] { return false; }));
  bool ran = false;
  loop.call_after(100, [&] { ran = true; });
  EXPECT_FALSE(loop.run_until([&] { return ran; }, 99));
  EXPECT_TRUE(loop.run_until([&] { return ran; }, 100));
}

TEST_F(SimLoopTest, AWorkerKeepsTheOrderAndItsDelaysAreTheSeeds) {
  std::set<std::int64_t> ends_ms;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    SimClock own_clock;
    SimLoop own_loop(own_clock, seed);
    SimWorker worker(own_loop, 20);
    std::vector<int> order;
    for (int i = 0; i < 5; ++i) worker.run([&, i] { order.push_back(i); });
    EXPECT_THAT(order, IsEmpty());
    ASSERT_TRUE(own_loop.run_until([&] { return order.size() == 5; }));
    EXPECT_THAT(order, ElementsAre(0, 1, 2, 3, 4));
    ends_ms.insert(own_clock.monotonic().ns / 1'000'000);
  }
  EXPECT_GT(ends_ms.size(), 3u);
}

TEST_F(SimLoopTest, AWorkerThatIsHeldRunsWhatTheTestLetsItRun) {
  std::vector<int> order;
  {
    SimWorker worker(loop);
    worker.hold();
    for (int i = 0; i < 4; ++i) worker.run([&, i] { order.push_back(i); });
    loop.advance(1000);
    EXPECT_THAT(order, IsEmpty());
    EXPECT_TRUE(worker.run_one());
    EXPECT_THAT(order, ElementsAre(0));
    EXPECT_EQ(worker.waiting(), 3u);
    worker.release();
    loop.advance(1000);
    EXPECT_THAT(order, ElementsAre(0, 1, 2, 3));
    EXPECT_FALSE(worker.run_one());
    worker.run([&] { order.push_back(4); });
  }
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3, 4)) << "the destructor runs what is left";
  loop.run_until_idle();
}

/// One end: what happened to it, in words.
struct Told final : net::LinkEvents {
  void received(Bytes bytes) override {
    got.append(as_text(bytes));
    pieces.push_back(bytes.size());
  }
  void drained() override { ++drains; }
  void closed(const std::optional<Error>& why) override {
    end = why ? "broken " + std::to_string(why->system_errno()) : "closed";
  }
  std::string got, end;
  std::vector<std::size_t> pieces;
  int drains = 0;
};

/// A connection over a network of its own.
struct Wire {
  explicit Wire(std::uint64_t seed) : loop(clock, seed) {
    net::ListenOptions options;
    options.trouble = [this](const Error& error) { troubles.push_back(error.message()); };
    listener = transport
                   .listen(options,
                           [this](std::unique_ptr<net::Link> link) {
                             server = std::move(link);
                             server->start(at_server);
                           })
                   .value();
  }
  void connect() {
    transport.connect("127.0.0.1", listener->local().port, 5000,
                      [this](Result<std::unique_ptr<net::Link>> link) {
                        if (!link) {
                          failure = link.error().message();
                          return;
                        }
                        client = std::move(*link);
                        client->start(at_client);
                      });
  }
  void connect_both() {
    connect();
    ASSERT_TRUE(loop.run_until([&] { return client && server; }));
  }

  SimClock clock;
  SimLoop loop;
  SimTransport transport{loop};
  Told at_server, at_client;
  std::string failure;
  std::vector<std::string> troubles;
  std::unique_ptr<net::Listener> listener;
  std::unique_ptr<net::Link> server, client;
};

std::vector<std::size_t> pieces_of(std::uint64_t seed, std::size_t size) {
  Wire wire(seed);
  wire.connect_both();
  wire.client->send(as_bytes(std::string(size, 'x')));
  EXPECT_TRUE(wire.loop.run_until([&] { return wire.at_server.got.size() == size; }));
  return wire.at_server.pieces;
}

TEST(SimTransportTest, TheSeedDecidesTheBordersFromOneByteToAll) {
  std::set<std::vector<std::size_t>> ways;
  bool whole = false, single_bytes = false;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const std::vector<std::size_t> pieces = pieces_of(seed, 1000);
    EXPECT_EQ(pieces, pieces_of(seed, 1000));
    ways.insert(pieces);
    whole |= pieces.size() == 1;
    single_bytes |= std::count(pieces.begin(), pieces.end(), 1u) > 2;
  }
  EXPECT_GT(ways.size(), 30u);
  EXPECT_TRUE(whole);
  EXPECT_TRUE(single_bytes);
}

TEST(SimTransportTest, WhatIsCutArrivesWhenItIsHealed) {
  Wire wire(1);
  wire.connect_both();
  wire.transport.cut(*wire.client);
  wire.client->send(as_bytes("to the server"));
  wire.server->send(as_bytes("to the client"));
  wire.loop.advance(60'000);
  EXPECT_EQ(wire.at_server.got + wire.at_client.got, "");
  wire.transport.heal(*wire.server);
  wire.loop.advance(1000);
  EXPECT_EQ(wire.at_server.got, "to the server");
  EXPECT_EQ(wire.at_client.got, "to the client");
}

TEST(SimTransportTest, AResetBreaksBothEndsAndMayTakeBytesWithIt) {
  std::set<std::string> ways;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Wire wire(seed);
    wire.connect_both();
    wire.client->send(as_bytes("on its way"));
    wire.transport.reset(*wire.client);
    wire.loop.advance(1000);
    EXPECT_EQ(wire.at_server.end, "broken " + std::to_string(ECONNRESET));
    EXPECT_EQ(wire.at_client.end, "broken " + std::to_string(ECONNRESET));
    ways.insert(wire.at_server.got);
  }
  EXPECT_TRUE(ways.contains(""));
  EXPECT_TRUE(ways.contains("on its way"));
}

TEST(SimTransportTest, AClientThatLeavesAnswersUnreadMayBreakTheConnectionForTheServer) {
  Wire wire(1);
  wire.connect_both();
  wire.client->pause();
  wire.server->send(as_bytes("an answer"));
  wire.client.reset();
  wire.loop.advance(1000);
  EXPECT_EQ(wire.at_server.end, "broken " + std::to_string(ECONNRESET));
}

TEST(SimTransportTest, WhatIsSentToASideThatIsGoneBreaksTheConnection) {
  Wire wire(1);
  wire.connect_both();
  wire.server->pause();  // so that it does not hear of the end first
  wire.client.reset();
  wire.server->send(as_bytes("too late"));
  wire.loop.advance(1000);
  EXPECT_EQ(wire.at_server.end, "broken " + std::to_string(ECONNRESET));
}

TEST(SimTransportTest, AStalledSideMakesTheOtherKeepItsBytes) {
  Wire wire(1);
  wire.connect_both();
  wire.transport.stall(*wire.client, true);
  for (int i = 0; i < 10; ++i) wire.server->send(as_bytes("0123456789"));
  wire.loop.advance(1000);
  EXPECT_EQ(wire.server->unsent_bytes(), 100u);
  wire.client->send(as_bytes("the other way goes"));
  wire.loop.advance(1000);
  EXPECT_EQ(wire.at_server.got, "the other way goes");
  wire.transport.stall(*wire.client, false);
  wire.loop.advance(1000);
  EXPECT_EQ(wire.at_client.got.size(), 100u);
  EXPECT_EQ(wire.server->unsent_bytes(), 0u);
  EXPECT_EQ(wire.at_server.drains, 1);
}

TEST(SimTransportTest, ConnectionsWaitWhileThereAreNoDescriptorsAndTheTroubleIsToldOnce) {
  Wire wire(1);
  wire.transport.set_out_of_descriptors(true);
  wire.connect();
  wire.loop.advance(1000);
  EXPECT_TRUE(wire.client);
  EXPECT_FALSE(wire.server);
  EXPECT_THAT(wire.troubles, ElementsAre(HasSubstr("Too many open files")));
  wire.transport.set_out_of_descriptors(false);
  wire.loop.advance(1000);
  EXPECT_TRUE(wire.server);
  EXPECT_EQ(wire.troubles.size(), 1u);
}

TEST(SimTransportTest, WhatNobodyAnswersTimesOut) {
  Wire wire(1);
  wire.transport.set_unanswered(true);
  wire.connect();
  wire.loop.advance(4999);
  EXPECT_EQ(wire.failure, "");
  wire.loop.advance(1);
  EXPECT_THAT(wire.failure, HasSubstr("no answer within 5000 ms"));
}

TEST(SimTransportTest, NamesAndClientAddressesAreTheTests) {
  Wire wire(1);
  wire.transport.add_name("zk1.example", "127.0.0.1");
  wire.transport.set_client_ip("10.0.0.7");
  std::string remote, failure;
  std::unique_ptr<net::Link> link;
  wire.transport.connect("zk1.example", wire.listener->local().port, 1000,
                         [&](auto made) { link = std::move(made).value(); });
  wire.transport.connect("zk2.example", wire.listener->local().port, 1000,
                         [&](auto made) { failure = made.error().message(); });
  wire.loop.advance(1000);
  ASSERT_TRUE(wire.server);
  EXPECT_EQ(wire.server->remote().ip, "10.0.0.7");
  EXPECT_EQ(failure, "host \"zk2.example\" has no address");
}

}  // namespace
}  // namespace zkark::test
