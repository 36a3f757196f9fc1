#pragma once
// The options that every verb has, as a table like any verb's.
#include <vector>

#include "src/cli/context.h"
#include "src/cli/verb.h"

namespace zkark::cli {

/// Rows that set fields of a Globals.
const std::vector<OptionRow>& global_options();
/// True when the option does something for this verb.
bool applies_to(const OptionRow& global, const Verb& verb);
/// True when it does something for any verb of the table: only then is it shown anywhere.
bool is_used(const OptionRow& global, const std::vector<Verb>& verbs);
/// ZKARK_LOCK_WAIT, or ZKARK_BACKUP_TYPE for an option of a verb.
std::string variable_name(const OptionRow& row, const Verb* verb);

}  // namespace zkark::cli
