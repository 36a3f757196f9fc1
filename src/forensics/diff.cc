#include "src/forensics/diff.h"

#include <algorithm>
#include <unordered_map>

#include "formats/digest.h"
#include "restore/log_walk.h"
#include "src/forensics/filter.h"

namespace zkark::forensics {
namespace {

using restore::NodeId;
using restore::NodeView;
using restore::Tree;

bool same_bytes(const std::optional<Bytes>& a, const std::optional<Bytes>& b) {
  return a.has_value() == b.has_value() && (!a || as_text(*a) == as_text(*b));
}

AclList acl_of(const Tree& tree, restore::AclSlot slot) {
  return slot == restore::kOpenAcl ? open_acl_unsafe() : tree.acls().list(slot);
}

/// Which session's, or of which kind: all that is not the lifetime of a TTL node.
bool same_kind(std::int64_t a, std::int64_t b) {
  const NodeKind kind = node_kind(a);
  return kind == node_kind(b) && (kind != NodeKind::kEphemeral || a == b);
}

class Differ {
 public:
  Differ(const Tree& a, const Tree& b, const DiffOptions& options) : a_(a), b_(b), options_(options) {}

  Result<TreeDiff> run(Job& job) {
    Status stopped;
    std::uint64_t n = 0;
    const auto go_on = [&] {
      if ((++n & 4095) == 0 && stopped) stopped = job.check();
      return stopped.has_value();
    };
    std::string path;
    a_.for_each_node([&](NodeId id) {
      if (!go_on()) return;
      a_.path_into(id, path);
      // Trees that were rebuilt from one snapshot mostly agree in their ids, too.
      const NodeId other = b_.has(id, path) ? id : b_.find(path);
      if (other != restore::kNoNode) {
        if (other >= met_.size()) met_.resize(std::max<std::size_t>(other + 1, met_.size() * 2));
        met_[other] = true;
      }
      if (wanted(path)) look(path, id, other);
    });
    b_.for_each_node([&](NodeId id) {
      if (!go_on() || (id < met_.size() && met_[id])) return;
      b_.path_into(id, path);
      if (wanted(path)) add({NodeChange::kAdded, path, restore::kNoNode, id});
    });
    ZK_TRY_STATUS(std::move(stopped));
    std::sort(diff_.differences.begin(), diff_.differences.end(),
              [](const NodeDifference& x, const NodeDifference& y) { return x.path < y.path; });
    return std::move(diff_);
  }

 private:
  bool wanted(std::string_view path) const {
    return (options_.bookkeeping || in_digest(path)) && matches_any(options_.paths, path);
  }

  void look(const std::string& path, NodeId in_a, NodeId in_b) {
    if (in_b == restore::kNoNode) return add({NodeChange::kRemoved, path, in_a, in_b});
    const NodeView x = a_.get(in_a), y = b_.get(in_b);
    NodeDifference found{NodeChange::kModified, {}, in_a, in_b};
    found.data = !same_bytes(x.data, y.data);
    found.stat = !(x.stat == y.stat);
    found.kind = !same_kind(x.stat.ephemeral_owner, y.stat.ephemeral_owner);
    found.recreated = x.stat.czxid != y.stat.czxid;
    found.acl_unknown = a_.acls().dangling(x.acl) || b_.acls().dangling(y.acl);
    if (found.acl_unknown) ++diff_.acls_unknown;
    found.acl = !found.acl_unknown && !(acl_of(a_, x.acl) == acl_of(b_, y.acl));
    if (!found.data && !found.acl && !found.kind && !found.recreated) {
      if (found.stat) ++diff_.stat_only;
      if (!found.stat || !options_.stat_only) {
        ++diff_.unchanged;
        return;
      }
    }
    found.path = path;
    add(std::move(found));
  }

  void add(NodeDifference difference) {
    ++(difference.change == NodeChange::kAdded     ? diff_.added
       : difference.change == NodeChange::kRemoved ? diff_.removed
                                                   : diff_.modified);
    diff_.differences.push_back(std::move(difference));
  }

  const Tree& a_;
  const Tree& b_;
  const DiffOptions& options_;
  TreeDiff diff_;
  std::vector<bool> met_;  // nodes of b that stand in a too
};

/// What the records are looked through for.
class Authors {
 public:
  Authors(const TreeDiff& diff, const Tree& a, const Tree& b, std::int64_t since)
      : diff_(diff), found_(diff.differences.size()), after_(diff.differences.size(), since) {
    for (std::size_t i = 0; i < found_.size(); ++i) {
      const NodeDifference& one = diff.differences[i];
      if (one.change == NodeChange::kRemoved) {
        const StatPersisted stat = a.stat(one.in_a);
        by_path_[one.path] = i;
        if (node_kind(stat.ephemeral_owner) == NodeKind::kEphemeral)
          by_owner_.emplace(stat.ephemeral_owner, i);
        look_after(i, stat.czxid);
        continue;
      }
      const StatPersisted stat = b.stat(one.in_b);
      const bool acl_alone = one.change == NodeChange::kModified && !one.data && !one.recreated && one.acl;
      if (acl_alone) {
        by_path_[one.path] = i;
        look_after(i, stat.czxid);
        continue;
      }
      // Of a parent whose children changed, the child's transaction.
      const bool children = one.change == NodeChange::kModified && !one.data && !one.kind && !one.recreated;
      const std::int64_t zxid = one.change == NodeChange::kAdded || one.recreated ? stat.czxid
                                : children ? std::max(stat.mzxid, stat.pzxid)
                                           : stat.mzxid;
      by_zxid_.emplace(zxid, i);
      first_ = std::min(first_, zxid);
    }
  }

  bool nothing_to_look_for() const { return by_path_.empty() && by_zxid_.empty(); }
  std::int64_t first() const { return first_; }

  void see(const Txn& txn) {
    const TxnHeader& header = txn.header;
    const Author author{header.zxid, header.client_id, header.time_ms};
    if (result_code(txn) != 0) return;
    for (auto [at, end] = by_zxid_.equal_range(header.zxid); at != end; ++at) found_[at->second] = author;
    if (by_path_.empty()) return;
    see_body(author, txn.body);
    // Sessions ended before 3.6 do not name their nodes.
    if (const auto* close = std::get_if<CloseSessionTxn>(&txn.body); close != nullptr && !close->has_body)
      for (auto [at, end] = by_owner_.equal_range(header.client_id); at != end; ++at)
        if (author.zxid > after_[at->second]) found_[at->second] = author;
  }

  std::vector<std::optional<Author>> take() { return std::move(found_); }

 private:
  void see_body(const Author& author, const TxnBody& body) {
    if (const auto* multi = std::get_if<MultiTxn>(&body)) {
      for (const SubTxn& sub : multi->txns)
        if (const Result<TxnBody> part = decode_sub_txn(sub)) see_body(author, *part);
    } else if (const auto* close = std::get_if<CloseSessionTxn>(&body)) {
      for (const PathItem& item : close->paths) note(author, item.path, NodeChange::kRemoved);
    } else if (const auto* gone = std::get_if<DeleteTxn>(&body)) {
      note(author, gone->path, NodeChange::kRemoved);
    } else if (const auto* acl = std::get_if<SetAclTxn>(&body)) {
      note(author, acl->path, NodeChange::kModified);
    }
  }

  void note(const Author& author, std::string_view path, NodeChange change) {
    const auto at = by_path_.find(path);
    if (at == by_path_.end() || author.zxid <= after_[at->second]) return;
    if (diff_.differences[at->second].change == change) found_[at->second] = author;
  }

  void look_after(std::size_t index, std::int64_t czxid) {
    after_[index] = std::max(after_[index], czxid);
    first_ = std::min(first_, after_[index] + 1);
  }

  const TreeDiff& diff_;
  std::vector<std::optional<Author>> found_;
  std::vector<std::int64_t> after_;  // what is looked for by path is later than that
  std::unordered_multimap<std::int64_t, std::size_t> by_zxid_, by_owner_;
  std::unordered_map<std::string_view, std::size_t> by_path_;
  std::int64_t first_ = INT64_MAX;
};

}  // namespace

Result<TreeDiff> diff_trees(const Tree& a, const Tree& b, const DiffOptions& options, Job& job) {
  return Differ(a, b, options).run(job);
}

Result<std::vector<std::optional<Author>>> find_authors(restore::Source& source,
                                                        const restore::SourceListing& listing,
                                                        const TreeDiff& diff, const Tree& a, const Tree& b,
                                                        std::int64_t since, std::int64_t b_zxid,
                                                        restore::Findings& findings, Job& job) {
  Authors authors(diff, a, b, since);
  if (authors.nothing_to_look_for() || listing.logs.empty()) return authors.take();
  restore::LogWalkOptions options;
  options.after_zxid = std::max<std::int64_t>(authors.first() - 1, 0);
  options.overlaps = listing.logs_overlap;
  restore::LogWalk walk(source, listing.logs, options, findings);
  restore::WalkEntry record;
  for (std::uint64_t n = 1;; ++n) {
    if ((n & 1023) == 0) ZK_TRY_STATUS(job.check());
    ZK_TRY(const bool more, walk.next_into(record));
    if (!more || record.entry.zxid() > b_zxid) break;
    authors.see(record.entry.txn);
  }
  return authors.take();
}

}  // namespace zkark::forensics
