#include "src/backup/point_timeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "src/backup/one_history.h"
#include "src/backup/source.h"
#include "src/backup/stored_records.h"

namespace zkark::backup {
namespace {

constexpr std::size_t kMinPrefix = 4, kShownDigits = 8;

std::string short_timeline(const std::string& id) { return id.substr(0, kShownDigits); }

/// A timeline that holds the point.
struct Holder {
  HeadEntry newest;
  std::string record;                     // for people; empty where only a snapshot's own zxid is stored
  std::optional<std::uint64_t> checksum;  // of the record
  bool restorable = false;
};

class Search {
 public:
  Search(const Repository& repository, std::string_view cluster, const restore::PointSpec& point, Job& job)
      : repository_(repository), cluster_(cluster), point_(point), job_(job) {}

  Result<PointTimeline> by_zxid(const std::vector<HeadEntry>& timelines);
  Result<PointTimeline> by_time(const std::vector<HeadEntry>& timelines);

 private:
  Result<std::unique_ptr<StoredSource>> open(const HeadEntry& newest);
  Result<std::optional<Holder>> look(const HeadEntry& newest);
  Result<std::optional<std::uint64_t>> checksum_of_record(const StoredSource& source);
  /// Keeps what is wrong with a timeline for later; fails where it is not damage.
  Status pass_over(const HeadEntry& newest, Error error);
  Result<PointTimeline> found(const HeadEntry& newest, std::string why);
  Result<PointTimeline> nowhere(const std::vector<HeadEntry>& timelines);
  /// `id` and every timeline it branched off at or behind the point.
  std::set<std::string> same_history(std::string id) const;
  bool same_state(const Holder& a, const Holder& b) const;

  const Repository& repository_;
  std::string_view cluster_;
  const restore::PointSpec& point_;
  Job& job_;
  std::map<std::string, Timeline> known_;
  std::string unreadable_;  // "; 1a2b3c4d cannot be read"
  std::optional<Error> damage_;
};

Result<std::unique_ptr<StoredSource>> Search::open(const HeadEntry& newest) {
  ZK_TRY(auto source, open_timeline(repository_, cluster_, newest.timeline, short_timeline(newest.timeline)));
  for (const Manifest& manifest : source->manifests()) known_[manifest.timeline.id] = manifest.timeline;
  return source;
}

Result<std::optional<std::uint64_t>> Search::checksum_of_record(const StoredSource& source) {
  std::vector<const StoredSegment*> segments;
  for (const Manifest& manifest : source.manifests())
    for (const StoredSegment& segment : manifest.segments)
      if (segment.first_zxid <= point_.zxid && point_.zxid <= segment.last_zxid) segments.push_back(&segment);
  StoredRecords records(repository_, std::move(segments));
  for (std::uint64_t n = 0;; ++n) {
    if ((n & 4095) == 0) ZK_TRY_STATUS(job_.check());
    ZK_TRY(const auto record, records.next());
    if (!record || record->zxid > point_.zxid) return std::optional<std::uint64_t>();
    if (record->zxid == point_.zxid) return std::optional(record->checksum);
  }
}

bool in_windows(const std::vector<Window>& windows, std::int64_t zxid) {
  return std::any_of(windows.begin(), windows.end(), [&](const Window& window) {
    return window.first_zxid <= zxid && zxid <= window.last_zxid;
  });
}

Result<std::optional<Holder>> Search::look(const HeadEntry& newest) {
  ZK_TRY(const auto source, open(newest));
  ZK_TRY(const restore::SourceListing listing, source->list());
  const Result<restore::Target> target = restore::resolve_target(*source, listing, {point_}, job_);
  if (!target) {
    if (exit_code(target.error().id()) == exit_code(ErrorId::kPointNotFound)) return std::optional<Holder>();
    return fail(target.error().clone());
  }
  Holder holder;
  holder.newest = newest;
  holder.restorable = in_windows(windows_of(source->manifests()), target->zxid);
  if (target->record) holder.record = restore::note_text(*target->record);
  if (point_.kind == restore::PointSpec::Kind::kZxid) {
    ZK_TRY(holder.checksum, checksum_of_record(*source));
  }
  return std::optional(std::move(holder));
}

std::set<std::string> Search::same_history(std::string id) const {
  std::set<std::string> ids;
  while (ids.insert(id).second) {
    const auto here = known_.find(id);
    if (here == known_.end() || here->second.parent.empty() || !here->second.fork_zxid ||
        point_.zxid > *here->second.fork_zxid)
      break;
    id = here->second.parent;
  }
  return ids;
}

bool Search::same_state(const Holder& a, const Holder& b) const {
  if (a.checksum && b.checksum) return *a.checksum == *b.checksum;
  const std::set<std::string> one = same_history(a.newest.timeline), other = same_history(b.newest.timeline);
  return std::any_of(one.begin(), one.end(), [&](const std::string& id) { return other.contains(id); });
}

Failure refuse(std::int64_t zxid, const std::vector<Holder>& holders) {
  std::string readings, ways;
  for (const Holder& holder : holders) {
    const std::string id = short_timeline(holder.newest.timeline);
    readings += fmt::format("{}{} on timeline {}", readings.empty() ? "" : ", ",
                            holder.record.empty() ? "a snapshot" : holder.record, id);
    ways += fmt::format("{}--timeline {}", ways.empty() ? "" : " or ", id);
  }
  return fail(Error(ErrorId::kRefused,
                    fmt::format("{} stands for different transactions: {}", zxid_text(zxid), readings))
                  .at_zxid(zxid)
                  .with_hint(std::move(ways)));
}

Status Search::pass_over(const HeadEntry& newest, Error error) {
  if (exit_code(error.id()) != exit_code(ErrorId::kBadMagic)) return fail(std::move(error));
  unreadable_ += fmt::format("; {} cannot be read", short_timeline(newest.timeline));
  if (!damage_) damage_ = std::move(error);
  return {};
}

Result<PointTimeline> Search::found(const HeadEntry& newest, std::string why) {
  return PointTimeline{newest, why + unreadable_};
}

Result<PointTimeline> Search::nowhere(const std::vector<HeadEntry>& timelines) {
  if (damage_) return fail(*std::move(damage_));
  return found(timelines.front(), fmt::format("the newest of {}", timelines.size()));
}

Result<PointTimeline> Search::by_zxid(const std::vector<HeadEntry>& timelines) {
  std::vector<Holder> holders;
  for (const HeadEntry& newest : timelines) {
    Result<std::optional<Holder>> holder = look(newest);
    if (!holder)
      ZK_TRY_STATUS(pass_over(newest, std::move(holder).error()));
    else if (*holder)
      holders.push_back(**std::move(holder));
  }
  if (holders.empty()) return nowhere(timelines);
  if (holders.size() == 1)
    return found(holders.front().newest, fmt::format("the only one of {} that holds it", timelines.size()));
  for (const Holder& holder : holders)
    if (!same_state(holders.front(), holder)) return refuse(point_.zxid, holders);
  auto chosen = std::find_if(holders.begin(), holders.end(), [](const Holder& h) { return h.restorable; });
  if (chosen == holders.end()) chosen = holders.begin();
  return found(chosen->newest, fmt::format("one of {} with the same history up to it", holders.size()));
}

Result<PointTimeline> Search::by_time(const std::vector<HeadEntry>& timelines) {
  for (const HeadEntry& newest : timelines) {
    Result<std::optional<Holder>> holder = look(newest);
    // Whoever looks it up there asks which of its two readings is meant.
    const bool clock_stepped = !holder && holder.error().id() == ErrorId::kAmbiguousTime;
    const bool gap = !holder && holder.error().id() == ErrorId::kGap;
    if (!holder && !clock_stepped && !gap) ZK_TRY_STATUS(pass_over(newest, holder.error().clone()));
    if (!clock_stepped && (!holder || !*holder || !(*holder)->restorable)) continue;
    const bool first = &newest == &timelines.front();
    return found(newest, fmt::format("the newest of {}{}", timelines.size(), first ? "" : " that holds it"));
  }
  return nowhere(timelines);
}

}  // namespace

std::vector<HeadEntry> timelines_of(const Repository& repository, std::string_view cluster) {
  std::vector<HeadEntry> ordered = repository.ordered(cluster), newest;
  std::reverse(ordered.begin(), ordered.end());
  for (HeadEntry& entry : ordered)
    if (std::none_of(newest.begin(), newest.end(),
                     [&](const HeadEntry& known) { return known.timeline == entry.timeline; }))
      newest.push_back(std::move(entry));
  return newest;
}

Result<HeadEntry> find_timeline(const Repository& repository, std::string_view cluster,
                                std::string_view prefix) {
  const std::vector<HeadEntry> timelines = timelines_of(repository, cluster);
  std::vector<std::string> ids;
  const HeadEntry* found = nullptr;
  std::size_t matches = 0;
  for (const HeadEntry& entry : timelines) {
    ids.push_back(short_timeline(entry.timeline));
    if (prefix.size() < kMinPrefix || !entry.timeline.starts_with(prefix)) continue;
    found = &entry;
    ++matches;
  }
  if (matches == 1) return *found;
  const std::string there = fmt::format("there is {}", fmt::join(ids, ", "));
  if (matches > 1)
    return fail(Error(ErrorId::kUsage, fmt::format("several timelines begin with {}", prefix))
                    .with_hint("give more of its digits; `zkark list --json` has them all"));
  if (prefix.size() < kMinPrefix)
    return fail(Error(ErrorId::kUsage, fmt::format("'{}' is too short for a timeline", prefix))
                    .with_hint(fmt::format("at least {} digits; {}", kMinPrefix, there)));
  return fail(Error(ErrorId::kNotFound, fmt::format("cluster {} has no timeline {}", cluster, prefix))
                  .with_hint(there));
}

Result<PointTimeline> timeline_of_point(const Repository& repository, std::string_view cluster,
                                        const restore::PointSpec& point, Job& job) {
  std::vector<HeadEntry> timelines = timelines_of(repository, cluster);
  if (timelines.empty())
    return fail(Error(ErrorId::kNotFound, fmt::format("no backup of cluster {}", cluster))
                    .with_hint("`zkark list` shows clusters and backups"));
  // One that contradicts a proven one and failed its own proof is read only where it is named.
  const HeadEntry* preferred = preferred_newest(repository, cluster);
  if (preferred != nullptr && preferred->timeline != timelines.front().timeline) {
    const auto at = std::find_if(timelines.begin(), timelines.end(), [&](const HeadEntry& entry) {
      return entry.timeline == preferred->timeline;
    });
    if (at != timelines.end()) timelines.erase(timelines.begin(), at);
  }
  using Kind = restore::PointSpec::Kind;
  Search search(repository, cluster, point, job);
  if (timelines.size() > 1 && point.kind == Kind::kZxid) return search.by_zxid(timelines);
  if (timelines.size() > 1 && point.kind == Kind::kTime) return search.by_time(timelines);
  return PointTimeline{timelines.front(), fmt::format("the newest of {}", timelines.size())};
}

}  // namespace zkark::backup
