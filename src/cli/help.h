#pragma once
// Help texts for people, made from the verb table.
#include <string>
#include <vector>

#include "src/cli/verb.h"

namespace zkark::cli {

/// What `zkark` and `zkark help` print.
std::string overview_text(const std::vector<Verb>& verbs, unsigned columns);
/// What `zkark help VERB` and `zkark VERB --help` print.
std::string verb_help_text(const Verb& verb, unsigned columns);
/// "zkark ls [OPTIONS] SRC [PATH...]".
std::string usage_line(const Verb& verb);
/// "-r, --repo REPO", "    --bump-epoch[=N]".
std::string option_spelling(const OptionRow& row);
/// What is said about an option: help, values, default, variable; one paragraph, no final dot.
std::string option_description(const OptionRow& row);
/// The exit codes of a verb, with the common ones, ascending.
std::vector<int> all_exit_codes(const Verb& verb);
/// Options of a verb by heading, the global ones that apply last.
struct OptionSection {
  std::string title;
  std::vector<const OptionRow*> rows;
};
std::vector<OptionSection> option_sections(const Verb& verb);

}  // namespace zkark::cli
