#include "formats/snapshot.h"

#include <fmt/format.h>

#include "formats/adler32.h"

namespace zkark {
namespace {

constexpr std::size_t kWindowBytes = 256 << 10;
constexpr std::string_view kEndPath = "/";
constexpr std::size_t kLastProcessedBytes = 21;  // zxid and seal
constexpr std::size_t kLongestTail =
    33 + 21 + 1;  // both sections of today, and a byte that must not be there

SnapNode read_node(JuteReader& in) {
  SnapNode n;
  const std::optional<std::string_view> path = in.ustring();
  if (!path) in.set_failed(ErrorId::kBadRecord);  // Apache, too: the map of nodes takes no null key
  n.path = path.value_or(std::string_view());
  if (n.path == kEndPath) return n;
  n.data = in.buffer();
  n.acl_id = in.i64();
  n.stat = StatPersisted::read(in);
  return n;
}

}  // namespace

SnapshotReader::SnapshotReader(ByteSource& source, std::string name, Limits limits)
    : source_(source), name_(std::move(name)), limits_(limits) {}

/// Brings more bytes into the window, keeping what is not decoded yet; false when the stream has no more.
Result<bool> SnapshotReader::fill() {
  if (at_end_) return false;
  adler_ = adler32(Bytes(window_.data() + hashed_, position_ - hashed_), adler_);
  const std::size_t kept = size_ - position_;
  if (kept != 0 && position_ != 0) std::memmove(window_.data(), window_.data() + position_, kept);
  window_offset_ += position_;
  size_ = kept;
  position_ = hashed_ = 0;
  // A buffer's length is checked against the limit, a list's is only the sum of its elements: a few bytes of
  // gzip can unfold into a list without end.
  if (static_cast<std::int64_t>(kept) > limits_.max_buffer_bytes + static_cast<std::int64_t>(kWindowBytes))
    return fail(
        Error(ErrorId::kBadLength, fmt::format("an entry of more than {} bytes", limits_.max_buffer_bytes))
            .at(name_, offset()));
  if (size_ == window_.size() || window_.empty()) window_.resize(std::max(kWindowBytes, kept * 2));
  Result<std::size_t> n = source_.read(MutableBytes(window_).subspan(size_));
  if (!n) return fail(std::move(n).error().at(name_));
  if (*n == 0) at_end_ = true;
  size_ += *n;
  return *n != 0;
}

/// Decodes one item, bringing in bytes until it fits. A decoder must be repeatable.
template <class Decode>
auto SnapshotReader::decode(Decode decode) -> Result<decltype(decode(std::declval<JuteReader&>()))> {
  for (;;) {
    JuteReader in(Bytes(window_.data() + position_, size_ - position_), limits_);
    auto value = decode(in);
    if (in.ok()) {
      position_ += in.offset();
      return value;
    }
    if (in.ran_out()) {
      // At least twice the bytes for the next attempt, so that a long list is not walked for each block that
      // arrives. (Apache reads no further than it must, and so does not see damage behind what it needs.)
      const std::size_t had = size_ - position_;
      ZK_TRY(bool more, fill());
      for (bool rest = more && !limits_.java; rest && size_ - position_ < 2 * had;) {
        ZK_TRY(rest, fill());
      }
      if (more) continue;
    }
    Error error = in.error(offset());
    if (error.id() == ErrorId::kBadRecord)
      error = Error(ErrorId::kBadSnapshot, "a path or list is null").at_offset(offset());
    return fail(std::move(error).at(name_));
  }
}

Result<std::uint64_t> SnapshotReader::count() {
  const std::uint64_t at = offset();
  ZK_TRY(std::int32_t n, decode([](JuteReader& in) { return in.i32(); }));
  if (n < 0 && !limits_.java)
    return fail(Error(ErrorId::kBadLength, fmt::format("a section counts {} entries", n)).at(name_, at));
  return static_cast<std::uint64_t>(std::max(n, 0));
}

Result<SnapshotHeader> SnapshotReader::read_header() {
  if (section_ != Section::kHeader) return header_;
  Result<std::uint32_t> magic = decode([](JuteReader& in) { return static_cast<std::uint32_t>(in.i32()); });
  if (!magic) return fail(std::move(magic).error());
  if (*magic != kSnapMagic)
    return fail(Error(ErrorId::kBadMagic, "not a snapshot: the magic ZKSN is missing").at(name_, 0));
  ZK_TRY(header_, decode([](JuteReader& in) {
           SnapshotHeader h;
           h.version = in.i32();
           h.dbid = in.i64();
           return h;
         }));
  ZK_TRY(left_, count());
  section_ = Section::kSessions;
  return header_;
}

/// Moves to `section`, decoding and dropping what is left of the sections before it.
Status SnapshotReader::enter(Section section) {
  while (section_ < section) {
    switch (section_) {
      case Section::kHeader:
        ZK_TRY_STATUS(read_header());
        break;
      case Section::kSessions: {
        ZK_TRY(auto session, next_session());
        if (!session) {
          ZK_TRY(left_, count());
          section_ = Section::kAcls;
        }
        break;
      }
      case Section::kAcls: {
        ZK_TRY(auto acl, next_acl());
        if (!acl) section_ = Section::kNodes;
        break;
      }
      case Section::kNodes:
        ZK_TRY_STATUS(next_node());
        break;  // moves on at the closing path
      case Section::kTail:
      case Section::kDone:
        return {};
    }
  }
  return {};
}

Result<std::optional<SnapSession>> SnapshotReader::next_session() {
  ZK_TRY_STATUS(enter(Section::kSessions));
  if (section_ != Section::kSessions || left_ == 0) return std::optional<SnapSession>();
  ZK_TRY(SnapSession session, decode([](JuteReader& in) {
           SnapSession s;
           s.id = in.i64();
           s.timeout_ms = in.i32();
           return s;
         }));
  --left_;
  return std::optional<SnapSession>(session);
}

Result<std::optional<SnapAcl>> SnapshotReader::next_acl() {
  ZK_TRY_STATUS(enter(Section::kAcls));
  if (section_ != Section::kAcls || left_ == 0) return std::optional<SnapAcl>();
  const std::uint64_t at = offset();
  ZK_TRY(SnapAcl acl, decode([](JuteReader& in) {
           SnapAcl a;
           a.id = in.i64();
           a.acl = in.vector<Acl>();
           return a;
         }));
  if (acl.acl.is_null())
    return fail(
        Error(ErrorId::kBadSnapshot, fmt::format("the ACL list with id {} is null", acl.id)).at(name_, at));
  --left_;
  return std::optional<SnapAcl>(acl);
}

Result<std::optional<SnapNode>> SnapshotReader::next_node() {
  ZK_TRY_STATUS(enter(Section::kNodes));
  if (section_ != Section::kNodes) return std::optional<SnapNode>();
  ZK_TRY(SnapNode node, decode(read_node));
  if (node.path != kEndPath) return std::optional<SnapNode>(node);
  section_ = Section::kTail;
  return std::optional<SnapNode>();
}

Result<std::size_t> SnapshotReader::next_nodes(std::span<SnapNode> nodes, std::span<std::uint64_t> ends) {
  ZK_TRY(const auto first, next_node());
  if (!first) return std::size_t{0};
  nodes[0] = *first;
  ends[0] = offset();
  std::size_t count = 1;
  while (count < nodes.size()) {
    JuteReader in(Bytes(window_.data() + position_, size_ - position_), limits_);
    const SnapNode node = read_node(in);
    // What is not whole, not sound, or the end, is the next call's.
    if (!in.ok() || node.path == kEndPath) break;
    position_ += in.offset();
    nodes[count] = node;
    ends[count++] = offset();
  }
  return count;
}

/// A seal is the running Adler-32 from byte 0 up to here, earlier seals included, then the path "/", which no
/// later seal covers if this is the last one and which Apache reads and drops.
Status SnapshotReader::check_seal() {
  adler_ = adler32(Bytes(window_.data() + hashed_, position_ - hashed_), adler_);
  hashed_ = position_;
  const std::uint32_t expected = adler_;
  const std::uint64_t at = offset();
  bool closed = false;
  ZK_TRY(std::int64_t found, decode([&closed](JuteReader& in) {
           const std::int64_t value = in.i64();
           closed = in.ustring() == kEndPath;
           return value;
         }));
  if (found != static_cast<std::int64_t>(expected))
    return fail(
        Error(ErrorId::kChecksumMismatch, "a snapshot's seal does not match its bytes").at(name_, at));
  if (!closed && !limits_.java)
    return fail(Error(ErrorId::kBadSnapshot, "a snapshot's seal does not end with \"/\"").at(name_, at + 8));
  return {};
}

Result<SnapDigest> SnapshotReader::digest_section() {
  const std::uint64_t at = offset();
  ZK_TRY(SnapDigest digest, decode([this](JuteReader& in) {
           SnapDigest d;
           d.zxid = in.i64();
           d.version = in.i32();
           if (d.version >= 2) {
             d.digest = in.i64();
           } else {
             const std::optional<std::string_view> text = in.ustring();
             if (!text && !limits_.java) in.set_failed(ErrorId::kBadRecord);
             d.old_text = text.value_or(std::string_view());
           }
           return d;
         }));
  // Apache leaves a null text at 0 and parses any other with Long.parseLong(text, 16).
  if (digest.version < 2 && !(limits_.java && digest.old_text.empty())) {
    const std::optional<std::int64_t> value =
        limits_.java ? parse_java_hex(digest.old_text) : parse_hex64(digest.old_text);
    if (!value)
      return fail(
          Error(ErrorId::kBadSnapshot, "the digest section's text is no hex number").at(name_, at + 12));
    digest.digest = *value;
  }
  return digest;
}

/// What Apache ZooKeeper 3.8.0 with digests on does: it tries the digest section, takes the end of the stream
/// inside it for an old snapshot, and never looks behind its seal.
Result<SnapshotTail> SnapshotReader::read_tail_java() {
  SnapshotTail tail;
  Result<SnapDigest> digest = digest_section();
  if (digest) {
    tail.digest = *std::move(digest);
    ZK_TRY_STATUS(check_seal());
  } else if (digest.error().id() != ErrorId::kTruncated) {
    return fail(std::move(digest).error());
  }
  section_ = Section::kDone;
  tail.bytes = offset();
  return tail;
}

Result<SnapshotTail> SnapshotReader::read_tail() {
  ZK_TRY_STATUS(enter(Section::kTail));
  if (section_ == Section::kDone) return tail_;
  ZK_TRY_STATUS(check_seal());
  if (limits_.java) {
    ZK_TRY(tail_, read_tail_java());
    return tail_;
  }
  SnapshotTail tail;
  while (size_ - position_ < kLongestTail) {
    ZK_TRY(bool more, fill());
    if (!more) break;
  }
  // Which sections follow is decided by what remains: lastProcessedZxid alone is what 3.9+ writes with
  // digests off. (Apache decides by its own flags and refuses such a file.)
  const std::size_t rest = size_ - position_;
  if (rest != 0 && rest != kLastProcessedBytes) {
    ZK_TRY(tail.digest, digest_section());
    ZK_TRY_STATUS(check_seal());
  }
  if (size_ != position_) {
    ZK_TRY(tail.last_processed_zxid, decode([](JuteReader& in) { return in.i64(); }));
    ZK_TRY_STATUS(check_seal());
  }
  while (size_ == position_) {
    ZK_TRY(bool more, fill());
    if (!more) break;
  }
  if (size_ != position_)
    return fail(
        Error(ErrorId::kLeftoverBytes, "bytes follow the last section of the snapshot").at(name_, offset()));
  section_ = Section::kDone;
  tail.bytes = offset();
  tail_ = std::move(tail);
  return tail_;
}

Status SnapshotWriter::flush() {
  adler_ = adler32(as_bytes(buffer_), adler_);
  ZK_TRY_STATUS(sink_.write(as_bytes(buffer_)));
  buffer_.clear();
  return {};
}

Status SnapshotWriter::flush_if_full() { return buffer_.size() < kWindowBytes ? Status() : flush(); }

Status SnapshotWriter::begin(const SnapshotHeader& header, std::size_t sessions) {
  JuteWriter out(buffer_);
  out.i32(static_cast<std::int32_t>(kSnapMagic));
  out.i32(header.version);
  out.i64(header.dbid);
  out.i32(static_cast<std::int32_t>(sessions));
  return flush_if_full();
}

Status SnapshotWriter::session(const SnapSession& session) {
  JuteWriter out(buffer_);
  out.i64(session.id);
  out.i32(session.timeout_ms);
  return flush_if_full();
}

Status SnapshotWriter::begin_acls(std::size_t acls) {
  JuteWriter(buffer_).i32(static_cast<std::int32_t>(acls));
  return flush_if_full();
}

Status SnapshotWriter::acl(const SnapAcl& acl) {
  JuteWriter out(buffer_);
  out.i64(acl.id);
  out.vector(acl.acl);
  return flush_if_full();
}

Status SnapshotWriter::node(const SnapNode& node) {
  JuteWriter out(buffer_);
  out.ustring(node.path);
  out.buffer(node.data);
  out.i64(node.acl_id);
  node.stat.write(out);
  return flush_if_full();
}

Status SnapshotWriter::seal() {
  ZK_TRY_STATUS(flush());
  JuteWriter out(buffer_);
  out.i64(adler_);
  out.ustring(kEndPath);
  return {};
}

Status SnapshotWriter::end(const std::optional<SnapDigest>& digest,
                           const std::optional<std::int64_t>& last_processed_zxid) {
  JuteWriter out(buffer_);
  out.ustring(kEndPath);
  ZK_TRY_STATUS(seal());
  if (digest) {
    out.i64(digest->zxid);
    out.i32(digest->version);
    if (digest->version >= 2)
      out.i64(digest->digest);
    else
      out.ustring(digest->old_text);
    ZK_TRY_STATUS(seal());
  }
  if (last_processed_zxid) {
    out.i64(*last_processed_zxid);
    ZK_TRY_STATUS(seal());
  }
  ZK_TRY_STATUS(flush());
  return sink_.finish();
}

Result<SnapshotTail> peek_tail(File& file) {
  constexpr std::size_t kSeal = 13, kDigest = 8 + 4 + 8 + kSeal, kProcessed = 8 + kSeal;
  std::byte bytes[kSeal + kDigest + kProcessed];
  SnapshotTail tail;
  ZK_TRY(const FileInfo info, file.info());
  if (info.size_bytes < sizeof bytes) return tail;
  ZK_TRY_STATUS(read_exactly(file, info.size_bytes - sizeof bytes, bytes));
  // A seal ends with the string "/".
  const auto sealed = [&](std::size_t behind) {
    return load_u32(bytes + sizeof bytes - behind - 5) == 1 &&
           bytes[sizeof bytes - behind - 1] == std::byte{'/'};
  };
  if (!sealed(0)) return tail;
  const bool processed = sealed(kProcessed) && sealed(kProcessed + kDigest);
  if (!processed && !sealed(kDigest)) return tail;
  const std::byte* const at = bytes + sizeof bytes - kDigest - (processed ? kProcessed : 0);
  tail.digest = SnapDigest{load_i64(at), load_i32(at + 8), load_i64(at + 12), {}};
  if (processed) tail.last_processed_zxid = load_i64(at + kDigest);
  return tail;
}

}  // namespace zkark
