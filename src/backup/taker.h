#pragma once
// One run of a backup, for take.cc and take_store.cc alone: what take_backup() does with one listing of the
// source.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "src/backup/collect.h"
#include "src/backup/continuity.h"
#include "src/backup/one_history.h"
#include "src/backup/take.h"
#include "src/backup/writer.h"

namespace zkark::backup {

class Taker {
 public:
  /// `last_chance`: what changed while it was read is taken as it was met.
  Taker(RepositoryWriter& writer, const RepositoryEnvironment& env, restore::Source& source,
        const TakeOptions& options, bool last_chance, Job& job)
      : writer_(writer),
        env_(env),
        source_(source),
        options_(options),
        last_chance_(last_chance),
        job_(job) {}

  /// kNoFile: a file was purged while it was read, or what was read does not fit together; list again.
  Result<TakeReport> run();
  /// Whether run() got as far as having seen the source.
  bool listed() const { return listed_; }

 private:
  Status decide();
  Status look_again();
  Status refuse_increment(std::string why) const;
  void new_timeline(std::string cause);
  Status require_space();
  Status store_full();
  Status store_increment();
  void add_log_task(const restore::SourceFile& log, bool newest, std::vector<std::function<Status()>>& tasks);
  Result<std::optional<CollectedBase>> store_usable(const std::vector<restore::SourceFile>& candidates);
  void take_base(CollectedBase collected);
  Status gather();
  Status keep_one_history();
  Status name_holes();
  Status store_behind_holes();
  Status look_beyond_logs();
  Result<bool> source_changed();
  Status store_config();
  Status settle_fuzzy_ends();
  std::optional<std::int64_t> unconfirmed_before() const;
  std::optional<std::int64_t> unconfirmed_now() const;
  Status describe();
  std::string nothing_new() const;
  TakeReport tell_unreadable();

  RepositoryWriter& writer_;
  const RepositoryEnvironment& env_;
  restore::Source& source_;
  const TakeOptions& options_;
  const bool last_chance_;
  bool listed_ = false;
  Job& job_;
  InlineExecutor inline_;
  restore::SourceListing listing_;
  Continuity continuity_;
  ReadAgain again_;
  bool full_ = true;
  Manifest manifest_;
  std::optional<std::int64_t> applied_;  // by the source's server, asked after the logs were read
  TakeReport report_;
  std::vector<std::unique_ptr<CollectedLog>> logs_;
  std::vector<std::optional<CollectedBase>> bases_;
  std::vector<std::pair<std::int64_t, restore::SnapshotFacts>> facts_;  // of the stored bases, by zxid
};

}  // namespace zkark::backup
