#pragma once
#include "formats/base/fs.h"

namespace zkark::os {

/// Fs over Linux system calls. Has no state: any number of threads may share one.
///
/// Beyond the contract of Fs:
/// - open() takes regular files only: a FIFO or device in a data directory is an Error, never a hang.
/// - O_NOATIME where the kernel permits it (owner or root), silently without elsewhere.
/// - EINTR is retried, short writes are continued.
/// - After a failed sync() every later append() and sync() of that File fails too: Linux marks the pages
/// clean,
///   so a second fsync would report a success that is none.
/// - sync_dir() is ok on file systems that have no such thing (EINVAL, EOPNOTSUPP: SMB, some FUSE): their
///   server decides, and refusing would make them unusable as a place for a repository.
/// - Errors carry the words of the system, errno, path and a hint (formats/base/system_error.h).
class PosixFs final : public Fs {
 public:
  Result<std::unique_ptr<File>> open(const std::string& path) override;
  Result<std::vector<DirEntry>> list(const std::string& dir) override;
  Result<FileInfo> info(const std::string& path) override;

  Result<std::unique_ptr<File>> create(const std::string& path, CreateOptions options) override;
  Status make_dir(const std::string& path, std::uint32_t mode) override;
  /// A directory is renamed with RENAME_NOREPLACE, so it never swallows one that appeared meanwhile.
  Status rename(const std::string& from, const std::string& to) override;
  Status remove_file(const std::string& path) override;
  Status remove_dir(const std::string& path) override;
  Status sync_dir(const std::string& dir) override;
  Status write_hint(const std::string& path, Bytes content, CreateOptions options) override;
  Status set_owner(const std::string& path, std::uint32_t uid, std::uint32_t gid) override;
  Status set_mode(const std::string& path, std::uint32_t mode) override;
  Result<std::uint64_t> free_bytes(const std::string& path) override;
};

}  // namespace zkark::os
