// backup and prune.
#include <gmock/gmock.h>

#include "tests/cli/repository_lab.h"
#include "tests/support/golden.h"

namespace zkark::test {
namespace {

using testing::HasSubstr;
using testing::Not;

// ---- backup ----

class BackupVerb : public RepositoryLab {
 protected:
  void SetUp() override {
    RepositoryLab::SetUp();
    must({"init"});
  }
};

TEST_F(BackupVerb, TheFirstIsFullAndProven) {
  load_first_life("/data");
  must({"backup", "/data"});
  EXPECT_EQ(golden("tests/cli/golden/repository/backup-full.txt", shown()), "");
}

TEST_F(BackupVerb, TheNextTakesWhatIsNewAndThenNothing) {
  load_first_life("/data");
  must({"backup", "/data"});
  clock.advance_ms(3'600'000);
  load_second_life("/data");
  must({"backup", "/data"});
  EXPECT_EQ(golden("tests/cli/golden/repository/backup-incr.txt", shown()), "");
  must({"backup", "/data"});
  EXPECT_THAT(console.out, HasSubstr("nothing new since 0x62"));
  EXPECT_EQ(json({"backup", "/data"}, "/id"), "null");
  EXPECT_EQ(json({"list"}, "/backups/2"), "nothing at /backups/2");
}

TEST_F(BackupVerb, InJsonItSaysEverythingThatCounts) {
  load_second_life("/data");
  EXPECT_EQ(json({"backup", "/data", "--tag", "why=test"}, "/schema"), "zkark.backup/1");
  EXPECT_EQ(at("/type"), "full");
  EXPECT_EQ(at("/records"), "98");
  EXPECT_EQ(at("/last_zxid"), "0x62");
  EXPECT_EQ(at("/certificate"), "proven");
  EXPECT_EQ(at("/proven_to"), "0x62");
  EXPECT_EQ(at("/tags/why"), "test");
  EXPECT_EQ(at("/windows/0/last_zxid"), "0x62");
  EXPECT_EQ(at("/findings"), "[]");
  const std::string id = at("/id");
  EXPECT_EQ(json({"show"}, "/id"), id);
}

TEST_F(BackupVerb, DryRunSaysWhatItWouldTakeAndStoresNothing) {
  load_second_life("/data");
  const auto before = fs.tree("/repo");
  must({"backup", "/data", "--dry-run"});
  EXPECT_THAT(console.out, HasSubstr("would take a first full backup"));
  EXPECT_EQ(fs.tree("/repo"), before);
  must({"backup", "/data"});
  const auto after = fs.tree("/repo");
  must({"backup", "/data", "--dry-run"});
  EXPECT_THAT(console.out, HasSubstr("would take an incremental backup"));
  EXPECT_THAT(console.out, HasSubstr("0x62"));
  must({"backup", "/data", "--dry-run", "--type", "full"});
  EXPECT_THAT(console.out, HasSubstr("would take a full backup"));
  EXPECT_EQ(fs.tree("/repo"), after);
}

TEST_F(BackupVerb, TypeDecidesBetweenFullAndIncremental) {
  load_second_life("/data");
  for (const char* dry : {"-q", "-n"}) {
    EXPECT_EQ(zkark({"backup", "/data", "-r", "/repo", "--type", "incr", dry}), 7) << dry;
    EXPECT_THAT(console.err, HasSubstr("--type"));
  }
  must({"backup", "/data"});
  EXPECT_EQ(json({"backup", "/data", "--type", "full"}, "/type"), "full");
  EXPECT_EQ(json({"backup", "/data", "--type", "incr", "--tag", "a=b"}, "/type"), "incr");
}

TEST_F(BackupVerb, ProveAndNoProveDecideAboutTheReplay) {
  load_first_life("/data");
  EXPECT_EQ(json({"backup", "/data", "--no-prove"}, "/certificate"), "not-checked");
  load_second_life("/data");
  EXPECT_EQ(json({"backup", "/data", "--prove"}, "/certificate"), "proven");
  EXPECT_EQ(at("/type"), "incr");
}

TEST_F(BackupVerb, NoHistoryTakesTheNewestSnapshotAndWhatFollows) {
  load_second_life("/data");
  EXPECT_EQ(json({"backup", "/data", "--no-history"}, "/windows/0/first_zxid"), "0x4d");
  EXPECT_EQ(at("/windows/0/last_zxid"), "0x62");
  EXPECT_EQ(json({"backup", "/data", "-C", "whole"}, "/first_zxid"), "0x1");
}

TEST_F(BackupVerb, LogsMayLieApart) {
  load("zk-3.8.0-split-dirs", "/split");
  EXPECT_EQ(json({"backup", "/split/data", "--log-dir", "/split/log"}, "/last_zxid"), "0x35");
  EXPECT_EQ(json({"show"}, "/manifest/source/log_dir"), "/split/log");
}

TEST_F(BackupVerb, ZooCfgTravelsWithTheBackup) {
  load_second_life("/data");
  fs.erase("/data/zoo.cfg");
  fs.put("/etc/zk/zoo.cfg", "tickTime=2000\ndataDir=/data\nclientPort=2181\n");
  must({"backup", "/data", "--zoo-cfg", "/etc/zk/zoo.cfg"});
  must({"show"});
  EXPECT_THAT(console.out, HasSubstr("/etc/zk/zoo.cfg"));
}

// ---- the server at work ----

class BackupOfARunningServer : public BackupVerb {
 protected:
  void SetUp() override {
    BackupVerb::SetUp();
    load_second_life("/data");
    fs.put("/data/zoo.cfg", "dataDir=/data\nclientPort=2181\n");
    system.open_files["/data"].files = {"pid 7 (java): /data/version-2/log.4e"};
    system.listening = {"127.0.0.1:2181"};
    server_has_applied("0x60");
  }
  void server_has_applied(const std::string& zxid) {
    system.answers["127.0.0.1:2181"] =
        "Zookeeper version: 3.8.0\nOutstanding: 2\nZxid: " + zxid + "\nMode: leader\nNode count: 5\n";
  }
};

TEST_F(BackupOfARunningServer, WhatItHasNotAppliedIsUnconfirmedUntilItHas) {
  must({"backup", "/data"});
  EXPECT_EQ(golden("tests/cli/golden/repository/backup-unconfirmed.txt", shown()), "");
  must({"list"});
  EXPECT_THAT(console.out, HasSubstr("unconfirmed 0x61…0x62"));
  must({"show"});
  EXPECT_THAT(console.out, HasSubstr("0x61…0x62: on one member's disk"));
  clock.advance_ms(3'600'000);
  must({"backup", "/data"});
  EXPECT_THAT(console.out, HasSubstr("nothing new since 0x62"));
  server_has_applied("0x62");
  must({"backup", "/data"});
  EXPECT_EQ(golden("tests/cli/golden/repository/backup-confirmed.txt", shown()), "");
  must({"list"});
  EXPECT_THAT(console.out, Not(HasSubstr("unconfirmed")));
}

TEST_F(BackupOfARunningServer, ARestoreOfItsUnconfirmedTailSaysSoAndNamesThePointBefore) {
  must({"backup", "/data"});
  must({"restore", "--at", "latest", "--to", "/new", "--dry-run"});
  EXPECT_THAT(console.err,
              HasSubstr("0x62: what was written from 0x61 on was on one member's disk and perhaps "
                        "never committed; --at zxid:0x61 --exclusive leaves it out"));
  must({"restore", "--at", "zxid:0x61", "--exclusive", "--to", "/new", "--dry-run"});
  EXPECT_THAT(console.err, Not(HasSubstr("never committed")));
  EXPECT_EQ(json({"restore", "--at", "latest", "--to", "/new", "--dry-run"}, "/unconfirmed"), "true");
}

TEST_F(BackupOfARunningServer, AFullBackupOfAMemberThatIsBehindSaysNothingOfTheUnconfirmedTail) {
  must({"backup", "/data"});
  load("zk-3.8.0-standalone", "/behind");
  fs.erase("/behind/version-2/log.4e");
  fs.erase("/behind/zoo.cfg");
  must({"backup", "/behind", "--type", "full"});
  must({"list"});
  EXPECT_THAT(console.out, HasSubstr("unconfirmed 0x61…0x62"));
}

TEST_F(BackupOfARunningServer, ItsPortMayStandInTheListOfServersAndItsLogsApart) {
  load("zk-3.8.0-split-dirs", "/split");
  fs.put("/etc/zk/zoo.cfg",
         "dataDir=/split/data\ndataLogDir=/split/log\nserver.2=zk2:2888:3888;10.0.0.2:2191\n"
         "server.3=zk3:2888:3888;2191\n");
  fs.put("/split/data/myid", "2\n");
  system.open_files["/split/log"].files = {"pid 8 (java): /split/log/version-2/log.1"};
  system.listening.insert("10.0.0.2:2191");
  system.answers["10.0.0.2:2191"] = "Zxid: 0x34\nMode: follower\n";
  EXPECT_EQ(json({"backup", "/etc/zk/zoo.cfg"}, "/last_applied"), "0x34");
  EXPECT_EQ(at("/unconfirmed_from"), "0x35");
}

TEST_F(BackupOfARunningServer, OneThatCannotBeProvenToBeItIsNotAsked) {
  load_second_life("/copy");
  const auto asked = [&](const std::string& source) {
    system.port_tries.clear();
    EXPECT_EQ(json({"backup", source, "-C", "copy", "--type", "full"}, "/last_applied"), "null");
    return !system.port_tries.empty();
  };
  system.open_files["/copy"].files = {"pid 9 (tar): /copy/version-2/log.4e"};
  fs.put("/copy/zoo.cfg", "dataDir=/data\nclientPort=2181\n");
  EXPECT_FALSE(asked("/copy")) << "a configuration that was copied along names the original";
  fs.put("/copy/zoo.cfg", "dataDir=/copy\n");
  EXPECT_FALSE(asked("/copy")) << "no port is known";
  fs.put("/copy/zoo.cfg", "dataDir=/copy\nclientPort=2181\n");
  system.open_files["/copy"].files = {"pid 9 (less): /copy/version-2/snapshot.3c"};
  EXPECT_FALSE(asked("/copy")) << "a restored copy beside the server that has the port";
  system.open_files.erase("/copy");
  EXPECT_FALSE(asked("/copy"));
}

TEST_F(BackupOfARunningServer, OneThatDoesNotAnswerIsNoHindrance) {
  system.answers["127.0.0.1:2181"] = "This ZooKeeper instance is not currently serving requests\n";
  EXPECT_EQ(json({"backup", "/data", "--type", "full"}, "/last_applied"), "null");
  system.answers.clear();
  EXPECT_EQ(json({"backup", "/data", "--type", "full"}, "/unconfirmed_from"), "null");
  system.listening.clear();
  EXPECT_EQ(json({"backup", "/data", "--type", "full"}, "/last_applied"), "null");
  EXPECT_GT(system.port_tries["127.0.0.1:2181"], 0);
}

TEST_F(BackupVerb, DataOfAnotherClusterAreRefusedUnlessAccepted) {
  load_second_life("/data");
  must({"backup", "/data"});
  load("zk-3.9-ensemble", "/ens");
  for (const char* dry : {"-q", "-n"}) {
    EXPECT_EQ(zkark({"backup", "/ens/1", "-r", "/repo", dry}), 7) << dry;
    EXPECT_THAT(console.err, HasSubstr("ZKA-0703"));
    EXPECT_THAT(console.err, HasSubstr("-C NAME"));
  }
  clock.advance_ms(1000);
  must({"backup", "/ens/1", "--accept-new-history"});
  EXPECT_THAT(console.out, HasSubstr("accepted new history"));
}

TEST_F(BackupVerb, AForgottenVariableCannotAcceptANewHistory) {
  load_second_life("/data");
  must({"backup", "/data"});
  load("zk-3.9-ensemble", "/ens");
  variables["ZKARK_BACKUP_ACCEPT_NEW_HISTORY"] = "true";
  EXPECT_EQ(zkark({"backup", "/ens/1", "-r", "/repo"}), 7);
}

TEST_F(BackupVerb, ClustersAreKeptApart) {
  load_second_life("/data");
  load("zk-3.9-ensemble", "/ens");
  must({"backup", "/data", "-C", "a"});
  must({"backup", "/ens/1", "-C", "b"});
  EXPECT_EQ(json({"show", "-C", "b"}, "/cluster"), "b");
  EXPECT_EQ(json({"show", "-C", "a"}, "/manifest/last_zxid"), "0x62");
}

TEST_F(BackupVerb, SourceTagsAndRepositoryComeFromTheConfiguration) {
  load_second_life("/data");
  fs.put("/home/op/.config/zkark/zkark.toml",
         "[repo.main]\nurl = \"/repo\"\n[cluster.kafka]\nsource = \"/data\"\nrepo = \"main\"\ntags = { env = "
         "\"prod\" }\n");
  ASSERT_EQ(zkark({"backup", "-C", "kafka"}), 0) << console.err;
  EXPECT_EQ(json({"show", "-C", "kafka"}, "/tags/env"), "prod");
}

TEST_F(BackupVerb, ADamagedSourceIsStoredAsFarAsItGoesAndEndsWithThree) {
  load_second_life("/data");
  fs.flip_bit("/data/version-2/log.3e", 300, 2);
  EXPECT_EQ(zkark({"backup", "/data", "-r", "/repo"}), 3);
  EXPECT_THAT(console.err, HasSubstr("ZKA-0611"));
  EXPECT_THAT(console.out, HasSubstr("saved"));
  EXPECT_EQ(zkark({"verify", "-r", "/repo"}), 6) << "what was lost before it was stored is lost";
  EXPECT_THAT(console.err, HasSubstr("the source of backup"));
}

TEST_F(BackupVerb, ATornTailIsANote) {
  load("zk-3.8.0-torn-tail", "/data");
  EXPECT_EQ(zkark({"backup", "/data", "-r", "/repo"}), 0) << console.err;
}

TEST_F(BackupVerb, WhatIsNoDataIsRefusedWithAHint) {
  fs.put_dir("/empty");
  EXPECT_EQ(zkark({"backup", "/empty", "-r", "/repo"}), 5);
  EXPECT_THAT(console.err, HasSubstr("ZKA-0502"));
  EXPECT_NE(zkark({"backup", "/missing", "-r", "/repo"}), 0);
  EXPECT_EQ(zkark({"backup", "-r", "/repo"}), 2);
  EXPECT_THAT(console.err, HasSubstr("SRC is missing"));
}

TEST_F(BackupVerb, BadTagsAreRefusedBeforeAnythingIsRead) {
  EXPECT_EQ(zkark({"backup", "/missing", "-r", "/repo", "--tag", "nightly"}), 2);
  EXPECT_THAT(console.err, HasSubstr("KEY=VALUE"));
}

TEST_F(BackupVerb, AFullDiskLeavesTheRepositoryAsItWas) {
  load_second_life("/data");
  fs.set_free_bytes(8 << 20);
  EXPECT_EQ(zkark({"backup", "/data", "-r", "/repo"}), 9) << console.out;
  EXPECT_THAT(console.err, HasSubstr("ZKA-0901"));
  fs.set_unlimited();
  EXPECT_EQ(zkark({"verify", "-r", "/repo"}), 0);
  must({"backup", "/data"});
}

TEST_F(BackupVerb, InputsKeepTheirBytesAndTimes) {
  load_second_life("/data");
  const auto before = fs.tree("/data");
  must({"backup", "/data"});
  EXPECT_EQ(fs.tree("/data"), before);
  for (const std::string& file : fs.files("/data"))
    EXPECT_EQ(fs.get_info(file)->mtime_ns, 1'790'000'000'000'000'000) << file;
}

// ---- prune ----

class Prune : public RepositoryLab {
 protected:
  static constexpr std::int64_t kHour = 3'600'000, kDay = 24 * kHour;

  void SetUp() override {
    RepositoryLab::SetUp();
    must({"init"});
    load_second_life("/data");
  }
  /// Full backups, so far apart each.
  void take(int count, std::int64_t apart_ms, std::vector<std::string> more = {}) {
    for (int i = 0; i < count; ++i) {
      std::vector<std::string> words{"backup", "/data", "--type", "full", "--no-prove"};
      words.insert(words.end(), more.begin(), more.end());
      must(words);
      clock.advance_ms(apart_ms);
    }
  }
  /// How many backups a dry run with these rules would keep.
  std::string kept(std::vector<std::string> words) {
    words.insert(words.begin(), "prune");
    words.push_back("--dry-run");
    return json(words, "/kept");
  }
};

TEST_F(Prune, ShowsItsReasonsAndAsks) {
  take(4, kDay);
  EXPECT_EQ(zkark({"prune", "-r", "/repo", "--keep-last", "2", "--keep-daily", "3"}), 7);
  EXPECT_EQ(golden("tests/cli/golden/repository/prune-asks.txt", shown()), "");
  EXPECT_EQ(kept({"--keep-last", "9"}), "4");
  must({"prune", "--keep-last", "2", "--keep-daily", "3", "--yes"});
  EXPECT_EQ(golden("tests/cli/golden/repository/prune-done.txt", shown()), "");
  EXPECT_EQ(json({"list"}, "/backups/3"), "nothing at /backups/3");
  EXPECT_EQ(json({"list"}, "/pruned_waiting"), "1");
}

TEST_F(Prune, ANoOnTheTerminalKeepsEverything) {
  take(2, kDay);
  console.in_tty = console.err_tty = true;
  console.input = {"n"};
  EXPECT_EQ(zkark({"prune", "-r", "/repo", "--keep-last", "1"}), 7);
  EXPECT_THAT(console.err, HasSubstr("Remove 1 of 2 backups?"));
  EXPECT_EQ(kept({"--keep-last", "9"}), "2");
  console.input = {"y"};
  must({"prune", "--keep-last", "1"});
  EXPECT_EQ(kept({"--keep-last", "9"}), "1");
  console.input = {"y"};
  take(1, kDay);
  EXPECT_EQ(zkark({"prune", "-r", "/repo", "--keep-last", "1", "--no-input"}), 7);
}

TEST_F(Prune, DryRunSaysTheSameAndChangesNothing) {
  take(3, kDay);
  const auto before = fs.tree("/repo");
  fs.clear_log();
  must({"prune", "--keep-last", "1", "--dry-run"});
  EXPECT_THAT(console.out, HasSubstr("2 of 3 backups would be removed"));
  EXPECT_EQ(fs.tree("/repo"), before);
  EXPECT_TRUE(fs.log().empty());  // not even a lock
}

TEST_F(Prune, EveryRuleCounts) {
  take(30, 10 * kHour);  // twelve and a half days
  EXPECT_EQ(kept({"--keep-last", "3"}), "3");
  EXPECT_EQ(kept({"--keep-hourly", "5"}), "5");
  EXPECT_EQ(kept({"--keep-daily", "4"}), "4");
  EXPECT_EQ(kept({"--keep-weekly", "2"}), "2");
  EXPECT_EQ(kept({"--keep-monthly", "9"}), "1");
  EXPECT_EQ(kept({"--keep-yearly", "9"}), "1");
  EXPECT_EQ(kept({"--keep-within", "1d"}), "3");
  EXPECT_EQ(kept({"--keep-within", "1d", "--keep-daily", "4"}), "5");  // two are kept by both
}

TEST_F(Prune, TagsKeepWhatTheyName) {
  take(1, kDay, {"--tag", "why=audit"});
  take(1, kDay, {"--tag", "why=nightly"});
  take(2, kDay);
  EXPECT_EQ(kept({"--keep-last", "1", "--keep-tag", "why"}), "3");
  EXPECT_EQ(kept({"--keep-last", "1", "--keep-tag", "why=audit"}), "2");
  EXPECT_EQ(kept({"--keep-last", "1", "--keep-tag", "why=audit", "--keep-tag", "why=nightly"}), "3");
}

TEST_F(Prune, DaysAreThoseOfTheTimeZone) {
  clock.set_wall({1'767'225'600'000 + 22 * kHour});  // 2026-01-01 22:00 UTC, 23:00 in Vienna
  take(2, kHour + kHour / 2);                        // 22:00 and 23:30: two days there, one in UTC
  EXPECT_EQ(kept({"--keep-daily", "9", "--tz", "UTC"}), "1");
  EXPECT_EQ(kept({"--keep-daily", "9", "--tz", "Europe/Vienna"}), "2");
}

TEST_F(Prune, WhatAKeptBackupNeedsStays) {
  fs.erase("/data");
  load_first_life("/data");
  must({"backup", "/data", "--no-prove"});
  clock.advance_ms(kDay);
  load_second_life("/data");
  must({"backup", "/data"});
  must({"prune", "--keep-last", "1", "--dry-run"});
  EXPECT_THAT(console.out, HasSubstr("needed by"));
  EXPECT_THAT(console.out, HasSubstr("0 of 2 backups would be removed"));
}

TEST_F(Prune, DataStayForTheGraceTime) {
  take(2, kDay);
  load("zk-3.9-ensemble", "/ens");
  must({"backup", "/ens/1", "-C", "ens"});
  clock.advance_ms(kHour);
  must({"backup", "/ens/1", "-C", "ens", "--type", "full", "--no-history", "--no-prove"});
  const std::size_t objects = fs.files("/repo/objects").size();
  must({"prune", "--keep-last", "1", "--yes"});
  EXPECT_THAT(console.out, HasSubstr("their data stays for 1 d 0 h"));
  EXPECT_EQ(fs.files("/repo/objects").size(), objects);
  EXPECT_EQ(zkark({"verify", "-r", "/repo"}), 0) << console.err;
  clock.advance_ms(2 * kDay);
  must({"prune", "--keep-last", "1"});  // nothing to ask
  EXPECT_THAT(console.out, HasSubstr("0 of 2 backups removed"));
  EXPECT_EQ(json({"list"}, "/pruned_waiting"), "0");
  EXPECT_EQ(zkark({"verify", "-r", "/repo"}), 0) << console.err;
}

TEST_F(Prune, WithoutGraceDataGoAtOnce) {
  take(2, kDay);
  must({"prune", "--keep-last", "1", "--yes", "--grace", "0s"});
  EXPECT_THAT(console.out, Not(HasSubstr("stays for")));
  EXPECT_EQ(json({"list"}, "/pruned_waiting"), "0");
  EXPECT_EQ(zkark({"verify", "-r", "/repo"}), 0) << console.err;
}

TEST_F(Prune, OneClusterLeavesTheOthersAlone) {
  take(3, kDay, {"-C", "a"});
  take(3, kDay, {"-C", "b"});
  EXPECT_EQ(kept({"--keep-last", "1", "-C", "a"}), "1");
  must({"prune", "--keep-last", "1", "-C", "a", "--yes"});
  EXPECT_EQ(kept({"--keep-last", "9"}), "4");
  EXPECT_EQ(kept({"--keep-last", "1"}), "2");
  EXPECT_EQ(zkark({"prune", "--keep-last", "1", "-C", "c", "-r", "/repo"}), 5);
}

TEST_F(Prune, RulesComeFromTheConfiguration) {
  fs.put("/home/op/.config/zkark/zkark.toml",
         "[retention.default]\nlast = 2\nwithin = \"36h\"\ntags = [\"why=audit\"]\n");
  take(1, kDay, {"--tag", "why=audit"});
  take(4, kDay);
  EXPECT_EQ(kept({"-C", "default"}), "3");
  EXPECT_EQ(kept({"-C", "default", "--keep-last", "3"}), "4");
  EXPECT_EQ(zkark({"prune", "-r", "/repo", "-n"}), 2);
  EXPECT_THAT(console.err, HasSubstr("[retention.NAME]: default"));
}

TEST_F(Prune, WithoutARuleNothingGoes) {
  take(1, kDay);
  EXPECT_EQ(zkark({"prune", "-r", "/repo", "--yes"}), 2);
  EXPECT_THAT(console.err, HasSubstr("--keep-last"));
  EXPECT_EQ(zkark({"prune", "-r", "/repo", "--keep-within", "5m"}), 2);
  EXPECT_THAT(console.err, HasSubstr("months"));
  EXPECT_EQ(zkark({"prune", "-r", "/repo", "--keep-tag", "nope", "--yes"}), 7);
  EXPECT_THAT(console.err, HasSubstr("would lose its last backup"));
}

TEST_F(Prune, ABackupTakenWhileTheQuestionStoodThereIsNotRemovedUnseen) {
  take(2, kDay);
  console.in_tty = console.err_tty = true;
  console.input = {"y"};
  bool once = true;
  fs.set_hook([&](const Operation& operation) {
    if (!once || operation.kind != OpKind::kCreate || operation.path.find("/repo/tmp") == std::string::npos)
      return;
    once = false;  // the lock of prune is about to be written: a backup was quicker
    FakeConsole mine = console;
    must({"backup", "/data", "--type", "full", "--no-prove"});
    console = mine;
  });
  const int status = zkark({"prune", "-r", "/repo", "--keep-last", "1"});
  fs.set_hook({});
  EXPECT_EQ(status, 7);
  EXPECT_THAT(console.err, HasSubstr("changed meanwhile"));
  EXPECT_EQ(kept({"--keep-last", "9"}), "3");
}

}  // namespace
}  // namespace zkark::test
