#include "src/backup/backend/open.h"

#include <fmt/format.h>

#include "src/backup/backend/local.h"

namespace zkark::backup {
namespace {

using Opener = std::unique_ptr<Backend> (*)(const std::string& url, std::string_view rest, Fs& fs,
                                            Random& random, System* system);

std::unique_ptr<Backend> open_local(const std::string& url, std::string_view rest, Fs& fs, Random& random,
                                    System* system) {
  while (rest.size() > 1 && rest.back() == '/') rest.remove_suffix(1);
  return std::make_unique<LocalBackend>(fs, random, std::string(rest), url, system);
}

struct Scheme {
  std::string_view name;
  Opener open;
};
// One row per storage. A URL without a scheme is a path.
constexpr Scheme kSchemes[] = {{"file", open_local}};

/// "s3" of "s3:https://…"; empty for a path. A scheme has two letters or more, so that "./a:b" and "a/b:c"
/// stay paths.
std::string_view scheme_of(std::string_view url) {
  std::size_t n = 0;
  while (n < url.size() && ((url[n] >= 'a' && url[n] <= 'z') || (n > 0 && url[n] >= '0' && url[n] <= '9')))
    ++n;
  return n >= 2 && n < url.size() && url[n] == ':' ? url.substr(0, n) : std::string_view();
}

}  // namespace

Result<std::unique_ptr<Backend>> open_backend(const std::string& url, Fs& fs, Random& random,
                                              System* system) {
  const std::string_view scheme = scheme_of(url);
  std::string_view rest = url;
  if (!scheme.empty()) {
    rest.remove_prefix(scheme.size() + 1);
    if (rest.starts_with("//")) {  // file:///x and file://localhost/x, as RFC 8089 has it
      rest.remove_prefix(2);
      if (rest.starts_with("localhost/")) rest.remove_prefix(9);
      if (scheme == "file" && !rest.starts_with('/'))
        return fail(Error(ErrorId::kUsage, fmt::format("{} names a host; file: URLs are local", url))
                        .with_hint("file:///PATH, file:PATH, or just the path"));
    }
  }
  if (rest.empty())
    return fail(Error(ErrorId::kUsage, "the repository's name is empty")
                    .with_hint("-r DIR or file:DIR, or set ZKARK_REPO"));
  if (scheme.empty()) return open_local(url, rest, fs, random, system);
  for (const Scheme& row : kSchemes)
    if (row.name == scheme) return row.open(url, rest, fs, random, system);
  return fail(
      Error(ErrorId::kUsage, fmt::format("this release has no storage for \"{}:\" ({})", scheme, url))
          .with_hint("supported: a directory, written as a path or as file:PATH; for a directory whose "
                     "name has a colon write ./NAME"));
}

}  // namespace zkark::backup
