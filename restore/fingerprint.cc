#include "restore/fingerprint.h"

#include <unordered_map>

#include "formats/digest.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace zkark::restore {
namespace {

constexpr std::size_t kInline = 4096;

}  // namespace

/// The pieces of a node are joined by their lengths, so no two nodes give the same bytes.
void FingerprintSum::add(std::string_view path, std::optional<Bytes> data, const StatPersisted& stat,
                         Bytes acl) {
  if (!in_digest(path)) return;
  buffer_.clear();
  JuteWriter out(buffer_);
  out.ustring(path);
  stat.write(out);
  out.buffer(acl);
  if (data && data->size() > kInline) {
    // Large values are hashed where they are.
    const XXH128_hash_t inner = XXH3_128bits(data->data(), data->size());
    out.i64(static_cast<std::int64_t>(inner.high64));
    out.i64(static_cast<std::int64_t>(inner.low64));
    out.i64(static_cast<std::int64_t>(data->size()));
  } else {
    out.buffer(data);
  }
  const XXH128_hash_t hash = XXH3_128bits(buffer_.data(), buffer_.size());
  sum_.low += hash.low64;
  sum_.high += hash.high64;
}

Fingerprint fingerprint(const Tree& tree) {
  FingerprintSum sum;
  std::string path;
  const Bytes open = open_acl_unsafe().encoded();
  tree.for_each_node([&](NodeId id) {
    tree.path_into(id, path);
    if (!in_digest(path)) return;
    const NodeView node = tree.get(id);
    if (tree.acls().dangling(node.acl)) return sum.spoil();
    sum.add(path, node.data, node.stat, node.acl == kOpenAcl ? open : tree.acls().list(node.acl).encoded());
  });
  return sum.sum();
}

Result<SnapshotFingerprint> fingerprint_snapshot(Source& source, const SourceFile& snapshot, Job& job) {
  SnapshotFingerprint result;
  ZK_TRY(auto stream, open_snapshot(source, snapshot));
  SnapshotReader reader(*stream, snapshot.path);
  std::unordered_map<std::int64_t, std::string> acls;
  for (;;) {
    ZK_TRY(auto acl, reader.next_acl());
    if (!acl) break;
    acls[acl->id] = std::string(as_text(acl->acl.encoded()));
  }
  acls[-1] = std::string(as_text(open_acl_unsafe().encoded()));
  FingerprintSum sum;
  for (std::uint64_t n = 1;; ++n) {
    if ((n & 4095) == 0) ZK_TRY_STATUS(job.check());
    ZK_TRY(auto node, reader.next_node());
    if (!node) break;
    if (!in_digest(node->path)) continue;
    result.digest += node_digest(node->path, node->data, node->stat);
    auto acl = acls.find(node->acl_id);
    if (acl == acls.end()) {
      sum.spoil();
      continue;
    }
    sum.add(node->path.empty() ? "/" : node->path, node->data, node->stat, as_bytes(acl->second));
  }
  ZK_TRY(result.tail, reader.read_tail());
  result.fingerprint = sum.sum();
  return result;
}

}  // namespace zkark::restore
