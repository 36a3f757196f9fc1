#pragma once
// Names in a data directory (reference/on-disk-formats section 2; Apache: Util, ZxidUtils): log.<zxid>,
// snapshot.<zxid>[.gz|.snappy], epochs, myid. zxid = epoch << 32 | counter.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "formats/base/result.h"

namespace zkark {

constexpr std::uint32_t zxid_epoch(std::int64_t zxid) {
  return static_cast<std::uint32_t>(static_cast<std::uint64_t>(zxid) >> 32);
}
constexpr std::uint32_t zxid_counter(std::int64_t zxid) { return static_cast<std::uint32_t>(zxid); }
constexpr std::int64_t make_zxid(std::uint32_t epoch, std::uint32_t counter) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(epoch) << 32 | counter);
}
/// "0x10000000b", as people and JSON see it.
std::string zxid_text(std::int64_t zxid);
/// "10000000b", as in file names (Long.toHexString).
std::string zxid_hex(std::int64_t zxid);
/// Hex digits of either case, with or without 0x; at most 16.
std::optional<std::int64_t> parse_hex64(std::string_view text);
/// Java's Long.parseLong(text, 16): an optional sign, then hex digits of either case, within a signed 64-bit
/// number.
std::optional<std::int64_t> parse_java_hex(std::string_view text);

enum class SnapCodec : std::uint8_t { kPlain, kGzip, kSnappy };
constexpr std::string_view snap_codec_name(SnapCodec codec) {
  return codec == SnapCodec::kGzip ? "gzip" : codec == SnapCodec::kSnappy ? "snappy" : "plain";
}

enum class DataFileKind : std::uint8_t {
  kLog,                 // log.<zxid>, exactly as ZooKeeper writes it
  kSnapshot,            // snapshot.<zxid>[.gz|.snappy], exactly as ZooKeeper writes it
  kAccidentalLog,       // Apache takes it for a log although no server wrote this name: log.1.bak, log.A
  kAccidentalSnapshot,  // the same for snapshots: snapshot.5.tmp, snapshot.0A
  kOther,
};

struct DataFileName {
  DataFileKind kind = DataFileKind::kOther;
  std::int64_t zxid = 0;                // below 0 only for names like snapshot.-5, which Apache takes
  SnapCodec codec = SnapCodec::kPlain;  // by the last component, case-insensitively, as SnapStream does
};
/// Tells what Apache would take a name for.
DataFileName parse_data_file_name(std::string_view name);
std::string log_file_name(std::int64_t zxid);
std::string snapshot_file_name(std::int64_t zxid, SnapCodec codec = SnapCodec::kPlain);

/// currentEpoch, acceptedEpoch: the first line is a decimal number with nothing around it (a line end may
/// follow, and after that anything: Java reads one line).
Result<std::int64_t> parse_epoch_file(std::string_view content);
/// myid: the same rule.
Result<std::int64_t> parse_myid(std::string_view content);

}  // namespace zkark
