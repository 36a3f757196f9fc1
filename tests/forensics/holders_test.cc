// Queues of locks: what stands before the number does not matter, the number does, through its wrap.
#include "src/forensics/holders.h"

#include <gtest/gtest.h>

#include <memory>

#include "restore/apply.h"
#include "restore/data_dir.h"
#include "tests/support/log_builder.h"
#include "tests/support/sim_fs.h"

namespace zkark::forensics {
namespace {

TEST(SequenceOf, ReadsWhatServersPrint) {
  EXPECT_EQ(sequence_of("_c_6f1c2a9e-4b1d-4a5e-8f53-0c2f1e4d9a77-lock-0000000007", 8), 7);
  EXPECT_EQ(sequence_of("5d1b3c9a9f8e4c7da0__lock__0000000012", 13), 12);
  EXPECT_EQ(sequence_of("n_2147483647", 100), 2147483647);
  EXPECT_EQ(sequence_of("0000000003", 4), 3);
  EXPECT_EQ(sequence_of("n10000000001", 2), 1);  // the prefix may end in a digit
  EXPECT_EQ(sequence_of("lock-000000007", 8), -7);
  EXPECT_EQ(sequence_of("lock-00000007", 8), std::nullopt);
  EXPECT_EQ(sequence_of("broker-1", 2), std::nullopt);
  EXPECT_EQ(sequence_of("", 0), std::nullopt);
  EXPECT_EQ(sequence_of("n_2147483648", 0), std::nullopt);
  EXPECT_EQ(sequence_of("n_9999999999", 0), std::nullopt);
}

TEST(SequenceOf, TellsADashFromAMinusByTheCounter) {
  EXPECT_EQ(sequence_of("lock-2147483647", INT32_MIN), 2147483647);
  EXPECT_EQ(sequence_of("lock-2147483648", INT32_MIN + 1), INT32_MIN);
  EXPECT_EQ(sequence_of("lock--2147483648", INT32_MIN + 1), INT32_MIN);
  EXPECT_EQ(sequence_of("lock-2147483647", INT32_MIN + 2), -2147483647);
  EXPECT_EQ(sequence_of("lock-1500000000", 1500000001), 1500000000);
  EXPECT_EQ(sequence_of("lock-1500000000", -1499999999), -1500000000);
}

constexpr std::int64_t kAmy = 0x10000000000a1, kBob = 0x10000000000b2, kEve = 0x10000000000e3;

/// A history made record by record.
class Locks : public testing::Test {
 protected:
  void write(std::int64_t session, std::int32_t cxid, TxnType type, TxnBody body) {
    Txn txn;
    ++zxid_;
    txn.header = {session, cxid, zxid_, 1000 * zxid_, type};
    txn.body = std::move(body);
    log_.txn(txn);
    ASSERT_TRUE(restore::apply(state_, txn));
  }
  void create(std::int64_t session, std::string_view path, bool ephemeral = true,
              std::int32_t cversion = -1) {
    CreateTxn create;
    create.path = path;
    create.data = Bytes();
    create.ephemeral = ephemeral ? 1 : 0;
    create.parent_cversion = cversion;
    write(session, 1, TxnType::kCreate, create);
  }
  void remove(std::int64_t session, std::string_view path) {
    write(session, 2, TxnType::kDelete, DeleteTxn{path});
  }
  void close(std::int64_t session, std::int32_t cxid) {
    write(session, cxid, TxnType::kCloseSession, CloseSessionTxn());
  }
  Queue queue() { return queue_at(state_.tree, state_.tree.find("/lock")); }
  std::vector<std::string> order() {
    std::vector<std::string> names;
    for (const Waiter& waiter : queue().waiters) names.push_back(waiter.path.substr(6));
    return names;
  }
  Tenures tenures(const std::string& path = "/lock") {
    test::SimFs fs;
    EXPECT_TRUE(make_dirs(fs, "/data", 0755));
    EXPECT_TRUE(write_file_atomic(fs, "/data/log.1", as_bytes(log_.bytes()), {}));
    restore::DataDirOptions where;
    where.dir = "/data";
    restore::DataDir source(fs, where);
    const restore::SourceListing listing = source.list().value();
    restore::Findings findings;
    Job job;
    auto found = walk_tenures(source, listing, {path, 0, INT64_MAX}, findings, job);
    EXPECT_TRUE(found) << found.error().to_string();
    return *std::move(found);
  }

  restore::State state_ = restore::initial_state();
  test::LogBuilder log_;
  std::int64_t zxid_ = 0;
};

TEST_F(Locks, AreHeldByTheLowestNumberWhateverStandsBefore) {
  create(kAmy, "/lock", false);
  create(kBob, "/lock/zzz__lock__0000000001", true, 2);
  create(kAmy, "/lock/_c_aaaa-lock-0000000002", true, 3);
  create(kEve, "/lock/n_0000000003", true, 4);
  create(kEve, "/lock/config", false);
  EXPECT_EQ(order(),
            (std::vector<std::string>{"zzz__lock__0000000001", "_c_aaaa-lock-0000000002", "n_0000000003"}));
  EXPECT_TRUE(queue().waiters[0].holds);
  EXPECT_FALSE(queue().waiters[1].holds);
  EXPECT_EQ(queue().waiters[0].session, kBob);
  EXPECT_EQ(queue().waiters[0].since.zxid, 2);
}

TEST_F(Locks, KeepTheirOrderThroughTheWrap) {
  create(kAmy, "/lock", false);
  create(kAmy, "/lock/n-2147483646", true, 2147483647);
  create(kBob, "/lock/n-2147483647", true, INT32_MIN);
  create(kEve, "/lock/n--2147483648", true, INT32_MIN + 1);
  const Queue found = queue();
  // The counter on disk does not go down, so the parent still says 2147483647: told by age all the same.
  EXPECT_EQ(found.waiters.front().session, kAmy);
  EXPECT_TRUE(found.wrapped);
  EXPECT_EQ(found.waiters.back().session, kEve);
}

TEST_F(Locks, WithoutNumbersAreMembers) {
  create(kAmy, "/lock", false);
  create(kAmy, "/lock/1");
  create(kBob, "/lock/2");
  EXPECT_FALSE(queue().ordered);
  EXPECT_EQ(order().size(), 2u);
  EXPECT_FALSE(queue().waiters[0].holds);
}

TEST_F(Locks, AreSharedByReadersBeforeTheFirstWriter) {
  create(kAmy, "/lock", false);
  create(kAmy, "/lock/x-__READ__0000000000");
  create(kBob, "/lock/y-__READ__0000000001");
  create(kEve, "/lock/z-__WRIT__0000000002");
  create(kEve, "/lock/w-__READ__0000000003");
  std::vector<bool> holds;
  for (const Waiter& waiter : queue().waiters) holds.push_back(waiter.holds);
  EXPECT_EQ(holds, (std::vector<bool>{true, true, false, false}));
}

TEST_F(Locks, ChangeHandsAndSayHow) {
  create(kAmy, "/lock", false);            // 1
  create(kAmy, "/lock/a-0000000000");      // 2
  create(kBob, "/lock/b-0000000001");      // 3
  create(kEve, "/lock/c-0000000002");      // 4
  create(kAmy, "/lock/d-0000000003");      // 5
  remove(kAmy, "/lock/a-0000000000");      // 6: released
  close(kBob, 0);                          // 7: expired
  remove(kBob + 1, "/lock/c-0000000002");  // 8: by somebody else
  close(kAmy, 9);                          // 9: closed
  create(kEve, "/lock/e-0000000004");      // 10
  const std::vector<Tenure> found = tenures().tenures;
  ASSERT_EQ(found.size(), 5u);
  const TenureEnd ends[] = {TenureEnd::kReleased, TenureEnd::kExpired, TenureEnd::kDeleted,
                            TenureEnd::kClosed, TenureEnd::kHoldsStill};
  const std::int64_t sessions[] = {kAmy, kBob, kEve, kAmy, kEve};
  const std::int64_t from[] = {2, 6, 7, 8, 10};
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(found[i].end, ends[i]) << i;
    EXPECT_EQ(found[i].session, sessions[i]) << i;
    ASSERT_TRUE(found[i].from) << i;
    EXPECT_EQ(found[i].from->zxid, from[i]) << i;
    EXPECT_EQ(found[i].until.has_value(), i != 4) << i;
  }
  EXPECT_EQ(found[2].ended_by, kBob + 1);
  EXPECT_EQ(found[1].queued.zxid, 3);
}

TEST_F(Locks, AnEphemeralNodeIsHeldByItsOwner) {
  create(kAmy, "/lock");
  close(kAmy, 0);
  create(kBob, "/lock");
  const std::vector<Tenure> found = tenures().tenures;
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].end, TenureEnd::kExpired);
  EXPECT_EQ(found[1].session, kBob);
  EXPECT_EQ(found[1].end, TenureEnd::kHoldsStill);
}

TEST_F(Locks, ThatNeverWereAreNotSeen) {
  create(kAmy, "/lock", false);
  EXPECT_FALSE(tenures("/other").path_seen);
  EXPECT_TRUE(tenures().path_seen);
}

}  // namespace
}  // namespace zkark::forensics
