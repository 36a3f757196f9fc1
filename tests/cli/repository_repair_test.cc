// repair, as typed: a repository that lost its HEAD.
#include <gmock/gmock.h>

#include "tests/cli/repository_lab.h"
#include "tests/support/golden.h"

namespace zkark::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class Repair : public RepositoryLab {
 protected:
  void damage_head() { fs.flip_bit("/repo/HEAD", 150, 2); }
};

TEST_F(Repair, WritesANewHeadAndSaysWhatIsLost) {
  two_backups();
  damage_head();
  EXPECT_EQ(zkark({"repair", "-r", "/repo", "--yes"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/repository/repair.txt", shown()), "");
  must({"verify", "--replay=all"});
  must({"list"});
  EXPECT_THAT(console.out, HasSubstr("why=first"));
  must({"restore", "--at", "latest", "--to", "/restored"});
  must({"backup", "/data"});
  EXPECT_THAT(console.out, HasSubstr("nothing new"));
}

TEST_F(Repair, ADryRunChangesNothing) {
  two_backups();
  fs.erase("/repo/HEAD");
  const auto files = fs.tree("/repo");
  EXPECT_EQ(zkark({"repair", "-r", "/repo", "-n"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/repository/repair-dry-run.txt", shown()), "");
  EXPECT_EQ(fs.tree("/repo"), files);
}

TEST_F(Repair, AsksFirst) {
  two_backups();
  damage_head();
  const auto files = fs.tree("/repo");
  EXPECT_EQ(zkark({"repair", "-r", "/repo"}), 7);
  EXPECT_THAT(console.err, HasSubstr("--yes"));
  EXPECT_EQ(fs.tree("/repo"), files);
}

TEST_F(Repair, NamesWhatItLeavesOutAndEndsWithSix) {
  two_backups();
  const std::string first = json({"list"}, "/backups/0/id");
  fs.erase("/repo/HEAD");
  fs.flip_bit("/repo/manifests/" + first + ".json", 400, 1);
  EXPECT_EQ(zkark({"repair", "-r", "/repo", "--yes", "-o", "json"}), 6);
  EXPECT_EQ(at("/schema"), "zkark.repair/1");
  EXPECT_EQ(at("/kept"), "0");
  EXPECT_THAT(at("/left_out/0/reason") + at("/left_out/1/reason"),
              HasSubstr("it needs " + first.substr(0, 8)));
  EXPECT_THAT(at("/left_out/0/reason") + at("/left_out/1/reason"), HasSubstr("damaged: "));
  EXPECT_THAT(console.err, HasSubstr("left out"));
}

TEST_F(Repair, RefusesAnIntactHead) {
  two_backups();
  const auto files = fs.tree("/repo");
  for (const char* how : {"--yes", "--dry-run"}) {
    EXPECT_EQ(zkark({"repair", "-r", "/repo", how}), 7);
    EXPECT_THAT(console.err, HasSubstr("HEAD is intact"));
  }
  EXPECT_EQ(fs.tree("/repo"), files);
}

TEST_F(Repair, EveryVerbThatMeetsADamagedHeadNamesTheWayOut) {
  two_backups();
  for (const bool missing : {false, true}) {
    if (missing)
      fs.erase("/repo/HEAD");
    else
      damage_head();
    for (const std::vector<std::string>& words :
         std::vector<std::vector<std::string>>{{"list"},
                                               {"show"},
                                               {"tag", "latest", "a=b"},
                                               {"stats"},
                                               {"compact"},
                                               {"prune", "--keep-last", "1"},
                                               {"copy", "--to", "/b"},
                                               {"verify"},
                                               {"backup", "/data"},
                                               {"restore", "--to", "/restored"}}) {
      std::vector<std::string> line = words;
      line.insert(line.end(), {"-r", "/repo"});
      EXPECT_EQ(zkark(line), 6) << words[0] << console.out << console.err;
      EXPECT_THAT(console.out + console.err, HasSubstr("zkark repair -r /repo")) << words[0];
    }
  }
}

}  // namespace
}  // namespace zkark::test
