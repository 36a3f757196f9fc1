// What differs between two trees, against comparing everything with everything between every pair of zxids.
#include "src/forensics/diff.h"

#include <gtest/gtest.h>

#include <map>

#include "formats/digest.h"
#include "restore/base_choice.h"
#include "restore/data_dir.h"
#include "src/forensics/changes.h"
#include "tests/support/load_dir.h"
#include "tests/support/sim_fs.h"

namespace zkark::forensics {
namespace {

using Nodes = std::map<std::string, NodeCopy>;

Nodes nodes_of(const restore::Tree& tree) {
  Nodes nodes;
  tree.walk(restore::kRoot, [&](restore::NodeId id, std::string_view path) {
    if (in_digest(path)) nodes.emplace(path, copy_node(tree, id));
    return true;
  });
  return nodes;
}

std::vector<std::string> by_hand(const Nodes& a, const Nodes& b) {
  std::map<std::string, std::string> found;
  for (const auto& [path, node] : a) {
    const auto at = b.find(path);
    if (at == b.end()) {
      found[path] = "removed";
      continue;
    }
    const NodeCopy& other = at->second;
    std::string what;
    if (node.data != other.data) what += " data";
    if (!(node.acl_list() == other.acl_list())) what += " acl";
    if (!(node.stat == other.stat)) what += " stat";
    if (!what.empty()) found[path] = what;
  }
  for (const auto& [path, unused] : b)
    if (!a.contains(path)) found[path] = "added";
  std::vector<std::string> lines;
  for (const auto& [path, what] : found) lines.push_back(path + " " + what);
  return lines;
}

std::string text_of(const NodeDifference& one) {
  if (one.change == NodeChange::kAdded) return one.path + " added";
  if (one.change == NodeChange::kRemoved) return one.path + " removed";
  return one.path + " " + (one.data ? " data" : "") + (one.acl ? " acl" : "") + (one.stat ? " stat" : "");
}

class DiffOfFixture : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    test::load_dir(fs, "fixtures/" + GetParam(), "/data");
    restore::DataDirOptions where;
    where.dir = "/data";
    source = std::make_unique<restore::DataDir>(fs, where);
    listing = source->list().value();
    // Every point that can be rebuilt.
    restore::LogWalkOptions all;
    all.after_zxid = -1;
    restore::Findings findings;
    restore::LogWalk walk(*source, listing.logs, all, findings);
    for (auto entry = walk.next(); entry && *entry; entry = walk.next()) {
      const std::int64_t zxid = (*entry)->entry.zxid();
      auto rebuilt = restore::rebuild(*source, listing, zxid, findings, job);
      if (rebuilt) points.emplace(zxid, std::move(rebuilt->replay.state));
    }
  }
  test::SimFs fs;
  std::unique_ptr<restore::DataDir> source;
  restore::SourceListing listing;
  std::map<std::int64_t, restore::State> points;
  Job job;
};

TEST_P(DiffOfFixture, IsWhatComparingEverythingFindsBetweenEveryPairOfZxids) {
  ASSERT_GT(points.size(), 5u);
  std::map<std::int64_t, Nodes> nodes;
  for (const auto& [zxid, state] : points) nodes.emplace(zxid, nodes_of(state.tree));
  DiffOptions options;
  options.stat_only = true;
  std::size_t pairs = 0, equal = 0;
  for (const auto& [a, in_a] : points)
    for (const auto& [b, in_b] : points) {
      const TreeDiff diff = diff_trees(in_a.tree, in_b.tree, options, job).value();
      std::vector<std::string> found;
      for (const NodeDifference& one : diff.differences) found.push_back(text_of(one));
      ASSERT_EQ(found, by_hand(nodes.at(a), nodes.at(b))) << std::hex << a << " " << b;
      EXPECT_EQ(diff.unchanged + diff.added + diff.modified, nodes.at(b).size());
      EXPECT_EQ(diff.unchanged + diff.removed + diff.modified, nodes.at(a).size());
      const TreeDiff shown = diff_trees(in_a.tree, in_b.tree, {}, job).value();
      EXPECT_EQ(shown.modified + shown.stat_only, diff.modified);
      ++pairs;
      if (diff.equal()) ++equal;
    }
  std::printf("%zu of %zu pairs as by hand, %zu of them equal\n", pairs, points.size() * points.size(),
              equal);
}

/// Between neighbours everything was made by the one record between them.
TEST_P(DiffOfFixture, NamesTheOneTransactionBetweenNeighbours) {
  DiffOptions options;
  options.stat_only = true;
  std::size_t named = 0;
  for (auto b = std::next(points.begin()); b != points.end(); ++b) {
    const auto a = std::prev(b);
    if (b->first != a->first + 1) continue;
    const TreeDiff diff = diff_trees(a->second.tree, b->second.tree, options, job).value();
    restore::Findings findings;
    const auto authors = find_authors(*source, listing, diff, a->second.tree, b->second.tree, a->first,
                                      b->first, findings, job);
    ASSERT_TRUE(authors);
    for (std::size_t i = 0; i < authors->size(); ++i) {
      SCOPED_TRACE(text_of(diff.differences[i]));
      ASSERT_TRUE((*authors)[i].has_value());
      EXPECT_EQ((*authors)[i]->zxid, b->first);
      ++named;
    }
  }
  EXPECT_GT(named, 5u);
}

INSTANTIATE_TEST_SUITE_P(Every, DiffOfFixture,
                         testing::Values("zk-3.4-standalone", "zk-3.5-standalone", "zk-3.8.0-standalone",
                                         "zk-3.10-standalone", "zk-3.8.0-close-session-off",
                                         "zk-3.8.0-ensemble/2", "zk-3.8.0-stale-tail/3"),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name)
                             if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
                           return name;
                         });

TEST(Diff, LooksOnlyAtWhatIsAskedFor) {
  restore::State a = restore::initial_state(), b = restore::initial_state();
  const auto add = [](restore::State& state, std::string_view path) {
    state.tree.create(path, state.tree.find_parent(path), as_bytes("x"), restore::kOpenAcl, {});
  };
  for (const char* path : {"/in", "/in/x", "/out"}) add(b, path);
  add(b, "/zookeeper/quota/in");
  Job job;
  DiffOptions options;
  options.paths.push_back(PathPattern::parse("/in").value());
  EXPECT_EQ(diff_trees(a.tree, b.tree, options, job)->added, 2u);
  EXPECT_EQ(diff_trees(a.tree, b.tree, {}, job)->added, 3u);
  options.paths.clear();
  options.bookkeeping = true;
  EXPECT_EQ(diff_trees(a.tree, b.tree, options, job)->added, 4u);
}

}  // namespace
}  // namespace zkark::forensics
