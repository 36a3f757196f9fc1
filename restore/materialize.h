#pragma once
// From a State to a directory that a real server boots from (design section 6: Result, zxid-safe, Sessions).
//   DIR/version-2/snapshot.<hex>     one exact snapshot, with digest and lastProcessedZxid sections
//   DIR/version-2/currentEpoch       and acceptedEpoch
//   DIR/myid  DIR/conf/…  DIR/zkark-lineage.json
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "formats/base/job.h"
#include "restore/lineage.h"
#include "restore/state.h"
#include "restore/target_dir.h"

namespace zkark::restore {

/// The largest epoch a zxid can carry and stay positive.
inline constexpr std::int64_t kMaxEpoch = 0x7fffffff;
/// How far the default bump goes beyond everything seen: room for epochs that were elected but not captured.
inline constexpr std::int64_t kEpochMargin = 256;

/// The new epoch: `wanted`, which must be above that of `highest_zxid` (kRefused), or kEpochMargin above it.
Result<std::int64_t> choose_epoch(std::int64_t highest_zxid, std::optional<std::int64_t> wanted);

struct ReshapeOptions {
  bool keep_sessions = false;
  /// Keep only the root, this node's ancestors without their other children, the node and what is below it,
  /// and the server's own /zookeeper, /zookeeper/config and /zookeeper/quota, which it needs to start. "" or
  /// "/" = everything.
  std::string path;
};
/// What reshape() took out.
struct Reshaped {
  std::vector<std::pair<std::int64_t, std::int32_t>> sessions;   // id, timeout in ms
  std::vector<std::pair<std::int64_t, std::string>> ephemerals;  // session, path
  std::uint64_t nodes_left_out = 0;                              // by `path`
};
/// Makes the state what the restored server shall hold. With `path`, sessions are dropped whatever
/// keep_sessions says. kNotFound when there is no such node (left), kUsage for a malformed path.
Result<Reshaped> reshape(State& state, const ReshapeOptions& options);

/// What the directory holds beside the tree.
struct Contents {
  std::int64_t snapshot_zxid = 0;  // the file's name and sections
  std::int64_t current_epoch = 0, accepted_epoch = 0;
  std::optional<std::int64_t> server_id;                  // myid
  std::vector<std::pair<std::string, std::string>> conf;  // name in conf/, content
  Lineage lineage;
};

struct Materialized {
  std::string snapshot;     // path of the file, in place
  std::uint64_t bytes = 0;  // of it
  std::uint64_t nodes = 0, sessions = 0;
  std::uint64_t digest = 0;  // of the tree, equal after it was read back
  std::vector<std::string> moved_aside;
};

/// An upper bound of what a snapshot of it takes.
std::uint64_t snapshot_size_estimate(const State& state);

/// Writes, syncs, reads everything back (bytes by CRC-32 and the seals, tree by node count, session count and
/// digest), puts it into place. `state` is given up before the copy is loaded: one tree in memory at a time.
/// Errors: storage (kDiskFull before the first byte when it cannot fit), kDigestMismatch when what was read
/// back differs.
Result<Materialized> materialize(Fs& fs, TargetDir target, const std::string& dir, State&& state,
                                 const Contents& contents, Job& job);

}  // namespace zkark::restore
