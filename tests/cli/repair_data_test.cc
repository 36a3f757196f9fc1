// `repair SRC`: a corrected copy, as typed.
#include <gmock/gmock.h>

#include "tests/cli/verb_lab.h"

namespace zkark::test {
namespace {

using testing::HasSubstr;

class RepairData : public VerbTest {
 protected:
  void SetUp() override {
    VerbTest::SetUp();
    load("zk-3.8.0-shop");
    fs.erase("/data/zoo.cfg");
  }
  /// A bit of the record of zxid 7.
  void damage() { fs.flip_bit("/data/version-2/log.1", 700, 0); }
  void expect_golden(std::vector<std::string> words, const std::string& name, int exit) {
    EXPECT_EQ(zkark(std::move(words)), exit) << console.err;
    EXPECT_EQ(golden("tests/cli/golden/" + name, console.out), "");
  }
};

TEST_F(RepairData, LooksLikeThis) {
  expect_golden({"repair", "/data", "-O", "/intact"}, "repair-intact.txt", 0);
  damage();
  expect_golden({"repair", "/data", "-O", "/fixed"}, "repair.txt", 6);
  EXPECT_THAT(console.err, HasSubstr("ZKA-0611"));
  expect_golden({"repair", "/data", "--chop", "-O", "/chopped"}, "repair-chop.txt", 6);
  expect_golden({"repair", "/data", "--salvage", "-O", "/salvaged"}, "repair-salvage.txt", 6);
  expect_golden({"repair", "/data/version-2/log.1", "--chop", "-O", "/one/"}, "repair-file.txt", 6);
  expect_golden({"repair", "/data", "-n", "--json"}, "repair.json", 6);
  EXPECT_EQ(zkark({"verify", "/fixed", "--replay=all"}), 0) << console.out << console.err;
  EXPECT_EQ(zkark({"log", "/salvaged"}), 3) << "the hole is told";
  EXPECT_EQ(zkark({"verify", "/one/log.1"}), 0);
}

TEST_F(RepairData, MakesTheSnapshotThatIsMissing) {
  for (const char* name : {"snapshot.0", "snapshot.f"}) fs.erase(std::string("/data/version-2/") + name);
  expect_golden({"repair", "/data", "-O", "/fixed"}, "repair-missing.txt", 0);
  EXPECT_EQ(zkark({"verify", "/fixed", "--replay"}), 0);
}

TEST_F(RepairData, ADryRunNeedsNoTargetAndMakesNone) {
  damage();
  const auto before = fs.tree("/");
  EXPECT_EQ(zkark({"repair", "/data", "--dry-run"}), 6);
  EXPECT_EQ(zkark({"repair", "/data", "--dry-run", "--to", "/fixed"}), 6);
  EXPECT_EQ(fs.tree("/"), before);
}

TEST_F(RepairData, NeverWritesWhereItReadsOrWhereSomethingIs) {
  for (const char* to : {"/data", "/data/version-2/fixed", "/"})
    EXPECT_EQ(zkark({"repair", "/data", "-O", to}), 7) << to;
  fs.put("/full/log.1", "x");
  EXPECT_EQ(zkark({"repair", "/data", "-O", "/full"}), 7);
  EXPECT_EQ(console.err.find("--replace"), std::string::npos);
}

TEST_F(RepairData, TakesALogDirectoryThatIsApartAndJoinsTheTwo) {
  load_dir(fs, "fixtures/zk-3.8.0-split-dirs", "/split");
  EXPECT_EQ(zkark({"repair", "/split/data", "--log-dir", "/split/log", "-O", "/joined"}), 0) << console.err;
  EXPECT_TRUE(fs.get("/joined/version-2/snapshot.1b"));
  EXPECT_TRUE(fs.get("/joined/version-2/log.1c"));
  EXPECT_EQ(zkark({"repair", "/split/data", "--log-dir", "/split/log", "-O", "/split/log/fixed"}), 7);
}

TEST_F(RepairData, TakesALogWhoseHeaderIsDamagedByItsName) {
  EXPECT_EQ(zkark({"repair", "/data/version-2/log.1", "-O", "/whole"}), 0);
  fs.flip_bit("/data/version-2/log.1", 1, 4);
  EXPECT_EQ(zkark({"repair", "/data/version-2/log.1", "-O", "/fixed"}), 6) << console.out << console.err;
  EXPECT_EQ(fs.get("/fixed/log.1"), fs.get("/whole/log.1"));
  fs.put("/notes", "nothing of ZooKeeper's");
  EXPECT_EQ(zkark({"repair", "/notes", "-O", "/never"}), 6);
  EXPECT_FALSE(fs.get_info("/never"));
}

TEST_F(RepairData, SaysWhatIsMissingOnTheLine) {
  EXPECT_EQ(zkark({"repair", "/data"}), 2);
  EXPECT_THAT(console.err, HasSubstr("--to DIR"));
  EXPECT_EQ(zkark({"repair", "-O", "/fixed"}), 2);
  EXPECT_EQ(zkark({"repair", "/data", "--salvage", "--chop", "-O", "/fixed"}), 2);
  EXPECT_EQ(zkark({"repair", "/data@zxid:0x5", "-O", "/fixed"}), 2);
  EXPECT_EQ(zkark({"repair", "/data", "--chop=0x300", "-O", "/fixed"}), 5);
}

}  // namespace
}  // namespace zkark::test
