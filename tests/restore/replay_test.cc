#include "restore/replay.h"

#include <gtest/gtest.h>

#include "restore/data_dir.h"
#include "restore/fingerprint.h"
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
    Findings findings;
    Job job;
    auto result = restore::replay(*source, listing, base, options, findings, job);
    EXPECT_TRUE(result) << result.error().to_string();
    return std::move(result).value();
  }
  test::SimFs fs;
  std::unique_ptr<DataDir> source;
  SourceListing listing;
};

TEST(Replay, TakesTheFingerprintOfTheBaseWhileItIsLoaded) {
  Fixture data("zk-3.8.0-standalone");
  ASSERT_FALSE(data.listing.snapshots.empty());
  for (const SourceFile& snapshot : data.listing.snapshots) {
    ReplayOptions options;
    options.stop_at = options.fingerprint_at = snapshot.zxid;
    const ReplayResult result = data.replay(&snapshot, options);
    ASSERT_TRUE(result.fingerprint) << snapshot.path;
    EXPECT_EQ(*result.fingerprint, fingerprint(result.state.tree)) << snapshot.path;
    Job job;
    EXPECT_EQ(*result.fingerprint, fingerprint_snapshot(*data.source, snapshot, job)->fingerprint);
  }
}

TEST(Replay, TakesTheFingerprintAtARecord) {
  Fixture data("zk-3.8.0-standalone");
  ReplayOptions options;
  options.fingerprint_at = 0x20;
  const ReplayResult on = data.replay(nullptr, options);
  options.stop_at = 0x20;
  const ReplayResult there = data.replay(nullptr, options);
  ASSERT_TRUE(on.fingerprint && there.fingerprint);
  EXPECT_EQ(*on.fingerprint, fingerprint(there.state.tree));
  EXPECT_FALSE(*on.fingerprint == fingerprint(on.state.tree));
  options.fingerprint_at = 0x7fffffff;
  EXPECT_FALSE(data.replay(nullptr, options).fingerprint);
}

}  // namespace
}  // namespace zkark::restore
