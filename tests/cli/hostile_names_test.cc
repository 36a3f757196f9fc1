// Names and values that would take over a terminal, in every verb that shows trees and histories.
#include <gtest/gtest.h>

#include "formats/txn_log.h"
#include "tests/cli/verb_lab.h"

namespace zkark::test {
namespace {

constexpr std::string_view kName = "/\x1b[2J\nevil\xe2\x80\xae";
constexpr std::string_view kValue = "=cmd\x1b]0;x\x07\xc2\x9b line\n";

class HostileNames : public VerbTest {
 protected:
  void SetUp() override {
    VerbTest::SetUp();
    std::string bytes;
    append_log_header(bytes);
    Txn txn;
    txn.header = {0x1000, 1, 1, 1795239042000, TxnType::kCreate};
    CreateTxn create;
    create.path = kName;
    create.data = as_bytes(kValue);
    create.parent_cversion = 1;
    txn.body = create;
    append_txn(txn, bytes);
    txn.header = {0x1000, 2, 2, 1795239042001, TxnType::kSetData};
    txn.body = SetDataTxn{kName, as_bytes(std::string_view("\x1b[31m\nnew")), 1};
    append_txn(txn, bytes);
    fs.put("/data/version-2/log.1", bytes);
    // A member with another record in the second one's place.
    std::string other;
    append_log_header(other);
    txn.header = {0x1000, 1, 1, 1795239042000, TxnType::kCreate};
    txn.body = create;
    append_txn(txn, other);
    txn.header = {0x1000, 2, 2, 1795239042001, TxnType::kSetData};
    txn.body = SetDataTxn{kName, as_bytes(std::string_view("\x1b[32m=other\n")), 1};
    append_txn(txn, other);
    fs.put("/other/version-2/log.1", other);
  }
};

TEST_F(HostileNames, NeverReachTheTerminalAsTheyAre) {
  const std::vector<std::vector<std::string>> commands = {
      {"tree", "/data"},
      {"tree", "/data", "--sizes"},
      {"blame", "/data", "-R"},
      {"history", "/data", std::string(kName)},
      {"history", "/data", std::string(kName), "--values"},
      {"history", "/data", std::string(kName), "-p"},
      {"history", "/data", "/", "--children"},
      {"history", "/data", "/", "--children", "-p"},
      {"grep", "evil|cmd|new", "/data"},
      {"grep", "evil", "/data", "-l"},
      {"grep", "evil|cmd|new", "/data", "--history"},
      {"grep", "evil", "/data", "--history", "-l"},
      {"undo", "/data", "--plan", "--zxid", "0x2"},
      {"undo", "/data", "--plan", "--zxid", "0x1,0x2"},
      {"diff", "/data", "--from", "zxid:0x1"},
      {"diff", "/data", "--from", "zxid:0x1", "-p", "--stat"},
      {"diff", "/data", "/other"},
      {"compare", "/data", "/other"},
  };
  for (const std::vector<std::string>& command : commands) {
    for (const std::string format : {"table", "json", "ndjson", "csv", "plain"}) {
      std::vector<std::string> words = command;
      words.insert(words.end(), {"-o", format, "--color", "never"});
      const bool differs = command[0] == "diff" || command[0] == "compare";
      EXPECT_EQ(zkark(words), differs ? 4 : 0) << command[0] << " " << console.err;
      EXPECT_FALSE(console.out.empty()) << command[0];
      for (const std::string* text : {&console.out, &console.err}) {
        for (const char c : *text)
          EXPECT_TRUE(c == '\n' || c == '\t' || c == '\r' || static_cast<unsigned char>(c) >= ' ')
              << command[0] << " " << format << " " << static_cast<int>(c);
        EXPECT_EQ(text->find("\xe2\x80\xae"), std::string::npos) << command[0] << " " << format;
        EXPECT_EQ(text->find("\xc2\x9b"), std::string::npos) << command[0] << " " << format;
        EXPECT_EQ(text->find("\n=cmd"), std::string::npos) << command[0] << " " << format;
      }
    }
  }
}

TEST_F(HostileNames, ComeThroughWholeInJson) {
  EXPECT_EQ(zkark({"history", "/data", std::string(kName), "-p", "-o", "ndjson"}), 0);
  const auto rows = objects();
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].at("path").as_string(), kName);
  EXPECT_EQ(rows[0].at("value").at("utf8").as_string(), kValue);
  EXPECT_EQ(rows[1].at("value").at("utf8"), "\x1b[31m\nnew");
  EXPECT_EQ(rows[1].at("previous"), rows[0].at("value"));
}

TEST_F(HostileNames, LeaveTheInputAsItWas) {
  const auto before = fs.tree("/data");
  const auto info = fs.get_info("/data/version-2/log.1");
  for (const std::string verb : {"tree", "blame", "history", "grep"}) {
    std::vector<std::string> words = {verb};
    if (verb == "grep") words.emplace_back("evil");
    words.emplace_back("/data");
    if (verb == "blame") words.emplace_back("-R");
    if (verb == "history") words.emplace_back(kName);
    EXPECT_EQ(zkark(words), 0) << verb;
  }
  EXPECT_EQ(fs.tree("/data"), before);
  EXPECT_EQ(fs.get_info("/data/version-2/log.1")->mtime_ns, info->mtime_ns);
}

}  // namespace
}  // namespace zkark::test
