#pragma once
// A load for any ZooKeeper server: how many operations a second, and how long each takes.
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/clock.h"
#include "src/client/client.h"
#include "src/client/histogram.h"

namespace zkark::client {

enum class Workload : std::uint8_t {
  kReads,     // getData of random keys
  kWrites,    // setData of random keys
  kCreates,   // create of new nodes
  kMixed,     // reads and writes
  kWatches,   // a watch set by one connection, fired by another: from the write to the event
  kSessions,  // connect, open a session, close it
};

struct BenchOptions {
  std::vector<Server> servers;  // connections go to them in turn
  Workload workload = Workload::kReads;
  std::uint32_t connections = 8;
  std::uint32_t in_flight = 32;  // operations of one connection that wait for their answers; kSessions: 1
  std::size_t value_bytes = 128;
  std::uint32_t keys = 1'000;
  std::uint32_t read_percent = 90;  // of kMixed
  std::int64_t duration_ms = 10'000;
  std::optional<std::uint64_t> requests;  // ends with so many operations, whatever the duration
  std::string path;                       // a node that does not exist; all that is made stands below it
  std::uint64_t seed = 1;                 // of the choice of keys
  SessionOptions session = {};
};

/// One kind of operation.
struct BenchOperation {
  std::string_view name;  // "getData"
  Histogram latency{};    // of those that were done
  std::uint64_t failed = 0;
};

struct BenchResult {
  std::vector<BenchOperation> operations;
  std::map<std::string, std::uint64_t> failures;  // why operations failed, how often
  std::int64_t elapsed_ns = 0;                    // of the load alone
  bool left_behind = false;                       // the path could not be removed again
  std::uint64_t done() const;
  std::uint64_t failed() const;
};

/// Prepares, loads, cleans up. Belongs to the loop thread.
class Bench {
 public:
  enum class Phase : std::uint8_t { kConnecting, kPreparing, kLoading, kCleaning, kDone };

  /// `done` is called once, later: ok, or why there was no load (kRefused: the path exists; kNotFound: its
  /// parent does not) or why it broke off; what there is of a result stands in result().
  Bench(Loop& loop, net::Transport& transport, Clock& clock, BenchOptions options,
        std::function<void(Status)> done);
  ~Bench();
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  /// Ends the load now, cleans up and is done.
  void interrupt();
  Phase phase() const;
  const BenchResult& result() const;

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace zkark::client
