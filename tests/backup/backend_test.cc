// The one list every backend passes, run here against a local directory; and what only a directory can do
// wrong.
#include "src/backup/backend/backend.h"

#include "src/backup/backend/open.h"
#include "tests/backup/lab.h"

namespace zkark::test {
namespace {

using namespace backup;

std::vector<std::string> keys(const Result<std::vector<BackendEntry>>& entries) {
  std::vector<std::string> names;
  EXPECT_TRUE(entries.has_value());
  if (entries)
    for (const BackendEntry& entry : *entries) names.push_back(entry.key);
  return names;
}

class BackendContract : public testing::Test {
 protected:
  Lab lab_;
  Backend& backend_ = lab_.client.backend();
};

TEST_F(BackendContract, PutsGetsAndReplaces) {
  for (Durability durability : {Durability::kDurable, Durability::kVolatile}) {
    ZK_ASSERT_OK(backend_.put("objects/ab/one", as_bytes("first"), durability));
    EXPECT_EQ(*get_all(backend_, "objects/ab/one", 100), "first");
    ZK_ASSERT_OK(backend_.put("objects/ab/one", as_bytes("2"), durability));
    EXPECT_EQ(*get_all(backend_, "objects/ab/one", 100), "2");
    ZK_ASSERT_OK(backend_.put("objects/ab/one", {}, durability));
    EXPECT_EQ(*get_all(backend_, "objects/ab/one", 100), "");
  }
  EXPECT_TRUE(*exists(backend_, "objects/ab/one"));
  EXPECT_FALSE(*exists(backend_, "objects/ab/two"));
}

TEST_F(BackendContract, GetsRanges) {
  ZK_ASSERT_OK(backend_.put("value", as_bytes("0123456789"), Durability::kDurable));
  std::byte block[4];
  EXPECT_EQ(*backend_.get("value", 3, block), 4u);
  EXPECT_EQ(as_text(block), "3456");
  EXPECT_EQ(*backend_.get("value", 8, block), 2u);
  EXPECT_EQ(*backend_.get("value", 10, block), 0u);
  EXPECT_EQ(*backend_.get("value", 1000, block), 0u);
}

TEST_F(BackendContract, RefusesAWholeValueAboveTheLimit) {
  ZK_ASSERT_OK(backend_.put("value", as_bytes("0123456789"), Durability::kDurable));
  EXPECT_EQ(*get_all(backend_, "value", 10), "0123456789");
  EXPECT_EQ(error_of(get_all(backend_, "value", 9)), ErrorId::kBadLength);
}

TEST_F(BackendContract, SaysNoFileForWhatIsAbsent) {
  std::byte block[4];
  EXPECT_EQ(error_of(backend_.get("absent", 0, block)), ErrorId::kNoFile);
  EXPECT_EQ(error_of(backend_.info("absent/too")), ErrorId::kNoFile);
  EXPECT_EQ(error_of(backend_.confirm("absent")), ErrorId::kNoFile);
  EXPECT_EQ(keys(backend_.list("")), std::vector<std::string>{});
}

TEST_F(BackendContract, ListsByPrefixInByteOrderWithSizes) {
  for (const char* key : {"b/2", "a/x/1", "b/10", "HEAD", "b/1", "bb"})
    ZK_ASSERT_OK(backend_.put(key, as_bytes(key), Durability::kDurable));
  EXPECT_EQ(keys(backend_.list("")), (std::vector<std::string>{"HEAD", "a/x/1", "b/1", "b/10", "b/2", "bb"}));
  EXPECT_EQ(keys(backend_.list("b/")), (std::vector<std::string>{"b/1", "b/10", "b/2"}));
  EXPECT_EQ(keys(backend_.list("b/1")), (std::vector<std::string>{"b/1", "b/10"}));
  EXPECT_EQ(keys(backend_.list("b")), (std::vector<std::string>{"b/1", "b/10", "b/2", "bb"}));
  EXPECT_EQ(keys(backend_.list("a/x/")), (std::vector<std::string>{"a/x/1"}));
  EXPECT_EQ(keys(backend_.list("c/")), std::vector<std::string>{});
  EXPECT_EQ(backend_.list("b/10")->at(0).size_bytes, 4u);
}

TEST_F(BackendContract, RemovesManyAndTheAbsentToo) {
  for (const char* key : {"a/1", "a/2", "b/1"}) ZK_ASSERT_OK(backend_.put(key, {}, Durability::kDurable));
  ZK_ASSERT_OK(backend_.remove(std::vector<std::string>{"a/1", "b/1", "b/never", "never/b"}));
  EXPECT_EQ(keys(backend_.list("")), (std::vector<std::string>{"a/2"}));
}

TEST_F(BackendContract, ShowsAStreamOnlyAfterCommit) {
  auto writer = backend_.open_writer();
  ZK_ASSERT_OK(writer);
  ZK_ASSERT_OK((*writer)->append(as_bytes("first ")));
  ZK_ASSERT_OK((*writer)->append(as_bytes("second")));
  EXPECT_EQ(keys(backend_.list("")), std::vector<std::string>{});
  EXPECT_EQ(backend_.list_temporary()->size(), 1u);
  ZK_ASSERT_OK((*writer)->commit("objects/aa/x"));
  EXPECT_EQ(*get_all(backend_, "objects/aa/x", 100), "first second");
  EXPECT_EQ(backend_.list_temporary()->size(), 0u);
}

TEST_F(BackendContract, ForgetsAStreamThatIsDropped) {
  {
    auto writer = backend_.open_writer();
    ZK_ASSERT_OK(writer);
    ZK_ASSERT_OK((*writer)->append(as_bytes("never")));
  }
  EXPECT_EQ(keys(backend_.list("")), std::vector<std::string>{});
  EXPECT_EQ(backend_.list_temporary()->size(), 0u);
}

TEST_F(BackendContract, CleansTemporaryLeftovers) {
  lab_.fs.put("/repo/tmp/0123", "left over");
  EXPECT_EQ(keys(backend_.list("")), std::vector<std::string>{});
  ASSERT_EQ(backend_.list_temporary()->size(), 1u);
  EXPECT_EQ(backend_.list_temporary()->at(0).size_bytes, 9u);
  ZK_ASSERT_OK(backend_.clean_temporary());
  EXPECT_EQ(backend_.list_temporary()->size(), 0u);
}

TEST_F(BackendContract, KeepsWhatWasPutThroughAPowerCut) {
  ZK_ASSERT_OK(backend_.put("objects/ab/one", as_bytes("durable"), Durability::kDurable));
  lab_.fs.power_cut({Survival::Kind::kNothing, 0});
  Client after = lab_.fresh();
  EXPECT_EQ(*get_all(after.backend(), "objects/ab/one", 100), "durable");
}

TEST_F(BackendContract, ConfirmsWhatAKilledRunLeftUnsynced) {
  // The run before is killed between the rename and the sync of the directory.
  lab_.fs.arm(
      {.action = Fault::Action::kKill, .at = 1, .kinds = op(OpKind::kSyncDir), .path_contains = "/ab"});
  EXPECT_FALSE(backend_.put("objects/ab/one", as_bytes("visible"), Durability::kDurable).has_value());
  lab_.fs.restart();
  Client after = lab_.fresh();
  ASSERT_TRUE(*exists(after.backend(), "objects/ab/one"));
  ZK_ASSERT_OK(after.backend().confirm("objects/ab/one"));
  lab_.fs.power_cut({Survival::Kind::kNothing, 0});
  EXPECT_EQ(*get_all(lab_.fresh(3).backend(), "objects/ab/one", 100), "visible");
}

TEST(LocalBackend, KeepsAPutBehindADirectoryThatAKilledRunMade) {
  // The directory exists, but its own name was never synced.
  Lab lab;
  lab.fs.arm(
      {.action = Fault::Action::kKill, .at = 1, .kinds = op(OpKind::kSyncDir), .path_contains = "objects"});
  EXPECT_FALSE(
      lab.client.backend().put("objects/ab/one", as_bytes("lost"), Durability::kDurable).has_value());
  lab.fs.restart();
  Client after = lab.fresh();
  ZK_ASSERT_OK(after.backend().put("objects/ab/one", as_bytes("kept"), Durability::kDurable));
  lab.fs.power_cut({Survival::Kind::kNothing, 0});
  EXPECT_EQ(*get_all(lab.fresh(3).backend(), "objects/ab/one", 100), "kept");
}

TEST(LocalBackend, MakesFiles0600AndDirectories0700) {
  Lab lab;
  ZK_ASSERT_OK(lab.client.backend().put("objects/ab/one", as_bytes("x"), Durability::kDurable));
  for (const char* path : {"/repo", "/repo/objects", "/repo/objects/ab", "/repo/tmp"})
    EXPECT_EQ(lab.fs.get_info(path)->mode, 0700u) << path;
  EXPECT_EQ(lab.fs.get_info("/repo/objects/ab/one")->mode, 0600u);
}

TEST(LocalBackend, SyncsBeforeItRenames) {
  Lab lab;
  ZK_ASSERT_OK(lab.client.backend().put("HEAD", as_bytes("x"), Durability::kDurable));
  EXPECT_EQ(lab.fs.careless_renames(), std::vector<std::string>{});
  EXPECT_EQ(lab.fs.pending(), 0u);
}

TEST(LocalBackend, LeavesNoTemporaryFileBehindAFailedPut) {
  for (OpKind kind : {OpKind::kAppend, OpKind::kSync, OpKind::kRename}) {
    Lab lab;
    ZK_ASSERT_OK(lab.client.backend().put("a/first", as_bytes("x"), Durability::kDurable));
    lab.fs.arm({.at = 1, .kinds = op(kind)});
    EXPECT_FALSE(lab.client.backend().put("a/second", as_bytes("x"), Durability::kDurable).has_value());
    lab.fs.disarm();
    EXPECT_EQ(lab.client.backend().list_temporary()->size(), 0u);
    EXPECT_FALSE(*exists(lab.client.backend(), "a/second"));
  }
}

TEST(LocalBackend, ListsWhatStrangersPutThere) {
  Lab lab;
  lab.fs.put("/repo/objects/.nfs0001", "x");
  lab.fs.put("/repo/a/b/c/d/e/f", "x");
  lab.fs.put_symlink("/repo/link", "/etc/passwd");
  EXPECT_EQ(keys(lab.client.backend().list("")),
            (std::vector<std::string>{"a/b/c/d/e/f", "link", "objects/.nfs0001"}));
}

TEST(Keys, HaveOneToThreePlainParts) {
  for (const char* good : {"HEAD", "a/b", "objects/ab/ab12", "manifests/0a.json", "a-b_c.d"})
    EXPECT_TRUE(valid_key(good)) << good;
  for (const char* bad :
       {"", "/", "/a", "a/", "a//b", "..", "a/..", "../a", ".a", "a/.b", "a b", "a/b/c/d", "a\\b"})
    EXPECT_FALSE(valid_key(bad)) << bad;
}

TEST(OpenBackend, TakesPathsAndFileUrls) {
  SimFs fs;
  SimRandom random;
  for (const char* url : {"/r/x", "file:/r/x", "file:///r/x", "file://localhost/r/x", "/r/x/"}) {
    auto backend = open_backend(url, fs, random);
    ZK_ASSERT_OK(backend);
    EXPECT_EQ((*backend)->url(), url);
    ZK_ASSERT_OK((*backend)->put("probe", as_bytes(url), Durability::kDurable));
    EXPECT_EQ(fs.get("/r/x/probe"), url);
  }
  ZK_ASSERT_OK(open_backend("./a:b", fs, random));
  ZK_ASSERT_OK(open_backend("relative/dir", fs, random));
}

TEST(OpenBackend, WhatRootWritesBelongsToTheOwnerOfTheRepository) {
  SimFs fs;
  SimRandom random;
  SimSystem system;
  system.own = {0, 0};
  fs.put_dir("/r", 0700);
  fs.put_owner("/r", 65534, 65533);
  auto backend = open_backend("/r", fs, random, &system);
  ZK_ASSERT_OK(backend);
  ZK_ASSERT_OK((*backend)->put("objects/ab/one", as_bytes("x"), Durability::kDurable));
  ZK_ASSERT_OK((*backend)->put("HEAD", as_bytes("y"), Durability::kDurable));
  for (const char* path : {"/r/objects", "/r/objects/ab", "/r/objects/ab/one", "/r/HEAD", "/r/tmp"}) {
    ASSERT_TRUE(fs.get_info(path)) << path;
    EXPECT_EQ(fs.get_info(path)->uid, 65534u) << path;
    EXPECT_EQ(fs.get_info(path)->gid, 65533u) << path;
  }
  // Anybody else could not, and need not.
  system.own = {1000, 1000};
  fs.clear_log();
  ZK_ASSERT_OK((*backend)->put("objects/cd/two", as_bytes("z"), Durability::kDurable));
  for (const Operation& operation : fs.log()) EXPECT_NE(operation.kind, OpKind::kSetOwner);
}

TEST(OpenBackend, NamesWhatItSupportsForOtherSchemes) {
  SimFs fs;
  SimRandom random;
  for (const char* url : {"s3:https://h/b", "sftp:user@host:/x", "http://x", "file://host/x", "", "file:"}) {
    auto backend = open_backend(url, fs, random);
    EXPECT_EQ(error_of(backend), ErrorId::kUsage) << url;
    EXPECT_NE(backend.error().hint().find("file:"), std::string::npos) << url;
  }
}

}  // namespace
}  // namespace zkark::test
