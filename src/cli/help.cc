#include "src/cli/help.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "src/cli/globals.h"
#include "src/cli/text.h"

namespace zkark::cli {
namespace {

std::string two_columns(const std::vector<std::pair<std::string, std::string>>& rows, unsigned columns,
                        unsigned widest) {
  unsigned left = 0;
  for (const auto& [name, text] : rows) left = std::max(left, std::min(display_width(name), widest));
  std::string out;
  for (const auto& [name, text] : rows) {
    std::string right = wrap(text, columns, left + 4);
    if (display_width(name) > left) {
      out += "  " + name + "\n" + right;
    } else {
      const std::string head = "  " + name + std::string(left - display_width(name) + 2, ' ');
      out += right.empty() ? "  " + name + "\n" : head + right.substr(left + 4);
    }
  }
  return out;
}

}  // namespace

std::string usage_line(const Verb& verb) {
  std::string line = fmt::format("zkark {} [OPTIONS]", verb.info.name);
  for (const OptionRow& row : verb.options)
    if (row.is_required) line += fmt::format(" --{} {}", row.name, row.value_name);
  for (const OptionRow& row : verb.arguments) {
    std::string name = row.name;
    if (!row.choices.empty()) {
      name.clear();
      for (const auto& [choice, help] : row.choices) name += (name.empty() ? "" : "|") + choice;
    }
    if (row.repeated) name += "...";
    line += row.is_required ? " " + name : " [" + name + "]";
  }
  return line;
}

std::string option_spelling(const OptionRow& row) {
  std::string text =
      row.letter != 0 ? fmt::format("-{}, --{}", row.letter, row.name) : fmt::format("    --{}", row.name);
  if (row.kind == ValueKind::kFlag) return text;
  return text + (row.value_may_be_left_out ? fmt::format("[={}]", row.value_name) : " " + row.value_name);
}

std::string option_description(const OptionRow& row) {
  std::string text = row.help;
  if (!row.choices.empty()) {
    text += ":";
    for (std::size_t i = 0; i < row.choices.size(); ++i) {
      const auto& [name, help] = row.choices[i];
      text += (i == 0 ? " " : ", ") + name + (help.empty() ? "" : " (" + help + ")");
    }
  }
  if (row.repeated) text += "; may be given several times";
  if (!row.default_shown.empty()) text += fmt::format(" [default: {}]", row.default_shown);
  return text;
}

std::vector<int> all_exit_codes(const Verb& verb) {
  std::set<int> codes(verb.info.exit_codes.begin(), verb.info.exit_codes.end());
  codes.insert({0, 1, 2, 130});
  return {codes.begin(), codes.end()};
}

std::vector<OptionSection> option_sections(const Verb& verb) {
  std::vector<OptionSection> sections;
  auto section = [&](const std::string& title) -> OptionSection& {
    for (OptionSection& one : sections)
      if (one.title == title) return one;
    return sections.emplace_back(OptionSection{title, {}});
  };
  for (const OptionRow& row : verb.options)
    section(row.heading.empty() ? "Options" : row.heading).rows.push_back(&row);
  std::stable_partition(sections.begin(), sections.end(),
                        [](const OptionSection& s) { return s.title == "Options"; });
  for (const OptionRow& row : global_options())
    if (applies_to(row, verb)) section("Global options").rows.push_back(&row);
  return sections;
}

std::string verb_help_text(const Verb& verb, unsigned columns) {
  const VerbInfo& info = verb.info;
  std::string out = fmt::format("zkark {}: {}\n\nUsage: {}\n", info.name, info.summary, usage_line(verb));
  if (!info.description.empty()) out += "\n" + wrap(info.description, columns, 0);
  if (!verb.arguments.empty()) {
    std::vector<std::pair<std::string, std::string>> rows;
    for (const OptionRow& row : verb.arguments) rows.emplace_back(row.name, option_description(row));
    out += "\nArguments:\n" + two_columns(rows, columns, 24);
  }
  for (const OptionSection& section : option_sections(verb)) {
    std::vector<std::pair<std::string, std::string>> rows;
    for (const OptionRow* row : section.rows)
      rows.emplace_back(option_spelling(*row), option_description(*row));
    if (section.title == "Global options") rows.emplace_back("-h, --help", "print this help");
    out += fmt::format("\n{}:\n", section.title) + two_columns(rows, columns, 26);
  }
  if (!info.examples.empty()) {
    out += "\nExamples:\n";
    for (const Example& example : info.examples) {
      out += fmt::format("  {}\n", example.command);
      if (!example.explanation.empty()) out += wrap(example.explanation, columns, 6);
    }
  }
  std::vector<std::pair<std::string, std::string>> codes;
  for (int code : all_exit_codes(verb)) codes.emplace_back(std::to_string(code), exit_code_meaning(code));
  return out + "\nExit status:\n" + two_columns(codes, columns, 8);
}

std::string overview_text(const std::vector<Verb>& verbs, unsigned columns) {
  std::string out =
      "zkark: backup, point-in-time restore, verification and forensics for Apache ZooKeeper\n\n"
      "Usage: zkark VERB [OPTIONS] [ARGUMENTS]\n";
  const Verb* previous = nullptr;
  std::vector<std::pair<std::string, std::string>> rows;
  auto end_group = [&] {
    if (previous == nullptr) return;
    out += fmt::format("\n{}:\n", group_title(previous->info.group)) + two_columns(rows, columns, 24);
    rows.clear();
  };
  for (const Verb& verb : verbs) {
    if (verb.info.hidden) continue;
    if (previous != nullptr && previous->info.group != verb.info.group) end_group();
    rows.emplace_back(verb.info.name, verb.info.summary);
    previous = &verb;
  }
  end_group();
  return out + "\n" +
         wrap(
             "`zkark help VERB` shows arguments, options, examples and exit status of a verb; `zkark man "
             "VERB | man -l -` "
             "the same as a manual page. Every option can also stand in the environment (ZKARK_REPO, "
             "ZKARK_BACKUP_TYPE) "
             "and in the configuration file (`zkark config show --origin`).",
             columns, 0);
}

}  // namespace zkark::cli
