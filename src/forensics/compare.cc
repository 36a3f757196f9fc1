#include "src/forensics/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "restore/fingerprint.h"
#include "restore/log_walk.h"
#include "restore/replay.h"
#include "src/forensics/filter.h"

namespace zkark::forensics {
namespace {

using restore::Finding;
using restore::Findings;
using restore::Severity;

/// All records of one zxid: nearly always one; 3.9+ logs malformed requests under the zxid before.
struct Mark {
  std::int64_t zxid = 0;
  std::uint64_t identity = 0;
};
using Marks = std::vector<Mark>;

bool by_zxid(const Mark& a, const Mark& b) { return a.zxid < b.zxid; }

/// What makes two records the same: the checksum of their bytes; of several their sequence.
void add_mark(Marks& marks, std::int64_t zxid, std::uint32_t checksum) {
  if (marks.empty() || marks.back().zxid != zxid) {
    marks.push_back({zxid, checksum});
    return;
  }
  std::uint64_t& identity = marks.back().identity;
  if (static_cast<std::uint32_t>(identity) != checksum) identity = identity * 0x100000001b3ULL + checksum;
}

Result<Marks> read_marks(ComparedMember& member, Job& job) {
  Marks marks;
  restore::LogWalkOptions options;
  options.after_zxid = -1;
  options.overlaps = member.listing.logs_overlap;
  restore::LogWalk walk(*member.source, member.listing.logs, options, member.findings);
  restore::WalkEntry record;
  bool sorted = true;
  for (std::uint64_t n = 1;; ++n) {
    if ((n & 4095) == 0) ZK_TRY_STATUS(job.check());
    ZK_TRY(const bool more, walk.next_into(record));
    if (!more) break;
    sorted = sorted && record.step != restore::Step::kBackwards;
    ++member.records;
    add_mark(marks, record.entry.zxid(), record.entry.checksum());
  }
  if (!sorted) {
    std::stable_sort(marks.begin(), marks.end(), by_zxid);
    Marks joined;
    for (const Mark& mark : marks) add_mark(joined, mark.zxid, static_cast<std::uint32_t>(mark.identity));
    marks = std::move(joined);
  }
  if (!marks.empty()) member.first_zxid = marks.front().zxid, member.last_zxid = marks.back().zxid;
  // Gaps are judged here, with the other members beside them.
  std::erase_if(member.findings, [](const Finding& one) { return one.severity == Severity::kGap; });
  return marks;
}

/// Why a member lacks a zxid.
enum class Lack : std::uint8_t {
  kOutside,     // before its first record or behind its last one
  kSynced,      // a snapshot stands behind it
  kUnreadable,  // there is damage where it was
  kEpochTail,   // it went on in a later epoch
  kMissing,
};

/// Goes through the zxids of all members at once.
class LogComparison {
 public:
  LogComparison(std::vector<ComparedMember>& members, const std::vector<Marks>& marks, Comparison& result)
      : members_(members), marks_(marks), result_(result), at_(members.size(), 0), here_(members.size()) {}

  void run() {
    while (const auto zxid = next_zxid()) {
      for (std::size_t m = 0; m < members_.size(); ++m)
        here_[m] = at_[m] < marks_[m].size() && marks_[m][at_[m]].zxid == *zxid;
      judge(*zxid);
      for (std::size_t m = 0; m < members_.size(); ++m) at_[m] += here_[m] ? 1 : 0;
    }
  }

 private:
  std::optional<std::int64_t> next_zxid() const {
    std::optional<std::int64_t> lowest;
    for (std::size_t m = 0; m < members_.size(); ++m)
      if (at_[m] < marks_[m].size() && (!lowest || marks_[m][at_[m]].zxid < *lowest))
        lowest = marks_[m][at_[m]].zxid;
    return lowest;
  }

  void judge(std::int64_t zxid) {
    std::size_t holders = 0;
    bool alike = true;
    std::optional<std::uint64_t> identity;
    for (std::size_t m = 0; m < members_.size(); ++m) {
      if (!here_[m]) continue;
      ++holders;
      if (identity && *identity != marks_[m][at_[m]].identity) alike = false;
      identity = marks_[m][at_[m]].identity;
    }
    std::vector<bool> missing(members_.size(), false);
    bool any_missing = false, passed_over = false;
    for (std::size_t m = 0; m < members_.size(); ++m) {
      if (here_[m]) continue;
      switch (lack(m, zxid)) {
        case Lack::kOutside:
          if (at_[m] == marks_[m].size() && !marks_[m].empty()) ++members_[m].behind;
          break;
        case Lack::kSynced:
        case Lack::kUnreadable:
          break;
        case Lack::kEpochTail:
          // Committed is what most have; what fewer have may have been a proposal that nobody answered.
          if (holders * 2 <= members_.size()) {
            passed_over = true;
            break;
          }
          [[fallthrough]];
        case Lack::kMissing:
          missing[m] = any_missing = true;
          break;
      }
    }
    if (holders > 1) {
      ++result_.compared;
      if (!result_.first_compared) result_.first_compared = zxid;
      result_.last_compared = zxid;
    }
    if (!alike || any_missing) return differ(zxid, missing);
    // Once the histories are two, nobody's tail is stale any more.
    if (passed_over) return result_.difference ? void() : note_stale(zxid);
    if (holders > 1 && !result_.difference) last_common_ = zxid;
  }

  Lack lack(std::size_t m, std::int64_t zxid) {
    const Marks& marks = marks_[m];
    if (at_[m] == 0 || at_[m] == marks.size()) return Lack::kOutside;
    const std::int64_t previous = marks[at_[m] - 1].zxid, next = marks[at_[m]].zxid;
    ComparedMember& member = members_[m];
    for (const restore::SourceFile& snapshot : member.listing.snapshots)
      if (snapshot.zxid >= zxid && snapshot.zxid < next) {
        if (member.holes.empty() || member.holes.back().snapshot != snapshot.zxid)
          member.holes.push_back({{zxid, zxid}, snapshot.zxid});
        member.holes.back().zxids.last = zxid;
        return Lack::kSynced;
      }
    for (const Finding& finding : member.findings)
      if (finding.severity == Severity::kDamage && finding.first_zxid && *finding.first_zxid <= zxid &&
          finding.last_zxid.value_or(next - 1) >= zxid)
        return Lack::kUnreadable;
    const bool tail = zxid_epoch(zxid) == zxid_epoch(previous) && zxid_epoch(next) > zxid_epoch(zxid);
    return tail ? Lack::kEpochTail : Lack::kMissing;
  }

  void differ(std::int64_t zxid, const std::vector<bool>& missing) {
    if (!result_.difference) {
      result_.difference.emplace();
      result_.difference->zxid = zxid;
      result_.difference->last_common = last_common_;
      result_.difference->missing = missing;
      find_minority(missing);
    }
    ++result_.difference->zxids;
  }

  /// Whoever is not with the largest group, if there is one that is larger than all others.
  void find_minority(const std::vector<bool>& missing) {
    std::map<std::pair<bool, std::uint64_t>, std::vector<std::size_t>> groups;
    for (std::size_t m = 0; m < members_.size(); ++m) {
      if (here_[m]) groups[{true, marks_[m][at_[m]].identity}].push_back(m);
      if (missing[m]) groups[{false, 0}].push_back(m);
    }
    std::vector<std::vector<std::size_t>> sorted;
    for (auto& [unused, group] : groups) sorted.push_back(std::move(group));
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const auto& a, const auto& b) { return a.size() > b.size(); });
    if (sorted.size() < 2 || sorted[0].size() == sorted[1].size()) return;
    for (std::size_t g = 1; g < sorted.size(); ++g)
      result_.minority.insert(result_.minority.end(), sorted[g].begin(), sorted[g].end());
    std::sort(result_.minority.begin(), result_.minority.end());
  }

  void note_stale(std::int64_t zxid) {
    for (std::size_t m = 0; m < members_.size(); ++m) {
      if (!here_[m]) continue;
      ComparedMember& member = members_[m];
      auto& tails = member.stale_tails;
      if (tails.empty() || zxid_epoch(tails.back().zxids.last) != zxid_epoch(zxid)) {
        const bool later_record = zxid_epoch(marks_[m].back().zxid) > zxid_epoch(zxid);
        const bool later_snapshot = !member.listing.snapshots.empty() &&
                                    zxid_epoch(member.listing.snapshots.back().zxid) > zxid_epoch(zxid);
        tails.push_back({{zxid, zxid}, 0, later_record || later_snapshot});
      }
      tails.back().zxids.last = zxid;
      ++tails.back().records;
    }
  }

  std::vector<ComparedMember>& members_;
  const std::vector<Marks>& marks_;
  Comparison& result_;
  std::vector<std::size_t> at_;
  std::vector<bool> here_;
  std::int64_t last_common_ = 0;
};

Result<std::optional<MemberRecord>> read_record(ComparedMember& member, std::int64_t zxid) {
  restore::LogWalkOptions options;
  options.after_zxid = zxid - 1;
  options.overlaps = member.listing.logs_overlap;
  Findings ignored;  // told already
  restore::LogWalk walk(*member.source, member.listing.logs, options, ignored);
  for (;;) {
    ZK_TRY(const auto walked, walk.next());
    if (!walked) return std::optional<MemberRecord>();
    if (walked->entry.zxid() != zxid) continue;
    const Txn& txn = walked->entry.txn;
    MemberRecord record{walked->entry.checksum(),
                        txn.header.client_id,
                        txn.header.time_ms,
                        txn.header.cxid,
                        txn.header.type,
                        {},
                        {}};
    for_each_path(txn, [&](std::string_view path) {
      if (record.path.empty()) record.path = path;
    });
    const auto take = [&](const auto& body) {
      if constexpr (requires { body.data; })
        if (body.data) record.data = std::string(as_text(*body.data));
    };
    std::visit(take, txn.body);
    return std::optional(std::move(record));
  }
}

/// The last zxid at which every member can stand: by a record, or by a snapshot's name.
std::optional<std::int64_t> last_common_point(const std::vector<ComparedMember>& members,
                                              const std::vector<Marks>& marks) {
  const auto last_of = [&](std::size_t m) {
    const auto& snapshots = members[m].listing.snapshots;
    return std::max(marks[m].empty() ? 0 : marks[m].back().zxid,
                    snapshots.empty() ? 0 : snapshots.back().zxid);
  };
  const auto has = [&](std::size_t m, std::int64_t zxid) {
    if (std::binary_search(marks[m].begin(), marks[m].end(), Mark{zxid, 0}, by_zxid)) return true;
    const auto& snapshots = members[m].listing.snapshots;
    return std::any_of(snapshots.begin(), snapshots.end(),
                       [&](const restore::SourceFile& one) { return one.zxid == zxid; });
  };
  std::size_t shortest = 0;
  for (std::size_t m = 1; m < members.size(); ++m)
    if (last_of(m) < last_of(shortest)) shortest = m;
  std::vector<std::int64_t> candidates;
  for (const restore::SourceFile& snapshot : members[shortest].listing.snapshots)
    candidates.push_back(snapshot.zxid);
  for (const Mark& mark : marks[shortest]) candidates.push_back(mark.zxid);
  std::sort(candidates.begin(), candidates.end(), std::greater<>());
  for (const std::int64_t zxid : candidates) {
    bool everywhere = true;
    for (std::size_t m = 0; m < members.size() && everywhere; ++m) everywhere = has(m, zxid);
    if (everywhere) return zxid;
  }
  return std::nullopt;
}

/// The tree as the member's server would load it: the newest snapshot that serves the point, and the logs.
/// nullopt: no such thing; `why` says it.
Result<std::optional<restore::State>> state_of(ComparedMember& member, std::int64_t zxid, Findings& findings,
                                               std::string& why, Job& job) {
  const auto& snapshots = member.listing.snapshots;
  std::vector<const restore::SourceFile*> bases;
  for (auto one = snapshots.rbegin(); one != snapshots.rend(); ++one)
    if (one->zxid <= zxid) bases.push_back(&*one);
  if (!member.listing.logs.empty() && member.listing.logs.front().zxid <= 1) bases.push_back(nullptr);
  why = fmt::format("no snapshot serves {}", zxid_text(zxid));
  for (const restore::SourceFile* base : bases) {
    restore::ReplayOptions options;
    options.stop_at = zxid;
    Findings met;
    Result<restore::ReplayResult> replayed =
        restore::replay(*member.source, member.listing, base, options, met, job);
    if (!replayed) {
      if (exit_code(replayed.error().id()) != 6) return fail(std::move(replayed).error());
      met.push_back(restore::finding_of(replayed.error()));
    }
    findings.insert(findings.end(), met.begin(), met.end());
    if (!replayed || replayed->fuzzy_end > zxid) continue;
    if (replayed->state.last_zxid == zxid) return std::optional(std::move(replayed->state));
    why = fmt::format("replay ends at {}", zxid_text(replayed->state.last_zxid));
  }
  return std::optional<restore::State>();
}

class TreeComparison {
 public:
  TreeComparison(std::vector<ComparedMember>& members, Comparison& result, Executor& executor, Job& job)
      : members_(members), result_(result), executor_(executor), job_(job) {}

  Status run(std::int64_t zxid) {
    result_.tree_zxid = zxid;
    std::vector<std::optional<restore::Fingerprint>> prints(members_.size());
    std::vector<std::function<Status()>> tasks;
    for (std::size_t m = 0; m < members_.size(); ++m)
      tasks.emplace_back([this, m, zxid, &prints]() -> Status {
        ComparedMember& member = members_[m];
        Findings met;
        std::string why;
        ZK_TRY(const auto state, state_of(member, zxid, met, why, job_));
        if (state)
          prints[m] = restore::fingerprint(state->tree);
        else
          member.not_compared = why;
        for (Finding& one : met) {
          const bool told =
              std::any_of(member.findings.begin(), member.findings.end(), [&](const Finding& f) {
                return f.id == one.id && f.file == one.file && f.offset == one.offset;
              });
          if (!told && one.severity != Severity::kGap) member.findings.push_back(std::move(one));
        }
        return {};
      });
    ZK_TRY_STATUS(executor_.run_all(tasks));
    return group(zxid, prints);
  }

 private:
  Status group(std::int64_t zxid, const std::vector<std::optional<restore::Fingerprint>>& prints) {
    std::vector<std::vector<std::size_t>> groups;
    for (std::size_t m = 0; m < members_.size(); ++m) {
      if (!prints[m]) continue;
      auto same = std::find_if(groups.begin(), groups.end(),
                               [&](const auto& one) { return *prints[one.front()] == *prints[m]; });
      if (same == groups.end()) same = groups.emplace(groups.end());
      same->push_back(m);
    }
    for (std::size_t g = 0; g < groups.size(); ++g)
      for (const std::size_t m : groups[g]) members_[m].tree_group = g;
    std::stable_sort(groups.begin(), groups.end(),
                     [](const auto& a, const auto& b) { return a.size() > b.size(); });
    result_.tree_groups = groups.size();
    if (groups.size() < 2) return {};
    if (result_.minority.empty() && !result_.difference && groups[0].size() > groups[1].size())
      for (std::size_t g = 1; g < groups.size(); ++g)
        result_.minority.insert(result_.minority.end(), groups[g].begin(), groups[g].end());
    ZK_TRY_STATUS(diff(zxid, groups[0].front(), groups[1].front()));
    return find_since(zxid);
  }

  Status diff(std::int64_t zxid, std::size_t a, std::size_t b) {
    result_.tree_a = a, result_.tree_b = b;
    Findings told;
    std::string why;
    ZK_TRY(const auto in_a, state_of(members_[a], zxid, told, why, job_));
    ZK_TRY(const auto in_b, state_of(members_[b], zxid, told, why, job_));
    if (!in_a || !in_b) return {};
    DiffOptions options;
    options.stat_only = true;
    ZK_TRY(result_.tree_diff, diff_trees(in_a->tree, in_b->tree, options, job_));
    // Fingerprints of trees with an unknown ACL equal nothing: then only that is different.
    if (result_.tree_diff->equal() && result_.tree_groups == 2) result_.tree_groups = 1;
    return {};
  }

  /// The logs are no witnesses of this difference.
  Status find_since(std::int64_t zxid) {
    if (result_.difference || result_.tree_groups < 2) return {};
    const ComparedMember &a = members_[result_.tree_a], &b = members_[result_.tree_b];
    ZK_TRY(result_.tree_since,
           trees_differ_since({*a.source, a.listing}, {*b.source, b.listing}, zxid, job_));
    return {};
  }

  std::vector<ComparedMember>& members_;
  Comparison& result_;
  Executor& executor_;
  Job& job_;
};

Finding not_compared(std::string message, std::string hint) {
  Finding finding;
  finding.severity = Severity::kGap;
  finding.id = ErrorId::kGap;
  finding.message = std::move(message);
  finding.hint = std::move(hint);
  return finding;
}

}  // namespace

Result<Comparison> compare_members(std::vector<ComparedMember>& members, const CompareOptions& options,
                                   Executor& executor, Job& job) {
  job.progress.phase = "reading";
  std::vector<Marks> marks(members.size());
  std::vector<std::function<Status()>> tasks;
  for (std::size_t m = 0; m < members.size(); ++m)
    tasks.emplace_back([&, m]() -> Status {
      ZK_TRY(marks[m], read_marks(members[m], job));
      return {};
    });
  ZK_TRY_STATUS(executor.run_all(tasks));
  Comparison result;
  LogComparison(members, marks, result).run();
  if (result.difference)
    for (ComparedMember& member : members) {
      ZK_TRY(auto record, read_record(member, result.difference->zxid));
      result.difference->records.push_back(std::move(record));
    }
  if (result.compared == 0)
    result.incomplete.push_back(not_compared("no transaction is in the logs of two members",
                                             "what they have in common shows only in their trees"));
  if (!options.trees) return result;
  const auto point = last_common_point(members, marks);
  marks.clear();
  marks.shrink_to_fit();
  job.progress.phase = "replaying";
  if (point) ZK_TRY_STATUS(TreeComparison(members, result, executor, job).run(*point));
  if (!point)
    result.incomplete.push_back(
        not_compared("there is no zxid that all members can be brought to: no tree was compared",
                     "copy the directories of the members at about the same time"));
  for (const ComparedMember& member : members)
    if (!member.not_compared.empty())
      result.incomplete.push_back(not_compared(
          fmt::format("the tree of {} was not compared: {}", member.name, member.not_compared), ""));
  return result;
}

}  // namespace zkark::forensics
