#pragma once
// Every version that one node had, through deletes and re-creations.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "src/forensics/changes.h"

namespace zkark::forensics {

struct Version {
  enum class What : std::uint8_t {
    kBefore,   // was there before the logs begin; `after` shows it, unless nothing tells
    kMissing,  // something happened whose records are missing; `after` is what stands there behind them
    kCreated,
    kDataSet,
    kAclSet,
    kDeleted,
  };
  What what = What::kCreated;
  std::string path;        // the node, or a child of it
  std::uint32_t life = 1;  // of the node: one more with each creation; 0 on the rows of children
  // Who: of kBefore and kMissing only zxid and time are known, of the last write, and 0 where nothing tells.
  std::int64_t zxid = 0, time_ms = 0, session = 0;
  std::int32_t cxid = 0;
  TxnType type = TxnType::kCreate;  // of the operation: inside a multi that of the part
  std::uint32_t part = 0;           // its place in a multi, from 1; 0 outside one
  std::optional<NodeCopy> before, after;
  bool told() const { return what != What::kBefore && what != What::kMissing; }
};

struct HistoryOptions {
  std::string path;
  bool children = false;  // also when children of it came and went
  std::int64_t last_zxid = INT64_MAX;
};

/// Calls visit for each version, oldest first. Goes through all logs, so that lives are counted from the
/// first one. Damage and gaps become findings; what they hide shows as kMissing where a later snapshot or
/// record gives it away. Memory: the subtree of the node.
Status walk_history(restore::Source& source, const restore::SourceListing& listing,
                    const HistoryOptions& options, const std::function<Status(const Version&)>& visit,
                    restore::Findings& findings, Job& job);

}  // namespace zkark::forensics
