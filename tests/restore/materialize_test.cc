#include "restore/materialize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "restore/apply.h"
#include "restore/data_dir.h"
#include "tests/support/fault_loop.h"
#include "tests/support/sim_fs.h"
#include "tests/support/sim_system.h"

namespace zkark::restore {
namespace {

using test::Fault;
using test::SimFs;
using test::SimSystem;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

std::string canonical(const State& state) {
  std::string text;
  canonical_dump(state, [&](std::string_view part) { text += part; });
  return text;
}

void do_create(State& state, std::int64_t zxid, std::string_view path, std::int64_t session = 0,
               TxnType type = TxnType::kCreate) {
  Txn txn;
  txn.header = {session, 0, zxid, 1000 + zxid, type};
  if (type == TxnType::kCreateTtl) {
    CreateTtlTxn create;
    create.path = path;
    create.ttl_ms = 5000;
    txn.body = create;
  } else {
    CreateTxn create;
    create.path = path;
    create.data = as_bytes("value");
    create.ephemeral = session != 0 ? 1 : 0;
    txn.body = create;
  }
  ASSERT_TRUE(apply(state, txn));
}

void open_session(State& state, std::int64_t zxid, std::int64_t session) {
  Txn txn;
  txn.header = {session, 0, zxid, 1000 + zxid, TxnType::kCreateSession};
  txn.body = CreateSessionTxn{30000};
  ASSERT_TRUE(apply(state, txn));
}

/// /app (persistent) with /app/eph of a session, /kafka/config/x, a TTL node; last zxid 0x10.
State sample_state() {
  State state = initial_state();
  open_session(state, 1, 0x77);
  open_session(state, 2, 0x88);
  do_create(state, 3, "/app");
  do_create(state, 4, "/app/eph", 0x77);
  do_create(state, 5, "/kafka");
  do_create(state, 6, "/kafka/config");
  do_create(state, 7, "/kafka/config/x");
  do_create(state, 8, "/kafka/brokers");
  do_create(state, 9, "/ttl", 0, TxnType::kCreateTtl);
  do_create(state, 0x10, "/kafka/config/eph", 0x88);
  return state;
}

Contents sample_contents() {
  Contents contents;
  contents.snapshot_zxid = make_zxid(0x103, 0);
  contents.current_epoch = contents.accepted_epoch = 0x103;
  contents.server_id = 2;
  contents.conf = {{"zoo.cfg", "dataDir=/srv/zk\n"}, {"zoo.cfg.orig", "dataDir=/old\n"}};
  contents.lineage.fork_zxid = 0x10;
  contents.lineage.snapshot_zxid = contents.snapshot_zxid;
  return contents;
}

/// What is wrong with a restored directory; empty when it is whole.
std::string flaw(SimFs& fs, const std::string& dir) {
  DataDirOptions where;
  where.dir = dir;
  DataDir source(fs, where);
  Result<SourceListing> listing = source.list();
  if (!listing) return listing.error().to_string();
  if (listing->snapshots.size() != 1 || listing->snapshots[0].zxid != sample_contents().snapshot_zxid)
    return "snapshots";
  if (listing->current_epoch != 0x103 || listing->accepted_epoch != 0x103 || listing->myid != 2)
    return "epoch or myid";
  for (const auto& [name, content] : sample_contents().conf)
    if (fs.get(dir + "/conf/" + name) != content) return name;
  const auto lineage = fs.get(dir + "/zkark-lineage.json");
  if (!lineage || !parse_lineage(*lineage) || !(*parse_lineage(*lineage) == sample_contents().lineage))
    return "lineage";
  Job job;
  const auto stream = open_snapshot(source, listing->snapshots[0]).value();
  SnapshotReader reader(*stream, "snapshot");
  Result<LoadedSnapshot> loaded = load_snapshot(reader, {listing->snapshots[0].zxid, false}, job);
  if (!loaded) return loaded.error().to_string();
  if (canonical(loaded->state) != canonical(sample_state())) return "the tree";
  return {};
}

class MaterializeTest : public testing::Test {
 protected:
  void SetUp() override {
    fs_.put_dir("/srv");
    fs_.settle();
  }
  Status restore(SimFs& fs, TargetDirOptions options) {
    ZK_TRY(TargetDir target, TargetDir::examine(fs, system_, options));
    ZK_TRY_STATUS(target.claim(system_));
    ZK_TRY_STATUS(materialize(fs, std::move(target), options.dir, sample_state(), sample_contents(), job_));
    return {};
  }
  Status restore() { return restore(fs_, options_); }
  /// Another process than the one that left its lock.
  void next_process() { ++system_.own_pid; }
  std::vector<std::string> temporary_files() {
    std::vector<std::string> found;
    for (const std::string& file : fs_.files("/"))
      if (file.find(".zkark-restore") != file.npos || file.find(".zkark-lock") != file.npos)
        found.push_back(file);
    return found;
  }

  SimFs fs_;
  SimSystem system_;
  Job job_;
  TargetDirOptions options_{"/srv/zk", "", false, "20261121T053130Z", {}};
};

TEST_F(MaterializeTest, WritesADirectoryAsAServerHasIt) {
  ASSERT_TRUE(restore());
  EXPECT_EQ(flaw(fs_, "/srv/zk"), "");
  EXPECT_THAT(fs_.files("/srv"),
              ElementsAre("/srv/zk/conf/zoo.cfg", "/srv/zk/conf/zoo.cfg.orig", "/srv/zk/myid",
                          "/srv/zk/version-2/acceptedEpoch", "/srv/zk/version-2/currentEpoch",
                          "/srv/zk/version-2/snapshot.10300000000", "/srv/zk/zkark-lineage.json"));
  for (const std::string& file : fs_.files("/srv/zk")) EXPECT_EQ(fs_.get_info(file)->mode, 0640u) << file;
  for (const char* dir : {"/srv/zk", "/srv/zk/version-2", "/srv/zk/conf"})
    EXPECT_EQ(fs_.get_info(dir)->mode, 0750u) << dir;
  EXPECT_THAT(fs_.careless_renames(), IsEmpty());
}

TEST_F(MaterializeTest, TheSnapshotsSectionsCarryItsZxidAndDigest) {
  ASSERT_TRUE(restore());
  fs_.set_hook({});
  DataDirOptions where;
  where.dir = "/srv/zk";
  DataDir source(fs_, where);
  const SourceListing listing = source.list().value();
  const auto stream = open_snapshot(source, listing.snapshots[0]).value();
  SnapshotReader reader(*stream, "snapshot");
  const LoadedSnapshot loaded = load_snapshot(reader, {}, job_).value();
  EXPECT_EQ(loaded.tail.digest->zxid, make_zxid(0x103, 0));
  EXPECT_EQ(static_cast<std::uint64_t>(loaded.tail.digest->digest), sample_state().tree.digest());
  EXPECT_EQ(loaded.tail.last_processed_zxid, make_zxid(0x103, 0));
}

TEST_F(MaterializeTest, FilesBelongToWhomTheDirectoryBelongsWhenRootRestores) {
  system_.own = {0, 0};
  fs_.put_owner("/srv", 130, 131);
  ASSERT_TRUE(restore());
  for (const std::string& path :
       {std::string("/srv/zk"), std::string("/srv/zk/version-2"), std::string("/srv/zk/myid"),
        std::string("/srv/zk/version-2/snapshot.10300000000")}) {
    EXPECT_EQ(fs_.get_info(path)->uid, 130u) << path;
    EXPECT_EQ(fs_.get_info(path)->gid, 131u) << path;
  }
  options_.dir = "/srv/other";
  options_.owner = Owner{7, 8};
  ASSERT_TRUE(restore());
  EXPECT_EQ(fs_.get_info("/srv/other/version-2/currentEpoch")->uid, 7u);
}

TEST_F(MaterializeTest, OnlyRootMayGiveFilesAway) {
  options_.owner = Owner{7, 8};
  EXPECT_EQ(restore().error().id(), ErrorId::kPermission);
  options_.owner = system_.own;
  EXPECT_TRUE(restore());
}

TEST_F(MaterializeTest, WhatIsReadBackMustBeWhatWasWritten) {
  // A disk that turns a bit over between writing and reading.
  bool flipped = false;
  fs_.set_hook([&](const test::Operation& op) {
    if (op.kind == test::OpKind::kOpen && !flipped && op.path.find("snapshot.") != op.path.npos) {
      flipped = true;
      fs_.flip_bit(op.path, 300, 2);
    }
  });
  const Status status = restore();
  ASSERT_FALSE(status);
  EXPECT_EQ(exit_code(status.error().id()), 6);
  fs_.set_hook({});
  EXPECT_THAT(fs_.files("/srv"), IsEmpty()) << "nothing was put into place";
}

TEST_F(MaterializeTest, AConfigurationThatReadsBackDifferentlyIsNoticedToo) {
  fs_.set_hook([&](const test::Operation& op) {
    if (op.kind == test::OpKind::kOpen && op.path.ends_with("currentEpoch")) fs_.flip_bit(op.path, 0, 0);
  });
  EXPECT_EQ(restore().error().id(), ErrorId::kDigestMismatch);
}

TEST_F(MaterializeTest, AFullDiskIsFoundOutBeforeTheFirstByte) {
  fs_.set_free_bytes(2000);
  EXPECT_EQ(restore().error().id(), ErrorId::kDiskFull);
  fs_.set_unlimited();
  EXPECT_THAT(fs_.files("/srv"), IsEmpty());
}

TEST_F(MaterializeTest, AnInterruptLeavesNothing) {
  job_.stop.request_stop();
  EXPECT_EQ(restore().error().id(), ErrorId::kCancelled);
  EXPECT_THAT(fs_.files("/srv"), IsEmpty());
}

// ---- whatever fails or crashes, the target is what it was, or the new one whole

class FaultTest : public MaterializeTest, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    MaterializeTest::SetUp();
    const std::string_view kind = GetParam();
    if (kind == "Empty") fs_.put_dir("/srv/zk");
    if (kind == "Mounted") {
      fs_.put_dir("/srv/zk/lost+found");
      fs_.put_dir("/srv/zk/version-2");
    }
    if (kind == "Replaced" || kind == "ReplacedLogDir") {
      fs_.put("/srv/zk/version-2/snapshot.0", "old");
      fs_.put("/srv/zk/myid", "9");
      options_.replace = true;
    }
    if (kind == "LogDir" || kind == "ReplacedLogDir") options_.log_dir = "/srv/log";
    if (kind == "LogDirInside") options_.log_dir = "/srv/zk/data/log";
    if (kind == "ReplacedLogDir") fs_.put("/srv/log/version-2/log.1", "old log");
    fs_.settle();
    old_ = fs_.tree("/srv");
  }
  /// The old files at their place or moved aside, nothing of them lost.
  void old_is_kept() {
    for (const auto& [path, content] : old_) {
      std::string aside = path;
      for (const char* dir : {"/srv/zk/", "/srv/log/"})
        if (path.starts_with(dir))
          aside = std::string(dir).substr(0, std::string(dir).size() - 1) + ".before-20261121T053130Z/" +
                  path.substr(std::string(dir).size());
      EXPECT_TRUE(fs_.get(path) == content || fs_.get(aside) == content) << path;
    }
  }
  bool is_new() {
    const auto snapshot = fs_.get("/srv/zk/version-2/snapshot.10300000000");
    return snapshot.has_value();
  }
  void check(const test::FaultPoint& point, const Status& outcome) {
    SCOPED_TRACE(point.to_string());
    old_is_kept();
    if (is_new()) {
      EXPECT_EQ(flaw(fs_, "/srv/zk"), "");
    }
    if (outcome) {
      EXPECT_TRUE(is_new());
    }
    if (!is_new() && !fs_.get("/srv/zk/version-2/snapshot.0")) {
      // Nothing that a server would take for data.
      DataDirOptions where;
      where.dir = "/srv/zk";
      EXPECT_FALSE(DataDir(fs_, where).list());
    }
    // The next run completes the work and cleans up.
    next_process();
    if (!is_new()) {
      TargetDirOptions again = options_;
      again.stamp = "later";
      const Status second = restore(fs_, again);
      EXPECT_TRUE(second) << second.error().to_string();
      EXPECT_EQ(flaw(fs_, "/srv/zk"), "");
      EXPECT_THAT(temporary_files(), IsEmpty());
    }
  }

  std::map<std::string, std::string> old_;
};

TEST_P(FaultTest, EveryOperationFailing) {
  for (const auto action : {Fault::Action::kFail, Fault::Action::kFailAfterDoing}) {
    Fault fault;
    fault.action = action;
    fault.partial_percent = 50;
    const auto start = fs_.snapshot();
    const std::uint64_t hits = test::for_each_fault(
        fs_, fault, [&](SimFs& fs) { return restore(fs, options_); },
        [&](SimFs&, const test::FaultPoint& point, const Status& outcome) { check(point, outcome); });
    EXPECT_GT(hits, 40u);
    fs_.restore(start);
  }
}

TEST_P(FaultTest, TheDiskFailingForGood) {
  Fault fault;
  fault.forever = true;
  test::for_each_fault(
      fs_, fault, [&](SimFs& fs) { return restore(fs, options_); },
      [&](SimFs&, const test::FaultPoint& point, const Status& outcome) { check(point, outcome); });
}

TEST_P(FaultTest, TheProcessDyingAtEveryOperation) {
  Fault fault;
  fault.action = Fault::Action::kKill;
  test::for_each_fault(
      fs_, fault, [&](SimFs& fs) { return restore(fs, options_); },
      [&](SimFs&, const test::FaultPoint& point, const Status& outcome) { check(point, outcome); });
}

TEST_P(FaultTest, ThePowerGoingAtEveryChange) {
  test::PowerCuts cuts;
  cuts.subsets = 4;
  cuts.torn = 1;
  const test::PowerCutCount count = test::for_each_power_cut(
      fs_, cuts, [&](SimFs& fs) { return restore(fs, options_); },
      [&](SimFs&, const test::FaultPoint& point, const Status& outcome) { check(point, outcome); });
  EXPECT_GT(count.states, 100u);
}

INSTANTIATE_TEST_SUITE_P(Targets, FaultTest,
                         testing::Values("Absent", "Empty", "Mounted", "Replaced", "LogDir", "LogDirInside",
                                         "ReplacedLogDir"),
                         [](const auto& info) { return std::string(info.param); });

// ---- epochs

TEST(ChooseEpoch, GoesFarBeyondEverythingSeenUnlessToldWhere) {
  EXPECT_EQ(choose_epoch(make_zxid(3, 77), {}).value(), 3 + 256);
  EXPECT_EQ(choose_epoch(0x4d, {}).value(), 256) << "standalone servers count as epoch 0";
  EXPECT_EQ(choose_epoch(make_zxid(3, 77), 4).value(), 4);
  EXPECT_EQ(choose_epoch(make_zxid(3, 77), 3).error().id(), ErrorId::kRefused);
  EXPECT_THAT(choose_epoch(make_zxid(3, 77), 3).error().hint(), HasSubstr("--bump-epoch=4"));
  EXPECT_EQ(choose_epoch(0, kMaxEpoch + 1).error().id(), ErrorId::kRefused);
  EXPECT_EQ(choose_epoch(make_zxid(0x7fffffff, 0), {}).error().id(), ErrorId::kRefused);
  EXPECT_EQ(choose_epoch(make_zxid(0x7ffffffe, 0), kMaxEpoch).value(), kMaxEpoch);
}

// ---- reshape

TEST(Reshape, DropsSessionsAndEphemeralsAndListsThem) {
  State state = sample_state();
  const std::int32_t cversion = state.tree.stat(state.tree.find("/app")).cversion;
  const Reshaped reshaped = reshape(state, {}).value();
  EXPECT_THAT(reshaped.sessions, ElementsAre(Pair(0x77, 30000), Pair(0x88, 30000)));
  EXPECT_THAT(reshaped.ephemerals, ElementsAre(Pair(0x77, "/app/eph"), Pair(0x88, "/kafka/config/eph")));
  EXPECT_TRUE(state.sessions.empty());
  EXPECT_EQ(state.tree.find("/app/eph"), kNoNode);
  const StatPersisted parent = state.tree.stat(state.tree.find("/app"));
  EXPECT_EQ(parent.pzxid, 0x10) << "as closeSession at the point's zxid";
  EXPECT_EQ(parent.cversion, cversion) << "sequence counters do not move";
}

TEST(Reshape, KeepsSessionsWhenAsked) {
  State state = sample_state();
  const std::string before = canonical(state);
  const Reshaped reshaped = reshape(state, {.keep_sessions = true, .path = ""}).value();
  EXPECT_TRUE(reshaped.sessions.empty());
  EXPECT_EQ(canonical(state), before);
}

std::vector<std::string> paths(const State& state) {
  std::vector<std::string> all;
  state.tree.walk(kRoot, [&](NodeId, std::string_view path) {
    all.emplace_back(path);
    return true;
  });
  return all;
}

TEST(Reshape, OfASubtreeTheAncestorsStayWithTheirOwnStatsAndNoOtherChildren) {
  State state = sample_state();
  const StatPersisted kafka = state.tree.stat(state.tree.find("/kafka")), root = state.tree.stat(kRoot);
  const Reshaped reshaped = reshape(state, {.keep_sessions = true, .path = "/kafka/config"}).value();
  EXPECT_THAT(paths(state), ElementsAre("/", "/kafka", "/kafka/config", "/kafka/config/x", "/zookeeper",
                                        "/zookeeper/config", "/zookeeper/quota"));
  EXPECT_EQ(state.tree.stat(state.tree.find("/kafka")), kafka);
  EXPECT_EQ(state.tree.stat(kRoot), root);
  EXPECT_EQ(reshaped.nodes_left_out, 3u);
  EXPECT_EQ(reshaped.ephemerals.size(), 2u) << "sessions go, whatever was asked";
  EXPECT_TRUE(state.sessions.empty());
}

TEST(Reshape, APathThatIsAPrefixOfAnotherNameTakesNothingOfIt) {
  State state = initial_state();
  do_create(state, 1, "/a");
  do_create(state, 2, "/a/b");
  do_create(state, 3, "/ab");
  do_create(state, 4, "/ab/c");
  ASSERT_TRUE(reshape(state, {.keep_sessions = false, .path = "/a"}));
  EXPECT_THAT(paths(state), Not(Contains(HasSubstr("/ab"))));
  EXPECT_THAT(paths(state), Contains("/a/b"));
}

TEST(Reshape, RefusesAPathThatIsNotThereOrNoPath) {
  State state = sample_state();
  EXPECT_EQ(reshape(state, {.keep_sessions = false, .path = "/nothing"}).error().id(), ErrorId::kNotFound);
  EXPECT_EQ(reshape(state, {.keep_sessions = false, .path = "kafka"}).error().id(), ErrorId::kUsage);
  EXPECT_EQ(reshape(state, {.keep_sessions = false, .path = "/kafka/"}).error().id(), ErrorId::kUsage);
  const Result<Reshaped> ephemeral = reshape(state, {.keep_sessions = false, .path = "/app/eph"});
  EXPECT_EQ(ephemeral.error().id(), ErrorId::kNotFound);
  EXPECT_THAT(ephemeral.error().message(), HasSubstr("ephemeral"));
}

// ---- lineage

TEST(LineageFile, ReadsBackWhatItWrote) {
  Lineage lineage;
  lineage.repository = "0123";
  lineage.cluster = "kafka \"prod\"\n";
  lineage.timeline = "aa";
  lineage.backup = "5be0";
  lineage.source = "/data";
  lineage.fork_zxid = 0x30002b7bf;
  lineage.snapshot_zxid = make_zxid(0x103, 0);
  lineage.epoch = 0x103;
  lineage.sessions_kept = true;
  lineage.path = "/kafka";
  lineage.restored_ms = 1795251286091;
  EXPECT_EQ(parse_lineage(encode_lineage(lineage)).value(), lineage);
  EXPECT_EQ(parse_lineage(encode_lineage({})).value(), Lineage());
  // A znode or a directory may be named in Latin-1: JSON cannot hold that as it is.
  for (const char* name : {"/caf\xe9", "bytes:41", "bytes:no hex"}) {
    lineage.path = lineage.source = name;
    EXPECT_EQ(parse_lineage(encode_lineage(lineage)).value(), lineage) << name;
  }
  const std::string text = encode_lineage(lineage);
  for (std::size_t cut = 0; cut + 2 < text.size(); ++cut)
    EXPECT_FALSE(parse_lineage(text.substr(0, cut))) << cut;
  EXPECT_FALSE(parse_lineage("[]"));
  EXPECT_FALSE(parse_lineage("{\"schema\": \"zkark.list/1\"}"));
}

}  // namespace
}  // namespace zkark::restore
