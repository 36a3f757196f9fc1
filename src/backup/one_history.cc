#include "src/backup/one_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <set>

#include "restore/log_walk.h"
#include "src/backup/source.h"

namespace zkark::backup {
namespace {

using restore::LogWalk;
using restore::LogWalkOptions;
using restore::Step;
using Next = std::function<Result<std::optional<RecordMark>>()>;

/// Two ascending sequences side by side. 3.9+ may log several records of one zxid: one in common will do.
Result<std::optional<Contradiction>> compare(const Next& stored, const Next& mine, Job& job) {
  ZK_TRY(auto a, stored());
  ZK_TRY(auto b, mine());
  std::optional<RecordMark> shared;
  const auto all_of = [](const Next& next, std::optional<RecordMark>& at) -> Result<std::set<std::uint64_t>> {
    std::set<std::uint64_t> checksums;
    for (const std::int64_t zxid = at->zxid; at && at->zxid == zxid;) {
      checksums.insert(at->checksum);
      ZK_TRY(at, next());
    }
    return checksums;
  };
  for (std::uint64_t n = 0; a && b; ++n) {
    if ((n & 1023) == 0) ZK_TRY_STATUS(job.check());
    if (a->zxid < b->zxid) {
      ZK_TRY(a, stored());
      continue;
    }
    if (b->zxid < a->zxid) {
      ZK_TRY(b, mine());
      continue;
    }
    const std::int64_t zxid = a->zxid;
    ZK_TRY(const std::set<std::uint64_t> left, all_of(stored, a));
    ZK_TRY(const std::set<std::uint64_t> right, all_of(mine, b));
    const auto both =
        std::find_if(left.begin(), left.end(), [&](std::uint64_t one) { return right.contains(one); });
    if (both == left.end()) return std::optional(Contradiction{zxid, shared, {}});
    shared = RecordMark{zxid, *both};
  }
  return std::optional<Contradiction>();
}

/// The manifests that can be read; a damaged one is the check's to tell.
Result<std::vector<Manifest>> readable(const Repository& repository, const std::vector<std::string>& ids,
                                       Job& job) {
  std::vector<Manifest> manifests;
  for (const std::string& id : ids) {
    ZK_TRY_STATUS(job.check());
    Result<Manifest> manifest = repository.load(id);
    if (manifest)
      manifests.push_back(*std::move(manifest));
    else if (exit_code(manifest.error().id()) != 6)
      return fail(std::move(manifest).error());
  }
  return manifests;
}

std::vector<std::string> ids_of(const Repository& repository, std::string_view cluster,
                                std::string_view timeline) {
  std::vector<std::string> ids;
  for (const HeadEntry& entry : repository.entries())
    if (entry.cluster == cluster && entry.timeline == timeline) ids.push_back(entry.id);
  return ids;
}

/// Whether the source has other records than these manifests.
Result<std::optional<Contradiction>> contradiction_with_source(const Repository& repository,
                                                               const std::vector<Manifest>& manifests,
                                                               restore::Source& source,
                                                               const restore::SourceListing& listing,
                                                               Job& job) {
  std::vector<const StoredSegment*> segments;
  std::int64_t first = INT64_MAX;
  for (const Manifest& manifest : manifests)
    for (const StoredSegment& segment : manifest.segments) {
      segments.push_back(&segment);
      first = std::min(first, segment.first_zxid);
    }
  if (segments.empty()) return std::optional<Contradiction>();
  StoredRecords stored(repository, segments);
  LogWalkOptions options;
  options.after_zxid = first - 1;
  options.overlaps = true;
  restore::Findings ignored;
  LogWalk walk(source, listing.logs, options, ignored);
  restore::WalkEntry at;
  const Next mine = [&]() -> Result<std::optional<RecordMark>> {
    ZK_TRY(const bool more, walk.next_into(at));
    if (!more) return std::optional<RecordMark>();
    return std::optional(RecordMark{at.entry.zxid(), at.entry.checksum()});
  };
  return compare([&] { return stored.next(); }, mine, job);
}

/// Whether the source has every record of the hole.
Result<bool> fills(restore::Source& source, const restore::SourceListing& listing, const Gap& gap, Job& job) {
  LogWalkOptions options;
  options.after_zxid = gap.after_zxid;
  options.overlaps = true;
  restore::Findings ignored;
  LogWalk walk(source, listing.logs, options, ignored);
  restore::WalkEntry at;
  std::int64_t previous = gap.after_zxid;
  for (std::uint64_t inside = 0;;) {
    if ((inside & 1023) == 0) ZK_TRY_STATUS(job.check());
    ZK_TRY(const bool more, walk.next_into(at));
    if (!more) return inside != 0 && previous >= gap.before_zxid;
    const std::int64_t zxid = at.entry.zxid();
    const Step step = restore::step_between(previous, zxid, at.entry.txn.header.type);
    if (step == Step::kGap || step == Step::kBackwards) return false;
    if (zxid >= gap.before_zxid) return inside != 0;
    previous = zxid;
    ++inside;
  }
}

Result<std::optional<Gap>> fillable_hole(const Repository& repository, const Manifest& previous,
                                         restore::Source& source, const restore::SourceListing& listing,
                                         Job& job) {
  if (previous.windows.size() < 2 && previous.gaps.empty()) return std::optional<Gap>();
  ZK_TRY(const std::vector<Manifest> all,
         readable(repository, ids_of(repository, previous.cluster, previous.timeline.id), job));
  const std::vector<Window> windows = windows_of(all);
  for (const Manifest& manifest : all)
    for (const Gap& gap : manifest.gaps) {
      const bool filled = std::any_of(windows.begin(), windows.end(), [&](const Window& window) {
        return window.first_zxid <= gap.after_zxid && gap.before_zxid <= window.last_zxid;
      });
      if (filled) continue;
      ZK_TRY(const bool found, fills(source, listing, gap, job));
      if (found) return std::optional(gap);
    }
  return std::optional<Gap>();
}

/// The verdict on the chain, from HEAD and from the two manifests that nearly always hold one: a full is
/// proven when it is taken.
std::optional<std::int64_t> chain_failed_at(const Repository& repository,
                                            const std::vector<std::string>& chain, const Manifest& root,
                                            const Manifest& previous) {
  for (const std::string& id : chain)
    if (const HeadEntry* entry = repository.find(id); entry != nullptr && entry->certificate)
      if (const auto at = failed_at(*entry->certificate)) return at;
  if (const auto at = failed_at(root.certificate)) return at;
  return failed_at(previous.certificate);
}

}  // namespace

std::optional<std::int64_t> failed_at(const StoredCertificate& certificate) {
  if (certificate.grade != restore::ProofGrade::kFailed) return std::nullopt;
  return certificate.failed_at;
}

Result<std::optional<Contradiction>> contradiction_with_stored(const Repository& repository,
                                                               std::string_view cluster,
                                                               std::string_view timeline,
                                                               const std::vector<StoredSegment>& segments,
                                                               Job& job) {
  ZK_TRY(const std::vector<Manifest> manifests,
         readable(repository, ids_of(repository, cluster, timeline), job));
  std::vector<const StoredSegment*> stored, mine;
  std::vector<RecordMark> same;  // ends of segments that both have
  std::int64_t first = INT64_MAX, last = INT64_MIN;
  for (const Manifest& manifest : manifests)
    for (const StoredSegment& segment : manifest.segments) {
      const auto equal = std::find_if(segments.begin(), segments.end(), [&](const StoredSegment& other) {
        return other.data.parts == segment.data.parts;
      });
      if (equal != segments.end()) {
        same.push_back({segment.last_zxid, segment.last_checksum});
        continue;
      }
      stored.push_back(&segment);
      first = std::min(first, segment.first_zxid);
      last = std::max(last, segment.last_zxid);
    }
  for (const StoredSegment& segment : segments)
    if (segment.last_zxid >= first && segment.first_zxid <= last) mine.push_back(&segment);
  if (stored.empty() || mine.empty()) return std::optional<Contradiction>();
  StoredRecords left(repository, stored), right(repository, mine);
  ZK_TRY(auto found, compare([&] { return left.next(); }, [&] { return right.next(); }, job));
  if (!found) return found;
  for (const Manifest& manifest : manifests)
    if (const auto at = failed_at(manifest.certificate)) found->stored_failed_at = at;
  for (const RecordMark& mark : same)
    if (mark.zxid < found->zxid && (!found->shared || mark.zxid > found->shared->zxid)) found->shared = mark;
  return found;
}

Result<ReadAgain> worth_reading_again(const Repository& repository, const Manifest& previous,
                                      restore::Source& source, const restore::SourceListing& listing,
                                      Job& job) {
  ReadAgain again;
  const Result<std::vector<std::string>> chain = repository.closure(previous.id);
  const Result<Manifest> root = chain ? repository.load(chain->front()) : fail(chain.error().clone());
  if (!root) {
    if (exit_code(root.error().id()) != 6) return fail(root.error().clone());
    return ReadAgain{true, "what an increment would need cannot be read: " + root.error().message(), {}};
  }
  again.failed_at = chain_failed_at(repository, *chain, *root, previous);
  if (again.failed_at) {
    ZK_TRY(const std::vector<Manifest> manifests, readable(repository, *chain, job));
    ZK_TRY(const auto found, contradiction_with_source(repository, manifests, source, listing, job));
    again.full = found.has_value();
    if (found)
      again.why = fmt::format("what is stored failed its proof at {}, and the source has another {}",
                              zxid_text(*again.failed_at), zxid_text(found->zxid));
    return again;
  }
  ZK_TRY(const auto gap, fillable_hole(repository, previous, source, listing, job));
  again.full = gap.has_value();
  if (gap)
    again.why = fmt::format("the source has what the hole behind {} and before {} lacks",
                            zxid_text(gap->after_zxid), zxid_text(gap->before_zxid));
  return again;
}

const HeadEntry* preferred_newest(const Repository& repository, std::string_view cluster) {
  const HeadEntry* newest = repository.newest(cluster);
  const HeadEntry* best = newest;
  std::set<std::string> seen;
  const auto failed = [&](const HeadEntry& entry, std::string* parent) {
    for (const std::string& id : ids_of(repository, cluster, entry.timeline)) {
      const Result<Manifest> manifest = repository.load(id);
      if (!manifest) continue;
      if (parent != nullptr && manifest->timeline.cause == kContradicts) *parent = manifest->timeline.parent;
      if (failed_at(manifest->certificate)) return true;
    }
    return false;
  };
  while (best != nullptr && seen.insert(best->timeline).second) {
    std::string parent;
    if (!failed(*best, &parent)) return best;
    if (parent.empty()) return newest;
    best = repository.newest(cluster, parent);
  }
  return newest;
}

}  // namespace zkark::backup
