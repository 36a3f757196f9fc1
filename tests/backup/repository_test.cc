#include "src/backup/repository.h"

#include <fmt/format.h>

#include "src/backup/pin.h"
#include "src/backup/sealed.h"
#include "src/backup/stats.h"
#include "tests/backup/lab.h"

namespace zkark::test {
namespace {

using namespace backup;

std::unique_ptr<Repository> open(Client& client, bool salvage = false) {
  auto repository = Repository::open(client.env(), {.salvage = salvage});
  EXPECT_TRUE(repository.has_value()) << repository.error().to_string();
  return repository ? std::move(*repository) : nullptr;
}

TEST(Init, MakesAnEmptyRepositoryThatSaysSo) {
  Lab lab;
  auto config = init_repository(lab.client.env(), "none", lab.client.job);
  ZK_ASSERT_OK(config);
  auto repository = open(lab.client);
  EXPECT_EQ(repository->config(), *config);
  EXPECT_TRUE(repository->entries().empty());
  EXPECT_TRUE(repository->notes().empty());
  EXPECT_EQ(lab.fs.files("/repo"), (std::vector<std::string>{"/repo/HEAD", "/repo/config"}));
}

TEST(Init, RefusesWhatIsNotEmpty) {
  Lab lab;
  EXPECT_EQ(error_of(init_repository(lab.client.env(), "aes", lab.client.job)), ErrorId::kUsage);
  ZK_ASSERT_OK(init_repository(lab.client.env(), "none", lab.client.job));
  EXPECT_EQ(error_of(init_repository(lab.client.env(), "none", lab.client.job)), ErrorId::kRefused);
  Lab foreign;
  foreign.fs.put("/repo/photos/cat.jpg", "meow");
  EXPECT_EQ(error_of(init_repository(foreign.client.env(), "none", foreign.client.job)),
            ErrorId::kTargetNotEmpty);
  EXPECT_EQ(foreign.fs.files("/repo"), std::vector<std::string>{"/repo/photos/cat.jpg"});
}

TEST(Open, SaysWhereNoRepositoryIs) {
  Lab lab;
  auto repository = Repository::open(lab.client.env(), {});
  ASSERT_EQ(error_of(repository), ErrorId::kNoRepository);
  EXPECT_EQ(repository.error().hint(), "zkark init -r /repo");
  EXPECT_EQ(error_of(RepositoryWriter::begin(lab.client.env(), {}, lab.client.job)), ErrorId::kNoRepository);
  EXPECT_EQ(lab.fs.files("/"), std::vector<std::string>{}) << "looking leaves nothing behind";
}

TEST(Open, RefusesALaterFormatWithTheReleaseNeeded) {
  Lab lab;
  ZK_ASSERT_OK(init_repository(lab.client.env(), "none", lab.client.job));
  lab.fs.put("/repo/config", seal("repository", 2, "{\"zkark_needed\": \"4.0.0\"}"));
  auto repository = Repository::open(lab.client.env(), {});
  ASSERT_EQ(error_of(repository), ErrorId::kRepositoryTooNew);
  EXPECT_NE(repository.error().hint().find("4.0.0"), std::string::npos);
  EXPECT_EQ(error_of(check_repository(lab.client.env(), {}, lab.client.job)), ErrorId::kRepositoryTooNew);
}

TEST(Publish, MakesABackupThatReadsBack) {
  Lab lab;
  const std::vector<Taken> taken = small_repository(lab.client);
  ASSERT_EQ(taken.size(), 4u);
  Client reader = lab.fresh();
  auto repository = open(reader);
  ASSERT_EQ(repository->entries().size(), 4u);
  for (const Taken& one : taken) EXPECT_EQ(*read_segment(*repository, one.entry.id), one.text);
  auto manifest = repository->load(taken[2].entry.id);
  ZK_ASSERT_OK(manifest);
  EXPECT_EQ(manifest->parent, taken[1].entry.id);
  EXPECT_EQ(manifest->zkark_version, "0.1.0");
  EXPECT_EQ(manifest->heads, (std::vector<ManifestHead>{{taken[1].entry.id, taken[1].entry.sha256}}));
  EXPECT_GT(manifest->stored_bytes, manifest->new_stored_bytes) << "zoo.cfg was there already";
  EXPECT_EQ(lab.fs.files("/repo/locks"), std::vector<std::string>{});
  EXPECT_EQ(lab.fs.careless_renames(), std::vector<std::string>{});
  lab.fs.power_cut({Survival::Kind::kNothing, 0});
  Client after = lab.fresh(3);
  for (const Taken& one : taken) EXPECT_EQ(*read_segment(*open(after), one.entry.id), one.text);
}

TEST(Publish, RefusesAParentThatIsNotLiveAndAnObjectThatIsNotThere) {
  Lab lab;
  ZK_ASSERT_OK(init_repository(lab.client.env(), "none", lab.client.job));
  auto writer = RepositoryWriter::begin(lab.client.env(), {}, lab.client.job);
  ZK_ASSERT_OK(writer);
  Manifest orphan;
  orphan.type = BackupType::kIncr;
  orphan.parent = std::string(32, '0');
  EXPECT_EQ(error_of((*writer)->publish(orphan, lab.client.job)), ErrorId::kInternal);
  Manifest hollow;
  hollow.config.push_back(
      {"zoo.cfg", "", {{{std::string(64, 'a'), 500, 5, std::string(32, 'b')}}, SnapCodec::kPlain}});
  EXPECT_EQ(error_of((*writer)->publish(hollow, lab.client.job)), ErrorId::kMissingObject);
  EXPECT_TRUE(open(lab.client)->entries().empty());
}

TEST(Publish, StoresEqualBytesOnceAndReplacesARottenCopy) {
  Lab lab;
  ZK_ASSERT_OK(init_repository(lab.client.env(), "none", lab.client.job));
  auto first = take(lab.client, {.text = "the same"});
  ZK_ASSERT_OK(first);
  const std::size_t files = lab.fs.files("/repo/objects").size();
  auto second = take(lab.client, {.text = "the same"});
  ZK_ASSERT_OK(second);
  EXPECT_EQ(lab.fs.files("/repo/objects").size(), files);
  EXPECT_EQ(open(lab.client)->load(second->entry.id)->new_stored_bytes, 0u);
  for (const std::string& file : lab.fs.files("/repo/objects")) lab.fs.flip_bit(file, 60, 1);
  EXPECT_EQ(error_of(read_segment(*open(lab.client), first->entry.id)), ErrorId::kObjectDamaged);
  ZK_ASSERT_OK(take(lab.client, {.text = "the same"}));
  EXPECT_EQ(*read_segment(*open(lab.client), first->entry.id), "the same");
}

TEST(Publish, NoticesThatItsLockWasTakenAway) {
  Lab lab;
  ZK_ASSERT_OK(init_repository(lab.client.env(), "none", lab.client.job));
  auto writer = RepositoryWriter::begin(lab.client.env(), {.purpose = "backup"}, lab.client.job);
  ZK_ASSERT_OK(writer);
  ZK_ASSERT_OK(unlock(lab.client.env().locks(), UnlockWhich::kAll));
  EXPECT_EQ(error_of((*writer)->publish(Manifest{}, lab.client.job)), ErrorId::kLockLost);
  EXPECT_TRUE(open(lab.client)->entries().empty());
}

TEST(Publish, NoticesAnotherWriterBehindItsBack) {
  Lab lab;
  ZK_ASSERT_OK(init_repository(lab.client.env(), "none", lab.client.job));
  auto writer = RepositoryWriter::begin(lab.client.env(), {.purpose = "backup"}, lab.client.job);
  ZK_ASSERT_OK(writer);
  // Somebody copies a repository while it is written, or two hosts of one name share it.
  const std::string lock = lab.fs.files("/repo/locks").at(0);
  const std::string content = *lab.fs.get(lock);
  lab.fs.erase(lock);
  ZK_ASSERT_OK(take(lab.client, {.text = "other"}));
  lab.fs.put(lock, content);
  EXPECT_EQ(error_of((*writer)->publish(Manifest{}, lab.client.job)), ErrorId::kLockLost);
}

TEST(Publish, ChecksTheSpaceBeforeWriting) {
  Lab lab;
  ZK_ASSERT_OK(init_repository(lab.client.env(), "none", lab.client.job));
  lab.fs.set_free_bytes(17u << 20);
  auto writer = RepositoryWriter::begin(lab.client.env(), {}, lab.client.job);
  ZK_ASSERT_OK(writer);
  ZK_EXPECT_OK((*writer)->require_space(900'000));
  auto refused = (*writer)->require_space(2u << 20);
  ASSERT_EQ(error_of(refused), ErrorId::kDiskFull);
  EXPECT_FALSE(refused.error().hint().empty());
}

TEST(Publish, KeepsTheOrderWhenTheClockGoesBack) {
  Lab lab;
  ZK_ASSERT_OK(init_repository(lab.client.env(), "none", lab.client.job));
  auto first = take(lab.client, {.text = "1"});
  lab.clock.set_wall({first->entry.taken_ms - 10ll * 365 * 86400'000});
  auto second = take(lab.client, {.text = "2"});
  ZK_ASSERT_OK(second);
  EXPECT_LT(second->entry.taken_ms, first->entry.taken_ms);
  auto repository = open(lab.client);
  EXPECT_EQ(repository->newest("default")->id, second->entry.id);
  EXPECT_EQ(repository->resolve("", "latest")->id, second->entry.id);
  EXPECT_EQ(repository->resolve("", "latest~1")->id, first->entry.id);
}

TEST(Resolve, TakesIdsPrefixesAndLatest) {
  Lab lab;
  const std::vector<Taken> taken = small_repository(lab.client);
  auto repository = open(lab.client);
  const std::string& id = taken[1].entry.id;
  EXPECT_EQ(repository->resolve("", id)->id, id);
  EXPECT_EQ(repository->resolve("default", id.substr(0, 8))->id, id);
  EXPECT_EQ(repository->resolve("default", "latest")->id, taken[2].entry.id);
  EXPECT_EQ(repository->resolve("default", "latest~2")->id, taken[0].entry.id);
  EXPECT_EQ(repository->resolve("other", "latest")->id, taken[3].entry.id);
  EXPECT_EQ(error_of(repository->resolve("default", "latest~3")), ErrorId::kNotFound);
  EXPECT_EQ(error_of(repository->resolve("default", "latest~x")), ErrorId::kUsage);
  EXPECT_EQ(error_of(repository->resolve("", "latest")), ErrorId::kUsage) << "two clusters";
  EXPECT_EQ(error_of(repository->resolve("nobody", "latest")), ErrorId::kNotFound);
  EXPECT_EQ(error_of(repository->resolve("other", id)), ErrorId::kNotFound);
  EXPECT_EQ(error_of(repository->resolve("", id.substr(0, 3))), ErrorId::kNotFound) << "too short";
  EXPECT_EQ(error_of(repository->resolve("", "zzzzzzzz")), ErrorId::kNotFound);
  EXPECT_EQ(repository->clusters(), (std::vector<std::string>{"default", "other"}));
  EXPECT_EQ(*repository->closure(taken[2].entry.id),
            (std::vector<std::string>{taken[0].entry.id, taken[1].entry.id, taken[2].entry.id}));
}

TEST(Tags, AndCertificatesChangeWithoutTouchingTheManifest) {
  Lab lab;
  const std::vector<Taken> taken = small_repository(lab.client);
  const std::string& id = taken[2].entry.id;
  const std::string file = "/repo/" + manifest_key(id);
  const std::string before = *lab.fs.get(file);
  auto writer = RepositoryWriter::begin(lab.client.env(), {.purpose = "tag"}, lab.client.job);
  ZK_ASSERT_OK(writer);
  ZK_ASSERT_OK((*writer)->set_tags(id, {{"keep", "yes"}}));
  StoredCertificate certificate;
  certificate.grade = restore::ProofGrade::kProven;
  ZK_ASSERT_OK((*writer)->set_certificate(id, certificate));
  EXPECT_EQ(error_of((*writer)->set_tags(std::string(32, '0'), {})), ErrorId::kNotFound);
  ZK_ASSERT_OK((*writer)->end());
  auto manifest = open(lab.client)->load(id);
  ZK_ASSERT_OK(manifest);
  EXPECT_EQ(manifest->tags, (std::map<std::string, std::string>{{"keep", "yes"}}));
  EXPECT_EQ(manifest->certificate, certificate);
  EXPECT_EQ(*lab.fs.get(file), before);
}

TEST(StoredData, ReadsAsAFileInAnyOrder) {
  Lab lab;
  ZK_ASSERT_OK(init_repository(lab.client.env(), "none", lab.client.job));
  const std::string text = sample_text(100'000, 3);
  StoredData data;
  {
    auto writer = RepositoryWriter::begin(lab.client.env(), {}, lab.client.job);
    (*writer)->set_codec({.chunk_bytes = 2000, .plain_target = 20'000, .stored_target = 10'000});
    auto stored = (*writer)->store(ObjectKind::kBase, as_bytes(text));
    ZK_ASSERT_OK(stored);
    data = *stored;
  }
  ASSERT_GT(data.parts.size(), 3u);
  auto repository = open(lab.client);
  auto file = repository->open_data(data, "snapshot.1");
  ZK_ASSERT_OK(file);
  EXPECT_EQ((*file)->path(), "snapshot.1");
  EXPECT_EQ((*file)->info()->size_bytes, text.size());
  SimRandom random(5);
  for (int i = 0; i < 300; ++i) {
    const std::uint64_t at = random.below(text.size() + 10);
    std::vector<std::byte> block(random.below(30'000));
    auto got = (*file)->read_at(at, block);
    ZK_ASSERT_OK(got);
    ASSERT_EQ(as_text({block.data(), *got}), at > text.size() ? "" : text.substr(at, block.size()));
  }
  EXPECT_EQ(error_of((*file)->append(as_bytes("x"))), ErrorId::kInternal);

  lab.fs.flip_bit("/repo/" + object_key(data.parts[2].name), 300, 0);
  auto damaged = repository->open_data(data, "snapshot.1");
  std::vector<std::byte> all(text.size());
  auto got = (*damaged)->read_at(0, all);
  ASSERT_EQ(error_of(got), ErrorId::kObjectDamaged);
  EXPECT_EQ(got.error().file(), "/repo/" + object_key(data.parts[2].name));
  EXPECT_NE(got.error().message().find("snapshot.1"), std::string::npos);
  lab.fs.erase("/repo/" + object_key(data.parts[2].name));
  EXPECT_EQ(error_of((*repository->open_data(data, "snapshot.1"))->read_at(50'000, all)),
            ErrorId::kMissingObject);
}

TEST(Damage, ToHeadOrConfigStopsEverythingButASalvage) {
  for (const char* name : {"HEAD", "config"}) {
    for (bool missing : {false, true}) {
      Lab lab;
      const std::vector<Taken> taken = small_repository(lab.client);
      if (missing)
        lab.fs.erase(fmt::format("/repo/{}", name));
      else
        lab.fs.flip_bit(fmt::format("/repo/{}", name), 200, 3);
      auto repository = Repository::open(lab.client.env(), {});
      ASSERT_EQ(error_of(repository), ErrorId::kRepositoryDamaged) << name;
      EXPECT_FALSE(repository.error().hint().empty());
      EXPECT_EQ(error_of(take(lab.client, {})), ErrorId::kRepositoryDamaged);
      EXPECT_FALSE(check_repository(lab.client.env(), {}, lab.client.job)->ok());
      auto salvaged = open(lab.client, true);
      ASSERT_EQ(salvaged->entries().size(), 4u);
      for (const Taken& one : taken) EXPECT_EQ(*read_segment(*salvaged, one.entry.id), one.text);
    }
  }
}

TEST(Damage, ToAManifestNamesTheBackup) {
  Lab lab;
  const std::vector<Taken> taken = small_repository(lab.client);
  lab.fs.flip_bit("/repo/" + manifest_key(taken[1].entry.id), 500, 3);
  auto repository = open(lab.client);
  ZK_EXPECT_OK(repository->load(taken[0].entry.id));
  auto damaged = repository->load(taken[1].entry.id);
  ASSERT_EQ(error_of(damaged), ErrorId::kRepositoryDamaged);
  EXPECT_NE(damaged.error().message().find(taken[1].entry.id.substr(0, 8)), std::string::npos);
}

TEST(Adoption, TakesOverAPublicationThatLostItsHead) {
  Lab lab;
  small_repository(lab.client);
  const SimFs::Snapshot before = lab.fs.snapshot();
  auto taken = take(lab.client, {.text = "interrupted"});
  ZK_ASSERT_OK(taken);
  const std::string manifest = *lab.fs.get("/repo/" + manifest_key(taken->entry.id));
  auto objects = lab.fs.tree("/repo/objects");
  lab.fs.restore(before);
  lab.fs.put("/repo/" + manifest_key(taken->entry.id), manifest);
  for (const auto& [path, content] : objects) lab.fs.put(path, content);

  Client reader = lab.fresh();
  auto repository = open(reader);
  EXPECT_EQ(repository->entries().size(), 5u);
  ASSERT_EQ(repository->notes().size(), 1u);
  EXPECT_EQ(repository->notes()[0].severity, restore::Severity::kNote);
  EXPECT_EQ(*read_segment(*repository, taken->entry.id), "interrupted");
  auto next = take(reader, {.parent = taken->entry.id, .text = "next"});
  ZK_ASSERT_OK(next);
  repository = open(reader);
  EXPECT_EQ(repository->entries().size(), 6u);
  EXPECT_TRUE(repository->notes().empty());
  EXPECT_EQ(next->entry.sequence, taken->entry.sequence + 1);
}

TEST(Adoption, LeavesAloneWhatHasLostItsObjects) {
  Lab lab;
  small_repository(lab.client);
  const SimFs::Snapshot before = lab.fs.snapshot();
  auto taken = take(lab.client, {.text = "interrupted"});
  const std::string manifest = *lab.fs.get("/repo/" + manifest_key(taken->entry.id));
  lab.fs.restore(before);
  lab.fs.put("/repo/" + manifest_key(taken->entry.id), manifest);
  Client next = lab.fresh();
  auto published = take(next, {.text = "next"});
  ZK_ASSERT_OK(published);
  auto repository = open(next);
  EXPECT_EQ(repository->entries().size(), 5u);
  EXPECT_EQ(repository->find(taken->entry.id), nullptr);
  EXPECT_GT(published->entry.sequence, taken->entry.sequence);
  ASSERT_EQ(repository->notes().size(), 1u);
  EXPECT_EQ(repository->notes()[0].id, ErrorId::kUnknownFile);
}

TEST(Pin, ShowsThatARepositoryWentBackInTime) {
  Lab lab;
  lab.client.pins = true;
  small_repository(lab.client);
  const auto old = lab.fs.tree("/repo");
  ZK_ASSERT_OK(take(lab.client, {.text = "newest"}));
  EXPECT_TRUE(open(lab.client)->notes().empty());

  lab.fs.erase("/repo");
  for (const auto& [path, content] : old) lab.fs.put(path, content);
  auto repository = open(lab.client);
  ASSERT_EQ(repository->notes().size(), 1u);
  EXPECT_EQ(repository->notes()[0].id, ErrorId::kRolledBack);
  EXPECT_EQ(repository->notes()[0].severity, restore::Severity::kDamage);
  EXPECT_FALSE(check_repository(lab.client.env(), {}, lab.client.job)->ok());
  auto refused = take(lab.client, {});
  ASSERT_EQ(error_of(refused), ErrorId::kRolledBack);
  // The way out that the hint names.
  const std::string pin = pin_path("/cache/1", repository->config().id);
  EXPECT_NE(refused.error().hint().find(pin), std::string::npos);
  lab.fs.erase(pin);
  ZK_EXPECT_OK(take(lab.client, {}));
  EXPECT_EQ(error_of(take(lab.client, {})), static_cast<ErrorId>(0));
}

TEST(Pin, ShowsAnotherHistoryOfTheSameLength) {
  Lab lab;
  lab.client.pins = true;
  small_repository(lab.client);
  const auto old = lab.fs.tree("/repo");
  ZK_ASSERT_OK(take(lab.client, {.text = "one"}));
  lab.fs.erase("/repo");
  for (const auto& [path, content] : old) lab.fs.put(path, content);
  Client other = lab.fresh();
  ZK_ASSERT_OK(take(other, {.text = "two"}));
  EXPECT_EQ(open(lab.client)->notes().at(0).id, ErrorId::kRolledBack);
}

TEST(Pin, IsACacheThatMayBeDamagedOrUnwritable) {
  Lab lab;
  lab.client.pins = true;
  small_repository(lab.client);
  const std::string pin = pin_path("/cache/1", open(lab.client)->config().id);
  lab.fs.flip_bit(pin, 20, 1);
  EXPECT_EQ(open(lab.client)->notes().at(0).severity, restore::Severity::kNote);
  EXPECT_TRUE(open(lab.client)->notes().empty()) << "written anew";
  lab.fs.arm({.kinds = kMutations, .path_contains = "/cache", .forever = true});
  ZK_EXPECT_OK(take(lab.client, {.text = "all the same"}));
}

TEST(Stats, CountEveryObjectOnce) {
  Lab lab;
  const std::vector<Taken> taken = small_repository(lab.client);
  auto stats = repository_stats(*open(lab.client));
  ZK_ASSERT_OK(stats);
  EXPECT_EQ(stats->total.backups, 4u);
  EXPECT_EQ(stats->total.objects, 5u) << "four segments, one zoo.cfg";
  EXPECT_EQ(stats->total.plain_bytes, 2000u + 300 + 300 + 500 + 14);
  EXPECT_EQ(stats->total.named_bytes, stats->total.plain_bytes + 3 * 14);
  EXPECT_EQ(stats->clusters.at("other").objects, 2u);
  std::uint64_t stored = 0;
  for (const auto& [path, content] : lab.fs.tree("/repo/objects")) stored += content.size();
  EXPECT_EQ(stats->total.stored_bytes, stored);
  EXPECT_EQ(stats->unused_objects, 0u);
}

}  // namespace
}  // namespace zkark::test
