#pragma once
// A snapshot on its way to the disk. It has a name that no server takes for a snapshot until it is whole and
// synced (Apache writes under the final name and syncs nothing).
#include <memory>
#include <string>
#include <vector>

#include "formats/base/fs.h"
#include "formats/file_names.h"
#include "formats/snap_stream.h"

namespace zkark::server {

/// Used by one thread at a time. After a failure everything but discard() fails.
class SnapshotFile {
 public:
  /// `dir` is the version-2 directory. Borrows `fs`.
  SnapshotFile(Fs& fs, std::string dir, std::int64_t zxid, SnapCodec codec);
  Status create();
  /// The next part of the plain stream. kDiskFull while there is some room left yet: it is the log's.
  Status write(Bytes bytes);
  /// Syncs it and gives it its name, in place of an older snapshot of the same name.
  Status publish();
  /// Removes what was written. Nothing happens once it has its name.
  void discard();

  /// snapshot.<zxid>[.gz|.snappy]
  const std::string& name() const { return name_; }

 private:
  Status keep(Status status);
  Status write_with_room(Bytes bytes);

  Fs& fs_;
  const std::string dir_, name_, temporary_;
  const SnapCodec codec_;
  std::unique_ptr<File> file_;
  std::unique_ptr<FileSink> stored_;
  std::unique_ptr<ByteSink> plain_;
  std::uint64_t unsynced_ = 0;  // plain bytes since the last sync
  bool created_ = false, broken_ = false;
};

/// Removes what servers that died over a snapshot left; gives the names.
Result<std::vector<std::string>> remove_unfinished_snapshots(Fs& fs, const std::string& dir);

}  // namespace zkark::server
