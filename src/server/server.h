#pragma once
// The standalone server: owns the state on one loop thread and wires the parts (style section 2.5; Apache:
// ZooKeeperServer with its three processors). A write goes prep -> commit log -> apply -> reply; nothing is
// shown to anyone before it is on disk.
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "formats/base/clock.h"
#include "formats/base/fs.h"
#include "formats/base/log.h"
#include "formats/base/loop.h"
#include "formats/base/process_facts.h"
#include "formats/base/random.h"
#include "restore/apply.h"
#include "restore/state.h"
#include "src/net/transport.h"
#include "src/server/auth.h"
#include "src/server/boot.h"
#include "src/server/commit_log.h"
#include "src/server/connection.h"
#include "src/server/metrics.h"
#include "src/server/prep.h"
#include "src/server/sessions.h"
#include "src/server/settings.h"
#include "src/server/snapshotter.h"
#include "src/server/sweep.h"
#include "src/server/throttle.h"
#include "src/server/watches.h"

namespace zkark::server {

/// What a server runs on. All borrowed, all outlive it.
struct ServerSeams {
  Fs& fs;
  Clock& clock;
  Loop& loop;
  net::Transport& transport;
  Log& log;
  Worker& log_worker;
  Worker& snapshot_worker;
  Random& random;
  ProcessFacts facts = {};
};

struct ServerStats {
  std::int64_t received = 0, sent = 0;
  std::int64_t min_latency_ms = 0, max_latency_ms = 0, total_latency_ms = 0, responses = 0;
  std::int64_t slow_syncs = 0;
  void reset() { *this = ServerStats{}; }
};

/// Loop thread only.
class Server final : private restore::Effects {
 public:
  /// `state` is what the data directory holds, or the point that is served. `places`: where logs and
  /// snapshots go; unused with settings.read_only.
  Server(ServerSeams seams, Settings settings, restore::State state, const DataPlaces& places);
  ~Server() override;

  /// For the metrics: what loading `state` took. Before start().
  void note_startup(const StartupTimes& times);
  /// Opens the client port. Errors as Transport::listen.
  Status start();
  /// Where clients connect; port 0 when there is no client port.
  net::Endpoint client_address() const;
  /// Lets no one in, finishes what is on its way, ends every connection, then calls `stopped`, once.
  void stop(std::function<void()> stopped);
  /// Called once when the server cannot go on: a failed append or sync. Nothing is acknowledged after it.
  void on_failure(std::function<void(const Error&)> failed) { failed_ = std::move(failed); }

  // ---- for connections
  const Settings& settings() const { return settings_; }
  const AuthRules& rules() const { return rules_; }
  const restore::State& state() const { return state_; }
  WatchTable& watches() { return watches_; }
  SessionTable& sessions() { return sessions_; }
  const WatchTable& watches() const { return watches_; }
  ServerStats& stats() { return stats_; }
  /// Null with settings.read_only and settings.keeps_nothing.
  Snapshotter* snapshotter() { return snapshotter_ ? &*snapshotter_ : nullptr; }
  Metrics& metrics() { return metrics_; }
  Log& log() { return seams_.log; }
  std::int64_t now_ns() { return seams_.clock.monotonic().ns; }
  std::int64_t now_ms() { return now_ns() / 1'000'000; }
  std::int64_t wall_ms() { return seams_.clock.wall().ms; }
  std::int64_t last_zxid() const { return state_.last_zxid; }
  bool stopping() const { return stopping_; }
  /// A session for a handshake. The connection hears of it by connected().
  void open_session(Connection& connection, std::int32_t timeout_ms);
  void reattach(Connection& connection, std::int64_t id, const std::optional<Bytes>& password,
                std::int32_t timeout_ms);
  /// Its client closed a session that no txn made.
  void end_local_session(std::int64_t id);
  /// Proposes a write of that connection, which is told by committed().
  void propose(Connection& connection, std::int32_t xid, OpCode op, Bytes body, std::int64_t received_ns);
  void flush_later(Connection& connection) { dirty_.push_back(&connection); }
  /// Over globalOutstandingLimit.
  bool too_busy() const;
  void hold(Connection& connection) { held_.push_back(&connection); }
  /// Lets those go on that need not be held any more.
  void wake_held();
  ConnectionThrottle& connection_throttle() { return connection_throttle_; }
  LargeRequests& large_requests() { return large_requests_; }
  RequestThrottle& request_throttle() { return request_throttle_; }
  /// The link of a connection is gone.
  void gone(Connection& connection);
  /// Undoes Connection::add_proposal() and forgets a connection that nothing else held.
  void drop_proposal(Connection& connection);

  // ---- for those who ask about the server
  ServerSeams& seams() { return seams_; }
  const ProcessFacts& facts() const { return seams_.facts; }
  bool serving() const { return !has_failed_; }
  std::int64_t uptime_ms() { return now_ms() - started_ms_; }
  std::size_t alive_connections() const;
  /// (zxid, digest of the tree) of every 128th zxid since the start, the last 1024 of them.
  const std::deque<std::pair<std::int64_t, std::uint64_t>>& digests() const { return digests_; }
  /// Nothing is traced by it; kept for who sets and asks for it.
  std::int64_t trace_mask() const { return trace_mask_; }
  void set_trace_mask(std::int64_t mask) { trace_mask_ = mask; }
  const std::vector<std::unique_ptr<Connection>>& connections() const { return connections_; }
  std::size_t outstanding() const { return proposals_.size(); }

 private:
  /// A txn that is on its way to the disk.
  struct Proposal {
    std::int64_t zxid = 0;
    Connection* connection = nullptr;  // null: nobody waits
    std::int64_t session = 0;
    std::int32_t xid = 0;
    OpCode op = OpCode::kNotification;
    ZkCode err = ZkCode::kOk;
    std::int64_t received_ns = 0;
    std::vector<OpCode> multi_ops;
  };
  /// What the txn that is being applied did, for its reply.
  struct Changed {
    std::string path;  // of a multi alone
    std::array<std::byte, kStatBytes> stat{};
  };

  // restore::Effects
  void created(std::string_view path, restore::NodeId id) override;
  void deleting(std::string_view path, restore::NodeId id) override;
  void deleted(std::string_view path) override;
  void data_changed(std::string_view path, restore::NodeId id) override;
  void acl_changed(std::string_view path, restore::NodeId id) override;

  void accept(std::unique_ptr<net::Link> link);
  void submit(Proposal proposal, const Prepared& prepared);
  bool sweep_away(std::string_view path);
  void durable(const LogGroup& group);
  void commit(Proposal& proposal, Bytes payload);
  void reply(Proposal& proposal, const Txn& txn);
  void reply_to_multi(const Proposal& proposal, const MultiTxn& multi, JuteWriter& out);
  void close_session(std::int64_t id, std::int32_t cxid, Connection* connection, std::int64_t received_ns);
  void session_closed(std::int64_t id);
  void fail(Error error);
  void flush_all();
  void tick();
  void schedule_tick();
  void finish_stop();
  void reap_later(Connection& connection);
  void reap();
  void note_digest(std::int64_t zxid);
  void note_write(std::string_view path, restore::NodeId id);
  void note_change(std::string_view path, restore::NodeId id);
  AclList acl_of(restore::NodeId id) const;
  AclList parent_acl(std::string_view path) const;

  ServerSeams seams_;
  Settings settings_;
  AuthRules rules_;
  restore::State state_;
  WatchTable watches_;
  SessionTable sessions_;
  Prep prep_;
  CommitLog commit_log_;
  std::optional<Snapshotter> snapshotter_;
  Sweep sweep_;
  ConnectionThrottle connection_throttle_;
  LargeRequests large_requests_{settings_};
  RequestThrottle request_throttle_;
  ServerStats stats_;
  Metrics metrics_;
  std::deque<std::pair<std::int64_t, std::uint64_t>> digests_;
  std::int64_t started_ms_ = 0, trace_mask_ = 306;
  std::deque<Proposal> proposals_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::unordered_map<std::string, std::int64_t> per_ip_;
  std::vector<Connection*> dirty_, held_;
  std::vector<Connection*> dead_;  // to be removed from connections_
  std::unique_ptr<net::Listener> listener_;
  std::function<void(const Error&)> failed_;
  std::function<void()> stopped_;
  std::vector<Changed> changed_;
  bool reply_has_stats_ = false, reply_is_of_multi_ = false;
  std::string payload_, deleted_acl_;
  std::int64_t applying_zxid_ = 0;
  Loop::TimerId tick_timer_ = 0;
  bool stopping_ = false, has_failed_ = false, reap_scheduled_ = false;
};

}  // namespace zkark::server
