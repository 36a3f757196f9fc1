#include "restore/quota.h"

#include <fmt/format.h>

#include <charconv>
#include <vector>

#include "formats/base/wrapping.h"
#include "restore/tree.h"

namespace zkark::restore {
namespace {

constexpr std::string_view kQuotaRoot = "/zookeeper/quota";
constexpr std::string_view kLimits = "zookeeper_limits";
constexpr std::string_view kStats = "zookeeper_stats";

/// "count=C,bytes=B" and, since 3.7, "=;key=value…" sorted by key (StatsTrack). What is no number reads as
/// -1.
std::map<std::string, std::int64_t> parse_stats(std::string_view text) {
  std::map<std::string, std::int64_t> stats;
  while (!text.empty()) {
    const std::size_t end = text.find_first_of(",;");
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    std::string_view number = pair.substr(equals + 1);
    number = number.substr(0, number.find('='));
    std::int64_t value = -1;
    std::from_chars(number.data(), number.data() + number.size(), value);
    stats[std::string(pair.substr(0, equals))] = value;
  }
  return stats;
}

std::int64_t value_of(const std::map<std::string, std::int64_t>& stats, const std::string& key) {
  auto at = stats.find(key);
  return at == stats.end() ? -1 : at->second;
}

std::string stats_text(std::int64_t count, std::int64_t bytes,
                       const std::map<std::string, std::int64_t>& extra) {
  std::string text = fmt::format("count={},bytes={}", count, bytes);
  bool first = true;
  for (const auto& [key, value] : extra) {
    if (key == "count" || key == "bytes") continue;
    text += fmt::format("{};{}={}", first ? "=" : "", key, value);
    first = false;
  }
  return text;
}

std::string stats_path(std::string_view prefix) { return fmt::format("{}{}/{}", kQuotaRoot, prefix, kStats); }

}  // namespace

/// The longest registered path that is `path` or one of its ancestors; empty when there is none.
std::string_view Quotas::prefix_of(std::string_view path) const {
  if (limited_.empty()) return {};
  for (std::string_view at = path; !at.empty(); at = at.substr(0, at.rfind('/')))
    if (limited_.find(at) != limited_.end()) return at;
  return {};
}

std::optional<Quota> Quotas::find(const Tree& tree, std::string_view path) const {
  const std::string_view prefix = prefix_of(path);
  if (prefix.empty()) return std::nullopt;
  const NodeId limits = tree.find(fmt::format("{}{}/{}", kQuotaRoot, prefix, kLimits));
  const NodeId used = tree.find(stats_path(prefix));
  if (limits == kNoNode || used == kNoNode) return std::nullopt;
  const auto values_of = [&tree](NodeId id) {
    const auto stats = parse_stats(as_text(tree.data(id).value_or(Bytes())));
    return QuotaValues{value_of(stats, "count"), value_of(stats, "bytes"), value_of(stats, "countHardLimit"),
                       value_of(stats, "byteHardLimit")};
  };
  return Quota{std::string(prefix), values_of(limits), values_of(used)};
}

void Quotas::add(Tree& tree, std::string_view prefix, std::int64_t bytes, std::int64_t count) {
  const std::string path = stats_path(prefix);
  const NodeId id = tree.find(path);
  if (id == kNoNode) return;
  auto stats = parse_stats(as_text(tree.data(id).value_or(Bytes())));
  const std::string text = stats_text(wrapping_add(value_of(stats, "count"), count),
                                      wrapping_add(value_of(stats, "bytes"), bytes), stats);
  tree.set_data(id, path, as_bytes(text), tree.stat(id));
}

void Quotas::recount(Tree& tree, std::string_view prefix) {
  std::int64_t count = 0, bytes = 0;
  const NodeId root = tree.find(prefix);
  const std::string path = stats_path(prefix);
  const NodeId stats = tree.find(path);
  if (stats == kNoNode) return;
  if (root != kNoNode) {
    std::vector<NodeId> left{root};
    while (!left.empty()) {
      const NodeId id = left.back();
      left.pop_back();
      ++count;
      if (auto data = tree.data(id)) bytes += static_cast<std::int64_t>(data->size());
      for (NodeId child = tree.first_child(id); child != kNoNode; child = tree.next_sibling(child))
        left.push_back(child);
    }
  }
  const std::string text = stats_text(count, bytes, {});
  tree.set_data(stats, path, as_bytes(text), tree.stat(stats));
}

void Quotas::created(Tree& tree, std::string_view path, std::int64_t bytes) {
  const std::size_t slash = path.rfind('/');
  const std::string_view parent = path.substr(0, slash), name = path.substr(slash + 1);
  if (parent.starts_with(kQuotaRoot)) {
    const std::string_view prefix = parent.substr(kQuotaRoot.size());
    if (name == kLimits) limited_.emplace(prefix, 0);
    if (name == kStats) recount(tree, prefix);
  }
  if (const std::string_view prefix = prefix_of(path); !prefix.empty()) add(tree, prefix, bytes, 1);
}

void Quotas::deleted(Tree& tree, std::string_view path, std::int64_t bytes) {
  const std::size_t slash = path.rfind('/');
  if (path.substr(slash + 1) == kLimits && path.starts_with(kQuotaRoot)) {
    auto at = limited_.find(path.substr(kQuotaRoot.size(), slash - kQuotaRoot.size()));
    if (at != limited_.end()) limited_.erase(at);
  }
  if (const std::string_view prefix = prefix_of(path); !prefix.empty()) add(tree, prefix, -bytes, -1);
}

void Quotas::data_changed(Tree& tree, std::string_view path, std::int64_t bytes_diff) {
  if (const std::string_view prefix = prefix_of(path); !prefix.empty()) add(tree, prefix, bytes_diff, 0);
}

void Quotas::load(Tree& tree) {
  limited_.clear();
  const NodeId root = tree.find(kQuotaRoot);
  if (root == kNoNode) return;
  std::vector<std::string> prefixes;
  tree.walk(root, [&](NodeId id, std::string_view path) {
    if (tree.child_count(id) == 0 && tree.get(id).name == kLimits &&
        path.size() > kQuotaRoot.size() + kLimits.size() + 1)
      prefixes.emplace_back(
          path.substr(kQuotaRoot.size(), path.size() - kQuotaRoot.size() - kLimits.size() - 1));
    return true;
  });
  for (const std::string& prefix : prefixes) {
    recount(tree, prefix);
    limited_.emplace(prefix, 0);
  }
}

}  // namespace zkark::restore
