// Rows R5, R6 and R8 of the scoreboard for whole commands on what a real server left: killed, without power
// or with an error at every I/O call. After each the repository is sound, every backup that was there before
// gives back the state it gave before, and the next run completes the work: what it leaves equals what a run
// without the accident leaves. A restored directory is absent or whole.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/cli/command_lab.h"
#include "tests/support/fault_loop.h"

namespace zkark::test {
namespace {

bool in_full() {
  const char* wanted = std::getenv("ZKARK_PROVE_N");
  return wanted != nullptr && std::string_view(wanted) == "full";
}

class CommandProof : public testing::TestWithParam<std::size_t> {
 protected:
  CommandProof() : command_(writing_commands()[GetParam()]) {
    command_.prepare(lab_);
    lab_.fs.settle();
    start_ = lab_.fs.snapshot();
    if (command_.name != "init") before_ = lab_.holdings(command_.repository);
    lab_.must(command_.words, kFirst);
    after_ = lab_.holdings(command_.repository);
    result_ = result();
    if (command_.name != "init") {
      EXPECT_TRUE(before_.flaw.empty()) << before_.flaw;
    }
    EXPECT_TRUE(after_.flaw.empty()) << after_.flaw;
    lab_.fs.restore(start_);
  }

  static constexpr std::uint64_t kFirst = 50, kSecond = 51;

  Status scenario(SimFs&) {
    const CommandRun done = lab_.run(command_.words, kFirst);
    if (done.status == 0) return {};
    return fail(ErrorId::kInternal, "exit " + std::to_string(done.status) + ": " + done.err);
  }

  /// What nobody may see half of: the objects of the repository, or the restored directory.
  std::map<std::string, std::string> result() const {
    return lab_.fs.tree(command_.target != nullptr ? std::string("/srv")
                                                   : std::string(command_.repository) + "/objects");
  }

  void check(const FaultPoint& point, const Status& outcome) {
    SCOPED_TRACE(command_.name + ", " + point.to_string());
    SCOPED_TRACE(outcome ? "exit 0" : outcome.error().to_string());
    const int parts = failures();
    ++all_;
    if (command_.name != "init" || outcome) {
      const Holdings now = lab_.holdings(command_.repository);
      EXPECT_EQ(now.flaw, "");
      for (const auto& [id, state] : before_.backups) {
        const auto found = now.backups.find(id);
        if (found == now.backups.end())
          EXPECT_TRUE(command_.may_remove) << id << " is gone";
        else
          EXPECT_EQ(found->second, state) << id;
      }
      for (const auto& state : now.points)
        EXPECT_TRUE(after_.points.contains(state) || before_.points.contains(state))
            << "a backup of a state that a run without the accident does not give";
      if (outcome) {
        EXPECT_EQ(now.points, after_.points) << "success without the result";
        EXPECT_EQ(now.backups.size(), after_.backups.size());
        EXPECT_EQ(now.tags, after_.tags);
      }
    }
    bool there = false;
    if (command_.target != nullptr) {
      there = lab_.fs.get_info(command_.target).has_value();
      if (there) {
        expect_whole();
      }
      EXPECT_TRUE(there || !outcome) << "success without the directory";
    }
    rerun(there, outcome.has_value());
    good_ += failures() == parts ? 1 : 0;
  }

  void expect_whole() {
    const std::string below = std::string(command_.target) + "/";
    std::map<std::string, std::string> now, wanted;
    for (const auto& [path, content] : lab_.fs.tree(command_.target))
      if (!path.ends_with("/.zkark-lock")) now[path] = content;  // goes last, and does no harm
    for (const auto& [path, content] : result_)
      if (path.starts_with(below)) wanted[path] = content;
    EXPECT_EQ(now, wanted) << "the restored directory is neither absent nor whole";
  }

  void rerun(bool restored, bool done) {
    if (restored) return;  // a restore refuses what holds something
    if (command_.name == "init" && lab_.fs.get("/repo/HEAD") && done) return;
    const CommandRun again = lab_.run(command_.words, kSecond);
    const bool was_there = command_.name == "init" && again.status == 7;
    EXPECT_TRUE(again.status == 0 || was_there) << again.status << ": " << again.err;
    const Holdings now = lab_.holdings(command_.repository);
    EXPECT_EQ(now.flaw, "");
    EXPECT_EQ(now.points, after_.points) << "the next run does not complete the work";
    EXPECT_EQ(now.tags, after_.tags);
    EXPECT_EQ(result(), result_) << "the next run leaves something else";
  }

  static int failures() {
    return testing::UnitTest::GetInstance()->current_test_info()->result()->total_part_count();
  }

  void prove(const char* row, Fault fault, const std::string& what) {
    lab_.fs.restore(start_);
    all_ = good_ = 0;
    EXPECT_GT(for_each_fault(
                  lab_.fs, std::move(fault), [this](SimFs& fs) { return scenario(fs); },
                  [this](SimFs&, const FaultPoint& point, const Status& outcome) { check(point, outcome); }),
              0u);
    print(row, what);
  }
  void print(const char* row, const std::string& what) const {
    std::printf("PROVE %s: %llu of %llu %s %s\n", row, static_cast<unsigned long long>(good_),
                static_cast<unsigned long long>(all_), what.c_str(), command_.name.c_str());
    std::fflush(stdout);
    EXPECT_EQ(good_, all_);
  }

  const ProvenCommand& command_;
  CommandLab lab_;
  SimFs::Snapshot start_;
  Holdings before_, after_;
  std::map<std::string, std::string> result_;
  std::uint64_t all_ = 0, good_ = 0;
};

TEST_P(CommandProof, KilledAtAnyCallLosesNothingAndTheNextRunCompletesTheWork) {
  Fault fault;
  fault.action = Fault::Action::kKill;
  fault.kinds = in_full() ? kAllOps : kMutations;
  fault.partial_percent = 50;
  prove("R5", fault, "kills in");
}

TEST_P(CommandProof, WithoutPowerAtAnyCallLosesNothingAndTheNextRunCompletesTheWork) {
  PowerCuts cuts;
  if (!in_full()) {
    cuts.subsets = 2;
    cuts.torn = 1;
    cuts.every_prefix = false;
  }
  for_each_power_cut(
      lab_.fs, cuts, [this](SimFs& fs) { return scenario(fs); },
      [this](SimFs&, const FaultPoint& point, const Status& outcome) { check(point, outcome); });
  print("R6", "power cuts in");
}

TEST_P(CommandProof, AnErrorAtAnyCallIsAFailureOrARightResult) {
  struct Kind {
    int number;
    const char* name;
    OpMask kinds = kAllOps;
    Fault::Action action = Fault::Action::kFail;
    unsigned partial_percent = 0;
  };
  constexpr OpMask kSyncs = op(OpKind::kSync) | op(OpKind::kSyncDir);
  for (const Kind& kind :
       std::vector<Kind>{{EIO, "EIO"},
                         {ENOSPC, "ENOSPC after half a write", kMutations, Fault::Action::kFail, 50},
                         {EIO, "EIO after a short write", op(OpKind::kAppend), Fault::Action::kFail, 50},
                         {EINTR, "EINTR"},
                         {EMFILE, "EMFILE", op(OpKind::kOpen) | op(OpKind::kCreate) | op(OpKind::kList)},
                         {EIO, "fsync that fails once", kSyncs},
                         {EIO, "fsync done but failed", kSyncs, Fault::Action::kFailAfterDoing},
                         {EIO, "lost answers", kMutations, Fault::Action::kFailAfterDoing}}) {
    Fault fault;
    fault.error_number = kind.number;
    fault.kinds = kind.kinds;
    fault.action = kind.action;
    fault.partial_percent = kind.partial_percent;
    prove("R8", fault, std::string(kind.name) + " in");
  }
}

std::string test_name_of(const ProvenCommand& command) {
  std::string name = command.name;
  for (char& c : name)
    if (c == ' ') c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Commands, CommandProof, testing::Range<std::size_t>(0, writing_commands().size()),
                         [](const auto& info) { return test_name_of(writing_commands()[info.param]); });

class ReadingProof : public testing::TestWithParam<std::size_t> {};

/// Nothing on stdout that is not so, and nothing changed on the disk but the cache.
TEST_P(ReadingProof, AnErrorAtAnyCallIsAFailureOrTheWholeAnswer) {
  const ProvenCommand& command = reading_commands()[GetParam()];
  CommandLab lab;
  command.prepare(lab);
  lab.fs.settle();
  const CommandRun wanted = lab.run(command.words, 50);
  ASSERT_EQ(wanted.status, command.status) << wanted.err;
  ASSERT_FALSE(wanted.out.empty());
  const auto data = lab.fs.tree("/data"), repository = lab.fs.tree("/repo");
  std::uint64_t all = 0, good = 0;
  for (const int number : {EIO, EINTR, EMFILE, EACCES}) {
    Fault fault;
    fault.error_number = number;
    fault.kinds = kAllOps;
    CommandRun run;
    for_each_fault(
        lab.fs, fault,
        [&](SimFs&) -> Status {
          run = lab.run(command.words, 51);
          return {};
        },
        [&](SimFs& fs, const FaultPoint& point, const Status&) {
          SCOPED_TRACE(command.name + ", " + point.to_string());
          ++all;
          // The cache may be missing: verify then has a note more.
          const bool cache = point.operation.path.starts_with("/home/");
          const bool whole =
              run.status == wanted.status && (cache ? !run.out.empty() : run.out == wanted.out);
          const bool failed = run.status != 0 && run.status != wanted.status && !run.err.empty();
          EXPECT_TRUE(whole || (failed && point.hit)) << run.status << "\n" << run.out << run.err;
          EXPECT_EQ(fs.tree("/data"), data);
          EXPECT_EQ(fs.tree("/repo"), repository);
          good += (whole || failed) ? 1 : 0;
        });
  }
  std::printf("PROVE R8: %llu of %llu errors in %s\n", static_cast<unsigned long long>(good),
              static_cast<unsigned long long>(all), command.name.c_str());
  EXPECT_EQ(good, all);
  EXPECT_GT(all, 20u);
}

INSTANTIATE_TEST_SUITE_P(Commands, ReadingProof, testing::Range<std::size_t>(0, reading_commands().size()),
                         [](const auto& info) { return test_name_of(reading_commands()[info.param]); });

}  // namespace
}  // namespace zkark::test
