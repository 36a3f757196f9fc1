#include "src/backup/sealed.h"

#include <fmt/format.h>

#include <charconv>

#include "src/backup/codec.h"

namespace zkark::backup {
namespace {

constexpr std::size_t kHashDigits = 64;

std::string seal_of(std::string_view first_line, std::string_view body) {
  Sha256Hasher hasher;
  hasher.add(as_bytes(first_line));
  hasher.add(as_bytes("\n"));
  hasher.add(as_bytes(body));
  return to_hex(hasher.finish());
}

/// The value of "zkark_needed", found without a JSON parser: the body may be of a format yet unknown.
std::string needed_release(std::string_view body) {
  static constexpr std::string_view kKey = "\"zkark_needed\"";
  std::size_t at = body.find(kKey);
  if (at == std::string_view::npos) return "a later release";
  at = body.find('"', at + kKey.size());
  if (at == std::string_view::npos) return "a later release";
  const std::size_t end = body.find('"', at + 1);
  if (end == std::string_view::npos || end - at > 32) return "a later release";
  return fmt::format("zkark {} or later", body.substr(at + 1, end - at - 1));
}

}  // namespace

std::string seal(std::string_view kind, std::uint32_t version, std::string_view body) {
  const std::string line = fmt::format("zkark {} {}", kind, version);
  return fmt::format("{} {}\n{}", line, seal_of(line, body), body);
}

Result<std::string_view> unseal(std::string_view file, std::string_view kind, std::uint32_t version_max) {
  const std::string start = fmt::format("zkark {} ", kind);
  if (!file.starts_with(start))
    return fail(ErrorId::kBadMagic, fmt::format("no zkark {}: the first line does not say so", kind));
  const std::size_t line_end = file.find('\n');
  if (line_end == std::string_view::npos || line_end > start.size() + 10 + 1 + kHashDigits ||
      line_end < start.size() + 1 + 1 + kHashDigits)
    return fail(ErrorId::kDamaged, "the first line is damaged");
  const std::string_view line = file.substr(0, line_end - kHashDigits - 1);
  const std::string_view hash = file.substr(line_end - kHashDigits, kHashDigits);
  const std::string_view body = file.substr(line_end + 1);
  if (file[line.size()] != ' ' || seal_of(line, body) != hash)
    return fail(ErrorId::kDamaged, "the checksum in the first line does not match the content");
  std::uint32_t version = 0;
  const std::string_view digits = line.substr(start.size());
  auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), version);
  if (problem != std::errc() || end != digits.data() + digits.size() || version == 0)
    return fail(ErrorId::kDamaged, "the first line has no version");
  if (version > version_max)
    return fail(Error(ErrorId::kRepositoryTooNew,
                      fmt::format("{} format {}; this zkark reads up to {}", kind, version, version_max))
                    .with_hint(fmt::format("use {}", needed_release(body))));
  return body;
}

}  // namespace zkark::backup
