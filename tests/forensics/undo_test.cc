// What undo plans for histories made by hand: what it takes back, what it leaves and why, and in which order.
#include "src/forensics/undo.h"

#include <gtest/gtest.h>

#include <deque>
#include <functional>

#include "restore/apply.h"
#include "restore/data_dir.h"
#include "tests/forensics/undo_lab.h"
#include "tests/support/log_builder.h"
#include "tests/support/sim_fs.h"

namespace zkark::forensics {
namespace {

using test::Facts;
using test::facts_of;
using Why = Hindrance;

UndoChoice one_zxid(std::int64_t zxid) {
  UndoChoice choice;
  choice.zxids = {{zxid, zxid}};
  return choice;
}

constexpr std::int64_t kBob = 0xb0b, kEve = 0xe4e;

/// A history from its first transaction on, and the plans for its end.
class Told {
 public:
  Told() : state_(restore::initial_state()) {}

  Told& create(std::int64_t session, const std::string& path, const std::string& data = "x",
               std::int64_t owner = 0) {
    parts_.push_back([=, this] {
      const AclList acl = open_acl_unsafe();
      if (owner == kContainerOwner)
        return SubTxnValue{TxnType::kCreateContainer,
                           CreateContainerTxn{keep(path), as_bytes(keep(data)), acl, cversion(path)}};
      if (node_kind(owner) == NodeKind::kTtl)
        return SubTxnValue{TxnType::kCreateTtl, CreateTtlTxn{keep(path), as_bytes(keep(data)), acl,
                                                             cversion(path), ttl_of(owner)}};
      return SubTxnValue{TxnType::kCreate, CreateTxn{keep(path), as_bytes(keep(data)), acl,
                                                     static_cast<std::uint8_t>(owner == session ? 1 : 0),
                                                     cversion(path), false}};
    });
    return end(session);
  }
  Told& set(std::int64_t session, const std::string& path, const std::string& data) {
    parts_.push_back([=, this] {
      const std::int32_t version = state_.tree.stat(state_.tree.find(path)).version + 1;
      return SubTxnValue{TxnType::kSetData, SetDataTxn{keep(path), as_bytes(keep(data)), version}};
    });
    return end(session);
  }
  Told& acl(std::int64_t session, const std::string& path, std::int32_t perms) {
    parts_.push_back([=, this] {
      const Acl rule{perms, "world", "anyone"};
      const std::int32_t version = state_.tree.stat(state_.tree.find(path)).aversion + 1;
      const AclList list = perms == 0 ? AclList(as_bytes(keep(encode_acls({}))))
                                      : AclList(as_bytes(keep(encode_acls(std::span(&rule, 1)))));
      return SubTxnValue{TxnType::kSetAcl, SetAclTxn{keep(path), list, version}};
    });
    return end(session);
  }
  Told& remove(std::int64_t session, const std::string& path) {
    parts_.push_back([=, this] { return SubTxnValue{TxnType::kDelete, DeleteTxn{keep(path)}}; });
    return end(session);
  }
  Told& close(std::int64_t session) {
    parts_.push_back([] { return SubTxnValue{TxnType::kCloseSession, CloseSessionTxn()}; });
    return end(session);
  }
  /// What follows, up to done(), is one multi.
  Told& multi() { return in_multi_ = true, *this; }
  Told& done(std::int64_t session) { return in_multi_ = false, end(session); }

  std::int64_t zxid() const { return state_.last_zxid; }
  const restore::State& state() const { return state_; }

  UndoPlan plan(const UndoChoice& choice, const UndoOptions& options = {}) {
    test::SimFs fs;
    fs.put("/data/version-2/log.1", log_.bytes());
    restore::DataDirOptions where;
    where.dir = "/data";
    restore::DataDir source(fs, where);
    restore::Findings findings;
    Job job;
    auto made =
        plan_undo(source, source.list().value(), state_, state_.last_zxid, choice, options, findings, job);
    EXPECT_TRUE(made) << made.error().to_string();
    EXPECT_TRUE(findings.empty());
    return made ? std::move(*made) : UndoPlan();
  }
  /// What the tree is after the plan; a refusal fails the test.
  Facts after(const UndoPlan& plan, std::uint64_t max_request_bytes = 1048575) const {
    restore::State state = test::clone(state_);
    EXPECT_EQ(test::carry_out(plan, state, max_request_bytes), "");
    return facts_of(state);
  }

 private:
  const std::string& keep(std::string text) { return kept_.emplace_back(std::move(text)); }
  std::int32_t cversion(const std::string& path) {
    return state_.tree.stat(state_.tree.find_parent(path)).cversion + 1;
  }
  Told& end(std::int64_t session) {
    if (in_multi_) return *this;
    Txn txn;
    txn.header = {session, static_cast<std::int32_t>(zxid() + 1), zxid() + 1, 1795239042000 + zxid(),
                  TxnType::kMulti};
    std::string encoded;
    if (parts_.size() == 1) {
      SubTxnValue part = parts_[0]();
      txn.header.type = part.type;
      txn.body = part.body;
    } else {
      std::vector<SubTxnValue> parts;
      for (const auto& part : parts_) parts.push_back(part());
      encoded = encode_sub_txns(parts);
      txn.body = MultiTxn{JuteVector<SubTxn>(as_bytes(encoded))};
    }
    parts_.clear();
    log_.txn(txn);
    EXPECT_TRUE(restore::apply(state_, txn));
    return *this;
  }

  test::LogBuilder log_;
  restore::State state_;
  std::deque<std::string> kept_;
  std::vector<std::function<SubTxnValue()>> parts_;
  bool in_multi_ = false;
};

UndoChoice of_session(std::int64_t session) {
  UndoChoice choice;
  choice.sessions = {session};
  return choice;
}
UndoChoice since(std::int64_t zxid, const std::string& path) {
  UndoChoice choice;
  choice.first_zxid = zxid;
  choice.paths = {PathPattern::subtree(path)};
  return choice;
}
std::string text_of(const UndoPlan& plan) {
  std::string text;
  for (const UndoRequest& request : plan.requests) {
    text += request.multi ? "multi:" : "alone:";
    for (const UndoOperation& one : request.operations) {
      const char* names[] = {"create", "set", "delete", "acl"};
      text += std::string(" ") + names[static_cast<int>(one.what)] + " " + one.path;
      if (one.what != UndoOperation::What::kCreate) text += " v" + std::to_string(one.version);
      if (!one.loses.empty()) text += " loses " + std::to_string(one.loses.size());
    }
    text += request.goes_on ? " …\n" : "\n";
  }
  for (const LeftAlone& one : plan.left)
    text += "left: " + one.path + " " + std::to_string(static_cast<int>(one.why)) +
            (one.other.empty() ? "" : " " + one.other) + "\n";
  for (const std::string& path : plan.already) text += "already: " + path + "\n";
  return text;
}
std::string why(Why why) { return std::to_string(static_cast<int>(why)); }

TEST(Undo, NamesWhatOthersDidLaterAndGoesOverItOnlyWhenAsked) {
  Told told;
  told.create(kBob, "/a", "1")
      .set(kEve, "/a", "bad")
      .set(kBob, "/a", "3")
      .create(kBob, "/b", "1")
      .set(kEve, "/b", "bad");
  const UndoPlan plan = told.plan(of_session(kEve));
  EXPECT_EQ(text_of(plan), "multi: set /b v1\nleft: /a " + why(Why::kChangedLater) + "\n");
  ASSERT_EQ(plan.left.size(), 1u);
  ASSERT_EQ(plan.left[0].later.size(), 1u);
  EXPECT_EQ(plan.left[0].later[0].zxid, 3);
  EXPECT_EQ(plan.left[0].later[0].session, kBob);
  UndoOptions over;
  over.over_later = true;
  const UndoPlan all = told.plan(of_session(kEve), over);
  EXPECT_EQ(text_of(all), "multi: set /a v2 loses 1 set /b v1\n");
  EXPECT_EQ(told.after(all).at("/a").data, "1");
}

TEST(Undo, KeepsWhatOthersDidToAnotherSideOfTheNode) {
  Told told;
  told.create(kBob, "/a", "1").acl(kEve, "/a", 1).set(kBob, "/a", "2").create(kBob, "/b", "1");
  told.set(kEve, "/b", "bad").acl(kBob, "/b", 1);
  const UndoPlan plan = told.plan(of_session(kEve));
  EXPECT_EQ(text_of(plan), "alone: acl /a v1\nmulti: set /b v1\n");
  const Facts after = told.after(plan);
  EXPECT_EQ(after.at("/a").data, "2");
  EXPECT_EQ(after.at("/b").data, "1");
  EXPECT_NE(after.at("/b").acl, after.at("/a").acl);
}

TEST(Undo, FindsThatSomebodyPutItBackAlready) {
  Told told;
  told.create(kBob, "/a", "1").remove(kEve, "/a").create(kBob, "/a", "1").create(kBob, "/b", "1");
  told.remove(kEve, "/b").create(kBob, "/b", "other");
  EXPECT_EQ(text_of(told.plan(of_session(kEve))), "left: /b " + why(Why::kChangedLater) + "\nalready: /a\n");
}

TEST(Undo, ANodeThatOthersMadeAnewIsABeginningOfItsOwn) {
  Told told;
  told.create(kEve, "/a", "1").remove(kBob, "/a").create(kBob, "/a", "2").set(kBob, "/a", "3");
  EXPECT_EQ(text_of(told.plan(of_session(kEve))), "already: /a\n");
  told.set(kEve, "/a", "4");
  const UndoPlan plan = told.plan(of_session(kEve));
  EXPECT_EQ(text_of(plan), "multi: set /a v2\n");
  EXPECT_EQ(told.after(plan).at("/a").data, "3");
}

TEST(Undo, DoesNotTakeAParentFromUnderTheChildrenOfOthers) {
  Told told;
  told.create(kEve, "/a").create(kEve, "/a/mine").create(kBob, "/a/his").create(kBob, "/a/his/deep");
  EXPECT_EQ(text_of(told.plan(of_session(kEve))),
            "multi: delete /a/mine v0\nleft: /a " + why(Why::kChildren) + " /a/his\n");
  UndoOptions over;
  over.over_later = true;
  const UndoPlan all = told.plan(of_session(kEve), over);
  EXPECT_EQ(text_of(all),
            "multi: delete /a/mine v0 delete /a/his/deep v0 loses 1 delete /a/his v0 loses 1 delete /a v0\n");
  EXPECT_FALSE(told.after(all).contains("/a"));
}

TEST(Undo, NamesTheTransactionWithoutWhichANodeHasNoParent) {
  Told told;
  told.create(kBob, "/a").create(kBob, "/a/b", "old").remove(kEve, "/a/b").remove(kBob, "/a");
  const UndoPlan plan = told.plan(of_session(kEve));
  EXPECT_EQ(text_of(plan), "left: /a/b " + why(Why::kNoParent) + " /a\n");
  ASSERT_EQ(plan.left[0].later.size(), 1u);
  EXPECT_EQ(plan.left[0].later[0].zxid, 4);
  UndoChoice both;
  both.zxids = {{3, 4}};
  EXPECT_EQ(text_of(told.plan(both)), "multi: create /a create /a/b\n");
}

TEST(Undo, MakesANodeOfAnotherTypeAnewWithAllBelowIt) {
  for (const std::int64_t owner : {kContainerOwner, ttl_owner(60'000)}) {
    Told told;
    told.create(kBob, "/a", "old", owner).create(kBob, "/a/same").create(kBob, "/a/gone", "g");
    const Facts wanted = facts_of(told.state());
    const std::int64_t bad = told.zxid() + 1;
    told.remove(kEve, "/a/gone").remove(kEve, "/a/same").remove(kEve, "/a");
    told.create(kEve, "/a", "old").create(kEve, "/a/same").create(kEve, "/a/new");
    const UndoPlan plan = told.plan(since(bad, "/a"));
    EXPECT_EQ(
        text_of(plan),
        "multi: delete /a/same v0 delete /a/new v0 delete /a v0 create /a create /a/gone create /a/same\n");
    EXPECT_EQ(told.after(plan), wanted);
    // A child of others would have to go with it.
    told.create(kBob, "/a/his");
    EXPECT_EQ(text_of(told.plan(of_session(kEve))), "multi: create /a/gone delete /a/new v0\nleft: /a " +
                                                        why(Why::kChildren) + " /a/his\nalready: /a/same\n");
  }
}

TEST(Undo, GivesNoEphemeralToADeadSession) {
  Told told;
  told.create(kEve, "/e", "1", kEve).create(kBob, "/p").close(kEve);
  const UndoPlan plan = told.plan(of_session(kEve));
  EXPECT_EQ(text_of(plan), "already: /e\n");
  const UndoPlan end = told.plan(one_zxid(3));
  EXPECT_EQ(text_of(end), "left: /e " + why(Why::kEphemeral) + "\n");
  EXPECT_EQ(end.left[0].owner, kEve);
}

TEST(Undo, SetsTheDataOfALivingEphemeralBack) {
  Told told;
  told.create(kBob, "/e", "1", kBob).set(kEve, "/e", "bad");
  const UndoPlan plan = told.plan(of_session(kEve));
  EXPECT_EQ(text_of(plan), "multi: set /e v1\n");
  EXPECT_EQ(told.after(plan).at("/e").owner, kBob);
}

TEST(Undo, LeavesConfigurationAndQuotaStatisticsToTheServer) {
  Told told;
  told.set(kEve, "/zookeeper/config", "server.1=evil");
  told.create(kBob, "/zookeeper/quota/a")
      .create(kBob, "/zookeeper/quota/a/zookeeper_limits", "count=5,bytes=-1");
  told.create(kBob, "/zookeeper/quota/a/zookeeper_stats", "count=1,bytes=1");
  told.set(kEve, "/zookeeper/quota/a/zookeeper_stats", "count=9,bytes=9");
  told.set(kEve, "/zookeeper/quota/a/zookeeper_limits", "count=1,bytes=1");
  const UndoPlan plan = told.plan(of_session(kEve));
  EXPECT_EQ(text_of(plan), "multi: set /zookeeper/quota/a/zookeeper_limits v1\nleft: /zookeeper/config " +
                               why(Why::kConfiguration) + "\nleft: /zookeeper/quota/a/zookeeper_stats " +
                               why(Why::kServerCounts) + "\n");
}

TEST(Undo, PutsAListBackBeforeOrAfterTheDataInTheReverseOfTime) {
  Told told;
  told.create(kBob, "/first", "1").create(kBob, "/last", "1");
  told.acl(kEve, "/first", 1).set(kEve, "/first", "2").set(kEve, "/last", "2").acl(kEve, "/last", 1);
  EXPECT_EQ(text_of(told.plan(of_session(kEve))),
            "alone: acl /last v1\nmulti: set /first v1 set /last v1\nalone: acl /first v1\n");
}

TEST(Undo, SetsTheRootInAMultiOfItsOwn) {
  Told told;
  told.multi().set(kEve, "/", "bad").create(kEve, "/a").done(kEve).create(kEve, "/b");
  const UndoPlan plan = told.plan(of_session(kEve));
  EXPECT_EQ(text_of(plan), "multi: delete /a v0 delete /b v0\nmulti: set / v1\n");
  EXPECT_EQ(told.after(plan).at("/").data, "");
}

TEST(Undo, TakesNoListThatNoServerTakes) {
  Told told;
  told.create(kBob, "/a").acl(kBob, "/a", 0).acl(kEve, "/a", 31);
  EXPECT_EQ(text_of(told.plan(of_session(kEve))), "left: /a " + why(Why::kUnusableAcl) + "\n");
}

TEST(Undo, SaysWhatNoRequestCanHold) {
  Told told;
  told.create(kBob, "/a", std::string(3000, 'x'))
      .create(kBob, "/b", "y")
      .remove(kEve, "/a")
      .remove(kEve, "/b");
  UndoOptions small;
  small.max_request_bytes = 2000;
  const UndoPlan plan = told.plan(of_session(kEve), small);
  EXPECT_EQ(text_of(plan), "multi: create /b\nleft: /a " + why(Why::kTooLarge) + "\n");
  EXPECT_GT(plan.left[0].bytes, 3000u);
}

TEST(Undo, DividesAtWhatBelongsTogetherAndSaysWhereItCannot) {
  Told told;
  const std::string value(400, 'v');
  for (const char* path : {"/a", "/b", "/c", "/d"}) told.create(kBob, path, value);
  told.multi().set(kEve, "/a", "1").set(kEve, "/d", "1").done(kEve).set(kEve, "/b", "1").set(kEve, "/c", "1");
  UndoOptions small;
  small.max_request_bytes = 1024;
  // /a and /d were one multi.
  const UndoPlan plan = told.plan(of_session(kEve), small);
  EXPECT_EQ(text_of(plan), "multi: set /a v1 set /d v1\nmulti: set /b v1 set /c v1\n");
  for (const UndoRequest& request : plan.requests) EXPECT_LE(request.bytes, 1024u);
  const std::int64_t bad = told.zxid() + 1;
  told.multi().remove(kEve, "/a").remove(kEve, "/b").remove(kEve, "/c").done(kEve);
  const UndoPlan cut = told.plan(since(bad, "/"), small);
  EXPECT_EQ(text_of(cut), "multi: create /a create /b create /c\n");
  told.create(kBob, "/a", value).create(kBob, "/b", value).create(kBob, "/c", value);
  told.multi().set(kEve, "/a", "1").set(kEve, "/b", "1").set(kEve, "/c", "1").done(kEve);
  const UndoPlan more = told.plan(one_zxid(told.zxid()), small);
  EXPECT_EQ(text_of(more), "multi: set /a v1 set /b v1 …\nmulti: set /c v1\n");
  EXPECT_EQ(told.after(more, 1024).at("/c").data, value);
}

TEST(Undo, WarnsOfNumbersThatWillBeGivenOutAgain) {
  Told told;
  told.create(kBob, "/q").create(kBob, "/q/job-0000000007", "j");
  told.remove(kEve, "/q/job-0000000007").remove(kEve, "/q");
  const UndoPlan plan = told.plan(of_session(kEve));
  ASSERT_EQ(plan.counters.size(), 1u);
  EXPECT_EQ(plan.counters[0].path, "/q");
  EXPECT_EQ(plan.counters[0].child, "/q/job-0000000007");
  EXPECT_EQ(plan.counters[0].next, 1u);
}

TEST(Undo, FailsWhereAZxidIsNotThere) {
  Told told;
  told.create(kBob, "/a");
  test::SimFs fs;
  test::LogBuilder log;
  log.record(1, 1795239042000).record(5, 1795239042000);
  fs.put("/data/version-2/log.1", log.bytes());
  restore::DataDirOptions where;
  where.dir = "/data";
  restore::DataDir source(fs, where);
  for (const std::int64_t zxid : {3, 9}) {
    restore::Findings findings;
    Job job;
    const auto made =
        plan_undo(source, source.list().value(), told.state(), 5, one_zxid(zxid), {}, findings, job);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().id(), ErrorId::kPointNotFound) << made.error().to_string();
  }
}

TEST(Undo, GoesIntoNothingThatMissingRecordsMayHaveChanged) {
  Told told;
  told.create(kBob, "/n2").set(kBob, "/n2", "later");
  // The log here lacks 0x2, and begins with other names.
  test::SimFs fs;
  test::LogBuilder log;
  log.txn(test::create_txn(1, 1795239042000, "/n2")).record(3, 1795239042000);
  fs.put("/data/version-2/log.1", log.bytes());
  restore::DataDirOptions where;
  where.dir = "/data";
  restore::DataDir source(fs, where);
  restore::Findings findings;
  Job job;
  const auto made = plan_undo(source, source.list().value(), told.state(), 3, one_zxid(1), {}, findings, job);
  ASSERT_TRUE(made) << made.error().to_string();
  EXPECT_EQ(text_of(*made), "left: /n2 " + why(Why::kUnknownSince) + "\n");
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].severity, restore::Severity::kGap);
}

}  // namespace
}  // namespace zkark::forensics
