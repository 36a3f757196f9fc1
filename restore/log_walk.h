#pragma once
// All records of a source's logs as one sequence, oldest first, with everything odd about it as findings:
// gaps, epoch steps, zxids going backwards, torn tails, damage (reference/on-disk-formats section 3.6 and 6).
#include <deque>
#include <memory>
#include <optional>

#include "formats/base/job.h"
#include "formats/txn_log.h"
#include "restore/source.h"

namespace zkark::restore {

/// How a record follows the one before it.
enum class Step : std::uint8_t {
  kFirst,      // nothing before it
  kNext,       // same epoch, +1
  kSameZxid,   // 3.9+ logs a malformed request as an error with the zxid before it (ZOOKEEPER-4545 era)
  kEpoch,      // first record of a later epoch: continuous only if proven (design: continuity)
  kGap,        // zxids are missing between the two
  kBackwards,  // lower than the one before
};

struct WalkEntry {
  TxnEntry entry;  // views live until the next call
  const SourceFile* file = nullptr;
  Step step = Step::kFirst;
  std::int64_t previous_zxid = 0;  // of the record before; 0 with kFirst
};

struct LogWalkOptions {
  /// Only records above this zxid are given; files that can hold none of them are not opened
  /// (FileTxnLog.getLogFiles: every log named above it and the last one named at or below it). Records up to
  /// it are decoded and checked.
  std::int64_t after_zxid = 0;
  /// Go on behind damage (and past a gap it tears); otherwise the walk ends there with stopped_by_damage().
  bool past_damage = true;
  /// Records at or below the one before are passed over: for stored segments that overlap and are known to
  /// agree.
  bool overlaps = false;
  /// Where reading of the first opened log begins; a record boundary.
  std::uint64_t start_offset = 0;
  /// The zxid of the record that ends there: what follows is judged against it.
  std::optional<std::int64_t> previous = std::nullopt;
  /// How much of the padding behind the last record is looked through for records that a damaged length
  /// hides.
  std::uint64_t padding_look_bytes = UINT64_MAX;
  /// A server writes to the newest log. Where that cannot be read on, next_into() gives false without judging
  /// why, and may be called again.
  bool live = false;
  Limits limits{};
};

/// Records one behind the other, from wherever they come.
class RecordStream {
 public:
  virtual ~RecordStream() = default;
  /// The next record, into an entry that is used again and again; false at the end. An Error is about reading
  /// (storage), never about damage.
  virtual Result<bool> next_into(WalkEntry& walk) = 0;
};

/// Borrows the source and findings. One thread. Memory: one reader's window.
class LogWalk final : public RecordStream {
 public:
  LogWalk(Source& source, std::vector<SourceFile> logs, LogWalkOptions options, Findings& findings);

  /// The next record; nullopt at the end. An Error is about reading (storage), never about damage: that is a
  /// finding.
  Result<std::optional<WalkEntry>> next();
  /// The same into an entry that is used again and again, which is faster; false at the end.
  Result<bool> next_into(WalkEntry& walk) override;
  /// See TxnLogReader::peek_path(); of the open file only.
  std::string_view peek_path(unsigned distance) {
    return reader_ ? reader_->peek_path(distance) : std::string_view();
  }
  bool stopped_by_damage() const { return stopped_by_damage_; }
  /// Where the newest opened log ends: its state and offset; kOpen before the end was reached.
  Tail tail() const { return tail_; }

  // ---- with LogWalkOptions::live
  /// Newer logs, ascending, have come: what follows in the one before is no longer being written, and is
  /// judged.
  void append(const std::vector<SourceFile>& newer);
  /// After next_into() gave false: whether it stands at something that is neither the file's end nor zeros.
  bool at_unreadable() const { return reader_ && (unreadable_ || tail_.state == TailState::kTorn); }
  /// Whether intact records stand behind the place where the newest log cannot be read on, which then is
  /// damage: a finding, and next_into() goes on with them. Of zeros the first `padding_bytes` are looked at.
  /// Reads the file from there to its end.
  Result<bool> look_behind(std::uint64_t padding_bytes);

 private:
  Status open_next();
  Status finish_file();
  Result<bool> find_hidden();
  std::uint64_t file_end() const;
  Status damaged_end(TxnLogReader::TailShape shape);
  Result<bool> handle_damage(Error error);
  void add_loss(Finding finding);
  void add_gap(std::int64_t first, const WalkEntry& walk);

  Source& source_;
  std::deque<SourceFile> logs_;  // of which entries point to one: they stay where they are
  LogWalkOptions options_;
  Findings& findings_;
  std::size_t next_log_ = 0;
  const SourceFile* file_ = nullptr;
  std::unique_ptr<File> open_file_;
  std::unique_ptr<TxnLogReader> reader_;
  std::optional<std::int64_t> previous_;
  std::uint32_t previous_checksum_ = 0;
  std::optional<std::int64_t> empty_from_;  // the name of a log without a record, and none before it
  std::optional<std::size_t> open_loss_;    // finding whose last_zxid is known when the next record comes
  bool stopped_by_damage_ = false;
  std::optional<Error> unreadable_;  // live: what the newest log's next record failed with
  Tail tail_;
};

/// How `zxid` follows `previous`; kNext, kSameZxid, kEpoch, kGap or kBackwards.
Step step_between(std::int64_t previous, std::int64_t zxid, TxnType type);

/// "transaction 0x8 is in no file", "transactions 0x8 to 0xa are in no file".
std::string missing_text(std::int64_t first, std::int64_t last);

/// The logs that hold records above `after_zxid`, by FileTxnLog's rule.
std::vector<SourceFile> logs_after(const std::vector<SourceFile>& logs, std::int64_t after_zxid);

}  // namespace zkark::restore
