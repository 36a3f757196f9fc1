#include "formats/adler32.h"

#include <libdeflate.h>

namespace zkark {

std::uint32_t adler32(Bytes bytes, std::uint32_t running) {
  // libdeflate, like zlib, takes a null buffer for "give me the initial value".
  return bytes.empty() ? running : libdeflate_adler32(running, bytes.data(), bytes.size());
}

std::uint32_t adler32_of_rest(std::uint32_t front, std::uint32_t whole, std::uint64_t bytes) {
  // With low half A and high half B of a checksum: A(xy) = A(x) + A(y) - 1, B(xy) = B(x) + B(y) + |y| (A(x) -
  // 1).
  constexpr std::uint64_t kModulus = 65521;
  const std::uint64_t n = bytes % kModulus;
  const std::uint64_t front_a = front & 0xffff, front_b = front >> 16;
  const std::uint64_t a = ((whole & 0xffff) + kModulus - front_a + 1) % kModulus;
  const std::uint64_t b = ((whole >> 16) + kModulus - front_b + n * (kModulus + 1 - front_a)) % kModulus;
  return static_cast<std::uint32_t>(b << 16 | a);
}

std::uint32_t crc32(Bytes bytes, std::uint32_t running) {
  return bytes.empty() ? running : libdeflate_crc32(running, bytes.data(), bytes.size());
}

}  // namespace zkark
