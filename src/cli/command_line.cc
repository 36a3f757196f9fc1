// The only file that includes CLI11 (6 s of compile time). CLI11 takes the words of one verb apart; which
// verb it is, and what is unknown, is found here, because CLI11 says neither "did you mean" nor exits with
// our statuses.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>

#include "src/cli/app.h"
#include "src/cli/globals.h"
#include "src/cli/help.h"

namespace zkark::cli {
namespace {

bool takes_value(const OptionRow& row) { return row.kind != ValueKind::kFlag && !row.value_may_be_left_out; }

/// The rows that can be given: those of the verb, then the global ones. A verb's own option hides a global
/// one.
std::vector<const OptionRow*> rows_of(const Verb* verb) {
  std::vector<const OptionRow*> rows;
  if (verb != nullptr)
    for (const OptionRow& row : verb->options) rows.push_back(&row);
  for (const OptionRow& row : global_options()) rows.push_back(&row);
  return rows;
}

const OptionRow* find_long(const std::vector<const OptionRow*>& rows, std::string_view name) {
  for (const OptionRow* row : rows)
    if (row->name == name) return row;
  return nullptr;
}
const OptionRow* find_letter(const std::vector<const OptionRow*>& rows, char letter) {
  for (const OptionRow* row : rows)
    if (row->letter == letter && letter != 0) return row;
  return nullptr;
}

/// True when `word` looks like an option: --x or -x, but not -, --, or -2h.
bool is_option_word(std::string_view word) {
  if (word.size() < 2 || word[0] != '-' || word == "--") return false;
  return word[1] == '-' || !(word[1] >= '0' && word[1] <= '9');
}

/// The option of a word that wants the next word as its value; nullptr when it wants none.
const OptionRow* wants_next_word(const std::vector<const OptionRow*>& rows, std::string_view word) {
  if (!is_option_word(word)) return nullptr;
  if (word[1] == '-') {
    if (word.find('=') != word.npos) return nullptr;
    const OptionRow* row = find_long(rows, word.substr(2));
    return row != nullptr && takes_value(*row) ? row : nullptr;
  }
  for (std::size_t i = 1; i < word.size(); ++i) {
    const OptionRow* row = find_letter(rows, word[i]);
    if (row == nullptr) return nullptr;
    if (takes_value(*row)) return i + 1 == word.size() ? row : nullptr;
  }
  return nullptr;
}

std::size_t find_verb_word(const std::vector<const OptionRow*>& globals,
                           const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!is_option_word(words[i])) return i;
    if (wants_next_word(globals, words[i]) != nullptr) ++i;
  }
  return words.size();
}

Error unknown_verb(const std::vector<Verb>& verbs, const std::string& word) {
  std::vector<std::string> names;
  for (const Verb& verb : verbs)
    if (!verb.info.hidden) names.emplace_back(verb.info.name);
  Error error(ErrorId::kUsage, fmt::format("unknown verb '{}'", word));
  const std::string near = nearest(word, names);
  return near.empty() ? std::move(error).with_hint("`zkark help` lists the verbs")
                      : std::move(error).with_hint(fmt::format("did you mean 'zkark {}'?", near));
}

/// The first word before the verb that is no global option; "" when there is none. CLI11 would report it too,
/// but only after its value was taken for the verb.
std::string stray_before_verb(const std::vector<const OptionRow*>& globals,
                              const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size() && is_option_word(words[i]); ++i) {
    const std::string& word = words[i];
    const bool known = word[1] != '-' || word == "--help" || word == "--version" ||
                       find_long(globals, std::string_view(word).substr(2, word.find('=') - 2)) != nullptr;
    if (!known) return word;
    if (wants_next_word(globals, word) != nullptr) ++i;
  }
  return "";
}

Error unknown_option(const std::vector<const OptionRow*>& rows, const Verb* verb, const std::string& word) {
  Error error(ErrorId::kUsage,
              fmt::format("unknown option '{}'{}", word,
                          verb == nullptr ? "" : fmt::format(" of 'zkark {}'", verb->info.name)));
  std::vector<std::string> names = {"help"};
  for (const OptionRow* row : rows) names.push_back(row->name);
  if (word.size() > 2 && word[1] == '-') {
    const std::string near = nearest(std::string_view(word).substr(2, word.find('=') - 2), names);
    if (!near.empty()) return std::move(error).with_hint(fmt::format("did you mean '--{}'?", near));
  }
  return std::move(error).with_hint(verb == nullptr
                                        ? "the options of a verb stand after it; `zkark help` lists the verbs"
                                        : fmt::format("`zkark help {}` shows its options", verb->info.name));
}

/// What CLI11 would take in silence: an option name as another option's value, and `--name=` without a value.
Status check_values(const std::vector<const OptionRow*>& rows, const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (is_option_word(word) && word[1] == '-' && word.back() == '=') {
      const std::string name = word.substr(2, word.size() - 3);
      if (const OptionRow* row = find_long(rows, name)) return fail(empty_value(*row).context("--" + name));
    }
    const OptionRow* row = wants_next_word(rows, word);
    if (row == nullptr) continue;
    if (i + 1 == words.size())
      return fail(Error(ErrorId::kUsage, fmt::format("--{} needs a value ({})", row->name, row->value_name))
                      .with_hint(fmt::format("--{}: {}", row->name, row->help)));
    if (is_option_word(words[i + 1]))
      return fail(Error(ErrorId::kUsage, fmt::format("--{} needs a value ({}), but '{}' follows", row->name,
                                                     row->value_name, words[i + 1]))
                      .with_hint(fmt::format("if that is the value: --{}={}", row->name, words[i + 1])));
    ++i;
  }
  return {};
}

}  // namespace

Result<CommandLine> parse_command_line(const std::vector<Verb>& verbs,
                                       const std::vector<std::string>& arguments) {
  CommandLine line;
  const std::vector<const OptionRow*> globals = rows_of(nullptr);
  const auto terminator = std::find(arguments.begin(), arguments.end(), "--");
  std::vector<std::string> words(arguments.begin(), terminator);
  if (const std::string stray = stray_before_verb(globals, words); !stray.empty())
    return fail(unknown_option(globals, nullptr, stray));
  const std::size_t verb_at = find_verb_word(globals, words);
  if (verb_at < words.size()) {
    line.verb = find_verb(verbs, words[verb_at]);
    if (line.verb == nullptr) return fail(unknown_verb(verbs, words[verb_at]));
    words.erase(words.begin() + static_cast<std::ptrdiff_t>(verb_at));
  }
  const std::vector<const OptionRow*> rows = rows_of(line.verb);

  CLI::App app;
  app.set_help_flag();
  app.allow_extras();
  struct Declared {
    const OptionRow* row;
    CLI::Option* option;
  };
  std::vector<Declared> declared;
  for (const OptionRow* row : rows) {
    if (std::any_of(declared.begin(), declared.end(),
                    [&](const Declared& d) { return d.row->name == row->name; }))
      continue;
    std::string names = "--" + row->name;
    if (row->letter != 0) names = fmt::format("-{},{}", row->letter, names);
    CLI::Option* option = takes_value(*row) ? app.add_option(names) : app.add_flag(names);
    if (takes_value(*row)) option->expected(1)->allow_extra_args(false);
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    declared.push_back({row, option});
  }
  CLI::Option* help = app.add_flag("-h,--help")->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  CLI::Option* version = line.verb == nullptr ? app.add_flag("--version") : nullptr;

  if (std::find(words.begin(), words.end(), "--help") != words.end() ||
      std::find(words.begin(), words.end(), "-h") != words.end()) {
    line.help = true;  // whatever else is wrong with the line
    return line;
  }
  ZK_TRY_STATUS(check_values(rows, words));
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::Error& error) {
    return fail(ErrorId::kUsage, error.what());
  }
  line.help = help->count() > 0;
  line.version = version != nullptr && version->count() > 0;
  if (line.help) return line;

  for (const std::string& word : app.remaining()) {
    if (is_option_word(word)) return fail(unknown_option(rows, line.verb, word));
    line.arguments.push_back(word);
  }
  if (terminator != arguments.end())
    line.arguments.insert(line.arguments.end(), terminator + 1, arguments.end());
  for (const Declared& one : declared) {
    if (one.option->count() == 0) continue;
    GivenOption given{one.row, {}};
    for (const std::string& text : one.option->results())
      if (!takes_value(*one.row) && text == "true")
        given.values.emplace_back(std::nullopt);
      else
        given.values.emplace_back(text);
    line.options.push_back(std::move(given));
  }
  return line;
}

}  // namespace zkark::cli
