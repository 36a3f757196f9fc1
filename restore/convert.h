#pragma once
// A copy of a source that another release reads, or with its snapshots in another codec. File by file and
// record by record, in little memory: no tree is built, no snapshot is made exact, and what the release reads
// as it is stays byte for byte. Nothing that is damaged is carried over: who calls this has verified the
// source.
//   DIR/version-2/snapshot.<hex>[.gz|.snappy], log.<hex>, currentEpoch, acceptedEpoch
//   DIR/myid  DIR/conf/…  DIR/zkark-lineage.json   as far as the source has them
// Logs end behind their last record: what was preallocated, or torn, stays behind.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "formats/base/job.h"
#include "restore/config_files.h"
#include "restore/convert_records.h"
#include "restore/source.h"
#include "restore/target_dir.h"

namespace zkark::restore {

struct ConvertOptions {
  std::optional<Release> release;
  /// Of all snapshots; nullopt: each one's own, plain where the release reads no other.
  std::optional<SnapCodec> codec;
  /// Where there is no snapshot and the release does not start without one, the built-in tree is written as
  /// snapshot.0, if the logs begin at zxid 1.
  bool add_initial_snapshot = false;
};

struct ConvertedFile {
  SourceFile file;   // path "" for a snapshot.0 that was added
  std::string name;  // in version-2 of the copy
  bool is_log = false;
  SnapCodec codec = SnapCodec::kPlain;  // of the copy
  std::uint64_t records = 0;            // of a log; of a snapshot: its nodes
  std::uint64_t changed = 0;            // of them; a snapshot's sections count as one more
  std::uint64_t size_bytes = 0;         // of the copy
  std::uint32_t crc = 0;                // of its bytes
};

struct Conversion {
  std::vector<ConvertedFile> files;  // snapshots, then logs
  Changes changes{};
  std::map<std::string, LostKind> losses;  // by path
  std::uint64_t largest_bytes = 0;         // of any record or value
  bool ttl_nodes = false;
  Findings notes;  // what the server has to be told, what stayed behind
};

/// Writes into `target` (claimed; null: only looks). Errors: damage met on the way, with a hint; kBadFileName
/// for a single file without a zxid in its name; kRefused for two snapshots of one name; storage.
Result<Conversion> convert(Source& source, const SourceListing& listing, const ConvertOptions& options,
                           TargetDir* target, Job& job);

/// Reads every file of the copy back from `directory` (with version-2 in it): the bytes that were written,
/// and in each record and section only what the release reads. kDigestMismatch where not.
Status check_conversion(Fs& fs, const std::string& directory, const Conversion& conversion,
                        const ConvertOptions& options, Job& job);

struct ConvertedConfig {
  std::vector<std::pair<std::string, std::string>> files;  // name in conf/, content
  Findings notes;                                          // what the release does not know
};
/// restored_config(), and for a release without dynamic configuration its members in zoo.cfg itself.
/// `server_id`: whose file it is.
Result<ConvertedConfig> converted_config(const CapturedConfig& captured, const RestoredConfigOptions& place,
                                         const std::optional<Release>& release,
                                         std::optional<std::int64_t> server_id);

}  // namespace zkark::restore
