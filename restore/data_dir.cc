#include "restore/data_dir.h"

#include <fmt/format.h>

#include <algorithm>

namespace zkark::restore {
namespace {

constexpr std::uint64_t kMaxExtraBytes = 1 << 20;

/// Owns the chain from the open file to the plain bytes.
class SnapshotChain : public ByteSource {
 public:
  SnapshotChain(std::unique_ptr<File> file, SnapCodec codec)
      : file_(std::move(file)), raw_(*file_), plain_(unwrap(raw_, codec)) {}
  Result<std::size_t> read(MutableBytes into) override {
    Result<std::size_t> n = plain_->read(into);
    if (!n) return fail(std::move(n).error().at(file_->path()));
    return n;
  }

 private:
  std::unique_ptr<File> file_;
  FileSource raw_;
  std::unique_ptr<ByteSource> plain_;
};

Finding note(ErrorId id, std::string message, std::string file) {
  Finding f;
  f.severity = Severity::kNote;
  f.id = id;
  f.message = std::move(message);
  f.file = std::move(file);
  return f;
}

}  // namespace

Result<std::unique_ptr<ByteSource>> open_snapshot(Source& source, const SourceFile& snapshot) {
  ZK_TRY(auto file, source.open(snapshot));
  return std::unique_ptr<ByteSource>(std::make_unique<SnapshotChain>(std::move(file), snapshot.codec));
}

DataDir::DataDir(ReadFs& fs, DataDirOptions options) : fs_(fs), options_(std::move(options)) {
  if (options_.shown.empty())
    options_.shown = options_.dir.empty() && !options_.files.empty() ? options_.files[0] : options_.dir;
}

Result<std::unique_ptr<File>> DataDir::open(const SourceFile& file) { return fs_.open(file.path); }

Status DataDir::add_extra(const std::string& name, const std::string& path, SourceListing& listing) {
  Result<std::string> content = read_file(fs_, path, kMaxExtraBytes);
  if (!content) {
    if (content.error().id() == ErrorId::kNoFile) return {};
    if (content.error().id() != ErrorId::kBadLength) return fail(std::move(content).error());
    listing.findings.push_back(finding_of(content.error()));
    return {};
  }
  auto number = [&](std::optional<std::int64_t>& into, Result<std::int64_t> value) {
    if (value)
      into = *value;
    else
      listing.findings.push_back(finding_of(std::move(value).error().at(path)));
  };
  if (name == "currentEpoch") number(listing.current_epoch, parse_epoch_file(*content));
  if (name == "acceptedEpoch") number(listing.accepted_epoch, parse_epoch_file(*content));
  if (name == "myid") number(listing.myid, parse_myid(*content));
  listing.extras.push_back({name, path, *std::move(content)});
  return {};
}

/// `split`: snapshots and logs live in different directories, where Apache refuses to start on a file of the
/// other kind (exit 3).
Status DataDir::list_into(const std::string& dir, bool snapshots, bool logs, bool split,
                          SourceListing& listing) {
  ZK_TRY(std::vector<DirEntry> entries, fs_.list(dir));
  std::sort(entries.begin(), entries.end(),
            [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
  for (const DirEntry& entry : entries) {
    const DataFileName name = parse_data_file_name(entry.name);
    if (name.kind == DataFileKind::kOther || entry.type == FileType::kDirectory) continue;
    const std::string path = join_path(dir, entry.name);
    const bool is_log = name.kind == DataFileKind::kLog || name.kind == DataFileKind::kAccidentalLog;
    if (name.kind == DataFileKind::kAccidentalLog || name.kind == DataFileKind::kAccidentalSnapshot) {
      Finding f = note(
          ErrorId::kBadFileName,
          fmt::format("not read: no server writes this name, but Apache ZooKeeper would take it for {} {}",
                      is_log ? "log" : "snapshot", zxid_text(name.zxid)),
          path);
      f.hint = "move it out of the data directory before a server starts there";
      listing.findings.push_back(std::move(f));
      continue;
    }
    if (split && ((is_log && !logs) || (!is_log && !snapshots))) {
      Finding f =
          note(ErrorId::kBadFileName,
               fmt::format("not read: a {} in the {} directory; Apache ZooKeeper refuses to start with it",
                           is_log ? "log" : "snapshot", is_log ? "snapshot" : "log"),
               path);
      listing.findings.push_back(std::move(f));
      continue;
    }
    Result<FileInfo> info = fs_.info(path);
    if (!info) {
      if (info.error().id() == ErrorId::kNoFile) continue;  // purged meanwhile
      return fail(std::move(info).error());
    }
    (is_log ? listing.logs : listing.snapshots)
        .push_back({path, name.zxid, name.codec, info->size_bytes, info->mtime_ns});
  }
  return {};
}

Result<SourceListing> DataDir::list() {
  SourceListing listing;
  for (const std::string& path : options_.files) {
    ZK_TRY(FileInfo info, fs_.info(path));
    DataFileName name = parse_data_file_name(base_name(path));
    // A file given by hand is told by its content, whatever its name.
    ZK_TRY(auto file, fs_.open(path));
    std::byte first[8];
    ZK_TRY(std::size_t n, file->read_at(0, first));
    const Bytes magic(first, n);
    bool log = n >= 4 && load_u32(first) == 0x5a4b4c47;
    std::optional<SnapCodec> codec = detect_codec(magic);
    // Where that is damaged the name says what it was meant to be; whoever reads it says what is wrong.
    if (!log && !codec) {
      log = name.kind == DataFileKind::kLog;
      if (name.kind == DataFileKind::kSnapshot) codec = name.codec;
    }
    if (!log && !codec)
      return fail(Error(ErrorId::kBadMagic, "neither a transaction log nor a snapshot").at(path, 0));
    SourceFile entry{path, name.zxid, log ? SnapCodec::kPlain : *codec, info.size_bytes, info.mtime_ns};
    (log ? listing.logs : listing.snapshots).push_back(std::move(entry));
  }
  if (options_.files.empty()) {
    const bool split = !options_.log_dir.empty() && options_.log_dir != options_.dir;
    auto data_place = [&](const std::string& dir) -> Result<std::string> {
      const std::string inner = join_path(dir, "version-2");
      ZK_TRY(bool has_inner, exists(fs_, inner));
      return has_inner ? inner : dir;
    };
    ZK_TRY(const std::string snap_dir, data_place(options_.dir));
    ZK_TRY_STATUS(list_into(snap_dir, true, !split, split, listing));
    if (split) {
      ZK_TRY(const std::string log_dir, data_place(options_.log_dir));
      ZK_TRY_STATUS(list_into(log_dir, false, true, true, listing));
    }
    ZK_TRY_STATUS(add_extra("currentEpoch", join_path(snap_dir, "currentEpoch"), listing));
    ZK_TRY_STATUS(add_extra("acceptedEpoch", join_path(snap_dir, "acceptedEpoch"), listing));
    const std::string data_dir = snap_dir == options_.dir && base_name(snap_dir) == "version-2"
                                     ? parent_path(options_.dir)
                                     : options_.dir;
    ZK_TRY_STATUS(add_extra("myid", join_path(data_dir, "myid"), listing));
    if (options_.config_files.empty())
      ZK_TRY_STATUS(add_extra("zoo.cfg", join_path(data_dir, "zoo.cfg"), listing));
    ZK_TRY_STATUS(add_extra("zkark-lineage.json", join_path(data_dir, "zkark-lineage.json"), listing));
  }
  for (const std::string& path : options_.config_files)
    ZK_TRY_STATUS(add_extra(std::string(base_name(path)), path, listing));
  auto by_zxid = [](const SourceFile& a, const SourceFile& b) {
    return a.zxid != b.zxid ? static_cast<std::uint64_t>(a.zxid) < static_cast<std::uint64_t>(b.zxid)
                            : a.path < b.path;
  };
  std::sort(listing.snapshots.begin(), listing.snapshots.end(), by_zxid);
  std::sort(listing.logs.begin(), listing.logs.end(), by_zxid);
  if (listing.snapshots.empty() && listing.logs.empty())
    return fail(Error(ErrorId::kNoData, "no snapshot and no transaction log found")
                    .at(options_.shown)
                    .with_hint("give the dataDir (the directory with version-2/), or dataDir and --log-dir"));
  return listing;
}

}  // namespace zkark::restore
