// What a test does to a SimFs behind the seam's back: laying out, damaging, arming faults, crashing.
#include <algorithm>

#include "formats/base/check.h"
#include "tests/support/sim_fs.h"

namespace zkark::test {

World::Id SimFs::must_find(const std::string& path) const {
  World::Id id = 0;
  ZK_CHECK(world_.find(path, true, id) == 0);
  return id;
}

void SimFs::put_dir(const std::string& path, std::uint32_t mode) {
  {
    const std::lock_guard lock(mutex_);
    World::Id id = 0;
    if (world_.find(path, true, id) == 0) {
      ZK_CHECK(world_.inode(id).type == FileType::kDirectory);
      return;
    }
  }
  if (const std::string parent = parent_path(path); parent != path) put_dir(parent, 0755);
  const std::lock_guard lock(mutex_);
  World::Id id = 0;
  ZK_CHECK(world_.create(path, FileType::kDirectory, mode, now_ns(), id) == 0);
  world_.settle_newest();
}

void SimFs::put(const std::string& path, std::string_view content, std::uint32_t mode) {
  put_dir(parent_path(path));
  const std::lock_guard lock(mutex_);
  World::Id id = 0;
  if (world_.find(path, true, id) != 0) {
    ZK_CHECK(world_.create(path, FileType::kFile, mode, now_ns(), id) == 0);
    world_.settle_newest();
  }
  ZK_CHECK(world_.inode(id).type == FileType::kFile);
  const Bytes bytes = as_bytes(content);
  world_.edit(id).content = std::make_shared<std::vector<std::byte>>(bytes.begin(), bytes.end());
  world_.edit(id).mtime_ns = now_ns();
  world_.settle_data(id);
  world_.recount();
}

void SimFs::put_symlink(const std::string& path, const std::string& target) {
  put_dir(parent_path(path));
  const std::lock_guard lock(mutex_);
  World::Id id = 0;
  ZK_CHECK(world_.create(path, FileType::kSymlink, 0777, now_ns(), id) == 0);
  world_.edit(id).target = target;
  world_.settle_newest();
}

void SimFs::put_mtime(const std::string& path, std::int64_t mtime_ns) {
  const std::lock_guard lock(mutex_);
  world_.edit(must_find(path)).mtime_ns = mtime_ns;
}

void SimFs::put_owner(const std::string& path, std::uint32_t uid, std::uint32_t gid) {
  const std::lock_guard lock(mutex_);
  World::Inode& inode = world_.edit(must_find(path));
  inode.uid = uid;
  inode.gid = gid;
}

std::optional<std::string> SimFs::get(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  World::Id id = 0;
  if (world_.find(path, true, id) != 0 || !world_.inode(id).content) return std::nullopt;
  return std::string(as_text(*world_.inode(id).content));
}

std::optional<FileInfo> SimFs::get_info(const std::string& path) const {
  const std::lock_guard lock(mutex_);
  World::Id id = 0;
  if (world_.find(path, true, id) != 0) return std::nullopt;
  return info_of(id);
}

void SimFs::collect(const std::string& dir, World::Id id, std::map<std::string, World::Id>& found) const {
  for (const auto& [name, child] : world_.inode(id).names) {
    const std::string path = join_path(dir, name);
    if (world_.inode(child).type == FileType::kDirectory) collect(path, child, found);
    if (world_.inode(child).type == FileType::kFile) found[path] = child;
  }
}

std::map<std::string, std::string> SimFs::tree(const std::string& dir) const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, World::Id> found;
  World::Id id = 0;
  if (world_.find(dir, true, id) == 0) collect(join_path("/", dir), id, found);
  std::map<std::string, std::string> contents;
  for (const auto& [path, file] : found) contents.emplace(path, as_text(*world_.inode(file).content));
  return contents;
}

std::vector<std::string> SimFs::files(const std::string& dir) const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, World::Id> found;
  World::Id id = 0;
  if (world_.find(dir, true, id) == 0) collect(join_path("/", dir), id, found);
  std::vector<std::string> paths;
  for (const auto& [path, file] : found) paths.push_back(path);
  return paths;
}

void SimFs::flip_bit(const std::string& path, std::uint64_t offset, unsigned bit) {
  const std::lock_guard lock(mutex_);
  std::vector<std::byte>& content = world_.edit_content(must_find(path));
  ZK_CHECK(offset < content.size() && bit < 8);
  content[offset] ^= std::byte{1} << bit;
}

void SimFs::overwrite(const std::string& path, std::uint64_t offset, Bytes bytes) {
  const std::lock_guard lock(mutex_);
  std::vector<std::byte>& content = world_.edit_content(must_find(path));
  ZK_CHECK(offset <= content.size() && bytes.size() <= content.size() - offset);
  std::copy(bytes.begin(), bytes.end(), content.begin() + static_cast<std::ptrdiff_t>(offset));
}

void SimFs::truncate(const std::string& path, std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  const World::Id id = must_find(path);
  world_.edit_content(id).resize(size);
  world_.settle_data(id);
  world_.recount();
}

void SimFs::erase(const std::string& path) {
  const std::lock_guard lock(mutex_);
  // A dropped directory entry takes the tree under it out of reach; nothing else holds its inodes.
  World::Id dir = must_find(parent_path(path)), id = 0;
  ZK_CHECK(world_.find(path, false, id) == 0);
  world_.drop(dir, base_name(path));
  world_.recount();
}

void SimFs::settle() {
  const std::lock_guard lock(mutex_);
  world_.settle();
}

void SimFs::arm(Fault fault) {
  const std::lock_guard lock(mutex_);
  fault_ = std::move(fault);
  matched_ = 0;
  hit_.reset();
}

void SimFs::disarm() {
  const std::lock_guard lock(mutex_);
  fault_.reset();
}

std::optional<Operation> SimFs::hit() const {
  const std::lock_guard lock(mutex_);
  return hit_;
}

void SimFs::set_free_bytes(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  capacity_bytes_ = world_.used_bytes() + bytes;
}

void SimFs::set_unlimited() {
  const std::lock_guard lock(mutex_);
  capacity_bytes_.reset();
}

void SimFs::set_hook(std::function<void(const Operation&)> hook) { hook_ = std::move(hook); }

bool SimFs::killed() const {
  const std::lock_guard lock(mutex_);
  return killed_;
}

void SimFs::restart() {
  const std::lock_guard lock(mutex_);
  ++generation_;
  killed_ = false;
  fault_.reset();
}

void SimFs::power_cut(Survival survival) {
  restart();
  const std::lock_guard lock(mutex_);
  world_.power_cut(survival);
}

std::size_t SimFs::pending() const {
  const std::lock_guard lock(mutex_);
  return world_.pending();
}

bool SimFs::has_pending_data() const {
  const std::lock_guard lock(mutex_);
  return world_.has_pending_data();
}

SimFs::Snapshot SimFs::snapshot() const {
  const std::lock_guard lock(mutex_);
  return world_;
}

void SimFs::restore(const Snapshot& snapshot) {
  restart();
  const std::lock_guard lock(mutex_);
  world_ = snapshot;
  hit_.reset();
  log_.clear();
  careless_.clear();
}

std::vector<Operation> SimFs::log() const {
  const std::lock_guard lock(mutex_);
  return log_;
}

void SimFs::log_looks(bool wanted) { log_looks_ = wanted; }

void SimFs::clear_log() {
  const std::lock_guard lock(mutex_);
  log_.clear();
  careless_.clear();
}

std::vector<std::string> SimFs::careless_renames() const {
  const std::lock_guard lock(mutex_);
  return careless_;
}

}  // namespace zkark::test
