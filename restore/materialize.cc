#include "restore/materialize.h"

#include <fmt/format.h>

#include "formats/adler32.h"
#include "restore/apply.h"

namespace zkark::restore {
namespace {

/// Passes bytes on and sums them up.
class SummingSink : public ByteSink {
 public:
  SummingSink(ByteSink& out, Progress& progress) : out_(out), progress_(progress) {}
  Status write(Bytes bytes) override {
    crc_ = crc32(bytes, crc_);
    bytes_ += bytes.size();
    progress_.done.store(bytes_, std::memory_order_relaxed);
    return out_.write(bytes);
  }
  Status finish() override { return out_.finish(); }
  std::uint32_t crc() const { return crc_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  ByteSink& out_;
  Progress& progress_;
  std::uint32_t crc_ = 0;
  std::uint64_t bytes_ = 0;
};

class SummingSource : public ByteSource {
 public:
  SummingSource(ByteSource& in, Progress& progress) : in_(in), progress_(progress) {}
  Result<std::size_t> read(MutableBytes into) override {
    ZK_TRY(const std::size_t n, in_.read(into));
    crc_ = crc32(into.first(n), crc_);
    bytes_ += n;
    progress_.done.store(bytes_, std::memory_order_relaxed);
    return n;
  }
  std::uint32_t crc() const { return crc_; }
  std::uint64_t bytes() const { return bytes_; }

 private:
  ByteSource& in_;
  Progress& progress_;
  std::uint32_t crc_ = 0;
  std::uint64_t bytes_ = 0;
};

/// What must come out again when the file is read back.
struct Sums {
  std::uint32_t crc = 0;
  std::uint64_t bytes = 0, nodes = 0, sessions = 0, digest = 0;
  bool operator==(const Sums&) const = default;
};

Result<Sums> write_state(TargetDir& target, const std::string& name, const State& state, std::int64_t zxid,
                         Job& job) {
  ZK_TRY(const auto file, target.create(name));
  FileSink out(*file);
  SummingSink sink(out, job.progress);
  WriteSnapshotOptions options;
  options.zxid = zxid;
  ZK_TRY_STATUS(write_snapshot(state, sink, options, job));
  return Sums{sink.crc(), sink.bytes(), state.tree.size(), state.sessions.size(), state.tree.digest()};
}

Result<Sums> read_back(Fs& fs, const std::string& path, std::int64_t zxid, bool ascii_digest, Job& job) {
  ZK_TRY(const auto file, fs.open(path));
  FileSource in(*file);
  SummingSource source(in, job.progress);
  SnapshotReader reader(source, path);
  LoadOptions options;
  options.zxid = zxid;
  options.ascii_digest = ascii_digest;
  ZK_TRY(const LoadedSnapshot loaded, load_snapshot(reader, options, job));
  return Sums{source.crc(), source.bytes(), loaded.state.tree.size(), loaded.state.sessions.size(),
              loaded.state.tree.digest()};
}

Status read_back_equals(Fs& fs, const std::string& path, std::string_view content) {
  ZK_TRY(const std::string found, read_file(fs, path, content.size()));
  if (found == content) return {};
  return fail(Error(ErrorId::kDigestMismatch, "what was read back is not what was written").at(path));
}

}  // namespace

/// 84 bytes a node beside path and data, ACL lists, seals.
std::uint64_t snapshot_size_estimate(const State& state) {
  std::uint64_t bytes = 65536 + state.sessions.size() * 12 + state.tree.size() * 84 +
                        state.tree.path_bytes() + state.tree.data_bytes();
  for (AclSlot slot = 0; slot < state.tree.acls().slots(); ++slot)
    bytes += 8 + state.tree.acls().list(slot).encoded().size();
  return bytes;
}

Result<std::int64_t> choose_epoch(std::int64_t highest_zxid, std::optional<std::int64_t> wanted) {
  const std::int64_t seen = zxid_epoch(highest_zxid);
  const std::int64_t epoch = wanted.value_or(seen + kEpochMargin);
  if (epoch <= seen)
    return fail(
        Error(ErrorId::kRefused, fmt::format("epoch {} is not above {}, the highest one seen", epoch, seen))
            .with_hint(fmt::format("--bump-epoch={} or more, or --bump-epoch alone", seen + 1)));
  if (epoch > kMaxEpoch)
    return fail(
        Error(ErrorId::kRefused,
              fmt::format("epoch {} does not fit into a zxid; {} is the highest one seen", epoch, seen))
            .with_hint(seen < kMaxEpoch
                           ? fmt::format("--bump-epoch={} is the last that fits", kMaxEpoch)
                           : std::string("no higher epoch exists; restore with --no-bump-epoch")));
  return epoch;
}

Result<Reshaped> reshape(State& state, const ReshapeOptions& options) {
  Reshaped reshaped;
  const bool part = !options.path.empty() && options.path != "/";
  if (part && !Tree::valid_path(options.path))
    return fail(Error(ErrorId::kUsage, fmt::format("'{}' is no path of a node", options.path))
                    .with_hint("paths look like /kafka/brokers"));
  if (part && state.tree.find(options.path) == kNoNode)
    return fail(Error(ErrorId::kNotFound, fmt::format("there is no node {} at this point", options.path))
                    .at_zxid(state.last_zxid)
                    .with_hint("`zkark ls SRC@POINT / -R` shows which there are"));
  if (part || !options.keep_sessions) {
    for (const auto& [id, timeout_ms] : state.sessions) reshaped.sessions.emplace_back(id, timeout_ms);
    for (std::int64_t owner : state.tree.ephemeral_owners())
      for (std::string& path : state.tree.ephemerals_of(owner))
        reshaped.ephemerals.emplace_back(owner, std::move(path));
    close_all_sessions(state);
  }
  if (!part) return reshaped;
  if (state.tree.find(options.path) == kNoNode)
    return fail(Error(ErrorId::kNotFound,
                      fmt::format("{} is an ephemeral node: without sessions there is nothing to restore",
                                  options.path))
                    .at_zxid(state.last_zxid)
                    .with_hint("name a node above it"));
  reshaped.nodes_left_out = keep_subtree(state, options.path);
  return reshaped;
}

Result<Materialized> materialize(Fs& fs, TargetDir target, const std::string& dir, State&& given,
                                 const Contents& contents, Job& job) {
  State state = std::move(given);
  const std::uint64_t estimate = snapshot_size_estimate(state);
  ZK_TRY(const std::uint64_t room, fs.free_bytes(target.staging()));
  if (room < estimate)
    return fail(Error(ErrorId::kDiskFull,
                      fmt::format("the snapshot needs up to {} bytes and {} are free", estimate, room))
                    .at(dir)
                    .with_hint("free space or choose another target; nothing was written"));
  job.progress.phase = "writing";
  job.progress.done = 0;
  job.progress.total = estimate;
  ZK_TRY_STATUS(target.make_dir("version-2"));
  const std::string name = "version-2/" + snapshot_file_name(contents.snapshot_zxid);
  const bool ascii = state.tree.ascii_digest();
  ZK_TRY(const Sums written, write_state(target, name, state, contents.snapshot_zxid, job));

  std::vector<std::pair<std::string, std::string>> files = {
      {"version-2/currentEpoch", std::to_string(contents.current_epoch)},
      {"version-2/acceptedEpoch", std::to_string(contents.accepted_epoch)},
      {std::string(kLineageFile), encode_lineage(contents.lineage)},
  };
  if (contents.server_id) files.emplace_back("myid", fmt::format("{}\n", *contents.server_id));
  if (!contents.conf.empty()) ZK_TRY_STATUS(target.make_dir("conf"));
  for (const auto& [file, content] : contents.conf) files.emplace_back("conf/" + file, content);
  for (const auto& [file, content] : files) ZK_TRY_STATUS(target.write(file, content));
  ZK_TRY_STATUS(target.sync("version-2"));
  if (!contents.conf.empty()) ZK_TRY_STATUS(target.sync("conf"));

  state = State();  // the copy that is loaded now takes its place
  job.progress.phase = "reading back";
  job.progress.done = 0;
  job.progress.total = written.bytes;
  for (const auto& [file, content] : files)
    ZK_TRY_STATUS(read_back_equals(fs, join_path(target.staging(), file), content));
  const std::string staged = join_path(target.staging(), name);
  ZK_TRY(const Sums found, read_back(fs, staged, contents.snapshot_zxid, ascii, job));
  if (!(found == written))
    return fail(
        Error(ErrorId::kDigestMismatch,
              fmt::format(
                  "what was read back is not what was written: {} nodes with digest {:#x}, not {} with {:#x}",
                  found.nodes, found.digest, written.nodes, written.digest))
            .at(staged)
            .with_hint("look at the disk; nothing was put into place"));
  ZK_TRY_STATUS(job.check());
  ZK_TRY_STATUS(target.publish());

  Materialized result;
  result.snapshot = join_path(dir, name);
  result.bytes = written.bytes;
  result.nodes = written.nodes;
  result.sessions = written.sessions;
  result.digest = written.digest;
  result.moved_aside = target.moved_aside();
  // What is in place is what was proven, under the name that a server will look for.
  ZK_TRY(const FileInfo info, fs.info(result.snapshot));
  if (info.size_bytes != written.bytes)
    return fail(Error(ErrorId::kStorage, "the snapshot in place has another size than the one written")
                    .at(result.snapshot));
  return result;
}

}  // namespace zkark::restore
