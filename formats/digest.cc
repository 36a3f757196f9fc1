#include "formats/digest.h"

#include <string>

#include "formats/adler32.h"

namespace zkark {
namespace {

/// What String.getBytes() gives under US-ASCII: one '?' for each character outside it, surrogate pairs
/// included.
std::string as_posix_charset(std::string_view path) {
  std::string ascii;
  for (char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80)
      ascii += c;
    else if ((byte & 0xc0) != 0x80)
      ascii += '?';
  }
  return ascii;
}

}  // namespace

std::uint64_t node_digest(std::string_view path, std::optional<Bytes> data, const StatPersisted& stat,
                          bool ascii_only) {
  if (!in_digest(path)) return 0;
  std::byte fields[StatPersisted::kBytes];
  // pzxid is third here, unlike on disk.
  store_u64(fields + 0, static_cast<std::uint64_t>(stat.czxid));
  store_u64(fields + 8, static_cast<std::uint64_t>(stat.mzxid));
  store_u64(fields + 16, static_cast<std::uint64_t>(stat.pzxid));
  store_u64(fields + 24, static_cast<std::uint64_t>(stat.ctime));
  store_u64(fields + 32, static_cast<std::uint64_t>(stat.mtime));
  store_u32(fields + 40, static_cast<std::uint32_t>(stat.version));
  store_u32(fields + 44, static_cast<std::uint32_t>(stat.cversion));
  store_u32(fields + 48, static_cast<std::uint32_t>(stat.aversion));
  store_u64(fields + 52, static_cast<std::uint64_t>(stat.ephemeral_owner));
  std::uint32_t crc = ascii_only ? crc32(as_bytes(as_posix_charset(path))) : crc32(as_bytes(path));
  if (data) crc = crc32(*data, crc);
  return crc32(fields, crc);
}

}  // namespace zkark
