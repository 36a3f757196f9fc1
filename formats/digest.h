#pragma once
// The tree digest, version 2 (reference/on-disk-formats section 5; DigestCalculator, ZOOKEEPER-3114): the
// 64-bit wrapping sum over all nodes of a CRC-32 of path, data and stat.
#include <cstdint>
#include <optional>
#include <string_view>

#include "formats/data.h"

namespace zkark {

inline constexpr std::int32_t kDigestVersion = 2;

/// Every path below /zookeeper/ is outside the digest; /zookeeper itself and look-alikes are inside.
constexpr bool in_digest(std::string_view path) { return !path.starts_with("/zookeeper/"); }

/// One node's share of the sum; `path` of the root is empty. Zero for paths outside the digest.
/// With `ascii_only`, each non-ASCII character of the path hashes as one '?': what a JVM up to 17 under a
/// POSIX locale computes.
std::uint64_t node_digest(std::string_view path, std::optional<Bytes> data, const StatPersisted& stat,
                          bool ascii_only = false);

}  // namespace zkark
