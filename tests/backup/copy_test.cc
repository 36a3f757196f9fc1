#include "src/backup/copy.h"

#include "tests/backup/lab.h"

namespace zkark::test {
namespace {

using namespace backup;

struct CopyLab : Lab {
  Client target{fs, clock, 7, "/target"};
  std::vector<Taken> taken = small_repository(client);

  CopyLab() { EXPECT_TRUE(init_repository(target.env(), "none", target.job).has_value()); }
  Result<CopyReport> copy(const std::vector<std::string>& ids) {
    ZK_TRY(auto from, Repository::open(client.env(), {}));
    ZK_TRY(auto to, RepositoryWriter::begin(target.env(), {LockKind::kExclusive, "copy", 0}, target.job));
    return copy_backups(*from, *to, ids, target.job);
  }
};

TEST(Copy, BringsABackupWithEverythingItNeeds) {
  CopyLab lab;
  auto report = lab.copy({lab.taken[2].entry.id});
  ZK_ASSERT_OK(report);
  EXPECT_EQ(report->copied,
            (std::vector<std::string>{lab.taken[0].entry.id, lab.taken[1].entry.id, lab.taken[2].entry.id}));
  EXPECT_EQ(report->objects, 4u);
  auto there = Repository::open(lab.target.env(), {});
  ZK_ASSERT_OK(there);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(*read_segment(**there, lab.taken[i].entry.id), lab.taken[i].text);
  const Manifest manifest = *(*there)->load(lab.taken[2].entry.id);
  EXPECT_EQ(manifest.tags, (std::map<std::string, std::string>{{"why", "test"}}));
  EXPECT_EQ(manifest.copied_from->manifest_sha256, lab.taken[2].entry.sha256);
  EXPECT_TRUE(check_repository(lab.target.env(), {}, lab.target.job)->ok());
}

TEST(Copy, DoesNothingTwice) {
  CopyLab lab;
  ZK_ASSERT_OK(lab.copy({lab.taken[2].entry.id}));
  auto again = lab.copy({lab.taken[2].entry.id, lab.taken[3].entry.id});
  ZK_ASSERT_OK(again);
  EXPECT_EQ(again->present.size(), 3u);
  EXPECT_EQ(again->copied, std::vector<std::string>{lab.taken[3].entry.id});
  EXPECT_EQ(again->objects, 1u) << "zoo.cfg is there";
}

TEST(Copy, DoesNotMakeAnOldBackupTheLatest) {
  CopyLab lab;
  auto newer = take(lab.target, {.text = "newer"});
  ZK_ASSERT_OK(newer);
  ZK_ASSERT_OK(lab.copy({lab.taken[0].entry.id}));
  EXPECT_EQ((*Repository::open(lab.target.env(), {}))->resolve("", "latest")->id, newer->entry.id);
}

TEST(Copy, StopsAtADamagedObjectAndPublishesNothingOfThatBackup) {
  CopyLab lab;
  auto from = Repository::open(lab.client.env(), {});
  const Manifest second = *(*from)->load(lab.taken[1].entry.id);
  lab.fs.flip_bit("/repo/" + object_key(second.segments[0].data.parts[0].name), 140, 2);
  auto report = lab.copy({lab.taken[2].entry.id});
  EXPECT_EQ(error_of(report), ErrorId::kObjectDamaged);
  auto there = Repository::open(lab.target.env(), {});
  ASSERT_EQ((*there)->entries().size(), 1u);
  EXPECT_EQ((*there)->entries()[0].id, lab.taken[0].entry.id);
}

TEST(Copy, GoesOnWhereItWasInterrupted) {
  CopyLab lab;
  std::uint64_t interrupted = 0;
  const SimFs::Snapshot start = lab.fs.snapshot();
  for (std::uint64_t n = 1;; n += 3) {
    lab.fs.restore(start);
    lab.fs.arm({.action = Fault::Action::kKill, .at = n, .path_contains = "/target"});
    Client target(lab.fs, lab.clock, 7, "/target");
    const auto run = [&](Client& by) -> Result<CopyReport> {
      ZK_TRY(auto from, Repository::open(lab.client.env(), {}));
      ZK_TRY(auto to, RepositoryWriter::begin(by.env(), {LockKind::kExclusive, "copy", 0}, by.job));
      return copy_backups(*from, *to, {lab.taken[2].entry.id, lab.taken[3].entry.id}, by.job);
    };
    const bool done = run(target).has_value();
    if (!lab.fs.hit()) break;
    ++interrupted;
    lab.fs.restart();
    Client next(lab.fs, lab.clock, 8, "/target");
    auto finished = run(next);
    ZK_ASSERT_OK(finished);
    EXPECT_EQ(finished->copied.size() + finished->present.size(), 4u);
    auto report = check_repository(next.env(), {}, next.job);
    ZK_ASSERT_OK(report);
    EXPECT_TRUE(report->ok()) << n;
    EXPECT_EQ(report->backups, 4u) << n << done;
  }
  EXPECT_GT(interrupted, 30u);
}

TEST(Copy, RefusesItself) {
  CopyLab lab;
  auto from = Repository::open(lab.client.env(), {});
  auto to = RepositoryWriter::begin(lab.client.env(), {}, lab.client.job);
  EXPECT_EQ(error_of(copy_backups(**from, **to, {lab.taken[0].entry.id}, lab.client.job)), ErrorId::kRefused);
}

}  // namespace
}  // namespace zkark::test
