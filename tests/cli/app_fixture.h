#pragma once
// Runs command lines against a simulated machine, with the real verbs about zkark itself and a few made up
// for the tests, so that golden outputs do not change whenever a verb is added.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "src/cli/app.h"
#include "tests/cli/fake_console.h"
#include "tests/support/inline_executor.h"
#include "tests/support/sim_clock.h"
#include "tests/support/sim_fs.h"
#include "tests/support/sim_random.h"
#include "tests/support/sim_system.h"

namespace zkark::test {

/// What the sample verb `save` was run with.
struct Saved {
  std::vector<std::string> sources;
  std::string type;
  std::vector<std::string> tags;
  std::optional<bool> prove;
  bool epoch_given = false;
  std::optional<std::int64_t> epoch;
  std::int64_t level = 3;
  std::optional<std::uint64_t> rate_bytes;
  std::optional<std::int64_t> max_age_ms;
  std::string repository;
  bool has_repository = false;
  std::int64_t lock_wait_ms = 0;
  std::string cluster;
  int runs = 0;
};
extern Saved saved;

/// save (every kind of option), rows (a stream; `rows N`), fail (an error of a given id), plus the meta
/// verbs.
const std::vector<cli::Verb>& sample_verbs();

class AppTest : public testing::Test {
 protected:
  void SetUp() override { saved = Saved(); }
  /// Runs `zkark WORDS…`; fills console.out, console.err afresh.
  int run(std::vector<std::string> words, const std::vector<cli::Verb>& verbs = sample_verbs());

  SimClock clock;
  SimFs fs;
  SimRandom random;
  SimSystem system;
  FakeConsole console;
  std::map<std::string, std::string> variables;
  std::function<std::unique_ptr<cli::LoopHandle>()> make_loop;  // for verbs that talk over the network
  std::function<Result<std::unique_ptr<Log>>(const std::string& path)> make_log;
};

}  // namespace zkark::test
