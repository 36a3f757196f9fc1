// `log --follow` beside a server that writes, rolls, tears, cuts and damages its log: simulated, without a
// wait.
#include <gtest/gtest.h>

#include "tests/cli/verb_lab.h"
#include "tests/support/live_server.h"
#include "tests/support/played_clock.h"

namespace zkark::test {
namespace {

using boost::json::object;

class LogFollow : public VerbTest {
 protected:
  LogFollow() { server.roll(1).create(1).create(2); }
  /// Ends as by Ctrl-C when the play is over.
  int follow(std::vector<std::string> words) {
    words.insert(words.begin(), {"log", "/data", "-f"});
    console.out.clear();
    console.err.clear();
    Job job;
    played.at_the_end([&] { job.stop.request_stop(); });
    cli::Environment environment{fs, played, random, system, console, job, variables, {}, {}};
    environment.make_executor = [](unsigned) { return std::make_unique<InlineExecutor>(); };
    return cli::run_app(environment, cli::all_verbs(), std::move(words));
  }
  std::vector<std::string> zxids() {
    std::vector<std::string> all;
    for (const std::string& line : lines())
      if (line.starts_with("0x")) all.push_back(line.substr(0, line.find(' ')));
    return all;
  }
  static Txn set(std::int64_t zxid, std::string_view path, std::string_view data) {
    Txn txn;
    txn.header = {0x1000, 1, zxid, 1795239042000 + zxid, TxnType::kSetData};
    SetDataTxn body;
    body.path = path;
    body.data = as_bytes(data);
    body.version = 1;
    txn.body = body;
    return txn;
  }
  using Words = std::vector<std::string>;

  PlayedClock played;
  LiveServer server{fs};
};

TEST_F(LogFollow, PrintsWhatIsThereAndThenEachTransactionBeforeItWaitsForTheNext) {
  std::vector<std::size_t> printed;
  const auto look = [&] { printed.push_back(zxids().size()); };
  played
      .then([&] {
        look();
        server.create(3);
      })
      .then(look)
      .then([&] {
        server.create(4);
        server.roll(5).create(5);
      })
      .then(look);
  EXPECT_EQ(follow({}), 130);
  EXPECT_EQ(zxids(), (Words{"0x1", "0x2", "0x3", "0x4", "0x5"}));
  EXPECT_EQ(printed, (std::vector<std::size_t>{2, 3, 5}));
  EXPECT_EQ(console.err, "");
}

TEST_F(LogFollow, PrintsTheSameLinesAsLogDoesAfterwards) {
  for (const std::string format : {"table", "ndjson", "json", "csv", "plain"}) {
    for (const std::string detail : {"", "--stat", "-p"}) {
      static_cast<void>(remove_tree(fs, "/data"));
      LiveServer writer(fs);
      writer.roll(1).create(1).create(2);
      played.then([&] { writer.create(3).write(set(4, "/n3", "new")); });
      played.then([&] { writer.roll(5).create(5); });
      Words words = {"-o", format};
      if (!detail.empty()) words.push_back(detail);
      EXPECT_EQ(follow(words), 130);
      const std::string followed = console.out;
      words.insert(words.begin(), {"log", "/data"});
      EXPECT_EQ(zkark(words), 0);
      EXPECT_EQ(followed, console.out) << format << " " << detail;
    }
  }
}

TEST_F(LogFollow, TakesTheConditionsThatLogTakes) {
  played.then([&] { server.create(3).write(set(4, "/n1", "hello")).create(5); });
  EXPECT_EQ(follow({"--type", "set", "--value-regex", "^hell"}), 130);
  EXPECT_EQ(zxids(), (Words{"0x4"}));
  played.then([&] { server.create(6).create(7); });
  EXPECT_EQ(follow({"--since", "latest"}), 130);
  EXPECT_EQ(zxids(), (Words{"0x5", "0x6", "0x7"}));
}

TEST_F(LogFollow, EndsOnItsOwnAtTheLimitAndAtTheLastZxid) {
  played.then([&] { server.create(3).create(4); });
  EXPECT_EQ(follow({"--limit", "3"}), 0);
  EXPECT_EQ(zxids(), (Words{"0x1", "0x2", "0x3"}));
  played.then([&] { server.create(5).create(6); });
  EXPECT_EQ(follow({"--zxid", "0x4..0x5"}), 0);
  EXPECT_EQ(zxids(), (Words{"0x4", "0x5"}));
  played.then([&] { server.create(7).create(8); });
  EXPECT_EQ(follow({"-p", "--zxid", "0x6..0x7"}), 0);
  EXPECT_EQ(zxids(), (Words{"0x6", "0x7"}));
  EXPECT_EQ(follow({"--limit", "0", "--stat"}), 0);
  EXPECT_TRUE(zxids().empty());
}

TEST_F(LogFollow, ShowsWhatEachChangedFromAStateThatItKeeps) {
  played.then([&] { server.write(set(3, "/n1", "old")); }).then([&] {
    server.roll(4).write(set(4, "/n1", "new"));
  });
  EXPECT_EQ(follow({"-p", "--path", "/n1"}), 130);
  EXPECT_NE(console.out.find("/n1  v1  +0 B  (was 0x3 setData)\n    - old\n    + new\n"), std::string::npos)
      << console.out;
}

TEST_F(LogFollow, SaysSoWhenTheServerWithdrawsTransactionsAndGoesOn) {
  const std::int64_t next = make_zxid(2, 1);
  for (const std::string detail : {"--limit=9", "-p"}) {
    static_cast<void>(remove_tree(fs, "/data"));
    LiveServer writer(fs);
    writer.roll(1).create(1).create(2);
    played.then([&] { writer.create(3).write(set(4, "/n1", "withdrawn")); })
        .then([&] { writer.cut(2); })
        .then([&] { writer.roll(next).write(set(next, "/n1", "instead")); });
    EXPECT_EQ(follow({detail, "-o", "ndjson"}), 130) << console.err;
    const std::vector<object> rows = objects();
    ASSERT_EQ(rows.size(), 7u) << console.out;
    EXPECT_EQ(rows[4].at("record"), "cut");
    EXPECT_EQ(rows[4].at("last_zxid"), "0x2");
    EXPECT_EQ(rows[4].at("withdrawn_zxid"), "0x4");
    EXPECT_EQ(rows[5].at("zxid"), "0x200000001");
    if (detail == "-p") {
      EXPECT_EQ(rows[5].at("changes").at(0).at("before").at("mzxid"), "0x1") << rows[5];
    }
    EXPECT_NE(console.err.find("the server cut its log back to 0x2: transactions behind that, up to 0x4, are "
                               "withdrawn"),
              std::string::npos)
        << console.err;
  }
}

TEST_F(LogFollow, ReportsDamageOnceRecordsStandBehindIt) {
  played
      .then([&] {
        server.create(3);
        fs.flip_bit(server.path(), server.offset(2) + 40, 0);
      })
      .then_nothing(8)
      .then([&] {
        EXPECT_EQ(console.err, "");
        server.create(4);
      })
      .then_nothing(5);
  EXPECT_EQ(follow({"-o", "ndjson"}), 130);
  EXPECT_NE(console.err.find("ZKA-0611"), std::string::npos) << console.err;
  EXPECT_EQ(objects().back().at("record"), "summary");
  EXPECT_EQ(objects().back().at("complete"), false);
  EXPECT_EQ(objects().back().at("count"), 3);
}

TEST_F(LogFollow, FollowsOneFileThatWasNamedAlone) {
  played.then([&] { server.create(3); });
  console.out.clear();
  Job job;
  played.at_the_end([&] { job.stop.request_stop(); });
  cli::Environment environment{fs, played, random, system, console, job, variables, {}, {}};
  environment.make_executor = [](unsigned) { return std::make_unique<InlineExecutor>(); };
  EXPECT_EQ(cli::run_app(environment, cli::all_verbs(), {"log", server.path(), "-f"}), 130);
  EXPECT_EQ(zxids(), (Words{"0x1", "0x2", "0x3"}));
}

TEST_F(LogFollow, RefusesWhatDoesNotGoOn) {
  EXPECT_EQ(follow({"--reverse"}), 2);
  console.err.clear();
  EXPECT_EQ(zkark({"log", "/data@zxid:0x2", "-f"}), 2);
  EXPECT_NE(console.err.find("a history up to a point does not go on"), std::string::npos) << console.err;
  EXPECT_EQ(zkark({"init", "-r", "/repo"}), 0);
  EXPECT_EQ(zkark({"backup", "/data", "-r", "/repo"}), 0) << console.err;
  EXPECT_EQ(zkark({"log", "-r", "/repo", "-f"}), 2);
  EXPECT_NE(console.err.find("what is stored does not go on"), std::string::npos) << console.err;
}

TEST_F(LogFollow, EndsQuietlyWhenTheReaderLeaves) {
  played.then([&] { server.create(3); }).then_nothing(100);
  console.reader_leaves_after = 200;
  EXPECT_EQ(follow({}), 0);
  EXPECT_EQ(console.err, "");
  EXPECT_LT(played.waits(), 10u);
}

}  // namespace
}  // namespace zkark::test
