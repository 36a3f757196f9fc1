// `bench`: the whole command against a server of a simulated network.
#include <gtest/gtest.h>

#include "tests/cli/sim_loop_handle.h"
#include "tests/cli/verb_lab.h"
#include "tests/client/scripted_server.h"

namespace zkark::test {
namespace {

class BenchVerb : public VerbTest {
 protected:
  BenchVerb() {
    make_loop = [this] { return std::make_unique<SimLoopHandle>(loop, transport); };
  }
  void expect_golden(std::vector<std::string> words, const std::string& name, int exit = 0) {
    EXPECT_EQ(zkark(std::move(words)), exit) << console.err;
    EXPECT_EQ(golden("tests/cli/golden/" + name, console.out), "");
  }

  SimLoop loop{clock, 1};
  SimTransport transport{loop, {.max_delay_ms = 2}};
  ScriptedServer server{transport, 2181};
  const std::vector<std::string> small = {"bench",  "127.0.0.1", "--connections", "2",  "--in-flight", "3",
                                          "--keys", "10",        "--requests",    "200"};
};

TEST_F(BenchVerb, LooksLikeThisAndLeavesNothingBehind) {
  expect_golden(small, "bench.txt");
  EXPECT_NE(console.err.find("mixed for 200 operations; everything is made below /zkark-bench-"),
            std::string::npos)
      << console.err;
  EXPECT_EQ(server.tree.size(), 1U);
  EXPECT_EQ(server.most_nodes, 12U);
  for (const char* format : {"json", "csv"}) {
    std::vector<std::string> words = small;
    words.insert(words.end(), {"-o", format});
    expect_golden(words, std::string("bench.") + format);
  }
}

TEST_F(BenchVerb, TellsWhyOperationsFailedAndEndsWithThree) {
  server.answer = [](ScriptedServer::Peer& peer, const ScriptedServer::Request& request) {
    const bool set = request.header.op == OpCode::kSetData;
    peer.reply(request.header.xid, set ? ZkCode::kNoAuth : ZkCode::kOk);
  };
  std::vector<std::string> words = small;
  words.insert(words.end(), {"--workload", "writes"});
  expect_golden(words, "bench-failed.txt", 3);
}

TEST_F(BenchVerb, NeverTakesAPathThatExists) {
  server.tree["/ours"] = "precious";
  std::vector<std::string> words = small;
  words.insert(words.end(), {"--path", "/ours"});
  EXPECT_EQ(zkark(words), 7);
  EXPECT_NE(console.err.find("/ours exists already"), std::string::npos) << console.err;
  EXPECT_EQ(console.out, "");
  EXPECT_EQ(server.tree["/ours"], "precious");
}

TEST_F(BenchVerb, APathNeedsAParent) {
  server.answer = [](ScriptedServer::Peer& peer, const ScriptedServer::Request& request) {
    peer.reply(request.header.xid, ZkCode::kNoNode);
  };
  std::vector<std::string> words = small;
  words.insert(words.end(), {"--path", "/a/b"});
  EXPECT_EQ(zkark(words), 5);
  EXPECT_NE(console.err.find("below one that exists"), std::string::npos) << console.err;
}

TEST_F(BenchVerb, AServerThatServesNobodyEndsWithEight) {
  server.grants_sessions = false;
  EXPECT_EQ(zkark(small), 8);
  EXPECT_EQ(console.out, "");
  EXPECT_EQ(zkark({"bench", "127.0.0.1:1", "--workload", "sessions"}), 8) << console.err;
}

TEST_F(BenchVerb, RefusesWhatNoServerCouldTake) {
  for (const std::vector<std::string>& more : std::vector<std::vector<std::string>>{{"--path", "/"},
                                                                                    {"--path", "no-slash"},
                                                                                    {"--size", "2000000"},
                                                                                    {"--read-percent", "101"},
                                                                                    {"--keys", "0"}}) {
    std::vector<std::string> words = {"bench", "127.0.0.1"};
    words.insert(words.end(), more.begin(), more.end());
    EXPECT_EQ(zkark(words), 2) << more[0];
    EXPECT_EQ(console.err.find("times"), std::string::npos) << console.err;
    EXPECT_NE(console.err.find(more[0] == "--path" ? "no path of a node" : more[0]), std::string::npos)
        << console.err;
    EXPECT_TRUE(server.connects.empty());
  }
  EXPECT_EQ(zkark({"bench", "[::1"}), 2);
  EXPECT_EQ(zkark({"bench", "127.0.0.1", "--connections", "10001", "--in-flight", "100"}), 2);
  EXPECT_NE(console.err.find("1000100"), std::string::npos) << console.err;
}

}  // namespace
}  // namespace zkark::test
