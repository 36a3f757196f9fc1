#pragma once
// Limits on what clients may ask of a server at once (reference/client-protocol-and-server section 4; Apache:
// BlueThrottle, RequestThrottler, ZooKeeperServer.checkRequestSize*). Loop thread only.
#include <cstdint>
#include <deque>
#include <functional>

#include "formats/base/loop.h"
#include "formats/base/random.h"
#include "src/server/settings.h"

namespace zkark::server {

class Connection;

/// connection_throttle_*: a bucket of tokens, of which each handshake takes some, and on top of it, if there
/// is a freeze time, a chance of being turned away that grows while the bucket is empty (BLUE).
class ConnectionThrottle {
 public:
  /// Borrowed.
  ConnectionThrottle(const Settings& settings, Random& random, std::int64_t now_ms);
  /// What a handshake costs: more for a new session, where weights are on.
  std::int64_t price(bool new_session) const;
  /// Takes that many, or turns it away.
  bool admit(std::int64_t tokens, std::int64_t now_ms);
  std::int64_t deficit() const { return settings_.connection_throttle_tokens - tokens_; }
  double drop_chance() const { return drop_chance_; }

 private:
  void refill(std::int64_t now_ms);
  bool lucky(std::int64_t now_ms);

  const Settings& settings_;
  Random& random_;
  std::int64_t tokens_, filled_ms_, frozen_ms_;
  double drop_chance_ = 0;
};

/// largeRequestThreshold, largeRequestMaxBytes: how much of them may be on its way.
class LargeRequests {
 public:
  explicit LargeRequests(const Settings& settings) : settings_(settings) {}
  /// Whether a frame of that size may be read.
  bool fits(std::int64_t bytes) const {
    return !is_large(bytes) || bytes_ + bytes <= settings_.large_request_max_bytes;
  }
  /// It is on its way until what this returns is given back.
  std::int64_t take(std::int64_t bytes) {
    if (!is_large(bytes)) return 0;
    bytes_ += bytes;
    return bytes;
  }
  void give_back(std::int64_t taken) { bytes_ -= taken; }
  std::int64_t bytes() const { return bytes_; }

 private:
  bool is_large(std::int64_t bytes) const {
    return settings_.large_request_threshold >= 0 && bytes > settings_.large_request_threshold;
  }
  const Settings& settings_;
  std::int64_t bytes_ = 0;
};

/// request_throttle_*: connections whose next request waits until fewer than max_requests are on their way.
/// They are not read meanwhile, and go on in the order in which they came.
class RequestThrottle {
 public:
  /// `in_process`: how many requests are on their way.
  RequestThrottle(Loop& loop, const Settings& settings, std::function<std::int64_t()> in_process);
  ~RequestThrottle();
  RequestThrottle(const RequestThrottle&) = delete;
  RequestThrottle& operator=(const RequestThrottle&) = delete;

  bool on() const { return settings_.request_throttle_max > 0; }
  bool full() const { return on() && in_process_() >= settings_.request_throttle_max; }
  void wait(Connection& connection);
  void forget(Connection& connection);
  /// Something is done: whoever may goes on. Also called every stall time.
  void wake();
  std::size_t waiting() const { return waiting_.size(); }

 private:
  void later();

  Loop& loop_;
  const Settings& settings_;
  const std::function<std::int64_t()> in_process_;
  std::deque<Connection*> waiting_;
  Loop::TimerId timer_ = 0;
};

}  // namespace zkark::server
