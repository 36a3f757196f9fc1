// `ping`: the whole command against servers of a simulated network.
#include <gtest/gtest.h>

#include "tests/cli/sim_loop_handle.h"
#include "tests/cli/verb_lab.h"
#include "tests/client/scripted_server.h"

namespace zkark::test {
namespace {

std::string srvr(const char* mode, const char* zxid,
                 const char* version = "3.8.0-5a02a05eddb59aee6ac762f7ea82e92a68eb9c0f") {
  return std::string("Zookeeper version: ") + version +
         ", built on 2022-02-25 08:49 UTC\nLatency min/avg/max: 0/1.5714/6\nReceived: 9\nSent: "
         "8\nConnections: 3\n"
         "Outstanding: 1\nZxid: " +
         zxid + "\nMode: " + mode + "\nNode count: 6\n";
}

class PingVerb : public VerbTest {
 protected:
  PingVerb() {
    make_loop = [this] { return std::make_unique<SimLoopHandle>(loop, transport); };
  }
  void expect_golden(std::vector<std::string> words, const std::string& name, int exit) {
    EXPECT_EQ(zkark(std::move(words)), exit) << console.err;
    EXPECT_EQ(golden("tests/cli/golden/" + name, console.out), "");
  }
  /// Three members as they are in good health; the second leads.
  void three() {
    one.words = {{"srvr", srvr("follower", "0x100000003")}, {"ruok", "imok"}};
    two.words = {{"srvr", srvr("leader", "0x100000005")},
                 {"ruok", "imok"},
                 {"mntr", "zk_learners\t2\nzk_synced_followers\t2\nzk_synced_observers\t0\n"}};
    three_.words = {{"srvr", srvr("follower", "0x100000005")}, {"ruok", "imok"}};
  }
  boost::json::object told() { return boost::json::parse(console.out).as_object(); }
  boost::json::object row(std::size_t i) { return told().at("servers").at(i).as_object(); }

  SimLoop loop{clock, 1};
  SimTransport transport{loop, {.max_delay_ms = 2}};
  ScriptedServer one{transport, 2181}, two{transport, 2182}, three_{transport, 2183};
  const std::string members = "127.0.0.1,127.0.0.1:2182,127.0.0.1:2183";
};

TEST_F(PingVerb, LooksLikeThisWhereAllServe) {
  three();
  expect_golden({"ping", members}, "ping.txt", 0);
  EXPECT_EQ(console.err, "");
  EXPECT_EQ(one.closed_sessions + two.closed_sessions + three_.closed_sessions, 3);
  expect_golden({"ping", members, "--json"}, "ping.json", 0);
  expect_golden({"ping", members, "-o", "csv"}, "ping.csv", 0);
}

TEST_F(PingVerb, WhoDoesNotServeIsNamedAndTheStatusIsEight) {
  three();
  one.grants_sessions = false;
  one.words["srvr"] = "This ZooKeeper instance is not currently serving requests\x1b[31m\n";
  three_.read_only = true;
  expect_golden({"ping", members + ",127.0.0.1:1"}, "ping-not-serving.txt", 8);
  EXPECT_EQ(console.err,
            "error ZKA-0800: 3 of 4 do not serve: 127.0.0.1:2181 (not serving), 127.0.0.1:2183 (read-only), "
            "127.0.0.1:1 (unreachable)\nhint: zkark explain ZKA-0800\n");
}

TEST_F(PingVerb, NobodyAnsweringIsOverWithinTheTime) {
  transport.set_unanswered(true);
  const std::int64_t begun_ns = clock.monotonic().ns;
  EXPECT_EQ(zkark({"ping", members, "--timeout", "700ms"}), 8);
  EXPECT_LE(clock.monotonic().ns - begun_ns, 710'000'000);
  EXPECT_EQ(lines().back(), "none serves");
}

TEST_F(PingVerb, TwoLeadersContradictEachOther) {
  three();
  three_.words["srvr"] = srvr("leader", "0x100000004");
  EXPECT_EQ(zkark({"ping", members, "--json"}), 4);
  EXPECT_NE(console.err.find("more than one leads: 127.0.0.1:2182, 127.0.0.1:2183"), std::string::npos)
      << console.err;
  EXPECT_EQ(told().at("contradictions").as_array().size(), 1U);
  EXPECT_EQ(told().at("serving"), 3);
  EXPECT_TRUE(row(0).at("behind").is_null());
  three_.answers_nothing = true;
  EXPECT_EQ(zkark({"ping", members}), 8) << "what does not answer contradicts nobody";
}

TEST_F(PingVerb, EachArgumentIsAnEnsembleOfItsOwn) {
  one.words = {{"srvr", srvr("standalone", "0x3")}};
  two.words = {{"srvr", srvr("standalone", "0x62")}};
  EXPECT_EQ(zkark({"ping", "127.0.0.1:2181,127.0.0.1:2182"}), 4);
  expect_golden({"ping", "127.0.0.1:2181", "127.0.0.1:2182"}, "ping-several.txt", 0);
}

TEST_F(PingVerb, WhatAServerMayNotAnswerIsNamedWithTheWayOut) {
  one.words = {{"srvr", srvr("standalone", "0x3")}};
  EXPECT_EQ(zkark({"ping", "127.0.0.1:2181"}), 0) << console.err;
  EXPECT_NE(
      console.out.find("1 server is not allowed to answer ruok: 4lw.commands.whitelist=srvr,ruok,mntr in "
                       "zoo.cfg lets it tell more"),
      std::string::npos)
      << console.out;
  EXPECT_EQ(zkark({"ping", "127.0.0.1:2181", "--json"}), 0);
  EXPECT_EQ(row(0).at("words_refused"), boost::json::array{"ruok"});
  EXPECT_TRUE(row(0).at("imok").is_null());
  one.words.clear();
  EXPECT_EQ(zkark({"ping", "127.0.0.1:2181", "--json"}), 0) << "a session and a read are all that it takes";
  EXPECT_TRUE(row(0).at("role").is_null());
}

TEST_F(PingVerb, AsksTheMembersThatAConfigurationLists) {
  three();
  fs.put("/etc/zoo.cfg",
         "dataDir=/data\nclientPort=2181\nserver.1=127.0.0.1:2888:3888\nserver.2=127.0.0.1:2889:3889;2182\n"
         "server.3=127.0.0.1:2890:3890;0.0.0.0:2183\n");
  EXPECT_EQ(zkark({"ping", "/etc/zoo.cfg", "--json"}), 0) << console.err;
  EXPECT_EQ(row(0).at("server"), "127.0.0.1:2181");
  EXPECT_EQ(row(1).at("server"), "127.0.0.1:2182");
  EXPECT_EQ(row(2).at("server"), "127.0.0.1:2183");
  fs.put("/etc/dynamic.cfg", "dataDir=/data\ndynamicConfigFile=zoo.cfg.dynamic\n");
  fs.put("/etc/zoo.cfg.dynamic", "server.1=127.0.0.1:2888:3888;2182\n");
  EXPECT_EQ(zkark({"ping", "/etc/dynamic.cfg", "--json"}), 0) << console.err;
  EXPECT_EQ(row(0).at("server"), "127.0.0.1:2182");
  fs.put("/etc/alone.cfg", "dataDir=/data\nclientPort=2183\n");
  EXPECT_EQ(zkark({"ping", "/etc/alone.cfg", "--json"}), 0) << console.err;
  EXPECT_EQ(row(0).at("server"), "127.0.0.1:2183");
}

TEST_F(PingVerb, TakesTheRootOfAConnectStringAway) {
  three();
  EXPECT_EQ(zkark({"ping", members + "/kafka/one"}), 0) << console.err;
}

TEST_F(PingVerb, RefusesWhatNamesNoServer) {
  EXPECT_EQ(zkark({"ping"}), 2);
  EXPECT_EQ(zkark({"ping", "zk1:port"}), 2);
  EXPECT_EQ(zkark({"ping", members, "--timeout", "0s"}), 2);
  EXPECT_EQ(zkark({"ping", "/etc/nowhere.cfg"}), 9) << "not a host of that name";
  EXPECT_NE(console.err.find("there is no such zoo.cfg"), std::string::npos) << console.err;
  fs.put_dir("/data");
  EXPECT_EQ(zkark({"ping", "/data"}), 2);
  fs.put("/etc/bad.cfg", "dataDir=/data\nclientPort=2181\nserver.1=127.0.0.1\n");
  EXPECT_EQ(zkark({"ping", "/etc/bad.cfg"}), 2);
  EXPECT_NE(console.err.find("ZKA-0201"), std::string::npos) << console.err;
  fs.put("/etc/tls.cfg", "dataDir=/data\nsecureClientPort=2281\n");
  EXPECT_EQ(zkark({"ping", "/etc/tls.cfg"}), 2);
  EXPECT_NE(console.err.find("no client port without TLS"), std::string::npos) << console.err;
}

}  // namespace
}  // namespace zkark::test
