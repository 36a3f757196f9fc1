#include "src/forensics/filter.h"

#include <gtest/gtest.h>

namespace zkark::forensics {
namespace {

Txn txn_of(TxnType type, TxnBody body, std::int64_t session = 0x11, std::int64_t zxid = 5) {
  Txn txn;
  txn.header = {session, 7, zxid, 1000, type};
  txn.body = std::move(body);
  return txn;
}
Txn create(std::string_view path, std::string_view value, bool ephemeral = false) {
  CreateTxn body;
  body.path = path;
  body.data = as_bytes(value);
  body.ephemeral = ephemeral ? 1 : 0;
  return txn_of(TxnType::kCreate, body);
}
TxnFilter filter_of(std::initializer_list<std::string_view> paths,
                    std::initializer_list<std::string_view> types = {}) {
  TxnFilter filter;
  for (std::string_view path : paths) filter.paths.push_back(*PathPattern::parse(path));
  for (std::string_view type : types) filter.types.add(*TypeSet::parse(type));
  return filter;
}

TEST(TxnFilter, WithoutConditionsTakesEverything) {
  EXPECT_TRUE(matches({}, create("/a", "x")));
  EXPECT_TRUE(matches({}, txn_of(TxnType::kError, ErrorTxn{-101})));
}

TEST(TxnFilter, LooksAtHeaderPathTypeAndValueTogether) {
  TxnFilter filter = filter_of({"/a"}, {"create"});
  EXPECT_TRUE(matches(filter, create("/a/b", "x")));
  EXPECT_FALSE(matches(filter, create("/b", "x")));
  EXPECT_FALSE(matches(filter, txn_of(TxnType::kDelete, DeleteTxn{"/a"})));
  filter.value = *ValuePattern::parse("^x+$", {});
  EXPECT_TRUE(matches(filter, create("/a/b", "xx")));
  EXPECT_FALSE(matches(filter, create("/a/b", "y")));
  filter.sessions = {0x12};
  EXPECT_FALSE(matches(filter, create("/a/b", "xx")));
  filter.sessions = {0x12, 0x11};
  EXPECT_TRUE(matches(filter, create("/a/b", "xx")));
  filter.first_zxid = 6;
  EXPECT_FALSE(matches(filter, create("/a/b", "xx")));
}

TEST(TxnFilter, AMultiMatchesWhenOneOfItsPartsMeetsAllConditions) {
  CreateTxn made;
  made.path = "/a";
  made.data = as_bytes("one");
  const SubTxnValue parts[] = {{TxnType::kCreate, made},
                               {TxnType::kSetData, SetDataTxn{"/b", as_bytes("two"), 1}}};
  const std::string bytes = encode_sub_txns(parts);
  const Txn multi = txn_of(TxnType::kMulti, MultiTxn{JuteVector<SubTxn>(as_bytes(bytes))});
  EXPECT_TRUE(matches(filter_of({"/a"}, {"create"}), multi));
  EXPECT_TRUE(matches(filter_of({"/b"}, {"set"}), multi));
  EXPECT_FALSE(matches(filter_of({"/b"}, {"create"}), multi));  // /b is only set
  EXPECT_TRUE(matches(filter_of({"/b"}, {"multi"}), multi));
  EXPECT_FALSE(matches(filter_of({"/c"}, {"multi"}), multi));
  TxnFilter by_value = filter_of({"/a"});
  by_value.value = *ValuePattern::parse("two", {});
  EXPECT_FALSE(matches(by_value, multi));  // that value went elsewhere
}

TEST(TxnFilter, TellsFailedMultisAndErrorsByTheirCode) {
  const SubTxnValue parts[] = {{TxnType::kError, ErrorTxn{-2}}, {TxnType::kError, ErrorTxn{-110}}};
  const std::string bytes = encode_sub_txns(parts);
  const Txn failed = txn_of(TxnType::kMulti, MultiTxn{JuteVector<SubTxn>(as_bytes(bytes))});
  EXPECT_EQ(result_code(failed), -110);
  EXPECT_EQ(result_code(txn_of(TxnType::kError, ErrorTxn{-101})), -101);
  EXPECT_EQ(result_code(create("/a", "")), 0);
  TxnFilter filter;
  filter.errors = {-110};
  EXPECT_TRUE(matches(filter, failed));
  EXPECT_FALSE(matches(filter, create("/a", "")));
  filter.errors = {0};
  EXPECT_TRUE(matches(filter, create("/a", "")));
}

TEST(TxnFilter, ASessionsEndDeletesTheNodesItNames) {
  const std::string_view names[] = {"/locks/a", "/locks/b"};
  const std::string paths = encode_paths(names);
  CloseSessionTxn close;
  close.has_body = true;
  close.paths = PathList(as_bytes(paths));
  const Txn end = txn_of(TxnType::kCloseSession, close);
  EXPECT_TRUE(matches(filter_of({"/locks"}), end));
  EXPECT_TRUE(matches(filter_of({"/locks/b"}, {"delete"}), end));
  EXPECT_FALSE(matches(filter_of({"/other"}), end));
  EXPECT_FALSE(matches(filter_of({"/locks"}, {"set"}), end));
  EXPECT_TRUE(matches(filter_of({}, {"session"}), end));
}

TEST(TxnFilter, ASessionsEndWithoutNamesIsKnownByWhatTheSessionOwned) {
  const TxnFilter filter = filter_of({"/locks"});
  EphemeralOwners owners(filter.paths);
  owners.load("/locks/old", 0x11);
  owners.load("/locks/another's", 0x12);
  owners.see(create("/locks/new", "", true));
  owners.see(create("/elsewhere", "", true));
  const Txn end = txn_of(TxnType::kCloseSession, CloseSessionTxn{});
  EXPECT_EQ(owners.taken_along(end), (std::vector<std::string>{"/locks/old", "/locks/new"}));
  EXPECT_TRUE(matches(filter, end, &owners));
  owners.see(txn_of(TxnType::kDelete, DeleteTxn{"/locks/old"}));
  owners.see(end);
  EXPECT_FALSE(matches(filter, end, &owners));
  EXPECT_EQ(owners.taken_along(txn_of(TxnType::kCloseSession, CloseSessionTxn{}, 0x12)),
            std::vector<std::string>{"/locks/another's"});
}

TEST(TypeSet, KnowsGroupsAndNamesInAnyCase) {
  EXPECT_TRUE(TypeSet::parse("create")->has(TxnType::kCreateTtl));
  EXPECT_TRUE(TypeSet::parse("setACL")->has(TxnType::kSetAcl));
  EXPECT_TRUE(TypeSet::parse("setacl")->has(TxnType::kSetAcl));
  EXPECT_FALSE(TypeSet::parse("createTTL")->has(TxnType::kCreate));
  const Result<TypeSet> wrong = TypeSet::parse("crate");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().id(), ErrorId::kUsage);
  EXPECT_EQ(wrong.error().hint(), "did you mean create?");
}

TEST(ValuePattern, SearchesTextAndBytes) {
  const ValuePattern text = *ValuePattern::parse("b.d", {});
  EXPECT_TRUE(text.matches(as_bytes("abcd")));
  EXPECT_EQ(text.find("abcd"), "bcd");
  EXPECT_FALSE(text.matches(std::optional<Bytes>()));
  EXPECT_TRUE(ValuePattern::parse("B.D", {.ignore_case = true})->matches("abcd"));
  EXPECT_FALSE(ValuePattern::parse("b.d", {.literal = true})->matches("abcd"));
  EXPECT_TRUE(
      ValuePattern::parse("a.c", {})->matches("a\xff"
                                              "c"));
  EXPECT_TRUE(ValuePattern::parse("^h.llo$", {})->matches("hällo"));
  const Result<ValuePattern> bad = ValuePattern::parse("a(b", {});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().id(), ErrorId::kUsage);
}

}  // namespace
}  // namespace zkark::forensics
