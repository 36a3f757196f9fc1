#pragma once
// What the fuzzers run, one function per decoder. Each takes any bytes whatever and returns, or stops the
// program with ZK_CHECK where a promise of the decoder is broken.
#include <span>
#include <string_view>

#include "formats/base/bytes.h"

namespace zkark::fuzz {

/// One record's payload: what is accepted is written again byte for byte.
void txn_payload(Bytes input);
/// A log file, read to its end past all damage.
void log_file(Bytes input);
/// A snapshot's plain stream: what is accepted is written again byte for byte.
void snapshot_plain(Bytes input);
/// A gzip or xerial stream around a snapshot: the same bytes whatever the reads' sizes, what is wrapped
/// unwraps.
void snapshot_gzip(Bytes input);
void snapshot_snappy(Bytes input);
/// zoo.cfg: an edit of nothing changes nothing, what is set is read back.
void zoo_cfg(Bytes input);
/// currentEpoch, acceptedEpoch, myid.
void epoch_file(Bytes input);
/// Names in a data directory.
void file_name(Bytes input);

struct Target {
  std::string_view name;  // of the folder in corpus/, and of the program fuzz_<name>
  void (*run)(Bytes);
};
inline constexpr Target kTargets[] = {
    {"txn_payload", txn_payload},         {"log_file", log_file},
    {"snapshot_plain", snapshot_plain},   {"snapshot_gzip", snapshot_gzip},
    {"snapshot_snappy", snapshot_snappy}, {"zoo_cfg", zoo_cfg},
    {"epoch_file", epoch_file},           {"file_name", file_name},
};

}  // namespace zkark::fuzz
