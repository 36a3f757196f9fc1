#include "restore/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "restore/data_dir.h"
#include "tests/support/load_dir.h"
#include "tests/support/log_builder.h"
#include "tests/support/sim_fs.h"

namespace zkark::restore {
namespace {

using test::LogBuilder;
using ::testing::HasSubstr;

class TargetTest : public testing::Test {
 protected:
  void log(std::int64_t zxid, const LogBuilder& log) {
    fs_.put("/data/version-2/" + log_file_name(zxid), log.bytes());
  }
  void snapshot(std::int64_t zxid) {
    // Magic, version 2, database id -1, no session; what lies before the seal is not looked into.
    static const std::string kContent("ZKSN\0\0\0\2\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0...\0\0\0\1/", 28);
    fs_.put("/data/version-2/" + snapshot_file_name(zxid), kContent);
  }
  Result<Target> resolve(TargetOptions options) {
    DataDirOptions where;
    where.dir = "/data";
    DataDir source(fs_, where);
    ZK_TRY(const SourceListing listing, source.list());
    return resolve_target(source, listing, options, job_);
  }
  Result<Target> at_zxid(std::int64_t zxid, bool exclusive = false) {
    TargetOptions options;
    options.point.kind = PointSpec::Kind::kZxid;
    options.point.zxid = zxid;
    options.exclusive = exclusive;
    return resolve(options);
  }
  Result<Target> at_time(std::int64_t ms, bool exclusive = false, TimeRule rule = TimeRule::kRefuse) {
    TargetOptions options;
    options.point.kind = PointSpec::Kind::kTime;
    options.point.time = {ms};
    options.exclusive = exclusive;
    options.time_rule = rule;
    return resolve(options);
  }
  /// zxids 1 to 6 in two files, at 100, 200, … ms.
  void two_files() {
    log(1, LogBuilder().record(1, 100).record(2, 200).record(3, 300));
    log(4, LogBuilder().record(4, 400).record(5, 500).record(6, 600));
  }

  test::SimFs fs_;
  Job job_;
};

TEST_F(TargetTest, AZxidIsFoundWithTheRecordsAroundItAcrossFiles) {
  two_files();
  const Target target = at_zxid(4).value();
  EXPECT_EQ(target.zxid, 4);
  EXPECT_EQ(target.record->path, "/n4");
  EXPECT_EQ(target.record->time_ms, 400);
  EXPECT_EQ(target.previous->zxid, 3);
  EXPECT_EQ(target.next->zxid, 5);
  EXPECT_EQ(note_text(*target.record), "0x4 1970-01-01 00:00:00.400Z create /n4");
}

TEST_F(TargetTest, TheFirstAndTheLastRecordHaveOneNeighbour) {
  two_files();
  EXPECT_FALSE(at_zxid(1)->previous);
  EXPECT_EQ(at_zxid(1)->next->zxid, 2);
  EXPECT_EQ(at_zxid(6)->previous->zxid, 5);
  EXPECT_FALSE(at_zxid(6)->next);
}

TEST_F(TargetTest, AZxidThatIsNoRecordIsRefusedWithBothNeighbours) {
  log(1, LogBuilder().record(1, 100).record(0x100000001, 200));
  const Error error = at_zxid(0x50).error().clone();
  EXPECT_EQ(error.id(), ErrorId::kPointNotFound);
  EXPECT_THAT(error.message(), HasSubstr("before it comes 0x1 1970-01-01 00:00:00.100Z create /n1"));
  EXPECT_THAT(error.message(), HasSubstr("after it 0x100000001"));
  EXPECT_EQ(error.hint(), "--at zxid:0x1 or --at zxid:0x100000001");
  EXPECT_THAT(at_zxid(0x200000000).error().message(), HasSubstr("after it nothing stored"));
}

TEST_F(TargetTest, ZeroIsThePointBeforeTheFirstTransactionOfAll) {
  two_files();
  EXPECT_EQ(at_zxid(0)->zxid, 0);
  EXPECT_EQ(at_zxid(0)->next->zxid, 1);
  fs_.erase("/data/version-2/log.1");
  EXPECT_EQ(at_zxid(0).error().id(), ErrorId::kPointNotFound);
}

TEST_F(TargetTest, ExclusiveStopsAtTheRecordBefore) {
  two_files();
  EXPECT_EQ(at_zxid(4, true)->zxid, 3);
  EXPECT_EQ(at_zxid(4, true)->next->zxid, 4);
  EXPECT_EQ(at_zxid(1, true)->zxid, 0);
  EXPECT_EQ(at_zxid(0, true).error().id(), ErrorId::kPointNotFound);
}

TEST_F(TargetTest, ExclusiveOfTheFirstRecordAfterASyncIsTheSnapshotThatCameInBetween) {
  log(0x100000001, LogBuilder().record(0x100000001, 100).record(0x100000002, 200));
  log(0x200000007, LogBuilder().record(0x200000007, 900));
  snapshot(0x200000006);
  EXPECT_EQ(at_zxid(0x200000007, true)->zxid, 0x200000006);
}

TEST_F(TargetTest, ExclusiveOfTheOldestRecordIsRefusedWhereNothingBeforeItIsStored) {
  log(0x10, LogBuilder().record(0x10, 100));
  EXPECT_EQ(at_zxid(0x10, true).error().id(), ErrorId::kPointNotFound);
  snapshot(0x5);
  EXPECT_EQ(at_zxid(0x10, true).error().id(), ErrorId::kPointNotFound) << "0x6 to 0xf are missing";
  snapshot(0xf);
  EXPECT_EQ(at_zxid(0x10, true)->zxid, 0xf);
}

TEST_F(TargetTest, LatestIsTheLastRecordOrANewerSnapshot) {
  two_files();
  EXPECT_EQ(resolve({})->zxid, 6);
  EXPECT_EQ(resolve({})->previous->zxid, 5);
  log(7, LogBuilder());  // rolled, nothing written yet
  EXPECT_EQ(resolve({})->zxid, 6);
  snapshot(0x100000009);
  const Target target = resolve({}).value();
  EXPECT_EQ(target.zxid, 0x100000009);
  EXPECT_FALSE(target.record);
  EXPECT_EQ(target.previous->zxid, 6);
}

TEST_F(TargetTest, ASnapshotThatCannotBeOpenedIsNeverPassedOver) {
  two_files();
  snapshot(0x100000009);
  std::uint64_t looks = 0;
  for (;;) {
    test::Fault fault;
    fault.at = looks + 1;
    fault.kinds = test::op(test::OpKind::kOpen) | test::op(test::OpKind::kRead);
    fault.path_contains = "snapshot.100000009";
    fault.forever = true;
    fault.error_number = EMFILE;
    fs_.arm(fault);
    const Result<Target> latest = resolve({});
    const bool hit = fs_.hit().has_value();
    fs_.disarm();
    if (!hit) break;
    ++looks;
    ASSERT_FALSE(latest) << "look " << looks << ": " << zxid_text(latest->zxid);
    EXPECT_EQ(latest.error().id(), ErrorId::kStorage);
    EXPECT_THAT(latest.error().to_string(), HasSubstr("snapshot.100000009"));
  }
  EXPECT_GE(looks, 3u);
}

TEST_F(TargetTest, ASnapshotThatIsGoneMeanwhileIsPassedOver) {
  two_files();
  snapshot(0x100000009);
  fs_.set_hook([&](const test::Operation& operation) {
    if (operation.kind == test::OpKind::kOpen && operation.path.ends_with("snapshot.100000009"))
      fs_.erase(operation.path);
  });
  EXPECT_EQ(resolve({})->zxid, 6);
}

TEST_F(TargetTest, ATornTailIsNoPartOfLatestButDamageIsRefused) {
  log(1, LogBuilder().record(1, 100).record(2, 200).torn(3));
  EXPECT_EQ(resolve({})->zxid, 1);
  log(1, LogBuilder().record(1, 100).record(2, 200).damaged());
  const Error error = resolve({}).error().clone();
  EXPECT_EQ(error.id(), ErrorId::kChecksumMismatch);
  EXPECT_EQ(error.file(), "/data/version-2/log.1");
  EXPECT_THAT(error.hint(), HasSubstr("--at zxid:0x1"));
  EXPECT_EQ(at_zxid(1)->zxid, 1) << "what lies before the damage stays in reach";
}

TEST_F(TargetTest, ATimeIsTheLastRecordNotLaterThanIt) {
  two_files();
  EXPECT_EQ(at_time(300)->zxid, 3);
  EXPECT_EQ(at_time(399)->zxid, 3);
  EXPECT_EQ(at_time(399)->next->zxid, 4);
  EXPECT_EQ(at_time(400)->zxid, 4);
  EXPECT_EQ(at_time(9999)->zxid, 6);
  EXPECT_EQ(at_time(99).error().id(), ErrorId::kPointNotFound);
  EXPECT_EQ(at_time(99).error().hint(), "--at zxid:0x1 is the oldest record");
}

TEST_F(TargetTest, ExclusiveOfATimeStopsBeforeThatMillisecond) {
  two_files();
  EXPECT_EQ(at_time(400, true)->zxid, 3);
  EXPECT_EQ(at_time(399, true)->zxid, 3) << "nothing happened at 399 ms: nothing is taken away";
}

TEST_F(TargetTest, ATimeThatASteppedClockShowedTwiceIsRefusedWithBothReadings) {
  log(1, LogBuilder().record(1, 1000).record(2, 2000).record(3, 500).record(4, 2500));
  const Error error = at_time(1500).error().clone();
  EXPECT_EQ(error.id(), ErrorId::kAmbiguousTime);
  EXPECT_EQ(exit_code(error.id()), 7);
  EXPECT_THAT(error.message(), HasSubstr("up to 0x1 "));
  EXPECT_THAT(error.message(), HasSubstr("up to 0x3 "));
  EXPECT_EQ(error.hint(), "--at zxid:0x1 or --at zxid:0x3, or --time-rule first|last");
  EXPECT_EQ(at_time(1500, false, TimeRule::kFirst)->zxid, 1);
  EXPECT_EQ(at_time(1500, false, TimeRule::kLast)->zxid, 3);
  EXPECT_EQ(at_time(2000)->zxid, 3) << "both readings agree again";
  EXPECT_EQ(at_time(700).error().id(), ErrorId::kAmbiguousTime) << "nothing, or up to 0x3";
  EXPECT_EQ(at_time(700, false, TimeRule::kFirst).error().id(), ErrorId::kPointNotFound);
}

TEST_F(TargetTest, ATimeInsideAHoleIsRefused) {
  log(1, LogBuilder().record(1, 100).record(2, 200).record(9, 900));
  EXPECT_EQ(at_time(500).error().id(), ErrorId::kGap);
  EXPECT_THAT(at_time(500).error().hint(), HasSubstr("zxid:0x2"));
  EXPECT_EQ(at_time(200)->zxid, 2) << "the very time of a record is no time in the hole";
  EXPECT_EQ(at_time(900)->zxid, 9);
}

TEST_F(TargetTest, ATimeBehindTheLogsAndBeforeANewerSnapshotIsRefused) {
  two_files();
  snapshot(0x100000009);
  EXPECT_EQ(at_time(700).error().id(), ErrorId::kGap);
  EXPECT_EQ(at_time(500)->zxid, 5);
}

TEST_F(TargetTest, ATimeBehindADamagedEndIsRefused) {
  log(1, LogBuilder().record(1, 100).record(2, 200).damaged());
  EXPECT_EQ(at_time(5000).error().id(), ErrorId::kChecksumMismatch);
}

TEST_F(TargetTest, ABackupIsNoPointOfADataDirectory) {
  two_files();
  TargetOptions options;
  options.point.kind = PointSpec::Kind::kBackup;
  options.point.id = "9c41";
  EXPECT_EQ(resolve(options).error().id(), ErrorId::kBadPoint);
  options.point = {};
  options.point.back = 2;
  EXPECT_EQ(resolve(options).error().id(), ErrorId::kBadPoint);
}

TEST_F(TargetTest, AMultiIsShownByItsFirstPath) {
  test::load_dir(fs_, "fixtures/zk-3.8.0-standalone", "/data");
  bool seen = false;
  for (std::int64_t zxid = 1; zxid <= 0x62; ++zxid) {
    const Target target = at_zxid(zxid).value();
    ASSERT_TRUE(target.record);
    if (target.record->type != TxnType::kMulti) continue;
    seen = true;
    EXPECT_GT(target.record->operations, 0u);
  }
  EXPECT_TRUE(seen);
}

TEST_F(TargetTest, TheHighestZxidKnowsNamesRecordsAndEpochFiles) {
  two_files();
  const auto highest = [&] {
    DataDirOptions where;
    where.dir = "/data";
    DataDir source(fs_, where);
    return highest_zxid(source, source.list().value(), job_).value();
  };
  EXPECT_EQ(highest(), 6);
  snapshot(0x20);
  EXPECT_EQ(highest(), 0x20);
  fs_.put("/data/version-2/acceptedEpoch", "7");
  EXPECT_EQ(highest(), std::int64_t{7} << 32);
}

}  // namespace
}  // namespace zkark::restore
