// What holds for every verb there is.
#include <gtest/gtest.h>

#include <set>

#include "src/cli/completion.h"
#include "src/cli/globals.h"
#include "src/cli/help.h"
#include "src/cli/man.h"
#include "src/cli/verb.h"
#include "tests/cli/shell.h"

namespace zkark::test {
namespace {

using cli::OptionRow;
using cli::Verb;

bool is_name(std::string_view name) {
  return !name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == name.npos;
}

TEST(VerbTable, EveryRowIsWellFormed) {
  std::set<std::string_view> names;
  for (const Verb& verb : cli::all_verbs()) {
    SCOPED_TRACE(std::string(verb.info.name));
    EXPECT_TRUE(is_name(verb.info.name));
    EXPECT_TRUE(names.insert(verb.info.name).second) << "twice in the table";
    for (const char* reserved : {"defaults", "repo", "cluster", "retention"})
      EXPECT_NE(verb.info.name, reserved);
    EXPECT_FALSE(verb.info.summary.empty());
    EXPECT_NE(verb.info.summary.back(), '.');
    EXPECT_LT(verb.info.summary.size(), 80u);
    for (const cli::Example& example : verb.info.examples)
      EXPECT_NE(example.command.find("zkark"), std::string_view::npos) << example.command;
    for (int code : verb.info.exit_codes) EXPECT_FALSE(cli::exit_code_meaning(code).empty()) << code;
    std::set<std::string> options;
    std::set<char> letters;
    for (const OptionRow& row : verb.options) {
      SCOPED_TRACE(row.name);
      EXPECT_TRUE(is_name(row.name));
      EXPECT_TRUE(options.insert(row.name).second);
      if (row.letter != 0) {
        EXPECT_TRUE(letters.insert(row.letter).second);
      }
      EXPECT_FALSE(row.help.empty());
      EXPECT_NE(row.help.back(), '.');
      EXPECT_TRUE(row.set);
      EXPECT_EQ(row.kind == cli::ValueKind::kFlag, row.value_name.empty());
      for (const std::string& other : row.excluded) EXPECT_NE(verb.find_option(other), nullptr) << other;
    }
    for (const OptionRow& row : cli::global_options()) {
      if (!cli::applies_to(row, verb)) continue;
      EXPECT_EQ(options.count(row.name), 0u) << "hides the global --" << row.name;
      EXPECT_EQ(letters.count(row.letter), 0u) << "hides the global -" << row.letter;
    }
    for (std::size_t i = 0; i < verb.arguments.size(); ++i) {
      EXPECT_FALSE(verb.arguments[i].help.empty());
      if (i + 1 < verb.arguments.size()) {
        EXPECT_FALSE(verb.arguments[i].repeated) << "only the last may repeat";
      }
    }
    EXPECT_FALSE(cli::verb_help_text(verb, 80).empty());
  }
}

TEST(VerbTable, EveryErrorIdIsExplained) {
  std::set<unsigned> numbers;
  for (const ErrorInfo& info : all_errors()) {
    EXPECT_TRUE(numbers.insert(static_cast<unsigned>(info.id)).second) << info.name;
    EXPECT_FALSE(cli::exit_code_meaning(exit_code(info.id)).empty()) << info.name;
    EXPECT_FALSE(info.explanation.empty()) << info.name;
  }
}

TEST(VerbTable, GroffFindsNothingWrongWithAnyManualPage) {
  if (!installed("groff")) GTEST_SKIP() << "groff is not installed";
  auto complaints = [](const std::string& page) {
    return shell("groff -z -ww -man " + write_temporary("table.1", page)).output;
  };
  EXPECT_EQ(complaints(cli::main_man_page(cli::all_verbs(), "1")), "");
  for (const Verb& verb : cli::all_verbs())
    EXPECT_EQ(complaints(cli::verb_man_page(verb, "1")), "") << verb.info.name;
}

TEST(VerbTable, ShellsAcceptTheirScripts) {
  const std::vector<Verb>& verbs = cli::all_verbs();
  EXPECT_EQ(shell("bash -n " + write_temporary("table.bash", cli::bash_completion(verbs))).output, "");
  if (installed("zsh")) {
    EXPECT_EQ(shell("zsh -n " + write_temporary("table.zsh", cli::zsh_completion(verbs))).output, "");
  }
  if (installed("fish")) {
    EXPECT_EQ(shell("fish --no-execute " + write_temporary("table.fish", cli::fish_completion(verbs))).output,
              "");
  }
}

}  // namespace
}  // namespace zkark::test
