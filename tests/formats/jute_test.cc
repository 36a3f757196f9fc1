#include "formats/jute.h"

#include <gtest/gtest.h>

#include "formats/data.h"
#include "tests/formats/memory_file.h"

namespace zkark {
namespace {

using test::from_hex;
using test::hex;

TEST(Jute, ReadsIntegersBigEndian) {
  const std::string bytes = from_hex("ff | fffffff6 | 0000000100000002");
  JuteReader in(as_bytes(bytes));
  EXPECT_EQ(in.u8(), 0xff);
  EXPECT_EQ(in.i32(), -10);
  EXPECT_EQ(in.i64(), 0x100000002);
  EXPECT_TRUE(in.ok());
  EXPECT_EQ(in.remaining(), 0u);
}

TEST(Jute, KeepsNullAndEmptyApart) {
  const std::string bytes = from_hex("ffffffff 00000000 ffffffff 00000000");
  JuteReader in(as_bytes(bytes));
  EXPECT_EQ(in.buffer(), std::nullopt);
  std::optional<Bytes> empty = in.buffer();
  ASSERT_TRUE(empty.has_value());
  EXPECT_EQ(empty->size(), 0u);
  EXPECT_EQ(in.ustring(), std::nullopt);
  EXPECT_EQ(in.ustring(), std::string_view());
  EXPECT_TRUE(in.ok());
}

TEST(Jute, AFailureSticksAndSaysWhere) {
  const std::string bytes = from_hex("00000005 6162 00000001 00000002");
  JuteReader in(as_bytes(bytes));
  EXPECT_EQ(in.i32(), 5);
  EXPECT_EQ(in.i64(), 0x6162000000010000);
  EXPECT_EQ(in.i32(), 0);  // two bytes left
  EXPECT_FALSE(in.ok());
  EXPECT_TRUE(in.ran_out());
  EXPECT_EQ(in.u8(), 0);  // although one byte would be there
  Error error = in.error(100);
  EXPECT_EQ(error.id(), ErrorId::kTruncated);
  EXPECT_EQ(error.offset(), 112u);
}

TEST(Jute, RefusesLengthsBelowMinusOneAndAboveTheLimit) {
  for (const char* length : {"fffffffe", "80000000", "7fffffff"}) {
    const std::string bytes = from_hex(length) + std::string(16, 'x');
    JuteReader in(as_bytes(bytes));
    in.buffer();
    ASSERT_FALSE(in.ok()) << length;
    EXPECT_EQ(in.error().id(), ErrorId::kBadLength) << length;
    EXPECT_FALSE(in.ran_out());
  }
  const std::string bytes = from_hex("00000400") + std::string(1024, 'x');
  JuteReader allowed(as_bytes(bytes), Limits{1024, false}), refused(as_bytes(bytes), Limits{1023, false});
  EXPECT_EQ(allowed.buffer()->size(), 1024u);
  refused.buffer();
  EXPECT_FALSE(refused.ok());
}

TEST(Jute, JavaLimitIsMaxBufferPlusExtra) { EXPECT_EQ(Limits::java_3_8().max_buffer_bytes, 2097150); }

TEST(Jute, ALengthBeyondTheWindowIsTruncationAndNotAnAllocation) {
  const std::string bytes = from_hex("0ffffff0 00");
  JuteReader in(as_bytes(bytes));
  in.buffer();
  EXPECT_TRUE(in.ran_out());
}

TEST(Jute, VectorsKeepTheirBytes) {
  const Acl acls[] = {{31, "world", "anyone"}, {1, "ip", "127.0.0.1"}, {0, std::nullopt, ""}};
  const std::string encoded = encode_acls(acls);
  JuteReader in(as_bytes(encoded));
  AclList list = in.vector<Acl>();
  ASSERT_TRUE(in.ok());
  EXPECT_EQ(list.size(), 3u);
  EXPECT_FALSE(list.is_null());
  std::vector<Acl> walked(list.begin(), list.end());
  EXPECT_EQ(walked, (std::vector<Acl>(std::begin(acls), std::end(acls))));
  EXPECT_EQ(as_text(list.encoded()), encoded);
  std::string again;
  JuteWriter(again).vector(list);
  EXPECT_EQ(again, encoded);
}

TEST(Jute, NullAndEmptyVectorsDiffer) {
  const std::string null = from_hex("ffffffff"), empty = from_hex("00000000");
  JuteReader null_in(as_bytes(null)), empty_in(as_bytes(empty));
  AclList a = null_in.vector<Acl>(), b = empty_in.vector<Acl>();
  EXPECT_TRUE(a.is_null());
  EXPECT_FALSE(b.is_null());
  EXPECT_TRUE(a.empty());
  EXPECT_TRUE(b.empty());
  EXPECT_FALSE(a == b);
  EXPECT_TRUE(a == AclList());
  EXPECT_EQ(hex(std::string(as_text(AclList().encoded()))), "ffffffff");
  EXPECT_EQ(a.begin(), a.end());
}

TEST(Jute, OtherNegativeCountsAreEmptyForApacheAndRefusedByDefault) {
  const std::string bytes = from_hex("fffffffe");
  JuteReader strict(as_bytes(bytes)), java(as_bytes(bytes), Limits::java_3_8());
  strict.vector<Acl>();
  EXPECT_FALSE(strict.ok());
  AclList list = java.vector<Acl>();
  EXPECT_TRUE(java.ok());
  EXPECT_TRUE(list.empty());
  EXPECT_FALSE(list.is_null());
}

TEST(Jute, ACountAloneCostsNothing) {
  // 2^31 - 1 elements announced, none there: the walk ends with the bytes.
  const std::string bytes = from_hex("7fffffff 0000001f 00000001 61 00000001 62");
  JuteReader in(as_bytes(bytes));
  in.vector<Acl>();
  EXPECT_TRUE(in.ran_out());
}

TEST(Jute, NullPathsAreRefusedByDefaultAndWalkedAsEmptyForApache) {
  const std::string bytes = from_hex("00000003 00000002\"/a\" ffffffff 00000002\"/b\"");
  JuteReader strict(as_bytes(bytes)), java(as_bytes(bytes), Limits::java_3_8());
  strict.vector<PathItem>();
  EXPECT_EQ(strict.error().id(), ErrorId::kBadRecord);
  PathList list = java.vector<PathItem>();
  ASSERT_TRUE(java.ok());
  std::vector<std::string> walked;
  for (const PathItem& item : list) walked.emplace_back(item.path);
  EXPECT_EQ(walked, (std::vector<std::string>{"/a", "", "/b"}));
}

TEST(Jute, WriterWritesWhatReaderReads) {
  std::string bytes;
  JuteWriter out(bytes);
  out.u8(1);
  out.i32(-2);
  out.i64(INT64_MIN);
  out.buffer(std::nullopt);
  out.buffer(Bytes());
  out.ustring("/a");
  out.ustring(std::nullopt);
  EXPECT_EQ(hex(bytes), "01fffffffe8000000000000000ffffffff00000000000000022f61ffffffff");
}

TEST(Jute, StringsStayRawBytes) {
  // Java writes U+1F600 as two 3-byte surrogates (CESU-8); nothing may normalise them.
  const std::string bytes = from_hex("00000006 eda0bdedb880 00000002 c328");
  JuteReader in(as_bytes(bytes));
  EXPECT_EQ(hex(std::string(*in.ustring())), "eda0bdedb880");
  EXPECT_EQ(hex(std::string(*in.ustring())), "c328");
}

TEST(Data, TellsNodeKindsByOwner) {
  EXPECT_EQ(node_kind(0), NodeKind::kPersistent);
  EXPECT_EQ(node_kind(0x100008b0d7b0000), NodeKind::kEphemeral);
  EXPECT_EQ(node_kind(INT64_MIN), NodeKind::kContainer);
  EXPECT_EQ(node_kind(ttl_owner(600000)), NodeKind::kTtl);
  EXPECT_EQ(static_cast<std::uint64_t>(ttl_owner(600000)), 0xff000000000927c0u);
  EXPECT_EQ(ttl_of(ttl_owner(kMaxTtlMs)), kMaxTtlMs);
}

TEST(Data, NullAclMeansWorldAnyoneAll) {
  AclList open = open_acl_unsafe();
  ASSERT_EQ(open.size(), 1u);
  EXPECT_EQ(*open.begin(), (Acl{31, "world", "anyone"}));
}

}  // namespace
}  // namespace zkark
