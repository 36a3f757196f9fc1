#pragma once
// Transactions that somebody changed and sealed again: every checksum is right, the history is not.
#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/sim_fs.h"

namespace zkark::test {

/// Moves the time of one record of a log by a millisecond. False when the log does not hold it.
inline bool forge_record(SimFs& fs, const std::string& path, std::int64_t zxid) {
  constexpr std::size_t kFileHeader = 16, kPrefix = 12, kZxid = 12, kTime = 20;
  std::string bytes = fs.get(path).value_or("");
  const auto number = [&](std::size_t at, int size) {
    std::uint64_t value = 0;
    for (int i = 0; i < size; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
    return value;
  };
  for (std::size_t at = kFileHeader; at + kPrefix < bytes.size();) {
    const std::size_t length = number(at + 8, 4), payload = at + kPrefix;
    if (length == 0 || payload + length > bytes.size()) return false;
    if (static_cast<std::int64_t>(number(payload + kZxid, 8)) == zxid) {
      bytes[payload + kTime + 7] ^= 1;
      std::uint32_t a = 1, b = 0;  // Adler-32
      for (std::size_t i = 0; i < length; ++i) {
        a = (a + static_cast<unsigned char>(bytes[payload + i])) % 65521;
        b = (b + a) % 65521;
      }
      const std::uint32_t sum = b << 16 | a;
      for (int i = 0; i < 4; ++i) bytes[at + 4 + i] = static_cast<char>(sum >> (24 - 8 * i));
      fs.put(path, bytes);
      return true;
    }
    at = payload + length + 1;
  }
  return false;
}

/// The records of several logs from `first` on, as one log.
inline std::string join_logs(const SimFs& fs, const std::vector<std::string>& paths, std::int64_t first) {
  std::string joined;
  for (const std::string& path : paths) {
    const std::string bytes = fs.get(path).value_or("");
    if (joined.empty()) joined = bytes.substr(0, 16);
    for (std::size_t at = 16; at + 12 < bytes.size();) {
      std::size_t length = 0, zxid = 0;
      for (int i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(bytes[at + 8 + i]);
      if (length == 0) break;
      for (int i = 0; i < 8; ++i) zxid = zxid << 8 | static_cast<unsigned char>(bytes[at + 24 + i]);
      if (static_cast<std::int64_t>(zxid) >= first) joined += bytes.substr(at, length + 13);
      at += length + 13;
    }
  }
  return joined;
}

}  // namespace zkark::test
