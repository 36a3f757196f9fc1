#pragma once
// Who waits for what (reference/client-protocol-and-server section 3; Apache: WatchManager,
// WatcherModeManager). Watches belong to a connection and die with it. Kinds on one path coexist and go one
// by one, as since 3.9 (3.8 keeps the last one set: docs/compatibility.md).
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "formats/data.h"
#include "formats/proto.h"

namespace zkark::server {

/// Kinds of watches, added up.
using WatchKinds = std::uint8_t;
inline constexpr WatchKinds kDataWatch = 1;        // once: getData, exists
inline constexpr WatchKinds kChildWatch = 2;       // once: getChildren
inline constexpr WatchKinds kPersistentWatch = 4;  // stays, data and children
inline constexpr WatchKinds kRecursiveWatch = 8;   // stays, everything below but no ChildrenChanged

class WatchTable;

/// One connection, as watches see it. Leaves every table when destroyed.
class Watcher {
 public:
  Watcher() = default;
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;
  virtual ~Watcher();

  /// Queues the event. Must not change the table.
  virtual void event(EventType type, std::string_view path, std::int64_t zxid) = 0;
  /// Whether it may read a node with that list (ZOOKEEPER-4799: no events of nodes that it may not read).
  virtual bool may_read(const AclList& acl) const = 0;

  std::size_t watched_paths() const { return places_.size(); }

 private:
  friend class WatchTable;
  struct Place;
  std::vector<Place*> places_;
  WatchTable* table_ = nullptr;
};

/// Loop thread only.
class WatchTable {
 public:
  WatchTable() = default;
  WatchTable(const WatchTable&) = delete;
  WatchTable& operator=(const WatchTable&) = delete;
  ~WatchTable();

  void add(std::string_view path, Watcher& watcher, WatchKinds kinds);
  /// The kinds of it that `watcher` has there.
  WatchKinds kinds_of(std::string_view path, const Watcher& watcher) const;
  /// Takes these kinds away; returns those that were there.
  WatchKinds remove(std::string_view path, Watcher& watcher, WatchKinds kinds);
  void remove_all(Watcher& watcher);

  /// What happened to the tree, told after the change. Events go out in the order of Apache: the node's own
  /// before its parent's. `acl` is the node's, `parent_acl` its parent's.
  void created(std::string_view path, const AclList& acl, const AclList& parent_acl, std::int64_t zxid);
  void deleted(std::string_view path, const AclList& acl, const AclList& parent_acl, std::int64_t zxid);
  void data_changed(std::string_view path, const AclList& acl, std::int64_t zxid);

  bool empty() const { return places_.empty(); }
  /// Hears how many watches each change met, those included whose owner may not know of it.
  void on_fired(std::function<void(EventType type, std::size_t watches)> fired) { fired_ = std::move(fired); }

  /// Watches of one path by one connection count once: what `wchs` says (the data table of Apache).
  std::size_t data_watches() const { return data_watches_; }
  std::size_t child_watches() const { return child_watches_; }
  std::size_t paths() const;
  std::size_t watchers() const;
  /// Every path in the data table with who watches it, in no order.
  void for_each_data_watch(
      const std::function<void(std::string_view path, const Watcher& watcher)>& visit) const;

 private:
  friend class Watcher;
  using Place = Watcher::Place;
  std::size_t fire(std::string_view path, EventType type, WatchKinds told, WatchKinds consumed,
                   const AclList& acl, std::int64_t zxid);
  std::size_t fire_recursive(std::string_view path, EventType type, const AclList& acl, std::int64_t zxid);
  void children_changed(std::string_view path, const AclList& acl, std::int64_t zxid);
  void report(EventType type, std::size_t watches) const {
    if (fired_ && watches != 0) fired_(type, watches);
  }
  void set_kinds(Place& place, std::size_t entry, WatchKinds kinds);
  void drop_if_empty(Place& place);
  Place* find(std::string_view path) const;

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::unordered_map<std::string, Place*, Hash, std::equal_to<>> places_;
  std::function<void(EventType, std::size_t)> fired_;
  std::size_t data_watches_ = 0, child_watches_ = 0, recursive_watches_ = 0;
};

}  // namespace zkark::server
