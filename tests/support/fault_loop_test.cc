#include "tests/support/fault_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace zkark::test {
namespace {

Status publish(SimFs& fs) { return write_file_atomic(fs, "/f", as_bytes("new"), {}); }

TEST(FaultLoop, HitsEveryOperationOnceAndThenNone) {
  SimFs fs;
  fs.put("/f", "old");
  std::vector<std::string> hit;
  const std::uint64_t n =
      for_each_fault(fs, {}, publish, [&](SimFs&, const FaultPoint& point, const Status& outcome) {
        EXPECT_EQ(point.n, hit.size() + 1);
        hit.push_back(point.to_string());
        EXPECT_EQ(outcome.has_value(), !point.hit) << point.to_string();
      });
  EXPECT_EQ(n, 6u);
  EXPECT_THAT(hit, ::testing::ElementsAre(
                       "at operation 1: remove file /f.tmp", "at operation 2: create /f.tmp",
                       "at operation 3: append /f.tmp, 3 bytes", "at operation 4: sync /f.tmp",
                       "at operation 5: rename /f.tmp -> /f", "at operation 6: sync dir /", "with no fault"));
}

TEST(FaultLoop, EveryFailureOfAnAtomicWriteLeavesOldOrNew) {
  using Action = Fault::Action;
  for (const Action action : {Action::kFail, Action::kFailAfterDoing, Action::kKill})
    for (const bool forever : {false, true}) {
      SimFs fs;
      fs.put("/f", "old");
      Fault fault;
      fault.action = action;
      fault.forever = forever;
      fault.partial_percent = 50;
      for_each_fault(fs, fault, publish, [&](SimFs& after, const FaultPoint& point, const Status& outcome) {
        SCOPED_TRACE(point.to_string());
        if (outcome) {
          EXPECT_EQ(after.get("/f"), "new");
        }
        EXPECT_THAT(after.get("/f").value_or("none"), ::testing::AnyOf("old", "new"));
        EXPECT_TRUE(publish(after)) << "the next run works";
        EXPECT_EQ(after.get("/f"), "new");
      });
    }
}

TEST(FaultLoop, EveryPowerCutOfAnAtomicWriteLeavesOldOrNewAndAfterOkNew) {
  SimFs fs;
  fs.put("/f", "old");
  std::set<std::string> seen;
  const PowerCutCount count =
      for_each_power_cut(fs, {}, publish, [&](SimFs& after, const FaultPoint& point, const Status& outcome) {
        SCOPED_TRACE(point.to_string());
        seen.insert(after.get("/f").value_or("none"));
        if (outcome) {
          EXPECT_EQ(after.get("/f"), "new");
        }
      });
  EXPECT_THAT(seen, ::testing::ElementsAre("new", "old"));
  EXPECT_EQ(count.points, 7u);
  EXPECT_GT(count.states, 50u);
}

/// A writer with one duty left out must be caught, or the loops prove nothing.
Status publish_without(SimFs& fs, OpKind forgotten) {
  {
    ZK_TRY(auto file, fs.create("/f.tmp", {}));
    ZK_TRY_STATUS(file->append(as_bytes("new")));
    if (forgotten != OpKind::kSync) ZK_TRY_STATUS(file->sync());
  }
  ZK_TRY_STATUS(fs.rename("/f.tmp", "/f"));
  return forgotten == OpKind::kSyncDir ? ok() : fs.sync_dir("/");
}

TEST(FaultLoop, AForgottenSyncShowsAsAHalfFile) {
  SimFs fs;
  fs.put("/f", "old");
  std::set<std::string> after_success;
  for_each_power_cut(
      fs, {}, [](SimFs& f) { return publish_without(f, OpKind::kSync); },
      [&](SimFs& after, const FaultPoint&, const Status& outcome) {
        if (outcome) after_success.insert(after.get("/f").value_or("none"));
      });
  EXPECT_TRUE(after_success.contains("")) << "the name without the data";
  EXPECT_TRUE(after_success.contains(std::string(3, '\0')));
}

TEST(FaultLoop, AForgottenDirectorySyncShowsAsALostUpdate) {
  SimFs fs;
  fs.put("/f", "old");
  std::set<std::string> after_success;
  for_each_power_cut(
      fs, {}, [](SimFs& f) { return publish_without(f, OpKind::kSyncDir); },
      [&](SimFs& after, const FaultPoint&, const Status& outcome) {
        if (outcome) after_success.insert(after.get("/f").value_or("none"));
      });
  EXPECT_THAT(after_success, ::testing::ElementsAre("new", "old"));
}

}  // namespace
}  // namespace zkark::test
