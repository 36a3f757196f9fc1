// `log` with conditions: the same transactions as looking at all of them one by one.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "restore/apply.h"
#include "restore/data_dir.h"
#include "restore/log_walk.h"
#include "tests/cli/verb_lab.h"

namespace zkark::test {
namespace {

using boost::json::object;

class LogFilter : public VerbTest {
 protected:
  /// zxids of the records that come out, 3.9's double ones twice.
  std::vector<std::string> zxids(std::vector<std::string> conditions) {
    std::vector<std::string> words = {"log", "/data", "-o", "ndjson"};
    words.insert(words.end(), conditions.begin(), conditions.end());
    EXPECT_EQ(zkark(words), 0) << console.err;
    std::vector<std::string> found;
    for (const object& record : objects())
      if (record.at("record").as_string() == "txns") found.emplace_back(record.at("zxid").as_string());
    return found;
  }
};

/// What each record touches, by replaying: a session's end what its session owned.
struct Touched {
  std::string zxid;
  std::set<std::string> paths;
};
std::vector<Touched> everything_touched(SimFs& fs) {
  restore::DataDir source(fs, {"/data", "", {}, {}, ""});
  const restore::SourceListing listing = source.list().value();
  restore::Findings findings;
  restore::LogWalk walk(source, listing.logs, {}, findings);
  restore::State state = restore::initial_state();
  std::vector<Touched> all;
  for (;;) {
    const auto entry = walk.next().value();
    if (!entry) return all;
    const Txn& txn = entry->entry.txn;
    Touched record{zxid_text(txn.header.zxid), {}};
    if (const auto* multi = std::get_if<MultiTxn>(&txn.body)) {
      for (const SubTxn& sub : multi->txns)
        if (const auto body = decode_sub_txn(sub)) record.paths.emplace(txn_path(*body));
    } else if (txn.header.type == TxnType::kCloseSession) {
      for (const std::string& path : state.tree.ephemerals_of(txn.header.client_id))
        record.paths.insert(path);
    } else {
      record.paths.emplace(txn_path(txn.body));
    }
    record.paths.erase("");
    EXPECT_TRUE(restore::apply(state, txn));
    all.push_back(std::move(record));
  }
}

TEST_F(LogFilter, FindsForEveryPathOfEveryReleaseWhatTouchedIt) {
  std::size_t compared = 0;
  for (const char* fixture :
       {"zk-3.4-standalone", "zk-3.5-standalone", "zk-3.6-standalone", "zk-3.8.0-standalone",
        "zk-3.9-standalone", "zk-3.8.0-close-session-off", "zk-3.8.0-deep-multi"}) {
    static_cast<void>(remove_tree(fs, "/data"));
    load(fixture);
    const std::vector<Touched> all = everything_touched(fs);
    std::set<std::string> paths;
    for (const Touched& record : all) paths.insert(record.paths.begin(), record.paths.end());
    std::size_t tried = 0;
    for (const std::string& path : paths) {
      if (path.find_first_of("*?[\\") != std::string::npos || path == "/") continue;
      if (++tried > 40) break;
      std::vector<std::string> expected;
      for (const Touched& record : all)
        if (std::any_of(record.paths.begin(), record.paths.end(),
                        [&](const std::string& p) { return p == path || p.starts_with(path + "/"); }))
          expected.push_back(record.zxid);
      EXPECT_EQ(zxids({"--path", path}), expected) << fixture << " " << path;
      ++compared;
    }
  }
  EXPECT_GT(compared, 150u);
}

TEST_F(LogFilter, ConditionsHoldTogetherAndValuesOfOneAreAlternatives) {
  load("zk-3.8.0-standalone");
  const auto creates = zxids({"--type", "create"}), deletes = zxids({"--type", "delete"});
  EXPECT_EQ(zxids({"--type", "create", "--type", "delete"}).size(),
            zxids({"--type", "create,delete"}).size());
  EXPECT_LE(zxids({"--type", "create,delete"}).size(), creates.size() + deletes.size());
  EXPECT_EQ(zxids({"--path", "/app/del", "--type", "delete"}), (std::vector<std::string>{"0x2d", "0x2e"}));
  EXPECT_EQ(zxids({"--path", "/app/del", "--type", "delete", "--zxid", "0x2e.."}),
            std::vector<std::string>{"0x2e"});
  EXPECT_EQ(zxids({"--path", "/app/d?l"}), (std::vector<std::string>{"0xa", "0x2e"}));
  EXPECT_EQ(zxids({"--path", "/app/del", "--reverse", "--limit", "1"}), std::vector<std::string>{"0x2e"});
}

TEST_F(LogFilter, ChoosesByResult) {
  load("zk-3.8.0-standalone");
  const auto failed = zxids({"--error", "any"}), done = zxids({"--error", "none"}), all = zxids({});
  EXPECT_EQ(failed.size() + done.size(), all.size());
  EXPECT_EQ(zxids({"--error", "NoNode"}), zxids({"--error", "-101"}));
  EXPECT_FALSE(failed.empty());
}

TEST_F(LogFilter, ChoosesByValueSessionAndCxid) {
  load("zk-3.8.0-standalone");
  EXPECT_EQ(zxids({"--value-regex", "^to be deleted$"}), std::vector<std::string>{"0xa"});
  const auto of_session = zxids({"--session", "0x1000086147b0000"});
  EXPECT_EQ(of_session, zxids({"--session", "1000086147b0000"}));
  EXPECT_FALSE(of_session.empty());
  EXPECT_EQ(zxids({"--session", "0x1000086147b0000", "--cxid", "104"}), std::vector<std::string>{"0x1f"});
  EXPECT_TRUE(zxids({"--session", "0x1"}).empty());
}

TEST_F(LogFilter, RefusesWhatMeansNothingWithTheNearestName) {
  load("zk-3.8.0-shop");
  EXPECT_EQ(zkark({"log", "/data", "--type", "dlete"}), 2);
  EXPECT_NE(console.err.find("did you mean delete?"), std::string::npos) << console.err;
  EXPECT_EQ(zkark({"log", "/data", "--error", "NoNde"}), 2);
  EXPECT_NE(console.err.find("did you mean NoNode?"), std::string::npos) << console.err;
  EXPECT_EQ(zkark({"log", "/data", "--path", "prices"}), 2);
  EXPECT_NE(console.err.find("does not begin with a slash"), std::string::npos) << console.err;
  EXPECT_EQ(zkark({"log", "/data", "--value-regex", "a("}), 2);
  EXPECT_NE(console.err.find("no regular expression"), std::string::npos) << console.err;
  EXPECT_EQ(zkark({"log", "/data", "--session", "amy"}), 2);
  EXPECT_NE(console.err.find("no session id"), std::string::npos) << console.err;
}

}  // namespace
}  // namespace zkark::test
