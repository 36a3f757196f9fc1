#pragma once
// A fingerprint of a tree that does not depend on order: the sum over its nodes of a 128-bit hash of path,
// data, stat and ACL list. Two trees with equal fingerprints are equal; it costs one pass over memory, or
// over a snapshot's bytes without a tree. Unlike ZooKeeper's own digest it covers null against empty data and
// ACL lists.
#include <cstdint>

#include "formats/base/job.h"
#include "restore/source.h"
#include "restore/state.h"

namespace zkark::restore {

struct Fingerprint {
  std::uint64_t high = 0, low = 0;
  bool complete = true;  // false: an ACL list was not known; such a one equals no other
  friend bool operator==(const Fingerprint& a, const Fingerprint& b) {
    return a.complete && b.complete && a.high == b.high && a.low == b.low;
  }
};

/// Sums up nodes as they come, in any order.
class FingerprintSum {
 public:
  /// `path` is "/" for the root; what is outside the digest (/zookeeper/) is left out. `acl`: its encoded
  /// list.
  void add(std::string_view path, std::optional<Bytes> data, const StatPersisted& stat, Bytes acl);
  /// A node whose ACL list is not known.
  void spoil() { sum_.complete = false; }
  Fingerprint sum() const { return sum_; }

 private:
  Fingerprint sum_;
};

/// Everything outside /zookeeper/, as compare_trees. Incomplete with a dangling ACL.
Fingerprint fingerprint(const Tree& tree);

struct SnapshotFingerprint {
  Fingerprint fingerprint;
  std::uint64_t digest = 0;        // ZooKeeper's, of the nodes in the file
  std::uint64_t ascii_digest = 0;  // the same with `ascii_only` of node_digest
  SnapshotTail tail;
};
/// Of a snapshot's nodes as they stand in the file. Errors as SnapshotReader's.
Result<SnapshotFingerprint> fingerprint_snapshot(Source& source, const SourceFile& snapshot, Job& job);

}  // namespace zkark::restore
