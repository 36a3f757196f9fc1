#include "restore/target.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "restore/log_walk.h"
#include "restore/snapshot_look.h"

namespace zkark::restore {
namespace {

/// A record kept for later as its bytes; decoded only when it is shown.
struct Kept {
  std::string record;
  std::int64_t zxid = 0;
  std::int64_t time_ms = 0;
  Step step = Step::kFirst;

  void take(const WalkEntry& walk) {
    record.assign(as_text(walk.entry.record));
    zxid = walk.entry.zxid();
    time_ms = walk.entry.txn.header.time_ms;
    step = walk.step;
  }
};
using MaybeKept = std::optional<Kept>;

Result<std::optional<RecordNote>> note_of(const MaybeKept& kept) {
  if (!kept) return std::optional<RecordNote>();
  const Bytes record = as_bytes(kept->record);
  ZK_TRY(const Txn txn,
         decode_txn(record.subspan(kRecordPrefixBytes, record.size() - kRecordPrefixBytes - 1)));
  RecordNote note;
  note.zxid = kept->zxid;
  note.time_ms = kept->time_ms;
  note.type = txn.header.type;
  note.path = txn_path(txn.body);
  if (const auto* multi = std::get_if<MultiTxn>(&txn.body)) {
    note.operations = multi->txns.size();
    for (const SubTxn& sub : multi->txns) {
      ZK_TRY(const TxnBody body, decode_sub_txn(sub));
      if (note.path.empty()) note.path = txn_path(body);
    }
  }
  return std::optional<RecordNote>(std::move(note));
}

std::string time_text(std::int64_t time_ms) {
  using namespace std::chrono;
  // Years that calendars do not hold, as zkark log prints them.
  if (time_ms < -62167219200000 || time_ms > 253402300799999)
    return fmt::format("@{}.{:03}", time_ms / 1000, std::abs(time_ms % 1000));
  const sys_time<milliseconds> time{milliseconds(time_ms)};
  const sys_days day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss<milliseconds> clock(time - day);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                     clock.subseconds().count());
}

/// What somebody needs to know about a neighbour in one clause; "nothing stored" when there is none.
Result<std::string> shown(const MaybeKept& kept) {
  ZK_TRY(const auto note, note_of(kept));
  return note ? note_text(*note) : std::string("nothing stored");
}

class Resolver {
 public:
  Resolver(Source& source, const SourceListing& listing, const TargetOptions& options, Job& job)
      : source_(source), listing_(listing), options_(options), job_(job) {}

  Result<Target> at_zxid(std::int64_t zxid);
  Result<Target> just_before(std::int64_t zxid);
  Result<Target> latest();
  Result<Target> at_time(WallTime time);

 private:
  struct Around {
    MaybeKept before, at, after;
    std::optional<Finding> lost;  // stored data that are gone, where the record would be
  };
  struct Reading {
    MaybeKept last, next;  // the prefix's last record and the one after it
  };

  template <class Visit>
  Status walk(std::size_t first_log, Findings& findings, Visit visit);
  Result<Around> around(std::int64_t zxid);
  Result<Around> end_of_logs(Findings& findings);
  Result<Target> target(const Around& around);
  const SourceFile* snapshot_at(std::int64_t zxid) const;
  /// The newest snapshot named above `above` and below `below`.
  const SourceFile* snapshot_between(std::int64_t above, std::int64_t below) const;
  Status refuse_hole(const Reading& reading, WallTime time);
  Status refuse_damaged_end(const Findings& findings, const MaybeKept& last);

  Source& source_;
  const SourceListing& listing_;
  const TargetOptions& options_;
  Job& job_;
};

/// visit(const WalkEntry&) for every record from that log on, until it returns false.
template <class Visit>
Status Resolver::walk(std::size_t first_log, Findings& findings, Visit visit) {
  LogWalkOptions walk_options;
  walk_options.overlaps = listing_.logs_overlap;
  LogWalk logs(source_, {listing_.logs.begin() + static_cast<std::ptrdiff_t>(first_log), listing_.logs.end()},
               walk_options, findings);
  for (std::uint64_t n = 0;; ++n) {
    if ((n & 4095) == 0) ZK_TRY_STATUS(job_.check());
    ZK_TRY(const auto entry, logs.next());
    if (!entry || !visit(*entry)) return {};
  }
}

const SourceFile* Resolver::snapshot_at(std::int64_t zxid) const {
  for (const SourceFile& snapshot : listing_.snapshots)
    if (snapshot.zxid == zxid) return &snapshot;
  return nullptr;
}

const SourceFile* Resolver::snapshot_between(std::int64_t above, std::int64_t below) const {
  const SourceFile* newest = nullptr;
  for (const SourceFile& snapshot : listing_.snapshots)
    if (snapshot.zxid > above && snapshot.zxid < below) newest = &snapshot;
  return newest;
}

/// Starts in the log before the one that should hold `zxid`, further back as long as no earlier record was
/// met.
Result<Resolver::Around> Resolver::around(std::int64_t zxid) {
  std::size_t first = 0;
  for (std::size_t i = 0; i < listing_.logs.size(); ++i)
    if (listing_.logs[i].zxid <= zxid) first = i;
  for (std::size_t back = 1;; back *= 2) {
    Around found;
    const std::size_t start = first > back ? first - back : 0;
    Findings ignored;  // whoever replays these records reports what is wrong with them
    ZK_TRY_STATUS(walk(start, ignored, [&](const WalkEntry& entry) {
      const std::int64_t here = entry.entry.zxid();
      MaybeKept& slot = here < zxid ? found.before : here == zxid ? found.at : found.after;
      if (!slot) slot.emplace();
      slot->take(entry);
      return here <= zxid;
    }));
    for (const Finding& finding : ignored) {
      const bool gone = finding.id == ErrorId::kMissingObject || finding.id == ErrorId::kObjectDamaged;
      if (gone && finding.first_zxid.value_or(0) <= zxid && zxid <= finding.last_zxid.value_or(INT64_MAX))
        found.lost = finding;
    }
    if (found.before || start == 0) return found;
  }
}

/// The last record and the one before it.
Result<Resolver::Around> Resolver::end_of_logs(Findings& findings) {
  for (std::size_t back = 2;; back *= 2) {
    Around found;
    const std::size_t start = listing_.logs.size() > back ? listing_.logs.size() - back : 0;
    findings.clear();
    ZK_TRY_STATUS(walk(start, findings, [&](const WalkEntry& entry) {
      std::swap(found.before, found.at);
      if (!found.at) found.at.emplace();
      found.at->take(entry);
      return true;
    }));
    if (found.before || start == 0) return found;
  }
}

Result<Target> Resolver::target(const Around& around) {
  Target target;
  target.zxid = around.at ? around.at->zxid : 0;
  ZK_TRY(target.previous, note_of(around.before));
  ZK_TRY(target.record, note_of(around.at));
  ZK_TRY(target.next, note_of(around.after));
  return target;
}

Result<Target> Resolver::at_zxid(std::int64_t zxid) {
  ZK_TRY(const Around found, around(zxid));
  // Zxid 0 is the tree before the first txn; a snapshot's own zxid is a point even where its record is not
  // stored.
  const bool before_all = zxid == 0 && found.after && found.after->zxid == 1;
  if (!found.at && snapshot_at(zxid) == nullptr && !before_all) {
    if (found.lost)
      return fail(
          Error(found.lost->id,
                fmt::format("the record of {} cannot be read: {}", zxid_text(zxid), found.lost->message))
              .at(found.lost->file)
              .at_zxid(zxid)
              .with_hint("`zkark backup SRC --type full` puts back what a source still has; points that do "
                         "not need it can be restored"));
    ZK_TRY(const std::string before, shown(found.before));
    ZK_TRY(const std::string after, shown(found.after));
    Error error(ErrorId::kPointNotFound,
                fmt::format("no stored record has zxid {}: before it comes {}, after it {}", zxid_text(zxid),
                            before, after));
    std::string hint;
    if (found.before) hint = fmt::format("--at zxid:{}", zxid_text(found.before->zxid));
    if (found.after)
      hint += fmt::format("{}--at zxid:{}", hint.empty() ? "" : " or ", zxid_text(found.after->zxid));
    if (!hint.empty()) error = std::move(error).with_hint(std::move(hint));
    return fail(std::move(error).at_zxid(zxid));
  }
  ZK_TRY(Target result, target(found));
  result.zxid = zxid;
  return result;
}

/// The point before the record `zxid`: the record before it, or a snapshot in between, where a member was
/// synced by SNAP or where older logs are gone.
Result<Target> Resolver::just_before(std::int64_t zxid) {
  ZK_TRY(const Around found, around(zxid));
  if (const SourceFile* snapshot = snapshot_between(found.before ? found.before->zxid : INT64_MIN, zxid)) {
    const bool follows = found.before || snapshot->zxid == zxid - 1 || zxid_counter(zxid) <= 1;
    if (follows) return at_zxid(snapshot->zxid);
  }
  if (found.before) return at_zxid(found.before->zxid);
  if (zxid == 1) return at_zxid(0);
  ZK_TRY(const std::string first, shown(found.at ? found.at : found.after));
  return fail(Error(ErrorId::kPointNotFound,
                    fmt::format("what was there before {} is not stored: the oldest record is {}",
                                zxid_text(zxid), first))
                  .at_zxid(zxid));
}

/// Damage behind the last readable record hides what the end really is; a torn tail (a note) does not.
Status Resolver::refuse_damaged_end(const Findings& findings, const MaybeKept& last) {
  for (const Finding& f : findings) {
    if (f.severity != Severity::kDamage || !f.first_zxid || (last && *f.first_zxid <= last->zxid)) continue;
    Error error(f.id, fmt::format("the end of the log is damaged: {}", f.message));
    error = f.offset ? std::move(error).at(f.file, *f.offset) : std::move(error).at(f.file);
    if (last)
      error = std::move(error).with_hint(
          fmt::format("--at zxid:{} is the last record before the damage", zxid_text(last->zxid)));
    return fail(std::move(error));
  }
  return {};
}

Result<Target> Resolver::latest() {
  Findings findings;
  ZK_TRY(const Around end, end_of_logs(findings));
  // The name of a file that is no snapshot says nothing.
  ZK_TRY(const SourceFile* const newest,
         newest_complete(source_, listing_, end.at ? end.at->zxid : INT64_MIN));
  if (newest != nullptr) return at_zxid(newest->zxid);
  ZK_TRY_STATUS(refuse_damaged_end(findings, end.at));
  if (!end.at)
    return fail(Error(ErrorId::kNoData, "the logs hold no record and there is no snapshot")
                    .at(source_.description()));
  return target(end);
}

/// Between the point and the next record something is missing: nobody can say what stood there at that time.
Status Resolver::refuse_hole(const Reading& reading, WallTime time) {
  const bool gap = reading.next && reading.next->step == Step::kGap;
  const SourceFile* newer = nullptr;
  if (!reading.next) {
    ZK_TRY(newer, newest_complete(source_, listing_, reading.last->zxid));
  }
  if (!gap && newer == nullptr) return {};
  if (reading.last->time_ms == time.ms) return {};
  ZK_TRY(const std::string last, shown(reading.last));
  std::string next = newer != nullptr ? newer->path : std::string();
  if (gap) {
    ZK_TRY(next, shown(reading.next));
  }
  return fail(
      Error(ErrorId::kGap, fmt::format("{} falls into a gap: between {} and {} no transaction is stored",
                                       time_text(time.ms), last, next))
          .with_hint(
              fmt::format("--at zxid:{} is the last point before the gap", zxid_text(reading.last->zxid))));
}

Result<Target> Resolver::at_time(WallTime time) {
  // Exclusive of a time: everything before that millisecond.
  const std::int64_t limit_ms = options_.exclusive ? time.ms - 1 : time.ms;
  Reading first, last;  // A and B of design section 6
  bool first_over = false;
  MaybeKept previous;
  Findings findings;
  bool wants_next = false;
  ZK_TRY_STATUS(walk(0, findings, [&](const WalkEntry& entry) {
    const bool later = entry.entry.txn.header.time_ms > limit_ms;
    Kept here;
    if (later && !first_over) {
      first_over = true;
      here.take(entry);
      first.last = previous;
      first.next = here;
    }
    if (wants_next) {
      last.next.emplace().take(entry);
      wants_next = false;
    }
    if (!later) {
      if (!last.last) last.last.emplace();
      last.last->take(entry);
      last.next.reset();
      wants_next = true;
    }
    // The record before the first later one is all that is ever asked of `previous`.
    if (!first_over) {
      if (!previous) previous.emplace();
      previous->take(entry);
    }
    return true;
  }));
  if (!first_over) first.last = last.last;
  if (!first.last && !last.last) {
    ZK_TRY(const std::string oldest, shown(first.next));
    return fail(Error(ErrorId::kPointNotFound,
                      fmt::format("{} is before the oldest stored record, {}", time_text(time.ms), oldest))
                    .with_hint(first.next ? fmt::format("--at zxid:{} is the oldest record",
                                                        zxid_text(first.next->zxid))
                                          : std::string("give a zxid: the logs hold no record")));
  }
  const bool differ = !first.last || first.last->zxid != last.last->zxid;
  if (differ && options_.time_rule == TimeRule::kRefuse) {
    ZK_TRY(const std::string a, shown(first.last));
    ZK_TRY(const std::string a_next, shown(first.next));
    ZK_TRY(const std::string b, shown(last.last));
    return fail(
        Error(ErrorId::kAmbiguousTime, fmt::format("{} names two points, because a leader's clock stepped "
                                                   "back: up to {} (the next, {}, is later), "
                                                   "or up to {} (the last one that is not later)",
                                                   time_text(time.ms), a, a_next, b))
            .with_hint(fmt::format(
                "{}--at zxid:{}, or --time-rule first|last",
                first.last ? fmt::format("--at zxid:{} or ", zxid_text(first.last->zxid)) : std::string(),
                zxid_text(last.last->zxid))));
  }
  const Reading& chosen = differ && options_.time_rule == TimeRule::kFirst ? first : last;
  if (!chosen.last)
    return fail(Error(ErrorId::kPointNotFound,
                      fmt::format("the first stored record is already later than {}", time_text(time.ms)))
                    .with_hint(fmt::format("--time-rule last is zxid {}", zxid_text(last.last->zxid))));
  if (!chosen.next) ZK_TRY_STATUS(refuse_damaged_end(findings, chosen.last));
  ZK_TRY_STATUS(refuse_hole(chosen, time));
  return at_zxid(chosen.last->zxid);
}

}  // namespace

std::string note_text(const RecordNote& note) {
  std::string text =
      fmt::format("{} {} {}", zxid_text(note.zxid), time_text(note.time_ms), txn_type_name(note.type));
  if (note.operations != 0) text += fmt::format(" of {}", note.operations);
  if (!note.path.empty()) text += fmt::format(" {}", note.path);
  return text;
}

Result<Target> resolve_target(Source& source, const SourceListing& listing, const TargetOptions& options,
                              Job& job) {
  Resolver resolver(source, listing, options, job);
  const PointSpec& point = options.point;
  if (point.kind == PointSpec::Kind::kBackup || point.back != 0)
    return fail(
        Error(ErrorId::kBadPoint, fmt::format("'{}' names a backup, and this is no repository", point.text))
            .with_hint("give the repository with -r, or a time or zxid of this source"));
  if (point.kind == PointSpec::Kind::kTime) return resolver.at_time(point.time);
  Result<Target> target =
      point.kind == PointSpec::Kind::kZxid ? resolver.at_zxid(point.zxid) : resolver.latest();
  if (!target || !options.exclusive) return target;
  if (target->zxid == 0) return fail(ErrorId::kPointNotFound, "there is nothing before zxid 0x0");
  return resolver.just_before(target->zxid);
}

Result<std::int64_t> highest_zxid(Source& source, const SourceListing& listing, Job& job) {
  std::int64_t highest = 0;
  for (const SourceFile& file : listing.snapshots) highest = std::max(highest, file.zxid);
  for (const SourceFile& file : listing.logs) highest = std::max(highest, file.zxid);
  for (const auto& epoch : {listing.current_epoch, listing.accepted_epoch})
    if (epoch && *epoch > 0 && *epoch <= INT32_MAX)
      highest = std::max(highest, make_zxid(static_cast<std::uint32_t>(*epoch), 0));
  if (listing.logs.empty()) return highest;
  Findings ignored;
  LogWalk walk(source, {listing.logs.back()}, {}, ignored);
  for (std::uint64_t n = 0;; ++n) {
    if ((n & 4095) == 0) ZK_TRY_STATUS(job.check());
    ZK_TRY(const auto entry, walk.next());
    if (!entry) return highest;
    highest = std::max(highest, entry->entry.zxid());
  }
}

}  // namespace zkark::restore
