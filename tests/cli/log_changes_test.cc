// `log --stat` and `log --patch`: each transaction with what was there before and after.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "formats/file_names.h"
#include "formats/txn_log.h"
#include "tests/cli/verb_lab.h"

namespace zkark::test {
namespace {

using boost::json::object;
using boost::json::value;

class LogChanges : public VerbTest {
 protected:
  std::vector<object> txns(std::vector<std::string> words) {
    words.insert(words.begin(), {"log", "/data", "-o", "ndjson"});
    zkark(std::move(words));
    std::vector<object> all;
    for (object& row : objects())
      if (row.at("record").as_string() == "txns") all.push_back(std::move(row));
    return all;
  }
  std::vector<std::string> zxids(std::vector<std::string> words) {
    std::vector<std::string> all;
    for (const object& row : txns(std::move(words))) all.emplace_back(row.at("zxid").as_string());
    return all;
  }
  static Txn set(std::int64_t zxid, std::string_view path, std::string_view data, std::int32_t version) {
    Txn txn;
    txn.header = {0x1000001, 1, zxid, 1795239042000 + zxid, TxnType::kSetData};
    SetDataTxn body;
    body.path = path;
    body.data = as_bytes(data);
    body.version = version;
    txn.body = body;
    return txn;
  }
  void put_log(const std::vector<Txn>& records) {
    std::string bytes;
    append_log_header(bytes);
    for (const Txn& txn : records) append_txn(txn, bytes);
    fs.put("/data/version-2/" + log_file_name(records.front().header.zxid), bytes);
  }
};

TEST_F(LogChanges, LookLikeThis) {
  load("zk-3.8.0-standalone");
  EXPECT_EQ(zkark({"log", "/data", "--patch"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/log-patch.txt", console.out), "");
  EXPECT_EQ(console.err, "");
  EXPECT_EQ(zkark({"log", "/data", "--stat"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/log-stat.txt", console.out), "");
  EXPECT_EQ(console.err, "who: zkark sessions /data 0x10000861da40001\n");
  for (const std::string format : {"ndjson", "json", "csv", "plain"}) {
    EXPECT_EQ(zkark({"log", "/data", "-p", "--zxid", "0x1f..0x44", "-o", format}), 0);
    EXPECT_EQ(golden("tests/cli/golden/log-patch." + format, console.out), "");
    EXPECT_EQ(zkark({"log", "/data", "--stat", "--zxid", "0x1f..0x44", "-o", format, "-q"}), 0);
    EXPECT_EQ(golden("tests/cli/golden/log-stat." + format, console.out), "");
    EXPECT_EQ(console.err, "");
  }
}

class LogChangesOf : public LogChanges, public testing::WithParamInterface<std::string> {};

/// Where the logs begin with zxid 1, each change of a node begins where the one before ended.
TEST_P(LogChangesOf, EachBeginsWhereTheOneBeforeEnded) {
  load(GetParam());
  const std::vector<object> all = txns({"-p"});
  ASSERT_FALSE(all.empty());
  ASSERT_EQ(all.front().at("zxid"), "0x1") << "else what was before the first record is not known";
  std::map<std::string, value> now;
  std::size_t compared = 0;
  for (const object& txn : all) {
    const value& changes = txn.at("changes");
    if (!txn.at("applied").as_bool()) {
      EXPECT_TRUE(changes.as_array().empty()) << txn.at("zxid");
    }
    for (const value& one : changes.as_array()) {
      const object& change = one.as_object();
      const std::string path(change.at("path").as_string());
      EXPECT_TRUE(change.at("before_known").as_bool());
      const auto at = now.find(path);
      if (at != now.end()) {
        EXPECT_EQ(change.at("before"), at->second) << txn.at("zxid") << " " << path;
        ++compared;
      }
      EXPECT_EQ(change.at("change") == "created", change.at("before").is_null());
      EXPECT_EQ(change.at("change") == "deleted", change.at("after").is_null());
      now[path] = change.at("after");
    }
  }
  EXPECT_GT(compared, 3u);
}

TEST_P(LogChangesOf, AreThoseOfTheSameTransactionsAsWithoutThem) {
  load(GetParam());
  const std::vector<std::vector<std::string>> questions = {
      {},
      {"--type", "delete"},
      {"--type", "multi", "--reverse"},
      {"--error", "any"},
      {"--path", "/app"},
      {"--path", "/app/**", "--limit", "3"},
      {"--path", "/m", "--reverse", "--limit", "2"},
      {"--reverse", "--limit", "5"},
      {"--limit", "0"},
      {"--zxid", "0x10..0x20"},
  };
  for (std::vector<std::string> question : questions) {
    const std::vector<std::string> wanted = zxids(question);
    question.emplace_back("-p");
    EXPECT_EQ(zxids(question), wanted) << fmt::format("{}", fmt::join(question, " "));
    question.back() = "--stat";
    EXPECT_EQ(zxids(question), wanted) << fmt::format("{}", fmt::join(question, " "));
  }
}

INSTANTIATE_TEST_SUITE_P(Every, LogChangesOf,
                         testing::Values("zk-3.4-standalone", "zk-3.5-standalone", "zk-3.6-standalone",
                                         "zk-3.8.0-standalone", "zk-3.9-standalone", "zk-3.10-standalone",
                                         "zk-3.8.0-close-session-off", "zk-3.8.0-deep-multi"),
                         [](const auto& info) { return test_name(info.param); });

TEST_F(LogChanges, TellWhichEphemeralsWentWithASessionThatDoesNotSay) {
  load("zk-3.4-standalone");
  std::size_t seen = 0;
  for (const object& txn : txns({"-p", "--type", "closeSession"})) {
    EXPECT_TRUE(txn.at("paths").is_null());
    for (const value& change : txn.at("changes").as_array()) {
      EXPECT_EQ(change.at("change"), "deleted");
      EXPECT_EQ(change.at("before").at("kind"), "ephemeral");
      ++seen;
    }
  }
  EXPECT_GT(seen, 0u);
  EXPECT_EQ(zkark({"log", "/data", "-p", "--type", "closeSession"}), 0);
  EXPECT_NE(console.out.find("    delete           /app/eph"), std::string::npos) << console.out;
  EXPECT_EQ(zkark({"log", "/data", "-p", "--type", "closeSession", "-o", "csv"}), 0);
  EXPECT_NE(console.out.find(",deleted,"), std::string::npos) << console.out;
}

TEST_F(LogChanges, StartAtTheNewestSnapshotBeforeTheStretch) {
  load("zk-3.8.0-standalone");
  const std::vector<object> from_start = txns({"-p"});
  // Without the beginning, the end is told from the snapshot.
  fs.erase("/data/version-2/log.1");
  const std::vector<object> from_snapshot = txns({"-p", "--zxid", "0x4e.."});
  ASSERT_GT(from_snapshot.size(), 10u);
  EXPECT_TRUE(std::equal(from_snapshot.rbegin(), from_snapshot.rend(), from_start.rbegin()));
}

TEST_F(LogChanges, AreTheSameFromARepository) {
  load("zk-3.8.0-shop");
  const std::vector<object> wanted = txns({"-p"});
  ASSERT_EQ(zkark({"init", "-r", "/repo"}), 0);
  ASSERT_EQ(zkark({"backup", "/data", "-r", "/repo"}), 0);
  for (const std::string path : {"/", "/shop/prices"}) {
    std::vector<object> found;
    ASSERT_EQ(zkark({"log", "-r", "/repo", "-p", "--path", path, "-o", "ndjson"}), 0) << console.err;
    for (const object& row : objects())
      if (row.at("record") == "txns") found.push_back(row);
    EXPECT_EQ(found.size(), zxids({"--path", path}).size());
    for (const object& row : found) {
      const auto same = std::find_if(wanted.begin(), wanted.end(),
                                     [&](const object& one) { return one.at("zxid") == row.at("zxid"); });
      ASSERT_NE(same, wanted.end());
      EXPECT_EQ(row.at("changes"), same->at("changes")) << row.at("zxid");
    }
  }
}

TEST_F(LogChanges, SayWhereNothingTellsWhatWasThere) {
  put_log({set(5, "/a", "new", 3), set(6, "/a", "newer", 4)});
  EXPECT_EQ(zkark({"log", "/data", "-p"}), 0);
  EXPECT_NE(console.out.find("/a  v3  3 B  (what was there is not known)\n    + new\n"), std::string::npos)
      << console.out;
  const std::vector<object> all = txns({"-p"});
  EXPECT_FALSE(all[0].at("changes").at(0).at("before_known").as_bool());
  EXPECT_TRUE(all[0].at("changes").at(0).at("before").is_null());
  EXPECT_TRUE(all[0].at("changes").at(0).at("delta_bytes").is_null());
}

TEST_F(LogChanges, ShowLinesOfTextAndHashesOfEverythingElse) {
  std::string before = "one\ntwo\nthree\n", after = "one\n2\nthree\n";
  put_log({[&] {
             Txn txn;
             txn.header = {0x1000001, 1, 1, 1795239042001, TxnType::kCreate};
             CreateTxn body;
             body.path = "/a";
             body.data = as_bytes(before);
             txn.body = body;
             return txn;
           }(),
           set(2, "/a", after, 1), set(3, "/a", std::string_view("\0\1", 2), 2)});
  EXPECT_EQ(zkark({"log", "/data", "-p", "--zxid", "0x2..0x3"}), 0);
  const std::string wanted =
      "  setData          /a  v1  -2 B  (was 0x1 create)\n"
      "      one\n    - two\n    + 2\n      three\n";
  EXPECT_NE(console.out.find(wanted), std::string::npos) << console.out;
  EXPECT_NE(console.out.find("    - 12 B of text, sha256 "), std::string::npos) << console.out;
  EXPECT_NE(console.out.find("    + 2 B binary, sha256 "
                             "b413f47d13ee2fe6c845b2ee141af81de858df4ec549a58b7970bb96645bc8d2\n"),
            std::string::npos)
      << console.out;
}

TEST_F(LogChanges, ReportDamageBehindTheLastMatchToo) {
  load("zk-3.8.0-standalone");
  const std::string log = fs.get("/data/version-2/log.4e").value();
  fs.flip_bit("/data/version-2/log.4e", log.find("/life2/seq-0000000007"), 0);
  EXPECT_EQ(zkark({"log", "/data", "--path", "/app/del"}), 3);
  const std::string plain = console.err;
  EXPECT_EQ(zkark({"log", "/data", "--path", "/app/del", "-p"}), 3);
  EXPECT_EQ(console.err, plain);
  EXPECT_EQ(zkark({"log", "/data", "--stat", "--path", "/nowhere", "-o", "ndjson"}), 3);
  EXPECT_EQ(objects().back().at("complete"), false);
}

TEST_F(LogChanges, LetNoValueMoveTheCursor) {
  put_log({set(5, "/\x1b[2J", "\x1b]0;x\x07\n\xe2\x80\xae\n", 3)});
  for (const std::string format : {"table", "ndjson", "json", "csv", "plain"}) {
    EXPECT_EQ(zkark({"log", "/data", "-p", "-o", format}), 0);
    EXPECT_EQ(console.out.find('\x1b'), std::string::npos) << format;
    EXPECT_EQ(console.out.find("\xe2\x80\xae"), std::string::npos) << format;
  }
}

}  // namespace
}  // namespace zkark::test
