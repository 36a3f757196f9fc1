#pragma once
// SRC as every verb takes it: a data directory, a flat directory of snapshots and logs, single files, tarballs, a
// zoo.cfg, or a point in the repository of -r (order of recognition: design section 7).
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/result.h"
#include "restore/source.h"
#include "src/cli/context.h"

namespace zkark::cli {

struct SourceRequest {
  std::vector<std::string> sources;  // as typed; several only for files and tarballs; none: the repository of -r
  std::string log_dir;               // --log-dir; "" = as the data directory or zoo.cfg says
  std::string zoo_cfg;               // --zoo-cfg; "" = what lies beside the data
};

enum class SourceKind : std::uint8_t { kDataDir, kFiles, kArchive, kRepository };

/// A directory of this process alone that goes with it. Borrows the Fs.
class TemporaryDir {
 public:
  TemporaryDir(Fs& fs, std::string path) : fs_(&fs), path_(std::move(path)) {}
  TemporaryDir(const TemporaryDir&) = delete;
  TemporaryDir& operator=(const TemporaryDir&) = delete;
  ~TemporaryDir();
  const std::string& path() const { return path_; }

 private:
  Fs* fs_;
  std::string path_;
};

struct OpenedSource {
  SourceKind kind = SourceKind::kDataDir;
  std::unique_ptr<TemporaryDir> unpacked;  // of tarballs; outlives `source`
  std::unique_ptr<restore::Source> source;
  std::string data_dir, log_dir;    // kDataDir: where the files are; equal when the logs are with the snapshots
  std::string zoo_cfg;              // the file that was read or found, "" = none
};

/// Borrows the context's seams. Errors: kNoFile, kNoData, kUsage with what SRC may be, kBadMagic.
Result<OpenedSource> open_source(Context& context, const SourceRequest& request);

}  // namespace zkark::cli
