#include "src/cli/man.h"

#include <fmt/format.h>

#include <set>

#include "src/cli/globals.h"
#include "src/cli/help.h"
#include "src/cli/text.h"

namespace zkark::cli {
namespace {

/// Paragraphs divided by an empty line; `code` between backquotes becomes bold.
std::string paragraphs(std::string_view text) {
  std::string out;
  bool bold = false, line_start = true;
  auto plain = [&](std::string_view part) {
    if (part.empty()) return;
    out += roff_escape(part);
    line_start = false;
  };
  while (!text.empty()) {
    const std::size_t stop = text.find_first_of("`\n");
    plain(text.substr(0, stop));
    if (stop == text.npos) break;
    if (text[stop] == '`') {
      if (line_start) out += "\\&";
      out += bold ? "\\fR" : "\\fB";
      bold = !bold;
      line_start = false;
      text.remove_prefix(stop + 1);
      continue;
    }
    const bool paragraph = text.substr(stop, 2) == "\n\n";
    out += paragraph ? "\n.PP\n" : "\n";
    line_start = true;
    text.remove_prefix(stop + (paragraph ? 2 : 1));
  }
  return out + "\n";
}

std::string heading(std::string_view name, std::string_view version) {
  std::string upper(name);
  for (char& c : upper)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  return fmt::format(
      ".\\\" made by `zkark man`\n.TH \"{}\" \"1\" \"\" \"zkark {}\" \"zkark manual\"\n.nh\n.ad l\n", upper,
      version);
}

std::string item(std::string_view tag, std::string_view text) {
  return fmt::format(".TP\n{}\n{}", tag, paragraphs(text));
}

std::string bold(std::string_view text) { return fmt::format("\\fB{}\\fR", roff_escape(text)); }

std::string option_tag(const OptionRow& row) {
  std::string tag;
  if (row.letter != 0) tag = bold(fmt::format("-{}", row.letter)) + ", ";
  tag += bold("--" + row.name);
  if (row.kind == ValueKind::kFlag) return tag;
  const std::string value = fmt::format("\\fI{}\\fR", roff_escape(row.value_name));
  return tag + (row.value_may_be_left_out ? "[=" + value + "]" : " " + value);
}

std::string options(const std::vector<OptionSection>& sections, const Verb& verb) {
  std::string out = ".SH OPTIONS\n";
  for (const OptionSection& section : sections) {
    if (section.title != "Options") out += fmt::format(".SS {}\n", roff_escape(section.title));
    for (const OptionRow* row : section.rows) {
      const bool own = verb.find_option(row->name) == row;
      std::string text = option_description(*row);
      if (!row->from_command_line_only && row->negated.empty())
        text += fmt::format(" (`{}`)", variable_name(*row, own ? &verb : nullptr));
      out += item(option_tag(*row), text);
    }
  }
  return out + item(bold("-h") + ", " + bold("--help"), "print help for people");
}

std::string exit_status(const std::vector<int>& codes) {
  std::string out = ".SH EXIT STATUS\n";
  for (int code : codes) out += item(bold(std::to_string(code)), exit_code_meaning(code));
  return out;
}

std::string files_section() {
  return ".SH FILES\n" +
         item(bold("/etc/zkark/zkark.toml") + ", " + bold("/etc/zkark/conf.d/*.toml"),
              "configuration of this machine") +
         item(bold("~/.config/zkark/zkark.toml"),
              "configuration of a user; it wins, key by key. See `zkark help config`");
}

}  // namespace

std::string roff_escape(std::string_view text) {
  std::string out;
  bool line_start = true;
  while (!text.empty()) {
    const CodePoint point = decode_utf8(text);
    const char c = text.front();
    if (line_start && (c == '.' || c == '\'')) out += "\\&";
    line_start = c == '\n';
    if (!point.valid)
      out += '?';
    else if (point.value >= 0x80)
      out += fmt::format("\\[u{:04X}]", point.value);
    else if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if (c == '\'')
      out += "\\(aq";
    else if (c == '`')
      out += "\\(ga";
    else if (c == '^')
      out += "\\(ha";
    else if (c == '~')
      out += "\\(ti";
    else if (c == '"')
      out += "\\(dq";
    else
      out += c;
    text.remove_prefix(point.length);
  }
  return out;
}

std::string verb_man_page(const Verb& verb, std::string_view version) {
  const VerbInfo& info = verb.info;
  std::string out = heading(fmt::format("zkark-{}", info.name), version);
  out += fmt::format(".SH NAME\nzkark\\-{} \\- {}\n", roff_escape(info.name), roff_escape(info.summary));
  out += fmt::format(".SH SYNOPSIS\n{}\n", bold(usage_line(verb)));
  if (!info.description.empty()) out += ".SH DESCRIPTION\n" + paragraphs(info.description);
  if (!verb.arguments.empty()) {
    out += ".SH ARGUMENTS\n";
    for (const OptionRow& row : verb.arguments)
      out += item(fmt::format("\\fI{}\\fR", roff_escape(row.name)), option_description(row));
  }
  out += options(option_sections(verb), verb);
  if (!info.examples.empty()) {
    out += ".SH EXAMPLES\n";
    for (const Example& example : info.examples)
      out += item(bold(example.command),
                  example.explanation.empty() ? std::string_view("\\&") : example.explanation);
  }
  out += exit_status(all_exit_codes(verb)) + files_section();
  return out + ".SH SEE ALSO\n.BR zkark (1)\n";
}

std::string main_man_page(const std::vector<Verb>& verbs, std::string_view version) {
  std::string out = heading("zkark", version);
  out +=
      ".SH NAME\nzkark \\- backup, point\\-in\\-time restore, verification and forensics for Apache "
      "ZooKeeper\n";
  out += ".SH SYNOPSIS\n\\fBzkark\\fR \\fIVERB\\fR [\\fIOPTIONS\\fR] [\\fIARGUMENTS\\fR]\n.SH VERBS\n";
  std::string_view group;
  for (const Verb& verb : verbs) {
    if (verb.info.hidden) continue;
    if (group != group_title(verb.info.group)) {
      group = group_title(verb.info.group);
      out += fmt::format(".SS {}\n", group);
    }
    out += item(fmt::format("\\fBzkark\\-{}\\fR(1)", roff_escape(verb.info.name)), verb.info.summary);
  }
  out += ".SH OPTIONS\nEvery verb takes those of these that mean something to it.\n";
  for (const OptionRow& row : global_options())
    if (is_used(row, verbs))
      out += item(option_tag(row),
                  fmt::format("{} (`{}`)", option_description(row), variable_name(row, nullptr)));
  std::set<int> codes;
  for (const Verb& verb : verbs)
    for (int code : all_exit_codes(verb)) codes.insert(code);
  out += exit_status({codes.begin(), codes.end()});
  out += ".SH ENVIRONMENT\n";
  out +=
      item(bold("ZKARK_OPTION") + ", " + bold("ZKARK_VERB_OPTION"),
           "a global option, an option of a verb: `ZKARK_REPO`, `ZKARK_LOG_FORMAT`. The command line wins");
  out += item(bold("NO_COLOR") + ", " + bold("CLICOLOR_FORCE"), "no colours, or colours without a terminal");
  out += item(bold("TZ"), "time zone of times given without one");
  out += files_section();
  out += ".SH SEE ALSO\n";
  std::string separator;
  for (const Verb& verb : verbs) {
    if (verb.info.hidden) continue;
    out += separator + fmt::format(".BR zkark\\-{} (1)", roff_escape(verb.info.name));
    separator = ",\n";
  }
  return out + "\n";
}

}  // namespace zkark::cli
