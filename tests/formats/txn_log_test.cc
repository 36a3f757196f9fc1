#include "formats/txn_log.h"

#include <gtest/gtest.h>

#include "formats/adler32.h"
#include "tests/formats/memory_file.h"

namespace zkark {
namespace {

using test::from_hex;
using test::hex;
using test::MemoryFile;

Txn set_data(std::int64_t zxid, std::string_view value) {
  Txn txn;
  txn.header = {0x100008b0d7b0000, 1, zxid, 1700000000000, TxnType::kSetData};
  txn.body = SetDataTxn{"/a", as_bytes(value), static_cast<std::int32_t>(zxid)};
  txn.digest = TxnDigest{2, zxid};
  return txn;
}

/// A log of setData txns with zxids from 1 on, and where each begins.
struct Log {
  std::string bytes;
  std::vector<std::uint64_t> offsets;
  explicit Log(int records = 0, std::size_t value_bytes = 5) {
    append_log_header(bytes);
    for (int i = 1; i <= records; ++i)
      add(set_data(i, std::string(value_bytes, static_cast<char>('a' + i % 26))));
  }
  void add(const Txn& txn) {
    offsets.push_back(bytes.size());
    append_txn(txn, bytes);
  }
};

struct Walk {
  std::vector<std::int64_t> zxids;
  std::optional<Error> error;
  Tail tail;
};
Walk walk(const std::string& bytes, Limits limits = {}) {
  MemoryFile file(bytes, "log.1");
  TxnLogReader reader(file, limits);
  Walk walk;
  for (;;) {
    Result<std::optional<TxnEntry>> entry = reader.next();
    if (!entry) {
      walk.error = std::move(entry).error();
      break;
    }
    if (!*entry) break;
    walk.zxids.push_back((*entry)->zxid());
  }
  walk.tail = reader.tail();
  return walk;
}

/// Zxids of every record that reading with skip_damage() at each stop finds.
std::vector<std::int64_t> salvage(MemoryFile& file) {
  TxnLogReader reader(file);
  std::vector<std::int64_t> zxids;
  for (;;) {
    Result<std::optional<TxnEntry>> entry = reader.next();
    if (entry && *entry) {
      zxids.push_back((*entry)->zxid());
      continue;
    }
    Result<bool> more = reader.skip_damage();
    if (!more) {
      ADD_FAILURE() << more.error().to_string();
      return zxids;
    }
    if (!*more) return zxids;
  }
}
std::vector<std::int64_t> salvage(const std::string& bytes) {
  MemoryFile file(bytes);
  return salvage(file);
}

// ---- the worked records of the reference, section 3.2 ----

const std::string kWorked = from_hex(
    "5a4b4c47 00000002 0000000000000000"
    "00000000 afa90a04 | 00000030 | 010000133b3a0000 00000000 0000000000000001 000001a1fc958944 fffffff6"
    "00002710 | 00000002 0000000051c6d660 | 42"
    "00000000 fbc50df2 | 0000005b | 010000133b3a0000 00000001 0000000000000002 000001a1fc95894b 00000001"
    "00000002 2f61 00000005 68656c6c6f 00000001 0000001f 00000005 776f726c64 00000006 616e796f6e65 00 "
    "00000001"
    "| 00000002 000000007f9cf3c4 | 42");

TEST(TxnLog, ReadsTheWorkedRecords) {
  MemoryFile file(kWorked, "log.1");
  TxnLogReader reader(file);
  ASSERT_TRUE(reader.read_header());
  EXPECT_EQ(reader.header_version(), 2);
  EXPECT_EQ(reader.header_dbid(), 0);

  auto first = reader.next();
  ASSERT_TRUE(first && *first);
  EXPECT_EQ((*first)->offset, 16u);
  EXPECT_EQ((*first)->record.size(), 61u);
  EXPECT_EQ((*first)->checksum(), 0xafa90a04u);  // above 2^31: stored zero-extended
  EXPECT_EQ((*first)->txn.header,
            (TxnHeader{0x10000133b3a0000, 0, 1, 0x1a1fc958944, TxnType::kCreateSession}));
  EXPECT_EQ(std::get<CreateSessionTxn>((*first)->txn.body).timeout_ms, 10000);
  EXPECT_EQ((*first)->txn.digest, (TxnDigest{2, 0x51c6d660}));

  auto second = reader.next();
  ASSERT_TRUE(second && *second);
  EXPECT_EQ((*second)->offset, 77u);
  const auto& create = std::get<CreateTxn>((*second)->txn.body);
  EXPECT_EQ(create.path, "/a");
  EXPECT_EQ(as_text(*create.data), "hello");
  EXPECT_TRUE(create.acl == open_acl_unsafe());
  EXPECT_EQ(create.ephemeral, 0);
  EXPECT_EQ(create.parent_cversion, 1);

  auto end = reader.next();
  ASSERT_TRUE(end && !*end);
  EXPECT_EQ(reader.tail(), (Tail{TailState::kEnd, kWorked.size()}));
}

TEST(TxnLog, WritesTheWorkedRecords) {
  MemoryFile file(kWorked);
  TxnLogReader reader(file);
  std::string again;
  append_log_header(again);
  for (auto entry = reader.next(); entry && *entry; entry = reader.next()) append_txn((*entry)->txn, again);
  EXPECT_EQ(hex(again), hex(kWorked));
}

TEST(TxnLog, TheChecksumCoversThePayloadAlone) {
  EXPECT_EQ(adler32(as_bytes(kWorked.substr(16 + 12, 48))), 0xafa90a04u);
}

// ---- headers ----

TEST(TxnLogHeader, VersionAndDbidAreNotChecked) {
  const std::string bytes = from_hex("5a4b4c47 00000003 0000000000000063") + kWorked.substr(16);
  MemoryFile file(bytes);
  TxnLogReader reader(file);
  ASSERT_TRUE(reader.read_header());
  EXPECT_EQ(reader.header_version(), 3);
  EXPECT_EQ(reader.header_dbid(), 99);
  EXPECT_EQ(walk(bytes).zxids.size(), 2u);
}

TEST(TxnLogHeader, AloneIsAnEmptyLog) {
  const Walk w = walk(kWorked.substr(0, 16));
  EXPECT_FALSE(w.error);
  EXPECT_EQ(w.tail, (Tail{TailState::kEnd, 16}));
}

TEST(TxnLogHeader, ShorterFilesAreTruncated) {
  for (std::size_t size = 0; size < 16; ++size) {
    const Walk w = walk(kWorked.substr(0, size));
    ASSERT_TRUE(w.error) << size;
    EXPECT_EQ(w.error->id(), ErrorId::kTruncated) << size;
    EXPECT_EQ(w.error->file(), "log.1");
  }
}

TEST(TxnLogHeader, AnotherMagicIsRefused) {
  const Walk w = walk(from_hex("5a4b534e 00000002 ffffffffffffffff") + kWorked.substr(16));
  ASSERT_TRUE(w.error);
  EXPECT_EQ(w.error->id(), ErrorId::kBadMagic);
  EXPECT_EQ(walk("ZKLX").error->id(), ErrorId::kBadMagic);
}

// ---- tails: padding, torn, end ----

TEST(TxnLogTail, PaddingEndsTheLog) {
  for (std::size_t zeros : {1u, 3u, 8u, 11u, 12u, 13u, 4096u, 70000u}) {
    const Log log(3);
    const Walk w = walk(log.bytes + std::string(zeros, '\0'));
    EXPECT_FALSE(w.error) << zeros;
    EXPECT_EQ(w.zxids.size(), 3u);
    EXPECT_EQ(w.tail, (Tail{TailState::kPadding, log.bytes.size()})) << zeros;
  }
}

TEST(TxnLogTail, EveryCutInsideARecordIsTorn) {
  const Log log(3);
  for (std::size_t cut = log.offsets[2] + 1; cut < log.bytes.size(); ++cut) {
    const Walk w = walk(log.bytes.substr(0, cut));
    EXPECT_FALSE(w.error) << cut;
    EXPECT_EQ(w.zxids, (std::vector<std::int64_t>{1, 2})) << cut;
    // The first four bytes of a record are zero: alone they look like padding.
    const TailState expected = cut - log.offsets[2] <= 4 ? TailState::kPadding : TailState::kTorn;
    EXPECT_EQ(w.tail, (Tail{expected, log.offsets[2]})) << cut;
  }
}

TEST(TxnLogTail, ATornRecordMayBeFollowedByPadding) {
  const Log log(3);
  for (std::size_t cut = log.offsets[2] + 5; cut < log.bytes.size(); ++cut) {
    const std::string bytes = log.bytes.substr(0, cut) + std::string(4096, '\0');
    const Walk w = walk(bytes);
    EXPECT_FALSE(w.error) << cut;
    EXPECT_EQ(w.zxids.size(), 2u);
    EXPECT_EQ(w.tail, (Tail{TailState::kTorn, log.offsets[2]})) << cut;
  }
}

TEST(TxnLogTail, AMissingEndMarkerIsATornRecord) {
  Log log(2);
  log.bytes.back() = '\0';
  const Walk w = walk(log.bytes);
  EXPECT_FALSE(w.error);
  EXPECT_EQ(w.tail, (Tail{TailState::kTorn, log.offsets[1]}));
}

TEST(TxnLogTail, AZeroedSecondHalfIsATornRecord) {
  Log log(2, 100);
  std::fill(log.bytes.end() - 60, log.bytes.end(), '\0');
  EXPECT_EQ(walk(log.bytes).tail, (Tail{TailState::kTorn, log.offsets[1]}));
}

TEST(TxnLogTail, AWrongChecksumIsDamageEvenInTheLastRecord) {
  Log log(2);
  log.bytes[log.bytes.size() - 3] ^= 1;
  const Walk w = walk(log.bytes);
  ASSERT_TRUE(w.error);
  EXPECT_EQ(w.error->id(), ErrorId::kChecksumMismatch);
  EXPECT_EQ(w.error->offset(), log.offsets[1]);
  EXPECT_EQ(w.zxids.size(), 1u);
}

TEST(TxnLogTail, AChecksumWithBitsAbove32IsDamage) {
  Log log(1);
  log.bytes[16] = '\x80';
  EXPECT_EQ(walk(log.bytes).error->id(), ErrorId::kChecksumMismatch);
}

TEST(TxnLogTail, AnImpossibleLengthIsDamage) {
  for (const char* length : {"ffffffff", "fffffffe", "80000000", "7fffffff"}) {
    Log log(1);
    const std::string word = from_hex(length);
    log.bytes.replace(16 + 8, 4, word);
    for (const Limits& limits : {Limits{}, Limits::java_3_8()}) {
      const Walk w = walk(log.bytes, limits);
      ASSERT_TRUE(w.error) << length;
      EXPECT_EQ(w.error->id(), ErrorId::kBadLength);
      EXPECT_EQ(w.error->offset(), 24u);
    }
  }
}

TEST(TxnLogTail, ALengthAboveTheLimitOfApacheIsARecordForUs) {
  Log log;
  log.add(set_data(1, std::string(3 << 20, 'x')));  // what closing a session with very many ephemerals gives
  EXPECT_EQ(walk(log.bytes).zxids.size(), 1u);
  EXPECT_EQ(walk(log.bytes, Limits::java_3_8()).error->id(), ErrorId::kBadLength);
}

TEST(TxnLogTail, PaddingIsCleanOnlyWhenAllZero) {
  const Log log(1);
  MemoryFile file(log.bytes + std::string(200000, '\0'));
  TxnLogReader reader(file);
  while (*reader.next()) continue;
  EXPECT_TRUE(*reader.padding_is_clean(reader.tail().offset));
  file.content[log.bytes.size() + 150000] = 1;
  EXPECT_FALSE(*reader.padding_is_clean(reader.tail().offset));
}

TEST(TxnLogTail, ALengthOfZeroUnderAChecksumIsTornAndNotPadding) {
  Log log(2);
  log.bytes.replace(log.offsets[1] + 8, 4, std::string(4, '\0'));
  EXPECT_EQ(walk(log.bytes).tail.state, TailState::kTorn);
}

TEST(TxnLogTail, AnUndecodableRecordIsDamageWithItsZxid) {
  Log log(1);
  Txn check;
  check.header = {1, 1, 77, 1, TxnType::kCheck};
  check.body = CheckVersionTxn{"/a", 1};
  log.add(check);
  for (const Limits& limits : {Limits{}, Limits::java_3_8()}) {
    const Walk w = walk(log.bytes, limits);
    ASSERT_TRUE(w.error);
    EXPECT_EQ(w.error->id(), ErrorId::kUnknownTxn);
    EXPECT_EQ(w.error->zxid(), 77);
    EXPECT_EQ(w.error->offset(), log.offsets[1] + 12 + 28);
  }
}

TEST(TxnLogTail, ApacheTakesASoundRecordWithAShortBodyForTheEnd) {
  Log log(1);
  std::string payload;
  JuteWriter out(payload);
  TxnHeader{1, 1, 2, 1, TxnType::kSetData}.write(out);
  out.ustring("/a");
  append_record(as_bytes(payload), log.bytes);
  EXPECT_EQ(walk(log.bytes).error->id(), ErrorId::kTruncated);
  const Walk java = walk(log.bytes, Limits::java_3_8());
  EXPECT_FALSE(java.error);
  EXPECT_EQ(java.tail.state, TailState::kTorn);
}

// ---- a file that grows while it is read ----

TEST(TxnLogGrowth, NextLooksAgainAfterATail) {
  Log log(1);
  MemoryFile file(log.bytes + std::string(1000, '\0'));
  TxnLogReader reader(file);
  ASSERT_TRUE(*reader.next());
  ASSERT_FALSE(*reader.next());
  EXPECT_EQ(reader.tail().state, TailState::kPadding);

  Log more(2);
  file.content.replace(0, more.bytes.size(), more.bytes);
  auto entry = reader.next();
  ASSERT_TRUE(entry && *entry);
  EXPECT_EQ((*entry)->zxid(), 2);
  EXPECT_EQ(reader.tail().state, TailState::kOpen);
}

TEST(TxnLogGrowth, NextLooksAgainAfterAnError) {
  Log log(2);
  std::string damaged = log.bytes;
  damaged[log.offsets[1] + 30] ^= 4;
  MemoryFile file(damaged);
  TxnLogReader reader(file);
  ASSERT_TRUE(*reader.next());
  EXPECT_FALSE(reader.next());
  file.content = log.bytes;
  auto entry = reader.next();
  ASSERT_TRUE(entry && *entry);
  EXPECT_EQ((*entry)->zxid(), 2);
}

TEST(TxnLogGrowth, AHeaderMayArriveLater) {
  Log log(1);
  MemoryFile file(log.bytes.substr(0, 9));
  TxnLogReader reader(file);
  EXPECT_EQ(reader.next().error().id(), ErrorId::kTruncated);
  file.content = log.bytes;
  auto entry = reader.next();
  ASSERT_TRUE(entry && *entry);
}

TEST(TxnLog, SeekContinuesAtARecord) {
  const Log log(5);
  MemoryFile file(log.bytes);
  TxnLogReader reader(file);
  reader.seek(log.offsets[3]);
  auto entry = reader.next();
  ASSERT_TRUE(entry && *entry);
  EXPECT_EQ((*entry)->zxid(), 4);
  reader.seek(0);
  EXPECT_EQ((*reader.next())->zxid(), 1);
}

TEST(TxnLog, ReadErrorsPassThrough) {
  const Log log(3);
  MemoryFile file(log.bytes, "log.1");
  file.fail_reads_after = 1;  // the header and the first window come from one read
  TxnLogReader reader(file);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(*reader.next());
  auto end = reader.next();
  ASSERT_FALSE(end);
  EXPECT_EQ(end.error().id(), ErrorId::kStorage);
}

TEST(TxnLog, RecordsLargerThanTheWindowAreRead) {
  Log log;
  for (int i = 1; i <= 5; ++i) log.add(set_data(i, std::string(200000u * static_cast<unsigned>(i), 'x')));
  EXPECT_EQ(walk(log.bytes).zxids, (std::vector<std::int64_t>{1, 2, 3, 4, 5}));
  EXPECT_EQ(salvage(log.bytes), (std::vector<std::int64_t>{1, 2, 3, 4, 5}));
}

// ---- skip_damage ----

TEST(SkipDamage, FindsTheRecordsBehindADamagedOne) {
  for (std::size_t victim = 0; victim < 4; ++victim) {
    Log log(4);
    log.bytes[log.offsets[victim] + 20] ^= 1;
    std::vector<std::int64_t> expected = {1, 2, 3, 4};
    expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(victim));
    EXPECT_EQ(salvage(log.bytes), expected) << victim;
  }
}

TEST(SkipDamage, PassesADamagedHeader) {
  Log log(3);
  log.bytes[2] ^= 1;
  EXPECT_EQ(salvage(log.bytes), (std::vector<std::int64_t>{1, 2, 3}));
}

TEST(SkipDamage, NeedsNothingReadBefore) {
  Log log(3);
  log.bytes[2] ^= 1;
  MemoryFile file(log.bytes);
  TxnLogReader reader(file);
  reader.seek(log.offsets[1]);
  const Result<bool> more = reader.skip_damage();
  ASSERT_TRUE(more && *more);
  const auto entry = reader.next();
  ASSERT_TRUE(entry && *entry);
  EXPECT_EQ((*entry)->zxid(), 2);
}

TEST(SkipDamage, FindsRecordsBehindALostLength) {
  for (const char* length : {"00000000", "ffffffff", "7fffffff", "00000005", "00ffffff", "0000ffff"}) {
    Log log(3);
    log.bytes.replace(log.offsets[1] + 8, 4, from_hex(length));
    EXPECT_EQ(salvage(log.bytes), (std::vector<std::int64_t>{1, 3})) << length;
  }
}

TEST(SkipDamage, FindsRecordsBehindPaddingAndForeignBytes) {
  const Log first(2);
  Log second;
  for (int i = 3; i <= 4; ++i) second.add(set_data(i, "later"));
  for (const std::string& between :
       {std::string(100000, '\0'), std::string(777, '\xff'), std::string(1, 'B')})
    EXPECT_EQ(salvage(first.bytes + between + second.bytes.substr(16)),
              (std::vector<std::int64_t>{1, 2, 3, 4}));
}

TEST(SkipDamage, FindsLargeRecords) {
  Log log;
  log.add(set_data(1, "small"));
  log.add(set_data(2, std::string(3 << 20, 'x')));
  log.add(set_data(3, std::string(70000, 'y')));
  log.add(set_data(4, "end"));
  log.bytes[log.offsets[0] + 50] ^= 1;
  EXPECT_EQ(salvage(log.bytes), (std::vector<std::int64_t>{2, 3, 4}));
  log.bytes[log.offsets[1] + 5000] ^= 1;
  EXPECT_EQ(salvage(log.bytes), (std::vector<std::int64_t>{3, 4}));
}

TEST(SkipDamage, KeepsTheTailWhenNothingIsLeft) {
  const Log log(1);
  MemoryFile file(log.bytes + std::string(5000, '\0'));
  TxnLogReader reader(file);
  while (*reader.next()) continue;
  const Tail before = reader.tail();
  EXPECT_FALSE(*reader.skip_damage());
  EXPECT_EQ(reader.tail(), before);
  EXPECT_EQ(reader.offset(), log.bytes.size());
}

TEST(SkipDamage, ARecordInsideASealedRecordIsItsData) {
  // The outer record's checksum holds but its type is unknown; the value it carries is a whole log.
  const Log inner(2);
  std::string payload;
  JuteWriter out(payload);
  TxnHeader{1, 1, 9, 1, TxnType::kCheck}.write(out);
  out.ustring("/a");
  out.buffer(as_bytes(inner.bytes));
  Log log(1);
  append_record(as_bytes(payload), log.bytes);
  log.add(set_data(10, "behind"));
  EXPECT_EQ(salvage(log.bytes), (std::vector<std::int64_t>{1, 10}));
}

TEST(SkipDamage, CostsNoMoreThanTheBytesPassedOver) {
  // Every 56 bytes claim to begin a record of half a megabyte whose end marker is there.
  const std::string unit = from_hex(
      "00000000 42424242 00080000 4242424242424242 42424242 4242424242424242 4242424242424242 00000005"
      "42424242 42424242 42424242");
  ASSERT_EQ(unit.size(), 56u);
  std::string bytes;
  append_log_header(bytes);
  while (bytes.size() < (2 << 20)) bytes += unit;
  MemoryFile file(bytes);
  EXPECT_TRUE(salvage(file).empty());
  // Two blocks of 8 KiB a claim at most, and the file itself a few times over.
  EXPECT_LT(file.bytes_read, bytes.size() / 56 * 16384 + 8 * bytes.size());
}

TEST(TxnLogReader, ShowsThePathsOfTheRecordsAheadWithoutMoving) {
  Log log;
  const char* const paths[] = {"/a", "/b/c", "/d", "/e", "/f"};
  for (int i = 0; i < 5; ++i) {
    Txn txn = set_data(i + 1, "v");
    std::get<SetDataTxn>(txn.body).path = paths[i];
    log.add(txn);
  }
  MemoryFile file(log.bytes, "log.1");
  TxnLogReader reader(file);
  TxnEntry entry;
  ASSERT_TRUE(*reader.next_into(entry));
  EXPECT_EQ(reader.peek_path(3), "/b/c");
  EXPECT_EQ(reader.peek_path(3), "/d");
  EXPECT_EQ(reader.peek_path(3), "/e");
  EXPECT_EQ(reader.peek_path(3), "");  // three ahead are enough
  for (int i = 1; i < 5; ++i) {
    ASSERT_TRUE(*reader.next_into(entry));
    EXPECT_EQ(std::get<SetDataTxn>(entry.txn.body).path, paths[i]);
    EXPECT_EQ(reader.peek_path(3), i == 1 ? "/f" : "");
  }
  EXPECT_FALSE(*reader.next_into(entry));
  EXPECT_EQ(reader.peek_path(3), "");
}

TEST(TxnLogReader, PeeksAtNothingThatIsNotWhollyThere) {
  Log log(3);
  for (std::size_t size = log.offsets[1]; size < log.bytes.size(); ++size) {
    MemoryFile file(log.bytes.substr(0, size), "log.1");
    TxnLogReader reader(file);
    TxnEntry entry;
    ASSERT_TRUE(*reader.next_into(entry));
    EXPECT_EQ(reader.peek_path(8), size >= log.offsets[2] ? "/a" : "") << size;
  }
  for (std::size_t at = log.offsets[1]; at < log.offsets[1] + 60; ++at) {
    std::string bytes = log.bytes;
    bytes[at] = '\xff';  // a hint may be wrong, never out of bounds: the sanitizers look on
    MemoryFile file(bytes, "log.1");
    TxnLogReader reader(file);
    TxnEntry entry;
    ASSERT_TRUE(*reader.next_into(entry));
    static_cast<void>(reader.peek_path(8));
    static_cast<void>(reader.peek_path(8));
    static_cast<void>(reader.peek_path(8));
  }
}

TxnLogReader::TailShape shape_of(const std::string& bytes) {
  MemoryFile file(bytes, "log.1");
  TxnLogReader reader(file);
  TxnEntry entry;
  for (;;) {
    const Result<bool> more = reader.next_into(entry);
    EXPECT_TRUE(more);
    if (!more || !*more) break;
  }
  return *reader.tail_shape();
}

TEST(TxnLogTail, EveryBeginningOfARecordIsATornWriteWithAndWithoutPadding) {
  const Log log(3, 40);
  for (std::size_t cut = log.offsets[2] + 1; cut < log.bytes.size(); ++cut) {
    const std::string torn = log.bytes.substr(0, cut);
    EXPECT_EQ(shape_of(torn), TxnLogReader::TailShape::kTornWrite) << cut;
    EXPECT_EQ(shape_of(torn + std::string(500, '\0')), TxnLogReader::TailShape::kTornWrite) << cut;
  }
}

TEST(TxnLogTail, EveryFlippedBitOfTheLastRecordsLengthAndEndMarkerIsDamage) {
  const Log log(3, 40);
  const std::size_t last = log.offsets[2];
  std::size_t seen = 0;
  for (const std::string& padding : {std::string(), std::string(500, '\0')}) {
    for (std::size_t at : {last + 8, last + 9, last + 10, last + 11, log.bytes.size() - 1}) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string bytes = log.bytes + padding;
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
        MemoryFile file(bytes, "log.1");
        TxnLogReader reader(file);
        TxnEntry entry;
        Result<bool> more = true;
        while (more && *more) more = reader.next_into(entry);
        if (!more) continue;  // an impossible length: told as such
        EXPECT_EQ(*reader.tail_shape(), TxnLogReader::TailShape::kDamagedFrame)
            << at - last << " bit " << bit;
        ++seen;
      }
    }
  }
  EXPECT_GT(seen, 50u);
}

TEST(TxnLogTail, BytesThatNoCrashLeavesAreForeign) {
  const Log log(3, 40);
  const std::string zeros_before = log.bytes + std::string(100, '\0') + "left over";
  EXPECT_EQ(shape_of(zeros_before), TxnLogReader::TailShape::kForeignBytes);
  // What claims to be a short record, and goes on behind its end.
  std::string headers;
  for (int i = 0; i < 50; ++i) headers += from_hex("00000000 12345678 00000040") + std::string(20, 'h');
  EXPECT_EQ(shape_of(log.bytes + headers), TxnLogReader::TailShape::kForeignBytes);
}

}  // namespace
}  // namespace zkark
