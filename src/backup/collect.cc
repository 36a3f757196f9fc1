#include "src/backup/collect.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "formats/digest.h"
#include "restore/log_walk.h"
#include "restore/replay.h"

namespace zkark::backup {
namespace {

using restore::Finding;
using restore::LogWalk;
using restore::Severity;
using restore::Step;

constexpr int kRereads = 3;
constexpr std::int64_t kRereadPauseMs = 50;

bool is_fatal(ErrorId id) {
  return id == ErrorId::kStorage || id == ErrorId::kPermission || id == ErrorId::kCancelled ||
         id == ErrorId::kOutOfMemory || id == ErrorId::kDiskFull;
}

/// Builds segments out of records in order.
class SegmentBuilder {
 public:
  SegmentBuilder(RepositoryWriter& writer, Executor& executor, std::string file_name,
                 std::vector<StoredSegment>& done)
      : writer_(writer), executor_(executor), file_name_(std::move(file_name)), done_(done) {}

  Status add(const TxnEntry& entry) {
    const std::int64_t zxid = entry.zxid(), time = entry.txn.header.time_ms;
    if (!encoder_) {
      segment_ = {};
      segment_.file_name = file_name_;
      segment_.first_zxid = zxid;
      segment_.first_checksum = entry.checksum();
      segment_.first_time_ms = segment_.min_time_ms = segment_.max_time_ms = time;
      encoder_ = writer_.encoder(ObjectKind::kSegment, SnapCodec::kPlain, &executor_);
      std::string header;
      append_log_header(header);
      ZK_TRY_STATUS(encoder_->append(as_bytes(header)));
    }
    ZK_TRY_STATUS(encoder_->append(entry.record));
    ++segment_.records;
    segment_.last_zxid = zxid;
    segment_.last_checksum = entry.checksum();
    segment_.last_time_ms = time;
    segment_.min_time_ms = std::min(segment_.min_time_ms, time);
    segment_.max_time_ms = std::max(segment_.max_time_ms, time);
    segment_.source_end = {file_name_, entry.offset, entry.end_offset(), zxid, entry.checksum()};
    return {};
  }

  Status close() {
    if (!encoder_) return {};
    ZK_TRY(segment_.data.parts, encoder_->finish());
    encoder_.reset();
    done_.push_back(std::move(segment_));
    return {};
  }

 private:
  RepositoryWriter& writer_;
  Executor& executor_;
  std::string file_name_;
  std::vector<StoredSegment>& done_;
  std::unique_ptr<ObjectEncoder> encoder_;
  StoredSegment segment_;
};

/// Hands on what it reads to an encoder.
class TeeSource : public ByteSource {
 public:
  TeeSource(ByteSource& source, ObjectEncoder& encoder) : source_(source), encoder_(encoder) {}
  Result<std::size_t> read(MutableBytes into) override {
    ZK_TRY(std::size_t n, source_.read(into));
    if (n != 0) ZK_TRY_STATUS(encoder_.append(Bytes(into.data(), n)));
    return n;
  }

 private:
  ByteSource& source_;
  ObjectEncoder& encoder_;
};

}  // namespace

void LandmarkCollector::add(std::string_view path, const StatPersisted& stat) {
  if (stat.ephemeral_owner != 0 || path.size() < 2 || path == "/zookeeper" || !in_digest(path)) return;
  if (!wants(stat.czxid)) return;
  found_.emplace(std::pair(stat.czxid, std::string(path)), stat.ctime);
  if (found_.size() > kLandmarks) found_.erase(std::prev(found_.end()));
}

std::vector<Landmark> LandmarkCollector::take() const {
  std::vector<Landmark> list;
  for (const auto& [key, ctime] : found_) list.push_back({key.second, key.first, ctime});
  return list;
}

Result<CollectedLog> collect_log(RepositoryWriter& writer, restore::Source& source,
                                 const restore::SourceFile& log, const CollectLogOptions& options,
                                 Executor& executor, Clock& clock, Job& job) {
  CollectedLog collected;
  SegmentBuilder builder(writer, executor, std::string(base_name(log.path)), collected.segments);
  std::optional<std::int64_t> previous;
  restore::LogWalkOptions walk_options;
  walk_options.after_zxid = options.after_zxid;
  walk_options.padding_look_bytes = options.padding_look_bytes;
  walk_options.start_offset = options.start_offset;
  if (options.start_offset != 0) {
    // Everything from there on is new, a second record of the same zxid too (3.9+ logs malformed requests
    // so).
    walk_options.previous = previous = options.after_zxid;
    walk_options.after_zxid = -1;
  }
  std::uint64_t counted = options.start_offset;
  restore::WalkEntry at;
  for (int attempt = 0;; ++attempt) {
    const bool last_attempt = !options.newest || attempt == kRereads;
    restore::Findings findings;
    std::size_t settled = 0;  // findings that an intact record stands behind
    walk_options.past_damage = last_attempt;
    LogWalk walk(source, {log}, walk_options, findings);
    for (std::uint64_t n = 1;; ++n) {
      if ((n & 1023) == 0) ZK_TRY_STATUS(job.check());
      ZK_TRY(const bool more, walk.next_into(at));
      if (!more) break;
      settled = findings.size();
      const std::int64_t zxid = at.entry.zxid();
      if (previous) {
        const Step step = restore::step_between(*previous, zxid, at.entry.txn.header.type);
        if (step == Step::kBackwards) continue;  // told by the walk; the first history seen stands
        if (step != Step::kNext && step != Step::kSameZxid) ZK_TRY_STATUS(builder.close());
      }
      ZK_TRY_STATUS(builder.add(at.entry));
      previous = zxid;
      walk_options.after_zxid = -1;
      walk_options.previous = zxid;
      walk_options.start_offset = at.entry.end_offset();
      job.progress.done += walk_options.start_offset - std::min(counted, walk_options.start_offset);
      counted = std::max(counted, walk_options.start_offset);
    }
    const bool unreadable = walk.stopped_by_damage() || walk.tail().state == TailState::kTorn;
    if (unreadable && !last_attempt) {
      clock.sleep_ms(kRereadPauseMs);
      continue;
    }
    for (std::size_t i = 0; i < findings.size(); ++i) {
      Finding& finding = findings[i];
      // At the end of a file that a server may still write to, with nothing intact behind: the next backup
      // tells.
      // (A wrong length or end marker is no record on its way: writes come in order.)
      if (options.newest && i >= settled && finding.severity == Severity::kDamage &&
          finding.id != ErrorId::kBadMagic && finding.id != ErrorId::kBadLength) {
        finding.severity = Severity::kNote;
        finding.message =
            "the record at the end of the newest log is not readable yet; the next backup reads it again (" +
            finding.message + ")";
      }
      collected.findings.push_back(std::move(finding));
    }
    break;
  }
  collected.bytes_read = counted - options.start_offset;
  ZK_TRY_STATUS(builder.close());
  return collected;
}

Result<CollectedBase> collect_base(RepositoryWriter& writer, restore::Source& source,
                                   const restore::SourceFile& snapshot, Executor& executor, Job& job) {
  CollectedBase collected;
  auto damaged = [&](Error error) -> Result<CollectedBase> {
    if (is_fatal(error.id()) || error.id() == ErrorId::kNoFile) return fail(std::move(error));
    collected.findings.push_back(restore::finding_of(std::move(error).at(snapshot.path)));
    return std::move(collected);
  };
  {
    ZK_TRY(auto file, source.open(snapshot));
    Result<bool> complete = passes_cheap_test(*file, snapshot.codec);
    if (!complete) return damaged(std::move(complete).error());
    if (!*complete) {
      Finding finding;
      finding.id = ErrorId::kTruncated;
      finding.file = snapshot.path;
      finding.message =
          "not used: the snapshot does not end with a seal; it is being written, or its server died over it";
      collected.findings.push_back(std::move(finding));
      return collected;
    }
  }
  Result<std::unique_ptr<ByteSource>> plain = restore::open_snapshot(source, snapshot);
  if (!plain) return damaged(std::move(plain).error());
  auto encoder = writer.encoder(ObjectKind::kBase, snapshot.codec, &executor);
  TeeSource tee(**plain, *encoder);
  SnapshotReader reader(tee, snapshot.path);
  restore::SnapshotFacts& facts = collected.facts;
  LandmarkCollector landmarks;
  for (;;) {
    auto session = reader.next_session();
    if (!session) return damaged(std::move(session).error());
    if (!*session) break;
    ++facts.sessions;
  }
  for (;;) {
    if ((facts.nodes & 4095) == 0) ZK_TRY_STATUS(job.check());
    auto node = reader.next_node();
    if (!node) return damaged(std::move(node).error());
    if (!*node) break;
    const StatPersisted& stat = (*node)->stat;
    facts.digest += node_digest((*node)->path, (*node)->data, stat);
    facts.highest_stamp = std::max({facts.highest_stamp, stat.czxid, stat.mzxid, stat.pzxid});
    landmarks.add((*node)->path, stat);
    ++facts.nodes;
  }
  auto tail = reader.read_tail();
  if (!tail) return damaged(std::move(tail).error());
  facts.tail = *tail;
  StoredBase base;
  base.zxid = snapshot.zxid;
  base.file_name = base_name(snapshot.path);
  base.source_bytes = snapshot.size_bytes;
  base.source_mtime_ms = snapshot.mtime_ns / 1000000;
  base.sessions = facts.sessions;
  base.znodes = facts.nodes;
  const auto end = restore::fuzzy_end(snapshot.zxid, *tail, facts.digest);
  base.fuzzy_end_from = end ? StoredBase::FuzzyEndFrom::kSections : StoredBase::FuzzyEndFrom::kObserved;
  base.fuzzy_end = end.value_or(snapshot.zxid);
  if (tail->digest)
    base.digest = BaseDigest{tail->digest->zxid, tail->digest->version,
                             static_cast<std::uint64_t>(tail->digest->digest)};
  base.last_processed_zxid = tail->last_processed_zxid;
  ZK_TRY(base.data.parts, encoder->finish());
  base.data.source_codec = snapshot.codec;
  collected.bytes_read = snapshot.size_bytes;
  job.progress.done += snapshot.size_bytes;
  collected.landmarks = landmarks.take();
  collected.base = std::move(base);
  return collected;
}

Result<std::size_t> count_landmarks(restore::Source& source, const restore::SourceFile& snapshot,
                                    const std::vector<Landmark>& landmarks, Job& job) {
  std::map<std::string_view, const Landmark*> wanted;
  for (const Landmark& landmark : landmarks) wanted[landmark.path] = &landmark;
  ZK_TRY(auto plain, restore::open_snapshot(source, snapshot));
  SnapshotReader reader(*plain, snapshot.path);
  std::size_t found = 0;
  for (std::uint64_t n = 0;; ++n) {
    if ((n & 4095) == 0) ZK_TRY_STATUS(job.check());
    ZK_TRY(auto node, reader.next_node());
    if (!node) return found;
    auto at = wanted.find(node->path);
    if (at != wanted.end() && at->second->czxid == node->stat.czxid &&
        at->second->ctime_ms == node->stat.ctime)
      ++found;
  }
}

}  // namespace zkark::backup
