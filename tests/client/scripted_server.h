#pragma once
// The other side of a connection: grants sessions, keeps a small tree, or answers as a test says.
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "formats/proto.h"
#include "src/net/transport.h"
#include "tests/support/sim_transport.h"

namespace zkark::test {

class ScriptedServer {
 public:
  /// Listens on 127.0.0.1, on `port` or one that is free.
  explicit ScriptedServer(SimTransport& transport, std::uint16_t port = 0);
  ~ScriptedServer();
  std::uint16_t port() const { return listener_->local().port; }

  struct Request {
    RequestHeader header;
    std::string body;
  };
  class Peer;
  /// Instead of the tree: what is sent for a request. Nothing: no answer.
  std::function<void(Peer&, const Request&)> answer;
  /// What a four-letter word is answered with; words that are not here are not whitelisted.
  std::map<std::string, std::string> words;
  bool grants_sessions = true;   // false: closes instead
  bool answers_nothing = false;  // takes connections and everything that comes
  bool read_only = false;
  std::int32_t granted_timeout_ms = 0;  // 0: as asked for

  // What came.
  std::vector<ConnectRequest> connects;
  std::vector<Request> requests;  // pings too
  int pings = 0, closed_sessions = 0;
  std::map<std::string, std::string> tree{{"/", ""}};
  std::size_t most_nodes = 1;

  /// Sends to the newest connection that has a session.
  void send(std::string bytes);
  /// Ends all connections.
  void hang_up();
  net::Link* newest_link();

  class Peer final : public net::LinkEvents {
   public:
    Peer(ScriptedServer& server, std::unique_ptr<net::Link> link);
    void received(Bytes bytes) override;
    void drained() override {}
    void closed(const std::optional<Error>& why) override;
    void reply(std::int32_t xid, ZkCode code, std::string_view body = {});

    ScriptedServer& server;
    std::unique_ptr<net::Link> link;
    std::string in;
    bool has_session = false;

   private:
    void take(Bytes packet);
    void take_request(const Request& request);
  };

 private:
  void watch(Peer& peer, const std::string& path) { watches_[path].insert(&peer); }
  void fire(const std::string& path);

  std::unique_ptr<net::Listener> listener_;
  std::vector<std::unique_ptr<Peer>> peers_;
  std::map<std::string, std::set<Peer*>> watches_;
  std::int64_t last_session_ = 0x100000000000000, zxid_ = 0x10;
};

}  // namespace zkark::test
