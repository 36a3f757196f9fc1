#pragma once
#include <memory>
#include <string>

#include "formats/base/fs.h"
#include "formats/base/random.h"
#include "src/backup/backend/backend.h"

namespace zkark::backup {

/// A backend for a repository URL: a path, "file:PATH" or "file:///PATH". kUsage, naming what this release
/// supports, for other schemes. Touches nothing. Borrows `fs` and `random` for the life of the backend.
Result<std::unique_ptr<Backend>> open_backend(const std::string& url, Fs& fs, Random& random);

}  // namespace zkark::backup
