// What a power cut leaves of writes in place: appends into reserved room, and hints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/support/sim_fs.h"

namespace zkark::test {
namespace {

using ::testing::ElementsAre;
using Kind = Survival::Kind;

std::string zeros(std::size_t size) { return std::string(size, '\0'); }

/// A file with `synced`, then room, all of it synced with its name.
std::unique_ptr<File> with_room(SimFs& fs, std::string_view synced, std::uint64_t room) {
  auto file = fs.create("/log", {}).value();
  EXPECT_TRUE(file->append(as_bytes(synced)));
  EXPECT_TRUE(file->reserve(room));
  EXPECT_TRUE(file->sync());
  EXPECT_TRUE(fs.sync_dir("/"));
  return file;
}

std::string after_cut(SimFs& fs, const SimFs::Snapshot& before, Survival survival,
                      const std::string& path = "/log") {
  fs.restore(before);
  fs.power_cut(survival);
  return fs.get(path).value_or("absent");
}

TEST(SimFsRoom, AnAppendIntoSyncedRoomThatIsLostLeavesZerosAndTheSize) {
  SimFs fs;
  const auto file = with_room(fs, "abc", 2000);
  const std::string text(1500, 'x');
  ASSERT_TRUE(file->append(as_bytes(text)));
  EXPECT_EQ(fs.get("/log"), "abc" + text + zeros(500));
  const SimFs::Snapshot before = fs.snapshot();
  EXPECT_EQ(after_cut(fs, before, {Kind::kNothing}), "abc" + zeros(2000));
  EXPECT_EQ(after_cut(fs, before, {Kind::kZeroTail}), "abc" + zeros(2000));
  EXPECT_EQ(after_cut(fs, before, {Kind::kPrefix, 0}), "abc" + zeros(2000));
  EXPECT_EQ(after_cut(fs, before, {Kind::kPrefix, 1}), "abc" + text + zeros(500));
  EXPECT_EQ(after_cut(fs, before, {Kind::kEverything}), "abc" + text + zeros(500));
}

TEST(SimFsRoom, AnAppendIntoSyncedRoomIsTornAtASectorOrHasSomeSectorsOnlyNeverNoise) {
  SimFs fs;
  const auto file = with_room(fs, "abc", 2000);
  const std::string text(1500, 'x');
  ASSERT_TRUE(file->append(as_bytes(text)));
  const SimFs::Snapshot before = fs.snapshot();
  std::set<std::string> torn, stale, subset;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    torn.insert(after_cut(fs, before, {Kind::kTorn, seed}));
    stale.insert(after_cut(fs, before, {Kind::kStaleTail, seed}));
    subset.insert(after_cut(fs, before, {Kind::kSubset, seed}));
  }
  const auto kept = [&](std::size_t bytes) { return "abc" + std::string(bytes, 'x') + zeros(2000 - bytes); };
  EXPECT_THAT(torn, ::testing::UnorderedElementsAre(kept(0), kept(509), kept(1021)));
  EXPECT_EQ(stale.size(), 8u) << "three sectors, each old or new";
  EXPECT_TRUE(subset.contains(kept(0)) && subset.contains(kept(1500)) && subset.contains(kept(509)));
  for (const std::set<std::string>* ways : {&torn, &stale, &subset})
    for (const std::string& content : *ways) {
      EXPECT_EQ(content.size(), 2003u);
      EXPECT_EQ(content.substr(0, 3), "abc");
      EXPECT_EQ(content.find_first_not_of(std::string_view("x\0", 2), 3), std::string::npos);
    }
}

TEST(SimFsRoom, EachSyncOfAnAppendInTheRoomKeepsThatAppend) {
  SimFs fs;
  const auto file = with_room(fs, "", 10);
  ASSERT_TRUE(file->append(as_bytes("one")));
  ASSERT_TRUE(file->sync_data());
  ASSERT_TRUE(file->append(as_bytes("two")));
  EXPECT_EQ(fs.pending(), 1u);
  const SimFs::Snapshot before = fs.snapshot();
  EXPECT_EQ(after_cut(fs, before, {Kind::kNothing}), "one" + zeros(7));
  EXPECT_EQ(after_cut(fs, before, {Kind::kEverything}), "onetwo" + zeros(4));
}

TEST(SimFsRoom, RoomThatWasNotSyncedIsGoneOrZerosOrWhatTheBlocksHeld) {
  SimFs fs;
  const auto file = with_room(fs, "abc", 0);
  ASSERT_TRUE(file->reserve(8));
  EXPECT_EQ(fs.pending(), 1u);
  const SimFs::Snapshot before = fs.snapshot();
  EXPECT_EQ(after_cut(fs, before, {Kind::kNothing}), "abc");
  EXPECT_EQ(after_cut(fs, before, {Kind::kEverything}), "abc" + zeros(8));
  EXPECT_EQ(after_cut(fs, before, {Kind::kZeroTail}), "abc" + zeros(8));
  const std::string stale = after_cut(fs, before, {Kind::kStaleTail, 5});
  EXPECT_EQ(stale.size(), 11u);
  EXPECT_NE(stale, "abc" + zeros(8));
}

TEST(SimFsRoom, AnAppendThatSurvivesTheRoomItStoodInIsWhole) {
  SimFs fs;
  const auto file = with_room(fs, "abc", 0);
  ASSERT_TRUE(file->reserve(8));
  ASSERT_TRUE(file->append(as_bytes("de")));
  const SimFs::Snapshot before = fs.snapshot();
  std::set<std::string> ways;
  for (std::uint64_t seed = 0; seed < 200; ++seed) ways.insert(after_cut(fs, before, {Kind::kSubset, seed}));
  EXPECT_TRUE(ways.contains("abcde")) << "the append without the rest of the room";
  EXPECT_TRUE(ways.contains("abcde" + zeros(6)));
  EXPECT_TRUE(ways.contains("abc" + zeros(8)));
  EXPECT_TRUE(ways.contains("abc"));
  EXPECT_EQ(after_cut(fs, before, {Kind::kPrefix, 1}), "abc" + zeros(8));
}

TEST(SimFsRoom, AnAppendAcrossTheEndOfTheRoomKeepsTheSyncedPartOfTheSize) {
  SimFs fs;
  const auto file = with_room(fs, "abc", 4);
  ASSERT_TRUE(file->append(as_bytes("01234567")));
  const SimFs::Snapshot before = fs.snapshot();
  EXPECT_EQ(after_cut(fs, before, {Kind::kNothing}), "abc" + zeros(4));
  EXPECT_EQ(after_cut(fs, before, {Kind::kZeroTail}), "abc" + zeros(8));
  EXPECT_EQ(after_cut(fs, before, {Kind::kEverything}), "abc01234567");
}

TEST(SimFsRoom, AFailedSyncOfAnAppendInTheRoomLeavesZerosForEver) {
  SimFs fs;
  const auto file = with_room(fs, "abc", 8);
  ASSERT_TRUE(file->append(as_bytes("lost")));
  fs.arm({.kinds = op(OpKind::kSync)});
  EXPECT_FALSE(file->sync_data());
  EXPECT_FALSE(file->reserve(100));
  ASSERT_TRUE(fs.open("/log").value()->sync());
  const SimFs::Snapshot before = fs.snapshot();
  for (const Kind kind : {Kind::kNothing, Kind::kEverything, Kind::kSubset, Kind::kStaleTail})
    EXPECT_EQ(after_cut(fs, before, {kind, 3}).substr(0, 3), "abc");
  EXPECT_EQ(after_cut(fs, before, {Kind::kEverything}), "abc" + zeros(8));
}

TEST(SimFsRoom, AFullDiskRefusesRoomAndAppendsInTheRoomThereIsStillFit) {
  SimFs fs;
  const auto file = with_room(fs, "abc", 6);
  fs.set_free_bytes(4);
  const Status full = file->reserve(20);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().id(), ErrorId::kDiskFull);
  EXPECT_EQ(fs.get("/log"), "abc" + zeros(10));
  EXPECT_EQ(fs.free_bytes("/").value(), 0u);
  EXPECT_TRUE(file->append(as_bytes("0123456789")));
  EXPECT_EQ(file->append(as_bytes("x")).error().id(), ErrorId::kDiskFull);
  EXPECT_EQ(fs.get("/log"), "abc0123456789");
}

TEST(SimFsRoom, ReservingIsAnOperationThatIsLoggedAndCanFailHalfWay) {
  SimFs fs;
  const auto file = with_room(fs, "abc", 0);
  fs.arm({.kinds = op(OpKind::kReserve), .error_number = EDQUOT, .partial_percent = 50});
  EXPECT_EQ(file->reserve(8).error().id(), ErrorId::kDiskFull);
  EXPECT_EQ(fs.get("/log"), "abc" + zeros(4));
  EXPECT_EQ(fs.log().back().to_string(), "reserve /log, 4 bytes (failed)");
  EXPECT_TRUE(file->reserve(8));
  EXPECT_EQ(fs.get("/log"), "abc" + zeros(8));
  EXPECT_EQ(fs.log().back().bytes, 4u);
}

TEST(SimFsHint, ANewHintIsAbsentEmptyOrThereAfterAPowerCut) {
  SimFs fs;
  ASSERT_TRUE(fs.write_hint("/hint", as_bytes("new"), {}));
  const SimFs::Snapshot before = fs.snapshot();
  EXPECT_EQ(after_cut(fs, before, {Kind::kNothing}, "/hint"), "absent");
  EXPECT_EQ(after_cut(fs, before, {Kind::kPrefix, 1}, "/hint"), "");
  EXPECT_EQ(after_cut(fs, before, {Kind::kEverything}, "/hint"), "new");
}

TEST(SimFsHint, AHintThatIsOverwrittenIsOldNewOrAMix) {
  SimFs fs;
  fs.put("/hint", std::string(1100, 'o'));
  ASSERT_TRUE(fs.write_hint("/hint", as_bytes(std::string(1100, 'n')), {}));
  const SimFs::Snapshot before = fs.snapshot();
  EXPECT_EQ(after_cut(fs, before, {Kind::kNothing}, "/hint"), std::string(1100, 'o'));
  EXPECT_EQ(after_cut(fs, before, {Kind::kEverything}, "/hint"), std::string(1100, 'n'));
  std::set<std::string> ways;
  for (std::uint64_t seed = 0; seed < 100; ++seed)
    ways.insert(after_cut(fs, before, {Kind::kSubset, seed}, "/hint"));
  EXPECT_EQ(ways.size(), 8u) << "three sectors, each old or new";
  for (const std::string& way : ways) EXPECT_EQ(way.find_first_not_of("on"), std::string::npos);
}

TEST(SimFsHint, TheLastFewOfManyHintsAreInDoubtAndTheListStaysShort) {
  SimFs fs;
  fs.put("/hint", "000");
  for (int i = 1; i <= 100; ++i) ASSERT_TRUE(fs.write_hint("/hint", as_bytes(std::to_string(100 + i)), {}));
  EXPECT_EQ(fs.pending(), 4u);
  const SimFs::Snapshot before = fs.snapshot();
  std::set<std::string> ways;
  for (std::uint64_t n = 0; n <= 4; ++n) ways.insert(after_cut(fs, before, {Kind::kPrefix, n}, "/hint"));
  EXPECT_THAT(ways, ElementsAre("196", "197", "198", "199", "200"));
}

}  // namespace
}  // namespace zkark::test
