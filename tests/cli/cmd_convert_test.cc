// convert: what it prints, what it refuses, what it leaves alone.
#include <gmock/gmock.h>

#include "tests/cli/repository_lab.h"
#include "tests/support/golden.h"

namespace zkark::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ConvertVerb : public RepositoryLab {
 protected:
  void SetUp() override {
    RepositoryLab::SetUp();
    fs.put_dir("/srv");
    load("zk-3.9-standalone", "/data");
  }
  int convert(std::vector<std::string> words) {
    words.insert(words.begin(), "convert");
    return zkark(std::move(words));
  }
};

TEST_F(ConvertVerb, RefusesWithTheListWhatTheReleaseCannotCarry) {
  EXPECT_EQ(convert({"/data", "--for", "3.4", "--to", "/srv/zk"}), 7);
  EXPECT_EQ(golden("tests/cli/golden/convert-refused.txt", shown()), "");
  EXPECT_THAT(fs.files("/srv"), IsEmpty());
  EXPECT_EQ(convert({"/data", "--for", "3.4", "--to", "/srv/zk", "--json"}), 7);
  EXPECT_EQ(at("/schema"), "zkark.convert/1");
  EXPECT_EQ(at("/lost"), "7");
  EXPECT_EQ(at("/written"), "false");
  EXPECT_EQ(at("/losses/0/path"), "/cont");
  EXPECT_EQ(at("/losses/2/ttl_ms"), "60000000");
  EXPECT_EQ(at("/losses/2/zxid"), "0x5c");
}

TEST_F(ConvertVerb, LooksLikeThis) {
  const auto before = fs.tree("/data");
  EXPECT_EQ(convert({"/data", "--for", "3.4", "--accept-loss", "--to", "/srv/zk"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/convert.txt", shown()), "");
  EXPECT_EQ(fs.tree("/data"), before);
  EXPECT_THAT(*fs.get("/srv/zk/conf/zoo.cfg"), HasSubstr("dataDir=/srv/zk\n"));
  EXPECT_EQ(convert({"/data", "--for", "3.6", "-O", "/srv/json", "--json"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/convert.json", console.out), "");
  EXPECT_EQ(convert({"/data", "--for", "3.6", "-O", "/srv/csv", "-o", "csv"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/convert.csv", console.out), "");
  EXPECT_EQ(convert({"/data", "--for", "3.6", "-O", "/srv/plain", "-o", "plain"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/convert.plain", console.out), "");
}

TEST_F(ConvertVerb, ADryRunWritesNothingAndSaysAllTheSame) {
  const auto before = fs.tree();
  EXPECT_EQ(convert({"/data", "--for", "3.4", "--dry-run"}), 7);
  EXPECT_THAT(console.out, HasSubstr("/life2/ttl"));
  EXPECT_EQ(convert({"/data", "--for", "3.5", "--to", "/srv/zk", "-n"}), 0);
  EXPECT_THAT(console.out, HasSubstr("dry run: nothing was written"));
  EXPECT_EQ(fs.tree(), before);
}

TEST_F(ConvertVerb, DamageIsNeverWrittenAnew) {
  fs.flip_bit("/data/version-2/log.4b", 60, 1);
  EXPECT_EQ(convert({"/data", "--for", "3.8", "--to", "/srv/zk"}), 6);
  EXPECT_THAT(console.err, HasSubstr("log.4b"));
  EXPECT_THAT(console.err, HasSubstr("zkark repair"));
  EXPECT_THAT(fs.files("/srv"), IsEmpty());
}

TEST_F(ConvertVerb, AHoleIsCarriedOverAndNamed) {
  fs.erase("/data/version-2/log.4b");
  fs.erase("/data/version-2/snapshot.4d");
  EXPECT_EQ(convert({"/data", "--for", "3.8", "--to", "/srv/zk"}), 3);
  EXPECT_THAT(console.err, HasSubstr("0x4b to 0x4d are in no file"));
  EXPECT_TRUE(fs.get("/srv/zk/version-2/log.4e"));
}

TEST_F(ConvertVerb, AHoleBelowASnapshotIsANote) {
  load("zk-3.8.0-stale-tail/3", "/member");
  EXPECT_EQ(convert({"/member", "--for", "3.9", "--to", "/srv/zk"}), 0);
  EXPECT_THAT(console.err, HasSubstr("are in no file"));
  EXPECT_EQ(*fs.get("/srv/zk/myid"), *fs.get("/member/myid"));
  EXPECT_EQ(*fs.get("/srv/zk/version-2/currentEpoch"), *fs.get("/member/version-2/currentEpoch"));
}

TEST_F(ConvertVerb, TakesSingleFilesAndTarballs) {
  EXPECT_EQ(
      convert({"/data/version-2/snapshot.49", "/data/version-2/log.4b", "--codec", "snappy", "-O", "/srv/a"}),
      0);
  EXPECT_THAT(fs.files("/srv/a"),
              ElementsAre("/srv/a/version-2/log.4b", "/srv/a/version-2/snapshot.49.snappy"));
  fs.put_dir("/tmp");
  load("zk-3.8.0-tarballs", "/tars");
  EXPECT_EQ(convert({"/tars/full-flat.tar.gz", "--for", "3.4", "--accept-loss", "-O", "/srv/b"}), 0)
      << console.err;
  EXPECT_TRUE(fs.get("/srv/b/version-2/log.1"));
}

TEST_F(ConvertVerb, SaysWhatIsMissingOrCannotBe) {
  EXPECT_EQ(convert({"/data", "--to", "/srv/zk"}), 2);
  EXPECT_THAT(console.err, HasSubstr("--for RELEASE, --codec"));
  EXPECT_EQ(convert({"/data", "--for", "3.4"}), 2);
  EXPECT_EQ(convert({"/data", "--for", "3.3", "--to", "/srv/zk"}), 2);
  EXPECT_EQ(convert({"/data", "--for", "3.5", "--codec", "gzip", "--to", "/srv/zk"}), 2);
  EXPECT_EQ(convert({"/data@zxid:0x4d", "--for", "3.5", "--to", "/srv/zk"}), 2);
  EXPECT_THAT(fs.files("/srv"), IsEmpty());
}

TEST_F(ConvertVerb, NeverWritesIntoWhatItReadsOrOverSomethingElse) {
  EXPECT_EQ(convert({"/data", "--for", "3.5", "--to", "/data"}), 7);
  EXPECT_EQ(convert({"/data", "--for", "3.5", "--to", "/data/new"}), 7);
  fs.put("/srv/zk/mine", "x");
  EXPECT_EQ(convert({"/data", "--for", "3.5", "--to", "/srv/zk"}), 7);
  EXPECT_THAT(fs.files("/srv"), ElementsAre("/srv/zk/mine"));
}

}  // namespace
}  // namespace zkark::test
