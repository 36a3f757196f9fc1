#pragma once
// A plan of undo as people and programs see it.
#include <string>

#include "src/cli/output.h"
#include "src/forensics/undo.h"

namespace zkark::cli {

struct UndoShown {
  std::string source;     // for people
  std::int64_t zxid = 0;  // of the state that the plan is made for
  std::optional<std::int64_t> back_to;
  bool complete = true;
  std::uint64_t max_request_bytes = 0;
};
/// Everything untrusted is escaped.
void print_undo(Output& output, const forensics::UndoPlan& plan, const UndoShown& shown);

/// What keeps a node from being undone, in words: "was changed by others later".
std::string hindrance_text(const forensics::LeftAlone& left);
/// Its name in JSON: "changed-later".
std::string_view hindrance_name(forensics::Hindrance why);

}  // namespace zkark::cli
