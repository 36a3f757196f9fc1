// Points of a repository whose history has parted: on which timeline they are looked for, and how that is
// told.
#include <gmock/gmock.h>

#include "tests/cli/repository_lab.h"
#include "tests/support/golden.h"

namespace zkark::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Timelines : public RepositoryLab {
 protected:
  void SetUp() override {
    RepositoryLab::SetUp();
    fs.put_dir("/srv");
    must({"init"});
  }
  /// Member 3 as it was before it came back, with /lost-* that it alone has; then member 1.
  void stale_tail() {
    load("zk-3.8.0-stale-tail", "/ens");
    for (const std::string& file : fs.files("/ens/3/version-2"))
      if (!file.ends_with("/log.100000001") && !file.ends_with("/snapshot.0")) fs.erase(file);
    must({"backup", "/ens/3"});
    clock.advance_ms(60'000);
    must({"backup", "/ens/1"});
  }
  /// The same zxids with other contents.
  void two_histories() {
    load_second_life("/data");
    must({"backup", "/data"});
    clock.advance_ms(60'000);
    load("zk-3.6-standalone", "/other");
    must({"backup", "/other", "--accept-new-history"});
  }
  /// Of a backup, 0 = the oldest. Leaves console alone.
  std::string timeline(int number) {
    const std::string out = console.out, err = console.err;
    const std::string id = json({"list"}, "/backups/" + std::to_string(number) + "/timeline");
    console.out = out;
    console.err = err;
    return id;
  }
  int dry_run(std::vector<std::string> words) {
    words.insert(words.begin(), {"restore", "-r", "/repo", "--to", "/srv/zk", "--dry-run"});
    return zkark(std::move(words));
  }
};

TEST_F(Timelines, AZxidThatOnlyAnOldOneHoldsIsFoundThere) {
  stale_tail();
  EXPECT_EQ(dry_run({"--at", "zxid:0x10000000d"}), 0) << console.err;
  EXPECT_EQ(golden("tests/cli/golden/restore/old_timeline.txt", shown()), "");
  EXPECT_EQ(dry_run({"--at", "zxid:0x10000000d", "--json"}), 0);
  EXPECT_EQ(at("/timeline"), timeline(0));
  for (const char* src : {"zxid:0x10000000d", "repo@zxid:0x10000000d"}) {
    EXPECT_EQ(zkark({"ls", src, "/", "-r", "/repo"}), 0);
    EXPECT_THAT(console.out, HasSubstr("lost-0"));
    EXPECT_THAT(console.err, HasSubstr("timeline " + timeline(0).substr(0, 8) + ", the only one of 2"));
  }
}

TEST_F(Timelines, OfHistoryThatSeveralShareTheNewestIsTaken) {
  stale_tail();
  EXPECT_EQ(dry_run({"--at", "zxid:0x100000005", "--json"}), 0);
  EXPECT_EQ(at("/timeline"), timeline(1));
  EXPECT_EQ(dry_run({"--at", "zxid:0x100000005"}), 0);
  EXPECT_THAT(console.out, HasSubstr("one of 2 with the same history up to it"));
  EXPECT_EQ(dry_run({"--at", "zxid:0x100000005", "--timeline", timeline(0).substr(0, 6), "--json"}), 0);
  EXPECT_EQ(at("/timeline"), timeline(0));
}

TEST_F(Timelines, DifferentTransactionsOfOneZxidAreRefusedWithBothAndAWayOut) {
  two_histories();
  const std::string old_one = timeline(0), new_one = timeline(1);
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"restore", "--at", "zxid:0x1e", "--to", "/srv/zk", "--dry-run"},
        {"ls", "repo@zxid:0x1e", "/"},
        {"log", "repo@zxid:0x1e"}}) {
    std::vector<std::string> asked = words;
    asked.insert(asked.end(), {"-r", "/repo"});
    EXPECT_EQ(zkark(asked), 7) << words[0];
    EXPECT_THAT(console.err,
                AllOf(HasSubstr("0x1e stands for different transactions: 0x1e "),
                      HasSubstr("on timeline " + old_one.substr(0, 8)),
                      HasSubstr("on timeline " + new_one.substr(0, 8)),
                      HasSubstr("hint: --timeline " + new_one.substr(0, 8) + " or --timeline ")));
    for (const std::string& id : {old_one, new_one}) {
      std::vector<std::string> chosen = asked;
      chosen.insert(chosen.end(), {"--timeline", id.substr(0, 8)});
      EXPECT_EQ(zkark(chosen), 0) << words[0] << console.err;
      EXPECT_THAT(console.out + console.err, HasSubstr(id.substr(0, 8) + ", as asked for"));
    }
  }
}

TEST_F(Timelines, ATimeIsThatOfTheNewestThatHoldsIt) {
  load_second_life("/data");
  must({"backup", "/data"});
  clock.advance_ms(60'000);
  must({"restore", "--at", "zxid:0x1e", "--to", "/srv/branch"});
  must({"backup", "/srv/branch"});
  EXPECT_THAT(console.out, HasSubstr("(restore)"));
  EXPECT_EQ(dry_run({"--at", "zxid:0x3d", "--json"}), 0) << console.err;
  EXPECT_EQ(at("/timeline"), timeline(0));
  const std::string time = at("/record/time");
  EXPECT_EQ(dry_run({"--at", time, "--json"}), 0) << console.err;
  EXPECT_EQ(at("/zxid"), "0x3d") << "the branch began later";
  EXPECT_EQ(at("/timeline"), timeline(0));
  EXPECT_EQ(dry_run({"--json"}), 0);
  EXPECT_EQ(at("/timeline"), timeline(1)) << "latest is the branch";
  EXPECT_EQ(dry_run({"--at", time, "--timeline", timeline(1)}), 5) << "not on the branch";
}

TEST_F(Timelines, WhatWasLostIsNotTheStateOfItsTime) {
  stale_tail();
  EXPECT_EQ(dry_run({"--at", "zxid:0x10000000d", "--json"}), 0);
  const std::string time = at("/record/time");
  EXPECT_EQ(dry_run({"--at", time, "--json"}), 0) << console.err;
  EXPECT_EQ(at("/zxid"), "0x10000000c");
  EXPECT_EQ(at("/timeline"), timeline(1));
}

TEST_F(Timelines, ChoosingOneThatIsNotThereIsRefusedWithAHint) {
  stale_tail();
  EXPECT_EQ(dry_run({"--timeline", "0123456789"}), 5);
  EXPECT_THAT(console.err, HasSubstr("hint: there is " + timeline(1).substr(0, 8)));
  EXPECT_EQ(dry_run({"--timeline", "0"}), 2);
  EXPECT_EQ(zkark({"ls", "/ens/1", "/", "--timeline", timeline(0)}), 2);
  EXPECT_THAT(console.err, HasSubstr("only a repository has timelines"));
  const std::string id = json({"list"}, "/backups/0/id");
  EXPECT_EQ(dry_run({"--at", id, "--timeline", timeline(1)}), 2);
  EXPECT_THAT(console.err, HasSubstr("leave out --timeline"));
  EXPECT_EQ(dry_run({"--at", "latest~1", "--timeline", timeline(1)}), 5);
}

TEST_F(Timelines, ADamagedOldOneDoesNotHideTheNewest) {
  stale_tail();
  const std::string id = json({"list"}, "/backups/0/id");
  fs.flip_bit("/repo/manifests/" + id + ".json", 200, 3);
  EXPECT_EQ(dry_run({"--at", "zxid:0x200000001"}), 0) << console.err;
  EXPECT_THAT(console.out, HasSubstr("cannot be read"));
  EXPECT_EQ(dry_run({"--at", "zxid:0x10000000d"}), 6) << "it may be there";
}

}  // namespace
}  // namespace zkark::test
