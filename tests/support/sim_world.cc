#include "tests/support/sim_world.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "formats/base/check.h"
#include "tests/support/sim_random.h"

namespace zkark::test {
namespace {

constexpr std::uint64_t kSector = 512;
constexpr int kLinksFollowed = 40;
constexpr std::ptrdiff_t kHintsPending = 4;  // of one file

using Content = std::vector<std::byte>;
auto at(Content& content, std::uint64_t offset) {
  return content.begin() + static_cast<std::ptrdiff_t>(offset);
}
auto at(const Content& content, std::uint64_t offset) {
  return content.begin() + static_cast<std::ptrdiff_t>(offset);
}

}  // namespace

std::string Survival::to_string() const {
  switch (kind) {
    case Kind::kNothing:
      return "nothing unsynced survives";
    case Kind::kEverything:
      return "everything unsynced survives";
    case Kind::kPrefix:
      return fmt::format("the first {} unsynced changes survive", n);
    case Kind::kSubset:
      return fmt::format("a subset survives, seed {}", n);
    case Kind::kTorn:
      return fmt::format("last appends torn at 512 bytes, seed {}", n);
    case Kind::kZeroTail:
      return "unsynced data reads as zeros";
    case Kind::kStaleTail:
      return fmt::format("unsynced data reads as stale bytes, seed {}", n);
  }
  return {};
}

World::World() {
  auto root = std::make_shared<Inode>();
  root->type = FileType::kDirectory;
  root->mode = 0755;
  inodes_.push_back(std::move(root));
}

World::Inode& World::edit(Id id) {
  std::shared_ptr<Inode>& slot = inodes_[id];
  if (slot.use_count() > 1) slot = std::make_shared<Inode>(*slot);
  return *slot;
}

std::vector<std::byte>& World::edit_content(Id id) {
  Inode& file = edit(id);
  if (file.content.use_count() > 1) file.content = std::make_shared<std::vector<std::byte>>(*file.content);
  return *file.content;
}

// `trail` holds the inodes from the root to the place reached.
int World::walk(std::string_view path, bool follow, int links_left, std::vector<Id>& trail) const {
  while (!path.empty()) {
    const std::size_t slash = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (part.empty()) continue;
    const Inode& here = inode(trail.back());
    if (here.type != FileType::kDirectory) return ENOTDIR;
    if (part == ".") continue;
    if (part == "..") {
      if (trail.size() > 1) trail.pop_back();
      continue;
    }
    const auto entry = here.names.find(part);
    if (entry == here.names.end()) return ENOENT;
    const Inode& next = inode(entry->second);
    const bool last = path.find_first_not_of('/') == std::string_view::npos;
    if (next.type != FileType::kSymlink || (last && !follow)) {
      trail.push_back(entry->second);
      continue;
    }
    if (links_left == 0) return ELOOP;
    if (next.target.starts_with('/')) trail.assign(1, kRoot);
    if (int number = walk(next.target, true, --links_left, trail)) return number;
  }
  return 0;
}

int World::find(std::string_view path, bool follow, Id& found) const {
  if (path.empty()) return ENOENT;
  std::vector<Id> trail{kRoot};
  if (int number = walk(path, follow, kLinksFollowed, trail)) return number;
  found = trail.back();
  return 0;
}

int World::find_parent(std::string_view path, Id& dir, std::string& name) const {
  if (path.empty()) return ENOENT;
  name = base_name(path);
  if (name == "/" || name == "." || name == "..") return EBUSY;
  if (int number = find(parent_path(path), true, dir)) return number;
  return inode(dir).type == FileType::kDirectory ? 0 : ENOTDIR;
}

void World::change_names(std::vector<NameChange> names, Id home) {
  for (const NameChange& change : names) {
    Names& now = edit(change.dir).names;
    if (change.added)
      now[change.name] = change.inode;
    else
      now.erase(change.name);
  }
  Change change;
  change.names = std::move(names);
  change.home = home;
  pending_.push_back(std::move(change));
}

int World::create(std::string_view path, FileType type, std::uint32_t mode, std::int64_t now_ns, Id& made) {
  Id dir = 0;
  std::string name;
  if (int number = find_parent(path, dir, name)) return number == EBUSY ? EEXIST : number;
  if (inode(dir).names.contains(name)) return EEXIST;
  auto fresh = std::make_shared<Inode>();
  fresh->type = type;
  fresh->mode = mode;
  fresh->mtime_ns = now_ns;
  if (type == FileType::kFile) fresh->content = std::make_shared<std::vector<std::byte>>();
  made = static_cast<Id>(inodes_.size());
  inodes_.push_back(std::move(fresh));
  edit(dir).mtime_ns = now_ns;
  change_names({{dir, std::move(name), made, true}}, dir);
  return 0;
}

/// Of what is about to be written there.
World::Change World::change_of(Id file, std::uint64_t from, std::uint64_t to) const {
  const Content& content = *inode(file).content;
  Change change;
  change.home = file;
  change.from = from;
  change.to = to;
  if (from < content.size())
    change.replaced.assign(at(content, from), at(content, std::min<std::uint64_t>(to, content.size())));
  return change;
}

void World::append(Id file, std::uint64_t offset, Bytes bytes, std::int64_t now_ns) {
  const std::uint64_t end = offset + bytes.size();
  if (!bytes.empty()) pending_.push_back(change_of(file, offset, end));
  Content& content = edit_content(file);
  const std::uint64_t size = content.size();
  if (offset == size) {
    content.insert(content.end(), bytes.begin(), bytes.end());
  } else {
    content.resize(std::max(size, end));
    std::copy(bytes.begin(), bytes.end(), at(content, offset));
  }
  used_bytes_ += content.size() - size;
  inodes_[file]->mtime_ns = now_ns;
}

void World::reserve(Id file, std::uint64_t end, std::int64_t now_ns) {
  const std::uint64_t size = inode(file).content->size();
  if (end <= size) return;
  pending_.push_back(change_of(file, size, end));
  pending_.back().zeros = true;
  edit_content(file).resize(end);
  used_bytes_ += end - size;
  inodes_[file]->mtime_ns = now_ns;
}

void World::overwrite(Id file, Bytes bytes, std::int64_t now_ns) {
  if (bytes.empty()) return;
  Change change = change_of(file, 0, bytes.size());
  change.hint = true;
  change.bytes.assign(bytes.begin(), bytes.end());
  pending_.push_back(std::move(change));
  Content& content = edit_content(file);
  const std::uint64_t size = content.size();
  content.resize(std::max<std::uint64_t>(size, bytes.size()));
  std::copy(bytes.begin(), bytes.end(), content.begin());
  used_bytes_ += content.size() - size;
  inodes_[file]->mtime_ns = now_ns;
  write_back_old_hints(file);
}

/// Nobody syncs hints; the kernel writes them back in time, and the list stays short.
void World::write_back_old_hints(Id file) {
  const auto hint = [&](const Change& c) { return c.hint && c.home == file && !c.lost; };
  if (std::count_if(pending_.begin(), pending_.end(), hint) <= kHintsPending) return;
  const auto oldest = std::find_if(pending_.begin(), pending_.end(), hint);
  edit(file).durable_size = std::max(inode(file).durable_size, oldest->to);
  pending_.erase(oldest);
}

bool World::inside(Id dir, Id top) const {
  if (dir == top) return true;
  for (const auto& [name, child] : inode(top).names)
    if (inode(child).type == FileType::kDirectory && inside(dir, child)) return true;
  return false;
}

int World::rename(std::string_view from, std::string_view to, std::int64_t now_ns) {
  Id from_dir = 0, to_dir = 0;
  std::string from_name, to_name;
  if (int number = find_parent(from, from_dir, from_name)) return number;
  if (int number = find_parent(to, to_dir, to_name)) return number;
  const auto source = inode(from_dir).names.find(from_name);
  if (source == inode(from_dir).names.end()) return ENOENT;
  const Id moved = source->second;
  const bool directory = inode(moved).type == FileType::kDirectory;
  if (const auto old = inode(to_dir).names.find(to_name); old != inode(to_dir).names.end()) {
    if (directory) return EEXIST;
    if (old->second == moved) return 0;
    if (inode(old->second).type == FileType::kDirectory) return EISDIR;
    if (inode(old->second).content) used_bytes_ -= inode(old->second).content->size();
  }
  if (directory && inside(to_dir, moved)) return EINVAL;
  edit(from_dir).mtime_ns = now_ns;
  edit(to_dir).mtime_ns = now_ns;
  change_names({{from_dir, from_name, moved, false}, {to_dir, to_name, moved, true}}, to_dir);
  return 0;
}

int World::remove(std::string_view path, bool directory, std::int64_t now_ns) {
  Id dir = 0;
  std::string name;
  if (int number = find_parent(path, dir, name)) return number;
  const auto entry = inode(dir).names.find(name);
  if (entry == inode(dir).names.end()) return ENOENT;
  const Id gone = entry->second;
  const bool is_directory = inode(gone).type == FileType::kDirectory;
  if (is_directory && !directory) return EISDIR;
  if (!is_directory && directory) return ENOTDIR;
  if (directory && !inode(gone).names.empty()) return ENOTEMPTY;
  if (inode(gone).content) used_bytes_ -= inode(gone).content->size();
  edit(dir).mtime_ns = now_ns;
  change_names({{dir, std::move(name), gone, false}}, dir);
  return 0;
}

void World::sync(Id file) {
  edit(file).durable_size = inode(file).content->size();
  std::erase_if(pending_, [&](const Change& c) { return c.names.empty() && c.home == file && !c.lost; });
}

void World::fail_sync(Id file) {
  for (Change& change : pending_)
    if (change.names.empty() && change.home == file) change.lost = true;
}

void World::apply_durably(const Change& change) {
  for (const NameChange& name : change.names) {
    Names& durable = edit(name.dir).durable_names;
    const auto entry = durable.find(name.name);
    if (name.added)
      durable[name.name] = name.inode;
    else if (entry != durable.end() && entry->second == name.inode)
      durable.erase(entry);
  }
}

void World::sync_names(Id dir) {
  // As a journal does it: an earlier change of the same inode goes to disk before the later one, also when it
  // belongs to another directory. Otherwise a file renamed away and back could be lost by syncing in order.
  std::vector<bool> chosen(pending_.size());
  std::vector<Id> touched;
  for (std::size_t i = pending_.size(); i-- > 0;) {
    const Change& change = pending_[i];
    if (change.names.empty()) continue;
    const Id inode = change.names.front().inode;
    chosen[i] = change.home == dir || std::find(touched.begin(), touched.end(), inode) != touched.end();
    if (chosen[i]) touched.push_back(inode);
  }
  std::vector<Change> left;
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    if (chosen[i])
      apply_durably(pending_[i]);
    else
      left.push_back(std::move(pending_[i]));
  }
  pending_ = std::move(left);
}

bool World::has_pending_data() const {
  return std::any_of(pending_.begin(), pending_.end(), [](const Change& c) { return c.names.empty(); });
}

bool World::has_unsynced_data(Id file) const {
  return std::any_of(pending_.begin(), pending_.end(),
                     [&](const Change& c) { return c.names.empty() && c.home == file; });
}

/// What is on disk if nothing that is pending survives.
Content World::durable_content(Id file) const {
  Content content = *inode(file).content;
  for (auto change = pending_.rbegin(); change != pending_.rend(); ++change)
    if (change->names.empty() && change->home == file)
      std::copy(change->replaced.begin(), change->replaced.end(), at(content, change->from));
  content.resize(inode(file).durable_size);
  return content;
}

// Puts one pending change of data into `after` (the durable part so far), as the cut left it.
void World::restore_data(const Change& change, Survival survival, bool last_of_file, std::uint64_t& random,
                         Content& after) const {
  enum { kLost, kKept, kTorn, kZeroed, kStale, kWays } way = kKept;
  using Kind = Survival::Kind;
  if (survival.kind == Kind::kZeroTail) way = kZeroed;
  if (survival.kind == Kind::kStaleTail) way = kStale;
  if (survival.kind == Kind::kTorn && last_of_file) way = kTorn;
  if (survival.kind == Kind::kSubset) way = static_cast<decltype(way)>(next_random(random) % kWays);
  if (change.lost && (way != kLost || change.to <= inode(change.home).durable_size)) way = kZeroed;
  if (way == kLost) return;

  std::uint64_t end = change.to;
  if (way == kTorn) {
    const std::uint64_t first = change.from / kSector, last = (change.to - 1) / kSector;
    end = std::max(change.from, (first + next_random(random) % (last - first + 1)) * kSector);
    if (end == change.from) return;
  }
  // Up to here the blocks held something before, and hold it still in `after`.
  const std::uint64_t held = std::min<std::uint64_t>(after.size(), change.from + change.replaced.size());
  const std::uint64_t in_place = std::clamp(held, change.from, end);
  if (after.size() < end) after.resize(end);  // a lost append below a kept one leaves a hole of zeros
  if (way == kZeroed) {
    std::fill(at(after, in_place), at(after, end), std::byte{0});
    return;
  }
  Content fresh(end - change.from);
  if (!change.zeros) {
    const Content& source = change.hint ? change.bytes : *inode(change.home).content;
    std::copy_n(at(source, change.hint ? 0 : change.from), fresh.size(), fresh.begin());
  }
  if (way != kStale) {
    std::copy(fresh.begin(), fresh.end(), at(after, change.from));
    return;
  }
  for (std::uint64_t sector = change.from; sector < in_place;) {
    const std::uint64_t next = std::min((sector / kSector + 1) * kSector, in_place);
    if (next_random(random) % 2 == 0)
      std::copy(at(fresh, sector - change.from), at(fresh, next - change.from), at(after, sector));
    sector = next;
  }
  for (std::uint64_t i = in_place; i < end; ++i) after[i] = static_cast<std::byte>(next_random(random));
}

void World::power_cut(Survival survival) {
  using Kind = Survival::Kind;
  std::uint64_t random = survival.n * 0x9e3779b97f4a7c15 + 1;
  std::map<Id, std::size_t> last_append;
  for (std::size_t i = 0; i < pending_.size(); ++i)
    if (pending_[i].names.empty()) last_append[pending_[i].home] = i;
  std::map<Id, std::vector<std::byte>> contents;
  for (const auto& [file, last] : last_append) contents[file] = durable_content(file);
  for (std::size_t i = 0; i < pending_.size(); ++i) {
    const Change& change = pending_[i];
    const bool data = change.names.empty();
    bool kept = survival.kind != Kind::kNothing && (survival.kind != Kind::kPrefix || i < survival.n);
    if (survival.kind == Kind::kSubset && !data) kept = next_random(random) % 2 == 0;
    // What a failed sync lost under a later successful one is part of the durable size and reads as zeros.
    if (data && (kept || (change.lost && change.to <= inode(change.home).durable_size)))
      restore_data(change, survival, last_append[change.home] == i, random, contents[change.home]);
    else if (!data && kept)
      apply_durably(change);
  }
  pending_.clear();
  for (auto& [file, content] : contents)
    edit(file).content = std::make_shared<std::vector<std::byte>>(std::move(content));
  for (Id id = 0; id < inodes_.size(); ++id) {
    if (inode(id).type == FileType::kDirectory && inode(id).names != inode(id).durable_names)
      edit(id).names = inode(id).durable_names;
    if (inode(id).content && inode(id).durable_size != inode(id).content->size())
      edit(id).durable_size = inode(id).content->size();
  }
  recount();
}

void World::settle() {
  for (Id id = 0; id < inodes_.size(); ++id) {
    if (inode(id).type == FileType::kDirectory && inode(id).names != inode(id).durable_names)
      edit(id).durable_names = inode(id).names;
    if (inode(id).content && inode(id).durable_size != inode(id).content->size())
      edit(id).durable_size = inode(id).content->size();
  }
  pending_.clear();
}

void World::settle_newest() {
  apply_durably(pending_.back());
  pending_.pop_back();
}

void World::settle_data(Id file) {
  edit(file).durable_size = inode(file).content->size();
  std::erase_if(pending_, [&](const Change& c) { return c.names.empty() && c.home == file; });
}

void World::drop(Id dir, std::string_view name) {
  Inode& inode = edit(dir);
  inode.names.erase(std::string(name));
  inode.durable_names.erase(std::string(name));
}

std::uint64_t World::count_used(Id dir) const {
  std::uint64_t sum = 0;
  for (const auto& [name, id] : inode(dir).names) {
    if (inode(id).type == FileType::kDirectory) sum += count_used(id);
    if (inode(id).content) sum += inode(id).content->size();
  }
  return sum;
}

}  // namespace zkark::test
