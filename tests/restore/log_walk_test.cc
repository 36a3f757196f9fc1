#include "restore/log_walk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "restore/data_dir.h"
#include "tests/support/log_builder.h"
#include "tests/support/sim_fs.h"

namespace zkark::restore {
namespace {

using test::LogBuilder;
using ::testing::ElementsAre;

class LogWalkTest : public testing::Test {
 protected:
  void put(std::int64_t zxid, const std::string& bytes) {
    fs_.put("/data/version-2/" + log_file_name(zxid), bytes);
  }
  std::vector<std::int64_t> walk() {
    DataDir source(fs_, {"/data", "", {}, {}, ""});
    const SourceListing listing = source.list().value();
    LogWalkOptions options;
    options.after_zxid = -1;
    LogWalk walk(source, listing.logs, options, findings_);
    std::vector<std::int64_t> zxids;
    for (auto entry = walk.next(); entry && *entry; entry = walk.next())
      zxids.push_back((*entry)->entry.zxid());
    return zxids;
  }

  test::SimFs fs_;
  Findings findings_;
};

TEST_F(LogWalkTest, ADamagedHeaderHidesNoneOfItsRecords) {
  for (std::size_t byte = 0; byte < 4; ++byte) {
    findings_.clear();
    put(1, LogBuilder().record(1, 1).record(2, 2).bytes());
    std::string second = LogBuilder().record(3, 3).record(4, 4).bytes();
    second[byte] ^= 4;
    put(3, second);
    EXPECT_THAT(walk(), ElementsAre(1, 2, 3, 4));
    ASSERT_EQ(findings_.size(), 1u);
    EXPECT_EQ(findings_[0].id, ErrorId::kBadMagic);
    EXPECT_EQ(findings_[0].end_offset, kLogHeaderBytes);
    EXPECT_FALSE(findings_[0].first_zxid) << "no record was lost";
  }
}

TEST_F(LogWalkTest, ADamagedHeaderBeforeANewEpochLosesNothing) {
  put(1, LogBuilder().record(1, 1).bytes());
  std::string bytes = LogBuilder().record(0x100000001, 3).bytes();
  bytes[3] = 'X';
  put(0x100000001, bytes);
  EXPECT_THAT(walk(), ElementsAre(1, 0x100000001));
  ASSERT_EQ(findings_.size(), 1u);
  EXPECT_FALSE(findings_[0].first_zxid);
}

TEST_F(LogWalkTest, ADamagedHeaderOfTheOldestLogLosesNothing) {
  std::string bytes = LogBuilder().record(1, 1).record(2, 2).bytes();
  bytes[0] = 'X';
  put(1, bytes);
  EXPECT_THAT(walk(), ElementsAre(1, 2));
  ASSERT_EQ(findings_.size(), 1u);
  EXPECT_FALSE(findings_[0].first_zxid);
}

TEST_F(LogWalkTest, ALogTornAtItsFirstRecordLeavesAGapUpToTheNext) {
  put(1, LogBuilder().record(1, 1).torn(20).bytes());
  put(0x10, LogBuilder().record(0x10, 2).bytes());
  EXPECT_THAT(walk(), ElementsAre(0x10));
  ASSERT_EQ(findings_.size(), 2u);
  EXPECT_EQ(findings_[0].severity, Severity::kNote);
  EXPECT_EQ(findings_[1].severity, Severity::kGap);
  EXPECT_EQ(findings_[1].first_zxid, 1);
  EXPECT_EQ(findings_[1].last_zxid, 0xf);
}

TEST_F(LogWalkTest, AnEmptyLogLeavesAGapUnlessItsNameIsThatOfTheNextRecord) {
  put(1, LogBuilder().bytes());
  put(0x10, LogBuilder().record(0x10, 2).bytes());
  EXPECT_THAT(walk(), ElementsAre(0x10));
  ASSERT_EQ(findings_.size(), 1u);
  EXPECT_EQ(findings_[0].severity, Severity::kGap);
  findings_.clear();
  fs_.erase("/data/version-2");
  put(0x10, LogBuilder().bytes());
  fs_.put("/data/version-2/log.11", LogBuilder().record(0x10, 2).bytes());
  EXPECT_THAT(walk(), ElementsAre(0x10));
  EXPECT_TRUE(findings_.empty());
}

TEST_F(LogWalkTest, AFirstRecordThatIsWrittenAgainAfterACrashLeavesNoGap) {
  put(1, LogBuilder().record(1, 1).torn(20).bytes());
  put(0x100000001, LogBuilder().record(0x100000001, 2).bytes());
  EXPECT_THAT(walk(), ElementsAre(0x100000001));
  EXPECT_EQ(findings_.size(), 1u) << "another leader's epoch follows whatever was before";
}

TEST_F(LogWalkTest, WhatIsNoLogIsPassedOverAsAWhole) {
  put(1, "this is no log and holds no record");
  put(3, LogBuilder().record(3, 3).bytes());
  EXPECT_THAT(walk(), ElementsAre(3));
  ASSERT_EQ(findings_.size(), 1u);
  EXPECT_EQ(findings_[0].first_zxid, 1);
  EXPECT_EQ(findings_[0].last_zxid, 2);
}

/// One whose checksum holds, and whose body ends before it says so.
TEST_F(LogWalkTest, ASoundRecordThatCannotBeDecodedHidesNoneBehindIt) {
  Txn short_one = test::create_txn(2, 2, "/a");
  std::string payload;
  encode_txn(short_one, payload);
  payload.resize(TxnHeader::kBytes + 6);
  std::string bytes = LogBuilder().record(1, 1).bytes();
  append_record(as_bytes(payload), bytes);
  bytes += LogBuilder().record(3, 3).bytes().substr(kLogHeaderBytes);
  put(1, bytes);
  EXPECT_THAT(walk(), ElementsAre(1, 3));
  ASSERT_EQ(findings_.size(), 1u);
  EXPECT_EQ(findings_[0].first_zxid, 2);
  EXPECT_EQ(findings_[0].last_zxid, 2);
}

}  // namespace
}  // namespace zkark::restore
