#pragma once
// Data directories of fixtures/ on a simulated disk, and what their records do, told naively.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "restore/apply.h"
#include "restore/data_dir.h"
#include "restore/log_walk.h"
#include "tests/support/sim_fs.h"

namespace zkark::test {

struct FixtureDir {
  /// Relative to the root of the repository.
  explicit FixtureDir(const std::string& dir);
  /// Its logs begin with the first transaction there ever was.
  bool from_the_first() const { return !listing.logs.empty() && listing.logs.front().zxid <= 1; }

  SimFs fs;
  std::unique_ptr<restore::DataDir> source;
  restore::SourceListing listing;
};

/// Every folder that Apache's classes have replayed.
std::vector<std::string> replayed_fixtures();

/// One operation that took effect.
struct RecordOperation {
  TxnHeader header;
  TxnType type = TxnType::kCreate;
  std::uint32_t part = 0;
  std::string path;
  bool operator==(const RecordOperation& o) const {
    return header == o.header && type == o.type && part == o.part && path == o.path;
  }
};
/// Replays record by record from the built-in tree: visit(operations, state before, state after).
void replay_naively(
    const FixtureDir& data,
    const std::function<void(const Txn& txn, const std::vector<RecordOperation>& operations,
                             const restore::State& before, const restore::State& after)>& visit);

}  // namespace zkark::test
