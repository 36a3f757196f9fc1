// `grep`: paths and values, at a point and through all history.
#include <gtest/gtest.h>

#include <set>

#include "tests/cli/verb_lab.h"

namespace zkark::test {
namespace {

class GrepVerb : public VerbTest {
 protected:
  void SetUp() override {
    VerbTest::SetUp();
    load("zk-3.8.0-standalone");
  }
};

TEST_F(GrepVerb, LooksLikeThis) {
  EXPECT_EQ(zkark({"grep", "life2|^v[0-9]", "/data"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/grep.txt", console.out), "");
  EXPECT_EQ(console.err, "");
  EXPECT_EQ(zkark({"grep", "^v[0-9]", "/data", "--history"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/grep-history.txt", console.out), "");
  for (const std::string format : {"json", "ndjson", "csv", "plain"}) {
    EXPECT_EQ(zkark({"grep", "eph|ttl", "/data", "-o", format}), 0);
    EXPECT_EQ(golden("tests/cli/golden/grep." + format, console.out), "");
    EXPECT_EQ(zkark({"grep", "del|^v1", "/data", "--history", "-o", format}), 0);
    EXPECT_EQ(golden("tests/cli/golden/grep-history." + format, console.out), "");
  }
}

TEST_F(GrepVerb, ListsPathsAndCounts) {
  EXPECT_EQ(zkark({"grep", "TTL", "/data", "-i", "-l"}), 0);
  EXPECT_EQ(console.out, "/life2/ttl\n/m/ttl\n/ttl\n/ttl-seq-0000000005\n");
  EXPECT_EQ(zkark({"grep", "ttl", "/data", "--count"}), 0);
  EXPECT_EQ(console.out, "nodes  4\n");
  EXPECT_EQ(zkark({"grep", "TTL", "/data"}), 5);
  EXPECT_EQ(zkark({"grep", "^/app/seq", "/data", "--history", "-l"}), 0);
  std::set<std::string> unique;
  for (const std::string& line : lines()) EXPECT_TRUE(unique.insert(line).second) << line;
  EXPECT_GT(unique.size(), 2u);
}

TEST_F(GrepVerb, KeepsPathsAndValuesApart) {
  EXPECT_EQ(zkark({"grep", "app", "/data", "--values", "-l"}), 5);
  EXPECT_EQ(console.out, "");
  EXPECT_EQ(console.err, "error ZKA-0500: nothing matches 'app'\nhint: zkark explain ZKA-0500\n");
  EXPECT_EQ(zkark({"grep", "app", "/data", "--names", "--count", "--json"}), 0);
  EXPECT_EQ(objects().at(0).at("count").as_int64(), 15);
  EXPECT_EQ(zkark({"grep", ".", "/data", "/acl", "--names", "--count", "--json"}), 0);
  EXPECT_EQ(objects().at(0).at("count").as_int64(), 5);
}

TEST_F(GrepVerb, TakesTheTextItselfWithF) {
  EXPECT_EQ(zkark({"grep", "[", "/data"}), 2);
  EXPECT_NE(console.err.find("no regular expression"), std::string::npos) << console.err;
  EXPECT_EQ(zkark({"grep", "[", "/data", "-F", "--names"}), 5);
  EXPECT_EQ(zkark({"grep", "-F", "/app/", "/data", "--names", "--count", "--json"}), 0);
  EXPECT_EQ(objects().at(0).at("count").as_int64(), 14);
}

TEST_F(GrepVerb, FindsBytesThatAreNoText) {
  EXPECT_EQ(zkark({"grep", "\\xff\\xfe", "/data", "-l"}), 0);
  EXPECT_EQ(console.out, "/app/bin\n");
  EXPECT_EQ(zkark({"grep", "\\xff\\xfe", "/data"}), 0);
  for (const char c : console.out) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= ' ');
}

TEST_F(GrepVerb, SeesOnlyTransactionsAskedFor) {
  EXPECT_EQ(zkark({"grep", "app", "/data", "--history", "--count", "--json"}), 0);
  const std::int64_t all = objects().at(0).at("count").as_int64();
  EXPECT_EQ(zkark({"grep", "app", "/data", "/app", "--history", "--count", "--json"}), 0);
  EXPECT_LE(objects().at(0).at("count").as_int64(), all);
  EXPECT_EQ(zkark({"grep", "app", "/data", "--history", "--type", "delete", "-o", "ndjson"}), 0);
  for (const auto& row : objects())
    if (row.at("record") == "txns") {
      EXPECT_TRUE(row.at("type") == "delete" || row.at("type") == "closeSession" ||
                  row.at("type") == "deleteContainer")
          << row;
    }
  EXPECT_EQ(zkark({"grep", "app", "/data", "--history", "--session", "0x1000086147b0001", "-o", "ndjson"}),
            0);
  EXPECT_GT(objects().size(), 1u);
  for (const auto& row : objects())
    if (row.at("record") == "txns") {
      EXPECT_EQ(row.at("session"), "0x1000086147b0001");
    }
  EXPECT_EQ(zkark({"grep", "app", "/data", "--history", "--path", "/app/seq*", "--until", "zxid:0xe", "-o",
                   "ndjson"}),
            0);
  for (const auto& row : objects())
    if (row.at("record") == "txns") {
      EXPECT_TRUE(row.at("path").as_string().starts_with("/app/seq")) << row;
    }
  EXPECT_EQ(zkark({"grep", "app", "/data", "--type", "delete"}), 2);
  EXPECT_EQ(zkark({"grep", "app", "/data", "/app", "--history", "--path", "/app"}), 2);
  EXPECT_EQ(zkark({"grep", "app", "/data", "--history", "--at", "zxid:0x20"}), 2);
}

TEST_F(GrepVerb, TakesEveryConditionThatLogTakes) {
  const auto count = [&](std::vector<std::string> conditions) {
    std::vector<std::string> words = {"grep", ".", "/data", "--history", "-o", "ndjson"};
    words.insert(words.end(), conditions.begin(), conditions.end());
    const int status = zkark(words);
    EXPECT_TRUE(status == 0 || status == 5) << console.err;
    std::set<std::string> zxids;
    for (const auto& row : objects())
      if (row.at("record") == "txns") zxids.emplace(row.at("zxid").as_string());
    return zxids;
  };
  using Zxids = std::set<std::string>;
  EXPECT_EQ(count({"--zxid", "0x1f..0x21"}), (Zxids{"0x1f", "0x20", "0x21"}));
  EXPECT_EQ(count({"--session", "0x1000086147b0000", "--cxid", "104"}), Zxids{"0x1f"});
  EXPECT_EQ(count({"--value-regex", "^to be deleted$"}), Zxids{"0xa"});
  EXPECT_EQ(count({"--error", "NoNode"}), Zxids{"0x3c"});
  EXPECT_EQ(count({"--error", "none", "--type", "setacl"}).size(), 5u);
  EXPECT_EQ(count({"--since", "2026-11-21T07:35:49.818Z"}), (Zxids{"0x61", "0x62"}));
  EXPECT_TRUE(count({"--type", "delete"}).contains("0x62")) << "what goes with a session is deleted";
  EXPECT_EQ(zkark({"grep", ".", "/data", "--zxid", "0x1.."}), 2);
  EXPECT_NE(console.err.find("conditions on transactions need --history"), std::string::npos) << console.err;
}

TEST_F(GrepVerb, TellsWhatDidNotTakeEffect) {
  EXPECT_EQ(zkark({"grep", "/m/", "/data", "--history", "--names", "-o", "ndjson"}), 0);
  std::size_t failed = 0;
  for (const auto& row : objects())
    if (row.at("record") == "txns") failed += row.at("applied").as_bool() ? 0 : 1;
  EXPECT_GT(failed, 0u);
  EXPECT_EQ(zkark({"grep", "/m/", "/data", "--history", "--names"}), 0);
  std::size_t shown = 0;
  for (const std::string& line : lines()) shown += line.find(" (failed)") != std::string::npos ? 1 : 0;
  EXPECT_EQ(shown, failed);
}

TEST_F(GrepVerb, GoesOnBehindDamage) {
  EXPECT_EQ(zkark({"grep", "app", "/data", "--history", "--count", "--json"}), 0);
  const std::int64_t all = objects().at(0).at("count").as_int64();
  fs.flip_bit("/data/version-2/log.1", fs.get("/data/version-2/log.1").value().find("/app/del"), 0);
  EXPECT_EQ(zkark({"grep", "app", "/data", "--history", "--count", "--json"}), 3);
  const auto row = objects().at(0);
  EXPECT_LT(row.at("count").as_int64(), all);
  EXPECT_GT(row.at("count").as_int64(), 0);
  EXPECT_FALSE(row.at("complete").as_bool());
  // Nothing found is no answer where not everything could be read.
  EXPECT_EQ(zkark({"grep", "nowhere", "/data", "--history", "--count", "--json"}), 3);
  EXPECT_NE(console.err.find("nothing that can be read matches"), std::string::npos) << console.err;
}

}  // namespace
}  // namespace zkark::test
