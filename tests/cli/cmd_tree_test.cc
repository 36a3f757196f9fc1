// `tree`: drawn for people, rows for everybody else.
#include <gtest/gtest.h>

#include "tests/cli/verb_lab.h"

namespace zkark::test {
namespace {

class TreeVerb : public VerbTest {
 protected:
  void SetUp() override {
    VerbTest::SetUp();
    load("zk-3.8.0-standalone");
  }
};

TEST_F(TreeVerb, LooksLikeThis) {
  EXPECT_EQ(zkark({"tree", "/data"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/tree.txt", console.out), "");
  EXPECT_EQ(console.err, "");
  EXPECT_EQ(zkark({"tree", "/data", "--sizes", "--depth", "1", "--sort", "size"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/tree-sizes.txt", console.out), "");
  for (const std::string format : {"json", "ndjson", "csv", "plain"}) {
    EXPECT_EQ(zkark({"tree", "/data", "/app", "--sort", "nodes", "-o", format}), 0);
    EXPECT_EQ(golden("tests/cli/golden/tree." + format, console.out), "");
  }
}

TEST_F(TreeVerb, CountsWhatIsTooDeepToBeShown) {
  EXPECT_EQ(zkark({"tree", "/data", "/app", "--depth", "0", "-o", "ndjson"}), 0);
  const auto rows = objects();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].at("subtree_nodes").as_int64(), 15);
  EXPECT_EQ(rows[1].at("record"), "summary");
  EXPECT_EQ(rows[1].at("count").as_int64(), 15);
  EXPECT_EQ(zkark({"tree", "/data", "/app", "--depth", "0"}), 0);
  EXPECT_EQ(console.out, "/app  … 14 nodes below\n15 nodes, 1.7 KiB of data\n");
}

TEST_F(TreeVerb, ShowsEveryNodeThatLsShows) {
  for (const std::string at : {"zxid:0x20", "zxid:0x3d", "zxid:0x62"}) {
    EXPECT_EQ(zkark({"ls", "/data", "-R", "-q", "-o", "ndjson", "--at", at}), 0);
    std::vector<std::string> listed, drawn;
    for (const auto& row : objects())
      if (row.contains("mzxid")) listed.emplace_back(row.at("path").as_string());
    EXPECT_EQ(zkark({"tree", "/data", "-q", "-o", "ndjson", "--at", at}), 0);
    for (const auto& row : objects())
      if (row.contains("depth")) drawn.emplace_back(row.at("path").as_string());
    EXPECT_GT(listed.size(), 3u);
    EXPECT_EQ(drawn, listed) << at;
  }
}

TEST_F(TreeVerb, NamesTheNearestNodeWhenThereIsNone) {
  EXPECT_EQ(zkark({"tree", "/data", "/ap"}), 5);
  EXPECT_EQ(console.out, "");
  EXPECT_NE(console.err.find("hint: did you mean /app?"), std::string::npos) << console.err;
}

}  // namespace
}  // namespace zkark::test
