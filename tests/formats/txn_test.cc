#include "formats/txn.h"

#include <gtest/gtest.h>

#include <deque>

#include "tests/formats/memory_file.h"

namespace zkark {
namespace {

using test::from_hex;
using test::hex;

constexpr const char* kWorldAcl = "00000001 0000001f 00000005\"world\" 00000006\"anyone\"";

/// Header of session 0x1, cxid 2, zxid 3, time 4.
std::string header(std::int32_t type) {
  std::string bytes;
  JuteWriter out(bytes);
  TxnHeader{1, 2, 3, 4, static_cast<TxnType>(type)}.write(out);
  return bytes;
}
const std::string kDigest = from_hex("00000002 00000000 7f9cf3c4");

/// Decodes, expects success and that encoding gives the same bytes back.
/// The views in the result live to the end of the program.
Txn decoded(const std::string& temporary, const Limits& limits = {}) {
  static std::deque<std::string> kept;
  const std::string& payload = kept.emplace_back(temporary);
  Result<Txn> txn = decode_txn(as_bytes(payload), limits);
  if (!txn) {
    ADD_FAILURE() << txn.error().to_string() << " in " << hex(payload);
    return {};
  }
  std::string again;
  encode_txn(*txn, again);
  if (!limits.java) {
    EXPECT_EQ(hex(again), hex(payload));
  }
  return *std::move(txn);
}

ErrorId refused(const std::string& payload, const Limits& limits = {}) {
  Result<Txn> txn = decode_txn(as_bytes(payload), limits);
  if (!txn) return txn.error().id();
  ADD_FAILURE() << "accepted " << hex(payload);
  return ErrorId::kInternal;
}

// ---- the test vectors of the reference, section 10: payloads that 3.8.0 wrote ----

TEST(TxnVectors, CreateContainer) {
  const std::string payload = from_hex(
      "010000133b3a0000 00000007 0000000000000008 000001a1fc95895a 00000013"
      "000000052f636f6e74 0000000163 00000001 0000001f 00000005776f726c64 00000006616e796f6e65 00000004"
      "| 00000002 000000045302dcf1");
  const Txn txn = decoded(payload);
  const auto& create = std::get<CreateContainerTxn>(txn.body);
  EXPECT_EQ(create.path, "/cont");
  EXPECT_EQ(as_text(*create.data), "c");
  EXPECT_EQ(create.parent_cversion, 4);
  EXPECT_TRUE(create.acl == open_acl_unsafe());
  EXPECT_EQ(txn.header, (TxnHeader{0x10000133b3a0000, 7, 8, 0x1a1fc95895a, TxnType::kCreateContainer}));
  EXPECT_EQ(txn.digest, (TxnDigest{2, 0x45302dcf1}));
  EXPECT_EQ(txn_path(txn.body), "/cont");
}

TEST(TxnVectors, CreateTtl) {
  const Txn txn =
      decoded(from_hex("010000133b3a0000 00000008 0000000000000009 000001a1fc95895c 00000015"
                       "000000042f74746c 0000000174 00000001 0000001f 00000005776f726c64 "
                       "00000006616e796f6e65 00000005 00000000000927c0"
                       "| 00000002 00000005174287ca"));
  const auto& create = std::get<CreateTtlTxn>(txn.body);
  EXPECT_EQ(create.path, "/ttl");
  EXPECT_EQ(create.ttl_ms, 600000);
  EXPECT_EQ(create.parent_cversion, 5);
  EXPECT_TRUE(txn.digest.has_value());
}

TEST(TxnVectors, SetDataToNull) {
  const Txn txn =
      decoded(from_hex("010000133b3a0000 0000000c 000000000000000d 000001a1fc958961 00000005"
                       "000000022f61 ffffffff 00000002 | 00000002 000000059a1cb701"));
  const auto& set = std::get<SetDataTxn>(txn.body);
  EXPECT_EQ(set.path, "/a");
  EXPECT_EQ(set.data, std::nullopt);
  EXPECT_EQ(set.version, 2);
}

TEST(TxnVectors, SetAcl) {
  const Txn txn =
      decoded(from_hex("010000133b3a0000 0000000f 0000000000000010 000001a1fc958964 00000007"
                       "000000022f61 00000002 0000001f 00000005776f726c64 00000006616e796f6e65 00000001 "
                       "000000026970 000000093132372e302e302e31 00000001"
                       "| 00000002 000000067af0ac3b"));
  const auto& set = std::get<SetAclTxn>(txn.body);
  ASSERT_EQ(set.acl.size(), 2u);
  auto second = ++set.acl.begin();
  EXPECT_EQ(*second, (Acl{1, "ip", "127.0.0.1"}));
  EXPECT_EQ(set.version, 1);
}

TEST(TxnVectors, Delete) {
  const Txn txn =
      decoded(from_hex("010000133b3a0000 00000014 0000000000000015 000001a1fc95896a 00000002"
                       "000000052f612f6332 | 00000002 00000005bf334fdd"));
  EXPECT_EQ(std::get<DeleteTxn>(txn.body).path, "/a/c2");
}

TEST(TxnVectors, CloseSessionWithPaths) {
  const Txn txn =
      decoded(from_hex("010000133b3a0001 00000003 000000000000001f 000001a1fc958978 fffffff5"
                       "00000002 000000032f6532 000000062f6d312f6532 | 00000002 000000077fb4830b"));
  const auto& close = std::get<CloseSessionTxn>(txn.body);
  EXPECT_TRUE(close.has_body);
  std::vector<std::string> paths;
  for (const PathItem& item : close.paths) paths.emplace_back(item.path);
  EXPECT_EQ(paths, (std::vector<std::string>{"/e2", "/m1/e2"}));
}

TEST(TxnVectors, DeleteContainerByTheReaper) {
  const Txn txn =
      decoded(from_hex("0000000000000000 00000000 0000000000000022 000001a1fc958ba2 00000014"
                       "000000082f74746c676f6e65 | 00000002 00000007df8da6b1"));
  EXPECT_EQ(txn.header.type, TxnType::kDeleteContainer);
  EXPECT_EQ(txn.header.client_id, 0);
  EXPECT_EQ(std::get<DeleteTxn>(txn.body).path, "/ttlgone");
}

TEST(TxnVectors, ErrorHasNoDigest) {
  const Txn txn =
      decoded(from_hex("010000133b3a0000 0000000e 000000000000000f 000001a1fc958962 ffffffff  ffffff99"));
  EXPECT_EQ(std::get<ErrorTxn>(txn.body).err, -103);
  EXPECT_EQ(txn.digest, std::nullopt);
}

TEST(TxnVectors, EmptyMulti) {
  const Txn txn =
      decoded(from_hex("010000133b3a0000 00000019 000000000000001a 000001a1fc958974 0000000e  00000000 | "
                       "00000002 00000007c9c60cd9"));
  EXPECT_TRUE(std::get<MultiTxn>(txn.body).txns.empty());
  EXPECT_FALSE(multi_failed(std::get<MultiTxn>(txn.body)));
}

// ---- every type, with and without digest ----

struct TypeRow {
  std::int32_t type;
  std::string body;
};

std::vector<TypeRow> every_type() {
  const std::string node = from_hex("00000002\"/a\" 00000001\"x\"") + from_hex(kWorldAcl);
  return {
      {-10, from_hex("00002710")},
      {-11, from_hex("00000001 00000002\"/e\"")},
      {-1, from_hex("ffffff9b")},
      {1, node + from_hex("01 00000003")},
      {15, node + from_hex("00 00000003")},
      {19, node + from_hex("00000003")},
      {21, node + from_hex("00000003 00000000000003e8")},
      {2, from_hex("00000002\"/a\"")},
      {20, from_hex("00000002\"/a\"")},
      {5, from_hex("00000002\"/a\" 00000000 00000007")},
      {16, from_hex("00000011\"/zookeeper/config\" 00000001\"x\" ffffffff")},
      {7, from_hex("00000002\"/a\"") + from_hex(kWorldAcl) + from_hex("00000001")},
      {14, from_hex("00000001 00000002 00000006 00000002\"/a\"")},
  };
}

TEST(Txn, EveryTypeDecodesWithAndWithoutDigest) {
  for (const TypeRow& row : every_type()) {
    SCOPED_TRACE(row.type);
    EXPECT_EQ(decoded(header(row.type) + row.body).digest, std::nullopt);
    const Txn txn = decoded(header(row.type) + row.body + kDigest);
    EXPECT_EQ(txn.digest, (TxnDigest{2, 0x7f9cf3c4}));
    EXPECT_EQ(txn.header.zxid, 3);
    EXPECT_NE(txn_type_name(txn.header.type), "unknown");
  }
}

TEST(Txn, EveryCutOfEveryTypeIsRefusedOrAShorterForm) {
  for (const TypeRow& row : every_type()) {
    const std::string whole = header(row.type) + row.body + kDigest;
    for (std::size_t cut = 0; cut < whole.size(); ++cut) {
      Result<Txn> txn = decode_txn(as_bytes(whole.substr(0, cut)));
      if (cut == whole.size() - kDigest.size()) {
        EXPECT_TRUE(txn) << "type " << row.type << " without its digest";
      } else if (row.type == -11 && cut == TxnHeader::kBytes) {
        EXPECT_FALSE(std::get<CloseSessionTxn>(txn->body).has_body);  // the old form
      } else if (row.type == -11 && cut == TxnHeader::kBytes + TxnDigest::kBytes) {
        EXPECT_FALSE(
            std::get<CloseSessionTxn>(txn->body).has_body);  // twelve bytes that are no path list: a digest
      } else if (row.type == 1 && cut == whole.size() - kDigest.size() - 4) {
        EXPECT_TRUE(std::get<CreateTxn>(txn->body).v0);  // the first form
      } else {
        EXPECT_FALSE(txn) << "type " << row.type << " cut to " << cut << " of " << whole.size();
      }
    }
  }
}

TEST(Txn, EverySurplusOfEveryTypeIsRefused) {
  for (const TypeRow& row : every_type())
    for (std::size_t surplus = 1; surplus <= 30; ++surplus) {
      if (surplus == TxnDigest::kBytes || row.body.size() + surplus == TxnDigest::kBytes)
        continue;  // a digest's place
      EXPECT_FALSE(decode_txn(as_bytes(header(row.type) + row.body + std::string(surplus, '\x7f'))))
          << "type " << row.type << " + " << surplus;
    }
}

TEST(Txn, ApacheIgnoresSurplusBytes) {
  const std::string body = from_hex("00000002\"/a\"");
  EXPECT_EQ(decoded(header(2) + body + "12345", Limits::java_3_8()).digest, std::nullopt);
  EXPECT_EQ(decoded(header(2) + body + kDigest + "12345", Limits::java_3_8()).digest,
            (TxnDigest{2, 0x7f9cf3c4}));
  EXPECT_EQ(refused(header(2) + body + kDigest + "12345"), ErrorId::kLeftoverBytes);
}

TEST(Txn, AnyOtherTypeIsRefusedWithItsNumberAndZxid) {
  for (std::int32_t type :
       {-12, -9, -2, 0, 3, 4, 6, 8, 9, 10, 11, 12, 13, 17, 18, 22, 100, 101, 102, 0x7fffffff})
    for (const Limits& limits : {Limits{}, Limits::java_3_8()}) {
      Result<Txn> txn =
          decode_txn(as_bytes(header(type) + from_hex("00000002\"/a\" 00000001")), limits, 1000);
      ASSERT_FALSE(txn) << type;
      EXPECT_EQ(txn.error().id(), ErrorId::kUnknownTxn) << type;
      EXPECT_NE(txn.error().message().find(std::to_string(type)), std::string::npos);
      EXPECT_EQ(txn.error().zxid(), 3);
      EXPECT_EQ(txn.error().offset(), 1028u);
    }
}

TEST(Txn, AHeaderAloneIsOnlyACloseSession) {
  for (const TypeRow& row : every_type()) {
    if (row.type == -11) continue;
    EXPECT_EQ(refused(header(row.type)), ErrorId::kTruncated) << row.type;
  }
  EXPECT_EQ(refused(header(1).substr(0, 31)), ErrorId::kTruncated);
  EXPECT_EQ(refused(""), ErrorId::kTruncated);
}

TEST(Txn, KeepsTheEphemeralByteAsFound) {
  const std::string body = from_hex("00000002\"/a\" ffffffff ffffffff 7f 00000003");
  const Txn txn = decoded(header(1) + body);
  EXPECT_EQ(std::get<CreateTxn>(txn.body).ephemeral, 0x7f);
  EXPECT_TRUE(std::get<CreateTxn>(txn.body).acl.is_null());
  EXPECT_EQ(std::get<CreateTxn>(txn.body).data, std::nullopt);
}

TEST(Txn, NullPathsAreRefusedByDefaultAndDecodedByApache) {
  const std::string payload = header(2) + from_hex("ffffffff");
  EXPECT_EQ(refused(payload), ErrorId::kBadRecord);
  EXPECT_EQ(std::get<DeleteTxn>(decoded(payload, Limits::java_3_8()).body).path, "");
}

TEST(Txn, LongFieldsPassByDefaultAndNotForApache) {
  std::string payload = header(5) + from_hex("00000002\"/a\"");
  JuteWriter out(payload);
  out.buffer(as_bytes(std::string(2 * 0xfffff + 1, 'x')));
  out.i32(1);
  decoded(payload);
  EXPECT_EQ(refused(payload, Limits::java_3_8()), ErrorId::kBadLength);
}

// ---- create, the first form ----

TEST(CreateV0, IsReadWhenTheBytesRunOut) {
  const std::string payload =
      header(1) + from_hex("00000002\"/a\" 00000001\"x\"") + from_hex(kWorldAcl) + from_hex("01");
  const Txn txn = decoded(payload);
  const auto& create = std::get<CreateTxn>(txn.body);
  EXPECT_TRUE(create.v0);
  EXPECT_EQ(create.parent_cversion, -1);
  EXPECT_EQ(create.ephemeral, 1);
  EXPECT_EQ(create.path, "/a");
  EXPECT_EQ(txn.digest, std::nullopt);
}

TEST(CreateV0, IsNoFormOfCreate2NorOfAPartOfAMulti) {
  const std::string body = from_hex("00000002\"/a\" 00000001\"x\"") + from_hex(kWorldAcl) + from_hex("01");
  EXPECT_EQ(refused(header(15) + body), ErrorId::kTruncated);
  for (TxnType type : {TxnType::kCreate, TxnType::kCreate2}) {
    Result<TxnBody> part = decode_sub_txn({type, as_bytes(body)});
    ASSERT_FALSE(part);
    EXPECT_EQ(part.error().id(), ErrorId::kTruncated);
  }
}

// ---- closeSession: the body that is or is not there (reference section 3.4) ----

TEST(CloseSession, WithoutBodyAndDigest) {
  const Txn txn = decoded(header(-11));
  EXPECT_FALSE(std::get<CloseSessionTxn>(txn.body).has_body);
  EXPECT_EQ(txn.digest, std::nullopt);
}

TEST(CloseSession, WithoutBodyButWithDigest) {
  // The second form is what stops Apache: a tree digest below 2^32, here that of the empty tree.
  for (const char* digest :
       {"00000002 000000045302dcf1", "00000002 0000000051c6d660", "00000002 0000000000000000"}) {
    const std::string payload = header(-11) + from_hex(digest);
    const Txn txn = decoded(payload);
    EXPECT_FALSE(std::get<CloseSessionTxn>(txn.body).has_body) << digest;
    ASSERT_TRUE(txn.digest.has_value()) << digest;
    EXPECT_EQ(txn.digest->version, 2);
  }
}

TEST(CloseSession, WithoutBodyButWithDigestAsApacheMisreadsIt) {
  // Two "strings" are announced; the first is 4 bytes and there are none left: the end of the data, "no
  // body".
  const std::string recovers = header(-11) + from_hex("00000002 000000045302dcf1");
  const Txn txn = decoded(recovers, Limits::java_3_8());
  EXPECT_FALSE(std::get<CloseSessionTxn>(txn.body).has_body);
  EXPECT_EQ(txn.digest, std::nullopt);
  // An empty string, then one of 0x51c6d660 bytes: unreasonable, and the server does not start.
  EXPECT_EQ(refused(header(-11) + from_hex("00000002 0000000051c6d660"), Limits::java_3_8()),
            ErrorId::kBadLength);
  // Two empty strings.
  EXPECT_EQ(std::get<CloseSessionTxn>(
                decoded(header(-11) + from_hex("00000002 0000000000000000"), Limits::java_3_8()).body)
                .paths.size(),
            2u);
}

TEST(CloseSession, WithAnEmptyListAndWithANullOne) {
  for (const char* list : {"00000000", "ffffffff"})
    for (const std::string& tail : {std::string(), kDigest}) {
      const Txn txn = decoded(header(-11) + from_hex(list) + tail);
      const auto& close = std::get<CloseSessionTxn>(txn.body);
      EXPECT_TRUE(close.has_body);
      EXPECT_TRUE(close.paths.empty());
      EXPECT_EQ(close.paths.is_null(), list[0] == 'f');
      EXPECT_EQ(txn.digest.has_value(), !tail.empty());
    }
}

TEST(CloseSession, TwelveBytesOfPathAreAPath) {
  const Txn txn = decoded(header(-11) + from_hex("00000001 00000004 2f616263"));
  EXPECT_TRUE(std::get<CloseSessionTxn>(txn.body).has_body);
  EXPECT_EQ(txn.digest, std::nullopt);
}

TEST(CloseSession, PathsMustBeAbsolute) {
  EXPECT_EQ(refused(header(-11) + from_hex("00000001 00000003\"abc\"")), ErrorId::kBadRecord);
  EXPECT_EQ(refused(header(-11) + from_hex("00000001 00000000")), ErrorId::kBadRecord);
}

TEST(CloseSession, BytesThatAreNeitherFormAreRefused) {
  EXPECT_EQ(refused(header(-11) + from_hex("0000")), ErrorId::kTruncated);
  EXPECT_EQ(refused(header(-11) + from_hex("00000001 00000002\"/e\" 00")), ErrorId::kBadRecord);
  EXPECT_EQ(refused(header(-11) + from_hex("00000002 00000002\"/e\"")), ErrorId::kTruncated);
}

// ---- multi ----

std::string multi(std::initializer_list<SubTxnValue> parts) {
  return header(14) + encode_sub_txns(std::vector<SubTxnValue>(parts));
}

TEST(Multi, HoldsEachAllowedType) {
  const std::string acl = from_hex(kWorldAcl);
  CreateTxn create;
  create.path = "/a";
  create.data = as_bytes("x");
  create.acl = AclList(as_bytes(acl));
  create.parent_cversion = 1;
  CreateContainerTxn container;
  container.path = "/c";
  CreateTtlTxn ttl;
  ttl.path = "/t";
  ttl.ttl_ms = 5;
  const std::string payload = multi({{TxnType::kCreate, create},
                                     {TxnType::kCreate2, create},
                                     {TxnType::kDelete, DeleteTxn{"/b"}},
                                     {TxnType::kDeleteContainer, DeleteTxn{"/c"}},
                                     {TxnType::kSetData, SetDataTxn{"/a", std::nullopt, 4}},
                                     {TxnType::kCheck, CheckVersionTxn{"/a", 5}},
                                     {TxnType::kCreateContainer, container},
                                     {TxnType::kCreateTtl, ttl}}) +
                              kDigest;
  const Txn txn = decoded(payload);
  const auto& parts = std::get<MultiTxn>(txn.body).txns;
  EXPECT_EQ(parts.size(), 8u);
  EXPECT_FALSE(multi_failed(std::get<MultiTxn>(txn.body)));
  for (const SubTxn& part : parts) EXPECT_TRUE(decode_sub_txn(part));
  EXPECT_TRUE(txn.digest.has_value());
}

TEST(Multi, RefusesOtherTypesInside) {
  const std::string path = from_hex("00000002\"/a\" ffffffff 00000001");
  for (std::int32_t type : {-11, -10, 0, 3, 7, 14, 16, 99}) {
    std::string payload = header(14);
    JuteWriter out(payload);
    out.i32(1);
    out.i32(type);
    out.buffer(as_bytes(path));
    Result<Txn> txn = decode_txn(as_bytes(payload));
    ASSERT_FALSE(txn) << type;
    EXPECT_EQ(txn.error().id(), ErrorId::kUnknownTxn) << type;
    EXPECT_EQ(txn.error().zxid(), 3);
    EXPECT_TRUE(decode_txn(as_bytes(payload), Limits::java_3_8())) << "Apache finds out when it applies it";
  }
}

TEST(Multi, PartsEndWhereTheirBodyEnds) {
  for (const char* bad : {"00000001 00000002 00000007 00000002\"/a\" 00",
                          "00000001 00000002 00000005 00000002\"/\"", "00000001 00000002 ffffffff",
                          "00000001 00000002 00000012 00000002\"/a\" 00000002 000000007f9cf3c4"}) {
    const std::string payload = header(14) + from_hex(bad);
    EXPECT_FALSE(decode_txn(as_bytes(payload))) << bad;
    EXPECT_TRUE(decode_txn(as_bytes(payload), Limits::java_3_8())) << bad;
  }
}

TEST(Multi, AFailedOneKeepsWhatItWouldHaveDone) {
  // Reference 3.3: a create, the op that failed with -103, and one after it with -2.
  const std::string create =
      from_hex("00000002\"/m\" 00000000") + from_hex(kWorldAcl) + from_hex("00 00000001");
  std::string payload = header(14) + from_hex("00000003 00000001");
  JuteWriter(payload).buffer(as_bytes(create));
  payload += from_hex("ffffffff 00000004 ffffff99 | ffffffff 00000004 fffffffe | 00000002 00000007c9c60cd9");
  const Txn txn = decoded(payload);
  const auto& failed = std::get<MultiTxn>(txn.body);
  EXPECT_TRUE(multi_failed(failed));
  std::vector<std::int32_t> codes;
  for (const SubTxn& part : failed.txns) {
    Result<TxnBody> body = decode_sub_txn(part);
    ASSERT_TRUE(body);
    if (const auto* error = std::get_if<ErrorTxn>(&*body)) codes.push_back(error->err);
  }
  EXPECT_EQ(codes, (std::vector<std::int32_t>{-103, -2}));
}

TEST(Multi, SaysWhereAPartIsBad) {
  const std::string payload =
      header(14) + from_hex("00000002 00000002 00000006 00000002\"/a\" 00000002 00000003 000000");
  Result<Txn> txn = decode_txn(as_bytes(payload), {}, 5000);
  ASSERT_FALSE(txn);
  EXPECT_EQ(txn.error().id(), ErrorId::kTruncated);
  EXPECT_EQ(txn.error().offset(), 5000u + 32 + 4 + 14 + 8);
}

TEST(Multi, ANullListIsKeptAsSuch) {
  EXPECT_TRUE(std::get<MultiTxn>(decoded(header(14) + from_hex("ffffffff")).body).txns.is_null());
}

TEST(ZkCodes, HaveTheirNames) {
  EXPECT_EQ(zk_code_name(-101), "NoNode");
  EXPECT_EQ(zk_code_name(-103), "BadVersion");
  EXPECT_EQ(zk_code_name(-110), "NodeExists");
  EXPECT_EQ(zk_code_name(-2), "RuntimeInconsistency");
  EXPECT_EQ(zk_code_name(-999), "code");
}

}  // namespace
}  // namespace zkark
