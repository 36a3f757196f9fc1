#pragma once
#include <memory>
#include <string>

#include "formats/base/fs.h"
#include "formats/base/random.h"
#include "formats/base/system.h"
#include "src/backup/backend/backend.h"

namespace zkark::backup {

/// A backend for a repository URL: a path, "file:PATH" or "file:///PATH". kUsage, naming what this release
/// supports, for other schemes. Touches nothing. Borrows `fs`, `random` and `system` for the life of the
/// backend; `system` tells whether files are to be handed to the owner of the place (backend/local.h).
Result<std::unique_ptr<Backend>> open_backend(const std::string& url, Fs& fs, Random& random,
                                              System* system = nullptr);

}  // namespace zkark::backup
