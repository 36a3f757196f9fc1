#include "formats/base/fs.h"

#include <fmt/format.h>

namespace zkark {

Status File::reserve(std::uint64_t) {
  return fail(Error(ErrorId::kInternal, "room is reserved in a file that nothing is appended to").at(path()));
}

std::string join_path(std::string_view dir, std::string_view name) {
  if (!name.empty() && name.front() == '/') return std::string(name);
  if (dir.empty()) return std::string(name);
  std::string path(dir);
  if (path.back() != '/') path += '/';
  path += name;
  return path;
}

std::string parent_path(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

std::string_view base_name(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos || path.size() == 1 ? path : path.substr(slash + 1);
}

Result<std::string> read_file(ReadFs& fs, const std::string& path, std::uint64_t max_bytes) {
  ZK_TRY(auto file, fs.open(path));
  std::string content;
  for (;;) {
    char block[16384];
    ZK_TRY(std::size_t n, file->read_at(content.size(), std::as_writable_bytes(std::span(block))));
    if (n == 0) return content;
    if (content.size() + n > max_bytes)
      return fail(
          Error(ErrorId::kBadLength, fmt::format("file is larger than {} bytes", max_bytes)).at(path));
    content.append(block, n);
  }
}

Result<bool> exists(ReadFs& fs, const std::string& path) {
  Result<FileInfo> info = fs.info(path);
  if (info) return true;
  if (info.error().id() == ErrorId::kNoFile) return false;
  return fail(std::move(info).error());
}

Status read_exactly(File& file, std::uint64_t offset, MutableBytes into) {
  ZK_TRY(std::size_t n, file.read_at(offset, into));
  if (n == into.size()) return {};
  return fail(
      Error(ErrorId::kTruncated, fmt::format("file ends after {} of {} bytes wanted here", n, into.size()))
          .at(file.path(), offset + n));
}

Status write_file_atomic(Fs& fs, const std::string& path, Bytes content, CreateOptions options) {
  const std::string temporary = path + ".tmp";
  if (Status removed = fs.remove_file(temporary); !removed && removed.error().id() != ErrorId::kNoFile)
    return removed;
  {
    ZK_TRY(auto file, fs.create(temporary, options));
    ZK_TRY_STATUS(file->append(content));
    ZK_TRY_STATUS(file->sync());
  }
  ZK_TRY_STATUS(fs.rename(temporary, path));
  return fs.sync_dir(parent_path(path));
}

Status make_dirs(Fs& fs, const std::string& path, std::uint32_t mode) {
  Result<FileInfo> info = fs.info(path);
  if (info) {
    if (info->type == FileType::kDirectory) return {};
    return fail(Error(ErrorId::kExists, "a file stands where a directory is needed").at(path));
  }
  if (info.error().id() != ErrorId::kNoFile) return fail(std::move(info).error());
  const std::string parent = parent_path(path);
  if (parent != path) ZK_TRY_STATUS(make_dirs(fs, parent, mode));
  ZK_TRY_STATUS(fs.make_dir(path, mode));
  return fs.sync_dir(parent);
}

Status remove_tree(Fs& fs, const std::string& path) {
  Result<std::vector<DirEntry>> entries = fs.list(path);
  if (!entries) {
    if (entries.error().id() == ErrorId::kNoFile) return {};
    return fail(std::move(entries).error());
  }
  for (const DirEntry& entry : *entries) {
    const std::string child = join_path(path, entry.name);
    if (entry.type == FileType::kDirectory)
      ZK_TRY_STATUS(remove_tree(fs, child));
    else
      ZK_TRY_STATUS(fs.remove_file(child));
  }
  return fs.remove_dir(path);
}

}  // namespace zkark
