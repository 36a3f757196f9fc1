#include "src/server/sessions.h"

#include "formats/data.h"

namespace zkark::server {

SessionTable::SessionTable(std::int64_t tick_ms, std::int64_t server_id, std::int64_t start_ms)
    : tick_ms_(tick_ms) {
  const auto stamp = (static_cast<std::uint64_t>(start_ms) << 24) >> 8;
  // Every id that begins with 0xff is the owner of a TTL node: none would ever be a session's.
  const std::int64_t first_byte = (server_id & 0xff) == 0xff ? 0xfe : server_id & 0xff;
  next_id_ = static_cast<std::int64_t>(stamp | (static_cast<std::uint64_t>(first_byte) << 56));
}

std::int64_t SessionTable::deadline_of(std::int32_t timeout_ms, std::int64_t now_ms) const {
  return ((now_ms + timeout_ms) / tick_ms_ + 1) * tick_ms_;
}

Session& SessionTable::add(std::int64_t id, std::int32_t timeout_ms, std::int64_t now_ms) {
  Session& session = sessions_[id];
  session.id = id;
  session.timeout_ms = timeout_ms;
  session.deadline_ms = deadline_of(timeout_ms, now_ms);
  buckets_[session.deadline_ms].insert(id);
  return session;
}

Session& SessionTable::create(std::int32_t timeout_ms, std::int64_t now_ms) {
  // An owner of these kinds is no session to anyone who reads the tree.
  while (next_id_ == 0 || node_kind(next_id_) != NodeKind::kEphemeral || sessions_.contains(next_id_))
    ++next_id_;
  return add(next_id_++, timeout_ms, now_ms);
}

Session* SessionTable::find(std::int64_t id) {
  const auto at = sessions_.find(id);
  return at == sessions_.end() ? nullptr : &at->second;
}

void SessionTable::leave_bucket(const Session& session) {
  const auto bucket = buckets_.find(session.deadline_ms);
  if (bucket == buckets_.end()) return;
  bucket->second.erase(session.id);
  if (bucket->second.empty()) buckets_.erase(bucket);
}

void SessionTable::remove(std::int64_t id) {
  const auto at = sessions_.find(id);
  if (at == sessions_.end()) return;
  leave_bucket(at->second);
  sessions_.erase(at);
}

void SessionTable::touch(Session& session, std::int64_t now_ms) {
  if (session.closing) return;
  const std::int64_t deadline = deadline_of(session.timeout_ms, now_ms);
  if (deadline == session.deadline_ms) return;
  leave_bucket(session);
  session.deadline_ms = deadline;
  buckets_[deadline].insert(session.id);
}

void SessionTable::set_closing(Session& session) {
  session.closing = true;
  leave_bucket(session);
}

std::vector<std::int64_t> SessionTable::expire(std::int64_t now_ms) {
  std::vector<std::int64_t> expired;
  while (!buckets_.empty() && buckets_.begin()->first <= now_ms) {
    for (const std::int64_t id : buckets_.begin()->second) {
      sessions_.find(id)->second.closing = true;
      expired.push_back(id);
    }
    buckets_.erase(buckets_.begin());
  }
  return expired;
}

std::optional<std::int64_t> SessionTable::next_deadline_ms() const {
  if (buckets_.empty()) return std::nullopt;
  return buckets_.begin()->first;
}

}  // namespace zkark::server
