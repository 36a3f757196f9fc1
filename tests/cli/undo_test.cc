// `undo --plan`: the plan as people and programs see it, and what it refuses.
#include <gtest/gtest.h>

#include "formats/txn_log.h"
#include "tests/cli/verb_lab.h"

namespace zkark::test {
namespace {

class UndoVerb : public VerbTest {
 protected:
  void expect_golden(std::vector<std::string> words, const std::string& name, int exit) {
    words.insert(words.begin(), "undo");
    words.emplace_back("--plan");
    EXPECT_EQ(zkark(std::move(words)), exit) << console.err;
    EXPECT_EQ(golden("tests/cli/golden/" + name, console.out), "");
  }
  bool said(std::string_view text) const { return console.err.find(text) != std::string::npos; }
  /// path -> op of the rows of the plan.
  std::vector<std::string> operations() const {
    std::vector<std::string> all;
    for (const auto& row : objects())
      if (row.at("record") == "operations")
        all.push_back(std::string(row.at("op").as_string()) + " " + std::string(row.at("path").as_string()));
    return all;
  }
};

TEST_F(UndoVerb, LooksLikeThis) {
  load("zk-3.8.0-shop");
  expect_golden({"/data", "--zxid", "0x13..0x16"}, "undo.txt", 0);
  EXPECT_EQ(console.err, "");
  expect_golden({"/data", "--zxid", "0x13..0x16", "--json"}, "undo.json", 0);
  for (const std::string format : {"ndjson", "csv", "plain"})
    expect_golden({"/data", "--zxid", "0x12,0x16", "-o", format}, "undo." + format, 0);
}

TEST_F(UndoVerb, ShowsWhatIsLeftAndWhy) {
  load("zk-3.8.0-standalone");
  expect_golden({"/data", "--session", "0x1000086147b0000", "--path", "/m", "--path", "/life2", "--path",
                 "/app/del", "--path", "/acl"},
                "undo-session.txt", 3);
  EXPECT_TRUE(said("2 nodes are left as they are and listed; --over-later")) << console.err;
  expect_golden({"/data", "--path", "/", "--back-to", "zxid:0x1e", "--json"}, "undo-back-to.json", 3);
  expect_golden({"/data", "--path", "/", "--back-to", "zxid:0x1e"}, "undo-back-to.txt", 3);
}

TEST_F(UndoVerb, GoesBackToTheSamePointHoweverItIsSpelt) {
  load("zk-3.8.0-shop");
  const std::vector<std::string> wanted = {"create /shop/prices", "create /shop/prices/apple",
                                           "create /shop/prices/bread", "create /shop/prices/milk"};
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"--back-to", "zxid:0x12"},
                                             {"--back-to", "zxid:0x13", "--exclusive"},
                                             {"--back-to", "2026-11-21 09:02:21.222Z"},
                                             {"--since", "zxid:0x13"},
                                             {"--since", "2026-11-21 09:02:21.254Z", "--until", "zxid:0x16"},
                                             {"--type", "delete"}}) {
    std::vector<std::string> all = {"undo", "/data", "--plan", "--path", "/shop/prices", "-o", "ndjson"};
    all.insert(all.end(), words.begin(), words.end());
    EXPECT_EQ(zkark(all), 0) << words[1] << console.err;
    EXPECT_EQ(operations(), wanted) << words[1];
  }
  EXPECT_TRUE(console.err.empty());
  EXPECT_EQ(zkark({"undo", "/data", "--plan", "--path", "/shop/prices", "--back-to", "zxid:0x12"}), 0);
  EXPECT_TRUE(said("back to 0x12")) << console.err;
  EXPECT_TRUE(said("first undone: 0x13")) << console.err;
}

TEST_F(UndoVerb, PlansForTheStateAtAPoint) {
  load("zk-3.8.0-shop");
  EXPECT_EQ(zkark({"undo", "/data@zxid:0x13", "--plan", "--zxid", "0x13", "-o", "ndjson"}), 0) << console.err;
  EXPECT_EQ(operations(), std::vector<std::string>{"create /shop/prices/apple"});
  for (const auto& row : objects())
    if (row.at("record") == "summary") {
      EXPECT_EQ(row.at("zxid"), "0x13");
    }
  // At the end its parent is gone.
  EXPECT_EQ(zkark({"undo", "/data", "--plan", "--zxid", "0x13"}), 3);
  EXPECT_NE(console.out.find("cannot come back without /shop/prices, which 0x16 took away"),
            std::string::npos)
      << console.out;
  EXPECT_EQ(zkark({"undo", "/data@zxid:0x12", "--plan", "--zxid", "0x13"}), 5);
  EXPECT_TRUE(said("0x13 is later than 0x12")) << console.err;
}

TEST_F(UndoVerb, TellsThatItOnlyPlans) {
  load("zk-3.8.0-shop");
  EXPECT_EQ(zkark({"undo", "/data", "--zxid", "0x13"}), 2);
  EXPECT_TRUE(said("ZKA-0200")) << console.err;
  EXPECT_TRUE(said("applying a plan to a running ensemble is not available yet")) << console.err;
  EXPECT_EQ(console.out, "");
}

TEST_F(UndoVerb, RefusesWhatSaysTooLittleOrTooMuch) {
  load("zk-3.8.0-shop");
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {},
           {"--path", "/shop"},
           {"--back-to", "zxid:0x12"},
           {"--back-to", "zxid:0x12", "--path", "/shop", "--zxid", "0x13"},
           {"--back-to", "zxid:0x12", "--path", "/shop", "--session", "0x1"},
           {"--back-to", "latest", "--path", "/shop"},
           {"--zxid", "0x13", "--exclusive"},
           {"--zxid", "19"},
           {"--zxid", "0x16..0x13"},
           {"--zxid", "0x13,"},
           {"--zxid", ""},
           {"--zxid", "0x13", "--path", "shop"},
           {"--zxid", "0x13", "--type", "delte"},
           {"--zxid", "0x13", "--max-request", "100"}}) {
    std::vector<std::string> all = {"undo", "/data", "--plan"};
    all.insert(all.end(), words.begin(), words.end());
    EXPECT_EQ(zkark(all), 2) << (words.empty() ? "" : words[0] + words[1]) << console.err;
    EXPECT_EQ(console.out, "");
    EXPECT_FALSE(console.err.empty());
  }
}

TEST_F(UndoVerb, EndsWithFiveWhereNothingIsWhatWasAskedFor) {
  load("zk-3.8.0-shop");
  EXPECT_EQ(zkark({"undo", "/data", "--plan", "--session", "0x1234"}), 5);
  EXPECT_TRUE(said("zkark log takes the same conditions")) << console.err;
  EXPECT_EQ(zkark({"undo", "/data", "--plan", "--zxid", "0x99"}), 5);
  EXPECT_EQ(zkark({"undo", "/data", "--plan", "--zxid", "0x13", "--since", "latest"}), 5);
  EXPECT_EQ(zkark({"undo", "/data@zxid:0x99", "--plan", "--zxid", "0x13"}), 5);
  EXPECT_EQ(zkark({"undo", "/data", "--plan", "--path", "/shop", "--back-to", "zxid:0x99"}), 5);
  EXPECT_EQ(zkark({"undo", "/nowhere", "--plan", "--zxid", "0x13"}), 9);
  // That nothing happened since is an answer.
  EXPECT_EQ(zkark({"undo", "/data", "--plan", "--path", "/shop/tills", "--back-to", "zxid:0x12"}), 0);
  EXPECT_NE(console.out.find("plan     nothing to do"), std::string::npos) << console.out;
}

TEST_F(UndoVerb, SaysThatWhatFailedChangedNothing) {
  load("zk-3.8.0-standalone");
  EXPECT_EQ(zkark({"undo", "/data", "--plan", "--zxid", "0x27,0x3b,0x1"}), 0) << console.err;
  EXPECT_NE(console.out.find("chosen, and changed no node: 3"), std::string::npos) << console.out;
  EXPECT_NE(console.out.find("failed (BadVersion)"), std::string::npos) << console.out;
}

TEST_F(UndoVerb, IsIncompleteWhereRecordsThatMatterAreDamaged) {
  load("zk-3.8.0-shop");
  fs.erase("/data/version-2/snapshot.0");  // the built-in tree stands in for it
  EXPECT_EQ(zkark({"undo", "/data", "--plan", "--zxid", "0x13..0x16"}), 0) << console.err;
  // The base at 0xf gives the newest state; what happened before cannot be told.
  const std::string log = fs.get("/data/version-2/log.1").value();
  fs.flip_bit("/data/version-2/log.1", log.find("/shop/prices/milk"), 0);
  EXPECT_EQ(zkark({"undo", "/data", "--plan", "--path", "/shop", "--since", "zxid:0x3"}), 3) << console.err;
  EXPECT_TRUE(said("ZKA-0611")) << console.err;
  EXPECT_EQ(zkark({"undo", "/data", "--plan", "--path", "/shop", "--since", "zxid:0x3", "--json"}), 3);
  EXPECT_NE(console.out.find("\"complete\":false"), std::string::npos) << console.out;
  // Behind it everything is known.
  EXPECT_EQ(zkark({"undo", "/data", "--plan", "--zxid", "0x13..0x16"}), 0) << console.err;
}

TEST_F(UndoVerb, GoesOverWhatOthersDidOnlyWhenAsked) {
  load("zk-3.8.0-shop");
  // apple was set by one client, and set and deleted by the same later.
  EXPECT_EQ(zkark({"undo", "/data", "--plan", "--zxid", "0x10"}), 3);
  EXPECT_NE(console.out.find("was changed later, and not by what is chosen"), std::string::npos);
  EXPECT_NE(console.out.find("later   0x13"), std::string::npos) << console.out;
}

TEST_F(UndoVerb, DividesWhatServersWouldNotTakeInOne) {
  load("zk-3.8.0-fuzzy");
  EXPECT_EQ(zkark({"undo", "/data", "--plan", "--path", "/", "--back-to", "zxid:0x40", "--max-request",
                   "2KiB", "-o", "ndjson"}),
            0)
      << console.err;
  std::size_t requests = 0;
  for (const auto& row : objects())
    if (row.at("record") == "requests") {
      ++requests;
      EXPECT_LE(row.at("bytes").as_int64(), 2048);
    }
  EXPECT_GE(requests, 2u);
}

TEST_F(UndoVerb, ReadsARepositoryToo) {
  load("zk-3.8.0-shop");
  EXPECT_EQ(zkark({"init", "-r", "/repo"}), 0);
  EXPECT_EQ(zkark({"backup", "/data", "-r", "/repo"}), 0) << console.err;
  EXPECT_EQ(zkark({"undo", "-r", "/repo", "--plan", "--zxid", "0x13..0x16", "-o", "ndjson"}), 0)
      << console.err;
  const std::vector<std::string> from_repository = operations();
  EXPECT_EQ(zkark({"undo", "/data", "--plan", "--zxid", "0x13..0x16", "-o", "ndjson"}), 0);
  EXPECT_EQ(from_repository, operations());
  EXPECT_EQ(from_repository.size(), 4u);
}

TEST_F(UndoVerb, ChangesNothingThatItReads) {
  load("zk-3.8.0-shop");
  const auto before = fs.tree("/");
  EXPECT_EQ(zkark({"undo", "/data", "--plan", "--zxid", "0x13..0x16"}), 0);
  EXPECT_EQ(fs.tree("/"), before);
}

}  // namespace
}  // namespace zkark::test
