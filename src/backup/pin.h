#pragma once
// The client's memory of a repository: the last HEAD it saw. A repository that later shows an older HEAD, or
// another one with the same number, was rolled back or replaced. The pin is a cache: losing it loses the
// detection, nothing else.
#include <cstdint>
#include <optional>
#include <string>

#include "formats/base/fs.h"

namespace zkark::backup {

struct Pin {
  std::string repository_id;
  std::string url;
  std::uint64_t sequence = 0;
  std::string head_sha256;
  bool operator==(const Pin&) const = default;
};

/// The pin of a repository, by its id, or nothing. A damaged pin file counts as none: `problem` says so.
std::optional<Pin> load_pin(Fs& fs, const std::string& cache_dir, const std::string& repository_id,
                            std::string* problem);
Status save_pin(Fs& fs, const std::string& cache_dir, const Pin& pin);
std::string pin_path(const std::string& cache_dir, const std::string& repository_id);

}  // namespace zkark::backup
