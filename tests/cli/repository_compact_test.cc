// compact, as typed.
#include <gmock/gmock.h>

#include "tests/cli/repository_lab.h"
#include "tests/support/golden.h"

namespace zkark::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class CompactVerb : public RepositoryLab {};

TEST_F(CompactVerb, MakesAnExactFullAndSaysWhatCanBePruned) {
  two_backups();
  must({"compact", "--tag", "why=weekly"});
  EXPECT_EQ(golden("tests/cli/golden/repository/compact.txt", shown()), "");
  must({"list"});
  EXPECT_EQ(golden("tests/cli/golden/repository/compact-list.txt", shown()), "");
  must({"show"});
  EXPECT_EQ(golden("tests/cli/golden/repository/compact-show.txt", shown()), "");
  must({"stats"});
  EXPECT_EQ(golden("tests/cli/golden/repository/compact-stats.txt", shown()), "");
}

TEST_F(CompactVerb, AtAPointKeepsWhatFollowsAndPruneKnowsTheRestIsNotNeeded) {
  two_backups();
  must({"compact", "--at", "zxid:0x30"});
  EXPECT_EQ(golden("tests/cli/golden/repository/compact-at.txt", shown()), "");
  must({"prune", "--keep-last", "1", "--grace", "0s", "--yes"});
  EXPECT_THAT(console.out, HasSubstr("2 of 3 backups removed, 1 kept"));
  must({"verify", "--replay=all"});
  must({"ls", "zxid:0x30", "/"});
  must({"restore", "--at", "zxid:0x40", "--to", "/restored"});
  EXPECT_EQ(zkark({"ls", "zxid:0x2f", "/", "-r", "/repo"}), 0) << "its segment began with the first txn";
}

TEST_F(CompactVerb, PruneKeepsWhatIncrementsBehindItNeed) {
  must({"init"});
  load_first_life("/data");
  must({"backup", "/data"});
  clock.advance_ms(3'600'000);
  must({"compact"});
  const std::string compacted = json({"show"}, "/manifest/id");
  clock.advance_ms(3'600'000);
  load_second_life("/data");
  must({"backup", "/data"});
  EXPECT_EQ(json({"prune", "--keep-last", "1", "--grace", "0s", "--yes"}, "/kept"), "2");
  must({"verify", "--replay=all"});
  EXPECT_EQ(json({"list"}, "/backups/0/type"), "compact");
  EXPECT_EQ(at("/backups/1/needs/0"), at("/backups/0/id"));
  EXPECT_EQ(at("/windows/0/last_zxid"), "0x62");
}

TEST_F(CompactVerb, ADryRunStoresNothing) {
  two_backups();
  const auto files = fs.tree("/repo");
  must({"compact", "-n"});
  EXPECT_EQ(golden("tests/cli/golden/repository/compact-dry-run.txt", shown()), "");
  EXPECT_EQ(fs.tree("/repo"), files);
  EXPECT_EQ(json({"compact", "-n"}, "/id"), "null");
  EXPECT_EQ(at("/dry_run"), "true");
}

TEST_F(CompactVerb, InJsonNamesPointProofAndWhatCanGo) {
  two_backups();
  EXPECT_EQ(json({"compact", "--at", "0x3d"}, "/schema"), "zkark.compact/1");
  EXPECT_EQ(at("/point"), "0x3d");
  EXPECT_EQ(at("/last_zxid"), "0x62");
  EXPECT_EQ(at("/certificate"), "partly");
  EXPECT_EQ(at("/proven_to"), "0x3d");
  EXPECT_EQ(at("/prunable/1").size(), 32u);
  EXPECT_EQ(at("/windows/0/last_zxid"), "0x62");
  EXPECT_EQ(json({"compact", "--at", "0x3d"}, "/already"), "true");
}

TEST_F(CompactVerb, ASecondTimeThereIsNothingToDo) {
  two_backups();
  must({"compact"});
  const auto files = fs.tree("/repo/manifests");
  must({"compact"});
  EXPECT_THAT(console.out, HasSubstr("nothing to do: backup "));
  EXPECT_EQ(fs.tree("/repo/manifests"), files);
}

TEST_F(CompactVerb, TakesABackupAsThePoint) {
  two_backups();
  const std::string first = json({"list"}, "/backups/0/id");
  EXPECT_EQ(json({"compact", "--at", first.substr(0, 8), "-n"}, "/point"), "0x3d");
  EXPECT_EQ(json({"compact", "--at", "latest~1", "-n"}, "/point"), "0x3d");
  EXPECT_EQ(json({"compact", "--at", "0x3d", "--exclusive", "-n"}, "/point"), "0x3c");
}

TEST_F(CompactVerb, RefusesWhatItCannotMean) {
  two_backups();
  const auto files = fs.tree("/repo");
  EXPECT_EQ(zkark({"compact", "-r", "/repo", "--at", "0x99"}), 5);
  EXPECT_THAT(console.err, HasSubstr("0x62"));
  EXPECT_EQ(zkark({"compact", "-r", "/repo", "--exclusive"}), 2);
  EXPECT_EQ(zkark({"compact", "-r", "/repo", "--timeline", "0000"}), 5);
  EXPECT_THAT(console.err, HasSubstr("there are: "));
  EXPECT_EQ(zkark({"compact", "-r", "/repo", "-C", "defautl"}), 5);
  EXPECT_THAT(console.err, HasSubstr("did you mean"));
  load("zk-3.9-ensemble", "/ens");
  must({"backup", "/ens/1", "-C", "ens"});
  EXPECT_EQ(zkark({"compact", "-r", "/repo"}), 2);
  EXPECT_THAT(console.err, HasSubstr("-C"));
  must({"compact", "-C", "ens"});
  EXPECT_THAT(console.out, HasSubstr(" -C ens --keep-last 1 --dry-run"));
  EXPECT_NE(fs.tree("/repo"), files);
}

TEST_F(CompactVerb, OnAnEmptyRepositorySaysHowToBegin) {
  must({"init"});
  EXPECT_EQ(zkark({"compact", "-r", "/repo"}), 5);
  EXPECT_THAT(console.err, HasSubstr("zkark backup"));
}

TEST_F(CompactVerb, ADamagedRecordBeforeThePointStopsItAndNothingIsStored) {
  two_backups();
  for (const std::string& file : fs.files("/repo/objects")) fs.flip_bit(file, fs.get(file)->size() / 2, 1);
  const auto files = fs.tree("/repo");
  EXPECT_EQ(zkark({"compact", "-r", "/repo"}), 6);
  EXPECT_EQ(console.out, "");
  EXPECT_EQ(fs.tree("/repo"), files);
}

}  // namespace
}  // namespace zkark::test
