#pragma once
// Snapshots of a running server, and the removal of old ones (Apache: SyncRequestProcessor,
// DatadirCleanupManager). The state is walked in slices on the loop, between requests; compressing, writing
// and syncing is a worker's. A snapshot that fails costs nothing but a line in the log: the txn log has
// everything.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "formats/base/clock.h"
#include "formats/base/fs.h"
#include "formats/base/log.h"
#include "formats/base/loop.h"
#include "formats/base/random.h"
#include "src/server/purge.h"
#include "src/server/settings.h"
#include "src/server/snapshot_file.h"
#include "src/server/snapshot_walk.h"

namespace zkark::server {

/// All borrowed, all outlive the Snapshotter. `worker` is for it alone.
struct SnapshotterSeams {
  Fs& fs;
  Clock& clock;
  Loop& loop;
  Worker& worker;
  Log& log;
  Random& random;
};

struct SnapshotStats {
  std::int64_t taken = 0, failed = 0, skipped = 0;
  std::int64_t last_zxid = -1;  // of the last one taken
  std::int64_t last_took_ms = 0;
};

/// Loop thread only.
class Snapshotter {
 public:
  /// `roll` begins a new log; `taken` hears of each snapshot that is there, and the ms from its begin.
  /// `settings` and `state` are borrowed.
  Snapshotter(SnapshotterSeams seams, const Settings& settings, restore::State& state, DataPlaces places,
              std::function<void()> roll, std::function<void(std::int64_t ms)> taken = {});
  ~Snapshotter();
  Snapshotter(const Snapshotter&) = delete;
  Snapshotter& operator=(const Snapshotter&) = delete;

  /// Removes what a dead server left unfinished, takes a first snapshot, begins to purge.
  void start();
  /// So many txns, of so many bytes, were applied since the last call; it is between two groups.
  void applied(std::size_t txns, std::size_t bytes);
  /// Takes one of the state of now, unless one is being taken. Between two groups.
  bool take_now();
  /// Gives up what is being taken. None is taken any more, nothing purged. A stop takes no snapshot of its
  /// own, as Apache takes none: the log has all of it, the next start reads at most snapCount txns and takes
  /// one, and whoever stops a server waits.
  void stop();

  /// How much is walked at a turn of the loop.
  void set_slice(SnapshotWalk::Slice slice) { slice_ = slice; }
  bool busy() const { return run_ != nullptr; }
  const SnapshotStats& stats() const { return stats_; }

 private:
  struct Run;
  bool due() const;
  void count_anew();
  std::int64_t below(std::int64_t bound);
  void begin();
  void schedule();
  void slice();
  void hand_over(std::function<Status(SnapshotFile&)> work, std::size_t bytes);
  void handed(std::size_t bytes, std::int64_t took_ns, Status status);
  void publish();
  void published(Status status);
  void give_up();
  void failed(const Error& error);
  void purge_later(std::int64_t ms);
  void purge_now();

  SnapshotterSeams seams_;
  const Settings& settings_;
  restore::State& state_;
  const DataPlaces places_;
  const std::function<void()> roll_;
  const std::function<void(std::int64_t)> taken_;
  std::shared_ptr<Run> run_;                         // the snapshot that is being taken
  std::shared_ptr<bool> alive_;                      // tasks that come back look whether this is still here
  std::int64_t txns_ = 0, bytes_ = 0;                // since the last snapshot was due
  std::int64_t txns_wanted_ = 0, bytes_wanted_ = 0;  // more than that: the next one is
  Loop::TimerId purge_timer_ = 0;
  bool stopped_ = false;
  SnapshotWalk::Slice slice_;
  SnapshotStats stats_;
};

}  // namespace zkark::server
