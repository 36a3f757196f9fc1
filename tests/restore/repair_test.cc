#include "restore/repair.h"

#include <gmock/gmock.h>

#include "tests/restore/repair_lab.h"
#include "tests/support/log_builder.h"

namespace zkark::restore {
namespace {

using test::LogBuilder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Repair = RepairLab;

RepairOptions salvage() {
  RepairOptions options;
  options.salvage = true;
  return options;
}
RepairOptions chop(std::optional<std::int64_t> at = std::nullopt) {
  RepairOptions options;
  options.chop = true;
  options.chop_at = at;
  return options;
}
RepairOptions files() {
  RepairOptions options;
  options.directory = false;
  return options;
}

TEST_F(Repair, WhatIsIntactIsCopiedByteForByteUpToTheZerosBehindTheLastRecord) {
  for (const char* fixture : {"zk-3.8.0-shop", "zk-3.8.0-ensemble/1", "zk-3.8.0-gz", "zk-3.8.0-fuzzy",
                              "zk-3.4-standalone", "zk-3.9-snappy"}) {
    SCOPED_TRACE(fixture);
    if (fs.get_info("/data")) fs.erase("/data");
    load(fixture);
    const Done done = repair();
    ASSERT_FALSE(done.error) << done.error->to_string();
    EXPECT_FALSE(done.plan.changes());
    EXPECT_THAT(done.plan.losses, IsEmpty());
    for (const RepairedFile& file : done.plan.files) {
      ASSERT_EQ(file.fate, Fate::kKept) << file.file.path << ": " << file.reason;
      const std::string from = *fs.get(file.file.path);
      const std::string to = *fs.get("/fixed/version-2/" + file.name);
      EXPECT_EQ(from.substr(0, to.size()), to) << file.name;
      EXPECT_EQ(from.find_first_not_of('\0', to.size()), from.npos) << file.name;
      if (!file.is_log) {
        EXPECT_EQ(from.size(), to.size()) << file.name;
      }
    }
    for (const char* name : {"currentEpoch", "acceptedEpoch"})
      EXPECT_EQ(fs.get(in_data(name)).has_value(),
                fs.get(std::string("/fixed/version-2/") + name).has_value());
  }
}

TEST_F(Repair, ATornTailIsBrokenOff) {
  load("zk-3.8.0-torn-tail");
  const Done done = repair();
  ASSERT_FALSE(done.error) << done.error->to_string();
  EXPECT_FALSE(done.damaged());
  EXPECT_TRUE(done.plan.changes());
  ASSERT_EQ(done.plan.losses.size(), 1u);
  EXPECT_EQ(done.plan.losses[0].kind, LossKind::kTorn);
  const RepairedFile* log = done.file(base_name(done.plan.losses[0].file));
  ASSERT_NE(log, nullptr);
  EXPECT_EQ(log->fate, Fate::kCut);
  EXPECT_EQ(log->extents.back().end, done.plan.losses[0].begin);
  EXPECT_FALSE(done.plan.dropped_to) << "it was never acknowledged";
}

TEST_F(Repair, AHistoryBeginsBehindDamageThatASnapshotBridges) {
  load("zk-3.8.0-shop");
  const auto whole = records(in_data("log.1"));
  damage(in_data("log.1"), 7);
  const Done done = repair();
  ASSERT_FALSE(done.error) << done.error->to_string();
  EXPECT_TRUE(done.damaged());
  EXPECT_EQ(done.plan.point, 0x17);
  EXPECT_THAT(done.names(), ElementsAre("snapshot.f", "log.8", "log.10"));
  EXPECT_EQ(records("/fixed/version-2/log.8"), std::vector<std::string>(whole.begin() + 7, whole.end()));
  ASSERT_EQ(done.plan.losses.size(), 2u);
  const Loss &left = done.plan.losses[0], &lost = done.plan.losses[1];
  EXPECT_EQ(left.kind, LossKind::kLeftOut);
  EXPECT_EQ(left.first_zxid, 1);
  EXPECT_EQ(left.last_zxid, 6);
  EXPECT_EQ(left.txns, 6u);
  EXPECT_EQ(left.end, lost.begin);
  EXPECT_EQ(lost.kind, LossKind::kDamaged);
  EXPECT_EQ(lost.first_zxid, 7);
  EXPECT_EQ(lost.last_zxid, 7);
  EXPECT_EQ(lost.txns, 1u);
  EXPECT_THAT(done.file("snapshot.0")->reason, HasSubstr("hole"));
}

TEST_F(Repair, AHistoryEndsAtDamageThatNoSnapshotBridges) {
  load("zk-3.8.0-shop");
  damage(in_data("log.10"), 0x13);
  const Done done = repair();
  ASSERT_FALSE(done.error) << done.error->to_string();
  EXPECT_EQ(done.plan.point, 0x12);
  EXPECT_EQ(done.plan.dropped_to, 0x17);
  EXPECT_THAT(done.names(), ElementsAre("snapshot.0", "snapshot.f", "log.1", "log.10"));
  EXPECT_EQ(records("/fixed/version-2/log.10").size(), 3u);
  ASSERT_EQ(done.plan.losses.size(), 2u);
  EXPECT_EQ(done.plan.losses[1].first_zxid, 0x14);
  EXPECT_EQ(done.plan.losses[1].last_zxid, 0x17);
}

TEST_F(Repair, ADamagedLastRecordIsLostAndToldAsGiven) {
  load("zk-3.8.0-shop");
  damage(in_data("log.10"), 0x17);
  const Done done = repair();
  ASSERT_FALSE(done.error) << done.error->to_string();
  EXPECT_TRUE(done.damaged());
  EXPECT_EQ(done.plan.point, 0x16);
  EXPECT_EQ(done.plan.dropped_to, 0x17) << "clients may have seen it";
}

TEST_F(Repair, ADamagedSnapshotIsDroppedWhereAnOlderOneServes) {
  load("zk-3.8.0-shop");
  fs.flip_bit(in_data("snapshot.f"), 700, 3);
  const Done done = repair();
  ASSERT_FALSE(done.error) << done.error->to_string();
  EXPECT_TRUE(done.damaged());
  EXPECT_EQ(done.plan.point, 0x17);
  EXPECT_THAT(done.names(), ElementsAre("snapshot.0", "log.1", "log.10"));
  EXPECT_THAT(done.plan.losses, IsEmpty()) << "no transaction is lost";
}

TEST_F(Repair, AMissingSnapshotIsMadeWhereTheLogsBeginWithTheFirstTransaction) {
  load("zk-3.8.0-shop");
  fs.erase(in_data("snapshot.0"));
  fs.erase(in_data("snapshot.f"));
  const Done done = repair();
  ASSERT_FALSE(done.error) << done.error->to_string();
  EXPECT_FALSE(done.damaged());
  EXPECT_THAT(done.names(), ElementsAre("log.1", "log.10", "snapshot.17"));
  EXPECT_THAT(done.plan.losses, IsEmpty());
  EXPECT_TRUE(fs.get("/fixed/version-2/snapshot.17"));
}

TEST_F(Repair, AMissingSnapshotIsMadeOfAFirstEpochThatTheDigestProves) {
  load("zk-3.8.0-ensemble/1");
  for (const char* name : {"snapshot.0", "snapshot.10000002b"}) fs.erase(in_data(name));
  const Done done = repair();
  ASSERT_FALSE(done.error) << done.error->to_string();
  EXPECT_EQ(done.plan.files.back().fate, Fate::kMade);
  EXPECT_EQ(zxid_epoch(*done.plan.point), 3u);
}

TEST_F(Repair, AFirstEpochThatNoDigestProvesIsRefused) {
  for (const char* name : {"snapshot.0", "snapshot.10000002b"}) {
    fs.put(in_data("log.100000001"), LogBuilder().record(0x100000001, 5).record(0x100000002, 6).bytes());
    const Done done = repair();
    ASSERT_TRUE(done.error) << name;
    EXPECT_EQ(done.error->id(), ErrorId::kPointNotFound);
  }
}

TEST_F(Repair, LogsThatBeginLaterAreRefusedWithoutASnapshotAndCanBeSalvaged) {
  load("zk-3.8.0-shop");
  for (const char* name : {"snapshot.0", "log.1"}) fs.erase(in_data(name));
  fs.flip_bit(in_data("snapshot.f"), 700, 3);
  const Done done = repair();
  ASSERT_TRUE(done.error);
  EXPECT_EQ(done.error->id(), ErrorId::kPointNotFound);
  EXPECT_THAT(done.error->hint(), HasSubstr("--salvage"));
  EXPECT_TRUE(done.damaged()) << "what is wrong with the snapshot is told all the same";
  const Done salvaged = repair(salvage());
  ASSERT_FALSE(salvaged.error);
  EXPECT_THAT(salvaged.names(), ElementsAre("log.10"));
}

TEST_F(Repair, ChoppingEndsTheHistoryWithThatTransaction) {
  load("zk-3.8.0-shop");
  for (std::int64_t at = 0; at <= 0x17; ++at) {
    const Done done = repair(chop(at));
    ASSERT_FALSE(done.error) << done.error->to_string();
    EXPECT_FALSE(done.damaged());
    EXPECT_EQ(done.plan.point, at);
    std::uint64_t left = 0;
    for (const Loss& loss : done.plan.losses) left += *loss.txns;
    EXPECT_EQ(left, 0x17u - static_cast<std::uint64_t>(at));
    EXPECT_EQ(done.copy.txns, static_cast<std::uint64_t>(at));
  }
}

TEST_F(Repair, ChoppingBeforeDamageLeavesTheBridgeOut) {
  load("zk-3.8.0-shop");
  damage(in_data("log.1"), 7);
  const Done done = repair(chop());
  ASSERT_FALSE(done.error) << done.error->to_string();
  EXPECT_EQ(done.plan.point, 6);
  EXPECT_THAT(done.names(), ElementsAre("snapshot.0", "log.1"));
}

TEST_F(Repair, ASlipInTheZxidIsAnsweredWithItsNeighbours) {
  load("zk-3.8.0-shop");
  damage(in_data("log.1"), 7);
  const Done beyond = repair(chop(0x300));
  ASSERT_TRUE(beyond.error);
  EXPECT_EQ(beyond.error->id(), ErrorId::kPointNotFound);
  EXPECT_THAT(beyond.error->hint(), HasSubstr("0x17"));
  const Done lost = repair(chop(7));
  ASSERT_TRUE(lost.error);
  EXPECT_THAT(lost.error->hint(), HasSubstr("0x6 and 0x8"));
  const Done across = repair(chop(9));
  ASSERT_TRUE(across.error) << "the records are there, and no snapshot leads to them";
}

TEST_F(Repair, ADamagedHeaderIsWrittenAnewAndNoRecordLost) {
  load("zk-3.8.0-shop");
  const auto whole = records(in_data("log.1"));
  fs.flip_bit(in_data("log.1"), 2, 5);
  const Done done = repair();
  ASSERT_FALSE(done.error) << done.error->to_string();
  EXPECT_TRUE(done.damaged());
  EXPECT_EQ(done.plan.point, 0x17);
  EXPECT_EQ(records("/fixed/version-2/log.1"), whole);
  EXPECT_THAT(done.plan.losses, IsEmpty());
  EXPECT_THAT(done.file("log.1")->reason, HasSubstr("header"));
  const Done chopped = repair(chop(5));
  ASSERT_FALSE(chopped.error) << chopped.error->to_string();
  EXPECT_EQ(records("/fixed/version-2/log.1").size(), 5u);
}

TEST_F(Repair, AnEmptyFileThatStopsAServerIsDropped) {
  load("zk-3.8.0-shop");
  fs.put(in_data("log.18"), "");
  const Done done = repair();
  ASSERT_FALSE(done.error) << done.error->to_string();
  EXPECT_EQ(done.file("log.18")->fate, Fate::kDropped);
  EXPECT_EQ(done.plan.point, 0x17);
}

TEST_F(Repair, AnEmptyLogIsKeptBehindTheLastRecordAndNotInFrontOfOthers) {
  load("zk-3.8.0-shop");
  fs.put(in_data("log.18"), LogBuilder().bytes());
  const Done behind = repair();
  ASSERT_FALSE(behind.error) << behind.error->to_string();
  EXPECT_FALSE(behind.plan.changes());
  fs.truncate(in_data("log.1"), kLogHeaderBytes);
  const Done before = repair();
  ASSERT_FALSE(before.error) << before.error->to_string();
  EXPECT_EQ(before.file("log.1")->fate, Fate::kDropped);
  EXPECT_TRUE(before.damaged()) << "its transactions are in no file";
}

TEST_F(Repair, SalvageKeepsEveryIntactRecordAsItIs) {
  load("zk-3.8.0-shop");
  auto first = records(in_data("log.1")), second = records(in_data("log.10"));
  damage(in_data("log.1"), 7);
  damage(in_data("log.10"), 0x10);
  fs.flip_bit(in_data("snapshot.f"), 700, 3);
  const Done done = repair(salvage());
  ASSERT_FALSE(done.error) << done.error->to_string();
  first.erase(first.begin() + 6);
  second.erase(second.begin());
  EXPECT_EQ(records("/fixed/log.1"), first);
  EXPECT_EQ(records("/fixed/log.10"), second);
  EXPECT_THAT(fs.files("/fixed"), ElementsAre("/fixed/log.1", "/fixed/log.10", "/fixed/snapshot.0"));
  EXPECT_EQ(done.plan.losses.size(), 2u);
}

TEST_F(Repair, ASnapshotIsNotKeptBelowAStepBetweenEpochsThatDoesNotHold) {
  load("zk-3.8.0-ensemble/2");  // was away, and was sent a snapshot
  const Done done = repair();
  ASSERT_FALSE(done.error) << done.error->to_string();
  EXPECT_THAT(done.names(), ElementsAre("snapshot.200000000", "snapshot.200000005", "log.200000001"));
}

TEST_F(Repair, EpochsThatAreNoNumbersBecomeWhatTheZxidsSay) {
  load("zk-3.8.0-ensemble/1");
  fs.put(in_data("currentEpoch"), "two");
  fs.put(in_data("acceptedEpoch"), "");
  const Done done = repair();
  ASSERT_FALSE(done.error) << done.error->to_string();
  EXPECT_EQ(fs.get("/fixed/version-2/currentEpoch"), "3");
  EXPECT_EQ(fs.get("/fixed/version-2/acceptedEpoch"), "3");
  EXPECT_EQ(fs.get("/fixed/myid"), fs.get("/data/myid"));
}

TEST_F(Repair, AHigherEpochThanTheDataHaveIsKept) {
  load("zk-3.8.0-ensemble/1");
  fs.put(in_data("acceptedEpoch"), "9");
  const Done done = repair(chop(0x100000005));
  ASSERT_FALSE(done.error) << done.error->to_string();
  EXPECT_EQ(fs.get("/fixed/version-2/acceptedEpoch"), "9");
  EXPECT_EQ(fs.get("/fixed/version-2/currentEpoch"), fs.get(in_data("currentEpoch")));
}

TEST_F(Repair, FilesAreJudgedEachOnItsOwn) {
  load("zk-3.8.0-shop");
  damage(in_data("log.1"), 7);
  fs.flip_bit(in_data("snapshot.f"), 700, 3);
  const std::vector<std::string> all = {in_data("log.1"), in_data("log.10"), in_data("snapshot.f"),
                                        in_data("snapshot.0")};
  const Done done = repair(files(), all);
  ASSERT_FALSE(done.error) << done.error->to_string();
  EXPECT_EQ(records("/fixed/log.1").size(), 6u);
  EXPECT_EQ(records("/fixed/log.10").size(), 8u);
  EXPECT_THAT(fs.files("/fixed"), ElementsAre("/fixed/log.1", "/fixed/log.10", "/fixed/snapshot.0"));
}

TEST_F(Repair, NothingIsMadeOfFilesThatHoldNothingIntact) {
  load("zk-3.8.0-shop");
  damage(in_data("log.1"), 1);
  fs.flip_bit(in_data("snapshot.f"), 700, 3);
  const Done done = repair(files(), {in_data("log.1"), in_data("snapshot.f")});
  ASSERT_TRUE(done.error) << "a log without its first record has a hole before all others";
  EXPECT_EQ(done.error->id(), ErrorId::kDamaged);
  EXPECT_THAT(done.error->hint(), HasSubstr("--salvage"));
  RepairOptions all = files();
  all.salvage = true;
  const Done salvaged = repair(all, {in_data("log.1")});
  ASSERT_FALSE(salvaged.error);
  EXPECT_EQ(records("/fixed/log.1").size(), 14u);
}

TEST_F(Repair, TwoFilesOfOneNameAreRefused) {
  load("zk-3.8.0-shop");
  test::load_dir(fs, "fixtures/zk-3.8.0-shop", "/data/again");
  const Done done = repair(files(), {in_data("log.1"), "/data/again/version-2/log.1"});
  ASSERT_TRUE(done.error);
  EXPECT_EQ(done.error->id(), ErrorId::kRefused);
}

TEST_F(Repair, AFullDiskLeavesNothing) {
  load("zk-3.8.0-shop");
  fs.set_free_bytes(1000);
  const Done done = repair();
  ASSERT_TRUE(done.error);
  EXPECT_EQ(done.error->id(), ErrorId::kDiskFull);
}

}  // namespace
}  // namespace zkark::restore
