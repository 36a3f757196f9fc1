#pragma once
// The state at one zxid, written out while it goes on changing. Apache's snapshots are fuzzy:
// DataTree.serialize writes each node as it finds it, so that a snapshot holds effects of txns behind its
// name and every reader has to tolerate them. Here whoever changes a node that is not written yet has its old
// self kept first; the snapshot is the tree of its name, to the bit, at the price of memory for what changes
// meanwhile.
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "formats/snapshot.h"
#include "restore/state.h"

namespace zkark::server {

struct SnapshotSections {
  bool digest = true;               // zookeeper.digest.enabled
  bool last_processed_zxid = true;  // never without the digest: Apache would misread it
};

/// Loop thread only. Takes the tree's observer for itself as long as nodes are left to write.
class SnapshotWalk final : private restore::TreeObserver {
 public:
  /// How far advance() goes at most: nodes looked at, and about so many bytes. By default some 60 µs
  /// (measured with a million nodes of 100 bytes): less would make a busy server's snapshots last, and memory
  /// is needed as long as they do.
  struct Slice {
    std::size_t nodes = 512;
    std::size_t bytes = 256 << 10;
  };

  /// Writes header, sessions and ACL lists; the nodes will be those of now. Both borrowed.
  static Result<std::unique_ptr<SnapshotWalk>> begin(restore::State& state, ByteSink& sink,
                                                     SnapshotSections sections);
  ~SnapshotWalk() override;
  SnapshotWalk(const SnapshotWalk&) = delete;
  SnapshotWalk& operator=(const SnapshotWalk&) = delete;

  /// Goes on. True: all is written and the sink finished. Errors: the sink's; kInternal when what was written
  /// is not the tree that begin() saw, by number of nodes and digest: the sink is not finished then.
  Result<bool> advance(const Slice& slice);

  std::int64_t zxid() const { return zxid_; }
  std::size_t nodes() const { return nodes_; }
  /// Nodes that are kept as they were; they cost memory.
  std::size_t kept() const { return before_.size() + orphans_.size(); }

 private:
  /// A node as it was.
  struct Kept {
    bool has_data = false;
    std::string data;
    restore::AclSlot acl = restore::kOpenAcl;
    std::uint64_t digest = 0;
    StatPersisted stat;
  };
  struct Orphan {
    std::string path;
    Kept node;
  };

  SnapshotWalk(restore::State& state, ByteSink& sink, SnapshotSections sections);
  Status write_head(const restore::State& state);
  void changing(restore::NodeId id) override;
  void removing(restore::NodeId id) override;
  bool pending(restore::NodeId id) const;
  restore::NodeId behind(restore::NodeId id) const;
  Kept keep(restore::NodeId id) const;
  Status write_node(restore::NodeId id);
  Status write(std::string_view path, std::optional<Bytes> data, restore::AclSlot acl,
               const StatPersisted& stat, std::uint64_t digest);
  Status write(std::string_view path, const Kept& node);
  Status finish();

  restore::Tree& tree_;
  SnapshotWriter writer_;
  const SnapshotSections sections_;
  const std::int64_t zxid_;
  const std::uint64_t digest_;
  const std::size_t nodes_;
  const restore::NodeId end_;  // ids of the nodes to write are below
  std::vector<bool> done_;     // by id: written
  restore::NodeId next_ = restore::kRoot;
  // Neither is a hash table or a vector: those stop for a while when they grow.
  std::map<restore::NodeId, Kept> before_;  // changed, and the walk comes by there yet
  std::deque<Orphan> orphans_;              // gone before the walk came; children before parents
  std::string path_;
  std::size_t written_ = 0, written_bytes_ = 0;
  std::uint64_t written_digest_ = 0;
};

}  // namespace zkark::server
