#pragma once
// A repository on a simulated disk beside the data directories that are backed up into it.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "formats/base/executor.h"
#include "restore/base_choice.h"
#include "restore/data_dir.h"
#include "src/backup/backend/local.h"
#include "src/backup/check.h"
#include "src/backup/source.h"
#include "src/backup/take.h"
#include "src/backup/writer.h"
#include "tests/backup/take/sim_member.h"
#include "tests/support/load_dir.h"
#include "tests/support/sim_clock.h"
#include "tests/support/sim_fs.h"
#include "tests/support/sim_random.h"
#include "tests/support/sim_system.h"

namespace zkark::test {

/// One process on the disk: its own pid, randomness and backend object.
struct Process {
  Process(SimFs& disk, SimClock& time, std::uint64_t seed)
      : clock(time), fs(disk), random(seed), backend(disk, random, "/repo", "/repo") {
    system.own_pid = static_cast<std::uint32_t>(1000 + seed);
  }
  backup::RepositoryEnvironment env() {
    return {backend, clock, random, executor, system, "0.1.0", nullptr, {}};
  }
  Status init() {
    Job job;
    ZK_TRY_STATUS(backup::init_repository(env(), "none", job));
    return {};
  }
  Result<backup::TakeReport> take(const std::string& dir, const backup::TakeOptions& options = {}) {
    restore::DataDirOptions where;
    where.dir = dir;
    restore::DataDir source(fs, where);
    return take(source, options);
  }
  Result<backup::TakeReport> take(restore::Source& source, const backup::TakeOptions& options = {}) {
    Job job;
    return backup::take_backup(env(), source, options, job);
  }
  Result<std::unique_ptr<backup::Repository>> open() { return backup::Repository::open(env(), {}); }

  SimClock& clock;
  SimFs& fs;
  SimRandom random;
  SimSystem system;
  InlineExecutor executor;
  backup::LocalBackend backend;
};

/// One timeline of the repository, opened for many looks at it.
class TimelineView {
 public:
  static Result<TimelineView> open(const backup::Repository& repository, const std::string& timeline) {
    TimelineView view;
    ZK_TRY(view.source_, backup::open_timeline(repository, "default", timeline, "repo"));
    ZK_TRY(view.listing_, view.source_->list());
    return view;
  }
  std::vector<backup::Window> windows() const { return backup::windows_of(source_->manifests()); }
  const std::vector<backup::Manifest>& manifests() const { return source_->manifests(); }
  /// zxids of all stored records, in order, each once.
  Result<std::vector<std::int64_t>> records() {
    std::vector<std::int64_t> zxids;
    restore::Findings findings;
    restore::LogWalkOptions options;
    options.after_zxid = -1;
    options.overlaps = true;
    restore::LogWalk walk(*source_, listing_.logs, options, findings);
    for (;;) {
      ZK_TRY(auto entry, walk.next());
      if (!entry) break;
      if (zxids.empty() || zxids.back() != entry->entry.zxid()) zxids.push_back(entry->entry.zxid());
    }
    return zxids;
  }
  Result<restore::Rebuilt> rebuild(std::int64_t zxid) {
    restore::Findings findings;
    Job job;
    return restore::rebuild(*source_, listing_, zxid, findings, job);
  }

 private:
  std::unique_ptr<backup::StoredSource> source_;
  restore::SourceListing listing_;
};

/// The usual table: a disk, a clock, a repository made.
struct TakeLab {
  TakeLab() {
    const Status made = process.init();
    EXPECT_TRUE(made) << made.error().to_string();
    fs.settle();
  }
  SimClock clock;
  SimFs fs{&clock};
  Process process{fs, clock, 1};
  Ledger ledger;
};

/// Whether to run everything (scripts/prove.sh) or what fits a CI run.
inline bool prove_in_full() {
  const char* wanted = std::getenv("ZKARK_PROVE_N");
  return wanted != nullptr && std::string_view(wanted) == "full";
}

#define ZK_ASSERT_OK(expression)                                         \
  do {                                                                   \
    const auto& zk_status = (expression);                                \
    ASSERT_TRUE(zk_status.has_value()) << zk_status.error().to_string(); \
  } while (false)

}  // namespace zkark::test
