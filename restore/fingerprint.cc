#include "restore/fingerprint.h"

#include <algorithm>
#include <span>
#include <unordered_map>

#include "formats/digest.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace zkark::restore {
namespace {

// Longer pieces are hashed where they are. What is left stays below 241 bytes for all but odd nodes: up to
// there XXH3 takes a fraction of the time.
constexpr std::size_t kInlinePath = 96, kInlineAcl = 48, kInlineData = 16;

/// Puts pieces of a node one behind the other.
class Pieces {
 public:
  template <class T>
  void number(T value) {
    std::memcpy(end_, &value, sizeof value);
    end_ += sizeof value;
  }
  void bytes(const void* from, std::size_t size, std::size_t at_most) {
    if (size > at_most) {
      const XXH128_hash_t inner = XXH3_128bits(from, size);
      number(inner.high64);
      number(inner.low64);
    } else if (size != 0) {
      std::memcpy(end_, from, size);
      end_ += size;
    }
  }
  XXH128_hash_t hash() const { return XXH3_128bits(buffer_, static_cast<std::size_t>(end_ - buffer_)); }

 private:
  std::byte buffer_[StatPersisted::kBytes + 24 + kInlinePath + kInlineAcl + kInlineData];
  std::byte* end_ = buffer_;
};

bool has_non_ascii(std::string_view path) {
  return std::any_of(path.begin(), path.end(), [](char c) { return (c & 0x80) != 0; });
}

}  // namespace

/// Lengths stand first and say how the rest is divided, so no two nodes give the same bytes.
void FingerprintSum::add(std::string_view path, std::optional<Bytes> data, const StatPersisted& stat,
                         Bytes acl) {
  if (!in_digest(path)) return;
  static_assert(sizeof(std::size_t) == 8);
  Pieces node;
  node.number(path.size());
  node.number(acl.size());
  node.number(data ? data->size() : SIZE_MAX);
  node.number(stat.czxid), node.number(stat.mzxid), node.number(stat.pzxid);
  node.number(stat.ctime), node.number(stat.mtime), node.number(stat.ephemeral_owner);
  node.number(stat.version), node.number(stat.cversion), node.number(stat.aversion);
  node.bytes(path.data(), path.size(), kInlinePath);
  node.bytes(acl.data(), acl.size(), kInlineAcl);
  if (data) node.bytes(data->data(), data->size(), kInlineData);
  const XXH128_hash_t hash = node.hash();
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
  SnapNode nodes[16];
  std::uint64_t ends[16];
  for (std::uint64_t n = 0;; ++n) {
    if ((n & 255) == 0) ZK_TRY_STATUS(job.check());
    ZK_TRY(const std::size_t count, reader.next_nodes(nodes, ends));
    if (count == 0) break;
    for (const SnapNode& node : std::span(nodes, count)) {
      if (!in_digest(node.path)) continue;
      const std::uint64_t digest = node_digest(node.path, node.data, node.stat);
      result.digest += digest;
      result.ascii_digest +=
          has_non_ascii(node.path) ? node_digest(node.path, node.data, node.stat, true) : digest;
      auto acl = acls.find(node.acl_id);
      if (acl == acls.end()) {
        sum.spoil();
        continue;
      }
      sum.add(node.path.empty() ? "/" : node.path, node.data, node.stat, as_bytes(acl->second));
    }
  }
  ZK_TRY(result.tail, reader.read_tail());
  result.fingerprint = sum.sum();
  return result;
}

}  // namespace zkark::restore
