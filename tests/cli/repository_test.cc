// init, list, show, tag, stats, unlock, copy.
#include <gmock/gmock.h>

#include <algorithm>

#include "tests/cli/repository_lab.h"
#include "tests/support/golden.h"

namespace zkark::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class RepositoryVerbs : public RepositoryLab {};

// ---- init ----

TEST_F(RepositoryVerbs, InitMakesARepositoryAndSaysWhatIsNotProtected) {
  EXPECT_EQ(zkark({"init", "-r", "/repo"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/repository/init.txt", shown()), "");
  EXPECT_TRUE(fs.get("/repo/config").has_value());
  EXPECT_EQ(fs.get_info("/repo/config")->mode, 0600u);
}

TEST_F(RepositoryVerbs, InitInJsonNamesTheNewId) {
  EXPECT_EQ(json({"init"}, "/schema"), "zkark.init/1");
  EXPECT_EQ(at("/id").size(), 32u);
  EXPECT_EQ(at("/encryption"), "none");
}

TEST_F(RepositoryVerbs, InitDryRunLeavesNothingBehind) {
  EXPECT_EQ(zkark({"init", "-r", "/repo", "--dry-run"}), 0);
  EXPECT_THAT(console.out, HasSubstr("would create"));
  EXPECT_TRUE(fs.tree("/").empty());
}

TEST_F(RepositoryVerbs, InitRefusesWhatIsThereAlready) {
  must({"init"});
  for (const char* dry : {"--quiet", "--dry-run"}) {
    EXPECT_EQ(zkark({"init", "-r", "/repo", dry}), 7) << dry;
    EXPECT_THAT(console.err, HasSubstr("ZKA-0700"));
    EXPECT_THAT(console.err, HasSubstr("hint:"));
  }
  fs.put("/other/file", "x");
  for (const char* dry : {"--quiet", "--dry-run"}) {
    EXPECT_EQ(zkark({"init", "-r", "/other", dry}), 7) << dry;
    EXPECT_THAT(console.err, HasSubstr("it holds file"));
  }
}

TEST_F(RepositoryVerbs, ARepositoryIsNotMadeAmongTheDataItIsFor) {
  load_first_life("/data");
  load("zk-3.8.0-standalone", "/srv/zk");
  fs.put_symlink("/link", "/data");
  const auto before = fs.tree("/");
  for (const char* place :
       {"/data/repo", "/data/version-2/repo", "file:///data/a/b", "/link/repo", "/srv/zk/version-2/x"}) {
    EXPECT_EQ(zkark({"init", "-r", place}), 7) << place;
    EXPECT_THAT(console.err, AllOf(HasSubstr("ZooKeeper's data"), HasSubstr("hint: choose a place apart")));
    EXPECT_EQ(zkark({"init", "-r", place, "--dry-run"}), 7) << place;
  }
  EXPECT_EQ(fs.tree("/"), before);
}

TEST_F(RepositoryVerbs, ABackupOrCopyIntoWhatItReadsIsRefused) {
  must({"init"});
  load_first_life("/repo/old");
  EXPECT_EQ(zkark({"backup", "/repo/old", "-r", "/repo"}), 7);
  EXPECT_THAT(console.err, HasSubstr("the repository holds the source, /repo/old"));
  EXPECT_EQ(zkark({"init", "-r", "/other"}), 0);
  load_first_life("/other/deep/data");
  EXPECT_EQ(zkark({"backup", "/other/deep/data/version-2", "-r", "/other", "--dry-run"}), 7);
  EXPECT_EQ(zkark({"init", "-r", "/repo/inner"}), 0);
  EXPECT_EQ(zkark({"copy", "-r", "/repo", "--to", "/repo/inner"}), 7);
  EXPECT_THAT(console.err, HasSubstr("the target lies inside the source, /repo"));
}

TEST_F(RepositoryVerbs, InitKnowsNoEncryptionButNone) {
  EXPECT_EQ(zkark({"init", "-r", "/repo", "--encryption", "aes"}), 2);
  EXPECT_THAT(console.err, HasSubstr("none"));
  EXPECT_EQ(zkark({"init", "-r", "/repo", "--encryption", "none"}), 0);
}

TEST_F(RepositoryVerbs, EveryVerbWithoutARepositorySaysHowToNameOne) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"init"},
                                             {"list"},
                                             {"show"},
                                             {"tag", "latest", "a=b"},
                                             {"stats"},
                                             {"unlock"},
                                             {"prune", "--keep-last", "1"},
                                             {"compact"},
                                             {"repair"},
                                             {"copy", "--to", "/b"},
                                             {"verify"},
                                             {"backup", "/data"}}) {
    EXPECT_EQ(zkark(words), 2) << words[0];
    EXPECT_THAT(console.err, HasSubstr("-r REPO")) << words[0];
  }
}

TEST_F(RepositoryVerbs, EveryVerbOnAPlaceWithoutARepositoryEndsWithTen) {
  load_first_life("/data");
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"list"},
                                             {"show"},
                                             {"tag", "latest", "a=b"},
                                             {"stats"},
                                             {"unlock"},
                                             {"prune", "--keep-last", "1"},
                                             {"compact"},
                                             {"repair"},
                                             {"copy", "--to", "/b"},
                                             {"verify"},
                                             {"backup", "/data"},
                                             {"backup", "/data", "-n"}}) {
    std::vector<std::string> line = words;
    line.insert(line.end(), {"-r", "/nowhere"});
    EXPECT_EQ(zkark(line), 10) << words[0] << console.out << console.err;
    EXPECT_THAT(console.err, HasSubstr("zkark init -r ")) << words[0];
    EXPECT_EQ(console.out, "") << words[0];
  }
}

// ---- list ----

TEST_F(RepositoryVerbs, ListOfAnEmptyRepositorySaysSo) {
  must({"init"});
  must({"list"});
  EXPECT_THAT(console.out, HasSubstr("no backups yet in /repo"));
  EXPECT_EQ(json({"list"}, "/backups"), "[]");
  EXPECT_EQ(zkark({"list", "-r", "/repo", "-C", "kafka"}), 5);
  EXPECT_THAT(console.err, HasSubstr("no backups yet"));
}

TEST_F(RepositoryVerbs, ListShowsWhatCanBeRestoredAndTheBackups) {
  two_backups();
  load("zk-3.9-ensemble", "/ens");
  must({"backup", "/ens/1", "-C", "ens"});
  must({"list"});
  EXPECT_EQ(golden("tests/cli/golden/repository/list.txt", shown()), "");
}

TEST_F(RepositoryVerbs, ListInJsonHasWindowsGapsAndTimelines) {
  two_backups();
  EXPECT_EQ(json({"list"}, "/schema"), "zkark.list/1");
  EXPECT_EQ(at("/backups/0/type"), "full");
  EXPECT_EQ(at("/backups/1/type"), "incr");
  EXPECT_EQ(at("/backups/1/needs/0"), at("/backups/0/id"));
  EXPECT_EQ(at("/backups/0/tags/why"), "first");
  EXPECT_EQ(at("/backups/0/certificate"), "proven");
  EXPECT_EQ(at("/backups/1/certificate"), "not-checked");
  EXPECT_EQ(at("/windows/0/last_zxid"), "0x62");
  EXPECT_EQ(at("/gaps"), "[]");
  EXPECT_EQ(at("/timelines/0/backups"), "2");
  EXPECT_EQ(at("/timelines/0/cause"), "first");
}

TEST_F(RepositoryVerbs, PlainAndCsvHoldEveryFieldOfAResultThatHasTablesToo) {
  must({"init"});
  load_first_life("/data");
  must({"backup", "/data", "-o", "plain"});
  const std::string backup = console.out;
  const std::string id = json({"list"}, "/backups/0/id");
  EXPECT_THAT(backup, HasSubstr("id\t" + id + "\n"));
  EXPECT_THAT(backup, AllOf(HasSubstr("\nlast_zxid\t0x"), HasSubstr("\nwindows.0.first_zxid\t0x0\n")));
  must({"backup", "/data", "-o", "csv"});
  EXPECT_THAT(console.out,
              AllOf(testing::StartsWith("key,value\n"), HasSubstr("\nid,\n"), HasSubstr("\nverdict,")))
      << "nothing new is a result too";
  must({"restore", "--to", "/srv/zk", "--dry-run", "-o", "csv"});
  EXPECT_THAT(console.out, AllOf(testing::StartsWith("key,value\n"), HasSubstr("\nzxid,0x"),
                                 HasSubstr("\ntarget_dir,/srv/zk\n")));
  for (const char* verb : {"show", "stats", "verify"}) {
    must({verb, "-o", "plain"});
    const std::string plain = console.out;
    must({verb, "-o", "csv"});
    EXPECT_EQ(std::count(plain.begin(), plain.end(), '\n') + 1,
              std::count(console.out.begin(), console.out.end(), '\n'))
        << verb;
  }
}

TEST_F(RepositoryVerbs, AFileInThePlaceOfARepositoryIsNamedAsThat) {
  fs.put("/file", "x");
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"list"}, {"init"}, {"backup", "/file"}, {"verify"}}) {
    std::vector<std::string> line = words;
    line.insert(line.end(), {"-r", "/file"});
    EXPECT_EQ(zkark(line), 10) << words.front();
    EXPECT_THAT(console.err, AllOf(HasSubstr("this is a file, not a repository"), HasSubstr("hint: ")));
  }
}

TEST_F(RepositoryVerbs, ListInPlainHasTheIdFirst) {
  two_backups();
  const std::string id = json({"list"}, "/backups/0/id");
  must({"list", "-o", "plain"});
  EXPECT_EQ(console.out.substr(0, 33), id + "\t");
  must({"list", "-o", "csv"});
  EXPECT_EQ(console.out.substr(0, 11), "id,cluster,");
}

TEST_F(RepositoryVerbs, ListOfOneClusterLeavesTheOthersOut) {
  two_backups();
  load("zk-3.9-ensemble", "/ens");
  must({"backup", "/ens/1", "-C", "ens"});
  must({"list", "-C", "ens"});
  EXPECT_THAT(console.out, HasSubstr("cluster ens"));
  EXPECT_THAT(console.out, Not(HasSubstr("cluster default")));
  EXPECT_EQ(zkark({"list", "-r", "/repo", "-C", "enz"}), 5);
  EXPECT_THAT(console.err, HasSubstr("did you mean 'ens'?"));
}

TEST_F(RepositoryVerbs, ListShowsAGapAndWhatLiesOnBothSides) {
  must({"init"});
  load_second_life("/data");
  fs.erase("/data/version-2/log.3e");
  EXPECT_EQ(zkark({"backup", "/data", "-r", "/repo"}), 3) << console.err;
  must({"list"});
  EXPECT_THAT(console.out, HasSubstr("gap          after 0x3d, before 0x4e"));
  EXPECT_THAT(console.out, HasSubstr("0x4d…0x62"));
  EXPECT_EQ(json({"list"}, "/gaps/0/after_zxid"), "0x3d");
}

TEST_F(RepositoryVerbs, ListShowsTimelinesThatParted) {
  must({"init"});
  load("zk-3.8.0-stale-tail", "/ens");
  // Member 3 as it was before it came back: it alone has /lost-*.
  for (const std::string& file : fs.files("/ens/3/version-2"))
    if (!file.ends_with("/log.100000001") && !file.ends_with("/snapshot.0")) fs.erase(file);
  must({"backup", "/ens/3"});
  clock.advance_ms(60'000);
  must({"backup", "/ens/1"});
  EXPECT_THAT(console.out, HasSubstr("truncated tail"));
  must({"list"});
  EXPECT_THAT(console.out, HasSubstr("2 timelines"));
  EXPECT_THAT(console.out, HasSubstr("branches off"));
  EXPECT_THAT(console.out, HasSubstr("TIMELINE"));
}

TEST_F(RepositoryVerbs, ListGoesOnPastADamagedManifestAndEndsWithThree) {
  two_backups();
  const std::string id = json({"list"}, "/backups/0/id");
  fs.flip_bit("/repo/manifests/" + id + ".json", 200, 3);
  EXPECT_EQ(zkark({"list", "-r", "/repo"}), 3);
  EXPECT_THAT(console.out, HasSubstr("DAMAGED"));
  EXPECT_THAT(console.out, HasSubstr("incr"));
  EXPECT_THAT(console.err, HasSubstr("ZKA-0617"));
  EXPECT_EQ(zkark({"list", "-r", "/repo", "--json"}), 3);
  EXPECT_EQ(at("/backups/0/readable"), "false");
}

TEST_F(RepositoryVerbs, AnOlderCopyOfTheRepositoryIsNoticed) {
  must({"init"});
  const std::string head = *fs.get("/repo/HEAD");
  load_first_life("/data");
  must({"backup", "/data"});
  fs.put("/repo/HEAD", head, 0600);
  fs.erase("/repo/manifests");
  must({"list"});
  EXPECT_THAT(console.err, HasSubstr("ZKA-0706"));
  // Without the cache nobody remembers.
  must({"list", "--cache-dir", "/elsewhere"});
  EXPECT_EQ(console.err, "");
}

// ---- show ----

TEST_F(RepositoryVerbs, ShowTellsEverythingForPeople) {
  two_backups();
  must({"show", "latest~1"});
  EXPECT_EQ(golden("tests/cli/golden/repository/show.txt", shown()), "");
}

TEST_F(RepositoryVerbs, ABackupIsNamedByHowManyLieBetweenItAndAnother) {
  two_backups();
  const std::string newest = json({"show"}, "/id"), first = json({"show", "latest~1"}, "/id");
  const std::string cut = newest.substr(0, 10);
  EXPECT_EQ(json({"show", cut + "~1"}, "/id"), first);
  EXPECT_EQ(json({"show", cut + "~0"}, "/id"), newest);
  EXPECT_EQ(json({"restore", cut + "~1", "--to", "/srv/a", "--dry-run"}, "/zxid"),
            json({"restore", "latest~1", "--to", "/srv/a", "--dry-run"}, "/zxid"));
  EXPECT_EQ(zkark({"show", cut + "~2", "-r", "/repo"}), 5);
  EXPECT_THAT(console.err, AllOf(HasSubstr(": only 1 "), HasSubstr("hint: ")));
  EXPECT_EQ(zkark({"show", cut + "~x", "-r", "/repo"}), 2);
  EXPECT_EQ(zkark({"show", "0000~1", "-r", "/repo"}), 5);
}

TEST_F(RepositoryVerbs, ADidYouMeanNeverOffersWhatWasTyped) {
  two_backups();
  const std::string short_one = json({"show"}, "/id").substr(0, 2);
  EXPECT_EQ(zkark({"show", short_one, "-r", "/repo"}), 5);
  EXPECT_THAT(console.err, AllOf(Not(HasSubstr("did you mean")), HasSubstr("4 digits or more")));
}

TEST_F(RepositoryVerbs, ShowWithoutAnIdShowsTheNewest) {
  two_backups();
  const std::string id = json({"list"}, "/backups/1/id");
  EXPECT_EQ(json({"show"}, "/id"), id);
}

TEST_F(RepositoryVerbs, ShowInJsonHoldsTheManifestAndTheTagsOfNow) {
  two_backups();
  must({"tag", "latest~1", "--clear", "new=1"});
  EXPECT_EQ(json({"show", "latest~1"}, "/schema"), "zkark.show/1");
  EXPECT_EQ(at("/tags"), R"({"new":"1"})");
  EXPECT_EQ(at("/manifest/tags"), R"({"why":"first"})");
  EXPECT_EQ(at("/manifest/segments/0/first_zxid"), "0x1");
  EXPECT_EQ(at("/manifest/id"), at("/id"));
  EXPECT_EQ(std::count(console.out.begin(), console.out.end(), '\n'), 1);
  const std::string child = at("/needed_by/0");
  EXPECT_EQ(json({"show"}, "/id"), child);
}

TEST_F(RepositoryVerbs, ShowOfManifestTextCannotReachTheTerminal) {
  must({"init"});
  load_first_life("/data\xe2\x80\xae");  // right-to-left override in the path
  must({"backup", "/data\xe2\x80\xae"});
  EXPECT_EQ(json({"show"}, "/manifest/source/paths/0"), "/data\xe2\x80\xae");
  EXPECT_THAT(console.out, Not(HasSubstr("\xe2\x80\xae")));
  EXPECT_THAT(console.out, HasSubstr("\\u202e"));
}

TEST_F(RepositoryVerbs, ShowOfAnUnknownIdNamesTheNearest) {
  two_backups();
  std::string id = json({"show"}, "/id").substr(0, 8);
  must({"show", id.substr(0, 4)});
  id[7] = id[7] == 'a' ? 'b' : 'a';
  EXPECT_EQ(zkark({"show", id, "-r", "/repo"}), 5);
  EXPECT_THAT(console.err, HasSubstr("did you mean"));
  EXPECT_EQ(zkark({"show", "latest~7", "-r", "/repo"}), 5);
}

TEST_F(RepositoryVerbs, ShowAsksWhichClusterIsMeant) {
  two_backups();
  load("zk-3.9-ensemble", "/ens");
  must({"backup", "/ens/1", "-C", "ens"});
  EXPECT_EQ(zkark({"show", "-r", "/repo"}), 2);
  EXPECT_THAT(console.err, HasSubstr("-C one of: default, ens"));
  EXPECT_EQ(json({"show", "-C", "ens"}, "/cluster"), "ens");
}

TEST_F(RepositoryVerbs, ShowOfADamagedManifestEndsWithSix) {
  two_backups();
  const std::string id = json({"show"}, "/id");
  fs.flip_bit("/repo/manifests/" + id + ".json", 300, 3);
  EXPECT_EQ(zkark({"show", "-r", "/repo"}), 6);
  EXPECT_THAT(console.err, HasSubstr("ZKA-0617"));
}

// ---- tag ----

TEST_F(RepositoryVerbs, TagSetsReplacesRemovesAndClears) {
  two_backups();
  EXPECT_EQ(json({"tag", "latest", "a=1", "b=two words"}, "/tags"), R"({"a":"1","b":"two words"})");
  EXPECT_EQ(json({"tag", "latest", "a=2"}, "/tags"), R"({"a":"2","b":"two words"})");
  EXPECT_EQ(json({"tag", "latest", "--remove", "b"}, "/tags"), R"({"a":"2"})");
  EXPECT_EQ(json({"tag", "latest", "--clear", "c="}, "/tags"), R"({"c":""})");
  EXPECT_EQ(json({"list"}, "/backups/1/tags"), R"({"c":""})");
  must({"tag", "latest", "c="});
  EXPECT_THAT(console.out, HasSubstr("already has"));
}

TEST_F(RepositoryVerbs, TagDryRunChangesNothing) {
  two_backups();
  const auto before = fs.tree("/repo");
  must({"tag", "latest", "a=1", "--dry-run"});
  EXPECT_THAT(console.out, HasSubstr("would have: a=1"));
  EXPECT_EQ(fs.tree("/repo"), before);
}

TEST_F(RepositoryVerbs, TagRefusesWhatMakesNoSense) {
  two_backups();
  EXPECT_EQ(zkark({"tag", "latest", "-r", "/repo"}), 2);
  EXPECT_THAT(console.err, HasSubstr("nothing to change"));
  for (const char* bad : {"why", "=x", "a b=c", "k=\x1b[31m", "k=\xff"})
    EXPECT_EQ(zkark({"tag", "latest", bad, "-r", "/repo"}), 2) << bad;
  EXPECT_EQ(zkark({"tag", "latest~1", "--remove", "nope", "-r", "/repo"}), 5);
  EXPECT_THAT(console.err, HasSubstr("it has: why"));
  EXPECT_EQ(zkark({"tag", "0123", "a=b", "-r", "/repo"}), 5);
}

// ---- stats ----

TEST_F(RepositoryVerbs, StatsCountsWhatIsNamedAndWhatIsStored) {
  two_backups();
  must({"stats"});
  EXPECT_EQ(golden("tests/cli/golden/repository/stats.txt", shown()), "");
  EXPECT_EQ(json({"stats"}, "/schema"), "zkark.stats/1");
  EXPECT_EQ(at("/backups"), "2");
  EXPECT_EQ(at("/records"), "98");
  EXPECT_EQ(at("/clusters/0/cluster"), "default");
  EXPECT_EQ(zkark({"stats", "-r", "/repo", "-C", "defalt"}), 5);
  EXPECT_THAT(console.err, HasSubstr("did you mean 'default'?"));
}

// ---- unlock ----

class Unlock : public RepositoryLab {
 protected:
  /// A run that holds the exclusive lock: it stops at the first object it stores.
  void leave_a_lock() {
    must({"init"});
    load_first_life("/data");
    system.processes[system.own_pid] = "boot-1";
    fs.arm({.action = Fault::Action::kKill,
            .at = 3,
            .kinds = op(OpKind::kCreate),
            .path_contains = "/repo/tmp"});
    EXPECT_NE(zkark({"backup", "/data", "-r", "/repo"}), 0);
    fs.restart();
    fs.disarm();
    ASSERT_EQ(fs.files("/repo/locks").size(), 1u);
    holder = system.own_pid;
    system.own_pid = 5000;
  }
  std::uint32_t holder = 0;
};

TEST_F(Unlock, SaysWhenThereIsNothingToDo) {
  must({"init"});
  must({"unlock"});
  EXPECT_THAT(console.out, HasSubstr("no locks"));
}

TEST_F(Unlock, RemovesTheLockOfADeadProcess) {
  leave_a_lock();
  system.processes.erase(holder);
  const std::string lock = fs.files("/repo/locks").front();
  must({"unlock", "--dry-run"});
  EXPECT_THAT(console.out, HasSubstr("dead"));
  EXPECT_EQ(fs.files("/repo/locks"), std::vector<std::string>{lock});
  EXPECT_EQ(json({"unlock"}, "/removed"), "1");
  EXPECT_TRUE(fs.files("/repo/locks").empty());
}

TEST_F(Unlock, LeavesARunningProcessAloneUnlessAllGo) {
  leave_a_lock();
  must({"unlock"});
  EXPECT_THAT(console.out, HasSubstr("backup"));
  EXPECT_THAT(console.out, HasSubstr("running"));
  EXPECT_THAT(console.out, HasSubstr("1 lock left"));
  EXPECT_EQ(fs.files("/repo/locks").size(), 1u);
  EXPECT_EQ(zkark({"unlock", "--all", "-r", "/repo"}), 7);
  EXPECT_THAT(console.err, HasSubstr("ZKA-0705"));
  EXPECT_EQ(fs.files("/repo/locks").size(), 1u);
  must({"unlock", "--all", "--yes"});
  EXPECT_TRUE(fs.files("/repo/locks").empty());
}

TEST_F(Unlock, WritersAreToldWhoHoldsTheLock) {
  leave_a_lock();
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"backup", "/data"}, {"prune", "--keep-last", "1"}}) {
    std::vector<std::string> line = words;
    line.insert(line.end(), {"-r", "/repo"});
    EXPECT_EQ(zkark(line), 11) << words[0] << console.out;
    EXPECT_THAT(console.err, HasSubstr("backup on sim-host (pid 4242"));
    EXPECT_THAT(console.err, HasSubstr("zkark unlock"));
    const std::int64_t slept_ms = clock.slept_ms();
    line.insert(line.end(), {"--lock-wait", "90s"});
    EXPECT_EQ(zkark(line), 11) << words[0];
    EXPECT_GE(clock.slept_ms() - slept_ms, 90'000) << words[0];
  }
}

// ---- copy ----

class Copy : public RepositoryLab {
 protected:
  void SetUp() override {
    RepositoryLab::SetUp();
    two_backups();
    ASSERT_EQ(zkark({"init", "-r", "/two"}), 0);
  }
};

TEST_F(Copy, TakesEverythingAndThenNothing) {
  must({"copy", "--to", "/two"});
  EXPECT_EQ(golden("tests/cli/golden/repository/copy.txt", shown()), "");
  EXPECT_EQ(zkark({"verify", "-r", "/two"}), 0) << console.err;
  must({"copy", "--to", "/two"});
  EXPECT_THAT(console.out, HasSubstr("copied 0 backups"));
  EXPECT_THAT(console.out, HasSubstr("2 there already"));
  EXPECT_EQ(zkark({"list", "-r", "/two"}), 0);
  EXPECT_THAT(console.out, HasSubstr("why=first"));
}

TEST_F(Copy, OneBackupBringsWhatItNeeds) {
  EXPECT_EQ(json({"copy", "latest~1", "--to", "/two"}, "/backups/0/action"), "copied");
  EXPECT_EQ(at("/backups/1"), "nothing at /backups/1");
  ASSERT_EQ(zkark({"init", "-r", "/three"}), 0);
  EXPECT_EQ(json({"copy", "latest", "--to", "/three"}, "/schema"), "zkark.copy/1");
  EXPECT_EQ(at("/backups/1/action"), "copied");
}

TEST_F(Copy, OfOneClusterLeavesTheOthers) {
  load("zk-3.9-ensemble", "/ens");
  must({"backup", "/ens/1", "-C", "ens"});
  must({"copy", "-C", "ens", "--to", "/two"});
  EXPECT_EQ(zkark({"list", "-r", "/two", "-o", "json"}), 0);
  EXPECT_EQ(at("/backups/0/cluster"), "ens");
  EXPECT_EQ(at("/backups/1"), "nothing at /backups/1");
}

TEST_F(Copy, DryRunCountsWithoutWriting) {
  const auto before = fs.tree("/two");
  must({"copy", "--to", "/two", "--dry-run"});
  EXPECT_THAT(console.out, HasSubstr("would copy 2 backups"));
  EXPECT_EQ(fs.tree("/two"), before);
  const std::string bytes = json({"copy", "--to", "/two", "--dry-run"}, "/bytes");
  EXPECT_EQ(json({"copy", "--to", "/two"}, "/bytes"), bytes);
}

TEST_F(Copy, RefusesItselfAndWhatIsNoRepository) {
  EXPECT_EQ(zkark({"copy", "-r", "/repo", "--to", "/repo"}), 7);
  EXPECT_THAT(console.err, HasSubstr("the same repository"));
  EXPECT_EQ(zkark({"copy", "-r", "/repo", "--to", "/repo", "-n"}), 7);
  EXPECT_EQ(zkark({"copy", "-r", "/repo"}), 2);
  EXPECT_THAT(console.err, HasSubstr("--to"));
  EXPECT_EQ(zkark({"copy", "dead", "-r", "/repo", "--to", "/two"}), 5);
}

TEST_F(Copy, FindsTheTargetByItsNameInTheConfiguration) {
  fs.put("/home/op/.config/zkark/zkark.toml", "[repo.offsite]\nurl = \"/two\"\n");
  must({"copy", "--to", "offsite"});
  EXPECT_EQ(zkark({"list", "-r", "offsite"}), 0);
  EXPECT_THAT(console.out, HasSubstr("incr"));
}

TEST_F(Copy, ADamagedObjectIsNotCarriedOver) {
  fs.flip_bit(some_object(), 150, 1);
  EXPECT_EQ(zkark({"copy", "-r", "/repo", "--to", "/two"}), 6);
  EXPECT_THAT(console.err, HasSubstr("ZKA-0616"));
}

TEST_F(Copy, WaitsForAWriterOfTheSourceUnlessToldNotTo) {
  // Another process of this host holds the exclusive lock of the source.
  system.processes[77] = "boot-1";
  const std::uint32_t own = system.own_pid;
  system.own_pid = 77;
  load_second_life("/other");
  fs.arm(
      {.action = Fault::Action::kKill, .at = 3, .kinds = op(OpKind::kCreate), .path_contains = "/repo/tmp"});
  EXPECT_NE(zkark({"backup", "/other", "-r", "/repo", "--type", "full"}), 0);
  fs.restart();
  fs.disarm();
  system.own_pid = own;
  ASSERT_FALSE(fs.files("/repo/locks").empty());
  EXPECT_EQ(zkark({"copy", "-r", "/repo", "--to", "/two"}), 11);
  must({"copy", "--to", "/two", "--no-lock"});
}

}  // namespace
}  // namespace zkark::test
