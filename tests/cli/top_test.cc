// `top`: how it looks, with and without a terminal, and what it refuses.
#include <gtest/gtest.h>

#include "tests/cli/verb_lab.h"
#include "tests/support/log_builder.h"

namespace zkark::test {
namespace {

class Top : public VerbTest {
 protected:
  void SetUp() override {
    VerbTest::SetUp();
    load("zk-3.8.0-standalone");
  }
};

TEST_F(Top, LooksLikeThis) {
  EXPECT_EQ(zkark({"top", "/data", "-n", "4"}), 0);
  EXPECT_EQ(console.err, "");
  EXPECT_EQ(golden("tests/cli/golden/top.txt", console.out), "");
  EXPECT_EQ(zkark({"top", "/data", "-n", "3", "--json", "--interval", "1s"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/top.json", console.out), "");
  EXPECT_EQ(zkark({"top", "/data", "--by", "session", "-o", "ndjson"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/top-session.ndjson", console.out), "");
  EXPECT_EQ(zkark({"top", "/data", "--by", "time", "-o", "csv"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/top-time.csv", console.out), "");
  EXPECT_EQ(zkark({"top", "/data", "--by", "type", "--metric", "bytes", "-o", "plain"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/top-type.plain", console.out), "");
}

TEST_F(Top, SizesLookLikeThis) {
  EXPECT_EQ(zkark({"top", "/data", "--metric", "size", "--depth", "1"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/top-size.txt", console.out), "");
  EXPECT_EQ(zkark({"top", "/data", "--metric", "growth", "--by", "path", "--since", "zxid:0x4d", "-q"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/top-growth.txt", console.out), "");
  EXPECT_EQ(zkark({"top", "/data", "--metric", "size", "--by", "session", "--json"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/top-size-session.json", console.out), "");
}

TEST_F(Top, DrawsBlocksOnATerminalThatHasThem) {
  console.out_tty = true;
  variables["LANG"] = "C.UTF-8";
  EXPECT_EQ(zkark({"top", "/data", "--by", "time", "--color", "never"}), 0);
  EXPECT_NE(console.out.find("█"), std::string::npos);
  EXPECT_EQ(console.out.find('#'), std::string::npos);
  variables["LANG"] = "C";
  EXPECT_EQ(zkark({"top", "/data", "--by", "time", "--color", "never"}), 0);
  EXPECT_EQ(console.out.find("█"), std::string::npos);
  EXPECT_NE(console.out.find('#'), std::string::npos);
}

TEST_F(Top, CountsOnlyWhatLiesBetween) {
  EXPECT_EQ(
      zkark({"top", "/data", "--since", "zxid:0x4e", "--until", "zxid:0x62", "-o", "ndjson", "--by", "time"}),
      0);
  EXPECT_EQ(objects().front().at("records").as_int64(), 0x62 - 0x4e + 1);
  EXPECT_EQ(zkark({"top", "/data@zxid:0x10", "-o", "ndjson", "--by", "time"}), 0) << console.err;
  EXPECT_EQ(objects().front().at("records").as_int64(), 0x10);
}

TEST_F(Top, GrowthFromTheBeginningIsTheSize) {
  EXPECT_EQ(zkark({"top", "/data", "--metric", "size", "--by", "path", "-n", "1000", "-o", "plain"}), 0);
  std::map<std::string, std::string> sizes;
  for (const std::string& line : lines())
    sizes[line.substr(line.rfind('\t'))] = line.substr(0, line.find('\t'));
  EXPECT_EQ(zkark({"top", "/data", "--metric", "growth", "--by", "path", "-n", "1000", "-o", "plain"}), 0);
  EXPECT_GT(lines().size(), 10u);
  for (const std::string& line : lines())
    EXPECT_EQ(sizes[line.substr(line.rfind('\t'))], line.substr(0, line.find('\t'))) << line;
}

TEST_F(Top, RefusesWhatMakesNoSense) {
  EXPECT_EQ(zkark({"top", "/data", "--metric", "size", "--by", "time"}), 2);
  EXPECT_EQ(zkark({"top", "/data", "--metric", "size", "--since", "zxid:0x5"}), 2);
  EXPECT_EQ(zkark({"top", "/data", "--metric", "growth", "--since", "zxid:0x20", "--until", "zxid:0x10"}), 2);
  EXPECT_EQ(zkark({"top", "/data", "--interval", "0s"}), 2);
  EXPECT_EQ(zkark({"top", "/data", "--depth", "0"}), 2);
  EXPECT_EQ(zkark({"top", "/data", "--since", "latest~1"}), 2);
  EXPECT_NE(zkark({"top", "/data/version-2/snapshot.4d"}), 0);
}

TEST_F(Top, GoesOnPastDamageAndSaysSo) {
  std::string log = load_file("fixtures/zk-3.8.0-standalone/version-2/log.1");
  log[3000] = static_cast<char>(log[3000] ^ 1);
  ASSERT_TRUE(write_file_atomic(fs, "/data/version-2/log.1", as_bytes(log), {}));
  EXPECT_EQ(zkark({"top", "/data"}), 3);
  EXPECT_NE(console.err.find("log.1"), std::string::npos);
  EXPECT_NE(console.out.find("records"), std::string::npos);
}

TEST_F(Top, EscapesHostileNames) {
  ASSERT_TRUE(make_dirs(fs, "/evil", 0755));
  const std::string log = LogBuilder().txn(create_txn(1, INT64_MAX, "/evil\x1b[31m\n=cmd")).bytes();
  ASSERT_TRUE(write_file_atomic(fs, "/evil/log.1", as_bytes(log), {}));
  for (const char* format : {"table", "csv", "plain", "json", "ndjson"}) {
    EXPECT_EQ(zkark({"top", "/evil", "-o", format}), 0) << console.err;
    EXPECT_NE(console.out.find("cmd"), std::string::npos) << format;
    EXPECT_EQ(console.out.find('\x1b'), std::string::npos) << format;
  }
}

}  // namespace
}  // namespace zkark::test
