// restore: from every kind of source, to every kind of target, with every reason to refuse.
#include <gmock/gmock.h>

#include "restore/lineage.h"
#include "tests/cli/repository_lab.h"
#include "tests/support/golden.h"
#include "tests/support/load_dir.h"

namespace zkark::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class RestoreVerb : public RepositoryLab {
 protected:
  void SetUp() override {
    RepositoryLab::SetUp();
    fs.put_dir("/srv");
  }
  /// Runs restore; the exit status.
  int restore(std::vector<std::string> words) {
    words.insert(words.begin(), "restore");
    return zkark(std::move(words));
  }
  std::string file(const std::string& path) { return fs.get(path).value_or("(absent)"); }
  /// "log.1 (pid …)" of what is in the data folder of a restored directory.
  std::vector<std::string> data_files(const std::string& dir) {
    std::vector<std::string> names;
    for (const std::string& path : fs.files(dir + "/version-2")) names.emplace_back(base_name(path));
    return names;
  }
  /// An ensemble member with its configuration in /data.
  void load_member() { load("zk-3.8.0-ensemble/1", "/data"); }
};

TEST_F(RestoreVerb, SaysTargetProofPlanResultAndWhatComesNext) {
  load_second_life("/data");
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk", "--at", "zxid:0x4d"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/restore/data_dir.txt", shown()), "");
  EXPECT_THAT(data_files("/srv/zk"),
              testing::ElementsAre("acceptedEpoch", "currentEpoch", "snapshot.10000000000"));
  EXPECT_EQ(file("/srv/zk/version-2/currentEpoch"), "256");
  EXPECT_THAT(file("/srv/zk/conf/zoo.cfg"),
              AllOf(HasSubstr("dataDir=/srv/zk\n"), HasSubstr("extendedTypesEnabled=true")));
  EXPECT_EQ(file("/srv/zk/conf/zoo.cfg.orig"), file("/data/zoo.cfg"));
}

TEST_F(RestoreVerb, InJsonEverythingIsAField) {
  load_second_life("/data");
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk", "--at", "zxid:0x4d", "--json"}), 0);
  EXPECT_EQ(at("/schema"), "zkark.restore/1");
  EXPECT_EQ(at("/zxid"), "0x4d");
  EXPECT_EQ(at("/record/type"), "closeSession");
  EXPECT_EQ(at("/next/zxid"), "0x4e");
  EXPECT_EQ(at("/previous/path"), "/ttl-short");
  EXPECT_EQ(at("/epoch"), "256");
  EXPECT_EQ(at("/bumped"), "true");
  EXPECT_EQ(at("/proven"), "true");
  EXPECT_EQ(at("/snapshot"), "/srv/zk/version-2/snapshot.10000000000");
  EXPECT_EQ(at("/ephemerals_dropped/0/session"), "0x1000086147b0000");
  EXPECT_EQ(at("/sessions"), "0");
}

TEST_F(RestoreVerb, DryRunSaysTheSameAndWritesNothing) {
  load_second_life("/data");
  const auto before = fs.tree("/");
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk", "--at", "zxid:0x4d", "--dry-run"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/restore/dry_run.txt", shown()), "");
  EXPECT_EQ(fs.tree("/"), before);
  EXPECT_FALSE(fs.get_info("/srv/zk"));
}

TEST_F(RestoreVerb, TheSourceIsOnlyRead) {
  load_second_life("/data");
  fs.clear_log();
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk"}), 0);
  for (const Operation& operation : fs.log())
    EXPECT_THAT(operation.path, Not(testing::StartsWith("/data"))) << operation.to_string();
}

TEST_F(RestoreVerb, AnExactCopyKeepsNameEpochAndSessions) {
  load_second_life("/data");
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk", "--at", "zxid:0x4d", "--no-bump-epoch", "--json"}), 0);
  EXPECT_THAT(data_files("/srv/zk"), testing::ElementsAre("acceptedEpoch", "currentEpoch", "snapshot.4d"));
  EXPECT_EQ(at("/sessions"), "2");
  EXPECT_EQ(at("/digest"), at("/digest_at_point"));
  EXPECT_THAT(at("/advice"), HasSubstr("will be issued again"));
  EXPECT_EQ(restore({"/data", "--to", "/srv/dropped", "--at", "zxid:0x4d", "--no-bump-epoch",
                     "--drop-ephemerals", "--json"}),
            0);
  EXPECT_EQ(at("/sessions"), "0");
  EXPECT_EQ(at("/snapshot_zxid"), "0x4d");
}

TEST_F(RestoreVerb, SessionsAreKeptOnlyWithAWarning) {
  load_second_life("/data");
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk", "--at", "zxid:0x4d", "--keep-sessions"}), 0);
  EXPECT_THAT(console.out, HasSubstr("kept sessions re-attach"));
  EXPECT_THAT(console.out, HasSubstr("38 znodes, 2 sessions"));
  EXPECT_EQ(restore({"/data", "--to", "/srv/b", "--keep-sessions", "--drop-ephemerals"}), 2);
  EXPECT_EQ(restore({"/data", "--to", "/srv/b", "--keep-sessions", "--path", "/app"}), 2);
}

TEST_F(RestoreVerb, TheEpochIsAboveEverythingSeenOrRefused) {
  load_member();
  EXPECT_EQ(restore({"/data", "--to", "/srv/a", "--json"}), 0);
  EXPECT_EQ(at("/epoch"), "259") << "3 + 256";
  EXPECT_EQ(restore({"/data", "--to", "/srv/b", "--bump-epoch=0x10", "--json"}), 0);
  EXPECT_EQ(at("/snapshot_zxid"), "0x1000000000");
  EXPECT_EQ(restore({"/data", "--to", "/srv/c", "--bump-epoch=3"}), 7);
  EXPECT_THAT(console.err, HasSubstr("--bump-epoch=4"));
  EXPECT_EQ(restore({"/data", "--to", "/srv/c", "--at", "zxid:0x100000002", "--bump-epoch=2"}), 7)
      << "an earlier point changes nothing: epoch 3 was seen";
  EXPECT_EQ(restore({"/data", "--to", "/srv/c", "--bump-epoch=4", "--no-bump-epoch"}), 2);
}

TEST_F(RestoreVerb, AZxidThatIsNoneNamesItsNeighbours) {
  load_second_life("/data");
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk", "--at", "zxid:0x63"}), 5);
  EXPECT_THAT(console.err,
              AllOf(HasSubstr("ZKA-0501"), HasSubstr("0x62"), HasSubstr("hint: --at zxid:0x62")));
  EXPECT_FALSE(fs.get_info("/srv/zk"));
}

TEST_F(RestoreVerb, ATimeThatNamesTwoPointsIsRefusedUntilARuleIsGiven) {
  load("zk-3.8.0-clock-step", "/data");
  // Between the clock of the life that ran an hour back and the others.
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk", "--at", "zxid:0x7", "--dry-run", "--json"}), 0);
  const std::string time = at("/record/time");
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk", "--at", time, "--dry-run", "--json"}), 0) << console.err;
  const std::string first_time = [&] {
    EXPECT_EQ(restore({"/data", "--to", "/srv/zk", "--at", "zxid:0x3", "--dry-run", "--json"}), 0);
    return at("/record/time");
  }();
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk", "--at", first_time, "--dry-run"}), 7);
  EXPECT_THAT(console.err, AllOf(HasSubstr("ZKA-0704"), HasSubstr("--time-rule first|last")));
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk", "--at", first_time, "--time-rule", "first", "--dry-run",
                     "--json"}),
            0);
  EXPECT_EQ(at("/record/time"), first_time);
  EXPECT_EQ(
      restore({"/data", "--to", "/srv/zk", "--at", first_time, "--time-rule", "last", "--dry-run", "--json"}),
      0);
  EXPECT_GT(std::stoll(at("/zxid"), nullptr, 16), 7);
}

// ---- targets

TEST_F(RestoreVerb, ATargetThatHoldsSomethingIsRefusedOrMovedAside) {
  load_second_life("/data");
  load_second_life("/srv/zk");
  const auto old = fs.tree("/srv/zk");
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk"}), 7);
  EXPECT_THAT(console.err, AllOf(HasSubstr("ZKA-0701"), HasSubstr("--replace")));
  EXPECT_EQ(fs.tree("/srv/zk"), old);
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk", "--replace", "--json"}), 0);
  const std::string aside =
      "/srv/zk.before-" + at("/moved_aside/0").substr(std::string("/srv/zk.before-").size());
  for (const auto& [path, content] : old) EXPECT_EQ(file(aside + path.substr(7)), content) << path;
  EXPECT_THAT(data_files("/srv/zk"), testing::Contains("snapshot.10000000000"));
}

TEST_F(RestoreVerb, ATargetThatAServerUsesIsRefused) {
  load_second_life("/data");
  load_second_life("/srv/zk");
  system.open_files["/srv/zk"] = {{"pid 7 (java): /srv/zk/version-2/log.4e"}, 0};
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk", "--replace"}), 7);
  EXPECT_THAT(console.err, AllOf(HasSubstr("ZKA-0702"), HasSubstr("pid 7 (java)")));
  system.open_files.clear();
  // A server that has written nothing has no file open.
  system.listening = {"127.0.0.1:28000"};
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk", "--replace"}), 7);
  EXPECT_THAT(console.err, HasSubstr("client port, 127.0.0.1:28000, answers"));
  EXPECT_EQ(restore({"/data", "--to", "/srv/elsewhere"}), 0)
      << "another directory is no target of that server";
  EXPECT_THAT(console.err, HasSubstr("127.0.0.1:28000 answers"));
}

TEST_F(RestoreVerb, LogsAboveThePointInTheConfiguredLogDirectoryAreRefusedWithoutABump) {
  load("zk-3.8.0-split-dirs", "/split");
  EXPECT_EQ(restore({"/split", "--to", "/srv/zk", "--at", "zxid:0x1b", "--no-bump-epoch"}), 7);
  EXPECT_THAT(console.err, AllOf(HasSubstr("/split/log"), HasSubstr("--to-log-dir")));
  EXPECT_EQ(restore({"/split", "--to", "/srv/zk", "--at", "zxid:0x1b", "--no-bump-epoch", "--to-log-dir",
                     "/srv/log"}),
            0);
  EXPECT_THAT(file("/srv/zk/conf/zoo.cfg"), HasSubstr("dataLogDir=/srv/log\n"));
  EXPECT_TRUE(fs.get_info("/srv/log/version-2"));
  EXPECT_EQ(restore({"/split", "--to", "/srv/b", "--at", "zxid:0x1b"}), 0) << "a bump leaves them behind";
  EXPECT_THAT(file("/srv/b/conf/zoo.cfg"), Not(HasSubstr("dataLogDir")));
  EXPECT_EQ(restore({"/split", "--to", "/srv/c", "--at", "latest", "--no-bump-epoch"}), 0)
      << "nothing is above the end";
}

TEST_F(RestoreVerb, EveryPortAtWhichTheConfiguredServerTakesClientsCounts) {
  load_second_life("/data");
  fs.put("/data/zoo.cfg",
         "dataDir=/srv/zk\nclientPort=2181\nclientPortAddress=10.0.0.7\nsecureClientPort=2281\n");
  for (const char* port : {"10.0.0.7:2181", "127.0.0.1:2281"}) {
    system.listening = {port};
    EXPECT_EQ(restore({"/data", "--to", "/srv/zk"}), 7) << port;
    EXPECT_THAT(console.err, AllOf(HasSubstr("ZKA-0702"), HasSubstr(port), HasSubstr("hint: stop")));
    EXPECT_EQ(restore({"/data", "--to", "/srv/elsewhere", "--dry-run"}), 0);
    EXPECT_THAT(console.err, HasSubstr(std::string(port) + " answers"));
  }
  system.listening = {"127.0.0.1:2181"};
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk"}), 0) << "it would listen at 10.0.0.7 only";
}

TEST_F(RestoreVerb, TheClientPortOfTheMembersLineInTheDynamicConfigurationCounts) {
  load_member();
  system.listening = {"127.0.0.1:28032"};
  load("zk-3.8.0-ensemble/2", "/srv/zk");
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk", "--replace", "--server-id", "2", "--no-bump-epoch"}), 7);
  EXPECT_THAT(console.err, AllOf(HasSubstr("ZKA-0702"), HasSubstr("127.0.0.1:28032")));
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk", "--replace", "--no-bump-epoch"}), 0)
      << "member 1 listens at another port";
}

TEST_F(RestoreVerb, AServerThatHasOnlyItsLogDirectoryOpenIsSeen) {
  load("zk-3.8.0-split-dirs", "/split");
  must({"init"});
  must({"backup", "/split"});
  system.open_files["/split/log"] = {{"pid 7 (java): /split/log/version-2/log.1"}, 0};
  const std::string data_dir = "/split/data";
  fs.erase(data_dir);
  EXPECT_EQ(restore({"-r", "/repo", "--to", data_dir}), 7);
  EXPECT_THAT(console.err, AllOf(HasSubstr("ZKA-0702"), HasSubstr("/split/log"), HasSubstr("pid 7 (java)")));
  EXPECT_EQ(restore({"-r", "/repo", "--to", "/srv/elsewhere"}), 0);
}

TEST_F(RestoreVerb, LogsThatTheSourceHadApartCountWhereItsDataDirectoryIsReplaced) {
  load("zk-3.8.0-split-dirs", "/split");
  fs.erase("/split/zoo.cfg");
  must({"init"});
  must({"backup", "/split/data", "--log-dir", "/split/log"});
  EXPECT_EQ(
      restore({"-r", "/repo", "--to", "/split/data", "--replace", "--at", "zxid:0x1b", "--no-bump-epoch"}),
      7);
  EXPECT_THAT(console.err, AllOf(HasSubstr("/split/log"), HasSubstr("--to-log-dir")));
  EXPECT_EQ(restore({"/split/data", "--log-dir", "/split/log", "--to", "/split/data", "--replace", "--at",
                     "zxid:0x1b", "--no-bump-epoch"}),
            7);
  EXPECT_EQ(restore({"-r", "/repo", "--to", "/srv/zk", "--at", "zxid:0x1b", "--no-bump-epoch"}), 0)
      << "no configuration leads a server in /srv/zk there";
}

TEST_F(RestoreVerb, OwnersAreNames) {
  load_second_life("/data");
  system.own = {0, 0};
  system.owners["zookeeper:zookeeper"] = {111, 222};
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk", "--owner", "zookeeper:zookeeper"}), 0);
  EXPECT_EQ(fs.get_info("/srv/zk/version-2/currentEpoch")->uid, 111u);
  EXPECT_EQ(restore({"/data", "--to", "/srv/b", "--owner", "nobody-here"}), 2);
}

TEST_F(RestoreVerb, ARelativeTargetIsWrittenAbsoluteIntoTheConfiguration) {
  load_second_life("/data");
  variables["PWD"] = "/";
  EXPECT_EQ(restore({"/data", "--to", "srv/zk"}), 0);
  EXPECT_THAT(file("/srv/zk/conf/zoo.cfg"), HasSubstr("dataDir=/srv/zk\n"));
  variables["PWD"] = "/srv";  // not where we are
  EXPECT_EQ(restore({"/data", "--to", "other"}), 2);
}

TEST_F(RestoreVerb, AnEmptyTargetIsRefusedBeforeAnythingMoves) {
  load_second_life("/data");
  const auto before = fs.tree("/");
  EXPECT_EQ(restore({"/data", "--to", "", "--replace"}), 2);
  EXPECT_THAT(console.err, HasSubstr("--to: the value is empty"));
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk", "--to-log-dir", ""}), 2);
  EXPECT_EQ(fs.tree("/"), before);
}

TEST_F(RestoreVerb, WhatIsReadIsNeitherATargetNorAroundOne) {
  two_backups();
  load_second_life("/logs-apart");
  fs.put_dir("/data/empty");
  fs.put_symlink("/srv/link", "/data");
  const auto before = fs.tree("/");
  const std::pair<std::vector<std::string>, const char*> cases[] = {
      {{"/data", "--to", "/data"}, "the target is the source"},
      {{"/data", "--to", "/data/"}, "the target is the source"},
      {{"/data", "--to", "/srv/link"}, "the target is the source"},
      {{"/data", "--to", "/srv/link/sub"}, "the target lies inside the source"},
      {{"/data", "--to", "/data/empty"}, "the target lies inside the source"},
      {{"/data", "--to", "/data/version-2/x/y"}, "the target lies inside the source"},
      {{"/data/version-2", "--to", "/data"}, "the target holds the source"},
      {{"/data", "--log-dir", "/logs-apart", "--to", "/logs-apart/x"}, "the target lies inside the source"},
      {{"/data", "--to", "/srv/zk", "--to-log-dir", "/data/x"}, "log directory lies inside the source"},
      {{"-r", "/repo", "--to", "/repo"}, "the target is the repository"},
      {{"-r", "/repo", "--to", "/repo/objects/x"}, "the target lies inside the repository"},
      {{"/data", "-r", "/repo", "--to", "/repo"}, "the target is the repository"},
      {{"/repo@latest", "--to", "/repo"}, "the target is the repository"},
  };
  for (const auto& [words, message] : cases) {
    std::vector<std::string> line = words;
    line.push_back("--replace");
    EXPECT_EQ(restore(line), 7) << message;
    EXPECT_THAT(console.err, AllOf(HasSubstr(message), HasSubstr("hint: choose a place apart from")));
  }
  EXPECT_EQ(fs.tree("/"), before);
  EXPECT_EQ(restore({"/data", "--to", "/data-new"}), 0) << "a name that only begins like it: " << console.err;
}

TEST_F(RestoreVerb, ALogDirectoryThatTheRestoreMakesItselfIsRefusedAtOnce) {
  load_second_life("/data");
  for (const char* name : {"version-2", "version-2/logs", "conf", "myid"})
    EXPECT_EQ(
        restore({"/data", "--to", "/srv/zk", "--to-log-dir", std::string("/srv/zk/") + name, "--dry-run"}), 2)
        << name;
  EXPECT_THAT(console.err, HasSubstr("such as /srv/zk/log"));
}

TEST_F(RestoreVerb, TwoReplacementsOfOneSecondKeepBothOldTargets) {
  load_second_life("/data");
  load_second_life("/srv/zk");
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk", "--replace", "--json"}), 0) << console.err;
  const std::string first = at("/moved_aside/0");
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk", "--replace", "--json"}), 0) << console.err;
  EXPECT_EQ(at("/moved_aside/0"), first + "-2");
  EXPECT_TRUE(fs.get_info(first + "/version-2/log.4e"));
  EXPECT_TRUE(fs.get_info(first + "-2/version-2/snapshot.10000000000"));
}

TEST_F(RestoreVerb, AnExactCopySaysWhyItIsDangerousAndIsOnlyAskedForByHand) {
  load_second_life("/data");
  EXPECT_EQ(restore({"/data", "--to", "/srv/a", "--no-bump-epoch"}), 0);
  EXPECT_THAT(console.err, HasSubstr("warning: --no-bump-epoch: the restored server issues zxids again"));
  variables["ZKARK_RESTORE_NO_BUMP_EPOCH"] = "1";
  variables["ZKARK_RESTORE_KEEP_SESSIONS"] = "1";
  EXPECT_EQ(restore({"/data", "--to", "/srv/b", "--json"}), 0);
  EXPECT_EQ(at("/bumped"), "true");
  EXPECT_EQ(at("/sessions_kept"), "false");
  fs.put("/c.toml", "[restore]\nno-bump-epoch = true\n");
  EXPECT_EQ(restore({"/data", "--to", "/srv/c", "-c", "/c.toml"}), 2);
  EXPECT_THAT(console.err, HasSubstr("unknown key 'restore.no-bump-epoch'"));
}

TEST_F(RestoreVerb, AnEpochIsInRangeInEitherSpelling) {
  load_second_life("/data");
  for (const char* epoch : {"4294967296", "0", "0x0", "0xffffffff", "0x80000000", "0xffffffffffffffff"})
    EXPECT_EQ(restore({"/data", "--to", "/srv/zk", std::string("--bump-epoch=") + epoch}), 2) << epoch;
  EXPECT_THAT(console.err, HasSubstr("is out of range: 0x1 to 0x7fffffff"));
}

TEST_F(RestoreVerb, AServerThatStoodAloneIsNotTakenForAnEnsembleAfterABump) {
  load_second_life("/data");
  EXPECT_EQ(restore({"/data", "--to", "/srv/a"}), 0);
  EXPECT_EQ(restore({"/srv/a", "--to", "/srv/b"}), 0);
  EXPECT_THAT(console.out, Not(HasSubstr("the data come from an ensemble")));
  fs.erase("/srv/a/conf/zoo.cfg");
  EXPECT_EQ(restore({"/srv/a", "--to", "/srv/c"}), 0) << "without a configuration the lineage file says it";
  EXPECT_THAT(console.out, Not(HasSubstr("the data come from an ensemble")));
  fs.erase("/srv/a/zkark-lineage.json");
  EXPECT_EQ(restore({"/srv/a", "--to", "/srv/d"}), 0);
  EXPECT_THAT(console.out, HasSubstr("the data come from an ensemble"));
}

// ---- ensembles

TEST_F(RestoreVerb, AnEnsembleIsRestoredAsAWhole) {
  load_member();
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk", "--server-id", "2"}), 0);
  EXPECT_THAT(console.out, HasSubstr("stop members 1, 2, 3, restore each with --server-id"));
  EXPECT_EQ(file("/srv/zk/myid"), "2\n");
  EXPECT_THAT(file("/srv/zk/conf/zoo.cfg"),
              HasSubstr("dynamicConfigFile=/srv/zk/conf/zoo.cfg.dynamic.200000004"));
  EXPECT_EQ(file("/srv/zk/conf/zoo.cfg.dynamic.200000004"), file("/data/zoo.cfg.dynamic.200000004"));
  EXPECT_EQ(restore({"/data", "--to", "/srv/b"}), 0);
  EXPECT_EQ(file("/srv/b/myid"), "1\n") << "its own";
  EXPECT_EQ(restore({"/data", "--to", "/srv/c", "--server-id", "9"}), 7);
  EXPECT_THAT(console.err, HasSubstr("server id 9 is not in the configuration, which has 1, 2, 3"));
  EXPECT_FALSE(fs.get_info("/srv/c"));
}

TEST_F(RestoreVerb, ABumpedMemberBesideLiveOnesIsRefused) {
  load_member();
  const std::string dynamic = file("/data/zoo.cfg.dynamic.200000004");
  // server.2=HOST:QUORUM:ELECTION:participant;…
  const std::string line = dynamic.substr(dynamic.find("server.2=") + 9);
  const std::size_t first = line.find(':'), second = line.find(':', first + 1),
                    third = line.find(':', second + 1);
  system.listening = {line.substr(0, first) + ":" + line.substr(second + 1, third - second - 1)};
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk"}), 7);
  EXPECT_THAT(console.err, AllOf(HasSubstr("are alive"), HasSubstr("--yes-replace-ensemble"),
                                 HasSubstr("start it empty")));
  EXPECT_FALSE(fs.get_info("/srv/zk"));
  EXPECT_EQ(restore({"/data", "--to", "/srv/copy", "--no-bump-epoch"}), 0)
      << "an old copy catches up from the others";
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk", "--yes-replace-ensemble"}), 0);
}

TEST_F(RestoreVerb, ProbedServersTellTheirEpochAndStopARestoreBesideThem) {
  load_member();
  system.listening = {"zk1:2181", "zk2:2182"};
  system.answers["zk1:2181"] = "Zookeeper version: 3.8.0\nZxid: 0x900000001\nMode: leader\n";
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk", "--probe", "zk1,zk2:2182,zk3"}), 7);
  EXPECT_THAT(console.err, AllOf(HasSubstr("zk1:2181 (leader)"), HasSubstr("zk2:2182 (accepts connections)"),
                                 HasSubstr("zk3:2181 did not answer")));
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk", "--probe", "zk1", "--yes-replace-ensemble", "--json"}), 0);
  EXPECT_EQ(at("/epoch"), "265") << "9 + 256";
  EXPECT_EQ(at("/live_servers/0/what"), "leader");
  EXPECT_EQ(restore({"/data", "--to", "/srv/b", "--probe", "zk1:0"}), 2);
}

// ---- part of the tree

TEST_F(RestoreVerb, ASubtreeIsRestoredAloneAndSaysThatNoDigestCoversIt) {
  load_second_life("/data");
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk", "--path", "/app"}), 0);
  EXPECT_THAT(console.out,
              AllOf(HasSubstr("outside /app left out"), HasSubstr("no digest of a server's own covers it")));
  EXPECT_EQ(zkark({"ls", "/srv/zk", "/", "-o", "plain"}), 0) << console.err;
  EXPECT_EQ(restore({"/data", "--to", "/srv/b", "--path", "/nothing-there"}), 5);
  EXPECT_EQ(restore({"/data", "--to", "/srv/b", "--path", "app"}), 2);
  EXPECT_FALSE(fs.get_info("/srv/b"));
}

// ---- sources

TEST_F(RestoreVerb, FromARepositoryByTimeZxidAndBackup) {
  two_backups();
  EXPECT_EQ(restore({"-r", "/repo", "--to", "/srv/latest", "--json"}), 0) << console.err;
  EXPECT_EQ(at("/zxid"), "0x62");
  const auto lineage = restore::parse_lineage(file("/srv/latest/zkark-lineage.json")).value();
  EXPECT_EQ(lineage.cluster, "default");
  EXPECT_EQ(lineage.fork_zxid, 0x62);
  EXPECT_EQ(lineage.epoch, 256);
  EXPECT_EQ(lineage.repository.size(), 32u);
  EXPECT_THAT(lineage.timeline, Not(IsEmpty()));
  EXPECT_EQ(restore({"-r", "/repo", "--at", "zxid:0x4d", "--to", "/srv/a", "--json"}), 0);
  EXPECT_EQ(at("/zxid"), "0x4d");
  EXPECT_EQ(restore({"-r", "/repo", "--at", "latest~1", "--to", "/srv/b", "--json"}), 0) << console.err;
  EXPECT_EQ(at("/zxid"), "0x3d");
  EXPECT_EQ(restore({"latest~1", "-r", "/repo", "--to", "/srv/c", "--json"}), 0) << console.err;
  EXPECT_EQ(at("/zxid"), "0x3d");
  EXPECT_EQ(restore({"repo@zxid:0x1e", "-r", "/repo", "--to", "/srv/d", "--json"}), 0) << console.err;
  EXPECT_EQ(at("/zxid"), "0x1e");
  EXPECT_EQ(restore({"/repo@zxid:0x1e", "--to", "/srv/e", "--json"}), 0) << console.err;
  EXPECT_EQ(at("/zxid"), "0x1e");
  EXPECT_EQ(restore({"/repo@zxid:0x1e", "--at", "latest", "--to", "/srv/f"}), 2) << "two points";
}

TEST_F(RestoreVerb, ARepositoryAndADataDirectoryGiveTheSameBytes) {
  two_backups();
  for (const char* zxid : {"zxid:0x1e", "zxid:0x3d", "zxid:0x4d", "zxid:0x62"}) {
    EXPECT_EQ(restore({"-r", "/repo", "--at", zxid, "--to", "/srv/r", "--no-bump-epoch", "--json"}), 0);
    const std::string from_repository = file(at("/snapshot"));
    EXPECT_EQ(restore({"/data", "--at", zxid, "--to", "/srv/d", "--no-bump-epoch", "--json"}), 0);
    EXPECT_EQ(from_repository, file(at("/snapshot"))) << zxid;
    EXPECT_EQ(file("/srv/r/conf/zoo.cfg").size(), file("/srv/d/conf/zoo.cfg").size());
    fs.erase("/srv/r");
    fs.erase("/srv/d");
  }
}

TEST_F(RestoreVerb, FromADataDirectoryAtAPoint) {
  load_second_life("/data");
  EXPECT_EQ(restore({"/data@zxid:0x1e", "--to", "/srv/zk", "--json"}), 0) << console.err;
  EXPECT_EQ(at("/zxid"), "0x1e");
}

TEST_F(RestoreVerb, FromAZooCfgThatNamesTheDirectories) {
  load("zk-3.8.0-split-dirs", "/split");
  fs.put("/etc/zk.cfg", "dataDir=/split/data\ndataLogDir=/split/log\nclientPort=2181\n");
  EXPECT_EQ(restore({"/etc/zk.cfg", "--to", "/srv/zk", "--json"}), 0) << console.err;
  EXPECT_EQ(at("/zxid"), "0x35");
  EXPECT_THAT(file("/srv/zk/conf/zoo.cfg"), HasSubstr("dataDir=/srv/zk\n"));
  EXPECT_EQ(restore({"/split/data", "--log-dir", "/split/log", "--to", "/srv/b", "--json"}), 0)
      << console.err;
  EXPECT_EQ(at("/zxid"), "0x35");
}

TEST_F(RestoreVerb, FromSingleFiles) {
  load_second_life("/data");
  EXPECT_EQ(restore({"/data/version-2/snapshot.4d", "/data/version-2/log.4e", "--to", "/srv/zk", "--json"}),
            0)
      << console.err;
  EXPECT_EQ(at("/zxid"), "0x62");
  EXPECT_EQ(restore({"/data/version-2/snapshot.4d", "--to", "/srv/b", "--json"}), 0)
      << "a lone exact snapshot";
  EXPECT_EQ(at("/zxid"), "0x4d");
}

TEST_F(RestoreVerb, FromTarballsAndLeavesNothingUnpackedBehind) {
  load_dir(fs, "fixtures/zk-3.8.0-tarballs", "/tar");
  fs.put_dir("/tmp");
  EXPECT_EQ(restore({"/tar/full-flat.tar.gz", "--to", "/srv/a", "--json"}), 0) << console.err;
  EXPECT_EQ(at("/zxid"), "0x3e");
  EXPECT_THAT(file("/srv/a/conf/zoo.cfg"), HasSubstr("dataDir=/srv/a"));
  EXPECT_EQ(restore({"/tar/full-version2.tar.gz", "/tar/logs-only-1.tar.gz", "/tar/logs-only-2-torn.tar.gz",
                     "/tar/logs-only-3.tar.gz", "--to", "/srv/b", "--json"}),
            0)
      << console.err;
  EXPECT_EQ(at("/zxid"), "0xe7");
  EXPECT_EQ(restore({"/tar/full-flat.tar", "/tar/logs-only-2-torn.tar.gz", "--to", "/srv/c"}), 3)
      << "0x3f to 0x72 are in neither";
  EXPECT_THAT(fs.tree("/tmp"), IsEmpty());
  EXPECT_THAT(fs.list("/tmp").value(), IsEmpty());
}

TEST_F(RestoreVerb, DatedDirectoriesAreJoinedAsTarballsAreAndMixWithThem) {
  fs.put_dir("/tmp");
  load("zk-3.8.0-standalone", "/all");
  const auto keep = [&](const std::string& name, const std::string& to) {
    fs.put(to, file("/all/version-2/" + name));
  };
  keep("snapshot.0", "/d/20/snapshot.0");                              // flat
  fs.put("/d/20/log.1", file("/all/version-2/log.1").substr(0, 600));  // while it was written
  fs.put("/d/20/zoo.cfg", file("/all/zoo.cfg"));
  keep("log.1", "/d/21/version-2/log.1");  // as a server has it
  keep("log.3e", "/d/21/version-2/log.3e");
  keep("log.4e", "/d/22/log.4e");  // only logs
  const auto before = fs.tree("/d");
  for (const std::vector<std::string>& order :
       {std::vector<std::string>{"/d/20", "/d/21", "/d/22"}, {"/d/22", "/d/21/", "/d/20"}}) {
    std::vector<std::string> words = order;
    words.insert(words.end(), {"--to", "/srv/zk", "--dry-run", "--json"});
    EXPECT_EQ(restore(words), 0) << console.err;
    EXPECT_EQ(at("/zxid"), "0x62");
  }
  EXPECT_EQ(fs.tree("/d"), before);
  EXPECT_THAT(fs.list("/tmp").value(), IsEmpty());
  must({"init"});
  must({"backup", "/d/20", "/d/21"});
  must({"backup", "/d/20", "/d/21", "/d/22"});
  EXPECT_THAT(console.out, HasSubstr("(incremental)"));
  load_dir(fs, "fixtures/zk-3.8.0-tarballs", "/tar");
  EXPECT_EQ(restore({"/tar/full-version2.tar.gz", "/d/20", "--to", "/srv/b"}), 3)
      << "two histories: the copies of log.1 contradict each other";
  EXPECT_THAT(console.err, HasSubstr("contradicts the copy"));
  fs.put_dir("/d/empty");
  EXPECT_EQ(restore({"/d/20", "/d/empty", "--to", "/srv/b"}), 5);
  EXPECT_THAT(console.err, HasSubstr("hint: give the directories"));
  EXPECT_EQ(restore({"/d/20", "/d/21", "--log-dir", "/d/22", "--to", "/srv/b"}), 2);
}

TEST_F(RestoreVerb, WhatADeadRunUnpackedIsSwept) {
  load_dir(fs, "fixtures/zk-3.8.0-tarballs", "/tar");
  fs.put("/tmp/zkark-unpacked-99-aabbcc/version-2/log.1", "x");
  fs.put("/tmp/zkark-unpacked-100-aabbcc/version-2/log.1", "x");
  for (const char* dir : {"/tmp/zkark-unpacked-99-aabbcc", "/tmp/zkark-unpacked-100-aabbcc"})
    fs.put_owner(dir, 1000, 1000);
  system.processes[100] = "alive";
  EXPECT_EQ(restore({"/tar/full-flat.tar.gz", "--to", "/srv/a"}), 0) << console.err;
  EXPECT_FALSE(fs.get_info("/tmp/zkark-unpacked-99-aabbcc"));
  EXPECT_TRUE(fs.get_info("/tmp/zkark-unpacked-100-aabbcc")) << "somebody is at work there";
}

TEST_F(RestoreVerb, SourcesThatAreNoneAreRefusedWithWhatSrcMayBe) {
  fs.put("/data/readme.txt", "hello");
  EXPECT_EQ(restore({"/nowhere", "--to", "/srv/zk"}), 9);
  EXPECT_THAT(console.err, HasSubstr("hint: SRC is a data directory"));
  EXPECT_EQ(restore({"/data/readme.txt", "--to", "/srv/zk"}), 6);
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk"}), 5);
  EXPECT_EQ(restore({"zk1:2181", "--to", "/srv/zk"}), 2);
  EXPECT_THAT(console.err, HasSubstr("live server"));
  EXPECT_EQ(restore({"--to", "/srv/zk"}), 2);
  load_second_life("/ok");
  EXPECT_EQ(restore({"/ok"}), 2);
  EXPECT_THAT(console.err, HasSubstr("--to DIR"));
}

TEST_F(RestoreVerb, ARepositoryGivenAsADirectoryIsPointedOut) {
  two_backups();
  EXPECT_EQ(restore({"/repo", "--to", "/srv/zk"}), 5);
  EXPECT_THAT(console.err, HasSubstr("hint: -r /repo"));
}

TEST_F(RestoreVerb, DamageBetweenBaseAndPointIsNamedAndNothingIsMade) {
  load_second_life("/data");
  fs.flip_bit("/data/version-2/log.4e", 60, 1);
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk", "--at", "zxid:0x60"}), 6);
  EXPECT_THAT(console.err, AllOf(HasSubstr("ZKA-0611"), HasSubstr("/data/version-2/log.4e"),
                                 HasSubstr("what can be restored: 0x0 to 0x4d")));
  EXPECT_FALSE(fs.get_info("/srv/zk"));
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk", "--at", "zxid:0x4d"}), 0);
}

TEST_F(RestoreVerb, ASnapshotThatCannotBeReadIsWorkedAroundWithAWarning) {
  load_second_life("/data");
  fs.flip_bit("/data/version-2/snapshot.4d", 400, 1);
  EXPECT_EQ(restore({"/data", "--to", "/srv/zk"}), 0);
  EXPECT_THAT(console.err, AllOf(HasSubstr("not used as a base"), HasSubstr("snapshot.4d")));
  EXPECT_THAT(console.out, HasSubstr("snapshot.3c + "));
}

}  // namespace
}  // namespace zkark::test
