#pragma once
// Sessions and their expiry (reference/client-protocol-and-server section 4; Apache: SessionTrackerImpl,
// ExpiryQueue). What is durable of them is in restore::State; here is what lives: deadlines, owners, closing.
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace zkark::server {

class Connection;

struct Session {
  std::int64_t id = 0;
  std::int32_t timeout_ms = 0;
  std::int64_t deadline_ms = 0;  // of its bucket
  bool closing = false;          // a closeSession is on its way; nobody may use it any more
  bool local = false;            // no txn made it
  Connection* owner = nullptr;   // whose requests count; null while nobody is connected
};

/// Loop thread only. Times are monotonic milliseconds.
class SessionTable {
 public:
  /// Ids are `server_id` in the high byte and then, from `start_ms` on, a count; none that is in the table.
  SessionTable(std::int64_t tick_ms, std::int64_t server_id, std::int64_t start_ms);

  /// A session that has its full timeout from `now_ms` on.
  Session& add(std::int64_t id, std::int32_t timeout_ms, std::int64_t now_ms);
  Session& create(std::int32_t timeout_ms, std::int64_t now_ms);
  /// Null when there is none. The pointer lives until remove().
  Session* find(std::int64_t id);
  void remove(std::int64_t id);
  /// Something came from its client.
  void touch(Session& session, std::int64_t now_ms);
  /// Takes it out of the buckets: it does not expire any more.
  void set_closing(Session& session);
  /// Those whose bucket is over, each once: they are closing from now on.
  std::vector<std::int64_t> expire(std::int64_t now_ms);
  /// When expire() will have something to do; nullopt: never.
  std::optional<std::int64_t> next_deadline_ms() const;

  std::size_t size() const { return sessions_.size(); }
  /// deadline -> ids, ascending, for `dump`.
  const std::map<std::int64_t, std::unordered_set<std::int64_t>>& buckets() const { return buckets_; }
  std::int64_t tick_ms() const { return tick_ms_; }

 private:
  std::int64_t deadline_of(std::int32_t timeout_ms, std::int64_t now_ms) const;
  void leave_bucket(const Session& session);

  std::int64_t tick_ms_, next_id_;
  std::unordered_map<std::int64_t, Session> sessions_;
  std::map<std::int64_t, std::unordered_set<std::int64_t>> buckets_;
};

}  // namespace zkark::server
