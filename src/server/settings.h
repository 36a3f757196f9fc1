#pragma once
// What a server runs with: the values of zoo.cfg and of the system properties, once defaults, types and
// ranges are settled (reference/client-protocol-and-server section 8; QuorumPeerConfig, ZooKeeperServer and
// the classes that read the properties).
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace zkark::server {

/// Times in milliseconds unless the name says otherwise. A default is that of Apache 3.8. settings_reader.h
/// fills it.
struct Settings {
  // ---- data
  std::string
      data_dir;  // holds version-2/ and myid; as written, so perhaps relative to the working directory
  std::string data_log_dir;    // of the logs; data_dir unless set apart
  std::int64_t server_id = 1;  // of session ids: 1 where there is no ensemble
  bool autocreate = true;      // datadir.autocreate: make missing directories
  bool db_autocreate = true;   // false: an empty data directory needs the file "initialize"
  bool trust_empty_snapshot = false;
  bool read_only = false;      // serve --read-only: the point stays as it is
  bool keeps_nothing = false;  // serve --scratch: nobody starts from it again, so it writes no files

  // ---- storage
  std::int64_t snap_count = 100'000;               // at least 2
  std::int64_t snap_size_limit_bytes = 4LL << 30;  // negative or 0: off
  std::int64_t txn_log_size_limit_bytes = -1;      // negative or 0: off
  std::int64_t pre_alloc_bytes = 64LL << 20;       // negative or 0: off
  bool force_sync = true;
  std::int64_t fsync_warning_ms = 1000;
  std::string snapshot_compression;  // "", "gz", "snappy"
  bool digest_enabled = true;
  bool last_processed_zxid_section = true;
  bool close_session_txn = true;
  std::int64_t flush_delay_ms = 0;           // 0: a batch is flushed as soon as nothing more waits
  std::int64_t max_write_queue_poll_ms = 0;  // flush_delay_ms / 3 unless set
  std::int64_t max_batch_size = 1000;        // negative or 0: no limit
  std::int64_t purge_retain = 3;             // at least 3
  std::int64_t purge_interval_ms = 0;        // 0: off

  // ---- sessions and clients
  std::optional<std::string>
      client_host;                // address or name to listen on; nullopt: every address of the machine
  std::uint16_t client_port = 0;  // 0: no client port
  int listen_backlog = -1;        // -1: the system's
  bool client_keep_alive = false;
  std::int64_t tick_ms = 3000;
  std::int64_t min_session_timeout_ms = 6000, max_session_timeout_ms = 60'000;
  std::int64_t max_client_cnxns = 60;  // of one address; negative or 0: no limit
  std::int64_t max_cnxns = 0;          // in all; negative or 0: no limit
  std::int64_t sessionless_timeout_ms = 10'000;
  // As given. Members of an ensemble alone have local sessions: a standalone server looks at neither.
  bool local_sessions = false, local_session_upgrading = false;

  // ---- requests
  std::int64_t jute_max_buffer = 0xfffff;
  std::int64_t jute_max_extra =
      0xfffff;  // jute.maxbuffer.extrasize: jute_max_buffer unless set, at least 1024
  std::int64_t global_outstanding_limit = 1000;
  std::int64_t large_request_threshold = -1, large_request_max_bytes = 100 << 20;
  std::int64_t request_throttle_max = 0, request_throttle_stall_ms = 100;
  bool request_throttle_drop_stale = true, request_stale_connection_check = true;
  bool request_stale_latency_check = false;
  std::int64_t throttled_op_wait_ms = 0;
  std::int64_t busy_poll_us = 300;  // zkark.busyPollMicros; 0: off
  // Tokens and fill count are multiplied with global_session_weight already where weights are on.
  std::int64_t connection_throttle_tokens = 0;  // 0: off
  std::int64_t connection_throttle_fill_ms = 1, connection_throttle_fill_count = 1;
  std::int64_t connection_throttle_freeze_ms = -1;
  double connection_throttle_drop_increase = 0.02, connection_throttle_drop_decrease = 0.002;
  double connection_throttle_decrease_ratio = 0;
  bool connection_throttle_weight_enabled = false;
  std::int64_t global_session_weight = 3, local_session_weight = 1, renew_session_weight = 2;

  // ---- nodes
  bool extended_types = false, emulate_353_ttl = false;
  std::int64_t container_check_ms = 60'000, container_max_per_minute = 10'000;
  std::int64_t container_max_never_used_ms = 0;  // 0: never
  bool enforce_quota = false;
  bool reconfig_enabled = false;

  // ---- who may do what
  bool skip_acl = false;
  bool digest_auth = true;
  std::string super_digest;  // "super:BASE64"; empty: nobody is super
  std::string digest_alg =
      "SHA1";  // or MD5, SHA-224, SHA-256, SHA-384, SHA-512, SHA3-256 and the like: so written
  bool enforce_auth = false;
  std::vector<std::string> enforce_auth_schemes;  // each is one that this server has
  bool require_sasl = false;  // sessionRequireClientSASLAuth; refused while there is no SASL
  /// Names that the scheme ensemble takes, comma between; empty: any. Nullopt: there is no such scheme.
  std::optional<std::string> ensemble_auth_name;
  /// Words that are answered; the whitelist with "*" written out, srvr always among them.
  std::set<std::string, std::less<>> four_letter_words{"srvr"};

  /// Every line of zoo.cfg and every property as given, for the log; secrets blotted out.
  std::map<std::string, std::string> given;

  bool operator==(const Settings&) const = default;
};

}  // namespace zkark::server
