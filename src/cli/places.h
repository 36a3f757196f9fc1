#pragma once
// How the places of one run lie to each other: nothing is made inside what is read, and nothing that is read
// is moved aside. Compared is what the file system says (device and inode of what exists), not how a path is
// spelt: links, bind mounts of one file system, "." and ".." change nothing.
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/fs.h"
#include "formats/base/result.h"

namespace zkark::cli {

enum class Lie : std::uint8_t { kApart, kSame, kInside, kAround };

/// How `path` lies to `other`; neither has to exist.
Result<Lie> lie_of(ReadFs& fs, const std::string& path, const std::string& other);

struct Place {
  std::string path;
  std::string_view what;  // "the source", "the repository"
};

/// kRefused, with a hint, when `made` is one of `others`, inside one or around one. Empty paths are skipped.
Status keep_apart(ReadFs& fs, const Place& made, const std::vector<Place>& others);

/// The directory, `path` itself or one above it, that holds ZooKeeper's data (a version-2, or snapshots and
/// logs); empty when there is none.
Result<std::string> data_around(ReadFs& fs, const std::string& path);

/// For what goes into a configuration file, which must not depend on where a server is started: a relative
/// path below PWD, where that names the current directory; else kUsage.
Result<std::string> absolute_path(ReadFs& fs, const std::map<std::string, std::string>& variables,
                                  const std::string& path);

/// The directory of a repository's URL ("file:///x" and "/x" alike).
std::string directory_of_url(std::string_view url);

}  // namespace zkark::cli
