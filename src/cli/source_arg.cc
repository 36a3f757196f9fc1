#include "src/cli/source_arg.h"

#include <fmt/format.h>

#include <algorithm>

#include "formats/base/best_effort.h"
#include "formats/base/random.h"
#include "formats/base/system.h"
#include "formats/snapshot.h"
#include "formats/txn_log.h"
#include "formats/zoo_cfg.h"
#include "restore/data_dir.h"
#include "restore/lineage.h"
#include "src/backup/archive.h"
#include "src/backup/catalogue.h"
#include "src/backup/point_timeline.h"
#include "src/backup/source.h"
#include "src/backup/unpacked_source.h"
#include "src/cli/point_in_time.h"

namespace zkark::cli {
namespace {

constexpr std::uint64_t kMaxConfigBytes = 1 << 20;
constexpr std::size_t kProbeBytes = 4096;
constexpr std::string_view kWhatSrcMayBe =
    "a data directory, a directory or files of snapshots and logs, tarballs, a zoo.cfg, or with -r a point";

enum class FileKind : std::uint8_t { kData, kArchive, kConfig, kUnknown };

/// Plain text of a gzip file's beginning tells a compressed snapshot from a tarball.
Result<bool> is_compressed_snapshot(File& file) {
  FileSource raw(file);
  const auto plain = unwrap(raw, SnapCodec::kGzip);
  std::byte magic[4];
  std::size_t size = 0;
  while (size < sizeof magic) {
    const Result<std::size_t> n = plain->read(MutableBytes(magic).subspan(size));
    if (!n || *n == 0) break;
    size += *n;
  }
  return size == sizeof magic && load_u32(magic) == kSnapMagic;
}

Result<FileKind> kind_of_file(Context& context, const std::string& path) {
  ZK_TRY(const auto file, context.fs.open(path));
  std::byte first[kProbeBytes];
  ZK_TRY(const std::size_t n, file->read_at(0, first));
  const Bytes bytes(first, n);
  if (n >= 4 && load_u32(first) == kLogMagic) return FileKind::kData;
  if (const auto codec = detect_codec(bytes)) {
    if (*codec != SnapCodec::kGzip) return FileKind::kData;
    ZK_TRY(const bool snapshot, is_compressed_snapshot(*file));
    return snapshot ? FileKind::kData : FileKind::kArchive;
  }
  if (backup::looks_like_archive(bytes)) return FileKind::kArchive;
  if (looks_like_zoo_cfg(bytes)) return FileKind::kConfig;
  // Torn to nothing, but named like one: whoever reads it says what is wrong.
  const DataFileKind named = parse_data_file_name(base_name(path)).kind;
  return named == DataFileKind::kLog || named == DataFileKind::kSnapshot ? FileKind::kData
                                                                         : FileKind::kUnknown;
}

Result<ZooCfg> parse_config(Context& context, const std::string& path) {
  ZK_TRY(std::string text, read_file(context.fs, path, kMaxConfigBytes));
  return ZooCfg::parse(std::move(text), path);
}

/// zoo.cfg and the dynamic file it names, where that is found: at its path, or beside the zoo.cfg.
Result<std::vector<std::string>> config_files(Context& context, const ZooCfg& cfg) {
  std::vector<std::string> files{cfg.file()};
  const auto pointer = cfg.dynamic_config_file();
  if (!pointer) return files;
  const std::string home = parent_path(cfg.file());
  for (const std::string& path :
       {join_path(home, base_name(*pointer)), resolve_config_path(*pointer, home)}) {
    ZK_TRY(const bool there, exists(context.fs, path));
    if (!there) continue;
    files.push_back(path);
    break;
  }
  return files;
}

Result<bool> holds_data(Context& context, const std::string& dir) {
  for (const std::string& place : {join_path(dir, "version-2"), dir}) {
    ZK_TRY(const bool there, exists(context.fs, place));
    if (!there) continue;
    ZK_TRY(const std::vector<DirEntry> entries, context.fs.list(place));
    for (const DirEntry& entry : entries) {
      const DataFileKind kind = parse_data_file_name(entry.name).kind;
      if (kind == DataFileKind::kLog || kind == DataFileKind::kSnapshot) return true;
    }
  }
  return false;
}

Result<bool> same_place(Context& context, const std::string& a, const std::string& b) {
  const Result<FileInfo> one = context.fs.info(a), other = context.fs.info(b);
  if (!one || !other) return false;
  return one->device == other->device && one->inode == other->inode;
}

OpenedSource over_data_dir(Context& context, restore::DataDirOptions options) {
  OpenedSource opened;
  opened.data_dir = options.dir;
  opened.log_dir = options.log_dir.empty() ? options.dir : options.log_dir;
  if (!options.config_files.empty()) opened.zoo_cfg = options.config_files.front();
  opened.source = std::make_unique<restore::DataDir>(context.fs, std::move(options));
  return opened;
}

/// zoo.cfg as SRC: the directories it names.
Result<OpenedSource> open_config(Context& context, const std::string& path, const SourceRequest& request) {
  ZK_TRY(const ZooCfg cfg, parse_config(context, path));
  const std::string home = parent_path(path);
  ZK_TRY(const std::string data_dir, cfg.data_dir());
  ZK_TRY(const std::string log_dir, cfg.data_log_dir());
  restore::DataDirOptions options;
  options.dir = resolve_config_path(data_dir, home);
  options.log_dir = request.log_dir.empty() ? resolve_config_path(log_dir, home) : request.log_dir;
  if (options.log_dir == options.dir) options.log_dir.clear();
  options.shown = path;
  ZK_TRY(options.config_files, config_files(context, cfg));
  return over_data_dir(context, std::move(options));
}

Result<OpenedSource> open_directory(Context& context, const std::string& dir, const SourceRequest& request) {
  restore::DataDirOptions options;
  restore::Findings notes;
  options.dir = dir;
  options.log_dir = request.log_dir;
  std::string cfg_path = request.zoo_cfg;
  if (cfg_path.empty()) {
    ZK_TRY(const bool there, exists(context.fs, join_path(dir, "zoo.cfg")));
    if (there) cfg_path = join_path(dir, "zoo.cfg");
  }
  ZK_TRY(const bool data, holds_data(context, dir));
  if (!cfg_path.empty()) {
    // A configuration that cannot be read is no reason not to read the data.
    const Result<ZooCfg> cfg = parse_config(context, cfg_path);
    if (!cfg && (!request.zoo_cfg.empty() || !data)) return fail(cfg.error().clone());
    if (!cfg) {
      notes.push_back(restore::finding_of(cfg.error(), restore::Severity::kNote));
      notes.back().hint = "read without it: a dataLogDir that it names is not followed, give --log-dir";
    }
    if (cfg) {
      if (!data && request.log_dir.empty() && cfg->data_dir()) return open_config(context, cfg_path, request);
      ZK_TRY(options.config_files, config_files(context, *cfg));
      // dataLogDir counts only where dataDir really is this directory, and not what it was copied from.
      const std::string home = parent_path(cfg_path);
      const auto named_dir = cfg->data_dir();
      const auto log_dir = cfg->get("dataLogDir");
      if (request.log_dir.empty() && named_dir && log_dir && !log_dir->empty()) {
        ZK_TRY(const bool itself, same_place(context, resolve_config_path(*named_dir, home), dir));
        ZK_TRY(const bool apart, exists(context.fs, resolve_config_path(*log_dir, home)));
        if (itself && apart) options.log_dir = resolve_config_path(*log_dir, home);
      }
    }
  }
  if (!data && options.log_dir.empty()) {
    ZK_TRY(const bool head, exists(context.fs, join_path(dir, backup::kHeadKey)));
    if (head)
      return fail(Error(ErrorId::kNoData, "this is a repository, not a data directory")
                      .at(dir)
                      .with_hint(fmt::format("-r {}", dir)));
  }
  OpenedSource opened = over_data_dir(context, std::move(options));
  opened.findings = std::move(notes);
  return opened;
}

/// What a dead process left behind, and only that: the name says whose it was.
void sweep_leftovers(Context& context, const std::string& place, std::string_view prefix) {
  const Result<std::vector<DirEntry>> entries = context.fs.list(place);
  if (!entries) return;
  for (const DirEntry& entry : *entries) {
    if (entry.type != FileType::kDirectory || !entry.name.starts_with(prefix)) continue;
    std::uint32_t pid = 0;
    for (char c : std::string_view(entry.name).substr(prefix.size())) {
      if (c < '0' || c > '9') break;
      pid = pid * 10 + static_cast<std::uint32_t>(c - '0');
    }
    const std::string path = join_path(place, entry.name);
    const Result<FileInfo> info = context.fs.info(path);
    if (pid == 0 || context.system.process_alive(pid) || !info || info->uid != context.system.self().uid)
      continue;
    static_cast<void>(remove_tree(context.fs, path));
  }
}

}  // namespace

Result<std::unique_ptr<TemporaryDir>> make_temporary_dir(Context& context, std::string_view prefix) {
  const auto variable = context.variables.find("TMPDIR");
  const std::string place =
      variable != context.variables.end() && !variable->second.empty() ? variable->second : "/tmp";
  sweep_leftovers(context, place, prefix);
  std::byte random[6];
  context.random.fill(random);
  const std::string path =
      join_path(place, fmt::format("{}{}-{}", prefix, context.system.pid(), to_hex(random)));
  ZK_TRY_STATUS(context.fs.make_dir(path, 0700));
  return std::make_unique<TemporaryDir>(context.fs, path);
}

namespace {

Result<OpenedSource> open_archives(Context& context, const SourceRequest& request) {
  ZK_TRY(auto dir, make_temporary_dir(context, "zkark-unpacked-"));
  ZK_TRY(backup::Unpacked unpacked,
         backup::unpack_archives(context.fs, request.sources, dir->path(), {}, context.job));
  restore::DataDirOptions options;
  options.dir = dir->path();
  options.config_files =
      request.zoo_cfg.empty() ? std::move(unpacked.config_files) : std::vector<std::string>{request.zoo_cfg};
  options.shown = request.sources.size() == 1
                      ? request.sources[0]
                      : fmt::format("{} and {} more", request.sources[0], request.sources.size() - 1);
  OpenedSource opened = over_data_dir(context, std::move(options));
  opened.kind = SourceKind::kArchive;
  opened.data_dir.clear();
  opened.log_dir.clear();
  opened.zoo_cfg.clear();
  opened.source = std::make_unique<backup::UnpackedSource>(std::move(opened.source), unpacked.files);
  opened.unpacked = std::move(dir);
  opened.findings = std::move(unpacked.findings);
  return opened;
}

Result<OpenedSource> open_files(Context& context, const SourceRequest& request) {
  std::optional<FileKind> kind;
  for (const std::string& path : request.sources) {
    ZK_TRY(const FileInfo info, context.fs.info(path));
    // Dated directories of a backup script are joined as its tarballs are.
    FileKind here = FileKind::kArchive;
    if (info.type != FileType::kDirectory) {
      ZK_TRY(here, kind_of_file(context, path));
    } else if (!request.log_dir.empty()) {
      return fail(Error(ErrorId::kUsage, "--log-dir belongs to one directory, and several sources are given")
                      .at(path)
                      .with_hint("give the directory of the logs as one more source"));
    }
    if (here == FileKind::kUnknown)
      return fail(Error(ErrorId::kBadMagic, "neither a log, a snapshot, a tarball nor a zoo.cfg")
                      .at(path, 0)
                      .with_hint(fmt::format("SRC is {}", kWhatSrcMayBe)));
    if (kind && *kind != here)
      return fail(Error(ErrorId::kUsage, "tarballs or directories, data files and a zoo.cfg cannot be mixed")
                      .at(path)
                      .with_hint("give one kind; a configuration with --zoo-cfg"));
    kind = here;
  }
  if (kind == FileKind::kArchive) return open_archives(context, request);
  if (kind == FileKind::kConfig) {
    if (request.sources.size() > 1) return fail(ErrorId::kUsage, "only one zoo.cfg can be given");
    return open_config(context, request.sources[0], request);
  }
  restore::DataDirOptions options;
  options.files = request.sources;
  if (!request.zoo_cfg.empty()) options.config_files = {request.zoo_cfg};
  OpenedSource opened = over_data_dir(context, std::move(options));
  opened.kind = SourceKind::kFiles;
  opened.log_dir.clear();
  return opened;
}

Result<std::string> one_cluster(Context& context, const backup::Repository& repository) {
  ZK_TRY(std::string cluster, chosen_cluster(context, repository));
  if (!cluster.empty()) return cluster;
  const std::vector<std::string> names = repository.clusters();
  if (names.size() == 1) return names.front();
  if (names.empty())
    return fail(Error(ErrorId::kNotFound, "the repository has no backups yet")
                    .at(repository.env().backend.url())
                    .with_hint("`zkark backup SRC -r REPO` makes the first"));
  return fail(Error(ErrorId::kUsage,
                    fmt::format("the repository holds {} clusters: {}", names.size(), fmt::join(names, ", ")))
                  .with_hint("choose one with -C"));
}

Result<std::int64_t> highest_in_cluster(const backup::Repository& repository, const std::string& cluster,
                                        Job& job) {
  ZK_TRY(const backup::Catalogue catalogue, backup::read_catalogue(repository, cluster, job));
  std::int64_t highest = 0;
  for (const backup::CatalogueCluster& one : catalogue.clusters)
    for (const backup::CatalogueBackup& stored : one.backups) {
      highest = std::max(highest, stored.entry.last_zxid);
      if (!stored.manifest) continue;
      for (const auto& epoch :
           {stored.manifest->source.current_epoch, stored.manifest->source.accepted_epoch})
        if (epoch && *epoch > 0 && *epoch <= INT32_MAX) highest = std::max(highest, *epoch << 32);
    }
  return highest;
}

/// Of the timeline asked for: the newest backup, or so many before it.
Result<backup::HeadEntry> backup_of_timeline(const backup::Repository& repository,
                                             const backup::HeadEntry& newest, std::uint32_t back) {
  std::vector<backup::HeadEntry> backups = repository.ordered(newest.cluster);
  std::erase_if(backups, [&](const backup::HeadEntry& one) { return one.timeline != newest.timeline; });
  if (back < backups.size()) return backups[backups.size() - 1 - back];
  return fail(Error(ErrorId::kNotFound, fmt::format("timeline {} has only {} backups",
                                                    newest.timeline.substr(0, 8), backups.size()))
                  .with_hint("`zkark list` shows them"));
}

/// Which backup, on which timeline, and why that one.
Result<backup::PointTimeline> choose_stored(Context& context, const backup::Repository& stored,
                                            const std::string& cluster, const restore::PointSpec& point,
                                            const std::optional<std::string>& timeline) {
  const bool by_id = point.kind == restore::PointSpec::Kind::kBackup;
  std::optional<backup::HeadEntry> wanted;
  if (timeline) {
    ZK_TRY(wanted, backup::find_timeline(stored, cluster, *timeline));
  }
  if (by_id || (point.back != 0 && !wanted)) {
    std::string spec = by_id ? point.id : "latest";
    if (point.back != 0) spec += fmt::format("~{}", point.back);
    ZK_TRY(backup::HeadEntry entry, chosen_backup(context, stored, spec));
    if (wanted && entry.timeline != wanted->timeline)
      return fail(Error(ErrorId::kUsage, fmt::format("backup {} is on timeline {}",
                                                     backup::short_id(entry.id), entry.timeline.substr(0, 8)))
                      .with_hint("leave out --timeline: an id names it already"));
    return backup::PointTimeline{std::move(entry), "that of the backup"};
  }
  if (!wanted) return backup::timeline_of_point(stored, cluster, point, context.job);
  ZK_TRY(backup::HeadEntry entry, backup_of_timeline(stored, *wanted, point.back));
  return backup::PointTimeline{std::move(entry), "as asked for"};
}

/// A point of a repository as a source: one backup and what it needs, or a whole timeline.
Result<OpenedSource> open_stored(Context& context, OpenedRepository repository, const std::string& shown,
                                 const restore::PointSpec& point,
                                 const std::optional<std::string>& timeline) {
  OpenedSource opened;
  opened.kind = SourceKind::kRepository;
  opened.repository = std::make_unique<OpenedRepository>(std::move(repository));
  const backup::Repository& stored = *opened.repository->repository;
  ZK_TRY(const std::string cluster, one_cluster(context, stored));
  ZK_TRY(const backup::PointTimeline chosen, choose_stored(context, stored, cluster, point, timeline));
  const backup::HeadEntry& entry = chosen.newest;
  const std::string description = fmt::format("{}@{}", shown, backup::short_id(entry.id));
  std::unique_ptr<backup::StoredSource> source;
  if (point.kind == restore::PointSpec::Kind::kBackup || point.back != 0) {
    ZK_TRY(source, backup::open_backup(stored, entry.id, description));
  } else {
    opened.point = point;
    ZK_TRY(source, backup::open_timeline(stored, cluster, entry.timeline, description));
  }
  StoredOrigin origin;
  for (const backup::Manifest& one : source->manifests())
    origin.unconfirmed_from = backup::unconfirmed_after(origin.unconfirmed_from, one);
  opened.source = std::move(source);
  ZK_TRY(const std::int64_t highest, highest_in_cluster(stored, cluster, context.job));
  ZK_TRY(const backup::Manifest manifest, stored.load(entry.id));
  const backup::SourceInfo& from = manifest.source;
  origin.repository_id = stored.config().id;
  origin.cluster = cluster;
  origin.timeline = entry.timeline;
  if (backup::timelines_of(stored, cluster).size() > 1)
    origin.timeline_text = fmt::format("{}, {}", entry.timeline.substr(0, 8), chosen.why);
  origin.backup = entry.id;
  origin.highest_zxid = highest;
  origin.data_dir = from.data_dir;
  if (from.log_dir != from.data_dir) origin.log_dir = from.log_dir;
  opened.stored = std::move(origin);
  return opened;
}

Result<OpenedSource> open_place(Context& context, const SourceRequest& request) {
  if (request.sources.size() > 1) return open_files(context, request);
  const std::string& path = request.sources.front();
  ZK_TRY(const FileInfo info, context.fs.info(path));
  return info.type == FileType::kDirectory ? open_directory(context, path, request)
                                           : open_files(context, request);
}

Failure twice(std::string_view text) {
  return fail(Error(ErrorId::kUsage, fmt::format("'{}' and --at both name a point", text))
                  .with_hint("give one of them"));
}

bool looks_like_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  return colon != text.npos && colon > 0 && colon + 1 < text.size() && text.find('/') == text.npos &&
         text.find_first_not_of("0123456789", colon + 1) == text.npos;
}

/// SRC that is no existing path: PLACE@POINT, or a POINT in the repository of -r.
Result<OpenedSource> open_by_name(Context& context, const SourceRequest& request, Error not_found) {
  const std::string& text = request.sources.front();
  const SourceText split = split_source(text);
  if (split.point) {
    ZK_TRY(const restore::PointSpec point, parse_point(*split.point, context));
    if (request.point) return twice(text);
    ZK_TRY(const bool is_path, exists(context.fs, split.place));
    ZK_TRY(const bool is_repository, exists(context.fs, join_path(split.place, backup::kHeadKey)));
    if (is_path && !is_repository) {
      SourceRequest inner = request;
      inner.sources = {split.place};
      ZK_TRY(OpenedSource opened, open_place(context, inner));
      opened.point = point;
      return opened;
    }
    const bool by_flag = split.place == "repo" && context.has_repository();
    ZK_TRY(RepositoryPlace place,
           by_flag ? repository_place(context) : repository_place(context, split.place));
    const std::string shown = place.url;
    ZK_TRY(OpenedRepository repository, open_repository(context, std::move(place)));
    return open_stored(context, std::move(repository), shown, point, request.timeline);
  }
  if (looks_like_address(text))
    return fail(Error(ErrorId::kUsage, fmt::format("'{}' looks like a live server, which is not read", text))
                    .with_hint("give the data directory of the server, or its zoo.cfg"));
  if (!context.has_repository())
    return fail(std::move(not_found).with_hint(fmt::format("SRC is {}", kWhatSrcMayBe)));
  const Result<restore::PointSpec> point = parse_point(text, context);
  if (!point)
    return fail(std::move(not_found).with_hint(
        fmt::format("there is no such path, and '{}' is no point of the repository", text)));
  if (request.point) return twice(text);
  ZK_TRY(OpenedRepository repository, open_repository(context));
  const std::string shown = repository.place.url;
  return open_stored(context, std::move(repository), shown, *point, request.timeline);
}

Result<OpenedSource> open_any(Context& context, const SourceRequest& request) {
  if (request.sources.empty()) {
    if (!context.has_repository())
      return fail(
          Error(ErrorId::kUsage, "no source was given").with_hint(fmt::format("SRC is {}", kWhatSrcMayBe)));
    ZK_TRY(OpenedRepository repository, open_repository(context));
    const std::string shown = repository.place.url;
    return open_stored(context, std::move(repository), shown, request.point.value_or(restore::PointSpec()),
                       request.timeline);
  }
  if (request.sources.size() == 1) {
    const Result<FileInfo> info = context.fs.info(request.sources.front());
    if (!info && info.error().id() == ErrorId::kNoFile)
      return open_by_name(context, request, info.error().clone());
  }
  ZK_TRY(OpenedSource opened, open_place(context, request));
  if (request.point) opened.point = *request.point;
  return opened;
}

/// A server with transactions behind it has a log: where there is none, they are in a directory of their own.
void tell_missing_logs(OpenedSource& opened) {
  if (opened.kind != SourceKind::kDataDir) return;
  const Result<restore::SourceListing> listing = opened.source->list();
  if (!listing || !listing->logs.empty() || listing->snapshots.empty()) return;
  const bool used = listing->snapshots.back().zxid > 0 || listing->current_epoch.value_or(0) > 0;
  // A restored directory has one snapshot until its server is started.
  const bool restored = listing->extra(restore::kLineageFile) != nullptr && listing->snapshots.size() == 1;
  if (!used || restored) return;
  restore::Finding finding;
  finding.severity = restore::Severity::kNote;
  finding.id = ErrorId::kIncomplete;
  finding.file = opened.log_dir;
  finding.message = "there is no transaction log: whatever happened behind the snapshots is not seen";
  finding.hint = "where the logs are apart (dataLogDir), give --log-dir DIR, or the server's zoo.cfg as SRC";
  opened.logs_missing = true;
  opened.findings.push_back(std::move(finding));
}

}  // namespace

TemporaryDir::~TemporaryDir() {
  best_effort([this] { static_cast<void>(remove_tree(*fs_, path_)); });
}

std::vector<Place> places_of(const OpenedSource& opened, const SourceRequest& request) {
  std::vector<Place> places;
  if (opened.repository)
    places.push_back({directory_of_url(opened.repository->place.url), "the repository"});
  else
    for (const std::string& path : request.sources) places.push_back({path, "the source"});
  for (const std::string* dir : {&opened.data_dir, &opened.log_dir, &request.log_dir, &request.zoo_cfg})
    places.push_back({*dir, "the source"});
  return places;
}

Status keep_target_apart(Context& context, const Place& target, const OpenedSource& opened,
                         const SourceRequest& request) {
  std::vector<Place> read = places_of(opened, request);
  if (!opened.repository && context.has_repository()) {
    ZK_TRY(const std::string url, context.repository());
    read.push_back({directory_of_url(url), "the repository"});
  }
  return keep_apart(context.fs, target, read);
}

Status replace_config(Context& context, const std::string& zoo_cfg, restore::SourceListing& listing) {
  ZK_TRY(const ZooCfg cfg, parse_config(context, zoo_cfg));
  ZK_TRY_STATUS(cfg.ensemble());
  std::erase_if(listing.extras, [](const restore::ExtraFile& extra) {
    return extra.name.find(".dynamic") != extra.name.npos || looks_like_zoo_cfg(as_bytes(extra.content));
  });
  ZK_TRY(const std::vector<std::string> files, config_files(context, cfg));
  for (const std::string& file : files) {
    ZK_TRY(std::string content, read_file(context.fs, file, kMaxConfigBytes));
    const bool first = file == files.front();
    listing.extras.push_back({first ? "zoo.cfg" : std::string(base_name(file)), file, std::move(content)});
  }
  return {};
}

Result<OpenedSource> open_source(Context& context, const SourceRequest& request) {
  ZK_TRY(OpenedSource opened, open_any(context, request));
  if (request.timeline && opened.kind != SourceKind::kRepository)
    return fail(Error(ErrorId::kUsage, "only a repository has timelines to choose from")
                    .at(opened.source->description())
                    .with_hint("leave out --timeline, or give the repository with -r"));
  tell_missing_logs(opened);
  return opened;
}

}  // namespace zkark::cli
