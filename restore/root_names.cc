#include "restore/root_names.h"

#include <algorithm>

#include "formats/digest.h"

namespace zkark::restore {
namespace {

constexpr std::size_t kVersions = 8;          // of the root that are remembered
constexpr std::size_t kPossibilities = 1024;  // far more than a history needs

std::shared_ptr<const std::string> kept(const std::optional<Bytes>& data) {
  return data ? std::make_shared<const std::string>(as_text(*data)) : nullptr;
}

std::uint64_t digest_of(const StatPersisted& stat, const std::shared_ptr<const std::string>& data) {
  return node_digest("", data ? std::optional<Bytes>(as_bytes(*data)) : std::nullopt, stat);
}

bool at_top(std::string_view path) { return path.size() > 1 && path.rfind('/') == 0; }

}  // namespace

RootNames::RootNames(const State& state) {
  Root root;
  root.stat = state.tree.stat(kRoot);
  root.data = kept(state.tree.data(kRoot));
  root.digest = digest_of(root.stat, root.data);
  versions_.push_back(std::move(root));
}

void RootNames::collect(const TxnBody& body, const TxnHeader& header, const State& state) {
  const auto parent = [&](std::string_view path, TxnType what, std::int32_t cversion) {
    if (at_top(path)) touches_.push_back({kAsParent, what, cversion, nullptr});
  };
  if (const auto* create = std::get_if<CreateTxn>(&body)) {
    parent(create->path, TxnType::kCreate, create->parent_cversion);
  } else if (const auto* container = std::get_if<CreateContainerTxn>(&body)) {
    parent(container->path, TxnType::kCreate, container->parent_cversion);
  } else if (const auto* ttl = std::get_if<CreateTtlTxn>(&body)) {
    parent(ttl->path, TxnType::kCreate, ttl->parent_cversion);
  } else if (const auto* gone = std::get_if<DeleteTxn>(&body)) {
    parent(gone->path, TxnType::kDelete, 0);
  } else if (const auto* set = std::get_if<SetDataTxn>(&body)) {
    if (set->path == "/") touches_.push_back({kItself, TxnType::kSetData, set->version, kept(set->data)});
  } else if (const auto* acl = std::get_if<SetAclTxn>(&body)) {
    if (acl->path == "/") touches_.push_back({kItself, TxnType::kSetAcl, acl->version, nullptr});
  } else if (const auto* close = std::get_if<CloseSessionTxn>(&body)) {
    for (const PathItem& item : close->paths) parent(item.path, TxnType::kDelete, 0);
    if (!close->has_body)
      for (const std::string& path : state.tree.ephemerals_of(header.client_id))
        parent(path, TxnType::kDelete, 0);
  } else if (const auto* multi = std::get_if<MultiTxn>(&body); multi != nullptr && !multi_failed(*multi)) {
    for (const SubTxn& sub : multi->txns)
      if (const Result<TxnBody> inner = decode_sub_txn(sub)) collect(*inner, header, state);
  }
}

RootNames::Root RootNames::after(const Root& root, const Touch& touch, std::int64_t zxid,
                                 std::int64_t time_ms) {
  Root changed = root;
  switch (touch.type) {
    case TxnType::kCreate:
      changed.stat.cversion = touch.version;
      changed.stat.pzxid = zxid;
      break;
    case TxnType::kDelete:
      changed.stat.pzxid = zxid;
      break;
    case TxnType::kSetData:
      changed.data = touch.data;
      changed.stat.version = touch.version;
      changed.stat.mzxid = zxid;
      changed.stat.mtime = time_ms;
      break;
    default:
      changed.stat.aversion = touch.version;
  }
  changed.digest = digest_of(changed.stat, changed.data);
  return changed;
}

void RootNames::add(std::vector<Possibility>& to, Possibility possibility) const {
  for (Change& change : possibility.last)
    if (change.version <= possibility.applied) change = {};
  if (to.size() < kPossibilities && std::find(to.begin(), to.end(), possibility) == to.end())
    to.push_back(std::move(possibility));
}

/// What may be found under a name: the last change under way, or the root of the tree, whose stat is read a
/// little later than its data.
std::vector<RootNames::Found> RootNames::found(const Change& own, std::uint64_t applied) const {
  std::vector<Found> all;
  if (own.version > applied) all.push_back({applied, own.root});
  for (std::uint64_t at = std::max({applied, own.version, oldest_}); at <= newest(); ++at) {
    all.push_back({at, version(at)});
    for (std::uint64_t later = at + 1; later <= newest(); ++later)
      if (version(later).data != version(at).data)
        all.push_back({later, {version(later).stat, version(at).data, 0}});
  }
  return all;
}

/// One change of the root, from `now` to `then` in the replayed tree, as each possibility has it computed.
/// The server looks for the root twice, then for the sum, and what is under way may be applied in between.
void RootNames::branch(const Touch& touch, bool first, const Root& now, const Root& then,
                       const TxnHeader& header) {
  std::vector<Possibility> next;
  for (const bool hurried : {false, true}) {  // what is likely comes first
    for (const Possibility& before : possible_) {
      const Change& own = before.last[touch.name];
      const auto compute = [&](const Root& made, std::uint64_t replaced, std::uint64_t applied) {
        Possibility computed = before;
        computed.applied = applied;
        computed.last[touch.name] = {newest() + 1, made};
        computed.error += made.digest - replaced - (then.digest - now.digest);
        if (first) {
          Possibility drained = computed;  // nothing is under way: the sum goes on from the tree itself
          drained.applied = newest();
          drained.error -= before.error;
          if (hurried || applied == newest()) add(next, std::move(drained));
        }
        add(next, std::move(computed));
      };
      for (const Found& base : found(own, before.applied)) {
        const Root made = after(base.root, touch, header.zxid, header.time_ms);
        if (!hurried) {
          if (base.root.digest != 0) compute(made, base.root.digest, base.applied);
          continue;
        }
        if (own.version > base.applied) compute(made, own.root.digest, base.applied);
        for (std::uint64_t at = std::max({base.applied, own.version, oldest_}); at <= newest(); ++at)
          compute(made, version(at).digest, at);
      }
    }
  }
  possible_ = std::move(next);
}

void RootNames::observe(const Txn& txn, const State& state) {
  Possibility quiet;  // all that went before is applied
  quiet.applied = newest();
  add(possible_, quiet);
  touches_.clear();
  collect(txn.body, txn.header, state);
  if (touches_.empty()) return;
  Root now = versions_.back();
  for (std::size_t i = 0; i < touches_.size(); ++i) {
    Root then = after(now, touches_[i], txn.header.zxid, txn.header.time_ms);
    branch(touches_[i], i == 0, now, then, txn.header);
    now = std::move(then);
  }
  versions_.push_back(std::move(now));
  if (versions_.size() > kVersions) {
    versions_.pop_front();
    ++oldest_;
  }
}

bool RootNames::settle(std::uint64_t difference) {
  std::erase_if(possible_, [&](const Possibility& p) { return p.error != difference; });
  return !possible_.empty();
}

}  // namespace zkark::restore
