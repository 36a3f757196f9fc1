#pragma once
// Who may write: locks made of own-named objects, a list and a wait; nothing but an atomic put is asked of
// the storage. It is Lamport's bakery: announce, take a number above every number seen, announce it, and go
// in when nobody with a smaller number, and nobody still choosing, conflicts. No clock decides anything; "the
// oldest wins" means the smallest number. A reader of the repository takes no lock.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/base/clock.h"
#include "formats/base/job.h"
#include "formats/base/random.h"
#include "formats/base/system.h"
#include "src/backup/backend/backend.h"

namespace zkark::backup {

enum class LockKind : std::uint8_t {
  kExclusive,  // backup, prune, tag, compact, the target of a copy
  kShared,  // wants no object to vanish meanwhile: the source of a copy, a long verify; never blocks kShared
};

/// Who holds a lock. Hosts are told apart by name: two machines of one name must not share a repository.
struct LockOwner {
  std::string host;
  std::int64_t pid = 0;
  std::string identity;  // System::process_identity
  std::uint32_t uid = 0;
};

struct LockInfo {
  std::string key;
  LockKind kind = LockKind::kExclusive;
  std::uint64_t number = 0;  // 0: still choosing
  LockOwner owner;
  std::string purpose;  // "backup", "prune", …
  std::int64_t created_ms = 0;
  enum class State : std::uint8_t { kAlive, kDead, kUnknown /* another host */ } state = State::kUnknown;
  bool readable = true;  // false: the file is damaged; it blocks everybody until `unlock`
};

struct LockEnvironment {
  Backend& backend;
  Clock& clock;
  Random& random;
  System& system;
};

struct LockRequest {
  LockKind kind = LockKind::kExclusive;
  std::string purpose = {};
  std::int64_t wait_ms = 0;  // --lock-wait
};

/// Released by release() or the destructor (which cannot report that it failed; a leftover of a dead process
/// blocks nobody on the same host).
class Lock {
 public:
  /// kLocked after wait_ms, naming who holds it (host, pid, purpose, age), with `zkark unlock` as hint;
  /// kCancelled. Leaves no lock behind when it fails.
  static Result<std::unique_ptr<Lock>> acquire(LockEnvironment env, const LockRequest& request, Job& job);
  ~Lock();
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  const std::string& key() const { return key_; }
  /// kLocked when somebody removed our lock: then nothing more may be written. Asked before every
  /// publication.
  Status still_held();
  Status release();

 private:
  Lock(LockEnvironment env, std::string key) : env_(std::move(env)), key_(std::move(key)) {}
  LockEnvironment env_;
  std::string key_;
  bool held_ = true;
};

/// All lock files, with what is known about their owners.
Result<std::vector<LockInfo>> list_locks(const LockEnvironment& env);
/// "prune on db1 (pid 4711, uid 0), 3 min ago".
std::string describe(const LockInfo& lock, WallTime now);
enum class UnlockWhich : std::uint8_t { kDead, kAll };
/// Removes lock files and says which. kDead leaves those of running processes and of other hosts.
Result<std::vector<LockInfo>> unlock(const LockEnvironment& env, UnlockWhich which);

}  // namespace zkark::backup
