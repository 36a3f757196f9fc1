#include "src/forensics/tree_since.h"

#include <algorithm>
#include <map>
#include <vector>

#include "restore/replay.h"

namespace zkark::forensics {
namespace {

/// What stands at one zxid.
struct Point {
  std::uint64_t digest = 0;
  std::optional<std::uint64_t> logged;
};

/// The digests of one member's tree, from its end back.
class Trace {
 public:
  Trace(const TreeSide& side, std::int64_t end) : side_(side), reached_(end + 1) {
    const auto& logs = side.listing.logs;
    if (!logs.empty() && logs.front().zxid <= 1) bases_.push_back(nullptr);
    for (const restore::SourceFile& snapshot : side.listing.snapshots)
      if (snapshot.zxid <= end) bases_.push_back(&snapshot);
  }

  /// The lowest zxid that is known; there is nothing below it when done().
  std::int64_t reached() const { return reached_; }
  bool done() const { return bases_.empty(); }
  const std::map<std::int64_t, Point>& points() const { return points_; }

  /// With the next older base.
  Status extend(Job& job) {
    const restore::SourceFile* const base = bases_.back();
    bases_.pop_back();
    std::map<std::int64_t, Point> found;
    restore::ReplayOptions options;
    options.stop_at = reached_ - 1;
    options.on_restart = [&] { found.clear(); };
    options.on_record = [&](const restore::State& state, const restore::WalkEntry& walk) -> Status {
      Point& point = found[walk.entry.zxid()];
      point.digest = state.tree.digest();
      const auto& logged = walk.entry.txn.digest;
      if (logged && logged->version == kDigestVersion)
        point.logged = static_cast<std::uint64_t>(logged->digest);
      return {};
    };
    ZK_TRY(const auto replayed, replay(base, options, job));
    if (!replayed) return {};  // damaged: an older one goes further
    found.erase(found.begin(), found.lower_bound(replayed->fuzzy_end));
    if (base != nullptr && replayed->fuzzy_end <= base->zxid && base->zxid < reached_) {
      restore::ReplayOptions alone;
      alone.stop_at = base->zxid;
      alone.check_digests = false;
      ZK_TRY(const auto loaded, replay(base, alone, job));
      if (loaded) found.emplace(base->zxid, Point{loaded->state.tree.digest(), std::nullopt});
    }
    if (found.empty()) return {};
    reached_ = found.begin()->first;
    starts_[reached_] = base == nullptr ? std::string() : base->path;
    points_.merge(found);
    return {};
  }

  /// The snapshot whose part begins exactly there.
  std::string snapshot_at(std::int64_t zxid) const {
    const auto at = starts_.find(zxid);
    return at == starts_.end() ? std::string() : at->second;
  }

 private:
  Result<std::optional<restore::ReplayResult>> replay(const restore::SourceFile* base,
                                                      const restore::ReplayOptions& options, Job& job) {
    restore::Findings told;  // by whoever compared the trees
    Result<restore::ReplayResult> result =
        restore::replay(side_.source, side_.listing, base, options, told, job);
    if (result) return std::optional(std::move(result).value());
    if (exit_code(result.error().id()) != 6) return fail(std::move(result).error());
    return std::optional<restore::ReplayResult>();
  }

  TreeSide side_;
  std::int64_t reached_;
  std::vector<const restore::SourceFile*> bases_;  // the newest last
  std::map<std::int64_t, Point> points_;
  std::map<std::int64_t, std::string> starts_;
};

/// Of the zxids that both have, the highest one at which they are alike, and the one behind it.
struct Border {
  std::optional<std::int64_t> alike, different;
};
Border border_of(const Trace& a, const Trace& b) {
  Border border;
  for (auto at = a.points().rbegin(); at != a.points().rend(); ++at) {
    const auto other = b.points().find(at->first);
    if (other == b.points().end()) continue;
    if (at->second.digest == other->second.digest) {
      border.alike = at->first;
      return border;
    }
    border.different = at->first;
  }
  return border;
}

TreeSince::Digests whose_digests(const Trace& a, const Trace& b, std::int64_t from) {
  for (auto at = a.points().lower_bound(from); at != a.points().end(); ++at) {
    const auto other = b.points().find(at->first);
    if (other == b.points().end()) continue;
    const auto logged = at->second.logged ? at->second.logged : other->second.logged;
    if (!logged || at->second.digest == other->second.digest) continue;
    if (*logged == at->second.digest) return TreeSince::Digests::kOfA;
    return *logged == other->second.digest ? TreeSince::Digests::kOfB : TreeSince::Digests::kOfNeither;
  }
  return TreeSince::Digests::kNone;
}

}  // namespace

Result<std::optional<TreeSince>> trees_differ_since(const TreeSide& a, const TreeSide& b, std::int64_t end,
                                                    Job& job) {
  Trace in_a(a, end), in_b(b, end);
  Border border;
  while (!border.alike) {
    // Below where one of them ends there is nothing to compare.
    const bool a_next = !in_a.done() && (in_b.done() || in_a.reached() >= in_b.reached());
    Trace& next = a_next ? in_a : in_b;
    const Trace& other = a_next ? in_b : in_a;
    if (next.done() || (other.done() && next.reached() <= other.reached())) break;
    ZK_TRY_STATUS(next.extend(job));
    border = border_of(in_a, in_b);
  }
  if (!border.different) return std::optional<TreeSince>();
  TreeSince since;
  since.zxid = *border.different;
  since.last_alike = border.alike;
  since.snapshot_a = in_a.snapshot_at(since.zxid);
  since.snapshot_b = in_b.snapshot_at(since.zxid);
  since.digests = whose_digests(in_a, in_b, since.zxid);
  return std::optional(std::move(since));
}

}  // namespace zkark::forensics
