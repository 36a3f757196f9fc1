#include "src/cli/completion.h"

#include <fmt/format.h>

#include "formats/base/error.h"
#include "src/cli/globals.h"

namespace zkark::cli {
namespace {

std::string replace_all(std::string text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != text.npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

/// Inside '…' of a shell.
std::string quoted(std::string_view text) { return "'" + replace_all(std::string(text), "'", "'\\''") + "'"; }

bool takes_value(const OptionRow& row) { return row.kind != ValueKind::kFlag && !row.value_may_be_left_out; }

std::string joined_choices(const OptionRow& row) {
  std::string text;
  for (const auto& [name, help] : row.choices) text += (text.empty() ? "" : " ") + name;
  return text;
}

std::string verb_names(const std::vector<Verb>& verbs) {
  std::string text;
  for (const Verb& verb : verbs)
    if (!verb.info.hidden) text += (text.empty() ? "" : " ") + std::string(verb.info.name);
  return text;
}

std::string error_ids() {
  std::string text;
  for (const ErrorInfo& info : all_errors()) text += (text.empty() ? "" : " ") + error_code(info.id);
  return text;
}

bool has_verb(const std::vector<Verb>& verbs, std::string_view name) {
  return find_verb(verbs, name) != nullptr;
}

/// The shell function of each kind of name, the same in all three scripts: _zkark_ids, …
std::string lookups(const std::vector<Verb>& verbs, std::string_view open, std::string_view close,
                    std::string_view repository) {
  auto function = [&](std::string_view name, const std::string& body) {
    return fmt::format("{}\n  {}\n{}\n", fmt::format(fmt::runtime(open), name), body, close);
  };
  std::string out;
  if (has_verb(verbs, "list"))
    out += function("_zkark_ids",
                    fmt::format("zkark list --no-input -o plain {} 2>/dev/null | cut -f1", repository));
  else
    out += function("_zkark_ids", "true");
  const std::string show = "zkark config show -o plain 2>/dev/null | sed -n ";
  out += function("_zkark_repositories", show + "'s/^repo\\.\\(.*\\)\\.url\\t.*/\\1/p'");
  out += function("_zkark_clusters", show + "'s/^cluster\\.\\([^.]*\\)\\..*/\\1/p' | sort -u");
  return out;
}

// ---- bash ----

/// What fills `words` or lists files for a row.
std::string bash_action(const OptionRow& row, const std::vector<Verb>& verbs) {
  if (!row.choices.empty()) return fmt::format("words={}", quoted(joined_choices(row)));
  switch (row.offers) {
    case Completes::kFile:
      return "files=f";
    case Completes::kDirectory:
      return "files=d";
    case Completes::kSource:
      return "files=f words=$(_zkark_ids)";
    case Completes::kPoint:
      return "words=\"latest $(_zkark_ids)\"";
    case Completes::kBackupId:
      return "words=\"latest $(_zkark_ids)\"";
    case Completes::kRepository:
      return "files=d words=$(_zkark_repositories)";
    case Completes::kCluster:
      return "words=$(_zkark_clusters)";
    case Completes::kVerb:
      return fmt::format("words={}", quoted(verb_names(verbs)));
    case Completes::kErrorId:
      return fmt::format("words={}", quoted(error_ids()));
    case Completes::kNothing:
      return ":";
  }
  return ":";
}

/// A `case` pattern for both spellings, each after `prefix`.
std::string bash_pattern(std::string_view prefix, const OptionRow& row) {
  if (row.letter == 0) return fmt::format("{}--{}", prefix, row.name);
  return fmt::format("{}-{}|{}--{}", prefix, row.letter, prefix, row.name);
}

}  // namespace

std::string bash_completion(const std::vector<Verb>& verbs) {
  std::string values;        // options whose next word is a value
  std::string option_cases;  // after one of those
  std::string verb_cases;    // words and positions of each verb
  auto add_option = [&](const OptionRow& row, std::string_view verb) {
    if (takes_value(row))
      option_cases += fmt::format("    {}) {}; found=1 ;;\n", bash_pattern(fmt::format("{}:", verb), row),
                                  bash_action(row, verbs));
  };
  for (const OptionRow& row : global_options())
    if (takes_value(row)) values += fmt::format("{}{}", values.empty() ? "" : "|", bash_pattern("", row));
  for (const Verb& verb : verbs) {
    if (verb.info.hidden) continue;
    std::string flags = "-h --help", own_values;
    for (const OptionRow& row : verb.options) {
      add_option(row, verb.info.name);
      flags += " --" + row.name;
      if (takes_value(row))
        own_values += fmt::format("{}{}", own_values.empty() ? "" : "|", bash_pattern("", row));
    }
    for (const OptionRow& row : global_options())
      if (applies_to(row, verb)) flags += " --" + row.name;
    verb_cases += fmt::format("    {})\n      options={}\n", verb.info.name, quoted(flags));
    if (!verb.arguments.empty()) {
      verb_cases += "      case $position in\n";
      for (std::size_t i = 0; i < verb.arguments.size(); ++i)
        verb_cases += fmt::format("        {}) {} ;;\n", verb.arguments[i].repeated ? "*" : std::to_string(i),
                                  bash_action(verb.arguments[i], verbs));
      verb_cases += "      esac\n";
    }
    verb_cases += "      ;;\n";
    if (!own_values.empty()) values += fmt::format("|{}", own_values);
  }
  for (const OptionRow& row : global_options()) add_option(row, "*");
  std::string before_verb = "-h --help --version";
  for (const OptionRow& row : global_options())
    if (is_used(row, verbs)) before_verb += " --" + row.name;

  std::string out = "# bash completion for zkark, made by `zkark completion bash`\n\n";
  out += lookups(verbs, "{}() {{", "}", "\"${_zkark_repository[@]}\"");
  out += R"(
_zkark() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
  local verb= word words= options= files= found= position=-1 i
  local -a _zkark_repository=()
  [[ $cur == '=' ]] && cur=
  [[ $prev == '=' && COMP_CWORD -gt 1 ]] && prev=${COMP_WORDS[COMP_CWORD - 2]}
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    case $word in
      -r|--repo)
        [[ ${COMP_WORDS[i + 1]} == '=' ]] && ((i++))
        _zkark_repository=(-r "${COMP_WORDS[++i]}") ;;
      )";
  out += values + R"()
        [[ ${COMP_WORDS[i + 1]} == '=' ]] && ((i++))
        ((i++)) ;;
      -*|=) ;;
      *) [[ -z $verb ]] && verb=$word; ((position++)) ;;
    esac
  done
  case $verb:$prev in
)" + option_cases +
         R"(  esac
  if [[ -z $found ]]; then
    case $verb in
    '') options=)" +
         quoted(before_verb) + " words=" + quoted(verb_names(verbs)) + R"( ;;
)" + verb_cases +
         R"(    esac
    [[ $cur == -* ]] && words=$options files=
  fi
  COMPREPLY=()
  [[ -n $words ]] && mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
  if [[ -n $files ]]; then
    compopt -o filenames 2>/dev/null
    local -a names
    mapfile -t names < <(compgen -"$files" -- "$cur")
    COMPREPLY+=("${names[@]}")
  fi
}
complete -F _zkark zkark
)";
  return out;
}

// ---- zsh ----

namespace {

/// Inside the [..] or after a : of an _arguments specification.
std::string zsh_text(std::string_view text) {
  std::string out(text);
  for (const char* special : {"\\", "[", "]", ":"})
    out = replace_all(out, special, std::string("\\") + special);
  return out;
}

std::string zsh_action(const OptionRow& row, const std::vector<Verb>& verbs) {
  if (!row.choices.empty()) {
    std::string text = "((";
    for (const auto& [name, help] : row.choices)
      text += (text.size() > 2 ? " " : "") + zsh_text(name) +
              (help.empty() ? "" : "\\:\"" + zsh_text(help) + "\"");
    return text + "))";
  }
  switch (row.offers) {
    case Completes::kFile:
      return "_files";
    case Completes::kDirectory:
      return "_files -/";
    case Completes::kSource:
      return "_zkark_source";
    case Completes::kPoint:
    case Completes::kBackupId:
      return "_zkark_point";
    case Completes::kRepository:
      return "_zkark_repository";
    case Completes::kCluster:
      return "_zkark_cluster";
    case Completes::kVerb:
      return "(" + verb_names(verbs) + ")";
    case Completes::kErrorId:
      return "(" + error_ids() + ")";
    case Completes::kNothing:
      return " ";
  }
  return " ";
}

std::string zsh_option(const OptionRow& row, const std::vector<Verb>& verbs) {
  std::string value;
  if (row.kind != ValueKind::kFlag)
    value = fmt::format("{}{}:{}", row.value_may_be_left_out ? "::" : ":", zsh_text(row.value_name),
                        zsh_action(row, verbs));
  std::string excluded;
  if (!row.repeated) {
    excluded =
        row.letter != 0 ? fmt::format("(-{} --{}", row.letter, row.name) : fmt::format("(--{}", row.name);
    for (const std::string& other : row.excluded) excluded += " --" + other;
    excluded += ")";
  }
  const std::string help = "[" + zsh_text(row.help) + "]" + value;
  const std::string star = row.repeated ? "*" : "";
  const std::string mark = row.kind == ValueKind::kFlag ? "" : row.value_may_be_left_out ? "=-" : "=";
  std::string out = fmt::format(" \\\n      {}", quoted(excluded + star + "--" + row.name + mark + help));
  if (row.letter != 0) {
    const std::string letter_mark = row.kind == ValueKind::kFlag ? "" : "+";
    out += fmt::format(" \\\n      {}", quoted(excluded + star + "-" + row.letter + letter_mark + help));
  }
  return out;
}

}  // namespace

std::string zsh_completion(const std::vector<Verb>& verbs) {
  std::string out = "#compdef zkark\n# zsh completion for zkark, made by `zkark completion zsh`\n\n";
  out += lookups(verbs, "{}() {{", "}",
                 "${opt_args[-r]:+-r} ${opt_args[-r]} ${opt_args[--repo]:+-r} ${opt_args[--repo]}");
  out += R"zsh(
_zkark_point() {
  local -a names=(latest ${(f)"$(_zkark_ids)"})
  compadd -a names
}
_zkark_source() {
  _alternative 'files:file:_files' 'points:backup:_zkark_point'
}
_zkark_repository() {
  local -a names=(${(f)"$(_zkark_repositories)"})
  compadd -a names
  _files -/
}
_zkark_cluster() {
  local -a names=(${(f)"$(_zkark_clusters)"})
  compadd -a names
}
_zkark_verb() {
  local -a verbs=(
)zsh";
  for (const Verb& verb : verbs)
    if (!verb.info.hidden)
      out += "    " + quoted(fmt::format("{}:{}", verb.info.name, verb.info.summary)) + "\n";
  out += R"(  )
  _describe -t verbs 'verb' verbs
}

_zkark() {
  local curcontext=$curcontext state line
  typeset -A opt_args
  _arguments -C -S \
      '(- *)'{-h,--help}'[help]' \
      '(- *)--version[print the version]')";
  for (const OptionRow& row : global_options())
    if (is_used(row, verbs)) out += zsh_option(row, verbs);
  out += R"( \
      '1: :_zkark_verb' \
      '*:: :->arguments' && return
  [[ $state == arguments ]] || return
  curcontext="${curcontext%:*}-$words[1]:"
  case $words[1] in
)";
  for (const Verb& verb : verbs) {
    if (verb.info.hidden) continue;
    out += fmt::format("    {})\n      _arguments -S \\\n      '(- *)'{{-h,--help}}'[help]'", verb.info.name);
    for (const OptionRow& row : verb.options) out += zsh_option(row, verbs);
    for (const OptionRow& row : global_options())
      if (applies_to(row, verb) && verb.find_option(row.name) == nullptr) out += zsh_option(row, verbs);
    for (std::size_t i = 0; i < verb.arguments.size(); ++i) {
      const OptionRow& row = verb.arguments[i];
      const std::string place = row.repeated ? "*" : std::to_string(i + 1);
      out += fmt::format(" \\\n      {}",
                         quoted(fmt::format("{}{}{}:{}", place, row.is_required || row.repeated ? ":" : "::",
                                            zsh_text(row.name), zsh_action(row, verbs))));
    }
    out += "\n      ;;\n";
  }
  return out +
         "  esac\n}\n\n"
         "if [[ $funcstack[1] == _zkark ]]; then\n  _zkark \"$@\"\nelse\n  compdef _zkark zkark\nfi\n";
}

// ---- fish ----

namespace {

std::string fish_quoted(std::string_view text) {
  return "'" + replace_all(replace_all(std::string(text), "\\", "\\\\"), "'", "\\'") + "'";
}

/// The arguments of `complete` that say what follows.
std::string fish_action(const OptionRow& row, const std::vector<Verb>& verbs) {
  if (!row.choices.empty()) {
    std::string text;  // fish expands this word once more: \t and the quotes are for that
    for (const auto& [name, help] : row.choices)
      text += (text.empty() ? "" : " ") + name + (help.empty() ? "" : "\\t\"" + help + "\"");
    return "-f -a " + fish_quoted(text);
  }
  switch (row.offers) {
    case Completes::kFile:
      return "-F";
    case Completes::kDirectory:
      return "-f -a '(__fish_complete_directories)'";
    case Completes::kSource:
      return "-F -a '(_zkark_ids)'";
    case Completes::kPoint:
    case Completes::kBackupId:
      return "-f -a 'latest (_zkark_ids)'";
    case Completes::kRepository:
      return "-f -a '(_zkark_repositories) (__fish_complete_directories)'";
    case Completes::kCluster:
      return "-f -a '(_zkark_clusters)'";
    case Completes::kVerb:
      return "-f -a " + fish_quoted(verb_names(verbs));
    case Completes::kErrorId:
      return "-f -a " + fish_quoted(error_ids());
    case Completes::kNothing:
      return "-f";
  }
  return "-f";
}

std::string fish_option(const OptionRow& row, const std::vector<Verb>& verbs, std::string_view condition) {
  std::string out = fmt::format("complete -c zkark -n {} -l {}", fish_quoted(condition), row.name);
  if (row.letter != 0) out += fmt::format(" -s {}", row.letter);
  if (takes_value(row)) out += " -r " + fish_action(row, verbs);
  return out + fmt::format(" -d {}\n", fish_quoted(row.help));
}

}  // namespace

std::string fish_completion(const std::vector<Verb>& verbs) {
  std::string out = "# fish completion for zkark, made by `zkark completion fish`\n\n";
  out += R"(function _zkark_repository_words
  set -l words (commandline -opc)
  for i in (seq (count $words))
    switch $words[$i]
      case -r --repo
        test $i -lt (count $words); and echo -- -r; and echo -- $words[(math $i + 1)]
      case '--repo=*'
        echo -- -r; and echo -- (string replace -- --repo= '' $words[$i])
    end
  end
end
)";
  out += lookups(verbs, "function {}", "end", "(_zkark_repository_words)");
  out += "complete -c zkark -f\n";
  const std::string no_verb = fmt::format("not __fish_seen_subcommand_from {}", verb_names(verbs));
  out += fmt::format("complete -c zkark -n {} -l version -d 'print the version'\n", fish_quoted(no_verb));
  out += "complete -c zkark -s h -l help -d 'help'\n";
  for (const OptionRow& row : global_options())
    if (is_used(row, verbs)) out += fish_option(row, verbs, no_verb);
  for (const Verb& verb : verbs) {
    if (verb.info.hidden) continue;
    out += fmt::format("\ncomplete -c zkark -n {} -a {} -d {}\n", fish_quoted(no_verb), verb.info.name,
                       fish_quoted(verb.info.summary));
    const std::string seen = fmt::format("__fish_seen_subcommand_from {}", verb.info.name);
    for (const OptionRow& row : verb.arguments) {
      const std::string action = fish_action(row, verbs);
      if (action != "-f")
        out += fmt::format("complete -c zkark -n {} {} -d {}\n", fish_quoted(seen), action,
                           fish_quoted(row.name));
    }
    for (const OptionRow& row : verb.options) out += fish_option(row, verbs, seen);
    for (const OptionRow& row : global_options())
      if (applies_to(row, verb) && verb.find_option(row.name) == nullptr)
        out += fish_option(row, verbs, seen);
  }
  return out;
}

}  // namespace zkark::cli
