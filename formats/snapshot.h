#pragma once
// Snapshots: sections in file order, streaming (reference/on-disk-formats section 4; formats/snapshot.md;
// Apache: FileSnap, SerializeUtils, DataTree.serialize, SnapStream.sealStream). Decoding keeps no tree.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/data.h"
#include "formats/snap_stream.h"

namespace zkark {

inline constexpr std::uint32_t kSnapMagic = 0x5a4b534e;  // "ZKSN"

struct SnapshotHeader {
  std::int32_t version = 2;
  std::int64_t dbid = -1;
};
struct SnapSession {
  std::int64_t id = 0;
  std::int32_t timeout_ms = 0;
  bool operator==(const SnapSession&) const = default;
};
struct SnapAcl {
  std::int64_t id = 0;
  AclList acl;  // never null
};
struct SnapNode {
  std::string_view path;  // "" is the root; parents come before children
  std::optional<Bytes> data;
  std::int64_t acl_id = -1;  // -1 is world:anyone ALL; may be missing from the table of a fuzzy snapshot
  StatPersisted stat;
};
/// Digest section (3.6+). zxid 0 says "no digest". Version below 2 has its digest as hex text.
struct SnapDigest {
  std::int64_t zxid = 0;
  std::int32_t version = 2;
  std::int64_t digest = 0;
  std::string old_text;  // version < 2: as found
  bool operator==(const SnapDigest&) const = default;
};
/// What follows the nodes; which sections are there is told by what remains.
struct SnapshotTail {
  std::optional<SnapDigest> digest;
  std::optional<std::int64_t> last_processed_zxid;  // 3.9+; ignored when loading a file, the name wins
  std::uint64_t bytes = 0;                          // plain length of the whole stream
  bool operator==(const SnapshotTail&) const = default;
};

/// Reads a snapshot's plain stream, section after section, in this order: header, sessions, ACLs, nodes,
/// tail. Going on to a later section skips what is left of the earlier ones (still decoding it). Views live
/// until the next call. Borrows `source`. Errors carry the offset in the plain stream and `name`: kBadMagic,
/// kTruncated, kBadLength, kBadSnapshot, kChecksumMismatch, kLeftoverBytes. Does not check that parents
/// precede children: the tree does. Memory: one window of 256 KiB, more only while a larger node really
/// arrives.
class SnapshotReader {
 public:
  SnapshotReader(ByteSource& source, std::string name, Limits limits = {});

  Result<SnapshotHeader> read_header();
  Result<std::optional<SnapSession>> next_session();
  Result<std::optional<SnapAcl>> next_acl();
  Result<std::optional<SnapNode>> next_node();
  /// Several at once, at least one unless the section is at its end (0): those that are in the window
  /// already. All their views live until the next call. `ends` (as long as `nodes`) gets the offset behind
  /// each.
  Result<std::size_t> next_nodes(std::span<SnapNode> nodes, std::span<std::uint64_t> ends);
  /// Checks seal 1, then reads the sections behind it with their seals, to the end of the stream.
  /// (Limits::java reads as far as 3.8.0 with digests on does.)
  Result<SnapshotTail> read_tail();

  /// Offset in the plain stream of the next byte to decode.
  std::uint64_t offset() const { return window_offset_ + position_; }

 private:
  enum class Section : std::uint8_t { kHeader, kSessions, kAcls, kNodes, kTail, kDone };
  template <class Decode>
  auto decode(Decode decode) -> Result<decltype(decode(std::declval<JuteReader&>()))>;
  Result<bool> fill();
  Status check_seal();
  Result<SnapDigest> digest_section();
  Result<SnapshotTail> read_tail_java();
  Status enter(Section section);
  Result<std::uint64_t> count();

  ByteSource& source_;
  std::string name_;
  Limits limits_;
  std::vector<std::byte> window_;
  std::size_t size_ = 0;             // bytes in window_
  std::size_t position_ = 0;         // next byte to decode
  std::size_t hashed_ = 0;           // bytes of window_ that adler_ covers
  std::uint64_t window_offset_ = 0;  // plain offset of window_[0]
  std::uint32_t adler_ = 1;
  bool at_end_ = false;
  Section section_ = Section::kHeader;
  SnapshotHeader header_;
  SnapshotTail tail_;
  std::uint64_t left_ = 0;  // entries left in the current counted section
};

/// The sections behind the nodes as the last bytes of an uncompressed snapshot seem to say, from one small
/// read; an empty tail where there seem to be none. A guess: nothing is checked, and `bytes` is not set.
Result<SnapshotTail> peek_tail(File& file);

/// Writes the plain stream. Calls in order: begin, session × sessions, begin_acls, acl × acls, node × n
/// (parents first, "" first), end. Node order and ids are the caller's, so what was read is written back byte
/// for byte.
class SnapshotWriter {
 public:
  explicit SnapshotWriter(ByteSink& sink) : sink_(sink) {}
  Status begin(const SnapshotHeader& header, std::size_t sessions);
  Status session(const SnapSession& session);
  Status begin_acls(std::size_t acls);
  Status acl(const SnapAcl& acl);
  Status node(const SnapNode& node);
  /// Closing path, seals and sections; finishes the sink. A digest or lastProcessedZxid that is absent is
  /// left out.
  Status end(const std::optional<SnapDigest>& digest, const std::optional<std::int64_t>& last_processed_zxid);

 private:
  Status flush_if_full();
  Status flush();
  Status seal();

  ByteSink& sink_;
  std::string buffer_;
  std::uint32_t adler_ = 1;
};

}  // namespace zkark
