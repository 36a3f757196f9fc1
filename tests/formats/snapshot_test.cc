#include "formats/snapshot.h"

#include <gtest/gtest.h>

#include "formats/adler32.h"
#include "tests/formats/memory_file.h"

namespace zkark {
namespace {

using test::from_hex;
using test::hex;
using test::MemorySink;
using test::MemorySource;

const std::string kZeroStat(60, '\0');

/// The initial snapshot of the reference, section 4.1, up to the closing path.
std::string initial_body() {
  std::string config_stat(60, '\0');
  config_stat.replace(8 * 4 + 4 + 4, 4, from_hex("ffffffff"));  // aversion
  return from_hex(
             "5a4b534e 00000002 ffffffffffffffff | 00000000 | 00000001 0000000000000001"
             "00000001 00000001 00000005\"world\" 00000006\"anyone\"") +
         from_hex("00000000 00000000 ffffffffffffffff") + kZeroStat +
         from_hex("0000000a\"/zookeeper\" 00000000 ffffffffffffffff") + kZeroStat +
         from_hex("00000011\"/zookeeper/config\" 00000000 0000000000000001") + config_stat +
         from_hex("00000010\"/zookeeper/quota\" 00000000 ffffffffffffffff") + kZeroStat +
         from_hex("00000001 2f");
}
const std::string kSeal1 = from_hex("00000000b8a23b49 00000001 2f");
const std::string kDigestSection =
    from_hex("0000000000000000 00000002 0000000000000000 | 0000000095b93d59 00000001 2f");
const std::string kLastSection = from_hex("0000000000000000 00000000bde83f6d 00000001 2f");

std::string sealed(std::string bytes) {
  JuteWriter out(bytes);
  out.i64(adler32(as_bytes(bytes)));
  out.ustring("/");
  return bytes;
}

struct Contents {
  SnapshotHeader header;
  std::vector<SnapSession> sessions;
  std::vector<std::pair<std::int64_t, std::string>> acls;
  std::vector<std::string> paths;
  SnapshotTail tail;
  std::optional<Error> error;
  std::string again;  // what the writer makes of it
};

Contents contents(const std::string& plain, Limits limits = {}, std::size_t step = SIZE_MAX) {
  Contents c;
  MemorySource source(plain, step);
  SnapshotReader reader(source, "snapshot.0", limits);
  struct Node {
    std::string path;
    std::optional<std::string> data;
    std::int64_t acl_id;
    StatPersisted stat;
  };
  std::vector<Node> nodes;
  auto read = [&]() -> Status {
    ZK_TRY(c.header, reader.read_header());
    for (;;) {
      ZK_TRY(auto session, reader.next_session());
      if (!session) break;
      c.sessions.push_back(*session);
    }
    for (;;) {
      ZK_TRY(auto acl, reader.next_acl());
      if (!acl) break;
      c.acls.emplace_back(acl->id, as_text(acl->acl.encoded()));
    }
    for (;;) {
      ZK_TRY(auto node, reader.next_node());
      if (!node) break;
      c.paths.emplace_back(node->path);
      std::optional<std::string> data;
      if (node->data) data = as_text(*node->data);
      nodes.push_back({std::string(node->path), data, node->acl_id, node->stat});
    }
    ZK_TRY(c.tail, reader.read_tail());
    return {};
  };
  if (Status status = read(); !status) c.error = std::move(status).error();

  MemorySink sink;
  SnapshotWriter writer(sink);
  EXPECT_TRUE(writer.begin(c.header, c.sessions.size()));
  for (const SnapSession& session : c.sessions) EXPECT_TRUE(writer.session(session));
  EXPECT_TRUE(writer.begin_acls(c.acls.size()));
  for (const auto& [id, list] : c.acls) EXPECT_TRUE(writer.acl({id, AclList(as_bytes(list))}));
  for (const Node& node : nodes) {
    std::optional<Bytes> data;
    if (node.data) data = as_bytes(*node.data);
    EXPECT_TRUE(writer.node({node.path, data, node.acl_id, node.stat}));
  }
  EXPECT_TRUE(writer.end(c.tail.digest, c.tail.last_processed_zxid));
  c.again = sink.content;
  return c;
}

ErrorId refused(const std::string& plain, Limits limits = {}) {
  const Contents c = contents(plain, limits);
  if (c.error) return c.error->id();
  ADD_FAILURE() << "accepted";
  return ErrorId::kInternal;
}

// ---- the worked example ----

TEST(Snapshot, ReadsTheWorkedExample) {
  const std::string plain = initial_body() + kSeal1 + kDigestSection;
  ASSERT_EQ(plain.size(), 457u);
  EXPECT_EQ(adler32(as_bytes(initial_body())), 0xb8a23b49u);
  const Contents c = contents(plain);
  ASSERT_FALSE(c.error) << c.error->to_string();
  EXPECT_EQ(c.header.version, 2);
  EXPECT_EQ(c.header.dbid, -1);
  EXPECT_EQ(c.paths, (std::vector<std::string>{"", "/zookeeper", "/zookeeper/config", "/zookeeper/quota"}));
  ASSERT_EQ(c.acls.size(), 1u);
  EXPECT_EQ(c.acls[0].first, 1);
  EXPECT_EQ(c.tail.digest, (SnapDigest{0, 2, 0, ""}));
  EXPECT_EQ(c.tail.last_processed_zxid, std::nullopt);
  EXPECT_EQ(c.tail.bytes, 457u);
  EXPECT_EQ(hex(c.again), hex(plain));
}

TEST(Snapshot, ReadsByAnyStep) {
  const std::string plain = initial_body() + kSeal1 + kDigestSection + kLastSection;
  for (std::size_t step : {1u, 7u, 64u}) EXPECT_EQ(hex(contents(plain, {}, step).again), hex(plain));
}

// ---- sections behind the nodes, told by the remaining length ----

TEST(SnapshotTail, NothingBehindSealOne) {
  const std::string plain = initial_body() + kSeal1;
  const Contents c = contents(plain);
  ASSERT_FALSE(c.error);
  EXPECT_EQ(c.tail, (SnapshotTail{{}, {}, plain.size()}));
  EXPECT_EQ(hex(c.again), hex(plain));
  EXPECT_FALSE(contents(plain, Limits::java_3_8()).error);
}

TEST(SnapshotTail, DigestAlone33) {
  const std::string plain = initial_body() + kSeal1 + kDigestSection;
  EXPECT_EQ(kDigestSection.size(), 33u);
  EXPECT_EQ(hex(contents(plain).again), hex(plain));
  EXPECT_FALSE(contents(plain, Limits::java_3_8()).error);
}

TEST(SnapshotTail, LastProcessedZxidAlone21) {
  std::string plain = initial_body() + kSeal1;
  JuteWriter(plain).i64(0x1c3);
  plain = sealed(plain);
  EXPECT_EQ(plain.size(), initial_body().size() + 13 + 21);
  const Contents c = contents(plain);
  ASSERT_FALSE(c.error) << c.error->to_string();
  EXPECT_EQ(c.tail.digest, std::nullopt);
  EXPECT_EQ(c.tail.last_processed_zxid, 0x1c3);
  EXPECT_EQ(hex(c.again), hex(plain));
  EXPECT_TRUE(contents(plain, Limits::java_3_8()).error) << "a server with digests on refuses it";
}

TEST(SnapshotTail, Both54) {
  const std::string plain = initial_body() + kSeal1 + kDigestSection + kLastSection;
  ASSERT_EQ(plain.size(), 478u);
  const Contents c = contents(plain);
  ASSERT_FALSE(c.error) << c.error->to_string();
  EXPECT_EQ(c.tail.last_processed_zxid, 0);
  EXPECT_TRUE(c.tail.digest.has_value());
  EXPECT_EQ(hex(c.again), hex(plain));
  EXPECT_FALSE(contents(plain, Limits::java_3_8()).error);
}

TEST(SnapshotTail, AnyOtherLengthIsRefused) {
  const std::string whole = initial_body() + kSeal1 + kDigestSection + kLastSection;
  const std::size_t body = initial_body().size() + 13;
  for (std::size_t rest = 1; rest < 54; ++rest) {
    if (rest == 33) continue;
    EXPECT_TRUE(contents(whole.substr(0, body + rest)).error) << rest;
  }
  for (std::size_t more : {1u, 5u, 13u, 21u, 33u, 70000u})
    EXPECT_TRUE(contents(whole + std::string(more, '\0')).error) << more;
}

TEST(SnapshotTail, OldDigestVersionsAreHexText) {
  std::string plain = initial_body() + kSeal1;
  JuteWriter out(plain);
  out.i64(5);
  out.i32(1);
  out.ustring("fedcba9876543210");
  plain = sealed(plain);
  const Contents c = contents(plain);
  ASSERT_FALSE(c.error) << c.error->to_string();
  EXPECT_EQ(c.tail.digest,
            (SnapDigest{5, 1, static_cast<std::int64_t>(0xfedcba9876543210u), "fedcba9876543210"}));
  EXPECT_EQ(hex(c.again), hex(plain));
  EXPECT_TRUE(contents(plain, Limits::java_3_8()).error) << "Long.parseLong: above 2^63";
}

TEST(SnapshotTail, OldDigestTextMustBeANumber) {
  for (const char* text : {"", "xyz", "12 "}) {
    std::string plain = initial_body() + kSeal1;
    JuteWriter out(plain);
    out.i64(5);
    out.i32(1);
    out.ustring(text);
    EXPECT_EQ(refused(sealed(plain)), ErrorId::kBadSnapshot) << text;
  }
}

TEST(SnapshotTail, EverySealIsChecked) {
  const std::string whole = initial_body() + kSeal1 + kDigestSection + kLastSection;
  const std::size_t seals[] = {initial_body().size(), whole.size() - 21 - 13, whole.size() - 13};
  for (std::size_t seal : seals)
    for (std::size_t byte = 0; byte < 8; ++byte) {
      std::string damaged = whole;
      damaged[seal + byte] ^= 1;
      EXPECT_EQ(refused(damaged), ErrorId::kChecksumMismatch) << seal << "+" << byte;
    }
}

TEST(SnapshotTail, TheSealsClosingPathMustBeThere) {
  const std::string whole = initial_body() + kSeal1 + kDigestSection;
  for (const char* path : {"00000001 2e", "00000000", "ffffffff", "00000002 2f2f"}) {
    const std::string plain = whole.substr(0, whole.size() - 5) + from_hex(path);
    EXPECT_TRUE(contents(plain).error) << path;
    EXPECT_FALSE(contents(plain, Limits::java_3_8()).error) << "Apache reads it and drops it";
  }
}

TEST(SnapshotTail, SealsRunOnFromByteZero) {
  // Seal 2 over its own section alone is what a careless writer makes.
  std::string own = initial_body() + kSeal1;
  std::string section = from_hex("0000000000000000 00000002 0000000000000000");
  JuteWriter out(section);
  out.i64(adler32(as_bytes(section)));
  out.ustring("/");
  EXPECT_EQ(refused(own + section), ErrorId::kChecksumMismatch);
}

// ---- damage before the tail ----

TEST(Snapshot, VersionAndDbidAreKeptAndNotChecked) {
  std::string body = initial_body();
  body.replace(4, 12, from_hex("00000003 0000000000000063"));
  const std::string plain = sealed(body);
  const Contents c = contents(plain);
  ASSERT_FALSE(c.error);
  EXPECT_EQ(c.header.version, 3);
  EXPECT_EQ(c.header.dbid, 99);
  EXPECT_EQ(hex(c.again), hex(plain));
}

TEST(Snapshot, AnotherMagicIsRefused) {
  std::string plain = initial_body() + kSeal1;
  plain[3] = 'G';
  EXPECT_EQ(refused(plain), ErrorId::kBadMagic);
  EXPECT_EQ(refused(""), ErrorId::kTruncated);
}

TEST(Snapshot, EveryCutIsRefused) {
  const std::string plain = initial_body() + kSeal1;
  for (std::size_t cut = 0; cut < plain.size(); ++cut) {
    const Contents c = contents(plain.substr(0, cut));
    ASSERT_TRUE(c.error) << cut;
    EXPECT_EQ(c.error->id(), ErrorId::kTruncated) << cut;
    EXPECT_EQ(c.error->file(), "snapshot.0");
    EXPECT_LE(*c.error->offset(), cut);
  }
}

TEST(Snapshot, NegativeCountsAreRefusedByDefaultAndEmptyForApache) {
  std::string body = initial_body();
  body.replace(0x10, 4, from_hex("ffffffff"));
  EXPECT_EQ(refused(sealed(body)), ErrorId::kBadLength);
  EXPECT_FALSE(contents(sealed(body), Limits::java_3_8()).error);
}

TEST(Snapshot, ANullAclListIsRefused) {
  const std::string body = from_hex(
      "5a4b534e 00000002 ffffffffffffffff | 00000000 | 00000001 0000000000000001 ffffffff | 00000001 2f");
  EXPECT_EQ(refused(sealed(body)), ErrorId::kBadSnapshot);
  EXPECT_EQ(refused(sealed(body), Limits::java_3_8()), ErrorId::kBadSnapshot);
}

TEST(Snapshot, ANullPathIsRefused) {
  const std::string body =
      from_hex(
          "5a4b534e 00000002 ffffffffffffffff | 00000000 | 00000000 | ffffffff 00000000 ffffffffffffffff") +
      kZeroStat + from_hex("00000001 2f");
  EXPECT_EQ(refused(sealed(body)), ErrorId::kBadSnapshot);
  EXPECT_EQ(refused(sealed(body), Limits::java_3_8()), ErrorId::kBadSnapshot);
}

TEST(Snapshot, NullAndEmptyDataStayApart) {
  const std::string body =
      from_hex(
          "5a4b534e 00000002 ffffffffffffffff | 00000000 | 00000000 | 00000000 ffffffff ffffffffffffffff") +
      kZeroStat + from_hex("00000002\"/a\" 00000000 0000000000000063") + kZeroStat + from_hex("00000001 2f");
  const std::string plain = sealed(body);
  EXPECT_EQ(hex(contents(plain).again), hex(plain));
}

TEST(Snapshot, HostileCountsAndLengthsEndWithTheBytes) {
  for (const char* rest : {"7fffffff", "00000000 7fffffff", "00000000 00000001 0000000000000001 7fffffff",
                           "00000000 00000000 0fffffff", "00000000 00000000 00000000 0fffffff"}) {
    const std::string plain =
        from_hex("5a4b534e 00000002 ffffffffffffffff") + from_hex(rest) + std::string(1000, '\0');
    const Contents c = contents(plain);
    EXPECT_TRUE(c.error) << rest;
  }
}

/// A stream without end: a beginning, then zeros, at most 4 KiB a read.
class EndlessSource : public ByteSource {
 public:
  explicit EndlessSource(std::string beginning) : beginning_(std::move(beginning)) {}
  Result<std::size_t> read(MutableBytes into) override {
    const std::size_t n = std::min<std::size_t>(into.size(), 4096);
    for (std::size_t i = 0; i < n; ++i, ++given_)
      into[i] = given_ < beginning_.size() ? static_cast<std::byte>(beginning_[given_]) : std::byte{0};
    return n;
  }
  std::size_t given_ = 0;

 private:
  std::string beginning_;
};

TEST(Snapshot, AListWithoutEndIsRefusedAtTheLimit) {
  // An ACL list of 2^31 - 1 rules; zeros are rules. What a gzip bomb unfolds into.
  EndlessSource source(
      from_hex("5a4b534e 00000002 ffffffffffffffff | 00000000 | 00000001 0000000000000001 7fffffff"));
  SnapshotReader reader(source, "snapshot.0", Limits{4 << 20, false});
  auto acl = reader.next_acl();
  ASSERT_FALSE(acl);
  EXPECT_EQ(acl.error().id(), ErrorId::kBadLength);
  EXPECT_LT(source.given_, 16u << 20);
}

TEST(Snapshot, APlainFileThatEndsLikeASealIsNoSnapshotYet) {
  // Cut behind the closing path: it passes Apache's cheap test.
  const std::string cut = initial_body();
  test::MemoryFile file(cut);
  EXPECT_TRUE(*passes_cheap_test(file, SnapCodec::kPlain));
  EXPECT_EQ(refused(cut), ErrorId::kTruncated);
  EXPECT_EQ(refused(cut, Limits::java_3_8()), ErrorId::kTruncated);
}

TEST(Snapshot, LargeNodesPassThroughTheWindow) {
  std::string body = from_hex("5a4b534e 00000002 ffffffffffffffff | 00000000 | 00000000");
  JuteWriter out(body);
  for (int i = 0; i < 6; ++i) {
    const std::string path = i == 0 ? "" : "/n" + std::to_string(i);
    SnapNode node{path, std::nullopt, -1, {}};
    const std::string data(static_cast<std::size_t>(i) * 150000, static_cast<char>('a' + i));
    node.data = as_bytes(data);
    out.ustring(node.path);
    out.buffer(node.data);
    out.i64(-1);
    node.stat.write(out);
  }
  out.ustring("/");
  const std::string plain = sealed(body);
  for (std::size_t step : {std::size_t{100000}, SIZE_MAX}) {
    const Contents c = contents(plain, {}, step);
    ASSERT_FALSE(c.error) << c.error->to_string();
    EXPECT_TRUE(c.again == plain);
  }
}

TEST(Snapshot, GoingOnSkipsWhatIsLeftOfASection) {
  const std::string plain = initial_body() + kSeal1 + kDigestSection;
  MemorySource source(plain);
  SnapshotReader reader(source, "snapshot.0");
  Result<SnapshotTail> tail = reader.read_tail();
  ASSERT_TRUE(tail) << tail.error().to_string();
  EXPECT_EQ(tail->bytes, 457u);
  EXPECT_FALSE(*reader.next_node());
  EXPECT_FALSE(*reader.next_session());
  EXPECT_EQ(*reader.read_tail(), *tail);
}

TEST(Snapshot, SessionsAreRead) {
  std::string body = from_hex(
      "5a4b534e 00000002 ffffffffffffffff | 00000002 0100008b0d7b0000 0000ea60 0200008b0d7b0001 00002710 | "
      "00000000 | 00000001 2f");
  const std::string plain = sealed(body);
  const Contents c = contents(plain);
  ASSERT_FALSE(c.error);
  EXPECT_EQ(c.sessions, (std::vector<SnapSession>{{0x100008b0d7b0000, 60000}, {0x200008b0d7b0001, 10000}}));
  EXPECT_EQ(hex(c.again), hex(plain));
}

TEST(SnapshotReader, GivesTheSameNodesSeveralAtATime) {
  const std::string plain = sealed(initial_body()) + kDigestSection + kLastSection;
  for (std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{100}, SIZE_MAX}) {
    for (std::size_t together : {std::size_t{1}, std::size_t{3}, std::size_t{16}}) {
      MemorySource one_source(plain, step), source(plain, step);
      SnapshotReader one(one_source, "a"), several(source, "b");
      std::vector<SnapNode> nodes(together);
      std::vector<std::uint64_t> ends(together);
      std::size_t seen = 0;
      for (;;) {
        const Result<std::size_t> count = several.next_nodes(nodes, ends);
        ASSERT_TRUE(count) << count.error().to_string();
        for (std::size_t i = 0; i < *count; ++i, ++seen) {
          const auto node = one.next_node();
          ASSERT_TRUE(node && *node);
          EXPECT_EQ(nodes[i].path, (*node)->path);
          EXPECT_EQ(nodes[i].stat, (*node)->stat);
          EXPECT_EQ(ends[i], one.offset());
        }
        if (*count == 0) break;
      }
      EXPECT_EQ(seen, 4u);
      EXPECT_FALSE(*one.next_node());
      EXPECT_TRUE(several.read_tail());
    }
  }
}

TEST(SnapshotReader, LeavesADamagedNodeForTheCallThatReportsIt) {
  std::string plain = sealed(initial_body()) + kDigestSection;
  const std::size_t length = plain.find("/zookeeper/quota") - 4;
  plain[length] = '\x7f';
  MemorySource source(plain, SIZE_MAX);
  SnapshotReader reader(source, "a");
  SnapNode nodes[8];
  std::uint64_t ends[8];
  const Result<std::size_t> sound = reader.next_nodes(nodes, ends);
  ASSERT_TRUE(sound);
  EXPECT_EQ(*sound, 3u);
  const Result<std::size_t> damaged = reader.next_nodes(nodes, ends);
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().id(), ErrorId::kBadLength);
  EXPECT_EQ(damaged.error().offset(), ends[2] + 4);  // behind the length
}

TEST(PeekTail, TellsTheSectionsFromTheLastBytes) {
  const std::string body(100, 'x');
  const auto peek = [&](const std::string& end) {
    test::MemoryFile file(body + end);
    return *peek_tail(file);
  };
  const std::string digest =
      from_hex("0000000000000055 00000002 1122334455667788 | 0000000095b93d59 00000001 2f");
  EXPECT_EQ(peek(kSeal1), SnapshotTail());
  EXPECT_EQ(peek(kSeal1 + digest).digest, (SnapDigest{0x55, 2, 0x1122334455667788, {}}));
  EXPECT_FALSE(peek(kSeal1 + digest).last_processed_zxid);
  const SnapshotTail both = peek(kSeal1 + digest + from_hex("0000000000000056 00000000bde83f6d 00000001 2f"));
  EXPECT_EQ(both.digest, (SnapDigest{0x55, 2, 0x1122334455667788, {}}));
  EXPECT_EQ(both.last_processed_zxid, 0x56);
  EXPECT_EQ(peek(std::string(60, '\0')), SnapshotTail());
  test::MemoryFile tiny("short");
  EXPECT_EQ(*peek_tail(tiny), SnapshotTail());
}

}  // namespace
}  // namespace zkark
