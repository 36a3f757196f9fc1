#pragma once
// A repository as a reader sees it. Writers: writer.h. Layout, order of writes and threat model: README.md.
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/clock.h"
#include "formats/base/executor.h"
#include "formats/base/fs.h"
#include "formats/base/random.h"
#include "formats/base/result.h"
#include "restore/finding.h"
#include "src/backup/backend/backend.h"
#include "src/backup/head.h"
#include "src/backup/lock.h"
#include "src/backup/manifest.h"

namespace zkark::backup {

/// The seams a repository works with. All borrowed, all thread-safe, all outlive it.
struct RepositoryEnvironment {
  Backend& backend;
  Clock& clock;
  Random& random;
  Executor& executor;
  System& system;
  std::string zkark_version;
  /// Where this client remembers the last HEAD it saw of every repository (pin.h). nullptr: nowhere.
  Fs* cache_fs = nullptr;
  std::string cache_dir = {};

  LockEnvironment locks() const { return {backend, clock, random, system}; }
};

struct OpenOptions {
  /// With a damaged or missing HEAD: take every intact manifest there is as live instead of failing. For
  /// restores from a wounded repository; notes() says so.
  bool salvage = false;
};

/// Makes an empty repository where nothing is yet: kRefused when there is one already, kTargetNotEmpty when
/// there is anything else but the leftovers of an interrupted init, which it completes. `encryption` must be
/// "none" (kUsage otherwise).
Result<RepositoryConfig> init_repository(const RepositoryEnvironment& env, std::string_view encryption,
                                         Job& job);

/// The state of a repository at one moment. Not thread-safe, except open_data() and read_data().
class Repository {
 public:
  /// kNoRepository, kRepositoryTooNew, kRepositoryDamaged (HEAD or config). A manifest published behind
  /// HEAD's back by an interrupted run counts as live; the next writer adopts it.
  static Result<std::unique_ptr<Repository>> open(const RepositoryEnvironment& env,
                                                  const OpenOptions& options);

  const RepositoryEnvironment& env() const { return env_; }
  const RepositoryConfig& config() const { return config_; }
  const Head& head() const { return head_; }
  /// What was odd when it was opened: an interrupted publication, a rollback (kRolledBack), a salvage.
  const restore::Findings& notes() const { return notes_; }

  /// Live backups in the order of their publication, which is not their order in time where some were copied
  /// in.
  const std::vector<HeadEntry>& entries() const { return head_.live; }
  const HeadEntry* find(std::string_view id) const;  // by full id; nullptr when it is not live
  /// Those of one cluster (empty: all), oldest first by HeadEntry::order_ms.
  std::vector<HeadEntry> ordered(std::string_view cluster) const;
  std::vector<std::string> clusters() const;  // sorted
  /// By full id, unique prefix of at least 4 digits, "latest" or "latest~N". An empty cluster means any for
  /// ids, and for "latest" the only cluster there is. kNotFound names the nearest; kUsage when ambiguous.
  Result<HeadEntry> resolve(std::string_view cluster, std::string_view spec) const;
  /// The newest live backup of a cluster (of one timeline, unless empty) by order_ms, or nullptr.
  const HeadEntry* newest(std::string_view cluster, std::string_view timeline = {}) const;
  /// `id` and everything it needs, parents first. kRepositoryDamaged when a parent is not live.
  Result<std::vector<std::string>> closure(std::string_view id) const;

  /// Tags and certificate as HEAD has them. kMissingObject, kRepositoryDamaged, kRepositoryTooNew.
  Result<Manifest> load(std::string_view id) const;
  /// The manifest's file, its hash checked.
  Result<std::string> load_manifest_file(const HeadEntry& entry) const;

  /// Stored data as a file: read sequentially at the speed of zstd; going back restarts at a chunk. Every
  /// part is checked against its name before it is decoded. Errors carry `display_name` and the offset in the
  /// data. Memory: one part as stored (at most 8 MiB as zkark writes them) and its window.
  Result<std::unique_ptr<File>> open_data(const StoredData& data, std::string display_name) const;
  /// Small data at once; kBadLength above max_bytes.
  Result<std::string> read_data(const StoredData& data, std::uint64_t max_bytes) const;

 private:
  friend class RepositoryWriter;
  explicit Repository(RepositoryEnvironment env) : env_(std::move(env)) {}
  Status load_config(bool salvage);
  Status load_head(bool salvage);
  Status find_unadopted(bool salvage);
  void check_pin();
  void add_live(HeadEntry entry, bool copied);
  /// HeadEntry::order_ms of what is published now.
  std::int64_t order_of(const HeadEntry& entry) const;

  RepositoryEnvironment env_;
  RepositoryConfig config_;
  Head head_;
  std::string head_file_;  // as stored
  bool rolled_back_ = false;
  std::vector<HeadEntry> unadopted_;  // also in head_.live
  restore::Findings notes_;
};

}  // namespace zkark::backup
