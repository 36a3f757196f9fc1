#pragma once
// UTF-8, as strictly as Unicode defines it.
#include <cstdint>
#include <string_view>

namespace zkark {

/// One character, decoded from UTF-8.
struct CodePoint {
  std::uint32_t value = 0;
  unsigned length = 1;  // bytes taken; 1 for a bad one
  bool valid = true;
};
/// Strict: no overlong forms, surrogates or values above 10FFFF. `text` must not be empty.
CodePoint decode_utf8(std::string_view text);
bool is_utf8(std::string_view text);

}  // namespace zkark
