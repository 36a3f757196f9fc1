// Who is told what, and in which order (reference/client-protocol-and-server section 3).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/server_lab.h"

namespace zkark::server {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Watches : testing::Test {
  Watches() : writer(lab), watcher(lab) {
    EXPECT_TRUE(writer.open());
    EXPECT_TRUE(watcher.open());
    EXPECT_EQ(writer.create("/p").err, 0);
  }
  ServerLab lab;
  Client writer, watcher;
};

TEST_F(Watches, OneShotsTellOnce) {
  EXPECT_EQ(watcher.exists("/p/c", true).err, -101);
  EXPECT_EQ(watcher.exists("/p/c", true).err, -101);
  EXPECT_EQ(watcher.children("/p", true).err, 0);
  EXPECT_EQ(writer.create("/p/c").err, 0);
  EXPECT_EQ(writer.create("/p/d").err, 0);
  EXPECT_THAT(watcher.take_events(), ElementsAre("Created /p/c", "ChildrenChanged /p"));
  EXPECT_EQ(watcher.get("/p/c", true).err, 0);
  EXPECT_EQ(writer.set("/p/c", "1").err, 0);
  EXPECT_EQ(writer.set("/p/c", "2").err, 0);
  EXPECT_THAT(watcher.take_events(), ElementsAre("DataChanged /p/c"));
}

TEST_F(Watches, GetDataOfANodeThatIsMissingSetsNone) {
  EXPECT_EQ(watcher.get("/p/c", true).err, -101);
  EXPECT_EQ(writer.create("/p/c").err, 0);
  EXPECT_THAT(watcher.take_events(), IsEmpty());
}

TEST_F(Watches, ADeleteTellsEachConnectionOnceThenTheParents) {
  EXPECT_EQ(writer.create("/p/c").err, 0);
  EXPECT_EQ(watcher.get("/p/c", true).err, 0);
  EXPECT_EQ(watcher.children("/p/c", true).err, 0);
  EXPECT_EQ(watcher.children("/p", true).err, 0);
  EXPECT_EQ(writer.remove("/p/c").err, 0);
  EXPECT_THAT(watcher.take_events(), ElementsAre("Deleted /p/c", "ChildrenChanged /p"));
}

TEST_F(Watches, SettingDataTellsNeitherChildWatchesNorTheParent) {
  EXPECT_EQ(writer.create("/p/c").err, 0);
  EXPECT_EQ(watcher.children("/p", true).err, 0);
  EXPECT_EQ(watcher.children("/p/c", true).err, 0);
  EXPECT_EQ(writer.set("/p/c", "x").err, 0);
  EXPECT_EQ(writer.call(OpCode::kSetAcl, Fields().s("/p/c").raw(rules_of(kOpen)).i(-1)).err, 0);
  EXPECT_THAT(watcher.take_events(), IsEmpty());
}

TEST_F(Watches, APersistentOneStays) {
  EXPECT_EQ(watcher.add_watch("/p/c", 0).body, unhex("00000000"));
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(writer.create("/p/c").err, 0);
    EXPECT_EQ(writer.set("/p/c", "x").err, 0);
    EXPECT_EQ(writer.create("/p/c/d").err, 0);
    EXPECT_EQ(writer.set("/p/c/d", "x").err, 0);
    EXPECT_EQ(writer.remove("/p/c/d").err, 0);
    EXPECT_EQ(writer.remove("/p/c").err, 0);
    EXPECT_THAT(watcher.take_events(), ElementsAre("Created /p/c", "DataChanged /p/c", "ChildrenChanged /p/c",
                                                   "ChildrenChanged /p/c", "Deleted /p/c"));
  }
  EXPECT_EQ(watcher.add_watch("/p", 7).err, -5);
}

TEST_F(Watches, ARecursiveOneNamesTheNodeThatChangedAndNeverChildren) {
  EXPECT_EQ(watcher.add_watch("/", 1).err, 0);
  EXPECT_EQ(writer.create("/p/c").err, 0);
  EXPECT_EQ(writer.create("/zookeeper/quota/q").err, 0);
  EXPECT_EQ(writer.set("/p", "x").err, 0);
  EXPECT_EQ(writer.remove("/p/c").err, 0);
  EXPECT_THAT(watcher.take_events(),
              ElementsAre("Created /p/c", "Created /zookeeper/quota/q", "DataChanged /p", "Deleted /p/c"));
}

TEST_F(Watches, ARecursiveOneIsNotToldOfNamesThatOnlyBeginAlike) {
  EXPECT_EQ(watcher.add_watch("/p", 1).err, 0);
  EXPECT_EQ(writer.create("/pp").err, 0);
  EXPECT_EQ(writer.create("/p/x").err, 0);
  EXPECT_THAT(watcher.take_events(), ElementsAre("Created /p/x"));
}

TEST_F(Watches, AMultiTellsInTheOrderOfItsOperationsAndAFailedOneNothing) {
  EXPECT_EQ(watcher.add_watch("/", 1).err, 0);
  const auto op = [](std::int32_t type, const std::string& body) {
    return Fields().i(type).b(false).i(-1).raw(body).str();
  };
  const std::string end = Fields().i(-1).b(true).i(-1);
  const std::string make = op(1, create_body("/m")), change = op(5, Fields().s("/m").s("x").i(-1)),
                    drop = op(2, Fields().s("/m").i(-1));
  EXPECT_EQ(writer.call(OpCode::kMulti, make + change + drop + end).err, 0);
  EXPECT_THAT(watcher.take_events(), ElementsAre("Created /m", "DataChanged /m", "Deleted /m"));
  const Reply failed = writer.call(OpCode::kMulti, make + op(2, Fields().s("/no").i(-1)) + make + end);
  EXPECT_EQ(hex(failed.body), hex(unhex("ffffffff 00 00000000 00000000 ffffffff 00 ffffff9b ffffff9b"
                                        "ffffffff 00 fffffffe fffffffe ffffffff 01 ffffffff")));
  EXPECT_EQ(writer.call(OpCode::kMulti, end).body, end);
  EXPECT_THAT(watcher.take_events(), IsEmpty());
}

TEST_F(Watches, TheEventOfAnOwnWriteComesBeforeItsReply) {
  EXPECT_EQ(writer.get("/p", true).err, 0);
  writer.trace.clear();
  EXPECT_EQ(writer.set("/p", "x").err, 0);
  ASSERT_EQ(writer.trace.size(), 2u);
  EXPECT_EQ(writer.trace[0], "DataChanged /p");
}

TEST_F(Watches, TheyDieWithTheirConnection) {
  EXPECT_EQ(watcher.get("/p", true).err, 0);
  EXPECT_EQ(watcher.add_watch("/p", 1).err, 0);
  Client again(lab);
  ASSERT_TRUE(again.reattach(watcher.session(), watcher.password()));
  EXPECT_EQ(writer.set("/p", "x").err, 0);
  EXPECT_THAT(again.take_events(), IsEmpty());
  lab.settle();
  EXPECT_EQ(lab.server().watches().paths(), 0u);
  EXPECT_EQ(lab.server().watches().watchers(), 0u);
}

TEST_F(Watches, WhoMayNotReadIsNotToldAndItsOneShotIsUsedUp) {
  ASSERT_EQ(writer.create("/p/c").err, 0);
  ASSERT_EQ(watcher.get("/p/c", true).err, 0);
  ASSERT_EQ(watcher.add_watch("/p/c", 0).err, 0);
  ASSERT_EQ(writer.auth("digest", "bob:pw").err, 0);
  ASSERT_EQ(writer.call(OpCode::kSetAcl, Fields().s("/p/c").raw(rules_of({{31, "auth", ""}})).i(-1)).err, 0);
  EXPECT_EQ(writer.set("/p/c", "secret").err, 0);
  EXPECT_THAT(watcher.take_events(), IsEmpty());
  EXPECT_EQ(watcher.get("/p/c").err, -102);
}

TEST_F(Watches, SetWatchesTellsWhatWasMissedAndRegistersTheRest) {
  ASSERT_EQ(writer.create("/same").err, 0);
  const std::int64_t seen = lab.server().last_zxid();
  ASSERT_EQ(writer.set("/p", "x").err, 0);
  ASSERT_EQ(writer.create("/p/c").err, 0);
  const auto list = [](std::vector<std::string> paths) {
    Fields fields;
    fields.i(static_cast<std::int64_t>(paths.size()));
    for (const std::string& path : paths) fields.s(path);
    return fields.str();
  };
  watcher.trace.clear();
  const Reply reply = watcher.call(OpCode::kSetWatches2, Fields()
                                                             .l(seen)
                                                             .raw(list({"/p", "/gone", "/same"}))
                                                             .raw(list({"/p/c", "/notyet"}))
                                                             .raw(list({"/p", "/gone2", "/same"}))
                                                             .raw(list({"/persistent"}))
                                                             .raw(list({"/recursive"})));
  EXPECT_EQ(reply.err, 0);
  EXPECT_THAT(watcher.trace, ElementsAre("DataChanged /p", "Deleted /gone", "Created /p/c",
                                         "ChildrenChanged /p", "Deleted /gone2", "#1"));
  watcher.trace.clear();
  ASSERT_EQ(writer.set("/same", "x").err, 0);
  ASSERT_EQ(writer.create("/same/c").err, 0);
  ASSERT_EQ(writer.create("/notyet").err, 0);
  ASSERT_EQ(writer.create("/persistent").err, 0);
  ASSERT_EQ(writer.create("/recursive").err, 0);
  ASSERT_EQ(writer.create("/recursive/r").err, 0);
  EXPECT_THAT(watcher.take_events(),
              ElementsAre("DataChanged /same", "ChildrenChanged /same", "Created /notyet",
                          "Created /persistent", "Created /recursive", "Created /recursive/r"));
}

}  // namespace
}  // namespace zkark::server
