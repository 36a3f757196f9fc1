#include "restore/tree.h"

#include <gtest/gtest.h>

namespace zkark::restore {
namespace {

/// Names are compared by words, and short ones stand in the node: every length up to well behind both limits.
TEST(Tree, TellsNamesApartThatDifferInOneByteWhateverTheirLength) {
  Tree tree;
  const StatPersisted stat{};
  const NodeId parent = tree.create("/p", kRoot, std::nullopt, kOpenAcl, stat);
  for (std::size_t size = 1; size <= 40; ++size) {
    const std::string name(size, 'a');
    const std::string path = "/p/" + name;
    const NodeId id = tree.create(path, parent, std::nullopt, kOpenAcl, stat);
    EXPECT_EQ(tree.find(path), id);
    EXPECT_TRUE(tree.has(id, path));
    EXPECT_EQ(tree.find_below(parent, path, tree.prepare(path)), id);
    for (std::size_t at = 0; at < size; ++at) {
      std::string other = path;
      other[3 + at] = 'b';
      EXPECT_FALSE(tree.has(id, other)) << size << " " << at;
      EXPECT_EQ(tree.find(other), kNoNode);
      // As if both had one hash: the name alone decides.
      EXPECT_EQ(tree.find_below(parent, other, tree.prepare(path)), kNoNode) << size << " " << at;
    }
  }
}

TEST(Tree, FindsBelowAParentOnlyWhatStandsThere) {
  Tree tree;
  const StatPersisted stat{};
  const NodeId a = tree.create("/a", kRoot, std::nullopt, kOpenAcl, stat);
  const NodeId b = tree.create("/b", kRoot, std::nullopt, kOpenAcl, stat);
  const NodeId child = tree.create("/a/x", a, std::nullopt, kOpenAcl, stat);
  const PathHash hash = tree.prepare("/a/x");
  EXPECT_EQ(tree.find_below(a, "/a/x", hash), child);
  EXPECT_EQ(tree.find_below(b, "/b/x", hash), kNoNode);
  EXPECT_EQ(tree.find_below(kRoot, "/a", tree.prepare("/a")), a);
  tree.remove(child);
  EXPECT_EQ(tree.find_below(a, "/a/x", hash), kNoNode);
}

}  // namespace
}  // namespace zkark::restore
