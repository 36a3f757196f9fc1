// `inspect`: what files hold, and whether they are sound.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/cli/verb_lab.h"
#include "tests/support/log_builder.h"

namespace zkark::test {
namespace {

using boost::json::object;

class Inspect : public VerbTest {
 protected:
  object document() { return boost::json::parse(console.out).as_object(); }
};

TEST_F(Inspect, LooksLikeThis) {
  load("zk-3.8.0-standalone");
  EXPECT_EQ(zkark({"inspect", "/data"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/inspect.txt", console.out), "");
  EXPECT_EQ(zkark({"inspect", "/data", "--no-replay"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/inspect-no-replay.txt", console.out), "");
  EXPECT_EQ(zkark({"inspect", "/data", "--json"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/inspect.json", console.out), "");
}

TEST_F(Inspect, LooksLikeThisForAnEnsembleMember) {
  load("zk-3.9-ensemble/1");
  EXPECT_EQ(zkark({"inspect", "/data"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/inspect-ensemble.txt", console.out + console.err), "");
}

TEST_F(Inspect, TellsOneFile) {
  load("zk-3.8.0-standalone");
  EXPECT_EQ(zkark({"inspect", "/data/version-2/log.3e", "--no-replay"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/inspect-log.txt", console.out), "");
  load("zk-3.9-snappy");
  EXPECT_EQ(zkark({"inspect", "/data/version-2/snapshot.0.snappy"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/inspect-snapshot.txt", console.out), "");
}

TEST_F(Inspect, TellsWhoWroteIt) {
  const std::pair<std::string, std::string> kWritten[] = {
      {"zk-3.4-standalone", "ZooKeeper 3.4 or 3.5, or later without digests"},
      {"zk-3.5-standalone", "ZooKeeper 3.5.3 or later"},
      {"zk-3.6-standalone", "ZooKeeper 3.6 or later"},
      {"zk-3.8.0-standalone", "ZooKeeper 3.6 or later"},
      {"zk-3.9-standalone", "ZooKeeper 3.9 or later"},
      {"zk-3.10-gz", "ZooKeeper 3.9 or later"},
      {"zk-3.6-digest-off", "ZooKeeper 3.5.3 or later"},  // what told them apart is switched off
  };
  for (const auto& [fixture, release] : kWritten) {
    if (fs.get_info("/data")) fs.erase("/data");
    load(fixture);
    EXPECT_EQ(zkark({"inspect", "/data", "--no-replay", "--json"}), 0) << fixture << console.err;
    EXPECT_EQ(std::string(document().at("written_by").as_string()), release) << fixture;
  }
}

TEST_F(Inspect, FindsClocksThatStepBack) {
  load("zk-3.8.0-clock-step");
  EXPECT_EQ(zkark({"inspect", "/data", "--json"}), 0);
  EXPECT_EQ(document().at("clock_steps"), 1);
  EXPECT_EQ(document().at("clock_changes").as_array().at(0).at("zxid"), "0x8");
}

TEST_F(Inspect, JudgesDamage) {
  load("zk-3.8.0-standalone");
  fs.flip_bit("/data/version-2/log.3e", 100, 1);
  for (const bool replay : {true, false}) {
    EXPECT_EQ(zkark(replay ? std::vector<std::string>{"inspect", "/data", "--json"}
                           : std::vector<std::string>{"inspect", "/data", "--json", "--no-replay"}),
              6);
    const object told = document();
    EXPECT_EQ(told.at("sound"), false);
    EXPECT_GE(told.at("damage").as_int64(), 1);
    const object& finding = told.at("findings").as_array().at(0).as_object();
    EXPECT_EQ(finding.at("file"), "/data/version-2/log.3e");
    EXPECT_EQ(finding.at("id"), "ZKA-0611");
    EXPECT_EQ(finding.at("offset"), 16);
    for (const auto& log : told.at("logs").as_array())
      EXPECT_EQ(log.at("end") == "damaged", log.at("file") == "/data/version-2/log.3e");
  }
}

TEST_F(Inspect, JudgesGaps) {
  load("zk-3.8.0-standalone");
  fs.erase("/data/version-2/log.3e");
  EXPECT_EQ(zkark({"inspect", "/data", "--no-replay", "--json"}), 6);
  EXPECT_EQ(document().at("gaps"), 1);
}

TEST_F(Inspect, CallsATornTailNormal) {
  load("zk-3.8.0-torn-tail");
  EXPECT_EQ(zkark({"inspect", "/data", "--no-replay", "--json"}), 0);
  EXPECT_EQ(document().at("logs").as_array().at(0).at("end"), "torn");
  EXPECT_EQ(document().at("sound"), true);
}

TEST_F(Inspect, NamesFilesThatAServerWouldTakeByAccident) {
  load("zk-3.8.0-standalone");
  fs.put("/data/version-2/log.1.bak", *fs.get("/data/version-2/log.1"));
  EXPECT_EQ(zkark({"inspect", "/data", "--no-replay"}), 0);
  EXPECT_NE(console.err.find("log.1.bak"), std::string::npos) << console.err;
  EXPECT_NE(console.out.find("APACHE WOULD READ, TOO"), std::string::npos);
  for (const char* source : {"/data", "/data/version-2/log.1.bak"}) {
    EXPECT_EQ(zkark({"inspect", source, "--no-replay", "--json"}), 0);
    const object file = document().at("by_accident").as_array().at(0).as_object();
    EXPECT_EQ(file.at("file"), "/data/version-2/log.1.bak");
    EXPECT_EQ(file.at("kind"), "log");
    EXPECT_EQ(file.at("zxid"), "0x1");
  }
}

TEST_F(Inspect, TellsTheSettingsThatMatterAndWhatTheyRisk) {
  load("zk-3.8.0-standalone");
  fs.put("/etc/zoo.cfg", "dataDir=/data\ntickTime=2000\nforceSync=no\nsnapCout=5\ninitLimit=x\n");
  EXPECT_EQ(zkark({"inspect", "/data", "--no-replay", "--zoo-cfg", "/etc/zoo.cfg"}), 0);
  EXPECT_NE(console.out.find("risk: forceSync=no: writes are acknowledged before"), std::string::npos);
  EXPECT_EQ(zkark({"inspect", "/etc/zoo.cfg", "--no-replay", "--json"}), 0);
  const object told = document();
  bool found = false;
  for (const auto& row : told.at("settings").as_array())
    if (row.at("key") == "forceSync") {
      found = true;
      EXPECT_EQ(row.at("risk"), true);
      EXPECT_EQ(row.at("origin"), "zoo.cfg");
    }
  EXPECT_TRUE(found);
  std::vector<std::string> kinds;
  for (const auto& row : told.at("configuration").as_array())
    kinds.push_back(std::string(row.at("key").as_string()) + " " + std::string(row.at("kind").as_string()));
  EXPECT_NE(std::find(kinds.begin(), kinds.end(), "snapCout warning"), kinds.end());
  EXPECT_NE(std::find(kinds.begin(), kinds.end(), "initLimit refused"), kinds.end());
}

TEST_F(Inspect, TellsWhatJavaGetsFromFilesBesideTheConfiguration) {
  load("zk-3.8.0-standalone");
  fs.put("/etc/zk/zoo.cfg", "dataDir=/data\ntickTime=2000\n");
  fs.put("/etc/zk/java.env", "export SERVER_JVMFLAGS=\"-Dzookeeper.forceSync=no $SERVER_JVMFLAGS\"\n");
  for (const auto& arguments : {std::vector<std::string>{"inspect", "/etc/zk/zoo.cfg", "--no-replay"},
                                {"inspect", "/data", "--no-replay", "--zoo-cfg", "/etc/zk/zoo.cfg"}}) {
    EXPECT_EQ(zkark(arguments), 0);
    EXPECT_NE(console.out.find("forceSync                no      java.env  writes are acknowledged"),
              std::string::npos)
        << console.out;
    EXPECT_NE(console.out.find("risk: forceSync=no"), std::string::npos);
  }
  EXPECT_EQ(zkark({"inspect", "/etc/zk/zoo.cfg", "--no-replay", "--json"}), 0);
  const object told = document();
  std::size_t found = 0;
  for (const auto& row : told.at("settings").as_array())
    if (row.at("key") == "forceSync") {
      ++found;
      EXPECT_EQ(row.at("origin"), "java");
      EXPECT_EQ(row.at("from"), "java.env");
      EXPECT_EQ(row.at("file"), "/etc/zk/java.env");
    }
  EXPECT_EQ(found, 1u);
}

TEST_F(Inspect, TellsWhereLogsOverlap) {
  LogBuilder one, other;
  for (std::int64_t zxid = 1; zxid <= 5; ++zxid) one.record(zxid, 1000);
  for (std::int64_t zxid = 4; zxid <= 8; ++zxid) other.record(zxid, zxid == 5 ? 1001 : 1000);
  fs.put("/data/version-2/log.1", one.bytes());
  fs.put("/data/version-2/log.4", other.bytes());
  EXPECT_EQ(zkark({"inspect", "/data", "--no-replay"}), 6);
  EXPECT_NE(console.out.find("OVERLAPS WITH"), std::string::npos);
  EXPECT_EQ(zkark({"inspect", "/data", "--no-replay", "--json"}), 6);
  const object overlap = document().at("overlaps").as_array().at(0).as_object();
  EXPECT_EQ(overlap.at("first_zxid"), "0x4");
  EXPECT_EQ(overlap.at("last_zxid"), "0x5");
  EXPECT_EQ(overlap.at("agree"), false);
  EXPECT_EQ(overlap.at("first_difference"), "0x5");
}

TEST_F(Inspect, TellsSeveralMembersInARowEach) {
  for (const char* m : {"1", "2", "3"})
    load_dir(fs, std::string("fixtures/zk-3.9-ensemble/") + m, std::string("/zk") + m);
  EXPECT_EQ(zkark({"inspect", "/zk1", "/zk2", "/zk3"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/inspect-members.txt", console.out), "");
  EXPECT_EQ(zkark({"inspect", "/zk1", "/zk2", "/zk3", "-o", "csv"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/inspect-members.csv", console.out), "");
  fs.flip_bit("/zk2/version-2/log.100000001", 60, 1);
  EXPECT_EQ(zkark({"inspect", "/zk1", "/zk2", "/zk3", "--no-replay", "--json"}), 6);
  const object told = document();
  EXPECT_EQ(told.at("sources").as_array().at(0).at("damage"), 0);
  EXPECT_GE(told.at("sources").as_array().at(1).at("damage").as_int64(), 1);
  EXPECT_EQ(zkark({"inspect", "/zk1", "/zk2", "--log-dir", "/zk3"}), 2);
}

}  // namespace
}  // namespace zkark::test
