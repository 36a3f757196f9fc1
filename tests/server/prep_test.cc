// Writes over the wire: codes, the order of checks, counters, rules (reference/client-protocol-and-server
// sections 2 and 5).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/server_lab.h"

namespace zkark::server {
namespace {

struct Writes : testing::Test {
  Writes() : client(lab) { EXPECT_TRUE(client.open()); }
  ServerLab lab;
  Client client;
};

TEST_F(Writes, PathsOfCreates) {
  for (const char* path : {"", "a"}) EXPECT_EQ(client.create(path).err, -8) << path;
  EXPECT_EQ(client.create("/").err, -110);
  EXPECT_EQ(client.create("/a//b").err, -101) << "that parent is missing";
  EXPECT_EQ(client.create("/a/./b").err, -101);
  ASSERT_EQ(client.create("/a").err, 0);
  for (const char* path : {"/a/", "/a/.", "/a/..", "/a/x\x01", "/a/\x7f", "/a/\xc2\x9f", "/a/\xee\x80\x80",
                           "/a/\xef\xbf\xb0", "/a/\xf0\x9f\x98\x80", "/a/\xff"})
    EXPECT_EQ(client.create(path).err, -8) << hex(path);
  for (const char* path : {"/a/...", "/a/.a", "/a/\xc2\xa0", "/a/\xef\xbf\xaf"})
    EXPECT_EQ(client.create(path).err, 0) << hex(path);
  EXPECT_EQ(client.create(std::string_view("/a/\0", 4)).err, -8);
  EXPECT_EQ(client.create("/a/", "", 2).text(), "/a/0000000004") << "every create counts";
}

TEST_F(Writes, FlagsOfCreates) {
  for (const std::int32_t flags : {-1, 7, 8, INT32_MAX, INT32_MIN})
    EXPECT_EQ(client.create("/f", "", flags).err, -8);
  EXPECT_EQ(client.create("", "", 5).err, -6) << "TTL without extendedTypesEnabled goes before the path";
  const std::string ttl = create_body("/t", "", 5) + Fields().l(1000).str();
  EXPECT_EQ(client.call(OpCode::kCreateTtl, ttl).err, -6);
  EXPECT_EQ(client.ping().err, 0);
  EXPECT_EQ(client.call(OpCode::kCreateContainer, create_body("/c", "", 0)).err, 0);
  EXPECT_EQ(last_stat(client.exists("/c")).owner, 0);
}

TEST_F(Writes, ATtlHasARange) {
  Settings settings = lab_settings();
  settings.extended_types = true;
  ServerLab own(1, settings);
  Client c(own);
  ASSERT_TRUE(c.open());
  for (const std::int64_t ttl : {INT64_C(0), INT64_C(-1), INT64_C(0x10000000000)})
    EXPECT_EQ(c.call(OpCode::kCreateTtl, create_body("/t", "", 5) + Fields().l(ttl).str()).err, -8) << ttl;
  for (const std::int64_t ttl : {INT64_C(-1), INT64_C(5)})
    EXPECT_EQ(c.call(OpCode::kCreateTtl, create_body("/t", "", 0) + Fields().l(ttl).str()).err, -8) << ttl;
  const Reply made = c.call(OpCode::kCreateTtl, create_body("/t", "", 5) + Fields().l(0xffffffffff).str());
  EXPECT_EQ(made.err, 0);
  EXPECT_EQ(last_stat(made).owner, 0);
}

TEST_F(Writes, TheChecksOfACreateInTheirOrder) {
  const std::vector<Rule> none;
  EXPECT_EQ(client.create("/no/x", "", 0, none).err, -114) << "the list before the parent";
  EXPECT_EQ(client.create("bad", "", 0, none).err, -8) << "the path before the list";
  ASSERT_EQ(client.create("/closed", "", 0, {{1, "world", "anyone"}}).err, 0);
  EXPECT_EQ(client.create("/closed/.").err, -102) << "the right before the whole path";
  ASSERT_EQ(client.create("/e", "", 1).err, 0);
  EXPECT_EQ(client.create("/e/x").err, -108);
  EXPECT_EQ(client.create("/e").err, -110);
  for (const Rule& bad : std::vector<Rule>{{31, "world", "x"},
                                           {31, "nobody", "x"},
                                           {31, "auth", ""},
                                           {31, "super", ""},
                                           {31, "digest", "a:b:c"},
                                           {31, "digest", "ab"},
                                           {31, "ip", "1.2.3"},
                                           {31, "ip", "1.2.3.4/33"},
                                           {31, "sasl", "x"}})
    EXPECT_EQ(client.create("/r", "", 0, {bad}).err, -114) << bad.scheme << ":" << bad.id;
  EXPECT_EQ(client.create("/r", "", 0, {{-1, "ip", "10.0.0.0/8"}, {64, "world", "anyone"}}).err, 0);
}

TEST_F(Writes, TheChecksOfDeletesAndChanges) {
  for (const char* path : {"/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config", "x"})
    EXPECT_EQ(client.remove(path).err, -8) << path;
  EXPECT_EQ(client.remove("/no/x").err, -101);
  ASSERT_EQ(client.create("/a").err, 0);
  ASSERT_EQ(client.create("/a/b").err, 0);
  EXPECT_EQ(client.remove("/a", 5).err, -103) << "the version before the children";
  EXPECT_EQ(client.remove("/a").err, -111);
  EXPECT_EQ(client.set("/a", "x", -2).err, -103);
  EXPECT_EQ(client.set("/a", "x", 1).err, -103);
  EXPECT_EQ(client.set("/no", "x").err, -101);
  EXPECT_EQ(client.set("/a/", "x").err, -8);
  EXPECT_EQ(last_stat(client.set("/a", "x", 0)).version, 1);
  const auto set_acl = [&](const char* path, const std::vector<Rule>& rules, std::int32_t version) {
    return client.call(OpCode::kSetAcl, Fields().s(path).raw(rules_of(rules)).i(version));
  };
  EXPECT_EQ(set_acl("/no", {}, -1).err, -114);
  EXPECT_EQ(set_acl("/no", kOpen, -1).err, -101);
  EXPECT_EQ(set_acl("/a", kOpen, 7).err, -103);
  const WireStat stat = last_stat(set_acl("/a", {{1, "world", "anyone"}}, 0));
  EXPECT_EQ(stat.aversion, 1);
  EXPECT_LT(stat.mzxid, lab.server().last_zxid());
  EXPECT_EQ(set_acl("/a", kOpen, 9).err, -102) << "the right before the version";
  EXPECT_EQ(client.set("/a", "x", 9).err, -102);
}

TEST_F(Writes, TheStatOfAParentCountsCreatesAndDeletes) {
  ASSERT_EQ(client.create("/p").err, 0);
  for (const char* path : {"/p/a", "/p/b", "/p/c"}) ASSERT_EQ(client.create(path).err, 0);
  ASSERT_EQ(client.set("/p/a", "x").err, 0);
  const Reply removed = client.remove("/p/b");
  const WireStat stat = last_stat(client.exists("/p"));
  EXPECT_EQ(stat.cversion, 4);
  EXPECT_EQ(stat.children, 2);
  EXPECT_EQ(stat.pzxid, removed.zxid);
  EXPECT_EQ(last_stat(client.exists("/zookeeper")).cversion, -2);
  ServerLab fresh;
  Client first(fresh);
  ASSERT_TRUE(first.open());
  EXPECT_EQ(last_stat(first.exists("/")).cversion, -1);
}

TEST_F(Writes, DigestIdsAndSuper) {
  ASSERT_EQ(client.auth("digest", "bob:pw").err, 0);
  ASSERT_EQ(client.create("/d", "", 0, {{31, "auth", "ignored"}}).err, 0);
  EXPECT_EQ(client.call(OpCode::kGetAcl, Fields().s("/d")).body.substr(0, 4 + 4 + 10 + 4 + 32),
            rules_of({{31, "digest", "bob:ikIaKsbtGweaHnb/jKn7OHqbunM="}}));
  Client stranger(lab);
  ASSERT_TRUE(stranger.open());
  EXPECT_EQ(stranger.get("/d").err, -102);
  EXPECT_EQ(stranger.call(OpCode::kGetAcl, Fields().s("/d")).err, -102);
  const Reply refused = stranger.auth("nonsense", "x");
  EXPECT_EQ(refused.err, -115);
  EXPECT_EQ(refused.zxid, 0);
  EXPECT_TRUE(stranger.ends());
}

// Two thousand million creates later: the txn has the next number, and the tree does not take it (3.8.0:
// DataTree.createNode sets the count only when it grows). The server must not differ from its own log.
TEST(Prep, TheCountOfCreatesEndsAtTheGreatestNumber) {
  const Settings settings = lab_settings();
  const AuthRules rules(settings);
  restore::State state = restore::initial_state();
  const std::string open = encode_acls(std::vector<Acl>{{31, "world", "anyone"}});
  const AclList acl{as_bytes(open)};
  const auto apply = [&](const Txn& txn) { ASSERT_TRUE(restore::apply(state, txn, nullptr)); };
  apply({{1, 1, 1, 1, TxnType::kCreate}, CreateTxn{"/full", std::nullopt, acl, 0, 1}, {}});
  apply({{1, 1, 2, 1, TxnType::kCreate}, CreateTxn{"/full/a", std::nullopt, acl, 0, INT32_MAX}, {}});
  Prep prep(state, settings, rules);
  const Identities who = identities_of_peer("127.0.0.1");
  for (const auto& [path, flags] : {std::pair{"/full/b", 0}, {"/full/c", 0}, {"/full/s-", 2}}) {
    std::string payload;
    const std::string body = create_body(path, "", flags);
    const Prepared made = prep.prepare({1, 1, OpCode::kCreate, as_bytes(body), who.get(), 5}, payload);
    ASSERT_EQ(made.err, ZkCode::kOk) << path;
    const Result<Txn> txn = decode_txn(as_bytes(payload));
    ASSERT_TRUE(txn);
    apply(*txn);
    prep.applied(made.zxid);
    ASSERT_TRUE(txn->digest);
    EXPECT_EQ(static_cast<std::uint64_t>(txn->digest->digest), state.tree.digest()) << path;
  }
  EXPECT_NE(state.tree.find("/full/s-2147483647"), restore::kNoNode);
  const restore::NodeView full = state.tree.get(state.tree.find("/full"));
  EXPECT_EQ(full.stat.cversion, INT32_MAX);
  EXPECT_EQ(full.stat.pzxid, 2);
  EXPECT_EQ(full.children, 4u);
}

// Whoever may write below /zookeeper/quota can write any number there.
TEST(Prep, AQuotaOfTheGreatestNumbersHasRoom) {
  Settings settings = lab_settings();
  settings.enforce_quota = true;
  ServerLab lab(1, settings);
  Client client(lab);
  ASSERT_TRUE(client.open());
  const std::string most = "count=9223372036854775807,bytes=9223372036854775807";
  const std::string limits = most + "=;byteHardLimit=9223372036854775807;countHardLimit=9223372036854775807";
  ASSERT_EQ(client.create("/q").err, 0);
  ASSERT_EQ(client.create("/zookeeper/quota/q").err, 0);
  ASSERT_EQ(client.create("/zookeeper/quota/q/zookeeper_limits", limits).err, 0);
  ASSERT_EQ(client.create("/zookeeper/quota/q/zookeeper_stats", "").err, 0);
  ASSERT_EQ(client.set("/zookeeper/quota/q/zookeeper_stats", most).err, 0);
  EXPECT_EQ(client.create("/q/a", "x").err, 0) << "past the greatest number Java goes on at the smallest";
  EXPECT_EQ(client.set("/q/a", "xyz").err, 0);
  lab.no_check_at_the_end();  // stats set by hand are counted anew by whoever loads them
}

}  // namespace
}  // namespace zkark::server
