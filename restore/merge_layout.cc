#include "restore/merge_layout.h"

#include <algorithm>
#include <map>

#include "formats/file_names.h"
#include "formats/txn_log.h"

namespace zkark::restore {
namespace {

/// Bytes of a log that give way to others.
struct Splice {
  std::uint64_t begin = 0, end = 0;
  std::vector<LogPart> parts;
};

bool named_at_or_below(const SourceFile& log, std::int64_t zxid) {
  return static_cast<std::uint64_t>(log.zxid) <= static_cast<std::uint64_t>(zxid);
}

void append_part(std::vector<LogPart>& parts, LogPart part) {
  if (!parts.empty() && parts.back().source == part.source && parts.back().file.path == part.file.path &&
      parts.back().extent.end == part.extent.begin)
    parts.back().extent.end = part.extent.end;
  else
    parts.push_back(std::move(part));
}

class Layout {
 public:
  Layout(const MergeMember& target, const std::vector<MergeMember>& others, const HoleScan& scan,
         const std::vector<HoleRecords>& records)
      : logs_(target.listing.logs),
        target_(target),
        others_(others),
        scan_(scan),
        records_(records),
        splices_(logs_.size()) {
    made_.taken.resize(scan.holes.size());
    dir_ = !logs_.empty()                      ? parent_path(logs_.front().path)
           : !target.listing.snapshots.empty() ? parent_path(target.listing.snapshots.front().path)
                                               : std::string();
  }

  MergeLayout run(const std::vector<const HolePath*>& ways) {
    for (std::size_t h = 0; h < ways.size(); ++h)
      if (ways[h] != nullptr) fill(h, *ways[h]);
    for (std::size_t i = 0; i < logs_.size(); ++i) put_together(i);
    std::stable_sort(made_.logs.begin(), made_.logs.end(), [](const MergedLog& a, const MergedLog& b) {
      return static_cast<std::uint64_t>(a.file.zxid) < static_cast<std::uint64_t>(b.file.zxid);
    });
    return std::move(made_);
  }

 private:
  static bool is_bad(const Hole& hole, std::size_t log) {
    return std::any_of(hole.bad.begin(), hole.bad.end(), [&](const BadBytes& one) { return one.log == log; });
  }

  /// Of the member's logs the one that held it; none: a new one.
  std::optional<std::size_t> container(const Hole& hole, std::int64_t zxid) const {
    const std::size_t first = hole.left_log.value_or(0);
    const std::size_t end = hole.right_log ? *hole.right_log + 1 : logs_.size();
    std::optional<std::size_t> found;
    for (std::size_t i = first; i < end; ++i)
      if (named_at_or_below(logs_[i], zxid)) found = i;
    // A name above what it holds: no other file can take what follows.
    if (!found && hole.left_log) found = hole.left_log;
    if (!found) return found;
    if (found == hole.left_log)
      return hole.left_log == hole.right_log || is_bad(hole, *found) ? found : std::nullopt;
    return found == hole.right_log || !scan_.has_records[*found] ? found : std::nullopt;
  }

  void fill(std::size_t h, const HolePath& way) {
    const Hole& hole = scan_.holes[h];
    std::map<std::size_t, std::vector<LogPart>> into;
    MergedLog* fresh = nullptr;
    for (const PathRecord& where : way.records) {
      const HeldRecord& record = records_[h].at(where);
      const MergeMember& from = others_[where.member];
      const SourceFile& file = from.listing.logs[record.log];
      LogPart part{from.source, file, {record.offset, record.offset + record.size}};
      const auto place = container(hole, record.zxid);
      std::string name;
      if (place) {
        fresh = nullptr;
        append_part(into[*place], std::move(part));
        name = base_name(logs_[*place].path);
      } else {
        if (fresh == nullptr) {
          MergedLog log;
          name = log_file_name(record.zxid);
          log.file = file;
          log.file.path = dir_.empty() ? name : join_path(dir_, name);
          log.file.zxid = record.zxid;
          log.new_header = true;
          made_.made.push_back(name);
          made_.logs.push_back(std::move(log));
          fresh = &made_.logs.back();
        }
        append_part(fresh->parts, std::move(part));
        name = base_name(fresh->file.path);
      }
      note_taken(made_.taken[h], where.member, file.path, record.zxid, name);
    }
    cut_out(hole, into);
  }

  static void note_taken(std::vector<TakenRun>& taken, std::size_t member, const std::string& file,
                         std::int64_t zxid, const std::string& into) {
    if (taken.empty() || taken.back().member != member || taken.back().file != file ||
        taken.back().into != into)
      taken.push_back({member, file, zxid, zxid, 0, into});
    taken.back().last_zxid = zxid;
    ++taken.back().txns;
  }

  /// What of the member's own logs gives way.
  void cut_out(const Hole& hole, std::map<std::size_t, std::vector<LogPart>>& into) {
    for (const BadBytes& bad : hole.bad) into.try_emplace(bad.log);
    for (auto& [log, parts] : into) {
      const bool headless = std::any_of(hole.bad.begin(), hole.bad.end(), [&, at = log](const BadBytes& one) {
        return one.log == at && one.begin < kLogHeaderBytes;
      });
      Splice splice;
      splice.begin = log == hole.left_log ? hole.left_end : headless ? 0 : kLogHeaderBytes;
      splice.end = log == hole.right_log ? hole.right_begin : logs_[log].size_bytes;
      splice.end = std::max(splice.begin, splice.end);
      splice.parts = std::move(parts);
      splices_[log].push_back(std::move(splice));
    }
  }

  void put_together(std::size_t i) {
    MergedLog log;
    log.file = logs_[i];
    std::vector<Splice>& splices = splices_[i];
    if (!splices.empty()) {
      std::stable_sort(splices.begin(), splices.end(),
                       [](const Splice& a, const Splice& b) { return a.begin < b.begin; });
      log.new_header = splices.front().begin < kLogHeaderBytes;
      std::uint64_t at = 0;
      bool records = scan_.has_records[i];
      for (Splice& splice : splices) {
        if (splice.begin > at) append_part(log.parts, {target_.source, logs_[i], {at, splice.begin}});
        for (LogPart& part : splice.parts) append_part(log.parts, std::move(part));
        records |= !splice.parts.empty();
        at = std::max(at, splice.end);
      }
      if (at < logs_[i].size_bytes)
        append_part(log.parts, {target_.source, logs_[i], {at, logs_[i].size_bytes}});
      if (!records) {
        made_.dropped.push_back(logs_[i].path);
        return;
      }
    }
    made_.logs.push_back(std::move(log));
  }

  const std::vector<SourceFile>& logs_;
  const MergeMember& target_;
  const std::vector<MergeMember>& others_;
  const HoleScan& scan_;
  const std::vector<HoleRecords>& records_;
  std::vector<std::vector<Splice>> splices_;  // by log
  std::string dir_;
  MergeLayout made_;
};

}  // namespace

MergeLayout lay_out(const MergeMember& target, const std::vector<MergeMember>& others, const HoleScan& scan,
                    const std::vector<HoleRecords>& records, const std::vector<const HolePath*>& ways) {
  return Layout(target, others, scan, records).run(ways);
}

}  // namespace zkark::restore
