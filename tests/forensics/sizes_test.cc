// Sizes of subtrees against adding up every path that begins alike.
#include "src/forensics/sizes.h"

#include <gtest/gtest.h>

#include "tests/forensics/fixture_dir.h"

namespace zkark::forensics {
namespace {

TEST(SubtreeSizes, AreTheSumsOverAllPathsBelow) {
  std::size_t compared = 0, fixtures = 0;
  for (const std::string& dir : test::replayed_fixtures()) {
    const test::FixtureDir data(dir);
    if (!data.from_the_first()) continue;
    ++fixtures;
    restore::State state = restore::initial_state();
    restore::Findings findings;
    restore::LogWalk walk(*data.source, data.listing.logs, {}, findings);
    restore::WalkEntry walked;
    while (walk.next_into(walked).value()) ASSERT_TRUE(restore::apply(state, walked.entry.txn));
    const restore::Tree& tree = state.tree;
    Job job;
    const Result<SubtreeSizes> sizes = SubtreeSizes::measure(tree, restore::kRoot, job);
    ASSERT_TRUE(sizes);
    tree.walk(restore::kRoot, [&](restore::NodeId id, std::string_view path) {
      SubtreeSize wanted;
      const std::string below = path == "/" ? "/" : std::string(path) + "/";
      tree.walk(restore::kRoot, [&](restore::NodeId other, std::string_view other_path) {
        if (other_path != path && !other_path.starts_with(below)) return true;
        ++wanted.nodes;
        wanted.data_bytes += tree.data(other) ? tree.data(other)->size() : 0;
        return true;
      });
      EXPECT_EQ(sizes->of(id), wanted) << dir << " " << path;
      const Result<SubtreeSizes> alone = SubtreeSizes::measure(tree, id, job);
      EXPECT_EQ(alone->of(id), wanted) << dir << " " << path;
      ++compared;
      return true;
    });
  }
  EXPECT_GT(compared, 100u);
  std::printf("sizes: %zu of %zu subtrees of %zu fixtures\n", compared, compared, fixtures);
}

TEST(SubtreeSizes, PutTheLargestFirst) {
  restore::Tree tree;
  const auto add = [&](std::string_view path, std::string_view data) {
    return tree.create(path, tree.find_parent(path), as_bytes(data), restore::kOpenAcl, {});
  };
  const restore::NodeId few = add("/few", "0123456789"), many = add("/many", ""), same = add("/same", "");
  add("/many/a", "1");
  add("/many/b", "2");
  Job job;
  const Result<SubtreeSizes> sizes = SubtreeSizes::measure(tree, restore::kRoot, job);
  using Ids = std::vector<restore::NodeId>;
  EXPECT_EQ(sizes->children(tree, restore::kRoot, SiblingOrder::kName), (Ids{few, many, same}));
  EXPECT_EQ(sizes->children(tree, restore::kRoot, SiblingOrder::kSize), (Ids{few, many, same}));
  EXPECT_EQ(sizes->children(tree, restore::kRoot, SiblingOrder::kNodes), (Ids{many, few, same}));
}

}  // namespace
}  // namespace zkark::forensics
