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

/// A stored object, read from start to end and from anywhere, and any bytes as the plain bytes of one.
void object(Bytes input);
/// The sealed files of a repository, as they are and behind a right seal: what is accepted is written and
/// read again as the same.
void manifest(Bytes input);
void head(Bytes input);
void repository_config(Bytes input);
/// Locks of other processes: listed, described, removed, whatever is in them.
void lock_file(Bytes input);
void pin(Bytes input);
/// zkark-lineage.json; any bytes as a path in it.
void lineage(Bytes input);
/// The values inside sealed files.
void json_fields(Bytes input);
/// A tarball: nothing outside the directory, no more bytes than allowed.
void archive(Bytes input);

/// --at and SRC@POINT.
void point(Bytes input);
/// zkark.toml.
void config_file(Bytes input);
/// Numbers, sizes, durations, choices.
void option_value(Bytes input);

/// The first bytes of a connection to a server, whatever they are: who has a session does not notice, and the
/// log leads to the server's tree.
void connection_bytes(Bytes input);
/// Requests of a session, each behind its length in two bytes: likewise.
void request_packets(Bytes input);
/// What a server sends to a client, from the answer to its handshake on: each request is answered once at
/// most.
void reply_packets(Bytes input);

struct Target {
  std::string_view name;  // of the folder in corpus/, and of the program fuzz_<name>
  void (*run)(Bytes);
};
inline constexpr Target kTargets[] = {
    {"txn_payload", txn_payload},
    {"log_file", log_file},
    {"snapshot_plain", snapshot_plain},
    {"snapshot_gzip", snapshot_gzip},
    {"snapshot_snappy", snapshot_snappy},
    {"zoo_cfg", zoo_cfg},
    {"epoch_file", epoch_file},
    {"file_name", file_name},
    {"object", object},
    {"manifest", manifest},
    {"head", head},
    {"repository_config", repository_config},
    {"lock_file", lock_file},
    {"pin", pin},
    {"lineage", lineage},
    {"json_fields", json_fields},
    {"archive", archive},
    {"point", point},
    {"config_file", config_file},
    {"option_value", option_value},
    {"connection_bytes", connection_bytes},
    {"request_packets", request_packets},
    {"reply_packets", reply_packets},
};

}  // namespace zkark::fuzz
