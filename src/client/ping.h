#pragma once
// Does each of these servers serve: a session, a read of the root, and what the server says of itself.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/base/clock.h"
#include "src/client/client.h"

namespace zkark::client {

enum class PingState : std::uint8_t {
  kServing,      // a session was opened and a read answered
  kReadOnly,     // likewise, by a server that has no quorum (readonlymode.enabled)
  kNotServing,   // it accepts connections and serves nobody
  kUnreachable,  // nothing accepts connections, or nothing answers
};
std::string_view name_of(PingState state);  // "serving", "read-only", "not serving", "unreachable"

struct PingResult {
  Server server;
  PingState state = PingState::kUnreachable;
  std::string problem;  // why it does not serve, or what the server said in an answer; empty when all is well
  std::optional<std::int64_t>
      session_ns;                       // to an open session, with the name looked up and the connection made
  std::optional<std::int64_t> read_ns;  // of one getData of "/"
  // What srvr says; absent where it is not whitelisted.
  std::optional<std::string> role;     // "standalone", "leader", "follower", "observer", "read-only"
  std::optional<std::string> version;  // "3.8.0-5a02a05eddb59aee6ac762f7ea82e92a68eb9c0f"
  std::optional<std::int64_t> zxid;
  std::optional<std::uint64_t> connections, outstanding, nodes;
  std::optional<std::string> latency;  // "0/1.5714/6": ms, min/avg/max since the server began
  std::optional<bool> imok;            // ruok; absent where it is not whitelisted
  // Of a leader, where mntr is whitelisted: who is connected to it, observers too (zk_followers before 3.6),
  // and who of them has caught up; observers since 3.6.
  std::optional<std::uint64_t> learners, synced_followers, synced_observers;
  std::vector<std::string> words_refused;  // of srvr, ruok, mntr: asked, and not whitelisted
};

struct PingOptions {
  std::int64_t timeout_ms = 3'000;  // for everything about one server
};

/// All servers at once. Belongs to the loop thread.
class Ping {
 public:
  /// Begins. `done` is called once, later, with a row per server in their order; may destroy the Ping.
  Ping(Loop& loop, net::Transport& transport, Clock& clock, const std::vector<Server>& servers,
       const PingOptions& options, std::function<void(std::vector<PingResult>)> done);
  ~Ping();
  Ping(const Ping&) = delete;
  Ping& operator=(const Ping&) = delete;

 private:
  class One;
  void one_is_done();

  std::vector<std::unique_ptr<One>> all_;
  std::size_t left_;
  std::function<void(std::vector<PingResult>)> done_;
  std::shared_ptr<bool> alive_;  // a task that waits may outlive this
};

}  // namespace zkark::client
