// `purge`: the whole command on a directory that a real server left.
#include <gtest/gtest.h>

#include "tests/cli/verb_lab.h"
#include "tests/support/fault_loop.h"

namespace zkark::test {
namespace {

class PurgeVerb : public VerbTest {
 protected:
  /// Snapshots 0, 27, 47, 6a, 70; logs 1, 29, 49, 6c, 71.
  PurgeVerb() {
    load("zk-3.8.0-quota");
    for (const std::string& file : fs.files("/data")) fs.put_mtime(file, 1'790'000'000'000'000'000);
    fs.settle();
  }
  void expect_golden(std::vector<std::string> words, const std::string& name, int exit) {
    EXPECT_EQ(zkark(std::move(words)), exit) << console.err;
    EXPECT_EQ(golden("tests/cli/golden/" + name, console.out), "");
  }
  std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const std::string& path : fs.files("/data/version-2")) all.emplace_back(base_name(path));
    return all;
  }
  /// What a server that starts there has, node by node; the replay agrees with every digest.
  std::string newest_state() {
    EXPECT_EQ(zkark({"verify", "/data", "--replay"}), 0) << console.err;
    EXPECT_EQ(zkark({"ls", "/data", "-R", "-l", "-o", "csv"}), 0) << console.err;
    return console.out;
  }
  const std::vector<std::string> kept = {"log.29",      "log.49",      "log.6c",     "log.71",
                                         "snapshot.47", "snapshot.6a", "snapshot.70"};
  static constexpr const char* kDamaged = "/data/version-2/snapshot.6a";
};

TEST_F(PurgeVerb, LooksLikeThisBeforeAndAfter) {
  const std::size_t before = names().size();
  expect_golden({"purge", "/data", "--dry-run"}, "purge-dry-run.txt", 0);
  EXPECT_EQ(names().size(), before) << "a dry run removes nothing";
  expect_golden({"purge", "/data", "--dry-run", "-o", "csv"}, "purge.csv", 0);
  const std::string state = newest_state();
  expect_golden({"purge", "/data", "--yes", "--json"}, "purge.json", 0);
  EXPECT_EQ(names(), kept);
  EXPECT_EQ(newest_state(), state);
  expect_golden({"purge", "/data", "--yes"}, "purge-nothing.txt", 0);
  EXPECT_EQ(names(), kept);
}

TEST_F(PurgeVerb, TakesTheDirectoriesFromAConfiguration) {
  for (const std::string& name : names())
    if (name.starts_with("log.")) {
      fs.put("/logs/version-2/" + name, *fs.get("/data/version-2/" + name));
      fs.erase("/data/version-2/" + name);
    }
  fs.put("/etc/zoo.cfg", "dataDir=/data\ndataLogDir=/logs\nclientPort=2181\n");
  EXPECT_EQ(zkark({"purge", "/etc/zoo.cfg", "--yes"}), 0) << console.err;
  EXPECT_EQ(names(), (std::vector<std::string>{"snapshot.47", "snapshot.6a", "snapshot.70"}));
  EXPECT_FALSE(fs.get("/logs/version-2/log.1"));
  EXPECT_TRUE(fs.get("/logs/version-2/log.29"));
}

TEST_F(PurgeVerb, ADamagedSnapshotDoesNotCountAndIsToldWithStatusThree) {
  std::string content = *fs.get(kDamaged);
  content[content.size() / 2] ^= 1;
  fs.put(kDamaged, content);
  expect_golden({"purge", "/data", "--dry-run"}, "purge-damaged.txt", 3);
  EXPECT_NE(console.err.find("ZKA-0611"), std::string::npos) << console.err;
  EXPECT_NE(console.err.find(kDamaged), std::string::npos) << console.err;
  EXPECT_EQ(zkark({"purge", "/data", "--yes"}), 3);
  EXPECT_TRUE(fs.get("/data/version-2/snapshot.27")) << "it is one of the newest three that are sound";
  EXPECT_FALSE(fs.get("/data/version-2/snapshot.0"));
  EXPECT_TRUE(fs.get("/data/version-2/log.1")) << "it may hold what follows snapshot.27";
}

TEST_F(PurgeVerb, ASnapshotThatIsBeingWrittenDoesNotCountAndIsNoDamage) {
  const std::string whole = *fs.get("/data/version-2/snapshot.70");
  fs.put("/data/version-2/snapshot.7f", whole.substr(0, whole.size() / 2));
  EXPECT_EQ(zkark({"purge", "/data", "--yes"}), 0) << console.err;
  std::vector<std::string> wanted = kept;
  wanted.emplace_back("snapshot.7f");
  EXPECT_EQ(names(), wanted);
}

TEST_F(PurgeVerb, NothingGoesWhileTooFewSnapshotsAreSound) {
  EXPECT_EQ(zkark({"purge", "/data", "-n", "6", "--yes"}), 0) << console.err;
  EXPECT_EQ(lines().back(), "nothing goes: 5 sound snapshots of the 6 to keep");
  EXPECT_EQ(names().size(), 10U);
}

TEST_F(PurgeVerb, RefusesToKeepLessThanThree) {
  EXPECT_EQ(zkark({"purge", "/data", "-n", "2", "--yes"}), 2);
  EXPECT_NE(console.err.find("three are the least"), std::string::npos) << console.err;
  EXPECT_EQ(names().size(), 10U);
}

TEST_F(PurgeVerb, AsksFirst) {
  EXPECT_EQ(zkark({"purge", "/data", "--no-input"}), 7);
  EXPECT_EQ(names().size(), 10U);
}

TEST_F(PurgeVerb, WhatIsNoDataDirectoryIsRefused) {
  fs.put_dir("/empty");
  EXPECT_EQ(zkark({"purge", "/empty", "--yes"}), 5);
  EXPECT_EQ(zkark({"purge", "/nowhere", "--yes"}), 9);
  EXPECT_EQ(zkark({"purge", "/data/version-2/log.1", "--yes"}), 2);
  EXPECT_EQ(names().size(), 10U);
}

TEST_F(PurgeVerb, NothingGoesWhereADirectoryOrASnapshotCannotBeRead) {
  for (const OpKind kind : {OpKind::kList, OpKind::kOpen, OpKind::kRead}) {
    SCOPED_TRACE(std::string(to_string(kind)));
    Fault fault;
    fault.kinds = op(kind);
    fault.path_contains = kind == OpKind::kList ? "version-2" : "snapshot.6a";
    fault.error_number = kind == OpKind::kRead ? EIO : EACCES;
    fault.forever = true;
    fs.arm(fault);
    EXPECT_EQ(zkark({"purge", "/data", "--yes"}), 9) << console.err;
    fs.disarm();
    EXPECT_EQ(names().size(), 10U);
  }
}

TEST_F(PurgeVerb, WhereverItStopsAServerStartsWithTheSameAndTheNextRunDoesTheRest) {
  const std::string state = newest_state();
  const auto start = fs.snapshot();
  const auto scenario = [this](SimFs&) -> Status {
    if (zkark({"purge", "/data", "--yes"}) == 0) return {};
    return fail(ErrorId::kInternal, console.err);
  };
  const auto check = [&](SimFs&, const FaultPoint& point, const Status& outcome) {
    SCOPED_TRACE(point.to_string());
    if (outcome) {
      EXPECT_EQ(names(), kept) << "success without the work";
    }
    EXPECT_EQ(newest_state(), state);
    EXPECT_EQ(zkark({"purge", "/data", "--yes"}), 0) << console.err;
    EXPECT_EQ(names(), kept);
    EXPECT_EQ(newest_state(), state);
  };
  Fault fault;
  for (const auto action : {Fault::Action::kFail, Fault::Action::kFailAfterDoing, Fault::Action::kKill}) {
    fs.restore(start);
    fault.action = action;
    EXPECT_GE(for_each_fault(fs, fault, scenario, check), 8U);
  }
  fs.restore(start);
  EXPECT_GE(for_each_power_cut(fs, {}, scenario, check).points, 5U);
}

TEST_F(PurgeVerb, WhatAnotherHasRemovedMeanwhileIsNoFailure) {
  Fault fault;
  fault.kinds = op(OpKind::kRemoveFile);
  fault.path_contains = "snapshot.27";
  fault.error_number = ENOENT;
  fs.arm(fault);
  EXPECT_EQ(zkark({"purge", "/data", "--yes", "--json"}), 0) << console.err;
  EXPECT_EQ(objects().at(0).at("snapshots_removed"), 1);
  EXPECT_FALSE(fs.get("/data/version-2/log.1"));
}

}  // namespace
}  // namespace zkark::test
