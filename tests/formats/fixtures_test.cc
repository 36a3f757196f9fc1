// Everything that real servers wrote into fixtures/: read, compared with Apache's reading of it, and written
// again.
#include <gtest/gtest.h>

#include <cstdio>
#include <sstream>

#include "formats/digest.h"
#include "formats/file_names.h"
#include "formats/snapshot.h"
#include "formats/txn_log.h"
#include "tests/formats/canonical.h"
#include "tests/formats/memory_file.h"

namespace zkark {
namespace {

using test::fixture_files;
using test::fixture_name;
using test::MemoryFile;
using test::MemorySink;
using test::MemorySource;
using test::slurp;

TEST(Fixtures, EveryLogRecordIsWrittenAgainByteForByte) {
  std::size_t logs = 0, records = 0;
  for (const auto& path : fixture_files("log.")) {
    SCOPED_TRACE(fixture_name(path));
    MemoryFile file(slurp(path), path.string());
    TxnLogReader reader(file);
    std::string again;
    append_log_header(again);
    for (;;) {
      Result<std::optional<TxnEntry>> entry = reader.next();
      ASSERT_TRUE(entry) << entry.error().to_string();
      if (!*entry) break;
      append_txn((*entry)->txn, again);
      ++records;
    }
    EXPECT_TRUE(again == file.content.substr(0, reader.tail().offset));
    EXPECT_NE(reader.tail().state, TailState::kOpen);
    if (reader.tail().state == TailState::kPadding) {
      EXPECT_TRUE(*reader.padding_is_clean(reader.tail().offset));
    }
    ++logs;
  }
  EXPECT_GT(records, 1000u);
  std::printf("%zu records of %zu logs written again byte for byte\n", records, logs);
}

TEST(Fixtures, EveryLogRecordIsWhatApacheReads) {
  std::size_t records = 0;
  for (const auto& path : fixture_files("log.")) {
    SCOPED_TRACE(fixture_name(path));
    // The recorded text lies in the folder of the data directory; with a separate log directory one above.
    std::filesystem::path recorded =
        path.parent_path().parent_path() / "apache-records" / (path.filename().string() + ".txt");
    if (!exists(recorded))
      recorded = path.parent_path().parent_path().parent_path() / "apache-records" /
                 (path.filename().string() + ".txt");
    if (!exists(recorded)) continue;
    const std::string text = slurp(recorded);
    MemoryFile file(slurp(path), path.string());
    TxnLogReader reader(file);
    std::istringstream lines(text);
    std::string line;
    while (std::getline(lines, line) && line != "end" && !line.starts_with("error ")) {
      Result<std::optional<TxnEntry>> entry = reader.next();
      ASSERT_TRUE(entry) << entry.error().to_string();
      ASSERT_TRUE(*entry) << "Apache reads " << line;
      EXPECT_EQ(test::record_text((*entry)->txn), line);
      ++records;
    }
    Result<std::optional<TxnEntry>> rest = reader.next();
    if (line == "end") {
      EXPECT_TRUE(rest && !*rest) << "Apache reads no further";
    } else {
      EXPECT_FALSE(rest) << line;
    }
  }
  EXPECT_GT(records, 1000u);
  std::printf("%zu of %zu records read as Apache reads them\n", records, records);
}

/// Reads a plain stream and writes it again from the pieces.
std::string written_again(const std::string& plain, const std::string& name, SnapshotTail& tail) {
  MemorySource source(plain);
  SnapshotReader reader(source, name);
  MemorySource counted(plain);
  SnapshotReader counting(counted, name);
  std::size_t sessions = 0, acls = 0;
  for (auto s = counting.next_session(); s && *s; s = counting.next_session()) ++sessions;
  for (auto a = counting.next_acl(); a && *a; a = counting.next_acl()) ++acls;

  MemorySink sink;
  SnapshotWriter writer(sink);
  auto copy = [&]() -> Status {
    ZK_TRY(SnapshotHeader header, reader.read_header());
    ZK_TRY_STATUS(writer.begin(header, sessions));
    for (;;) {
      ZK_TRY(auto session, reader.next_session());
      if (!session) break;
      ZK_TRY_STATUS(writer.session(*session));
    }
    ZK_TRY_STATUS(writer.begin_acls(acls));
    for (;;) {
      ZK_TRY(auto acl, reader.next_acl());
      if (!acl) break;
      ZK_TRY_STATUS(writer.acl(*acl));
    }
    for (;;) {
      ZK_TRY(auto node, reader.next_node());
      if (!node) break;
      ZK_TRY_STATUS(writer.node(*node));
    }
    ZK_TRY(tail, reader.read_tail());
    return writer.end(tail.digest, tail.last_processed_zxid);
  };
  Status status = copy();
  EXPECT_TRUE(status) << (status ? "" : status.error().to_string());
  return sink.content;
}

TEST(Fixtures, EverySnapshotIsWrittenAgainByteForByte) {
  std::size_t snapshots = 0, compressed = 0;
  for (const auto& path : fixture_files("snapshot.")) {
    SCOPED_TRACE(fixture_name(path));
    const std::string plain = test::plain_snapshot(path);
    SnapshotTail tail;
    EXPECT_TRUE(written_again(plain, path.string(), tail) == plain);
    EXPECT_EQ(tail.bytes, plain.size());
    const DataFileName name = parse_data_file_name(path.filename().string());
    EXPECT_TRUE(name.kind == DataFileKind::kSnapshot);
    const std::string raw = slurp(path);
    EXPECT_EQ(detect_codec(as_bytes(raw)), name.codec);
    MemoryFile file(raw);
    EXPECT_TRUE(*passes_cheap_test(file, name.codec));
    ++snapshots;
    compressed += name.codec != SnapCodec::kPlain;
  }
  EXPECT_GT(compressed, 10u);
  std::printf("%zu snapshots (%zu compressed) written again byte for byte\n", snapshots, compressed);
}

/// A fixture's tail says which release wrote it.
TEST(Fixtures, SectionsBehindTheNodesAreThoseOfTheRelease) {
  for (const auto& path : fixture_files("snapshot.")) {
    const std::string name = fixture_name(path);
    const std::string plain = test::plain_snapshot(path);
    MemorySource source(plain);
    SnapshotReader reader(source, name);
    Result<SnapshotTail> tail = reader.read_tail();
    ASSERT_TRUE(tail) << name << ": " << tail.error().to_string();
    const bool before_3_6 = name.starts_with("zk-3.4") || name.starts_with("zk-3.5");
    const bool digest_off = name.find("digest-off") != std::string::npos;
    const bool since_3_9 = name.starts_with("zk-3.9") || name.starts_with("zk-3.10");
    EXPECT_EQ(tail->digest.has_value(), !before_3_6 && !digest_off) << name;
    EXPECT_EQ(tail->last_processed_zxid.has_value(), since_3_9) << name;
  }
}

/// Snapshots that are not fuzzy carry the digest of exactly the tree in them.
TEST(Fixtures, DigestsOfTheNodesAreThoseInTheDigestSection) {
  std::size_t compared = 0;
  for (const auto& path : fixture_files("snapshot.")) {
    const std::string plain = test::plain_snapshot(path);
    MemorySource source(plain);
    SnapshotReader reader(source, path.string());
    std::uint64_t sum = 0;
    for (auto node = reader.next_node(); node && *node; node = reader.next_node())
      sum += node_digest((*node)->path, (*node)->data, (*node)->stat,
                         path.string().find("posix-charset") != std::string::npos);
    Result<SnapshotTail> tail = reader.read_tail();
    ASSERT_TRUE(tail) << path;
    const std::int64_t named = parse_data_file_name(path.filename().string()).zxid;
    // TTL nodes that a server without extended types dropped at its start are in the digest and not in the
    // tree.
    if (path.string().find("lost-ttl") != std::string::npos) continue;
    if (!tail->digest || tail->digest->zxid == 0 || tail->digest->zxid != named) continue;
    EXPECT_EQ(sum, static_cast<std::uint64_t>(tail->digest->digest)) << fixture_name(path);
    ++compared;
  }
  EXPECT_GT(compared, 5u);
  std::printf("%zu snapshots have the digest they say\n", compared);
}

TEST(Fixtures, EpochFilesAndMyidHoldNumbers) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(ZKARK_SOURCE_DIR "/fixtures")) {
    const std::string name = entry.path().filename().string();
    if (name != "currentEpoch" && name != "acceptedEpoch" && name != "myid") continue;
    const std::string content = slurp(entry.path());
    EXPECT_TRUE(name == "myid" ? parse_myid(content) : parse_epoch_file(content)) << entry.path();
    ++files;
  }
  EXPECT_GT(files, 10u);
}

}  // namespace
}  // namespace zkark
