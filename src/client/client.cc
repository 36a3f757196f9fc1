#include "src/client/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <utility>

#include "formats/base/check.h"

namespace zkark::client {
namespace {

constexpr std::size_t kMaxPacketBytes = 64 << 20;  // of a server whose jute.maxbuffer was raised a lot
// A tick is a sixth of the session's timeout: a ping goes out when nothing was sent for a third of it, and
// the server is taken for lost when nothing came for two thirds (the rest is for finding another one).
constexpr int kTicksToPing = 2, kTicksToLoss = 4, kTicks = 6;
constexpr std::int64_t kClosingMs = 1000;

}  // namespace

std::string to_string(const Server& server) {
  return net::to_string(net::Endpoint{server.host, server.port});
}

/// Lives as long as somebody runs in it: callbacks may destroy the Client.
class Client::Core final : public net::LinkEvents, public std::enable_shared_from_this<Core> {
 public:
  Core(Loop& loop, const Server& server, const SessionOptions& options, SessionEvents& events)
      : loop_(loop), name_(client::to_string(server)), options_(options), events_(&events) {}

  void connect(net::Transport& transport, const Server& server);
  void abandon();
  template <class WriteBody>
  void request(OpCode op, Done done, const WriteBody& write_body);
  void close();

  std::size_t in_flight() const { return pending_.size(); }
  bool reached() const { return reached_; }
  std::int64_t last_zxid() const { return last_zxid_; }

  void received(Bytes bytes) override;
  void drained() override {}
  void closed(const std::optional<Error>& why) override;

 private:
  enum class State : std::uint8_t { kConnecting, kOpen, kClosing, kEnded };
  struct Pending {
    std::int32_t xid = 0;
    Done done;
  };

  void opened(std::unique_ptr<net::Link> link);
  std::size_t take_packets(Bytes bytes);
  void take_packet(Bytes packet);
  void take_session(Bytes packet);
  void take_event(Bytes packet);
  void take_reply(const ReplyHeader& header, Bytes body);
  void flush();
  void arm();
  void tick();
  void end(std::optional<Error> why);
  void give_up(std::string message);

  Loop& loop_;
  const std::string name_;
  const SessionOptions options_;
  SessionEvents* events_;  // null: nobody is to be told any more
  State state_ = State::kConnecting;
  std::unique_ptr<net::Link> link_;
  Loop::TimerId timer_ = 0;
  std::int64_t tick_ms_ = 0;
  int silent_ = 0, idle_ = 0;  // ticks since something came, since something was sent
  bool reached_ = false, ping_waits_ = false;
  bool receiving_ = false;  // what is written meanwhile goes out in one piece
  std::string in_, out_;    // the begin of a packet; packets that wait for flush()
  std::deque<Pending> pending_;
  std::int32_t last_xid_ = 0;
  std::int64_t last_zxid_ = 0;
};

void Client::Core::connect(net::Transport& transport, const Server& server) {
  timer_ = loop_.call_after(options_.connect_timeout_ms, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->timer_ = 0;
      self->give_up(fmt::format("no session within {} ms", self->options_.connect_timeout_ms));
    }
  });
  transport.connect(server.host, server.port, options_.connect_timeout_ms,
                    [weak = weak_from_this()](Result<std::unique_ptr<net::Link>> link) {
                      const auto self = weak.lock();
                      if (!self || self->state_ == State::kEnded) return;
                      if (!link) return self->end(std::move(link).error());
                      self->opened(*std::move(link));
                    });
}

void Client::Core::opened(std::unique_ptr<net::Link> link) {
  link_ = std::move(link);
  reached_ = true;
  link_->start(*this);
  const Password none{};
  append_connect_request(out_, {.protocol_version = 0,
                                .last_zxid_seen = options_.last_zxid_seen,
                                .timeout_ms = options_.session_timeout_ms,
                                .session = 0,
                                .password = Bytes(none),
                                .read_only = options_.read_only_too});
  flush();
}

void Client::Core::abandon() {
  events_ = nullptr;
  state_ = State::kEnded;
  loop_.cancel(std::exchange(timer_, 0));
  link_.reset();
  // What a request holds may be anything, even what holds the Client.
  const std::deque<Pending> dropped = std::exchange(pending_, {});
}

template <class WriteBody>
void Client::Core::request(OpCode op, Done done, const WriteBody& write_body) {
  if (state_ != State::kOpen) return;
  last_xid_ = last_xid_ == INT32_MAX ? 1 : last_xid_ + 1;
  RequestWriter packet(out_, last_xid_, op);
  write_body(packet.body());
  packet.end();
  pending_.push_back({last_xid_, std::move(done)});
  if (!receiving_) flush();
}

void Client::Core::close() {
  request(OpCode::kCloseSession, {}, [](JuteWriter&) {});
  if (state_ == State::kOpen) state_ = State::kClosing;
}

void Client::Core::flush() {
  if (out_.empty() || !link_) return;
  idle_ = 0;
  link_->send(as_bytes(out_));
  out_.clear();
}

void Client::Core::received(Bytes bytes) {
  const auto self = shared_from_this();
  silent_ = 0;
  receiving_ = true;
  if (in_.empty()) {
    const std::size_t taken = take_packets(bytes);
    if (state_ != State::kEnded) in_.assign(as_text(bytes.subspan(taken)));
  } else {
    in_.append(as_text(bytes));
    std::string whole = std::move(in_);  // a reply's body stays where it is, whatever happens meanwhile
    in_.clear();
    const std::size_t taken = take_packets(as_bytes(whole));
    if (state_ != State::kEnded) in_ = whole.substr(taken);
  }
  receiving_ = false;
  flush();
}

/// How many bytes were whole packets.
std::size_t Client::Core::take_packets(Bytes bytes) {
  std::size_t at = 0;
  while (state_ != State::kEnded && bytes.size() - at >= 4) {
    const std::size_t length = load_u32(bytes.data() + at);
    if (length > kMaxPacketBytes) {
      give_up(fmt::format("a packet of {} bytes: this is no ZooKeeper server", length));
      break;
    }
    if (bytes.size() - at - 4 < length) break;
    at += 4 + length;
    take_packet(bytes.subspan(at - length, length));
  }
  return at;
}

void Client::Core::take_packet(Bytes packet) {
  if (state_ == State::kConnecting) return take_session(packet);
  const Result<ReplyHeader> header = read_reply_header(packet);
  if (!header) return give_up(header.error().message());
  const Bytes body = packet.subspan(ReplyHeader::kBytes);
  switch (header->xid) {
    case Xid::kNotification:
      return take_event(body);
    case Xid::kPing:
      ping_waits_ = false;
      return;
    default:
      return take_reply(*header, body);
  }
}

void Client::Core::take_session(Bytes packet) {
  const Result<ConnectResponse> response = read_connect_response(packet);
  if (!response) return give_up(response.error().message());
  if (response->timeout_ms <= 0) return give_up("the server refused a session");
  state_ = State::kOpen;
  loop_.cancel(std::exchange(timer_, 0));
  tick_ms_ = std::max(response->timeout_ms / kTicks, 1);
  arm();
  events_->connected(
      {response->session, response->timeout_ms, response->password, response->read_only.value_or(false)});
}

void Client::Core::take_event(Bytes body) {
  JuteReader in(body);
  const WatchEvent event = WatchEvent::read(in);
  if (!in.ok()) return give_up("a notification that could not be read");
  if (events_ != nullptr) events_->watched(event);
}

void Client::Core::take_reply(const ReplyHeader& header, Bytes body) {
  if (pending_.empty() || pending_.front().xid != header.xid)
    return give_up(pending_.empty() ? fmt::format("a reply (xid {}) to no request", header.xid)
                                    : fmt::format("replies out of order: xid {} where {} is due", header.xid,
                                                  pending_.front().xid));
  last_zxid_ = std::max(last_zxid_, header.zxid);
  const Done done = std::move(pending_.front().done);
  pending_.pop_front();
  if (done) return done(Reply{header.err, header.zxid, body});
  if (state_ != State::kClosing || !pending_.empty()) return;
  // The server closes the connection now. If we did, our port would not be free again for a minute.
  loop_.cancel(std::exchange(timer_, 0));
  timer_ = loop_.call_after(kClosingMs, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->end({});
  });
}

void Client::Core::closed(const std::optional<Error>& why) {
  const auto self = shared_from_this();
  if (state_ == State::kClosing) return end({});
  if (why) return end(why->clone().context(name_));
  give_up(state_ == State::kConnecting ? "the server closed the connection instead of opening a session"
                                       : "the server closed the connection");
}

void Client::Core::arm() {
  timer_ = loop_.call_after(tick_ms_, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->tick();
  });
}

void Client::Core::tick() {
  timer_ = 0;
  if (++silent_ >= kTicksToLoss)
    return give_up(fmt::format("nothing came from the server for {} ms", silent_ * tick_ms_));
  if (++idle_ >= kTicksToPing && !std::exchange(ping_waits_, true)) {
    RequestWriter(out_, Xid::kPing, OpCode::kPing).end();
    flush();
  }
  arm();
}

void Client::Core::give_up(std::string message) {
  end(Error(ErrorId::kUnreachable, fmt::format("{}: {}", name_, message)));
}

void Client::Core::end(std::optional<Error> why) {
  if (state_ == State::kEnded) return;
  const auto self = shared_from_this();
  state_ = State::kEnded;
  loop_.cancel(std::exchange(timer_, 0));
  link_.reset();
  const Result<Reply> untold =
      fail(why ? why->clone() : Error(ErrorId::kUnreachable, name_ + ": the session was closed"));
  // Each may destroy the Client: then abandon() takes the rest.
  while (!pending_.empty()) {
    const Done done = std::move(pending_.front().done);
    pending_.pop_front();
    if (done) done(untold);
  }
  if (events_ != nullptr) std::exchange(events_, nullptr)->ended(why);
}

Client::Client(Loop& loop, net::Transport& transport, const Server& server, const SessionOptions& options,
               SessionEvents& events)
    : core_(std::make_shared<Core>(loop, server, options, events)) {
  core_->connect(transport, server);
}

Client::~Client() { core_->abandon(); }

void Client::get_data(std::string_view path, bool watch, Done done) {
  core_->request(OpCode::kGetData, std::move(done), [&](JuteWriter& body) {
    body.ustring(path);
    body.u8(watch ? 1 : 0);
  });
}

void Client::exists(std::string_view path, bool watch, Done done) {
  core_->request(OpCode::kExists, std::move(done), [&](JuteWriter& body) {
    body.ustring(path);
    body.u8(watch ? 1 : 0);
  });
}

void Client::get_children(std::string_view path, bool watch, Done done) {
  core_->request(OpCode::kGetChildren, std::move(done), [&](JuteWriter& body) {
    body.ustring(path);
    body.u8(watch ? 1 : 0);
  });
}

void Client::create(std::string_view path, Bytes data, CreateMode mode, Done done) {
  core_->request(OpCode::kCreate, std::move(done), [&](JuteWriter& body) {
    body.ustring(path);
    body.buffer(data);
    body.vector(open_acl_unsafe());
    body.i32(static_cast<std::int32_t>(mode));
  });
}

void Client::set_data(std::string_view path, Bytes data, std::int32_t version, Done done) {
  core_->request(OpCode::kSetData, std::move(done), [&](JuteWriter& body) {
    body.ustring(path);
    body.buffer(data);
    body.i32(version);
  });
}

void Client::remove(std::string_view path, std::int32_t version, Done done) {
  core_->request(OpCode::kDelete, std::move(done), [&](JuteWriter& body) {
    body.ustring(path);
    body.i32(version);
  });
}

void Client::close() { core_->close(); }
std::size_t Client::in_flight() const { return core_->in_flight(); }
bool Client::reached() const { return core_->reached(); }
std::int64_t Client::last_zxid() const { return core_->last_zxid(); }

}  // namespace zkark::client
