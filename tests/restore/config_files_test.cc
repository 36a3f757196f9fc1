#include "restore/config_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "restore/data_dir.h"
#include "tests/support/log_builder.h"
#include "tests/support/sim_fs.h"

namespace zkark::restore {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

SourceListing listing_with(std::vector<ExtraFile> extras) {
  SourceListing listing;
  listing.extras = std::move(extras);
  return listing;
}

std::string file_of(const std::vector<std::pair<std::string, std::string>>& files, std::string_view name) {
  for (const auto& [file, content] : files)
    if (file == name) return content;
  return "(absent)";
}

constexpr std::string_view kStatic =
    "# ours\ntickTime=2000\ndataDir=/old/data\ndataLogDir=/old/log\nclientPort=2181\n"
    "server.1=zk1:2888:3888\nserver.2=zk2:2888:3888\nserver.3=zk3:2888:3888:observer\n";

TEST(CapturedConfig, KnowsDirectoriesPortsAndMembers) {
  const SourceListing listing = listing_with({{"zoo.cfg", "/etc/zk/zoo.cfg", std::string(kStatic)}});
  const CapturedConfig captured = captured_config(listing).value();
  EXPECT_EQ(captured.data_dir, "/old/data");
  EXPECT_EQ(captured.log_dir, "/old/log");
  ASSERT_EQ(captured.clients.size(), 1u);
  EXPECT_EQ(captured.clients[0].port, 2181);
  EXPECT_EQ(captured.ensemble.servers.size(), 3u);
  EXPECT_EQ(captured.ensemble.voters(), 2u);
}

TEST(CapturedConfig, IsEmptyWithoutAZooCfgAndFoundUnderAnotherName) {
  EXPECT_FALSE(captured_config(listing_with({{"myid", "/d/myid", "1"}}))->cfg);
  const SourceListing listing =
      listing_with({{"myid", "/d/myid", "1"}, {"zk-east.cfg", "/etc/zk-east.cfg", std::string(kStatic)}});
  EXPECT_EQ(captured_config(listing)->file->name, "zk-east.cfg");
}

TEST(CapturedConfig, SaysThatADynamicFileIsMissing) {
  const SourceListing listing =
      listing_with({{"zoo.cfg", "/d/zoo.cfg", "dataDir=/d\ndynamicConfigFile=/d/zoo.cfg.dynamic.5\n"}});
  const CapturedConfig captured = captured_config(listing).value();
  EXPECT_EQ(captured.dynamic, nullptr);
  ASSERT_EQ(captured.notes.size(), 1u);
  EXPECT_EQ(captured.notes[0].file, "/d/zoo.cfg.dynamic.5");
}

TEST(RestoredConfig, MovesDirectoriesAndKeepsEveryOtherByte) {
  const SourceListing listing = listing_with({{"zoo.cfg", "/etc/zk/zoo.cfg", std::string(kStatic)}});
  const CapturedConfig captured = captured_config(listing).value();
  const auto files = restored_config(captured, {"/srv/zk", "", false}).value();
  EXPECT_EQ(file_of(files, "zoo.cfg.orig"), kStatic);
  const std::string moved = file_of(files, "zoo.cfg");
  EXPECT_THAT(moved, HasSubstr("# ours\ntickTime=2000\ndataDir=/srv/zk\n"));
  EXPECT_THAT(moved, Not(HasSubstr("dataLogDir")));
  EXPECT_THAT(moved, HasSubstr("server.3=zk3:2888:3888:observer\n"));
  EXPECT_THAT(moved, Not(HasSubstr("extendedTypesEnabled")));
  const auto apart = restored_config(captured, {"/srv/zk", "/srv/log", true}).value();
  EXPECT_THAT(file_of(apart, "zoo.cfg"), HasSubstr("dataLogDir=/srv/log\n"));
  EXPECT_THAT(file_of(apart, "zoo.cfg"), HasSubstr("extendedTypesEnabled=true"));
}

TEST(RestoredConfig, TakesTheDynamicFileAlongAndPointsToIt) {
  const std::string dynamic =
      "server.1=zk1:2888:3888:participant;2181\nserver.2=zk2:2888:3888:participant;2181";
  const SourceListing listing = listing_with(
      {{"zoo.cfg", "/d/zoo.cfg", "dataDir=/d\ndynamicConfigFile=/d/conf/zoo.cfg.dynamic.200000004\n"},
       {"zoo.cfg.dynamic.200000004", "/d/zoo.cfg.dynamic.200000004", dynamic}});
  const CapturedConfig captured = captured_config(listing).value();
  EXPECT_EQ(captured.ensemble.voters(), 2u);
  const auto files = restored_config(captured, {"/srv/zk", "", false}).value();
  EXPECT_THAT(file_of(files, "zoo.cfg"),
              HasSubstr("dynamicConfigFile=/srv/zk/conf/zoo.cfg.dynamic.200000004\n"));
  EXPECT_EQ(file_of(files, "zoo.cfg.dynamic.200000004"), dynamic);
  EXPECT_EQ(file_of(files, "zoo.cfg.dynamic.200000004.orig"), dynamic);
}

TEST(RecordsAbove, AreLookedForInALogDirectory) {
  test::SimFs fs;
  EXPECT_FALSE(has_records_above(fs, "/log", 0).value());
  fs.put_dir("/log/version-2");
  EXPECT_FALSE(has_records_above(fs, "/log", 0).value());
  fs.put("/log/version-2/log.1", test::LogBuilder().record(1, 1).record(2, 2).bytes());
  EXPECT_TRUE(has_records_above(fs, "/log", 1).value());
  EXPECT_FALSE(has_records_above(fs, "/log", 2).value());
}

}  // namespace
}  // namespace zkark::restore
