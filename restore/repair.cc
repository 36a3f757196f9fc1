// The copy of a repair: written under a temporary name, read back, put into place.
#include "restore/repair.h"

#include <fmt/format.h>

#include <algorithm>

#include "formats/txn_log.h"
#include "restore/data_dir.h"
#include "restore/lineage.h"
#include "restore/materialize.h"
#include "restore/repair_view.h"

namespace zkark::restore {
namespace {

constexpr std::size_t kBlockBytes = 256 << 10;

Failure differs(const std::string& path, std::string message) {
  return fail(
      Error(ErrorId::kDigestMismatch, std::move(message))
          .at(path)
          .with_hint("look at the disk, or at what writes to the source; nothing was put into place"));
}

struct Sums {
  std::uint64_t nodes = 0, sessions = 0, digest = 0;
  std::int64_t last_zxid = 0;
  bool operator==(const Sums&) const = default;
};
Sums sums_of(const State& state) {
  return {state.tree.size(), state.sessions.size(), state.tree.digest(), state.last_zxid};
}

class CopyWriter {
 public:
  CopyWriter(Fs& fs, TargetDir target, Source& source, RepairPlan plan, const RepairExtras& extras, Job& job)
      : fs_(fs),
        target_(std::move(target)),
        source_(source),
        plan_(std::move(plan)),
        extras_(extras),
        job_(job),
        prefix_(plan_.flat ? "" : "version-2/"),
        block_(kBlockBytes) {}

  Result<RepairedCopy> run();

 private:
  Status check_room();
  Status write_files();
  Status copy_range(File& from, Extent range, File& to);
  Status copy_log(const RepairedFile& file);
  Status copy_snapshot(const RepairedFile& file);
  Status make_snapshot(const RepairedFile& file);
  Status write_extras();
  Status read_back();
  Status read_log(const RepairedFile& file);
  Status read_snapshot(const RepairedFile& file);
  Status replay_copy();
  std::string staged(const std::string& name) const { return join_path(target_.staging(), prefix_ + name); }

  Fs& fs_;
  TargetDir target_;
  Source& source_;
  RepairPlan plan_;
  const RepairExtras& extras_;
  Job& job_;
  const std::string prefix_;
  std::vector<std::byte> block_;
  std::optional<Sums> state_;
  std::vector<std::pair<std::string, std::string>> texts_;  // written whole: name, content
  RepairedCopy done_;
};

/// What will be written, before the first byte is.
Status CopyWriter::check_room() {
  std::uint64_t need = 65536;
  for (const RepairedFile& file : plan_.files) {
    if (file.fate == Fate::kMade) need += snapshot_size_estimate(plan_.rebuilt->replay.state);
    if (file.fate == Fate::kDropped || file.fate == Fate::kMade) continue;
    if (!file.is_log) need += file.file.size_bytes;
    for (const Extent& extent : file.extents) need += extent.end - extent.begin;
  }
  job_.progress.done = 0;
  job_.progress.total = need;
  ZK_TRY(const std::uint64_t room, fs_.free_bytes(target_.staging()));
  if (room >= need) return {};
  return fail(
      Error(ErrorId::kDiskFull, fmt::format("the copy needs up to {} bytes and {} are free", need, room))
          .at(target_.staging())
          .with_hint("free space or choose another target; nothing was written"));
}

Status CopyWriter::copy_range(File& from, Extent range, File& to) {
  while (range.begin < range.end) {
    ZK_TRY_STATUS(job_.check());
    const std::uint64_t left = range.end - range.begin;
    const MutableBytes part(block_.data(),
                            static_cast<std::size_t>(std::min<std::uint64_t>(left, block_.size())));
    ZK_TRY_STATUS(read_exactly(from, range.begin, part));
    ZK_TRY_STATUS(to.append(part));
    range.begin += part.size();
    done_.bytes += part.size();
    job_.progress.done.store(done_.bytes, std::memory_order_relaxed);
  }
  return {};
}

Status CopyWriter::copy_log(const RepairedFile& file) {
  ZK_TRY(const auto from, source_.open(file.file));
  ZK_TRY(const auto to, target_.create(prefix_ + file.name));
  ZK_TRY(const std::string header, sound_log_header(*from));
  ZK_TRY_STATUS(to->append(as_bytes(header)));
  for (const Extent& extent : file.extents) ZK_TRY_STATUS(copy_range(*from, extent, *to));
  done_.txns += file.txns;
  return to->sync();
}

Status CopyWriter::copy_snapshot(const RepairedFile& file) {
  ZK_TRY(const auto from, source_.open(file.file));
  ZK_TRY(const auto to, target_.create(prefix_ + file.name));
  ZK_TRY_STATUS(copy_range(*from, {0, file.file.size_bytes}, *to));
  return to->sync();
}

Status CopyWriter::make_snapshot(const RepairedFile& file) {
  ZK_TRY(const auto to, target_.create(prefix_ + file.name));
  FileSink sink(*to);
  WriteSnapshotOptions options;
  options.zxid = *plan_.point;
  return write_snapshot(plan_.rebuilt->replay.state, sink, options, job_);
}

Status CopyWriter::write_extras() {
  if (extras_.current_epoch)
    texts_.emplace_back("version-2/currentEpoch", std::to_string(*extras_.current_epoch));
  if (extras_.accepted_epoch)
    texts_.emplace_back("version-2/acceptedEpoch", std::to_string(*extras_.accepted_epoch));
  if (extras_.server_id) texts_.emplace_back("myid", fmt::format("{}\n", *extras_.server_id));
  if (!extras_.lineage.empty()) texts_.emplace_back(std::string(kLineageFile), extras_.lineage);
  if (!extras_.conf.empty()) ZK_TRY_STATUS(target_.make_dir("conf"));
  for (const auto& [name, content] : extras_.conf) texts_.emplace_back("conf/" + name, content);
  for (const auto& [name, content] : texts_) ZK_TRY_STATUS(target_.write(name, content));
  return extras_.conf.empty() ? ok() : target_.sync("conf");
}

Status CopyWriter::write_files() {
  if (!plan_.flat) ZK_TRY_STATUS(target_.make_dir("version-2"));
  for (const RepairedFile& file : plan_.files) {
    if (file.fate == Fate::kDropped) continue;
    ZK_TRY_STATUS(file.fate == Fate::kMade ? make_snapshot(file)
                  : file.is_log            ? copy_log(file)
                                           : copy_snapshot(file));
  }
  if (plan_.flat) return {};
  ZK_TRY_STATUS(write_extras());
  return target_.sync("version-2");
}

/// Every record by its checksum, and all of them.
Status CopyWriter::read_log(const RepairedFile& file) {
  ZK_TRY(const auto opened, fs_.open(staged(file.name)));
  TxnLogReader reader(*opened);
  TxnEntry entry;
  std::uint64_t txns = 0;
  for (;;) {
    if ((txns & 4095) == 0) ZK_TRY_STATUS(job_.check());
    ZK_TRY(const bool more, reader.next_into(entry));
    if (!more) break;
    if (txns == 0 && entry.zxid() != file.first_zxid)
      return differs(staged(file.name), "it begins with another record");
    ++txns;
  }
  if (txns == file.txns && reader.tail().state == TailState::kEnd &&
      (txns == 0 || entry.zxid() == file.last_zxid))
    return {};
  return differs(staged(file.name),
                 fmt::format("{} records were read back, and {} were to be copied", txns, file.txns));
}

Status CopyWriter::read_snapshot(const RepairedFile& file) {
  SourceFile copy = file.file;
  copy.path = staged(file.name);
  DataDirOptions where;
  where.files = {copy.path};
  DataDir source(fs_, where);
  ZK_TRY_STATUS(scan_snapshot(source, copy, job_));
  ZK_TRY(const FileInfo info, fs_.info(copy.path));
  if (info.size_bytes == file.file.size_bytes) return {};
  return differs(copy.path, "the copy has another size");
}

/// As a server will: the newest snapshot, and all records above it.
Status CopyWriter::replay_copy() {
  DataDirOptions where;
  where.dir = target_.staging();
  DataDir source(fs_, where);
  ZK_TRY(const SourceListing listing, source.list());
  if (listing.snapshots.empty()) return differs(target_.staging(), "there is no snapshot in the copy");
  Findings findings;
  ZK_TRY(const ReplayResult result, replay(source, listing, &listing.snapshots.back(), {}, findings, job_));
  if (result.stopped_by)
    return differs(target_.staging(), "the copy does not replay: " + findings[*result.stopped_by].message);
  const Sums found = sums_of(result.state);
  if (found == *state_) return {};
  return differs(
      target_.staging(),
      fmt::format("the copy replays to {} nodes with digest {:#x} at {}, not to {} with {:#x} at {}",
                  found.nodes, found.digest, zxid_text(found.last_zxid), state_->nodes, state_->digest,
                  zxid_text(state_->last_zxid)));
}

Status CopyWriter::read_back() {
  job_.progress.phase = "reading back";
  for (const RepairedFile& file : plan_.files) {
    if (file.fate == Fate::kDropped || file.fate == Fate::kMade) continue;
    ZK_TRY_STATUS(file.is_log ? read_log(file) : read_snapshot(file));
  }
  for (const auto& [name, content] : texts_) {
    ZK_TRY(const std::string found, read_file(fs_, join_path(target_.staging(), name), content.size()));
    if (found != content)
      return differs(join_path(target_.staging(), name), "what was read back is not what was written");
  }
  return plan_.flat ? ok() : replay_copy();
}

Result<RepairedCopy> CopyWriter::run() {
  job_.progress.phase = "writing";
  ZK_TRY_STATUS(check_room());
  ZK_TRY_STATUS(write_files());
  if (plan_.rebuilt) {
    state_ = sums_of(plan_.rebuilt->replay.state);
    plan_.rebuilt.reset();  // the copy that is loaded now takes its place
    done_.nodes = state_->nodes;
    done_.sessions = state_->sessions;
    done_.digest = state_->digest;
  }
  ZK_TRY_STATUS(read_back());
  ZK_TRY_STATUS(job_.check());
  ZK_TRY_STATUS(target_.publish());
  return done_;
}

}  // namespace

Result<RepairedCopy> write_repair(Fs& fs, TargetDir target, Source& source, RepairPlan plan,
                                  const RepairExtras& extras, Job& job) {
  return CopyWriter(fs, std::move(target), source, std::move(plan), extras, job).run();
}

}  // namespace zkark::restore
