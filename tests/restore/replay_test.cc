#include "restore/replay.h"

#include <gtest/gtest.h>

#include "restore/data_dir.h"
#include "restore/fingerprint.h"
#include "tests/support/forge.h"
#include "tests/support/load_dir.h"
#include "tests/support/sim_fs.h"

namespace zkark::restore {
namespace {

struct Fixture {
  explicit Fixture(const std::string& name) {
    test::load_dir(fs, "fixtures/" + name, "/data");
    source = std::make_unique<DataDir>(fs, DataDirOptions{"/data", "", {}, {}, ""});
    listing = source->list().value();
  }
  ReplayResult replay(const SourceFile* base, ReplayOptions options = {}) {
    findings.clear();
    Job job;
    auto result = restore::replay(*source, listing, base, options, findings, job);
    EXPECT_TRUE(result) << result.error().to_string();
    return std::move(result).value();
  }
  test::SimFs fs;
  std::unique_ptr<DataDir> source;
  SourceListing listing;
  Findings findings;  // of the last replay
};

TEST(Replay, TakesTheFingerprintOfTheBaseWhileItIsLoaded) {
  Fixture data("zk-3.8.0-standalone");
  ASSERT_FALSE(data.listing.snapshots.empty());
  for (const SourceFile& snapshot : data.listing.snapshots) {
    ReplayOptions options;
    options.stop_at = snapshot.zxid;
    options.checkpoints = {{snapshot.zxid}};
    const ReplayResult result = data.replay(&snapshot, options);
    ASSERT_TRUE(result.fingerprints.contains(snapshot.zxid)) << snapshot.path;
    const Fingerprint taken = result.fingerprints.at(snapshot.zxid);
    EXPECT_EQ(taken, fingerprint(result.state.tree)) << snapshot.path;
    Job job;
    EXPECT_EQ(taken, fingerprint_snapshot(*data.source, snapshot, job)->fingerprint);
  }
}

TEST(Replay, TakesTheFingerprintAtARecord) {
  Fixture data("zk-3.8.0-standalone");
  ReplayOptions options;
  options.checkpoints = {{0x10}, {0x20}};
  const ReplayResult on = data.replay(nullptr, options);
  ASSERT_TRUE(on.fingerprints.contains(0x10) && on.fingerprints.contains(0x20));
  for (const auto& [zxid, taken] : on.fingerprints) {
    options.stop_at = zxid;
    const ReplayResult there = data.replay(nullptr, options);
    EXPECT_EQ(taken, fingerprint(there.state.tree));
    EXPECT_FALSE(taken == fingerprint(on.state.tree));
  }
  options.stop_at.reset();
  options.checkpoints = {{0x7fffffff}};
  EXPECT_TRUE(data.replay(nullptr, options).fingerprints.empty());
}

TEST(Replay, CountsTheDigestOfACheckpointOnlyWhereTheTreeHasIt) {
  Fixture data("zk-3.8.0-standalone");
  ReplayOptions options;
  options.stop_at = 0x20;
  const ReplayResult plain = data.replay(nullptr, options);
  options.checkpoints = {{0x20, plain.state.tree.digest()}};
  EXPECT_EQ(data.replay(nullptr, options).certificate.digests_compared,
            plain.certificate.digests_compared + 1);
  options.checkpoints = {{0x20, plain.state.tree.digest() + 1}};
  const ReplayResult wrong = data.replay(nullptr, options);
  EXPECT_EQ(wrong.certificate.digests_compared, plain.certificate.digests_compared);
  EXPECT_EQ(wrong.certificate.proven, plain.certificate.proven);
}

/// Of the digests that 3.8.0 logged in this history 76 are of no tree: its own replay (apache-replay.txt)
/// says so, too. Each is the number that its bookkeeping gives.
TEST(Replay, ExplainsDigestsThatMissTheRootUnderItsOtherName) {
  Fixture data("zk-3.8.0-root-names");
  const ReplayResult result = data.replay(nullptr);
  EXPECT_EQ(result.certificate.grade, ProofGrade::kProven);
  EXPECT_EQ(result.certificate.proven, (std::vector<ZxidRange>{{0, 0x5e}}));
  EXPECT_EQ(result.certificate.digests_compared, 94u);
  ASSERT_EQ(data.findings.size(), 1u);
  EXPECT_EQ(data.findings[0].severity, Severity::kNote);
  EXPECT_EQ(data.findings[0].first_zxid, 0x4);
  EXPECT_EQ(data.findings[0].last_zxid, 0x5e);
  EXPECT_TRUE(data.findings[0].message.starts_with("76 logged digest(s), ")) << data.findings[0].message;
}

TEST(Replay, BelievesNoOtherDifferenceBesideThoseOfTheRoot) {
  // Forged: a multi with both, then setData, create and delete with changes of the root under way around
  // them.
  for (const std::int64_t zxid : {0x4, 0x13, 0x15, 0x20, 0x23, 0x5d}) {
    Fixture data("zk-3.8.0-root-names");
    ASSERT_TRUE(test::forge_record(data.fs, "/data/version-2/log.1", zxid));
    const ReplayResult result = data.replay(nullptr);
    EXPECT_EQ(result.certificate.grade, ProofGrade::kFailed) << zxid;
    EXPECT_EQ(result.certificate.failed_at, zxid);
    EXPECT_LT(result.certificate.proven_to(), zxid);
  }
}

}  // namespace
}  // namespace zkark::restore
