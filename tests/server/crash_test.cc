// A process that dies and a power cut at every operation: what was acknowledged is in what is replayed
// (reference/reliability, R15).
#include <gtest/gtest.h>

#include "restore/data_dir.h"
#include "tests/server/server_lab.h"
#include "tests/support/fault_loop.h"

namespace zkark::server {
namespace {

using test::FaultPoint;
using test::SimFs;

/// A server of one process life over a disk that is not its own.
struct Life {
  explicit Life(SimFs& disk)
      : fs(disk),
        server(ServerSeams{fs, clock, loop, net, log, *worker, *snapshot_worker, loop.random()},
               lab_settings(), state_of(disk),
               DataPlaces{.snapshots = "/data/version-2", .logs = "/data/version-2"}) {
    snapshot_worker->hold();  // what is looked at here is the log
  }
  /// What the log's worker still has to do uses the server.
  ~Life() { worker.reset(); }

  /// `whole`: set to whether the replay came to the end of the logs.
  static restore::State state_of(SimFs& fs, bool* whole = nullptr) {
    if (whole != nullptr) *whole = true;
    restore::DataDirOptions where;
    where.dir = "/data";
    restore::DataDir source(fs, where);
    Result<restore::SourceListing> listing = source.list();
    if (!listing) return restore::initial_state();
    restore::Findings findings;
    Job job;
    auto found = restore::replay(source, *listing, nullptr, {}, findings, job);
    if (!found) {
      ADD_FAILURE() << found.error().to_string();
      return restore::initial_state();
    }
    if (whole != nullptr) *whole = !found->stopped_by.has_value();
    return std::move(found->state);
  }

  SimFs& fs;
  test::SimClock clock;
  test::SimLoop loop{clock, 5};
  test::SimTransport net{loop};
  KeptLog log;
  std::optional<test::SimWorker> worker{std::in_place, loop}, snapshot_worker{std::in_place, loop};
  Server server;
};

class Sender final : public net::LinkEvents {
 public:
  explicit Sender(Life& life) {
    life.net.connect("127.0.0.1", 2181, 1000, [this](Result<std::unique_ptr<net::Link>> link) {
      if (!link) return;
      link_ = std::move(*link);
      link_->start(*this);
      Fields hello;
      hello.i(0).l(0).i(9000).l(0).s(std::string(16, '\0')).b(false);
      link_->send(as_bytes(Fields().s(hello.str()).str()));
    });
  }
  void write(const std::string& path) {
    const std::string request = Fields().i(1).i(1).raw(create_body(path, std::string(300, 'x')));
    link_->send(as_bytes(Fields().s(request).str()));
  }
  bool connected() const { return link_ != nullptr && in_.size() >= 41; }
  bool ended() const { return ended_; }
  /// Creates that were answered: the packets behind the one of the handshake.
  std::size_t answered() const {
    std::size_t count = 0;
    for (std::size_t at = 0; at + 4 <= in_.size();) {
      std::size_t size = 0;
      for (std::size_t i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>(in_[at + i]);
      if (at + 4 + size > in_.size()) break;
      at += 4 + size;
      ++count;
    }
    return count == 0 ? 0 : count - 1;
  }

 private:
  void received(Bytes bytes) override { in_ += as_text(bytes); }
  void drained() override {}
  void closed(const std::optional<Error>&) override { ended_ = true; }
  std::unique_ptr<net::Link> link_;
  std::string in_;
  bool ended_ = false;
};

struct Crash : testing::Test {
  Crash() { fs.put_dir("/data/version-2"); }

  /// Twelve creates, three at a time.
  Status scenario(SimFs& disk) {
    acknowledged = 0;
    Life life(disk);
    if (Status started = life.server.start(); !started) return started;
    Sender sender(life);
    life.loop.run_until([&] { return sender.connected() || sender.ended(); }, 3000);
    for (int i = 0; i < 12 && sender.connected() && !sender.ended(); i += 3) {
      for (int k = i; k < i + 3; ++k) sender.write("/n" + std::to_string(k));
      const auto wanted = static_cast<std::size_t>(i + 3);
      life.loop.run_until([&] { return sender.answered() >= wanted || sender.ended(); }, 3000);
      acknowledged = sender.answered();
    }
    if (acknowledged < 12) return fail(ErrorId::kStorage, "the server went away");
    return {};
  }

  void check(SimFs& disk, const FaultPoint& point, const Status& outcome) {
    if (HasFailure()) return;
    SCOPED_TRACE(point.to_string());
    if (!point.hit) {
      EXPECT_TRUE(outcome) << "without a fault all is answered";
    }
    bool whole = true;
    const restore::State state = Life::state_of(disk, &whole);
    for (std::size_t i = 0; i < acknowledged; ++i)
      EXPECT_NE(state.tree.find("/n" + std::to_string(i)), restore::kNoNode)
          << "lost /n" << i << " of " << acknowledged << " acknowledged";
    ++states;
    // A tail of stale bytes, which reads as damage, is whoever starts the server to cut off: Server only goes
    // on behind a state.
    if (!whole && !point.survival.empty()) return;
    ++lives;
    // It starts again, takes a write, and that is there, too.
    const std::int64_t before = state.last_zxid;
    {
      Life next(disk);
      ASSERT_TRUE(next.server.start());
      Sender sender(next);
      next.loop.run_until([&] { return sender.connected() || sender.ended(); }, 3000);
      ASSERT_TRUE(sender.connected()) << "does not take anyone in after the crash";
      sender.write("/again");
      next.loop.run_until([&] { return sender.answered() == 1 || sender.ended(); }, 3000);
      ASSERT_EQ(sender.answered(), 1u);
    }
    const restore::State later = Life::state_of(disk);
    EXPECT_EQ(later.last_zxid, before + 2) << "what was written after the crash does not replay";
    EXPECT_NE(later.tree.find("/again"), restore::kNoNode);
    for (std::size_t i = 0; i < acknowledged; ++i)
      EXPECT_NE(later.tree.find("/n" + std::to_string(i)), restore::kNoNode) << "lost later: /n" << i;
  }

  SimFs fs;
  std::size_t acknowledged = 0;
  std::uint64_t states = 0, lives = 0;  // disks checked; of them those that a server went on from
};

TEST_F(Crash, AKilledProcessLosesNothingThatWasAcknowledged) {
  test::Fault fault;
  fault.action = test::Fault::Action::kKill;
  fault.kinds = test::kMutations;
  const std::uint64_t points = test::for_each_fault(
      fs, fault, [this](SimFs& disk) { return scenario(disk); },
      [this](SimFs& disk, const FaultPoint& point, const Status& outcome) { check(disk, point, outcome); });
  EXPECT_GE(points, 8u);
  std::printf("%lu of %lu kills: nothing lost\n", states, points + 1);
  EXPECT_EQ(states, points + 1);
  EXPECT_EQ(lives, states);
}

TEST_F(Crash, APowerCutLosesNothingThatWasAcknowledged) {
  test::PowerCuts cuts;
  cuts.subsets = 12;
  const test::PowerCutCount count = test::for_each_power_cut(
      fs, cuts, [this](SimFs& disk) { return scenario(disk); },
      [this](SimFs& disk, const FaultPoint& point, const Status& outcome) { check(disk, point, outcome); });
  std::printf("%lu of %lu disks after a power cut: nothing lost; a server went on from %lu\n", states,
              count.states, lives);
  EXPECT_GT(lives, states / 2);
  EXPECT_EQ(states, count.states);
}

TEST_F(Crash, AFailedOperationLosesNothingThatWasAcknowledged) {
  test::Fault fault;
  fault.kinds = test::kMutations;
  test::for_each_fault(
      fs, fault, [this](SimFs& disk) { return scenario(disk); },
      [this](SimFs& disk, const FaultPoint& point, const Status&) {
        SCOPED_TRACE(point.to_string());
        const restore::State state = Life::state_of(disk);
        for (std::size_t i = 0; i < acknowledged; ++i)
          EXPECT_NE(state.tree.find("/n" + std::to_string(i)), restore::kNoNode) << "lost /n" << i;
        ++states;
      });
  EXPECT_GE(states, 8u);
}

}  // namespace
}  // namespace zkark::server
