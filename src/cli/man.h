#pragma once
// Manual pages in roff, made from the verb table.
#include <string>
#include <string_view>
#include <vector>

#include "src/cli/verb.h"

namespace zkark::cli {

/// zkark(1): all verbs, global options, exit status, environment, files.
std::string main_man_page(const std::vector<Verb>& verbs, std::string_view version);
/// zkark-VERB(1).
std::string verb_man_page(const Verb& verb, std::string_view version);
/// Text that roff prints as it stands, at any place of a line.
std::string roff_escape(std::string_view text);

}  // namespace zkark::cli
