#include "src/client/bench.h"

#include <gtest/gtest.h>

#include "tests/client/scripted_server.h"

namespace zkark::test {
namespace {

using client::Bench;
using client::Workload;

class BenchTest : public testing::TestWithParam<Workload> {
 protected:
  void begin(std::optional<std::uint64_t> requests) {
    client::BenchOptions options;
    options.servers = {{"127.0.0.1", server.port()}};
    options.workload = GetParam();
    options.connections = 3;
    options.in_flight = 4;
    options.keys = 400;
    options.requests = requests;
    options.path = "/zkark-bench-1";
    bench = std::make_unique<Bench>(loop, transport, clock, options,
                                    [this](Status status) { outcome = std::move(status); });
  }
  bool until_done() {
    return loop.run_until([this] { return outcome.has_value(); }, 120'000);
  }
  SimClock clock;
  SimLoop loop{clock, 3};
  SimTransport transport{loop};
  ScriptedServer server{transport};
  std::optional<Status> outcome;
  std::unique_ptr<Bench> bench;
};
INSTANTIATE_TEST_SUITE_P(Workloads, BenchTest,
                         testing::Values(Workload::kReads, Workload::kWrites, Workload::kCreates,
                                         Workload::kMixed, Workload::kWatches, Workload::kSessions));

TEST_P(BenchTest, does_so_many_operations_and_leaves_nothing_behind) {
  begin(500);
  ASSERT_TRUE(until_done());
  EXPECT_TRUE(*outcome);
  const std::uint64_t each = GetParam() == Workload::kSessions ? 2 : 1;  // opened and closed
  EXPECT_EQ(bench->result().done(), 500U * each);
  EXPECT_EQ(bench->result().failed(), 0U);
  EXPECT_GT(bench->result().elapsed_ns, 0);
  EXPECT_EQ(server.tree.size(), 1U);
  EXPECT_EQ(server.most_nodes > 1, GetParam() != Workload::kSessions);
}

TEST_P(BenchTest, cleans_up_when_interrupted_at_any_time) {
  for (std::int64_t ms = 0; ms < 60; ms += 3) {
    outcome.reset();
    begin({});
    loop.advance(ms);
    bench->interrupt();
    ASSERT_TRUE(until_done()) << ms;
    ASSERT_FALSE(*outcome);
    EXPECT_EQ(outcome->error().id(), ErrorId::kCancelled);
    EXPECT_EQ(server.tree.size(), 1U) << ms;
    bench.reset();
  }
}

TEST_P(BenchTest, never_touches_a_path_that_exists) {
  if (GetParam() == Workload::kSessions) return;  // makes no nodes
  server.tree["/zkark-bench-1"] = "ours";
  begin(500);
  ASSERT_TRUE(until_done());
  ASSERT_FALSE(*outcome);
  EXPECT_EQ(outcome->error().id(), ErrorId::kRefused);
  EXPECT_EQ(server.tree["/zkark-bench-1"], "ours");
}

}  // namespace
}  // namespace zkark::test
