#pragma once
// The logs of a server that is at work, as a sequence without end: what is there, then each record as it
// comes.
//
// A log is written into zeros laid out beforehand, and goes on in a new file when it is rolled. What cannot
// be read at the end of the newest file is on its way, until intact records stand behind it or a newer file
// comes: then it is damage, a finding, and reading goes on behind it. Older files may be purged meanwhile. A
// follower whose leader does not know its last transactions cuts them off (TRUNC): it shortens the file that
// holds the last one to stay, and removes the files behind it.
#include <array>
#include <cstdint>
#include <functional>
#include <optional>

#include "formats/base/clock.h"
#include "restore/log_walk.h"

namespace zkark::restore {

struct LiveLogOptions {
  LogWalkOptions walk;  // `live` goes without saying
  std::int64_t poll_ms = 250;
  /// Called each time before it waits: all that can be read has been given.
  std::function<Status()> before_wait;
};

/// Borrows everything. One thread. Memory: one reader's window, and which records came last.
class LiveLog final : public RecordStream {
 public:
  LiveLog(Source& source, const SourceListing& listing, LiveLogOptions options, Findings& findings,
          Clock& clock, Job& job);

  /// The next record; waits for it. False where the log was cut: see cut(). kCancelled when the job is
  /// stopped; otherwise an Error is about reading, or kNoData where everything is gone.
  Result<bool> next_into(WalkEntry& walk) override;

  /// Transactions that were given and are in the log no more.
  struct Cut {
    std::int64_t last_zxid = 0;   // the last one that is left of what was given
    std::int64_t given_zxid = 0;  // the last one that was given
    /// False: none of those remembered (kRemembered) is left as it was, and older ones may be gone, too.
    bool found = true;
  };
  const std::optional<Cut>& cut() const { return cut_; }

  static constexpr std::size_t kRemembered = 4096;
  /// So many looks at a record that cannot be read before it is asked what stands behind it; then, as long as
  /// the file does not change, twice as many each time, since a time of change may miss one.
  static constexpr unsigned kRereads = 3, kMaxRereads = 192;

 private:
  struct Given {
    std::int64_t zxid = 0;
    std::uint32_t checksum = 0;
  };
  void remember(const WalkEntry& walk);
  Result<bool> look_around();
  Result<bool> look_at_end();
  Result<bool> was_cut(const SourceListing& now);
  Result<bool> last_is_there(const SourceFile& file);
  Status find_cut(const SourceListing& now);

  Source& source_;
  LiveLogOptions options_;
  Clock& clock_;
  Job& job_;
  LogWalk walk_;
  SourceFile newest_;
  std::array<Given, kRemembered> given_{};  // a ring
  std::uint64_t count_ = 0;
  // Where the last record stands, and what its file looked like when that was checked last.
  std::string last_file_;
  std::uint64_t last_offset_ = 0, last_end_ = 0;
  std::uint64_t seen_size_ = 0;
  std::int64_t seen_mtime_ns_ = 0;
  // About the place where it waits.
  unsigned looks_ = 0, wanted_looks_ = kRereads;
  bool looked_ = false;  // through all that lies behind the last record of this file
  std::optional<Cut> cut_;
};

}  // namespace zkark::restore
