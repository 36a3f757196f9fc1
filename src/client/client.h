#pragma once
// A client of one ZooKeeper server, on a loop: one session over one connection, requests pipelined, replies
// in the order of the requests. It does not reconnect: whoever uses it decides what comes after the end.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "formats/base/loop.h"
#include "formats/proto_client.h"
#include "src/net/transport.h"

namespace zkark::client {

struct Server {
  std::string host;
  std::uint16_t port = 2181;
};
/// "zk1:2181", "[::1]:2181".
std::string to_string(const Server& server);

struct SessionOptions {
  std::int64_t connect_timeout_ms = 5'000;  // for the connection and the session together
  std::int32_t session_timeout_ms = 10'000;
  bool read_only_too = false;  // content with a server that has no quorum and serves reads alone
  std::int64_t last_zxid_seen = 0;
};

struct Session {
  std::int64_t id = 0;
  std::int32_t timeout_ms = 0;  // as the server granted it
  Password password{};
  bool read_only = false;
};

/// A reply, good or bad by its code. The body lives during the call.
struct Reply {
  ZkCode code = ZkCode::kOk;
  std::int64_t zxid = 0;
  Bytes body;
};

/// Each call may destroy the Client.
class SessionEvents {
 public:
  virtual ~SessionEvents() = default;
  /// Once, before anything else but ended(). Requests may be sent from now on.
  virtual void connected(const Session& session) = 0;
  /// A watch went off. The path lives during the call.
  virtual void watched(const WatchEvent& event) = 0;
  /// The last call: the connection is gone, requests that waited have been told. nullopt: after close().
  virtual void ended(const std::optional<Error>& why) = 0;
};

/// Everything here belongs to the loop thread.
class Client {
 public:
  /// Called once: with the reply, or with what ended the connection before one came (whether the server did
  /// what was asked is not known then). May destroy the Client: the requests behind it are dropped untold.
  using Done = std::function<void(const Result<Reply>&)>;

  /// Begins to connect. `loop`, `transport` and `events` are borrowed; nothing is called back from inside.
  Client(Loop& loop, net::Transport& transport, const Server& server, const SessionOptions& options,
         SessionEvents& events);
  /// Ends the connection at once and calls nobody. The session is left to expire, unless close() was done.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Before connected() and after ended() requests are dropped untold: there is nobody to send them to.
  void get_data(std::string_view path, bool watch, Done done);
  void exists(std::string_view path, bool watch, Done done);
  void get_children(std::string_view path, bool watch, Done done);
  void create(std::string_view path, Bytes data, CreateMode mode, Done done);
  /// Version -1: any.
  void set_data(std::string_view path, Bytes data, std::int32_t version, Done done);
  void remove(std::string_view path, std::int32_t version, Done done);
  /// Ends the session in order; ended(nullopt) follows.
  void close();

  /// Requests that wait for their replies, pings not counted.
  std::size_t in_flight() const;
  /// Whether the server accepted the connection, whatever came then.
  bool reached() const;
  /// The highest zxid of any reply.
  std::int64_t last_zxid() const;

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace zkark::client
