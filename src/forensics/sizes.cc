#include "src/forensics/sizes.h"

#include <algorithm>

namespace zkark::forensics {

using restore::NodeId;

Result<SubtreeSizes> SubtreeSizes::measure(const restore::Tree& tree, NodeId from, Job& job) {
  // Every node stands behind its parent here, so that going backwards meets children first.
  std::vector<NodeId> order = {from};
  NodeId highest = from;
  for (std::size_t i = 0; i < order.size(); ++i) {
    if ((i & 65535) == 0) ZK_TRY_STATUS(job.check());
    for (NodeId child = tree.first_child(order[i]); child != restore::kNoNode;
         child = tree.next_sibling(child)) {
      highest = std::max(highest, child);
      order.push_back(child);
    }
  }
  SubtreeSizes sizes;
  sizes.sizes_.resize(static_cast<std::size_t>(highest) + 1);
  for (std::size_t i = order.size(); i-- > 0;) {
    const NodeId id = order[i];
    const restore::NodeView node = tree.get(id);
    SubtreeSize& own = sizes.sizes_[id];
    own.nodes += 1;
    own.data_bytes += node.data ? node.data->size() : 0;
    if (id == from) break;
    SubtreeSize& above = sizes.sizes_[node.parent];
    above.nodes += own.nodes;
    above.data_bytes += own.data_bytes;
  }
  return sizes;
}

std::vector<NodeId> SubtreeSizes::children(const restore::Tree& tree, NodeId id, SiblingOrder order) const {
  std::vector<NodeId> children = tree.sorted_children(id);
  if (order == SiblingOrder::kName) return children;
  std::stable_sort(children.begin(), children.end(), [&](NodeId a, NodeId b) {
    return order == SiblingOrder::kSize ? of(a).data_bytes > of(b).data_bytes : of(a).nodes > of(b).nodes;
  });
  return children;
}

}  // namespace zkark::forensics
