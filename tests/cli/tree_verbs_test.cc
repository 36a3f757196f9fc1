// `ls`, `cat`, `stat`: what a client saw, from files alone.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "formats/snapshot.h"
#include "tests/cli/verb_lab.h"

namespace zkark::test {
namespace {

using boost::json::object;
using boost::json::value;

std::int64_t hex_of(const value& text) { return std::stoll(std::string(text.as_string()), nullptr, 16); }

/// What was recorded while the server lived: fixtures/README.md.
struct Truth {
  std::int64_t zxid = 0;
  object tree;
};
std::vector<Truth> truths(const std::string& fixture) {
  std::ifstream in(ZKARK_SOURCE_DIR "/fixtures/" + fixture + "/truth.json");
  std::stringstream text;
  text << in.rdbuf();
  const object recorded = boost::json::parse(text.str()).as_object();
  std::vector<Truth> all;
  const auto add = [&](const object& one) {
    if (one.contains("zxid") && one.contains("tree") && one.at("tree").is_object())
      all.push_back({one.at("zxid").as_int64(), one.at("tree").as_object()});
  };
  add(recorded);
  if (const value* earlier = recorded.if_contains("earlier"))
    for (const value& one : earlier->as_array()) add(one.as_object());
  return all;
}

class TreeOfFixture : public VerbTest, public testing::WithParamInterface<std::string> {};

TEST_P(TreeOfFixture, IsWhatAClientSaw) {
  load(GetParam());
  std::vector<std::string> source = {"/data"};
  if (fs.get_info("/data/log") && fs.get_info("/data/data"))
    source = {"/data/data", "--log-dir", "/data/log"};
  std::size_t compared = 0;
  for (const Truth& truth : truths(GetParam())) {
    std::vector<std::string> words = {"ls"};
    words.insert(words.end(), source.begin(), source.end());
    for (const char* word : {"/", "-R", "-o", "ndjson", "-q", "--at"}) words.emplace_back(word);
    words.push_back(fmt::format("zxid:{:#x}", truth.zxid));
    ASSERT_EQ(zkark(words), 0) << console.err;
    std::size_t nodes = 0;
    for (const object& row : objects()) {
      if (row.at("record") != "nodes") continue;
      const std::string path(row.at("path").as_string());
      if (path.starts_with("/zookeeper/") || path == "/zookeeper") continue;
      SCOPED_TRACE(fmt::format("{} at {:#x}", path, truth.zxid));
      ++nodes;
      ASSERT_TRUE(truth.tree.contains(path));
      const auto& node = truth.tree.at(path).as_array();
      const object& stat = node.at(2).as_object();
      EXPECT_EQ(hex_of(row.at("czxid")), stat.at("czxid").as_int64());
      EXPECT_EQ(hex_of(row.at("mzxid")), stat.at("mzxid").as_int64());
      EXPECT_EQ(hex_of(row.at("pzxid")), stat.at("pzxid").as_int64());
      EXPECT_EQ(row.at("version").as_int64(), stat.at("version").as_int64());
      EXPECT_EQ(row.at("cversion").as_int64(), stat.at("cversion").as_int64());
      EXPECT_EQ(row.at("aversion").as_int64(), stat.at("aversion").as_int64());
      EXPECT_EQ(row.at("data_bytes").as_int64(), stat.at("dataLength").as_int64());
      EXPECT_EQ(row.at("children").as_int64(), stat.at("numChildren").as_int64());
      EXPECT_EQ(row.at("ephemeral_owner").is_null() ? 0 : hex_of(row.at("ephemeral_owner")),
                stat.at("ephemeralOwner").as_int64());
    }
    std::size_t wanted = 0;
    for (const auto& [path, unused] : truth.tree)
      if (path != "/zookeeper" && !path.starts_with("/zookeeper/")) ++wanted;
    EXPECT_EQ(nodes, wanted) << "at " << truth.zxid;
    ++compared;
  }
  EXPECT_GT(compared, 0u);
}

INSTANTIATE_TEST_SUITE_P(Every, TreeOfFixture,
                         testing::Values("zk-3.4-standalone", "zk-3.5-standalone", "zk-3.6-standalone",
                                         "zk-3.8.0-standalone", "zk-3.9-standalone", "zk-3.10-standalone",
                                         "zk-3.6-gz", "zk-3.10-snappy", "zk-3.8.0-split-dirs",
                                         "zk-3.8.0-fuzzy", "zk-3.8.0-deep-multi"),
                         [](const auto& info) { return test_name(info.param); });

class Tree : public VerbTest {
 protected:
  void SetUp() override {
    VerbTest::SetUp();
    load("zk-3.8.0-standalone");
  }
};

TEST_F(Tree, LooksLikeThis) {
  EXPECT_EQ(zkark({"ls", "/data", "/app"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/ls.txt", console.out), "");
  EXPECT_EQ(console.err, "");
  EXPECT_EQ(zkark({"ls", "/data", "/app", "-l"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/ls-long.txt", console.out), "");
  EXPECT_EQ(zkark({"ls", "/data", "-R", "-l"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/ls-recursive.txt", console.out), "");
  EXPECT_EQ(zkark({"ls", "/data", "/app", "--json"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/ls.json", console.out), "");
  EXPECT_EQ(zkark({"ls", "/data", "/app", "-o", "csv"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/ls.csv", console.out), "");
}

TEST_F(Tree, StatLooksLikeThis) {
  EXPECT_EQ(zkark({"stat", "/data", "/ttl"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/stat.txt", console.out), "");
  EXPECT_EQ(zkark({"stat", "/data", "/ttl", "--stored"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/stat-stored.txt", console.out), "");
  EXPECT_EQ(zkark({"stat", "/data", "/acl/mix", "--json"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/stat.json", console.out), "");
}

TEST_F(Tree, CatGivesTheVeryBytes) {
  EXPECT_EQ(zkark({"cat", "/data", "/app/bin"}), 0);
  std::string all;
  for (int i = 255; i >= 0; --i) all += static_cast<char>(i);
  EXPECT_EQ(to_hex(as_bytes(console.out)), to_hex(as_bytes(all)));
  EXPECT_EQ(zkark({"cat", "/data", "/app", "--at", "zxid:0x20"}), 0);
  EXPECT_EQ(console.out, "v1");
  EXPECT_EQ(console.err,
            "at 0x20 2026-11-21 07:35:47.544Z setData /app (next, not applied: 0x21 2026-11-21 07:35:47.545Z "
            "setData "
            "/app)\n");
}

TEST_F(Tree, CatIsHarmlessOnATerminal) {
  console.out_tty = true;
  EXPECT_EQ(zkark({"cat", "/data", "/app/bin"}), 0);
  EXPECT_EQ(console.out.find('\x1b'), std::string::npos);
  EXPECT_NE(console.out.find("\\x1b"), std::string::npos);
  EXPECT_EQ(zkark({"cat", "/data", "/app/bin", "--raw"}), 0);
  EXPECT_EQ(console.out.size(), 256u);
}

TEST_F(Tree, CatTellsNullFromEmpty) {
  EXPECT_EQ(zkark({"cat", "/data", "/app/null", "--at", "zxid:0x6", "-q"}), 0);
  EXPECT_EQ(console.out, "");
  EXPECT_EQ(zkark({"cat", "/data", "/app/null", "--at", "zxid:0x6", "--json"}), 0);
  EXPECT_EQ(objects().at(0).at("data"), nullptr);
  EXPECT_EQ(zkark({"cat", "/data", "/app/empty", "--at", "zxid:0x6", "--json"}), 0);
  EXPECT_EQ(objects().at(0).at("data").at("utf8"), "");
}

TEST_F(Tree, NamesTheNearestNodeWhenThereIsNone) {
  EXPECT_EQ(zkark({"stat", "/data", "/app/ephb"}), 5);
  EXPECT_EQ(console.err,
            "error ZKA-0500: there is no node /app/ephb at 0x62\nhint: did you mean /app/eph-b?\n");
  EXPECT_EQ(zkark({"ls", "/data", "/app/eph-b/x/y/z"}), 5);
  EXPECT_EQ(console.err,
            "error ZKA-0500: there is no node /app/eph-b/x/y/z at 0x62\nhint: /app/eph-b is there, with 0 "
            "children\n");
  EXPECT_EQ(zkark({"ls", "/data", "/app/del"}), 5);
  EXPECT_EQ(zkark({"ls", "/data", "/app/del", "--at", "zxid:0x2d", "-q"}), 0);
  EXPECT_EQ(zkark({"ls", "/data", "app"}), 2);
  EXPECT_EQ(zkark({"ls", "/data", "/app/"}), 2);
}

TEST_F(Tree, RefusesAPointThatIsNot) {
  EXPECT_EQ(zkark({"ls", "/data", "--at", "zxid:0x1000"}), 5);
  EXPECT_NE(console.err.find("ZKA-0501"), std::string::npos) << console.err;
}

TEST_F(Tree, ShowsASnapshotAlone) {
  EXPECT_EQ(zkark({"cat", "/data", "/m/a", "--at", "zxid:0x3c"}), 0);
  const std::string then = console.out;
  EXPECT_EQ(zkark({"cat", "/data/version-2/snapshot.3c", "/m/a"}), 0);
  EXPECT_EQ(console.out, then);
  EXPECT_EQ(console.err, "");
}

TEST_F(Tree, WarnsOfAFuzzySnapshotAlone) {
  load("zk-3.8.0-fuzzy");
  EXPECT_EQ(zkark({"ls", "/data/version-2/snapshot.1c3"}), 0);
  EXPECT_EQ(console.err,
            "warning: /data/version-2/snapshot.1c3 was written while transactions up to 0x1cf were applied: "
            "it holds "
            "some of their changes, and is exact only together with the logs\n");
}

TEST_F(Tree, StopsAtDamageBeforeThePoint) {
  for (const std::string& path : fs.files("/data/version-2"))
    if (path.find("snapshot") != std::string::npos) fs.erase(path);
  fs.flip_bit("/data/version-2/log.3e", 100, 1);
  EXPECT_EQ(zkark({"ls", "/data", "--at", "zxid:0x3d", "-q"}), 0);
  EXPECT_EQ(zkark({"ls", "/data"}), 6);
  EXPECT_NE(console.err.find("ZKA-0611"), std::string::npos) << console.err;
  EXPECT_EQ(console.out, "");
}

}  // namespace
}  // namespace zkark::test
