// verify, of data and of repositories.
#include <gmock/gmock.h>

#include "tests/cli/repository_lab.h"
#include "tests/support/golden.h"
#include "tests/support/load_dir.h"

namespace zkark::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class VerifySource : public RepositoryLab {
 protected:
  void SetUp() override {
    RepositoryLab::SetUp();
    load_second_life("/data");
  }
};

TEST_F(VerifySource, ReadsEveryByteAndListsEveryFile) {
  EXPECT_EQ(zkark({"verify", "/data"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/repository/verify-read.txt", shown()), "");
}

TEST_F(VerifySource, EveryVerbThatOpensACutTarballSaysSo) {
  load_dir(fs, "fixtures/zk-3.8.0-tarballs", "/tar");
  fs.put_dir("/tmp");
  const std::string whole = *fs.get("/tar/full-flat.tar.gz");
  fs.put("/tar/cut.tar.gz", whole.substr(0, whole.size() - 4));
  EXPECT_EQ(zkark({"verify", "/tar/full-flat.tar.gz"}), 0) << console.err;
  EXPECT_EQ(zkark({"verify", "/tar/cut.tar.gz"}), 6);
  EXPECT_THAT(console.err, HasSubstr("ZKA-0607"));
  EXPECT_EQ(zkark({"ls", "/tar/cut.tar.gz", "/"}), 3);
  EXPECT_THAT(console.err, HasSubstr("ZKA-0607"));
  EXPECT_EQ(zkark({"init", "-r", "/repo"}), 0) << console.err;
  EXPECT_EQ(zkark({"backup", "/tar/cut.tar.gz", "-r", "/repo"}), 3);
  EXPECT_THAT(console.err, HasSubstr("ZKA-0607"));
}

TEST_F(VerifySource, QuickLooksAtHeadersOnly) {
  fs.flip_bit("/data/version-2/log.3e", 1500, 2);
  EXPECT_EQ(zkark({"verify", "/data", "--quick"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/repository/verify-quick.txt", shown()), "");
}

TEST_F(VerifySource, ReplayStartsAsAServerDoes) {
  EXPECT_EQ(zkark({"verify", "/data", "--replay"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/repository/verify-replay.txt", shown()), "");
}

TEST_F(VerifySource, ReplayAllComparesEverySnapshot) {
  EXPECT_EQ(zkark({"verify", "/data", "--replay=all"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/repository/verify-replay-all.txt", shown()), "");
}

TEST_F(VerifySource, InJsonFilesFindingsAndCertificateAreData) {
  ASSERT_EQ(zkark({"verify", "/data", "--replay=all", "--json"}), 0);
  EXPECT_EQ(at("/schema"), "zkark.verify/1");
  EXPECT_EQ(at("/damaged"), "false");
  EXPECT_EQ(at("/certificate"), "proven");
  EXPECT_EQ(at("/proven/0/last"), "0x62");
  EXPECT_EQ(at("/znodes"), "47");
  EXPECT_EQ(at("/restorable/0/last"), "0x62");
  EXPECT_EQ(at("/files/3/first_zxid"), "0x1");
  EXPECT_EQ(at("/findings"), "[]");
}

TEST_F(VerifySource, ADamagedRecordIsNamedWithItsPlaceAndWhatRemains) {
  fs.flip_bit("/data/version-2/log.3e", 300, 2);
  EXPECT_EQ(zkark({"verify", "/data"}), 6);
  EXPECT_EQ(golden("tests/cli/golden/repository/verify-damaged.txt", shown()), "");
  EXPECT_EQ(zkark({"verify", "/data", "--json"}), 6);
  EXPECT_EQ(at("/findings/0/id"), "ZKA-0611");
  EXPECT_EQ(at("/findings/0/file"), "/data/version-2/log.3e");
  EXPECT_EQ(at("/restorable/0/last"), "0x3e");
}

TEST_F(VerifySource, AGapIsSix) {
  fs.erase("/data/version-2/log.3e");
  EXPECT_EQ(zkark({"verify", "/data"}), 6);
  EXPECT_THAT(console.out, HasSubstr("GAP"));
  EXPECT_THAT(console.err, HasSubstr("ZKA-0301"));
}

TEST_F(VerifySource, ATornTailIsANoteAndZero) {
  load("zk-3.8.0-torn-tail", "/torn");
  EXPECT_EQ(zkark({"verify", "/torn"}), 0);
  EXPECT_THAT(console.out, HasSubstr("torn tail at offset 0x"));
  EXPECT_THAT(console.err, HasSubstr("never acknowledged"));
}

TEST_F(VerifySource, ATreeThatTheServerDidNotHaveIsSix) {
  load("zk-3.8.0-stale-tail", "/ens");
  EXPECT_EQ(zkark({"verify", "/ens/3", "--replay=all"}), 6) << console.out;
}

TEST_F(VerifySource, FilesWithoutDigestsAreNotProvable) {
  load("zk-3.5-standalone", "/old");
  EXPECT_EQ(zkark({"verify", "/old", "--replay=all"}), 0);
  EXPECT_THAT(console.out, HasSubstr("not provable"));
}

TEST_F(VerifySource, SingleFilesWillDo) {
  EXPECT_EQ(zkark({"verify", "/data/version-2/log.3e", "/data/version-2/snapshot.3c"}), 0) << console.err;
  EXPECT_THAT(console.out, HasSubstr("snapshot.3c"));
  EXPECT_THAT(console.out, Not(HasSubstr("log.4e")));
}

TEST_F(VerifySource, LogsMayLieApart) {
  load("zk-3.8.0-split-dirs", "/split");
  EXPECT_EQ(zkark({"verify", "/split/data", "--log-dir", "/split/log", "--json"}), 0) << console.err;
  EXPECT_EQ(at("/txns"), "53");
}

TEST_F(VerifySource, OptionsThatContradictEachOtherAreRefused) {
  EXPECT_EQ(zkark({"verify", "/data", "--quick", "--replay"}), 2);
  EXPECT_EQ(zkark({"verify", "/data", "--read-data", "5%"}), 2);
  EXPECT_THAT(console.err, HasSubstr("--read-data"));
  EXPECT_EQ(zkark({"verify", "/data", "--replay=some"}), 2);
  EXPECT_EQ(zkark({"verify"}), 2);
  EXPECT_EQ(zkark({"verify", "-r", "/repo", "--log-dir", "/x"}), 2);
  EXPECT_EQ(zkark({"verify", "-r", "/repo", "--read-data", "0"}), 2);
}

// ---- repositories ----

class VerifyRepository : public RepositoryLab {
 protected:
  void SetUp() override {
    RepositoryLab::SetUp();
    two_backups();
  }
};

TEST_F(VerifyRepository, ReadsEveryObject) {
  must({"verify"});
  EXPECT_EQ(golden("tests/cli/golden/repository/verify-repository.txt", shown()), "");
  const std::string objects = json({"verify"}, "/objects");
  EXPECT_EQ(at("/objects_read"), objects);
}

TEST_F(VerifyRepository, ADamagedObjectNamesTheBackupsThatNeedIt) {
  const std::string object = json({"show", "latest~1"}, "/manifest/segments/0/data/parts/0/object");
  fs.flip_bit("/repo/objects/" + object.substr(0, 2) + "/" + object, 150, 4);
  EXPECT_EQ(zkark({"verify", "-r", "/repo"}), 6);
  EXPECT_THAT(console.err, HasSubstr("ZKA-0616"));
  EXPECT_THAT(console.err, HasSubstr("needed by"));
  EXPECT_THAT(console.out, HasSubstr("DAMAGED (1 finding)"));
  EXPECT_EQ(zkark({"verify", "-r", "/repo", "--json"}), 6);
  EXPECT_EQ(at("/backups/0/findings"), "1");
  EXPECT_EQ(at("/backups/1/findings"), "1");  // the increment needs the full
  // Quick looks at names and sizes: it cannot see that.
  EXPECT_EQ(zkark({"verify", "-r", "/repo", "--quick"}), 0);
  EXPECT_THAT(console.out, HasSubstr("names and sizes only"));
}

TEST_F(VerifyRepository, QuickMissesNoMissingObjectAndAFullBackupPutsItBack) {
  const std::string object = json({"show", "latest~1"}, "/manifest/segments/0/data/parts/0/object");
  fs.erase("/repo/objects/" + object.substr(0, 2) + "/" + object);
  EXPECT_EQ(zkark({"verify", "-r", "/repo", "--quick"}), 6);
  EXPECT_THAT(console.err, HasSubstr("ZKA-0615"));
  EXPECT_THAT(console.out, HasSubstr("--type full"));
  must({"backup", "/data", "--type", "full"});
  EXPECT_EQ(zkark({"verify", "-r", "/repo", "--quick"}), 0) << console.err;
}

TEST_F(VerifyRepository, ReadDataReadsAPartAndAnotherEachTime) {
  const std::string all = json({"verify"}, "/objects");
  EXPECT_EQ(json({"verify", "--read-data", "100%"}, "/objects_read"), all);
  EXPECT_EQ(json({"verify", "--read-data", "10"}, "/read_percent"), "10");
  const std::string seed = at("/seed");
  EXPECT_LT(std::stoi(at("/objects_read")), std::stoi(all));
  EXPECT_NE(json({"verify", "--read-data", "10"}, "/seed"), seed);
}

TEST_F(VerifyRepository, ADamagedHeadIsSixAndTheRestIsStillChecked) {
  fs.flip_bit("/repo/HEAD", 300, 1);
  EXPECT_EQ(zkark({"verify", "-r", "/repo"}), 6);
  EXPECT_THAT(console.err, HasSubstr("ZKA-0617"));
  EXPECT_THAT(console.out, HasSubstr("incr"));
}

TEST_F(VerifyRepository, AStrangersFileIsAFinding) {
  fs.put("/repo/notes.txt", "mine");
  fs.put("/repo/tmp/0123456789abcdef", "of a run that is working");
  EXPECT_EQ(zkark({"verify", "-r", "/repo"}), 6);
  EXPECT_THAT(console.err, HasSubstr("ZKA-0618"));
  EXPECT_THAT(console.err, HasSubstr("notes.txt"));
  EXPECT_THAT(console.out, HasSubstr("1 finding"));
  EXPECT_THAT(console.out, HasSubstr("1 note"));
  fs.erase("/repo/notes.txt");
  must({"verify"});
}

TEST_F(VerifyRepository, ReplayProvesWhatWasNotAndKeepsTheVerdict) {
  EXPECT_EQ(json({"list"}, "/backups/1/certificate"), "not-checked");
  must({"verify", "--replay=all"});
  EXPECT_EQ(golden("tests/cli/golden/repository/verify-repository-replay.txt", shown()), "");
  EXPECT_EQ(json({"list"}, "/backups/1/certificate"), "proven");
  EXPECT_EQ(at("/backups/1/proven_to"), "0x62");
  EXPECT_EQ(json({"verify", "--replay"}, "/replayed/0/certificate"), "proven");
}

TEST_F(VerifyRepository, WithoutALockTheVerdictIsNotKept) {
  const auto before = fs.tree("/repo");
  must({"verify", "--replay", "--no-lock"});
  EXPECT_THAT(console.out, HasSubstr("certificate: proven"));
  EXPECT_EQ(fs.tree("/repo"), before);
}

TEST_F(VerifyRepository, ReplayOfOneClusterLeavesTheOthers) {
  load("zk-3.9-ensemble", "/ens");
  must({"backup", "/ens/1", "-C", "ens"});
  EXPECT_EQ(json({"verify", "--replay", "-C", "ens"}, "/replayed/0/cluster"), "ens");
  EXPECT_EQ(at("/replayed/1"), "nothing at /replayed/1");
  EXPECT_EQ(json({"verify", "--replay"}, "/replayed/1/cluster"), "ens");
  EXPECT_EQ(zkark({"verify", "--replay", "-C", "enz", "-r", "/repo"}), 5);
}

TEST_F(VerifyRepository, AnEmptyOneIsFine) {
  ASSERT_EQ(zkark({"init", "-r", "/empty"}), 0);
  EXPECT_EQ(zkark({"verify", "-r", "/empty", "--replay"}), 0);
  EXPECT_THAT(console.out, HasSubstr("ok: 0 backups"));
}

}  // namespace
}  // namespace zkark::test
