#include "src/backup/backend/backend.h"

#include <fmt/format.h>

#include <algorithm>

#include "formats/base/fs.h"

namespace zkark::backup {

Result<std::string> get_all(Backend& backend, const std::string& key, std::uint64_t max_bytes) {
  ZK_TRY(BackendEntry entry, backend.info(key));
  std::string value;
  for (;;) {
    if (std::max<std::uint64_t>(entry.size_bytes, value.size()) > max_bytes)
      return fail(Error(ErrorId::kBadLength, fmt::format("larger than {} bytes", max_bytes))
                      .at(display_name(backend, key)));
    // One byte more than the storage names: the end shows without another call, and so does a value that
    // grew.
    const std::size_t from = value.size();
    value.resize(std::max<std::uint64_t>(entry.size_bytes, from) + 1);
    ZK_TRY(
        std::size_t got,
        backend.get(key, from, std::as_writable_bytes(std::span(value.data() + from, value.size() - from))));
    const bool end = from + got < value.size();
    value.resize(from + got);
    if (end) return value;
  }
}

Result<bool> exists(Backend& backend, const std::string& key) {
  Result<BackendEntry> info = backend.info(key);
  if (info) return true;
  if (info.error().id() == ErrorId::kNoFile) return false;
  return fail(std::move(info).error());
}

std::string display_name(const Backend& backend, std::string_view key) {
  return join_path(backend.url(), key);
}

bool valid_key(std::string_view key) {
  int parts = 1;
  bool at_start = true;
  for (char c : key) {
    if (c == '/') {
      if (at_start) return false;
      ++parts;
      at_start = true;
      continue;
    }
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter && c != '_' && c != '-' && !(c == '.' && !at_start)) return false;
    at_start = false;
  }
  return !at_start && parts <= 3;
}

}  // namespace zkark::backup
