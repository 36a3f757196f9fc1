// An exact base made inside the repository, behaviour by behaviour.
#include "src/backup/compact.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "formats/adler32.h"
#include "restore/verify.h"
#include "tests/backup/take/take_lab.h"

namespace zkark::test {
namespace {

using namespace backup;

class Compact : public testing::Test, protected TakeLab {
 protected:
  TakeReport take(const std::string& dir, const TakeOptions& options = {}) {
    auto report = process.take(dir, options);
    EXPECT_TRUE(report) << report.error().to_string();
    return report ? std::move(report).value() : TakeReport{};
  }
  Result<CompactReport> try_compact(const CompactOptions& options = {}) {
    Job job;
    return backup::compact(process.env(), options, job);
  }
  CompactReport compact(const CompactOptions& options = {}) {
    auto report = try_compact(options);
    EXPECT_TRUE(report) << report.error().to_string();
    return report ? std::move(report).value() : CompactReport{};
  }
  CompactReport compact_at(std::int64_t point) {
    CompactOptions options;
    options.at = point;
    return compact(options);
  }
  std::unique_ptr<Repository> open() {
    auto repository = process.open();
    EXPECT_TRUE(repository) << repository.error().to_string();
    return std::move(repository).value();
  }
  /// Every restorable point of a timeline and the state there.
  std::map<std::int64_t, std::uint64_t> states(const std::string& timeline = {}) {
    std::map<std::int64_t, std::uint64_t> all;
    auto repository = open();
    auto view = TimelineView::open(*repository, timeline);
    EXPECT_TRUE(view) << view.error().to_string();
    std::vector<std::int64_t> points = *view->records();
    for (const Manifest& manifest : view->manifests())
      for (const StoredBase& base : manifest.bases)
        if (base.fuzzy_end == base.zxid) points.push_back(base.zxid);
    for (const Window& window : view->windows())
      for (const std::int64_t zxid : points) {
        if (zxid < window.first_zxid || zxid > window.last_zxid) continue;
        auto rebuilt = view->rebuild(zxid);
        EXPECT_TRUE(rebuilt) << zxid_text(zxid) << ": " << rebuilt.error().to_string();
        if (rebuilt) all[zxid] = hash_of(rebuilt->replay.state);
      }
    return all;
  }
  /// Takes every backup out that no kept one needs, data too.
  void prune_all_but(const std::vector<std::string>& kept) {
    Job job;
    auto writer = RepositoryWriter::begin(process.env(), {LockKind::kExclusive, "prune", 0}, job);
    ASSERT_TRUE(writer) << writer.error().to_string();
    std::vector<std::string> going;
    for (const HeadEntry& entry : (*writer)->repository().entries())
      if (std::find(kept.begin(), kept.end(), entry.id) == kept.end()) going.push_back(entry.id);
    PruneOptions options;
    options.grace_ms = 0;
    auto pruned = (*writer)->prune(going, options, job);
    ASSERT_TRUE(pruned) << pruned.error().to_string();
    ZK_ASSERT_OK((*writer)->end());
  }
  /// As `verify --replay=all` does: the repository's own files, then everything replayed.
  void expect_sound(const std::string& timeline = {}) {
    Job job;
    auto checked = check_repository(process.env(), {}, job);
    ASSERT_TRUE(checked) << checked.error().to_string();
    for (const CheckFinding& found : checked->findings)
      ADD_FAILURE() << found.finding.message << " " << found.finding.file;
    auto repository = open();
    auto source = open_timeline(*repository, "default", timeline, "repo");
    ASSERT_TRUE(source) << source.error().to_string();
    auto verified = restore::verify(**source, restore::VerifyDepth::kReplayAll, process.executor, job);
    ASSERT_TRUE(verified) << verified.error().to_string();
    for (const restore::Finding& finding : verified->findings)
      if (finding.severity != restore::Severity::kNote) ADD_FAILURE() << finding.message;
  }
  /// A chain of a full and increments across rolls; the last zxid.
  std::int64_t chain(SimMember& member, int increments = 3) {
    for (int i = 0; i <= increments; ++i) {
      member.write(12);
      if (i % 2 == 1) member.snapshot();
      take("/data");
    }
    return member.last_zxid();
  }
  /// Another digest in one record, with a checksum that fits.
  void spoil_digest(const std::string& path, std::int64_t zxid) {
    std::string log = *fs.get(path);
    for (std::size_t at = 16;;) {
      const Bytes bytes = as_bytes(log);
      const auto size = load_u32(bytes.data() + at + 8);
      ASSERT_GT(size, 0u) << "no such record";
      if (load_i64(bytes.data() + at + 12 + 12) != zxid) {
        at += 12 + size + 1;
        continue;
      }
      log[at + 12 + size - 1] ^= 1;
      std::byte sum[8];
      store_u64(sum, adler32(as_bytes(log).subspan(at + 12, size)));
      log.replace(at, 8, as_text(sum));
      break;
    }
    fs.put(path, log);
  }
  static void expect_from(const std::map<std::int64_t, std::uint64_t>& before,
                          const std::map<std::int64_t, std::uint64_t>& after, std::int64_t point) {
    EXPECT_TRUE(after.contains(point));
    for (const auto& [zxid, state] : before) {
      if (zxid < point) continue;
      const auto at = after.find(zxid);
      ASSERT_NE(at, after.end()) << zxid_text(zxid) << " cannot be restored any more";
      EXPECT_EQ(at->second, state) << zxid_text(zxid);
    }
    for (const auto& [zxid, state] : after) {
      const auto at = before.find(zxid);
      if (at == before.end()) continue;
      EXPECT_EQ(at->second, state) << zxid_text(zxid);
    }
  }
};

TEST_F(Compact, OfTheNewestPointStandsAlone) {
  SimMember member(fs, "/data", 60, ledger);
  const std::int64_t last = chain(member);
  const auto before = states();
  const auto report = compact();
  ASSERT_TRUE(report.published);
  EXPECT_EQ(report.point, last);
  EXPECT_EQ(report.manifest.type, BackupType::kCompact);
  EXPECT_TRUE(report.manifest.needs().empty());
  EXPECT_EQ(report.manifest.certificate.grade, restore::ProofGrade::kProven);
  EXPECT_EQ(report.manifest.znodes, member.state().tree.size());
  EXPECT_EQ(states(), before);
  prune_all_but({report.published->id});
  expect_from(before, states(), last);
  EXPECT_TRUE(ledger.existed(last, states().at(last)));
  expect_sound();
}

TEST_F(Compact, EveryPointFromItOnIsTheSameAfterThePruneWhereverItIsMade) {
  SimMember member(fs, "/data", 61, ledger);
  chain(member);
  const auto before = states();
  const SimFs::Snapshot start = fs.snapshot();
  for (std::int64_t point = 1; point <= member.last_zxid(); point += 3) {
    SCOPED_TRACE(zxid_text(point));
    fs.restore(start);
    const auto report = compact_at(point);
    ASSERT_TRUE(report.published);
    prune_all_but({report.published->id});
    expect_from(before, states(), point);
    expect_sound();
  }
}

TEST_F(Compact, OfAnOlderPointGoesOnWithIncrementsAfterThePrune) {
  SimMember member(fs, "/data", 62, ledger);
  chain(member);
  const auto report = compact_at(20);
  EXPECT_EQ(report.manifest.certificate.grade, restore::ProofGrade::kPartly)
      << "what follows is not replayed";
  EXPECT_FALSE(report.manifest.znodes);
  const auto before = states();
  prune_all_but({report.published->id});
  member.write(9);
  const auto next = take("/data");
  EXPECT_EQ(next.manifest.type, BackupType::kIncr);
  EXPECT_EQ(next.manifest.parent, report.published->id);
  EXPECT_EQ(next.manifest.records(), 9u);
  EXPECT_EQ(next.manifest.windows.size(), 1u);
  const auto after = states();
  expect_from(before, after, 20);
  EXPECT_TRUE(ledger.existed(member.last_zxid(), after.at(member.last_zxid())));
  expect_sound();
}

TEST_F(Compact, IncrementsGoOnFromItWhileTheOldChainIsStillThere) {
  SimMember member(fs, "/data", 63, ledger);
  chain(member);
  const auto report = compact();
  EXPECT_FALSE(take("/data").published) << "nothing new";
  member.write(5);
  const auto next = take("/data");
  EXPECT_EQ(next.manifest.parent, report.published->id);
  EXPECT_EQ(next.manifest.records(), 5u);
}

TEST_F(Compact, ASecondTimeThereIsNothingToDo) {
  SimMember member(fs, "/data", 64, ledger);
  chain(member);
  const auto first = compact();
  const auto files = fs.tree("/repo");
  const auto second = compact();
  EXPECT_FALSE(second.published);
  EXPECT_TRUE(second.already);
  EXPECT_EQ(second.manifest.id, first.published->id);
  EXPECT_EQ(fs.tree("/repo"), files);
  CompactOptions tagged;
  tagged.tags["why"] = "audit";
  EXPECT_TRUE(compact(tagged).published);
  member.write(3);
  take("/data");
  const auto third = compact();
  ASSERT_TRUE(third.published);
  EXPECT_EQ(third.point, member.last_zxid());
  prune_all_but({third.published->id});
  expect_sound();
}

TEST_F(Compact, ADryRunStoresNothing) {
  SimMember member(fs, "/data", 65, ledger);
  chain(member);
  const auto files = fs.tree("/repo");
  CompactOptions options;
  options.dry_run = true;
  const auto report = compact(options);
  EXPECT_FALSE(report.published);
  EXPECT_EQ(report.point, member.last_zxid());
  EXPECT_GT(report.replayed_txns, 0u);
  EXPECT_EQ(fs.tree("/repo"), files);
}

TEST_F(Compact, OfAChainWithAGapKeepsTheGapAndTheWindows) {
  SimMember member(fs, "/data", 66, ledger);
  member.write(30);
  take("/data");
  for (int i = 0; i < 6; ++i) {
    member.write(10);
    member.snapshot();
  }
  member.purge(2);
  take("/data");
  member.write(5);
  take("/data");
  const auto before = states();
  const SimFs::Snapshot start = fs.snapshot();
  // Before the hole: it and everything behind it stay.
  auto report = compact_at(25);
  ASSERT_EQ(report.manifest.gaps.size(), 1u);
  EXPECT_EQ(report.manifest.gaps[0].after_zxid, 30);
  ASSERT_EQ(report.manifest.windows.size(), 2u);
  prune_all_but({report.published->id});
  expect_from(before, states(), 25);
  fs.restore(start);
  // Behind it: what lies before goes with the old chain.
  report = compact();
  EXPECT_TRUE(report.manifest.gaps.empty());
  ASSERT_FALSE(report.manifest.windows.empty());
  prune_all_but({report.published->id});
  expect_from(before, states(), member.last_zxid());
  expect_sound();
}

TEST_F(Compact, APointInAGapIsRefused) {
  SimMember member(fs, "/data", 67, ledger);
  member.write(30);
  take("/data");
  for (int i = 0; i < 6; ++i) {
    member.write(10);
    member.snapshot();
  }
  member.purge(2);
  take("/data");
  const auto files = fs.tree("/repo");
  CompactOptions options;
  options.at = 35;
  auto report = try_compact(options);
  ASSERT_FALSE(report);
  EXPECT_EQ(exit_code(report.error().id()), 5) << report.error().to_string();
  EXPECT_NE(report.error().hint().find("0x1e"), std::string::npos) << report.error().hint();
  EXPECT_EQ(fs.tree("/repo"), files);
}

// The segment of the last record comes along although it lies before the point: the hole behind it must stay.
TEST_F(Compact, AHoleBetweenTheLastRecordAndTheBaseIsNotClosed) {
  SimMember member(fs, "/data", 68, ledger), leader(fs, "/leader", 69, ledger);
  leader.begin_epoch(1);
  for (int i = 0; i < 20; ++i) member.receive(leader.write());
  take("/data");
  leader.write(10);
  member.take_snapshot_of(leader);
  take("/data");
  const auto report = compact();
  EXPECT_EQ(report.point, leader.last_zxid());
  ASSERT_EQ(report.manifest.gaps.size(), 1u);
  EXPECT_EQ(report.manifest.gaps[0].after_zxid, 0x100000014);
  prune_all_but({report.published->id});
  for (int i = 0; i < 4; ++i) member.receive(leader.write());
  take("/data");
  const auto after = states();
  for (const auto& [zxid, state] : after) EXPECT_TRUE(ledger.existed(zxid, state)) << zxid_text(zxid);
  EXPECT_TRUE(after.contains(leader.last_zxid()));
  EXPECT_FALSE(after.contains(0x100000015));
}

TEST_F(Compact, OfAnOlderTimelineDoesNotBecomeTheLatest) {
  SimMember a(fs, "/data", 70, ledger), b(fs, "/b", 71, ledger);
  for (int i = 0; i < 20; ++i) b.receive(a.write());
  a.write(5);
  const std::string old = take("/data").manifest.timeline.id;
  clock.advance_ms(1000);
  b.write(9);
  const auto forked = take("/b");
  ASSERT_NE(forked.manifest.timeline.id, old);
  const auto before = states(old);
  clock.advance_ms(1000);
  CompactOptions options;
  options.timeline = old;
  const auto report = compact(options);
  EXPECT_EQ(report.manifest.timeline.id, old);
  EXPECT_EQ(report.point, 25);
  auto repository = open();
  EXPECT_EQ(repository->newest("default")->id, forked.published->id);
  EXPECT_EQ(repository->newest("default", old)->id, report.published->id);
  EXPECT_EQ((*repository->resolve("default", "latest")).id, forked.published->id);
  // The same when a power cut left it to be adopted.
  prune_all_but({forked.published->id, report.published->id});
  expect_from(before, states(old), 25);
  expect_sound(old);
  // A member of the old timeline that comes back goes on from the compact.
  a.write(2);
  EXPECT_EQ(take("/data").manifest.parent, report.published->id);
}

TEST_F(Compact, AnAdoptedCompactOfAnOlderTimelineDoesNotBecomeTheLatest) {
  SimMember a(fs, "/data", 72, ledger), b(fs, "/b", 73, ledger);
  for (int i = 0; i < 20; ++i) b.receive(a.write());
  a.write(5);
  CompactOptions options;
  options.timeline = take("/data").manifest.timeline.id;
  b.write(9);
  const auto forked = take("/b");
  const std::string head = *fs.get("/repo/HEAD");
  clock.advance_ms(1000);
  const auto report = compact(options);
  fs.put("/repo/HEAD", head);
  auto repository = open();
  ASSERT_NE(repository->find(report.published->id), nullptr);
  EXPECT_EQ(repository->newest("default")->id, forked.published->id);
}

// The tail of one member may be cut off by the next leader. A base that held it would be of no history.
TEST_F(Compact, StopsBeforeWhatIsUnconfirmed) {
  SimMember a(fs, "/data", 74, ledger), b(fs, "/b", 75, ledger);
  for (int i = 0; i < 20; ++i) b.receive(a.write());
  a.write(5);  // never committed
  TakeOptions asked;
  asked.last_applied = [] { return std::optional<std::int64_t>(20); };
  take("/data", asked);
  const auto report = compact();
  EXPECT_EQ(report.point, 20);
  EXPECT_EQ(report.manifest.last_zxid, 25);
  EXPECT_EQ(report.manifest.unconfirmed_from, 21);
  prune_all_but({report.published->id});
  expect_sound();
  // It was cut off: the new timeline forks where the base stands.
  b.write(9);
  const auto forked = take("/b");
  EXPECT_EQ(forked.manifest.timeline.fork_zxid, 20);
  EXPECT_TRUE(ledger.existed(29, states().at(29)));
  // Who wants it all the same, names it.
  CompactOptions options;
  options.timeline = report.manifest.timeline.id;
  options.at = 25;
  EXPECT_EQ(compact(options).point, 25);
}

TEST_F(Compact, AnIncrementThatConfirmsTheTailMakesItCompactable) {
  SimMember member(fs, "/data", 76, ledger);
  member.write(25);
  TakeOptions asked;
  asked.last_applied = [] { return std::optional<std::int64_t>(20); };
  take("/data", asked);
  const auto first = compact();
  EXPECT_EQ(first.point, 20);
  member.write(5);
  take("/data");
  const auto second = compact();
  EXPECT_EQ(second.point, 30);
  EXPECT_FALSE(second.manifest.unconfirmed_from);
}

TEST_F(Compact, PublishesNothingWhenTheReplayDiffersFromTheServersDigests) {
  SimMember member(fs, "/data", 77, ledger);
  member.write(30);
  spoil_digest(member.path_of("log.1"), 20);
  TakeOptions unproven;
  unproven.prove = false;
  take("/data", unproven);
  const auto files = fs.tree("/repo");
  for (const bool dry : {true, false}) {
    CompactOptions options;
    options.dry_run = dry;
    auto report = try_compact(options);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().id(), ErrorId::kDigestMismatch) << report.error().to_string();
    EXPECT_EQ(fs.tree("/repo"), files);
  }
  EXPECT_EQ(compact_at(19).point, 19) << "what lies before is proven";
}

TEST_F(Compact, OfNothingSaysWhatIsMissing) {
  auto none = try_compact();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().id(), ErrorId::kNotFound);
  SimMember member(fs, "/data", 78, ledger);
  member.write(5);
  take("/data");
  CompactOptions options;
  options.timeline = "0123456789abcdef";
  auto unknown = try_compact(options);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().id(), ErrorId::kNotFound);
  EXPECT_NE(unknown.error().to_string().find("timeline 01234567"), std::string::npos)
      << unknown.error().to_string();
}

TEST_F(Compact, KeepsConfigurationAndLandmarks) {
  load_dir(fs, "fixtures/zk-3.8.0-standalone", "/data");
  const auto taken = take("/data");
  const auto report = compact_at(0x20);
  EXPECT_EQ(report.manifest.config, taken.manifest.config);
  EXPECT_EQ(report.manifest.landmarks, taken.manifest.landmarks) << "of now, not of the old point";
  EXPECT_EQ(report.manifest.source.server_id, taken.manifest.source.server_id);
  EXPECT_EQ(report.manifest.source.kind, "repository");
}

TEST_F(Compact, WaitsForTheLockAndSeesWhatWasPublishedMeanwhile) {
  SimMember member(fs, "/data", 79, ledger);
  member.write(10);
  take("/data");
  Process other(fs, clock, 2);
  other.system.own_pid = process.system.own_pid + 1;
  process.system.processes[other.system.own_pid] = "sim-boot/1";
  Job job;
  auto writer = RepositoryWriter::begin(other.env(), {LockKind::kExclusive, "backup", 0}, job);
  ZK_ASSERT_OK(writer);
  auto blocked = try_compact();
  ASSERT_FALSE(blocked);
  EXPECT_EQ(blocked.error().id(), ErrorId::kLocked);
  ZK_ASSERT_OK((*writer)->end());
  member.write(10);
  ZK_ASSERT_OK(other.take("/data"));
  EXPECT_EQ(compact().point, 20);
}

}  // namespace
}  // namespace zkark::test
