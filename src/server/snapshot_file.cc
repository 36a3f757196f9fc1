#include "src/server/snapshot_file.h"

#include <fmt/format.h>

#include <algorithm>

namespace zkark::server {
namespace {

constexpr std::uint32_t kFileMode = 0640;
/// A log that cannot grow stops the server, a snapshot that is not written does not: it leaves the log room
/// for a few of its steps (commit_log.cc).
constexpr std::uint64_t kKeptFreeBytes = 16 << 20;
/// So much is handed to the disk at a time: a sync of the log, which a write waits for, may have to wait for
/// what else the file system has gathered. The memory is given back at once: a snapshot as large as the tree
/// would push out what others on the machine read.
constexpr std::uint64_t kSyncStep = 256 << 10;
constexpr std::string_view kTemporaryBegin = "zkark.snapshot.", kTemporaryEnd = ".tmp";

}  // namespace

SnapshotFile::SnapshotFile(Fs& fs, std::string dir, std::int64_t zxid, SnapCodec codec)
    : fs_(fs),
      dir_(std::move(dir)),
      name_(snapshot_file_name(zxid, codec)),
      temporary_(join_path(dir_, fmt::format("{}{}{}", kTemporaryBegin, zxid_hex(zxid), kTemporaryEnd))),
      codec_(codec) {}

/// Parts may be on their way behind one that failed: a file with a hole must not get its name.
Status SnapshotFile::keep(Status status) {
  if (!status) broken_ = true;
  return status;
}

Status SnapshotFile::create() {
  auto file = fs_.create(temporary_, {kFileMode});
  if (!file && file.error().id() == ErrorId::kExists) {  // left by one that could not be removed
    ZK_TRY_STATUS(keep(fs_.remove_file(temporary_)));
    file = fs_.create(temporary_, {kFileMode});
  }
  created_ = true;  // a failure may come after the deed
  if (!file) {
    broken_ = true;
    return fail(std::move(file).error());
  }
  file_ = std::move(file).value();
  stored_ = std::make_unique<FileSink>(*file_);
  plain_ = wrap(*stored_, codec_);
  return {};
}

Status SnapshotFile::write(Bytes bytes) {
  if (broken_) return fail(ErrorId::kStorage, "an earlier part of the snapshot could not be written");
  return keep(write_with_room(bytes));
}

Status SnapshotFile::write_with_room(Bytes bytes) {
  ZK_TRY(const std::uint64_t free_bytes, fs_.free_bytes(dir_));
  if (free_bytes < kKeptFreeBytes + bytes.size())
    return fail(Error(ErrorId::kDiskFull,
                      fmt::format("{} bytes are free, and the last {} are left to the transaction log",
                                  free_bytes, kKeptFreeBytes))
                    .at(dir_)
                    .with_hint("free space: the server stops when its log cannot grow any more"));
  ZK_TRY_STATUS(plain_->write(bytes));
  unsynced_ += bytes.size();
  if (unsynced_ < kSyncStep) return {};
  unsynced_ = 0;
  ZK_TRY_STATUS(file_->sync_data());
  file_->will_not_be_read();
  return {};
}

Status SnapshotFile::publish() {
  if (broken_) return fail(ErrorId::kStorage, "an earlier part of the snapshot could not be written");
  ZK_TRY_STATUS(keep(plain_->finish()));  // syncs
  plain_.reset();
  stored_.reset();
  file_.reset();
  ZK_TRY_STATUS(keep(fs_.rename(temporary_, join_path(dir_, name_))));
  created_ = false;
  return keep(fs_.sync_dir(dir_));
}

void SnapshotFile::discard() {
  broken_ = true;
  plain_.reset();
  stored_.reset();
  file_.reset();
  // What stays is removed by the next start.
  if (created_) static_cast<void>(fs_.remove_file(temporary_));
  created_ = false;
}

Result<std::vector<std::string>> remove_unfinished_snapshots(Fs& fs, const std::string& dir) {
  ZK_TRY(std::vector<DirEntry> entries, fs.list(dir));
  std::vector<std::string> removed;
  for (DirEntry& entry : entries) {
    if (entry.type != FileType::kFile || !entry.name.starts_with(kTemporaryBegin) ||
        !entry.name.ends_with(kTemporaryEnd))
      continue;
    ZK_TRY_STATUS(fs.remove_file(join_path(dir, entry.name)));
    removed.push_back(std::move(entry.name));
  }
  std::sort(removed.begin(), removed.end());
  return removed;
}

}  // namespace zkark::server
