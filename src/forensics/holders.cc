#include "src/forensics/holders.h"

#include <algorithm>

#include "src/forensics/changes.h"

namespace zkark::forensics {
namespace {

using restore::NodeId;

constexpr std::size_t kDigits = 10;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Of the shared locks of Curator (__READ__), kazoo (__rlock__) and the recipe in ZooKeeper's documentation
/// (read-).
bool is_reader(std::string_view name) {
  for (const std::string_view mark : {"__READ__", "__rlock__", "read-"})
    if (name.find(mark) != std::string_view::npos) return true;
  return false;
}

Waiter waiter_of(const restore::Tree& tree, NodeId id, std::int32_t next) {
  const restore::NodeView node = tree.get(id);
  Waiter waiter;
  waiter.path = tree.path(id);
  if (node_kind(node.stat.ephemeral_owner) == NodeKind::kEphemeral)
    waiter.session = node.stat.ephemeral_owner;
  waiter.sequence = sequence_of(node.name, next);
  waiter.since = {node.stat.czxid, node.stat.ctime};
  return waiter;
}

/// Distance from the counter as it was when the oldest of them came: goes up through the wrap.
void order(Queue& queue) {
  auto& waiters = queue.waiters;
  std::sort(waiters.begin(), waiters.end(), [](const Waiter& a, const Waiter& b) {
    return a.since.zxid != b.since.zxid ? a.since.zxid < b.since.zxid : a.path < b.path;
  });
  queue.ordered = !waiters.empty() && std::any_of(waiters.begin(), waiters.end(), [](const Waiter& waiter) {
    return waiter.sequence.has_value();
  });
  if (!queue.ordered) return;
  std::uint32_t anchor = 0;
  for (const Waiter& waiter : waiters)
    if (waiter.sequence) {
      anchor = static_cast<std::uint32_t>(*waiter.sequence);
      break;
    }
  // Parts of one multi share their zxid: the oldest may have a sibling just before it.
  const auto place = [anchor](const Waiter& waiter) {
    return waiter.sequence ? static_cast<std::int64_t>(static_cast<std::int32_t>(
                                 static_cast<std::uint32_t>(*waiter.sequence) - anchor))
                           : INT64_MAX;
  };
  std::stable_sort(waiters.begin(), waiters.end(),
                   [&](const Waiter& a, const Waiter& b) { return place(a) < place(b); });
  for (const Waiter& waiter : waiters)
    queue.wrapped =
        queue.wrapped || (waiter.sequence && (*waiter.sequence < 0) != (*waiters.front().sequence < 0));
  waiters.front().holds = true;
  const auto name = [](const Waiter& waiter) {
    return std::string_view(waiter.path).substr(waiter.path.rfind('/') + 1);
  };
  if (!is_reader(name(waiters.front()))) return;
  for (Waiter& waiter : waiters) {
    if (!waiter.sequence || !is_reader(name(waiter))) return;
    waiter.holds = true;
  }
}

class TenureWalk {
 public:
  explicit TenureWalk(const TenureOptions& options) : options_(options) {}

  void see(const restore::WalkEntry& walk, std::span<const Change> changes, const restore::State& state,
           bool lost);
  Tenures take() { return std::move(result_); }

 private:
  void end(const Txn* txn, std::span<const Change> changes);

  const TenureOptions& options_;
  Tenures result_;
  bool open_ = false;
  bool first_ = true;
};

void TenureWalk::end(const Txn* txn, std::span<const Change> changes) {
  if (!open_) return;
  open_ = false;
  Tenure& tenure = result_.tenures.back();
  tenure.end = TenureEnd::kUnknown;
  if (txn == nullptr) return;
  tenure.until = Moment{txn->header.zxid, txn->header.time_ms};
  const bool deleted = std::any_of(changes.begin(), changes.end(), [&](const Change& change) {
    return change.kind == ChangeKind::kDeleted && change.path == tenure.path;
  });
  if (!deleted) return;
  tenure.ended_by = txn->header.client_id;
  if (txn->header.type == TxnType::kCloseSession)
    tenure.end = txn->header.cxid == 0 ? TenureEnd::kExpired : TenureEnd::kClosed;
  else
    tenure.end = tenure.ended_by == tenure.session ? TenureEnd::kReleased : TenureEnd::kDeleted;
}

void TenureWalk::see(const restore::WalkEntry& walk, std::span<const Change> changes,
                     const restore::State& state, bool lost) {
  if (lost) end(nullptr, {});
  const bool members_changed = std::any_of(changes.begin(), changes.end(), [](const Change& change) {
    return change.kind == ChangeKind::kCreated || change.kind == ChangeKind::kDeleted;
  });
  if (!first_ && !lost && !members_changed) return;
  const Txn& txn = walk.entry.txn;
  const NodeId node = state.tree.find(options_.path);
  std::optional<Waiter> holder;
  if (node != restore::kNoNode) {
    result_.path_seen = true;
    Queue queue = queue_at(state.tree, node, txn.header.zxid);
    if (!queue.waiters.empty() && queue.waiters.front().holds) holder = std::move(queue.waiters.front());
  }
  // The first record has a state before it, of which only the stats of its nodes tell.
  const bool watched = (!first_ && !lost) || (holder && holder->since.zxid == txn.header.zxid);
  first_ = false;
  if (open_) {
    const Tenure& now = result_.tenures.back();
    if (holder && holder->path == now.path && holder->since.zxid == now.queued.zxid) return;
    end(&txn, changes);
  }
  if (!holder) return;
  Tenure tenure;
  tenure.path = holder->path;
  tenure.session = holder->session;
  tenure.sequence = holder->sequence;
  tenure.queued = holder->since;
  if (watched) tenure.from = Moment{txn.header.zxid, txn.header.time_ms};
  result_.tenures.push_back(std::move(tenure));
  open_ = true;
}

}  // namespace

std::optional<std::int32_t> sequence_of(std::string_view name, std::int32_t next) {
  std::size_t digits = 0;
  while (digits < name.size() && is_digit(name[name.size() - 1 - digits])) ++digits;
  const auto number = [&](std::size_t count) {
    std::int64_t value = 0;
    for (const char c : name.substr(name.size() - count)) value = value * 10 + (c - '0');
    return value;
  };
  const bool dash = digits < name.size() && name[name.size() - 1 - digits] == '-';
  if (digits == kDigits - 1 && dash) return static_cast<std::int32_t>(-number(digits));
  if (digits < kDigits) return std::nullopt;
  const std::int64_t value = number(kDigits);
  const bool may_be_negative = digits == kDigits && dash && value >= 1000000000 && value <= 2147483648;
  if (value > INT32_MAX && !may_be_negative) return std::nullopt;
  if (!may_be_negative) return static_cast<std::int32_t>(value);
  const auto age = [next](std::int64_t sequence) {
    return static_cast<std::uint32_t>(next) - static_cast<std::uint32_t>(sequence);
  };
  if (value > INT32_MAX || age(-value) < age(value)) return static_cast<std::int32_t>(-value);
  return static_cast<std::int32_t>(value);
}

Queue queue_at(const restore::Tree& tree, NodeId node, std::int64_t last_zxid) {
  Queue queue;
  const restore::NodeView itself = tree.get(node);
  if (node_kind(itself.stat.ephemeral_owner) == NodeKind::kEphemeral) {
    if (itself.stat.czxid > last_zxid) return queue;
    queue.waiters.push_back(waiter_of(tree, node, 0));
    queue.waiters.front().sequence.reset();
    queue.waiters.front().holds = true;
    return queue;
  }
  for (NodeId child = tree.first_child(node); child != restore::kNoNode; child = tree.next_sibling(child)) {
    if (tree.stat(child).czxid > last_zxid) continue;
    Waiter waiter = waiter_of(tree, child, itself.stat.cversion);
    if (waiter.session != 0 || waiter.sequence) queue.waiters.push_back(std::move(waiter));
  }
  order(queue);
  return queue;
}

Result<Tenures> walk_tenures(restore::Source& source, const restore::SourceListing& listing,
                             const TenureOptions& options, restore::Findings& findings, Job& job) {
  ChangeWalkOptions wanted;
  // Taken literally, whatever characters it has.
  std::string literal;
  for (const char c : options.path) {
    if (std::string_view("*?[\\").find(c) != std::string_view::npos) literal += '\\';
    literal += c;
  }
  ZK_TRY(PathPattern pattern, PathPattern::parse(literal));
  wanted.paths.push_back(std::move(pattern));
  // A pattern with a backslash is one node; what is below it is meant too.
  if (literal != options.path) {
    ZK_TRY(PathPattern below, PathPattern::parse(literal + "/**"));
    wanted.paths.push_back(std::move(below));
  }
  wanted.first_zxid = options.first_zxid;
  wanted.last_zxid = options.last_zxid;
  TenureWalk tenures(options);
  std::size_t told = findings.size();
  const auto visit = [&](const restore::WalkEntry& walk, std::span<const Change> changes,
                         const restore::State& state) -> Status {
    bool lost = walk.step == restore::Step::kGap || walk.step == restore::Step::kBackwards;
    for (; told < findings.size(); ++told)
      lost = lost || (findings[told].severity == restore::Severity::kDamage && findings[told].first_zxid);
    tenures.see(walk, changes, state, lost);
    return {};
  };
  ZK_TRY(const ChangeWalkStart start, walk_changes(source, listing, wanted, visit, findings, job));
  (void)start;
  return tenures.take();
}

}  // namespace zkark::forensics
