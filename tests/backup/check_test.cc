#include "src/backup/check.h"

#include <algorithm>

#include "tests/backup/lab.h"

namespace zkark::test {
namespace {

using namespace backup;

CheckReport check(Client& client, const CheckOptions& options = {}) {
  auto report = check_repository(client.env(), options, client.job);
  EXPECT_TRUE(report.has_value()) << report.error().to_string();
  return report ? std::move(*report) : CheckReport{};
}

TEST(Check, FindsNothingWhereNothingIsWrong) {
  Lab lab;
  small_repository(lab.client);
  const CheckReport report = check(lab.client);
  EXPECT_TRUE(report.findings.empty());
  EXPECT_EQ(report.backups, 4u);
  EXPECT_EQ(report.objects, 5u);
  EXPECT_EQ(report.objects_read, 5u);
}

TEST(Check, ReadsNoObjectWhenQuickAndSomeWhenAsked) {
  Lab lab;
  ZK_ASSERT_OK(init_repository(lab.client.env(), "none", lab.client.job));
  for (std::uint64_t i = 1; i <= 40; ++i) ZK_ASSERT_OK(take(lab.client, {.text = sample_text(100, i)}));
  EXPECT_EQ(check(lab.client, {.read_percent = 0}).objects_read, 0u);
  const std::uint64_t some = check(lab.client, {.read_percent = 30, .seed = 1}).objects_read;
  EXPECT_GT(some, 3u);
  EXPECT_LT(some, 25u);
  // Other seeds, other objects.
  std::uint64_t together = 0;
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    together += check(lab.client, {.read_percent = 10, .seed = seed}).objects_read;
  EXPECT_GT(together, 50u);
  EXPECT_LT(together, 120u);
}

TEST(Check, NamesEveryBackupThatNeedsAMissingObject) {
  Lab lab;
  const std::vector<Taken> taken = small_repository(lab.client);
  auto repository = Repository::open(lab.client.env(), {});
  const Manifest second = *(*repository)->load(taken[1].entry.id);
  const std::string file = "/repo/" + object_key(second.segments[0].data.parts[0].name);
  std::vector<std::string> hit = {taken[1].entry.id, taken[2].entry.id};
  std::sort(hit.begin(), hit.end());
  for (int damage = 0; damage < 3; ++damage) {
    const SimFs::Snapshot before = lab.fs.snapshot();
    if (damage == 0) lab.fs.erase(file);
    if (damage == 1) lab.fs.truncate(file, 100);
    if (damage == 2) lab.fs.flip_bit(file, 130, 0);
    const CheckReport report = check(lab.client);
    ASSERT_EQ(report.findings.size(), 1u);
    EXPECT_EQ(report.findings[0].finding.file, file);
    EXPECT_EQ(report.findings[0].finding.id, damage == 0 ? ErrorId::kMissingObject : ErrorId::kObjectDamaged);
    EXPECT_EQ(report.findings[0].backups, hit);
    EXPECT_EQ(report.damaged_backups.size(), 2u);
    EXPECT_FALSE(report.ok());
    EXPECT_EQ(check(lab.client, {.read_percent = 0}).ok(), damage == 2) << "--quick sees sizes, not bits";
    lab.fs.restore(before);
  }
}

TEST(Check, FindsWhatDoesNotBelongAndNotesLeftovers) {
  Lab lab;
  const std::vector<Taken> taken = small_repository(lab.client);
  lab.fs.put("/repo/notes.txt", "mine");
  lab.fs.put("/repo/manifests/old.json", "x");
  lab.fs.put("/repo/tmp/abc", "left over");
  lab.fs.put("/repo/" + object_key(std::string(64, 'a')), "unused");
  const CheckReport report = check(lab.client);
  EXPECT_FALSE(report.ok());
  EXPECT_TRUE(report.damaged_backups.empty());
  EXPECT_EQ(report.findings.size(), 4u);
  std::size_t strangers = 0;
  for (const CheckFinding& found : report.findings) {
    EXPECT_EQ(found.finding.id, ErrorId::kUnknownFile);
    if (found.finding.severity == restore::Severity::kDamage) ++strangers;
  }
  EXPECT_EQ(strangers, 2u) << "a run's own leftovers are none";
}

TEST(Check, GoesOnPastAnUnreadableSector) {
  Lab lab;
  const std::vector<Taken> taken = small_repository(lab.client);
  const std::string file = lab.fs.files("/repo/objects").at(1);
  Fault fault;
  fault.kinds = op(OpKind::kRead);
  fault.path_contains = file.substr(6);
  fault.forever = true;
  lab.fs.arm(fault);
  const CheckReport report = check(lab.client);
  EXPECT_FALSE(report.ok());
  EXPECT_EQ(report.findings.size(), 1u);
  EXPECT_EQ(report.objects_read, 5u);
}

}  // namespace
}  // namespace zkark::test
