#pragma once
// The two files every repository has: `config`, written once, and HEAD, replaced by every change.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/result.h"
#include "src/backup/manifest.h"

namespace zkark::backup {

inline constexpr std::uint32_t kRepositoryFormat = 1;
inline constexpr std::string_view kConfigKey = "config";
inline constexpr std::string_view kHeadKey = "HEAD";
inline constexpr std::string_view kDamagedHeadKey = "HEAD.damaged";  // what rebuild_head replaced

struct RepositoryConfig {
  std::string id;  // 32 hex
  std::int64_t created_ms = 0;
  std::string zkark_version;        // that made it
  std::string encryption = "none";  // the only value of this release
  bool operator==(const RepositoryConfig&) const = default;
};

/// One live backup. Copies of what is asked for without opening the manifest, and what may change after
/// publication: tags and certificate here win over the manifest's.
struct HeadEntry {
  std::string id, sha256;  // sha256 of the manifest file
  std::uint64_t sequence = 0;
  BackupType type = BackupType::kFull;
  std::string cluster, timeline;
  std::int64_t taken_ms = 0;
  /// Order in time that no clock can break: taken_ms, or one more than the order of the cluster's newest
  /// backup where the clock went back. Copies keep theirs, so old backups copied in do not become "latest"; a
  /// compact of an older timeline has that of the newest backup there.
  std::int64_t order_ms = 0;
  std::int64_t last_zxid = 0;
  std::vector<std::string> needs;
  std::map<std::string, std::string> tags;
  std::optional<StoredCertificate> certificate;  // a later verdict than the manifest's
  bool operator==(const HeadEntry&) const = default;
};

/// Pruned: no longer live, its files wait for the grace time to pass.
struct RemovedEntry {
  std::string id, sha256;
  std::int64_t removed_ms = 0;
  bool operator==(const RemovedEntry&) const = default;
};

struct Head {
  std::string repository_id;
  std::uint64_t sequence = 0;   // +1 with every HEAD
  std::string newest;           // id of the manifest published last; empty before the first
  std::vector<HeadEntry> live;  // by sequence
  std::vector<RemovedEntry> removed;
  bool operator==(const Head&) const = default;
};

std::string encode_config(const RepositoryConfig& config);
Result<RepositoryConfig> decode_config(std::string_view file);
std::string encode_head(const Head& head);
/// Also checks what holds in every HEAD: ids unique, sequences ascending and not above its own, `newest` live
/// or removed.
Result<Head> decode_head(std::string_view file);
HeadEntry head_entry(const Manifest& manifest, std::string sha256);

std::string manifest_key(std::string_view id);  // "manifests/<id>.json"
std::string object_key(std::string_view name);  // "objects/ab/ab12…"

}  // namespace zkark::backup
