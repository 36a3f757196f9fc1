// `blame`: who wrote what is there, and what is said where nobody knows.
#include <gtest/gtest.h>

#include "tests/cli/verb_lab.h"

namespace zkark::test {
namespace {

class BlameVerb : public VerbTest {
 protected:
  void SetUp() override {
    VerbTest::SetUp();
    load("zk-3.8.0-standalone");
  }
};

TEST_F(BlameVerb, LooksLikeThis) {
  EXPECT_EQ(zkark({"blame", "/data", "/app", "-R"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/blame.txt", console.out), "");
  EXPECT_EQ(console.err, "");
  EXPECT_EQ(zkark({"blame", "/data", "-R", "--created"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/blame-created.txt", console.out), "");
  for (const std::string format : {"json", "ndjson", "csv", "plain"}) {
    EXPECT_EQ(zkark({"blame", "/data", "/m", "-R", "--created", "-o", format}), 0);
    EXPECT_EQ(golden("tests/cli/golden/blame." + format, console.out), "");
  }
}

TEST_F(BlameVerb, TellsOfAnEarlierPoint) {
  EXPECT_EQ(zkark({"blame", "/data", "/app", "-o", "csv", "--at", "zxid:0x20", "-q"}), 0);
  EXPECT_NE(console.out.find("\n0x20,"), std::string::npos) << console.out;
}

TEST_F(BlameVerb, SaysThatTheLogsBeginLater) {
  fs.erase("/data/version-2/log.1");
  fs.erase("/data/version-2/snapshot.0");
  EXPECT_EQ(zkark({"blame", "/data", "/app"}), 0);
  EXPECT_NE(console.out.find("0x23  2026-11-21 07:35:47.547Z  -"), std::string::npos) << console.out;
  EXPECT_EQ(console.err,
            "1 write without a record: older than the oldest log here, log.3e; who it was is not known\n");
  EXPECT_EQ(zkark({"blame", "/data", "/life2", "-R", "-o", "ndjson"}), 0);
  for (const auto& row : objects()) {
    if (row.at("record") == "nodes") {
      EXPECT_TRUE(row.at("session").is_string());
    }
  }
}

TEST_F(BlameVerb, IsIncompleteWhereTheRecordIsDamaged) {
  // The answer lies in the first log; the state at the end does not need it.
  const std::string log = fs.get("/data/version-2/log.1").value();
  const std::size_t at = log.find("/app/bin");
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(zkark({"blame", "/data", "/app/big"}), 0);
  for (std::size_t from = log.find("/app/big"); from != std::string::npos;
       from = log.find("/app/big", from + 1))
    fs.flip_bit("/data/version-2/log.1", from, 0);
  EXPECT_EQ(zkark({"blame", "/data", "/app/big"}), 3);
  EXPECT_NE(console.out.find("0x9   2026-11-21 07:35:47.448Z  -"), std::string::npos) << console.out;
  EXPECT_NE(console.err.find("ZKA-0611"), std::string::npos) << console.err;
  EXPECT_NE(console.err.find("the first of them at 0x9"), std::string::npos) << console.err;
  // Other answers are as good as before.
  EXPECT_EQ(zkark({"blame", "/data", "/app/c2"}), 0);
}

TEST_F(BlameVerb, NeedsANodeThatIsThere) {
  EXPECT_EQ(zkark({"blame", "/data", "/ap"}), 5);
  EXPECT_EQ(console.out, "");
  EXPECT_EQ(console.err,
            "error ZKA-0500: there is no node /ap at 0x62\n"
            "hint: did you mean /app?; if it was there once, `zkark history` tells who deleted it\n");
  EXPECT_EQ(zkark({"blame", "/data"}), 2);
}

}  // namespace
}  // namespace zkark::test
