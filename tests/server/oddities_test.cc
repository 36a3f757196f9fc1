// Requests that no ordinary client sends, answered as Apache ZooKeeper 3.8.0 answers them: what
// tests/compat/protocol_*_test.py found, kept here without a JVM.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/server_lab.h"

namespace zkark::server {
namespace {

using ::testing::IsEmpty;

struct Oddities : testing::Test {
  Oddities() : client(lab) { EXPECT_TRUE(client.open()); }
  ServerLab lab;
  Client client;
};

std::string operation(std::int32_t op, const std::string& body) {
  return Fields().i(op).b(false).i(-1).raw(body);
}
const std::string kEnd = Fields().i(-1).b(true).i(-1);
/// create, without what is before the list of ACLs.
std::string with_acl(std::string_view path, const std::string& acl) {
  return Fields().s(path).s("").raw(acl).i(0);
}

TEST_F(Oddities, ANullPathIsNotAnEmptyOne) {
  const std::string null_path = Fields().null();
  EXPECT_EQ(client.call(OpCode::kCreate, null_path + create_body("").substr(4)).err, -5);
  EXPECT_EQ(client.call(OpCode::kDelete, null_path + Fields().i(-1).str()).err, -5);
  EXPECT_EQ(client.call(OpCode::kSetData, null_path + Fields().s("x").i(-1).str()).err, -8);
  EXPECT_EQ(client.call(OpCode::kSetAcl, null_path + Fields().raw(rules_of(kOpen)).i(-1).str()).err, -8);
  EXPECT_EQ(client.call(OpCode::kCreate, create_body("")).err, -8);
  const std::string null_set = operation(5, null_path + Fields().s("x").i(-1).str());
  const Reply multi = client.call(OpCode::kMulti, operation(2, Fields().s("/no").i(-1)) + null_set + kEnd);
  EXPECT_EQ(multi.err, -5) << "all of a multi is read before any of it is judged";
  EXPECT_THAT(multi.body, IsEmpty());
}

TEST_F(Oddities, AnIdMayBeNullWhereNobodyLooksAtIt) {
  const auto with_null_id = [&](std::string_view scheme) {
    return client.call(OpCode::kCreate, with_acl("/n", Fields().i(1).i(31).s(scheme).null())).err;
  };
  for (const char* scheme : {"world", "digest", "ip"}) EXPECT_EQ(with_null_id(scheme), -5) << scheme;
  EXPECT_EQ(with_null_id("no-such"), -114);
  EXPECT_EQ(with_null_id("auth"), -114) << "nobody is authenticated";
  ASSERT_EQ(client.auth("digest", "bob:pw").err, 0);
  EXPECT_EQ(with_null_id("auth"), 0);
  EXPECT_EQ(client.call(OpCode::kSetAcl, Fields().s("/n").i(1).i(31).s("world").null().i(-1)).err, -5);
}

TEST_F(Oddities, AListOfFewerThanNoneIsEmpty) {
  EXPECT_EQ(client.call(OpCode::kCreate, with_acl("/n", Fields().i(-2))).err, -114);
  EXPECT_EQ(client.call(OpCode::kSetAcl, Fields().s("/").i(-77).i(-1)).err, -114);
}

TEST_F(Oddities, NumbersOfAnAddressMayHaveAPlus) {
  for (const char* rule : {"+127.0.0.1", "127.0.+0.1/+8", "127.-0.0.1"})
    EXPECT_EQ(client.create(std::string("/") + hex(rule), "", 0, {{31, "ip", rule}}).err, 0) << rule;
  for (const char* rule : {"127.0.0.++1", "127.0.0.-1", "+", "127.0.0.1/-8"})
    EXPECT_EQ(client.create("/n", "", 0, {{31, "ip", rule}}).err, -114) << rule;
  EXPECT_EQ(client.get(std::string("/") + hex("127.0.+0.1/+8")).err, 0);
}

TEST_F(Oddities, FlagsOfATtlNodeInACreateSpoilAMulti) {
  Settings settings = lab_settings();
  settings.extended_types = true;
  ServerLab own(1, settings);
  Client c(own);
  ASSERT_TRUE(c.open());
  const std::string spoiling = operation(1, create_body("/t", "", 5));
  EXPECT_EQ(c.call(OpCode::kMulti, operation(1, create_body("/a")) + spoiling + kEnd).err, -5);
  EXPECT_EQ(c.exists("/a").err, -101);
  const Reply failed = c.call(OpCode::kMulti, operation(2, Fields().s("/no").i(-1)) + spoiling + kEnd);
  EXPECT_EQ(failed.err, 0) << "what comes behind a failure is not looked at";
  EXPECT_EQ(failed.i(9), -101);
}

TEST_F(Oddities, TheRootHasNoQuota) {
  const std::int64_t zxid = lab.server().last_zxid();
  EXPECT_EQ(client.create("/zookeeper/quota/zookeeper_limits", "count=1,bytes=1").err, -8);
  EXPECT_EQ(client.create("/zookeeper/quota/zookeeper_stats").err, 0);
  EXPECT_EQ(lab.server().last_zxid(), zxid + 2);
}

TEST_F(Oddities, AReconfigThatCannotBeReadTakesNoZxidAndWaitsForItsTurn) {
  const std::int64_t zxid = lab.server().last_zxid();
  const std::int32_t made = client.request(OpCode::kCreate, create_body("/a"));
  const std::int32_t bad = client.request(OpCode::kReconfig, Fields().s("server.1=x"));
  EXPECT_EQ(client.reply(made).err, 0);
  const Reply reply = client.reply(bad);
  EXPECT_EQ(reply.err, -5);
  EXPECT_EQ(reply.zxid, zxid + 1);
  EXPECT_EQ(client.call(OpCode::kReconfig, Fields().null().null().null().l(-1)).err, -123);
  EXPECT_EQ(lab.server().last_zxid(), zxid + 2);
}

TEST_F(Oddities, ANullSaslTokenEndsTheConnection) {
  EXPECT_EQ(client.call(OpCode::kSasl, Fields().s("")).err, 0);
  EXPECT_FALSE(client.call(OpCode::kSasl, Fields().null()).came);
  EXPECT_TRUE(client.ends());
}

TEST_F(Oddities, CountsBelowNothingCountTheRoot) {
  ASSERT_EQ(client.create("/a").err, 0);
  const std::int32_t all = client.call(OpCode::kGetAllChildrenNumber, Fields().s("/")).i(0);
  EXPECT_EQ(all, 4);
  EXPECT_EQ(client.call(OpCode::kGetAllChildrenNumber, Fields().s("")).i(0), all + 1);
}

TEST_F(Oddities, APrefixOfBlanksMeansAllEphemerals) {
  ASSERT_EQ(client.create("/e", "", 1).err, 0);
  for (const std::string_view prefix :
       {std::string_view(" "), std::string_view("\x1c\x01"), std::string_view("\0", 1)})
    EXPECT_EQ(client.call(OpCode::kGetEphemerals, Fields().s(prefix)).i(0), 1) << hex(prefix);
  EXPECT_EQ(client.call(OpCode::kGetEphemerals, Fields().s("\xc2\xa0")).i(0), 0);
}

TEST_F(Oddities, WatchesOfPathsThatAreNone) {
  for (const std::int32_t type : {1, 2, 3}) {
    EXPECT_EQ(client.call(OpCode::kCheckWatches, Fields().null().i(type)).err, -5);
    EXPECT_EQ(client.call(OpCode::kRemoveWatches, Fields().null().i(type)).err, -121);
    EXPECT_EQ(client.call(OpCode::kCheckWatches, Fields().s("bad").i(type)).err, -5);
    EXPECT_EQ(client.call(OpCode::kRemoveWatches, Fields().s("bad").i(type)).err, -121);
    EXPECT_EQ(client.call(OpCode::kCheckWatches, Fields().s("").i(type)).err, -121);
  }
}

TEST_F(Oddities, ANullListStopsSetWatchesWhereItStands) {
  ASSERT_EQ(client.create("/a").err, 0);
  EXPECT_EQ(client.call(OpCode::kSetWatches, Fields().l(0).null().i(0).i(0)).err, -5);
  EXPECT_EQ(client.call(OpCode::kSetWatches, Fields().l(1 << 20).i(1).s("/a").null().i(0)).err, -5);
  ASSERT_EQ(client.set("/a", "x").err, 0);
  EXPECT_THAT(client.take_events(), testing::ElementsAre("DataChanged /a"));
  EXPECT_EQ(client.call(OpCode::kSetWatches2, Fields().l(0).i(0).i(0).i(0).i(0).null()).err, -5);
  EXPECT_EQ(client.call(OpCode::kSetWatches2, Fields().l(0).i(0).i(0).i(0).i(0).i(0)).err, 0);
}

// The id and so the password of a session are known as soon as it is asked for, its txn is on disk later.
TEST_F(Oddities, ASessionThatWasTakenOverBeforeItsTxnIsOnDiskHasOneConnection) {
  lab.worker->hold();
  Client first(lab, "192.0.2.1"), thief(lab, "192.0.2.2");
  const std::int64_t next = client.session() + 1;
  first.frame(first.connect_body(30'000));
  lab.loop.advance(20);
  const Password password = session_password(next);
  ASSERT_TRUE(thief.reattach(next, as_text(Bytes(password))));
  lab.worker->release();
  const auto answer = first.packet();
  ASSERT_TRUE(answer);
  EXPECT_EQ(welcome(*answer).session, next);
  EXPECT_TRUE(thief.ends());
  EXPECT_EQ(first.call(OpCode::kCloseSession, "").err, 0);
  lab.settle();
  EXPECT_EQ(lab.server().sessions().size(), 1u);
  EXPECT_EQ(lab.server().alive_connections(), 1u);
}

}  // namespace
}  // namespace zkark::server
