// `history`: the versions of one node, as people and programs see them.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/cli/verb_lab.h"

namespace zkark::test {
namespace {

class HistoryVerb : public VerbTest {
 protected:
  void SetUp() override {
    VerbTest::SetUp();
    load("zk-3.8.0-standalone");
  }
  std::vector<std::string> zxids() {
    std::vector<std::string> all;
    for (const auto& row : objects())
      if (row.at("record") == "versions") all.emplace_back(row.at("zxid").as_string());
    return all;
  }
};

TEST_F(HistoryVerb, LooksLikeThis) {
  EXPECT_EQ(zkark({"history", "/data", "/app", "--values"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/history.txt", console.out), "");
  EXPECT_EQ(console.err, "");
  EXPECT_EQ(zkark({"history", "/data", "/app", "-p"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/history-patch.txt", console.out), "");
  EXPECT_EQ(zkark({"history", "/data", "/m", "--children"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/history-children.txt", console.out), "");
  for (const std::string format : {"json", "ndjson", "csv", "plain"}) {
    EXPECT_EQ(zkark({"history", "/data", "/app/bin", "-p", "-o", format}), 0);
    EXPECT_EQ(golden("tests/cli/golden/history." + format, console.out), "");
  }
}

TEST_F(HistoryVerb, GoesBackwardsAndStops) {
  EXPECT_EQ(zkark({"history", "/data", "/app", "-o", "ndjson"}), 0);
  std::vector<std::string> forwards = zxids();
  ASSERT_GT(forwards.size(), 4u);
  EXPECT_EQ(zkark({"history", "/data", "/app", "-o", "ndjson", "--limit", "2"}), 0);
  EXPECT_EQ(zxids(), std::vector<std::string>(forwards.begin(), forwards.begin() + 2));
  EXPECT_EQ(zkark({"history", "/data", "/app", "-o", "ndjson", "--reverse", "--limit", "2"}), 0);
  std::reverse(forwards.begin(), forwards.end());
  EXPECT_EQ(zxids(), std::vector<std::string>(forwards.begin(), forwards.begin() + 2));
}

TEST_F(HistoryVerb, KeepsToTheSpanAskedFor) {
  EXPECT_EQ(
      zkark({"history", "/data", "/app", "-o", "ndjson", "--since", "zxid:0x20", "--until", "zxid:0x22"}), 0);
  EXPECT_EQ(zxids(), (std::vector<std::string>{"0x20", "0x21", "0x22"}));
  for (const auto& row : objects())
    if (row.at("record") == "versions") {
      EXPECT_EQ(row.at("life").as_int64(), 1);
    }
}

TEST_F(HistoryVerb, BeginsWithWhatWasThereBeforeTheLogs) {
  for (const char* name : {"log.1", "log.3e", "snapshot.0", "snapshot.3c"})
    fs.erase(std::string("/data/version-2/") + name);
  EXPECT_EQ(zkark({"history", "/data", "/app", "-o", "ndjson"}), 0);
  const auto rows = objects();
  ASSERT_GE(rows.size(), 2u);
  EXPECT_EQ(rows[0].at("change"), "before");
  EXPECT_EQ(rows[0].at("zxid"), "0x23");
  EXPECT_TRUE(rows[0].at("session").is_null());
  EXPECT_TRUE(rows.back().at("exists").as_bool());
  EXPECT_EQ(zkark({"history", "/data", "/app"}), 0);
  EXPECT_EQ(
      console.err,
      "/app was there before the logs begin with log.4e: last written at 0x23, by whom no record tells\n");
}

TEST_F(HistoryVerb, IsIncompleteWhereBaseAndLogsDoNotMeet) {
  fs.erase("/data/version-2/log.1");  // with 0x3d, which snapshot.3c does not have
  fs.erase("/data/version-2/snapshot.0");
  EXPECT_EQ(zkark({"history", "/data", "/app"}), 3);
  EXPECT_NE(console.err.find("transactions 0x3d to 0x3d are in no file"), std::string::npos) << console.err;
}

TEST_F(HistoryVerb, GoesOnBehindDamage) {
  const std::string log = fs.get("/data/version-2/log.1").value();
  EXPECT_EQ(zkark({"history", "/data", "/app/del", "-o", "ndjson"}), 0);
  const std::size_t whole = objects().size();
  fs.flip_bit("/data/version-2/log.1", log.find("/app/del"), 0);
  EXPECT_EQ(zkark({"history", "/data", "/app/del", "-o", "ndjson"}), 3);
  EXPECT_NE(console.err.find("ZKA-0611"), std::string::npos) << console.err;
  const auto rows = objects();
  // Its creation is lost: that it was there is told by its end.
  ASSERT_EQ(rows.size(), whole);
  EXPECT_EQ(rows[0].at("change"), "missing");
  EXPECT_TRUE(rows[0].at("zxid").is_null());
  EXPECT_EQ(rows[1].at("change"), "deleted");
  EXPECT_FALSE(rows.back().at("complete").as_bool());
  // Never seen is no answer where not everything could be read.
  EXPECT_EQ(zkark({"history", "/data", "/nowhere"}), 3);
  EXPECT_EQ(console.out, "");
  EXPECT_NE(console.err.find("no record that can be read tells of a node /nowhere"), std::string::npos);
}

TEST_F(HistoryVerb, NamesTheNearestNodeWhenThereNeverWasOne) {
  EXPECT_EQ(zkark({"history", "/data", "/ap", "--json"}), 5);
  EXPECT_EQ(console.out, "");
  EXPECT_NE(console.err.find("did you mean /app?"), std::string::npos) << console.err;
  EXPECT_EQ(zkark({"history", "/data"}), 2);
  EXPECT_EQ(zkark({"history", "/data", "/app/"}), 2);
}

TEST_F(HistoryVerb, ShowsHostileValuesHarmlessly) {
  console.out_tty = true;
  for (const std::string flag : {"--values", "-p"}) {
    EXPECT_EQ(zkark({"history", "/data", "/app/bin", flag}), 0);
    EXPECT_EQ(console.out.find("\x1b]"), std::string::npos);
    for (const char c : console.out)
      EXPECT_TRUE(c == '\n' || c == '\x1b' || static_cast<unsigned char>(c) >= ' ');
  }
}

}  // namespace
}  // namespace zkark::test
