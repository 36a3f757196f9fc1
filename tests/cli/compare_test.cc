// `compare`: do the members agree?
#include <gtest/gtest.h>

#include "tests/cli/verb_lab.h"
#include "tests/support/log_builder.h"
#include "tests/support/lost_ttl.h"

namespace zkark::test {
namespace {

class Compare : public VerbTest {
 protected:
  void expect_golden(std::vector<std::string> words, const std::string& name, int exit) {
    EXPECT_EQ(zkark(std::move(words)), exit) << console.err;
    EXPECT_EQ(golden("tests/cli/golden/" + name, console.out), "");
  }
  void load_members(const std::string& ensemble) {
    for (const char* m : {"1", "2", "3"})
      load_dir(fs, "fixtures/" + ensemble + "/" + m, std::string("/zk") + m);
  }
  /// Three members; the third has another record at zxid 3, of a hostile name.
  void plant() {
    for (const char* m : {"1", "2", "3"}) {
      LogBuilder log;
      for (std::int64_t zxid = 1; zxid <= 5; ++zxid) {
        if (zxid == 3 && *m == '3')
          log.txn(create_txn(3, 1'760'000'000'003, "/=evil\x1b[31m"));
        else
          log.record(zxid, 1'760'000'000'000 + zxid);
      }
      fs.put(std::string("/zk") + m + "/version-2/log.1", log.bytes());
    }
  }
};

TEST_F(Compare, LooksLikeThisWhereAllAgree) {
  load_members("zk-3.8.0-ensemble");
  expect_golden({"compare", "/zk1", "/zk2", "/zk3"}, "compare.txt", 0);
}

TEST_F(Compare, TellsAStaleTail) {
  load_members("zk-3.8.0-stale-tail");
  expect_golden({"compare", "/zk1", "/zk2", "/zk3"}, "compare-stale-tail.txt", 0);
}

TEST_F(Compare, LooksLikeThisWhereOneDiffers) {
  plant();
  expect_golden({"compare", "/zk1", "/zk2", "/zk3"}, "compare-differ.txt", 4);
  expect_golden({"compare", "/zk1", "/zk2", "/zk3", "--json"}, "compare.json", 4);
  expect_golden({"compare", "/zk1", "/zk2", "/zk3", "-o", "ndjson"}, "compare.ndjson", 4);
  expect_golden({"compare", "/zk1", "/zk2", "/zk3", "-o", "csv"}, "compare.csv", 4);
  expect_golden({"compare", "/zk1", "/zk2", "/zk3", "-o", "plain"}, "compare.plain", 4);
  EXPECT_EQ(zkark({"compare", "/zk1", "/zk2", "/zk3", "--no-trees"}), 4);
  EXPECT_EQ(console.out.find("trees"), std::string::npos);
}

TEST_F(Compare, TellsSinceWhenTreesDifferOfWhichNoLogTells) {
  for (const char* m : {"1", "2", "3"}) load_dir(fs, "fixtures/zk-3.8.0-standalone", std::string("/zk") + m);
  EXPECT_EQ(lose_ttl_nodes(fs, "/zk3/version-2/snapshot.4d"), 3u);
  expect_golden({"compare", "/zk1", "/zk2", "/zk3"}, "compare-lost-ttl.txt", 6);
  EXPECT_NE(console.err.find("ZKA-0612"), std::string::npos) << console.err;  // its snapshot fits no digest
  EXPECT_EQ(zkark({"compare", "/zk1", "/zk2", "/zk3", "--json"}), 6);
  const auto told = boost::json::parse(console.out).as_object();
  EXPECT_EQ(told.at("trees_differ_since"), "0x4d");
  EXPECT_EQ(told.at("trees_alike_at"), "0x4c");
  EXPECT_EQ(told.at("digests_of"), "/zk1");
  EXPECT_EQ(told.at("trees_differ_from_snapshots").as_array().at(0), "/zk3/version-2/snapshot.4d");
}

TEST_F(Compare, NeedsTwo) {
  load_members("zk-3.8.0-ensemble");
  EXPECT_EQ(zkark({"compare", "/zk1"}), 2);
  EXPECT_EQ(zkark({"compare", "/zk1", "/zk2@zxid:0x10000000e"}), 2);
}

TEST_F(Compare, EndsWithWhatKeptItFromComparing) {
  plant();
  EXPECT_EQ(zkark({"compare", "/zk1", "/nowhere"}), 9);
  EXPECT_NE(console.err.find("/nowhere"), std::string::npos) << console.err;
  EXPECT_EQ(console.out, "");
  fs.put_dir("/empty");
  EXPECT_EQ(zkark({"compare", "/zk1", "/empty"}), 5) << console.err;
  EXPECT_NE(console.err.find("ZKA-0502"), std::string::npos) << console.err;
  EXPECT_EQ(console.out, "");
}

TEST_F(Compare, AMemberWithADamagedRecordIsNeitherEqualNorDifferentThere) {
  load_members("zk-3.8.0-ensemble");
  const std::string log = fs.get("/zk1/version-2/log.100000001").value();
  fs.flip_bit("/zk1/version-2/log.100000001", log.find("/"), 0);
  EXPECT_EQ(zkark({"compare", "/zk1", "/zk2", "/zk3"}), 6) << console.out << console.err;
  EXPECT_NE(console.err.find("ZKA-0611"), std::string::npos) << console.err;
  EXPECT_NE(console.err.find("/zk1/version-2/log.100000001"), std::string::npos) << console.err;
  EXPECT_NE(console.out.find("no difference in what could be compared"), std::string::npos) << console.out;
}

}  // namespace
}  // namespace zkark::test
