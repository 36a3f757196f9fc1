#include "src/backup/lock.h"

#include "src/backup/sealed.h"
#include "tests/backup/lab.h"

namespace zkark::test {
namespace {

using namespace backup;

struct LockLab : Lab {
  Client client, other;
  Job job;

  explicit LockLab(std::uint64_t seed = 1, std::uint64_t other_seed = 2)
      : client(fs, clock, seed), other(fs, clock, other_seed) {
    // Both processes live on one machine and know of each other.
    client.system.processes[other.system.own_pid] = *other.system.process_identity(other.system.own_pid);
    other.system.processes[client.system.own_pid] = *client.system.process_identity(client.system.own_pid);
  }
  Result<std::unique_ptr<Lock>> acquire(Client& by, LockKind kind = LockKind::kExclusive,
                                        std::int64_t wait_ms = 0) {
    return Lock::acquire(by.env().locks(), {kind, "backup", wait_ms}, job);
  }
  std::size_t files() { return fs.files("/repo/locks").size(); }
};

TEST(Lock, IsExclusiveAndReleased) {
  LockLab lab;
  {
    auto first = lab.acquire(lab.client);
    ZK_ASSERT_OK(first);
    auto second = lab.acquire(lab.other);
    ASSERT_EQ(error_of(second), ErrorId::kLocked);
    EXPECT_NE(second.error().message().find("backup on sim-host (pid 1001, uid 1000), 0 s ago"),
              std::string::npos)
        << second.error().message();
    EXPECT_NE(second.error().hint().find("unlock"), std::string::npos);
    ZK_EXPECT_OK((*first)->still_held());
    EXPECT_EQ(lab.files(), 1u) << "the loser leaves nothing behind";
  }
  EXPECT_EQ(lab.files(), 0u);
  ZK_EXPECT_OK(lab.acquire(lab.other));
}

TEST(Lock, IsSharedAmongReaders) {
  LockLab lab;
  auto first = lab.acquire(lab.client, LockKind::kShared);
  auto second = lab.acquire(lab.other, LockKind::kShared);
  ZK_ASSERT_OK(first);
  ZK_ASSERT_OK(second);
  EXPECT_EQ(error_of(lab.acquire(lab.client)), ErrorId::kLocked);
  ZK_ASSERT_OK((*first)->release());
  EXPECT_EQ(error_of(lab.acquire(lab.client)), ErrorId::kLocked);
  ZK_ASSERT_OK((*second)->release());
  ZK_EXPECT_OK(lab.acquire(lab.client));
}

TEST(Lock, WaitsAsLongAsAsked) {
  LockLab lab;
  auto first = lab.acquire(lab.client);
  ZK_ASSERT_OK(first);
  const std::int64_t before = lab.clock.slept_ms();
  EXPECT_EQ(error_of(lab.acquire(lab.other, LockKind::kExclusive, 5000)), ErrorId::kLocked);
  EXPECT_EQ(lab.clock.slept_ms() - before, 5000);
  // Released while the other waits.
  lab.fs.set_hook([&, polls = 0](const Operation& operation) mutable {
    if (operation.kind == OpKind::kList && operation.path == "/repo/locks/" && ++polls == 20) first->reset();
  });
  ZK_EXPECT_OK(lab.acquire(lab.other, LockKind::kExclusive, 60'000));
}

TEST(Lock, StopsWaitingWhenTheRunIsCancelled) {
  LockLab lab;
  auto first = lab.acquire(lab.client);
  lab.job.stop.request_stop();
  EXPECT_EQ(error_of(lab.acquire(lab.other, LockKind::kExclusive, 60'000)), ErrorId::kCancelled);
  EXPECT_EQ(lab.files(), 1u);
}

TEST(Lock, IgnoresADeadProcessOfThisHostAtOnce) {
  LockLab lab;
  auto first = lab.acquire(lab.client);
  ZK_ASSERT_OK(first);
  lab.other.system.processes.clear();
  ZK_EXPECT_OK(lab.acquire(lab.other));
}

TEST(Lock, IsNotFooledByAPidUsedAgain) {
  LockLab lab;
  auto first = lab.acquire(lab.client);
  ZK_ASSERT_OK(first);
  lab.other.system.processes[lab.client.system.own_pid] = "another process of this number";
  ZK_EXPECT_OK(lab.acquire(lab.other));
}

TEST(Lock, RespectsOtherHostsAndDamagedFilesUntilUnlocked) {
  LockLab lab;
  lab.client.system.name = "elsewhere";
  {
    auto first = lab.acquire(lab.client);
    ZK_ASSERT_OK(first);
    lab.other.system.processes.clear();
    auto second = lab.acquire(lab.other);
    ASSERT_EQ(error_of(second), ErrorId::kLocked);
    EXPECT_NE(second.error().message().find("on another host"), std::string::npos);
    EXPECT_EQ(unlock(lab.other.env().locks(), UnlockWhich::kDead)->size(), 0u);
    EXPECT_EQ(unlock(lab.other.env().locks(), UnlockWhich::kAll)->size(), 1u);
    ZK_EXPECT_OK(lab.acquire(lab.other));
    EXPECT_EQ(error_of((*first)->still_held()), ErrorId::kLockLost);
  }
  lab.fs.put("/repo/locks/.damaged file", "zkark lock 1 nonsense");
  auto third = lab.acquire(lab.other, LockKind::kShared);
  ASSERT_EQ(error_of(third), ErrorId::kLocked);
  EXPECT_NE(third.error().message().find("damaged"), std::string::npos);
  EXPECT_EQ(unlock(lab.other.env().locks(), UnlockWhich::kAll)->size(), 1u);
  ZK_EXPECT_OK(lab.acquire(lab.other));
}

TEST(Lock, SurvivesTheCleaningOfTemporaryFilesByItsHolder) {
  LockLab lab;
  bool cleaned = false;
  lab.fs.set_hook([&](const Operation& operation) {
    if (cleaned || operation.kind != OpKind::kRename) return;
    cleaned = true;
    static_cast<void>(lab.other.backend().clean_temporary().has_value());
  });
  ZK_EXPECT_OK(lab.acquire(lab.client));
  EXPECT_TRUE(cleaned);
}

TEST(Lock, ListsOwnersWithTheirState) {
  LockLab lab;
  auto first = lab.acquire(lab.client, LockKind::kShared);
  auto locks = list_locks(lab.other.env().locks());
  ZK_ASSERT_OK(locks);
  ASSERT_EQ(locks->size(), 1u);
  EXPECT_EQ(locks->at(0).state, LockInfo::State::kAlive);
  EXPECT_EQ(locks->at(0).owner.pid, 1001);
  EXPECT_EQ(locks->at(0).kind, LockKind::kShared);
  lab.clock.advance_ms(3 * 3600'000);
  EXPECT_EQ(describe(locks->at(0), lab.clock.wall()), "backup on sim-host (pid 1001, uid 1000), 3 h ago");
}

// Every interleaving of two processes that take the lock, one I/O operation at a time, with up to two
// switches: while the first is inside, the second runs from its operation A to its operation B.
TEST(Lock, IsDescribedWhateverTimeItsFileNames) {
  LockLab lab;
  for (const char* created : {"-9223372036854775808", "9223372036854775807", "-1"}) {
    const std::string body =
        std::string(
            R"({"kind": "shared", "number": 1, "host": "db1", "pid": 4711, "identity": "x", "uid": 0,)") +
        R"("purpose": "copy", "created": )" + created + "}";
    lab.fs.put("/repo/locks/0000000000000001.lock", seal("lock", 1, body));
    auto locks = list_locks(lab.client.env().locks());
    ZK_ASSERT_OK(locks);
    ASSERT_EQ(locks->size(), 1u);
    ASSERT_TRUE(locks->front().readable) << created;
    const std::string text = describe(locks->front(), lab.clock.wall());
    // Some 20454 days since 1970, never a negative number.
    EXPECT_NE(text.find(created[0] == '-' ? ", 20454 days ago" : ", 0 s ago"), std::string::npos) << text;
  }
}

TEST(Lock, IsNeverHeldByTwoUnderAnyInterleavingOfTwoActors) {
  int both_failed = 0, runs = 0, second_won = 0;
  // Other seeds give other names, and names decide between equal numbers.
  for (std::uint64_t seed : {1, 2, 3, 4, 5, 6})
    for (int at = 1; at <= 12; ++at) {
      // The other process acquires in the middle of the first one's operation `at`, entirely, and keeps the
      // lock or gives it back.
      for (bool keeps : {true, false}) {
        LockLab lab(seed, 7 - seed);
        int n = 0;
        bool inside = false;
        std::unique_ptr<Lock> theirs;
        lab.fs.set_hook([&](const Operation&) {
          if (inside || ++n != at) return;
          inside = true;
          auto other = lab.acquire(lab.other);
          if (other && keeps) theirs = std::move(*other);
        });
        auto ours = lab.acquire(lab.client);
        ++runs;
        if (!inside) break;
        EXPECT_FALSE(ours.has_value() && theirs != nullptr) << "at " << at;
        if (theirs) ++second_won;
        if (!keeps) {
          EXPECT_TRUE(ours.has_value()) << "at " << at << ": the other is gone again";
        }
        if (keeps && !ours && !theirs) ++both_failed;
      }
    }
  EXPECT_GT(runs, 10);
  EXPECT_GT(second_won, 0);
  EXPECT_EQ(both_failed, 0);
}

// The write of the ticket and the look at the others can be far apart: the process is stopped in between.
TEST(Lock, IsNotTakenByAProcessThatSleptWhileChoosing) {
  for (int first_stop = 1; first_stop <= 12; ++first_stop) {
    LockLab lab;
    Client third(lab.fs, lab.clock, 3);
    third.system.processes = lab.other.system.processes;
    third.system.processes[lab.other.system.own_pid] =
        *lab.other.system.process_identity(lab.other.system.own_pid);
    lab.client.system.processes[third.system.own_pid] = *third.system.process_identity(third.system.own_pid);
    lab.other.system.processes[third.system.own_pid] = *third.system.process_identity(third.system.own_pid);
    std::vector<std::unique_ptr<Lock>> held;
    int n = 0, depth = 0;
    lab.fs.set_hook([&](const Operation&) {
      if (depth == 0 && ++n == first_stop) {
        depth = 1;
        auto one = lab.acquire(lab.other);
        if (one) one->reset();  // came and went
        auto two = lab.acquire(third);
        if (two) held.push_back(std::move(*two));
      }
    });
    auto ours = lab.acquire(lab.client);
    if (ours) held.push_back(std::move(*ours));
    EXPECT_LE(held.size(), 1u) << first_stop;
  }
}

}  // namespace
}  // namespace zkark::test
