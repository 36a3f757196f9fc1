#include "src/backup/backend/local.h"

#include <fmt/format.h>

#include <algorithm>

#include "formats/base/best_effort.h"
#include "formats/base/check.h"

namespace zkark::backup {
namespace {

constexpr std::uint32_t kDirMode = 0700;
constexpr std::string_view kTemporaryDir = "tmp";
constexpr int kDepthMax = 16;  // of directories strangers made

}  // namespace

LocalBackend::LocalBackend(Fs& fs, Random& random, std::string root, std::string url, System* system)
    : fs_(fs), random_(random), root_(std::move(root)), url_(std::move(url)), system_(system) {}

std::string LocalBackend::path_of(const std::string& key) const { return join_path(root_, key); }

// A directory that exists may have been made by a run that was killed before it synced the parent: a power
// cut would then take the directory with everything in it. So the first use of each directory syncs its
// parent.
Status LocalBackend::make_dir(const std::string& dir) {
  if (durable_dirs_.contains(dir)) return {};
  const std::string parent = parent_path(dir);
  Result<FileInfo> info = fs_.info(dir);
  if (!info && info.error().id() != ErrorId::kNoFile) return fail(std::move(info).error());
  if (info && info->type != FileType::kDirectory)
    return fail(Error(ErrorId::kExists, "a file stands where a directory of the repository belongs").at(dir));
  const bool inside = dir.size() > root_.size();
  if (parent != dir && (!info || inside)) ZK_TRY_STATUS(make_dir(parent));
  if (!info) {
    Status made = fs_.make_dir(dir, kDirMode);
    if (!made && made.error().id() != ErrorId::kExists) return made;
    if (made && inside) ZK_TRY_STATUS(give_away(dir));
  }
  Status synced = fs_.sync_dir(parent);
  // The parent of an existing root may be closed to us; its name is its maker's concern.
  if (!synced && !(info && !inside && synced.error().id() == ErrorId::kPermission)) return synced;
  durable_dirs_.insert(dir);
  return {};
}

// Asked every time: storage that maps root to somebody else gives the right owner by itself.
Status LocalBackend::give_away(const std::string& path) {
  if (system_ == nullptr || system_->self().uid != 0) return {};
  ZK_TRY(const FileInfo home, fs_.info(root_));
  ZK_TRY(const FileInfo made, fs_.info(path));
  if (made.uid == home.uid && made.gid == home.gid) return {};
  return fs_.set_owner(path, home.uid, home.gid);
}

Status LocalBackend::make_parent(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return make_dir(parent_path(path));
}

Result<std::unique_ptr<File>> LocalBackend::create_temporary() {
  for (bool again = false;; again = true) {
    std::byte name[8];
    random_.fill(name);
    const std::string path = join_path(join_path(root_, kTemporaryDir), to_hex(name));
    ZK_TRY_STATUS(make_parent(path));
    Result<std::unique_ptr<File>> file = fs_.create(path, CreateOptions{});
    if (file) {
      Status given = give_away(path);
      if (given) return file;
      static_cast<void>(fs_.remove_file(path).has_value());
      return fail(std::move(given).error());
    }
    if (file.error().id() != ErrorId::kNoFile || again) return file;
    // Somebody put another directory in this one's place: what we know of its inside is void.
    const std::lock_guard lock(mutex_);
    durable_dirs_.clear();
  }
}

Status LocalBackend::publish(const std::string& temporary, const std::string& key, Durability durability) {
  const std::string path = path_of(key);
  ZK_TRY_STATUS(make_parent(path));
  ZK_TRY_STATUS(fs_.rename(temporary, path));
  if (durability == Durability::kDurable) ZK_TRY_STATUS(fs_.sync_dir(parent_path(path)));
  return {};
}

/// The temporary file of one put: removed unless published.
class LocalWriter final : public BackendWriter {
 public:
  LocalWriter(LocalBackend& backend, std::unique_ptr<File> file)
      : backend_(backend), path_(file->path()), file_(std::move(file)) {}
  ~LocalWriter() override {
    file_.reset();
    if (!published_) best_effort([this] { static_cast<void>(backend_.fs_.remove_file(path_).has_value()); });
  }
  Status append(Bytes bytes) override { return file_->append(bytes); }
  Status commit(const std::string& key) override { return commit(key, Durability::kDurable); }
  Status commit(const std::string& key, Durability durability) {
    ZK_CHECK(file_ != nullptr && valid_key(key));
    // Volatile or not: a name that survives a power cut without its bytes would be damage.
    ZK_TRY_STATUS(file_->sync());
    file_.reset();
    ZK_TRY_STATUS(backend_.publish(path_, key, durability));
    published_ = true;
    return {};
  }

 private:
  LocalBackend& backend_;
  std::string path_;
  std::unique_ptr<File> file_;
  bool published_ = false;
};

Result<std::unique_ptr<BackendWriter>> LocalBackend::open_writer() {
  ZK_TRY(auto file, create_temporary());
  return std::unique_ptr<BackendWriter>(std::make_unique<LocalWriter>(*this, std::move(file)));
}

Status LocalBackend::put(const std::string& key, Bytes bytes, Durability durability) {
  ZK_TRY(auto file, create_temporary());
  LocalWriter writer(*this, std::move(file));
  ZK_TRY_STATUS(writer.append(bytes));
  return writer.commit(key, durability);
}

Status LocalBackend::confirm(const std::string& key) {
  // The data was synced before it got this name; only the name, and those of its directories, are in doubt.
  const std::string path = path_of(key);
  ZK_TRY_STATUS(fs_.info(path));
  ZK_TRY_STATUS(make_parent(path));
  return fs_.sync_dir(parent_path(path));
}

Result<std::size_t> LocalBackend::get(const std::string& key, std::uint64_t offset, MutableBytes into) {
  ZK_TRY(auto file, fs_.open(path_of(key)));
  return file->read_at(offset, into);
}

Result<BackendEntry> LocalBackend::info(const std::string& key) {
  ZK_TRY(FileInfo info, fs_.info(path_of(key)));
  if (info.type != FileType::kFile)
    return fail(Error(ErrorId::kUnknownFile, "not a regular file").at(path_of(key)));
  return BackendEntry{key, info.size_bytes, info.mtime_ns / 1'000'000};
}

Status LocalBackend::list_dir(const std::string& key_prefix, const std::string& wanted, int depth,
                              std::vector<BackendEntry>& out) {
  Result<std::vector<DirEntry>> entries = fs_.list(key_prefix.empty() ? root_ : path_of(key_prefix));
  if (!entries) {
    if (entries.error().id() == ErrorId::kNoFile) return {};
    return fail(std::move(entries).error());
  }
  for (const DirEntry& entry : *entries) {
    const std::string key = key_prefix + entry.name;
    if (key == kTemporaryDir && entry.type == FileType::kDirectory) continue;
    if (entry.type == FileType::kDirectory && depth < kDepthMax) {
      const std::string inner = key + "/";
      // Only where one is a prefix of the other can there be wanted keys.
      const std::size_t common = std::min(inner.size(), wanted.size());
      if (inner.compare(0, common, wanted, 0, common) == 0)
        ZK_TRY_STATUS(list_dir(inner, wanted, depth + 1, out));
      continue;
    }
    if (key.compare(0, wanted.size(), wanted) != 0) continue;
    BackendEntry found{key, 0, 0};
    if (entry.type == FileType::kFile) {
      Result<FileInfo> info = fs_.info(path_of(key));
      if (!info) {
        if (info.error().id() == ErrorId::kNoFile) continue;  // gone meanwhile
        return fail(std::move(info).error());
      }
      found.size_bytes = info->size_bytes;
      found.modified_ms = info->mtime_ns / 1'000'000;
    }
    out.push_back(std::move(found));
  }
  return {};
}

Result<std::vector<BackendEntry>> LocalBackend::list(const std::string& prefix) {
  std::vector<BackendEntry> entries;
  const std::size_t slash = prefix.rfind('/');
  const std::string dir = slash == std::string::npos ? "" : prefix.substr(0, slash + 1);
  ZK_TRY_STATUS(list_dir(dir, prefix, 0, entries));
  std::sort(entries.begin(), entries.end(),
            [](const BackendEntry& a, const BackendEntry& b) { return a.key < b.key; });
  return entries;
}

Status LocalBackend::remove(std::span<const std::string> keys) {
  std::set<std::string> dirs;
  for (const std::string& key : keys) {
    const std::string path = path_of(key);
    Status removed = fs_.remove_file(path);
    if (!removed && removed.error().id() != ErrorId::kNoFile) return removed;
    // Absent may mean: removed by a run that died before the directory was synced.
    dirs.insert(parent_path(path));
  }
  for (const std::string& dir : dirs) {
    Status synced = fs_.sync_dir(dir);
    if (!synced && synced.error().id() != ErrorId::kNoFile) return synced;
  }
  return {};
}

Result<std::optional<std::uint64_t>> LocalBackend::free_bytes() {
  ZK_TRY(std::uint64_t bytes, fs_.free_bytes(root_));
  return std::optional<std::uint64_t>(bytes);
}

Result<std::vector<BackendEntry>> LocalBackend::list_temporary() {
  std::vector<BackendEntry> entries;
  const std::string prefix = std::string(kTemporaryDir) + "/";
  ZK_TRY_STATUS(list_dir(prefix, prefix, 0, entries));
  return entries;
}

Status LocalBackend::clean_temporary() {
  ZK_TRY(std::vector<BackendEntry> entries, list_temporary());
  for (const BackendEntry& entry : entries) {
    Status removed = fs_.remove_file(path_of(entry.key));
    if (!removed && removed.error().id() != ErrorId::kNoFile) return removed;
  }
  return {};
}

}  // namespace zkark::backup
