#include "formats/file_names.h"

#include <gtest/gtest.h>

namespace zkark {
namespace {

constexpr auto kLog = DataFileKind::kLog;
constexpr auto kSnapshot = DataFileKind::kSnapshot;
constexpr auto kOddLog = DataFileKind::kAccidentalLog;
constexpr auto kOddSnapshot = DataFileKind::kAccidentalSnapshot;
constexpr auto kOther = DataFileKind::kOther;
constexpr auto kPlain = SnapCodec::kPlain;
constexpr auto kGzip = SnapCodec::kGzip;
constexpr auto kSnappy = SnapCodec::kSnappy;

struct Row {
  const char* name;
  DataFileKind kind;
  std::int64_t zxid = 0;
  SnapCodec codec = kPlain;
};

// Apache: String.split("\\."), part 0 equal to the prefix, Long.parseLong(part 1, 16); codec by the last
// part.
constexpr Row kRows[] = {
    {"log.1", kLog, 1},
    {"log.0", kLog, 0},
    {"log.10000000b", kLog, 0x10000000b},
    {"log.7fffffffffffffff", kLog, INT64_MAX},
    {"log.A", kOddLog, 10},
    {"log.0a", kOddLog, 10},
    {"log.+5", kOddLog, 5},
    {"log.1.bak", kOddLog, 1},
    {"log.1.fixed", kOddLog, 1},
    {"log.1.", kOddLog, 1},
    {"log.5.gz", kOddLog, 5},
    {"log.-5", kOther},
    {"log.8000000000000000", kOther},
    {"log.ffffffffffffffff", kOther},
    {"log.", kOther},
    {"log..1", kOther},
    {"log", kOther},
    {"log.0x5", kOther},
    {"log.g", kOther},
    {"log.-", kOther},
    {"log.+-5", kOther},
    {"log. 1", kOther},
    {"Log.1", kOther},
    {"alog.1", kOther},
    {".log.1", kOther},
    {"snapshot.0", kSnapshot, 0},
    {"snapshot.1c3", kSnapshot, 0x1c3},
    {"snapshot.5.gz", kSnapshot, 5, kGzip},
    {"snapshot.5.snappy", kSnapshot, 5, kSnappy},
    {"snapshot.5.GZ", kOddSnapshot, 5, kGzip},
    {"snapshot.5.Snappy", kOddSnapshot, 5, kSnappy},
    {"snapshot.5.gz.", kOddSnapshot, 5, kGzip},
    {"snapshot.5.tmp", kOddSnapshot, 5},
    {"snapshot.5.gz.tmp", kOddSnapshot, 5},
    {"snapshot.5.tmp.gz", kOddSnapshot, 5, kGzip},
    {"snapshot.A", kOddSnapshot, 10},
    {"snapshot.0005", kOddSnapshot, 5},
    {"snapshot.-5", kOddSnapshot, -5},
    {"snapshot.-1", kOther},
    {"snapshot.0x5", kOther},
    {"snapshot.ffffffffffffffff", kOther},
    {"snapshot.gz", kOther},
    {"snapshot", kOther},
    {"snapshots.5", kOther},
    {"currentEpoch", kOther},
    {"myid", kOther},
    {"", kOther},
    {".", kOther},
    {"...", kOther},
};

TEST(FileNames, AreTakenForWhatApacheTakesThemFor) {
  for (const Row& row : kRows) {
    const DataFileName parsed = parse_data_file_name(row.name);
    EXPECT_EQ(static_cast<int>(parsed.kind), static_cast<int>(row.kind)) << row.name;
    if (row.kind == kOther) continue;
    EXPECT_EQ(parsed.zxid, row.zxid) << row.name;
    EXPECT_EQ(snap_codec_name(parsed.codec), snap_codec_name(row.codec)) << row.name;
  }
}

TEST(FileNames, AreWrittenInLowerCaseHexWithoutLeadingZeros) {
  EXPECT_EQ(log_file_name(0x10000000B), "log.10000000b");
  EXPECT_EQ(log_file_name(0), "log.0");
  EXPECT_EQ(snapshot_file_name(0xabc), "snapshot.abc");
  EXPECT_EQ(snapshot_file_name(0xabc, kGzip), "snapshot.abc.gz");
  EXPECT_EQ(snapshot_file_name(-1, kSnappy), "snapshot.ffffffffffffffff.snappy");
}

TEST(FileNames, ZxidsSplitIntoEpochAndCounter) {
  EXPECT_EQ(zxid_epoch(0x30000000d), 3u);
  EXPECT_EQ(zxid_counter(0x30000000d), 13u);
  EXPECT_EQ(make_zxid(3, 13), 0x30000000d);
  EXPECT_EQ(make_zxid(0xffffffff, 0xffffffff), -1);
  EXPECT_EQ(zxid_text(0x10000000b), "0x10000000b");
  EXPECT_EQ(zxid_text(-1), "0xffffffffffffffff");
}

TEST(FileNames, HexNumbersOfPeopleMayHaveAPrefix) {
  EXPECT_EQ(parse_hex64("0x10000000B"), 0x10000000b);
  EXPECT_EQ(parse_hex64("0Xa"), 10);
  EXPECT_EQ(parse_hex64("ffffffffffffffff"), -1);
  for (const char* bad : {"", "0x", "g", "-1", "+1", "1 ", " 1", "10000000000000000", "0x0x1"})
    EXPECT_EQ(parse_hex64(bad), std::nullopt) << bad;
}

TEST(EpochFiles, HoldOneNumberOnTheirFirstLine) {
  for (const char* good : {"2", "2\n", "2\r\n", "2\r", "2\nanything", "+2", "2\rtail"}) {
    Result<std::int64_t> epoch = parse_epoch_file(good);
    ASSERT_TRUE(epoch) << good;
    EXPECT_EQ(*epoch, 2) << good;
  }
  EXPECT_EQ(*parse_epoch_file("-1"), -1);
  EXPECT_EQ(*parse_epoch_file("9223372036854775807"), INT64_MAX);
  for (const char* bad :
       {"", "\n", "\n2", " 2", "2 ", "2 \n", "0x2", "+", "-", "+-2", "-+2", "2a", "9223372036854775808",
        "\xef\xbb\xbf"
        "2"}) {
    Result<std::int64_t> epoch = parse_epoch_file(bad);
    ASSERT_FALSE(epoch) << bad;
    EXPECT_EQ(epoch.error().id(), ErrorId::kBadEpochFile) << bad;
  }
}

TEST(EpochFiles, MyidFollowsTheSameRule) {
  EXPECT_EQ(*parse_myid("1\n"), 1);
  for (const char* bad : {"1 ", " 1", "0x1", ""}) EXPECT_FALSE(parse_myid(bad)) << bad;
}

}  // namespace
}  // namespace zkark
