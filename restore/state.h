#pragma once
// State: everything a server knows at one zxid: the tree, the sessions, the last zxid. Changed by apply()
// alone.
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "formats/base/job.h"
#include "formats/snapshot.h"
#include "restore/quota.h"
#include "restore/tree.h"

namespace zkark::restore {

struct State {
  explicit State(bool ascii_digest = false) : tree(ascii_digest) {}
  Tree tree;
  std::map<std::int64_t, std::int32_t> sessions;  // id -> timeout in ms
  std::int64_t last_zxid = 0;
  Quotas quotas;
};

/// What a server has before its first txn: "", /zookeeper, /zookeeper/quota and, since 3.5, /zookeeper/config
/// (DataTree's constructor). zxid 0.
State initial_state(bool ascii_digest = false);

/// What a snapshot says beside its state.
struct LoadedSnapshot {
  State state;
  SnapshotHeader header;
  SnapshotTail tail;
  /// Nodes whose ACL id the table lacks: normal in a fuzzy snapshot, damage once replay passed its fuzzy end.
  std::uint64_t dangling_acls = 0;
  /// Of all nodes in the file, whether or not they were kept.
  std::uint64_t digest = 0;
  std::int64_t highest_stamp = 0;  // czxid, mzxid, pzxid of any node; with LoadOptions::below alone
};
class FingerprintSum;
struct LoadOptions {
  std::int64_t zxid = 0;  // of the file's name
  bool ascii_digest = false;
  FingerprintSum* fingerprint = nullptr;  // gets every node, if given; cheaper than going over the tree later
  /// Keep only this node, what is below it and its ancestors; "" keeps all. The rest is read and dropped.
  std::string below = {};
};
/// Reads all of a snapshot. Errors: those of SnapshotReader, and kBadSnapshot for a node without its parent,
/// a path twice or a malformed path, a missing root.
Result<LoadedSnapshot> load_snapshot(SnapshotReader& reader, const LoadOptions& options, Job& job);

struct WriteSnapshotOptions {
  std::int64_t zxid = 0;       // in the sections
  bool digest_section = true;  // digest and lastProcessedZxid sections; or neither (never the latter alone)
};
/// Writes an exact snapshot of `state`: deterministic bytes (siblings by name, ACL ids in order of first
/// use). Finishes the sink.
Status write_snapshot(const State& state, ByteSink& sink, const WriteSnapshotOptions& options, Job& job);

/// The canonical text of a state: nodes by path, one line each, then sessions; the same text that the oracle
/// over Apache's classes prints (tests/compat/README.md). Handed out in pieces.
void canonical_dump(const State& state, const std::function<void(std::string_view)>& out);

}  // namespace zkark::restore
