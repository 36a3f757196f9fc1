#include "src/backup/lock.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "formats/base/best_effort.h"
#include "src/backup/json_fields.h"
#include "src/backup/sealed.h"

namespace zkark::backup {
namespace {

constexpr std::string_view kPrefix = "locks/";
constexpr std::uint64_t kFileMax = 64u << 10;
constexpr std::uint32_t kFormat = 1;
constexpr std::int64_t kPollMs = 100;
// Even without --lock-wait: choosing a number takes two small files, so somebody who chooses is soon done.
constexpr std::int64_t kChoosingMs = 2000;
constexpr int kPutAttempts = 8;

struct LockFile {
  LockInfo lock;
};

using KindName = std::pair<LockKind, std::string_view>;
constexpr std::array<KindName, 2> kKindNames = {
    {{LockKind::kExclusive, "exclusive"}, {LockKind::kShared, "shared"}}};

template <class F>
void fields(F& f, LockFile& file) {
  LockInfo& lock = file.lock;
  f.template name<LockKind>("kind", lock.kind, kKindNames);
  f("number", lock.number);
  f("host", lock.owner.host);
  f("pid", lock.owner.pid);
  f("identity", lock.owner.identity);
  std::int64_t uid = lock.owner.uid;
  f("uid", uid);
  lock.owner.uid = static_cast<std::uint32_t>(uid);
  f("purpose", lock.purpose);
  f.time("created", lock.created_ms);
}

LockInfo::State state_of(const LockOwner& owner, System& system) {
  if (owner.host != system.hostname()) return LockInfo::State::kUnknown;
  const auto pid = static_cast<std::uint32_t>(owner.pid);
  const bool alive =
      owner.identity.empty() ? system.process_alive(pid) : system.process_identity(pid) == owner.identity;
  return alive ? LockInfo::State::kAlive : LockInfo::State::kDead;
}

bool conflict(LockKind a, LockKind b) { return a == LockKind::kExclusive || b == LockKind::kExclusive; }

/// A holder of the exclusive lock cleans temporary files, ours among them if it comes at that moment.
Status put_lock(const LockEnvironment& env, const LockInfo& lock) {
  const std::string file = seal("lock", kFormat, write_record(LockFile{lock}));
  for (int attempt = 1;; ++attempt) {
    Status put = env.backend.put(lock.key, as_bytes(file), Durability::kVolatile);
    if (put || put.error().id() != ErrorId::kNoFile || attempt == kPutAttempts) return put;
  }
}

Status remove_key(Backend& backend, const std::string& key) { return backend.remove(std::span(&key, 1)); }

std::string span_text(std::int64_t ms) {
  const std::int64_t seconds = ms / 1000;
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 2 * 3600) return fmt::format("{} min", seconds / 60);
  if (seconds < 48 * 3600) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} days", seconds / 86400);
}

Failure locked(const LockEnvironment& env, const std::vector<const LockInfo*>& blockers) {
  std::string who;
  for (const LockInfo* lock : blockers) who += (who.empty() ? "" : "; ") + describe(*lock, env.clock.wall());
  return fail(
      Error(ErrorId::kLocked, fmt::format("the repository is locked: {}", who))
          .at(display_name(env.backend, blockers.front()->key))
          .with_hint("wait for it with --lock-wait 5m; if that process is gone for certain: zkark unlock"));
}

}  // namespace

Result<std::vector<LockInfo>> list_locks(const LockEnvironment& env) {
  ZK_TRY(std::vector<BackendEntry> entries, env.backend.list(std::string(kPrefix)));
  std::vector<LockInfo> locks;
  for (const BackendEntry& entry : entries) {
    LockInfo lock;
    Result<std::string> file = get_all(env.backend, entry.key, kFileMax);
    if (file) {
      Result<std::string_view> body = unseal(*file, "lock", kFormat);
      Result<LockFile> read = body ? read_record<LockFile>(*body, nullptr) : fail(std::move(body).error());
      lock.readable = read.has_value();
      if (read) lock = std::move(read->lock);
      if (lock.readable) lock.state = state_of(lock.owner, env.system);
    } else if (file.error().id() == ErrorId::kNoFile) {
      continue;  // released meanwhile
    } else if (file.error().id() == ErrorId::kBadLength) {
      lock.readable = false;
    } else {
      return fail(std::move(file).error());
    }
    lock.key = entry.key;
    locks.push_back(std::move(lock));
  }
  return locks;
}

std::string describe(const LockInfo& lock, WallTime now) {
  if (!lock.readable) return fmt::format("by the damaged or unknown lock file {}", lock.key);
  // The time is whatever stands in the file: one before 1970 would not fit into a difference.
  const std::int64_t age_ms = std::max<std::int64_t>(now.ms - std::max<std::int64_t>(lock.created_ms, 0), 0);
  return fmt::format("{} on {} (pid {}, uid {}), {} ago{}", lock.purpose, lock.owner.host, lock.owner.pid,
                     lock.owner.uid, span_text(age_ms),
                     lock.state == LockInfo::State::kDead      ? ", its process is gone"
                     : lock.state == LockInfo::State::kUnknown ? ", on another host"
                                                               : "");
}

Result<std::unique_ptr<Lock>> Lock::acquire(LockEnvironment env, const LockRequest& request, Job& job) {
  std::byte name[8];
  env.random.fill(name);
  LockInfo own;
  own.key = fmt::format("{}{}.lock", kPrefix, to_hex(name));
  own.kind = request.kind;
  own.purpose = request.purpose;
  own.created_ms = env.clock.wall().ms;
  own.owner.host = env.system.hostname();
  own.owner.pid = env.system.pid();
  own.owner.identity = env.system.process_identity(env.system.pid()).value_or("");
  own.owner.uid = env.system.self().uid;

  // From here on the destructor cleans up, whatever happens.
  std::unique_ptr<Lock> lock(new Lock(env, own.key));
  ZK_TRY_STATUS(put_lock(env, own));  // choosing
  {
    ZK_TRY(std::vector<LockInfo> seen, list_locks(env));
    for (const LockInfo& other : seen) own.number = std::max(own.number, other.number);
  }
  ++own.number;
  ZK_TRY_STATUS(put_lock(env, own));

  const std::int64_t start_ns = env.clock.monotonic().ns;
  for (;;) {
    ZK_TRY(std::vector<LockInfo> seen, list_locks(env));
    std::vector<const LockInfo*> blockers;
    bool own_seen = false, only_choosing = true;
    for (const LockInfo& other : seen) {
      if (other.key == own.key) {
        own_seen = true;
        continue;
      }
      if (other.readable && other.state == LockInfo::State::kDead) {
        ZK_TRY_STATUS(remove_key(env.backend, other.key));
        continue;
      }
      if (other.readable) {
        if (!conflict(own.kind, other.kind)) continue;
        // Who is still choosing has number 0 and comes first: it may choose a smaller number than ours.
        if (std::pair(own.number, own.key) < std::pair(other.number, other.key)) continue;
      }
      only_choosing = only_choosing && other.readable && other.number == 0;
      blockers.push_back(&other);
    }
    if (!own_seen)
      return fail(Error(ErrorId::kLockLost, "our lock was removed while we waited for it").at(own.key));
    if (blockers.empty()) return lock;
    const std::int64_t waited_ms = (env.clock.monotonic().ns - start_ns) / 1'000'000;
    const std::int64_t limit_ms = only_choosing ? std::max(request.wait_ms, kChoosingMs) : request.wait_ms;
    if (waited_ms >= limit_ms) return locked(env, blockers);
    ZK_TRY_STATUS(job.check());
    env.clock.sleep_ms(std::min(kPollMs, limit_ms - waited_ms));
  }
}

Lock::~Lock() {
  if (held_) best_effort([this] { static_cast<void>(release().has_value()); });
}

Status Lock::still_held() {
  ZK_TRY(bool there, exists(env_.backend, key_));
  if (there) return {};
  return fail(
      Error(ErrorId::kLockLost, "our lock was removed while we worked").at(display_name(env_.backend, key_)));
}

Status Lock::release() {
  held_ = false;
  return remove_key(env_.backend, key_);
}

Result<std::vector<LockInfo>> unlock(const LockEnvironment& env, UnlockWhich which) {
  ZK_TRY(std::vector<LockInfo> locks, list_locks(env));
  std::vector<LockInfo> removed;
  for (LockInfo& lock : locks) {
    if (which == UnlockWhich::kDead && !(lock.readable && lock.state == LockInfo::State::kDead)) continue;
    // Not through remove(): a damaged or foreign file under locks/ may have any name.
    ZK_TRY_STATUS(remove_key(env.backend, lock.key));
    removed.push_back(std::move(lock));
  }
  return removed;
}

}  // namespace zkark::backup
