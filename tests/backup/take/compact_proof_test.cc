// A compact that is killed, refused an operation, or loses power at any operation is absent or whole; nothing
// that was stored before is touched, and the next one completes.
#include <algorithm>
#include <cstdio>

#include "src/backup/compact.h"
#include "tests/backup/take/take_lab.h"
#include "tests/support/fault_loop.h"

namespace zkark::test {
namespace {

using namespace backup;

class CompactFaults : public testing::Test, protected TakeLab {
 protected:
  CompactFaults() {
    SimMember member(fs, "/data", 80, ledger);
    for (int i = 0; i < 3; ++i) {
      member.write(6);
      EXPECT_TRUE(process.take("/data"));
    }
    last_ = member.last_zxid();
    fs.settle();
  }

  Status compact(SimFs& disk, std::uint64_t seed) {
    Process one(disk, clock, seed);
    Job job;
    ZK_TRY_STATUS(backup::compact(one.env(), {}, job));
    return {};
  }

  /// No damage, the three backups and every point; then a compact that ends well and stands alone.
  void look(SimFs& disk, const Status& outcome) {
    Process reader(disk, clock, 50);
    expect_sound(reader);
    {
      auto repository = reader.open();
      ZK_ASSERT_OK(repository);
      const std::size_t live = (*repository)->entries().size();
      EXPECT_TRUE(live == 4 || (live == 3 && !outcome)) << live << ": acknowledged, but gone";
      expect_points(**repository);
    }
    ZK_ASSERT_OK(compact(disk, 51));
    Process pruner(disk, clock, 52);
    Job job;
    auto writer = RepositoryWriter::begin(pruner.env(), {LockKind::kExclusive, "prune", 0}, job);
    ZK_ASSERT_OK(writer);
    std::vector<std::string> going;
    for (const HeadEntry& entry : (*writer)->repository().entries())
      if (entry.type != BackupType::kCompact) going.push_back(entry.id);
    EXPECT_EQ(going.size(), 3u);
    EXPECT_EQ((*writer)->repository().entries().size(), 4u) << "one compact, not two";
    PruneOptions all;
    all.grace_ms = 0;
    ZK_ASSERT_OK((*writer)->prune(going, all, job));
    ZK_ASSERT_OK((*writer)->end());
    expect_sound(pruner);
    auto repository = pruner.open();
    ZK_ASSERT_OK(repository);
    auto view = TimelineView::open(**repository, "");
    ZK_ASSERT_OK(view);
    auto rebuilt = view->rebuild(last_);
    ZK_ASSERT_OK(rebuilt);
    EXPECT_TRUE(ledger.existed(last_, hash_of(rebuilt->replay.state)));
  }

  void expect_sound(Process& reader) {
    Job job;
    auto checked = check_repository(reader.env(), {}, job);
    ZK_ASSERT_OK(checked);
    for (const CheckFinding& found : checked->findings)
      EXPECT_NE(found.finding.severity, restore::Severity::kDamage)
          << found.finding.message << " " << found.finding.file;
  }
  void expect_points(const Repository& repository) {
    auto view = TimelineView::open(repository, "");
    ZK_ASSERT_OK(view);
    ASSERT_EQ(view->windows().size(), 1u);
    for (const std::int64_t zxid : {std::int64_t{1}, last_ / 2, last_}) {
      auto rebuilt = view->rebuild(zxid);
      ZK_ASSERT_OK(rebuilt);
      EXPECT_TRUE(ledger.existed(zxid, hash_of(rebuilt->replay.state))) << zxid_text(zxid);
    }
  }

  void at_every_operation(const char* row, const Fault& fault, std::uint64_t points_min) {
    std::uint64_t looks = 0;
    const auto points = for_each_fault(
        fs, fault, [&](SimFs& disk) { return compact(disk, 5); },
        [&](SimFs& disk, const FaultPoint& point, const Status& outcome) {
          SCOPED_TRACE(point.to_string());
          ++looks;
          look(disk, outcome);
        });
    EXPECT_GE(points, points_min);
    std::printf("PROVE %s: compact, %llu faults\n", row, static_cast<unsigned long long>(looks));
  }

  std::int64_t last_ = 0;
};

TEST_F(CompactFaults, KilledAtAnyOperationItIsAbsentOrWhole) {
  Fault fault;
  fault.action = Fault::Action::kKill;
  fault.kinds = kMutations;
  fault.partial_percent = 50;
  at_every_operation("R5", fault, 20);
}

TEST_F(CompactFaults, RefusedAnyOperationItFailsCleanlyOrSucceeds) {
  for (const int number : {EIO, ENOSPC}) {
    const SimFs::Snapshot start = fs.snapshot();
    Fault fault;
    fault.error_number = number;
    fault.partial_percent = number == ENOSPC ? 50 : 0;
    at_every_operation("R8", fault, 60);
    fs.restore(start);
  }
}

TEST_F(CompactFaults, LosingPowerAtAnyOperationItIsAbsentOrWhole) {
  PowerCuts cuts;
  if (!prove_in_full()) {
    cuts.subsets = 3;
    cuts.torn = 1;
  }
  std::uint64_t looks = 0;
  const PowerCutCount count = for_each_power_cut(
      fs, cuts, [&](SimFs& disk) { return compact(disk, 5); },
      [&](SimFs& disk, const FaultPoint& point, const Status& outcome) {
        SCOPED_TRACE(point.to_string());
        ++looks;
        look(disk, outcome);
      });
  EXPECT_GE(count.points, 20u);
  std::printf("PROVE R6: compact, %llu disks\n", static_cast<unsigned long long>(looks));
}

}  // namespace
}  // namespace zkark::test
