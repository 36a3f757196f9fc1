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
    partial_ += as_text(bytes);
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
    const auto size = static_cast<std::size_t>(length);
    if (bytes.size() - at - 4 < size) break;
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
  count(OpCode::kCreateSession, 0, server_.last_zxid(), asked_ns);
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
  if (xid >= 0) stats_.last_cxid = xid;
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
  if (!server_.settings().read_only && (is_write(op) || op == OpCode::kCloseSession))
    return propose(xid, op, body);
  if (waiting_.empty()) return answer(xid, op, body, who_, now_ns_);
  waiting_.push_back({false, xid, op, now_ns_, std::string(as_text(body)), who_});
}

void Connection::propose(std::int32_t xid, OpCode op, Bytes body) {
  waiting_.push_back({true, xid, op, now_ns_, {}, nullptr});
  if (op == OpCode::kCloseSession) session_closing_ = true;
  server_.propose(*this, xid, op, body, now_ns_);
  if (server_.too_busy() && open()) {
    held_ = true;
    link_->pause();
    server_.hold(*this);
  }
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

/// Without SASL every token is answered with none.
void Connection::sasl(std::int32_t xid, Bytes body) {
  JuteReader in(body);
  in.buffer();
  if (!in.ok()) return close();
  PacketWriter packet(out_, {xid, 0, ZkCode::kOk});
  packet.body().buffer(std::nullopt);
  packet.end();
  count(OpCode::kSasl, xid, 0, now_ns_);
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
    return count(op, xid, zxid, received_ns);
  }
  if (is_set_watches(op)) {
    const ZkCode err = set_watches(op, body, context);
    return reply(xid, zxid, err);
  }
  if (op == OpCode::kDeleteContainer) return reply(xid, zxid, ZkCode::kBadArguments);
  if (server_.settings().read_only && is_write(op)) return reply(xid, zxid, ZkCode::kNotReadOnly);
  if (op == OpCode::kCloseSession) {
    reply(xid, zxid, ZkCode::kOk);
    return close_when_sent();
  }
  reply(xid, -1, ZkCode::kUnimplemented);
  close_when_sent();
}

void Connection::answer_waiting() {
  while (open() && !waiting_.empty() && !waiting_.front().proposed) {
    const Waiting next = std::move(waiting_.front());
    waiting_.pop_front();
    answer(next.xid, next.op, as_bytes(next.body), next.who, next.received_ns);
  }
}

void Connection::reply(std::int32_t xid, std::int64_t zxid, ZkCode err) {
  PacketWriter packet(out_, {xid, zxid, err});
  packet.end();
  count(OpCode::kNotification, xid, zxid, now_ns_);
}

std::int64_t Connection::last_zxid() const { return server_.last_zxid(); }

std::int64_t Connection::now_ns() const { return server_.now_ns(); }

void Connection::mark_dirty() {
  if (dirty_) return;
  dirty_ = true;
  server_.flush_later(*this);
}

void Connection::count(OpCode op, std::int32_t, std::int64_t zxid, std::int64_t received_ns) {
  ServerStats& all = server_.stats();
  const std::int64_t latency = std::max<std::int64_t>(0, (now_ns_ - received_ns) / 1'000'000);
  ++stats_.sent, ++all.sent;
  Metrics& metrics = server_.metrics();
  if (op != OpCode::kCreateSession)
    metrics.add_response(static_cast<std::int64_t>(out_.size() - counted_) - 4);
  counted_ = out_.size();
  const bool update = is_write(op) || op == OpCode::kCreateSession || op == OpCode::kCloseSession;
  (update ? metrics.updatelatency : metrics.readlatency).add(latency);
  if (op != OpCode::kNotification) stats_.last_op = op;
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
  if (held_) return;
  go_on();
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
  link_->close_when_sent();
}

}  // namespace zkark::server
