#pragma once
// A file system in memory that can do what real ones do on their worst day: fail operation N, run full, stop
// (SIGKILL) at operation N, lose power and keep any part of what was not synced, rot. Deterministic, and
// cheap enough for 10^5 runs of a scenario. The durability model stands in sim_world.h, the loops in
// fault_loop.h.
#include <cerrno>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/clock.h"
#include "formats/base/fs.h"
#include "tests/support/sim_world.h"

namespace zkark::test {

enum class OpKind : std::uint8_t {
  kOpen,
  kRead,
  kFileInfo,
  kList,
  kInfo,
  kFreeBytes,  // look
  kCreate,
  kAppend,
  kSync,
  kMakeDir,
  kRename,
  kRemoveFile,
  kRemoveDir,  // change
  kSyncDir,
  kSetOwner,
  kSetMode,
  kWriteHint,
  kReserve,
};
std::string_view to_string(OpKind kind);

using OpMask = std::uint32_t;
constexpr OpMask op(OpKind kind) { return OpMask{1} << static_cast<unsigned>(kind); }
constexpr OpMask kAllOps = (op(OpKind::kReserve) << 1) - 1;
constexpr OpMask kMutations = kAllOps & ~(op(OpKind::kCreate) - 1);
constexpr OpMask kLooks = kAllOps & ~kMutations;

/// One call through the seam, as the log keeps it. `path` and `to` as the caller wrote them.
struct Operation {
  OpKind kind = OpKind::kOpen;
  std::string path;
  std::string to;           // kRename
  std::uint64_t bytes = 0;  // kAppend, kReserve: written; kRead: got
  bool ok = true;

  std::string to_string() const;
};

/// What goes wrong, and when. Armed by SimFs::arm.
struct Fault {
  enum class Action : std::uint8_t {
    kFail,            // the operation is not done and fails
    kFailAfterDoing,  // it is done and fails all the same (a lost answer of a network file system)
    kKill,            // the process is gone: this and every later operation fails with kInternal "killed"
  };
  Action action = Action::kFail;
  std::uint64_t at = 1;            // the N-th matching operation, from 1
  OpMask kinds = kAllOps;          // which operations count
  std::string path_contains = {};  // and which paths; empty: all
  bool forever = false;            // kFail: every matching operation from N on, else N alone
  int error_number = EIO;          // the ErrorId follows as from the kernel (formats/base/system_error.h)
  unsigned partial_percent = 0;  // kFail and kKill of an append or a reservation: this part is still written
};

class SimFs final : public Fs {
 public:
  /// `clock` (borrowed, may be null) gives mtimes; without it they count up by a millisecond per change.
  explicit SimFs(Clock* clock = nullptr);
  ~SimFs() override;

  Result<std::unique_ptr<File>> open(const std::string& path) override;
  /// In a fixed order that is not sorted.
  Result<std::vector<DirEntry>> list(const std::string& dir) override;
  Result<FileInfo> info(const std::string& path) override;
  Result<std::unique_ptr<File>> create(const std::string& path, CreateOptions options) override;
  Status make_dir(const std::string& path, std::uint32_t mode) override;
  Status rename(const std::string& from, const std::string& to) override;
  Status remove_file(const std::string& path) override;
  Status remove_dir(const std::string& path) override;
  Status sync_dir(const std::string& dir) override;
  Status write_hint(const std::string& path, Bytes content, CreateOptions options) override;
  Status set_owner(const std::string& path, std::uint32_t uid, std::uint32_t gid) override;
  Status set_mode(const std::string& path, std::uint32_t mode) override;
  Result<std::uint64_t> free_bytes(const std::string& path) override;

  // ---- lay out, look, damage: never counted, logged or failed; durable at once. Wrong paths are a ZK_CHECK.
  /// Makes or replaces a file, with missing parents.
  void put(const std::string& path, std::string_view content, std::uint32_t mode = 0644);
  void put(const std::string& path, Bytes content, std::uint32_t mode = 0644) {
    put(path, as_text(content), mode);
  }
  void put_dir(const std::string& path, std::uint32_t mode = 0755);
  void put_symlink(const std::string& path, const std::string& target);
  void put_mtime(const std::string& path, std::int64_t mtime_ns);
  void put_owner(const std::string& path, std::uint32_t uid, std::uint32_t gid);
  /// The content of a file, nothing when there is none.
  std::optional<std::string> get(const std::string& path) const;
  std::optional<FileInfo> get_info(const std::string& path) const;
  /// Every regular file under a directory: absolute path -> content. Equal trees are equal maps.
  std::map<std::string, std::string> tree(const std::string& dir = "/") const;
  /// Absolute paths of every regular file under a directory, sorted.
  std::vector<std::string> files(const std::string& dir = "/") const;
  void flip_bit(const std::string& path, std::uint64_t offset, unsigned bit);
  void overwrite(const std::string& path, std::uint64_t offset, Bytes bytes);
  /// Cuts, or grows with zeros.
  void truncate(const std::string& path, std::uint64_t size);
  /// Removes a file or a whole tree.
  void erase(const std::string& path);
  /// Everything is durable as it stands, whoever wrote it.
  void settle();

  // ---- faults
  /// Counts from now on. One fault at a time; arming another replaces it.
  void arm(Fault fault);
  void disarm();
  /// The operation that the armed fault hit first, if it did.
  std::optional<Operation> hit() const;
  /// Room for `bytes` more. An append or a reservation that does not fit writes what does and fails with
  /// ENOSPC; with no room at all, create and make_dir fail too.
  void set_free_bytes(std::uint64_t bytes);
  void set_unlimited();
  /// Called before every operation, without any lock held: a test plays the other process in it (a server
  /// that purges, a second backup). What it does through the seam counts and calls it again.
  void set_hook(std::function<void(const Operation&)> hook);

  // ---- crashes
  bool killed() const;
  /// A new process over what the old one wrote, synced or not (SIGKILL). Open Files of before fail from now
  /// on.
  void restart();
  /// A new process after a power cut.
  void power_cut(Survival survival);
  /// How many changes a power cut could lose now.
  std::size_t pending() const;
  bool has_pending_data() const;

  // ---- states
  using Snapshot = World;
  /// Cheap: everything is shared until written.
  Snapshot snapshot() const;
  /// Back to that state: no fault, no hook change, empty log, not killed; open Files of before fail.
  void restore(const Snapshot& snapshot);

  // ---- log
  /// Changes made so far; looks too after log_looks(true). Cleared by clear_log() and restore().
  std::vector<Operation> log() const;
  void log_looks(bool wanted);
  void clear_log();
  /// Renames of files that had unsynced data at that moment: a power cut could leave the new name with old
  /// or no bytes. Correct code has none.
  std::vector<std::string> careless_renames() const;

 private:
  friend class SimFile;
  struct Verdict;

  /// One operation: hook, fault, body, log. `body` gives an errno, 0 for success.
  template <class Body>
  Status run(OpKind kind, const std::string& path, const std::string& to, std::string_view doing, Body body);
  Verdict judge(const Operation& operation);
  void finish(Operation operation);
  bool full() const;
  std::int64_t now_ns();
  FileInfo info_of(World::Id id) const;
  World::Id must_find(const std::string& path) const;
  void collect(const std::string& dir, World::Id id, std::map<std::string, World::Id>& found) const;

  mutable std::mutex mutex_;
  Clock* clock_;
  World world_;
  std::int64_t ticks_ = 0;
  std::uint64_t generation_ = 0;  // of processes: Files of an older one are dead
  bool killed_ = false;
  std::optional<std::uint64_t> capacity_bytes_;

  std::optional<Fault> fault_;
  std::uint64_t matched_ = 0;
  std::optional<Operation> hit_;
  std::function<void(const Operation&)> hook_;

  bool log_looks_ = false;
  std::vector<Operation> log_;
  std::vector<std::string> careless_;
};

}  // namespace zkark::test
