#include "src/server/throttle.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "src/server/connection.h"

namespace zkark::server {

// ---- connections

ConnectionThrottle::ConnectionThrottle(const Settings& settings, Random& random, std::int64_t now_ms)
    : settings_(settings),
      random_(random),
      tokens_(settings.connection_throttle_tokens),
      filled_ms_(now_ms),
      frozen_ms_(now_ms) {}

std::int64_t ConnectionThrottle::price(bool new_session) const {
  if (!settings_.connection_throttle_weight_enabled) return 1;
  return new_session ? settings_.global_session_weight : settings_.renew_session_weight;
}

void ConnectionThrottle::refill(std::int64_t now_ms) {
  const std::int64_t passed_ms = now_ms - filled_ms_;
  if (passed_ms <= settings_.connection_throttle_fill_ms) return;
  std::int64_t fresh = 0;
  if (__builtin_mul_overflow(passed_ms, settings_.connection_throttle_fill_count, &fresh)) fresh = INT64_MAX;
  fresh /= settings_.connection_throttle_fill_ms;
  const std::int64_t most = settings_.connection_throttle_tokens;
  tokens_ = fresh >= most - tokens_ ? most : tokens_ + fresh;
  filled_ms_ = now_ms;
}

bool ConnectionThrottle::lucky(std::int64_t now_ms) {
  const std::int64_t most = settings_.connection_throttle_tokens;
  const std::int64_t missing = most - tokens_;
  if (now_ms - frozen_ms_ > settings_.connection_throttle_freeze_ms) {
    const auto threshold =
        std::llround(static_cast<double>(most) * settings_.connection_throttle_decrease_ratio);
    if (missing == most && drop_chance_ < 1)
      drop_chance_ = std::min(drop_chance_ + settings_.connection_throttle_drop_increase, 1.0);
    else if (missing <= threshold && drop_chance_ > 0)
      drop_chance_ = std::max(drop_chance_ - settings_.connection_throttle_drop_decrease, 0.0);
    frozen_ms_ = now_ms;
  }
  if (drop_chance_ <= 0) return true;
  std::array<std::byte, 8> bytes{};
  random_.fill(bytes);
  return std::ldexp(static_cast<double>(load_u64(bytes.data()) >> 11), -53) >= drop_chance_;
}

bool ConnectionThrottle::admit(std::int64_t tokens, std::int64_t now_ms) {
  if (settings_.connection_throttle_tokens <= 0) return true;
  refill(now_ms);
  if (settings_.connection_throttle_freeze_ms != -1 && !lucky(now_ms)) return false;
  if (tokens_ < tokens) return false;
  tokens_ -= tokens;
  return true;
}

// ---- requests

RequestThrottle::RequestThrottle(Loop& loop, const Settings& settings,
                                 std::function<std::int64_t()> in_process)
    : loop_(loop), settings_(settings), in_process_(std::move(in_process)) {}

RequestThrottle::~RequestThrottle() {
  if (timer_ != 0) loop_.cancel(timer_);
}

void RequestThrottle::wait(Connection& connection) {
  waiting_.push_back(&connection);
  later();
}

void RequestThrottle::forget(Connection& connection) { std::erase(waiting_, &connection); }

void RequestThrottle::later() {
  if (timer_ != 0 || waiting_.empty()) return;
  timer_ = loop_.call_after(std::max<std::int64_t>(1, settings_.request_throttle_stall_ms), [this] {
    timer_ = 0;
    wake();
  });
}

void RequestThrottle::wake() {
  // Each once: whoever meets a full server again waits behind the others.
  for (std::size_t left = waiting_.size(); left > 0 && !waiting_.empty(); --left) {
    Connection* const connection = waiting_.front();
    if (connection->drop_if_stale()) continue;  // which made this forget it
    if (full()) break;
    waiting_.pop_front();
    connection->go_on();
    connection->flush();
  }
  later();
}

}  // namespace zkark::server
