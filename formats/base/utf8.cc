#include "formats/base/utf8.h"

#include <cstring>

namespace zkark {

CodePoint decode_utf8(std::string_view text) {
  const auto byte = [&](std::size_t i) -> std::uint32_t { return static_cast<unsigned char>(text[i]); };
  const std::uint32_t first = byte(0);
  if (first < 0x80) return {first, 1, true};
  const unsigned length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  static constexpr std::uint32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return {first, 1, false};
  std::uint32_t value = first & (0x7fu >> length);
  for (unsigned i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {first, 1, false};
    value = value << 6 | (byte(i) & 0x3f);
  }
  if (value < kLeast[length] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
    return {first, 1, false};
  return {value, length, true};
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    while (text.size() >= 8) {
      std::uint64_t eight;
      std::memcpy(&eight, text.data(), 8);
      if ((eight & 0x8080808080808080) != 0) break;
      text.remove_prefix(8);
    }
    if (text.empty()) break;
    const CodePoint point = decode_utf8(text);
    if (!point.valid) return false;
    text.remove_prefix(point.length);
  }
  return true;
}

}  // namespace zkark
