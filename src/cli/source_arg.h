#pragma once
// SRC as every verb takes it: a data directory, a flat directory of snapshots and logs, single files,
// tarballs, a zoo.cfg, or a point in the repository of -r (order of recognition: design section 7).
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/result.h"
#include "restore/source.h"
#include "restore/target.h"
#include "src/cli/context.h"
#include "src/cli/places.h"
#include "src/cli/repository_arg.h"

namespace zkark::cli {

struct SourceRequest {
  std::vector<std::string>
      sources;          // as typed; several: files, or tarballs and directories; none: the repository of -r
  std::string log_dir;  // --log-dir; "" = as the data directory or zoo.cfg says
  std::string zoo_cfg;  // --zoo-cfg; "" = what lies beside the data
  /// Of --at: chooses the backup when it names one, and the timeline. SRC@POINT beside it is refused.
  std::optional<restore::PointSpec> point = std::nullopt;
  /// --timeline: only that one, by the beginning of its id. kUsage where SRC is no repository.
  std::optional<std::string> timeline = std::nullopt;
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

/// A new one under TMPDIR, named after `prefix` and this process; what dead processes left under that prefix
/// goes.
Result<std::unique_ptr<TemporaryDir>> make_temporary_dir(Context& context, std::string_view prefix);

/// Which stored history a source is.
struct StoredOrigin {
  std::string repository_id, cluster, timeline;
  /// Where the cluster has several: "1a2b3c4d, the newest of 2"; else empty.
  std::string timeline_text;
  std::string backup;                            // id: the newest one it is made of
  std::optional<std::int64_t> unconfirmed_from;  // the tail from there on was perhaps never committed
  std::int64_t highest_zxid = 0;  // of any timeline of the cluster, epochs of captured servers included
  std::string data_dir, log_dir;  // of that backup's source; log_dir only when it is apart
};

struct OpenedSource {
  SourceKind kind = SourceKind::kDataDir;
  std::unique_ptr<TemporaryDir> unpacked;        // of tarballs; outlives `source`
  std::unique_ptr<OpenedRepository> repository;  // likewise
  std::unique_ptr<restore::Source> source;
  /// What is left to be looked up in `source`: the point of the request or of SRC@POINT, the latest where it
  /// named a backup or nothing.
  restore::PointSpec point;
  std::string data_dir, log_dir;  // kDataDir: where the files are; equal when the logs are with the snapshots
  std::string zoo_cfg;            // the file that was read or found, "" = none
  std::optional<StoredOrigin> stored;  // kRepository
  restore::Findings findings;          // of taking archives apart, and a note where the logs are missing
  bool logs_missing = false;           // kDataDir: snapshots of a server that was at work, and no log
};

/// Puts the configuration of --zoo-cfg, and the dynamic one it names, in the place of what a repository
/// holds.
Status replace_config(Context& context, const std::string& zoo_cfg, restore::SourceListing& listing);
/// Where everything that a run reads lies, for keep_apart(): the paths as typed, the directories that a
/// configuration named, and the repository.
std::vector<Place> places_of(const OpenedSource& opened, const SourceRequest& request);
/// Refuses a target that lies in, around or on anything of those, or the repository that is set although the
/// run does not read it.
Status keep_target_apart(Context& context, const Place& target, const OpenedSource& opened,
                         const SourceRequest& request);

/// Borrows the context's seams. Errors: kNoFile, kNoData, kBadMagic, kUsage with what SRC may be, those of
/// the repository.
Result<OpenedSource> open_source(Context& context, const SourceRequest& request);

}  // namespace zkark::cli
