#pragma once
// What people type after an option: numbers, sizes, durations, choices. Failures are kUsage and say what is
// accepted; the caller adds which option it was.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/result.h"

namespace zkark::cli {

inline Result<std::string> parse_text(std::string_view text) { return std::string(text); }
/// true, yes, on, 1; false, no, off, 0.
Result<bool> parse_boolean(std::string_view text);
/// Decimal digits with an optional minus; nothing else. Both limits are included.
Result<std::int64_t> parse_number(std::string_view text, std::int64_t min, std::int64_t max);
/// Hex with 0x, as ZooKeeper prints zxids and session ids: 0x10000000b. Decimal is refused, because file
/// names and tools print hex without 0x too.
Result<std::int64_t> parse_zxid(std::string_view text);
/// Bytes: digits, an optional fraction, and none or one of B, K/KiB, M/MiB, G/GiB, T/TiB (1024) or kB, MB,
/// GB, TB (1000).
Result<std::uint64_t> parse_size(std::string_view text);
/// Units ms, s, m or min, h, d, w, from large to small: "1h30min". A bare number is seconds.
Result<std::int64_t> parse_duration_ms(std::string_view text);
/// The index of `text` in `names`; failing that, names all and the nearest.
Result<std::size_t> parse_choice(std::string_view text, const std::vector<std::string>& names);

/// The candidate nearest to `text` (nearest_name of formats/base/text.h), else the first that begins with it;
/// empty when there is none.
std::string nearest(std::string_view text, const std::vector<std::string>& candidates);

}  // namespace zkark::cli
