#include "restore/merge_paths.h"

#include <fmt/format.h>

#include <algorithm>

#include "formats/txn_log.h"
#include "restore/log_walk.h"

namespace zkark::restore {
namespace {

constexpr std::size_t kMaxPaths = 16, kMaxBranches = 256;

/// Where `what` is among a member's records of a hole.
std::optional<std::uint32_t> place_of(const std::vector<HeldRecord>& held, const Anchor& what) {
  auto at = std::lower_bound(held.begin(), held.end(), what.zxid,
                             [](const HeldRecord& one, std::int64_t zxid) { return one.zxid < zxid; });
  for (; at != held.end() && at->zxid == what.zxid; ++at)
    if (at->checksum == what.checksum) return static_cast<std::uint32_t>(at - held.begin());
  return std::nullopt;
}

struct Next {
  Anchor record;
  std::vector<PathRecord> holders;
};

/// A way so far.
struct Walk {
  HolePath path;
  Anchor at;
  std::vector<std::optional<std::uint32_t>> places;  // of `at`, by member
  std::uint64_t bytes = 0;
};

class PathSearch {
 public:
  PathSearch(const Hole& hole, const HoleRecords& records, Job& job)
      : hole_(hole), records_(records), job_(job) {}

  Result<FoundPaths> run() {
    // What begins earlier is better; a later beginning will do.
    for (const Anchor& left : hole_.left) {
      stuck_at_.reset();
      Walk start;
      start.path.left = start.at = left;
      start.places.resize(records_.held.size());
      if (left.checksum)
        for (std::size_t m = 0; m < records_.held.size(); ++m)
          start.places[m] = place_of(records_.held[m], left);
      open_.clear();
      open_.push_back(std::move(start));
      while (!open_.empty() && found_.paths.size() < kMaxPaths) {
        Walk walk = std::move(open_.back());
        open_.pop_back();
        ZK_TRY_STATUS(follow(std::move(walk)));
      }
      if (!found_.paths.empty()) return std::move(found_);
    }
    if (found_.stuck.empty())
      found_.stuck = stuck_at_
                         ? fmt::format("none of the others holds what follows {}", zxid_text(*stuck_at_))
                         : "none of the others leads across it";
    return std::move(found_);
  }

 private:
  /// Records that may come next, and who holds them.
  std::vector<Next> successors(const Walk& walk) const;
  Status check_alike(const std::vector<Next>& nexts) const;
  Status follow(Walk walk);
  /// The way is whole, or cannot be; false: it goes on.
  bool settled(Walk& walk, std::vector<Next>& nexts);
  void step(Walk& walk, const Next& next) const;
  void complete(Walk& walk) { found_.paths.push_back(std::move(walk.path)); }
  void dead_end(const Walk& walk) { stuck_at_ = std::max(stuck_at_.value_or(walk.at.zxid), walk.at.zxid); }

  const Hole& hole_;
  const HoleRecords& records_;
  Job& job_;
  FoundPaths found_;
  std::vector<Walk> open_;
  std::size_t branches_ = 0;
  std::optional<std::int64_t> stuck_at_;
};

std::vector<Next> PathSearch::successors(const Walk& walk) const {
  std::vector<Next> nexts;
  const auto add = [&](std::uint32_t m, std::size_t index) {
    const HeldRecord& held = records_.held[m][index];
    const Anchor record{held.zxid, held.checksum};
    auto same = std::find_if(nexts.begin(), nexts.end(), [&](const Next& n) { return n.record == record; });
    if (same == nexts.end()) same = nexts.insert(nexts.end(), Next{record, {}});
    same->holders.push_back({m, static_cast<std::uint32_t>(index)});
  };
  for (std::uint32_t m = 0; m < records_.held.size(); ++m) {
    if (!walk.places[m]) continue;
    const std::size_t index = *walk.places[m] + std::size_t{1};
    if (index < records_.held[m].size() && records_.held[m][index].joined) add(m, index);
  }
  if (!nexts.empty()) return nexts;
  // Nobody holds both. Of one epoch there is one record for each zxid; behind what is no record an epoch may
  // begin.
  for (std::uint32_t m = 0; m < records_.held.size(); ++m) {
    const auto& held = records_.held[m];
    const auto at =
        std::upper_bound(held.begin(), held.end(), walk.at.zxid,
                         [](std::int64_t zxid, const HeldRecord& one) { return zxid < one.zxid; });
    if (at == held.end()) continue;
    const Step way = step_between(walk.at.zxid, at->zxid, TxnType::kCreate);
    if (way == Step::kNext || (way == Step::kEpoch && !walk.at.checksum))
      add(m, static_cast<std::size_t>(at - held.begin()));
  }
  return nexts;
}

Status PathSearch::check_alike(const std::vector<Next>& nexts) const {
  for (std::size_t a = 0; a < nexts.size(); ++a)
    for (std::size_t b = a + 1; b < nexts.size(); ++b)
      if (nexts[a].record.zxid == nexts[b].record.zxid)
        return fail(
            Error(ErrorId::kRefused,
                  fmt::format("{} and {} hold different records for {}: they do not share one history",
                              (*records_.members)[nexts[a].holders[0].member].name,
                              (*records_.members)[nexts[b].holders[0].member].name,
                              zxid_text(nexts[a].record.zxid)))
                .at_zxid(nexts[a].record.zxid)
                .with_hint("`zkark compare` shows which member stands against the others; leave it out"));
  return {};
}

/// Stays with whom the last record is from, so that runs are long.
void PathSearch::step(Walk& walk, const Next& next) const {
  PathRecord chosen = next.holders.front();
  if (!walk.path.records.empty())
    for (const PathRecord& one : next.holders)
      if (one.member == walk.path.records.back().member) chosen = one;
  walk.path.records.push_back(chosen);
  walk.bytes += records_.at(chosen).size;
  const std::int64_t before = walk.at.zxid;
  walk.at = next.record;
  for (std::uint32_t m = 0; m < records_.held.size(); ++m) {
    const auto& held = records_.held[m];
    const std::size_t onward = walk.places[m] ? *walk.places[m] + std::size_t{1} : held.size();
    if (onward < held.size() && Anchor{held[onward].zxid, held[onward].checksum} == walk.at)
      walk.places[m] = static_cast<std::uint32_t>(onward);
    else if (!held.empty() && held.back().zxid >= before)
      walk.places[m] = place_of(held, walk.at);
    else
      walk.places[m].reset();
  }
}

bool PathSearch::settled(Walk& walk, std::vector<Next>& nexts) {
  if (hole_.right && hole_.right->checksum) {
    const bool there = std::any_of(nexts.begin(), nexts.end(),
                                   [&](const Next& next) { return next.record == *hole_.right; });
    // Nobody needs to hold the two side by side where nothing can lie between them.
    const bool beside = nexts.empty() && walk.at.zxid + 1 == hole_.right->zxid &&
                        zxid_epoch(walk.at.zxid) == zxid_epoch(hole_.right->zxid);
    std::erase_if(nexts, [&](const Next& next) {
      return next.record.zxid > hole_.right->zxid || next.record == *hole_.right;
    });
    if (there || beside) {
      // Another way may go on from here: what an old leader logged and a new one never had.
      if (nexts.empty()) {
        complete(walk);
        return true;
      }
      Walk whole = walk;
      complete(whole);
    }
  } else if (hole_.right) {
    const bool beyond = std::any_of(nexts.begin(), nexts.end(),
                                    [&](const Next& next) { return next.record.zxid > hole_.right->zxid; });
    std::erase_if(nexts, [&](const Next& next) { return next.record.zxid > hole_.right->zxid; });
    if (walk.at.zxid >= hole_.right->zxid || (beyond && nexts.empty())) {
      complete(walk);
      return true;
    }
    if (beyond) {
      Walk whole = walk;
      complete(whole);
    }
  } else if (hole_.room) {
    std::erase_if(nexts, [&](const Next& next) {
      return walk.bytes + records_.at(next.holders.front()).size > *hole_.room;
    });
    if (walk.bytes != 0 && nexts.empty() && *hole_.room - walk.bytes < kMinRecordBytes) {
      complete(walk);
      return true;
    }
  } else if (nexts.empty()) {
    if (!walk.path.records.empty()) complete(walk);
    return true;
  }
  if (!nexts.empty()) return false;
  dead_end(walk);
  return true;
}

Status PathSearch::follow(Walk walk) {
  std::size_t all = 0;  // no way is longer, unless a member's records repeat themselves
  for (const auto& held : records_.held) all += held.size();
  for (std::uint64_t n = 1;; ++n) {
    if ((n & 4095) == 0) ZK_TRY_STATUS(job_.check());
    if (walk.path.records.size() > all) return {};
    std::vector<Next> nexts = successors(walk);
    ZK_TRY_STATUS(check_alike(nexts));
    if (settled(walk, nexts)) return {};
    for (std::size_t other = 1; other < nexts.size() && ++branches_ < kMaxBranches; ++other) {
      Walk branch = walk;
      step(branch, nexts[other]);
      open_.push_back(std::move(branch));
    }
    step(walk, nexts.front());
  }
}

}  // namespace

std::size_t HoleRecords::witnesses(const Anchor& before, const Anchor& after) const {
  std::size_t count = 0;
  for (const auto& one : held) {
    const auto place = place_of(one, before);
    if (!place || *place + std::size_t{1} >= one.size()) continue;
    const HeldRecord& next = one[*place + std::size_t{1}];
    count += next.joined && Anchor{next.zxid, next.checksum} == after ? 1 : 0;
  }
  return count;
}

Result<FoundPaths> find_paths(const Hole& hole, const HoleRecords& records, Job& job) {
  return PathSearch(hole, records, job).run();
}

}  // namespace zkark::restore
