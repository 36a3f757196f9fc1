// `inspect`: what files hold, and whether they are sound.
#include <gtest/gtest.h>

#include "tests/cli/verb_lab.h"

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
}

}  // namespace
}  // namespace zkark::test
