#include "tests/support/load_dir.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "formats/base/check.h"

namespace zkark::test {
namespace {

namespace fs_std = std::filesystem;

fs_std::path from_root(const std::string& real) { return fs_std::path(ZKARK_SOURCE_DIR) / real; }

std::string content_of(const fs_std::path& path) {
  std::ifstream in(path, std::ios::binary);
  ZK_CHECK(in.good());
  std::ostringstream content;
  content << in.rdbuf();
  return std::move(content).str();
}

void copy(SimFs& fs, const fs_std::path& from, const std::string& to) {
  struct stat s {};
  ZK_CHECK(::lstat(from.c_str(), &s) == 0);
  if (S_ISLNK(s.st_mode)) {
    fs.put_symlink(to, fs_std::read_symlink(from).string());
    return;
  }
  if (S_ISDIR(s.st_mode)) {
    fs.put_dir(to, s.st_mode & 07777);
    for (const fs_std::directory_entry& entry : fs_std::directory_iterator(from))
      copy(fs, entry.path(), join_path(to, entry.path().filename().string()));
  } else {
    fs.put(to, content_of(from), s.st_mode & 07777);
  }
  fs.put_mtime(to, static_cast<std::int64_t>(s.st_mtim.tv_sec) * 1'000'000'000 + s.st_mtim.tv_nsec);
}

}  // namespace

void load_dir(SimFs& fs, const std::string& real, const std::string& to) {
  ZK_CHECK(fs_std::is_directory(from_root(real)));
  copy(fs, from_root(real), to);
}

std::string load_file(const std::string& real) { return content_of(from_root(real)); }

}  // namespace zkark::test
