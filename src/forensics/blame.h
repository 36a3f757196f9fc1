#pragma once
// Which transaction wrote what stands in a tree. A node's stat names the zxids; the records behind them tell
// who it was.
#include <cstdint>
#include <optional>
#include <vector>

#include "formats/base/job.h"
#include "restore/log_walk.h"
#include "restore/source.h"
#include "restore/tree.h"

namespace zkark::forensics {

/// One question: which record created the node (zxid: its czxid), or set the data it has (its mzxid).
struct WriteAsked {
  std::int64_t zxid = 0;
  restore::NodeId id = restore::kNoNode;
  bool creation = false;
};

/// What the record says.
struct Writer {
  std::int64_t time_ms = 0;
  std::int64_t session = 0;
  std::int32_t cxid = 0;
  TxnType type = TxnType::kCreate;  // of the operation: inside a multi that of the part
  std::uint32_t part = 0;           // its place in a multi, from 1; 0 outside one
};

struct Writers {
  /// In the order of the questions. Empty: no record here did it; it lies before the logs begin, or is lost.
  std::vector<std::optional<Writer>> of;
  /// Records that were read.
  std::uint64_t records = 0;
};

/// Answers all questions in one pass over the logs that can hold the answers, no others. A record counts only
/// where it took effect and names the node. Damage and gaps on the way become findings. Memory: some 50 bytes
/// per question.
Result<Writers> find_writers(restore::Source& source, const restore::SourceListing& listing,
                             const restore::Tree& tree, const std::vector<WriteAsked>& asked,
                             restore::Findings& findings, Job& job);

}  // namespace zkark::forensics
