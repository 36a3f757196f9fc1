// Command lines from end to end: what is typed, what the verb gets, what is printed, the exit status.
#include "tests/cli/app_fixture.h"

namespace zkark::test {
namespace {

using Words = std::vector<std::string>;

TEST_F(AppTest, OptionsReachTheVerbInEverySpelling) {
  EXPECT_EQ(run({"save", "/data", "-tfull", "--tag", "a=1", "--tag=b=2", "--rate", "1.5MiB", "--max-age",
                 "1h30min", "--level=7", "-r", "/srv/zk", "--lock-wait", "30s", "-C", "kafka"}),
            0)
      << console.err;
  EXPECT_EQ(saved.sources, Words{"/data"});
  EXPECT_EQ(saved.type, "full");
  EXPECT_EQ(saved.tags, (Words{"a=1", "b=2"}));
  EXPECT_EQ(saved.rate_bytes, 1572864u);
  EXPECT_EQ(saved.max_age_ms, 5'400'000);
  EXPECT_EQ(saved.level, 7);
  EXPECT_EQ(saved.repository, "/srv/zk");
  EXPECT_EQ(saved.lock_wait_ms, 30'000);
  EXPECT_EQ(saved.cluster, "kafka");
}

TEST_F(AppTest, GlobalOptionsMayStandBeforeTheVerb) {
  EXPECT_EQ(run({"-r", "save", "--lock-wait=1s", "save", "/data"}), 0) << console.err;
  EXPECT_EQ(saved.repository, "save");
  EXPECT_EQ(saved.lock_wait_ms, 1000);
}

TEST_F(AppTest, AnOptionGivenTwiceIsRefusedUnlessItRepeats) {
  EXPECT_EQ(run({"save", "/d", "--level", "3", "--level", "9"}), 2);
  EXPECT_EQ(console.err,
            "error ZKA-0200: --level is given 2 times\nhint: it takes one value: leave the others out\n");
  EXPECT_EQ(run({"save", "/d", "-t", "full", "--type=full"}), 2);
  EXPECT_EQ(run({"save", "/d", "-r", "/a", "-r", "/b"}), 2) << "global ones too";
  EXPECT_EQ(run({"save", "/d", "--prove=yes", "--prove=no"}), 2);
  EXPECT_EQ(saved.runs, 0);
  EXPECT_EQ(run({"save", "/d", "-q", "-q", "--prove", "--prove", "--tag", "a=1", "--tag", "b=2"}), 0);
  EXPECT_EQ(saved.tags, (Words{"a=1", "b=2"}));
}

TEST_F(AppTest, AnEmptyValueIsRefusedWhereverItStands) {
  const Words lines[] = {{"save", ""},
                         {"save", "/d", ""},
                         {"save", "/d", "-C", ""},
                         {"save", "/d", "--cluster="},
                         {"save", "/d", "-r", ""},
                         {"save", "/d", "--tag", ""},
                         {"save", "/d", "--level", ""},
                         {"-r", "", "save", "/d"}};
  for (const Words& line : lines) {
    EXPECT_EQ(run(line), 2) << line.back();
    EXPECT_NE(console.err.find("the value is empty\nhint: is a variable not set"), std::string::npos)
        << console.err;
  }
  fs.put("/c.toml", "[save]\ntag = [\"a=1\", \"\"]\n");
  EXPECT_EQ(run({"save", "/d", "-c", "/c.toml"}), 2);
  EXPECT_NE(console.err.find("/c.toml:2:1: save.tag: the value is empty"), std::string::npos) << console.err;
  EXPECT_EQ(saved.runs, 0);
}

TEST_F(AppTest, AValueThatMayBeLeftOutNeverEatsTheNextWord) {
  EXPECT_EQ(run({"save", "--bump-epoch", "5"}), 0);
  EXPECT_TRUE(saved.epoch_given);
  EXPECT_EQ(saved.epoch, std::nullopt);
  EXPECT_EQ(saved.sources, Words{"5"});
  EXPECT_EQ(run({"save", "--bump-epoch=5", "/d"}), 0);
  EXPECT_EQ(saved.epoch, 5);
}

TEST_F(AppTest, YesAndNoOfAFlagExcludeEachOther) {
  EXPECT_EQ(run({"save", "/d", "--prove"}), 0);
  EXPECT_EQ(saved.prove, true);
  EXPECT_EQ(run({"save", "/d", "--no-prove"}), 0);
  EXPECT_EQ(saved.prove, false);
  EXPECT_EQ(run({"save", "/d", "--no-prove", "--prove"}), 2);
  EXPECT_EQ(console.err,
            "error ZKA-0200: --no-prove and --prove exclude each other\nhint: give one of them\n");
  EXPECT_EQ(run({"save", "/d", "--bump-epoch", "--keep-epoch"}), 2);
}

TEST_F(AppTest, WordsAfterTwoDashesAreArguments) {
  EXPECT_EQ(run({"save", "--", "--level", "-x", "--"}), 0) << console.err;
  EXPECT_EQ(saved.sources, (Words{"--level", "-x", "--"}));
}

TEST_F(AppTest, ANegativeNumberIsNoOption) {
  EXPECT_EQ(run({"save", "-2h"}), 0) << console.err;
  EXPECT_EQ(saved.sources, Words{"-2h"});
  EXPECT_EQ(run({"save", "[a,b]", "-"}), 0) << console.err;
  EXPECT_EQ(saved.sources, (Words{"[a,b]", "-"}));
}

struct Refused {
  Words words;
  std::string message, hint;
};

TEST_F(AppTest, WrongUseIsRefusedWithAWayOut) {
  const std::string help = "`zkark help save` says what it takes";
  const Refused cases[] = {
      {{"sav"}, "unknown verb 'sav'", "did you mean 'zkark save'?"},
      {{"bakup"}, "unknown verb 'bakup'", "`zkark help` lists the verbs"},
      {{"xqzwv"}, "unknown verb 'xqzwv'", "`zkark help` lists the verbs"},
      {{"--lock-wat", "3s", "save"}, "unknown option '--lock-wat'", "did you mean '--lock-wait'?"},
      {{"--type=full", "save"},
       "unknown option '--type=full'",
       "the options of a verb stand after it; `zkark help` lists the verbs"},
      {{"save", "/d", "--tga", "x"}, "unknown option '--tga' of 'zkark save'", "did you mean '--tag'?"},
      {{"save", "/d", "-X"}, "unknown option '-X' of 'zkark save'", "`zkark help save` shows its options"},
      {{"save", "/d", "--level", "x"}, "--level: 'x' is not a decimal number", help},
      {{"save", "/d", "--level", "20"}, "--level: '20' is out of range: 1 to 19", help},
      {{"save", "/d", "--level", "99999999999999999999"},
       "--level: '99999999999999999999' is out of range: 1 to 19",
       help},
      {{"save", "/d", "--type", "ful"},
       "--type: 'ful' is not one of auto, full, incr",
       "did you mean 'full'?"},
      {{"save", "/d", "--rate", "10XB"},
       "--rate: '10XB' is no size such as 512, 64KiB, 10MiB, 1.5GiB or 2GB",
       help},
      {{"save", "/d", "--max-age", "soon"},
       "--max-age: 'soon' is no duration such as 500ms, 30s, 5min, 1h30min or 7d",
       help},
      {{"save", "/d", "--tag"}, "--tag needs a value (KEY=VALUE)", "--tag: label it"},
      {{"save", "/d", "--tag", "--prove"},
       "--tag needs a value (KEY=VALUE), but '--prove' follows",
       "if that is the value: --tag=--prove"},
      {{"save", "/d", "--tag="},
       "--tag: the value is empty",
       "is a variable not set that should stand there? If nothing is meant, leave it out"},
      {{"save"}, "SRC is missing: what to save", "usage: zkark save [OPTIONS] SRC..."},
      {{"version", "extra"}, "unexpected argument 'extra'", "usage: zkark version [OPTIONS]"},
      {{"rows", "many"}, "N: 'many' is not a decimal number", "`zkark help rows` says what it takes"},
      {{"completion", "bush"}, "SHELL: 'bush' is not one of bash, zsh, fish", "did you mean 'bash'?"},
      {{"-o", "jsn", "version"},
       "--output: 'jsn' is not one of table, json, ndjson, plain, csv",
       "did you mean 'json'?"},
      {{"help", "sve"}, "no verb 'sve'", "did you mean 'zkark help save'?"},
      {{"save", "/d", "--prove=perhaps"}, "--prove: 'perhaps' is neither true nor false", help},
  };
  for (const Refused& one : cases) {
    SCOPED_TRACE(one.message);
    EXPECT_EQ(run(one.words), 2);
    EXPECT_EQ(console.out, "");
    std::string wanted = "error ZKA-0200: " + one.message + "\n";
    wanted += "hint: " + one.hint + "\n";
    EXPECT_EQ(console.err, wanted);
  }
  EXPECT_EQ(saved.runs, 0);
}

TEST_F(AppTest, HelpIsGivenWhateverElseIsWrong) {
  EXPECT_EQ(run({"save", "--nonsense", "--help"}), 0);
  EXPECT_NE(console.out.find("Usage: zkark save"), std::string::npos);
  EXPECT_EQ(run({"-h"}), 0);
  EXPECT_NE(console.out.find("Usage: zkark VERB"), std::string::npos);
}

TEST_F(AppTest, OptionsWithoutAVerbAreAMistake) {
  EXPECT_EQ(run({"-r", "/srv/zk"}), 2);
  EXPECT_EQ(console.err,
            "error ZKA-0200: there are options, but no verb\nhint: `zkark help` lists the verbs\n");
  EXPECT_EQ(run({}), 0);
  EXPECT_EQ(run({"-r", "/srv/zk", "--help"}), 0);
}

TEST_F(AppTest, VersionMayBeAskedForLikeAnOption) {
  EXPECT_EQ(run({"--version"}), 0);
  EXPECT_EQ(console.out.rfind("zkark ", 0), 0u);
}

// ---- environment and configuration ----

TEST_F(AppTest, EnvironmentGivesWhatTheCommandLineDoesNot) {
  variables = {{"ZKARK_SAVE_TYPE", "full"}, {"ZKARK_REPO", "/env"},        {"ZKARK_SAVE_LEVEL", "5"},
               {"ZKARK_SAVE_PROVE", "no"},  {"ZKARK_SAVE_DANGEROUS", "1"}, {"ZKARK_SAVE_RATE", ""}};
  EXPECT_EQ(run({"save", "/d", "--level", "6"}), 0) << console.err;
  EXPECT_EQ(saved.type, "full");
  EXPECT_EQ(saved.repository, "/env");
  EXPECT_EQ(saved.level, 6);
  EXPECT_EQ(saved.prove, false);
  EXPECT_EQ(saved.rate_bytes, std::nullopt) << "an empty variable is none";
}

TEST_F(AppTest, AWrongVariableIsNamed) {
  variables = {{"ZKARK_SAVE_LEVEL", "high"}};
  EXPECT_EQ(run({"save", "/d"}), 2);
  EXPECT_EQ(console.err,
            "error ZKA-0201: level: 'high' is not a decimal number (ZKARK_SAVE_LEVEL)\n"
            "hint: correct or unset ZKARK_SAVE_LEVEL\n");
}

TEST_F(AppTest, FilesAreMergedKeyByKeyAndTheLaterWins) {
  variables = {{"HOME", "/root"}};
  fs.put("/etc/zkark/zkark.toml", "[save]\nlevel = 4\ntype = \"full\"\nprove = true\n");
  fs.put("/etc/zkark/conf.d/20-b.toml", "[save]\nlevel = 6\n");
  fs.put("/etc/zkark/conf.d/10-a.toml", "[save]\nlevel = 5\ntag = [\"x=1\", \"y=2\"]\n");
  fs.put("/etc/zkark/conf.d/ignored.conf", "not toml");
  EXPECT_EQ(run({"save", "/d"}), 0) << console.err;
  EXPECT_EQ(saved.level, 6);
  EXPECT_EQ(saved.type, "full");
  EXPECT_EQ(saved.tags, (Words{"x=1", "y=2"}));
  fs.put("/root/.config/zkark/zkark.toml", "[save]\nlevel = 7\n");
  EXPECT_EQ(run({"save", "/d"}), 0) << console.err;
  EXPECT_EQ(saved.level, 7);
  fs.put("/mine.toml", "[save]\nbump-epoch = true\n");
  EXPECT_EQ(run({"save", "/d", "-c", "/mine.toml"}), 0) << console.err;
  EXPECT_EQ(saved.level, 6) << "--config replaces the user's file";
  EXPECT_TRUE(saved.epoch_given);
  EXPECT_EQ(saved.epoch, std::nullopt);
  EXPECT_EQ(run({"save", "/d", "--keep-epoch", "-c", "/mine.toml"}), 0) << console.err;
  EXPECT_FALSE(saved.epoch_given) << "the command line rules out what it excludes";
}

TEST_F(AppTest, ClusterTablesGiveRepositorySourceAndTags) {
  fs.put(
      "/etc/zkark/zkark.toml",
      "[defaults]\ncluster = \"kafka\"\n[repo.main]\nurl = \"/srv/zk\"\n"
      "[cluster.kafka]\nsource = \"/var/lib/zookeeper\"\nrepo = \"main\"\ntags = { env = \"prod\", n = 5 }\n"
      "[cluster.other]\nsource = [\"/a\", \"/b\"]\n[retention.kafka]\nlast = 3\n");
  EXPECT_EQ(run({"save"}), 0) << console.err;
  EXPECT_EQ(saved.sources, Words{"/var/lib/zookeeper"});
  EXPECT_EQ(saved.repository, "/srv/zk");
  EXPECT_EQ(saved.tags, (Words{"env=prod", "n=5"}));
  EXPECT_EQ(saved.cluster, "kafka");
  EXPECT_EQ(run({"save", "-C", "other"}), 0) << console.err;
  EXPECT_EQ(saved.sources, (Words{"/a", "/b"}));
  EXPECT_FALSE(saved.has_repository);
  EXPECT_EQ(run({"save", "/given", "-r", "mian"}), 2);
  EXPECT_EQ(console.err,
            "error ZKA-0200: no [repo.mian] in the configuration, and no directory of that name\nhint: did "
            "you mean "
            "'main'?\n");
}

TEST_F(AppTest, EveryProblemOfTheConfigurationHasItsPlace) {
  fs.put("/c.toml",
         "[defaults]\ncolour = \"never\"\n\n[save]\nlevel = 77\ntype = [1]\n[repo.main]\nrul = "
         "\"x\"\n[schedule.kafka]\n"
         "full = \"daily\"\n[save.deeper]\nx = 1\n[cluster.\"a.b\"]\nsource = \"x\"\n");
  EXPECT_EQ(run({"config", "check", "-c", "/c.toml"}), 2);
  EXPECT_EQ(console.err,
            "error ZKA-0201: /c.toml:2:1: unknown key 'defaults.colour'\n"
            "hint: did you mean 'color'?\n"
            "error ZKA-0201: /c.toml:5:1: save.level: '77' is out of range: 1 to 19\n"
            "hint: zkark explain ZKA-0201\n"
            "error ZKA-0201: /c.toml:6:1: 'save.type' takes one value\n"
            "error ZKA-0201: /c.toml:8:1: unknown key 'repo.main.rul'\n"
            "hint: did you mean 'url'?\n"
            "error ZKA-0201: /c.toml:9:2: unknown key 'schedule'\n"
            "error ZKA-0201: /c.toml:11:7: unknown key 'save.deeper'\n"
            "error ZKA-0201: /c.toml:13:10: 'cluster.a.b' cannot be a name: it is empty or has a dot\n");
  EXPECT_EQ(run({"save", "/d", "-c", "/c.toml"}), 2);
  EXPECT_EQ(console.err,
            "error ZKA-0201: /c.toml:2:1: unknown key 'defaults.colour'\nhint: did you mean 'color'?\n");
  fs.put("/c.toml", "[save\nlevel = 3\n");
  EXPECT_EQ(run({"save", "/d", "-c", "/c.toml"}), 2);
  EXPECT_EQ(console.err.rfind("error ZKA-0201: /c.toml:1:", 0), 0u) << console.err;
  EXPECT_EQ(run({"save", "/d", "-c", "/absent.toml"}), 2);
  EXPECT_NE(console.err.find("/absent.toml"), std::string::npos) << console.err;
  EXPECT_EQ(run({"version", "-c", "/c.toml"}), 0) << "what needs no configuration works without one";
  EXPECT_EQ(saved.runs, 0);
}

TEST_F(AppTest, ConfigCheckFindsWrongTypesAndNamesThatNothingHas) {
  fs.put(
      "/c.toml",
      "[defaults]\ntz = \"Foo/Bar\"\nquiet = \"yes\"\nrepo = \"/srv/x\"\n[repo.main]\nurl = "
      "7\n[repo.off]\nurl = "
      "\"/off\"\n[cluster.x]\nsource = 5\nrepo = \"nope\"\n[cluster.y]\nsource = [\"/a\", 6]\nrepo = \"of\"\n"
      "[cluster.z]\nrepo = \"off\"\n");
  EXPECT_EQ(run({"config", "check", "-c", "/c.toml"}), 2);
  EXPECT_EQ(console.err,
            "error ZKA-0201: /c.toml:2:1: defaults.tz: no time zone 'Foo/Bar'\n"
            "hint: zones are named like Europe/Vienna or UTC; they need the package tzdata\n"
            "error ZKA-0201: /c.toml:3:1: 'defaults.quiet' takes true or false, without quotes\n"
            "hint: zkark explain ZKA-0201\n"
            "error ZKA-0201: /c.toml:6:1: 'repo.main.url' takes a text in quotes\n"
            "error ZKA-0201: /c.toml:10:1: 'cluster.x.source' takes a text in quotes\n"
            "error ZKA-0201: /c.toml:13:1: 'cluster.y.source' takes a text in quotes\n"
            "error ZKA-0201: /c.toml:11:1: cluster.x.repo: no [repo.nope] in the configuration\n"
            "hint: a directory is written ./nope\n"
            "error ZKA-0201: /c.toml:14:1: cluster.y.repo: no [repo.of] in the configuration\n"
            "hint: did you mean 'off'?\n");
}

TEST_F(AppTest, ConfigCheckWarnsOfVariablesThatNothingListensTo) {
  variables = {{"ZKARK_REOP", "/x"}, {"ZKARK_REPO", "/y"}, {"ZKARK_SAVE_TYPE", "full"}, {"OTHER", "z"}};
  EXPECT_EQ(run({"config", "check"}), 0);
  EXPECT_EQ(console.err, "warning: no option listens to the variable ZKARK_REOP; did you mean ZKARK_REPO?\n");
}

TEST_F(AppTest, ConfigShowSaysWhereEachValueComesFrom) {
  variables = {{"ZKARK_REPO", "/env"}, {"ZKARK_SAVE_LEVEL", "9"}};
  fs.put("/etc/zkark/zkark.toml",
         "[defaults]\ncolor = \"never\"\nrepo = \"main\"\n[save]\ntype = \"full\"\n[repo.main]\nurl = "
         "\"/srv\"\n");
  EXPECT_EQ(run({"config", "show", "--lock-wait", "5s", "-o", "plain"}), 0) << console.err;
  for (const char* line :
       {"repo\t/env\tZKARK_REPO\n", "color\tnever\t/etc/zkark/zkark.toml:2:1\n",
        "lock-wait\t5s\t--lock-wait\n", "quiet\tfalse\tdefault\n",
        "save.type\tfull\t/etc/zkark/zkark.toml:5:1\n", "save.level\t9\tZKARK_SAVE_LEVEL\n",
        "repo.main.url\t/srv\t/etc/zkark/zkark.toml:7:1\n"})
    EXPECT_NE(console.out.find(line), std::string::npos) << line << console.out;
}

// ---- output ----

TEST_F(AppTest, OfSeveralErrorsTheHeaviestDecidesTheExitStatus) {
  EXPECT_EQ(run({"fail", "400"}), 4);
  EXPECT_EQ(run({"fail", "400", "300"}), 3);
  EXPECT_EQ(run({"fail", "300", "700", "400"}), 7);
  EXPECT_EQ(run({"fail", "611", "700"}), 6);
  EXPECT_EQ(run({"fail", "611", "900", "300"}), 9);
  EXPECT_EQ(run({"fail", "900", "100"}), 1);
  EXPECT_EQ(run({"fail", "611", "500"}), 5) << "what ends the run for another reason is what it ends with";
  EXPECT_EQ(run({"fail", "102"}), 130);
  EXPECT_EQ(run({"fail", "1100"}), 11);
}

TEST_F(AppTest, AnErrorSaysWhatWhereAndWhatToDo) {
  EXPECT_EQ(run({"fail", "611"}), 6);
  EXPECT_EQ(console.err,
            "error ZKA-0611: the disk said\\x1b[31m no (log.1, offset 0x10, zxid 0x5)\nhint: try again\n");
  EXPECT_EQ(run({"fail", "611", "--json"}), 6);
  EXPECT_EQ(console.out, "");
  EXPECT_EQ(
      console.err,
      "{\"schema\":\"zkark.event/1\",\"event\":\"error\",\"id\":\"ZKA-0611\",\"exit\":6,\"message\":\"the "
      "disk "
      "said\\u001b[31m no\",\"file\":\"log.1\",\"offset\":16,\"zxid\":\"0x5\",\"hint\":\"try again\"}\n");
  EXPECT_EQ(run({"fail", "611", "--log-format", "json"}), 6);
  EXPECT_EQ(console.err.front(), '{');
  EXPECT_EQ(run({"fail", "611", "--json", "--log-format=text"}), 6);
  EXPECT_EQ(console.err.front(), 'e');
  EXPECT_EQ(run({"sav", "--json"}), 2);
  EXPECT_EQ(console.err.front(), '{') << "also before the options are understood";
}

TEST_F(AppTest, ColourIsForTerminalsUnlessAskedForOrRefused) {
  auto colored = [&](Words words) {
    words.insert(words.begin(), {"fail", "611"});
    run(words);
    return console.err.find('\x1b') != std::string::npos;
  };
  EXPECT_FALSE(colored({}));
  EXPECT_TRUE(colored({"--color=always"}));
  console.err_tty = true;
  EXPECT_TRUE(colored({}));
  EXPECT_FALSE(colored({"--color", "never"}));
  variables = {{"NO_COLOR", "1"}};
  EXPECT_FALSE(colored({}));
  EXPECT_TRUE(colored({"--color=always"}));
  console.err_tty = false;
  variables = {{"CLICOLOR_FORCE", "1"}};
  EXPECT_TRUE(colored({}));
  variables = {{"TERM", "dumb"}};
  console.err_tty = true;
  EXPECT_FALSE(colored({}));
}

TEST_F(AppTest, RowsStreamInEveryFormat) {
  EXPECT_EQ(run({"rows", "2"}), 0);
  EXPECT_EQ(console.out,
            "N  PATH             ZXID\n0  /path            0x0\n1  =evil\\n\\x1b[31m  0x1\ncount  2\n");
  EXPECT_EQ(run({"rows", "2", "--json"}), 0);
  EXPECT_EQ(console.out,
            "{\"schema\":\"zkark.rows/1\",\"rows\":[{\"n\":0,\"path\":\"/"
            "path\",\"zxid\":\"0x0\"},{\"n\":1,\"path\":\"=evil\\n\\u001b[31m\","
            "\"zxid\":\"0x1\"}],\"count\":2}\n");
  EXPECT_EQ(run({"rows", "2", "-o", "ndjson"}), 0);
  EXPECT_EQ(console.out,
            "{\"schema\":\"zkark.rows/1\",\"record\":\"rows\",\"n\":0,\"path\":\"/path\",\"zxid\":\"0x0\"}\n"
            "{\"schema\":\"zkark.rows/"
            "1\",\"record\":\"rows\",\"n\":1,\"path\":\"=evil\\n\\u001b[31m\",\"zxid\":\"0x1\"}\n"
            "{\"schema\":\"zkark.rows/1\",\"record\":\"summary\",\"count\":2}\n");
  EXPECT_EQ(run({"rows", "2", "-o", "csv"}), 0);
  EXPECT_EQ(console.out, "n,path,zxid\n0,/path,0x0\n1,\"'=evil\n\\x1b[31m\",0x1\n");
  EXPECT_EQ(run({"rows", "2", "-o", "plain"}), 0);
  EXPECT_EQ(console.out, "0\t/path\t0x0\n1\t=evil\\n\\x1b[31m\t0x1\n");
  EXPECT_EQ(run({"rows", "0", "--json"}), 0);
  EXPECT_EQ(console.out, "{\"schema\":\"zkark.rows/1\",\"rows\":[],\"count\":0}\n");
}

TEST_F(AppTest, AReaderThatLeavesEndsAReadingVerbQuietly) {
  console.reader_leaves_after = 300'000;
  EXPECT_EQ(run({"rows", "1000000", "-o", "plain"}), 0);
  EXPECT_EQ(console.err, "");
  EXPECT_LT(console.out.size(), 300'001u);
}

TEST_F(AppTest, AResultThatCannotBeWrittenIsAStorageError) {
  console.disk_full = true;
  EXPECT_EQ(run({"version"}), 9);
  EXPECT_NE(console.err.find("standard output could not be written"), std::string::npos);
}

TEST_F(AppTest, WhatNeedsAYesIsRefusedWithoutOne) {
  EXPECT_EQ(run({"save", "/d", "--dangerous"}), 7);
  EXPECT_EQ(
      console.err,
      "error ZKA-0705: this needs a yes: Overwrite everything?\nhint: add --yes, or run it on a terminal\n");
  EXPECT_EQ(run({"save", "/d", "--dangerous", "-y"}), 0);
  console.in_tty = console.err_tty = true;
  console.input = {"y"};
  EXPECT_EQ(run({"save", "/d", "--dangerous"}), 0);
  EXPECT_EQ(console.err, "Overwrite everything? [y/N] ");
  console.input = {""};
  EXPECT_EQ(run({"save", "/d", "--dangerous"}), 7);
  console.input = {"y"};
  EXPECT_EQ(run({"save", "/d", "--dangerous", "--no-input"}), 7);
}

TEST_F(AppTest, ExplainKnowsEveryIdAndRefusesOthers) {
  for (const ErrorInfo& info : all_errors()) {
    EXPECT_EQ(run({"explain", error_code(info.id)}), 0);
    EXPECT_NE(console.out.find(info.title), std::string::npos) << info.name;
  }
  EXPECT_EQ(run({"explain", "ZKA-9999"}), 5);
  EXPECT_EQ(run({"explain", "nonsense"}), 5);
}

}  // namespace
}  // namespace zkark::test
