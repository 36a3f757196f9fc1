#pragma once
#include <string>

#include "tests/support/sim_fs.h"

namespace zkark::test {

/// Copies a real directory, subdirectories and symlinks as they are, into `fs` as `to`, with modes and
/// mtimes. `real` is relative to the repository root, such as "fixtures/zk-3.9-gz", or absolute. Aborts when
/// it is missing.
void load_dir(SimFs& fs, const std::string& real, const std::string& to);

/// The bytes of one real file, named in the same way.
std::string load_file(const std::string& real);

}  // namespace zkark::test
