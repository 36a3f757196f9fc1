#include "src/backup/writer.h"
#include "tests/backup/lab.h"

namespace zkark::test {
namespace {

using namespace backup;

constexpr std::int64_t kHour = 3600'000;

Result<PruneReport> prune(Client& client, const std::vector<std::string>& ids,
                          const PruneOptions& options = {}) {
  ZK_TRY(auto writer, RepositoryWriter::begin(client.env(), {LockKind::kExclusive, "prune", 0}, client.job));
  return writer->prune(ids, options, client.job);
}

bool sound(Client& client) {
  auto report = check_repository(client.env(), {}, client.job);
  if (!report || report->ok()) return report.has_value();
  ADD_FAILURE() << report->findings.front().finding.message;
  return false;
}

TEST(Prune, TakesOutOfHeadFirstAndRemovesAfterTheGraceTime) {
  Lab lab;
  const std::vector<Taken> taken = small_repository(lab.client);
  const std::string& last = taken[2].entry.id;
  const auto files = lab.fs.files("/repo");

  auto first = prune(lab.client, {last});
  ZK_ASSERT_OK(first);
  EXPECT_EQ(first->unlisted, std::vector<std::string>{last});
  EXPECT_TRUE(first->removed.empty());
  EXPECT_EQ(first->objects_removed, 0u);
  EXPECT_EQ(lab.fs.files("/repo"), files) << "nothing is gone yet";
  auto repository = Repository::open(lab.client.env(), {});
  EXPECT_EQ((*repository)->entries().size(), 3u);
  auto gone = (*repository)->resolve("default", last.substr(0, 8));
  ASSERT_EQ(error_of(gone), ErrorId::kNotFound);
  EXPECT_NE(gone.error().message().find("pruned"), std::string::npos);

  lab.clock.advance_ms(23 * kHour);
  EXPECT_EQ(prune(lab.client, {})->objects_removed, 0u);
  lab.clock.advance_ms(2 * kHour);
  auto second = prune(lab.client, {});
  ZK_ASSERT_OK(second);
  EXPECT_EQ(second->removed, std::vector<std::string>{last});
  EXPECT_EQ(second->objects_removed, 1u) << "its segment; zoo.cfg is used by the others";
  EXPECT_EQ(lab.fs.get("/repo/" + manifest_key(last)), std::nullopt);
  EXPECT_TRUE((*Repository::open(lab.client.env(), {}))->head().removed.empty());
  EXPECT_TRUE(sound(lab.client));
  EXPECT_EQ(*read_segment(**Repository::open(lab.client.env(), {}), taken[1].entry.id), taken[1].text);
}

TEST(Prune, RefusesToBreakAChain) {
  Lab lab;
  const std::vector<Taken> taken = small_repository(lab.client);
  EXPECT_EQ(error_of(prune(lab.client, {taken[1].entry.id})), ErrorId::kRefused);
  EXPECT_EQ(error_of(prune(lab.client, {std::string(32, '0')})), ErrorId::kNotFound);
  ZK_EXPECT_OK(prune(lab.client, {taken[1].entry.id, taken[2].entry.id}));
}

TEST(Prune, SaysWhatItWouldDoWithoutDoingIt) {
  Lab lab;
  const std::vector<Taken> taken = small_repository(lab.client);
  lab.clock.advance_ms(48 * kHour);
  const auto before = lab.fs.tree("/repo");
  auto report = prune(lab.client, {taken[2].entry.id}, {.grace_ms = 0, .dry_run = true});
  ZK_ASSERT_OK(report);
  EXPECT_EQ(report->removed, std::vector<std::string>{taken[2].entry.id});
  EXPECT_EQ(report->objects_removed, 1u);
  EXPECT_EQ(lab.fs.tree("/repo"), before);
  auto done = prune(lab.client, {taken[2].entry.id}, {.grace_ms = 0});
  ZK_ASSERT_OK(done);
  EXPECT_EQ(done->objects_removed, report->objects_removed);
  EXPECT_EQ(done->bytes_removed, report->bytes_removed);
  EXPECT_EQ(done->removed, report->removed);
}

TEST(Prune, RemovesLeftoversOfInterruptedRunsAfterTheGraceTime) {
  Lab lab;
  small_repository(lab.client);
  {
    auto writer = RepositoryWriter::begin(lab.client.env(), {}, lab.client.job);
    ZK_ASSERT_OK((*writer)->store(ObjectKind::kSegment, as_bytes("never published")));
  }
  auto young = prune(lab.client, {});
  EXPECT_EQ(young->objects_waiting, 1u);
  lab.clock.advance_ms(25 * kHour);
  EXPECT_EQ(prune(lab.client, {})->objects_removed, 1u);
  EXPECT_TRUE(sound(lab.client));
}

TEST(Prune, LeavesFilesAloneThatItDoesNotKnow) {
  Lab lab;
  small_repository(lab.client);
  lab.fs.put("/repo/objects/README", "mine");
  lab.clock.advance_ms(48 * kHour);
  ZK_ASSERT_OK(prune(lab.client, {}, {.grace_ms = 0}));
  EXPECT_EQ(lab.fs.get("/repo/objects/README"), "mine");
}

TEST(Prune, RemovesNothingWhileALiveManifestCannotBeRead) {
  Lab lab;
  const std::vector<Taken> taken = small_repository(lab.client);
  lab.clock.advance_ms(48 * kHour);
  lab.fs.flip_bit("/repo/" + manifest_key(taken[0].entry.id), 300, 0);
  const auto objects = lab.fs.tree("/repo/objects");
  const auto report = prune(lab.client, {taken[3].entry.id}, {.grace_ms = 0});
  ZK_ASSERT_OK(report);
  EXPECT_EQ(report->unreadable, std::vector<std::string>{taken[0].entry.id});
  EXPECT_EQ(report->objects_removed, 0u);
  EXPECT_EQ(lab.fs.tree("/repo/objects"), objects);
  EXPECT_EQ((*Repository::open(lab.client.env(), {}))->entries().size(), 3u) << "it is no longer listed";
}

TEST(Prune, FreesEverythingOnceTheUnreadableBackupItselfIsPruned) {
  Lab lab;
  const std::vector<Taken> taken = small_repository(lab.client);
  lab.clock.advance_ms(48 * kHour);
  lab.fs.erase("/repo/" + manifest_key(taken[0].entry.id));
  const auto report =
      prune(lab.client, {taken[0].entry.id, taken[1].entry.id, taken[2].entry.id}, {.grace_ms = 0});
  ZK_ASSERT_OK(report);
  EXPECT_TRUE(report->unreadable.empty());
  EXPECT_EQ(report->objects_removed, 3u);
  EXPECT_TRUE(sound(lab.client));
}

TEST(Prune, KeepsObjectsThatAreTakenAgain) {
  Lab lab;
  const std::vector<Taken> taken = small_repository(lab.client);
  ZK_ASSERT_OK(prune(lab.client, {taken[3].entry.id}));
  lab.clock.advance_ms(12 * kHour);
  auto again = take(lab.client, {.cluster = "other", .text = taken[3].text});
  ZK_ASSERT_OK(again);
  lab.clock.advance_ms(48 * kHour);
  auto report = prune(lab.client, {});
  ZK_ASSERT_OK(report);
  EXPECT_EQ(report->objects_removed, 0u);
  EXPECT_EQ(*read_segment(**Repository::open(lab.client.env(), {}), again->entry.id), taken[3].text);
}

TEST(Prune, IsNotHurriedByAClockThatWentBack) {
  Lab lab;
  const std::vector<Taken> taken = small_repository(lab.client);
  ZK_ASSERT_OK(prune(lab.client, {taken[3].entry.id}));
  lab.clock.set_wall({lab.clock.wall().ms - 10ll * 365 * 24 * kHour});
  EXPECT_TRUE(prune(lab.client, {})->removed.empty());
}

}  // namespace
}  // namespace zkark::test
