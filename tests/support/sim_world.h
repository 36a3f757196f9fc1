#pragma once
// The disk behind SimFs: what a process sees (volatile) and what a power cut leaves (durable), kept apart.
//
// Model. What is durable of a file is what the process sees with the pending changes taken back, plus
// whatever the cut lets survive. Names are durable per directory. Everything not yet durable stands, in
// order, in one list of pending changes:
//   data   one append or reservation of one file  durable after sync of that file
//   hint   one overwriting in place               durable after sync, or when four later ones wait
//   names  create, remove, rename, make_dir        durable after sync_dir of the directory that holds the
//   name;
//          a rename between directories is one     change and belongs to the directory it goes to
// A change that stands inside the durable size of its file (an append into reserved room, a hint over a hint)
// keeps what was there: that, not noise, is what its blocks hold when it is lost.
// A cut applies any part of that list, in order, to the durable state. Owner, mode and mtime are durable at
// once: nothing depends on them after a crash.
//
// Copying a World is cheap (inodes and contents are shared until written), so a snapshot is a copy.
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/fs.h"

namespace zkark::test {

/// What of the unsynced changes survives a power cut.
struct Survival {
  enum class Kind : std::uint8_t {
    kNothing,     // only what was synced
    kEverything,  // as if all had been synced
    kPrefix,      // the first n pending changes
    kSubset,      // by seed n: each change lost or kept; each append also torn at 512, zeroed or stale
    kTorn,        // everything, but the last append of each file ends at a 512-byte boundary chosen by seed n
    kZeroTail,    // everything, but unsynced data reads as zeros; in place as what was there
    kStaleTail,   // everything, but unsynced data reads as what the blocks held before: noise by seed n; in
                  // place each 512 bytes old or new by seed n
  };
  Kind kind = Kind::kNothing;
  std::uint64_t n = 0;

  std::string to_string() const;
};

class World {
 public:
  using Id = std::uint32_t;
  using Names = std::map<std::string, Id, std::less<>>;
  static constexpr Id kRoot = 0;

  struct Inode {
    FileType type = FileType::kFile;
    std::uint32_t mode = 0, uid = 0, gid = 0;
    std::int64_t mtime_ns = 0;
    std::shared_ptr<std::vector<std::byte>> content;  // kFile
    std::uint64_t durable_size = 0;
    Names names, durable_names;  // kDirectory
    std::string target;          // kSymlink
  };

  World();

  // Numbers returned as int are errno values, 0 for success.
  /// Relative paths start at the root. `follow`: a symlink at the end is followed too.
  int find(std::string_view path, bool follow, Id& found) const;
  const Inode& inode(Id id) const { return *inodes_[id]; }
  Inode& edit(Id id);
  std::vector<std::byte>& edit_content(Id id);

  int create(std::string_view path, FileType type, std::uint32_t mode, std::int64_t now_ns, Id& made);
  /// Writes at `at`, the end of what was appended before; reserved zeros behind it are overwritten.
  void append(Id file, std::uint64_t at, Bytes bytes, std::int64_t now_ns);
  /// Zeros up to the size `end`.
  void reserve(Id file, std::uint64_t end, std::int64_t now_ns);
  /// In place from the start, without any sync.
  void overwrite(Id file, Bytes bytes, std::int64_t now_ns);
  int rename(std::string_view from, std::string_view to, std::int64_t now_ns);
  int remove(std::string_view path, bool directory, std::int64_t now_ns);
  void sync(Id file);
  /// A sync that failed: what was not durable before can never become so (the kernel marks pages clean).
  void fail_sync(Id file);
  void sync_names(Id dir);
  /// Sum of the sizes of all files that have a name.
  std::uint64_t used_bytes() const { return used_bytes_; }

  /// Changes that a power cut could lose now.
  std::size_t pending() const { return pending_.size(); }
  bool has_pending_data() const;
  bool has_unsynced_data(Id file) const;
  void power_cut(Survival survival);
  /// Makes everything durable as it stands.
  void settle();
  // For a test's own hand, leaving what the process under test has pending as it is:
  /// The newest change, a name, becomes durable.
  void settle_newest();
  /// The file is durable as it stands.
  void settle_data(Id file);
  /// The name is gone, durably; what it meant goes with it.
  void drop(Id dir, std::string_view name);
  /// Keeps used_bytes right after edit_content() changed the size of a named file.
  void recount() { used_bytes_ = count_used(kRoot); }

 private:
  struct NameChange {
    Id dir = 0;
    std::string name;
    Id inode = 0;
    bool added = false;  // else removed, if the name still means `inode`
  };
  struct Change {
    std::vector<NameChange> names;  // empty: data
    Id home = 0;                    // the file, or the directory whose sync makes it durable
    std::uint64_t from = 0, to = 0;
    std::vector<std::byte> replaced;  // what stood from `from` on
    bool zeros = false;               // reserved
    bool hint = false;
    std::vector<std::byte> bytes;  // of a hint; those of an append stand in the file
    bool lost = false;
  };

  int find_parent(std::string_view path, Id& dir, std::string& name) const;
  int walk(std::string_view path, bool follow, int links_left, std::vector<Id>& trail) const;
  void change_names(std::vector<NameChange> names, Id home);
  void apply_durably(const Change& change);
  bool inside(Id dir, Id ancestor_candidate) const;
  std::uint64_t count_used(Id dir) const;
  Change change_of(Id file, std::uint64_t from, std::uint64_t to) const;
  std::vector<std::byte> durable_content(Id file) const;
  void write_back_old_hints(Id file);
  void restore_data(const Change& change, Survival survival, bool last_of_file, std::uint64_t& random,
                    std::vector<std::byte>& after) const;

  std::vector<std::shared_ptr<Inode>> inodes_;
  std::vector<Change> pending_;
  std::uint64_t used_bytes_ = 0;
};

}  // namespace zkark::test
