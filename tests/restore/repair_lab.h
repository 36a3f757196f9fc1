#pragma once
// Repairs on a simulated disk: from /data to /fixed, and what must hold of every copy.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "formats/txn_log.h"
#include "restore/data_dir.h"
#include "restore/repair.h"
#include "tests/support/load_dir.h"
#include "tests/support/sim_fs.h"
#include "tests/support/sim_system.h"

namespace zkark::restore {

class RepairLab : public testing::Test {
 protected:
  struct Done {
    std::optional<Error> error;
    RepairPlan plan;  // without the state
    Findings findings;
    RepairedCopy copy;
    bool damaged() const { return has_severity(findings, Severity::kGap); }
    const RepairedFile* file(std::string_view name) const {
      for (const RepairedFile& one : plan.files)
        if (base_name(one.file.path) == name) return &one;
      return nullptr;
    }
    std::vector<std::string> names() const {  // of the copy
      std::vector<std::string> all;
      for (const RepairedFile& one : plan.files)
        if (one.fate != Fate::kDropped) all.push_back(one.name);
      return all;
    }
  };

  void load(const std::string& fixture) { test::load_dir(fs, "fixtures/" + fixture, "/data"); }
  static std::string in_data(const std::string& name) { return "/data/version-2/" + name; }

  /// Repairs into /fixed, which is removed first. The source must come out as it went in.
  Done repair(RepairOptions options = {}, std::vector<std::string> files = {}) {
    Done done;
    if (fs.get_info("/fixed")) fs.erase("/fixed");
    const auto before = stamps();
    const Status made = try_repair(options, std::move(files), done);
    if (!made) done.error = made.error().clone();
    EXPECT_EQ(stamps(), before) << "the source is not what it was";
    EXPECT_EQ(fs.get_info("/fixed").has_value(), !done.error) << "absent or whole";
    EXPECT_FALSE(fs.get_info("/fixed.zkark-restore")) << "left behind";
    if (!done.error && !options.flat()) expect_sound("/fixed", *done.plan.point);
    return done;
  }

  /// Whatever snapshot a server loads from the copy, its logs lead to the point without a hole.
  void expect_sound(const std::string& dir, std::int64_t point) {
    DataDir source(fs, {dir, "", {}, {}, ""});
    const SourceListing listing = source.list().value();
    ASSERT_FALSE(listing.snapshots.empty());
    std::set<std::uint64_t> digests;
    for (const SourceFile& snapshot : listing.snapshots) {
      Findings findings;
      Job job;
      const auto result = replay(source, listing, &snapshot, {}, findings, job);
      ASSERT_TRUE(result) << result.error().to_string();
      EXPECT_FALSE(result->stopped_by) << snapshot.path << ": " << findings[*result->stopped_by].message;
      const bool below = &snapshot != &listing.snapshots.back() && !listing.logs.empty();
      EXPECT_TRUE(result->state.last_zxid == point || (below && result->txns == 0)) << snapshot.path;
      digests.insert(result->state.tree.digest());
    }
    Findings findings;
    LogWalkOptions options;
    options.after_zxid = -1;
    LogWalk walk(source, listing.logs, options, findings);
    for (auto entry = walk.next(); entry && *entry; entry = walk.next()) {
      EXPECT_LE((*entry)->entry.zxid(), point);
    }
    for (const Finding& finding : findings) ADD_FAILURE() << finding.file << ": " << finding.message;
  }

  /// The raw records of a log, in order.
  std::vector<std::string> records(const std::string& path) {
    std::vector<std::string> all;
    const auto file = fs.open(path).value();
    TxnLogReader reader(*file);
    for (auto entry = reader.next(); entry && *entry; entry = reader.next())
      all.emplace_back(as_text((*entry)->record));
    return all;
  }
  std::uint64_t offset_of(const std::string& path, std::int64_t zxid) {
    const auto file = fs.open(path).value();
    TxnLogReader reader(*file);
    for (auto entry = reader.next(); entry && *entry; entry = reader.next())
      if ((*entry)->zxid() == zxid) return (*entry)->offset;
    ADD_FAILURE() << path << " has no " << zxid_text(zxid);
    return 0;
  }
  /// One bit of the payload of that record.
  void damage(const std::string& path, std::int64_t zxid) {
    fs.flip_bit(path, offset_of(path, zxid) + kRecordPrefixBytes + 33, 2);
  }

  test::SimFs fs;
  test::SimSystem system;

 private:
  std::map<std::string, std::pair<std::string, std::int64_t>> stamps() {
    std::map<std::string, std::pair<std::string, std::int64_t>> all;
    for (const std::string& file : fs.files("/data"))
      all[file] = {*fs.get(file), fs.get_info(file)->mtime_ns};
    return all;
  }
  Status try_repair(const RepairOptions& wanted, std::vector<std::string> files, Done& done) {
    RepairOptions options = wanted;
    DataDirOptions where;
    where.dir = "/data";
    where.files = std::move(files);
    if (!where.files.empty()) where.dir.clear();
    DataDir source(fs, where);
    Job job;
    ZK_TRY(const SourceListing listing, source.list());
    ZK_TRY(RepairPlan plan, plan_repair(source, listing, options, done.findings, job));
    RepairExtras extras;
    if (plan.point)
      extras = repaired_extras(listing, *plan.point, plan.dropped_to.value_or(*plan.point), done.findings);
    done.plan.files = plan.files;
    done.plan.losses = plan.losses;
    done.plan.point = plan.point;
    done.plan.dropped_to = plan.dropped_to;
    done.plan.base = plan.base;
    TargetDirOptions target;
    target.dir = "/fixed";
    target.flat = options.flat();
    ZK_TRY(TargetDir dir, TargetDir::examine(fs, system, target));
    ZK_TRY_STATUS(dir.claim(system));
    ZK_TRY(done.copy, write_repair(fs, std::move(dir), source, std::move(plan), extras, job));
    return {};
  }
};

}  // namespace zkark::restore
