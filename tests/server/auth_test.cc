#include "src/server/auth.h"

#include <gtest/gtest.h>

#include "formats/txn.h"
#include "src/server/settings.h"

namespace zkark::server {
namespace {

constexpr std::int32_t kRead = 1, kWrite = 2, kAll = 31;

/// A list and the bytes that it borrows.
struct List {
  explicit List(const std::vector<Acl>& entries) : bytes(encode_acls(entries)) {}
  AclList view() const { return AclList(as_bytes(bytes)); }
  std::string bytes;
};

std::vector<Acl> entries_of(const std::string& fixed) {
  const AclList list{as_bytes(fixed)};
  return {list.begin(), list.end()};
}

class Auth : public testing::Test {
 protected:
  bool allows(const std::vector<Acl>& acl, std::int32_t wanted, const std::vector<Identity>& who) {
    return AuthRules(settings).allows(List(acl).view(), wanted, who);
  }
  ZkCode fix_up(const std::vector<Acl>& acl, const std::vector<Identity>& who) {
    const List list(acl);  // what is fixed borrows from nothing
    return AuthRules(settings).fix_up(list.view(), who, fixed);
  }
  Settings settings;
  std::string fixed;
  // bob:pw, as the reference has it from a live server.
  const Identity bob{"digest", "bob:ikIaKsbtGweaHnb/jKn7OHqbunM="}, here{"ip", "127.0.0.1"},
      super{"super", ""};
};

TEST_F(Auth, TheDigestOfAPasswordIsApaches) {
  EXPECT_EQ(AuthRules(settings).digest_of("bob:pw"), bob.id);
  EXPECT_EQ(AuthRules(settings).digest_of("nocolon"),
            "nocolon:" + AuthRules(settings).digest_of("nocolon").substr(8));
  settings.digest_alg = "SHA-256";
  EXPECT_EQ(AuthRules(settings).digest_of("bob:pw").size(), std::string("bob:").size() + 44);
}

TEST_F(Auth, AnEmptyListGrantsEverything) {
  EXPECT_TRUE(allows({}, kAll, {}));
  EXPECT_FALSE(allows({{kRead, "world", "anyone"}}, kWrite, {here}));
  EXPECT_TRUE(allows({{kRead, "world", "anyone"}}, kRead, {}));
}

TEST_F(Auth, AnyEntryThatMatchesGrants) {
  const std::vector<Acl> acl = {
      {kRead, "world", "anyone"}, {kWrite, "digest", bob.id}, {kAll, "ip", "10.0.0.0/8"}};
  EXPECT_TRUE(allows(acl, kWrite, {here, bob}));
  EXPECT_FALSE(allows(acl, kWrite, {here}));
  EXPECT_TRUE(allows(acl, kWrite, {{"ip", "10.1.2.3"}}));
  EXPECT_FALSE(allows(acl, kWrite, {{"digest", "bob:other"}}));
}

TEST_F(Auth, SuperAndSkipAclPassEveryList) {
  const std::vector<Acl> nobody = {{kAll, "digest", "nobody:x"}};
  EXPECT_TRUE(allows(nobody, kAll, {super}));
  EXPECT_FALSE(allows(nobody, kAll, {here}));
  settings.skip_acl = true;
  EXPECT_TRUE(allows(nobody, kAll, {here}));
}

TEST_F(Auth, SchemesThatAreNotRegisteredNeverMatch) {
  EXPECT_FALSE(allows({{kAll, "sasl", "bob"}}, kRead, {{"sasl", "bob"}}));
  settings.digest_auth = false;
  EXPECT_FALSE(allows({{kAll, "digest", bob.id}}, kRead, {bob}));
}

TEST_F(Auth, AListIsKeptInItsOrderWithoutDuplicates) {
  const Acl world{kRead, "world", "anyone"}, ip{kAll, "ip", "10.0.0.0/8"};
  ASSERT_EQ(fix_up({ip, world, ip, world}, {here}), ZkCode::kOk);
  EXPECT_EQ(entries_of(fixed), (std::vector<Acl>{ip, world}));
}

TEST_F(Auth, AuthStandsForEveryIdOfTheCallerButItsAddress) {
  const Identity eve{"digest", "eve:x"};
  ASSERT_EQ(fix_up({{kWrite, "auth", "ignored"}}, {here, bob, eve}), ZkCode::kOk);
  EXPECT_EQ(entries_of(fixed), (std::vector<Acl>{{kWrite, "digest", bob.id}, {kWrite, "digest", eve.id}}));
  EXPECT_EQ(fix_up({{kWrite, "auth", ""}}, {here}), ZkCode::kInvalidAcl);
}

TEST_F(Auth, ListsThatNobodyCouldMatchAreRefused) {
  const std::vector<std::vector<Acl>> bad = {{},
                                             {{kAll, "world", "someone"}},
                                             {{kAll, "super", ""}},
                                             {{kAll, "sasl", "bob"}},
                                             {{kAll, "unknown", "x"}},
                                             {{kAll, "digest", "nocolon"}},
                                             {{kAll, "digest", "a:b:c"}},
                                             {{kAll, "ip", "10.0.0"}},
                                             {{kAll, "ip", "10.0.0.0/33"}},
                                             {{kAll, std::nullopt, "x"}}};
  for (const auto& list : bad) EXPECT_EQ(fix_up(list, {here, bob}), ZkCode::kInvalidAcl);
  EXPECT_EQ(fix_up({{kAll, "ip", std::nullopt}}, {here}), ZkCode::kMarshallingError);
  // Permissions are not judged.
  EXPECT_EQ(fix_up({{64, "world", "anyone"}}, {here}), ZkCode::kOk);
}

TEST_F(Auth, WhoKnowsThePasswordOfSuperIsSuper) {
  settings.super_digest = AuthRules(settings).digest_of("super:secret");
  const AuthRules rules(settings);
  const Identities peer = identities_of_peer("127.0.0.1");
  const auto with = [&](std::string_view scheme, std::optional<std::string> data) {
    return rules.authenticate(scheme, data ? std::optional(as_bytes(*data)) : std::nullopt, "127.0.0.1",
                              peer);
  };
  ASSERT_TRUE(with("digest", "super:secret"));
  EXPECT_EQ(with("digest", "super:secret")->at(1), super);
  ASSERT_TRUE(with("digest", "super:wrong"));
  EXPECT_EQ(with("digest", "super:wrong")->size(), 2U);
  EXPECT_EQ(with("digest", "bob:pw")->at(1), bob);
  EXPECT_EQ(with("ip", "")->size(), 1U);  // it has that already
  for (const char* scheme : {"world", "super", "sasl", "x509", "ensemble", "", "nothing"})
    EXPECT_FALSE(with(scheme, "x")) << scheme;
  EXPECT_FALSE(with("digest", std::nullopt));
}

TEST_F(Auth, WithoutSuperDigestNobodyIsSuper) {
  const Identities who = AuthRules(settings).authenticate("digest", as_bytes(std::string_view("super:")),
                                                          "127.0.0.1", identities_of_peer("127.0.0.1"));
  ASSERT_TRUE(who);
  for (const Identity& one : *who) EXPECT_NE(one.scheme, "super");
}

TEST_F(Auth, TheEnsembleSchemeTellsWhoCameToTheWrongOne) {
  settings.ensemble_auth_name = "kafka";
  const AuthRules rules(settings);
  const Identities peer = identities_of_peer("127.0.0.1");
  EXPECT_TRUE(rules.authenticate("ensemble", as_bytes(std::string_view("kafka")), "127.0.0.1", peer));
  EXPECT_FALSE(rules.authenticate("ensemble", as_bytes(std::string_view("hbase")), "127.0.0.1", peer));
}

TEST(IpRules, AreComparedBitByBit) {
  EXPECT_TRUE(ip_matches("10.1.2.3", "10.1.2.3"));
  EXPECT_FALSE(ip_matches("10.1.2.4", "10.1.2.3"));
  EXPECT_TRUE(ip_matches("10.1.3.255", "10.1.2.0/23"));
  EXPECT_FALSE(ip_matches("10.1.4.0", "10.1.2.0/23"));
  EXPECT_TRUE(ip_matches("1.2.3.4", "0.0.0.0/0"));
  EXPECT_TRUE(ip_matches("fe80::1", "fe80::/10"));
  EXPECT_FALSE(ip_matches("2001:db8::1", "fe80::/10"));
  EXPECT_FALSE(ip_matches("::ffff", "0.0.0.0/0"));  // another family
  for (const char* bad :
       {"", "10", "10.0.0.0/", "10.0.0.0/-1", "300.0.0.1", "::1::2", "fe80::/129", "a.b.c.d"})
    EXPECT_FALSE(valid_ip_rule(bad)) << bad;
}

TEST_F(Auth, AConnectionHasSoManyIdentitiesAndNoMore) {
  const AuthRules rules(settings);
  Identities who = identities_of_peer("127.0.0.1");
  for (int i = 0; i < 255; ++i) {
    const std::string text = "user" + std::to_string(i) + ":pw";
    who = rules.authenticate("digest", as_bytes(text), "127.0.0.1", who);
    ASSERT_TRUE(who) << i;
  }
  EXPECT_EQ(rules.authenticate("digest", as_bytes(std::string_view("one:more")), "127.0.0.1", who), nullptr);
  EXPECT_NE(rules.authenticate("digest", as_bytes(std::string_view("user7:pw")), "127.0.0.1", who), nullptr)
      << "one that it has already";
}

TEST_F(Auth, IdentitiesOfTooManyBytesAreRefused) {
  const AuthRules rules(settings);
  const Identities who = identities_of_peer("127.0.0.1");
  const std::string longest(40'000, 'u');
  const Identities one = rules.authenticate("digest", as_bytes(longest + ":a"), "127.0.0.1", who);
  ASSERT_NE(one, nullptr);
  EXPECT_EQ(rules.authenticate("digest", as_bytes("v" + longest + ":a"), "127.0.0.1", one), nullptr);
}

TEST_F(Auth, AListThatAuthMakesTooLongIsRefusedBeforeItIsBuilt) {
  settings.jute_max_buffer = 10'000;
  std::vector<Identity> who;
  for (int i = 0; i < 100; ++i) who.push_back({"digest", "user" + std::to_string(i) + ":hash"});
  std::vector<Acl> acl;
  for (std::int32_t perms = 1; perms < 5000; ++perms) acl.push_back({perms, "auth", ""});
  EXPECT_EQ(fix_up(acl, who), ZkCode::kMarshallingError);
  acl.resize(3);
  EXPECT_EQ(fix_up(acl, who), ZkCode::kOk);
  EXPECT_EQ(entries_of(fixed).size(), 300u);
}

}  // namespace
}  // namespace zkark::server
