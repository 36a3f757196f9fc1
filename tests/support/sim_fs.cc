#include "tests/support/sim_fs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "formats/base/check.h"
#include "formats/base/system_error.h"

namespace zkark::test {
namespace {

Failure killed_failure(const std::string& path) { return fail(Error(ErrorId::kInternal, "killed").at(path)); }

bool looks_up(OpKind kind) { return kind == OpKind::kOpen || kind == OpKind::kInfo; }

std::uint64_t name_order(std::string_view name) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

}  // namespace

std::string_view to_string(OpKind kind) {
  static constexpr std::string_view kNames[] = {
      "open",       "read",     "file info", "list",     "info",       "free bytes",
      "create",     "append",   "sync",      "make dir", "rename",     "remove file",
      "remove dir", "sync dir", "set owner", "set mode", "write hint", "reserve"};
  return kNames[static_cast<std::size_t>(kind)];
}

std::string Operation::to_string() const {
  std::string text = fmt::format("{} {}", test::to_string(kind), path);
  if (!to.empty()) text += " -> " + to;
  if (kind == OpKind::kAppend || kind == OpKind::kReserve || kind == OpKind::kRead)
    text += fmt::format(", {} bytes", bytes);
  if (!ok) text += " (failed)";
  return text;
}

struct SimFs::Verdict {
  enum { kGo, kRefuse, kRefuseAfterwards, kDead } what = kGo;
  int error_number = 0;
  unsigned partial_percent = 0;
};

SimFs::SimFs(Clock* clock) : clock_(clock) {}
SimFs::~SimFs() = default;

SimFs::Verdict SimFs::judge(const Operation& operation) {
  if (killed_) return {Verdict::kDead, 0, 0};
  if (!fault_ || (fault_->kinds & op(operation.kind)) == 0) return {};
  if (operation.path.find(fault_->path_contains) == std::string::npos &&
      operation.to.find(fault_->path_contains) == std::string::npos)
    return {};
  ++matched_;
  if (matched_ < fault_->at || (matched_ > fault_->at && !fault_->forever)) return {};
  if (!hit_) hit_ = operation;
  switch (fault_->action) {
    case Fault::Action::kFail:
      return {Verdict::kRefuse, fault_->error_number, fault_->partial_percent};
    case Fault::Action::kFailAfterDoing:
      return {Verdict::kRefuseAfterwards, fault_->error_number, 0};
    case Fault::Action::kKill:
      break;
  }
  killed_ = true;
  return {Verdict::kDead, 0, fault_->partial_percent};
}

void SimFs::finish(Operation operation) {
  const bool change = (kMutations & op(operation.kind)) != 0;
  if (change || log_looks_) log_.push_back(std::move(operation));
}

template <class Body>
Status SimFs::run(OpKind kind, const std::string& path, const std::string& to, std::string_view doing,
                  Body body) {
  Operation operation;
  operation.kind = kind;
  operation.path = path;
  operation.to = to;
  if (hook_) hook_(operation);
  const std::lock_guard lock(mutex_);
  const Verdict verdict = judge(operation);
  int number = verdict.error_number;
  if (verdict.what == Verdict::kGo) {
    number = body(operation);
  } else if (verdict.what == Verdict::kRefuseAfterwards) {
    if (int own = body(operation)) number = own;
  }
  operation.ok = number == 0 && verdict.what == Verdict::kGo;
  const bool good = operation.ok;
  finish(std::move(operation));
  if (good) return {};
  if (verdict.what == Verdict::kDead) return killed_failure(path);
  return fail(looks_up(kind) ? lookup_error(number, doing, path) : system_error(number, doing, path));
}

/// A handle of one process: dead once that process is (see generation_).
class SimFile final : public File {
 public:
  SimFile(SimFs& fs, World::Id id, std::string path, bool writable)
      : fs_(fs), id_(id), generation_(fs.generation_), path_(std::move(path)), writable_(writable) {}

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    std::size_t got = 0;
    ZK_TRY_STATUS(check_alive());
    Status status = fs_.run(OpKind::kRead, path_, {}, "read", [&](Operation& operation) {
      const std::vector<std::byte>& content = *fs_.world_.inode(id_).content;
      if (offset < content.size()) got = std::min<std::uint64_t>(into.size(), content.size() - offset);
      if (got > 0) std::memcpy(into.data(), content.data() + offset, got);
      operation.bytes = got;
      return 0;
    });
    if (!status) return fail(std::move(status).error().at_offset(offset));
    return got;
  }

  Result<FileInfo> info() override {
    FileInfo info;
    ZK_TRY_STATUS(check_alive());
    ZK_TRY_STATUS(fs_.run(OpKind::kFileInfo, path_, {}, "look at", [&](Operation&) {
      info = fs_.info_of(id_);
      return 0;
    }));
    return info;
  }

  Status append(Bytes bytes) override {
    return write(OpKind::kAppend, "write", end_, bytes.size(), [&](std::uint64_t allowed) {
      fs_.world_.append(id_, end_, bytes.first(allowed), fs_.now_ns());
      end_ += allowed;
    });
  }
  Status reserve(std::uint64_t bytes) override {
    const std::uint64_t from = std::max(end_, reserved_);
    const std::uint64_t wanted = std::max(from, end_ + bytes);
    return write(OpKind::kReserve, "reserve room in", from, wanted - from, [&](std::uint64_t allowed) {
      fs_.world_.reserve(id_, from + allowed, fs_.now_ns());
      reserved_ = from + allowed;
    });
  }

  Status sync() override {
    ZK_TRY_STATUS(check_alive());
    if (sync_errno_ != 0) return fail(system_error(sync_errno_, "go on after a failed sync", path_));
    bool synced = false;
    Status status = fs_.run(OpKind::kSync, path_, {}, "sync to disk", [&](Operation&) {
      fs_.world_.sync(id_);
      synced = true;
      return 0;
    });
    if (status || status.error().system_errno() == 0) return status;
    sync_errno_ = status.error().system_errno();
    const std::lock_guard lock(fs_.mutex_);
    if (!synced) fs_.world_.fail_sync(id_);
    return status;
  }

  const std::string& path() const override { return path_; }

 private:
  template <class Put>
  Status write(OpKind kind, std::string_view doing, std::uint64_t offset, std::uint64_t size, Put put);

  Status check_alive() const {
    const std::lock_guard lock(fs_.mutex_);
    if (generation_ == fs_.generation_) return {};
    return killed_failure(path_);
  }

  SimFs& fs_;
  World::Id id_;
  std::uint64_t generation_;
  std::string path_;
  bool writable_;
  std::uint64_t end_ = 0;       // of what was appended
  std::uint64_t reserved_ = 0;  // of what was reserved
  int sync_errno_ = 0;
};

/// `put` writes as many of `size` bytes at `offset` as faults and the disk's room allow.
template <class Put>
Status SimFile::write(OpKind kind, std::string_view doing, std::uint64_t offset, std::uint64_t size,
                      Put put) {
  ZK_TRY_STATUS(check_alive());
  if (sync_errno_ != 0) return fail(system_error(sync_errno_, "go on after a failed sync", path_));
  Operation operation;
  operation.kind = kind;
  operation.path = path_;
  operation.bytes = size;
  if (fs_.hook_) fs_.hook_(operation);
  const std::lock_guard lock(fs_.mutex_);
  const SimFs::Verdict verdict = fs_.judge(operation);
  int number = verdict.error_number;
  std::uint64_t allowed = size;
  if (verdict.what == SimFs::Verdict::kRefuse || verdict.what == SimFs::Verdict::kDead)
    allowed = size * verdict.partial_percent / 100;
  if (!writable_) {
    allowed = 0;
    number = EBADF;
  }
  if (fs_.capacity_bytes_) {
    const std::uint64_t used = fs_.world_.used_bytes();
    const std::uint64_t free = *fs_.capacity_bytes_ > used ? *fs_.capacity_bytes_ - used : 0;
    // What stands there already, reserved, needs no room.
    const std::uint64_t there = fs_.world_.inode(id_).content->size();
    const std::uint64_t room = (there > offset ? there - offset : 0) + free;
    if (allowed > room) {
      allowed = room;
      if (number == 0) number = ENOSPC;
    }
  }
  if (writable_) put(allowed);
  operation.bytes = allowed;
  operation.ok = number == 0 && verdict.what == SimFs::Verdict::kGo;
  const bool good = operation.ok;
  fs_.finish(std::move(operation));
  if (good) return {};
  if (verdict.what == SimFs::Verdict::kDead) return killed_failure(path_);
  return fail(system_error(number, doing, path_));
}

Result<std::unique_ptr<File>> SimFs::open(const std::string& path) {
  World::Id id = 0;
  ZK_TRY_STATUS(run(OpKind::kOpen, path, {}, "open", [&](Operation&) {
    if (int number = world_.find(path, true, id)) return number;
    return world_.inode(id).type == FileType::kFile ? 0 : EISDIR;
  }));
  return std::unique_ptr<File>(std::make_unique<SimFile>(*this, id, path, false));
}

Result<std::vector<DirEntry>> SimFs::list(const std::string& dir) {
  std::vector<DirEntry> entries;
  ZK_TRY_STATUS(run(OpKind::kList, dir, {}, "list", [&](Operation&) {
    World::Id id = 0;
    if (int number = world_.find(dir, true, id)) return number;
    if (world_.inode(id).type != FileType::kDirectory) return ENOTDIR;
    for (const auto& [name, child] : world_.inode(id).names)
      entries.push_back({name, world_.inode(child).type});
    return 0;
  }));
  std::sort(entries.begin(), entries.end(),
            [](const DirEntry& a, const DirEntry& b) { return name_order(a.name) < name_order(b.name); });
  return entries;
}

Result<FileInfo> SimFs::info(const std::string& path) {
  FileInfo info;
  ZK_TRY_STATUS(run(OpKind::kInfo, path, {}, "look at", [&](Operation&) {
    World::Id id = 0;
    if (int number = world_.find(path, true, id)) return number;
    info = info_of(id);
    return 0;
  }));
  return info;
}

bool SimFs::full() const { return capacity_bytes_ && world_.used_bytes() >= *capacity_bytes_; }

Result<std::unique_ptr<File>> SimFs::create(const std::string& path, CreateOptions options) {
  World::Id id = 0;
  ZK_TRY_STATUS(run(OpKind::kCreate, path, {}, "create", [&](Operation&) {
    if (full()) return ENOSPC;
    return world_.create(path, FileType::kFile, options.mode, now_ns(), id);
  }));
  return std::unique_ptr<File>(std::make_unique<SimFile>(*this, id, path, true));
}

Status SimFs::make_dir(const std::string& path, std::uint32_t mode) {
  return run(OpKind::kMakeDir, path, {}, "make directory", [&](Operation&) {
    World::Id id = 0;
    if (full()) return ENOSPC;
    return world_.create(path, FileType::kDirectory, mode, now_ns(), id);
  });
}

Status SimFs::rename(const std::string& from, const std::string& to) {
  return run(OpKind::kRename, from, to, "rename to " + to, [&](Operation&) {
    World::Id id = 0;
    const bool careless = world_.find(from, false, id) == 0 && world_.has_unsynced_data(id);
    const int number = world_.rename(from, to, now_ns());
    if (number == 0 && careless) careless_.push_back(from + " -> " + to);
    return number;
  });
}

Status SimFs::remove_file(const std::string& path) {
  return run(OpKind::kRemoveFile, path, {}, "remove",
             [&](Operation&) { return world_.remove(path, false, now_ns()); });
}

Status SimFs::remove_dir(const std::string& path) {
  return run(OpKind::kRemoveDir, path, {}, "remove directory",
             [&](Operation&) { return world_.remove(path, true, now_ns()); });
}

Status SimFs::sync_dir(const std::string& dir) {
  return run(OpKind::kSyncDir, dir, {}, "sync directory to disk", [&](Operation&) {
    World::Id id = 0;
    if (int number = world_.find(dir, true, id)) return number;
    if (world_.inode(id).type != FileType::kDirectory) return ENOTDIR;
    world_.sync_names(id);
    return 0;
  });
}

Status SimFs::write_hint(const std::string& path, Bytes content, CreateOptions options) {
  return run(OpKind::kWriteHint, path, {}, "write", [&](Operation& operation) {
    World::Id id = 0;
    operation.bytes = content.size();
    if (world_.find(path, false, id) != 0) {
      if (full()) return ENOSPC;
      if (int number = world_.create(path, FileType::kFile, options.mode, now_ns(), id)) return number;
    }
    if (world_.inode(id).type == FileType::kSymlink) return ELOOP;
    if (world_.inode(id).type != FileType::kFile) return EISDIR;
    world_.overwrite(id, content, now_ns());
    return 0;
  });
}

Status SimFs::set_owner(const std::string& path, std::uint32_t uid, std::uint32_t gid) {
  return run(OpKind::kSetOwner, path, {}, "change the owner", [&](Operation&) {
    World::Id id = 0;
    if (int number = world_.find(path, false, id)) return number;
    World::Inode& inode = world_.edit(id);
    inode.uid = uid;
    inode.gid = gid;
    return 0;
  });
}

Status SimFs::set_mode(const std::string& path, std::uint32_t mode) {
  return run(OpKind::kSetMode, path, {}, "change the mode", [&](Operation&) {
    World::Id id = 0;
    if (int number = world_.find(path, false, id)) return number;
    if (world_.inode(id).type == FileType::kSymlink) return EOPNOTSUPP;
    world_.edit(id).mode = mode;
    return 0;
  });
}

Result<std::uint64_t> SimFs::free_bytes(const std::string& path) {
  std::uint64_t free = std::uint64_t{1} << 40;
  ZK_TRY_STATUS(run(OpKind::kFreeBytes, path, {}, "ask for free space", [&](Operation&) {
    World::Id id = 0;
    if (capacity_bytes_) free = full() ? 0 : *capacity_bytes_ - world_.used_bytes();
    return world_.find(path, true, id);
  }));
  return free;
}

std::int64_t SimFs::now_ns() { return clock_ ? clock_->wall().ms * 1'000'000 : ++ticks_ * 1'000'000; }

FileInfo SimFs::info_of(World::Id id) const {
  const World::Inode& inode = world_.inode(id);
  FileInfo info;
  info.type = inode.type;
  info.size_bytes = inode.content ? inode.content->size() : 0;
  info.mtime_ns = inode.mtime_ns;
  info.mode = inode.mode;
  info.uid = inode.uid;
  info.gid = inode.gid;
  info.device = 1;
  info.inode = id;
  return info;
}

}  // namespace zkark::test
