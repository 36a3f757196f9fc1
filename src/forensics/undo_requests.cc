// From what each node should be again to requests in an order that servers take: children go before their
// parents, parents come before their children, and what was done together is undone together.
#include <algorithm>
#include <numeric>
#include <set>

#include "src/forensics/undo_goals.h"

namespace zkark::forensics {
namespace {

using restore::kNoNode;
using restore::NodeId;
using What = UndoOperation::What;

// As sent (ClientCnxn, MultiOperationRecord): xid and type before everything, a header before each operation
// of a multi and one at its end.
constexpr std::uint64_t kRequestHeaderBytes = 8;
constexpr std::uint64_t kMultiHeaderBytes = 9;
constexpr std::size_t kSequenceDigits = 10;

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string_view::npos ? std::string_view("/") : path.substr(0, slash);
}

std::string_view acl_bytes(const NodeCopy& node) {
  return node.acl.empty() ? as_text(open_acl_unsafe().encoded()) : std::string_view(node.acl);
}
bool same_acl(const NodeCopy& a, const NodeCopy& b) {
  return a.acl_known && b.acl_known && acl_bytes(a) == acl_bytes(b);
}
bool same_kind(const NodeCopy& a, const NodeCopy& b) {
  return a.stat.ephemeral_owner == b.stat.ephemeral_owner;
}

bool is_configuration(std::string_view path) { return path == "/zookeeper/config"; }
bool is_quota_statistics(std::string_view path) {
  return path.starts_with("/zookeeper/quota/") && path.ends_with("/zookeeper_stats");
}

std::uint64_t bytes_of(const UndoOperation& operation) {
  const std::uint64_t path = 4 + operation.path.size();
  const std::uint64_t data = 4 + (operation.then.data ? operation.then.data->size() : 0);
  switch (operation.what) {
    case What::kDelete:
      return kMultiHeaderBytes + path + 4;
    case What::kSetData:
      return kMultiHeaderBytes + path + data + 4;
    case What::kSetAcl:
      return kRequestHeaderBytes + path + acl_bytes(operation.then).size() + 4;
    case What::kCreate:
      break;
  }
  const std::uint64_t ttl = node_kind(operation.then.stat.ephemeral_owner) == NodeKind::kTtl ? 8 : 0;
  return kMultiHeaderBytes + path + data + acl_bytes(operation.then).size() + 4 + ttl;
}
constexpr std::uint64_t kEmptyMultiBytes = kRequestHeaderBytes + kMultiHeaderBytes;

/// What is to happen to one node.
struct Intent {
  enum class Act : std::uint8_t {
    kNothing,  // it is as it was
    kCreate,
    kDelete,
    kReplace,  // delete and create: its type was another, or one above it is replaced
    kChange,   // data, ACL or both
  };
  Act act = Act::kNothing;
  UndoGoal* goal = nullptr;  // null: goes because something above it goes
  std::optional<NodeCopy> now;
  bool settled = false;  // kReplace: what is below it was looked at
  std::size_t index = 0;
};
using Act = Intent::Act;
using Intents = std::map<std::string, Intent, std::less<>>;

class Arranger {
 public:
  Arranger(UndoGoals& goals, const GoneNodes& gone, const restore::State& now, const UndoOptions& options,
           UndoPlan& plan, Job& job)
      : goals_(goals), gone_(gone), tree_(now.tree), options_(options), plan_(plan), job_(job) {}

  Status run() {
    for (auto& [path, goal] : goals_) {
      ZK_TRY_STATUS(job_.check());
      decide(path, goal);
    }
    for (const auto& [path, intent] : intents_)
      if (intent.act == Act::kCreate) created_under_.emplace(parent_of(path));
    settle_replacements();
    settle_deletions();
    settle_creations();
    for (const auto& [path, intent] : intents_)
      if (intent.act == Act::kNothing) plan_.already.push_back(path);
    note_counters();
    make_requests();
    std::sort(plan_.left.begin(), plan_.left.end(),
              [](const LeftAlone& a, const LeftAlone& b) { return a.path < b.path; });
    return job_.check();
  }

 private:
  // ---- what is to happen to each node ----
  void decide(const std::string& path, UndoGoal& goal);
  std::optional<LeftAlone> hindrance(const std::string& path, const UndoGoal& goal,
                                     const std::optional<NodeCopy>& now) const;
  bool as_it_was(const std::string& path, const UndoGoal& goal, const std::optional<NodeCopy>& now) const;
  bool sets_data(const std::string& path, const Intent& intent) const {
    return !is_quota_statistics(path) && intent.now->data != intent.goal->then->data;
  }
  bool sets_acl(const Intent& intent) const { return !same_acl(*intent.now, *intent.goal->then); }
  std::uint64_t largest(const std::string& path, const UndoGoal& goal,
                        const std::optional<NodeCopy>& now) const;
  void leave(Intents::iterator at, Hindrance why, std::string_view other);

  // ---- whether the ones above and below allow it ----
  const Intent* find(std::string_view path) const {
    const auto at = intents_.find(path);
    return at == intents_.end() ? nullptr : &at->second;
  }
  /// Nobody chose a change of it, and it may go all the same.
  bool may_be_lost(std::string_view path) const {
    return options_.over_later && goals_.find(path) == goals_.end();
  }
  void lose(NodeId id);
  bool can_come_back(const std::string& path, const NodeCopy& node) const;
  std::string obstacle_below(const std::string& path, const Intent& top) const;
  std::string obstacle_to_losing(NodeId id) const;
  std::string obstacle_to_deleting(const std::string& path) const;
  void settle_replacements();
  void settle_deletions();
  void settle_creations();

  // ---- requests ----
  void note_counters();
  void make_requests();
  std::vector<std::vector<std::size_t>> units();
  void operations_of(const std::vector<std::size_t>& unit, std::vector<UndoOperation>& operations);
  UndoOperation operation(What what, Intents::iterator at) const;
  void pack(std::vector<UndoOperation> operations);
  void add_acl_requests(bool before);

  UndoGoals& goals_;
  const GoneNodes& gone_;
  const restore::Tree& tree_;
  const UndoOptions& options_;
  UndoPlan& plan_;
  Job& job_;
  Intents intents_;
  std::set<std::string, std::less<>> created_under_;  // parents of what is to be created
  std::vector<Intents::iterator> order_;
  std::map<std::string, std::int64_t, std::less<>> newest_other_;  // chosen change of it or its children
};

bool Arranger::as_it_was(const std::string& path, const UndoGoal& goal,
                         const std::optional<NodeCopy>& now) const {
  if (!now || !goal.then) return now.has_value() == goal.then.has_value();
  const bool counts = is_quota_statistics(path) && !goal.data;
  return same_kind(*now, *goal.then) && same_acl(*now, *goal.then) &&
         (counts || now->data == goal.then->data);
}

/// What no request could do, whatever the neighbours are.
std::optional<LeftAlone> Arranger::hindrance(const std::string& path, const UndoGoal& goal,
                                             const std::optional<NodeCopy>& now) const {
  LeftAlone left;
  left.path = path;
  const auto because = [&](Hindrance why) {
    left.why = why;
    return left;
  };
  if (!goal.then_known) return because(Hindrance::kUnknownBefore);
  if (goal.last_known) {
    const bool same = goal.last.has_value() == now.has_value() &&
                      (!now || (goal.last->czxid == now->stat.czxid && goal.last->mzxid == now->stat.mzxid &&
                                goal.last->aversion == now->stat.aversion));
    if (!same) return because(Hindrance::kUnknownSince);
  }
  const NodeCopy* then = goal.then ? &*goal.then : nullptr;
  const bool stays = now && then != nullptr && same_kind(*now, *then);
  const bool needs_acl = then != nullptr && (!stays || !same_acl(*now, *then));
  if (needs_acl && (!then->acl_known || (stays && !now->acl_known)))
    return because(Hindrance::kUnknownBefore);
  if (!goal.later.empty() && !options_.over_later) {
    left.later = goal.later;
    return because(Hindrance::kChangedLater);
  }
  const bool data_differs = !now || then == nullptr || now->data != then->data;
  if (is_configuration(path) && data_differs) return because(Hindrance::kConfiguration);
  if (is_quota_statistics(path) && stays && goal.data && data_differs)
    return because(Hindrance::kServerCounts);
  if (then != nullptr && !stays && node_kind(then->stat.ephemeral_owner) == NodeKind::kEphemeral) {
    left.owner = then->stat.ephemeral_owner;
    return because(Hindrance::kEphemeral);
  }
  if (needs_acl && !then->acl.empty() && then->acl_list().empty()) return because(Hindrance::kUnusableAcl);
  if (now && (now->stat.version == -1 || (needs_acl && now->stat.aversion == -1)))
    return because(Hindrance::kUnguarded);
  left.bytes = largest(path, goal, now);
  if (left.bytes > options_.max_request_bytes) return because(Hindrance::kTooLarge);
  return std::nullopt;
}

/// Of the requests that the node alone would need.
std::uint64_t Arranger::largest(const std::string& path, const UndoGoal& goal,
                                const std::optional<NodeCopy>& now) const {
  UndoOperation one;
  one.path = path;
  if (goal.then) one.then = *goal.then;
  one.what = !goal.then ? What::kDelete : now && same_kind(*now, *goal.then) ? What::kSetData : What::kCreate;
  std::uint64_t bytes = kEmptyMultiBytes + bytes_of(one);
  if (one.what == What::kSetData) {
    one.what = What::kSetAcl;
    bytes = std::max(bytes, bytes_of(one));
  }
  return bytes;
}

void Arranger::decide(const std::string& path, UndoGoal& goal) {
  Intent intent;
  intent.goal = &goal;
  if (const NodeId id = tree_.find(path); id != kNoNode) intent.now = copy_node(tree_, id);
  if (goal.then_known && as_it_was(path, goal, intent.now)) {
    intents_.emplace(path, std::move(intent));
    return;
  }
  if (std::optional<LeftAlone> left = hindrance(path, goal, intent.now)) {
    left->chosen.assign(goal.chosen.rbegin(), goal.chosen.rend());
    plan_.left.push_back(std::move(*left));
    return;
  }
  intent.act = !intent.now                           ? Act::kCreate
               : !goal.then                          ? Act::kDelete
               : !same_kind(*intent.now, *goal.then) ? Act::kReplace
                                                     : Act::kChange;
  intents_.emplace(path, std::move(intent));
}

void Arranger::leave(Intents::iterator at, Hindrance why, std::string_view other) {
  if (at->second.goal != nullptr) {
    LeftAlone left;
    left.path = at->first;
    left.why = why;
    left.other = other;
    const UndoGoal& goal = *at->second.goal;
    left.chosen.assign(goal.chosen.rbegin(), goal.chosen.rend());
    if (const auto by = gone_.find(other); why == Hindrance::kNoParent && by != gone_.end())
      left.later.push_back(by->second);
    plan_.left.push_back(std::move(left));
  }
  intents_.erase(at);
}

/// The node and everything below it, of which nobody chose a change, goes.
void Arranger::lose(NodeId id) {
  tree_.walk(id, [&](NodeId each, std::string_view path) {
    const auto [at, is_new] = intents_.try_emplace(std::string(path));
    if (!is_new) return true;
    at->second.act = Act::kDelete;
    at->second.now = copy_node(tree_, each);
    return true;
  });
}

bool Arranger::can_come_back(const std::string& path, const NodeCopy& node) const {
  if (node_kind(node.stat.ephemeral_owner) == NodeKind::kEphemeral || !node.acl_known) return false;
  if (!node.acl.empty() && node.acl_list().empty()) return false;
  UndoOperation create;
  create.path = path;
  create.then = node;
  return kEmptyMultiBytes + bytes_of(create) <= options_.max_request_bytes;
}

/// The first node below one that is to be replaced which would not go, or not come back.
std::string Arranger::obstacle_below(const std::string& path, const Intent& top) const {
  std::string obstacle;
  tree_.walk(tree_.find(path), [&](NodeId id, std::string_view each) {
    if (each == path) return true;
    const Intent* intent = find(each);
    const bool goes = intent == nullptr || intent->act == Act::kDelete;
    const std::string_view above = parent_of(each);
    const Intent* holder = above == path ? &top : find(above);
    const bool held = holder != nullptr && holder->act != Act::kDelete;
    const bool fine = intent == nullptr ? may_be_lost(each) && tree_.stat(id).version != -1
                      : goes            ? true
                                        : held && can_come_back(std::string(each), *intent->goal->then);
    if (!fine || (goes && created_under_.contains(each))) obstacle = each;
    return obstacle.empty();
  });
  return obstacle;
}

/// The first node at or below one of which nobody chose a change that cannot go with it.
std::string Arranger::obstacle_to_losing(NodeId id) const {
  std::string obstacle;
  tree_.walk(id, [&](NodeId each, std::string_view path) {
    const Intent* intent = find(path);
    const bool goes =
        intent != nullptr ? intent->act == Act::kDelete : may_be_lost(path) && tree_.stat(each).version != -1;
    if (!goes || created_under_.contains(path)) obstacle = path;
    return obstacle.empty();
  });
  return obstacle;
}

std::string Arranger::obstacle_to_deleting(const std::string& path) const {
  if (created_under_.contains(path))
    for (auto at = intents_.upper_bound(path); at != intents_.end(); ++at)
      if (at->second.act == Act::kCreate && parent_of(at->first) == path) return at->first;
  for (NodeId child = tree_.first_child(tree_.find(path)); child != kNoNode;
       child = tree_.next_sibling(child)) {
    const std::string below = tree_.path(child);
    const Intent* intent = find(below);
    if (intent != nullptr && intent->act == Act::kDelete) continue;
    std::string obstacle = intent == nullptr ? obstacle_to_losing(child) : below;
    if (!obstacle.empty()) return obstacle;
  }
  return {};
}

/// A node of another type takes all that is below it along; what was there comes back with it.
void Arranger::settle_replacements() {
  for (auto at = intents_.begin(); at != intents_.end();) {
    Intent& intent = at->second;
    if (intent.act != Act::kReplace || intent.settled) {
      ++at;
      continue;
    }
    const std::string obstacle = obstacle_below(at->first, intent);
    if (!obstacle.empty()) {
      leave(at++, Hindrance::kChildren, obstacle);
      continue;
    }
    const NodeId id = tree_.find(at->first);
    tree_.walk(id, [&](NodeId each, std::string_view path) {
      const auto below = intents_.find(path);
      if (below == intents_.end())
        lose(each);
      else if (below->second.act != Act::kDelete)
        below->second.act = Act::kReplace, below->second.settled = true;
      return true;
    });
    ++at;
  }
}

void Arranger::settle_deletions() {
  std::vector<std::string> paths;
  for (const auto& [path, intent] : intents_)
    if (intent.act == Act::kDelete) paths.push_back(path);
  // The longer of two paths with a common beginning comes first.
  for (auto path = paths.rbegin(); path != paths.rend(); ++path) {
    const std::string obstacle = obstacle_to_deleting(*path);
    if (!obstacle.empty()) {
      leave(intents_.find(*path), Hindrance::kChildren, obstacle);
      continue;
    }
    for (NodeId child = tree_.first_child(tree_.find(*path)); child != kNoNode;
         child = tree_.next_sibling(child))
      if (find(tree_.path(child)) == nullptr) lose(child);
  }
}

void Arranger::settle_creations() {
  for (auto at = intents_.begin(); at != intents_.end();) {
    const auto each = at++;
    if (each->second.act != Act::kCreate) continue;
    const std::string_view parent = parent_of(each->first);
    const Intent* intent = find(parent);
    if (intent != nullptr && (intent->act == Act::kCreate || intent->act == Act::kReplace)) continue;
    const NodeId id = tree_.find(parent);
    if (id == kNoNode)
      leave(each, Hindrance::kNoParent, parent);
    else if (node_kind(tree_.stat(id).ephemeral_owner) == NodeKind::kEphemeral)
      leave(each, Hindrance::kEphemeralAbove, parent);
  }
}

/// Sequential names are made of the parent's cversion, which begins at 0 again and counts creations.
void Arranger::note_counters() {
  struct Children {
    std::uint32_t made = 0;
    std::uint64_t highest = 0;
    std::string_view child;
  };
  std::map<std::string_view, Children> of;
  for (const auto& [path, intent] : intents_) {
    if (intent.act != Act::kCreate && intent.act != Act::kReplace) continue;
    const Intent* parent = find(parent_of(path));
    if (parent == nullptr || (parent->act != Act::kCreate && parent->act != Act::kReplace)) continue;
    Children& children = of[parent_of(path)];
    ++children.made;
    if (path.size() < kSequenceDigits) continue;
    std::uint64_t number = 0;
    const std::string_view digits = std::string_view(path).substr(path.size() - kSequenceDigits);
    if (digits.find_first_not_of("0123456789") != digits.npos) continue;
    for (const char digit : digits) number = number * 10 + static_cast<std::uint64_t>(digit - '0');
    if (!children.child.empty() && number <= children.highest) continue;
    children.highest = number;
    children.child = path;
  }
  for (const auto& [path, children] : of)
    if (!children.child.empty() && children.highest >= children.made)
      plan_.counters.push_back({std::string(path), std::string(children.child), children.made});
}

UndoOperation Arranger::operation(What what, Intents::iterator at) const {
  const Intent& intent = at->second;
  UndoOperation made;
  made.what = what;
  made.path = at->first;
  made.now = intent.now;
  if (intent.now) made.version = what == What::kSetAcl ? intent.now->stat.aversion : intent.now->stat.version;
  if (intent.goal == nullptr) {
    Deed deed;
    deed.zxid = intent.now->stat.czxid;
    deed.time_ms = intent.now->stat.ctime;
    deed.recorded = false;
    made.loses.push_back(deed);
    return made;
  }
  const UndoGoal& goal = *intent.goal;
  if (goal.then && what != What::kDelete) made.then = *goal.then;
  const auto fits = [&](const Deed& deed) {
    if (what == What::kSetAcl) return deed.kind != ChangeKind::kDataSet;
    return what != What::kSetData || deed.kind != ChangeKind::kAclSet;
  };
  std::copy_if(goal.chosen.rbegin(), goal.chosen.rend(), std::back_inserter(made.undoes), fits);
  made.loses.assign(goal.later.rbegin(), goal.later.rend());
  return made;
}

/// What has to be in one request, if it fits: a node with its parent where both come or go, and the parts of
/// one multi. Ascending by path, as are the units themselves.
std::vector<std::vector<std::size_t>> Arranger::units() {
  for (auto at = intents_.begin(); at != intents_.end(); ++at) {
    const Intent& intent = at->second;
    if (at->first == "/" || intent.act == Act::kNothing ||
        (intent.act == Act::kChange && !sets_data(at->first, intent)))
      continue;
    at->second.index = order_.size();
    order_.push_back(at);
  }
  std::vector<std::size_t> leader(order_.size());
  std::iota(leader.begin(), leader.end(), std::size_t{0});
  const auto lead = [&](std::size_t index) {
    while (leader[index] != index) index = leader[index] = leader[leader[index]];
    return index;
  };
  const auto join = [&](std::size_t a, std::size_t b) {
    a = lead(a), b = lead(b);
    leader[std::max(a, b)] = std::min(a, b);
  };
  std::map<std::int64_t, std::size_t> of_multi;
  for (std::size_t i = 0; i < order_.size(); ++i) {
    const Intent& intent = order_[i]->second;
    const Intent* parent = find(parent_of(order_[i]->first));
    const auto structural = [](const Intent& one) {
      return one.act != Act::kNothing && one.act != Act::kChange;
    };
    if (parent != nullptr && parent != &intent && structural(intent) && structural(*parent))
      join(i, parent->index);
    if (intent.goal == nullptr) continue;
    for (const Deed& deed : intent.goal->chosen)
      if (deed.part != 0) join(i, of_multi.try_emplace(deed.zxid, i).first->second);
  }
  std::map<std::size_t, std::vector<std::size_t>> by_leader;
  for (std::size_t i = 0; i < order_.size(); ++i) by_leader[lead(i)].push_back(i);
  std::vector<std::vector<std::size_t>> all;
  for (auto& [unused, members] : by_leader) all.push_back(std::move(members));
  return all;
}

void Arranger::operations_of(const std::vector<std::size_t>& unit, std::vector<UndoOperation>& operations) {
  for (auto i = unit.rbegin(); i != unit.rend(); ++i) {
    const Act act = order_[*i]->second.act;
    if (act == Act::kDelete || act == Act::kReplace)
      operations.push_back(operation(What::kDelete, order_[*i]));
  }
  for (const std::size_t i : unit) {
    const Act act = order_[i]->second.act;
    if (act == Act::kCreate || act == Act::kReplace)
      operations.push_back(operation(What::kCreate, order_[i]));
  }
  for (const std::size_t i : unit)
    if (order_[i]->second.act == Act::kChange) operations.push_back(operation(What::kSetData, order_[i]));
}

/// Into the last multi, or into a new one; a unit that is too large for any is cut.
void Arranger::pack(std::vector<UndoOperation> operations) {
  std::uint64_t bytes = 0;
  for (const UndoOperation& one : operations) bytes += bytes_of(one);
  const auto room = [&]() -> std::uint64_t {
    if (plan_.requests.empty() || !plan_.requests.back().multi) return 0;
    return options_.max_request_bytes - plan_.requests.back().bytes;
  };
  const auto begin = [&] {
    UndoRequest request;
    request.bytes = kEmptyMultiBytes;
    plan_.requests.push_back(std::move(request));
  };
  if (bytes > room()) begin();
  for (UndoOperation& one : operations) {
    const std::uint64_t needs = bytes_of(one);
    if (needs > room()) {
      plan_.requests.back().goes_on = true;
      begin();
    }
    plan_.requests.back().bytes += needs;
    plan_.requests.back().operations.push_back(std::move(one));
  }
}

/// In the reverse of their order in time: whoever had the right to set data and then took it away needs the
/// old list first.
void Arranger::add_acl_requests(bool before) {
  struct One {
    std::int64_t zxid;
    Intents::iterator at;
  };
  std::vector<One> all;
  for (auto at = intents_.begin(); at != intents_.end(); ++at) {
    if (at->second.act != Act::kChange || !sets_acl(at->second)) continue;
    std::int64_t newest = 0;
    for (const Deed& deed : at->second.goal->chosen)
      if (deed.kind == ChangeKind::kAclSet) newest = std::max(newest, deed.zxid);
    const auto other = newest_other_.find(at->first);
    if ((other == newest_other_.end() || newest > other->second) == before) all.push_back({newest, at});
  }
  std::stable_sort(all.begin(), all.end(), [](const One& a, const One& b) { return a.zxid > b.zxid; });
  for (const One& one : all) {
    UndoRequest request;
    request.multi = false;
    request.operations.push_back(operation(What::kSetAcl, one.at));
    request.bytes = bytes_of(request.operations.front());
    plan_.requests.push_back(std::move(request));
  }
}

void Arranger::make_requests() {
  for (const auto& [path, intent] : intents_) {
    if (intent.goal == nullptr) continue;
    for (const Deed& deed : intent.goal->chosen) {
      if (deed.kind == ChangeKind::kAclSet) continue;
      const auto note = [&](std::string_view on) {
        std::int64_t& newest = newest_other_[std::string(on)];
        newest = std::max(newest, deed.zxid);
      };
      note(path);
      if (deed.kind != ChangeKind::kDataSet) note(parent_of(path));
    }
  }
  add_acl_requests(true);
  for (const std::vector<std::size_t>& unit : units()) {
    std::vector<UndoOperation> operations;
    operations_of(unit, operations);
    pack(std::move(operations));
  }
  // In a multi of its own: where the root's data is set beside a create or delete of its child, the server
  // logs a digest that does not fit its own tree, and says so at every start (seen with 3.8.0).
  if (const auto root = intents_.find("/");
      root != intents_.end() && root->second.act == Act::kChange && sets_data(root->first, root->second)) {
    UndoRequest request;
    request.operations.push_back(operation(What::kSetData, root));
    request.bytes = kEmptyMultiBytes + bytes_of(request.operations.front());
    plan_.requests.push_back(std::move(request));
  }
  add_acl_requests(false);
}

}  // namespace

Status arrange_undo(UndoGoals goals, const GoneNodes& gone, const restore::State& now,
                    const UndoOptions& options, UndoPlan& plan, Job& job) {
  return Arranger(goals, gone, now, options, plan, job).run();
}

}  // namespace zkark::forensics
