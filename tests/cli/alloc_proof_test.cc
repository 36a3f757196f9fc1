// Row R9 of the scoreboard: every memory allocation of whole commands fails once. No crash and no leak (the
// build with AddressSanitizer looks); a failure is reported as one; the repository is as it was before or has
// the command's result whole, and the command then works.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "src/os/threads.h"
#include "tests/cli/command_lab.h"
#include "tests/support/alloc_fault.h"

namespace zkark::test {
namespace {

bool in_full() {
  const char* wanted = std::getenv("ZKARK_PROVE_N");
  return wanted != nullptr && std::string_view(wanted) == "full";
}

std::vector<ProvenCommand> commands() {
  std::vector<ProvenCommand> all = writing_commands();
  all.insert(all.end(), reading_commands().begin(), reading_commands().end());
  return all;
}

/// Files a restore publishes; its lock goes last and does no harm.
std::map<std::string, std::string> restored(const std::map<std::string, std::string>& tree,
                                            const std::string& target) {
  std::map<std::string, std::string> files;
  for (const auto& [path, content] : tree)
    if (path.starts_with(target + "/") && !path.ends_with("/.zkark-lock")) files[path] = content;
  return files;
}

/// After a run that left something behind: nothing is lost or half, and the next run does the work.
void expect_valid(CommandLab& lab, const ProvenCommand& command, const Holdings& earlier,
                  const Holdings& result, const std::map<std::string, std::string>& after) {
  bool there = false;
  if (command.name != "init") {
    const Holdings now = lab.holdings(command.repository);
    EXPECT_EQ(now.flaw, "");
    for (const auto& [id, state] : earlier.backups)
      if (!command.may_remove || now.backups.contains(id)) {
        EXPECT_TRUE(now.backups.contains(id)) << id << " is gone";
        EXPECT_TRUE(now.points.contains(state));
      }
    for (const auto& state : now.points)
      EXPECT_TRUE(earlier.points.contains(state) || result.points.contains(state));
  }
  if (command.target != nullptr && lab.fs.get_info(command.target)) {
    there = true;
    EXPECT_EQ(restored(lab.fs.tree(), command.target), restored(after, command.target));
  }
  if (there) return;  // a restore refuses what holds something
  const CommandRun again = lab.run(command.words, 51);
  EXPECT_TRUE(again.status == 0 || (command.name == "init" && again.status == 7)) << again.err;
  EXPECT_EQ(lab.holdings(command.repository).points, result.points);
}

class AllocProof : public testing::TestWithParam<std::size_t> {};

TEST_P(AllocProof, AFailedAllocationFailsTheCommandAndNothingElse) {
  const ProvenCommand command = commands()[GetParam()];
  CommandLab lab;
  // With one thread it works on the caller's: the order of allocations repeats itself.
  lab.use_executor(std::make_shared<os::ThreadExecutor>(1));
  command.prepare(lab);
  lab.fs.settle();
  const SimFs::Snapshot start = lab.fs.snapshot();
  const auto before = lab.fs.tree("/");
  const CommandRun wanted = lab.run(command.words, 50);
  ASSERT_EQ(wanted.status, command.status) << wanted.err;
  const auto after = lab.fs.tree("/");
  const Holdings result = lab.holdings(command.repository);
  lab.fs.restore(start);
  const Holdings earlier = command.name == "init" ? Holdings() : lab.holdings(command.repository);

  std::uint64_t all = 0, good = 0;
  const auto parts = [] {
    return testing::UnitTest::GetInstance()->current_test_info()->result()->total_part_count();
  };
  CommandRun run;
  bool threw = false;
  for (const bool forever : {false, true}) {
    // All of a command's allocations, or in CI some three hundred spread over it.
    std::uint64_t stride = 1;
    if (!in_full()) {
      lab.fs.restore(start);
      AllocFault none(UINT64_MAX);
      static_cast<void>(lab.run(command.words, 50));
      stride = none.seen() / 150 + 1;
    }
    lab.fs.restore(start);
    for_each_allocation(
        [&] {
          threw = false;
          try {
            run = lab.run(command.words, 50);
          } catch (const std::bad_alloc&) {
            threw = true;  // main() says so and ends with 1
          }
        },
        [&](std::uint64_t n, bool hit) {
          SCOPED_TRACE(n);
          const int failures = parts();
          ++all;
          const auto now = lab.fs.tree("/");
          if (!threw && run.status == command.status) {
            EXPECT_TRUE(now == after) << "success with another result";
            EXPECT_EQ(run.out, wanted.out);
          } else {
            EXPECT_TRUE(hit) << run.err;
            EXPECT_TRUE(threw || run.err.find("ZKA-0101") != run.err.npos) << run.status << run.err;
          }
          if (now != before && now != after) expect_valid(lab, command, earlier, result, after);
          good += parts() == failures ? 1 : 0;
          lab.fs.restore(start);
        },
        stride, forever);
  }
  std::printf("PROVE R9: %llu of %llu allocation faults in %s\n", static_cast<unsigned long long>(good),
              static_cast<unsigned long long>(all), command.name.c_str());
  EXPECT_EQ(good, all);
  EXPECT_GT(all, 100u);
}

INSTANTIATE_TEST_SUITE_P(Commands, AllocProof, testing::Range<std::size_t>(0, commands().size()),
                         [](const auto& info) {
                           std::string name = commands()[info.param].name;
                           for (char& c : name)
                             if (c == ' ') c = '_';
                           return name;
                         });

}  // namespace
}  // namespace zkark::test
