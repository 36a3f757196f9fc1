#include "restore/target_dir.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/sim_fs.h"
#include "tests/support/sim_system.h"

namespace zkark::restore {
namespace {

using ::testing::HasSubstr;

class TargetDirTest : public testing::Test {
 protected:
  Result<TargetDir> examine() { return TargetDir::examine(fs_, system_, options_); }
  ErrorId refusal() {
    const auto target = examine();
    EXPECT_FALSE(target);
    return target ? ErrorId::kInternal : target.error().id();
  }

  test::SimFs fs_;
  test::SimSystem system_;
  TargetDirOptions options_{"/srv/zk", "", false, "t", {}};
};

TEST_F(TargetDirTest, EmptyMeansNothingThatIsAnybodys) {
  EXPECT_EQ(target_state(fs_, "/srv/zk").value(), TargetState::kAbsent);
  fs_.put_dir("/srv/zk");
  EXPECT_EQ(target_state(fs_, "/srv/zk").value(), TargetState::kEmpty);
  fs_.put_dir("/srv/zk/lost+found");
  fs_.put_dir("/srv/zk/version-2");
  EXPECT_EQ(target_state(fs_, "/srv/zk").value(), TargetState::kEmpty);
  fs_.put("/srv/zk/version-2/log.1", "");
  EXPECT_EQ(target_state(fs_, "/srv/zk").value(), TargetState::kOccupied);
  fs_.erase("/srv/zk/version-2");
  fs_.put("/srv/zk/myid", "1");
  EXPECT_EQ(target_state(fs_, "/srv/zk").value(), TargetState::kOccupied)
      << "a myid that no restore put there";
  fs_.put("/srv/zk/.zkark-restore/.zkark-lock", "");
  EXPECT_EQ(target_state(fs_, "/srv/zk").value(), TargetState::kEmpty)
      << "left over by an interrupted restore";
  fs_.put("/srv/zk/notes.txt", "");
  EXPECT_EQ(target_state(fs_, "/srv/zk").value(), TargetState::kOccupied);
  fs_.put("/srv/file", "");
  EXPECT_EQ(target_state(fs_, "/srv/file").error().id(), ErrorId::kTargetNotEmpty);
}

TEST_F(TargetDirTest, ATargetThatHoldsSomethingIsRefusedUnlessItMayBeMovedAside) {
  fs_.put("/srv/zk/anything", "x");
  EXPECT_EQ(refusal(), ErrorId::kTargetNotEmpty);
  options_.replace = true;
  EXPECT_TRUE(examine());
  EXPECT_EQ(fs_.get("/srv/zk/anything"), "x") << "looking changes nothing";
}

TEST_F(TargetDirTest, ATargetInUseIsRefusedWithWhoUsesIt) {
  fs_.put_dir("/srv/zk");
  system_.open_files["/srv/zk"] = {{"pid 123 (java): /srv/zk/version-2/log.1", "pid 123 (java): x"}, 0};
  const auto target = examine();
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().id(), ErrorId::kTargetInUse);
  EXPECT_THAT(target.error().message(), HasSubstr("pid 123 (java): /srv/zk/version-2/log.1 and 1 more"));
  options_.replace = true;
  EXPECT_EQ(refusal(), ErrorId::kTargetInUse) << "--replace does not change that";
}

TEST_F(TargetDirTest, TheLogDirectoryIsATargetLikeTheOther) {
  options_.log_dir = "/srv/log";
  fs_.put("/srv/log/version-2/log.1", "x");
  EXPECT_EQ(refusal(), ErrorId::kTargetNotEmpty);
  system_.open_files["/srv/log"] = {{"pid 1 (java): /srv/log/version-2/log.1"}, 0};
  EXPECT_EQ(refusal(), ErrorId::kTargetInUse);
  options_.log_dir = "/srv";
  EXPECT_EQ(refusal(), ErrorId::kUsage) << "the data would lie among the logs";
}

TEST_F(TargetDirTest, TwoRestoresIntoOneTargetDoNotMeet) {
  TargetDir first = examine().value();
  ASSERT_TRUE(first.claim(system_));
  system_.processes[system_.own_pid] = system_.process_identity(system_.own_pid).value();
  system_.own_pid = 77;
  EXPECT_EQ(refusal(), ErrorId::kTargetInUse);
}

TEST_F(TargetDirTest, ADeadRestoresLeftoversAreRemovedByTheNext) {
  fs_.put("/srv/zk.zkark-restore/.zkark-lock", "pid=99\nhost=sim-host\nidentity=gone\n");
  fs_.put("/srv/zk.zkark-restore/version-2/snapshot.5", "half");
  TargetDir target = examine().value();
  ASSERT_TRUE(target.claim(system_));
  EXPECT_FALSE(fs_.get("/srv/zk.zkark-restore/version-2/snapshot.5"));
}

TEST_F(TargetDirTest, ALockOfAnotherMachineIsNotTouched) {
  fs_.put("/srv/zk.zkark-restore/.zkark-lock", "pid=99\nhost=other\nidentity=x\n");
  const auto target = examine();
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().id(), ErrorId::kTargetInUse);
  EXPECT_THAT(target.error().hint(), HasSubstr("/srv/zk.zkark-restore"));
}

TEST_F(TargetDirTest, ALockThatWasNeverWrittenToItsEndStandsInNobodysWay) {
  const std::string whole = "pid=99\nhost=sim-host\nidentity=gone\n";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    fs_.put("/srv/zk.zkark-restore/.zkark-lock", whole.substr(0, size));
    EXPECT_TRUE(examine()) << size;
  }
}

TEST_F(TargetDirTest, ADirectoryThatIsGivenUpLeavesNoTrace) {
  fs_.put_dir("/srv");
  const auto before = fs_.tree("/");
  {
    TargetDir target = examine().value();
    ASSERT_TRUE(target.claim(system_));
    ASSERT_TRUE(target.make_dir("version-2"));
    ASSERT_TRUE(target.write("version-2/currentEpoch", "1"));
  }
  EXPECT_EQ(fs_.tree("/"), before);
  EXPECT_EQ(fs_.list("/srv")->size(), 0u);
}

TEST_F(TargetDirTest, AFlatDirectoryTakesThePlaceOfAnEmptyOneAndOfNoOther) {
  options_.flat = true;
  fs_.put_dir("/srv/zk/version-2");
  EXPECT_EQ(refusal(), ErrorId::kTargetNotEmpty);
  fs_.erase("/srv/zk/version-2");
  TargetDir target = examine().value();
  ASSERT_TRUE(target.claim(system_));
  ASSERT_TRUE(target.write("log.1", "x"));
  EXPECT_FALSE(fs_.get("/srv/zk/log.1")) << "not before it is whole";
  ASSERT_TRUE(target.publish());
  EXPECT_EQ(fs_.files("/srv"), std::vector<std::string>{"/srv/zk/log.1"});
}

}  // namespace
}  // namespace zkark::restore
