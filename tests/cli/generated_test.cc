// Texts made from the verb table: help, manual pages, completion. Golden texts come from the sample verbs of
// app_fixture.h; what must hold for every verb is checked over the real table. Written anew by
// ZKARK_GOLDEN=write.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "src/cli/globals.h"
#include "src/cli/help.h"
#include "src/cli/man.h"
#include "tests/cli/app_fixture.h"
#include "tests/cli/shell.h"
#include "tests/support/golden.h"

namespace zkark::test {
namespace {

class GeneratedTest : public AppTest {
 protected:
  std::string output_of(std::vector<std::string> words) {
    EXPECT_EQ(run(std::move(words)), 0) << console.err;
    return console.out;
  }
};

TEST_F(GeneratedTest, HelpIsAsReviewed) {
  EXPECT_EQ(golden("tests/cli/golden/overview.txt", output_of({})), "");
  EXPECT_EQ(golden("tests/cli/golden/help-save.txt", output_of({"help", "save"})), "");
  EXPECT_EQ(output_of({"save", "--help"}), output_of({"help", "save"}));
  EXPECT_EQ(output_of({"help"}), output_of({}));
  EXPECT_EQ(golden("tests/cli/golden/help-save.json", output_of({"help", "save", "--json"})), "");
}

TEST_F(GeneratedTest, HelpFitsTheTerminal) {
  for (unsigned width : {40u, 60u, 80u, 100u, 200u}) {
    console.width = width;
    std::istringstream lines(output_of({"help", "config"}));
    for (std::string line; std::getline(lines, line);)
      if (line.rfind("Usage", 0) != 0 && line.rfind("  zkark", 0) != 0 &&
          line.rfind("zkark config:", 0) != 0) {
        EXPECT_LE(line.size(), std::max(width, 58u)) << line;
      }
  }
}

TEST_F(GeneratedTest, ExplainAndVersionAreAsReviewed) {
  EXPECT_EQ(golden("tests/cli/golden/explain-0611.txt", output_of({"explain", "ZKA-0611"})), "");
  EXPECT_EQ(golden("tests/cli/golden/explain-0611.json", output_of({"explain", "611", "--json"})), "");
  const std::string version = output_of({"version", "--json"});
  EXPECT_EQ(version.rfind("{\"schema\":\"zkark.version/1\",\"version\":\"", 0), 0u) << version;
}

TEST_F(GeneratedTest, ConfigShowIsAsReviewed) {
  variables = {{"ZKARK_REPO", "/env"}};
  fs.put("/etc/zkark/zkark.toml",
         "[defaults]\ncolor = \"never\"\n[save]\ntype = \"full\"\n[repo.main]\nurl = "
         "\"/srv\"\n[cluster.kafka]\ntags = { env = \"prod\" }\n");
  EXPECT_EQ(golden("tests/cli/golden/config-show-origin.txt", output_of({"config", "show", "--origin"})), "");
}

TEST_F(GeneratedTest, CompletionIsAsReviewed) {
  for (const char* name : {"bash", "zsh", "fish"})
    EXPECT_EQ(golden(std::string("tests/cli/golden/completion.") + name, output_of({"completion", name})),
              "");
}

TEST_F(GeneratedTest, ManualPagesAreAsReviewed) {
  EXPECT_EQ(golden("tests/cli/golden/zkark.1", output_of({"man"})), "");
  EXPECT_EQ(golden("tests/cli/golden/zkark-save.1", output_of({"man", "save"})), "");
}

TEST_F(GeneratedTest, PagesAndScriptsAreDocumentsWhereJsonIsAskedFor) {
  const std::string page = output_of({"man", "save", "--json"});
  EXPECT_EQ(page.rfind("{\"schema\":\"zkark.man/1\",\"page\":\".", 0), 0u) << page.substr(0, 80);
  EXPECT_EQ(std::count(page.begin(), page.end(), '\n'), 1);
  const std::string script = output_of({"completion", "bash", "-o", "ndjson"});
  EXPECT_EQ(script.rfind("{\"schema\":\"zkark.completion/1\",\"script\":\"", 0), 0u) << script.substr(0, 80);
  EXPECT_EQ(output_of({"completion", "bash", "-o", "plain"}), output_of({"completion", "bash"}));
}

TEST_F(GeneratedTest, ManWritesEveryPage) {
  EXPECT_EQ(run({"man", "--all", "/out/man1"}), 0) << console.err;
  EXPECT_EQ(fs.files("/out/man1").size(), sample_verbs().size() + 1);
  EXPECT_EQ(*fs.get("/out/man1/zkark-save.1"), output_of({"man", "save"}));
  EXPECT_EQ(run({"man", "--all", "/out/man1"}), 0) << "twice is fine";
  EXPECT_EQ(run({"man", "nosuch"}), 2);
}

// ---- what the shells say about the scripts ----

TEST_F(GeneratedTest, BashCompletesVerbsOptionsValuesAndIds) {
  const std::string script = write_temporary("zkark.bash", output_of({"completion", "bash"}));
  EXPECT_EQ(shell("bash -n " + script).output, "");
  const std::string driver = write_temporary("drive.bash", "source " + script + R"bash(
zkark() {
  [[ $1 == list ]] && printf '%s\tfull\n' 9c41d7e2 "${*: -1}"
  [[ $1 == config ]] && printf 'repo.main.url\t/srv\ncluster.kafka.source\t/x\ncluster.kafka.tags\ty\n'
}
t() { COMP_WORDS=("$@"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _zkark; echo "$*> ${COMPREPLY[*]}"; }
t zkark sa
t zkark save --ty
t zkark save --type ""
t zkark save --type = f
t zkark save -t i
t zkark --output json save --lo
t zkark save -C k
t zkark explain ZKA-0705
t zkark completion ""
t zkark config ch
t zkark version --re
t zkark -r m
t zkark -r /srv save 9

)bash");
  EXPECT_EQ(shell("mkdir -p " + temporary_dir() + "/dirs/media && cd " + temporary_dir() + "/dirs && bash " +
                  driver)
                .output,
            "zkark sa> save\n"
            "zkark save --ty> --type\n"
            "zkark save --type > auto full incr\n"
            "zkark save --type = f> full\n"
            "zkark save -t i> incr\n"
            "zkark --output json save --lo> --log-format --lock-wait\n"
            "zkark save -C k> kafka\n"
            "zkark explain ZKA-0705> ZKA-0705\n"
            "zkark completion > bash zsh fish\n"
            "zkark config ch> check\n"
            "zkark version --re> \n"
            "zkark -r m> main media\n"
            "zkark -r /srv save 9> 9c41d7e2\n");
}

TEST_F(GeneratedTest, FishCompletesVerbsOptionsAndValues) {
  if (!installed("fish")) GTEST_SKIP() << "fish is not installed";
  const std::string script = write_temporary("zkark.fish", output_of({"completion", "fish"}));
  EXPECT_EQ(shell("fish --no-execute " + script).output, "");
  const std::string mock =
      "function zkark; test $argv[1] = list; and printf \"9c41d7e2\\tfull\\n%s\\n\" $argv[-1]; end";
  const auto complete = [&](const std::string& line) {
    return shell("HOME=" + temporary_dir() + " fish --no-config -c '" + mock + "; source " + script +
                 "; complete -C \"" + line + "\"'")
        .output;
  };
  EXPECT_EQ(complete("zkark sa"), "save\ttake a backup that exists only in tests\n");
  EXPECT_EQ(complete("zkark save --ty"), "--type\thow much to take\n");
  EXPECT_EQ(complete("zkark save --type f"), "full\thow much to take\n");
  EXPECT_EQ(complete("zkark save --type a"), "auto\tfull if there is none\n");
  EXPECT_EQ(complete("zkark completion z"), "zsh\tSHELL\n");
  EXPECT_EQ(complete("zkark -r 9nowhere save 9"), "9c41d7e2\tSRC\n9nowhere\tSRC\n")
      << "ids of the repository of -r";
}

TEST_F(GeneratedTest, ZshReadsItsScript) {
  if (!installed("zsh")) GTEST_SKIP() << "zsh is not installed";
  const std::string script = write_temporary("_zkark", output_of({"completion", "zsh"}));
  EXPECT_EQ(shell("zsh -n " + script).output, "");
  const std::string driver = write_temporary("drive.zsh", R"zsh(
zmodload zsh/zpty
complete_line() {
  zpty z zsh -f -i
  zpty -w z "PS1=; unsetopt zle_bracketed_paste; autoload -U compinit; compinit -D -u; source )zsh" +
                                                              script + R"zsh(; setopt no_beep; echo rea''dy"
  local out=
  while zpty -r z line; do [[ $line == *ready* ]] && break; done
  zpty -w -n z "$1"$'\t'" ;echo do''ne"$'\n'
  while zpty -r z line; do out+=$line; [[ $line == *done* ]] && break; done
  zpty -d z
  print -r -- "$out"
}
complete_line "echo zkark; : zkark versi"
complete_line ": ; zkark save --typ"
)zsh");
  const Ran ran = shell("cd / && timeout 20 zsh -f " + driver);
  if (ran.status != 0) GTEST_SKIP() << "no pseudo-terminal here: " << ran.output;
  EXPECT_NE(ran.output.find("save --type"), std::string::npos) << ran.output;
}

TEST_F(GeneratedTest, GroffFindsNothingWrongWithTheManualPages) {
  if (!installed("groff")) GTEST_SKIP() << "groff is not installed";
  EXPECT_EQ(shell("groff -z -ww -man " + write_temporary("zkark.1", output_of({"man"}))).output, "");
  EXPECT_EQ(shell("groff -z -ww -man " + write_temporary("save.1", output_of({"man", "save"}))).output, "");
}

TEST_F(GeneratedTest, RoffPrintsTextAsItStands) {
  if (!installed("groff")) GTEST_SKIP() << "groff is not installed";
  const std::string hard = ".dot 'quote' `back` a-b ~ ^ \\n \"x\" é";
  const std::string page = ".TH X 1\n.SH Y\n" + cli::roff_escape(hard) + "\n";
  EXPECT_NE(shell("groff -Tutf8 -man " + write_temporary("hard.1", page)).output.find(hard),
            std::string::npos);
}

}  // namespace
}  // namespace zkark::test
