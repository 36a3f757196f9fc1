// A log that a server writes to, record by record, without a server and without waiting.
#include "restore/live_log.h"

#include <gtest/gtest.h>

#include "restore/data_dir.h"
#include "tests/support/live_server.h"
#include "tests/support/played_clock.h"

namespace zkark::restore {
namespace {

class LiveLogs : public testing::Test {
 protected:
  LiveLogs() {
    clock.at_the_end([this] { job.stop.request_stop(); });
    server.roll(1).create(1).create(2);
  }
  /// Everything it gives until the play is over or the log was cut.
  std::vector<std::int64_t> follow(LogWalkOptions walk = {}) {
    const SourceListing listing = source.list().value();
    LiveLogOptions options;
    options.walk = walk;
    options.before_wait = [this]() -> Status {
      given_at_wait.push_back(given.size());
      return {};
    };
    LiveLog log(source, listing, options, findings, clock, job);
    WalkEntry entry;
    for (;;) {
      const Result<bool> more = log.next_into(entry);
      if (!more) {
        error = more.error().id();
        break;
      }
      if (!*more) break;
      given.push_back(entry.entry.zxid());
    }
    cut = log.cut();
    return given;
  }
  using Zxids = std::vector<std::int64_t>;

  test::SimFs fs;
  test::PlayedClock clock;
  Job job;
  test::LiveServer server{fs};
  DataDir source{fs, DataDirOptions{"/data", "", {}, {}, ""}};
  Findings findings;
  Zxids given;
  std::vector<std::size_t> given_at_wait;
  std::optional<ErrorId> error;
  std::optional<LiveLog::Cut> cut;
};

TEST_F(LiveLogs, GivesWhatIsThereAndThenEachRecordAsItComes) {
  clock.then([&] { server.create(3); }).then({}).then([&] { server.create(4).create(5); });
  EXPECT_EQ(follow(), (Zxids{1, 2, 3, 4, 5}));
  EXPECT_EQ(given_at_wait, (std::vector<std::size_t>{2, 3, 3, 5}));
  EXPECT_EQ(error, ErrorId::kCancelled);
  EXPECT_TRUE(findings.empty());
}

TEST_F(LiveLogs, WaitsForARecordUntilItIsWhole) {
  for (const std::size_t bytes : {1u, 11u, 12u, 13u, 40u, 60u}) {
    given.clear();
    server.roll(1).create(1);
    clock.then([&] { server.begin(2, bytes); }).then_nothing(10).then([&] { server.finish(); });
    EXPECT_EQ(follow(), (Zxids{1, 2})) << bytes;
    EXPECT_TRUE(findings.empty()) << bytes << findings.front().message;
    job.stop = std::stop_source();
  }
}

TEST_F(LiveLogs, GoesOnInTheNextFileAndMissesNothingOfTheOneBefore) {
  clock
      .then([&] {
        server.create(3);
        server.roll(4);
      })
      .then([&] { server.create(4); })
      .then([&] { server.create(5).roll(6).create(6).roll(7).create(7); });
  EXPECT_EQ(follow(), (Zxids{1, 2, 3, 4, 5, 6, 7}));
  EXPECT_TRUE(findings.empty());
}

TEST_F(LiveLogs, ANewFileMayHaveNoHeaderYet) {
  const std::string path = "/data/version-2/log.3";
  clock.then([&] { fs.put(path, ""); })
      .then_nothing(5)
      .then([&] { fs.put(path, std::string_view("ZKLG\0\0", 6)); })
      .then([&] { server.roll(3).create(3); });
  EXPECT_EQ(follow(), (Zxids{1, 2, 3}));
  EXPECT_TRUE(findings.empty());
}

TEST_F(LiveLogs, ADamagedRecordIsAFindingOnceRecordsStandBehindIt) {
  clock
      .then([&] {
        server.create(3);
        fs.flip_bit(server.path(), server.offset(2) + 40, 0);
      })
      .then_nothing(10)
      .then([&] {
        EXPECT_TRUE(findings.empty()) << "it may be on its way";
        server.create(4);
      })
      .then_nothing(5);
  EXPECT_EQ(follow(), (Zxids{1, 2, 4}));
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].id, ErrorId::kChecksumMismatch);
  EXPECT_EQ(findings[0].offset, server.offset(2));
  EXPECT_EQ(findings[0].end_offset, server.offset(3));
  EXPECT_EQ(findings[0].first_zxid, 3);
  EXPECT_EQ(findings[0].last_zxid, 3);
}

TEST_F(LiveLogs, DamageIsFoundEvenIfNoTimeOfChangeTellsThatRecordsCame) {
  const auto time = [&] { return fs.get_info(server.path())->mtime_ns; };
  clock
      .then([&] {
        server.create(3);
        fs.flip_bit(server.path(), server.offset(2) + 40, 0);
      })
      .then_nothing(10)
      .then([&] {
        const std::int64_t before = time();
        server.create(4);
        fs.put_mtime(server.path(), before);
      })
      .then_nothing(20);
  EXPECT_EQ(follow(), (Zxids{1, 2, 4}));
  EXPECT_EQ(findings.size(), 1u);
}

/// The look takes time: a record that was torn when it began may be whole when it ends, with others behind
/// it.
TEST_F(LiveLogs, WhatBecomesWholeDuringTheLookIsNoDamage) {
  std::string value(400 << 10, 'x'), bytes;
  Txn large = test::create_txn(2, 1795239042002, "/large");
  std::get<CreateTxn>(large.body).data = as_bytes(value);
  append_log_header(bytes);
  append_txn(test::create_txn(1, 1795239042001, "/a"), bytes);
  append_txn(large, bytes);
  const std::size_t torn = bytes.size() - 100;
  append_txn(test::create_txn(3, 1795239042003, "/b"), bytes);
  fs.put(server.path(), bytes.substr(0, torn) + std::string(bytes.size() - torn + 5000, '\0'));
  LogWalkOptions live;
  live.live = true;
  LogWalk walk(source, source.list().value().logs, live, findings);
  WalkEntry entry;
  ASSERT_TRUE(walk.next_into(entry).value());
  ASSERT_FALSE(walk.next_into(entry).value());
  fs.overwrite(server.path(), 0, as_bytes(bytes));
  EXPECT_TRUE(walk.look_behind(UINT64_MAX).value());
  ASSERT_TRUE(walk.next_into(entry).value());
  EXPECT_EQ(entry.entry.zxid(), 2);
  ASSERT_TRUE(walk.next_into(entry).value());
  EXPECT_EQ(entry.entry.zxid(), 3);
  EXPECT_TRUE(findings.empty());
}

TEST_F(LiveLogs, RecordsHiddenByADamagedLengthAreFound) {
  clock
      .then([&] {
        server.create(3).create(4);
        fs.overwrite(server.path(), server.offset(2), Bytes(std::vector<std::byte>(12)));
      })
      .then_nothing(5)
      .then([&] { server.create(5); });
  EXPECT_EQ(follow(), (Zxids{1, 2, 4, 5}));
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].id, ErrorId::kBadLength);
}

TEST_F(LiveLogs, WhatNeverBecameWholeIsJudgedWhenTheServerHasGoneOn) {
  clock.then([&] { server.begin(3, 30); }).then_nothing(10).then([&] {
    EXPECT_TRUE(findings.empty());
    server.roll(3).create(3);
  });
  EXPECT_EQ(follow(), (Zxids{1, 2, 3}));
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].severity, Severity::kNote) << findings[0].message;
  EXPECT_EQ(findings[0].file, "/data/version-2/log.1");
}

TEST_F(LiveLogs, ARecordOfANewFileThatIsMissingIsAGap) {
  clock.then([&] { server.roll(5).create(5); });
  EXPECT_EQ(follow(), (Zxids{1, 2, 5}));
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].id, ErrorId::kGap);
}

TEST_F(LiveLogs, APurgeOfWhatWasReadMeansNothing) {
  clock
      .then([&] {
        server.create(3);
        server.roll(4).create(4);
        fs.erase("/data/version-2/log.1");
      })
      .then([&] { server.create(5); });
  EXPECT_EQ(follow(), (Zxids{1, 2, 3, 4, 5}));
  EXPECT_FALSE(cut);
  EXPECT_TRUE(findings.empty());
}

TEST_F(LiveLogs, ACutIsToldWithWhatIsLeft) {
  clock.then([&] { server.create(3).create(4); }).then([&] { server.cut(2); });
  EXPECT_EQ(follow(), (Zxids{1, 2, 3, 4}));
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->last_zxid, 2);
  EXPECT_EQ(cut->given_zxid, 4);
  EXPECT_TRUE(cut->found);
}

TEST_F(LiveLogs, ACutIsSeenEvenIfTheServerHasGoneOnSince) {
  const std::int64_t next = make_zxid(3, 1);
  clock
      .then([&] {
        server.create(3);
        server.roll(4).create(4).create(5);
      })
      .then([&] {
        fs.erase("/data/version-2/log.4");
        fs.truncate("/data/version-2/log.1", server.offset(0) + 200);
        server.roll(next).create(next);
      });
  fs.put("/data/version-2/log.1", fs.get("/data/version-2/log.1").value());
  follow();
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->given_zxid, 5);
  EXPECT_LT(cut->last_zxid, 4);
  EXPECT_GT(cut->last_zxid, 0);
  // From there on it is followed again.
  given.clear();
  job.stop = std::stop_source();
  LogWalkOptions walk;
  walk.after_zxid = cut->last_zxid;
  EXPECT_EQ(follow(walk), (Zxids{next}));
}

TEST_F(LiveLogs, AFileWrittenAnewIsNotTakenForItsGoingOn) {
  clock.then([&] { server.create(3).create(4); }).then([&] {
    server.roll(1);
    server.write(test::create_txn(1, 5, "/other")).write(test::create_txn(2, 6, "/other/one"));
    for (std::int64_t zxid = 3; zxid < 20; ++zxid) server.create(zxid);
  });
  EXPECT_EQ(follow(), (Zxids{1, 2, 3, 4}));
  ASSERT_TRUE(cut);
  EXPECT_FALSE(cut->found);
  EXPECT_EQ(cut->last_zxid, 0);
}

TEST_F(LiveLogs, BeginsBehindWhatIsNotAskedFor) {
  clock.then([&] { server.create(3); });
  LogWalkOptions walk;
  walk.after_zxid = 2;
  EXPECT_EQ(follow(walk), (Zxids{3}));
}

TEST_F(LiveLogs, EndsWhenEverythingIsGone) {
  clock.then([&] { fs.erase("/data/version-2/log.1"); });
  EXPECT_EQ(follow(), (Zxids{1, 2}));
  EXPECT_EQ(error, ErrorId::kNoData);
}

TEST_F(LiveLogs, AFailingDiskIsAnError) {
  clock.then([&] { fs.arm({.kinds = test::op(test::OpKind::kRead), .forever = true}); });
  EXPECT_EQ(follow(), (Zxids{1, 2}));
  EXPECT_EQ(error, ErrorId::kStorage);
}

}  // namespace
}  // namespace zkark::restore
