#pragma once
// zkark-lineage.json in a restored directory: where its data come from. The next backup of that directory
// starts the child timeline from it (design sections 5 and 6).
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "formats/base/result.h"

namespace zkark::restore {

inline constexpr std::string_view kLineageFile = "zkark-lineage.json";

struct Lineage {
  std::string repository;             // its id; empty when restored without one
  std::string cluster;                // empty likewise
  std::string timeline;               // the one that was restored: the parent of what follows
  std::string backup;                 // id
  std::string source;                 // for people
  std::int64_t fork_zxid = 0;         // the point: last zxid both timelines share
  std::int64_t snapshot_zxid = 0;     // of the file written: fork_zxid, or epoch << 32
  std::optional<std::int64_t> epoch;  // after a bump
  bool sessions_kept = false;
  std::string path;  // of --path: the rest of the tree was left out
  std::int64_t restored_ms = 0;
  bool operator==(const Lineage&) const = default;
};

/// JSON, one key a line, with "schema": "zkark.lineage/1". Paths that are not UTF-8 become "bytes:<hex>", as
/// in a repository.
std::string encode_lineage(const Lineage& lineage);
/// kBadRecord for anything else; a later schema of the same name is read as far as known.
Result<Lineage> parse_lineage(std::string_view json);

}  // namespace zkark::restore
