// `merge`: holes of one member filled from others, as typed.
#include <gmock/gmock.h>

#include "tests/cli/verb_lab.h"
#include "tests/support/log_builder.h"

namespace zkark::test {
namespace {

using testing::HasSubstr;

class Merge : public VerbTest {
 protected:
  void SetUp() override {
    VerbTest::SetUp();
    for (const char* m : {"1", "2", "3"})
      load_dir(fs, std::string("fixtures/zk-3.8.0-ensemble/") + m, std::string("/zk") + m);
  }
  /// A bit of the record of zxid 0x100000007 of the first member.
  void damage() { fs.flip_bit("/zk1/version-2/log.100000001", 700, 0); }
  void expect_golden(std::vector<std::string> words, const std::string& name, int exit) {
    EXPECT_EQ(zkark(std::move(words)), exit) << console.err;
    EXPECT_EQ(golden("tests/cli/golden/" + name, console.out), "");
  }
};

TEST_F(Merge, LooksLikeThis) {
  expect_golden({"merge", "/zk2", "/zk1", "/zk3", "-O", "/healed"}, "merge.txt", 0);
  EXPECT_EQ(zkark({"verify", "/healed", "--replay=all"}), 0) << console.out << console.err;
  EXPECT_EQ(zkark({"compare", "/healed", "/zk1", "/zk3"}), 0) << console.out;
  expect_golden({"merge", "/zk2", "/zk1", "/zk3", "-n", "--json"}, "merge.json", 0);
  damage();
  expect_golden({"merge", "/zk1", "/zk2", "-O", "/sound"}, "merge-damage.txt", 0);
  EXPECT_EQ(zkark({"verify", "/sound", "--replay=all"}), 0) << console.out << console.err;
}

TEST_F(Merge, NamesAHoleThatNobodyFillsAndEndsWithThree) {
  damage();
  fs.flip_bit("/zk2/version-2/log.100000001", 700, 0);
  expect_golden({"merge", "/zk1", "/zk2", "-O", "/rest"}, "merge-left.txt", 3);
  EXPECT_THAT(console.err, HasSubstr("a hole stays"));
  EXPECT_EQ(zkark({"verify", "/rest"}), 0) << "what is written boots";
}

TEST_F(Merge, RefusesAMemberOfAnotherHistoryAndWritesNothing) {
  for (const char* m : {"/a", "/b"}) {
    LogBuilder log;
    for (std::int64_t zxid = 1; zxid <= 6; ++zxid)
      if (zxid != 3 || m[1] == 'b') log.record(zxid, zxid == 5 && m[1] == 'b' ? 7 : 1'760'000'000'000 + zxid);
    fs.put(std::string(m) + "/version-2/log.1", log.bytes());
  }
  const auto before = fs.tree("/");
  EXPECT_EQ(zkark({"merge", "/a", "/b", "-O", "/never"}), 7);
  EXPECT_THAT(console.err, HasSubstr("different records for 0x5"));
  EXPECT_EQ(fs.tree("/"), before);
}

TEST_F(Merge, TakesTheTailOfAnotherOnRequestAlone) {
  fs.erase("/zk1/version-2/log.200000001");
  EXPECT_EQ(zkark({"merge", "/zk1", "/zk3", "-O", "/own"}), 0) << console.err;
  EXPECT_THAT(console.out, HasSubstr("state   0x10000003a"));
  EXPECT_EQ(zkark({"merge", "/zk1", "/zk3", "--extend", "-O", "/newest"}), 0) << console.err;
  EXPECT_THAT(console.out, HasSubstr("state   0x30000000d"));
  EXPECT_THAT(console.out, HasSubstr("never committed"));
}

TEST_F(Merge, ADryRunNeedsNoTargetAndMakesNone) {
  const auto before = fs.tree("/");
  EXPECT_EQ(zkark({"merge", "/zk2", "/zk1", "/zk3", "--dry-run"}), 0);
  EXPECT_EQ(fs.tree("/"), before);
}

TEST_F(Merge, NeverWritesIntoASourceOrWhereSomethingIs) {
  for (const char* to : {"/zk1", "/zk3/version-2/healed", "/"})
    EXPECT_EQ(zkark({"merge", "/zk1", "/zk3", "-O", to}), 7) << to;
  fs.put("/full/log.1", "x");
  EXPECT_EQ(zkark({"merge", "/zk1", "/zk3", "-O", "/full"}), 7);
}

TEST_F(Merge, SaysWhatIsMissingOnTheLine) {
  EXPECT_EQ(zkark({"merge", "/zk1", "-O", "/x"}), 2);
  EXPECT_EQ(zkark({"merge", "/zk1", "/zk2"}), 2);
  EXPECT_THAT(console.err, HasSubstr("--to DIR"));
  EXPECT_EQ(zkark({"merge", "/zk1/version-2/log.100000001", "/zk2", "-n"}), 2);
}

}  // namespace
}  // namespace zkark::test
