#pragma once
// Sealed text: how HEAD, manifests, the repository's config, locks and pins are stored. The first line is
//   zkark KIND VERSION SHA256
// and the rest is JSON. SHA256 covers the first line without it and everything behind that line:
//   sed '1s/ [0-9a-f]*$//' FILE | sha256sum
#include <cstdint>
#include <string>
#include <string_view>

#include "formats/base/result.h"

namespace zkark::backup {

std::string seal(std::string_view kind, std::uint32_t version, std::string_view body);

/// The body, borrowed from `file`. kDamaged when the seal does not match, kBadMagic when this is no sealed
/// file of that kind, kRepositoryTooNew when the seal is right and the version is above `version_max`: the
/// message names the release that the body's "zkark_needed" asks for.
Result<std::string_view> unseal(std::string_view file, std::string_view kind, std::uint32_t version_max);

}  // namespace zkark::backup
