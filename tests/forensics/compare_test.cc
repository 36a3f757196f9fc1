// Members that agree, and members in which one difference was planted.
#include "src/forensics/compare.h"

#include <gtest/gtest.h>

#include "restore/data_dir.h"
#include "tests/support/inline_executor.h"
#include "tests/support/load_dir.h"
#include "tests/support/log_builder.h"
#include "tests/support/lost_ttl.h"
#include "tests/support/sim_fs.h"

namespace zkark::forensics {
namespace {

constexpr std::int64_t kFirst = 1, kLast = 24;

class Members : public testing::Test {
 protected:
  std::string dir(std::size_t m) const { return "/m" + std::to_string(m); }

  void open(std::size_t m) {
    restore::DataDirOptions where;
    where.dir = dir(m);
    sources.push_back(std::make_unique<restore::DataDir>(fs, where));
    ComparedMember member;
    member.name = "m" + std::to_string(m);
    member.source = sources.back().get();
    member.listing = member.source->list().value();
    members.push_back(std::move(member));
  }
  void put_log(std::size_t m, const test::LogBuilder& log) {
    fs.put(dir(m) + "/version-2/log.1", log.bytes());
    open(m);
  }
  Comparison compare() { return compare_members(members, {}, executor, job).value(); }
  void clear() { members.clear(), sources.clear(); }

  test::SimFs fs;
  InlineExecutor executor;
  Job job;
  std::vector<std::unique_ptr<restore::DataDir>> sources;
  std::vector<ComparedMember> members;
};

/// A change or a lack at every zxid in every one of three members.
TEST_F(Members, ThePlantedFirstDifferenceIsNamed) {
  enum class Plant { kOther, kMissing };
  std::size_t planted = 0, named = 0;
  for (const Plant plant : {Plant::kOther, Plant::kMissing})
    for (std::int64_t at = kFirst + 1; at < kLast; ++at)
      for (std::size_t victim = 0; victim < 3; ++victim) {
        clear();
        for (std::size_t m = 0; m < 3; ++m) {
          test::LogBuilder log;
          for (std::int64_t zxid = kFirst; zxid <= kLast; ++zxid) {
            const bool here = m == victim && zxid == at;
            if (here && plant == Plant::kMissing) continue;
            log.record(zxid, here ? 777 : 1000 + zxid);
          }
          put_log(m, log);
        }
        ++planted;
        const Comparison result = compare();
        ASSERT_TRUE(result.difference.has_value());
        EXPECT_EQ(result.difference->zxid, at);
        EXPECT_EQ(result.difference->last_common, at - 1);
        EXPECT_EQ(result.difference->zxids, 1u);
        EXPECT_EQ(result.minority, std::vector<std::size_t>{victim});
        EXPECT_EQ(result.difference->missing[victim], plant == Plant::kMissing);
        EXPECT_EQ(result.difference->records[victim].has_value(), plant == Plant::kOther);
        EXPECT_EQ(result.difference->records[(victim + 1) % 3]->time_ms, 1000 + at);
        if (plant == Plant::kOther) {
          // The tree shows it too, at the end.
          EXPECT_EQ(result.tree_groups, 2u);
          ASSERT_TRUE(result.tree_diff.has_value());
          ASSERT_EQ(result.tree_diff->differences.size(), 1u);
          EXPECT_EQ(result.tree_diff->differences[0].path, "/n" + zxid_hex(at));
        }
        if (result.difference->zxid == at) ++named;
      }
  std::printf("%zu of %zu planted differences named\n", named, planted);
  EXPECT_EQ(named, planted);
}

TEST_F(Members, BeingBehindIsNoDifference) {
  for (std::size_t m = 0; m < 3; ++m) {
    test::LogBuilder log;
    for (std::int64_t zxid = kFirst; zxid <= kLast - static_cast<std::int64_t>(m); ++zxid)
      log.record(zxid, 1000 + zxid);
    put_log(m, log);
  }
  const Comparison result = compare();
  EXPECT_FALSE(result.differs());
  EXPECT_EQ(result.tree_zxid, kLast - 2);
  EXPECT_EQ(result.tree_groups, 1u);
  EXPECT_EQ(members[0].behind, 0u);
  EXPECT_EQ(members[2].behind, 2u);
}

/// Whether a lost tail is stale or a loss depends on how many had it.
TEST_F(Members, ATailThatMostHadIsALossAndNotStale) {
  const std::int64_t second_epoch = std::int64_t{2} << 32;
  for (const std::size_t holders : {1u, 2u}) {
    clear();
    for (std::size_t m = 0; m < 3; ++m) {
      test::LogBuilder log;
      for (std::int64_t zxid = kFirst; zxid <= (m < holders ? 6 : 4); ++zxid) log.record(zxid, 1000 + zxid);
      if (m >= holders)
        for (std::int64_t n = 1; n <= 3; ++n) log.record(second_epoch + n, 2000 + n);
      put_log(m, log);
    }
    const Comparison result = compare();
    EXPECT_EQ(result.difference.has_value(), holders == 2);
    if (holders == 2) {
      EXPECT_EQ(result.difference->zxid, 5);
      EXPECT_EQ(result.minority, std::vector<std::size_t>{2});
      continue;
    }
    ASSERT_EQ(members[0].stale_tails.size(), 1u);
    EXPECT_EQ(members[0].stale_tails[0].zxids, (restore::ZxidRange{5, 6}));
    EXPECT_FALSE(members[0].stale_tails[0].cut_off);
  }
}

TEST_F(Members, DamageIsDamageAndNoDifference) {
  for (std::size_t m = 0; m < 2; ++m) {
    test::LogBuilder log;
    for (std::int64_t zxid = kFirst; zxid <= kLast; ++zxid) {
      log.record(zxid, 1000 + zxid);
      if (m == 1 && zxid == 9) log.damaged();
    }
    put_log(m, log);
  }
  const Comparison result = compare();
  EXPECT_FALSE(result.difference.has_value());
  EXPECT_TRUE(restore::has_severity(members[1].findings, restore::Severity::kDamage));
  EXPECT_FALSE(members[1].not_compared.empty());
  EXPECT_FALSE(result.incomplete.empty());
}

/// No log shows it, and every later snapshot of that member has it.
TEST_F(Members, TtlNodesLostAtAStartAreNamedWithTheSnapshotThatLacksThem) {
  const std::vector<std::vector<const char*>> kSince = {{"4d"}, {"3c", "4d"}};
  for (const auto& snapshots : kSince)
    for (std::size_t victim = 0; victim < 3; ++victim) {
      clear();
      for (std::size_t m = 0; m < 3; ++m) {
        if (fs.get_info(dir(m))) fs.erase(dir(m));
        test::load_dir(fs, "fixtures/zk-3.8.0-standalone", dir(m));
        for (const char* name : snapshots) {
          if (m != victim) continue;
          EXPECT_GT(test::lose_ttl_nodes(fs, dir(m) + "/version-2/snapshot." + name), 0u);
        }
        open(m);
      }
      const Comparison result = compare();
      EXPECT_FALSE(result.difference.has_value());
      EXPECT_EQ(result.tree_groups, 2u);
      EXPECT_EQ(result.minority, std::vector<std::size_t>{victim});
      EXPECT_EQ(result.tree_b, victim);
      ASSERT_TRUE(result.tree_since.has_value());
      const std::int64_t lost = parse_data_file_name(std::string("snapshot.") + snapshots.front()).zxid;
      EXPECT_EQ(result.tree_since->zxid, lost);
      EXPECT_EQ(result.tree_since->last_alike, lost - 1);
      EXPECT_EQ(result.tree_since->snapshot_b, dir(victim) + "/version-2/snapshot." + snapshots.front());
      EXPECT_EQ(result.tree_since->digests, TreeSince::Digests::kOfA);
      EXPECT_TRUE(restore::has_severity(members[victim].findings, restore::Severity::kDamage));
    }
}

TEST_F(Members, WithoutACommonOlderPointSinceWhenIsOpen) {
  for (std::size_t m = 0; m < 2; ++m) {
    test::load_dir(fs, "fixtures/zk-3.8.0-standalone", dir(m));
    for (const char* purged : {"snapshot.0", "snapshot.3c", "log.1", "log.3e"})
      fs.erase(dir(m) + "/version-2/" + purged);
    if (m == 1) test::lose_ttl_nodes(fs, dir(m) + "/version-2/snapshot.4d");
    open(m);
  }
  const Comparison result = compare();
  ASSERT_TRUE(result.tree_since.has_value());
  EXPECT_EQ(result.tree_since->zxid, 0x4d);
  EXPECT_FALSE(result.tree_since->last_alike.has_value());
}

/// What every server lost, as the digests in the logs prove, is no difference.
TEST_F(Members, TtlNodesThatTheLeaderLostAreNoDifference) {
  for (std::size_t m = 0; m < 2; ++m) {
    test::load_dir(fs, "fixtures/zk-3.8.0-lost-ttl", dir(m));
    if (m == 0) fs.erase(dir(m) + "/version-2/snapshot.c");
    open(m);
  }
  const Comparison result = compare();
  EXPECT_FALSE(result.differs());
  EXPECT_FALSE(result.tree_since.has_value());
}

TEST_F(Members, OfRealEnsemblesAgree) {
  for (const char* ensemble : {"zk-3.8.0-ensemble", "zk-3.9-ensemble", "zk-3.8.0-stale-tail"}) {
    clear();
    for (std::size_t m = 1; m <= 3; ++m) {
      const std::string at = std::string("/") + ensemble + "/" + std::to_string(m);
      test::load_dir(fs, std::string("fixtures/") + ensemble + "/" + std::to_string(m), at);
      restore::DataDirOptions where;
      where.dir = at;
      sources.push_back(std::make_unique<restore::DataDir>(fs, where));
      ComparedMember member;
      member.name = at;
      member.source = sources.back().get();
      member.listing = member.source->list().value();
      members.push_back(std::move(member));
    }
    SCOPED_TRACE(ensemble);
    const Comparison result = compare();
    EXPECT_FALSE(result.differs());
    EXPECT_EQ(result.tree_groups, 1u);
    EXPECT_TRUE(result.incomplete.empty());
  }
  // The last of them: what the dead leader logged alone.
  ASSERT_EQ(members[2].stale_tails.size(), 1u);
  EXPECT_EQ(members[2].stale_tails[0].zxids, (restore::ZxidRange{0x10000000d, 0x100000010}));
  EXPECT_TRUE(members[2].stale_tails[0].cut_off);
}

}  // namespace
}  // namespace zkark::forensics
