#pragma once
#include <cstdint>

#include "formats/base/bytes.h"

namespace zkark {

/// Adler-32 (RFC 1950), initial value 1, continued from `running`.
std::uint32_t adler32(Bytes bytes, std::uint32_t running = 1);
/// Adler-32 of the last `bytes` bytes of a run whose checksum is `whole`, when that of the part before them
/// is `front`: any range is known from two prefixes.
std::uint32_t adler32_of_rest(std::uint32_t front, std::uint32_t whole, std::uint64_t bytes);
/// CRC-32 (IEEE, as in zlib), initial value 0, continued from `running`.
std::uint32_t crc32(Bytes bytes, std::uint32_t running = 0);

}  // namespace zkark
