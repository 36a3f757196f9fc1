#include "src/server/snapshot_walk.h"

#include <gtest/gtest.h>

#include "tests/server/random_history.h"
#include "tests/server/snapshot_bytes.h"

namespace zkark::server {
namespace {

std::unique_ptr<SnapshotWalk> begin(restore::State& state, ByteSink& sink, SnapshotSections sections = {}) {
  auto walk = SnapshotWalk::begin(state, sink, sections);
  EXPECT_TRUE(walk);
  return std::move(walk).value();
}

TEST(SnapshotWalk, WritesTheTreeOfItsZxidWhateverHappensMeanwhile) {
  std::size_t most_kept = 0, changed = 0;
  for (std::uint64_t seed = 1; seed <= 600; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomHistory history(seed);
    history.steps(5 + history.random.below(200));
    const std::int64_t zxid = history.state.last_zxid;
    const std::string still = plain_snapshot(history.state);

    StringSink sink;
    auto walk = begin(history.state, sink);
    const std::uint64_t pace = history.random.below(5);
    for (;;) {
      history.steps(history.random.below(pace + 1));
      most_kept = std::max(most_kept, walk->kept());
      const auto done = walk->advance({1 + history.random.below(3), 1 << 20});
      ASSERT_TRUE(done) << done.error().to_string();
      if (*done) break;
    }
    walk.reset();
    ASSERT_TRUE(sink.finished);
    ASSERT_EQ(read_all(sink.bytes), read_all(still));
    if (history.state.last_zxid != zxid) ++changed;

    const restore::LoadedSnapshot loaded = load(sink.bytes, zxid), as_it_was = load(still, zxid);
    ASSERT_EQ(canonical(loaded.state), canonical(as_it_was.state));
    ASSERT_EQ(loaded.tail.digest->zxid, zxid);
    ASSERT_EQ(static_cast<std::uint64_t>(loaded.tail.digest->digest), loaded.state.tree.digest());
    ASSERT_EQ(loaded.dangling_acls, 0u);
    ASSERT_FALSE(::testing::Test::HasFailure());
  }
  EXPECT_GT(most_kept, 10u);  // else nothing was put to the test
  EXPECT_GT(changed, 300u);
}

TEST(SnapshotWalk, WritesWhatRestoreWrites) {
  RandomHistory history(7);
  history.steps(100);
  for (const bool digest : {true, false})
    for (const bool last_processed : {true, false}) {
      StringSink sink;
      auto walk = begin(history.state, sink, {digest, last_processed});
      ASSERT_TRUE(*walk->advance({1 << 20, 1 << 20}));
      const SnapshotSays says = read_all(sink.bytes);
      EXPECT_EQ(says.nodes, read_all(plain_snapshot(history.state)).nodes);
      EXPECT_EQ(says.digest.has_value(), digest);
      EXPECT_EQ(says.last_processed_zxid.has_value(), digest && last_processed);
    }
}

TEST(SnapshotWalk, SaysNoDigestBeforeTheFirstTxn) {
  restore::State state = restore::initial_state();
  StringSink sink;
  ASSERT_TRUE(*begin(state, sink)->advance({}));
  EXPECT_EQ(read_all(sink.bytes), read_all(plain_snapshot(state)));
  EXPECT_EQ(read_all(sink.bytes).digest->digest, 0);
}

TEST(SnapshotWalk, EndsASliceAtItsBytes) {
  restore::State state = restore::initial_state();
  const std::string large(1000, 'x');
  for (int i = 0; i < 10; ++i)
    state.tree.create("/n" + std::to_string(i), restore::kRoot, as_bytes(large), restore::kOpenAcl, {});
  StringSink sink;
  auto walk = begin(state, sink);
  int slices = 1;
  while (!*walk->advance({1000, 2000})) ++slices;
  EXPECT_GE(slices, 5);
  EXPECT_LE(slices, 11);
}

TEST(SnapshotWalk, KeepsNothingOnceItIsOver) {
  RandomHistory history(3);
  history.steps(100);
  StringSink sink;
  auto walk = begin(history.state, sink);
  ASSERT_FALSE(*walk->advance({1, 1 << 20}));
  walk.reset();  // given up: the tree tells nobody any more
  history.steps(100);
  walk = begin(history.state, sink);
  while (!*walk->advance({})) {
  }
  history.steps(100);
  EXPECT_EQ(walk->kept(), 0u);
}

TEST(SnapshotWalk, DoesNotFinishASnapshotThatIsNotTheTree) {
  restore::State state = restore::initial_state();
  state.last_zxid = 5;
  StatPersisted from_later;  // as after a snapshot was renamed by hand
  from_later.czxid = 6;
  state.tree.create("/a", restore::kRoot, std::nullopt, restore::kOpenAcl, from_later);
  StringSink sink;
  const auto done = begin(state, sink)->advance({});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().id(), ErrorId::kInternal);
  EXPECT_EQ(done.error().zxid(), 5);
  EXPECT_FALSE(sink.finished);
}

}  // namespace
}  // namespace zkark::server
