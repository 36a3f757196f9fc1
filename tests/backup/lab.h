#pragma once
// A repository on a simulated disk, with everything a test needs to use it, break it and look at it.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "formats/base/job.h"
#include "src/backup/backend/local.h"
#include "src/backup/check.h"
#include "src/backup/repository.h"
#include "src/backup/writer.h"
#include "tests/support/inline_executor.h"
#include "tests/support/sim_clock.h"
#include "tests/support/sim_fs.h"
#include "tests/support/sim_random.h"
#include "tests/support/sim_system.h"

namespace zkark::test {

/// One client of the repository at /repo of `fs`: a process with its own backend object, randomness and pins.
class Client {
 public:
  Client(SimFs& fs, SimClock& clock, std::uint64_t seed, const std::string& root = "/repo");

  backup::RepositoryEnvironment env();
  backup::LocalBackend& backend() { return backend_; }
  SimSystem system;
  bool pins = false;  // remember HEADs under /cache/<seed>
  Job job;

 private:
  SimFs& fs_;
  SimClock& clock_;
  SimRandom random_;
  InlineExecutor executor_;
  std::uint64_t seed_;
  backup::LocalBackend backend_;
};

struct Lab {
  SimClock clock;
  SimFs fs{&clock};
  Client client{fs, clock, 1};
  /// A new process on the same disk: nothing is remembered.
  Client fresh(std::uint64_t seed = 2) { return Client(fs, clock, seed); }
};

/// Text of `bytes` bytes that compresses like records do, different for every seed.
std::string sample_text(std::size_t bytes, std::uint64_t seed);
/// Bytes that do not compress.
std::string noise(std::size_t bytes, std::uint64_t seed);

/// One backup, as simple as can be: one segment with `text`, one config file. The id is in the result.
struct Taken {
  backup::HeadEntry entry;
  std::string text;
};
struct TakeOptions {
  std::string cluster = "default";
  std::string parent = {};  // makes it an increment
  std::string text = "the records of one log";
  std::map<std::string, std::string> tags = {};
  std::int64_t wait_ms = 0;
};
Result<Taken> take(Client& client, const TakeOptions& options);
/// The bytes of the segment as a restore would read them.
Result<std::string> read_segment(const backup::Repository& repository, const std::string& id);

/// Init and one full backup with two increments and a second cluster.
std::vector<Taken> small_repository(Client& client);

// GoogleTest has no idea of Result.
#define ZK_ASSERT_OK(expression)                                         \
  do {                                                                   \
    const auto& zk_status = (expression);                                \
    ASSERT_TRUE(zk_status.has_value()) << zk_status.error().to_string(); \
  } while (false)
#define ZK_EXPECT_OK(expression)                                         \
  do {                                                                   \
    const auto& zk_status = (expression);                                \
    EXPECT_TRUE(zk_status.has_value()) << zk_status.error().to_string(); \
  } while (false)

template <class T>
ErrorId error_of(const Result<T>& result) {
  return result ? static_cast<ErrorId>(0) : result.error().id();
}

}  // namespace zkark::test
