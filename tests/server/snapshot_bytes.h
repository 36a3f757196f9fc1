#pragma once
// Snapshots in memory, and what they say.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <string>

#include "restore/fingerprint.h"
#include "restore/state.h"

namespace zkark::server {

struct StringSink final : ByteSink {
  Status write(Bytes more) override {
    bytes += as_text(more);
    return {};
  }
  Status finish() override {
    finished = true;
    return {};
  }
  std::string bytes;
  bool finished = false;
};

struct StringSource final : ByteSource {
  explicit StringSource(std::string_view the_rest) : rest(the_rest) {}
  Result<std::size_t> read(MutableBytes into) override {
    const std::size_t n = std::min(into.size(), rest.size());
    if (n != 0) std::memcpy(into.data(), rest.data(), n);
    rest.remove_prefix(n);
    return n;
  }
  std::string_view rest;
};

/// All that a snapshot says, whatever the order of its nodes and the numbers of its ACL lists.
struct SnapshotSays {
  std::map<std::int64_t, std::int32_t> sessions;
  std::map<std::string, std::string> nodes;  // path -> data, ACL list, stat as bytes
  std::optional<SnapDigest> digest;
  std::optional<std::int64_t> last_processed_zxid;
  bool operator==(const SnapshotSays&) const = default;
};

inline SnapshotSays read_all(ByteSource& source) {
  SnapshotSays says;
  SnapshotReader reader(source, "snapshot");
  EXPECT_TRUE(reader.read_header());
  for (;;) {
    const auto session = reader.next_session();
    EXPECT_TRUE(session);
    if (!session || !*session) break;
    says.sessions[(*session)->id] = (*session)->timeout_ms;
  }
  std::map<std::int64_t, std::string> acls{{-1, "open"}};
  for (;;) {
    const auto acl = reader.next_acl();
    EXPECT_TRUE(acl);
    if (!acl || !*acl) break;
    acls[(*acl)->id] = as_text((*acl)->acl.encoded());
  }
  for (;;) {
    const auto node = reader.next_node();
    EXPECT_TRUE(node);
    if (!node || !*node) break;
    std::string text;
    JuteWriter out(text);
    out.buffer((*node)->data);
    EXPECT_TRUE(acls.contains((*node)->acl_id)) << (*node)->path;
    out.buffer(as_bytes(acls[(*node)->acl_id]));
    (*node)->stat.write(out);
    EXPECT_TRUE(says.nodes.emplace((*node)->path, text).second) << (*node)->path << " comes twice";
  }
  const auto tail = reader.read_tail();
  EXPECT_TRUE(tail) << tail.error().to_string();
  if (tail) says.digest = tail->digest, says.last_processed_zxid = tail->last_processed_zxid;
  return says;
}
inline SnapshotSays read_all(std::string_view bytes) {
  StringSource source(bytes);
  return read_all(source);
}

/// As the restore writes it, of a state that stands still.
inline std::string plain_snapshot(const restore::State& state) {
  StringSink sink;
  Job job;
  EXPECT_TRUE(restore::write_snapshot(state, sink, {state.last_zxid, true}, job));
  return sink.bytes;
}

inline restore::LoadedSnapshot load(std::string_view bytes, std::int64_t zxid) {
  StringSource source(bytes);
  SnapshotReader reader(source, "snapshot");
  restore::LoadOptions options;
  options.zxid = zxid;
  Job job;
  auto loaded = restore::load_snapshot(reader, options, job);
  EXPECT_TRUE(loaded) << loaded.error().to_string();
  return std::move(loaded).value();
}

inline std::string canonical(const restore::State& state) {
  std::string text;
  restore::canonical_dump(state, [&](std::string_view part) { text += part; });
  return text;
}

}  // namespace zkark::server
