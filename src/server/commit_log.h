#pragma once
// The txn log of a running server (reference/on-disk-formats section 3; Apache: FileTxnLog,
// SyncRequestProcessor): records in zxid order, synced in groups. While one group is being written and synced
// by a worker, the next one gathers; a group that is durable is handed back whole, never a part of it.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "formats/base/clock.h"
#include "formats/base/fs.h"
#include "formats/base/loop.h"
#include "src/server/settings.h"

namespace zkark::server {

/// Records that become durable together.
struct LogGroup {
  std::string bytes;  // framed records
  struct Place {
    std::size_t offset = 0, size = 0;  // of a payload in `bytes`
  };
  std::vector<Place> payloads;
  std::int64_t first_zxid = 0, last_zxid = 0;
  bool roll = false;  // begins a new file

  Bytes payload(std::size_t i) const { return as_bytes(bytes).subspan(payloads[i].offset, payloads[i].size); }
};

/// What the worker does: owns the open file. One thread at a time.
class LogFiles {
 public:
  /// `dir` is the version-2 directory. Both borrowed.
  LogFiles(Fs& fs, Clock& clock, std::string dir, const Settings& settings);
  /// Appends and syncs. After a failure nothing more may be written: what is on disk is not known.
  Status write(const LogGroup& group);
  /// Notes how far the log is known to be on disk, so that rot below is told from a torn tail at the next
  /// start. Not synced; a failure does not matter.
  void note_synced(std::int64_t last_zxid);
  /// Of the last sync that took longer than fsync.warningthresholdms, in ms; 0 when it was quick.
  std::int64_t slow_sync_ms() const { return slow_sync_ms_; }
  /// Of the last sync; -1 where nothing is synced (forceSync=no).
  std::int64_t last_sync_ms() const { return last_sync_ms_; }

 private:
  Status open_file(std::int64_t first_zxid);
  Status set_aside(const std::string& path);

  Fs& fs_;
  Clock& clock_;
  const std::string dir_;
  const Settings& settings_;
  std::unique_ptr<File> file_;
  std::string name_;
  std::uint64_t size_ = 0;  // appended
  std::uint64_t room_ = 0;  // reserved behind it
  std::int64_t slow_sync_ms_ = 0, last_sync_ms_ = -1;
};

/// Name of the note of note_synced(), and what it says.
inline constexpr std::string_view kSyncedMark = "zkark.synced";
struct SyncedMark {
  std::string log;           // name of the file
  std::uint64_t offset = 0;  // behind the last synced record
  std::int64_t zxid = 0;     // of that record
};
std::string format_synced_mark(const SyncedMark& mark);
/// Nullopt for a note that is torn, of another version, or no note at all.
std::optional<SyncedMark> parse_synced_mark(std::string_view text);

/// The loop's side.
class CommitLog {
 public:
  struct Events {
    std::function<void(const LogGroup& group)> durable;
    std::function<void(Error error)> failed;  // once; nothing is durable any more
    std::function<void(std::int64_t ms)> slow_sync;
    std::function<void(std::int64_t ms)> synced = {};  // how long each sync took
  };
  CommitLog(Loop& loop, Worker& worker, LogFiles files, Events events);

  /// Takes a payload over. It goes out with all others of this turn of the loop.
  void append(Bytes payload, std::int64_t zxid);
  /// What is appended from now on goes into a new file.
  void roll() { roll_ = true; }
  /// Nothing is gathering or on its way.
  bool idle() const { return !in_flight_ && open_.payloads.empty(); }
  bool failed() const { return failed_; }

 private:
  void flush();
  void done(std::shared_ptr<LogGroup> group, Status status);

  Loop& loop_;
  Worker& worker_;
  LogFiles files_;
  Events events_;
  LogGroup open_;
  LogGroup spare_;    // an empty one that has room
  bool roll_ = true;  // a new process never appends to an old file
  bool scheduled_ = false, in_flight_ = false, failed_ = false;
};

}  // namespace zkark::server
