#include "restore/release.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace zkark::restore {
namespace {

constexpr int kFirstLine = 4, kLastLine = 10;
constexpr int kFirstStableOf35 = 5;
constexpr std::int64_t kMaxBuffer = 0xfffff;  // jute.maxbuffer

Failure no_release(std::string_view text) {
  return fail(
      Error(ErrorId::kUsage, fmt::format("'{}' is no release of ZooKeeper", text))
          .with_hint("3.4, 3.5, 3.6, 3.7, 3.8, 3.9 or 3.10, or one release of these lines, as 3.8.2"));
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.size() > 3 || value < 0) return {};
  return value;
}

}  // namespace

Result<Release> parse_release(std::string_view text) {
  if (!text.starts_with("3.")) return no_release(text);
  const std::string_view rest = text.substr(2);
  const std::size_t dot = rest.find('.');
  const std::optional<int> line = number(rest.substr(0, dot));
  if (!line || *line < kFirstLine || *line > kLastLine) return no_release(text);
  Release release{*line, *line == 5 ? kFirstStableOf35 : 0, std::string(text)};
  if (dot == rest.npos) return release;
  const std::optional<int> patch = number(rest.substr(dot + 1));
  if (!patch) return no_release(text);
  release.patch = *patch;
  if (release.line == 5 && release.patch < kFirstStableOf35)
    return fail(
        Error(ErrorId::kUsage, fmt::format("{} was an alpha or beta release with formats of its own", text))
            .with_hint("3.5 stands for 3.5.5 and later"));
  return release;
}

Abilities abilities_of(const Release& release) {
  Abilities can;
  can.types_of_3_5 = can.dynamic_config = release.is_at_least(5);
  can.starts_without_snapshot = !release.is_at_least(5);
  can.digests = can.compressed_snapshots = can.multi_address = release.is_at_least(6);
  can.hard_quotas = release.is_at_least(7);
  can.last_processed_zxid = release.is_at_least(9);
  can.create2_in_multi = release.is_at_least(9) || (release.line == 8 && release.patch >= 2) ||
                         (release.line == 7 && release.patch >= 2);
  // Up to 3.5.6 a fixed 1024 bytes more, since then as much again.
  can.largest_buffer = release.is_at_least(5, 7) ? 2 * kMaxBuffer : kMaxBuffer + 1024;
  return can;
}

}  // namespace zkark::restore
