#include "restore/base_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "restore/data_dir.h"
#include "tests/support/load_dir.h"
#include "tests/support/log_builder.h"
#include "tests/support/sim_fs.h"

namespace zkark::restore {
namespace {

using test::LogBuilder;
using ::testing::HasSubstr;

std::string canonical(const State& state) {
  std::string text;
  canonical_dump(state, [&](std::string_view part) { text += part; });
  return text;
}

class BaseChoiceTest : public testing::Test {
 protected:
  void load(const std::string& fixture) {
    if (fs_.get_info("/data")) fs_.erase("/data");
    test::load_dir(fs_, "fixtures/" + fixture, "/data");
  }
  void open(const std::string& dir = "/data", const std::string& log_dir = "") {
    DataDirOptions where;
    where.dir = dir;
    where.log_dir = log_dir;
    source_ = std::make_unique<DataDir>(fs_, where);
    listing_ = source_->list().value();
  }
  Result<Rebuilt> at(std::int64_t zxid) {
    findings_.clear();
    return rebuild(*source_, listing_, zxid, findings_, job_);
  }
  std::string base_at(std::int64_t zxid) {
    const Result<Rebuilt> rebuilt = at(zxid);
    if (!rebuilt) return rebuilt.error().to_string();
    return rebuilt->base == nullptr ? "initial" : std::string(base_name(rebuilt->base->path));
  }
  /// Canonical states after every record, replayed from the oldest base.
  std::map<std::int64_t, std::string> truth() {
    std::map<std::int64_t, std::string> states;
    ReplayOptions options;
    options.on_record = [&](const State& state, const WalkEntry& entry) -> Status {
      states[entry.entry.zxid()] = canonical(state);
      return {};
    };
    options.on_restart = [&] { states.clear(); };
    Findings findings;
    EXPECT_TRUE(replay(*source_, listing_, nullptr, options, findings, job_));
    return states;
  }

  test::SimFs fs_;
  std::unique_ptr<DataDir> source_;
  SourceListing listing_;
  Findings findings_;
  Job job_;
};

TEST_F(BaseChoiceTest, EveryPointOfAFuzzyHistoryIsTheOneThatTheWholeLogGives) {
  load("zk-3.8.0-fuzzy");
  open();
  const auto states = truth();
  ASSERT_GT(states.size(), 400u);
  std::map<std::string, int> used;
  for (const auto& [zxid, state] : states) {
    if (zxid < 0x1b0 && zxid % 32 != 0) continue;  // the snapshot is fuzzy from 0x1c3 on
    const Result<Rebuilt> rebuilt = at(zxid);
    ASSERT_TRUE(rebuilt) << zxid_text(zxid) << ": " << rebuilt.error().to_string();
    ASSERT_EQ(canonical(rebuilt->replay.state), state) << zxid_text(zxid);
    ++used[rebuilt->base == nullptr ? "initial" : std::string(base_name(rebuilt->base->path))];
  }
  EXPECT_GT(used["snapshot.1c3"], 0) << "and the fuzzy snapshot is used where it may be";
  EXPECT_EQ(base_at(0x1c3), "snapshot.0") << "but not at its own name";
}

TEST_F(BaseChoiceTest, EveryPointOfSmallHistoriesIsTheOneThatTheWholeLogGives) {
  for (const char* fixture : {"zk-3.4-standalone", "zk-3.5-standalone", "zk-3.6-digest-off",
                              "zk-3.8.0-standalone", "zk-3.9-digest-off", "zk-3.10-snappy", "zk-3.8.0-gz"}) {
    SCOPED_TRACE(fixture);
    load(fixture);
    open();
    for (const auto& [zxid, state] : truth()) {
      const Result<Rebuilt> rebuilt = at(zxid);
      ASSERT_TRUE(rebuilt) << zxid_text(zxid) << ": " << rebuilt.error().to_string();
      std::string found = canonical(rebuilt->replay.state), wanted = state;
      // 3.4 has no /zookeeper/config; the built-in tree of later releases has.
      for (std::string* text : {&found, &wanted})
        if (const std::size_t config = text->find("/zookeeper/config\t"); config != text->npos)
          text->erase(config, text->find('\n', config) + 1 - config);
      ASSERT_EQ(found, wanted) << zxid_text(zxid);
    }
  }
}

TEST_F(BaseChoiceTest, WithoutSectionsASnapshotServesFromTheNextOnesNameOn) {
  load("zk-3.5-standalone");
  open();
  EXPECT_EQ(base_at(0x48), "snapshot.0") << "nobody says what was applied while snapshot.48 was written";
  EXPECT_EQ(base_at(0x4c), "snapshot.0");
  EXPECT_EQ(base_at(0x4d), "snapshot.48") << "complete before snapshot.4d was begun";
  EXPECT_EQ(base_at(listing_.logs.back().zxid), "snapshot.48")
      << "nor for the newest one, before the end of the logs";
  EXPECT_EQ(base_at(0x62), "snapshot.4d");
}

TEST_F(BaseChoiceTest, ADamagedSnapshotIsPassedOverWithAFinding) {
  load("zk-3.8.0-standalone");
  open();
  const std::string path = "/data/version-2/snapshot.4d";
  fs_.flip_bit(path, fs_.get(path)->size() / 2, 3);
  EXPECT_EQ(base_at(0x62), "snapshot.3c");
  ASSERT_FALSE(findings_.empty());
  EXPECT_EQ(findings_[0].file, path);
  EXPECT_EQ(findings_[0].severity, Severity::kDamage);
  EXPECT_THAT(findings_[0].message, HasSubstr("not used as a base"));
}

TEST_F(BaseChoiceTest, ASnapshotThatIsNotTheServersTreeIsPassedOverWithAFinding) {
  load("zk-3.8.0-standalone");
  open();
  // Sound in itself, seals and digest section included; only what the servers logged behind it tells.
  Rebuilt rebuilt = at(0x4d).value();
  Tree& tree = rebuilt.replay.state.tree;
  const NodeId id = tree.find("/app");
  ASSERT_NE(id, kNoNode);
  tree.set_data(id, "/app", as_bytes("something else"), tree.stat(id));
  struct : ByteSink {
    Status write(Bytes bytes) override { return content.append(as_text(bytes)), Status(); }
    Status finish() override { return {}; }
    std::string content;
  } sink;
  ASSERT_TRUE(write_snapshot(rebuilt.replay.state, sink, {0x4d, true}, job_));
  fs_.put("/data/version-2/snapshot.4d", sink.content);
  open();
  EXPECT_EQ(base_at(0x62), "snapshot.3c");
  const auto told = std::find_if(findings_.begin(), findings_.end(), [](const Finding& finding) {
    return finding.message.starts_with("snapshot.4d was not used as a base");
  });
  ASSERT_NE(told, findings_.end());
  EXPECT_EQ(told->severity, Severity::kDamage);
  EXPECT_EQ(told->id, ErrorId::kDigestMismatch);
}

TEST_F(BaseChoiceTest, AHoleIsRefusedWithTheWindowsThatAreLeft) {
  load("zk-3.8.0-standalone");
  fs_.erase("/data/version-2/log.3e");
  open();
  const Result<Rebuilt> rebuilt = at(0x45);
  ASSERT_FALSE(rebuilt);
  EXPECT_EQ(rebuilt.error().id(), ErrorId::kPointNotFound);
  EXPECT_THAT(rebuilt.error().hint(), HasSubstr("0x0 to 0x3d, 0x4d to 0x62"));
  EXPECT_EQ(base_at(0x50), "snapshot.4d");
  fs_.erase("/data/version-2/snapshot.4d");
  open();
  EXPECT_EQ(at(0x50).error().id(), ErrorId::kGap);
  EXPECT_THAT(at(0x50).error().hint(), HasSubstr("what can be restored: 0x0 to 0x3d"));
}

TEST_F(BaseChoiceTest, TheWindowsOfARefusalEndBeforeTheRecordThatCannotBeApplied) {
  test::LogBuilder log;
  for (std::int64_t zxid = 1; zxid <= 3; ++zxid) log.record(zxid, 1000 + zxid);
  log.txn(test::create_txn(4, 1004, "no-slash")).record(5, 1005);
  fs_.put("/data/version-2/log.1", log.bytes());
  open();
  const Result<Rebuilt> rebuilt = at(5);
  ASSERT_FALSE(rebuilt);
  EXPECT_EQ(rebuilt.error().hint(), "what can be restored: 0x0 to 0x3");
  EXPECT_TRUE(at(3));
}

TEST_F(BaseChoiceTest, DamageBetweenBaseAndPointIsNamedWithItsPlace) {
  load("zk-3.8.0-standalone");
  fs_.erase("/data/version-2/snapshot.4d");
  fs_.flip_bit("/data/version-2/log.4e", 60, 0);
  open();
  const Result<Rebuilt> rebuilt = at(0x50);
  ASSERT_FALSE(rebuilt);
  EXPECT_EQ(rebuilt.error().id(), ErrorId::kChecksumMismatch);
  EXPECT_EQ(rebuilt.error().file(), "/data/version-2/log.4e");
  EXPECT_EQ(rebuilt.error().offset(), 16u);
  EXPECT_EQ(base_at(0x4d), "snapshot.3c");
}

TEST_F(BaseChoiceTest, ALoneFuzzySnapshotIsNoStateThatEverExisted) {
  load("zk-3.8.0-fuzzy");
  for (const std::string& file : fs_.files("/data/version-2"))
    if (base_name(file) != "snapshot.1c3") fs_.erase(file);
  open();
  EXPECT_EQ(at(0x1c3).error().id(), ErrorId::kPointNotFound);
  EXPECT_THAT(at(0x1c3).error().hint(), HasSubstr("nothing"));
}

TEST_F(BaseChoiceTest, ALoneExactSnapshotServesItsOwnPoint) {
  load("zk-3.8.0-standalone");
  for (const std::string& file : fs_.files("/data/version-2"))
    if (base_name(file) != "snapshot.4d") fs_.erase(file);
  open();
  EXPECT_EQ(base_at(0x4d), "snapshot.4d");
}

TEST_F(BaseChoiceTest, ASnapshotThatAMemberWasSentServesItsOwnPointAndHidesWhatItsLogSaysBefore) {
  load("zk-3.8.0-stale-tail");
  open("/data/3");
  EXPECT_EQ(base_at(0x200000006), "snapshot.200000006");
  EXPECT_EQ(base_at(0x200000009), "snapshot.200000006");
  EXPECT_EQ(base_at(0x10000000c), "snapshot.0");
  // Without it nothing leads across the hole.
  fs_.erase("/data/3/version-2/snapshot.200000006");
  open("/data/3");
  EXPECT_FALSE(at(0x200000009));
}

TEST_F(BaseChoiceTest, LogsThatBeginWithTheFirstTransactionNeedNoSnapshot) {
  load("zk-3.8.0-standalone");
  for (const std::string& file : fs_.files("/data/version-2"))
    if (base_name(file).starts_with("snapshot")) fs_.erase(file);
  open();
  EXPECT_EQ(base_at(0x62), "initial");
  EXPECT_EQ(base_at(0), "initial");
  fs_.erase("/data/version-2/log.1");
  open();
  EXPECT_EQ(at(0x62).error().id(), ErrorId::kPointNotFound);
}

TEST_F(BaseChoiceTest, AScanKnowsTheTreesDigestWithoutBuildingIt) {
  load("zk-3.8.0-standalone");
  open();
  for (const SourceFile& snapshot : listing_.snapshots) {
    const SnapshotFacts facts = scan_snapshot(*source_, snapshot, job_).value();
    const auto stream = open_snapshot(*source_, snapshot).value();
    SnapshotReader reader(*stream, snapshot.path);
    const LoadedSnapshot loaded = load_snapshot(reader, {}, job_).value();
    EXPECT_EQ(facts.digest, loaded.state.tree.digest());
    EXPECT_EQ(facts.nodes, loaded.state.tree.size());
    EXPECT_EQ(facts.sessions, loaded.state.sessions.size());
    EXPECT_LE(facts.highest_stamp, snapshot.zxid);
  }
}

TEST_F(BaseChoiceTest, AnInterruptEndsTheSearch) {
  load("zk-3.8.0-standalone");
  open();
  job_.stop.request_stop();
  EXPECT_EQ(at(0x62).error().id(), ErrorId::kCancelled);
}

}  // namespace
}  // namespace zkark::restore
