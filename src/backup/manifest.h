#pragma once
// The manifest: what one backup consists of and what is known about it. A sealed JSON file (sealed.h) that
// `less` and `jq` read; every key is described in README.md. Plain data here; encode/decode in manifest.cc.
//
// zxids and session ids are hex strings in the JSON ("0x10000000b"), times are milliseconds since 1970 UTC as
// ZooKeeper writes them, plus an RFC 3339 label where people look.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/clock.h"
#include "formats/base/result.h"
#include "restore/certificate.h"
#include "restore/finding.h"
#include "src/backup/codec.h"

namespace zkark::backup {

inline constexpr std::uint32_t kManifestFormat = 1;

enum class BackupType : std::uint8_t {
  kFull,     // restorable from its own bases and segments
  kIncr,     // adds to its parent
  kCompact,  // a full made inside the repository by replay
};

/// Bytes in the repository: the plain bytes of the parts, one after the other.
struct StoredData {
  std::vector<ObjectRef> parts;
  SnapCodec source_codec = SnapCodec::kPlain;
  std::uint64_t plain_bytes() const;
  std::uint64_t stored_bytes() const;
  bool operator==(const StoredData&) const = default;
};

/// The digest section of a snapshot.
struct BaseDigest {
  std::int64_t zxid = 0;
  std::int32_t version = 0;
  std::uint64_t digest = 0;
  bool operator==(const BaseDigest&) const = default;
};

struct StoredBase {
  enum class Kind : std::uint8_t { kRaw, kExact };
  enum class FuzzyEndFrom : std::uint8_t {
    kExact,     // made by replay: not fuzzy
    kSections,  // digest and lastProcessedZxid sections
    kObserved,  // no section: the last zxid in the logs when the complete file was first seen
  };
  StoredData data;  // the uncompressed snapshot
  Kind kind = Kind::kRaw;
  std::int64_t zxid = 0;       // of the file name
  std::int64_t fuzzy_end = 0;  // serves only points >= this
  FuzzyEndFrom fuzzy_end_from = FuzzyEndFrom::kSections;
  std::string file_name;           // as on the source: "snapshot.1e.gz"
  std::uint64_t source_bytes = 0;  // size of that file
  std::int64_t source_mtime_ms = 0;
  std::optional<BaseDigest> digest;
  std::optional<std::int64_t> last_processed_zxid;
  std::uint64_t znodes = 0;
  std::uint64_t sessions = 0;
  bool operator==(const StoredBase&) const = default;
};

/// Where reading of the source stopped: the next increment opens this file there and finds this record first.
struct SourcePosition {
  std::string file_name;         // "log.10000001c"
  std::uint64_t offset = 0;      // of the record below, in bytes
  std::uint64_t end_offset = 0;  // of the first byte behind it
  std::int64_t zxid = 0;
  std::uint64_t checksum = 0;  // the record's Adler-32 as the log holds it
  bool operator==(const SourcePosition&) const = default;
};

/// A contiguous run of records; its plain bytes are a complete Apache log (header, original records).
struct StoredSegment {
  StoredData data;
  std::string file_name;  // the source file the records come from
  std::int64_t first_zxid = 0, last_zxid = 0;
  std::uint64_t first_checksum = 0, last_checksum = 0;
  std::uint64_t records = 0;
  std::int64_t first_time_ms = 0, last_time_ms = 0;  // of the first and last record
  std::int64_t min_time_ms = 0, max_time_ms = 0;     // leaders' clocks step back
  SourcePosition source_end;
  bool restorable = true;  // false: older than the oldest usable base
  bool operator==(const StoredSegment&) const = default;
};

struct Gap {
  std::int64_t after_zxid = 0;   // the last one before the hole, stored
  std::int64_t before_zxid = 0;  // the first one behind it, stored
  std::string reason;
  bool operator==(const Gap&) const = default;
};

/// From the last record of one epoch to the first of the next.
struct EpochStep {
  std::int64_t from_zxid = 0, to_zxid = 0;
  bool proven = false;
  std::string how;  // "digest", "snapshot.200000000", or why not yet
  bool operator==(const EpochStep&) const = default;
};

/// What a replay against the servers' digests proved (restore/certificate.h), as the manifest keeps it.
struct StoredCertificate {
  std::optional<restore::ProofGrade> grade;  // nothing: not replayed yet
  std::vector<restore::ZxidRange> proven;    // ascending
  std::optional<std::int64_t> failed_at;     // of the first unexplained difference
  std::uint64_t digests_compared = 0;
  std::vector<std::string> not_covered;  // what digests say nothing about
  std::vector<std::string> notes;        // known causes met on the way; the cause of a failure
  std::optional<std::int64_t> proven_to() const;
  bool operator==(const StoredCertificate&) const = default;
};
StoredCertificate stored_certificate(const restore::Certificate& certificate);

/// A run of points that can be restored from this backup and its parents.
struct Window {
  std::int64_t first_zxid = 0, last_zxid = 0;
  std::int64_t first_time_ms = 0, last_time_ms = 0;
  bool operator==(const Window&) const = default;
};

struct StoredConfig {
  std::string role;  // "zoo.cfg", "dynamic", "myid", "currentEpoch", "acceptedEpoch", "lineage"
  std::string path;  // on the source
  StoredData data;
  bool operator==(const StoredConfig&) const = default;
};

struct SourceInfo {
  std::string kind;                // "dir", "archive", "repository"
  std::vector<std::string> paths;  // as given
  std::string data_dir, log_dir;
  std::optional<std::int64_t> server_id, current_epoch, accepted_epoch;
  std::optional<std::int64_t> last_applied_zxid;  // asked from the live server
  bool operator==(const SourceInfo&) const = default;
};

struct Timeline {
  std::string id;                         // 16 hex
  std::string parent;                     // id; empty for a first one
  std::optional<std::int64_t> fork_zxid;  // the last record both share
  std::optional<std::uint64_t> fork_checksum;
  std::string cause;  // "first", "truncated tail", "restore", "accepted new history"
  bool operator==(const Timeline&) const = default;
};

/// One of the oldest persistent znodes: tells clusters apart when no record overlaps.
struct Landmark {
  std::string path;  // may hold any bytes; JSON keeps them escaped
  std::int64_t czxid = 0, ctime_ms = 0;
  bool operator==(const Landmark&) const = default;
};

struct ManifestHead {
  std::string id, sha256;  // of a manifest that was live when this one was made
  bool operator==(const ManifestHead&) const = default;
};

/// A finding as the manifest keeps it.
struct StoredFinding {
  restore::Severity severity = restore::Severity::kNote;
  std::string id;  // "ZKA-0611"
  std::string message, file;
  std::optional<std::uint64_t> offset, end_offset;
  std::optional<std::int64_t> first_zxid, last_zxid;
  bool operator==(const StoredFinding&) const = default;
};
StoredFinding stored_finding(const restore::Finding& finding);

struct CopiedFrom {
  std::string repository_id, manifest_sha256;
  bool operator==(const CopiedFrom&) const = default;
};

struct Manifest {
  // Set by RepositoryWriter::publish:
  std::string id;              // 32 hex; people see the first 8
  std::uint64_t sequence = 0;  // of the HEAD that publishes it
  std::string zkark_version;
  std::vector<ManifestHead> heads;     // newest live manifest of every cluster when this one was made
  std::uint64_t stored_bytes = 0;      // of all its objects
  std::uint64_t new_stored_bytes = 0;  // of those that were not in the repository before
  std::optional<CopiedFrom> copied_from;

  // Set by whoever takes the backup:
  BackupType type = BackupType::kFull;
  std::string cluster = "default";
  std::string parent;  // id; an increment needs it, a full names it for orientation only
  Timeline timeline;
  std::int64_t started_ms = 0, taken_ms = 0;  // wall clock, labels
  std::string host;
  SourceInfo source;
  std::vector<StoredBase> bases;        // by zxid
  std::vector<StoredSegment> segments;  // by first_zxid
  std::vector<Gap> gaps;
  std::vector<EpochStep> epoch_steps;
  std::int64_t last_zxid = 0;  // of the last stored record, or of the base where there is none
  std::optional<std::int64_t> unconfirmed_from;  // records from here on may never have been committed
  StoredCertificate certificate;
  std::vector<Window> windows;
  std::vector<StoredConfig> config;
  std::vector<Landmark> landmarks;
  std::uint64_t source_bytes_read = 0;
  std::optional<std::uint64_t> znodes, sessions;  // at last_zxid, where it was replayed
  std::map<std::string, std::string> tags;        // when taken; later edits are in HEAD
  std::vector<StoredFinding> findings;

  std::uint64_t records() const;
  /// Ids of the manifests without which this one cannot be restored.
  std::vector<std::string> needs() const;
  /// Every object it names, each once, in file order.
  std::vector<ObjectRef> objects() const;
  bool operator==(const Manifest&) const = default;
};

/// A complete manifest file. Deterministic: equal manifests give equal bytes.
std::string encode_manifest(const Manifest& manifest);

struct DecodedManifest {
  Manifest manifest;
  /// Keys of this format version that this release does not know (written by a later one): tolerated,
  /// reported.
  std::vector<std::string> unknown_keys;
};
/// kDamaged (checksum, malformed JSON, a missing key or a wrong type, named by its path), kRepositoryTooNew.
Result<DecodedManifest> decode_manifest(std::string_view file);

std::string_view name_of(BackupType type);                           // "full", "incr", "compact"
std::string_view name_of(std::optional<restore::ProofGrade> grade);  // "not-checked", "proven", …
std::string_view short_id(std::string_view id);                      // the first 8 digits

}  // namespace zkark::backup
