#include "src/os/posix_fs.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>

#include "formats/base/system_error.h"
#include "src/os/descriptor.h"

namespace zkark::os {
namespace {

FileType type_of(mode_t mode) {
  if (S_ISREG(mode)) return FileType::kFile;
  if (S_ISDIR(mode)) return FileType::kDirectory;
  if (S_ISLNK(mode)) return FileType::kSymlink;
  return FileType::kOther;
}

FileInfo info_of(const struct stat& s) {
  FileInfo info;
  info.type = type_of(s.st_mode);
  info.size_bytes = static_cast<std::uint64_t>(s.st_size);
  info.mtime_ns = static_cast<std::int64_t>(s.st_mtim.tv_sec) * 1'000'000'000 + s.st_mtim.tv_nsec;
  info.mode = s.st_mode & 07777;
  info.uid = s.st_uid;
  info.gid = s.st_gid;
  info.device = s.st_dev;
  info.inode = s.st_ino;
  return info;
}

Failure failed(std::string_view doing, const std::string& path) {
  return fail(system_error(errno, doing, path));
}

class PosixFile final : public File {
 public:
  PosixFile(Descriptor fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

  Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) override {
    constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());
    std::size_t done = 0;
    while (done < into.size() && offset + done <= kLargest) {
      const ssize_t n = retry([&] {
        return ::pread(fd_.get(), into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
      });
      if (n < 0) return fail(system_error(errno, "read", path_).at_offset(offset + done));
      if (n == 0) break;
      done += static_cast<std::size_t>(n);
    }
    return done;
  }

  Result<FileInfo> info() override {
    struct stat s {};
    if (::fstat(fd_.get(), &s) != 0) return failed("look at", path_);
    return info_of(s);
  }

  Status append(Bytes bytes) override {
    ZK_TRY_STATUS(still_good());
    while (!bytes.empty()) {
      const ssize_t n = retry([&] { return ::pwrite(fd_.get(), bytes.data(), bytes.size(), end_); });
      if (n < 0) return failed("write", path_);
      bytes = bytes.subspan(static_cast<std::size_t>(n));
      end_ += n;
    }
    return {};
  }

  Status reserve(std::uint64_t bytes) override {
    ZK_TRY_STATUS(still_good());
    const off_t wanted = end_ + static_cast<off_t>(bytes);
    // Zeros that are really written: a sync of what is written over them later has no extent to convert.
    static constexpr std::array<std::byte, 256 << 10> kZeros{};
    for (off_t at = std::max(end_, reserved_); at < wanted;) {
      const std::size_t size = std::min(kZeros.size(), static_cast<std::size_t>(wanted - at));
      const ssize_t n = retry([&] { return ::pwrite(fd_.get(), kZeros.data(), size, at); });
      if (n < 0) return failed("reserve room in", path_);
      at += n;
      reserved_ = at;
    }
    return {};
  }

  Status sync() override {
    return sync_with([](int fd) { return ::fsync(fd); });
  }
  Status sync_data() override {
    return sync_with([](int fd) { return ::fdatasync(fd); });
  }

  void will_not_be_read() override { ::posix_fadvise(fd_.get(), 0, 0, POSIX_FADV_DONTNEED); }

  const std::string& path() const override { return path_; }

 private:
  Status still_good() const {
    if (sync_errno_ == 0) return {};
    return fail(system_error(sync_errno_, "go on after a failed sync", path_));
  }

  template <class Sync>
  Status sync_with(Sync sync) {
    ZK_TRY_STATUS(still_good());
    if (retry([&] { return sync(fd_.get()); }) == 0) return {};
    sync_errno_ = errno;
    return failed("sync to disk", path_);
  }

  Descriptor fd_;
  std::string path_;
  off_t end_ = 0;       // of what was appended
  off_t reserved_ = 0;  // of what was reserved
  int sync_errno_ = 0;
};

/// Sets exactly `mode` on what was just created with a narrower one. Left alone where it is right already:
/// some file systems have fixed modes and refuse every chmod.
bool make_mode_exact(int fd, std::uint32_t mode) {
  struct stat s {};
  if (::fstat(fd, &s) != 0) return false;
  return (s.st_mode & 07777) == mode || ::fchmod(fd, mode) == 0;
}

bool is_directory(const std::string& path) {
  struct stat s {};
  return ::lstat(path.c_str(), &s) == 0 && S_ISDIR(s.st_mode);
}

int rename_directory(const std::string& from, const std::string& to) {
  const int outcome = ::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE);
  if (outcome == 0 || (errno != EINVAL && errno != ENOSYS)) return outcome;
  // The file system cannot refuse to replace (EINVAL also means "into itself", which rename says again).
  struct stat s {};
  if (::lstat(to.c_str(), &s) == 0) {
    errno = EEXIST;
    return -1;
  }
  return ::rename(from.c_str(), to.c_str());
}

}  // namespace

Result<std::unique_ptr<File>> PosixFs::open(const std::string& path) {
  // O_NONBLOCK: opening a FIFO must not wait for its writer. It does nothing to regular files.
  constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
  Descriptor fd(retry([&] { return ::open(path.c_str(), kFlags | O_NOATIME); }));
  if (!fd && errno == EPERM) fd = Descriptor(retry([&] { return ::open(path.c_str(), kFlags); }));
  if (!fd) return fail(lookup_error(errno, "open", path));
  struct stat s {};
  if (::fstat(fd.get(), &s) != 0) return failed("look at", path);
  if (S_ISDIR(s.st_mode)) return fail(system_error(EISDIR, "open", path));
  if (!S_ISREG(s.st_mode))
    return fail(Error(ErrorId::kStorage, "cannot open: neither a file nor a directory").at(path));
  ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  return std::unique_ptr<File>(std::make_unique<PosixFile>(std::move(fd), path));
}

Result<std::vector<DirEntry>> PosixFs::list(const std::string& dir) {
  Descriptor fd(retry([&] { return ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!fd) return failed("list", dir);
  std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(fd.get()), ::closedir);
  if (!stream) return failed("list", dir);
  fd.release();
  std::vector<DirEntry> entries;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    FileType type = type_of(DTTOIF(entry->d_type));
    if (entry->d_type == DT_UNKNOWN) {
      struct stat s {};
      if (::fstatat(::dirfd(stream.get()), entry->d_name, &s, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) continue;  // removed while we looked
        return failed("look at", join_path(dir, name));
      }
      type = type_of(s.st_mode);
    }
    entries.push_back({std::string(name), type});
  }
  if (errno != 0) return failed("list", dir);
  return entries;
}

Result<FileInfo> PosixFs::info(const std::string& path) {
  struct stat s {};
  if (::stat(path.c_str(), &s) != 0) return fail(lookup_error(errno, "look at", path));
  return info_of(s);
}

Result<std::unique_ptr<File>> PosixFs::create(const std::string& path, CreateOptions options) {
  constexpr int kFlags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  // Born with the owner's bits alone: nobody else can open it before the mode is what was asked for.
  Descriptor fd(retry([&] { return ::open(path.c_str(), kFlags, options.mode & 0700); }));
  if (!fd) return failed("create", path);
  if (!make_mode_exact(fd.get(), options.mode)) {
    const int number = errno;
    ::unlink(path.c_str());
    return fail(system_error(number, "set the mode of a new file", path));
  }
  return std::unique_ptr<File>(std::make_unique<PosixFile>(std::move(fd), path));
}

Status PosixFs::make_dir(const std::string& path, std::uint32_t mode) {
  if (::mkdir(path.c_str(), mode & 0700) != 0) return failed("make directory", path);
  struct stat s {};
  const bool exact =
      ::lstat(path.c_str(), &s) == 0 &&
      ((s.st_mode & 07777) == mode || ::fchmodat(AT_FDCWD, path.c_str(), mode, AT_SYMLINK_NOFOLLOW) == 0);
  if (exact) return {};
  const int number = errno;
  ::rmdir(path.c_str());
  return fail(system_error(number, "set the mode of a new directory", path));
}

Status PosixFs::rename(const std::string& from, const std::string& to) {
  const int outcome = is_directory(from) ? rename_directory(from, to) : ::rename(from.c_str(), to.c_str());
  if (outcome == 0) return {};
  const int number = errno;
  return fail(system_error(number, "rename to " + to, from));
}

Status PosixFs::remove_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return failed("remove", path);
  return {};
}

Status PosixFs::remove_dir(const std::string& path) {
  if (::rmdir(path.c_str()) != 0) return failed("remove directory", path);
  return {};
}

Status PosixFs::sync_dir(const std::string& dir) {
  Descriptor fd(retry([&] { return ::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!fd) return failed("open directory", dir);
  if (retry([&] { return ::fsync(fd.get()); }) == 0 || errno == EINVAL || errno == EOPNOTSUPP) return {};
  return failed("sync directory to disk", dir);
}

Status PosixFs::write_hint(const std::string& path, Bytes content, CreateOptions options) {
  constexpr int kFlags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
  Descriptor fd(retry([&] { return ::open(path.c_str(), kFlags, options.mode); }));
  if (!fd) return failed("open", path);
  const ssize_t n = retry([&] { return ::pwrite(fd.get(), content.data(), content.size(), 0); });
  if (n < 0) return failed("write", path);
  if (static_cast<std::size_t>(n) != content.size()) return fail(system_error(ENOSPC, "write", path));
  return {};
}

Status PosixFs::set_owner(const std::string& path, std::uint32_t uid, std::uint32_t gid) {
  if (::lchown(path.c_str(), uid, gid) != 0) return failed("change the owner", path);
  return {};
}

Status PosixFs::set_mode(const std::string& path, std::uint32_t mode) {
  if (::fchmodat(AT_FDCWD, path.c_str(), mode, AT_SYMLINK_NOFOLLOW) != 0)
    return failed("change the mode", path);
  return {};
}

Result<std::uint64_t> PosixFs::free_bytes(const std::string& path) {
  struct statvfs s {};
  if (retry([&] { return ::statvfs(path.c_str(), &s); }) != 0) return failed("ask for free space", path);
  return static_cast<std::uint64_t>(s.f_bavail) * s.f_frsize;
}

}  // namespace zkark::os
