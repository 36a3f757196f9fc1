#include "src/client/ping.h"

#include <gtest/gtest.h>

#include "tests/client/scripted_server.h"

namespace zkark::test {
namespace {

using client::PingResult;
using client::PingState;

class PingTest : public testing::TestWithParam<std::uint64_t> {
 protected:
  std::vector<PingResult> ask(const std::vector<std::uint16_t>& ports) {
    std::vector<client::Server> servers;
    for (const std::uint16_t port : ports) servers.push_back({"127.0.0.1", port});
    std::vector<PingResult> all;
    client::Ping ping(loop, transport, clock, servers, {.timeout_ms = 1'000},
                      [&](std::vector<PingResult> results) { all = std::move(results); });
    EXPECT_TRUE(loop.run_until([&] { return !all.empty(); }, 1'100)) << "the time is bounded";
    return all;
  }
  SimClock clock;
  SimLoop loop{clock, GetParam()};
  SimTransport transport{loop};
  ScriptedServer server{transport};
};
INSTANTIATE_TEST_SUITE_P(Seeds, PingTest, testing::Range<std::uint64_t>(1, 11));

TEST_P(PingTest, a_leader_that_serves_is_told_with_all_it_says) {
  server.words = {{"srvr",
                   "Zookeeper version: 3.8.0-5a02, built on 2022\nLatency min/avg/max: 0/1.5/6\n"
                   "Connections: 3\nOutstanding: 1\nZxid: 0x100000003\nMode: leader\nNode count: 6\n"},
                  {"ruok", "imok"},
                  {"mntr", "zk_learners\t2\nzk_synced_followers\t1\nzk_synced_observers\t0\n"}};
  const PingResult one = ask({server.port()}).at(0);
  EXPECT_EQ(one.state, PingState::kServing);
  EXPECT_EQ(one.problem, "");
  EXPECT_TRUE(one.session_ns && one.read_ns);
  EXPECT_EQ(one.role, "leader");
  EXPECT_EQ(one.version, "3.8.0-5a02");
  EXPECT_EQ(one.zxid, 0x100000003);
  EXPECT_EQ(one.connections, 3U);
  EXPECT_EQ(one.imok, true);
  EXPECT_EQ(one.learners, 2U);
  EXPECT_EQ(one.synced_followers, 1U);
  EXPECT_EQ(one.synced_observers, 0U);
  EXPECT_TRUE(one.words_refused.empty());
  EXPECT_EQ(server.closed_sessions, 1) << "no session is left behind";
}

TEST_P(PingTest, each_way_of_not_serving_has_its_name) {
  server.grants_sessions = false;
  server.words["srvr"] = "This ZooKeeper instance is not currently serving requests\n";
  ScriptedServer hangs(transport);
  hangs.answers_nothing = true;
  const std::vector<PingResult> all = ask({server.port(), hangs.port(), 1});
  EXPECT_EQ(all.at(0).state, PingState::kNotServing);
  EXPECT_EQ(all.at(0).problem, "This ZooKeeper instance is not currently serving requests");
  EXPECT_EQ(all.at(1).state, PingState::kNotServing);
  EXPECT_NE(all.at(1).problem, "");
  EXPECT_EQ(all.at(2).state, PingState::kUnreachable);
}

}  // namespace
}  // namespace zkark::test
