#include "src/os/proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <set>

#include "formats/base/fs.h"
#include "formats/base/system_error.h"
#include "src/os/descriptor.h"
#include "src/os/local_system.h"
#include "src/os/posix_fs.h"

namespace zkark::os {
namespace {

/// Numbers used as names: the processes in /proc, the descriptors in /proc/PID/fd.
Result<std::vector<std::uint32_t>> numbered(const std::string& dir) {
  PosixFs fs;
  ZK_TRY(std::vector<DirEntry> entries, fs.list(dir));
  std::vector<std::uint32_t> numbers;
  for (const DirEntry& entry : entries) {
    std::uint32_t number = 0;
    const char* end = entry.name.data() + entry.name.size();
    if (const auto [at, problem] = std::from_chars(entry.name.data(), end, number);
        problem == std::errc() && at == end)
      numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

using FileId = std::pair<std::uint64_t, std::uint64_t>;  // device, inode

Status collect_ids(PosixFs& fs, const std::string& dir, std::set<FileId>& ids) {
  struct stat s {};
  if (::lstat(dir.c_str(), &s) == 0) ids.insert({s.st_dev, s.st_ino});
  Result<std::vector<DirEntry>> entries = fs.list(dir);
  if (!entries) {
    if (entries.error().id() == ErrorId::kNoFile) return {};  // removed while we looked
    return fail(std::move(entries).error());
  }
  for (const DirEntry& entry : *entries) {
    const std::string path = join_path(dir, entry.name);
    if (entry.type == FileType::kDirectory)
      ZK_TRY_STATUS(collect_ids(fs, path, ids));
    else if (::lstat(path.c_str(), &s) == 0)
      ids.insert({s.st_dev, s.st_ino});
  }
  return {};
}

std::string link_target(const std::string& link) {
  char text[4096];
  const ssize_t n = ::readlink(link.c_str(), text, sizeof text);
  return n < 0 ? std::string() : std::string(text, static_cast<std::size_t>(n));
}

bool path_is_under(std::string_view path, std::string_view dir) {
  if (!path.starts_with(dir)) return false;
  return path.size() == dir.size() || dir.ends_with('/') || path[dir.size()] == '/';
}

struct StatLine {
  char state = '?';
  ProcessStat process;
  bool ended() const { return state == 'Z' || state == 'X'; }
};

std::optional<StatLine> read_stat(std::uint32_t pid) {
  PosixFs fs;
  Result<std::string> text = read_file(fs, fmt::format("/proc/{}/stat", pid), 4096);
  if (!text) return std::nullopt;
  // "pid (command) state …": the command may hold anything, so its end is the last parenthesis.
  const std::size_t open = text->find('('), close = text->rfind(')');
  if (open == std::string::npos || close == std::string::npos || close < open) return std::nullopt;
  std::vector<std::string_view> fields;  // from field 3 of proc(5), the state, on
  std::string_view rest = std::string_view(*text).substr(close + 1);
  for (std::size_t begin; (begin = rest.find_first_not_of(" \n")) != std::string_view::npos;) {
    const std::size_t end = std::min(rest.find_first_of(" \n", begin), rest.size());
    fields.push_back(rest.substr(begin, end - begin));
    rest.remove_prefix(end);
  }
  constexpr std::size_t kState = 3 - 3, kStartTime = 22 - 3;
  if (fields.size() <= kStartTime) return std::nullopt;
  StatLine line;
  line.state = fields[kState].front();
  line.process.command = text->substr(open + 1, close - open - 1);
  const std::string_view start = fields[kStartTime];
  std::from_chars(start.data(), start.data() + start.size(), line.process.start_ticks);
  return line;
}

}  // namespace

std::optional<ProcessStat> read_process(std::uint32_t pid) {
  const std::optional<StatLine> line = read_stat(pid);
  if (!line || line->ended()) return std::nullopt;
  return line->process;
}

bool is_zombie(std::uint32_t pid) {
  const std::optional<StatLine> line = read_stat(pid);
  return line && line->ended();
}

Result<OpenFiles> LocalSystem::open_files_under(const std::string& dir) {
  PosixFs fs;
  std::set<FileId> ids;
  ZK_TRY_STATUS(fs.info(dir));
  ZK_TRY_STATUS(collect_ids(fs, dir, ids));
  const std::unique_ptr<char, decltype(&::free)> real(::realpath(dir.c_str(), nullptr), ::free);
  if (!real) return fail(system_error(errno, "find the real path of", dir));
  const Result<std::vector<std::uint32_t>> listed = numbered("/proc");
  const std::vector<std::uint32_t> pids = listed ? *listed : std::vector<std::uint32_t>();
  if (!std::binary_search(pids.begin(), pids.end(), pid()))
    return fail(Error(ErrorId::kStorage, "the list of processes cannot be read").at("/proc"));

  OpenFiles open;
  // Where even the first process is hidden from us (hidepid), so are others.
  open.processes_unseen = pids.front() != 1;
  for (const std::uint32_t other : pids) {
    if (other == pid()) continue;
    const std::string descriptors = fmt::format("/proc/{}/fd", other);
    const std::optional<ProcessStat> process = read_process(other);
    if (!process) continue;
    Result<std::vector<std::uint32_t>> numbers = numbered(descriptors);
    if (!numbers) {
      open.processes_unseen += numbers.error().id() == ErrorId::kPermission;
      continue;
    }
    std::set<std::string> seen;
    for (const std::uint32_t number : *numbers) {
      const std::string link = fmt::format("{}/{}", descriptors, number);
      const std::string target = link_target(link);
      struct stat s {};
      if (path_is_under(target, real.get()) ||
          (::stat(link.c_str(), &s) == 0 && ids.contains({s.st_dev, s.st_ino})))
        seen.insert(target);
    }
    for (const std::string& path : seen)
      open.files.push_back(fmt::format("pid {} ({}): {}", other, process->command, path));
  }
  return open;
}

}  // namespace zkark::os
