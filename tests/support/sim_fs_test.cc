#include "tests/support/sim_fs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/sim_clock.h"

namespace zkark::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Kind = Survival::Kind;

std::unique_ptr<File> create(SimFs& fs, const std::string& path) {
  Result<std::unique_ptr<File>> file = fs.create(path, {});
  EXPECT_TRUE(file) << file.error().to_string();
  return std::move(*file);
}

void write(SimFs& fs, const std::string& path, std::string_view content) {
  EXPECT_TRUE(create(fs, path)->append(as_bytes(content)));
}

TEST(SimFs, DataNotSyncedIsGoneAfterAPowerCut) {
  SimFs fs;
  auto file = create(fs, "/f");
  ASSERT_TRUE(file->append(as_bytes("safe")));
  ASSERT_TRUE(file->sync());
  ASSERT_TRUE(fs.sync_dir("/"));
  ASSERT_TRUE(file->append(as_bytes(" lost")));
  EXPECT_EQ(fs.get("/f"), "safe lost");
  fs.power_cut({Kind::kNothing});
  EXPECT_EQ(fs.get("/f"), "safe");
  EXPECT_EQ(fs.pending(), 0u);
}

TEST(SimFs, ANameIsGoneAfterAPowerCutUnlessItsDirectoryWasSynced) {
  SimFs fs;
  auto file = create(fs, "/f");
  ASSERT_TRUE(file->append(as_bytes("x")));
  ASSERT_TRUE(file->sync());
  fs.power_cut({Kind::kNothing});
  EXPECT_EQ(fs.get("/f"), std::nullopt);
}

TEST(SimFs, ANameWithoutItsDataIsAnEmptyFile) {
  SimFs fs;
  write(fs, "/f", "content");
  ASSERT_TRUE(fs.sync_dir("/"));
  fs.power_cut({Kind::kNothing});
  EXPECT_EQ(fs.get("/f"), "");
}

TEST(SimFs, ARemovalIsUndoneAfterAPowerCutUnlessSynced) {
  SimFs fs;
  fs.put("/a", "a");
  fs.put("/b", "b");
  ASSERT_TRUE(fs.remove_file("/a"));
  ASSERT_TRUE(fs.sync_dir("/"));
  ASSERT_TRUE(fs.remove_file("/b"));
  fs.power_cut({Kind::kNothing});
  EXPECT_THAT(fs.files(), ElementsAre("/b"));
}

TEST(SimFs, ARenameIsWholeOrNotThere) {
  SimFs fs;
  fs.put("/old", "old");
  fs.put("/new", "new");
  ASSERT_TRUE(fs.rename("/new", "/old"));
  const SimFs::Snapshot after = fs.snapshot();
  fs.power_cut({Kind::kNothing});
  EXPECT_EQ(fs.tree(), (std::map<std::string, std::string>{{"/old", "old"}, {"/new", "new"}}));
  fs.restore(after);
  fs.power_cut({Kind::kEverything});
  EXPECT_EQ(fs.tree(), (std::map<std::string, std::string>{{"/old", "new"}}));
}

TEST(SimFs, ARenameBetweenDirectoriesBelongsToWhereItGoes) {
  SimFs fs;
  fs.put("/a/f", "x");
  fs.put_dir("/b");
  ASSERT_TRUE(fs.rename("/a/f", "/b/f"));
  ASSERT_TRUE(fs.sync_dir("/a"));
  const SimFs::Snapshot source_synced = fs.snapshot();
  fs.power_cut({Kind::kNothing});
  EXPECT_THAT(fs.files(), ElementsAre("/a/f"));
  fs.restore(source_synced);
  ASSERT_TRUE(fs.sync_dir("/b"));
  fs.power_cut({Kind::kNothing});
  EXPECT_THAT(fs.files(), ElementsAre("/b/f"));
}

TEST(SimFs, AFileRenamedAwayAndBackIsNeverLostBySyncing) {
  for (const bool destination_first : {false, true}) {
    SimFs fs;
    fs.put("/a/f", "x");
    fs.put_dir("/b");
    ASSERT_TRUE(fs.rename("/a/f", "/b/f"));
    ASSERT_TRUE(fs.rename("/b/f", "/a/f"));
    ASSERT_TRUE(fs.sync_dir(destination_first ? "/a" : "/b"));
    ASSERT_TRUE(fs.sync_dir(destination_first ? "/b" : "/a"));
    fs.power_cut({Kind::kNothing});
    EXPECT_THAT(fs.files(), ElementsAre("/a/f"));
  }
}

TEST(SimFs, AFileInADirectoryThatWasNotSyncedIsGoneWithIt) {
  SimFs fs;
  ASSERT_TRUE(fs.make_dir("/d", 0700));
  auto file = create(fs, "/d/f");
  ASSERT_TRUE(file->append(as_bytes("x")));
  ASSERT_TRUE(file->sync());
  ASSERT_TRUE(fs.sync_dir("/d"));
  const SimFs::Snapshot without_parent = fs.snapshot();
  fs.power_cut({Kind::kNothing});
  EXPECT_THAT(fs.files(), IsEmpty());
  EXPECT_FALSE(fs.get_info("/d"));
  fs.restore(without_parent);
  ASSERT_TRUE(fs.sync_dir("/"));
  fs.power_cut({Kind::kNothing});
  EXPECT_THAT(fs.files(), ElementsAre("/d/f"));
}

TEST(SimFs, EachPrefixOfTheUnsyncedChangesCanSurvive) {
  SimFs fs;
  write(fs, "/a", "a");
  write(fs, "/b", "b");
  ASSERT_EQ(fs.pending(), 4u);  // name and data of each
  const SimFs::Snapshot before = fs.snapshot();
  std::vector<std::map<std::string, std::string>> seen;
  for (std::uint64_t n = 0; n <= 4; ++n) {
    fs.restore(before);
    fs.power_cut({Kind::kPrefix, n});
    seen.push_back(fs.tree());
  }
  EXPECT_THAT(
      seen, ElementsAre(std::map<std::string, std::string>{}, std::map<std::string, std::string>{{"/a", ""}},
                        std::map<std::string, std::string>{{"/a", "a"}},
                        std::map<std::string, std::string>{{"/a", "a"}, {"/b", ""}},
                        std::map<std::string, std::string>{{"/a", "a"}, {"/b", "b"}}));
}

TEST(SimFs, SubsetsReachStatesThatNoPrefixDoesAndSeedsRepeatThem) {
  SimFs fs;
  write(fs, "/a", "a");
  write(fs, "/b", "b");
  const SimFs::Snapshot before = fs.snapshot();
  bool only_b = false, hole = false;
  for (std::uint64_t seed = 1; seed <= 64; ++seed) {
    fs.restore(before);
    fs.power_cut({Kind::kSubset, seed});
    const auto tree = fs.tree();
    only_b |= !tree.contains("/a") && tree.contains("/b");
    hole |= tree.contains("/a") && tree.at("/a") == std::string(1, '\0');
    fs.restore(before);
    fs.power_cut({Kind::kSubset, seed});
    EXPECT_EQ(fs.tree(), tree) << "seed " << seed;
  }
  EXPECT_TRUE(only_b);
  EXPECT_TRUE(hole);
}

TEST(SimFs, ALostAppendBelowAKeptOneIsAHoleOfZeros) {
  SimFs fs;
  fs.put("/f.name", "");
  auto file = create(fs, "/f");
  ASSERT_TRUE(fs.sync_dir("/"));
  ASSERT_TRUE(file->append(as_bytes("one")));
  ASSERT_TRUE(file->append(as_bytes("two")));
  const SimFs::Snapshot before = fs.snapshot();
  bool seen = false;
  for (std::uint64_t seed = 1; seed <= 200 && !seen; ++seed) {
    fs.restore(before);
    fs.power_cut({Kind::kSubset, seed});
    seen = fs.get("/f") == std::string("\0\0\0two", 6);
  }
  EXPECT_TRUE(seen);
}

TEST(SimFs, ATornTailEndsAtASector) {
  SimFs fs;
  auto file = create(fs, "/f");
  ASSERT_TRUE(file->append(as_bytes(std::string(700, 's'))));
  ASSERT_TRUE(file->sync());
  ASSERT_TRUE(fs.sync_dir("/"));
  ASSERT_TRUE(file->append(as_bytes(std::string(2000, 'u'))));
  const SimFs::Snapshot before = fs.snapshot();
  std::set<std::size_t> sizes;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    fs.restore(before);
    fs.power_cut({Kind::kTorn, seed});
    const std::string content = fs.get("/f").value();
    EXPECT_EQ(content, std::string(700, 's') + std::string(content.size() - 700, 'u'));
    sizes.insert(content.size());
  }
  EXPECT_THAT(sizes, ElementsAre(700, 1024, 1536, 2048, 2560));
}

TEST(SimFs, AZeroFilledTailHasTheSizeButNotTheBytes) {
  SimFs fs;
  write(fs, "/f", "abc");
  const SimFs::Snapshot before = fs.snapshot();
  fs.power_cut({Kind::kZeroTail});
  EXPECT_EQ(fs.get("/f"), std::string(3, '\0'));
  fs.restore(before);
  fs.power_cut({Kind::kStaleTail, 7});
  EXPECT_EQ(fs.get("/f")->size(), 3u);
  EXPECT_NE(fs.get("/f"), "abc");
}

TEST(SimFs, AFailedSyncCannotBeMendedByALaterOne) {
  SimFs fs;
  auto file = create(fs, "/f");
  ASSERT_TRUE(fs.sync_dir("/"));
  ASSERT_TRUE(file->append(as_bytes("lost")));
  fs.arm({.kinds = op(OpKind::kSync)});
  EXPECT_EQ(file->sync().error().id(), ErrorId::kStorage);
  EXPECT_FALSE(file->sync()) << "the handle knows";
  EXPECT_FALSE(file->append(as_bytes("more")));
  auto again = fs.open("/f");
  ASSERT_TRUE(again);
  EXPECT_TRUE((*again)->sync()) << "as Linux: the pages count as clean";
  EXPECT_EQ(fs.get("/f"), "lost") << "while the power is on";
  const SimFs::Snapshot before = fs.snapshot();
  for (const Kind kind : {Kind::kNothing, Kind::kEverything, Kind::kSubset}) {
    fs.restore(before);
    fs.power_cut({kind, 3});
    EXPECT_EQ(fs.get("/f"), std::string(4, '\0'));
  }
}

TEST(SimFs, TheArmedOperationFailsOnceOrFromThenOn) {
  SimFs fs;
  fs.put("/f", "x");
  fs.arm({.at = 2, .kinds = op(OpKind::kInfo)});
  EXPECT_TRUE(fs.info("/f"));
  EXPECT_FALSE(fs.info("/f"));
  EXPECT_TRUE(fs.info("/f"));
  EXPECT_EQ(fs.hit()->to_string(), "info /f");
  fs.arm({.at = 2, .kinds = op(OpKind::kInfo), .forever = true});
  EXPECT_TRUE(fs.info("/f"));
  EXPECT_FALSE(fs.info("/f"));
  EXPECT_FALSE(fs.info("/f"));
  EXPECT_TRUE(fs.list("/"));
  fs.disarm();
  EXPECT_TRUE(fs.info("/f"));
}

TEST(SimFs, AFaultCanBeMeantForOnePath) {
  SimFs fs;
  fs.put("/a", "x");
  fs.put("/b", "x");
  fs.arm({.path_contains = "/b", .forever = true, .error_number = EACCES});
  EXPECT_TRUE(fs.open("/a"));
  Result<std::unique_ptr<File>> refused = fs.open("/b");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().id(), ErrorId::kPermission);
  EXPECT_EQ(refused.error().system_errno(), EACCES);
  EXPECT_FALSE(fs.rename("/a", "/bb"));
}

TEST(SimFs, AnOperationCanBeDoneAndFailAllTheSame) {
  SimFs fs;
  fs.put("/a", "x");
  fs.arm({.action = Fault::Action::kFailAfterDoing, .kinds = op(OpKind::kRename)});
  EXPECT_FALSE(fs.rename("/a", "/b"));
  EXPECT_THAT(fs.files(), ElementsAre("/b"));
}

TEST(SimFs, AfterAKillNothingWorksUntilTheRestart) {
  SimFs fs;
  auto file = create(fs, "/f");
  ASSERT_TRUE(file->append(as_bytes("0123456789")));
  fs.arm({.action = Fault::Action::kKill, .kinds = op(OpKind::kAppend), .partial_percent = 50});
  EXPECT_EQ(file->append(as_bytes("abcdef")).error().message(), "killed");
  EXPECT_TRUE(fs.killed());
  EXPECT_EQ(fs.remove_file("/f").error().id(), ErrorId::kInternal);
  EXPECT_FALSE(fs.list("/"));
  fs.restart();
  EXPECT_EQ(fs.get("/f"), "0123456789abc") << "what was written before SIGKILL stays";
  EXPECT_TRUE(fs.list("/"));
  EXPECT_EQ(file->append(as_bytes("x")).error().message(), "killed") << "a handle of the dead process";
}

TEST(SimFs, AFullDiskTakesWhatFitsAndGivesSpaceBackOnRemoval) {
  SimFs fs;
  fs.put("/old", "12345");
  fs.set_free_bytes(10);
  EXPECT_EQ(fs.free_bytes("/").value(), 10u);
  auto file = create(fs, "/f");
  EXPECT_TRUE(file->append(as_bytes("1234567")));
  const Status full = file->append(as_bytes("abcdef"));
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().id(), ErrorId::kDiskFull);
  EXPECT_EQ(fs.get("/f"), "1234567abc");
  EXPECT_EQ(fs.create("/g", {}).error().id(), ErrorId::kDiskFull);
  EXPECT_EQ(fs.make_dir("/d", 0700).error().id(), ErrorId::kDiskFull);
  EXPECT_TRUE(fs.remove_file("/old"));
  EXPECT_EQ(fs.free_bytes("/").value(), 5u);
  EXPECT_TRUE(fs.create("/g", {}));
  fs.set_unlimited();
  EXPECT_TRUE(file->append(as_bytes("abcdef")));
}

TEST(SimFs, ReplacingAFileByRenameGivesItsSpaceBack) {
  SimFs fs;
  fs.put("/a", "12345");
  fs.put("/b", "123");
  fs.set_free_bytes(1);
  ASSERT_TRUE(fs.rename("/b", "/a"));
  EXPECT_EQ(fs.free_bytes("/").value(), 6u);
}

TEST(SimFs, DamageIsDurableAndUncounted) {
  SimFs fs;
  fs.put("/d/f", std::string_view("\x00\xff", 2));
  fs.arm({.forever = true});
  fs.flip_bit("/d/f", 0, 3);
  EXPECT_EQ(fs.get("/d/f"), std::string("\x08\xff", 2));
  fs.overwrite("/d/f", 1, as_bytes("x"));
  fs.truncate("/d/f", 4);
  EXPECT_EQ(fs.get("/d/f"), std::string("\x08x\0\0", 4));
  fs.truncate("/d/f", 1);
  fs.power_cut({Kind::kNothing});
  EXPECT_EQ(fs.get("/d/f"), "\x08");
  fs.erase("/d");
  fs.power_cut({Kind::kNothing});
  EXPECT_THAT(fs.files(), IsEmpty());
  EXPECT_THAT(fs.log(), IsEmpty());
}

TEST(SimFs, WhatATestPutsLeavesTheProcessesOwnChangesUnsynced) {
  SimFs fs;
  write(fs, "/mine", "unsynced");
  fs.put("/other", "a server wrote this");
  fs.power_cut({Kind::kNothing});
  EXPECT_THAT(fs.files(), ElementsAre("/other"));
}

TEST(SimFs, ASnapshotIsUntouchedByWhatComesAfter) {
  SimFs fs;
  fs.put("/a", "one");
  write(fs, "/b", "unsynced");
  const SimFs::Snapshot before = fs.snapshot();
  fs.flip_bit("/a", 0, 0);
  ASSERT_TRUE(fs.rename("/a", "/c"));
  auto file = create(fs, "/d");
  fs.power_cut({Kind::kNothing});
  fs.restore(before);
  EXPECT_EQ(fs.tree(), (std::map<std::string, std::string>{{"/a", "one"}, {"/b", "unsynced"}}));
  EXPECT_EQ(fs.pending(), 2u);
  EXPECT_FALSE(file->append(as_bytes("x"))) << "a handle from before the restore";
}

TEST(SimFs, ASnapshotCanBeLoadedIntoAnotherSimFs) {
  SimFs one, two;
  one.put("/a", "x");
  two.restore(one.snapshot());
  two.flip_bit("/a", 0, 0);
  EXPECT_EQ(one.get("/a"), "x");
  EXPECT_EQ(two.get("/a"), "y");
}

TEST(SimFs, TheLogShowsTheOrderOfChanges) {
  SimFs fs;
  ASSERT_TRUE(write_file_atomic(fs, "/f", as_bytes("abc"), {}));
  std::vector<std::string> log;
  for (const Operation& operation : fs.log()) log.push_back(operation.to_string());
  EXPECT_THAT(log, ElementsAre("remove file /f.tmp (failed)", "create /f.tmp", "append /f.tmp, 3 bytes",
                               "sync /f.tmp", "rename /f.tmp -> /f", "sync dir /"));
  fs.clear_log();
  fs.log_looks(true);
  ASSERT_TRUE(read_file(fs, "/f", 10));
  log.clear();
  for (const Operation& operation : fs.log()) log.push_back(operation.to_string());
  EXPECT_THAT(log, ElementsAre("open /f", "read /f, 3 bytes", "read /f, 0 bytes"));
}

TEST(SimFs, ARenameOfUnsyncedDataIsNoted) {
  SimFs fs;
  write(fs, "/f.tmp", "x");
  ASSERT_TRUE(fs.rename("/f.tmp", "/f"));
  EXPECT_THAT(fs.careless_renames(), ElementsAre("/f.tmp -> /f"));
  fs.clear_log();
  ASSERT_TRUE(write_file_atomic(fs, "/f", as_bytes("abc"), {}));
  EXPECT_THAT(fs.careless_renames(), IsEmpty());
}

TEST(SimFs, TheHookPlaysTheOtherProcess) {
  SimFs fs;
  fs.put("/data/log.1", "x");
  fs.set_hook([&](const Operation& operation) {
    if (operation.kind == OpKind::kOpen && fs.get("/data/log.1")) fs.erase("/data/log.1");
  });
  EXPECT_EQ(fs.list("/data")->size(), 1u);
  EXPECT_EQ(fs.open("/data/log.1").error().id(), ErrorId::kNoFile);
}

TEST(SimFs, TimesComeFromTheClock) {
  SimClock clock({5000});
  SimFs fs(&clock);
  fs.put("/a", "x");
  clock.advance_ms(20);
  auto file = create(fs, "/b");
  EXPECT_EQ(fs.get_info("/a")->mtime_ns, 5'000'000'000);
  EXPECT_EQ(fs.get_info("/b")->mtime_ns, 5'020'000'000);
  clock.advance_ms(1);
  ASSERT_TRUE(file->append(as_bytes("x")));
  EXPECT_EQ(fs.get_info("/b")->mtime_ns, 5'021'000'000);
}

TEST(SimFs, AListIsNotSorted) {
  SimFs fs;
  for (char c = 'a'; c <= 'z'; ++c) fs.put(std::string("/d/log.") + c, "");
  std::vector<std::string> names;
  const Result<std::vector<DirEntry>> entries = fs.list("/d");
  for (const DirEntry& entry : *entries) names.push_back(entry.name);
  EXPECT_EQ(names.size(), 26u);
  EXPECT_FALSE(std::is_sorted(names.begin(), names.end()));
}

}  // namespace
}  // namespace zkark::test
