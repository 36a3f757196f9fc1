// Every prefix and every single-bit flip of small files that real servers wrote, through every decoder. What
// must hold: no crash, no hang, no allocation sized by a number in the file; what is accepted is written
// again byte for byte; and what the format can know to be wrong is never accepted. After any one damage to a
// log, every record whose own bytes are intact is found again. Each test prints how many damages it tried: N
// of N.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>

#include "formats/file_names.h"
#include "formats/snapshot.h"
#include "formats/txn_log.h"
#include "formats/zoo_cfg.h"
#include "tests/formats/memory_file.h"
#include "tests/formats/memory_hook.h"

namespace zkark {
namespace {

using test::fixture_files;
using test::fixture_name;
using test::MemoryFile;
using test::MemorySink;
using test::MemorySource;
using test::MemoryWatch;
using test::slurp;

// Unoptimised and sanitized builds try every seventh bit: seven and eight have no common divisor, so all bits
// of a byte get their turn.
#if defined(__has_feature)
#define ZK_CLANG_SANITIZER (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#else
#define ZK_CLANG_SANITIZER 0
#endif
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) && \
    !ZK_CLANG_SANITIZER
constexpr std::size_t kStride = 1;
#else
constexpr std::size_t kStride = 7;
#endif

bool in_full() {
  const char* wanted = std::getenv("ZKARK_PROVE_N");
  return kStride == 1 && wanted != nullptr && std::string_view(wanted) == "full";
}

/// A decoder may hold a window or two of 256 KiB and a few blocks; all files here are far smaller.
constexpr std::size_t kMostBytes = 2 << 20;

/// Counts damages and those that came out wrong, and keeps the first few of these.
class Tally {
 public:
  /// `row`: of the scoreboard (scripts/prove.sh), where the count belongs to one.
  explicit Tally(const char* what, const char* row = nullptr) : what_(what), row_(row) {}
  ~Tally() {
    if (row_ != nullptr)
      std::printf("PROVE %s: %zu of %zu %s\n", row_, tried_ - wrong_, tried_, what_);
    else
      std::printf("%s: %zu of %zu\n", what_, tried_ - wrong_, tried_);
    EXPECT_EQ(wrong_, 0u) << examples_;
    EXPECT_GT(tried_, 0u);
    EXPECT_LE(peak_, kMostBytes) << "bytes taken for " << peak_where_;
  }
  /// `wrong` is empty when all is well.
  void add(const std::string& wrong, const std::function<std::string()>& where) {
    ++tried_;
    if (const std::size_t peak = watch_.peak_bytes(); peak > peak_) peak_ = peak, peak_where_ = where();
    if (wrong.empty()) return;
    if (++wrong_ <= 5) examples_ += where() + ": " + wrong + "\n";
  }
  void restart_watch() { watch_.restart(); }

 private:
  const char *what_, *row_;
  std::size_t tried_ = 0, wrong_ = 0, peak_ = 0;
  std::string examples_, peak_where_;
  MemoryWatch watch_;
};

/// Calls `each` with every single-bit flip of `bytes`, named by byte and bit.
void for_each_flip(const std::string& bytes,
                   const std::function<void(const std::string&, std::size_t, int)>& each) {
  std::string damaged = bytes;
  for (std::size_t bit = 0; bit < bytes.size() * 8; bit += kStride) {
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    each(damaged, bit / 8, static_cast<int>(bit % 8));
    damaged[bit / 8] = bytes[bit / 8];
  }
}

// ---- logs ----

struct Record {
  std::uint64_t offset, end;
  std::string bytes;
};
struct Log {
  std::string name;
  std::string bytes;  // padding cut to 100 zeros: enough to be padding
  std::vector<Record> records;
  std::uint64_t used = 0;  // where the records end
};

Log load_log(const std::filesystem::path& path) {
  Log log;
  log.name = fixture_name(path);
  log.bytes = slurp(path);
  MemoryFile file(log.bytes);
  TxnLogReader reader(file);
  for (;;) {
    Result<std::optional<TxnEntry>> entry = reader.next();
    EXPECT_TRUE(entry) << path;
    if (!entry || !*entry) break;
    log.records.push_back({(*entry)->offset, (*entry)->end_offset(), std::string(as_text((*entry)->record))});
  }
  log.used = reader.tail().offset;
  if (reader.tail().state == TailState::kPadding)
    log.bytes.resize(std::min(log.bytes.size(), log.used + 100));
  return log;
}

/// The log with the fewest bytes used of each fixture folder.
const std::vector<Log>& small_logs() {
  static const std::vector<Log> logs = [] {
    std::map<std::string, Log> smallest;
    for (const auto& path : fixture_files("log.")) {
      const std::string folder = fixture_name(path).substr(0, fixture_name(path).find('/'));
      Log log = load_log(path);
      if (log.records.empty() || log.used > 3000) continue;
      auto [at, fresh] = smallest.try_emplace(folder, log);
      if (!fresh && log.used < at->second.used) at->second = std::move(log);
    }
    std::vector<Log> all;
    for (auto& [folder, log] : smallest) all.push_back(std::move(log));
    return all;
  }();
  return logs;
}

struct LogRead {
  std::size_t records = 0;  // read before the first stop, all equal to the original ones
  std::string wrong;
  std::optional<ErrorId> error;
  Tail tail;
  bool clean_behind = false;  // nothing but zeros behind the stop
  std::vector<bool> found;    // of the original records, before the stop and behind it
};

/// Reads to the first stop, then on with skip_damage(). `original` are the records of the undamaged file; a
/// record that is none of them, or is out of order, is wrong.
LogRead read_log(const std::string& bytes, const std::vector<Record>& original, bool salvage) {
  MemoryFile file(bytes);
  TxnLogReader reader(file);
  LogRead read;
  read.found.resize(original.size());
  std::size_t next = 0;
  bool stopped = false;
  std::string again;
  for (std::size_t steps = 0;; ++steps) {
    if (steps > bytes.size()) {
      read.wrong = "does not end";
      return read;
    }
    Result<std::optional<TxnEntry>> entry = reader.next();
    if (entry && *entry) {
      while (next < original.size() && as_text((*entry)->record) != original[next].bytes) ++next;
      if (next == original.size()) {
        read.wrong = "a record that was never there";
        return read;
      }
      read.found[next++] = true;
      if (!stopped) ++read.records;
      again.clear();
      append_txn((*entry)->txn, again);
      if (as_bytes(again).size() != (*entry)->record.size() || again != as_text((*entry)->record))
        read.wrong = "written again differently";
      continue;
    }
    if (!stopped) {
      stopped = true;
      if (!entry) read.error = entry.error().id();
      read.tail = reader.tail();
      read.clean_behind = *reader.padding_is_clean(reader.offset());
      if (!entry && !entry.error().offset()) read.wrong = "an error without offset";
    }
    if (!salvage) return read;
    Result<bool> more = reader.skip_damage();
    if (!more) {
      read.wrong = "skip_damage fails: " + more.error().to_string();
      return read;
    }
    if (!*more) return read;
  }
}

std::size_t record_at(const Log& log, std::uint64_t offset) {
  for (std::size_t i = 0; i < log.records.size(); ++i)
    if (offset < log.records[i].end) return i;
  return log.records.size();
}

TEST(LogDamage, EveryBitFlipIsNoticedAndCostsItsOwnRecordAlone) {
  Tally noticed("bit flips of logs noticed, every other record found", "R4");
  for (const Log& log : small_logs())
    for_each_flip(log.bytes, [&](const std::string& damaged, std::size_t byte, int bit) {
      noticed.restart_watch();
      const LogRead read = read_log(damaged, log.records, true);
      std::string wrong = read.wrong;
      if (byte < 4) {
        if (read.error != ErrorId::kBadMagic) wrong = "another magic passed";
        for (bool found : read.found)
          if (!found) wrong = "a record lost";
      } else if (byte < 16) {
        if (read.records != log.records.size()) wrong = "version and dbid must not matter";
      } else {
        const std::size_t victim = record_at(log, byte);
        if (read.records != victim) wrong = "stopped after " + std::to_string(read.records) + " records";
        if (!read.error && read.clean_behind) wrong = "looks like a clean end";
        if (!read.error &&
            read.tail.offset != (victim < log.records.size() ? log.records[victim].offset : log.used))
          wrong = "the tail is at the wrong place";
        for (std::size_t i = 0; i < log.records.size(); ++i)
          if (read.found[i] != (i != victim))
            wrong = "record " + std::to_string(i) + (i == victim ? " passed" : " lost");
      }
      noticed.add(wrong,
                  [&] { return log.name + " byte " + std::to_string(byte) + " bit " + std::to_string(bit); });
    });
}

TEST(LogDamage, EveryPrefixKeepsItsWholeRecords) {
  Tally kept("prefixes of logs that keep their whole records", "R4");
  for (const Log& log : small_logs())
    for (std::size_t cut = 0; cut <= log.bytes.size(); cut += kStride) {
      kept.restart_watch();
      const LogRead read = read_log(log.bytes.substr(0, cut), log.records, true);
      std::string wrong = read.wrong;
      if (cut < 16) {
        if (read.error != ErrorId::kTruncated) wrong = "a short header passed";
      } else {
        const std::size_t whole = record_at(log, cut);  // the first record that does not end before the cut
        if (read.error) wrong = "a cut is no damage";
        if (read.records != whole)
          wrong = std::to_string(read.records) + " records instead of " + std::to_string(whole);
        const std::uint64_t start = whole < log.records.size() ? log.records[whole].offset : log.used;
        if (read.tail.offset != std::min<std::uint64_t>(start, cut)) wrong = "the tail is at the wrong place";
        if (cut <= start && read.tail.state != TailState::kEnd) wrong = "an end at a boundary is the end";
        // Zeros alone, the first bytes of any record, cannot be told from padding.
        const bool zeros =
            cut <= start || std::string_view(log.bytes).substr(start, cut - start).find_first_not_of('\0') ==
                                std::string_view::npos;
        if (cut < log.used && !zeros && read.tail.state != TailState::kTorn) wrong = "a cut record is torn";
      }
      kept.add(wrong, [&] { return log.name + " cut to " + std::to_string(cut); });
    }
}

/// `intact(i)` says whether record i's bytes survived; exactly those must be found.
std::string missing(const LogRead& read, const std::function<bool(std::size_t)>& intact) {
  if (!read.wrong.empty()) return read.wrong;
  for (std::size_t i = 0; i < read.found.size(); ++i)
    if (intact(i) && !read.found[i]) return "record " + std::to_string(i) + " lost";
  return {};
}

TEST(LogDamage, RecordsAreFoundBehindLostAddedAndZeroedBytes) {
  Tally found("bytes lost, added, zeroed, blocks swapped in logs: every intact record found", "R4");
  const std::size_t step = in_full() ? 1 : 16;  // of blocks
  for (const Log& log : small_logs()) {
    const auto untouched = [&](std::uint64_t from, std::uint64_t to) {
      return [&log, from, to](std::size_t i) {
        return log.records[i].end <= from || log.records[i].offset >= to;
      };
    };
    for (std::size_t at = 16; at < log.used; at += kStride) {
      const auto where = [&](const char* what) {
        return [&log, at, what] { return log.name + " " + what + " at " + std::to_string(at); };
      };
      found.restart_watch();
      std::string lost = log.bytes;
      lost.erase(at, 1);
      found.add(missing(read_log(lost, log.records, true), untouched(at, at + 1)), where("byte lost"));

      found.restart_watch();
      std::string added = log.bytes;
      added.insert(at, 1, '\0');
      // Added between two records it touches neither.
      found.add(
          missing(read_log(added, log.records, true),
                  [&](std::size_t i) { return log.records[i].end <= at || log.records[i].offset >= at; }),
          where("byte added"));

      if (at % step != 0) continue;
      for (std::size_t block : {64u, 512u, 4096u}) {
        found.restart_watch();
        std::string zeroed = log.bytes;
        const std::size_t end = std::min(at + block, zeroed.size());
        std::fill(zeroed.begin() + static_cast<std::ptrdiff_t>(at),
                  zeroed.begin() + static_cast<std::ptrdiff_t>(end), '\0');
        found.add(missing(read_log(zeroed, log.records, true), untouched(at, end)), where("block zeroed"));
      }

      // Two neighbours swapped. A record that moves as a whole stays one, at a place that is not its own: the
      // oracle here knows places, so those swaps are left out.
      constexpr std::size_t kSwapped = 64;
      const bool moves_a_record = std::any_of(log.records.begin(), log.records.end(), [&](const Record& r) {
        return r.offset >= at && r.end <= at + 2 * kSwapped;
      });
      if (at + 2 * kSwapped > log.bytes.size() || moves_a_record) continue;
      found.restart_watch();
      std::string swapped = log.bytes;
      std::swap_ranges(swapped.begin() + static_cast<std::ptrdiff_t>(at),
                       swapped.begin() + static_cast<std::ptrdiff_t>(at + kSwapped),
                       swapped.begin() + static_cast<std::ptrdiff_t>(at + kSwapped));
      if (swapped == log.bytes) continue;
      found.add(missing(read_log(swapped, log.records, true), untouched(at, at + 2 * kSwapped)),
                where("blocks swapped"));
    }
  }
}

TEST(LogDamage, ApachesReadingOfDamageNeverGivesARecordThatWasNotThere) {
  Tally tally("bit flips of logs read as Apache reads them");
  for (const Log& log : small_logs()) {
    if (log.used > 1500) continue;
    for_each_flip(log.bytes, [&](const std::string& damaged, std::size_t byte, int bit) {
      tally.restart_watch();
      MemoryFile file(damaged);
      TxnLogReader reader(file, Limits::java_3_8());
      std::size_t read = 0;
      std::string wrong;
      for (auto entry = reader.next(); entry && *entry; entry = reader.next()) {
        if (read == log.records.size() || as_text((*entry)->record) != log.records[read].bytes)
          wrong = "a record that was never there";
        ++read;
      }
      tally.add(wrong,
                [&] { return log.name + " byte " + std::to_string(byte) + " bit " + std::to_string(bit); });
    });
  }
}

TEST(LogDamage, PayloadsThatDecodeAreWrittenAgainByteForByte) {
  Tally tally("bit flips of payloads under a matching checksum");
  std::map<std::string, std::string> samples;  // one payload of each type and size
  for (const Log& log : small_logs())
    for (const Record& record : log.records) {
      const std::string payload = record.bytes.substr(12, record.bytes.size() - 13);
      if (payload.size() < 400)
        samples.emplace(payload.substr(28, 4) + std::to_string(payload.size()), payload);
    }
  std::string again;
  for (const auto& [key, payload] : samples)
    for_each_flip(payload, [&, &payload = payload](const std::string& damaged, std::size_t byte, int bit) {
      tally.restart_watch();
      std::string wrong;
      if (Result<Txn> txn = decode_txn(as_bytes(damaged))) {
        again.clear();
        encode_txn(*txn, again);
        if (again != damaged) wrong = "written again differently";
      }
      (void)decode_txn(as_bytes(damaged), Limits::java_3_8());
      tally.add(wrong, [&] {
        return test::hex(payload) + " byte " + std::to_string(byte) + " bit " + std::to_string(bit);
      });
    });
}

// ---- snapshots ----

struct Snapshot {
  std::string name;
  SnapCodec codec;
  std::string wrapped, plain;
  SnapshotTail tail;
};

/// Reads a whole snapshot and writes it again; the plain bytes written, or the error.
Result<std::string> copy_snapshot(const std::string& wrapped, SnapCodec codec, const Limits& limits,
                                  SnapshotTail& tail) {
  struct Node {
    std::string path;
    std::optional<std::string> data;
    std::int64_t acl_id;
    StatPersisted stat;
  };
  MemorySource raw(wrapped);
  auto source = unwrap(raw, codec, limits);
  SnapshotReader reader(*source, "snapshot.1", limits);
  ZK_TRY(SnapshotHeader header, reader.read_header());
  std::vector<SnapSession> sessions;
  std::vector<std::pair<std::int64_t, std::string>> acls;
  std::vector<Node> nodes;
  for (;;) {
    ZK_TRY(auto session, reader.next_session());
    if (!session) break;
    sessions.push_back(*session);
  }
  for (;;) {
    ZK_TRY(auto acl, reader.next_acl());
    if (!acl) break;
    acls.emplace_back(acl->id, as_text(acl->acl.encoded()));
  }
  for (;;) {
    ZK_TRY(auto node, reader.next_node());
    if (!node) break;
    std::optional<std::string> data;
    if (node->data) data = as_text(*node->data);
    nodes.push_back({std::string(node->path), data, node->acl_id, node->stat});
  }
  ZK_TRY(tail, reader.read_tail());
  MemorySink sink;
  SnapshotWriter writer(sink);
  ZK_TRY_STATUS(writer.begin(header, sessions.size()));
  for (const SnapSession& session : sessions) ZK_TRY_STATUS(writer.session(session));
  ZK_TRY_STATUS(writer.begin_acls(acls.size()));
  for (const auto& [id, list] : acls) ZK_TRY_STATUS(writer.acl({id, AclList(as_bytes(list))}));
  for (const Node& node : nodes) {
    std::optional<Bytes> data;
    if (node.data) data = as_bytes(*node.data);
    ZK_TRY_STATUS(writer.node({node.path, data, node.acl_id, node.stat}));
  }
  ZK_TRY_STATUS(writer.end(tail.digest, tail.last_processed_zxid));
  return std::move(sink.content);
}

/// The smallest snapshot of each fixture folder, by wrapping.
const std::vector<Snapshot>& small_snapshots(bool plain) {
  static const std::vector<Snapshot> all[2] = {
      [] {
        std::vector<Snapshot> some;
        for (const auto& path : fixture_files("snapshot."))
          if (parse_data_file_name(path.filename().string()).codec != SnapCodec::kPlain)
            some.push_back({fixture_name(path),
                            parse_data_file_name(path.filename().string()).codec,
                            slurp(path),
                            test::plain_snapshot(path),
                            {}});
        return some;
      }(),
      [] {
        std::map<std::string, Snapshot> smallest;
        for (const auto& path : fixture_files("snapshot.")) {
          if (parse_data_file_name(path.filename().string()).codec != SnapCodec::kPlain) continue;
          Snapshot snapshot{fixture_name(path), SnapCodec::kPlain, slurp(path), slurp(path), {}};
          const std::string folder = snapshot.name.substr(0, snapshot.name.find('/'));
          auto [at, fresh] = smallest.try_emplace(folder, snapshot);
          if (!fresh && snapshot.plain.size() < at->second.plain.size()) at->second = std::move(snapshot);
        }
        std::vector<Snapshot> some;
        for (auto& [folder, snapshot] : smallest) {
          Result<std::string> copied = copy_snapshot(snapshot.wrapped, SnapCodec::kPlain, {}, snapshot.tail);
          EXPECT_TRUE(copied);
          some.push_back(std::move(snapshot));
        }
        return some;
      }()};
  return all[plain ? 1 : 0];
}

TEST(SnapshotDamage, EveryBitFlipOfAPlainFileIsNoticed) {
  Tally tally("bit flips of plain snapshots noticed");
  for (const Snapshot& snapshot : small_snapshots(true)) {
    if (snapshot.plain.size() > 3000) continue;
    for_each_flip(snapshot.wrapped, [&](const std::string& damaged, std::size_t byte, int bit) {
      tally.restart_watch();
      SnapshotTail tail;
      Result<std::string> copied = copy_snapshot(damaged, SnapCodec::kPlain, {}, tail);
      std::string wrong;
      if (copied) wrong = "accepted";
      if (!copied && (!copied.error().offset() || copied.error().file() != "snapshot.1"))
        wrong = "an error without place";
      tally.add(wrong, [&] {
        return snapshot.name + " byte " + std::to_string(byte) + " bit " + std::to_string(bit);
      });
    });
  }
}

TEST(SnapshotDamage, EveryPrefixOfAPlainFileIsRefusedButForWholeOlderForms) {
  Tally tally("prefixes of plain snapshots");
  std::size_t older = 0;
  for (const Snapshot& snapshot : small_snapshots(true))
    for (std::size_t cut = 0; cut < snapshot.wrapped.size(); cut += kStride) {
      tally.restart_watch();
      SnapshotTail tail;
      Result<std::string> copied =
          copy_snapshot(snapshot.wrapped.substr(0, cut), SnapCodec::kPlain, {}, tail);
      const std::size_t last = snapshot.tail.last_processed_zxid ? 21 : 0,
                        digest = snapshot.tail.digest ? 33 : 0;
      // Without its last sections it is a whole snapshot of an earlier release: nothing in it says otherwise.
      const bool whole = (last != 0 && cut == snapshot.plain.size() - last) ||
                         (last + digest != 0 && cut == snapshot.plain.size() - last - digest);
      older += whole;
      tally.add(copied.operator bool() == whole ? ""
                : whole                         ? "refused"
                                                : "accepted",
                [&] { return snapshot.name + " cut to " + std::to_string(cut); });
    }
  std::printf("  (%zu of them whole snapshots of an earlier release)\n", older);
}

TEST(SnapshotDamage, EveryBitFlipOfACompressedFileIsNoticedOrChangesNothing) {
  Tally tally("bit flips of compressed snapshots noticed or without effect");
  std::size_t harmless = 0;
  for (const Snapshot& snapshot : small_snapshots(false))
    for_each_flip(snapshot.wrapped, [&](const std::string& damaged, std::size_t byte, int bit) {
      tally.restart_watch();
      SnapshotTail tail;
      Result<std::string> copied = copy_snapshot(damaged, snapshot.codec, {}, tail);
      std::string wrong;
      if (copied) {
        ++harmless;
        if (*copied != snapshot.plain) wrong = "other content accepted";
      }
      tally.add(wrong, [&] {
        return snapshot.name + " byte " + std::to_string(byte) + " bit " + std::to_string(bit);
      });
    });
  std::printf("  (%zu of them without effect)\n", harmless);
}

TEST(SnapshotDamage, EveryPrefixOfACompressedFileIsRefused) {
  Tally tally("prefixes of compressed snapshots refused");
  for (const Snapshot& snapshot : small_snapshots(false))
    for (std::size_t cut = 0; cut < snapshot.wrapped.size(); cut += kStride) {
      tally.restart_watch();
      SnapshotTail tail;
      Result<std::string> copied = copy_snapshot(snapshot.wrapped.substr(0, cut), snapshot.codec, {}, tail);
      tally.add(copied ? "accepted" : "", [&] { return snapshot.name + " cut to " + std::to_string(cut); });
    }
}

TEST(SnapshotDamage, ApachesReadingOfDamageEndsToo) {
  Tally tally("damaged snapshots read as Apache reads them");
  for (bool plain : {true, false})
    for (const Snapshot& snapshot : small_snapshots(plain)) {
      if (snapshot.wrapped.size() > 600) continue;
      for_each_flip(snapshot.wrapped, [&](const std::string& damaged, std::size_t byte, int bit) {
        tally.restart_watch();
        SnapshotTail tail;
        Result<std::string> copied = copy_snapshot(damaged, snapshot.codec, Limits::java_3_8(), tail);
        tally.add("", [&] {
          return snapshot.name + " byte " + std::to_string(byte) + " bit " + std::to_string(bit);
        });
      });
    }
}

// ---- every file through every other decoder ----

TEST(ForeignBytes, NoDecoderTakesAnothersFile) {
  Tally tally("files, their prefixes and flips through the decoders of other formats");
  std::vector<std::pair<std::string, std::string>> inputs;
  for (const Log& log : small_logs())
    if (log.bytes.size() < 1500) inputs.emplace_back(log.name, log.bytes);
  for (const Snapshot& snapshot : small_snapshots(false))
    inputs.emplace_back(snapshot.name, snapshot.wrapped);
  inputs.emplace_back("zoo.cfg", slurp(ZKARK_SOURCE_DIR "/fixtures/zk-3.8.0-ensemble/1/zoo.cfg"));
  inputs.emplace_back("zeros", std::string(300, '\0'));
  inputs.emplace_back("ones", std::string(300, '\xff'));
  for (const auto& [name, bytes] : inputs) {
    const bool is_log = bytes.starts_with("ZKLG");
    const std::optional<SnapCodec> own = detect_codec(as_bytes(bytes));
    const auto try_all = [&, &name = name](const std::string& damaged, std::size_t at) {
      tally.restart_watch();
      std::string wrong;
      if (!is_log) {
        MemoryFile file(damaged);
        TxnLogReader reader(file);
        if (reader.next()) wrong = "taken for a log";
      }
      for (SnapCodec codec : {SnapCodec::kPlain, SnapCodec::kGzip, SnapCodec::kSnappy}) {
        if (own == codec) continue;
        SnapshotTail tail;
        if (copy_snapshot(damaged, codec, {}, tail)) wrong = "taken for a snapshot";
        MemoryFile file(damaged);
        (void)passes_cheap_test(file, codec);
      }
      if (looks_like_zoo_cfg(as_bytes(damaged)) && name != "zoo.cfg") wrong = "taken for a zoo.cfg";
      (void)parse_epoch_file(damaged);
      (void)parse_data_file_name(damaged);
      (void)decode_txn(as_bytes(damaged));
      tally.add(wrong, [&] { return name + " at " + std::to_string(at); });
    };
    for (std::size_t cut = 0; cut <= bytes.size(); cut += kStride) try_all(bytes.substr(0, cut), cut);
    for (std::size_t byte = 0; byte < bytes.size(); byte += kStride) {
      std::string damaged = bytes;
      damaged[byte] = static_cast<char>(damaged[byte] ^ (1 << byte % 8));
      try_all(damaged, byte);
    }
  }
}

// ---- text files ----

TEST(TextDamage, ConfigurationFilesKeepTheirBytes) {
  Tally tally("bit flips and prefixes of zoo.cfg and dynamic files");
  for (const char* path : {"zk-3.8.0-ensemble/1/zoo.cfg", "zk-3.8.0-ensemble/1/zoo.cfg.dynamic.200000004",
                           "zk-3.8.0-standalone/zoo.cfg"}) {
    const std::string text = slurp(std::string(ZKARK_SOURCE_DIR "/fixtures/") + path);
    const auto try_one = [&](const std::string& damaged, std::size_t at) {
      tally.restart_watch();
      std::string wrong;
      if (Result<ZooCfg> cfg = ZooCfg::parse(damaged, "zoo.cfg")) {
        (void)cfg->check();
        (void)cfg->check(true);
        (void)cfg->ensemble();
        (void)cfg->client_address();
        Result<std::string> same = edit_properties(damaged, "zoo.cfg", {});
        if (!same || *same != damaged) wrong = "an edit of nothing changes something";
        Result<std::string> moved = move_zoo_cfg(*cfg, {"/new", "/log", std::nullopt, {}});
        Result<ZooCfg> again = moved ? ZooCfg::parse(*moved, "zoo.cfg") : ZooCfg::parse("", "");
        if (!again || *again->data_dir() != "/new" || *again->data_log_dir() != "/log")
          wrong = "the new directories are not in it";
      }
      tally.add(wrong, [&] { return std::string(path) + " at " + std::to_string(at); });
    };
    for_each_flip(text, [&](const std::string& damaged, std::size_t byte, int) { try_one(damaged, byte); });
    for (std::size_t cut = 0; cut < text.size(); ++cut) try_one(text.substr(0, cut), cut);
  }
}

TEST(TextDamage, EpochFilesAndNames) {
  Tally tally("bit flips of epoch files and file names");
  for (const char* text : {"1", "25", "4294967295\n", "-1", "+7"})
    for_each_flip(text, [&](const std::string& damaged, std::size_t, int) {
      const Result<std::int64_t> epoch = parse_epoch_file(damaged);
      const std::string line = damaged.substr(0, damaged.find_first_of("\r\n"));
      const bool number = !line.empty() &&
                          line.find_first_not_of("0123456789", line[0] == '-' || line[0] == '+' ? 1 : 0) ==
                              std::string::npos &&
                          line.find_first_of("0123456789") != std::string::npos;
      tally.add(epoch.has_value() == number ? "" : "wrong verdict", [&] { return test::hex(damaged); });
    });
  for (const char* name : {"log.1", "log.10000000b", "snapshot.0", "snapshot.1c3.gz", "snapshot.5.snappy"})
    for_each_flip(name, [&](const std::string& damaged, std::size_t, int) {
      const DataFileName parsed = parse_data_file_name(damaged);
      const bool exact = parsed.kind == DataFileKind::kLog || parsed.kind == DataFileKind::kSnapshot;
      const std::string again = parsed.kind == DataFileKind::kLog
                                    ? log_file_name(parsed.zxid)
                                    : snapshot_file_name(parsed.zxid, parsed.codec);
      tally.add(!exact || again == damaged ? "" : "an exact name that is written otherwise",
                [&] { return damaged; });
    });
}

// ---- lengths ----

/// Every four bytes of a file replaced by lengths that lie.
TEST(HostileLengths, NeverSizeAnAllocation) {
  Tally tally("lying lengths");
  for (std::uint32_t length : {0x7fffffffu, 0x0fffffffu, 0x10000000u, 0x001ffffeu, 0x00100000u, 0xffffffffu,
                               0xfffffffeu, 0x80000000u}) {
    const auto at_every_place = [&](const std::string& bytes, const std::string& name,
                                    const std::function<void(const std::string&)>& read) {
      for (std::size_t at = 0; at + 4 <= bytes.size(); at += kStride) {
        std::string damaged = bytes;
        store_u32(reinterpret_cast<std::byte*>(damaged.data() + at), length);
        tally.restart_watch();
        read(damaged);
        tally.add("", [&] { return name + " at " + std::to_string(at); });
      }
    };
    for (const Log& log : small_logs()) {
      if (log.bytes.size() > 1000) continue;
      at_every_place(log.bytes, log.name,
                     [&](const std::string& damaged) { read_log(damaged, log.records, true); });
    }
    for (bool plain : {true, false})
      for (const Snapshot& snapshot : small_snapshots(plain)) {
        if (snapshot.wrapped.size() > 450) continue;
        for (const Limits& limits : {Limits{}, Limits::java_3_8()})
          at_every_place(snapshot.wrapped, snapshot.name, [&](const std::string& damaged) {
            SnapshotTail tail;
            (void)copy_snapshot(damaged, snapshot.codec, limits, tail);
          });
      }
  }
}

}  // namespace
}  // namespace zkark
