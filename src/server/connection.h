#pragma once
// One client's connection: handshake, framing, the order of its replies (reference/client-protocol-and-server
// section 1; Apache: NIOServerCnxn, ZooKeeperServer.processConnectRequest and processPacket).
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/proto.h"
#include "src/net/transport.h"
#include "src/server/auth.h"
#include "src/server/sessions.h"
#include "src/server/watches.h"

namespace zkark::server {

class Server;

/// What `cons` and `stat` show of one connection.
struct ConnectionStats {
  std::int64_t received = 0, sent = 0;
  OpCode last_op = OpCode::kNotification;  // kNotification: none yet
  std::int64_t last_cxid = -1, last_zxid = -1;
  std::int64_t established_ms = 0;    // wall clock
  std::int64_t last_response_ms = 0;  // monotonic
  std::int64_t last_latency_ms = 0, min_latency_ms = 0, max_latency_ms = 0, total_latency_ms = 0;
  std::int64_t responses = 0;
  void reset();
};

/// Loop thread only. Lives until its link is gone and no proposal refers to it any more.
class Connection final : public net::LinkEvents, public Watcher {
 public:
  Connection(Server& server, std::unique_ptr<net::Link> link);
  ~Connection() override;

  // net::LinkEvents
  void received(Bytes bytes) override;
  void drained() override;
  void closed(const std::optional<Error>& why) override;
  // Watcher
  void event(EventType type, std::string_view path, std::int64_t zxid) override;
  bool may_read(const AclList& acl) const override;

  /// The server's answer to the handshake; nullptr: refused, and the connection ends.
  void connected(Session* session);
  /// The proposal this connection waits for longest is applied. Appends the reply with `write`, then answers
  /// what waited behind it. Nothing happens on a connection that has ended.
  template <class Write>
  void committed(ZkCode err, Write write);
  /// The proposal this connection waits for longest is about to be applied.
  void answer_all_before_write();
  /// A proposal refers to this object until drop_proposal().
  void add_proposal() { ++proposals_; }
  void drop_proposal() { --proposals_; }
  /// Sends what was appended since the last time.
  void flush();
  /// Ends it now, or after what was appended is sent.
  void close();
  void close_when_sent();
  /// The answer to a four-letter word; the connection ends with it.
  void answer_word(std::string_view text);
  /// Goes on reading after the server had too much to do.
  void go_on();
  /// The request throttle holds it: ended, and true, if its request waited longer than its session may be
  /// silent and such are dropped.
  bool drop_if_stale();
  /// So much waits behind its own writes that it is not read further.
  bool full() const;

  /// Handed to the link and not gone yet.
  std::size_t unsent_bytes() const { return link_ == nullptr ? 0 : link_->unsent_bytes(); }
  /// Where it stands in the server's list.
  std::size_t place() const { return place_; }
  void set_place(std::size_t place) { place_ = place; }
  /// There is a link.
  bool alive() const { return link_ != nullptr; }
  bool open() const { return link_ != nullptr && !ending_; }
  /// Nothing refers to it any more.
  bool dead() const { return link_ == nullptr && proposals_ == 0; }
  const net::Endpoint& remote() const { return remote_; }
  Session* session() const { return session_; }
  /// The session is gone; the connection goes with it.
  void forget_session() { session_ = nullptr; }
  std::int64_t session_id() const { return session_id_; }
  bool handshake_done() const { return state_ == State::kOpen; }
  const Identities& identities() const { return who_; }
  const ConnectionStats& stats() const { return stats_; }
  ConnectionStats& stats() { return stats_; }
  std::size_t outstanding() const { return waiting_.size(); }
  /// Since when it is no session's: the accept, as long as there is no handshake, or what ended it.
  std::int64_t sessionless_since_ns() const { return open() ? accepted_ns_ : ending_since_ns_; }
  /// As `cons` shows it: 1 reads, 4 has something to send. 0 for a four-letter word.
  unsigned interest() const;
  bool read_only_asked() const { return read_only_.value_or(false); }

 private:
  enum class State : std::uint8_t { kFirst, kWord, kHandshake, kConnecting, kOpen };
  /// A request whose reply is not written yet. Writes wait for their proposal, others for the writes before
  /// them.
  struct Waiting {
    bool proposed = false;
    std::int32_t xid = 0;
    OpCode op = OpCode::kNotification;
    std::int64_t received_ns = 0;
    std::string body;
    Identities who;
    std::int64_t large = 0;  // what it took of LargeRequests
    bool throttled = false;  // is not executed: it waited too long for its turn
  };

  void take(Bytes bytes);
  std::size_t parse(Bytes bytes);
  bool first_bytes(Bytes bytes, std::size_t& used);
  void handshake(Bytes frame);
  void request(Bytes frame);
  void add_auth(std::int32_t xid, Bytes body);
  void sasl(std::int32_t xid, Bytes body);
  void propose(std::int32_t xid, OpCode op, Bytes body);
  bool waits_for_its_turn();
  bool waited_too_long(OpCode op) const;
  void hold();
  void finished(const Waiting& done);
  void answer(std::int32_t xid, OpCode op, Bytes body, const Identities& who, std::int64_t received_ns);
  /// What waits in front and no write holds up, as long as the client reads.
  void answer_waiting();
  void answer_next();
  void reply(std::int32_t xid, std::int64_t zxid, ZkCode err);
  void sent_packet(bool response);
  void mark_dirty();
  std::int64_t last_zxid() const;
  std::int64_t now_ns() const;
  /// A reply is written: `op` says whether it was an update, `shown` becomes the last operation.
  void count(OpCode op, std::int32_t xid, std::int64_t zxid, std::int64_t received_ns, OpCode shown);
  bool reading() const {
    return open() && state_ != State::kConnecting && state_ != State::kWord && !held_ && !slow_ &&
           !session_closing_;
  }

  Server& server_;
  std::unique_ptr<net::Link> link_;
  net::Endpoint remote_;
  State state_ = State::kFirst;
  bool ending_ = false;           // nothing more is read
  bool session_closing_ = false;  // its client asked for that: nothing more is read, either
  bool held_ = false;             // the server has too much to do, or full()
  bool slow_ = false;             // the client does not read what it is sent
  bool dirty_ = false;            // in the server's list of connections to flush
  std::optional<bool> read_only_;
  std::int32_t timeout_ms_ = 0;
  Session* session_ = nullptr;
  std::int64_t session_id_ = 0;
  Identities who_;
  std::string partial_;      // of a frame that has not come whole
  std::string out_;          // not handed to the link yet
  std::size_t counted_ = 0;  // of out_, in the metrics
  std::deque<Waiting> waiting_;
  std::size_t waiting_bytes_ = 0;  // of bodies in it
  /// Since when the request throttle holds up what is in partial_; 0: it does not.
  std::int64_t throttled_ns_ = 0;
  std::size_t proposals_ = 0, place_ = 0;
  ConnectionStats stats_;
  std::int64_t accepted_ns_ = 0, ending_since_ns_ = 0;
  std::int64_t now_ns_ = 0;  // when the bytes came, or the write was committed, that are being handled
};

template <class Write>
void Connection::committed(ZkCode err, Write write) {
  if (!open()) return;
  const Waiting done = std::move(waiting_.front());
  waiting_.pop_front();
  if (done.large != 0) finished(done);
  now_ns_ = now_ns();
  const std::int64_t zxid = last_zxid();
  PacketWriter packet(out_, {done.xid, zxid, err});
  if (err == ZkCode::kOk) write(packet.body());
  packet.end();
  // Of a failed write Apache shows no operation.
  count(done.op, done.xid, zxid, done.received_ns, err == ZkCode::kOk ? done.op : OpCode::kNotification);
  mark_dirty();
  if (done.op == OpCode::kCloseSession) return close_when_sent();
  answer_waiting();
}

}  // namespace zkark::server
