#pragma once
// Quota bookkeeping (3.8: DataTree, PathTrie, StatsTrack): below /zookeeper/quota<p>, zookeeper_limits
// registers p and zookeeper_stats holds "count=C,bytes=B" of p's subtree. Only that node's data is edited: no
// stat, no txn, and outside the digest.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace zkark::restore {

class Tree;

/// The text of a limits or stats node; -1: not set (StatsTrack).
struct QuotaValues {
  std::int64_t count = -1, bytes = -1, count_hard = -1, bytes_hard = -1;
};
/// The quota that counts for a path: of the longest prefix that has one.
struct Quota {
  std::string prefix;
  QuotaValues limits, used;
};

class Quotas {
 public:
  /// Nullopt where no quota stands above `path`, or one of its two nodes is missing.
  std::optional<Quota> find(const Tree& tree, std::string_view path) const;
  /// A node was created: registers a limits node, counts afresh for a stats node, adds to the stats above
  /// `path`.
  void created(Tree& tree, std::string_view path, std::int64_t bytes);
  void deleted(Tree& tree, std::string_view path, std::int64_t bytes);
  void data_changed(Tree& tree, std::string_view path, std::int64_t bytes_diff);
  /// After a snapshot was loaded: finds every limits node, registers it and recounts.
  void load(Tree& tree);

 private:
  std::string_view prefix_of(std::string_view path) const;
  void add(Tree& tree, std::string_view prefix, std::int64_t bytes, std::int64_t count);
  void recount(Tree& tree, std::string_view prefix);
  std::map<std::string, int, std::less<>> limited_;
};

}  // namespace zkark::restore
