#pragma once
// Connections in one process, over a SimLoop. What is sent arrives in pieces whose borders the seed decides,
// from single bytes up to all there is, after delays that it decides too.
#include <memory>
#include <string>

#include "src/net/transport.h"
#include "tests/support/sim_loop.h"

namespace zkark::test {

struct SimNetOptions {
  std::int64_t max_delay_ms = 2;
  /// What one direction of a connection takes before the sender has to keep bytes.
  std::size_t window_bytes = 64 << 10;
};

/// As TCP does it, a side that is gone answers what still comes with a reset, and a reset may take bytes away
/// that were on their way: the seed decides.
class SimTransport final : public net::Transport {
 public:
  explicit SimTransport(SimLoop& loop, SimNetOptions options = {});
  ~SimTransport() override;

  /// Ports from 40000 on when 0 is asked for. "localhost" is 127.0.0.1; other names have no address unless
  /// added.
  Result<std::unique_ptr<net::Listener>> listen(const net::ListenOptions& options,
                                                Accepted accepted) override;
  void connect(const std::string& host, std::uint16_t port, std::int64_t timeout_ms,
               Connected connected) override;

  // ---- what a test does to the network
  void add_name(const std::string& name, const std::string& ip);
  /// Where connections come from that are made from now on; 127.0.0.1 before.
  void set_client_ip(std::string ip);
  /// Connections are asked for and nobody answers: connect() times out.
  void set_unanswered(bool on);
  /// Listeners have no descriptors left: connections wait, ListenOptions::trouble is told once each time.
  void set_out_of_descriptors(bool on);

  // ---- and to one connection; `link` is either end, made by this transport
  /// Nothing arrives any more, in neither direction, and nobody is told.
  void cut(net::Link& link);
  /// What was cut goes on, with all bytes.
  void heal(net::Link& link);
  /// Both sides are told that it broke (ECONNRESET); bytes on their way may be lost.
  void reset(net::Link& link);
  /// The machine of `link` takes no bytes while on: the other side has to keep what it sends.
  void stall(net::Link& link, bool on);

 private:
  struct Net;
  struct Pair;
  struct End;
  class SimLink;
  class SimListener;
  std::shared_ptr<Net> net_;
};

}  // namespace zkark::test
