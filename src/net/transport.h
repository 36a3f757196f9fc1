#pragma once
// Seam: stream connections. The real one is TCP over the event loop (src/os/event_loop), the simulated one
// delivers bytes when a seed says so (tests/support/sim_transport). Everything here belongs to the loop
// thread.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/base/bytes.h"
#include "formats/base/result.h"

namespace zkark::net {

/// A numeric address: "127.0.0.1" or "::1" without brackets, and a port.
struct Endpoint {
  std::string ip;
  std::uint16_t port = 0;
  bool operator==(const Endpoint&) const = default;
};
/// "127.0.0.1:2181", "[::1]:2181".
std::string to_string(const Endpoint& endpoint);

/// What happens to a Link. Each call may destroy the Link it is about, or its own object with it.
class LinkEvents {
 public:
  virtual ~LinkEvents() = default;
  /// Bytes came, at least one, in order; they live during the call. A stream: borders mean nothing.
  virtual void received(Bytes bytes) = 0;
  /// All bytes that send() had to keep are with the system now.
  virtual void drained() = 0;
  /// The other side ended the connection, or only its half of it (no error), or it broke (kUnreachable with
  /// errno). The last call; nothing is sent or received any more. Not called when this side destroys the
  /// Link.
  virtual void closed(const std::optional<Error>& why) = 0;
};

/// One connection. Destroying it ends it at once: bytes that are still unsent are dropped.
class Link {
 public:
  virtual ~Link() = default;
  /// Begins to receive. `events` is borrowed and outlives the link. Call once.
  virtual void start(LinkEvents& events) = 0;
  /// Sends in order: what the system does not take at once is kept and sent later. Does not call back.
  /// A broken connection swallows the bytes; closed() tells. So does one after close_when_sent().
  virtual void send(Bytes bytes) = 0;
  /// How many bytes are kept.
  virtual std::size_t unsent_bytes() const = 0;
  /// While paused, received() is not called and the other side is held up. A close by the other side may go
  /// unnoticed until resume().
  virtual void pause() = 0;
  virtual void resume() = 0;
  /// Reads no more, sends what is kept, then ends the connection; closed() is called then, later and without
  /// an error. What the other side still sends is taken and dropped for a while (one second, 1 MiB), also
  /// when the Link is gone by then: it would be answered by a reset, which takes the last bytes from the
  /// other side. A side that never reads holds this up for ever: the caller sets the limit.
  virtual void close_when_sent() = 0;
  virtual const Endpoint& remote() const = 0;
  virtual const Endpoint& local() const = 0;
};

/// Accepts connections until destroyed.
class Listener {
 public:
  virtual ~Listener() = default;
  /// With the port that the system chose, if 0 was asked for.
  virtual const Endpoint& local() const = 0;
};

struct ListenOptions {
  std::string host;  // a name or an address; "" or "0.0.0.0" or "::": every address of this machine
  std::uint16_t port = 0;
  int backlog = -1;  // -1: the system's default
  bool keep_alive = false;
  /// Told when connections cannot be accepted for now, as a rule because no descriptors are left (kStorage
  /// with errno and hint): once at the begin of such a time. They wait in the backlog; every 100 ms it is
  /// tried again, until it goes. May destroy the Listener.
  std::function<void(const Error&)> trouble;
};

class Transport {
 public:
  using Accepted = std::function<void(std::unique_ptr<Link>)>;
  using Connected = std::function<void(Result<std::unique_ptr<Link>>)>;
  virtual ~Transport() = default;
  /// `accepted` gets each connection, not started yet. kStorage with errno and hint when the address cannot
  /// be had (in use, not ours, no permission); kUnreachable when the name has no address.
  virtual Result<std::unique_ptr<Listener>> listen(const ListenOptions& options, Accepted accepted) = 0;
  /// Connects to the first address of `host` that accepts within `timeout_ms`; kUnreachable else. `connected`
  /// is called later, never from inside.
  virtual void connect(const std::string& host, std::uint16_t port, std::int64_t timeout_ms,
                       Connected connected) = 0;
};

}  // namespace zkark::net
