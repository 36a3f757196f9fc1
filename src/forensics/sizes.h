#pragma once
// How much lies below each node: nodes and bytes of data per subtree.
#include <cstdint>
#include <vector>

#include "formats/base/job.h"
#include "restore/tree.h"

namespace zkark::forensics {

/// The node itself included.
struct SubtreeSize {
  std::uint64_t nodes = 0, data_bytes = 0;
  bool operator==(const SubtreeSize&) const = default;
};

enum class SiblingOrder : std::uint8_t {
  kName,   // by the bytes of the name
  kSize,   // most data below it first
  kNodes,  // most nodes below it first
};

/// Of a tree that nobody changes meanwhile. Memory: 20 bytes per node of the whole tree.
class SubtreeSizes {
 public:
  /// Of `from` and everything below it, in one pass.
  static Result<SubtreeSizes> measure(const restore::Tree& tree, restore::NodeId from, Job& job);
  /// `id` is `from` or below it.
  const SubtreeSize& of(restore::NodeId id) const { return sizes_[id]; }
  /// Equal ones by name.
  std::vector<restore::NodeId> children(const restore::Tree& tree, restore::NodeId id,
                                        SiblingOrder order) const;

 private:
  std::vector<SubtreeSize> sizes_;  // by id
};

}  // namespace zkark::forensics
