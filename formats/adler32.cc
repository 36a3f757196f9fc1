#include "formats/adler32.h"

#include <libdeflate.h>

namespace zkark {

std::uint32_t adler32(Bytes bytes, std::uint32_t running) {
  return libdeflate_adler32(running, bytes.data(), bytes.size());
}

std::uint32_t crc32(Bytes bytes, std::uint32_t running) {
  return libdeflate_crc32(running, bytes.data(), bytes.size());
}

}  // namespace zkark
