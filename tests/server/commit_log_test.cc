#include "src/server/commit_log.h"

#include <gtest/gtest.h>

#include "formats/txn_log.h"
#include "tests/support/sim_fs.h"
#include "tests/support/sim_loop.h"

namespace zkark::server {
namespace {

class GroupCommit : public testing::Test {
 protected:
  GroupCommit() {
    fs.put_dir("/log");
    settings.pre_alloc_bytes = 4096;
    log = std::make_unique<CommitLog>(
        loop, worker, LogFiles(fs, clock, "/log", settings),
        CommitLog::Events{[this](const LogGroup& group) {
                            std::vector<std::int64_t> zxids;
                            for (std::size_t i = 0; i < group.payloads.size(); ++i)
                              zxids.push_back(decode_txn(group.payload(i))->header.zxid);
                            groups.push_back(zxids);
                          },
                          [this](Error error) { failures.push_back(error.to_string()); },
                          [](std::int64_t) {}});
  }
  void append(std::int64_t zxid) {
    Txn txn;
    txn.header = {1, static_cast<std::int32_t>(zxid), zxid, 1000, TxnType::kError};
    txn.body = ErrorTxn{-101};
    std::string payload;
    encode_txn(txn, payload);
    log->append(as_bytes(payload), zxid);
  }
  /// What the files hold, by name.
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> files() {
    std::vector<std::pair<std::string, std::vector<std::int64_t>>> all;
    auto entries = fs.list("/log");
    EXPECT_TRUE(entries);
    for (const DirEntry& entry : *entries) {
      if (!entry.name.starts_with("log.")) continue;
      auto file = fs.open("/log/" + entry.name);
      TxnLogReader reader(**file);
      std::vector<std::int64_t> zxids;
      while (true) {
        auto read = reader.next();
        if (!read || !*read) break;
        zxids.push_back((*read)->txn.header.zxid);
      }
      all.emplace_back(entry.name, zxids);
    }
    std::sort(all.begin(), all.end());
    return all;
  }
  using Groups = std::vector<std::vector<std::int64_t>>;

  test::SimClock clock;
  test::SimLoop loop{clock, 1};
  test::SimFs fs;
  test::SimWorker worker{loop};
  Settings settings;
  Groups groups;
  std::vector<std::string> failures;
  std::unique_ptr<CommitLog> log;
};

TEST_F(GroupCommit, WhatComesInOneTurnIsOneGroup) {
  append(1), append(2), append(3);
  EXPECT_FALSE(log->idle());
  EXPECT_TRUE(groups.empty());  // never before it is on disk
  loop.run_until_idle();
  loop.advance(10);
  EXPECT_EQ(groups, (Groups{{1, 2, 3}}));
  EXPECT_TRUE(log->idle());
}

TEST_F(GroupCommit, TheNextGroupGathersWhileOneIsSynced) {
  worker.hold();
  append(1);
  loop.advance(10);
  append(2);
  loop.advance(10);
  append(3);
  loop.advance(10);
  EXPECT_TRUE(groups.empty());
  EXPECT_EQ(worker.waiting(), 1U);  // one on its way, never two
  worker.release();
  loop.advance(20);
  EXPECT_EQ(groups, (Groups{{1}, {2, 3}}));
}

TEST_F(GroupCommit, ARollBeginsAFileWithTheNextGroupAndNeverSplitsOne) {
  append(1), append(2);
  loop.advance(10);
  append(3);
  log->roll();  // 3 gathers already
  append(4);
  loop.advance(10);
  append(5);
  loop.advance(10);
  EXPECT_EQ(groups, (Groups{{1, 2}, {3, 4}, {5}}));
  const auto found = files();
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0], (std::pair<std::string, std::vector<std::int64_t>>("log.1", {1, 2, 3, 4})));
  EXPECT_EQ(found[1], (std::pair<std::string, std::vector<std::int64_t>>("log.5", {5})));
}

TEST_F(GroupCommit, AFileThatIsLongerThanItsLimitIsFollowedByAnother) {
  settings.txn_log_size_limit_bytes = 100;
  for (std::int64_t zxid = 1; zxid <= 8; ++zxid) append(zxid), loop.advance(10);
  const auto found = files();
  EXPECT_GT(found.size(), 2U);
  std::vector<std::int64_t> all;
  for (const auto& [name, zxids] : found) {
    ASSERT_FALSE(zxids.empty()) << name;
    all.insert(all.end(), zxids.begin(), zxids.end());
  }
  EXPECT_EQ(all, (std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST_F(GroupCommit, AServerThatKeepsNothingWritesNothing) {
  settings.keeps_nothing = true;
  settings.force_sync = false;
  append(1), append(2);
  loop.advance(10);
  EXPECT_EQ(groups, (Groups{{1, 2}}));
  EXPECT_EQ(fs.files("/log"), std::vector<std::string>());
}

TEST_F(GroupCommit, AfterAFailureNothingIsDurableAnyMore) {
  append(1);
  loop.advance(10);
  fs.arm({.forever = true});
  append(2);
  loop.advance(10);
  EXPECT_EQ(groups, (Groups{{1}}));
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_TRUE(log->failed());
  fs.disarm();
  append(3);
  loop.advance(10);
  EXPECT_EQ(groups, (Groups{{1}}));
  EXPECT_EQ(failures.size(), 1U);  // told once
}

TEST_F(GroupCommit, WhatWasDurableIsThereAfterAPowerCut) {
  for (std::int64_t zxid = 1; zxid <= 5; ++zxid) append(zxid), loop.advance(10);
  ASSERT_EQ(groups.size(), 5U);
  const auto before = fs.snapshot();
  using Kind = test::Survival::Kind;
  for (const Kind kind :
       {Kind::kNothing, Kind::kEverything, Kind::kTorn, Kind::kZeroTail, Kind::kStaleTail}) {
    fs.restore(before);
    fs.power_cut({kind, 7});
    EXPECT_EQ(files().at(0).second, (std::vector<std::int64_t>{1, 2, 3, 4, 5}));
  }
}

TEST(SyncedMark, IsReadAsItWasWrittenAndNotWhenTorn) {
  const SyncedMark mark{"log.1f", 123'456, 0x1f00};
  const std::string text = format_synced_mark(mark);
  const auto read = parse_synced_mark(text);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->log, mark.log);
  EXPECT_EQ(read->offset, mark.offset);
  EXPECT_EQ(read->zxid, mark.zxid);
  EXPECT_TRUE(parse_synced_mark(text + std::string(64, ' ')));
  for (std::size_t cut = 0; cut + 1 < text.size(); ++cut)
    EXPECT_FALSE(parse_synced_mark(text.substr(0, cut))) << cut;
  for (std::size_t at = 0; at + 1 < text.size(); ++at) {
    std::string bad = text;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    EXPECT_FALSE(parse_synced_mark(bad)) << at;
  }
}

}  // namespace
}  // namespace zkark::server
