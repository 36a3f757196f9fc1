#pragma once
// Completion scripts made from the verb table. Names that only data knows (ids of backups, names of
// repositories and clusters) are asked of `zkark list` and `zkark config show` at the moment of completion.
#include <string>
#include <vector>

#include "src/cli/verb.h"

namespace zkark::cli {

std::string bash_completion(const std::vector<Verb>& verbs);
std::string zsh_completion(const std::vector<Verb>& verbs);
std::string fish_completion(const std::vector<Verb>& verbs);

}  // namespace zkark::cli
