#pragma once
// Everything that changes a repository goes through here, under the exclusive lock.
//
//   ZK_TRY(auto writer, RepositoryWriter::begin(env, {.purpose = "backup", .wait_ms = wait}, job));
//   auto encoder = writer->encoder(ObjectKind::kSegment, SnapCodec::kPlain);
//   ZK_TRY_STATUS(encoder->append(bytes)); …
//   ZK_TRY(segment.data.parts, encoder->finish());
//   ZK_TRY(HeadEntry published, writer->publish(std::move(manifest), job));
//   return writer->end();
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/job.h"
#include "src/backup/codec.h"
#include "src/backup/repository.h"
#include "src/backup/retention.h"

namespace zkark::backup {

struct PruneReport {
  std::vector<std::string> unlisted;  // ids taken out of the live set by this run
  std::vector<std::string> removed;   // ids whose manifests are gone now
  std::uint64_t objects_removed = 0, bytes_removed = 0;
  std::uint64_t objects_waiting = 0, bytes_waiting = 0;  // unused, younger than the grace time
  /// Live backups whose manifests cannot be read. With one, no file is removed: nobody knows what it needs.
  std::vector<std::string> unreadable;
};

struct PruneOptions {
  std::int64_t grace_ms = 24ll * 3600 * 1000;
  bool dry_run = false;  // counts as if everything went well; changes nothing
};

/// What RepositoryWriter::prune would do, without a lock and without a change. A run at the same time can
/// make it untrue.
Result<PruneReport> plan_prune(const Repository& repository, const std::vector<std::string>& ids,
                               std::int64_t grace_ms, Job& job);

/// A new HEAD, and what it was made of.
struct HeadRepair {
  struct LeftOut {
    std::string file, reason;  // key of a manifest
  };
  std::string problem;            // what is wrong with HEAD
  std::vector<HeadEntry> kept;    // live now, by sequence
  std::vector<LeftOut> left_out;  // stay where they are; prune removes objects that only they name
  std::string damaged_copy;       // where the damaged HEAD is kept; empty: it was missing
};

class RepositoryWriter {
 public:
  /// Takes the lock, reads HEAD, makes sure that HEAD and what it adopts are durable, cleans temporary files.
  /// kLocked, kCancelled, what Repository::open gives, kRolledBack when the client's pin has seen a later
  /// HEAD.
  static Result<std::unique_ptr<RepositoryWriter>> begin(const RepositoryEnvironment& env,
                                                         const LockRequest& request, Job& job);
  ~RepositoryWriter();
  /// For a repository whose HEAD is damaged or missing (rebuild_head.cc): a new HEAD that lists every intact
  /// manifest whose objects and parents are all there, pruned ones too. A damaged HEAD is kept as
  /// kDamagedHeadKey; nothing else is touched. kRefused when HEAD is intact; kRepositoryDamaged when config
  /// is not.
  static Result<HeadRepair> rebuild_head(const RepositoryEnvironment& env, const LockRequest& request,
                                         Job& job);
  /// What rebuild_head would do, without a lock and without a change.
  static Result<HeadRepair> plan_head(const RepositoryEnvironment& env, Job& job);

  /// Changes with every publication.
  const Repository& repository() const { return *repository_; }

  /// kDiskFull unless `bytes` and a reserve of 16 MiB fit.
  Status require_space(std::uint64_t bytes);

  /// The finished objects are stored durably, read back and hashed, in the encoder's tasks. An object that is
  /// there already is checked instead of written, and replaced when it is damaged. The encoder borrows the
  /// writer. `executor`: in place of the environment's, for encoders that are themselves run as tasks.
  std::unique_ptr<ObjectEncoder> encoder(ObjectKind kind, SnapCodec source_codec,
                                         Executor* executor = nullptr);
  /// Small data in one call. When `known` (of a live manifest) has the same plain bytes, it is returned and
  /// nothing is written.
  Result<StoredData> store(ObjectKind kind, Bytes plain, const StoredData* known = nullptr);
  void set_codec(const CodecOptions& options) { codec_ = options; }
  /// Bytes stored so far that the repository did not have.
  std::uint64_t new_stored_bytes() const { return new_stored_bytes_; }

  /// Publishes: checks that every object the manifest names is there and its parents are live, stores the
  /// manifest, replaces HEAD, reads both back, moves the pin. Fills in the fields of Manifest that say so.
  /// After an error the backup is either absent or will be adopted by the next run; never half there.
  Result<HeadEntry> publish(Manifest manifest, Job& job);

  /// Replaces the tags of a live backup.
  Status set_tags(std::string_view id, std::map<std::string, std::string> tags);
  /// Records a later verdict (verify --replay) on a live backup.
  Status set_certificate(std::string_view id, StoredCertificate certificate);

  /// Takes backups out of the live set (HEAD first), then removes what has been out for the grace time, and
  /// objects nobody names that are older than it. kRefused when a kept backup needs one of `ids`.
  Result<PruneReport> prune(const std::vector<std::string>& ids, const PruneOptions& options, Job& job);

  /// Releases the lock.
  Status end();

  /// Stores one complete object under its name, as the encoder's sink does. Thread-safe.
  Status put_object(const EncodedObject& object);
  /// True when the repository holds the object, intact by its hash; it is durable then. Thread-safe.
  Result<bool> has_object(const ObjectRef& ref);
  /// As publish(), for a backup of another repository: id, tags, certificate and order of `entry` stay.
  Result<HeadEntry> publish_copy(Manifest manifest, const HeadEntry& entry, Job& job);

 private:
  RepositoryWriter(std::unique_ptr<Lock> lock, std::unique_ptr<Repository> repository);
  struct Salvage {
    std::unique_ptr<Repository> repository;
    HeadRepair repair;
  };
  static Result<Salvage> examine(const RepositoryEnvironment& env, Job& job);
  Backend& backend() const { return repository_->env_.backend; }
  Status adopt();
  Status write_head(Head next);
  Status check_objects(const Manifest& manifest);
  Result<HeadEntry> publish_as(Manifest manifest, const HeadEntry* copy, Job& job);

  std::unique_ptr<Lock> lock_;
  std::unique_ptr<Repository> repository_;
  CodecOptions codec_;
  std::mutex stored_mutex_;
  std::map<std::string, std::uint64_t> stored_;  // objects known durable, by this writer: name, bytes
  std::atomic<std::uint64_t> new_stored_bytes_{0};
  bool failed_ = false;  // a write of HEAD failed: what is stored now is unknown, so nothing more is written
};

}  // namespace zkark::backup
