#pragma once
// Where in a source's logs intact records are, and where the history has holes: what a repair is planned
// from.
#include <cstdint>
#include <optional>
#include <vector>

#include "formats/base/job.h"
#include "restore/source.h"

namespace zkark::restore {

/// Neighbouring records in one file, of one run and one epoch.
struct LogPiece {
  std::size_t log = 0;  // index in the logs scanned
  std::size_t run = 0;
  std::uint64_t begin = 0, end = 0;
  std::int64_t first_zxid = 0, last_zxid = 0;
  std::uint64_t txns = 0;
};
/// Records that follow each other without a hole, in one file or several. Epoch steps are in it, proven or
/// not.
struct LogRun {
  std::int64_t first_zxid = 0, last_zxid = 0;
  std::vector<std::int64_t> epoch_steps;  // the last zxid before each
};
struct LogScan {
  std::vector<LogPiece> pieces;  // as they stand
  std::vector<LogRun> runs;
  std::vector<bool> sound;  // by log: a header, whole records and nothing but zeros behind them
  Findings findings;
  // Around the zxid asked for: the records next to it, and whether it is one itself.
  std::optional<std::int64_t> below, above;
  bool met = false;

  std::int64_t last_zxid() const;  // the highest; 0 without records
};
/// Errors are about reading, never about damage.
Result<LogScan> scan_logs(Source& source, const std::vector<SourceFile>& logs,
                          std::optional<std::int64_t> look_for, Job& job);

/// The piece up to `zxid`: records above it are taken off. It must begin at or below it.
Result<LogPiece> cut_piece(Source& source, const std::vector<SourceFile>& logs, const LogPiece& piece,
                           std::int64_t zxid, Job& job);

}  // namespace zkark::restore
