// A repository that lost its HEAD.
#include "src/backup/copy.h"
#include "tests/backup/lab.h"
#include "tests/support/fault_loop.h"

namespace zkark::test {
namespace {

using namespace backup;

std::unique_ptr<Repository> open(Client& client) {
  auto repository = Repository::open(client.env(), {});
  EXPECT_TRUE(repository.has_value()) << repository.error().to_string();
  return repository ? std::move(*repository) : nullptr;
}

std::vector<std::string> ids_of(const std::vector<HeadEntry>& entries) {
  std::vector<std::string> ids;
  for (const HeadEntry& entry : entries) ids.push_back(entry.id);
  return ids;
}

TEST(RebuildHead, ListsWhatIsWholeAndTouchesNothingElse) {
  Lab lab;
  const std::vector<Taken> taken = small_repository(lab.client);
  const auto intact = lab.fs.tree("/repo");
  EXPECT_EQ(error_of(RepositoryWriter::rebuild_head(lab.client.env(), {}, lab.client.job)),
            ErrorId::kRefused);
  EXPECT_EQ(lab.fs.tree("/repo"), intact);
  lab.fs.erase("/repo/HEAD");
  lab.fs.erase("/repo/" + manifest_key(taken[1].entry.id));
  const auto files = lab.fs.tree("/repo");
  auto planned = RepositoryWriter::plan_head(lab.client.env(), lab.client.job);
  ZK_ASSERT_OK(planned);
  EXPECT_EQ(lab.fs.tree("/repo"), files);
  auto rebuilt = RepositoryWriter::rebuild_head(lab.client.env(), {}, lab.client.job);
  ZK_ASSERT_OK(rebuilt);
  const std::vector<std::string> whole{taken[0].entry.id, taken[3].entry.id};
  EXPECT_EQ(ids_of(rebuilt->kept), whole) << "not the orphan";
  EXPECT_EQ(ids_of(planned->kept), whole);
  ASSERT_EQ(rebuilt->left_out.size(), 1u);
  EXPECT_EQ(rebuilt->left_out[0].file, manifest_key(taken[2].entry.id));
  EXPECT_NE(rebuilt->left_out[0].reason.find(taken[1].entry.id.substr(0, 8)), std::string::npos);
  EXPECT_TRUE(lab.fs.get("/repo/" + manifest_key(taken[2].entry.id)).has_value()) << "nothing is dropped";
  for (const auto& [path, content] : files) EXPECT_EQ(lab.fs.get(path), content) << path;
  ZK_EXPECT_OK(take(lab.client, {.text = "and on"}));
}

TEST(RebuildHead, KeepsWhatIsLeftOfTheDamagedOne) {
  Lab lab;
  small_repository(lab.client);
  lab.fs.flip_bit("/repo/HEAD", 200, 3);
  const std::string damaged = *lab.fs.get("/repo/HEAD");
  auto rebuilt = RepositoryWriter::rebuild_head(lab.client.env(), {}, lab.client.job);
  ZK_ASSERT_OK(rebuilt);
  EXPECT_EQ(rebuilt->kept.size(), 4u);
  EXPECT_TRUE(rebuilt->left_out.empty());
  EXPECT_EQ(*lab.fs.get("/repo/HEAD.damaged"), damaged);
  EXPECT_EQ(rebuilt->damaged_copy, "/repo/HEAD.damaged");
  EXPECT_TRUE(check_repository(lab.client.env(), {}, lab.client.job)->ok());
}

TEST(RebuildHead, LeavesOutWhatIsNotWholeAndSaysWhy) {
  Lab lab;
  const std::vector<Taken> taken = small_repository(lab.client);
  const Manifest last = *open(lab.client)->load(taken[3].entry.id);
  lab.fs.erase("/repo/" + object_key(last.segments.front().data.parts.front().name));
  lab.fs.flip_bit("/repo/" + manifest_key(taken[2].entry.id), 300, 1);
  lab.fs.erase("/repo/HEAD");
  auto planned = RepositoryWriter::plan_head(lab.client.env(), lab.client.job);
  ZK_ASSERT_OK(planned);
  EXPECT_EQ(ids_of(planned->kept), (std::vector<std::string>{taken[0].entry.id, taken[1].entry.id}));
  ASSERT_EQ(planned->left_out.size(), 2u);
  EXPECT_NE(planned->left_out[0].reason.find("missing"), std::string::npos) << planned->left_out[0].reason;
  EXPECT_NE(planned->left_out[1].reason.find("damaged"), std::string::npos) << planned->left_out[1].reason;
}

TEST(RebuildHead, NeedsTheConfig) {
  Lab lab;
  small_repository(lab.client);
  lab.fs.erase("/repo/config");
  EXPECT_EQ(error_of(RepositoryWriter::plan_head(lab.client.env(), lab.client.job)),
            ErrorId::kRepositoryDamaged);
  lab.fs.erase("/repo/HEAD");
  const auto files = lab.fs.tree("/repo");
  auto refused = RepositoryWriter::rebuild_head(lab.client.env(), {}, lab.client.job);
  ASSERT_EQ(error_of(refused), ErrorId::kRepositoryDamaged);
  EXPECT_NE(refused.error().hint().find("config"), std::string::npos);
  EXPECT_EQ(lab.fs.tree("/repo"), files);
}

// A disk that answers with an error says nothing about what is stored.
TEST(RebuildHead, LeavesNothingOutBecauseOfAReadError) {
  Lab lab;
  small_repository(lab.client);
  lab.fs.erase("/repo/HEAD");
  lab.fs.settle();
  Fault fault;
  fault.error_number = EIO;
  std::uint64_t failed = 0;
  const auto points = for_each_fault(
      lab.fs, fault,
      [&](SimFs& fs) -> Status {
        Client client(fs, lab.clock, 5);
        ZK_TRY(const HeadRepair repair, RepositoryWriter::rebuild_head(client.env(), {}, client.job));
        EXPECT_EQ(repair.kept.size(), 4u) << "a backup was left out";
        return {};
      },
      [&](SimFs& fs, const FaultPoint& point, const Status& outcome) {
        SCOPED_TRACE(point.to_string());
        failed += outcome ? 0 : 1;
        Client next(fs, lab.clock, 6);
        auto opened = Repository::open(next.env(), {});
        if (!opened) {
          EXPECT_FALSE(outcome.has_value());
          ZK_ASSERT_OK(RepositoryWriter::rebuild_head(next.env(), {}, next.job));
        }
        EXPECT_EQ(open(next)->entries().size(), 4u);
      });
  EXPECT_GT(points, 20u);
  EXPECT_GT(failed, 10u);
}

TEST(RebuildHead, DoesNotMakeAnOldCopyTheLatest) {
  Lab lab;
  Client other(lab.fs, lab.clock, 7, "/other");
  ZK_ASSERT_OK(init_repository(other.env(), "none", other.job));
  auto old = take(other, {.text = "long ago"});
  ZK_ASSERT_OK(old);
  lab.clock.advance_ms(3'600'000);
  ZK_ASSERT_OK(init_repository(lab.client.env(), "none", lab.client.job));
  auto own = take(lab.client, {.text = "now"});
  ZK_ASSERT_OK(own);
  lab.clock.advance_ms(3'600'000);
  auto writer = RepositoryWriter::begin(lab.client.env(), {LockKind::kExclusive, "copy", 0}, lab.client.job);
  ZK_ASSERT_OK(writer);
  ZK_ASSERT_OK(copy_backups(*open(other), **writer, {old->entry.id}, lab.client.job));
  ZK_ASSERT_OK((*writer)->end());
  ASSERT_EQ(open(lab.client)->newest("default")->id, own->entry.id);
  lab.fs.erase("/repo/HEAD");
  ZK_ASSERT_OK(RepositoryWriter::rebuild_head(lab.client.env(), {}, lab.client.job));
  EXPECT_EQ(open(lab.client)->entries().size(), 2u);
  EXPECT_EQ(open(lab.client)->newest("default")->id, own->entry.id);
}

}  // namespace
}  // namespace zkark::test
