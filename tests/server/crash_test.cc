// A process that dies and a power cut at every operation: what was acknowledged is in what is replayed
// (reference/reliability, R15).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "restore/data_dir.h"
#include "src/server/boot.h"
#include "tests/server/server_lab.h"
#include "tests/support/fault_loop.h"
#include "tests/support/sim_system.h"

namespace zkark::server {
namespace {

using test::FaultPoint;
using test::SimFs;

/// What `zkark serve` starts with; a failure of the test where it does not start.
restore::State booted(SimFs& fs, unsigned* cuts = nullptr) {
  test::SimSystem system;
  test::SimClock clock;
  Job job;
  Result<Booted> booted = boot(fs, clock, system, lab_settings(), job, [&](const restore::Finding&) {
    if (cuts != nullptr) ++*cuts;
  });
  if (booted) return std::move(booted->state);
  ADD_FAILURE() << "does not start: " << booted.error().to_string();
  return restore::initial_state();
}

/// What any reader of the directory makes of it, which must be sound from end to end.
restore::State replayed(SimFs& fs) {
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
  EXPECT_FALSE(found->stopped_by.has_value());
  for (const restore::Finding& finding : findings)
    EXPECT_EQ(finding.severity, restore::Severity::kNote) << finding.message;
  return std::move(found->state);
}

/// A server of one process life over a disk that is not its own.
struct Life {
  explicit Life(SimFs& disk)
      : fs(disk),
        server(ServerSeams{fs, clock, loop, net, log, *worker, *snapshot_worker, loop.random()},
               lab_settings(), booted(disk, &cuts),
               DataPlaces{.snapshots = "/data/version-2", .logs = "/data/version-2"}) {
    snapshot_worker->hold();  // what is looked at here is the log
  }
  /// What the log's worker still has to do uses the server.
  ~Life() { worker.reset(); }

  unsigned cuts = 0;
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
    told = life.log.lines;
    if (acknowledged < 12) return fail(ErrorId::kStorage, "the server went away");
    return {};
  }

  void check(SimFs& disk, const FaultPoint& point, const Status& outcome) {
    if (HasFailure()) return;
    SCOPED_TRACE(point.to_string());
    if (!point.hit) {
      EXPECT_TRUE(outcome) << "without a fault all is answered";
    }
    ++states;
    // It starts again with all that was acknowledged, takes a write, and that is there, too.
    std::int64_t before = 0;
    {
      Life next(disk);
      ASSERT_FALSE(HasFailure());
      for (std::size_t i = 0; i < acknowledged; ++i)
        EXPECT_NE(next.server.state().tree.find("/n" + std::to_string(i)), restore::kNoNode)
            << "lost /n" << i << " of " << acknowledged << " acknowledged";
      before = next.server.last_zxid();
      tails += next.cuts;
      ASSERT_TRUE(next.server.start());
      Sender sender(next);
      next.loop.run_until([&] { return sender.connected() || sender.ended(); }, 3000);
      ASSERT_TRUE(sender.connected()) << "does not take anyone in after the crash";
      sender.write("/again");
      next.loop.run_until([&] { return sender.answered() == 1 || sender.ended(); }, 3000);
      ASSERT_EQ(sender.answered(), 1u);
    }
    const restore::State later = replayed(disk);
    EXPECT_EQ(later.last_zxid, before + 2) << "what was written after the crash does not replay";
    EXPECT_NE(later.tree.find("/again"), restore::kNoNode);
    for (std::size_t i = 0; i < acknowledged; ++i)
      EXPECT_NE(later.tree.find("/n" + std::to_string(i)), restore::kNoNode) << "lost later: /n" << i;
    ++lives;
  }

  SimFs fs;
  std::size_t acknowledged = 0;
  std::vector<std::string> told;                   // the log of the scenario's server
  std::uint64_t states = 0, lives = 0, tails = 0;  // disks; those that a server went on from; tails cut
};

TEST_F(Crash, AKilledProcessLosesNothingThatWasAcknowledged) {
  test::Fault fault;
  fault.action = test::Fault::Action::kKill;
  fault.kinds = test::kMutations;
  const std::uint64_t points = test::for_each_fault(
      fs, fault, [this](SimFs& disk) { return scenario(disk); },
      [this](SimFs& disk, const FaultPoint& point, const Status& outcome) { check(disk, point, outcome); });
  EXPECT_GE(points, 8u);
  std::printf("PROVE R15: %lu of %lu killed servers start with all that was acknowledged\n", lives,
              points + 1);
  EXPECT_EQ(states, points + 1);
  EXPECT_EQ(lives, states);
}

TEST_F(Crash, APowerCutLosesNothingThatWasAcknowledged) {
  test::PowerCuts cuts;
  const char* wanted = std::getenv("ZKARK_PROVE_N");
  cuts.subsets =
      wanted != nullptr && std::string_view(wanted) == "full" ? 30'000 : 12;  // full: more than 10^6 disks
  const test::PowerCutCount count = test::for_each_power_cut(
      fs, cuts, [this](SimFs& disk) { return scenario(disk); },
      [this](SimFs& disk, const FaultPoint& point, const Status& outcome) { check(disk, point, outcome); });
  std::printf("PROVE R15: %lu of %lu disks after a power cut start with all that was acknowledged\n", lives,
              count.states);
  std::printf("%lu tails were cut\n", tails);
  EXPECT_EQ(states, count.states);
  EXPECT_EQ(lives, states) << "does not start after a pure crash";
  EXPECT_GT(tails, 0u);
}

TEST_F(Crash, AFailedOperationStopsTheServerAndLosesNothingThatWasAcknowledged) {
  test::Fault fault;
  fault.kinds = test::kMutations;
  const std::uint64_t points = test::for_each_fault(
      fs, fault, [this](SimFs& disk) { return scenario(disk); },
      [this](SimFs& disk, const FaultPoint& point, const Status& outcome) { check(disk, point, outcome); });
  std::printf(
      "PROVE R15: %lu of %lu servers with one failed operation start with all that was acknowledged\n", lives,
      points + 1);
  EXPECT_EQ(lives, points + 1);
}

TEST_F(Crash, AFullDiskStopsTheServerWhichStartsAgainOnceThereIsRoom) {
  const SimFs::Snapshot empty = fs.snapshot();
  std::uint64_t full = 0, tried = 0, last_acknowledged = 0;
  for (std::uint64_t room = 0; room < 9000; room += 61) {
    SCOPED_TRACE(room);
    fs.restore(empty);
    fs.set_free_bytes(room);
    const Status outcome = scenario(fs);
    if (!outcome) {
      ++full;
      EXPECT_THAT(told, testing::Contains(testing::HasSubstr("the server stops: ")));
      EXPECT_THAT(told, testing::Contains(testing::HasSubstr("o space left")));
    }
    EXPECT_GE(acknowledged, last_acknowledged) << "less with more room";
    last_acknowledged = acknowledged;
    // As long as there is no room nothing is lost either, whether or not it starts.
    for (std::size_t i = 0; i < acknowledged; ++i)
      EXPECT_NE(booted(fs).tree.find("/n" + std::to_string(i)), restore::kNoNode) << "lost /n" << i;
    fs.set_unlimited();
    check(fs, FaultPoint{.n = room, .hit = true}, outcome);
    ++tried;
  }
  std::printf("PROVE R15: %lu of %lu servers whose disk ran full start with all that was acknowledged\n",
              lives, tried);
  EXPECT_EQ(lives, tried);
  EXPECT_GT(full, 50u);
  EXPECT_EQ(last_acknowledged, 12u) << "the last ones had room enough";
}

}  // namespace
}  // namespace zkark::server
