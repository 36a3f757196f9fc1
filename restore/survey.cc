#include "restore/survey.h"

#include <algorithm>

#include "formats/digest.h"
#include "restore/log_walk.h"

namespace zkark::restore {
namespace {

/// A damaged or vanished file is somebody else's finding; anything else ends the work.
bool passes_over(ErrorId id) { return exit_code(id) == 6 || id == ErrorId::kNoFile; }

void note_type(TxnType type, bool inside_multi, Traits& traits) {
  switch (type) {
    case TxnType::kCreate2:
      (inside_multi ? traits.since_3_8_2 : traits.since_3_5) = true;
      return;
    case TxnType::kCreateContainer:
    case TxnType::kDeleteContainer:
    case TxnType::kReconfig:
      traits.since_3_5 = true;
      return;
    case TxnType::kCreateTtl:
      traits.since_3_5_3 = true;
      return;
    default:
      return;
  }
}

class Surveyor {
 public:
  Surveyor(Source& source, const SourceListing& listing, Job& job)
      : source_(source), listing_(listing), job_(job) {}

  Result<Survey> run() {
    ZK_TRY_STATUS(look_at_logs());
    for (const SourceFile& snapshot : listing_.snapshots) {
      SnapshotShape shape;
      shape.file = snapshot;
      Status looked = look_at_snapshot(shape);
      if (!looked && !passes_over(looked.error().id())) return fail(std::move(looked).error());
      shape.sound = looked.has_value();
      survey_.snapshots.push_back(std::move(shape));
    }
    return std::move(survey_);
  }

 private:
  Status look_at_logs();
  void add(const WalkEntry& walk);
  void add_multi(const MultiTxn& multi, LogFacts& log);
  Status look_at_snapshot(SnapshotShape& shape);

  Source& source_;
  const SourceListing& listing_;
  Job& job_;
  Survey survey_;
  std::optional<std::int64_t> previous_ms_;
  const SourceFile* file_ = nullptr;  // of the last record, and its facts
  LogFacts* log_ = nullptr;
};

Status Surveyor::look_at_logs() {
  for (const SourceFile& log : listing_.logs) survey_.logs.emplace_back().file = log;
  Findings ignored;
  LogWalkOptions options;
  options.overlaps = listing_.logs_overlap;
  LogWalk walk(source_, listing_.logs, options, ignored);
  WalkEntry entry;
  for (std::uint64_t n = 0;; ++n) {
    if ((n & 4095) == 0) ZK_TRY_STATUS(job_.check());
    ZK_TRY(const bool more, walk.next_into(entry));
    if (!more) return {};
    ignored.clear();
    add(entry);
  }
}

void Surveyor::add(const WalkEntry& walk) {
  const Txn& txn = walk.entry.txn;
  const TxnHeader& header = txn.header;
  if (walk.file != file_) {
    file_ = walk.file;
    for (LogFacts& log : survey_.logs)
      if (log.file.path == file_->path) log_ = &log;
  }
  LogFacts& log = *log_;

  ++survey_.txns;
  TypeCount& count = survey_.types[header.type];
  ++count.txns;
  count.bytes += walk.entry.record.size();
  if (log.txns++ == 0) {
    log.first_zxid = header.zxid;
    log.first_time_ms = header.time_ms;
  }
  log.last_zxid = header.zxid;
  log.last_time_ms = header.time_ms;
  log.record_bytes += walk.entry.record.size();
  log.largest_payload =
      std::max<std::uint64_t>(log.largest_payload, walk.entry.record.size() - kRecordPrefixBytes - 1);
  log.end_offset = std::max(log.end_offset, walk.entry.end_offset());
  if (txn.digest) {
    ++log.digests;
    log.traits.since_3_6 = true;
  } else if (header.type != TxnType::kError) {
    log.traits.without_digest = true;
  }
  if (walk.step == Step::kSameZxid) log.traits.since_3_9 = true;
  note_type(header.type, false, log.traits);
  if (const auto* close = std::get_if<CloseSessionTxn>(&txn.body)) {
    (close->has_body ? log.traits.since_3_6 : log.traits.bare_close) = true;
    log.bare_close_with_digest |= !close->has_body && txn.digest;
  }
  if (const auto* create = std::get_if<CreateTxn>(&txn.body); create && create->v0)
    log.traits.early_create = true;
  if (header.type == TxnType::kError) ++log.ineffective;
  if (const auto* multi = std::get_if<MultiTxn>(&txn.body)) add_multi(*multi, log);

  if (walk.step == Step::kEpoch && ++survey_.epoch_step_count <= Survey::kMaxSteps)
    survey_.epoch_steps.push_back({walk.previous_zxid, header.zxid});
  if (previous_ms_ && header.time_ms < *previous_ms_) {
    survey_.largest_step_ms = std::max(survey_.largest_step_ms, *previous_ms_ - header.time_ms);
    if (++survey_.clock_step_count <= Survey::kMaxSteps)
      survey_.clock_steps.push_back({header.zxid, *previous_ms_, header.time_ms});
  }
  previous_ms_ = header.time_ms;
  survey_.earliest_ms = std::min(survey_.earliest_ms.value_or(header.time_ms), header.time_ms);
  survey_.latest_ms = std::max(survey_.latest_ms.value_or(header.time_ms), header.time_ms);
}

void Surveyor::add_multi(const MultiTxn& multi, LogFacts& log) {
  if (multi_failed(multi)) ++log.ineffective;
  for (const SubTxn& part : multi.txns) {
    ++survey_.types[part.type].parts;
    note_type(part.type, true, log.traits);
  }
}

Status Surveyor::look_at_snapshot(SnapshotShape& shape) {
  ZK_TRY(const auto stream, open_snapshot(source_, shape.file));
  SnapshotReader reader(*stream, shape.file.path);
  ZK_TRY_STATUS(reader.read_header());
  for (;;) {
    ZK_TRY(const auto session, reader.next_session());
    if (!session) break;
    ++shape.facts.sessions;
  }
  if (shape.file.codec != SnapCodec::kPlain) shape.traits.since_3_6 = true;
  for (;;) {
    ZK_TRY(const auto node, reader.next_node());
    if (!node) break;
    if ((++shape.facts.nodes & 4095) == 0) ZK_TRY_STATUS(job_.check());
    shape.facts.digest += node_digest(node->path, node->data, node->stat);
    shape.facts.highest_stamp =
        std::max({shape.facts.highest_stamp, node->stat.czxid, node->stat.mzxid, node->stat.pzxid});
    const NodeKind kind = node_kind(node->stat.ephemeral_owner);
    ++shape.kinds[static_cast<std::size_t>(kind)];
    if (kind == NodeKind::kContainer) shape.traits.since_3_5 = true;
    if (kind == NodeKind::kTtl) shape.traits.since_3_5_3 = true;
    if (node->data) shape.data_bytes += node->data->size();
    if (node->data) shape.largest_value = std::max<std::uint64_t>(shape.largest_value, node->data->size());
    if (node->path == "/zookeeper/config") shape.traits.since_3_5 = true;
  }
  ZK_TRY(shape.facts.tail, reader.read_tail());
  const SnapshotTail& tail = shape.facts.tail;
  if (tail.digest)
    shape.traits.since_3_6 = true;
  else
    shape.traits.without_digest = true;
  if (tail.last_processed_zxid) shape.traits.since_3_9 = true;
  shape.fuzzy_end = fuzzy_end(shape.file.zxid, tail, shape.facts.digest);
  return {};
}

}  // namespace

std::string_view release_text(const Traits& traits) {
  if (traits.since_3_9) return "3.9 or later";
  if (traits.since_3_8_2) return "3.7.2, 3.8.2 or later";
  if (traits.since_3_6) return "3.6 or later";
  // No digest anywhere: from 3.6 on only where digests are switched off.
  if (traits.since_3_5_3) return "3.5.3 or later";
  if (traits.since_3_5) return "3.5 or later";
  if (traits.early_create) return "early 3.x";
  if (traits.bare_close || traits.without_digest) return "3.4 or 3.5, or later without digests";
  return "not to be told";
}

namespace {

/// The records of one log between two zxids, one after the other; damage ends it (it is told elsewhere).
class Stretch {
 public:
  Stretch(std::unique_ptr<File> file, std::int64_t first, std::int64_t last)
      : file_(std::move(file)), reader_(*file_), first_(first), last_(last) {}
  /// False at the end; then `zxid` is above everything.
  Result<bool> next() {
    for (;;) {
      const Result<bool> more = reader_.next_into(entry_);
      if (!more && !passes_over(more.error().id())) return fail(more.error().clone());
      if (!more || !*more) return zxid = INT64_MAX, false;
      if (entry_.zxid() < first_ || entry_.zxid() > last_) continue;
      zxid = entry_.zxid();
      checksum = entry_.checksum();
      return true;
    }
  }
  std::int64_t zxid = INT64_MAX;
  std::uint32_t checksum = 0;

 private:
  std::unique_ptr<File> file_;
  TxnLogReader reader_;
  std::int64_t first_, last_;
  TxnEntry entry_;
};

Status compare_stretches(Source& source, const SourceFile& earlier, const SourceFile& later,
                         LogOverlap& overlap, Job& job) {
  ZK_TRY(auto a_file, source.open(earlier));
  ZK_TRY(auto b_file, source.open(later));
  Stretch a(std::move(a_file), overlap.first, overlap.last),
      b(std::move(b_file), overlap.first, overlap.last);
  ZK_TRY_STATUS(a.next());
  ZK_TRY_STATUS(b.next());
  while (a.zxid != INT64_MAX || b.zxid != INT64_MAX) {
    if ((overlap.records & 4095) == 0) ZK_TRY_STATUS(job.check());
    const std::int64_t at = std::min(a.zxid, b.zxid);
    const bool both = a.zxid == b.zxid;
    if ((!both || a.checksum != b.checksum) && !overlap.first_difference) overlap.first_difference = at;
    if (b.zxid == at) ++overlap.records;
    const bool step_a = a.zxid == at, step_b = b.zxid == at;
    if (step_a) ZK_TRY_STATUS(a.next());
    if (step_b) ZK_TRY_STATUS(b.next());
  }
  return {};
}

}  // namespace

Result<std::vector<LogOverlap>> log_overlaps(Source& source, const SourceListing& listing,
                                             const Survey& survey, Job& job) {
  std::vector<LogOverlap> overlaps;
  if (listing.logs_overlap) return overlaps;
  const LogFacts* reaching = nullptr;  // of those before, the one that goes furthest
  for (const LogFacts& log : survey.logs) {
    if (!log.first_zxid) continue;
    if (reaching != nullptr && *log.first_zxid <= *reaching->last_zxid) {
      LogOverlap overlap;
      overlap.earlier = reaching->file.path;
      overlap.later = log.file.path;
      overlap.first = std::max(*log.first_zxid, *reaching->first_zxid);
      overlap.last = std::min(*log.last_zxid, *reaching->last_zxid);
      ZK_TRY_STATUS(compare_stretches(source, reaching->file, log.file, overlap, job));
      // An error record of 3.9 with the zxid before it may open a log.
      if (overlap.first != overlap.last || !overlap.first_difference) overlaps.push_back(std::move(overlap));
    }
    if (reaching == nullptr || *log.last_zxid > *reaching->last_zxid) reaching = &log;
  }
  return overlaps;
}

Result<Survey> survey(Source& source, const SourceListing& listing, Job& job) {
  return Surveyor(source, listing, job).run();
}

}  // namespace zkark::restore
