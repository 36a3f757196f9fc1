// Taking backups, behaviour by behaviour (design section 5: What a backup takes, Continuity, Timelines, Live
// source).
#include "src/backup/take.h"

#include <gtest/gtest.h>

#include "restore/lineage.h"
#include "tests/backup/take/take_lab.h"
#include "tests/support/forge.h"

namespace zkark::test {
namespace {

using namespace backup;

class Take : public testing::Test, protected TakeLab {
 protected:
  TakeReport take(const std::string& dir, const TakeOptions& options = {}) {
    auto report = process.take(dir, options);
    EXPECT_TRUE(report) << report.error().to_string();
    return report ? std::move(report).value() : TakeReport{};
  }
  std::unique_ptr<Repository> open() {
    auto repository = process.open();
    EXPECT_TRUE(repository) << repository.error().to_string();
    return std::move(repository).value();
  }
  /// The state at a point of a timeline (of the newest one when empty).
  std::uint64_t state_at(std::int64_t zxid, const std::string& timeline = {}) {
    auto repository = open();
    auto view = TimelineView::open(*repository, timeline);
    EXPECT_TRUE(view) << view.error().to_string();
    auto rebuilt = view->rebuild(zxid);
    EXPECT_TRUE(rebuilt) << rebuilt.error().to_string();
    return rebuilt ? hash_of(rebuilt->replay.state) : 0;
  }
  void expect_existed(std::int64_t zxid, const std::string& timeline = {}) {
    EXPECT_TRUE(ledger.existed(zxid, state_at(zxid, timeline))) << zxid_text(zxid);
  }
  static bool has_note(const TakeReport& report, ErrorId id) {
    return std::any_of(report.findings.begin(), report.findings.end(), [&](const restore::Finding& finding) {
      return finding.id == id && finding.severity == restore::Severity::kNote;
    });
  }
};

TEST_F(Take, AFirstBackupIsFullProvenAndRestorableAtEveryPoint) {
  load_dir(fs, "fixtures/zk-3.8.0-standalone", "/data");
  const auto report = take("/data");
  ASSERT_TRUE(report.published);
  const Manifest& m = report.manifest;
  EXPECT_EQ(m.type, BackupType::kFull);
  EXPECT_EQ(m.last_zxid, 0x62);
  EXPECT_EQ(m.records(), 0x62u);
  EXPECT_TRUE(m.gaps.empty());
  ASSERT_EQ(m.windows.size(), 1u);
  EXPECT_EQ(m.windows[0].last_zxid, 0x62);
  EXPECT_EQ(m.certificate.grade, restore::ProofGrade::kProven);
  EXPECT_EQ(report.snapshots_compared, 2u);
  state_at(3);
}

TEST_F(Take, ASecondBackupOfTheSameDirectoryStoresNothing) {
  load_dir(fs, "fixtures/zk-3.8.0-standalone", "/data");
  take("/data");
  const auto files = fs.tree("/repo");
  EXPECT_FALSE(take("/data").published);
  EXPECT_EQ(fs.tree("/repo"), files);
}

TEST_F(Take, NothingNewIsPublishedWhenItIsTagged) {
  load_dir(fs, "fixtures/zk-3.8.0-standalone", "/data");
  take("/data");
  TakeOptions tagged;
  tagged.tags["why"] = "audit";
  const auto report = take("/data", tagged);
  ASSERT_TRUE(report.published);
  EXPECT_EQ(report.manifest.type, BackupType::kIncr);
  EXPECT_EQ(report.manifest.records(), 0u);
  EXPECT_EQ(report.manifest.last_zxid, 0x62);
  EXPECT_EQ(report.manifest.windows.size(), 1u);
  EXPECT_FALSE(take("/data").published) << "the tip is found through an empty increment";
}

TEST_F(Take, AnIncrementTakesOnlyWhatIsNew) {
  SimMember member(fs, "/data", 7, ledger);
  member.write(40);
  take("/data");
  member.write(10);
  const auto next = take("/data");
  ASSERT_TRUE(next.published);
  EXPECT_EQ(next.manifest.type, BackupType::kIncr);
  EXPECT_EQ(next.manifest.records(), 10u);
  EXPECT_EQ(next.manifest.segments.front().first_zxid, 41);
  ASSERT_EQ(next.manifest.windows.size(), 1u);
  EXPECT_EQ(next.manifest.windows[0].last_zxid, 50);
  for (std::int64_t zxid = 1; zxid <= 50; ++zxid) expect_existed(zxid);
}

TEST_F(Take, AnIncrementReadsLittleOfALongLogBesideItsNewRecords) {
  SimMemberOptions options;
  options.preallocate = 1 << 20;
  SimMember member(fs, "/data", 7, ledger, options);
  member.write(2000);
  take("/data");
  const std::uint64_t old_bytes = fs.get("/data/version-2/log.1")->find_last_not_of('\0');
  member.write(100);
  const std::uint64_t new_bytes = fs.get("/data/version-2/log.1")->find_last_not_of('\0') - old_bytes;
  fs.clear_log();
  fs.log_looks(true);
  ASSERT_EQ(take("/data").manifest.records(), 100u);
  fs.log_looks(false);
  std::uint64_t read = 0;
  for (const Operation& operation : fs.log())
    if (operation.kind == OpKind::kRead && operation.path.starts_with("/data/")) read += operation.bytes;
  EXPECT_GE(read, new_bytes);
  EXPECT_LT(read, new_bytes + (640u << 10));
}

TEST_F(Take, AnIncrementFollowsTheSourceAcrossARollAndAPurge) {
  SimMember member(fs, "/data", 8, ledger);
  member.write(20);
  take("/data");
  for (int i = 0; i < 5; ++i) {
    member.write(5);
    member.snapshot();
  }
  take("/data");
  member.purge(3);
  member.write(7);
  const auto next = take("/data");
  EXPECT_EQ(next.manifest.records(), 7u);
  EXPECT_TRUE(next.manifest.gaps.empty());
  EXPECT_EQ(next.manifest.windows.size(), 1u);
  expect_existed(member.last_zxid());
}

TEST_F(Take, RecordsPurgedBeforeTheyWereBackedUpAreANamedGapWithAFullBehindIt) {
  SimMember member(fs, "/data", 9, ledger);
  member.write(30);
  take("/data");
  for (int i = 0; i < 6; ++i) {
    member.write(8);
    member.snapshot();
  }
  member.purge(2);
  member.write(3);
  const auto next = take("/data");
  ASSERT_TRUE(next.published);
  EXPECT_EQ(next.manifest.type, BackupType::kFull);
  EXPECT_EQ(next.manifest.timeline.cause, "first") << "the same history, with a hole";
  ASSERT_EQ(next.manifest.gaps.size(), 1u);
  EXPECT_EQ(next.manifest.gaps[0].after_zxid, 30);
  EXPECT_TRUE(restore::has_severity(next.findings, restore::Severity::kGap));
  auto repository = open();
  const auto windows = TimelineView::open(*repository, "")->windows();
  ASSERT_EQ(windows.size(), 2u);
  EXPECT_EQ(windows[0].last_zxid, 30);
  EXPECT_EQ(windows[1].last_zxid, member.last_zxid());
  expect_existed(30);
  expect_existed(member.last_zxid());
}

TEST_F(Take, AHoleIsFilledByTheFirstSourceThatHasItsRecords) {
  SimMember member(fs, "/data", 31, ledger);
  member.write(30);
  take("/data");
  for (int i = 0; i < 6; ++i) {
    member.write(8);
    member.snapshot();
  }
  const auto whole = fs.tree("/data");
  member.purge(2);
  ASSERT_EQ(take("/data").manifest.gaps.size(), 1u);
  for (const auto& [path, content] : whole) fs.put("/whole" + path.substr(5), content);
  const auto filled = take("/whole");
  ASSERT_TRUE(filled.published);
  EXPECT_EQ(filled.manifest.type, BackupType::kFull);
  EXPECT_TRUE(has_note(filled, ErrorId::kIncomplete));
  EXPECT_EQ(TimelineView::open(*open(), "")->windows().size(), 1u);
  EXPECT_FALSE(take("/whole").published) << "once";
  EXPECT_FALSE(take("/data").published);
}

// Repositories of before hold such copies on one timeline.
TEST_F(Take, OfTwoCopiesOnOneTimelineTheOneThatDidNotFailItsProofIsRead) {
  load_dir(fs, "fixtures/zk-3.8.0-shop", "/data");
  load_dir(fs, "fixtures/zk-3.8.0-shop", "/bad");
  ASSERT_TRUE(forge_record(fs, "/bad/version-2/log.10", 0x10));
  TakeOptions full;
  full.type = TakeType::kFull;
  const Manifest bad = take("/bad", full).manifest, good = take("/data", full).manifest;
  ASSERT_EQ(bad.certificate.failed_at, 0x10);
  ASSERT_NE(bad.timeline.id, good.timeline.id);
  auto repository = open();
  for (const auto& manifests : {std::vector{bad, good}, std::vector{good, bad}}) {
    StoredSource both(*repository, manifests, "both");
    const auto listing = both.list();
    ZK_ASSERT_OK(listing);
    restore::Findings findings;
    Job job;
    for (std::int64_t zxid : {0x10, 0x17})
      ZK_ASSERT_OK(restore::rebuild(both, *listing, zxid, findings, job));
  }
}

TEST_F(Take, AnotherClustersDataIsRefused) {
  load_dir(fs, "fixtures/zk-3.8.0-standalone", "/data");
  load_dir(fs, "fixtures/zk-3.8.0-ensemble/1", "/other");
  take("/data");
  auto other = process.take("/other");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().id(), ErrorId::kWrongCluster);
  TakeOptions accept;
  accept.accept_new_history = true;
  EXPECT_EQ(take("/other", accept).manifest.timeline.cause, "accepted new history");
  EXPECT_FALSE(take("/data").published) << "both histories go on, each on its own timeline";
  EXPECT_FALSE(take("/other").published);
}

TEST_F(Take, ASourceThatIsBehindStoresNothing) {
  SimMember member(fs, "/data", 10, ledger);
  member.write(30);
  const auto early = fs.tree("/data");
  member.write(10);
  take("/data");
  for (const auto& [path, content] : early) fs.put("/old" + path.substr(5), content);
  const auto report = take("/old");
  EXPECT_TRUE(report.source_behind);
  EXPECT_FALSE(report.published);
  EXPECT_EQ(report.stored_to, 40);
}

// The newest log of a server that has just rolled holds no record yet.
TEST_F(Take, ASourceThatIsBehindWithALogJustBegunIsNotTakenForAnotherHistory) {
  SimMember member(fs, "/data", 11, ledger);
  member.write(30);
  const auto early = fs.tree("/data");
  member.write(30);
  take("/data");
  for (const auto& [path, content] : early) fs.put("/old" + path.substr(5), content);
  std::string header;
  append_log_header(header);
  fs.put("/old/version-2/log.1f", header);
  EXPECT_TRUE(take("/old").source_behind);
}

// A full of a source that is behind ends lower than what the timeline holds; the next increment must not
// begin there.
TEST_F(Take, AFullOfASourceThatIsBehindDoesNotMoveTheTimelinesEnd) {
  SimMember member(fs, "/data", 12, ledger);
  member.write(30);
  const auto early = fs.tree("/data");
  member.write(10);
  take("/data");
  for (const auto& [path, content] : early) fs.put("/old" + path.substr(5), content);
  TakeOptions full;
  full.type = TakeType::kFull;
  EXPECT_TRUE(take("/old", full).published);
  member.write(5);
  EXPECT_EQ(take("/data").manifest.records(), 5u);
}

TEST_F(Take, ATailThatAnotherLeaderRewroteStartsATimelineAtTheLastSharedRecord) {
  SimMember member(fs, "/data", 13, ledger), other(fs, "/other", 14, ledger);
  member.begin_epoch(1);
  for (int i = 0; i < 20; ++i) other.receive(member.write());
  member.write(5);  // never reached the other one
  const auto first = take("/data");
  EXPECT_EQ(first.manifest.last_zxid, 0x100000019);
  member.truncate_to(0x100000014);
  EXPECT_TRUE(take("/data").source_behind) << "cut, nothing new yet";
  other.begin_epoch(2);
  for (int i = 0; i < 7; ++i) member.receive(other.write());
  const auto second = take("/data");
  ASSERT_TRUE(second.published);
  const Timeline& timeline = second.manifest.timeline;
  EXPECT_NE(timeline.id, first.manifest.timeline.id);
  EXPECT_EQ(timeline.parent, first.manifest.timeline.id);
  EXPECT_EQ(timeline.fork_zxid, 0x100000014);
  EXPECT_TRUE(timeline.fork_checksum);
  EXPECT_EQ(timeline.cause, "truncated tail");
  expect_existed(0x100000019, timeline.parent);
  expect_existed(0x200000007, timeline.id);
  expect_existed(0x100000003, timeline.id);
  // Both members go on with the new one.
  other.write(2);
  EXPECT_EQ(take("/other").manifest.timeline.id, timeline.id);
}

// The fork lies in a segment far from the newest: it is looked for backwards across all of them.
TEST_F(Take, TheForkPointIsFoundAcrossManyIncrements) {
  SimMember member(fs, "/data", 15, ledger), other(fs, "/other", 16, ledger);
  member.begin_epoch(1);
  for (int i = 0; i < 9; ++i) {
    for (int j = 0; j < 3; ++j) {
      const auto record = member.write();
      if (record->zxid <= 0x100000005) other.receive(record);
    }
    take("/data");
  }
  member.truncate_to(0x100000005);
  other.begin_epoch(2);
  for (int i = 0; i < 3; ++i) member.receive(other.write());
  EXPECT_EQ(take("/data").manifest.timeline.fork_zxid, 0x100000005);
}

TEST_F(Take, ADirectoryRestoredFromHereStartsAChildTimelineAndGoesOnWithIt) {
  SimMember member(fs, "/data", 17, ledger);
  member.write(30);
  const auto first = take("/data");
  restore::Lineage lineage;
  lineage.repository = open()->config().id;
  lineage.cluster = "default";
  lineage.timeline = first.manifest.timeline.id;
  lineage.fork_zxid = 30;
  lineage.snapshot_zxid = 0x10100000000;
  lineage.epoch = 0x101;
  // The restored server, before and after its first start.
  SimMember restored(fs, "/restored", 18, ledger);
  restored.take_snapshot_of(member);
  const std::string snapshot = *fs.get("/restored/version-2/snapshot.1e");
  fs.erase("/restored/version-2/snapshot.1e");
  fs.erase("/restored/version-2/snapshot.0");
  fs.put("/restored/version-2/snapshot.10100000000", snapshot);
  fs.put("/restored/zkark-lineage.json", restore::encode_lineage(lineage));
  const auto child = take("/restored");
  ASSERT_TRUE(child.published);
  EXPECT_EQ(child.manifest.timeline.cause, "restore");
  EXPECT_EQ(child.manifest.timeline.parent, first.manifest.timeline.id);
  EXPECT_EQ(child.manifest.timeline.fork_zxid, 30);
  EXPECT_FALSE(take("/restored").published) << "once";
  lineage.restored_ms += 60'000;  // another member of the same restore
  fs.put("/restored/zkark-lineage.json", restore::encode_lineage(lineage));
  EXPECT_FALSE(take("/restored").published);
  restored.begin_epoch(0x101);
  restored.write(4);
  const auto next = take("/restored");
  EXPECT_EQ(next.manifest.type, BackupType::kIncr);
  EXPECT_EQ(next.manifest.timeline.id, child.manifest.timeline.id);
  // The old server is still there and goes on, too.
  member.write(2);
  EXPECT_EQ(take("/data").manifest.timeline.id, first.manifest.timeline.id);
}

TEST_F(Take, TheSameCheckedRestoredTwiceIsTwoHistories) {
  SimMember member(fs, "/data", 19, ledger);
  member.write(30);
  const auto first = take("/data");
  restore::Lineage lineage;
  lineage.repository = open()->config().id;
  lineage.cluster = "default";
  lineage.timeline = first.manifest.timeline.id;
  lineage.fork_zxid = 30;
  lineage.snapshot_zxid = 0x10100000000;
  lineage.epoch = 0x101;
  std::vector<std::string> timelines;
  for (const std::string dir : {"/r1", "/r2"}) {
    SimMember restored(fs, dir, 20 + timelines.size(), ledger);
    restored.take_snapshot_of(member);
    const std::string snapshot = *fs.get(dir + "/version-2/snapshot.1e");
    fs.erase(dir + "/version-2/snapshot.1e");
    fs.erase(dir + "/version-2/snapshot.0");
    fs.put(dir + "/version-2/snapshot.10100000000", snapshot);
    fs.put(dir + "/zkark-lineage.json", restore::encode_lineage(lineage));
    restored.begin_epoch(0x101);
    restored.write(3);
    timelines.push_back(take(dir).manifest.timeline.id);
  }
  EXPECT_NE(timelines[0], timelines[1]);
}

TakeOptions applied(std::optional<std::int64_t> zxid) {
  TakeOptions options;
  options.last_applied = [zxid] { return zxid; };
  return options;
}

TEST_F(Take, RecordsAboveTheServersLastAppliedAreUnconfirmedUntilItHasAppliedThem) {
  SimMember member(fs, "/data", 21, ledger);
  member.write(20);
  EXPECT_EQ(take("/data", applied(17)).manifest.unconfirmed_from, 18);
  member.write(3);
  const auto some = take("/data", applied(21));
  EXPECT_EQ(some.manifest.unconfirmed_from, 22);
  EXPECT_EQ(some.confirmed_from, 18);
  member.write(1);
  const auto all = take("/data", applied(24));
  EXPECT_EQ(all.manifest.unconfirmed_from, std::nullopt);
  EXPECT_EQ(all.confirmed_from, 22);
  EXPECT_EQ(all.manifest.source.last_applied_zxid, 24);
}

TEST_F(Take, RecordsFoundBehindAnUnconfirmedTailConfirmItWithoutAServer) {
  SimMember member(fs, "/data", 21, ledger);
  member.write(20);
  take("/data", applied(17));
  member.write(3);
  const auto next = take("/data");
  EXPECT_EQ(next.manifest.unconfirmed_from, std::nullopt);
  EXPECT_EQ(next.confirmed_from, 18);
}

TEST_F(Take, WithNothingNewAnUnconfirmedTailIsConfirmedOnlyByItsServer) {
  SimMember member(fs, "/data", 21, ledger);
  member.write(20);
  take("/data", applied(17));
  EXPECT_FALSE(take("/data", applied(17)).published);
  EXPECT_FALSE(take("/data").published);
  TakeOptions tagged = applied(std::nullopt);
  tagged.tags["why"] = "audit";
  EXPECT_EQ(take("/data", tagged).manifest.unconfirmed_from, 18);
  const auto part = take("/data", applied(18));
  ASSERT_TRUE(part.published);
  EXPECT_EQ(part.manifest.type, BackupType::kIncr);
  EXPECT_EQ(part.manifest.records(), 0u);
  EXPECT_EQ(part.manifest.unconfirmed_from, 19);
  ASSERT_TRUE(take("/data", applied(20)).published);
  EXPECT_FALSE(take("/data", applied(20)).published);
  EXPECT_EQ(open()->entries().back().last_zxid, 20);
}

TEST_F(Take, WhatWasStoredAsCommittedStaysSoWhenASlowMemberIsAsked) {
  SimMember member(fs, "/data", 21, ledger);
  member.write(20);
  take("/data", applied(20));
  member.write(3);
  EXPECT_EQ(take("/data", applied(11)).manifest.unconfirmed_from, 21);
  TakeOptions full = applied(11);
  full.type = TakeType::kFull;
  EXPECT_EQ(take("/data", full).manifest.unconfirmed_from, 21);
}

TEST_F(Take, AnUnconfirmedTailThatTheSourceDoesNotHoldStaysUnconfirmed) {
  SimMember member(fs, "/data", 21, ledger);
  member.write(17);
  for (const std::string& file : fs.files("/data"))
    fs.put("/behind" + file.substr(std::string("/data").size()), *fs.get(file));
  member.write(3);
  take("/data", applied(17));
  TakeOptions tagged = applied(17);
  tagged.tags["why"] = "audit";
  const auto behind = take("/behind", tagged);
  EXPECT_TRUE(behind.source_behind);
  EXPECT_EQ(behind.manifest.unconfirmed_from, 18);
}

TEST_F(Take, AnUnreadableRecordAtTheEndIsReadAgainThenLeftForTheNextBackup) {
  SimMember member(fs, "/data", 22, ledger);
  member.write(20);
  member.begin_write();
  const auto report = take("/data");
  EXPECT_EQ(report.manifest.last_zxid, 20);
  EXPECT_EQ(clock.slept_ms(), 150);
  EXPECT_FALSE(restore::has_severity(report.findings, restore::Severity::kGap));
  member.finish_write();
  EXPECT_EQ(take("/data").manifest.last_zxid, 21);
}

TEST_F(Take, ARecordThatBecomesReadableWhileWaitingIsTaken) {
  SimMember member(fs, "/data", 23, ledger);
  member.write(20);
  member.begin_write();
  int reads = 0;
  fs.set_hook([&](const Operation& operation) {
    if (operation.kind == OpKind::kOpen && operation.path.find("/log.") != std::string::npos && ++reads == 3)
      member.finish_write();
  });
  EXPECT_EQ(take("/data").manifest.last_zxid, 21);
}

TEST_F(Take, ADamagedRecordAtTheEndIsAFindingOnceTheFileIsNoLongerTheNewest) {
  SimMember member(fs, "/data", 24, ledger);
  member.write(20);
  const std::string path = member.path_of("log.1");
  const auto before = fs.get(path);
  member.write();
  std::size_t changed = 0;
  while ((*before)[changed] == (*fs.get(path))[changed]) ++changed;
  fs.flip_bit(path, changed + 2, 1);  // the checksum of record 21
  const auto first = take("/data");
  EXPECT_EQ(first.manifest.last_zxid, 20);
  EXPECT_FALSE(restore::has_severity(first.findings, restore::Severity::kGap))
      << "perhaps it is being written";
  const std::string damaged = *fs.get(path);
  member.snapshot();
  member.write(5);
  fs.put(path, damaged);
  const auto next = take("/data");
  ASSERT_TRUE(next.published);
  EXPECT_TRUE(restore::has_severity(next.findings, restore::Severity::kDamage));
  ASSERT_EQ(next.manifest.gaps.size(), 1u);
  EXPECT_EQ(next.manifest.gaps[0], (Gap{20, 22, "damaged in the source"}));
  ASSERT_EQ(next.manifest.bases.size(), 1u) << "the snapshot behind the hole is taken along";
  expect_existed(26);
}

TEST_F(Take, AnIntactRecordBehindADamagedOneMakesItAFinding) {
  SimMember member(fs, "/data", 25, ledger);
  member.write(20);
  const auto before = fs.get(member.path_of("log.1"));
  member.write();
  std::size_t changed = 0;
  while ((*before)[changed] == (*fs.get(member.path_of("log.1")))[changed]) ++changed;
  member.write(2);
  fs.flip_bit(member.path_of("log.1"), changed + 2, 1);
  const auto report = take("/data");
  EXPECT_TRUE(restore::has_severity(report.findings, restore::Severity::kDamage));
  ASSERT_EQ(report.manifest.gaps.size(), 1u);
  EXPECT_EQ(report.manifest.gaps[0].after_zxid, 20);
}

TEST_F(Take, ASnapshotThatIsStillBeingWrittenIsPassedOver) {
  SimMember member(fs, "/data", 26, ledger);
  member.write(20);
  member.snapshot();
  member.write(10);
  member.begin_snapshot();
  member.step_snapshot(3);
  const auto report = take("/data");
  EXPECT_FALSE(restore::has_severity(report.findings, restore::Severity::kGap));
  EXPECT_TRUE(has_note(report, ErrorId::kTruncated));
  EXPECT_EQ(report.manifest.bases.back().zxid, 20);
  EXPECT_EQ(report.manifest.certificate.grade, restore::ProofGrade::kProven);
}

TEST_F(Take, ADamagedSnapshotIsAFindingAndTheOlderOneIsUsed) {
  SimMember member(fs, "/data", 27, ledger);
  for (int i = 0; i < 4; ++i) {
    member.write(10);
    member.snapshot();
  }
  member.purge(3);
  member.write(3);
  fs.flip_bit(member.path_of("snapshot.28"), 300, 2);
  const auto report = take("/data");
  ASSERT_TRUE(report.published);
  EXPECT_TRUE(restore::has_severity(report.findings, restore::Severity::kDamage));
  ASSERT_EQ(report.manifest.bases.size(), 2u);
  EXPECT_EQ(report.manifest.bases.back().zxid, 30);
  expect_existed(43);
}

TEST_F(Take, TheOldestUsableBaseIsTakenWhereTheOldestIsDamaged) {
  SimMember member(fs, "/data", 28, ledger);
  for (int i = 0; i < 5; ++i) {
    member.write(10);
    member.snapshot();
  }
  member.purge(3);
  fs.flip_bit(member.path_of("snapshot.1e"), 300, 2);
  const auto report = take("/data");
  EXPECT_EQ(report.manifest.bases.front().zxid, 40);
  EXPECT_FALSE(report.manifest.segments.front().restorable);
  EXPECT_EQ(report.manifest.windows.front().first_zxid, 40);
}

// The name says that the log begins with the first txn; its first record is gone.
TEST_F(Take, ALogDamagedAtItsFirstRecordNeedsTheOldestSnapshotAfterAll) {
  SimMember member(fs, "/data", 29, ledger);
  for (int i = 0; i < 3; ++i) {
    member.write(10);
    member.snapshot();
  }
  member.write(2);
  fs.erase(member.path_of("snapshot.0"));
  fs.flip_bit(member.path_of("log.1"), 18, 1);
  const auto report = take("/data");
  ASSERT_FALSE(report.manifest.bases.empty());
  EXPECT_EQ(report.manifest.bases.front().zxid, 10);
  expect_existed(15);
}

TEST_F(Take, ADigestThatDiffersIsPublishedMarkedAndAFinding) {
  SimMember member(fs, "/data", 30, ledger);
  member.write(20);
  // A record whose digest is of another tree; its checksum fits.
  auto log = *fs.get(member.path_of("log.1"));
  Txn txn;
  txn.header = {0x1000000000000001, 9, 21, 1'760'000'100'000, TxnType::kSetData};
  const std::string path = "/zookeeper", value = "changed by nobody";
  txn.body = SetDataTxn{path, as_bytes(value), 1};
  txn.digest = TxnDigest{2, 12345};
  std::string record;
  append_txn(txn, record);
  std::size_t end = log.size();
  while (end > 0 && log[end - 1] == '\0') --end;
  log.replace(end, record.size(), record);
  fs.put(member.path_of("log.1"), log);
  const auto report = take("/data");
  ASSERT_TRUE(report.published);
  EXPECT_EQ(report.manifest.certificate.grade, restore::ProofGrade::kFailed);
  EXPECT_EQ(report.manifest.certificate.failed_at, 21);
  EXPECT_TRUE(restore::has_severity(report.findings, restore::Severity::kDamage));
  EXPECT_EQ(report.verdict.substr(0, 10), "NOT proven");
}

TEST_F(Take, NoHistoryTakesTheNewestSnapshotAndTheLogsAfterIt) {
  SimMember member(fs, "/data", 31, ledger);
  for (int i = 0; i < 4; ++i) {
    member.write(10);
    member.snapshot();
  }
  member.write(4);
  TakeOptions options;
  options.history = false;
  const auto report = take("/data", options);
  ASSERT_EQ(report.manifest.bases.size(), 1u);
  EXPECT_EQ(report.manifest.bases[0].zxid, 40);
  EXPECT_EQ(report.manifest.records(), 4u);
  EXPECT_EQ(report.manifest.windows[0].first_zxid, 40);
}

TEST_F(Take, AFullAgainReliesOnNothingAndStoresNothingTwice) {
  SimMember member(fs, "/data", 32, ledger);
  member.write(200);
  member.snapshot();
  member.write(20);
  take("/data");
  TakeOptions full;
  full.type = TakeType::kFull;
  const auto report = take("/data", full);
  ASSERT_TRUE(report.published);
  EXPECT_TRUE(report.published->needs.empty());
  EXPECT_EQ(report.manifest.new_stored_bytes, 0u);
  TakeOptions incr;
  incr.type = TakeType::kIncr;
  EXPECT_FALSE(take("/data", incr).published);
}

TEST_F(Take, AnIncrementIsRefusedWhereTheSourceDoesNotGoOn) {
  SimMember member(fs, "/data", 33, ledger);
  member.write(10);
  TakeOptions incr;
  incr.type = TakeType::kIncr;
  auto first = process.take("/data", incr);
  ASSERT_FALSE(first);
  EXPECT_EQ(first.error().id(), ErrorId::kRefused);
}

TEST_F(Take, AFreshServerWithoutATransactionIsBackedUpAndGoneOnWith) {
  SimMember member(fs, "/data", 34, ledger);
  const auto empty = take("/data");
  ASSERT_TRUE(empty.published);
  EXPECT_EQ(empty.manifest.last_zxid, 0);
  EXPECT_FALSE(take("/data").published);
  member.write(5);
  const auto next = take("/data");
  EXPECT_EQ(next.manifest.type, BackupType::kIncr);
  EXPECT_EQ(next.manifest.records(), 5u);
  expect_existed(5);
}

TEST_F(Take, LogsAloneAreAnIncrement) {
  SimMember member(fs, "/data", 35, ledger);
  member.write(20);
  take("/data");
  member.snapshot();
  member.write(15);
  fs.put("/logs/log.15", *fs.get(member.path_of("log.15")));
  fs.put("/logs/log.1", *fs.get(member.path_of("log.1")));
  const auto next = take("/logs");
  ASSERT_TRUE(next.published);
  EXPECT_EQ(next.manifest.type, BackupType::kIncr);
  EXPECT_EQ(next.manifest.records(), 15u);
  expect_existed(35);
}

// Nothing shared and no znodes to tell by: it may be the cluster, but nobody can know.
TEST_F(Take, LogsAloneBehindAHoleAreRefused) {
  SimMember member(fs, "/data", 36, ledger);
  member.write(20);
  take("/data");
  member.snapshot();
  member.write(15);
  fs.put("/logs/log.15", *fs.get(member.path_of("log.15")));
  auto next = process.take("/logs");
  ASSERT_FALSE(next);
  EXPECT_EQ(next.error().id(), ErrorId::kWrongCluster);
}

TEST_F(Take, LogsAloneAsAFirstBackupAreKeptAndSaidToBeOfNoUseYet) {
  SimMember member(fs, "/data", 37, ledger);
  member.write(20);
  member.snapshot();
  member.write(15);
  fs.put("/logs/log.15", *fs.get(member.path_of("log.15")));
  const auto report = take("/logs");
  ASSERT_TRUE(report.published);
  EXPECT_TRUE(report.manifest.windows.empty());
  EXPECT_FALSE(report.manifest.segments[0].restorable);
  EXPECT_NE(report.verdict.find("nothing can be restored"), std::string::npos);
}

// A member that was synchronised by snapshot and has written nothing since.
TEST_F(Take, ASnapshotAboveTheLogsIsAGapWithABaseBehindIt) {
  SimMember leader(fs, "/leader", 38, ledger), member(fs, "/data", 39, ledger);
  leader.begin_epoch(1);
  for (int i = 0; i < 10; ++i) member.receive(leader.write());
  take("/data");
  leader.write(8);
  member.take_snapshot_of(leader);
  const auto report = take("/data");
  ASSERT_TRUE(report.published);
  EXPECT_EQ(report.manifest.type, BackupType::kIncr);
  ASSERT_EQ(report.manifest.gaps.size(), 1u);
  EXPECT_EQ(report.manifest.gaps[0].after_zxid, 0x10000000a);
  EXPECT_EQ(report.manifest.gaps[0].before_zxid, 0x100000012);
  EXPECT_EQ(report.manifest.last_zxid, 0x100000012);
  expect_existed(0x100000012);
  EXPECT_FALSE(take("/data").published);
  member.receive(leader.write());
  const auto next = take("/data");
  EXPECT_EQ(next.manifest.records(), 1u);
  EXPECT_TRUE(next.manifest.gaps.empty());
  expect_existed(0x100000013);
}

// 3.9 logs a malformed request as an error with the zxid before it.
TEST_F(Take, ASecondRecordOfTheLastStoredZxidIsNotLost) {
  SimMember member(fs, "/data", 40, ledger);
  member.write(10);
  take("/data");
  auto log = *fs.get(member.path_of("log.1"));
  Txn txn;
  txn.header = {0, 9, 10, 1'760'000'100'000, TxnType::kError};
  txn.body = ErrorTxn{-5};
  std::string record;
  append_txn(txn, record);
  std::size_t end = log.size();
  while (end > 0 && log[end - 1] == '\0') --end;
  log.replace(end, record.size(), record);
  fs.put(member.path_of("log.1"), log);
  const auto report = take("/data");
  ASSERT_TRUE(report.published);
  EXPECT_EQ(report.manifest.records(), 1u);
  EXPECT_FALSE(take("/data").published);
}

TEST_F(Take, ARecordThatGoesBackwardsBehindTheStoredOnesIsAFinding) {
  SimMember member(fs, "/data", 41, ledger);
  member.write(10);
  take("/data");
  auto log = *fs.get(member.path_of("log.1"));
  Txn txn;
  txn.header = {0, 9, 7, 1'760'000'100'000, TxnType::kError};
  txn.body = ErrorTxn{-5};
  std::string record;
  append_txn(txn, record);
  std::size_t end = log.size();
  while (end > 0 && log[end - 1] == '\0') --end;
  log.replace(end, record.size(), record);
  fs.put(member.path_of("log.1"), log);
  EXPECT_TRUE(restore::has_severity(take("/data").findings, restore::Severity::kDamage));
}

// Copies of several days or members: the logs overlap and agree.
TEST_F(Take, LogsThatOverlapAndAgreeAreNoDamage) {
  SimMember a(fs, "/a", 42, ledger), b(fs, "/b", 43, ledger);
  for (int i = 0; i < 30; ++i) {
    b.receive(a.write());
    if (i == 9) b.roll();
  }
  fs.put("/both/log.1", *fs.get(a.path_of("log.1")));
  fs.put("/both/log.b", *fs.get(b.path_of("log.b")));
  fs.put("/both/snapshot.0", *fs.get(a.path_of("snapshot.0")));
  const auto report = take("/both");
  EXPECT_FALSE(restore::has_severity(report.findings, restore::Severity::kGap));
  EXPECT_EQ(report.manifest.records(), 30u);
  expect_existed(30);
}

TEST_F(Take, LogsThatContradictEachOtherAreNotSpliced) {
  SimMember a(fs, "/a", 44, ledger), b(fs, "/b", 45, ledger);
  for (int i = 0; i < 10; ++i) b.receive(a.write());
  b.roll();
  a.write(10);
  b.write(15);
  fs.put("/both/log.1", *fs.get(a.path_of("log.1")));
  fs.put("/both/log.b", *fs.get(b.path_of("log.b")));
  fs.put("/both/snapshot.0", *fs.get(a.path_of("snapshot.0")));
  const auto report = take("/both");
  ASSERT_TRUE(report.published);
  EXPECT_TRUE(restore::has_severity(report.findings, restore::Severity::kDamage));
  EXPECT_EQ(report.manifest.last_zxid, 20);
  expect_existed(20);
}

TEST_F(Take, AFullDiskIsNoticedBeforeAnythingIsWritten) {
  SimMember member(fs, "/data", 46, ledger);
  member.write(10);
  const auto files = fs.tree("/repo");
  fs.set_free_bytes(1 << 20);
  auto report = process.take("/data");
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().id(), ErrorId::kDiskFull);
  fs.set_unlimited();
  EXPECT_TRUE(fs.files("/repo/objects").empty());
}

TEST_F(Take, ProgressEndsAtItsTotal) {
  SimMember member(fs, "/data", 47, ledger);
  for (int i = 0; i < 4; ++i) {
    member.write(10);
    member.snapshot();
  }
  member.purge(3);
  restore::DataDirOptions where;
  where.dir = "/data";
  restore::DataDir source(fs, where);
  Job job;
  TakeOptions options;
  options.prove = false;
  ASSERT_TRUE(take_backup(process.env(), source, options, job));
  EXPECT_GT(job.progress.total, 0u);
  EXPECT_EQ(job.progress.done, job.progress.total);
}

// Real servers' disks (fixtures/README.md).
TEST_F(Take, AMemberThatWasSynchronisedBySnapshotKeepsItsHoleInSight) {
  load_dir(fs, "fixtures/zk-3.8.0-ensemble/2", "/data");
  const auto report = take("/data");
  ASSERT_TRUE(report.published);
  EXPECT_EQ(report.manifest.certificate.grade, restore::ProofGrade::kPartly);
  EXPECT_EQ(report.manifest.gaps.size(), 1u);
  EXPECT_EQ(report.manifest.windows.size(), 2u);
}

// Its log still ends with records that were never committed; 0x200000001 to 6 are in the snapshot alone.
TEST_F(Take, AStaleTailThatTheSnapshotBehindItDoesNotFollowFromIsAGap) {
  load_dir(fs, "fixtures/zk-3.8.0-stale-tail/3", "/data");
  const auto report = take("/data");
  ASSERT_TRUE(report.published);
  ASSERT_EQ(report.manifest.gaps.size(), 1u);
  EXPECT_EQ(report.manifest.gaps[0].after_zxid, 0x100000010);
  EXPECT_EQ(report.manifest.bases.back().zxid, 0x200000006);
  ASSERT_EQ(report.manifest.windows.size(), 2u);
  EXPECT_EQ(report.manifest.windows[1].first_zxid, 0x200000006);
}

// The same, but nothing was written meanwhile: the snapshot is the state before the stale records.
TEST_F(Take, AStaleTailAndWhatTheMemberWentOnWithAreTwoTimelines) {
  SimMember leader(fs, "/leader", 50, ledger), member(fs, "/data", 51, ledger);
  leader.begin_epoch(1);
  for (int i = 0; i < 20; ++i) member.receive(leader.write());
  member.write(4);  // as the leader it was, alone
  leader.begin_epoch(2);
  const std::string snapshot = "/data/version-2/snapshot.200000000";
  member.take_snapshot_of(leader);
  fs.put(snapshot, *fs.get("/data/version-2/snapshot.100000014"));
  fs.erase("/data/version-2/snapshot.100000014");
  for (int i = 0; i < 6; ++i) member.receive(leader.write());
  const auto report = take("/data");
  ASSERT_TRUE(report.published);
  ASSERT_TRUE(report.stale_tail);
  const Timeline& timeline = report.manifest.timeline;
  EXPECT_EQ(timeline.cause, "stale tail");
  EXPECT_EQ(timeline.parent, report.stale_tail->timeline);
  EXPECT_EQ(timeline.fork_zxid, 0x100000014);
  EXPECT_EQ(report.manifest.certificate.grade, restore::ProofGrade::kProven);
  EXPECT_EQ(report.manifest.bases.front().zxid, 0x200000000);
  EXPECT_TRUE(report.manifest.gaps.empty());
  expect_existed(0x100000018, timeline.parent);
  expect_existed(0x100000014, timeline.parent);
  expect_existed(0x200000006, timeline.id);
  // What follows goes on with the new one, although the stale record is still there.
  EXPECT_FALSE(take("/data").published);
  member.receive(leader.write());
  EXPECT_EQ(take("/data").manifest.timeline.id, timeline.id);
}

TEST_F(Take, AnEpochThatFollowsIsProvenByItsFirstDigest) {
  SimMember member(fs, "/data", 52, ledger);
  member.begin_epoch(1);
  member.write(10);
  take("/data");
  member.begin_epoch(2);
  member.snapshot();
  member.write(10);
  const auto next = take("/data");
  ASSERT_EQ(next.manifest.epoch_steps.size(), 1u);
  EXPECT_FALSE(next.manifest.epoch_steps[0].proven);
  TakeOptions full;
  full.type = TakeType::kFull;
  const auto whole = take("/data", full);
  ASSERT_EQ(whole.manifest.epoch_steps.size(), 2u);
  EXPECT_TRUE(whole.manifest.epoch_steps[1].proven);
  EXPECT_EQ(whole.manifest.certificate.grade, restore::ProofGrade::kProven);
}

}  // namespace
}  // namespace zkark::test
