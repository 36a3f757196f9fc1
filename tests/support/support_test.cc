// The small things: clock, randomness, executor, golden files, loading directories.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "tests/support/golden.h"
#include "tests/support/inline_executor.h"
#include "tests/support/load_dir.h"
#include "tests/support/sim_clock.h"
#include "tests/support/sim_random.h"
#include "tests/support/sim_system.h"

namespace zkark::test {
namespace {

TEST(SimClock, MovesOnlyWhenToldAndSleepsAtOnce) {
  SimClock clock({1000});
  EXPECT_EQ(clock.wall(), clock.wall());
  const MonotonicTime start = clock.monotonic();
  clock.sleep_ms(250);
  EXPECT_EQ(clock.wall().ms, 1250);
  EXPECT_EQ(clock.monotonic().ns - start.ns, 250'000'000);
  EXPECT_EQ(clock.slept_ms(), 250);
  clock.set_wall({10});
  EXPECT_EQ(clock.wall().ms, 10);
  EXPECT_EQ(clock.monotonic().ns - start.ns, 250'000'000) << "monotonic time does not jump";
}

TEST(SimRandom, ASeedRepeatsItsBytes) {
  std::array<std::byte, 32> one, two, other;
  SimRandom(7).fill(one);
  SimRandom(7).fill(two);
  SimRandom(8).fill(other);
  EXPECT_EQ(one, two);
  EXPECT_NE(one, other);
}

TEST(InlineExecutor, RunsAllInOrderAndReturnsTheFirstFailure) {
  std::vector<int> ran;
  const std::vector<std::function<Status()>> tasks = {
      [&] { return ran.push_back(1), ok(); },
      [&]() -> Status { return ran.push_back(2), fail(ErrorId::kDamaged, "second"); },
      [&]() -> Status { return ran.push_back(3), fail(ErrorId::kDamaged, "third"); },
  };
  const Status outcome = InlineExecutor().run_all(tasks);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().message(), "second");
  EXPECT_THAT(ran, ::testing::ElementsAre(1, 2, 3));
}

TEST(SimSystem, IsWhatTheTestDescribes) {
  SimSystem system;
  system.processes[7] = "boot/100";
  system.listening.insert("10.0.0.1:2181");
  system.owners["zk:zk"] = {90, 91};
  EXPECT_TRUE(system.process_alive(7));
  EXPECT_EQ(system.process_identity(7), "boot/100");
  EXPECT_FALSE(system.process_alive(8));
  EXPECT_TRUE(system.process_alive(system.pid()));
  EXPECT_TRUE(system.port_answers("10.0.0.1", 2181, 100).value());
  EXPECT_FALSE(system.port_answers("10.0.0.1", 2182, 100).value());
  EXPECT_EQ(system.lookup_owner("zk:zk").value(), (Owner{90, 91}));
  EXPECT_EQ(system.lookup_owner("5:6").value(), (Owner{5, 6}));
  EXPECT_FALSE(system.lookup_owner("nobody-here"));
}

TEST(DiffLines, ShowsOnlyWhatDiffersWithContext) {
  EXPECT_EQ(diff_lines("a\nb\n", "a\nb\n"), "");
  EXPECT_EQ(diff_lines("1\n2\n3\n4\n5\n6\n7\n", "1\n2\n3\nfour\n5\n6\n7\n"), " 2\n 3\n-4\n+four\n 5\n 6\n");
  EXPECT_EQ(diff_lines("a\nb\nc\nd\n", "a\nc\nx\nd\n"), " a\n-b\n c\n+x\n d\n");
  EXPECT_EQ(diff_lines("", "a\n"), "+a\n");
  EXPECT_EQ(diff_lines("a\n", "a"), "-a\n+a\n\\ no newline at the end\n");
}

TEST(Golden, IsContentWithTheTextOfTheFileAndComplainsOtherwise) {
  if (std::getenv("ZKARK_GOLDEN") != nullptr) GTEST_SKIP() << "golden files are being written";
  const std::string name = "tests/support/golden/sample.txt";
  EXPECT_EQ(golden(name, "one\ntwo\n"), "");
  EXPECT_THAT(golden(name, "one\nthree\n"), ::testing::HasSubstr(" one\n-two\n+three\n"));
  EXPECT_THAT(golden("tests/support/golden/absent.txt", ""), ::testing::HasSubstr("ZKARK_GOLDEN=write"));
}

TEST(LoadDir, CopiesARealDirectoryByteForByte) {
  SimFs fs;
  load_dir(fs, "fixtures/zk-3.9-gz", "/src");
  EXPECT_EQ(fs.get("/src/version-2/log.1"), load_file("fixtures/zk-3.9-gz/version-2/log.1"));
  const std::vector<std::string> files = fs.files("/src/version-2");
  EXPECT_TRUE(std::count(files.begin(), files.end(), "/src/version-2/snapshot.21.gz"));
  EXPECT_EQ(fs.get_info("/src/version-2")->type, FileType::kDirectory);
  EXPECT_EQ(fs.pending(), 0u);
}

}  // namespace
}  // namespace zkark::test
