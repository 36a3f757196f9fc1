// One member's holes filled from another's logs: holes of every kind at every record, and members of other
// histories.
#include "restore/merge.h"

#include <gmock/gmock.h>

#include <cstdio>

#include "restore/data_dir.h"
#include "tests/support/fault_loop.h"
#include "tests/support/load_dir.h"
#include "tests/support/log_builder.h"
#include "tests/support/sim_fs.h"
#include "tests/support/sim_system.h"

namespace zkark::restore {
namespace {

using test::LogBuilder;
using ::testing::HasSubstr;

struct Record {
  std::string path, bytes;
  std::uint64_t offset = 0;
  std::int64_t zxid = 0;
};

class Merge : public testing::Test {
 protected:
  struct Done {
    std::optional<Error> error;
    std::vector<MergeHole> holes;
    Findings findings;
    std::optional<std::int64_t> extended, point;
    RepairedCopy copy;
    bool complete = false;
  };

  void load(const std::string& fixture, const std::string& dir) {
    test::load_dir(fs, "fixtures/" + fixture, dir);
  }

  Result<MergeMember> member(const std::string& dir) {
    DataDirOptions where;
    where.dir = dir;
    sources_.push_back(std::make_unique<DataDir>(fs, where));
    MergeMember one;
    one.name = dir;
    one.source = sources_.back().get();
    ZK_TRY(one.listing, one.source->list());
    return one;
  }

  Done merge(const std::vector<std::string>& others, MergeOptions options = {}) {
    Done done;
    if (fs.get_info("/merged")) fs.erase("/merged");
    sources_.clear();
    std::map<std::string, std::string> before;
    for (const std::string& file : fs.files("/")) before[file] = *fs.get(file);
    const Status made = try_merge(others, options, done);
    if (!made) done.error = made.error().clone();
    for (const auto& [file, content] : before) EXPECT_EQ(*fs.get(file), content) << "a source was changed";
    EXPECT_EQ(fs.get_info("/merged").has_value(), !done.error) << "absent or whole";
    return done;
  }

  Status try_merge(const std::vector<std::string>& others, const MergeOptions& options, Done& done) {
    Job job;
    ZK_TRY(MergeMember target, member("/a"));
    std::vector<MergeMember> rest;
    for (const std::string& one : others) {
      ZK_TRY(MergeMember opened, member(one));
      rest.push_back(std::move(opened));
    }
    ZK_TRY(MergePlan plan, plan_merge(target, rest, options, done.findings, job));
    done.holes = plan.holes;
    done.complete = plan.complete();
    done.extended = plan.extended;
    done.point = plan.repair.point;
    const RepairExtras extras =
        repaired_extras(target.listing, *plan.repair.point, *plan.repair.point, done.findings);
    TargetDirOptions where;
    where.dir = "/merged";
    ZK_TRY(TargetDir dir, TargetDir::examine(fs, system, where));
    ZK_TRY_STATUS(dir.claim(system));
    ZK_TRY(done.copy, write_repair(fs, std::move(dir), *plan.view, std::move(plan.repair), extras, job));
    return {};
  }

  /// All records below a directory, in the order of the walk.
  std::vector<Record> records(const std::string& dir) {
    std::vector<Record> all;
    DataDir source(fs, {dir, "", {}, {}, ""});
    const SourceListing listing = source.list().value();
    for (const SourceFile& log : listing.logs) {
      const auto file = fs.open(log.path).value();
      TxnLogReader reader(*file);
      for (auto next = reader.next(); next && *next; next = reader.next())
        all.push_back({log.path, std::string(as_text((*next)->record)), (*next)->offset, (*next)->zxid()});
    }
    return all;
  }
  static std::vector<std::string> bytes_of(const std::vector<Record>& all) {
    std::vector<std::string> bytes;
    for (const Record& one : all) bytes.push_back(one.bytes);
    return bytes;
  }
  std::vector<std::string> merged() { return bytes_of(records("/merged")); }

  /// The log without some of its bytes.
  void cut(const std::string& path, std::uint64_t begin, std::uint64_t end) {
    std::string bytes = *fs.get(path);
    bytes.erase(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
    fs.put(path, bytes);
  }
  void damage(const Record& record) { fs.flip_bit(record.path, record.offset + kRecordPrefixBytes + 33, 2); }
  void expect_filled(const Done& done) {
    ASSERT_FALSE(done.error) << done.error->to_string();
    EXPECT_TRUE(done.complete);
    for (const MergeHole& hole : done.holes) EXPECT_TRUE(hole.filled) << hole.reason;
  }

  test::SimFs fs;
  test::SimSystem system;
  std::vector<std::unique_ptr<DataDir>> sources_;
};

/// In members of real servers: each record damaged, each run of one to three cut out, every file lost.
class EveryHole : public Merge, public testing::WithParamInterface<const char*> {};

TEST_P(EveryHole, IsFilledWithTheVeryRecordsThatStoodThere) {
  const std::string fixture = GetParam();
  std::size_t planted = 0, restored = 0;
  const auto judge = [&](const std::vector<std::string>& expected, const std::string& what) {
    SCOPED_TRACE(what);
    const Done done = merge({"/b"});
    ++planted;
    expect_filled(done);
    EXPECT_FALSE(done.holes.empty());
    const bool same = !done.error && merged() == expected;
    EXPECT_TRUE(same);
    restored += same ? 1 : 0;
  };
  load(fixture, "/a");
  load(fixture, "/b");
  const std::vector<Record> all = records("/a");
  const std::vector<std::string> expected = bytes_of(all);
  fs.settle();
  const auto clean = fs.snapshot();
  for (std::size_t i = 0; i < all.size(); ++i) {
    damage(all[i]);
    judge(expected, "damaged " + zxid_text(all[i].zxid));
    fs.restore(clean);
    for (std::size_t n = 1; n <= 3 && i + n < all.size(); ++n) {
      if (all[i + n].path != all[i].path) break;
      // Nobody can tell that the last records of an epoch were there; the others can.
      cut(all[i].path, all[i].offset, all[i + n].offset);
      judge(expected, "cut out " + std::to_string(n) + " from " + zxid_text(all[i].zxid));
      fs.restore(clean);
    }
    // A file that ends early, where another one goes on.
    if (i > 0 && all[i].path == all[i - 1].path && all[i].path != all.back().path) {
      fs.truncate(all[i].path, all[i].offset);
      judge(expected, "ends before " + zxid_text(all[i].zxid));
      fs.restore(clean);
      fs.truncate(all[i].path, all[i].offset + 20);
      judge(expected, "torn in " + zxid_text(all[i].zxid));
      fs.restore(clean);
    }
  }
  std::string gone;
  for (const Record& record : all) {
    if (record.path == gone || record.path == all.back().path) continue;
    gone = record.path;
    fs.erase(gone);
    judge(expected, "lost " + gone);
    fs.restore(clean);
  }
  std::printf("PROVE R3: %zu of %zu holes of %s filled with the records that stood there\n", restored,
              planted, fixture.c_str());
  EXPECT_EQ(restored, planted);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, EveryHole,
                         testing::Values("zk-3.8.0-shop", "zk-3.8.0-ensemble/1", "zk-3.8.0-ensemble/3",
                                         "zk-3.8.0-digest-off"),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name)
                             if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
                           return name;
                         });

/// A record that is another one, at every place where both hold it.
TEST_F(Merge, AMemberOfAnotherHistoryIsRefusedWhereverItDiffers) {
  std::size_t planted = 0, refused = 0;
  constexpr std::int64_t kLast = 16;
  for (std::int64_t hole = 2; hole < kLast; ++hole)
    for (std::int64_t other = 1; other <= kLast; ++other) {
      if (other == hole) continue;
      LogBuilder a, b;
      for (std::int64_t zxid = 1; zxid <= kLast; ++zxid) {
        if (zxid != hole) a.record(zxid, 1000 + zxid);
        b.record(zxid, zxid == other ? 7 : 1000 + zxid);
      }
      fs.put("/a/version-2/log.1", a.bytes());
      fs.put("/b/version-2/log.1", b.bytes());
      const Done done = merge({"/b"});
      ++planted;
      ASSERT_TRUE(done.error) << hole << " " << other;
      EXPECT_EQ(done.error->id(), ErrorId::kRefused);
      EXPECT_EQ(done.error->zxid(), other);
      refused += done.error->id() == ErrorId::kRefused ? 1 : 0;
    }
  std::printf("PROVE R3: %zu of %zu members of another history refused\n", refused, planted);
  EXPECT_EQ(refused, planted);
}

TEST_F(Merge, ARecordInTheHoleThatGivesAnotherTreeIsRefusedByTheDigests) {
  load("zk-3.8.0-shop", "/a");
  load("zk-3.8.0-shop", "/b");
  const std::vector<Record> all = records("/a");
  // Only the other one holds it, with another value under a checksum that fits.
  const auto file = fs.open("/b/version-2/log.1").value();
  TxnLogReader reader(*file);
  std::string forged;
  append_log_header(forged);
  bool changed = false;
  std::int64_t victim = 0;
  for (auto next = reader.next(); next && *next; next = reader.next()) {
    Txn txn = (*next)->txn;
    if (auto* create = std::get_if<CreateTxn>(&txn.body); create != nullptr && !changed && txn.digest) {
      create->data = as_bytes(std::string_view("another value"));
      changed = true;
      victim = txn.header.zxid;
    }
    append_txn(txn, forged);
  }
  ASSERT_TRUE(changed);
  fs.put("/b/version-2/log.1", forged);
  for (const Record& one : all)
    if (one.zxid == victim) damage(one);
  const Done done = merge({"/b"});
  ASSERT_TRUE(done.error);
  EXPECT_EQ(done.error->id(), ErrorId::kDigestMismatch);
}

TEST_F(Merge, AHoleThatTheOthersHoldInPiecesIsFilledFromBoth) {
  for (const char* m : {"/a", "/b", "/c"}) {
    LogBuilder log;
    for (std::int64_t zxid = 1; zxid <= 12; ++zxid) {
      if (*(m + 1) == 'a' && zxid >= 4 && zxid <= 9) continue;
      if (*(m + 1) == 'b' && zxid >= 7 && zxid <= 9) continue;
      if (*(m + 1) == 'c' && zxid >= 4 && zxid <= 6) continue;
      log.record(zxid, 1000 + zxid);
    }
    fs.put(std::string(m) + "/version-2/log.1", log.bytes());
  }
  const Done done = merge({"/b", "/c"});
  expect_filled(done);
  ASSERT_EQ(done.holes.size(), 1u);
  ASSERT_EQ(done.holes[0].taken.size(), 2u);
  EXPECT_EQ(done.holes[0].taken[0].member, 0u);
  EXPECT_EQ(done.holes[0].taken[1].member, 1u);
  EXPECT_FALSE(done.holes[0].proven);
  EXPECT_THAT(done.holes[0].proof, HasSubstr("not provable"));
  EXPECT_EQ(merged().size(), 12u);
  const Done alone = merge({"/b"});
  ASSERT_FALSE(alone.error) << alone.error->to_string();
  EXPECT_FALSE(alone.complete);
  EXPECT_THAT(alone.holes[0].reason, HasSubstr("follows 0x6"));
  EXPECT_EQ(merged().size(), 3u) << "as a repair: the history ends before the hole";
}

TEST_F(Merge, WhatADeadLeaderLoggedAloneIsNotTaken) {
  // Member 3 of the fixture holds what was never committed; members 1 and 2 went on without it.
  load("zk-3.8.0-stale-tail/1", "/a");
  load("zk-3.8.0-stale-tail/3", "/b");
  load("zk-3.8.0-stale-tail/2", "/c");
  const std::vector<std::string> expected = bytes_of(records("/a"));
  const std::vector<Record> all = records("/a");
  for (const Record& record : all)
    if (record.zxid == 0x200000001) damage(record);
  const Done alone = merge({"/b"});
  ASSERT_FALSE(alone.error) << alone.error->to_string();
  EXPECT_FALSE(alone.complete);
  for (const std::vector<std::string>& others : {std::vector<std::string>{"/b", "/c"}, {"/c", "/b"}}) {
    const Done done = merge(others);
    expect_filled(done);
    EXPECT_EQ(merged(), expected);
  }
}

TEST_F(Merge, AnEpochStepThatNothingShowsIsNotFilled) {
  // c went on from 4 with the second epoch; b logged 5 and 6 and then, as if nothing were, the second epoch.
  const std::int64_t second = std::int64_t{2} << 32;
  for (const char* m : {"/a", "/b"}) {
    LogBuilder log;
    const bool b = *(m + 1) == 'b';
    for (std::int64_t zxid = 1; zxid <= (b ? 6 : 4); ++zxid) log.record(zxid, 1000 + zxid);
    for (std::int64_t n = 1; n <= 3; ++n) log.record(second + n, 2000 + n);
    fs.put(std::string(m) + "/version-2/log.1", log.bytes());
  }
  const Done done = merge({"/b"});
  ASSERT_FALSE(done.error) << done.error->to_string();
  EXPECT_EQ(bytes_of(records("/merged")), bytes_of(records("/a"))) << "nothing that may never have been";
}

TEST_F(Merge, AMemberThatASnapshotSynchronisedGetsWhatItMissed) {
  load("zk-3.8.0-ensemble/2", "/a");
  load("zk-3.8.0-ensemble/1", "/b");
  load("zk-3.8.0-ensemble/3", "/c");
  const Done done = merge({"/b", "/c"});
  expect_filled(done);
  ASSERT_EQ(done.holes.size(), 1u);
  EXPECT_EQ(done.holes[0].first, 0x10000000f);
  EXPECT_EQ(done.holes[0].last, 0x10000003a);
  EXPECT_EQ(done.holes[0].txns, 44u);
  EXPECT_TRUE(done.holes[0].proven) << done.holes[0].proof;
  EXPECT_TRUE(fs.get("/merged/version-2/log.10000000f"));
  for (const char* same : {"snapshot.0", "snapshot.200000000", "snapshot.200000005"})
    EXPECT_EQ(fs.get(std::string("/merged/version-2/") + same), fs.get(std::string("/a/version-2/") + same));
}

TEST_F(Merge, TheTailOfOthersIsTakenOnRequestAlone) {
  load("zk-3.8.0-ensemble/1", "/a");
  load("zk-3.8.0-ensemble/3", "/b");
  fs.erase("/a/version-2/log.200000001");
  const std::size_t own = records("/a").size();
  const Done without = merge({"/b"});
  expect_filled(without);
  EXPECT_FALSE(without.extended);
  EXPECT_EQ(merged().size(), own);
  const Done with = merge({"/b"}, {.extend = true});
  expect_filled(with);
  EXPECT_EQ(with.extended, 0x30000000d);
  EXPECT_EQ(with.point, 0x30000000d);
  EXPECT_EQ(merged(), bytes_of(records("/b")));
  EXPECT_EQ(fs.get("/merged/version-2/currentEpoch"), "3");
}

TEST_F(Merge, WithoutAHoleTheCopyIsTheSame) {
  load("zk-3.8.0-ensemble/1", "/a");
  load("zk-3.8.0-ensemble/3", "/b");
  const Done done = merge({"/b"});
  ASSERT_FALSE(done.error) << done.error->to_string();
  EXPECT_TRUE(done.holes.empty());
  for (const std::string& file : fs.files("/merged/version-2")) {
    const std::string own = *fs.get("/a/version-2/" + std::string(base_name(file)));
    const std::string copy = *fs.get(file);
    EXPECT_EQ(own.substr(0, copy.size()), copy);
    EXPECT_EQ(own.find_first_not_of('\0', copy.size()), own.npos);
  }
}

TEST_F(Merge, AMemberThatNamesAnyRecordTwiceOrBackwardsDoesNoHarm) {
  LogBuilder a, b;
  for (const std::int64_t zxid : {1, 2, 3, 8, 9}) a.record(zxid, 1000 + zxid);
  for (const std::int64_t zxid : {1, 2, 3, 4, 5, 3, 4, 5, 6, 7, 8, 9, 2}) b.record(zxid, 1000 + zxid);
  fs.put("/a/version-2/log.1", a.bytes());
  fs.put("/b/version-2/log.1", b.bytes());
  const Done done = merge({"/b"});
  ASSERT_FALSE(done.error) << done.error->to_string();
  EXPECT_FALSE(done.complete) << "nothing is taken from a log that contradicts itself";
}

/// An error, a kill and a power cut at every operation: the copy is absent or whole, the sources as before.
TEST_F(Merge, WhateverFailsTheCopyIsAbsentOrWhole) {
  load("zk-3.8.0-shop", "/a");
  load("zk-3.8.0-shop", "/b");
  const std::vector<Record> all = records("/a");
  const std::vector<std::string> expected = bytes_of(all);
  damage(all[4]);
  std::map<std::string, std::string> before;
  for (const std::string& file : fs.files("/")) before[file] = *fs.get(file);
  fs.settle();
  const auto clean = fs.snapshot();
  const auto scenario = [&](test::SimFs&) -> Status {
    sources_.clear();
    Done done;
    return try_merge({"/b"}, {}, done);
  };
  std::uint64_t whole = 0, absent = 0;
  const auto check = [&](test::SimFs&, const test::FaultPoint& point, const Status& outcome) {
    SCOPED_TRACE(point.to_string());
    for (const auto& [file, content] : before) EXPECT_EQ(fs.get(file), content) << file;
    if (!fs.get_info("/merged")) {
      EXPECT_FALSE(outcome) << "success without a copy";
      ++absent;
      return;
    }
    EXPECT_EQ(merged(), expected);
    ++whole;
  };
  for (const test::Fault::Action action : {test::Fault::Action::kFail, test::Fault::Action::kKill}) {
    test::Fault fault;
    fault.action = action;
    EXPECT_GT(test::for_each_fault(fs, fault, scenario, check), 80u);
    fs.restore(clean);
  }
  test::PowerCuts cuts;
  cuts.subsets = 2;
  cuts.torn = 1;
  cuts.every_prefix = false;
  EXPECT_GT(test::for_each_power_cut(fs, cuts, scenario, check).states, 50u);
  std::printf("PROVE R3: %llu of %llu faults while merging left no copy or a whole one\n",
              (unsigned long long)(whole + absent), (unsigned long long)(whole + absent));
  EXPECT_GT(whole, 0u);
  EXPECT_GT(absent, 0u);
}

/// Noise in any file of either member: an answer, no crash, and no record that was nobody's.
TEST_F(Merge, NoiseInAnyFileNeverBringsARecordThatNobodyHad) {
  for (const char* fixture : {"zk-3.8.0-ensemble/1", "zk-3.8.0-stale-tail/3"}) {
    if (fs.get_info("/a")) fs.erase("/a"), fs.erase("/b");
    load(fixture, "/a");
    load(fixture, "/b");
    std::vector<std::string> known = bytes_of(records("/a"));
    std::sort(known.begin(), known.end());
    fs.settle();
    const auto clean = fs.snapshot();
    std::uint64_t seed = 7;
    const auto next = [&](std::uint64_t below) {
      seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
      return (seed >> 33) % below;
    };
    for (int round = 0; round < 150; ++round) {
      SCOPED_TRACE(round);
      const std::uint64_t flips = 1 + next(6);
      for (std::uint64_t n = 0; n < flips; ++n) {
        const auto files = fs.files(next(2) == 0 ? "/a/version-2" : "/b/version-2");
        const std::string& file = files[next(files.size())];
        const std::uint64_t size = std::min<std::uint64_t>(fs.get(file)->size(), 6000);
        if (size < 2) continue;
        if (next(8) == 0)
          fs.truncate(file, next(size));
        else
          fs.flip_bit(file, next(size), static_cast<unsigned>(next(8)));
      }
      const Done done = merge({"/b"}, {.extend = round % 2 == 0});
      const std::vector<std::string> found = done.error ? std::vector<std::string>() : merged();
      for (const std::string& record : found) {
        EXPECT_TRUE(std::binary_search(known.begin(), known.end(), record));
      }
      fs.restore(clean);
    }
  }
}

}  // namespace
}  // namespace zkark::restore
