#pragma once
// A member whose server was started without extendedTypesEnabled: TTL nodes went at that start, in no log.
#include <gtest/gtest.h>

#include <string>

#include "formats/digest.h"
#include "formats/file_names.h"
#include "formats/snapshot.h"
#include "tests/support/sim_fs.h"

namespace zkark::test {

/// Writes a plain snapshot again without its TTL nodes, with the digest of what is left. Returns how many
/// went.
inline std::size_t lose_ttl_nodes(SimFs& fs, const std::string& path) {
  struct Text final : ByteSink {
    Status write(Bytes bytes) override { return text.append(as_text(bytes)), Status(); }
    Status finish() override { return {}; }
    std::string text;
  } out;
  const auto file = fs.open(path).value();
  std::size_t sessions = 0, acls = 0, lost = 0;
  FileSource counted(*file), copied(*file);
  SnapshotReader count(counted, path), from(copied, path);
  while (*count.next_session()) ++sessions;
  while (*count.next_acl()) ++acls;

  SnapshotWriter to(out);
  EXPECT_TRUE(to.begin(from.read_header().value(), sessions));
  while (const auto session = from.next_session().value()) EXPECT_TRUE(to.session(*session));
  EXPECT_TRUE(to.begin_acls(acls));
  while (const auto acl = from.next_acl().value()) EXPECT_TRUE(to.acl(*acl));
  std::uint64_t digest = 0;
  while (const auto node = from.next_node().value()) {
    if (node_kind(node->stat.ephemeral_owner) == NodeKind::kTtl) {
      ++lost;
      continue;
    }
    digest += node_digest(node->path, node->data, node->stat);
    EXPECT_TRUE(to.node(*node));
  }
  SnapDigest section;
  section.zxid = parse_data_file_name(base_name(path)).zxid;
  section.version = kDigestVersion;
  section.digest = static_cast<std::int64_t>(digest);
  EXPECT_TRUE(to.end(section, std::nullopt));
  fs.put(path, out.text);
  return lost;
}

}  // namespace zkark::test
