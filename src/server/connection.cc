#include "src/server/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "src/server/four_letter.h"
#include "src/server/reads.h"
#include "src/server/server.h"

namespace zkark::server {
namespace {

/// A client that does not read is not read from any more, and in the end left.
constexpr std::size_t kSlowBytes = 1 << 20;
constexpr std::size_t kMostUnsentBytes = 64 << 20;
/// What may wait behind a connection's own writes: more is left unread.
constexpr std::size_t kMostWaiting = 1000;
constexpr std::size_t kMostWaitingBytes = 1 << 20;
/// What an idle connection may keep of its buffers.
constexpr std::size_t kIdleBytes = 4 << 10;

bool is_write(OpCode op) {
  switch (op) {
    case OpCode::kCreate:
    case OpCode::kCreate2:
    case OpCode::kCreateContainer:
    case OpCode::kCreateTtl:
    case OpCode::kDelete:
    case OpCode::kSetData:
    case OpCode::kSetAcl:
    case OpCode::kMulti:
    case OpCode::kReconfig:
      return true;
    default:
      return false;
  }
}

/// A reconfig that cannot be read is no write: Apache does not get as far as a txn for it.
bool becomes_txn(OpCode op, Bytes body) {
  if (op != OpCode::kReconfig) return is_write(op) || op == OpCode::kCloseSession;
  JuteReader in(body);
  ReconfigRequest::read(in);
  return in.ok();
}

bool is_set_watches(OpCode op) { return op == OpCode::kSetWatches || op == OpCode::kSetWatches2; }

void release(std::string& buffer) {
  if (buffer.capacity() > kIdleBytes)
    std::string().swap(buffer);
  else
    buffer.clear();
}

}  // namespace

void ConnectionStats::reset() {
  const std::int64_t established = established_ms;
  *this = ConnectionStats{};
  established_ms = established;
}

Connection::Connection(Server& server, std::unique_ptr<net::Link> link)
    : server_(server),
      link_(std::move(link)),
      remote_(link_->remote()),
      who_(identities_of_peer(remote_.ip)),
      accepted_ns_(server.now_ns()) {
  stats_.established_ms = server.wall_ms();
  link_->start(*this);
}

Connection::~Connection() = default;

void Connection::received(Bytes bytes) {
  now_ns_ = server_.now_ns();
  take(bytes);
  flush();
}

void Connection::take(Bytes bytes) {
  if (!open()) return;
  if (!reading()) {
    if (session_closing_) return;  // nobody will look at it
    partial_ += as_text(bytes);
    if (partial_.size() > kSlowBytes) link_->pause();
    return;
  }
  if (partial_.empty()) {
    const std::size_t used = parse(bytes);
    if (open() && used < bytes.size()) partial_ = as_text(bytes.subspan(used));
    return;
  }
  // Out of the member while it is handled: a session that is taken over is connected from inside parse(),
  // which then goes on by itself, and closing drops what is kept.
  std::string whole = std::exchange(partial_, {});
  whole += as_text(bytes);
  const std::size_t used = parse(as_bytes(whole));
  if (!open() || used == whole.size()) return;
  whole.erase(0, used);
  partial_ = std::move(whole);
}

/// Handles whole frames as long as the connection reads; returns how many bytes that were.
std::size_t Connection::parse(Bytes bytes) {
  std::size_t at = 0;
  while (reading() && bytes.size() - at >= 4) {
    if (state_ == State::kFirst) {
      std::size_t used = 0;
      if (first_bytes(bytes.subspan(at), used)) return at + used;
      state_ = State::kHandshake;
    }
    const std::int32_t length = load_i32(bytes.data() + at);
    if (length < 0 || length > server_.settings().jute_max_buffer) {
      server_.log().warn(fmt::format("closing {}: a packet of {} bytes (jute.maxbuffer is {})",
                                     net::to_string(remote_), length, server_.settings().jute_max_buffer));
      close();
      return bytes.size();
    }
    if (!server_.large_requests().fits(length)) {
      server_.log().warn(
          fmt::format("closing {}: with its request of {} bytes more than largeRequestMaxBytes ({}) would be "
                      "on their way",
                      net::to_string(remote_), length, server_.settings().large_request_max_bytes));
      ++server_.metrics().large_requests_rejected;
      close();
      return bytes.size();
    }
    const auto size = static_cast<std::size_t>(length);
    if (bytes.size() - at - 4 < size) break;
    if (state_ == State::kOpen && waits_for_its_turn()) break;
    const Bytes frame = bytes.subspan(at + 4, size);
    at += 4 + size;
    if (state_ == State::kHandshake)
      handshake(frame);
    else
      request(frame);
    if (out_.size() > kSlowBytes) flush();  // a client that does not read is not answered on and on
  }
  return at;
}

/// A connection that begins with a four-letter word is no client's. Further bytes are not looked at.
bool Connection::first_bytes(Bytes bytes, std::size_t& used) {
  const std::size_t wanted = word_size(as_text(bytes.first(4)), server_.settings());
  if (wanted == 0) return false;
  if (bytes.size() < wanted) return true;  // the rest has as long as a handshake
  used = bytes.size();
  state_ = State::kWord;
  link_->pause();
  ++stats_.received, ++server_.stats().received;
  server_.metrics().bytes_received_count += 4;
  server::answer_word(server_, *this, as_text(bytes.first(wanted)));
  return true;
}

void Connection::answer_word(std::string_view text) {
  if (!open()) return;
  out_ += text;
  ++stats_.sent, ++server_.stats().sent;
  close_when_sent();
}

unsigned Connection::interest() const {
  if (!open() || state_ == State::kWord) return 0;
  return (reading() && !slow_ ? 1U : 0U) | (link_->unsent_bytes() != 0 ? 4U : 0U);
}

void Connection::handshake(Bytes frame) {
  JuteReader in(frame);
  const ConnectRequest request = ConnectRequest::read(in);
  if (!in.ok()) return close();
  ++stats_.received;
  ++server_.stats().received;
  ++server_.metrics().connection_request_count;
  server_.metrics().bytes_received_count += static_cast<std::int64_t>(frame.size()) + 4;
  stats_.last_cxid = 0;
  stats_.last_op = OpCode::kCreateSession;
  read_only_ = request.read_only;
  ConnectionThrottle& throttle = server_.connection_throttle();
  server_.metrics().connection_token_deficit.add(throttle.deficit());
  if (!throttle.admit(throttle.price(request.session == 0), server_.now_ms())) {
    server_.log().info(
        fmt::format("refusing {}: connection_throttle_tokens are used up", net::to_string(remote_)));
    ++server_.metrics().connection_rejected;
    return close();
  }
  if (request.last_zxid_seen > server_.last_zxid()) {
    server_.log().info(fmt::format(
        "refusing {}: it has seen zxid 0x{:x}, this server is at 0x{:x}; it must try another server",
        net::to_string(remote_), request.last_zxid_seen, server_.last_zxid()));
    return close();
  }
  const Settings& settings = server_.settings();
  const auto least = static_cast<std::int32_t>(settings.min_session_timeout_ms);
  const auto most = static_cast<std::int32_t>(settings.max_session_timeout_ms);
  timeout_ms_ = std::min(std::max(request.timeout_ms, least), most);
  state_ = State::kConnecting;
  if (request.session == 0)
    server_.open_session(*this, timeout_ms_);
  else
    server_.reattach(*this, request.session, request.password, timeout_ms_);
}

void Connection::connected(Session* session) {
  if (!open()) return;
  ConnectResponse response;
  if (session != nullptr) {
    // Of a session that was taken over before the txn that makes it was on disk.
    if (session->owner != nullptr && session->owner != this) session->owner->close();
    response.timeout_ms = session->timeout_ms;
    response.session = session->id;
    response.password = session_password(session->id);
    session_ = session;
    session_id_ = session->id;
    session->owner = this;
    server_.sessions().touch(*session, server_.now_ms());
  }
  if (read_only_) response.read_only = false;
  PacketWriter packet(out_);
  response.write(packet.body());
  packet.end();
  const std::int64_t asked_ns = now_ns_;
  now_ns_ = server_.now_ns();
  count(OpCode::kCreateSession, 0, server_.last_zxid(), asked_ns, OpCode::kCreateSession);
  mark_dirty();
  if (session == nullptr) return close_when_sent();
  state_ = State::kOpen;
  go_on();
}

void Connection::request(Bytes frame) {
  if (frame.size() < RequestHeader::kBytes) return close();
  const std::int32_t xid = load_i32(frame.data());
  const auto op = static_cast<OpCode>(load_i32(frame.data() + 4));
  const Bytes body = frame.subspan(RequestHeader::kBytes);
  ++stats_.received;
  ++server_.stats().received;
  server_.metrics().bytes_received_count += static_cast<std::int64_t>(frame.size()) + 4;
  if (session_ == nullptr || session_->closing) return close();
  server_.sessions().touch(*session_, now_ns_ / 1'000'000);
  if (op == OpCode::kAuth) return add_auth(xid, body);
  if (op == OpCode::kSasl) return sasl(xid, body);
  if (server_.settings().enforce_auth) {
    const auto& schemes = server_.settings().enforce_auth_schemes;
    const bool known = std::any_of(who_->begin(), who_->end(), [&](const Identity& identity) {
      return std::find(schemes.begin(), schemes.end(), identity.scheme) != schemes.end();
    });
    if (!known) {
      reply(xid, 0, ZkCode::kSessionClosedRequireSaslAuth);
      return close_when_sent();
    }
  }
  const bool throttled = throttled_ns_ != 0 && waited_too_long(op);
  if (!throttled && !server_.settings().read_only && becomes_txn(op, body)) return propose(xid, op, body);
  if (throttled) ++server_.metrics().throttled_ops;
  if (waiting_.empty()) {
    if (throttled) return reply(xid, server_.last_zxid(), ZkCode::kThrottledOp);
    return answer(xid, op, body, who_, now_ns_);
  }
  const auto size = static_cast<std::int64_t>(frame.size());
  waiting_.push_back({false, xid, op, now_ns_, std::string(as_text(body)), who_,
                      server_.large_requests().take(size), throttled});
  waiting_bytes_ += body.size();
  if (full()) hold();
}

void Connection::propose(std::int32_t xid, OpCode op, Bytes body) {
  const auto size = static_cast<std::int64_t>(body.size() + RequestHeader::kBytes);
  waiting_.push_back({true, xid, op, now_ns_, {}, nullptr, server_.large_requests().take(size)});
  if (op == OpCode::kCloseSession) session_closing_ = true;
  server_.propose(*this, xid, op, body, now_ns_);
  if ((server_.too_busy() || full()) && open()) hold();
}

void Connection::hold() {
  if (held_) return;
  held_ = true;
  link_->pause();
  server_.hold(*this);
}

bool Connection::full() const { return waiting_.size() > kMostWaiting || waiting_bytes_ > kMostWaitingBytes; }

/// What a request that waited had taken.
void Connection::finished(const Waiting& done) {
  waiting_bytes_ -= done.body.size();
  server_.large_requests().give_back(done.large);
}

/// The request throttle has no room for the next request: it and all behind it stay where they are.
bool Connection::waits_for_its_turn() {
  RequestThrottle& throttle = server_.request_throttle();
  if (!throttle.on()) return false;
  if (throttle.full()) {
    if (throttled_ns_ == 0) throttled_ns_ = now_ns_;
    held_ = true;
    link_->pause();
    throttle.wait(*this);
    ++server_.metrics().request_throttle_wait_count;
    return true;
  }
  const std::int64_t waited_ns = throttled_ns_ == 0 ? 0 : now_ns_ - throttled_ns_;
  server_.metrics().request_throttle_queue_time_ms.add(waited_ns / 1'000'000);
  return false;
}

bool Connection::waited_too_long(OpCode op) const {
  const std::int64_t most_ms = server_.settings().throttled_op_wait_ms;
  if (most_ms <= 0 || op == OpCode::kPing || op == OpCode::kCloseSession) return false;
  return (now_ns_ - throttled_ns_) / 1'000'000 > most_ms;
}

bool Connection::drop_if_stale() {
  const Settings& settings = server_.settings();
  if (!settings.request_stale_latency_check || session_ == nullptr) return false;
  if ((server_.now_ns() - throttled_ns_) / 1'000'000 <= session_->timeout_ms) return false;
  if (!settings.request_throttle_drop_stale) return false;
  ++server_.metrics().stale_requests;
  ++server_.metrics().stale_requests_dropped;
  server_.log().info(fmt::format("closing {}: its request waited longer than its session's timeout of {} ms",
                                 net::to_string(remote_), session_->timeout_ms));
  close();
  return true;
}

void Connection::go_on() {
  held_ = false;
  if (!open()) return;
  if (!slow_) link_->resume();
  if (partial_.empty() || !reading()) return;
  now_ns_ = server_.now_ns();
  std::string bytes = std::move(partial_);
  partial_.clear();
  take(as_bytes(bytes));
  if (!held_) throttled_ns_ = 0;  // what comes from now on has not waited
  mark_dirty();
}

void Connection::add_auth(std::int32_t xid, Bytes body) {
  JuteReader in(body);
  const AuthRequest auth = AuthRequest::read(in);
  if (!in.ok()) return close();
  const Identities after =
      auth.scheme ? server_.rules().authenticate(*auth.scheme, auth.auth, remote_.ip, who_) : nullptr;
  if (after != nullptr) {
    who_ = after;
    return reply(xid, 0, ZkCode::kOk);
  }
  server_.log().warn(fmt::format("authentication of {} by the scheme '{}' failed", net::to_string(remote_),
                                 auth.scheme.value_or("")));
  ++server_.metrics().auth_failed;
  reply(xid, 0, ZkCode::kAuthFailed);
  close_when_sent();
}

/// Without SASL every token is answered with none. A null one is none.
void Connection::sasl(std::int32_t xid, Bytes body) {
  JuteReader in(body);
  if (!in.buffer() || !in.ok()) return close();
  PacketWriter packet(out_, {xid, 0, ZkCode::kOk});
  packet.body().buffer(std::nullopt);
  packet.end();
  sent_packet(true);
}

void Connection::answer(std::int32_t xid, OpCode op, Bytes body, const Identities& who,
                        std::int64_t received_ns) {
  const std::int64_t zxid = server_.last_zxid();
  const ReadContext context{server_.state(), server_.rules(), server_.watches(), *this, *who, session_id_};
  if (is_read(op)) {
    const std::int32_t shown_xid = op == OpCode::kPing ? Xid::kPing : xid;
    PacketWriter packet(out_, {shown_xid, zxid, ZkCode::kOk});
    const ZkCode err = read(op, body, context, packet.body());
    if (err != ZkCode::kOk) packet.fail(err);
    packet.end();
    if (err == ZkCode::kOk)
      server_.metrics().add_read(op, body, as_bytes(out_).subspan(counted_ + 4 + ReplyHeader::kBytes));
    return count(op, xid, zxid, received_ns, op);
  }
  const auto answer_with = [&](ZkCode err, OpCode shown) {
    PacketWriter(out_, {xid, zxid, err}).end();
    count(OpCode::kNotification, xid, zxid, received_ns, shown);
  };
  if (is_set_watches(op)) {
    const ZkCode err = set_watches(op, body, context);
    return answer_with(err, op);
  }
  if (op == OpCode::kDeleteContainer) return answer_with(ZkCode::kBadArguments, OpCode::kNotification);
  if (server_.settings().read_only && is_write(op))
    return answer_with(ZkCode::kNotReadOnly, OpCode::kNotification);
  if (op == OpCode::kCloseSession) {
    answer_with(ZkCode::kOk, op);
    close_when_sent();
    return server_.end_local_session(session_id_);
  }
  if (op == OpCode::kReconfig) return answer_with(ZkCode::kMarshallingError, op);
  reply(xid, -1, ZkCode::kUnimplemented);
  close_when_sent();
}

void Connection::answer_next() {
  const Waiting next = std::move(waiting_.front());
  waiting_.pop_front();
  finished(next);
  if (next.throttled)
    reply(next.xid, server_.last_zxid(), ZkCode::kThrottledOp);
  else
    answer(next.xid, next.op, as_bytes(next.body), next.who, next.received_ns);
  if (out_.size() > kSlowBytes) flush();
}

void Connection::answer_waiting() {
  while (open() && !slow_ && !waiting_.empty() && !waiting_.front().proposed) answer_next();
}

/// They may not see the write behind them. What the client has not taken by then is kept, up to
/// kMostUnsentBytes.
void Connection::answer_all_before_write() {
  if (!waiting_.empty() && !waiting_.front().proposed) now_ns_ = server_.now_ns();
  while (open() && !waiting_.empty() && !waiting_.front().proposed) answer_next();
}

/// Past the processors, as to auth: it shows in no latency and is no last operation.
void Connection::reply(std::int32_t xid, std::int64_t zxid, ZkCode err) {
  PacketWriter packet(out_, {xid, zxid, err});
  packet.end();
  sent_packet(true);
}

std::int64_t Connection::last_zxid() const { return server_.last_zxid(); }

std::int64_t Connection::now_ns() const { return server_.now_ns(); }

void Connection::mark_dirty() {
  if (dirty_) return;
  dirty_ = true;
  server_.flush_later(*this);
}

void Connection::sent_packet(bool response) {
  ++stats_.sent, ++server_.stats().sent;
  if (response) server_.metrics().add_response(static_cast<std::int64_t>(out_.size() - counted_) - 4);
  counted_ = out_.size();
}

void Connection::count(OpCode op, std::int32_t xid, std::int64_t zxid, std::int64_t received_ns,
                       OpCode shown) {
  ServerStats& all = server_.stats();
  const std::int64_t latency = std::max<std::int64_t>(0, (now_ns_ - received_ns) / 1'000'000);
  Metrics& metrics = server_.metrics();
  sent_packet(op != OpCode::kCreateSession);
  const bool update = is_write(op) || op == OpCode::kCreateSession || op == OpCode::kCloseSession;
  (update ? metrics.updatelatency : metrics.readlatency).add(latency);
  stats_.last_op = shown;
  if (xid >= 0) stats_.last_cxid = xid;
  stats_.last_zxid = zxid;
  stats_.last_response_ms = now_ns_ / 1'000'000;
  stats_.last_latency_ms = latency;
  stats_.min_latency_ms = stats_.responses == 0 ? latency : std::min(stats_.min_latency_ms, latency);
  stats_.max_latency_ms = std::max(stats_.max_latency_ms, latency);
  stats_.total_latency_ms += latency;
  ++stats_.responses;
  all.min_latency_ms = all.responses == 0 ? latency : std::min(all.min_latency_ms, latency);
  all.max_latency_ms = std::max(all.max_latency_ms, latency);
  all.total_latency_ms += latency;
  ++all.responses;
}

void Connection::event(EventType type, std::string_view path, std::int64_t) {
  if (!open()) return;
  append_event(out_, type, path);
  server_.metrics().watch_bytes += static_cast<std::int64_t>(out_.size() - counted_) - 4;
  counted_ = out_.size();
  ++stats_.sent, ++server_.stats().sent;
  mark_dirty();
}

bool Connection::may_read(const AclList& acl) const {
  return server_.rules().allows(acl, Perms::kRead, *who_);
}

void Connection::flush() {
  dirty_ = false;
  if (link_ == nullptr || out_.empty()) return;
  link_->send(as_bytes(out_));
  release(out_);
  counted_ = 0;
  const std::size_t unsent = link_->unsent_bytes();
  if (unsent > kMostUnsentBytes) {
    server_.log().warn(fmt::format("closing {}: it left {} bytes of replies and events unread",
                                   net::to_string(remote_), unsent));
    return close();
  }
  if (unsent > kSlowBytes && !slow_ && open()) {
    slow_ = true;
    link_->pause();
  }
}

void Connection::drained() {
  if (!slow_ || !open()) return;
  slow_ = false;
  now_ns_ = server_.now_ns();
  answer_waiting();
  if (!held_)
    go_on();
  else
    server_.wake_held();
  flush();
}

void Connection::closed(const std::optional<Error>& why) {
  if (why && session_ != nullptr)
    server_.log().info(fmt::format("connection of session 0x{:x} from {} broke: {}", session_id_,
                                   net::to_string(remote_), why->message()));
  close();
}

void Connection::close() {
  if (link_ == nullptr) return;
  ending_ = true;
  link_.reset();
  for (const Waiting& dropped : waiting_) finished(dropped);
  waiting_.clear();
  partial_.clear();
  out_.clear();
  counted_ = 0;
  if (session_ != nullptr && session_->owner == this) session_->owner = nullptr;
  session_ = nullptr;
  server_.watches().remove_all(*this);
  server_.gone(*this);
}

void Connection::close_when_sent() {
  if (!open()) return;
  flush();
  if (link_ == nullptr) return;
  ending_ = true;
  ending_since_ns_ = server_.now_ns();
  link_->close_when_sent();
}

}  // namespace zkark::server
