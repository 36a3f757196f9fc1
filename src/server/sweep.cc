#include "src/server/sweep.h"

#include <algorithm>
#include <utility>

namespace zkark::server {
namespace {

constexpr std::int64_t kMinuteMs = 60'000;

bool is_swept(NodeKind kind) { return kind == NodeKind::kContainer || kind == NodeKind::kTtl; }

}  // namespace

bool is_due(const StatPersisted& stat, std::uint32_t children, std::int64_t now_ms,
            const Settings& settings) {
  if (children != 0) return false;
  const std::int64_t age_ms = now_ms - stat.mtime;
  switch (node_kind(stat.ephemeral_owner)) {
    case NodeKind::kContainer:
      if (stat.cversion > 0) return true;
      return settings.container_max_never_used_ms > 0 && age_ms > settings.container_max_never_used_ms;
    case NodeKind::kTtl: {
      const std::int64_t ttl_ms = ttl_of(stat.ephemeral_owner);
      return settings.extended_types && ttl_ms != 0 && age_ms > ttl_ms;
    }
    default:
      return false;
  }
}

Sweep::Sweep(Loop& loop, Clock& clock, const Settings& settings, const restore::Tree& tree, Propose propose)
    : loop_(loop), clock_(clock), settings_(settings), tree_(tree), propose_(std::move(propose)) {}

Sweep::~Sweep() { stop(); }

void Sweep::start() {
  started_ = true;
  if (tree_.count_of(NodeKind::kContainer) + tree_.count_of(NodeKind::kTtl) != 0)
    tree_.for_each_node([this](restore::NodeId id) {
      if (is_swept(node_kind(tree_.stat(id).ephemeral_owner))) ids_.insert(id);
    });
  next_round();
}

void Sweep::stop() {
  if (round_timer_ != 0) loop_.cancel(std::exchange(round_timer_, 0));
  if (step_timer_ != 0) loop_.cancel(std::exchange(step_timer_, 0));
  due_.clear();
}

void Sweep::created(std::string_view path) {
  // Most nodes are of no such kind: then the tree's count says so without a look at the node.
  if (!started_ || tree_.count_of(NodeKind::kContainer) + tree_.count_of(NodeKind::kTtl) == ids_.size())
    return;
  const restore::NodeId id = tree_.find(path);
  if (id != restore::kNoNode && is_swept(node_kind(tree_.stat(id).ephemeral_owner))) ids_.insert(id);
}

void Sweep::deleting(restore::NodeId id) {
  if (!ids_.empty()) ids_.erase(id);
}

void Sweep::next_round() {
  round_timer_ = loop_.call_after(settings_.container_check_ms, [this] { round(); });
}

void Sweep::round() {
  round_timer_ = 0;
  next_round();
  if (!due_.empty()) return;  // the last one takes longer than the interval
  const std::int64_t now_ms = clock_.wall().ms;
  for (const restore::NodeId id : ids_) {
    const restore::NodeView node = tree_.get(id);
    if (is_due(node.stat, node.children, now_ms, settings_)) due_.push_back(tree_.path(id));
  }
  // In an order that does not depend on the table.
  std::sort(due_.begin(), due_.end());
  if (!due_.empty()) step();
}

/// One node, or as many as one millisecond's share of maxPerMinute; the rest later.
void Sweep::step() {
  step_timer_ = 0;
  const std::int64_t share = std::max<std::int64_t>(1, settings_.container_max_per_minute / kMinuteMs);
  const std::int64_t pause_ms = std::max<std::int64_t>(1, kMinuteMs / settings_.container_max_per_minute);
  for (std::int64_t n = 0; n < share && !due_.empty(); due_.pop_front()) {
    // A while may have passed since the round began.
    const restore::NodeId id = tree_.find(due_.front());
    if (id == restore::kNoNode) continue;
    const restore::NodeView node = tree_.get(id);
    if (!is_due(node.stat, node.children, clock_.wall().ms, settings_)) continue;
    if (!propose_(due_.front())) break;
    ++n;
  }
  if (!due_.empty()) step_timer_ = loop_.call_after(pause_ms, [this] { step(); });
}

}  // namespace zkark::server
