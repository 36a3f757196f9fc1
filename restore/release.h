#pragma once
// Releases of ZooKeeper and what each of them makes of logs and snapshots (reference/on-disk-formats sections
// 3, 4 and 9; Apache: SerializeUtils.deserializeTxn, DataTree.processTxn and deserialize, FileSnap,
// SnapStream at the tags of the releases).
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "formats/base/result.h"

namespace zkark::restore {

/// 3.<line>.<patch>. A line without a patch stands for its first stable release, so that what that one reads
/// every later one of the line does: 3.5 is 3.5.5 (the four before it were alpha and beta).
struct Release {
  int line = 0, patch = 0;
  std::string text;  // as it was given: "3.8", "3.8.2"
  std::strong_ordering operator<=>(const Release& other) const {
    return line != other.line ? line <=> other.line : patch <=> other.patch;
  }
  bool operator==(const Release& other) const { return line == other.line && patch == other.patch; }
  bool is_at_least(int other_line, int other_patch = 0) const {
    return line != other_line ? line > other_line : patch >= other_patch;
  }
};
/// "3.4" to "3.10", with or without a patch. kUsage with what there is.
Result<Release> parse_release(std::string_view text);

/// What a release reads. Where one is false, the header says what happens to data that need it.
struct Abilities {
  /// create2, reconfig, deleteContainer, container and TTL nodes. Before: a log with such a record stops the
  /// server, and a container or TTL node of a snapshot is taken for an ephemeral of a dead session and
  /// deleted at the start, without a record.
  bool types_of_3_5 = false;
  /// create2 as a part of a multi (ZOOKEEPER-4616: 3.7.2, 3.8.2, 3.9.0). Before: the parts from it on are
  /// dropped, the ones before it stay, nothing is logged above debug.
  bool create2_in_multi = false;
  /// Digests, closeSession with paths. Before: both are passed over.
  bool digests = false;
  /// snapshot.*.gz and .snappy. Before: taken for incomplete, an older snapshot is used or none.
  bool compressed_snapshots = false;
  /// The lastProcessedZxid section. Before: passed over behind a digest section; alone it is taken for a
  /// broken one, and the snapshot is refused (by every release with digests on, the later ones included).
  bool last_processed_zxid = false;
  /// Logs without any snapshot are replayed from the built-in tree (3.4). Later servers refuse to start.
  bool starts_without_snapshot = false;
  /// dynamicConfigFile. Before: passed over, so that the server knows no other members.
  bool dynamic_config = false;
  /// Several addresses in one server line.
  bool multi_address = false;
  /// Quotas that refuse (3.7). Before: written to the log of the server only.
  bool hard_quotas = false;
  /// Largest buffer or record with jute.maxbuffer as it is by default.
  std::int64_t largest_buffer = 0;
};
Abilities abilities_of(const Release& release);

}  // namespace zkark::restore
