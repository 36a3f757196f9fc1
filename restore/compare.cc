#include "restore/compare.h"

#include "formats/digest.h"

namespace zkark::restore {
namespace {

const char* difference(const Tree& a, NodeId in_a, const Tree& b, NodeId in_b) {
  const NodeView x = a.get(in_a), y = b.get(in_b);
  if (x.data.has_value() != y.data.has_value() || (x.data && as_text(*x.data) != as_text(*y.data)))
    return "data";
  if (!(x.stat == y.stat)) return "stat";
  if (a.acls().dangling(x.acl) || b.acls().dangling(y.acl)) return nullptr;
  const AclList p = x.acl == kOpenAcl ? open_acl_unsafe() : a.acls().list(x.acl);
  const AclList q = y.acl == kOpenAcl ? open_acl_unsafe() : b.acls().list(y.acl);
  return p == q ? nullptr : "acl";
}

}  // namespace

std::vector<TreeDifference> compare_trees(const Tree& a, const Tree& b, std::size_t limit) {
  std::vector<TreeDifference> found;
  a.walk(kRoot, [&](NodeId id, std::string_view path) {
    if (!in_digest(path)) return true;
    const NodeId other = b.find(path);
    const char* what = other == kNoNode ? "only in the first" : difference(a, id, b, other);
    if (what != nullptr) found.push_back({std::string(path), what});
    return found.size() < limit;
  });
  if (found.size() >= limit) return found;
  b.walk(kRoot, [&](NodeId, std::string_view path) {
    if (!in_digest(path)) return true;
    if (a.find(path) == kNoNode) found.push_back({std::string(path), "only in the second"});
    return found.size() < limit;
  });
  return found;
}

}  // namespace zkark::restore
