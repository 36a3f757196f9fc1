#pragma once
// The directory that a restore makes: claimed, filled under a temporary name, published in one step (design
// section 6, Targets). Whatever fails or crashes on the way, the target is what it was before, or the new one
// whole.
//
// A new directory is filled as DIR.zkark-restore and renamed. One that exists and is empty (perhaps a mount
// point, made with its owner) is filled in DIR/.zkark-restore, from where the entries are renamed, version-2
// last: without it no server takes anything from the directory. (With `flat` it is removed right before the
// rename instead: there is no such last step.) One that holds something is refused, or with
// `replace` renamed to DIR.before-<stamp> (-2, -3 … when that is taken) at the very end. A temporary
// directory carries a lock that names its process; left over by a dead one, it is removed by the next run.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/base/fs.h"
#include "formats/base/system.h"

namespace zkark::restore {

inline constexpr std::uint32_t kRestoredFileMode = 0640, kRestoredDirMode = 0750;

struct TargetDirOptions {
  std::string dir;
  std::string log_dir;  // a directory of its own for the logs, which stays empty; "" = none
  bool replace = false;
  std::string stamp;           // of ".before-<stamp>": digits and letters
  std::optional<Owner> owner;  // else, as root, that of the directory the files go into
  /// Files side by side and no server's directory: an empty target gives way to the new one as a whole.
  bool flat = false;
};

/// One of the two directories as it stands.
enum class TargetState : std::uint8_t { kAbsent, kEmpty, kOccupied };
/// kEmpty: nothing in it but lost+found, an empty version-2, and what an interrupted restore left behind.
Result<TargetState> target_state(ReadFs& fs, const std::string& dir);

class TargetDir {
 public:
  /// Looks whether the target may be used; changes nothing. Errors: kTargetNotEmpty, kTargetInUse (open
  /// files, another restore), kRefused (a mount point to be replaced), kPermission (another owner without
  /// being root), kUsage (directories inside each other the wrong way round). Borrows `fs`.
  static Result<TargetDir> examine(Fs& fs, System& system, TargetDirOptions options);
  /// Makes the temporary directory, with missing parents of the target. kTargetInUse when another restore was
  /// faster.
  Status claim(System& system);
  TargetDir(TargetDir&& other) noexcept;
  TargetDir& operator=(TargetDir&&) = delete;
  /// Removes the temporary directory unless it was published.
  ~TargetDir();

  TargetState state() const { return state_; }
  /// Where everything goes for now; empty but for the lock.
  const std::string& staging() const { return staging_; }
  /// A new file below staging() with mode and owner set; the caller writes and syncs it.
  Result<std::unique_ptr<File>> create(const std::string& relative);
  /// The same with all of its content, synced.
  Status write(const std::string& relative, std::string_view content);
  /// A directory below staging(), one level at a time.
  Status make_dir(const std::string& relative);
  /// Syncs the names in a directory below staging(); "" is staging() itself.
  Status sync(const std::string& relative);

  /// Syncs staging() and puts it into place. Afterwards old contents are at moved_aside().
  Status publish();
  /// What --replace moved, and where to.
  const std::vector<std::string>& moved_aside() const { return moved_aside_; }
  /// Whose the files are, where that was decided.
  const std::optional<Owner>& owner() const { return owner_; }
  /// Processes whose open files could not be looked at, while the target was there to be used by them.
  std::uint64_t processes_unseen() const { return processes_unseen_; }

 private:
  TargetDir(Fs& fs, TargetDirOptions options) : fs_(&fs), options_(std::move(options)) {}
  /// The target is there, is empty and stays.
  bool inside() const { return state_ == TargetState::kEmpty && !options_.flat; }
  Status check_bare();
  Status check_unused(System& system, const std::string& dir);
  Status look(System& system, const std::string& path, TargetState& state);
  Result<bool> left_over(System& system);
  Status take_over(System& system);
  Status lock(System& system);
  void give_up();
  Status give(const std::string& path);
  Status move_aside(const std::string& dir);
  Status place_log_dir();
  Status publish_inside();
  Status publish_beside();

  Fs* fs_ = nullptr;
  TargetDirOptions options_;
  TargetState state_ = TargetState::kAbsent, log_state_ = TargetState::kAbsent;
  std::string staging_;
  std::string log_relative_;  // of a log directory inside the target
  std::optional<Owner> owner_;
  std::vector<std::string> moved_aside_;
  std::vector<std::string> placed_;  // by publish_inside(), before version-2
  std::uint64_t processes_unseen_ = 0;
  bool claimed_ = false;
  bool published_ = false;
};

}  // namespace zkark::restore
