#include "src/server/server.h"

#include <fmt/format.h>

#include <algorithm>

namespace zkark::server {
namespace {

/// The longest a graceful stop waits for what is on its way and for clients that do not read.
constexpr std::int64_t kStopPatienceMs = 5000;

/// Whether the reply to it shows what became of a node.
bool has_stats(OpCode op) {
  return op == OpCode::kSetData || op == OpCode::kSetAcl || op == OpCode::kCreate2 ||
         op == OpCode::kCreateContainer || op == OpCode::kCreateTtl || op == OpCode::kMulti;
}

}  // namespace

Server::Server(ServerSeams seams, Settings settings, restore::State state, const DataPlaces& places)
    : seams_(seams),
      settings_(std::move(settings)),
      rules_(settings_),
      state_(std::move(state)),
      sessions_(settings_.tick_ms, settings_.server_id, seams.clock.wall().ms),
      prep_(state_, settings_, rules_),
      commit_log_(
          seams.loop, seams.log_worker, LogFiles(seams.fs, seams.clock, places.logs, settings_),
          {[this](const LogGroup& group) { durable(group); }, [this](Error error) { fail(std::move(error)); },
           [this](std::int64_t ms) {
             ++stats_.slow_syncs;
             seams_.log.warn(
                 fmt::format("syncing the transaction log took {} ms, which delays every "
                             "write; is its disk shared or slow?",
                             ms));
           },
           [this](std::int64_t ms) { metrics_.fsynctime.add(ms); }}),
      sweep_(seams.loop, seams.clock, settings_, state_.tree,
             [this](std::string_view path) { return sweep_away(path); }),
      connection_throttle_(settings_, seams.random, seams.clock.monotonic().ns / 1'000'000),
      request_throttle_(seams.loop, settings_,
                        [this] { return static_cast<std::int64_t>(proposals_.size()); }) {
  watches_.on_fired([this](EventType type, std::size_t watches) { metrics_.add_fired(type, watches); });
  if (settings_.read_only || settings_.keeps_nothing) return;
  snapshotter_.emplace(
      SnapshotterSeams{seams.fs, seams.clock, seams.loop, seams.snapshot_worker, seams.log, seams.random},
      settings_, state_, places, [this] { commit_log_.roll(); },
      [this](std::int64_t ms) { metrics_.snapshottime.add(ms); });
}

Server::~Server() {
  if (tick_timer_ != 0) seams_.loop.cancel(tick_timer_);
}

void Server::note_startup(const StartupTimes& times) {
  metrics_.dbinittime.add(times.all_ms);
  metrics_.startup_snap_load_time.add(times.snapshot_ms);
  if (!times.txns) return;
  metrics_.startup_txns_loaded.add(static_cast<std::int64_t>(*times.txns));
  metrics_.startup_txns_load_time.add(times.txns_ms);
}

Status Server::start() {
  started_ms_ = now_ms();
  // A point that is served read-only has no clients of before: its sessions stay as they are.
  if (!settings_.read_only)
    for (const auto& [id, timeout_ms] : state_.sessions) sessions_.add(id, timeout_ms, now_ms());
  if (settings_.client_host || settings_.client_port != 0) {
    net::ListenOptions options;
    options.host = settings_.client_host.value_or("");
    options.port = settings_.client_port;
    options.backlog = settings_.listen_backlog;
    options.keep_alive = settings_.client_keep_alive;
    options.trouble = [this](const Error& error) {
      seams_.log.error("cannot take new connections: " + error.to_string());
    };
    ZK_TRY(listener_, seams_.transport.listen(
                          options, [this](std::unique_ptr<net::Link> link) { accept(std::move(link)); }));
  }
  schedule_tick();
  if (settings_.read_only) return {};
  if (snapshotter_) snapshotter_->start();
  sweep_.start();
  // Ephemerals of sessions that are no more (a crash between two releases, a restore that dropped sessions).
  // Apache deletes them without a record; here it is one, so that every reader of the log gets the same tree.
  for (const std::int64_t owner : state_.tree.ephemeral_owners())
    if (!state_.sessions.contains(owner)) close_session(owner, 0, nullptr, 0);
  return {};
}

net::Endpoint Server::client_address() const { return listener_ ? listener_->local() : net::Endpoint{}; }

void Server::accept(std::unique_ptr<net::Link> link) {
  const std::string ip = link->remote().ip;
  std::int64_t& of_ip = per_ip_[ip];
  const auto all = static_cast<std::int64_t>(connections_.size());
  if ((settings_.max_client_cnxns > 0 && of_ip >= settings_.max_client_cnxns) ||
      (settings_.max_cnxns > 0 && all >= settings_.max_cnxns)) {
    seams_.log.warn(fmt::format("too many connections from {} (maxClientCnxns is {}, maxCnxns {})", ip,
                                settings_.max_client_cnxns, settings_.max_cnxns));
    if (of_ip == 0) per_ip_.erase(ip);
    ++metrics_.connection_rejected;
    return;
  }
  ++of_ip;
  connections_.push_back(std::make_unique<Connection>(*this, std::move(link)));
  connections_.back()->set_place(connections_.size() - 1);
}

void Server::gone(Connection& connection) {
  const auto at = per_ip_.find(connection.remote().ip);
  if (at != per_ip_.end() && --at->second == 0) per_ip_.erase(at);
  std::erase(held_, &connection);
  request_throttle_.forget(connection);
  if (connection.dead()) reap_later(connection);
}

void Server::drop_proposal(Connection& connection) {
  connection.drop_proposal();
  if (connection.dead()) reap_later(connection);
}

std::size_t Server::alive_connections() const {
  return static_cast<std::size_t>(std::count_if(connections_.begin(), connections_.end(),
                                                [](const auto& connection) { return connection->alive(); }));
}

void Server::reap_later(Connection& connection) {
  dead_.push_back(&connection);
  if (reap_scheduled_) return;
  reap_scheduled_ = true;
  seams_.loop.post([this] { reap(); });
}

void Server::reap() {
  reap_scheduled_ = false;
  flush_all();
  // The last one takes the place: with ten thousand of them, looking through all for each would be felt.
  for (Connection* connection : std::exchange(dead_, {})) {
    const std::size_t place = connection->place();
    std::swap(connections_[place], connections_.back());
    connections_[place]->set_place(place);
    connections_.pop_back();
  }
  if (stopping_) finish_stop();
}

bool Server::too_busy() const {
  return static_cast<std::int64_t>(proposals_.size()) > settings_.global_outstanding_limit;
}

// ---- sessions

void Server::open_session(Connection& connection, std::int32_t timeout_ms) {
  Session& session = sessions_.create(timeout_ms, now_ms());
  if (settings_.read_only) {
    session.local = true;
    return connection.connected(&session);
  }
  Proposal proposal;
  proposal.connection = &connection;
  proposal.session = session.id;
  proposal.op = OpCode::kCreateSession;
  payload_.clear();
  submit(std::move(proposal), prep_.create_session(session.id, timeout_ms, wall_ms(), payload_));
}

void Server::reattach(Connection& connection, std::int64_t id, const std::optional<Bytes>& password,
                      std::int32_t timeout_ms) {
  Session* session = sessions_.find(id);
  // First the password: Apache closes the rightful connection before it looks (docs/compatibility.md).
  const Password right = session_password(id);
  const bool known = password && as_text(*password) == as_text(Bytes(right));
  if (session == nullptr || session->closing || !known) {
    if (session != nullptr && !known)
      seams_.log.warn(
          fmt::format("wrong password for session 0x{:x} from {}", id, net::to_string(connection.remote())));
    return connection.connected(nullptr);
  }
  if (Connection* before = session->owner; before != nullptr && before != &connection) before->close();
  session->timeout_ms = timeout_ms;
  connection.connected(session);
}

void Server::close_session(std::int64_t id, std::int32_t cxid, Connection* connection,
                           std::int64_t received_ns) {
  if (Session* session = sessions_.find(id)) sessions_.set_closing(*session);
  Proposal proposal;
  proposal.connection = connection;
  proposal.session = id;
  proposal.xid = cxid;
  proposal.op = OpCode::kCloseSession;
  proposal.received_ns = received_ns;
  payload_.clear();
  submit(std::move(proposal), prep_.close_session(id, cxid, wall_ms(), payload_));
}

/// The txn that closes it is applied.
void Server::session_closed(std::int64_t id) {
  Session* session = sessions_.find(id);
  if (session == nullptr) return;
  Connection* owner = session->owner;
  if (owner != nullptr) owner->forget_session();
  sessions_.remove(id);
  if (owner != nullptr && owner->open()) owner->close();
}

void Server::end_local_session(std::int64_t id) {
  const Session* session = sessions_.find(id);
  if (session == nullptr || !session->local) return;
  if (session->owner != nullptr) session->owner->forget_session();
  sessions_.remove(id);
}

void Server::schedule_tick() {
  tick_timer_ = seams_.loop.call_after(std::min<std::int64_t>(settings_.tick_ms, 1000), [this] { tick(); });
}

void Server::tick() {
  tick_timer_ = 0;
  if (has_failed_) return;
  const std::int64_t now = now_ms();
  for (const std::int64_t id : sessions_.expire(now)) {
    const Session* session = sessions_.find(id);
    ++metrics_.stale_sessions_expired;
    seams_.log.info(
        fmt::format("expiring session 0x{:x}, timeout of {} ms exceeded", id, session->timeout_ms));
    if (session->local)
      session_closed(id);
    else
      close_session(id, 0, nullptr, 0);
  }
  for (const auto& connection : connections_) {
    // Also one that is ending: somebody who does not read what was still to be sent.
    if (!connection->alive() || (connection->open() && connection->handshake_done())) continue;
    if (now - connection->sessionless_since_ns() / 1'000'000 <= settings_.sessionless_timeout_ms) continue;
    if (!connection->handshake_done()) ++metrics_.sessionless_connections_expired;
    connection->close();
  }
  schedule_tick();
}

// ---- writes

void Server::propose(Connection& connection, std::int32_t xid, OpCode op, Bytes body,
                     std::int64_t received_ns) {
  const std::int64_t session = connection.session_id();
  if (op == OpCode::kCloseSession) return close_session(session, xid, &connection, received_ns);
  WriteRequest request{session, xid, op, body, connection.identities().get(), wall_ms()};
  payload_.clear();
  Prepared prepared = prep_.prepare(request, payload_);
  Proposal proposal;
  proposal.connection = &connection;
  proposal.session = session;
  proposal.xid = xid;
  proposal.op = op;
  proposal.received_ns = received_ns;
  proposal.multi_ops = std::move(prepared.multi_ops);
  submit(std::move(proposal), prepared);
}

/// A container or TTL node whose time is over.
bool Server::sweep_away(std::string_view path) {
  if (stopping_ || has_failed_ || too_busy()) return false;
  Proposal proposal;
  proposal.op = OpCode::kDeleteContainer;
  payload_.clear();
  submit(std::move(proposal), prep_.delete_container(path, wall_ms(), payload_));
  return true;
}

/// payload_ holds the txn.
void Server::submit(Proposal proposal, const Prepared& prepared) {
  proposal.zxid = prepared.zxid;
  proposal.err = prepared.err;
  if (proposal.connection != nullptr) proposal.connection->add_proposal();
  commit_log_.append(as_bytes(payload_), prepared.zxid);
  proposals_.push_back(std::move(proposal));
  ++metrics_.prep_processor_request_queued;
  ++metrics_.sync_processor_request_queued;
}

void Server::durable(const LogGroup& group) {
  metrics_.sync_processor_batch_size.add(static_cast<std::int64_t>(group.payloads.size()));
  for (std::size_t i = 0; i < group.payloads.size() && !has_failed_; ++i) {
    Proposal proposal = std::move(proposals_.front());
    proposals_.pop_front();
    commit(proposal, group.payload(i));
    if (proposal.connection != nullptr) drop_proposal(*proposal.connection);
  }
  if (snapshotter_ && !has_failed_) snapshotter_->applied(group.payloads.size(), group.bytes.size());
  wake_held();
  request_throttle_.wake();
  flush_all();
  if (stopping_) finish_stop();
}

void Server::wake_held() {
  if (held_.empty() || too_busy()) return;
  std::vector<Connection*> held;
  held.swap(held_);
  for (Connection* connection : held) {
    if (connection->full())
      hold(*connection);
    else
      connection->go_on();
  }
}

void Server::commit(Proposal& proposal, Bytes payload) {
  if (proposal.connection != nullptr) proposal.connection->answer_all_before_write();
  applying_zxid_ = proposal.zxid;
  changed_.clear();
  reply_is_of_multi_ = proposal.op == OpCode::kMulti;
  reply_has_stats_ = proposal.connection != nullptr && has_stats(proposal.op);
  Result<Txn> txn = decode_txn(payload);
  if (!txn) return fail(std::move(txn).error().context("a record of this server cannot be read back"));
  if (auto applied = restore::apply(state_, *txn, this); !applied) return fail(std::move(applied).error());
  prep_.applied(proposal.zxid);
  metrics_.propagation_latency.add(std::max<std::int64_t>(0, wall_ms() - txn->header.time_ms));
  note_digest(proposal.zxid);
  if (txn->digest && static_cast<std::uint64_t>(txn->digest->digest) != state_.tree.digest()) {
    ++metrics_.digest_mismatches_count;
    return fail(Error(ErrorId::kInternal, "the tree differs from the digest that was logged for it")
                    .at_zxid(proposal.zxid));
  }
  reply(proposal, *txn);
}

void Server::reply(Proposal& proposal, const Txn& txn) {
  Connection* connection = proposal.connection;
  if (proposal.op == OpCode::kCreateSession) {
    if (connection != nullptr && connection->open()) connection->connected(sessions_.find(proposal.session));
    return;
  }
  if (connection != nullptr) {
    connection->committed(proposal.err, [&](JuteWriter& out) {
      switch (proposal.op) {
        case OpCode::kCreate:
          return out.ustring(txn_path(txn.body));
        case OpCode::kCreate2:
        case OpCode::kCreateContainer:
        case OpCode::kCreateTtl:
          out.ustring(txn_path(txn.body));
          return out.raw(changed_.back().stat);
        case OpCode::kSetData:
        case OpCode::kSetAcl:
          return out.raw(changed_.back().stat);
        case OpCode::kMulti:
          return reply_to_multi(proposal, std::get<MultiTxn>(txn.body), out);
        default:
          return;
      }
    });
  }
  if (proposal.op == OpCode::kCloseSession) session_closed(proposal.session);
}

void Server::reply_to_multi(const Proposal& proposal, const MultiTxn& multi, JuteWriter& out) {
  const bool failed = multi_failed(multi);
  std::size_t i = 0, changed = 0;
  bool before_failure = true;
  for (const SubTxn& sub : multi.txns) {
    const OpCode op = proposal.multi_ops[i++];
    if (failed) {
      std::int32_t code = 0;
      if (sub.type == TxnType::kError) {
        code = sub.data && sub.data->size() >= 4 ? load_i32(sub.data->data()) : 0;
        before_failure = false;
      } else if (!before_failure) {
        code = static_cast<std::int32_t>(ZkCode::kRuntimeInconsistency);
      }
      MultiHeader{-1, false, code}.write(out);
      out.i32(code);
      continue;
    }
    switch (op) {
      case OpCode::kCreate:
        MultiHeader{1, false, 0}.write(out);
        out.ustring(changed_[changed++].path);
        break;
      case OpCode::kCreate2:
      case OpCode::kCreateContainer:
      case OpCode::kCreateTtl:
        MultiHeader{15, false, 0}.write(out);
        out.ustring(changed_[changed].path);
        out.raw(changed_[changed++].stat);
        break;
      case OpCode::kSetData:
        MultiHeader{5, false, 0}.write(out);
        out.raw(changed_[changed++].stat);
        break;
      case OpCode::kDelete:
        ++changed;
        [[fallthrough]];
      default:
        MultiHeader{static_cast<std::int32_t>(op), false, 0}.write(out);
    }
  }
  MultiHeader{}.write(out);
}

/// Apache's DataTree keeps the same, for `hash`.
void Server::note_digest(std::int64_t zxid) {
  constexpr std::int64_t kEvery = 128;
  constexpr std::size_t kKept = 1024;
  if (zxid % kEvery != 0) return;
  digests_.emplace_back(zxid, settings_.digest_enabled ? state_.tree.digest() : 0);
  if (digests_.size() > kKept) digests_.pop_front();
}

// ---- what apply() did

AclList Server::acl_of(restore::NodeId id) const {
  return id == restore::kNoNode ? AclList() : state_.tree.acls().list(state_.tree.get(id).acl);
}

AclList Server::parent_acl(std::string_view path) const {
  return acl_of(state_.tree.find(path.substr(0, path.rfind('/'))));
}

void Server::note_write(std::string_view path, restore::NodeId id) {
  const std::optional<Bytes> data = state_.tree.data(id);
  metrics_.add_write(path, data ? data->size() : 0);
}

/// kNoNode: it is gone.
void Server::note_change(std::string_view path, restore::NodeId id) {
  if (!reply_has_stats_) return;
  Changed& change = changed_.emplace_back();
  if (reply_is_of_multi_) change.path = path;
  if (id == restore::kNoNode) return;
  const restore::NodeView node = state_.tree.get(id);
  store_stat(change.stat, node.stat, node.data, node.children);
}

void Server::created(std::string_view path, restore::NodeId id) {
  note_change(path, id);
  note_write(path, id);
  sweep_.created(path);
  if (!watches_.empty()) watches_.created(path, acl_of(id), parent_acl(path), applying_zxid_);
}

void Server::deleting(std::string_view, restore::NodeId id) {
  sweep_.deleting(id);
  if (!watches_.empty()) deleted_acl_ = as_text(acl_of(id).encoded());
}

void Server::deleted(std::string_view path) {
  note_change(path, restore::kNoNode);
  metrics_.add_write(path, 0);
  if (!watches_.empty())
    watches_.deleted(path, AclList(as_bytes(deleted_acl_)), parent_acl(path), applying_zxid_);
}

void Server::data_changed(std::string_view path, restore::NodeId id) {
  note_change(path, id);
  note_write(path, id);
  if (!watches_.empty()) watches_.data_changed(path, acl_of(id), applying_zxid_);
}

void Server::acl_changed(std::string_view path, restore::NodeId id) { note_change(path, id); }

// ---- ends

void Server::flush_all() {
  for (std::size_t i = 0; i < dirty_.size(); ++i) dirty_[i]->flush();
  dirty_.clear();
}

void Server::fail(Error error) {
  if (has_failed_) return;
  has_failed_ = true;
  sweep_.stop();
  if (snapshotter_) snapshotter_->stop();
  ++metrics_.unrecoverable_error_count;
  seams_.log.error("the server stops: " + error.to_string());
  for (const auto& connection : connections_) connection->close();
  if (failed_) failed_(error);
}

void Server::stop(std::function<void()> stopped) {
  stopped_ = std::move(stopped);
  stopping_ = true;
  sweep_.stop();
  if (snapshotter_) snapshotter_->stop();
  listener_.reset();
  for (const auto& connection : connections_)
    if (connection->open() && connection->outstanding() == 0) connection->close_when_sent();
  seams_.loop.call_after(kStopPatienceMs, [this] {
    for (const auto& connection : connections_) connection->close();
  });
  seams_.loop.post([this] { finish_stop(); });
}

void Server::finish_stop() {
  if (!stopped_) return;
  if (!commit_log_.idle() && !has_failed_) return;
  for (const auto& connection : connections_)
    if (connection->open()) connection->close_when_sent();
  if (!connections_.empty()) return;
  std::function<void()> stopped = std::move(stopped_);
  stopped_ = nullptr;
  stopped();
}

}  // namespace zkark::server
