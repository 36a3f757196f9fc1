// `diff`: two points, two members, a directory and a repository.
#include <gtest/gtest.h>

#include "tests/cli/verb_lab.h"

namespace zkark::test {
namespace {

class Diff : public VerbTest {
 protected:
  void expect_golden(std::vector<std::string> words, const std::string& name, int exit) {
    EXPECT_EQ(zkark(std::move(words)), exit) << console.err;
    EXPECT_EQ(golden("tests/cli/golden/" + name, console.out), "");
  }
};

TEST_F(Diff, LooksLikeThis) {
  load("zk-3.8.0-standalone");
  expect_golden({"diff", "/data", "--from", "zxid:0x1e", "-q"}, "diff.txt", 4);
  expect_golden({"diff", "/data", "--from", "zxid:0x1e", "--to", "zxid:0x34", "-p", "--stat"},
                "diff-patch.txt", 4);
  expect_golden({"diff", "/data", "--from", "zxid:0x1e", "--to", "zxid:0x34", "--json"}, "diff.json", 4);
  expect_golden({"diff", "/data", "--from", "zxid:0x1e", "--to", "zxid:0x34", "-o", "ndjson", "--stat"},
                "diff.ndjson", 4);
  expect_golden({"diff", "/data", "--from", "zxid:0x1e", "--to", "zxid:0x34", "-o", "csv"}, "diff.csv", 4);
  expect_golden({"diff", "/data", "--from", "zxid:0x1e", "--to", "zxid:0x34", "-o", "plain"}, "diff.plain",
                4);
}

TEST_F(Diff, SaysWhichPointsItCompared) {
  load("zk-3.8.0-standalone");
  EXPECT_EQ(zkark({"diff", "/data@zxid:0x1e", "/data@zxid:0x1f", "--path", "/app"}), 4);
  EXPECT_EQ(lines().front(), "M /app  v0 → v1  - root of app  + v0  0x1f  session 0x1000086147b0000");
  EXPECT_EQ(lines().back(), "0 added, 1 changed, 0 removed, 17 unchanged");
}

TEST_F(Diff, IsSilentAndZeroWhereNothingDiffers) {
  load_dir(fs, "fixtures/zk-3.8.0-ensemble/1", "/one");
  load_dir(fs, "fixtures/zk-3.8.0-ensemble/2", "/two");
  EXPECT_EQ(zkark({"diff", "/one", "/two"}), 0) << console.err;
  EXPECT_EQ(console.out, "0 added, 0 changed, 0 removed, 35 unchanged\n");
  EXPECT_EQ(zkark({"diff", "/one@zxid:0x10000000e", "/two"}), 4) << console.err;
}

TEST_F(Diff, RefusesWhatMeansTwoThings) {
  load("zk-3.8.0-standalone");
  EXPECT_EQ(zkark({"diff", "/data"}), 2);
  EXPECT_NE(console.err.find("--from POINT"), std::string::npos);
  EXPECT_EQ(zkark({"diff", "/data", "/data", "--from", "latest"}), 2);
  EXPECT_EQ(zkark({"diff", "/data", "/data", "--log-dir", "/data"}), 2);
  EXPECT_EQ(zkark({"diff", "/data", "--from", "zxid:0x7fffffff"}), 5);
  EXPECT_EQ(zkark({"diff", "/data", "/nowhere"}), 9);
}

TEST_F(Diff, EndsWithWhatKeptItFromComparing) {
  load("zk-3.8.0-shop");
  struct Case {
    std::vector<std::string> words;
    int exit;
    const char* said;
  };
  for (const Case& one :
       std::vector<Case>{{{"diff", "/data"}, 2, "with what to compare is not said"},
                         {{"diff", "/data", "--from", "nonsense"}, 2, "ZKA-0202"},
                         {{"diff", "/data", "--from", "zxid:0x99"}, 5, "ZKA-0501"},
                         {{"diff", "/data", "--from", "zxid:0x3", "--to", "zxid:0x99"}, 5, "ZKA-0501"},
                         {{"diff", "/data@zxid:0x99", "/data"}, 5, "ZKA-0501"},
                         {{"diff", "/data", "/data@nonsense"}, 2, "ZKA-0202"},
                         {{"diff", "/data", "/data", "--from", "zxid:0x3"}, 2, "two are given"},
                         {{"diff", "/data", "/nowhere"}, 9, "/nowhere"},
                         {{"diff", "/nowhere", "/data"}, 9, "/nowhere"},
                         {{"diff", "/data", "--from", "zxid:0x3", "--path", "shop"}, 2, "shop"}}) {
    EXPECT_EQ(zkark(one.words), one.exit) << one.words[1] << " " << console.err;
    EXPECT_NE(console.err.find(one.said), std::string::npos) << console.err;
    EXPECT_EQ(console.out, "") << one.words[1];
  }
}

TEST_F(Diff, SaysNothingOfAStateThatDamageHides) {
  load("zk-3.8.0-shop");
  load_dir(fs, "fixtures/zk-3.8.0-shop", "/other");
  // A record of the first log: no snapshot before it stands in for it.
  const std::string log = fs.get("/other/version-2/log.1").value();
  fs.flip_bit("/other/version-2/log.1", log.find("/shop/prices/milk"), 0);
  EXPECT_EQ(zkark({"diff", "/data@zxid:0xe", "/other@zxid:0xe"}), 6) << console.err;
  EXPECT_NE(console.err.find("ZKA-0611"), std::string::npos) << console.err;
  EXPECT_EQ(console.out, "");
  // Behind the next snapshot the state is known again.
  EXPECT_EQ(zkark({"diff", "/data", "/other"}), 0) << console.err;
}

}  // namespace
}  // namespace zkark::test
