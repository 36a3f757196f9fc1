// The rows of the reliability scoreboard that a repository answers for: every damage is found and named, and
// every interruption leaves old state valid. Each prints "PROVE ROW: N of N". ZKARK_PROVE_N=full tries
// everything; without it a part that fits CI.
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "tests/backup/lab.h"
#include "tests/support/fault_loop.h"

namespace zkark::test {
namespace {

using namespace backup;

bool proof_in_full() {
  const char* wanted = std::getenv("ZKARK_PROVE_N");
  return wanted != nullptr && std::string_view(wanted) == "full";
}

void print_proof(const char* row, std::uint64_t good, std::uint64_t all) {
  std::printf("PROVE %s: %llu of %llu\n", row, static_cast<unsigned long long>(good),
              static_cast<unsigned long long>(all));
  EXPECT_EQ(good, all);
}

/// Counts the checks after which nothing new had failed.
struct Tally {
  std::uint64_t all = 0, good = 0;
  zkark::test::Check wrap(zkark::test::Check look) {
    return [this, look = std::move(look)](SimFs& fs, const FaultPoint& point, const Status& outcome) {
      const int before = parts();
      look(fs, point, outcome);
      ++all;
      good += parts() == before ? 1 : 0;
    };
  }
  static int parts() {
    return testing::UnitTest::GetInstance()->current_test_info()->result()->total_part_count();
  }
};

/// Kills (R5) or errors (R8) at every operation of `scenario`, which starts from the present state each time.
void prove_faults(const char* row, Lab& lab, const Fault& fault, const Scenario& scenario,
                  const zkark::test::Check& look, std::uint64_t points_min) {
  const SimFs::Snapshot start = lab.fs.snapshot();
  Tally tally;
  EXPECT_GE(for_each_fault(lab.fs, fault, scenario, tally.wrap(look)), points_min);
  print_proof(row, tally.good, tally.all);
  lab.fs.restore(start);
}

/// Power cuts at every operation (R6).
void prove_power_cuts(Lab& lab, const Scenario& scenario, const zkark::test::Check& look,
                      std::uint64_t states_min) {
  const SimFs::Snapshot start = lab.fs.snapshot();
  PowerCuts cuts;
  if (!proof_in_full()) {
    cuts.subsets = 6;
    cuts.torn = 1;
  }
  Tally tally;
  EXPECT_GE(for_each_power_cut(lab.fs, cuts, scenario, tally.wrap(look)).states, states_min);
  print_proof("R6", tally.good, tally.all);
  lab.fs.restore(start);
}

CheckReport check(Client& client) {
  auto report = check_repository(client.env(), {}, client.job);
  EXPECT_TRUE(report.has_value()) << report.error().to_string();
  return report ? std::move(*report) : CheckReport{};
}

bool names(const CheckReport& report, const std::string& file) {
  return std::any_of(report.findings.begin(), report.findings.end(), [&](const CheckFinding& found) {
    return found.finding.severity == restore::Severity::kDamage && found.finding.file == file;
  });
}

// R1: every bit of every file of a small repository.
TEST(Proof, CheckDetectsAndNamesEveryFlippedBitOfARepository) {
  Lab lab;
  const std::vector<Taken> taken = small_repository(lab.client);
  const auto files = lab.fs.tree("/repo");
  std::uint64_t flips = 0, undetected = 0, wrong_restores = 0;
  std::map<std::string, std::string> truth;
  for (const Taken& one : taken) truth[one.entry.id] = one.text;
  for (const auto& [path, content] : files) {
    for (std::uint64_t at = 0; at < content.size(); ++at) {
      // In CI one bit of every byte, another one every time; all of them when the proof is asked for.
      const unsigned first = proof_in_full() ? 0 : (at * 5 + 3) % 8;
      const unsigned last = proof_in_full() ? 8 : first + 1;
      for (unsigned bit = first; bit < last; ++bit) {
        lab.fs.flip_bit(path, at, bit);
        ++flips;
        if (!names(check(lab.client), path)) {
          ++undetected;
          ADD_FAILURE() << path << " at " << at << " bit " << bit;
        }
        if (at % 16 == 0 || proof_in_full()) {
          auto repository = Repository::open(lab.client.env(), {.salvage = true});
          if (repository.has_value())
            for (const auto& [id, text] : truth)
              if (auto back = read_segment(**repository, id); back && *back != text) ++wrong_restores;
        }
        lab.fs.flip_bit(path, at, bit);
      }
    }
  }
  EXPECT_GT(flips, 5'000u);
  EXPECT_EQ(wrong_restores, 0u);
  print_proof("R1", flips - undetected, flips);
}

// R2, in the small: cut, grown, zeroed, swapped, missing, replaced.
TEST(Proof, CheckDetectsEveryLargerDamage) {
  Lab lab;
  const std::vector<Taken> taken = small_repository(lab.client);
  const auto files = lab.fs.tree("/repo");
  const SimFs::Snapshot good = lab.fs.snapshot();
  std::uint64_t damages = 0, found = 0;
  const auto detected = [&](const std::string& path, const std::string& what) {
    ++damages;
    const bool named = names(check(lab.client), path);
    EXPECT_TRUE(named) << path << ": " << what;
    found += named ? 1 : 0;
    lab.fs.restore(good);
  };
  const std::uint64_t step = proof_in_full() ? 1 : 61;
  for (const auto& [path, content] : files) {
    for (std::uint64_t size = 0; size < content.size(); size += step) {
      lab.fs.put(path, content.substr(0, size));
      detected(path, fmt::format("cut to {}", size));
    }
    lab.fs.put(path, content + '\0');
    detected(path, "grown");
    for (std::uint64_t block : {64u, 512u, 4096u}) {
      for (std::uint64_t at = 0; at < content.size(); at += proof_in_full() ? 4 : block) {
        std::string bad = content;
        const std::uint64_t end = std::min<std::uint64_t>(at + block, bad.size());
        std::fill(bad.begin() + static_cast<std::ptrdiff_t>(at),
                  bad.begin() + static_cast<std::ptrdiff_t>(end), '\0');
        if (bad == content) continue;
        lab.fs.put(path, bad);
        detected(path, fmt::format("{} bytes zeroed at {}", block, at));
      }
    }
    for (std::uint64_t at = 0; at < content.size(); at += step) {
      lab.fs.put(path, content.substr(0, at) + "x" + content.substr(at));
      detected(path, fmt::format("a byte more at {}", at));
      lab.fs.put(path, content.substr(0, at) + content.substr(at + 1));
      detected(path, fmt::format("a byte less at {}", at));
    }
    lab.fs.erase(path);
    detected(path, "missing");
    for (const auto& [other, other_content] : files) {
      if (other_content == content) continue;
      lab.fs.put(path, other_content);
      detected(path, "replaced by " + other);
    }
  }
  EXPECT_GT(damages, 500u);
  print_proof("R2", found, damages);
}

// R14: every object in turn.
TEST(Proof, CheckFlagsExactlyTheBackupsThatDependOnALostObject) {
  Lab lab;
  const std::vector<Taken> taken = small_repository(lab.client);
  auto repository = Repository::open(lab.client.env(), {});
  const SimFs::Snapshot good = lab.fs.snapshot();
  std::uint64_t objects = 0;
  const std::vector<std::string> files = lab.fs.files("/repo/objects");
  for (const std::string& file : files) {
    lab.fs.erase(file);
    const CheckReport report = check(lab.client);
    ASSERT_EQ(report.findings.size(), 1u);
    lab.fs.restore(good);
    for (const Taken& one : taken) {
      const std::vector<std::string> closure = *(*repository)->closure(one.entry.id);
      bool needed = false;
      for (const std::string& id : closure) {
        const Manifest manifest = *(*repository)->load(id);
        for (const ObjectRef& ref : manifest.objects())
          needed = needed || "/repo/" + object_key(ref.name) == file;
      }
      EXPECT_EQ(report.damaged_backups.contains(one.entry.id), needed) << file;
    }
    ++objects;
  }
  print_proof("R14", objects, objects);
}

/// A process that starts over the same disk each time: same seed, same operations.
struct FaultLab : Lab {
  std::map<std::string, std::string> truth;  // backups acknowledged before the scenario: id -> text

  void remember(const std::vector<Taken>& taken) {
    for (const Taken& one : taken) truth[one.entry.id] = one.text;
    fs.settle();
  }

  /// Everything acknowledged is there and whole, and so is whatever else is listed.
  void expect_sound(SimFs& disk, std::uint64_t seed) {
    Client looker(disk, clock, seed);
    auto report = check_repository(looker.env(), {}, looker.job);
    ZK_ASSERT_OK(report);
    for (const CheckFinding& found : report->findings)
      EXPECT_NE(found.finding.severity, restore::Severity::kDamage)
          << found.finding.message << " " << found.finding.file;
    auto repository = Repository::open(looker.env(), {});
    ZK_ASSERT_OK(repository);
    for (const auto& [id, text] : truth) {
      auto back = read_segment(**repository, id);
      ZK_ASSERT_OK(back);
      EXPECT_EQ(*back, text);
    }
    for (const HeadEntry& entry : (*repository)->entries())
      ZK_EXPECT_OK(read_segment(**repository, entry.id));
  }

  /// The next run works and leaves a repository without a trace of the accident.
  void expect_next_run_works(SimFs& disk) {
    Client next(disk, clock, 99);
    auto taken = take(next, {.text = "after the accident"});
    ZK_ASSERT_OK(taken);
    auto report = check_repository(next.env(), {}, next.job);
    ZK_ASSERT_OK(report);
    for (const CheckFinding& found : report->findings)
      EXPECT_EQ(found.finding.file.find("/repo/tmp"), std::string::npos) << found.finding.message;
    EXPECT_TRUE(report->ok());
  }
};

Fault kill_at_each() {
  Fault fault;
  fault.action = Fault::Action::kKill;
  fault.kinds = kMutations;
  fault.partial_percent = 50;
  return fault;
}

Fault error_at_each(int number) {
  Fault fault;
  fault.error_number = number;
  fault.partial_percent = number == ENOSPC ? 50 : 0;
  return fault;
}

TEST(Proof, InitIsCompleteOrRepeatable) {
  FaultLab lab;
  const Scenario scenario = [&](SimFs& fs) -> Status {
    Client client(fs, lab.clock, 5);
    ZK_TRY_STATUS(init_repository(client.env(), "none", client.job));
    return {};
  };
  const zkark::test::Check look = [&](SimFs& fs, const FaultPoint&, const Status& outcome) {
    Client next(fs, lab.clock, 6);
    auto opened = Repository::open(next.env(), {});
    if (!opened) {
      EXPECT_FALSE(outcome.has_value()) << "acknowledged, but not there";
      ASSERT_EQ(error_of(opened), ErrorId::kNoRepository);
      ZK_ASSERT_OK(init_repository(next.env(), "none", next.job));
    }
    lab.expect_next_run_works(fs);
  };
  prove_faults("R5", lab, kill_at_each(), scenario, look, 15);
  prove_faults("R8", lab, error_at_each(EIO), scenario, look, 30);
  prove_power_cuts(lab, scenario, look, 100);
}

/// A first full and an increment, as one run each.
Status two_backups(SimFs& fs, SimClock& clock) {
  Client client(fs, clock, 5);
  ZK_TRY(Taken full, take(client, {.cluster = "new", .text = sample_text(3000, 21)}));
  ZK_TRY_STATUS(take(client, {.cluster = "new", .parent = full.entry.id, .text = sample_text(200, 22)}));
  return {};
}

TEST(Proof, ABackupKilledAtAnyOperationIsAbsentOrWhole) {
  FaultLab lab;
  lab.remember(small_repository(lab.client));
  prove_faults(
      "R5", lab, kill_at_each(), [&](SimFs& fs) { return two_backups(fs, lab.clock); },
      [&](SimFs& fs, const FaultPoint& point, const Status& outcome) {
        EXPECT_EQ(outcome.has_value(), !point.hit);
        lab.expect_sound(fs, 50);
        lab.expect_next_run_works(fs);
      },
      40);
}

TEST(Proof, ABackupThatLosesPowerAtAnyOperationIsAbsentOrWhole) {
  FaultLab lab;
  lab.remember(small_repository(lab.client));
  prove_power_cuts(
      lab, [&](SimFs& fs) { return two_backups(fs, lab.clock); },
      [&](SimFs& fs, const FaultPoint&, const Status& outcome) {
        lab.expect_sound(fs, 50);
        if (outcome) {
          Client looker(fs, lab.clock, 51);
          EXPECT_EQ((*Repository::open(looker.env(), {}))->entries().size(), 6u) << "acknowledged, but gone";
        }
        lab.expect_next_run_works(fs);
      },
      400);
}

// A killed run leaves names that no sync made durable; the next run relies on them, and then the power goes.
TEST(Proof, ABackupAfterAKilledOneSurvivesAPowerCut) {
  FaultLab lab;
  lab.remember(small_repository(lab.client));
  const SimFs::Snapshot start = lab.fs.snapshot();
  std::uint64_t kills = 0;
  for (std::uint64_t n = 1;; ++n) {
    lab.fs.restore(start);
    Fault fault = kill_at_each();
    fault.at = n;
    lab.fs.arm(fault);
    static_cast<void>(two_backups(lab.fs, lab.clock).has_value());
    if (!lab.fs.hit()) break;
    ++kills;
    lab.fs.restart();
    Client next(lab.fs, lab.clock, 6);
    auto repeated = take(next, {.cluster = "new", .text = sample_text(3000, 21)});
    ZK_ASSERT_OK(repeated);
    const SimFs::Snapshot done = lab.fs.snapshot();
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      lab.fs.restore(done);
      lab.fs.power_cut(seed == 0 ? Survival{Survival::Kind::kNothing, 0}
                                 : Survival{Survival::Kind::kSubset, seed});
      SCOPED_TRACE(n);
      lab.expect_sound(lab.fs, 50);
      Client looker(lab.fs, lab.clock, 51);
      auto repository = Repository::open(looker.env(), {});
      ZK_ASSERT_OK(repository);
      ZK_EXPECT_OK(read_segment(**repository, repeated->entry.id));
    }
  }
  EXPECT_GT(kills, 40u);
}

// The power goes while the second run is at it: nothing it relies on may still hang in the air.
TEST(Proof, ARunAfterAKilledOneSurvivesAPowerCutAtAnyOperation) {
  const auto backup = [](Client& client) -> Status {
    ZK_TRY_STATUS(take(client, {.cluster = "new", .text = sample_text(3000, 21)}));
    return {};
  };
  FaultLab lab;
  std::vector<Taken> taken = small_repository(lab.client);
  const std::string going = taken[2].entry.id;
  lab.clock.advance_ms(48 * 3600'000);
  taken.erase(taken.begin() + 2);
  lab.remember(taken);
  const auto prune = [&](Client& client) -> Status {
    ZK_TRY(auto writer,
           RepositoryWriter::begin(client.env(), {LockKind::kExclusive, "prune", 0}, client.job));
    std::vector<std::string> ids;
    if (writer->repository().find(going) != nullptr) ids.push_back(going);
    ZK_TRY_STATUS(writer->prune(ids, {.grace_ms = 0}, client.job));
    return writer->end();
  };
  const SimFs::Snapshot start = lab.fs.snapshot();
  Tally tally;
  std::uint64_t kills = 0;
  using Work = std::function<Status(Client&)>;
  for (const auto& [first, second] :
       std::vector<std::pair<Work, Work>>{{backup, backup}, {prune, prune}, {backup, prune}}) {
    for (std::uint64_t n = 1;; ++n) {
      lab.fs.restore(start);
      // Just before a sync of a directory is when names hang in the air.
      Fault fault = kill_at_each();
      fault.kinds = op(OpKind::kSyncDir);
      fault.at = n;
      lab.fs.arm(fault);
      Client one(lab.fs, lab.clock, 5);
      static_cast<void>(first(one).has_value());
      if (!lab.fs.hit()) break;
      ++kills;
      lab.fs.restart();
      PowerCuts cuts;
      cuts.subsets = proof_in_full() ? 16 : 1;
      cuts.torn = 0;
      cuts.every_prefix = proof_in_full();
      const auto scenario = [&, &second = second](SimFs& fs) -> Status {
        Client two(fs, lab.clock, 6);
        return second(two);
      };
      for_each_power_cut(lab.fs, cuts, scenario, tally.wrap([&](SimFs& fs, const FaultPoint&, const Status&) {
        lab.expect_sound(fs, 50);
      }));
    }
  }
  EXPECT_GT(kills, 25u);
  print_proof("R6", tally.good, tally.all);
}

TEST(Proof, ABackupRefusedAnyOperationFailsCleanlyOrSucceeds) {
  Fault lost_answer = error_at_each(EIO);
  lost_answer.action = Fault::Action::kFailAfterDoing;
  for (const Fault& fault : {error_at_each(EIO), error_at_each(ENOSPC), lost_answer}) {
    FaultLab lab;
    lab.remember(small_repository(lab.client));
    prove_faults(
        "R8", lab, fault, [&](SimFs& fs) { return two_backups(fs, lab.clock); },
        [&](SimFs& fs, const FaultPoint&, const Status& outcome) {
          lab.expect_sound(fs, 50);
          if (outcome) {
            Client looker(fs, lab.clock, 51);
            EXPECT_EQ((*Repository::open(looker.env(), {}))->entries().size(), 6u);
          }
          lab.expect_next_run_works(fs);
        },
        100);
  }
}

TEST(Proof, AFullDiskFailsTheBackupAndNothingElse) {
  FaultLab lab;
  lab.remember(small_repository(lab.client));
  const SimFs::Snapshot start = lab.fs.snapshot();
  std::uint64_t failed = 0;
  for (std::uint64_t room = 0; room < 20'000; room += 97) {
    lab.fs.restore(start);
    lab.fs.set_free_bytes(room);
    // Past the estimate: the check of free space would refuse at once.
    Client client(lab.fs, lab.clock, 5);
    const auto run = [&]() -> Status {
      ZK_TRY(auto writer,
             RepositoryWriter::begin(client.env(), {LockKind::kExclusive, "backup", 0}, client.job));
      Manifest manifest;
      StoredSegment segment;
      ZK_TRY(segment.data, writer->store(ObjectKind::kSegment, as_bytes(noise(5000, 1))));
      manifest.segments.push_back(segment);
      ZK_TRY_STATUS(writer->publish(std::move(manifest), client.job));
      return writer->end();
    };
    const Status outcome = run();
    if (!outcome) {
      ++failed;
      EXPECT_EQ(error_of(outcome), ErrorId::kDiskFull) << room;
    }
    lab.fs.set_unlimited();
    lab.expect_sound(lab.fs, 50);
    lab.expect_next_run_works(lab.fs);
  }
  EXPECT_GT(failed, 50u);
}

TEST(Proof, PruneInterruptedAnywhereLosesNothingThatIsLive) {
  FaultLab lab;
  std::vector<Taken> taken = small_repository(lab.client);
  const std::string going = taken[2].entry.id;
  lab.clock.advance_ms(48 * 3600'000);
  // `going` may be listed or not, but then it must be whole too: expect_sound reads whatever is listed.
  taken.erase(taken.begin() + 2);
  lab.remember(taken);
  const Scenario scenario = [&](SimFs& fs) -> Status {
    Client client(fs, lab.clock, 5);
    ZK_TRY(auto writer,
           RepositoryWriter::begin(client.env(), {LockKind::kExclusive, "prune", 0}, client.job));
    ZK_TRY_STATUS(writer->prune({going}, {.grace_ms = 0}, client.job));
    return writer->end();
  };
  const zkark::test::Check look = [&](SimFs& fs, const FaultPoint&, const Status& outcome) {
    lab.expect_sound(fs, 50);
    Client next(fs, lab.clock, 60);
    if (outcome) {
      EXPECT_EQ((*Repository::open(next.env(), {}))->find(going), nullptr);
    }
    auto writer = RepositoryWriter::begin(next.env(), {LockKind::kExclusive, "prune", 0}, next.job);
    ZK_ASSERT_OK(writer);
    const bool listed = (*writer)->repository().find(going) != nullptr;
    ZK_ASSERT_OK((*writer)->prune(listed ? std::vector<std::string>{going} : std::vector<std::string>{},
                                  {.grace_ms = 0}, next.job));
    ZK_ASSERT_OK((*writer)->end());
    EXPECT_EQ(fs.get("/repo/" + manifest_key(going)), std::nullopt) << "the next run finishes the work";
    EXPECT_EQ(fs.files("/repo/objects").size(), 4u);
    lab.expect_sound(fs, 51);
  };
  prove_faults("R5", lab, kill_at_each(), scenario, look, 20);
  prove_faults("R8", lab, error_at_each(EIO), scenario, look, 40);
  prove_power_cuts(lab, scenario, look, 150);
}

TEST(Proof, TaggingIsAllOrNothing) {
  FaultLab lab;
  std::vector<Taken> taken = small_repository(lab.client);
  const std::string id = taken[0].entry.id;
  lab.remember(taken);
  const Scenario scenario = [&](SimFs& fs) -> Status {
    Client client(fs, lab.clock, 5);
    ZK_TRY(auto writer, RepositoryWriter::begin(client.env(), {LockKind::kExclusive, "tag", 0}, client.job));
    ZK_TRY_STATUS(writer->set_tags(id, {{"new", "tag"}}));
    return writer->end();
  };
  const zkark::test::Check look = [&](SimFs& fs, const FaultPoint&, const Status& outcome) {
    lab.expect_sound(fs, 50);
    Client looker(fs, lab.clock, 51);
    const auto tags = (*Repository::open(looker.env(), {}))->load(id)->tags;
    EXPECT_TRUE(tags.size() == 1 || !outcome.has_value());
    EXPECT_EQ(tags, tags.empty() ? decltype(tags){} : (decltype(tags){{"new", "tag"}}));
  };
  prove_faults("R5", lab, kill_at_each(), scenario, look, 10);
  prove_power_cuts(lab, scenario, look, 100);
}

// R13, in the small: while one actor stands at its operation N, the other does all of its work.
TEST(Proof, TwoActorsEndWithBothValidOrOneCleanRefusal) {
  using Work = std::function<Status(Client&, FaultLab&)>;
  const auto backup = [](std::uint64_t seed) -> Work {
    return [seed](Client& client, FaultLab&) -> Status {
      ZK_TRY_STATUS(take(client, {.text = sample_text(400, seed)}));
      return {};
    };
  };
  const Work prune = [](Client& client, FaultLab&) -> Status {
    ZK_TRY(auto writer,
           RepositoryWriter::begin(client.env(), {LockKind::kExclusive, "prune", 0}, client.job));
    ZK_TRY_STATUS(writer->prune({}, {.grace_ms = 0}, client.job));
    return writer->end();
  };
  std::uint64_t interleavings = 0, refused = 0, both = 0;
  for (const auto& [first, second] : std::vector<std::pair<Work, Work>>{
           {backup(31), backup(32)}, {backup(31), prune}, {prune, backup(32)}, {prune, prune}}) {
    FaultLab lab;
    lab.remember(small_repository(lab.client));
    const SimFs::Snapshot start = lab.fs.snapshot();
    for (int at = 1;; ++at) {
      lab.fs.restore(start);
      Client one(lab.fs, lab.clock, 5), two(lab.fs, lab.clock, 6);
      for (Client* client : {&one, &two})
        for (Client* other : {&one, &two})
          client->system.processes[other->system.own_pid] =
              *other->system.process_identity(other->system.own_pid);
      int n = 0;
      bool inside = false;
      Status second_outcome;
      lab.fs.set_hook([&, &second = second](const Operation&) {
        if (inside || ++n != at) return;
        inside = true;
        second_outcome = second(two, lab);
      });
      const Status first_outcome = first(one, lab);
      lab.fs.set_hook(nullptr);
      if (!inside) break;
      ++interleavings;
      SCOPED_TRACE(at);
      for (const Status* outcome : std::initializer_list<const Status*>{&first_outcome, &second_outcome})
        if (!*outcome) {
          ++refused;
          EXPECT_EQ(error_of(*outcome), ErrorId::kLocked) << outcome->error().to_string();
        }
      EXPECT_TRUE(first_outcome.has_value() || second_outcome.has_value());
      if (first_outcome && second_outcome) ++both;
      lab.expect_sound(lab.fs, 50);
    }
  }
  EXPECT_GT(interleavings, 100u);
  EXPECT_GT(refused, 50u);
  EXPECT_GT(both, 10u);
}

/// Lets two threads take turns, one I/O operation at a time, in an order that a seed decides.
class TurnTaker {
 public:
  explicit TurnTaker(std::uint64_t seed) : random_(seed) {}

  /// Runs both to their end. Their operations must come through `fs`.
  void run(SimFs& fs, const std::function<void()>& one, const std::function<void()>& two) {
    fs.set_hook([this](const Operation&) { take_turn(); });
    std::thread first([&] { act(0, one); }), second([&] { act(1, two); });
    first.join();
    second.join();
    fs.set_hook(nullptr);
  }

 private:
  void act(int actor, const std::function<void()>& work) {
    self_ = actor;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return turn_ == actor || done_[1 - actor]; });
    }
    work();
    const std::lock_guard lock(mutex_);
    done_[actor] = true;
    turn_ = 1 - actor;
    wake_.notify_all();
  }

  void take_turn() {
    std::unique_lock lock(mutex_);
    if (done_[1 - self_]) return;
    turn_ = static_cast<int>(random_.below(2));
    wake_.notify_all();
    wake_.wait(lock, [&] { return turn_ == self_ || done_[1 - self_]; });
  }

  static thread_local int self_;
  SimRandom random_;
  std::mutex mutex_;
  std::condition_variable wake_;
  int turn_ = 0;
  bool done_[2] = {false, false};
};
thread_local int TurnTaker::self_ = 0;

TEST(Proof, TwoActorsTakingTurnsInAnyOrderLoseNothing) {
  FaultLab lab;
  lab.remember(small_repository(lab.client));
  const SimFs::Snapshot start = lab.fs.snapshot();
  const std::uint64_t rounds = proof_in_full() ? 20'000 : 100;
  std::uint64_t good = 0, refused = 0, both = 0;
  for (std::uint64_t seed = 1; seed <= rounds; ++seed) {
    SCOPED_TRACE(seed);
    lab.fs.restore(start);
    const int before = Tally::parts();
    Client one(lab.fs, lab.clock, 10 + seed % 7), two(lab.fs, lab.clock, 30 + seed % 5);
    for (Client* client : {&one, &two})
      for (Client* other : {&one, &two})
        client->system.processes[other->system.own_pid] =
            *other->system.process_identity(other->system.own_pid);
    Status outcomes[2];
    const auto backup = [&](Client& client, int index) {
      Result<Taken> taken =
          take(client, {.text = sample_text(400, seed * 2 + static_cast<std::uint64_t>(index)),
                        .wait_ms = seed % 3 == 0 ? 600'000 : 0});
      outcomes[index] = taken ? Status() : Status(fail(std::move(taken).error()));
    };
    const auto prune = [&](Client& client, int index) {
      const auto work = [&]() -> Status {
        ZK_TRY(auto writer,
               RepositoryWriter::begin(client.env(), {LockKind::kExclusive, "prune", 0}, client.job));
        ZK_TRY_STATUS(writer->prune({}, {.grace_ms = 0}, client.job));
        return writer->end();
      };
      outcomes[index] = work();
    };
    TurnTaker turns(seed);
    turns.run(
        lab.fs, [&] { backup(one, 0); }, [&] { seed % 2 == 0 ? backup(two, 1) : prune(two, 1); });
    for (const Status& outcome : outcomes)
      if (!outcome) {
        ++refused;
        EXPECT_EQ(error_of(outcome), ErrorId::kLocked) << outcome.error().to_string();
      }
    EXPECT_TRUE(outcomes[0].has_value() || outcomes[1].has_value());
    both += outcomes[0] && outcomes[1] ? 1 : 0;
    lab.expect_sound(lab.fs, 50);
    good += Tally::parts() == before ? 1 : 0;
  }
  EXPECT_GT(refused, rounds / 10);
  EXPECT_GT(both, rounds / 20);
  print_proof("R13", good, rounds);
}

}  // namespace
}  // namespace zkark::test
