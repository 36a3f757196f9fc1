#include "src/server/snapshotter.h"

#include <gtest/gtest.h>

#include <atomic>

#include "tests/server/lines_log.h"
#include "tests/server/random_history.h"
#include "tests/server/snapshot_bytes.h"
#include "tests/support/fault_loop.h"
#include "tests/support/sim_clock.h"
#include "tests/support/sim_fs.h"
#include "tests/support/sim_loop.h"

namespace zkark::server {
namespace {

using test::Fault;
using test::SimFs;

constexpr char kDir[] = "/data/version-2";

SnapshotSays read_file_of(const SimFs& fs, const std::string& name) {
  const std::string bytes = fs.get(std::string(kDir) + "/" + name).value_or("");
  StringSource stored(bytes);
  return read_all(*unwrap(stored, parse_data_file_name(name).codec));
}
std::vector<std::string> names(const SimFs& fs) {
  std::vector<std::string> found;
  for (const std::string& path : fs.files(kDir)) found.emplace_back(base_name(path));
  return found;
}
Settings every(std::int64_t snap_count) {
  Settings settings;
  settings.snap_count = snap_count;
  return settings;
}

/// A state that changes, and a Snapshotter over it.
struct World {
  explicit World(SimFs& the_fs, Settings the_settings = {}, std::uint64_t seed = 1)
      : fs(the_fs), settings(std::move(the_settings)), loop(clock, seed), worker(loop), history(seed) {
    if (!fs.get_info(kDir)) fs.put_dir(kDir);
    make();
  }
  void make() {
    snapshotter.emplace(SnapshotterSeams{fs, clock, loop, worker, log, random}, settings, history.state,
                        DataPlaces{kDir, kDir}, [this] { ++rolls; });
  }
  /// One txn, as a group of its own. What a snapshot of then has to say is remembered.
  void txn(std::size_t bytes = 100) {
    history.step();
    states[history.state.last_zxid] = read_all(plain_snapshot(history.state));
    snapshotter->applied(1, bytes);
  }
  void txns(int count) {
    for (; count != 0; --count) {
      txn();
      loop.advance(1);
    }
  }
  bool settle() {
    return loop.run_until([this] { return !snapshotter->busy() && worker.waiting() == 0; }, 60'000);
  }

  SimFs& fs;
  Settings settings;
  test::SimClock clock;
  test::SimLoop loop;
  test::SimWorker worker;
  test::SimRandom random;
  LinesLog log;
  RandomHistory history;
  std::map<std::int64_t, SnapshotSays> states;
  int rolls = 0;
  std::optional<Snapshotter> snapshotter;  // goes first
};

TEST(Snapshotter, WritesTheStateOfItsZxidInEveryCompression) {
  for (const char* const compression : {"", "gz", "snappy"}) {
    SimFs fs;
    Settings settings = every(20);
    settings.snapshot_compression = compression;
    World world(fs, settings);
    world.txns(300);
    ASSERT_TRUE(world.settle());
    EXPECT_GE(world.snapshotter->stats().taken, 10);
    EXPECT_EQ(world.snapshotter->stats().failed, 0);
    EXPECT_EQ(world.rolls, world.snapshotter->stats().taken + world.snapshotter->stats().skipped);
    EXPECT_EQ(world.log.count(LogLevel::kError), 0u);
    std::int64_t whole = 0;
    for (const std::string& name : names(fs)) {
      SCOPED_TRACE(name);
      const DataFileName parsed = parse_data_file_name(name);
      ASSERT_EQ(parsed.kind, DataFileKind::kSnapshot);
      EXPECT_EQ(name.ends_with(compression), true);
      EXPECT_EQ(read_file_of(fs, name), world.states[parsed.zxid]);
      ++whole;
    }
    EXPECT_EQ(whole, world.snapshotter->stats().taken);
    EXPECT_EQ(fs.careless_renames(), std::vector<std::string>());
  }
}

TEST(Snapshotter, ChoosesByChanceBetweenHalfOfSnapCountAndAllOfIt) {
  std::set<int> seen;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SimFs fs;
    World world(fs, every(20));
    world.random = test::SimRandom(seed);
    world.make();
    int count = 0;
    while (world.rolls == 0) world.txn(), ++count;
    EXPECT_GT(count, 10);
    EXPECT_LE(count, 20);
    seen.insert(count);
  }
  EXPECT_GT(seen.size(), 5u);
}

TEST(Snapshotter, ChoosesByBytesToo) {
  SimFs fs;
  Settings settings;
  settings.snap_size_limit_bytes = 10'000;
  World world(fs, settings);
  int count = 0;
  while (world.rolls == 0) world.txn(1000), ++count;
  EXPECT_GT(count, 5);
  EXPECT_LE(count, 10);
  settings.snap_size_limit_bytes = -1;
  World off(fs, settings);
  for (int i = 0; i < 100; ++i) off.txn(1'000'000);
  EXPECT_EQ(off.rolls, 0);
}

TEST(Snapshotter, LeavesOneOutWhileOneIsBeingWritten) {
  SimFs fs;
  World world(fs, every(4));
  world.worker.hold();
  while (!world.snapshotter->busy()) world.txns(1);
  const std::int64_t zxid = world.history.state.last_zxid;
  world.txns(8);
  EXPECT_GE(world.snapshotter->stats().skipped, 1);
  EXPECT_EQ(world.rolls, 1 + world.snapshotter->stats().skipped);
  EXPECT_EQ(world.log.count(LogLevel::kWarn, "is still being written"),
            static_cast<std::size_t>(world.snapshotter->stats().skipped));
  EXPECT_FALSE(world.snapshotter->take_now());
  world.worker.release();
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(names(fs), std::vector<std::string>{snapshot_file_name(zxid)});
  EXPECT_EQ(read_file_of(fs, snapshot_file_name(zxid)), world.states[zxid]);
}

/// 30 MB of them.
void add_large_nodes(World& world) {
  const std::string large(100'000, 'x');
  for (int i = 0; i < 300; ++i)
    world.history.state.tree.create("/n" + std::to_string(i), restore::kRoot, as_bytes(large),
                                    restore::kOpenAcl, {});
}

TEST(Snapshotter, PausesWhileTheDiskIsSlow) {
  SimFs fs;
  World world(fs);
  add_large_nodes(world);
  const SnapshotSays says = read_all(plain_snapshot(world.history.state));
  world.worker.hold();
  ASSERT_TRUE(world.snapshotter->take_now());
  world.loop.run_until_idle();
  EXPECT_LE(world.worker.waiting(), 6u);  // parts of 256 KiB and a little: 1 MiB of 30, and the file's making
  EXPECT_GE(world.worker.waiting(), 4u);
  world.worker.release();
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(read_file_of(fs, "snapshot.0"), says);
}

/// Whatever is done between two looks at it takes twenty milliseconds.
class SlowClock final : public Clock {
 public:
  WallTime wall() override { return {0}; }
  void sleep_ms(std::int64_t) override {}
  MonotonicTime monotonic() override { return {(looks_ += 1) * 20'000'000}; }

 private:
  std::atomic<std::int64_t> looks_ = 0;
};

TEST(Snapshotter, RestsAsLongAsTheDiskWorked) {
  for (const bool slow : {false, true}) {
    SimFs fs;
    World world(fs);
    add_large_nodes(world);
    const SnapshotSays says = read_all(plain_snapshot(world.history.state));
    SlowClock clock;
    if (slow)
      world.snapshotter.emplace(
          SnapshotterSeams{fs, clock, world.loop, world.worker, world.log, world.random}, world.settings,
          world.history.state, DataPlaces{kDir, kDir}, [] {});
    const std::int64_t before_ns = world.clock.monotonic().ns;
    ASSERT_TRUE(world.snapshotter->take_now());
    ASSERT_TRUE(world.settle());
    const std::int64_t took_ms = (world.clock.monotonic().ns - before_ns) / 1'000'000;
    EXPECT_EQ(read_file_of(fs, "snapshot.0"), says);
    // 100 parts of 300 KB, each of 20 ms. The last ones are still on their way when the walk is over.
    if (slow)
      EXPECT_GE(took_ms, 20 * 90);
    else
      EXPECT_LE(took_ms, 500) << "the worker itself takes up to 2 ms for each";
  }
}

TEST(Snapshotter, GivesWayToOthersBetweenTwoSlices) {
  SimFs fs;
  World world(fs);
  for (int i = 0; i < 5000; ++i)
    world.history.state.tree.create("/n" + std::to_string(i), restore::kRoot, std::nullopt, restore::kOpenAcl,
                                    {});
  ASSERT_TRUE(world.snapshotter->take_now());
  EXPECT_GE(world.loop.run_until_idle(), 5004u / 512);  // turns, with room between them
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(names(fs), std::vector<std::string>{"snapshot.0"});
}

TEST(Snapshotter, GivesUpWhenItIsStopped) {
  // Stopped, or gone, after any number of steps: there is no snapshot or a whole one, and nothing else.
  std::size_t none = 0, whole = 0;
  for (int steps = 0; steps < 40; ++steps)
    for (const bool gone : {false, true}) {
      SCOPED_TRACE(steps);
      SimFs fs;
      World world(fs);
      for (int i = 0; i < 2000; ++i)
        world.history.state.tree.create("/n" + std::to_string(i), restore::kRoot, std::nullopt,
                                        restore::kOpenAcl, {});
      world.snapshotter->set_slice({128, 1 << 20});
      const SnapshotSays says = read_all(plain_snapshot(world.history.state));
      ASSERT_TRUE(world.snapshotter->take_now());
      for (int i = 0; i < steps; ++i)
        if (!world.loop.step()) world.clock.advance_ms(1);
      if (gone) {
        world.snapshotter.reset();
      } else {
        world.snapshotter->stop();
        EXPECT_FALSE(world.snapshotter->busy());
        EXPECT_FALSE(world.snapshotter->take_now());
      }
      world.history.steps(50);  // the tree tells nobody any more
      world.loop.advance(100);
      if (names(fs).empty()) {
        ++none;
        continue;
      }
      ++whole;
      EXPECT_EQ(names(fs), std::vector<std::string>{"snapshot.0"});
      EXPECT_EQ(read_file_of(fs, "snapshot.0"), says);
    }
  EXPECT_GT(none, 20u);
  EXPECT_GT(whole, 10u);
}

TEST(Snapshotter, TakesThePlaceOfALeftover) {
  SimFs fs;
  World world(fs);
  fs.put(std::string(kDir) + "/zkark.snapshot.0.tmp", "half");
  ASSERT_TRUE(world.snapshotter->take_now());
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(names(fs), std::vector<std::string>{"snapshot.0"});
}

TEST(Snapshotter, TriesAgainAfterTheNextTransactions) {
  SimFs fs;
  World world(fs, every(4));
  fs.set_free_bytes(0);
  while (world.snapshotter->stats().failed == 0) world.txns(1), world.loop.advance(5);
  EXPECT_EQ(names(fs), std::vector<std::string>());
  EXPECT_EQ(world.log.count(LogLevel::kError, "cannot write snapshot."), 1u);
  fs.set_unlimited();
  world.txns(5);
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(world.snapshotter->stats().taken, 1);
  EXPECT_EQ(names(fs).size(), 1u);
}

TEST(Snapshotter, LeavesTheLogItsRoom) {
  SimFs fs;
  World world(fs);
  std::string noise(3'000'000, '\0');
  world.random.fill(std::as_writable_bytes(std::span(noise)));
  for (int i = 0; i < 30; ++i)
    world.history.state.tree.create("/n" + std::to_string(i), restore::kRoot,
                                    as_bytes(noise).subspan(static_cast<std::size_t>(i) * 100'000, 100'000),
                                    restore::kOpenAcl, {});
  const std::uint64_t before = fs.files("/").size();
  for (const char* const compression : {"", "gz", "snappy"}) {
    world.settings.snapshot_compression = compression;
    fs.set_free_bytes(18 << 20);
    ASSERT_TRUE(world.snapshotter->take_now());
    std::uint64_t least = UINT64_MAX;
    while (world.snapshotter->busy()) {
      world.loop.advance(1);
      least = std::min(least, fs.free_bytes("/").value());
    }
    EXPECT_GE(least, 15u << 20);
    world.loop.advance(10);
    EXPECT_EQ(fs.files("/").size(), before);
  }
  EXPECT_EQ(world.log.count(LogLevel::kError, "are left to the transaction log"), 3u);
  fs.set_free_bytes(20 << 20);
  ASSERT_TRUE(world.snapshotter->take_now());
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(world.snapshotter->stats().taken, 1);
}

/// Every snapshot there is, is whole; the one of before is there.
void expect_all_whole(const SimFs& fs, const std::map<std::int64_t, SnapshotSays>& states) {
  bool first = false;
  for (const std::string& name : names(fs)) {
    if (!name.starts_with("snapshot.")) continue;
    SCOPED_TRACE(name);
    const DataFileName parsed = parse_data_file_name(name);
    EXPECT_EQ(read_file_of(fs, name), states.at(parsed.zxid));
    first = first || parsed.zxid == 0;
  }
  EXPECT_TRUE(first);
}

TEST(Snapshotter, NeverLeavesAHalfSnapshotUnderItsName) {
  for (const char* const compression : {"", "gz"}) {
    SCOPED_TRACE(compression);
    SimFs fs;
    const std::string before = plain_snapshot(restore::initial_state());
    fs.put(std::string(kDir) + "/snapshot.0", before);
    std::map<std::int64_t, SnapshotSays> states{{0, read_all(before)}};
    Settings settings;
    settings.snapshot_compression = compression;
    std::int64_t zxid = 0;
    const auto scenario = [&](SimFs& on) -> Status {
      World world(on, settings);
      // Several parts, so that some are on their way behind the one that fails.
      test::SimRandom noise;
      std::string large(200'000, 'x');
      for (int i = 0; i < 6; ++i) {
        noise.fill(std::as_writable_bytes(std::span(large)));
        world.history.state.tree.create("/n" + std::to_string(i), restore::kRoot, as_bytes(large),
                                        restore::kOpenAcl, {});
      }
      world.history.steps(20);
      zxid = world.history.state.last_zxid;
      states[zxid] = read_all(plain_snapshot(world.history.state));
      world.snapshotter->take_now();
      world.settle();
      if (world.snapshotter->stats().taken == 1) return {};
      EXPECT_EQ(world.snapshotter->stats().failed, 1);
      return fail(ErrorId::kStorage, "not taken");
    };
    const auto start = fs.snapshot();
    for (const Fault::Action action :
         {Fault::Action::kFail, Fault::Action::kFailAfterDoing, Fault::Action::kKill})
      for (const unsigned percent : {0U, 50U}) {
        fs.restore(start);
        Fault fault;
        fault.action = action;
        fault.partial_percent = percent;
        const std::uint64_t hits = test::for_each_fault(
            fs, fault, scenario, [&](SimFs& after, const test::FaultPoint& point, const Status& outcome) {
              SCOPED_TRACE(point.to_string());
              EXPECT_EQ(outcome.has_value(), !point.hit);
              expect_all_whole(after, states);
              // A server that lives on cleans up at once, one that died at its next start.
              if (action == Fault::Action::kKill) {
                World next(after);
                next.snapshotter->start();
                ASSERT_TRUE(next.settle());
                next.loop.advance(10);
              }
              for (const std::string& name : names(after)) EXPECT_TRUE(name.starts_with("snapshot.")) << name;
            });
        EXPECT_GE(hits, 6u);
      }
    fs.restore(start);
    const auto cuts = test::for_each_power_cut(
        fs, {}, scenario, [&](SimFs& after, const test::FaultPoint& point, const Status& outcome) {
          SCOPED_TRACE(point.to_string());
          expect_all_whole(after, states);
          EXPECT_TRUE(!outcome || names(after).size() == 2);
        });
    EXPECT_GE(cuts.points, 6u);
  }
}

TEST(Snapshotter, TakesAFirstOneAndRemovesWhatWasLeftUnfinished) {
  SimFs fs;
  fs.put(std::string(kDir) + "/zkark.snapshot.17.tmp", "half");
  World world(fs);
  world.history.steps(10);
  const std::string name = snapshot_file_name(world.history.state.last_zxid);
  fs.put(std::string(kDir) + "/" + name, "damaged");
  world.snapshotter->start();
  ASSERT_TRUE(world.settle());
  EXPECT_EQ(names(fs), std::vector<std::string>{name});
  EXPECT_EQ(read_file_of(fs, name), read_all(plain_snapshot(world.history.state)));
  EXPECT_EQ(world.log.count(LogLevel::kInfo, "removed zkark.snapshot.17.tmp"), 1u);
}

TEST(Snapshotter, PurgesAtOnceAndThenNowAndThen) {
  SimFs fs;
  Settings settings = every(10);
  settings.purge_retain = 3;
  settings.purge_interval_ms = 3'600'000;
  World world(fs, settings);
  for (int i = 0; i < 5; ++i) {
    world.txns(3);
    world.snapshotter->take_now();
    ASSERT_TRUE(world.settle());
  }
  const auto count = [&] { return names(fs).size(); };
  ASSERT_EQ(count(), 5u);
  world.snapshotter->start();
  ASSERT_TRUE(world.settle());
  world.loop.advance(10);
  EXPECT_LE(count(), 4u);  // three, and perhaps the one that was being written
  EXPECT_GE(world.log.count(LogLevel::kInfo, "purged /data/version-2/snapshot."), 2u);
  world.txns(30);
  ASSERT_TRUE(world.settle());
  const std::size_t before = count();
  world.loop.advance(3'590'000);
  EXPECT_EQ(count(), before);
  world.loop.advance(20'000);
  EXPECT_EQ(count(), 3u);
  world.txns(30);
  world.loop.advance(3'610'000);
  EXPECT_EQ(count(), 3u);  // again
  world.txns(30);
  ASSERT_TRUE(world.settle());
  world.snapshotter->stop();
  world.loop.advance(7'300'000);
  EXPECT_GT(count(), 3u);
}

TEST(Snapshotter, GoesOnWhenPurgingFails) {
  SimFs fs;
  Settings settings = every(10);
  settings.purge_interval_ms = 1000;
  World world(fs, settings);
  world.txns(100);
  ASSERT_TRUE(world.settle());
  Fault fault;
  fault.kinds = test::op(test::OpKind::kRemoveFile);
  fault.error_number = EACCES;
  fs.arm(fault);
  world.snapshotter->start();
  world.loop.advance(500);
  EXPECT_EQ(world.log.count(LogLevel::kWarn, "cannot purge"), 1u);
  EXPECT_GT(names(fs).size(), 3u);
  world.loop.advance(1000);
  EXPECT_EQ(names(fs).size(), 3u);
}

}  // namespace
}  // namespace zkark::server
