// From a directory to the state a server starts with, and what keeps it from starting.
#include "src/server/boot.h"

#include <gtest/gtest.h>

#include "src/server/commit_log.h"
#include "tests/support/load_dir.h"
#include "tests/support/log_builder.h"
#include "tests/support/sim_clock.h"
#include "tests/support/sim_fs.h"
#include "tests/support/sim_system.h"

namespace zkark::server {
namespace {

using test::LogBuilder;

struct Boot : testing::Test {
  Boot() { settings.data_dir = settings.data_log_dir = "/data"; }
  test::SimClock clock;
  Result<Booted> boot() { return server::boot(fs, clock, system, settings, job); }
  /// Fails with `id`, and tells a way out that has `word` in it.
  void refuses(ErrorId id, std::string_view word) {
    const Result<Booted> booted = boot();
    ASSERT_FALSE(booted);
    EXPECT_EQ(booted.error().id(), id) << booted.error().to_string();
    EXPECT_NE(booted.error().hint().find(word), std::string::npos) << booted.error().hint();
  }
  void put_mark(const SyncedMark& mark) { fs.put("/data/version-2/zkark.synced", format_synced_mark(mark)); }

  test::SimFs fs;
  test::SimSystem system;
  Settings settings;
  Job job;
};

TEST_F(Boot, MakesTheDirectoriesOfANewServer) {
  const Result<Booted> booted = boot();
  ASSERT_TRUE(booted) << booted.error().to_string();
  EXPECT_TRUE(booted->fresh);
  EXPECT_EQ(booted->state.tree.size(), 4u);
  EXPECT_EQ(fs.get_info("/data/version-2")->type, FileType::kDirectory);
}

TEST_F(Boot, MakesNoDirectoryThatItMayNotMake) {
  settings.autocreate = false;
  refuses(ErrorId::kNoFile, "zoo.cfg");
  EXPECT_FALSE(fs.get_info("/data"));
}

TEST_F(Boot, LoadsWhatApacheLeft) {
  test::load_dir(fs, "fixtures/zk-3.8.0-torn-tail", "/data");
  const Result<Booted> booted = boot();
  ASSERT_TRUE(booted) << booted.error().to_string();
  EXPECT_FALSE(booted->fresh);
  EXPECT_GT(booted->state.last_zxid, 0);
}

TEST_F(Boot, RefusesADirectoryThatAnotherProcessHasOpen) {
  fs.put("/data/version-2/log.1", LogBuilder().record(1, 1).bytes());
  system.open_files["/data/version-2"].files = {"pid 7 (java): /data/version-2/log.1"};
  refuses(ErrorId::kTargetInUse, "stop that server");
}

TEST_F(Boot, RefusesADamagedLogAndNamesRepair) {
  fs.put("/data/version-2/log.1", LogBuilder().record(1, 1).record(2, 2).damaged().record(3, 3).bytes());
  refuses(ErrorId::kChecksumMismatch, "zkark repair /data");
}

/// Each look at it takes 10 ms.
class TickingClock final : public Clock {
 public:
  WallTime wall() override { return {0}; }
  MonotonicTime monotonic() override { return {(ns_ += 10'000'000)}; }
  void sleep_ms(std::int64_t) override {}

 private:
  std::int64_t ns_ = 0;
};

TEST_F(Boot, TellsWhatTheStartTook) {
  TickingClock ticking;
  const auto times = [&] {
    const Result<Booted> booted = server::boot(fs, ticking, system, settings, job);
    EXPECT_TRUE(booted);
    return booted ? booted->times : StartupTimes{};
  };
  EXPECT_FALSE(times().txns) << "there was nothing";
  fs.put("/data/version-2/log.1", LogBuilder().record(1, 1).record(2, 2).record(3, 3).bytes());
  const StartupTimes took = times();
  EXPECT_EQ(took.txns, 3u);
  EXPECT_EQ(took.snapshot_ms, 10);
  EXPECT_EQ(took.txns_ms, 10);
  EXPECT_EQ(took.all_ms, 30);
}

TEST_F(Boot, TakesATornWriteForTheEnd) {
  fs.put("/data/version-2/log.1", LogBuilder().record(1, 1).record(2, 2).torn(3).bytes());
  const Result<Booted> booted = boot();
  ASSERT_TRUE(booted) << booted.error().to_string();
  EXPECT_EQ(booted->state.last_zxid, 1);
}

TEST_F(Boot, RefusesWhereARecordIsGoneThatWasSyncedOnce) {
  const std::string log = LogBuilder().record(1, 1).record(2, 2).torn(3).bytes();
  fs.put("/data/version-2/log.1", log);
  put_mark({"log.1", 200, 2});
  refuses(ErrorId::kGap, "zkark.synced");
  put_mark({"log.1", 100, 1});
  EXPECT_TRUE(boot());
  fs.put("/data/version-2/zkark.synced", "zkark-synced 1 log.1 200 2 00000000\n");  // torn: says nothing
  EXPECT_TRUE(boot());
}

TEST_F(Boot, StartsAnewWhereTheFirstServerDiedOverItsFirstWrite) {
  const std::string log = LogBuilder().record(1, 1).bytes();
  for (std::size_t size = 0; size < log.size(); ++size) {
    fs.put("/data/version-2/log.1", log.substr(0, size));
    const Result<Booted> booted = boot();
    ASSERT_TRUE(booted) << size << ": " << booted.error().to_string();
    EXPECT_TRUE(booted->fresh) << size;
    EXPECT_EQ(booted->state.last_zxid, 0) << size;
  }
  put_mark({"log.1", 100, 1});
  refuses(ErrorId::kGap, "zkark.synced");
}

}  // namespace
}  // namespace zkark::server
