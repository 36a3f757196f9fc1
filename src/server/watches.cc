#include "src/server/watches.h"

#include <algorithm>
#include <unordered_set>

namespace zkark::server {
namespace {

constexpr WatchKinds kInDataTable = kDataWatch | kPersistentWatch | kRecursiveWatch;
// Apache 3.8 keeps recursive ones in both; counts are all that shows it.
constexpr WatchKinds kInChildTable = kChildWatch | kPersistentWatch | kRecursiveWatch;

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 ? path.substr(0, 1) : path.substr(0, slash);
}

}  // namespace

/// One watched path. Entries know their place in the watcher's list and the other way round, so that a
/// connection that goes away does not search.
struct Watcher::Place {
  struct Entry {
    Watcher* watcher;
    std::uint32_t index;  // in watcher->places_
    WatchKinds kinds;
  };
  std::string path;
  std::vector<Entry> entries;

  std::size_t find(const Watcher& watcher) const {
    for (std::size_t i = 0; i < entries.size(); ++i)
      if (entries[i].watcher == &watcher) return i;
    return entries.size();
  }
};

Watcher::~Watcher() {
  if (table_ != nullptr) table_->remove_all(*this);
}

WatchTable::~WatchTable() {
  for (auto& [path, place] : places_) {
    for (const auto& entry : place->entries) entry.watcher->table_ = nullptr, entry.watcher->places_.clear();
    delete place;
  }
}

WatchTable::Place* WatchTable::find(std::string_view path) const {
  const auto at = places_.find(path);
  return at == places_.end() ? nullptr : at->second;
}

void WatchTable::add(std::string_view path, Watcher& watcher, WatchKinds kinds) {
  Place* place = find(path);
  if (place == nullptr) {
    place = new Place{std::string(path), {}};
    places_.emplace(place->path, place);
  }
  std::size_t entry = place->find(watcher);
  if (entry == place->entries.size()) {
    place->entries.push_back({&watcher, static_cast<std::uint32_t>(watcher.places_.size()), 0});
    watcher.places_.push_back(place);
    watcher.table_ = this;
  }
  set_kinds(*place, entry, place->entries[entry].kinds | kinds);
}

/// Counts, and takes the entry out when nothing is left of it. Does not drop an empty place.
void WatchTable::set_kinds(Place& place, std::size_t entry, WatchKinds kinds) {
  Place::Entry& e = place.entries[entry];
  const auto count = [&](std::size_t& counter, WatchKinds table) {
    counter += ((kinds & table) != 0 ? 1 : 0) - ((e.kinds & table) != 0 ? 1 : 0);
  };
  count(data_watches_, kInDataTable);
  count(child_watches_, kInChildTable);
  count(recursive_watches_, kRecursiveWatch);
  e.kinds = kinds;
  if (kinds != 0) return;
  std::vector<Place*>& list = e.watcher->places_;
  const std::uint32_t hole = e.index;
  if (hole + 1 != list.size()) {
    list[hole] = list.back();
    Place& moved = *list[hole];
    moved.entries[moved.find(*e.watcher)].index = hole;
  }
  list.pop_back();
  if (entry + 1 != place.entries.size()) e = place.entries.back();
  place.entries.pop_back();
}

void WatchTable::drop_if_empty(Place& place) {
  if (!place.entries.empty()) return;
  places_.erase(places_.find(place.path));
  delete &place;
}

WatchKinds WatchTable::kinds_of(std::string_view path, const Watcher& watcher) const {
  const Place* place = find(path);
  if (place == nullptr) return 0;
  const std::size_t entry = place->find(watcher);
  return entry == place->entries.size() ? 0 : place->entries[entry].kinds;
}

WatchKinds WatchTable::remove(std::string_view path, Watcher& watcher, WatchKinds kinds) {
  Place* place = find(path);
  if (place == nullptr) return 0;
  const std::size_t entry = place->find(watcher);
  if (entry == place->entries.size()) return 0;
  const WatchKinds had = place->entries[entry].kinds;
  set_kinds(*place, entry, static_cast<WatchKinds>(had & ~kinds));
  drop_if_empty(*place);
  return had & kinds;
}

void WatchTable::remove_all(Watcher& watcher) {
  while (!watcher.places_.empty()) {
    Place& place = *watcher.places_.back();
    set_kinds(place, place.find(watcher), 0);
    drop_if_empty(place);
  }
}

/// Tells those with any of `told`, returns how many they are, and takes `consumed` from everyone, whether
/// they were told or may not know.
std::size_t WatchTable::fire(std::string_view path, EventType type, WatchKinds told, WatchKinds consumed,
                             const AclList& acl, std::int64_t zxid) {
  Place* place = find(path);
  if (place == nullptr) return 0;
  std::size_t met = 0;
  // Backwards: an entry that goes is replaced by the last one, which has been seen.
  for (std::size_t i = place->entries.size(); i-- > 0;) {
    const Place::Entry entry = place->entries[i];
    if ((entry.kinds & told) != 0) {
      ++met;
      if (entry.watcher->may_read(acl)) entry.watcher->event(type, path, zxid);
    }
    if ((entry.kinds & consumed) != 0) set_kinds(*place, i, static_cast<WatchKinds>(entry.kinds & ~consumed));
  }
  drop_if_empty(*place);
  return met;
}

/// Tells recursive watches on `path` and above it; who was told on the node itself is not told again.
std::size_t WatchTable::fire_recursive(std::string_view path, EventType type, const AclList& acl,
                                       std::int64_t zxid) {
  if (recursive_watches_ == 0) return 0;
  std::vector<Watcher*> found;
  constexpr WatchKinds kOfNode = kDataWatch | kChildWatch | kPersistentWatch;
  for (std::string_view at = path;; at = parent_of(at)) {
    if (const Place* place = find(at))
      for (const auto& entry : place->entries) {
        if ((entry.kinds & kRecursiveWatch) == 0) continue;
        const WatchKinds own = kinds_of(path, *entry.watcher);
        const bool told = (own & kOfNode & (type == EventType::kDeleted ? 0xff : ~kChildWatch)) != 0;
        if (!told && std::find(found.begin(), found.end(), entry.watcher) == found.end())
          found.push_back(entry.watcher);
      }
    if (at.size() <= 1) break;
  }
  for (Watcher* watcher : found)
    if (watcher->may_read(acl)) watcher->event(type, path, zxid);
  return found.size();
}

void WatchTable::created(std::string_view path, const AclList& acl, const AclList& parent_acl,
                         std::int64_t zxid) {
  if (places_.empty()) return;
  const std::size_t above = fire_recursive(path, EventType::kCreated, acl, zxid);
  report(EventType::kCreated,
         above + fire(path, EventType::kCreated, kDataWatch | kPersistentWatch, kDataWatch, acl, zxid));
  children_changed(parent_of(path), parent_acl, zxid);
}

void WatchTable::children_changed(std::string_view path, const AclList& acl, std::int64_t zxid) {
  constexpr WatchKinds kTold = kChildWatch | kPersistentWatch;
  report(EventType::kChildrenChanged, fire(path, EventType::kChildrenChanged, kTold, kChildWatch, acl, zxid));
}

void WatchTable::deleted(std::string_view path, const AclList& acl, const AclList& parent_acl,
                         std::int64_t zxid) {
  if (places_.empty()) return;
  const std::size_t above = fire_recursive(path, EventType::kDeleted, acl, zxid);
  constexpr WatchKinds kOnce = kDataWatch | kChildWatch;
  report(EventType::kDeleted,
         above + fire(path, EventType::kDeleted, kOnce | kPersistentWatch, kOnce, acl, zxid));
  children_changed(parent_of(path), parent_acl, zxid);
}

void WatchTable::data_changed(std::string_view path, const AclList& acl, std::int64_t zxid) {
  if (places_.empty()) return;
  const std::size_t above = fire_recursive(path, EventType::kDataChanged, acl, zxid);
  report(EventType::kDataChanged,
         above + fire(path, EventType::kDataChanged, kDataWatch | kPersistentWatch, kDataWatch, acl, zxid));
}

std::size_t WatchTable::paths() const {
  return static_cast<std::size_t>(std::count_if(places_.begin(), places_.end(), [](const auto& at) {
    return std::any_of(at.second->entries.begin(), at.second->entries.end(),
                       [](const auto& entry) { return (entry.kinds & kInDataTable) != 0; });
  }));
}

std::size_t WatchTable::watchers() const {
  std::unordered_set<const Watcher*> seen;
  for_each_data_watch([&](std::string_view, const Watcher& watcher) { seen.insert(&watcher); });
  return seen.size();
}

void WatchTable::for_each_data_watch(
    const std::function<void(std::string_view, const Watcher&)>& visit) const {
  for (const auto& [path, place] : places_)
    for (const auto& entry : place->entries)
      if ((entry.kinds & kInDataTable) != 0) visit(path, *entry.watcher);
}

}  // namespace zkark::server
