// `sessions`: how it looks, what its filters take, hostile names, damage.
#include <gtest/gtest.h>

#include "tests/cli/verb_lab.h"
#include "tests/support/log_builder.h"

namespace zkark::test {
namespace {

class Sessions : public VerbTest {
 protected:
  void SetUp() override {
    VerbTest::SetUp();
    load("zk-3.8.0-standalone");
  }
  std::vector<std::string> ids(std::vector<std::string> words) {
    words.insert(words.begin(), {"sessions", "/data"});
    words.insert(words.end(), {"-o", "plain", "-q"});
    EXPECT_EQ(zkark(std::move(words)), 0) << console.err;
    std::vector<std::string> found;
    for (const std::string& line : lines()) found.push_back(line.substr(0, line.find('\t')));
    return found;
  }
};

TEST_F(Sessions, LookLikeThis) {
  EXPECT_EQ(zkark({"sessions", "/data"}), 0);
  EXPECT_EQ(console.err, "");
  EXPECT_EQ(golden("tests/cli/golden/sessions.txt", console.out), "");
  EXPECT_EQ(zkark({"sessions", "/data", "--ephemerals", "--sort", "writes"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/sessions-ephemerals.txt", console.out), "");
  EXPECT_EQ(zkark({"sessions", "/data", "0x1000086147b0002"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/sessions-one.txt", console.out), "");
  EXPECT_EQ(zkark({"sessions", "/data", "--json", "--ephemerals"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/sessions.json", console.out), "");
  EXPECT_EQ(zkark({"sessions", "/data", "-o", "ndjson"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/sessions.ndjson", console.out), "");
  EXPECT_EQ(zkark({"sessions", "/data", "-o", "csv"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/sessions.csv", console.out), "");
  EXPECT_EQ(zkark({"sessions", "/data", "-o", "plain", "--ephemerals"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/sessions-ephemerals.plain", console.out), "");
}

TEST_F(Sessions, HoldersLookLikeThis) {
  EXPECT_EQ(zkark({"sessions", "/data", "--holders", "/app"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/sessions-holders.txt", console.out), "");
  EXPECT_EQ(zkark({"sessions", "/data", "--holders", "/app", "--json", "--at", "zxid:0x12"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/sessions-holders.json", console.out), "");
  EXPECT_EQ(zkark({"sessions", "/data", "--holders", "/app", "--history"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/sessions-history.txt", console.out), "");
  EXPECT_EQ(zkark({"sessions", "/data", "--holders", "/app/eph-q", "--history", "-o", "csv"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/sessions-history.csv", console.out), "");
}

TEST_F(Sessions, FiltersTakeWhatTheySay) {
  using Ids = std::vector<std::string>;
  EXPECT_EQ(ids({"--ended"}), (Ids{"0x1000086147b0002", "0x1000086147b0003", "0x10000861da40001"}));
  EXPECT_EQ(ids({"--open"}), (Ids{"0x1000086147b0000", "0x1000086147b0001", "0x10000861da40000"}));
  EXPECT_EQ(ids({"--at", "zxid:0x2"}), (Ids{"0x1000086147b0000", "0x1000086147b0001"}));
  // 0x44 ends the fourth session: at 0x43 it is alive, at 0x44 it is not.
  EXPECT_EQ(ids({"--at", "zxid:0x43"}).size(), 4u);
  EXPECT_EQ(ids({"--at", "zxid:0x44"}).size(), 3u);
  EXPECT_EQ(ids({"--since", "zxid:0x4e", "--ended"}), (Ids{"0x10000861da40001"}));
  EXPECT_EQ(ids({"--until", "zxid:0x1"}), (Ids{"0x1000086147b0000"}));
  EXPECT_EQ(ids({"--path", "/app/eph-q"}), (Ids{"0x1000086147b0002"}));
  EXPECT_EQ(ids({"--sort", "errors", "--limit", "1"}), (Ids{"0x1000086147b0000"}));
  EXPECT_EQ(ids({"--sort", "ended", "--limit", "1"}), (Ids{"0x10000861da40001"}));
}

TEST_F(Sessions, RefuseWhatMakesNoSense) {
  EXPECT_EQ(zkark({"sessions", "/data", "0x77"}), 5);
  EXPECT_EQ(zkark({"sessions", "/data", "amy"}), 2);
  EXPECT_EQ(zkark({"sessions", "/data", "--history"}), 2);
  EXPECT_EQ(zkark({"sessions", "/data", "--holders", "/nowhere"}), 5);
  EXPECT_EQ(zkark({"sessions", "/data", "--holders", "/nowhere", "--history"}), 5);
  EXPECT_EQ(zkark({"sessions", "/data", "--holders", "app", "--history"}), 2);
  EXPECT_EQ(zkark({"sessions", "/data", "--holders", "/app", "--history", "--at", "zxid:0x5"}), 2);
  EXPECT_EQ(zkark({"sessions", "/data", "--open", "--ended"}), 2);
  EXPECT_EQ(zkark({"sessions", "/data", "--path", "app"}), 2);
}

TEST_F(Sessions, OfALoneSnapshotAreItsTable) {
  EXPECT_EQ(zkark({"sessions", "/data/version-2/snapshot.4d", "-o", "plain"}), 0) << console.err;
  EXPECT_EQ(lines().size(), 2u);  // the third expired at 0x4d, the fourth was closed before
}

TEST_F(Sessions, GoOnPastDamageAndSaySo) {
  std::string log = load_file("fixtures/zk-3.8.0-standalone/version-2/log.1");
  log[3000] = static_cast<char>(log[3000] ^ 1);
  ASSERT_TRUE(write_file_atomic(fs, "/data/version-2/log.1", as_bytes(log), {}));
  EXPECT_EQ(zkark({"sessions", "/data"}), 3);
  EXPECT_NE(console.err.find("log.1"), std::string::npos);
  EXPECT_GE(lines().size(), 6u);
}

TEST_F(Sessions, EscapeHostileNames) {
  Txn made = create_txn(1, 1000, "/evil\x1b[31m\n=cmd");
  std::get<CreateTxn>(made.body).ephemeral = 1;
  ASSERT_TRUE(make_dirs(fs, "/evil", 0755));
  ASSERT_TRUE(write_file_atomic(fs, "/evil/log.1", as_bytes(LogBuilder().txn(made).bytes()), {}));
  for (const char* format : {"table", "csv", "plain", "json", "ndjson"}) {
    EXPECT_EQ(zkark({"sessions", "/evil", "--ephemerals", "-o", format}), 0) << console.err;
    EXPECT_NE(console.out.find("cmd"), std::string::npos) << format;
    EXPECT_EQ(console.out.find('\x1b'), std::string::npos) << format;
  }
}

}  // namespace
}  // namespace zkark::test
