#pragma once
// One record, one node, one snapshot's tail: as a release reads it. What it reads stays byte for byte; what
// it does not is written in the form that has the same effect there; what has none is a loss, by name.
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/snapshot.h"
#include "formats/txn.h"
#include "restore/release.h"

namespace zkark::restore {

/// What was done, and why.
enum class Change : std::uint8_t {
  kCreate2,            // create2 → create
  kDeleteContainer,    // deleteContainer → delete
  kReconfig,           // reconfig → setData
  kCreateContainer,    // createContainer → create
  kCreateTtl,          // createTTL → create
  kContainerNode,      // in a snapshot: container → persistent
  kTtlNode,            // likewise
  kClosePaths,         // closeSession without its paths
  kTxnDigest,          // a record without its digest
  kDigestSection,      // a snapshot without its digest
  kLastProcessedZxid,  // a snapshot without that section
  kMisreadDigest,      // closeSession without paths, its digest taken off
  kMisreadSection,     // lastProcessedZxid without a digest section before it, taken off
};
inline constexpr std::size_t kChanges = 13;
struct ChangeText {
  std::string_view name;    // "create2"
  std::string_view became;  // "create"
  std::string_view effect;  // a sentence without a dot
};
const ChangeText& change_text(Change change);

struct ChangeCount {
  std::uint64_t count = 0;
  std::int64_t first_zxid = 0, last_zxid = 0;  // of records; snapshots by their name
};
using Changes = std::array<ChangeCount, kChanges>;

/// A node that is there at the end and is not what it was.
struct LostKind {
  NodeKind kind = NodeKind::kContainer;
  std::int64_t ttl_ms = 0;
  std::int64_t zxid = 0;  // created by
  std::string file;       // where it was seen
};

/// Keeps count over all files of one source, given in this order: snapshots ascending, logs ascending.
class RecordConverter {
 public:
  /// Without a release everything stays as it is.
  explicit RecordConverter(const std::optional<Release>& release);

  /// The next file. What stands in the records of a log up to `newest_snapshot` is in that snapshot, too.
  void begin_snapshot(const std::string& path, std::int64_t zxid, bool newest);
  void begin_log(const std::string& path, std::optional<std::int64_t> newest_snapshot);

  /// False: the record stays. True: `payload` is the one that takes its place.
  bool txn(const Txn& txn, std::string& payload);
  /// Sessions of the snapshot, before its nodes.
  void session(const SnapSession& session);
  /// Changes the node where it cannot stay; true when it did.
  bool node(SnapNode& node);
  /// Likewise the sections.
  bool tail(SnapshotTail& tail);

  const Changes& changes() const { return changes_; }
  /// By path: containers and TTL nodes that end up as ordinary ones.
  const std::map<std::string, LostKind>& losses() const { return losses_; }
  bool ttl_nodes() const { return ttl_nodes_; }
  bool hard_quotas() const { return hard_quotas_; }
  /// Nodes whose owner is below 0, no container, no TTL as it is written today, and no session of their
  /// snapshot: TTL nodes of 3.5.3, or left by a session of a server with an id from 128 on.
  std::uint64_t unclear_owners() const { return unclear_owners_; }

 private:
  void count(Change change, std::int64_t zxid);
  bool multi(const Txn& txn, const MultiTxn& multi, std::string& encoded);
  void follow(const Txn& txn);
  void follow_body(TxnType type, const TxnBody& body, std::int64_t zxid);
  void note_value(std::string_view path, const std::optional<Bytes>& data);

  bool keep_ = true;
  Abilities can_;
  Changes changes_{};
  std::map<std::string, LostKind> losses_;
  std::string file_;
  std::int64_t file_zxid_ = 0;
  std::int64_t follow_above_ = INT64_MIN;
  bool newest_ = false;
  std::vector<std::int64_t> sessions_;  // of the snapshot; sorted when the nodes begin
  bool sessions_sorted_ = false;
  std::uint64_t unclear_owners_ = 0;
  bool ttl_nodes_ = false, hard_quotas_ = false;
};

}  // namespace zkark::restore
