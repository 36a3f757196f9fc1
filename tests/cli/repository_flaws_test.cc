// What is wrong with the data themselves: backups that contradict each other, failed proofs, holes, damage,
// and what a restore still gives from a repository that lost something.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/cli/repository_lab.h"
#include "tests/support/forge.h"
#include "tests/support/log_builder.h"

namespace zkark::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Flaws : public RepositoryLab {
 protected:
  void SetUp() override {
    RepositoryLab::SetUp();
    fs.put_dir("/srv");
    load("zk-3.8.0-shop", "/data");
    load("zk-3.8.0-shop", "/bad");
    ASSERT_TRUE(forge_record(fs, "/bad/version-2/log.10", 0x10));
    ASSERT_EQ(zkark({"init", "-r", "/repo"}), 0);
  }
  int on_repository(std::vector<std::string> words) {
    words.insert(words.end(), {"-r", "/repo"});
    return zkark(std::move(words));
  }
  std::string object_file(const std::string& name) {
    return "/repo/objects/" + name.substr(0, 2) + "/" + name;
  }
};

// ---- two copies of one stretch ----

TEST_F(Flaws, AGoodSourceHealsABackupThatFailedItsProof) {
  EXPECT_EQ(on_repository({"backup", "/bad"}), 6);
  clock.advance_ms(3'600'000);
  EXPECT_EQ(on_repository({"backup", "/data"}), 0) << shown();
  EXPECT_THAT(console.out, AllOf(HasSubstr("proven to 0x17"), Not(HasSubstr("nothing new"))));
  EXPECT_THAT(console.err, HasSubstr("failed its proof at 0x10"));
  EXPECT_EQ(json({"list"}, "/timelines/1/cause"), "contradicts stored records");
  EXPECT_EQ(at("/timelines/1/fork_zxid"), "0xf");
  EXPECT_EQ(on_repository({"restore", "--to", "/srv/zk"}), 0) << shown();
  EXPECT_EQ(on_repository({"restore", "--at", "zxid:0x12", "--to", "/srv/zk2"}), 0) << shown();
  // Once.
  must({"backup", "/data"});
  EXPECT_THAT(console.out, HasSubstr("nothing new"));
}

TEST_F(Flaws, ABadBackupDoesNotStandInForAProvenOne) {
  must({"backup", "/data"});
  clock.advance_ms(3'600'000);
  EXPECT_EQ(on_repository({"backup", "/bad", "--type", "full"}), 6);
  EXPECT_THAT(console.err, HasSubstr("the source has another 0x10 than what is stored"));
  EXPECT_EQ(on_repository({"restore", "--to", "/srv/zk"}), 0) << shown();
  must({"backup", "/data"});
  EXPECT_THAT(console.out, HasSubstr("nothing new"));
}

TEST_F(Flaws, ReplayJudgesEveryCopyByItsOwnRecords) {
  EXPECT_EQ(on_repository({"backup", "/bad"}), 6);
  EXPECT_EQ(on_repository({"backup", "/data", "--type", "full"}), 0) << shown();
  EXPECT_EQ(on_repository({"verify", "--replay=all"}), 6);
  EXPECT_EQ(json({"list"}, "/backups/0/certificate"), "failed");
  EXPECT_EQ(at("/backups/1/certificate"), "proven");
}

TEST_F(Flaws, TheSameBadSourceIsNotTakenAgainAndAgain) {
  EXPECT_EQ(on_repository({"backup", "/bad"}), 6);
  must({"backup", "/bad"});
  EXPECT_THAT(console.out, AllOf(HasSubstr("nothing new"), HasSubstr("failed its proof at 0x10")));
}

// ---- what is not proven ----

TEST_F(Flaws, WhatIsNotTheServersTreeIsRestoredOnlyOnDemandAndSaysSo) {
  EXPECT_EQ(zkark({"restore", "/bad", "--to", "/srv/zk"}), 6);
  EXPECT_THAT(console.err, HasSubstr("--accept-unproven"));
  EXPECT_FALSE(fs.get_info("/srv/zk"));
  EXPECT_EQ(zkark({"restore", "/bad", "--to", "/srv/zk", "--accept-unproven"}), 3);
  EXPECT_THAT(console.out, AllOf(HasSubstr("NOT PROVEN"), HasSubstr("from 0x10 on"), HasSubstr("restored")));
  EXPECT_THAT(console.err, HasSubstr("ZKA-0612"));
  EXPECT_TRUE(fs.get_info("/srv/zk"));
  EXPECT_EQ(zkark({"restore", "/bad", "--to", "/srv/zk2", "--accept-unproven", "--json"}), 3);
  EXPECT_EQ(at("/proven"), "false");
  EXPECT_EQ(at("/accepted_unproven"), "true");
  // Before the difference nothing is doubtful.
  EXPECT_EQ(zkark({"restore", "/bad", "--to", "/srv/zk3", "--at", "zxid:0xf", "--accept-unproven", "--json"}),
            0);
  EXPECT_EQ(at("/accepted_unproven"), "false");
}

TEST_F(Flaws, AcceptingIsForTheCommandLineAlone) {
  variables["ZKARK_ACCEPT_UNPROVEN"] = "1";
  EXPECT_EQ(zkark({"restore", "/bad", "--to", "/srv/zk"}), 6);
}

TEST_F(Flaws, DamagedRecordsAreNotAcceptedAsUnproven) {
  fs.flip_bit("/data/version-2/log.10", 60, 2);
  EXPECT_EQ(zkark({"restore", "/data", "--at", "zxid:0x17", "--to", "/srv/zk", "--accept-unproven"}), 6)
      << shown();
}

TEST_F(Flaws, ListMarksTheStretchThatIsNotProven) {
  EXPECT_EQ(on_repository({"backup", "/bad"}), 6);
  EXPECT_EQ(on_repository({"list"}), 0);
  EXPECT_THAT(console.out, AllOf(HasSubstr("UNPROVEN     0x10…0x17"), Not(HasSubstr("(no gaps)"))));
  EXPECT_EQ(json({"list"}, "/unproven/0/first_zxid"), "0x10");
}

TEST_F(Flaws, VerifyNamesOnlyPointsThatARestoreGives) {
  EXPECT_EQ(zkark({"verify", "/bad", "--replay=all"}), 6);
  EXPECT_THAT(console.out, AllOf(HasSubstr("--at zxid:0xf "), HasSubstr("not proven: 0x10 to 0x17")));
  EXPECT_EQ(zkark({"restore", "/bad", "--at", "zxid:0xf", "--to", "/srv/zk"}), 0);
}

TEST_F(Flaws, ProvenSaysHowFarWhereDigestsEndBeforeTheRecords) {
  LogBuilder log;
  for (std::int64_t zxid = 0x18; zxid <= 0x1a; ++zxid) log.record(zxid, 1'800'000'000'000 + zxid);
  fs.put("/data/version-2/log.18", log.bytes());
  must({"backup", "/data"});
  EXPECT_THAT(console.out, HasSubstr("proven to 0x17 (of 0x1a)"));
  must({"list"});
  EXPECT_THAT(console.out, HasSubstr("proven to 0x17 (of 0x1a)"));
  must({"show", "latest"});
  EXPECT_THAT(console.out, HasSubstr("(of 0x1a)"));
  must({"verify"});
  EXPECT_THAT(console.out, HasSubstr("proven to 0x17 (of 0x1a)"));
  EXPECT_EQ(zkark({"verify", "/data", "--replay=all"}), 0);
  EXPECT_THAT(console.out, HasSubstr("(of 0x1a)"));
}

// ---- what a verify of the repository knows without reading anything again ----

TEST_F(Flaws, VerifyNamesAFailedProof) {
  EXPECT_EQ(on_repository({"backup", "/bad"}), 6);
  EXPECT_EQ(on_repository({"verify"}), 6);
  EXPECT_THAT(console.err, AllOf(HasSubstr("the proof of backup"), HasSubstr("from 0x10 on")));
  EXPECT_THAT(console.out, AllOf(HasSubstr("FLAWED (1 finding)"), Not(HasSubstr("ok:"))));
  EXPECT_EQ(on_repository({"verify", "--quick"}), 6);
}

TEST_F(Flaws, VerifyNamesAHoleUntilABackupFillsIt) {
  load_second_life("/gap");
  fs.erase("/gap/version-2/log.3e");
  EXPECT_EQ(on_repository({"backup", "/gap", "-C", "gap"}), 3) << shown();
  EXPECT_EQ(on_repository({"verify", "-C", "gap"}), 6);
  EXPECT_THAT(console.err, AllOf(HasSubstr("ZKA-0301"), HasSubstr("are in no backup")));
  load_second_life("/whole");
  EXPECT_EQ(on_repository({"backup", "/whole", "-C", "gap"}), 0) << shown();
  EXPECT_THAT(console.err, HasSubstr("the source has what the hole"));
  EXPECT_EQ(on_repository({"verify", "-C", "gap"}), 0) << shown();
  EXPECT_EQ(on_repository({"backup", "/whole", "-C", "gap"}), 0);
  EXPECT_THAT(console.out, HasSubstr("nothing new"));
}

TEST_F(Flaws, ACutOlderLogIsAGapInBackupAndListAndItsLostRecordWasAcknowledged) {
  const auto log = read_file(fs, "/data/version-2/log.1", 1u << 20);
  ASSERT_TRUE(log);
  fs.put("/data/version-2/log.1", log->substr(0, 1500));  // within 0xf; snapshot.f and log.10 go on
  EXPECT_EQ(on_repository({"backup", "/data"}), 3);
  EXPECT_THAT(console.err, AllOf(HasSubstr("torn tail: the log was cut behind 0xe"),
                                 Not(HasSubstr("never acknowledged"))));
  EXPECT_THAT(console.out, HasSubstr("1 gap"));
  must({"list"});
  EXPECT_THAT(console.out, AllOf(HasSubstr("after 0xe, before 0x10"), Not(HasSubstr("no gaps"))));
  EXPECT_EQ(json({"list"}, "/gaps/0/after_zxid"), "0xe");
  EXPECT_EQ(at("/windows/0/last_zxid"), "0xe");
  EXPECT_EQ(at("/windows/1/first_zxid"), "0xf");
}

TEST_F(Flaws, VerifyNamesDamageThatTheSourceHad) {
  load_second_life("/hurt");
  fs.flip_bit("/hurt/version-2/log.4e", 300, 2);
  EXPECT_EQ(on_repository({"backup", "/hurt", "-C", "hurt"}), 3) << shown();
  EXPECT_EQ(on_repository({"verify", "-C", "hurt"}), 6);
  EXPECT_THAT(console.err, HasSubstr("the source of backup"));
}

TEST_F(Flaws, AWindowEndsBeforeARecordThatCannotBeApplied) {
  LogBuilder log;
  for (std::int64_t zxid = 1; zxid <= 3; ++zxid) log.record(zxid, 1'800'000'000'000 + zxid);
  log.txn(create_txn(4, 1'800'000'000'004, "no-slash")).record(5, 1'800'000'000'005);
  fs.put("/odd/version-2/log.1", log.bytes());
  EXPECT_EQ(on_repository({"backup", "/odd", "-C", "odd"}), 3) << shown();
  EXPECT_EQ(json({"list", "-C", "odd"}, "/windows/0/last_zxid"), "0x3");
  EXPECT_EQ(on_repository({"restore", "-C", "odd", "--at", "zxid:0x3", "--to", "/srv/zk"}), 0) << shown();
  EXPECT_EQ(on_repository({"verify", "-C", "odd"}), 6);
}

TEST_F(Flaws, VerifyOfOneClusterLeavesTheOthersAlone) {
  must({"backup", "/data", "-C", "shop"});
  EXPECT_EQ(on_repository({"backup", "/bad", "-C", "bad"}), 6);
  const std::string object = json({"show", "latest", "-C", "shop"}, "/manifest/config/0/data/parts/0/object");
  EXPECT_EQ(on_repository({"verify", "-C", "shop"}), 0) << shown();
  EXPECT_THAT(console.out, HasSubstr("1 backup,"));
  EXPECT_EQ(on_repository({"verify", "-C", "bad"}), 6);
  EXPECT_EQ(on_repository({"verify", "-C", "nobody"}), 5);
  EXPECT_EQ(on_repository({"verify"}), 6);
}

TEST_F(Flaws, ReadDataReadsSomethingWhereThereIsLittle) {
  must({"backup", "/data"});
  EXPECT_NE(json({"verify", "--read-data", "1"}, "/objects_read"), "0");
}

// ---- a wounded repository still gives what it has ----

TEST_F(Flaws, AConfigurationThatCannotBeUnderstoodDoesNotKeepTheDataBack) {
  fs.put("/data/zoo.cfg", "dataDir=/data\nclientPort=2181\nserver.1=a:2888:3888\nserver.2=foo\n");
  fs.put("/good.cfg", "dataDir=/data\nclientPort=2182\n");
  EXPECT_EQ(on_repository({"backup", "/data"}), 0) << shown();
  EXPECT_EQ(on_repository({"restore", "--to", "/srv/zk"}), 3) << shown();
  EXPECT_THAT(console.err, AllOf(HasSubstr("ZKA-0610"), HasSubstr("--zoo-cfg")));
  EXPECT_TRUE(fs.get_info("/srv/zk/version-2"));
  EXPECT_EQ(on_repository({"restore", "--to", "/srv/zk2", "--zoo-cfg", "/good.cfg"}), 0) << shown();
  EXPECT_THAT(fs.get("/srv/zk2/conf/zoo.cfg").value_or(""), HasSubstr("clientPort=2182"));
  EXPECT_EQ(on_repository({"restore", "--to", "/srv/zk3", "--zoo-cfg", "/data/zoo.cfg"}), 6);
}

TEST_F(Flaws, AConfigurationWhoseObjectIsGoneDoesNotKeepTheDataBack) {
  fs.put("/data/zoo.cfg", "dataDir=/data\nclientPort=2181\n");
  must({"backup", "/data"});
  json({"show", "latest"}, "/id");
  std::string object;
  for (int i = 0; i < 8 && object.empty(); ++i)
    if (at(fmt::format("/manifest/config/{}/role", i)) == "zoo.cfg")
      object = at(fmt::format("/manifest/config/{}/data/parts/0/object", i));
  fs.erase(object_file(object));
  EXPECT_EQ(on_repository({"restore", "--to", "/srv/zk"}), 3) << shown();
  EXPECT_THAT(console.err, HasSubstr("the stored zoo.cfg cannot be read"));
  EXPECT_TRUE(fs.get_info("/srv/zk/version-2"));
  EXPECT_EQ(on_repository({"restore", "--to", "/srv/zk2", "--zoo-cfg", "/data/zoo.cfg"}), 3) << shown();
  EXPECT_TRUE(fs.get_info("/srv/zk2/conf/zoo.cfg"));
}

TEST_F(Flaws, ALostLogThatThePointDoesNotNeedIsNoObstacle) {
  must({"backup", "/data"});
  fs.erase(object_file(json({"show", "latest"}, "/manifest/segments/0/data/parts/0/object")));
  EXPECT_EQ(on_repository({"restore", "--to", "/srv/zk"}), 0) << shown();
  EXPECT_EQ(on_repository({"restore", "--at", "zxid:0x3", "--to", "/srv/zk2"}), 6) << shown();
  EXPECT_THAT(console.err, HasSubstr("hint:"));
}

TEST_F(Flaws, ARottenLogThatThePointDoesNotNeedIsNoObstacle) {
  must({"backup", "/data"});
  fs.flip_bit(object_file(json({"show", "latest"}, "/manifest/segments/0/data/parts/0/object")), 200, 3);
  EXPECT_EQ(on_repository({"restore", "--to", "/srv/zk"}), 0) << shown();
}

class LostManifest : public RepositoryLab {
 protected:
  void SetUp() override {
    RepositoryLab::SetUp();
    fs.put_dir("/srv");
    two_backups();
    lost_ = json({"list"}, "/backups/1/id");
    fs.erase("/repo/manifests/" + lost_ + ".json");
  }
  int on_repository(std::vector<std::string> words) {
    words.insert(words.end(), {"-r", "/repo"});
    return zkark(std::move(words));
  }
  std::string lost_;
};

TEST_F(LostManifest, BackupsGoOnFromWhatCanBeRead) {
  EXPECT_EQ(on_repository({"backup", "/data"}), 3) << shown();
  EXPECT_THAT(console.err, HasSubstr("is missing"));
  EXPECT_EQ(on_repository({"restore", "--to", "/srv/zk", "--at", "zxid:0x62"}), 3) << shown();
  EXPECT_TRUE(fs.get_info("/srv/zk/version-2"));
}

TEST_F(LostManifest, AFullBackupIsPossible) {
  EXPECT_EQ(on_repository({"backup", "/data", "--type", "full"}), 3) << shown();
  EXPECT_EQ(on_repository({"restore", "--to", "/srv/zk"}), 3) << shown();
  EXPECT_TRUE(fs.get_info("/srv/zk/version-2"));
}

TEST_F(LostManifest, PruneFreesNothingAndSaysWhy) {
  const auto objects = fs.files("/repo/objects");
  EXPECT_EQ(on_repository({"prune", "--keep-last", "5", "--grace", "0s"}), 3) << shown();
  EXPECT_THAT(console.out, HasSubstr("nothing was freed"));
  EXPECT_EQ(fs.files("/repo/objects"), objects);
}

TEST_F(LostManifest, AFullBackupIsPossibleThoughNoManifestIsLeft) {
  for (const std::string& file : fs.files("/repo/manifests")) fs.erase(file);
  EXPECT_EQ(on_repository({"backup", "/data"}), 3) << shown();
  EXPECT_EQ(on_repository({"restore", "--to", "/srv/zk"}), 0) << shown();
  EXPECT_EQ(on_repository({"list"}), 3) << "the lost ones are still named";
}

// ---- what is not there, or not finished ----

TEST_F(Flaws, ADataDirWithoutItsLogsIsNamedByEveryVerbAndAnIncompleteBackup) {
  load("zk-3.8.0-split-dirs", "/split");
  for (int night = 0; night < 2; ++night) {
    EXPECT_EQ(on_repository({"backup", "/split/data"}), 3) << shown();
    EXPECT_THAT(console.err, AllOf(HasSubstr("--log-dir"), HasSubstr("zoo.cfg")));
  }
  EXPECT_EQ(zkark({"verify", "/split/data"}), 0);
  EXPECT_THAT(console.err, HasSubstr("--log-dir"));
  EXPECT_EQ(zkark({"restore", "/split/data", "--to", "/srv/zk"}), 0);
  EXPECT_THAT(console.err, HasSubstr("--log-dir"));
  EXPECT_EQ(zkark({"verify", "/split/data", "--log-dir", "/split/log"}), 0);
  EXPECT_THAT(console.err, Not(HasSubstr("--log-dir")));
}

TEST_F(Flaws, AFreshServerHasNoLogYet) {
  for (const char* other : {"log.1", "log.10", "snapshot.f"})
    fs.erase(std::string("/data/version-2/") + other);
  must({"backup", "/data"});
  EXPECT_THAT(console.err, Not(HasSubstr("--log-dir")));
}

TEST_F(Flaws, SnapshotsAloneAreJudgedAlikeByBackupAndVerify) {
  fs.erase("/data/version-2/log.1");
  fs.erase("/data/version-2/log.10");
  EXPECT_EQ(zkark({"verify", "/data", "--replay", "--json"}), 0);
  const std::string znodes = at("/znodes"), certificate = at("/certificate"),
                    compared = at("/digests_compared");
  EXPECT_EQ(certificate, "proven");
  EXPECT_EQ(on_repository({"backup", "/data", "--json"}), 3);
  EXPECT_EQ(at("/znodes"), znodes);
  EXPECT_EQ(at("/certificate"), certificate);
  EXPECT_EQ(at("/digests_compared"), compared);
  EXPECT_THAT(at("/verdict"), HasSubstr("proven to 0xf"));
}

TEST_F(Flaws, ASnapshotThatIsBeingWrittenIsANoteAndAnOlderOneDamage) {
  const auto whole = read_file(fs, "/data/version-2/snapshot.f", 1u << 20);
  ASSERT_TRUE(whole);
  fs.put("/data/version-2/snapshot.f", whole->substr(0, 800));
  for (const char* depth : {"--replay", "--replay=all", "--quick"})
    EXPECT_EQ(zkark({"verify", "/data", depth}), 0) << shown();
  EXPECT_EQ(zkark({"verify", "/data"}), 0) << shown();
  EXPECT_THAT(console.err, HasSubstr("it is being written, or its server died over it"));
  EXPECT_THAT(console.out, AllOf(HasSubstr("unfinished"), Not(HasSubstr("BAD"))));
  fs.put("/data/version-2/snapshot.17", *whole);
  EXPECT_EQ(zkark({"verify", "/data"}), 6) << "snapshot.f is no longer the newest";
}

TEST_F(Flaws, AFileThatIsNoSnapshotIsNoPointAndTearsNoGap) {
  const auto whole = read_file(fs, "/data/version-2/snapshot.f", 1u << 20);
  ASSERT_TRUE(whole);
  for (const std::string& content : {std::string(), "xxxx" + whole->substr(4)}) {
    fs.put("/data/version-2/snapshot.99", content);
    EXPECT_EQ(zkark({"restore", "/data", "--to", "/srv/zk", "--dry-run"}), 0) << shown();
    EXPECT_THAT(console.out, HasSubstr("0x17"));
    on_repository({"backup", "/data", "--type", "full", "--json"});
    EXPECT_EQ(at("/gaps"), "[]");
    EXPECT_EQ(at("/last_zxid"), "0x17");
  }
}

TEST_F(Flaws, OnlyDamagedFilesAreDamageToBackupAsToVerify) {
  for (const char* other : {"log.1", "log.10", "snapshot.0"})
    fs.erase(std::string("/data/version-2/") + other);
  const auto whole = read_file(fs, "/data/version-2/snapshot.f", 1u << 20);
  ASSERT_TRUE(whole);
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{800}}) {
    fs.put("/data/version-2/snapshot.f", whole->substr(0, bytes));
    EXPECT_EQ(zkark({"verify", "/data"}), 6) << shown();
    EXPECT_EQ(on_repository({"backup", "/data"}), 6) << shown();
  }
}

// ---- times ----

TEST_F(Flaws, TimesThatNoCalendarHoldsArePrintedAsSeconds) {
  LogBuilder log;
  log.record(1, 280'000'000'000'123);
  fs.put("/odd/version-2/log.1", log.bytes());
  EXPECT_EQ(zkark({"restore", "/odd", "--at", "zxid:0x9", "--to", "/srv/zk"}), 5);
  EXPECT_THAT(console.err, HasSubstr("0x1 @280000000000.123"));
}

TEST_F(Flaws, AWindowBeginsAtTheTimeOfItsFirstRecord) {
  const std::string log = join_logs(fs, {"/data/version-2/log.1", "/data/version-2/log.10"}, 6);
  fs.erase("/data/version-2");
  load("zk-3.8.0-shop/version-2", "/data/version-2");
  for (const char* other : {"log.1", "log.10", "snapshot.0"})
    fs.erase(std::string("/data/version-2/") + other);
  fs.put("/data/version-2/log.6", log);
  must({"backup", "/data"});
  ASSERT_EQ(json({"list"}, "/windows/0/first_zxid"), "0xf") << "inside the segment 0x6…0x17";
  EXPECT_EQ(at("/windows/0/first_time"), "2026-11-21T09:02:20.444Z");
}

TEST_F(Flaws, ASnapshotAloneHasNoTime) {
  fs.erase("/data/version-2/log.1");
  fs.erase("/data/version-2/log.10");
  EXPECT_EQ(zkark({"backup", "/data", "-r", "/repo"}), 3) << shown();
  must({"list"});
  EXPECT_THAT(console.out, AllOf(Not(HasSubstr("1970")), HasSubstr("no record tells the time")));
  EXPECT_EQ(json({"list"}, "/windows/0/first_time"), "null");
  must({"show", "latest"});
  EXPECT_THAT(console.out, Not(HasSubstr("1970")));
}

}  // namespace
}  // namespace zkark::test
