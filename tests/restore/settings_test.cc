#include "restore/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "restore/data_dir.h"
#include "tests/support/load_dir.h"
#include "tests/support/log_builder.h"
#include "tests/support/sim_fs.h"

namespace zkark::restore {
namespace {

using ::testing::HasSubstr;

class Settings : public ::testing::Test {
 protected:
  /// Of /data with this zoo.cfg in it; "" = none.
  std::vector<Setting> settings(const std::string& zoo_cfg) {
    if (fs.get("/data/zoo.cfg")) fs.erase("/data/zoo.cfg");
    if (!zoo_cfg.empty()) fs.put("/data/zoo.cfg", "dataDir=/data\n" + zoo_cfg);
    DataDirOptions where;
    where.dir = "/data";
    DataDir source(fs, where);
    const auto listing = source.list();
    EXPECT_TRUE(listing);
    const auto seen = survey(source, *listing, job);
    EXPECT_TRUE(seen);
    const auto config = captured_config(*listing);
    EXPECT_TRUE(config);
    return settings_that_matter(*config, *seen);
  }
  static const Setting* find(const std::vector<Setting>& all, std::string_view key) {
    for (const Setting& one : all)
      if (one.key == key) return &one;
    return nullptr;
  }
  test::SimFs fs;
  Job job;
};

TEST_F(Settings, WhatIsRiskyIsRiskyAndItsOppositeIsNot) {
  test::load_dir(fs, "fixtures/zk-3.8.0-standalone", "/data");
  const std::tuple<const char*, const char*, const char*> kPairs[] = {
      {"forceSync", "no", "yes"},
      {"skipACL", "yes", "no"},
      {"snapshot.trust.empty", "true", "false"},
      {"extendedTypesEnabled", "false", "TRUE"},  // there are TTL nodes
  };
  for (const auto& [key, risky, safe] : kPairs) {
    for (const char* value : {risky, safe}) {
      const std::vector<Setting> all = settings(std::string(key) + "=" + value + "\n");
      const Setting* found = find(all, key);
      ASSERT_NE(found, nullptr) << key;
      EXPECT_EQ(found->value, value);
      EXPECT_EQ(found->origin, SettingOrigin::kConfig);
      EXPECT_EQ(found->risk, value == risky) << key << "=" << value;
      EXPECT_EQ(found->meaning.empty(), value == safe) << found->meaning;
    }
  }
}

TEST_F(Settings, DefaultsAreShownOnlyWhereTheySaySomethingAboutTheseData) {
  test::load_dir(fs, "fixtures/zk-3.8.0-shop", "/data");  // no TTL nodes
  const std::vector<Setting> all = settings("tickTime=2000\n");
  std::vector<std::string> keys;
  for (const Setting& one : all) keys.push_back(one.key);
  EXPECT_THAT(keys, ::testing::ElementsAre("dataDir", "tickTime", "snapCount", "autopurge.purgeInterval"));
  EXPECT_EQ(find(all, "snapCount")->value, "100000");
  EXPECT_EQ(find(all, "snapCount")->origin, SettingOrigin::kDefault);
  EXPECT_THAT(find(all, "autopurge.purgeInterval")->meaning, HasSubstr("never removed"));
  EXPECT_EQ(find(settings("autopurge.purgeInterval=1\n"), "autopurge.purgeInterval")->meaning, "");
}

TEST_F(Settings, ADefaultThatTheseDataDoNotBearIsARisk) {
  test::load_dir(fs, "fixtures/zk-3.8.0-standalone", "/data");
  const std::vector<Setting> all = settings("tickTime=2000\n");
  const Setting* types = find(all, "extendedTypesEnabled");
  ASSERT_NE(types, nullptr);
  EXPECT_EQ(types->origin, SettingOrigin::kDefault);
  EXPECT_TRUE(types->risk);
  EXPECT_THAT(types->meaning, HasSubstr("deletes 3 TTL nodes"));
}

TEST_F(Settings, ARecordTooLargeForTheDefaultIsARisk) {
  test::LogBuilder log;
  const std::string large(2'200'000, 'x');
  Txn txn = test::create_txn(1, 1000, "/large");
  std::get<CreateTxn>(txn.body).data = as_bytes(large);
  log.txn(txn);
  fs.put("/data/version-2/log.1", log.bytes());
  for (const char* cfg : {"tickTime=2000\n", "jute.maxbuffer=9999999\n"}) {
    const std::vector<Setting> all = settings(cfg);
    const Setting* buffer = find(all, "jute.maxbuffer");
    ASSERT_NE(buffer, nullptr) << cfg;
    EXPECT_TRUE(buffer->risk) << cfg;
    EXPECT_THAT(buffer->meaning, HasSubstr("-Djute.maxbuffer"));
  }
}

TEST_F(Settings, WithoutAConfigurationTheFilesTell) {
  const auto keys_of = [&](const std::string& fixture) {
    if (fs.get_info("/data")) fs.erase("/data");
    test::load_dir(fs, "fixtures/" + fixture, "/data");
    std::string text;
    for (const Setting& one : settings("")) {
      EXPECT_EQ(one.origin, SettingOrigin::kFiles);
      EXPECT_FALSE(one.risk) << one.key;
      text += one.key + "=" + one.value + " ";
    }
    return text;
  };
  EXPECT_EQ(keys_of("zk-3.4-standalone"), "");
  EXPECT_EQ(keys_of("zk-3.8.0-digest-off"), "extendedTypesEnabled=true ");
  EXPECT_EQ(keys_of("zk-3.9-snappy"),
            "snapshot.compression.method=snappy digest.enabled=true serializeLastProcessedZxid.enabled=true "
            "extendedTypesEnabled=true ");
  EXPECT_EQ(keys_of("zk-3.8.0-close-session-off-empty"),
            "digest.enabled=true closeSessionTxn.enabled=false ");
}

TEST_F(Settings, DigestsOfBareCloseSessionsAreARiskWhereTheSettingIsTheDefault) {
  test::load_dir(fs, "fixtures/zk-3.8.0-close-session-off", "/data");
  EXPECT_TRUE(find(settings("tickTime=2000\n"), "closeSessionTxn.enabled")->risk);
  EXPECT_FALSE(find(settings("closeSessionTxn.enabled=false\n"), "closeSessionTxn.enabled")->risk);
}

class Overlaps : public Settings {
 protected:
  std::vector<LogOverlap> overlaps() {
    DataDirOptions where;
    where.dir = "/data";
    DataDir source(fs, where);
    const auto listing = source.list();
    EXPECT_TRUE(listing);
    const auto seen = survey(source, *listing, job);
    EXPECT_TRUE(seen);
    auto found = log_overlaps(source, *listing, *seen, job);
    EXPECT_TRUE(found);
    return *std::move(found);
  }
  void log(std::int64_t first, std::int64_t last, std::int64_t skew_from = INT64_MAX) {
    test::LogBuilder builder;
    for (std::int64_t zxid = first; zxid <= last; ++zxid)
      builder.record(zxid, 1000 + (zxid >= skew_from ? 7 : 0));
    fs.put("/data/version-2/" + log_file_name(first), builder.bytes());
  }
};

TEST_F(Overlaps, LogsThatFollowEachOtherHaveNone) {
  log(1, 5);
  log(6, 9);
  EXPECT_TRUE(overlaps().empty());
}

TEST_F(Overlaps, SayWhereAndWhetherTheyAgree) {
  log(1, 9);
  log(5, 12);
  std::vector<LogOverlap> found = overlaps();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].earlier, "/data/version-2/log.1");
  EXPECT_EQ(found[0].later, "/data/version-2/log.5");
  EXPECT_EQ(found[0].first, 5);
  EXPECT_EQ(found[0].last, 9);
  EXPECT_EQ(found[0].records, 5u);
  EXPECT_FALSE(found[0].first_difference);

  log(5, 12, 8);
  found = overlaps();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].first_difference, 8);
}

TEST_F(Overlaps, OneInsideAnotherDoesNotHideTheNext) {
  log(1, 20);
  log(3, 5);
  log(18, 25);
  const std::vector<LogOverlap> found = overlaps();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].later, "/data/version-2/log.3");
  EXPECT_EQ(found[1].earlier, "/data/version-2/log.1");
  EXPECT_EQ(found[1].first, 18);
  EXPECT_EQ(found[1].last, 20);
}

}  // namespace
}  // namespace zkark::restore
