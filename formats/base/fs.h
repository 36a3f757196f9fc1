#pragma once
// Seam: the file system. Everything that touches a file goes through here, so that crash, power-cut,
// disk-full and I/O-error tests run in one deterministic process (tests/support/sim_fs.h), and
// src/os/posix_fs is the only code that calls the kernel.
//
// Paths are UTF-8 byte strings with '/' separators, relative or absolute, as the user gave them; errors name
// them like that. All methods are thread-safe; one File must not be used by two threads at once.
//
// Durability contract: data is on disk only after File::sync(); a name (created, renamed, removed) only after
// sync_dir() of its directory. A failed sync() is final: the file must be dropped and written anew.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/bytes.h"
#include "formats/base/result.h"

namespace zkark {

enum class FileType : std::uint8_t { kFile, kDirectory, kSymlink, kOther };

struct FileInfo {
  FileType type = FileType::kFile;
  std::uint64_t size_bytes = 0;
  std::int64_t mtime_ns = 0;  // wall clock of the file system
  std::uint32_t mode = 0;     // permission bits only
  std::uint32_t uid = 0, gid = 0;
  std::uint64_t device = 0, inode = 0;  // equal pair = same file
};

struct DirEntry {
  std::string name;  // without directory
  FileType type = FileType::kFile;
};

/// An open file. Closed by the destructor.
class File {
 public:
  virtual ~File() = default;
  /// Reads up to into.size() bytes at `offset`. Fewer bytes than asked for means end of file, nothing else.
  virtual Result<std::size_t> read_at(std::uint64_t offset, MutableBytes into) = 0;
  virtual Result<FileInfo> info() = 0;
  /// Appends all of `bytes`, or fails (a prefix may have been written). Only for files from create().
  virtual Status append(Bytes bytes) = 0;
  /// Makes room for appends: `bytes` zero bytes stand behind the last appended one, as part of the file's
  /// size. append() writes into them, so it neither changes the size nor runs out of space there, and a sync
  /// of it needs no change of the file system's own tables. Only for files from create(). kDiskFull when
  /// there is no room; the file is then as before, or has fewer zeros. A reader sees the zeros: formats that
  /// know padding only (txn logs).
  virtual Status reserve(std::uint64_t bytes);
  /// Data and size on disk when it returns ok (fsync).
  virtual Status sync() = 0;
  /// The same, but times may stay behind (fdatasync).
  virtual Status sync_data() { return sync(); }
  /// What was synced of it will not be read soon: the system may use the memory for others.
  virtual void will_not_be_read() {}
  /// The path it was opened by.
  virtual const std::string& path() const = 0;
};

/// What readers need: they cannot write. Symlinks are followed on open and info.
class ReadFs {
 public:
  virtual ~ReadFs() = default;
  /// kNoFile, kPermission, kStorage. Opens read-only; never changes atime where the system allows that.
  virtual Result<std::unique_ptr<File>> open(const std::string& path) = 0;
  /// Entries in no particular order, without "." and "..".
  virtual Result<std::vector<DirEntry>> list(const std::string& dir) = 0;
  /// Follows symlinks; kNoFile when nothing is there.
  virtual Result<FileInfo> info(const std::string& path) = 0;
};

struct CreateOptions {
  std::uint32_t mode = 0600;  // exact, whatever the umask
};

class Fs : public ReadFs {
 public:
  /// A new file for append; kExists when the name is taken (O_EXCL, O_NOFOLLOW).
  virtual Result<std::unique_ptr<File>> create(const std::string& path, CreateOptions options) = 0;
  /// One new directory with exactly this mode; kExists when the name is taken.
  virtual Status make_dir(const std::string& path, std::uint32_t mode) = 0;
  /// Atomic replace of a file; renames directories too when `to` does not exist.
  virtual Status rename(const std::string& from, const std::string& to) = 0;
  virtual Status remove_file(const std::string& path) = 0;
  virtual Status remove_dir(const std::string& path) = 0;
  virtual Status sync_dir(const std::string& dir) = 0;
  /// Creates or overwrites a small file in place, without any sync: after a crash it may hold the old bytes,
  /// the new ones, a mix, or not exist. For hints that carry their own checksum.
  virtual Status write_hint(const std::string& path, Bytes content, CreateOptions options) = 0;
  /// Does not follow symlinks.
  virtual Status set_owner(const std::string& path, std::uint32_t uid, std::uint32_t gid) = 0;
  virtual Status set_mode(const std::string& path, std::uint32_t mode) = 0;
  /// Bytes an ordinary user can still write on the file system that holds `path`.
  virtual Result<std::uint64_t> free_bytes(const std::string& path) = 0;
};

// ---- helpers over the seam (fs.cc) ----

/// "a" + "b" -> "a/b"; an absolute second part stands alone.
std::string join_path(std::string_view dir, std::string_view name);
/// "/x/y" -> "/x"; "y" -> "."; "/" -> "/".
std::string parent_path(std::string_view path);
std::string_view base_name(std::string_view path);

/// The whole file, kBadLength when it is larger than max_bytes.
Result<std::string> read_file(ReadFs& fs, const std::string& path, std::uint64_t max_bytes);
/// True when something is there; fails on anything but kNoFile.
Result<bool> exists(ReadFs& fs, const std::string& path);
/// Exactly into.size() bytes; kTruncated (with file and offset) when the file ends earlier.
Status read_exactly(File& file, std::uint64_t offset, MutableBytes into);
/// Temporary name + fsync + rename + fsync of the directory: after ok, the new content is durable; after a
/// failure or a crash, `path` has its old content. The temporary name is path + ".tmp".
Status write_file_atomic(Fs& fs, const std::string& path, Bytes content, CreateOptions options);
/// Makes `path` and missing parents, syncing each parent directory.
Status make_dirs(Fs& fs, const std::string& path, std::uint32_t mode);
/// Removes a directory tree without following symlinks; absent is ok.
Status remove_tree(Fs& fs, const std::string& path);

}  // namespace zkark
