// One pass per subject: each fills its fields and makes its remarks. What zkark does not do yet is answered
// from the list of keys, in the last pass.
#include "src/server/settings_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "src/server/settings_source.h"

namespace zkark::server {
namespace {

using Kind = CfgRemark::Kind;

constexpr std::array<std::string_view, 19> kAllWords = {
    "conf", "cons", "crst", "dirs", "dump", "envi", "gtmk", "hash", "isro",        "mntr",
    "ruok", "srst", "srvr", "stat", "stmk", "wchc", "wchp", "wchs", "telnet close"};

std::int64_t times(std::int64_t value, std::int64_t factor) {
  if (value > INT64_MAX / factor) return INT64_MAX;
  if (value < INT64_MIN / factor) return INT64_MIN;
  return value * factor;
}

/// Names of MessageDigest.getInstance, as Settings writes them.
std::optional<std::string> digest_name(std::string_view text) {
  if (equal_but_case(text, "SHA") || equal_but_case(text, "SHA-1")) return "SHA1";
  for (std::string_view name : {"SHA1", "MD5", "SHA-224", "SHA-256", "SHA-384", "SHA-512", "SHA3-224",
                                "SHA3-256", "SHA3-384", "SHA3-512"})
    if (equal_but_case(text, name)) return std::string(name);
  return std::nullopt;
}

/// Properties that begin like a server's and are none: of the start script, of logging, of the client.
bool is_for_others(std::string_view name) {
  for (std::string_view front :
       {"zookeeper.log.", "zookeeper.root.logger", "zookeeper.console.", "zookeeper.tracelog.",
        "zookeeper.jmx.", "zookeeper.client.", "zookeeper.clientCnxnSocket", "zookeeper.sasl.client",
        "zookeeper.server.", "zookeeper.request.timeout"})
    if (name.starts_with(front)) return true;
  return false;
}

bool is_secret(std::string_view name) {
  return name.ends_with(".password") || name.ends_with(".superDigest");
}

class SettingsReader {
 public:
  SettingsReader(const ZooCfg& cfg, const PropertyMap& properties, const SettingsContext& context)
      : cfg_(cfg), properties_(properties), context_(context), source_(cfg, properties, remarks_) {}

  SettingsReading read() {
    checked();
    data();
    clients();
    members();
    storage();
    requests();
    connection_throttle();
    nodes();
    authentication();
    words();
    without_effect();
    given();
    std::stable_sort(remarks_.begin(), remarks_.end(), [](const CfgRemark& a, const CfgRemark& b) {
      return std::pair(a.line == 0, a.line) < std::pair(b.line == 0, b.line);
    });
    return {std::move(s_), std::move(remarks_)};
  }

 private:
  /// The remarks of ZooCfg::check that hold for zkark too. Values of properties are judged here, with what
  /// counts.
  void checked() {
    for (CfgRemark& remark : cfg_.check(false)) {
      const Property* line = cfg_.find(remark.key);
      const ZooKey* row = find_zoo_key(remark.key);
      const bool repeated = line != nullptr && line->line != remark.line;
      const bool refused = remark.kind == Kind::kRefused;
      const bool whole_file = remark.key.empty();
      const bool of_property = row != nullptr && row->use != ZooKeyUse::kParsed;
      if (repeated || (whole_file ? refused : !of_property)) remarks_.push_back(std::move(remark));
    }
  }

  void data() {
    s_.data_dir = cfg_.get("dataDir").value_or("");
    s_.data_log_dir = cfg_.get("dataLogDir").value_or("");
    if (s_.data_log_dir.empty()) s_.data_log_dir = s_.data_dir;
    source_.property("datadir.autocreate", s_.autocreate);
    source_.property("db.autocreate", s_.db_autocreate);
    source_.property("snapshot.trust.empty", s_.trust_empty_snapshot);
  }

  void clients() {
    if (Result<std::optional<ClientAddress>> address = cfg_.client_address(); address && *address) {
      s_.client_port = (*address)->port;
      s_.client_host = cfg_.get("clientPortAddress");
    }
    std::int64_t backlog = s_.listen_backlog;
    source_.parsed("clientPortListenBacklog", backlog);
    s_.listen_backlog = static_cast<int>(backlog);
    source_.property("clientTcpKeepAlive", s_.client_keep_alive);
    source_.parsed("tickTime", s_.tick_ms);
    if (s_.tick_ms < 0) source_.refuse(*source_.given("tickTime"), "must be more than 0");
    std::int64_t least = -1, most = -1;
    source_.parsed("minSessionTimeout", least);
    source_.parsed("maxSessionTimeout", most);
    s_.min_session_timeout_ms = least == -1 ? 2 * s_.tick_ms : least;
    s_.max_session_timeout_ms = most == -1 ? 20 * s_.tick_ms : most;
    source_.parsed("maxClientCnxns", s_.max_client_cnxns);
    source_.property_int("maxCnxns", s_.max_cnxns);
    source_.property_int("nio.sessionlessCnxnTimeout", s_.sessionless_timeout_ms,
                         {{1, s_.sessionless_timeout_ms}});
    source_.parsed("localSessionsEnabled", s_.local_sessions);
    source_.parsed("localSessionsUpgradingEnabled", s_.local_session_upgrading);
  }

  /// One server alone is standalone. Anything else must not start: two servers that each think they are alone
  /// would both take writes.
  void members() {
    const std::optional<Given> dynamic = source_.given("dynamicConfigFile");
    if (dynamic && context_.dynamic == nullptr) {
      source_.refuse(*dynamic, "names the members of an ensemble in a file that was not read",
                     "remove it to run this data alone");
      return;
    }
    const ZooCfg& file = dynamic ? *context_.dynamic : cfg_;
    if (dynamic)
      for (const CfgRemark& remark : file.check(true))
        if (remark.kind == Kind::kRefused)
          source_.refuse(
              *dynamic,
              fmt::format("{} line {}: {}: {}", file.file(), remark.line, remark.key, remark.message),
              remark.hint);
    bool standalone = true, sasl = false;
    source_.parsed("standaloneEnabled", standalone);
    source_.parsed("quorum.auth.enableSasl", sasl);
    if (sasl)
      source_.refuse(
          *source_.given("quorum.auth.enableSasl"),
          "asks for authentication between the members of an ensemble, and an ensemble comes later",
          "remove the keys quorum.auth.* to run a standalone server");
    const Result<Ensemble> ensemble = file.ensemble();
    if (!ensemble) return;  // refused by check()
    const std::size_t count = ensemble->servers.size();
    if (count > 1) {
      source_.refuse(
          place_of_members(dynamic, *ensemble),
          fmt::format("zkark serve runs standalone servers; this file configures an ensemble of {}", count),
          "to run this data alone remove the server.N, group.N and weight.N lines and dynamicConfigFile, "
          "or serve a copy: zkark serve SRC");
    } else if (!standalone) {
      source_.refuse(*source_.given("standaloneEnabled"),
                     "zkark serve runs standalone servers; this file configures an ensemble of one",
                     "remove standaloneEnabled=false");
    } else if (count == 1) {
      only_member(ensemble->servers.front(), place_of_members(dynamic, *ensemble));
    }
    ports();
  }

  Given place_of_members(const std::optional<Given>& dynamic, const Ensemble& ensemble) const {
    if (dynamic) return *dynamic;
    const std::string key = fmt::format("server.{}", ensemble.servers.front().id);
    for (Given& server : source_.given_like("server.*"))
      if (server.line == ensemble.servers.front().line) return std::move(server);
    return Given{"", key, "", ensemble.servers.front().line, 0};
  }

  /// The client address behind the semicolon, as QuorumPeerConfig.setupClientPort takes it.
  void only_member(const ServerLine& server, const Given& place) {
    if (!server.client || (context_.my_id && *context_.my_id != server.id)) return;
    const std::string any = "0.0.0.0";
    const ClientAddress written{s_.client_host.value_or(any), s_.client_port};
    if (s_.client_port != 0 && written != *server.client) {
      source_.refuse(place,
                     fmt::format("its client address {}:{} is not {}:{} of clientPort", server.client->host,
                                 server.client->port, written.host, written.port),
                     "keep one of the two");
      return;
    }
    s_.client_port = server.client->port;
    s_.client_host = server.client->host == any ? std::nullopt : std::optional(server.client->host);
  }

  void ports() {
    const Result<std::optional<ClientAddress>> secure = cfg_.secure_client_address();
    if (s_.client_port != 0 || !secure || !cfg_.client_address()) return;
    if (*secure) {
      source_.refuse(*source_.given("secureClientPort"),
                     "is the only port for clients, and TLS comes later: no client could connect",
                     "set clientPort as well, and mind that it is not encrypted");
    } else if (const std::optional<Given> port = source_.given("clientPort")) {
      source_.warn(*port, "0 opens no port, so no client can connect");
    } else {
      CfgRemark remark;
      remark.kind = Kind::kWarning;
      remark.message = "clientPort is not set, so no client can connect";
      remarks_.push_back(std::move(remark));
    }
  }

  void storage() {
    source_.property_int("snapCount", s_.snap_count, {{2, 2}});
    std::int64_t snap_kb = s_.snap_size_limit_bytes >> 10, log_kb = s_.txn_log_size_limit_bytes,
                 alloc_kb = 65536;
    source_.property_long("snapSizeLimitInKb", snap_kb);
    if (const std::optional<Given> limit = source_.given("snapSizeLimitInKb"); limit && snap_kb == 0)
      source_.add(Kind::kNote, *limit,
                  "0 switches it off; Apache ZooKeeper divides by zero at its first snapshot",
                  "a negative number does the same there");
    source_.property_long("txnLogSizeLimitInKb", log_kb);
    source_.property_long("preAllocSize", alloc_kb);
    s_.snap_size_limit_bytes = times(snap_kb, 1024);
    s_.txn_log_size_limit_bytes = log_kb <= 0 ? -1 : times(log_kb, 1024);
    s_.pre_alloc_bytes = times(alloc_kb, 1024);
    source_.property_yes_no("forceSync", s_.force_sync);
    if (const std::optional<Given> given = source_.given("forceSync"); given && !s_.force_sync)
      source_.warn(*given, "writes are acknowledged before they are on the disk: a power cut loses them",
                   "leave it out, or say yes");
    source_.property_long("fsync.warningthresholdms", s_.fsync_warning_ms);
    compression();
    source_.property("digest.enabled", s_.digest_enabled);
    source_.property("serializeLastProcessedZxid.enabled", s_.last_processed_zxid_section);
    source_.property("closeSessionTxn.enabled", s_.close_session_txn);
    source_.property_long("flushDelay", s_.flush_delay_ms, {{0, 0}});
    s_.max_write_queue_poll_ms = s_.flush_delay_ms / 3;
    source_.property_long("maxWriteQueuePollTime", s_.max_write_queue_poll_ms);
    source_.property_int("maxBatchSize", s_.max_batch_size);
    purge();
  }

  void compression() {
    const std::optional<Given> method = source_.given("snapshot.compression.method");
    if (!method) return;
    if (method->text == "gz" || method->text == "snappy")
      s_.snapshot_compression = method->text;
    else if (!method->text.empty())
      source_.warn(*method, fmt::format("'{}' is neither gz nor snappy, so snapshots are not compressed",
                                        method->text));
  }

  void purge() {
    source_.parsed("autopurge.snapRetainCount", s_.purge_retain);
    if (s_.purge_retain < 3) {
      source_.warn(*source_.given("autopurge.snapRetainCount"),
                   fmt::format("{} is less than 3, so 3 counts", s_.purge_retain));
      s_.purge_retain = 3;
    }
    const std::optional<Given> interval = source_.given("autopurge.purgeInterval");
    if (!interval) return;
    std::int64_t hours = 0;
    if (cfg_.number("autopurge.purgeInterval", 0, INT32_MIN, INT32_MAX)) {
      source_.parsed("autopurge.purgeInterval", hours);
      s_.purge_interval_ms = std::max<std::int64_t>(0, times(hours, 3'600'000));
      return;
    }
    // A unit, since 3.10; check() has refused anything else.
    const std::size_t digits =
        std::min(interval->text.find_first_not_of("0123456789"), interval->text.size());
    const std::string unit = interval->text.substr(digits);
    std::int64_t number = 0;
    for (char c : interval->text.substr(0, std::min<std::size_t>(digits, 12)))
      number = number * 10 + (c - '0');
    for (const auto& [name, ms] : {std::pair<std::string_view, std::int64_t>("ms", 1),
                                   {"s", 1000},
                                   {"m", 60'000},
                                   {"h", 3'600'000},
                                   {"d", 86'400'000}})
      if (unit == name) s_.purge_interval_ms = times(number, ms);
  }

  void requests() {
    source_.property_int("jute.maxbuffer", s_.jute_max_buffer, {{1, s_.jute_max_buffer}});
    s_.jute_max_extra = s_.jute_max_buffer;
    source_.property_int("jute.maxbuffer.extrasize", s_.jute_max_extra);
    s_.jute_max_extra = std::max<std::int64_t>(1024, s_.jute_max_extra);
    source_.property_int("globalOutstandingLimit", s_.global_outstanding_limit);
    source_.property_int("largeRequestThreshold", s_.large_request_threshold);
    source_.property_int("largeRequestMaxBytes", s_.large_request_max_bytes);
    source_.property_int("request_throttle_max_requests", s_.request_throttle_max);
    source_.property_int("request_throttle_stall_time", s_.request_throttle_stall_ms);
    source_.property("request_throttle_drop_stale", s_.request_throttle_drop_stale);
    source_.property("request_stale_connection_check", s_.request_stale_connection_check);
    source_.property("request_stale_latency_check", s_.request_stale_latency_check);
    source_.property_int("throttled_op_wait_time", s_.throttled_op_wait_ms);
    source_.property_int("zkark.busyPollMicros", s_.busy_poll_us);
    s_.busy_poll_us = std::clamp<std::int64_t>(s_.busy_poll_us, 0, 10'000);
  }

  /// BlueThrottle's static part: weights that make no sense give way, tokens count in weights.
  void connection_throttle() {
    source_.property_int("connection_throttle_tokens", s_.connection_throttle_tokens);
    source_.property_int("connection_throttle_fill_time", s_.connection_throttle_fill_ms, {{1, 1}});
    source_.property_int("connection_throttle_fill_count", s_.connection_throttle_fill_count);
    source_.property_int("connection_throttle_freeze_time", s_.connection_throttle_freeze_ms);
    source_.property("connection_throttle_drop_increase", s_.connection_throttle_drop_increase);
    source_.property("connection_throttle_drop_decrease", s_.connection_throttle_drop_decrease);
    source_.property("connection_throttle_decrease_ratio", s_.connection_throttle_decrease_ratio);
    source_.property("connection_throttle_weight_enabled", s_.connection_throttle_weight_enabled);
    source_.property_int("connection_throttle_local_session_weight", s_.local_session_weight, {{1, 1}});
    const std::int64_t local = s_.local_session_weight;
    source_.property_int("connection_throttle_global_session_weight", s_.global_session_weight, {{1, 3}});
    source_.property_int("connection_throttle_renew_session_weight", s_.renew_session_weight, {{1, 2}});
    s_.global_session_weight = std::max(s_.global_session_weight, local);
    s_.renew_session_weight = std::max(s_.renew_session_weight, local);
    if (!s_.connection_throttle_weight_enabled) return;
    s_.connection_throttle_tokens = times(s_.connection_throttle_tokens, s_.global_session_weight);
    s_.connection_throttle_fill_count = times(s_.connection_throttle_fill_count, s_.global_session_weight);
  }

  void nodes() {
    source_.property("extendedTypesEnabled", s_.extended_types);
    source_.property("emulate353TTLNodes", s_.emulate_353_ttl);
    source_.property_int("znode.container.checkIntervalMs", s_.container_check_ms,
                         {{1, s_.container_check_ms}});
    source_.property_int("znode.container.maxPerMinute", s_.container_max_per_minute,
                         {{1, s_.container_max_per_minute}});
    source_.property_long("znode.container.maxNeverUsedIntervalMs", s_.container_max_never_used_ms);
    source_.property("enforceQuota", s_.enforce_quota);
    source_.parsed("reconfigEnabled", s_.reconfig_enabled);
  }

  void authentication() {
    source_.property_yes_no("skipACL", s_.skip_acl);
    source_.property("DigestAuthenticationProvider.enabled", s_.digest_auth);
    source_.property("DigestAuthenticationProvider.superDigest", s_.super_digest);
    if (const std::optional<Given> digest = source_.given("DigestAuthenticationProvider.digestAlg")) {
      if (std::optional<std::string> name = digest_name(digest->text))
        s_.digest_alg = *std::move(name);
      else
        source_.refuse(*digest, fmt::format("'{}' is no digest that zkark knows", digest->text),
                       "SHA1, SHA-256, SHA-512, SHA3-256, …");
    }
    for (const Given& provider : source_.given_like("authProvider.*"))
      if (provider.text.ends_with(".EnsembleAuthenticationProvider")) s_.ensemble_auth_name.emplace();
    if (s_.ensemble_auth_name) source_.property("ensembleAuthName", *s_.ensemble_auth_name);
    enforcement();
  }

  /// A scheme that no client can have would lock everybody out; Apache ZooKeeper does not start either.
  void enforcement() {
    source_.property("sessionRequireClientSASLAuth", s_.require_sasl);
    source_.property("enforce.auth.enabled", s_.enforce_auth);
    if (s_.require_sasl)
      source_.refuse(*source_.given("sessionRequireClientSASLAuth"),
                     "SASL comes later: no client could enter",
                     "remove it, and mind that clients then need not say who they are");
    if (!s_.enforce_auth) return;
    const std::optional<Given> schemes = source_.given("enforce.auth.schemes");
    if (schemes) s_.enforce_auth_schemes = comma_list(schemes->text);
    if (s_.enforce_auth_schemes.empty())
      source_.refuse(*source_.given("enforce.auth.enabled"), "needs enforce.auth.schemes",
                     "enforce.auth.schemes=digest");
    for (const std::string& scheme : s_.enforce_auth_schemes) {
      const bool there = scheme == "ip" || (scheme == "digest" && s_.digest_auth) ||
                         (scheme == "ensemble" && s_.ensemble_auth_name);
      if (!there)
        source_.refuse(*schemes, fmt::format("this server has no scheme '{}'", scheme), "digest or ip");
    }
  }

  void words() {
    if (const std::optional<Given> list = source_.given("4lw.commands.whitelist")) {
      for (const std::string& word : comma_list(list->text)) {
        const bool known = std::find(kAllWords.begin(), kAllWords.end(), word) != kAllWords.end();
        if (word == "*") {
          for (std::string_view each : kAllWords) s_.four_letter_words.emplace(each);
          break;
        }
        if (known)
          s_.four_letter_words.insert(word);
        else
          source_.warn(*list, fmt::format("there is no word '{}'", word));
      }
    }
    bool read_only = false;
    source_.property("readonlymode.enabled", read_only);
    if (read_only) s_.four_letter_words.emplace("isro");
  }

  // ---- what changes nothing

  void without_effect() {
    for (const Property& line : cfg_.properties()) {
      const std::string_view key = java_trim(line.key);
      const ZooKey* row = find_zoo_key(key);
      if (row == nullptr || cfg_.find(key) != &line) continue;
      const Given at{std::string(java_trim(line.value)), std::string(key), "", line.line, line.begin};
      if (row->use == ZooKeyUse::kIgnored && row->serve == ZooKeyServe::kEffective)
        source_.add(Kind::kNote, at, fmt::format("Apache ZooKeeper takes it from -D{} alone", row->property));
      no_effect(at, *row);
    }
    for (const auto& [name, property] : properties_) property_without_effect(name, property);
  }

  void property_without_effect(std::string_view name, const SystemProperty& property) {
    const Given at{property.value, fmt::format("-D{}", name), property.origin, 0, 0};
    const bool prefixed = name.starts_with("zookeeper.");
    const std::string_view key = prefixed ? name.substr(10) : name;
    const ZooKey* row = find_zoo_key(key);
    if (name == "java.security.auth.login.config") {
      source_.warn(at, "not yet: SASL comes later");
    } else if (row != nullptr && is_property_of(name, *row)) {
      if (const std::optional<std::string> line = cfg_.get(key); line && *line != property.value)
        source_.add(Kind::kNote, at, fmt::format("line {} of the file counts", cfg_.find(key)->line));
      else
        no_effect(at, *row);
    } else if (prefixed && row != nullptr) {
      source_.warn(at, row->property.empty() ? "is taken from the file alone"
                                             : fmt::format("has no effect: its name is -D{}", row->property));
    } else if (prefixed && !is_for_others(name)) {
      const std::optional<std::string_view> near = nearest_zoo_key(key);
      source_.warn(at, "unknown property: it does nothing",
                   near ? fmt::format("did you mean -Dzookeeper.{}?", *near) : std::string());
    }
  }

  static bool is_property_of(std::string_view name, const ZooKey& row) {
    if (name == row.property || (name == row.name && name == "fsync.warningthresholdms")) return true;
    return row.property.ends_with('*') && name.starts_with(row.property.substr(0, row.property.size() - 1));
  }

  void no_effect(const Given& at, const ZooKey& row) {
    if (row.serve == ZooKeyServe::kEffective) return;
    if (row.serve == ZooKeyServe::kLater) {
      if (!is_as_zkark_does(at.text, row)) source_.warn(at, fmt::format("not yet: {}", row.serve_note));
    } else {
      source_.add(Kind::kNote, at, fmt::format("has no effect: {}", row.serve_note));
    }
  }

  /// Values with which nothing is missed.
  static bool is_as_zkark_does(std::string_view value, const ZooKey& row) {
    if (row.name == "admin.enableServer") return !equal_but_case(value, "true");
    if (row.name == "authProvider.*")
      return value.ends_with(".EnsembleAuthenticationProvider") ||
             value.ends_with(".DigestAuthenticationProvider") || value.ends_with(".IPAuthenticationProvider");
    if (row.name == "metricsProvider.className") return value.ends_with(row.fallback);
    if (row.name == "secureClientPort") return value == "0";
    if (row.type == ZooKeyType::kFlag && row.fallback.starts_with("false"))
      return !equal_but_case(value, "true");
    return value == row.fallback;
  }

  void given() {
    const auto keep = [this](std::string_view name, std::string_view value) {
      s_.given.insert_or_assign(std::string(name),
                                is_secret(name) && !value.empty() ? "***" : std::string(value));
    };
    for (const auto& [name, property] : properties_) keep(name, property.value);
    for (const Property& line : cfg_.properties()) keep(java_trim(line.key), java_trim(line.value));
  }

  const ZooCfg& cfg_;
  const PropertyMap& properties_;
  const SettingsContext& context_;
  Settings s_;
  std::vector<CfgRemark> remarks_;
  SettingsSource source_;
};

}  // namespace

SettingsReading judge_settings(const ZooCfg& cfg, const PropertyMap& properties,
                               const SettingsContext& context) {
  return SettingsReader(cfg, properties, context).read();
}

Result<SettingsReading> read_settings(const ZooCfg& cfg, const PropertyMap& properties,
                                      const SettingsContext& context) {
  SettingsReading reading = judge_settings(cfg, properties, context);
  std::string message, hint;
  std::optional<std::uint64_t> offset;
  for (const CfgRemark& remark : reading.remarks) {
    if (remark.kind != Kind::kRefused) continue;
    if (!message.empty()) message += "; ";
    if (remark.line != 0) message += fmt::format("line {}: ", remark.line);
    if (!remark.key.empty()) message += fmt::format("{}: ", remark.key);
    message += remark.message;
    if (hint.empty()) hint = remark.hint;
    if (!offset && remark.line != 0) offset = remark.offset;
  }
  if (message.empty()) return reading;
  Error error(ErrorId::kBadZooCfg, std::move(message));
  if (!hint.empty()) error = std::move(error).with_hint(std::move(hint));
  return fail(offset ? std::move(error).at(cfg.file(), *offset) : std::move(error).at(cfg.file()));
}

}  // namespace zkark::server
