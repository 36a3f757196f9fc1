#pragma once
// Seam: where snapshots and logs come from. The same over a data directory (data_dir.h), single files, an
// unpacked tarball and a point of a repository (src/backup/source.h).
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/base/fs.h"
#include "formats/file_names.h"
#include "formats/snap_stream.h"
#include "restore/finding.h"

namespace zkark::restore {

struct SourceFile {
  std::string path;       // what open() takes and findings show
  std::int64_t zxid = 0;  // of the name
  SnapCodec codec = SnapCodec::kPlain;
  std::uint64_t size_bytes = 0;
  std::int64_t mtime_ns = 0;
  /// Snapshots without sections whose fuzzy end is known from elsewhere (a backup saw the logs when it took
  /// the file).
  std::optional<std::int64_t> known_fuzzy_end = std::nullopt;
};

/// A configuration or epoch file, as it is.
struct ExtraFile {
  std::string name;  // "zoo.cfg", "zoo.cfg.dynamic.100000000", "myid", "currentEpoch", "acceptedEpoch"
  std::string path;
  std::string content;
};

struct SourceListing {
  std::vector<SourceFile> snapshots;  // ascending zxid
  std::vector<SourceFile> logs;       // ascending zxid
  std::vector<ExtraFile> extras;
  Findings
      findings;  // files Apache would take by accident (log.1.bak), misplaced files, malformed epoch files
  std::optional<std::int64_t> current_epoch, accepted_epoch, myid;
  bool logs_overlap = false;  // stored segments of several backups: they agree where they overlap
  const ExtraFile* extra(std::string_view name) const {
    for (const ExtraFile& e : extras)
      if (e.name == name) return &e;
    return nullptr;
  }
};

/// Opened read-only; never changes what it reads. A live server may add, roll and purge files between list()
/// and open(): a file that is gone is kNoFile. Thread-safe.
class Source {
 public:
  virtual ~Source() = default;
  /// For people: "/var/lib/zookeeper", "repo@latest".
  virtual const std::string& description() const = 0;
  /// What is there now. kNoData when there is neither snapshot nor log.
  virtual Result<SourceListing> list() = 0;
  /// The raw file (still compressed for a compressed snapshot).
  virtual Result<std::unique_ptr<File>> open(const SourceFile& file) = 0;
};

/// The plain bytes of a snapshot; owns the open file.
Result<std::unique_ptr<ByteSource>> open_snapshot(Source& source, const SourceFile& snapshot);

}  // namespace zkark::restore
