#pragma once
#include <string_view>

namespace zkark::cli {

/// "0.1.0", from CMake's project().
extern const std::string_view kVersion;

}  // namespace zkark::cli
