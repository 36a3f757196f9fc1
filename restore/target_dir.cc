#include "restore/target_dir.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "formats/base/best_effort.h"

namespace zkark::restore {
namespace {

constexpr std::string_view kBesideSuffix = ".zkark-restore";
constexpr std::string_view kInside = ".zkark-restore";
constexpr std::string_view kLock = ".zkark-lock";
constexpr std::string_view kData = "version-2";
constexpr std::uint64_t kMaxLockBytes = 4096;

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

/// "log" of "/a/log" inside "/a"; empty when it is not inside.
std::string relative_inside(const std::string& path, const std::string& dir) {
  const std::string prefix = dir == "/" ? dir : dir + "/";
  return path.starts_with(prefix) && path.size() > prefix.size() ? path.substr(prefix.size()) : std::string();
}

/// What the lock of a temporary directory says. All is empty when its writer died before the end: half a
/// host's name would look like another machine, whose lock nobody may touch.
struct LockText {
  std::string pid, host, identity;
};
LockText read_lock(std::string_view text) {
  LockText lock;
  if (!text.ends_with('\n') || text.find("\nidentity=") == text.npos) return lock;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const std::size_t equals = line.find('=');
    if (equals == line.npos) continue;
    const std::string value(line.substr(equals + 1));
    if (line.starts_with("pid=")) lock.pid = value;
    if (line.starts_with("host=")) lock.host = value;
    if (line.starts_with("identity=")) lock.identity = value;
  }
  return lock;
}

Status remove_any(Fs& fs, const std::string& path) {
  Result<FileInfo> info = fs.info(path);
  if (!info) return info.error().id() == ErrorId::kNoFile ? ok() : fail(std::move(info).error());
  return info->type == FileType::kDirectory ? remove_tree(fs, path) : fs.remove_file(path);
}

}  // namespace

Result<TargetState> target_state(ReadFs& fs, const std::string& dir) {
  Result<FileInfo> info = fs.info(dir);
  if (!info) {
    if (info.error().id() == ErrorId::kNoFile) return TargetState::kAbsent;
    return fail(std::move(info).error());
  }
  if (info->type != FileType::kDirectory)
    return fail(
        Error(ErrorId::kTargetNotEmpty, "the target is a file").at(dir).with_hint("give a directory"));
  ZK_TRY(const std::vector<DirEntry> entries, fs.list(dir));
  bool debris = false, leftovers = false;
  for (const DirEntry& entry : entries) {
    if (entry.name == "lost+found") continue;
    if (entry.name == kInside) {
      debris = true;
    } else if (entry.name == kData && entry.type == FileType::kDirectory) {
      ZK_TRY(const std::vector<DirEntry> data, fs.list(join_path(dir, kData)));
      if (!data.empty()) return TargetState::kOccupied;
    } else if (entry.name == "conf" || entry.name == "myid" || entry.name == "zkark-lineage.json") {
      leftovers = true;
    } else {
      return TargetState::kOccupied;
    }
  }
  // These names are put into place by publish() before version-2; without the temporary directory beside them
  // they are somebody else's.
  return leftovers && !debris ? TargetState::kOccupied : TargetState::kEmpty;
}

/// One of the directories: free to be used?
Status TargetDir::look(System& system, const std::string& path, TargetState& state) {
  ZK_TRY(state, target_state(*fs_, path));
  if (state == TargetState::kAbsent) return {};
  ZK_TRY_STATUS(check_unused(system, path));
  if (state != TargetState::kOccupied) return {};
  if (!options_.replace)
    return fail(Error(ErrorId::kTargetNotEmpty, "the target is not empty")
                    .at(path)
                    .with_hint(fmt::format(
                        "choose an empty one, or --replace, which moves it to {}.before-<time>", path)));
  // A mount point cannot be renamed.
  ZK_TRY(const FileInfo here, fs_->info(path));
  ZK_TRY(const FileInfo above, fs_->info(parent_path(path)));
  if (here.device != above.device)
    return fail(
        Error(ErrorId::kRefused, "the target is a mount point and cannot be moved aside")
            .at(path)
            .with_hint(
                "move what it holds into a directory of its own, then restore into the empty mount point"));
  return {};
}

Result<TargetDir> TargetDir::examine(Fs& fs, System& system, TargetDirOptions options) {
  options.dir = without_slashes(std::move(options.dir));
  options.log_dir = without_slashes(std::move(options.log_dir));
  if (options.log_dir == options.dir) options.log_dir.clear();
  TargetDir target(fs, std::move(options));
  const std::string& dir = target.options_.dir;
  const std::string& log_dir = target.options_.log_dir;
  if (!log_dir.empty()) {
    if (!relative_inside(dir, log_dir).empty())
      return fail(Error(ErrorId::kUsage, "the target lies inside the log directory")
                      .at(dir)
                      .with_hint("choose them apart"));
    target.log_relative_ = relative_inside(log_dir, dir);
    const std::string first = target.log_relative_.substr(0, target.log_relative_.find('/'));
    if (first == kData || first == "conf" || first == "myid" || first == "zkark-lineage.json")
      return fail(Error(ErrorId::kUsage, fmt::format("{}/{} is made by the restore itself", dir, first))
                      .at(log_dir)
                      .with_hint(fmt::format("another name for the log directory, such as {}/log", dir)));
  }
  ZK_TRY_STATUS(target.look(system, dir, target.state_));
  if (!log_dir.empty() && target.log_relative_.empty())
    ZK_TRY_STATUS(target.look(system, log_dir, target.log_state_));
  if (target.options_.flat && target.state_ == TargetState::kEmpty) ZK_TRY_STATUS(target.check_bare());
  target.staging_ = target.inside() ? join_path(dir, kInside) : dir + std::string(kBesideSuffix);
  if (target.options_.owner && system.self().uid != 0 && !(*target.options_.owner == system.self()))
    return fail(Error(ErrorId::kPermission, "only root can give files to another owner")
                    .at(dir)
                    .with_hint("run as root, or without --owner"));
  ZK_TRY_STATUS(target.left_over(system));
  return target;
}

Status TargetDir::claim(System& system) {
  if (!inside()) ZK_TRY_STATUS(make_dirs(*fs_, parent_path(options_.dir), kRestoredDirMode));
  if (options_.owner) {
    owner_ = options_.owner;
  } else if (system.self().uid == 0) {
    ZK_TRY(const FileInfo info, fs_->info(inside() ? options_.dir : parent_path(options_.dir)));
    owner_ = Owner{info.uid, info.gid};
  }
  ZK_TRY_STATUS(take_over(system));
  Status made = fs_->make_dir(staging_, kRestoredDirMode);
  if (!made && made.error().id() == ErrorId::kExists)
    return fail(Error(ErrorId::kTargetInUse, "another restore into this target began just now")
                    .at(staging_)
                    .with_hint("wait for it"));
  ZK_TRY_STATUS(std::move(made));
  claimed_ = true;
  ZK_TRY_STATUS(lock(system));
  return give(staging_);
}

TargetDir::TargetDir(TargetDir&& other) noexcept
    : fs_(std::exchange(other.fs_, nullptr)),
      options_(std::move(other.options_)),
      state_(other.state_),
      log_state_(other.log_state_),
      staging_(std::move(other.staging_)),
      log_relative_(std::move(other.log_relative_)),
      owner_(other.owner_),
      moved_aside_(std::move(other.moved_aside_)),
      placed_(std::move(other.placed_)),
      processes_unseen_(other.processes_unseen_),
      claimed_(std::exchange(other.claimed_, false)),
      published_(other.published_) {}

TargetDir::~TargetDir() {
  if (fs_ == nullptr || !claimed_) return;
  // What stays is recognised and removed by the next run.
  best_effort([this] { give_up(); });
}

/// As long as version-2 is not in its place, what was put around it goes first; where nobody can say,
/// everything stays.
void TargetDir::give_up() {
  if (!placed_.empty() && !published_) {
    const Result<bool> unplaced = exists(*fs_, join_path(staging_, kData));
    if (!unplaced) return;
    if (*unplaced)
      for (const std::string& path : placed_)
        if (!remove_any(*fs_, path)) return;
  }
  static_cast<void>(remove_tree(*fs_, staging_));
}

/// What remove_dir() takes.
Status TargetDir::check_bare() {
  ZK_TRY(const std::vector<DirEntry> entries, fs_->list(options_.dir));
  if (entries.empty()) return {};
  return fail(Error(ErrorId::kTargetNotEmpty, fmt::format("the target holds {}", entries.front().name))
                  .at(options_.dir)
                  .with_hint("choose a new or an empty directory"));
}

Status TargetDir::check_unused(System& system, const std::string& dir) {
  ZK_TRY(const OpenFiles open, system.open_files_under(dir));
  processes_unseen_ = std::max(processes_unseen_, open.processes_unseen);
  if (open.files.empty()) return {};
  return fail(Error(ErrorId::kTargetInUse,
                    fmt::format("in use by {}{}", open.files.front(),
                                open.files.size() > 1 ? fmt::format(" and {} more", open.files.size() - 1)
                                                      : std::string()))
                  .at(dir)
                  .with_hint("stop the server that uses it, or restore into another directory"));
}

/// Whether a temporary directory is there that a dead restore left; refuses while its process lives, or may
/// live on another machine.
Result<bool> TargetDir::left_over(System& system) {
  ZK_TRY(const bool there, exists(*fs_, staging_));
  if (!there) return false;
  Result<std::string> text = read_file(*fs_, join_path(staging_, kLock), kMaxLockBytes);
  if (!text && text.error().id() != ErrorId::kNoFile && text.error().id() != ErrorId::kBadLength)
    return fail(std::move(text).error());
  const LockText lock = text ? read_lock(*text) : LockText();
  if (lock.pid.empty() || lock.host.empty()) return true;
  if (lock.host != system.hostname())
    return fail(Error(ErrorId::kTargetInUse,
                      fmt::format("process {} on {} restores into this target", lock.pid, lock.host))
                    .at(staging_)
                    .with_hint(fmt::format("if that process is gone, remove {}", staging_)));
  std::uint32_t pid = 0;
  for (char c : lock.pid) pid = c >= '0' && c <= '9' ? pid * 10 + static_cast<std::uint32_t>(c - '0') : 0;
  const std::optional<std::string> identity = system.process_identity(pid);
  if (identity && *identity == lock.identity)
    return fail(Error(ErrorId::kTargetInUse, fmt::format("process {} restores into this target", lock.pid))
                    .at(staging_)
                    .with_hint("wait for it"));
  return true;
}

Status TargetDir::take_over(System& system) {
  ZK_TRY(const bool there, left_over(system));
  if (!there) return {};
  // First what an interrupted publish() put into place (target_state() knows it by the temporary directory).
  if (inside())
    for (const char* name : {"conf", "myid", "zkark-lineage.json"})
      ZK_TRY_STATUS(remove_any(*fs_, join_path(options_.dir, name)));
  return remove_tree(*fs_, staging_);
}

Status TargetDir::lock(System& system) {
  const std::string text = fmt::format("pid={}\nhost={}\nidentity={}\n", system.pid(), system.hostname(),
                                       system.process_identity(system.pid()).value_or(""));
  ZK_TRY(const auto file, fs_->create(join_path(staging_, kLock), {kRestoredFileMode}));
  ZK_TRY_STATUS(file->append(as_bytes(text)));
  return file->sync();
}

Status TargetDir::give(const std::string& path) {
  if (!owner_) return {};
  return fs_->set_owner(path, owner_->uid, owner_->gid);
}

Result<std::unique_ptr<File>> TargetDir::create(const std::string& relative) {
  const std::string path = join_path(staging_, relative);
  ZK_TRY(auto file, fs_->create(path, {kRestoredFileMode}));
  ZK_TRY_STATUS(give(path));
  return file;
}

Status TargetDir::write(const std::string& relative, std::string_view content) {
  ZK_TRY(const auto file, create(relative));
  ZK_TRY_STATUS(file->append(as_bytes(content)));
  return file->sync();
}

Status TargetDir::make_dir(const std::string& relative) {
  const std::string path = join_path(staging_, relative);
  ZK_TRY_STATUS(fs_->make_dir(path, kRestoredDirMode));
  return give(path);
}

Status TargetDir::sync(const std::string& relative) {
  return fs_->sync_dir(relative.empty() ? staging_ : join_path(staging_, relative));
}

Status TargetDir::move_aside(const std::string& dir) {
  // Another restore of the same second may have taken the name; an empty directory would even be replaced.
  const std::string plain = fmt::format("{}.before-{}", dir, options_.stamp);
  std::string aside = plain;
  for (unsigned n = 2;; ++n) {
    ZK_TRY(const bool taken, exists(*fs_, aside));
    if (!taken) break;
    aside = fmt::format("{}-{}", plain, n);
  }
  ZK_TRY_STATUS(fs_->rename(dir, aside));
  moved_aside_.push_back(aside);
  return fs_->sync_dir(parent_path(dir));
}

/// A log directory of its own holds nothing but an empty version-2: a server with autocreate off needs it.
Status TargetDir::place_log_dir() {
  if (options_.log_dir.empty()) return {};
  if (!log_relative_.empty()) {
    std::string path = log_relative_ + "/" + std::string(kData);
    for (std::size_t slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1))
      ZK_TRY_STATUS(make_dir(path.substr(0, slash)));
    ZK_TRY_STATUS(make_dir(path));
    for (std::size_t slash = path.rfind('/'); slash != path.npos && slash > 0;
         slash = path.rfind('/', slash - 1))
      ZK_TRY_STATUS(sync(path.substr(0, slash)));
    return {};
  }
  const std::string& dir = options_.log_dir;
  if (log_state_ == TargetState::kOccupied) {
    ZK_TRY_STATUS(move_aside(dir));
    log_state_ = TargetState::kAbsent;
  }
  if (log_state_ == TargetState::kAbsent) {
    ZK_TRY_STATUS(make_dirs(*fs_, dir, kRestoredDirMode));
    ZK_TRY_STATUS(give(dir));
  }
  const std::string data = join_path(dir, kData);
  ZK_TRY(const bool there, exists(*fs_, data));
  if (!there) ZK_TRY_STATUS(fs_->make_dir(data, kRestoredDirMode));
  ZK_TRY_STATUS(give(data));
  return fs_->sync_dir(dir);
}

Status TargetDir::publish_beside() {
  const std::string& dir = options_.dir;
  ZK_TRY_STATUS(sync(""));
  ZK_TRY_STATUS(fs_->sync_dir(parent_path(dir)));
  if (state_ == TargetState::kOccupied) ZK_TRY_STATUS(move_aside(dir));
  if (state_ == TargetState::kEmpty) ZK_TRY_STATUS(fs_->remove_dir(dir));
  ZK_TRY_STATUS(fs_->rename(staging_, dir));
  claimed_ = false;
  ZK_TRY_STATUS(fs_->sync_dir(parent_path(dir)));
  // The lock goes last: until then no other run may take the directory for left over. Should it stay, it does
  // no harm.
  static_cast<void>(fs_->remove_file(join_path(dir, kLock)));
  static_cast<void>(fs_->sync_dir(dir));
  return {};
}

Status TargetDir::publish_inside() {
  const std::string& dir = options_.dir;
  ZK_TRY_STATUS(sync(""));
  ZK_TRY_STATUS(fs_->sync_dir(dir));
  ZK_TRY(const std::vector<DirEntry> entries, fs_->list(staging_));
  for (const DirEntry& entry : entries) {
    if (entry.name == kLock || entry.name == kData) continue;
    placed_.push_back(join_path(dir, entry.name));
    ZK_TRY_STATUS(fs_->rename(join_path(staging_, entry.name), placed_.back()));
  }
  ZK_TRY_STATUS(fs_->sync_dir(dir));
  const std::string data = join_path(dir, kData);
  Status removed = fs_->remove_dir(data);
  if (!removed && removed.error().id() != ErrorId::kNoFile) return removed;
  ZK_TRY_STATUS(fs_->rename(join_path(staging_, kData), data));
  published_ = true;
  return fs_->sync_dir(dir);
}

Status TargetDir::publish() {
  ZK_TRY_STATUS(place_log_dir());
  return inside() ? publish_inside() : publish_beside();
}

}  // namespace zkark::restore
