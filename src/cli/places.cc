#include "src/cli/places.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "formats/file_names.h"

namespace zkark::cli {
namespace {

constexpr std::size_t kMaxDepth = 4096;  // deeper than any path: a file system that never reaches its root

struct Standing {
  struct Step {
    std::string path;
    std::uint64_t device, inode;
    bool operator==(const Step& other) const { return device == other.device && inode == other.inode; }
  };
  std::vector<Step> existing;        // the nearest one that exists, then what is above it, the root last
  std::vector<std::string> missing;  // below it, in order
};

/// Down from what exists: "" and "." are nothing, ".." takes one back.
void add_missing(Standing& standing, std::string& at, std::string_view name) {
  if (name.empty() || name == ".") return;
  if (name != "..")
    standing.missing.emplace_back(name);
  else if (!standing.missing.empty())
    standing.missing.pop_back();
  else
    at = join_path(at, "..");
}

Result<Standing> standing_of(ReadFs& fs, std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  Standing standing;
  std::vector<std::string> below;
  std::string at = std::move(path);
  std::optional<FileInfo> found;
  for (;;) {
    Result<FileInfo> info = fs.info(at);
    if (info) {
      found = *info;
      break;
    }
    const std::string up = parent_path(at);
    if (up == at) return fail(std::move(info).error());
    below.emplace_back(base_name(at));
    at = up;
  }
  const std::string nearest = at;
  std::for_each(below.rbegin(), below.rend(),
                [&](const std::string& name) { add_missing(standing, at, name); });
  if (at != nearest) {
    ZK_TRY(found, fs.info(at));
  }
  for (; standing.existing.size() < kMaxDepth;) {
    const Standing::Step step{at, found->device, found->inode};
    if (!standing.existing.empty() && step == standing.existing.back()) break;  // the root is its own parent
    standing.existing.push_back(step);
    // What ".." says is the true parent, also behind a link; a file has only the one of its name.
    std::string up = join_path(at, "..");
    Result<FileInfo> info = fs.info(up);
    if (!info) {
      up = parent_path(at);
      if (up == at) break;
      info = fs.info(up);
      if (!info) break;
    }
    at = std::move(up);
    found = *info;
  }
  return standing;
}

bool begins(const std::vector<std::string>& all, const std::vector<std::string>& front) {
  return front.size() <= all.size() && std::equal(front.begin(), front.end(), all.begin());
}

bool is_above(const Standing& lower, const Standing& upper) {
  return upper.missing.empty() && std::find(lower.existing.begin() + 1, lower.existing.end(),
                                            upper.existing.front()) != lower.existing.end();
}

std::string_view name_of(Lie lie) {
  switch (lie) {
    case Lie::kSame:
      return "is";
    case Lie::kInside:
      return "lies inside";
    case Lie::kAround:
      return "holds";
    case Lie::kApart:
      break;
  }
  return "is apart from";
}

bool holds_data(ReadFs& fs, const std::string& dir) {
  const Result<std::vector<DirEntry>> entries = fs.list(dir);
  if (!entries) return false;
  return std::any_of(entries->begin(), entries->end(), [](const DirEntry& entry) {
    if (entry.name == "version-2") return entry.type == FileType::kDirectory;
    const DataFileKind kind = parse_data_file_name(entry.name).kind;
    return entry.type == FileType::kFile && (kind == DataFileKind::kLog || kind == DataFileKind::kSnapshot);
  });
}

}  // namespace

Result<Lie> lie_of(ReadFs& fs, const std::string& path, const std::string& other) {
  ZK_TRY(const Standing a, standing_of(fs, path));
  ZK_TRY(const Standing b, standing_of(fs, other));
  if (a.existing.front() == b.existing.front()) {
    if (a.missing == b.missing) return Lie::kSame;
    if (begins(a.missing, b.missing)) return Lie::kInside;
    return begins(b.missing, a.missing) ? Lie::kAround : Lie::kApart;
  }
  if (is_above(a, b)) return Lie::kInside;
  return is_above(b, a) ? Lie::kAround : Lie::kApart;
}

Status keep_apart(ReadFs& fs, const Place& made, const std::vector<Place>& others) {
  for (const Place& other : others) {
    if (made.path.empty() || other.path.empty()) continue;
    ZK_TRY(const Lie lie, lie_of(fs, made.path, other.path));
    if (lie == Lie::kApart) continue;
    return fail(
        Error(ErrorId::kRefused, fmt::format("{} {} {}{}", made.what, name_of(lie), other.what,
                                             lie == Lie::kSame ? "" : fmt::format(", {}", other.path)))
            .at(made.path)
            .with_hint(fmt::format("choose a place apart from {}", other.path)));
  }
  return {};
}

Result<std::string> data_around(ReadFs& fs, const std::string& path) {
  ZK_TRY(const Standing standing, standing_of(fs, path));
  for (const Standing::Step& step : standing.existing)
    if (holds_data(fs, step.path)) return step.path;
  return std::string();
}

Result<std::string> absolute_path(ReadFs& fs, const std::map<std::string, std::string>& variables,
                                  const std::string& path) {
  if (path.starts_with('/')) return path;
  const auto variable = variables.find("PWD");
  if (variable != variables.end() && variable->second.starts_with('/')) {
    const Result<FileInfo> named = fs.info(variable->second), here = fs.info(".");
    if (named && here && named->device == here->device && named->inode == here->inode) {
      const std::string_view inner = std::string_view(path).substr(path.starts_with("./") ? 2 : 0);
      return inner == "." || inner.empty() ? variable->second : join_path(variable->second, inner);
    }
  }
  return fail(Error(ErrorId::kUsage, "the current directory has no known name")
                  .at(path)
                  .with_hint("give an absolute path"));
}

std::string directory_of_url(std::string_view url) {
  if (url.starts_with("file:")) {
    url.remove_prefix(5);
    if (url.starts_with("//")) url.remove_prefix(2);
    if (url.starts_with("localhost/")) url.remove_prefix(9);
  }
  return std::string(url);
}

}  // namespace zkark::cli
