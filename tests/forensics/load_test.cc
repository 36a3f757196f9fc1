// Counts of load, against counting everything with nothing left out.
#include "src/forensics/load.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "restore/data_dir.h"
#include "restore/log_walk.h"
#include "tests/support/apache_replay.h"
#include "tests/support/load_dir.h"
#include "tests/support/log_builder.h"
#include "tests/support/sim_fs.h"

namespace zkark::forensics {
namespace {

TEST(FrequentKeys, AreExactWhileAllFit) {
  FrequentKeys<int> keys(4);
  for (const char* key : {"a", "b", "a", "c", "a", "b"}) keys.add(key, 2);
  EXPECT_EQ(keys.error_bound(), 0u);
  const auto top = keys.top(2);
  ASSERT_EQ(top.size(), 2u);
  EXPECT_EQ(top[0].first, "a");
  EXPECT_EQ(top[0].second->weight, 6u);
  EXPECT_EQ(top[1].first, "b");
}

TEST(FrequentKeys, NeverExceedTheirBoundNorTheirRoom) {
  std::mt19937 random(7);
  constexpr std::size_t kCapacity = 64;
  FrequentKeys<int> keys(kCapacity);
  std::map<std::string, std::uint64_t> exact;
  std::uint64_t total = 0;
  for (int i = 0; i < 20000; ++i) {
    // A few heavy ones among thousands that come once.
    const std::string key =
        random() % 3 == 0 ? "heavy" + std::to_string(random() % 5) : std::to_string(random());
    const std::uint64_t weight = 1 + random() % 9;
    keys.add(key, weight);
    exact[key] += weight;
    total += weight;
    ASSERT_LE(keys.size(), kCapacity);
  }
  EXPECT_LE(keys.error_bound(), total / (kCapacity / 2));
  std::size_t heavy = 0;
  for (const auto& [key, counter] : keys.top(5)) {
    EXPECT_LE(counter->weight, exact[std::string(key)]);
    EXPECT_GE(counter->weight + keys.error_bound(), exact[std::string(key)]);
    heavy += key.starts_with("heavy") ? 1 : 0;
  }
  EXPECT_EQ(heavy, 5u);
}

TEST(PrefixOf, TakesSoManyNames) {
  EXPECT_EQ(prefix_of("/a/b/c", 1), "/a");
  EXPECT_EQ(prefix_of("/a/b/c", 2), "/a/b");
  EXPECT_EQ(prefix_of("/a/b/c", 3), "/a/b/c");
  EXPECT_EQ(prefix_of("/a/b/c", 9), "/a/b/c");
  EXPECT_EQ(prefix_of("/", 1), "/");
}

TEST(TimeLine, GrowsItsIntervalsAndLosesNothing) {
  TimeLine time;
  for (std::int64_t i = 0; i < 20000; ++i) ASSERT_TRUE(time.add(i * 977, {1, 0, 3}));
  EXPECT_LE(time.intervals().size(), TimeLine::kMaxIntervals);
  std::uint64_t writes = 0;
  for (const auto& [number, interval] : time.intervals()) writes += interval.writes;
  EXPECT_EQ(writes, 20000u);
  EXPECT_EQ(time.interval_ms(), 5000);
  const TimeLine::Picture picture = time.picture(60);
  EXPECT_LE(picture.columns.size(), 60u);
  writes = 0;
  for (const TimeLine::Interval& interval : picture.columns) writes += interval.writes;
  EXPECT_EQ(writes, 20000u);
}

TEST(TimeLine, StandsTimesFromBothEndsOfTime) {
  TimeLine time;
  for (const std::int64_t ms : {INT64_MIN, std::int64_t{-1}, std::int64_t{0}, INT64_MAX})
    ASSERT_TRUE(time.add(ms, {1, 0, 0}));
  std::uint64_t writes = 0;
  for (const TimeLine::Interval& interval : time.picture(40).columns) writes += interval.writes;
  EXPECT_EQ(writes, 4u);
}

TEST(TimeLine, WithFixedIntervalsRefusesToGrowWithoutEnd) {
  TimeLine time(1);
  Status status;
  std::int64_t ms = 0;
  while (status && ms <= 200'000) status = time.add(2 * ms++, {1, 0, 0});
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().id(), ErrorId::kUsage);
  EXPECT_EQ(time.interval_ms(), 1);
}

class Loads : public testing::TestWithParam<std::string> {};

TEST_P(Loads, AddUp) {
  test::SimFs fs;
  test::load_dir(fs, GetParam(), "/data");
  restore::DataDirOptions where;
  where.dir = "/data";
  if (auto split = exists(fs, "/data/data"); split && *split) where.dir = "/data/data";
  if (auto split = exists(fs, "/data/log"); split && *split) where.log_dir = "/data/log";
  restore::DataDir source(fs, where);
  const restore::SourceListing listing = source.list().value();
  restore::Findings findings;
  restore::LogWalk walk(source, listing.logs, {}, findings);
  Load load({});
  std::map<std::string, std::uint64_t> paths, prefixes;
  std::map<std::int64_t, std::uint64_t> sessions;
  std::uint64_t writes = 0, errors = 0, bytes = 0;
  restore::WalkEntry walked;
  while (walk.next_into(walked).value()) {
    const Txn& txn = walked.entry.txn;
    ASSERT_TRUE(load.see(txn, walked.entry.record.size()));
    bytes += walked.entry.record.size();
    const auto one = [&](std::string_view path) {
      ++writes;
      ++sessions[txn.header.client_id];
      if (path.empty()) return;
      ++paths[std::string(path)];
      const std::size_t second = path.find('/', 1);
      const std::size_t third = second == std::string_view::npos ? second : path.find('/', second + 1);
      ++prefixes[std::string(path.substr(0, third))];
    };
    if (std::holds_alternative<ErrorTxn>(txn.body)) {
      ++errors;
    } else if (const auto* multi = std::get_if<MultiTxn>(&txn.body)) {
      if (multi_failed(*multi)) {
        ++errors;
        continue;
      }
      for (const SubTxn& sub : multi->txns)
        if (sub.type != TxnType::kCheck) one(txn_path(*decode_sub_txn(sub)));
    } else {
      one(txn_path(txn.body));
    }
  }
  EXPECT_EQ(load.total().writes, writes);
  EXPECT_EQ(load.total().errors, errors);
  EXPECT_EQ(load.total().bytes, bytes);
  std::map<std::string, std::uint64_t> found;
  for (const auto& [key, counter] : load.paths().top(SIZE_MAX)) found[std::string(key)] = counter->weight;
  EXPECT_EQ(found, paths);
  found.clear();
  for (const auto& [key, counter] : load.prefixes().top(SIZE_MAX)) found[std::string(key)] = counter->weight;
  EXPECT_EQ(found, prefixes);
  std::map<std::int64_t, std::uint64_t> by_session;
  for (const auto& [key, counter] : load.sessions().top(SIZE_MAX))
    if (counter->weight != 0) by_session[session_of_key(key)] = counter->weight;
  EXPECT_EQ(by_session, sessions);
  std::uint64_t of_types = 0, of_times = 0;
  for (const auto& [type, share] : load.types()) of_types += share.writes;
  for (const auto& [number, interval] : load.time().intervals()) of_times += interval.writes;
  EXPECT_EQ(of_types, writes);
  EXPECT_EQ(of_times, writes);
}
INSTANTIATE_TEST_SUITE_P(Every, Loads, testing::ValuesIn(test::recorded_directories()),
                         [](const auto& info) { return test::test_name_of(info.param); });

TEST(Weigh, SumsATreeByItsSubtrees) {
  restore::Tree tree;
  const auto add = [&](const char* path, std::string_view data, std::int64_t owner) {
    StatPersisted stat;
    stat.ephemeral_owner = owner;
    tree.create(path, tree.find_parent(path), as_bytes(data), restore::kOpenAcl, stat);
  };
  add("/a", "1", 0);
  add("/a/b", "22", 0);
  add("/a/b/c", "333", 0x77);
  add("/d", "", 0);
  const auto by_prefix = weigh(tree, WeighBy::kPrefix, 1);
  EXPECT_EQ(by_prefix.at("/a"), (Weight{3, 6}));
  EXPECT_EQ(by_prefix.at("/d"), (Weight{1, 0}));
  EXPECT_EQ(weigh(tree, WeighBy::kPrefix, 2).at("/a/b"), (Weight{2, 5}));
  EXPECT_EQ(weigh(tree, WeighBy::kPath, 1).at("/a/b"), (Weight{1, 2}));
  EXPECT_EQ(weigh(tree, WeighBy::kSession, 1).at(session_key(0x77)), (Weight{1, 3}));
  EXPECT_EQ(weigh(tree, WeighBy::kType, 1).at("ephemeral"), (Weight{1, 3}));
}

}  // namespace
}  // namespace zkark::forensics
