#include "src/cli/verb.h"

namespace zkark::cli {

const Verb* find_verb(const std::vector<Verb>& verbs, std::string_view name) {
  for (const Verb& verb : verbs)
    if (verb.info.name == name) return &verb;
  return nullptr;
}

OptionRow& OptionRow::excludes(std::initializer_list<std::string_view> names) {
  for (std::string_view one : names) excluded.emplace_back(one);
  return *this;
}

const OptionRow* Verb::find_option(std::string_view name) const {
  for (const OptionRow& row : options)
    if (row.name == name) return &row;
  return nullptr;
}

std::string_view group_title(Group group) {
  switch (group) {
    case Group::kRepository:
      return "Repository";
    case Group::kRestore:
      return "Restore";
    case Group::kForensics:
      return "Forensics";
    case Group::kExchange:
      return "Exchange";
    case Group::kServer:
      return "Server";
    case Group::kMeta:
      return "About zkark";
  }
  return "";
}

std::string_view exit_code_meaning(int code) {
  switch (code) {
    case 0:
      return "done";
    case 1:
      return "internal error";
    case 2:
      return "wrong use of the command line, or bad configuration";
    case 3:
      return "done, but incomplete: what was skipped is listed";
    case 4:
      return "differences were found";
    case 5:
      return "point, id or path not found";
    case 6:
      return "corruption was found";
    case 7:
      return "refused for safety";
    case 8:
      return "the ensemble could not be reached";
    case 9:
      return "storage error";
    case 10:
      return "no repository at that place";
    case 11:
      return "the repository is locked";
    case 12:
      return "wrong password";
    case 13:
      return "an objective was missed";
    case 130:
      return "interrupted";
    default:
      return "";
  }
}

}  // namespace zkark::cli
