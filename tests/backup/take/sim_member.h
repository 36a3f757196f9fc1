#pragma once
// A ZooKeeper member as its disk shows it: logs with preallocation that roll, are torn, truncated, purged;
// snapshots that are written while txns are applied; what a sync by snapshot leaves behind
// (reference/on-disk-formats 3.5, 3.6, 4.3, 6). It does what Apache's classes do to files and knows every
// state it ever had. No sockets, no threads, one seed.
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "restore/state.h"
#include "tests/support/sim_fs.h"
#include "tests/support/sim_random.h"

namespace zkark::test {

/// Everything about a state: tree with ACLs and stats, sessions, /zookeeper.
std::uint64_t hash_of(const restore::State& state);

/// Which states existed: on any member, at any time.
class Ledger {
 public:
  void add(std::int64_t zxid, std::uint64_t hash) { states_[zxid].insert(hash); }
  bool existed(std::int64_t zxid, std::uint64_t hash) const {
    const auto at = states_.find(zxid);
    return at != states_.end() && at->second.contains(hash);
  }
  std::size_t zxids() const { return states_.size(); }

 private:
  std::map<std::int64_t, std::set<std::uint64_t>> states_;
};

/// One record as every member's log holds it.
struct SimRecord {
  std::int64_t zxid = 0;
  std::string bytes;  // framed
};
using SimRecords = std::vector<std::shared_ptr<const SimRecord>>;

struct SimMemberOptions {
  bool digests = true;          // in records and snapshots (3.6+)
  bool last_processed = false;  // section of 3.9+
  std::uint64_t preallocate = 2048;
  unsigned nodes = 40;       // the tree stays about this large
  unsigned kept_nodes = 17;  // the oldest of them are never deleted
};

class SimMember {
 public:
  /// An empty server: snapshot.0 is written, as at a first start.
  SimMember(SimFs& fs, std::string dir, std::uint64_t seed, Ledger& ledger, SimMemberOptions options = {});

  const std::string& dir() const { return dir_; }
  const restore::State& state() const { return *state_; }
  std::int64_t last_zxid() const { return state_->last_zxid; }
  std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }
  /// Since the last snapshot it started from: what it would replay.
  const SimRecords& history() const { return history_; }

  // ---- as a leader
  void begin_epoch(std::uint32_t epoch) {
    zxid_ = static_cast<std::int64_t>(epoch) << 32;
    write_epochs(epoch);
  }
  /// Makes the next random txn, applies and logs it.
  std::shared_ptr<const SimRecord> write();
  void write(unsigned count) {
    while (count-- > 0) write();
  }
  /// The same in two steps: half of the record is on disk, and is not applied yet.
  void begin_write();
  void finish_write();
  bool writing() const { return pending_ != nullptr; }

  // ---- as a follower
  void receive(const std::shared_ptr<const SimRecord>& record);
  void set_epoch(std::uint32_t epoch) { write_epochs(epoch); }
  /// TRUNC: cuts behind the first record at or above `zxid`, deletes later logs; the next record opens a new
  /// one.
  void truncate_to(std::int64_t zxid);
  /// SNAP: takes the leader's state, writes it as a snapshot, leaves the old logs alone.
  void take_snapshot_of(const SimMember& leader);

  // ---- files
  void roll() { open_.reset(); }
  void snapshot();  // exact, at once; rolls, as a server does
  /// A snapshot that is written while txns are applied: `step` writes some nodes of the tree as it is now.
  void begin_snapshot();
  bool snapshotting() const { return snapshot_ != nullptr; }
  void step_snapshot(unsigned nodes);
  void finish_snapshot();
  /// Keeps `count` snapshots, all logs from the oldest of them on, and the one just before.
  void purge(unsigned count);
  /// A kill and a start: a torn record may stay; a snapshot of the state, and the next record opens a new
  /// log.
  void restart(bool torn);
  std::vector<std::int64_t> snapshots() const;
  std::string path_of(const std::string& name) const { return dir_ + "/version-2/" + name; }

 private:
  struct Log {
    std::string name;
    std::string content;
    std::vector<std::pair<std::int64_t, std::size_t>> ends;  // zxid, end of its record
    std::uint64_t size = 16;                                 // with padding
  };
  struct FuzzySnapshot;

  std::string make_payload(std::int64_t zxid);
  void apply(const SimRecord& record);
  void append(const SimRecord& record, std::size_t bytes);
  void put_log(const Log& log, std::string_view torn = {});
  void write_epochs(std::uint32_t epoch);
  void put_snapshot(std::int64_t name, bool synced);

  SimFs& fs_;
  std::string dir_;
  SimRandom random_;
  Ledger& ledger_;
  SimMemberOptions options_;
  std::unique_ptr<restore::State> state_;
  std::string start_;  // the snapshot that history_ follows
  std::int64_t start_zxid_ = 0;
  SimRecords history_;
  std::int64_t zxid_ = 0;  // last given out
  std::int64_t time_ms_ = 1'760'000'000'000;
  std::vector<Log> logs_;
  std::optional<std::size_t> open_;  // of logs_
  std::shared_ptr<const SimRecord> pending_;
  std::unique_ptr<FuzzySnapshot> snapshot_;
  std::uint64_t made_ = 0;
  unsigned kept_ = 0;

 public:
  ~SimMember();
  SimMember(SimMember&&) noexcept;
};

}  // namespace zkark::test
