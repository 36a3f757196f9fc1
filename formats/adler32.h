#pragma once
#include <cstdint>

#include "formats/base/bytes.h"

namespace zkark {

/// Adler-32 (RFC 1950), initial value 1, continued from `running`.
std::uint32_t adler32(Bytes bytes, std::uint32_t running = 1);
/// CRC-32 (IEEE, as in zlib), initial value 0, continued from `running`.
std::uint32_t crc32(Bytes bytes, std::uint32_t running = 0);

}  // namespace zkark
