#include "src/backup/take.h"

#include <gtest/gtest.h>

#include "restore/base_choice.h"
#include "restore/data_dir.h"
#include "src/backup/backend/local.h"
#include "src/backup/source.h"
#include "src/backup/writer.h"
#include "tests/support/load_dir.h"
#include "tests/support/sim_clock.h"
#include "tests/support/sim_fs.h"
#include "tests/support/sim_random.h"
#include "tests/support/sim_system.h"

namespace zkark::backup {
namespace {

/// A repository on a simulated disk beside a data directory.
class TakeTest : public testing::Test {
 protected:
  void SetUp() override {
    Job job;
    auto made = init_repository(env_, "none", job);
    ASSERT_TRUE(made) << made.error().to_string();
  }
  Result<TakeReport> take(const std::string& dir, TakeOptions options = {}) {
    restore::DataDirOptions where;
    where.dir = dir;
    restore::DataDir source(fs_, where);
    Job job;
    return take_backup(env_, source, options, job);
  }
  std::unique_ptr<Repository> open() {
    auto repository = Repository::open(env_, {});
    EXPECT_TRUE(repository) << repository.error().to_string();
    return std::move(repository).value();
  }
  /// The digest of the tree at a point of the newest timeline.
  std::uint64_t digest_at(std::int64_t zxid) {
    auto repository = open();
    auto source = open_timeline(*repository, "default", "", "repo");
    EXPECT_TRUE(source);
    auto listing = (*source)->list();
    EXPECT_TRUE(listing);
    restore::Findings findings;
    Job job;
    auto rebuilt = restore::rebuild(**source, *listing, zxid, findings, job);
    EXPECT_TRUE(rebuilt) << rebuilt.error().to_string();
    return rebuilt ? rebuilt->replay.state.tree.digest() : 0;
  }

  test::SimClock clock_;
  test::SimFs fs_{&clock_};
  test::SimRandom random_{1};
  test::SimSystem system_;
  InlineExecutor executor_;
  LocalBackend backend_{fs_, random_, "/repo", "/repo"};
  RepositoryEnvironment env_{backend_, clock_, random_, executor_, system_, "0.1.0", nullptr, {}};
};

TEST_F(TakeTest, AFirstBackupIsFullProvenAndRestorableAtEveryPoint) {
  test::load_dir(fs_, "fixtures/zk-3.8.0-standalone", "/data");
  auto report = take("/data");
  ASSERT_TRUE(report) << report.error().to_string();
  ASSERT_TRUE(report->published);
  const Manifest& m = report->manifest;
  EXPECT_EQ(m.type, BackupType::kFull);
  EXPECT_EQ(m.last_zxid, 0x62);
  EXPECT_EQ(m.records(), 0x62u);
  EXPECT_TRUE(m.gaps.empty());
  ASSERT_EQ(m.windows.size(), 1u);
  EXPECT_EQ(m.windows[0].last_zxid, 0x62);
  EXPECT_EQ(m.certificate.grade, restore::ProofGrade::kProven);
  EXPECT_EQ(report->snapshots_compared, 2u);
  EXPECT_EQ(digest_at(3), 0x51c6d660u);
}

TEST_F(TakeTest, ASecondBackupOfTheSameDirectoryStoresNothing) {
  test::load_dir(fs_, "fixtures/zk-3.8.0-standalone", "/data");
  ASSERT_TRUE(take("/data"));
  auto again = take("/data");
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_FALSE(again->published);
  EXPECT_EQ(open()->entries().size(), 1u);
}

TEST_F(TakeTest, AnIncrementTakesOnlyWhatIsNew) {
  test::load_dir(fs_, "fixtures/zk-3.8.0-standalone", "/data");
  test::load_dir(fs_, "fixtures/zk-3.8.0-standalone", "/early");
  fs_.erase("/early/version-2/log.4e");
  fs_.erase("/early/version-2/snapshot.4d");
  ASSERT_TRUE(take("/early"));
  auto next = take("/data");
  ASSERT_TRUE(next) << next.error().to_string();
  ASSERT_TRUE(next->published);
  EXPECT_EQ(next->manifest.type, BackupType::kIncr);
  EXPECT_EQ(next->manifest.records(), 0x62u - 0x4d);
  EXPECT_EQ(next->manifest.segments.front().first_zxid, 0x4e);
  ASSERT_EQ(next->manifest.windows.size(), 1u);
  EXPECT_EQ(next->manifest.windows[0].last_zxid, 0x62);
  digest_at(0x62);
}

TEST_F(TakeTest, AnotherClustersDataIsRefused) {
  test::load_dir(fs_, "fixtures/zk-3.8.0-standalone", "/data");
  test::load_dir(fs_, "fixtures/zk-3.8.0-ensemble/1", "/other");
  ASSERT_TRUE(take("/data"));
  auto other = take("/other");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().id(), ErrorId::kWrongCluster);
  TakeOptions accept;
  accept.accept_new_history = true;
  auto accepted = take("/other", accept);
  ASSERT_TRUE(accepted) << accepted.error().to_string();
  EXPECT_EQ(accepted->manifest.timeline.cause, "accepted new history");
}

TEST_F(TakeTest, AMemberThatWasSynchronisedBySnapshotKeepsItsHoleInSight) {
  test::load_dir(fs_, "fixtures/zk-3.8.0-ensemble/2", "/data");
  auto report = take("/data");
  ASSERT_TRUE(report) << report.error().to_string();
  const Manifest& m = report->manifest;
  EXPECT_EQ(m.certificate.grade, restore::ProofGrade::kPartly);
  for (const auto& w : m.windows) std::printf("window %llx..%llx\n", (unsigned long long)w.first_zxid, (unsigned long long)w.last_zxid);
  for (const auto& s : m.epoch_steps) std::printf("step %llx..%llx %d\n", (unsigned long long)s.from_zxid, (unsigned long long)s.to_zxid, s.proven);
  for (const auto& b : m.bases) std::printf("base %llx E %llx\n", (unsigned long long)b.zxid, (unsigned long long)b.fuzzy_end);
  for (const auto& f : report->findings) std::printf("%s %s\n", restore::severity_name(f.severity), f.message.c_str());
}

}  // namespace
}  // namespace zkark::backup
