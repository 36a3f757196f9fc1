// What was there before and after each change, against replaying everything from the start each time.
#include "src/forensics/changes.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>

#include "restore/apply.h"
#include "restore/data_dir.h"
#include "restore/log_walk.h"
#include "tests/support/load_dir.h"
#include "tests/support/sim_fs.h"

namespace zkark::forensics {
namespace {

struct Directory {
  explicit Directory(const std::string& dir) {
    test::load_dir(fs, dir, "/data");
    restore::DataDirOptions where;
    where.dir = "/data";
    if (auto split = exists(fs, "/data/data"); split && *split) where.dir = "/data/data";
    if (auto split = exists(fs, "/data/log"); split && *split) where.log_dir = "/data/log";
    source = std::make_unique<restore::DataDir>(fs, where);
    listing = source->list().value();
  }
  test::SimFs fs;
  std::unique_ptr<restore::DataDir> source;
  restore::SourceListing listing;
};

bool same(const std::optional<NodeCopy>& a, const std::optional<NodeCopy>& b) {
  if (a.has_value() != b.has_value()) return false;
  return !a || (a->data == b->data && a->stat == b->stat && a->acl == b->acl);
}

std::optional<NodeCopy> node_of(const restore::State& state, std::string_view path) {
  const restore::NodeId id = state.tree.find(path);
  if (id == restore::kNoNode) return std::nullopt;
  return copy_node(state.tree, id);
}

class Histories : public testing::TestWithParam<std::string> {};

/// Outside multis, where a node may change twice in one record, before and after are the states around it.
TEST_P(Histories, EveryChangeShowsTheStatesAroundIt) {
  Directory data(GetParam());
  if (data.listing.logs.empty() || data.listing.logs.front().zxid > 1) return;
  restore::State before = restore::initial_state(), after = restore::initial_state();
  std::size_t changes_seen = 0;
  restore::Findings findings;
  Job job;
  const auto visit = [&](const restore::WalkEntry& walk, std::span<const Change> changes,
                         const restore::State& state) -> Status {
    const Txn& txn = walk.entry.txn;
    EXPECT_TRUE(restore::apply(after, txn));
    EXPECT_EQ(state.tree.digest(), after.tree.digest()) << zxid_text(txn.header.zxid);
    for (const Change& change : changes) {
      ++changes_seen;
      EXPECT_TRUE(change.before_known);
      if (txn.header.type == TxnType::kMulti) continue;
      EXPECT_TRUE(same(change.before, node_of(before, change.path)))
          << zxid_text(txn.header.zxid) << " before " << change.path;
      // Of a parent that lost its ephemerals in the same record nothing is said.
      EXPECT_TRUE(same(change.after, node_of(after, change.path)))
          << zxid_text(txn.header.zxid) << " after " << change.path;
      EXPECT_EQ(change.kind == ChangeKind::kCreated, !change.before.has_value());
      EXPECT_EQ(change.kind == ChangeKind::kDeleted, !change.after.has_value());
    }
    EXPECT_TRUE(restore::apply(before, txn));
    return {};
  };
  const auto start = walk_changes(*data.source, data.listing, {}, visit, findings, job);
  ASSERT_TRUE(start) << start.error().to_string();
  EXPECT_GT(changes_seen, 0u);
}

/// A part of the tree gives the changes that the whole gives for it.
TEST_P(Histories, APartOfTheTreeGivesTheSameChanges) {
  Directory data(GetParam());
  std::map<std::string, std::vector<std::string>> by_top;  // first name of the path -> its changes
  const auto text = [](const restore::WalkEntry& walk, const Change& change) {
    std::string line = zxid_text(walk.entry.zxid()) + " " + std::to_string(static_cast<int>(change.kind)) +
                       " " + change.path + " " + std::to_string(change.part) +
                       (change.before_known ? "" : " ?");
    for (const auto* node : {&change.before, &change.after})
      if (*node)
        line += " [" + (*node)->data.value_or("null") + " v" + std::to_string((*node)->stat.version) + " c" +
                std::to_string((*node)->stat.cversion) + " " + zxid_text((*node)->stat.pzxid) + "]";
    return line;
  };
  restore::Findings findings;
  Job job;
  const auto all = [&](const restore::WalkEntry& walk, std::span<const Change> changes,
                       const restore::State&) -> Status {
    for (const Change& change : changes)
      by_top[change.path.substr(0, change.path.find('/', 1))].push_back(text(walk, change));
    return {};
  };
  ASSERT_TRUE(walk_changes(*data.source, data.listing, {}, all, findings, job));
  for (const auto& [top, expected] : by_top) {
    if (top == "/" || top.find_first_of("*?[\\") != std::string::npos) continue;
    std::vector<std::string> found;
    ChangeWalkOptions options;
    options.paths.push_back(*PathPattern::parse(top));
    const auto some = [&](const restore::WalkEntry& walk, std::span<const Change> changes,
                          const restore::State&) -> Status {
      for (const Change& change : changes) found.push_back(text(walk, change));
      return {};
    };
    restore::Findings ignored;
    ASSERT_TRUE(walk_changes(*data.source, data.listing, options, some, ignored, job));
    EXPECT_EQ(found, expected) << top;
  }
}

std::vector<std::string> directories() {
  std::vector<std::string> dirs;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(ZKARK_SOURCE_DIR "/fixtures"))
    if (entry.path().filename() == "apache-replay.txt")
      dirs.push_back(std::filesystem::relative(entry.path().parent_path(), ZKARK_SOURCE_DIR));
  std::sort(dirs.begin(), dirs.end());
  return dirs;
}
std::string name_of(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param.substr(info.param.find('/') + 1);
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
}
INSTANTIATE_TEST_SUITE_P(Fixtures, Histories, testing::ValuesIn(directories()), name_of);

TEST(Changes, BeginLateFromANewerBase) {
  Directory data("fixtures/zk-3.8.0-standalone");
  std::vector<std::pair<std::int64_t, std::string>> early, late;
  const auto into = [](auto& list) {
    return [&list](const restore::WalkEntry& walk, std::span<const Change> changes,
                   const restore::State&) -> Status {
      for (const Change& change : changes)
        list.emplace_back(walk.entry.zxid(),
                          change.path + "=" + (change.before ? change.before->data.value_or("null") : "-"));
      return {};
    };
  };
  restore::Findings findings;
  Job job;
  ASSERT_TRUE(walk_changes(*data.source, data.listing, {}, into(early), findings, job));
  ChangeWalkOptions options;
  options.first_zxid = 0x4e;
  const auto start = walk_changes(*data.source, data.listing, options, into(late), findings, job);
  ASSERT_TRUE(start);
  ASSERT_NE(start->base, nullptr);
  EXPECT_EQ(start->base->zxid, 0x4d);
  std::erase_if(early, [](const auto& change) { return change.first < 0x4e; });
  EXPECT_FALSE(late.empty());
  EXPECT_EQ(late, early);
}

/// A fuzzy snapshot is exact behind the record at its end, and tells nothing for certain before it.
TEST(Changes, OfTheRecordAtAFuzzyEndAreToldFromAnOlderBase) {
  Directory data("fixtures/zk-3.8.0-fuzzy");
  Job job;
  std::size_t seen = 0;
  for (std::int64_t zxid = 0x1c4; zxid <= 0x1d2; ++zxid) {
    restore::Findings findings;
    ChangeWalkOptions options;
    options.first_zxid = options.last_zxid = zxid;
    const auto visit = [&](const restore::WalkEntry&, std::span<const Change> changes,
                           const restore::State&) -> Status {
      for (const Change& change : changes) {
        EXPECT_TRUE(change.exact) << zxid_text(zxid) << " " << change.path;
        EXPECT_TRUE(change.before_known) << zxid_text(zxid) << " " << change.path;
        ++seen;
      }
      return {};
    };
    ASSERT_TRUE(walk_changes(*data.source, data.listing, options, visit, findings, job));
  }
  EXPECT_GT(seen, 5u);
}

TEST(Changes, BeforeTheOldestBaseRecordsSpeakForThemselves) {
  Directory data("fixtures/zk-3.8.0-standalone");
  // Only the newest snapshot is left, and the log before it: its records have no base.
  std::erase_if(data.listing.snapshots, [](const restore::SourceFile& file) { return file.zxid != 0x4d; });
  std::erase_if(data.listing.logs, [](const restore::SourceFile& file) { return file.zxid < 0x3e; });
  restore::Findings findings;
  Job job;
  std::size_t unknown = 0, known = 0;
  const auto visit = [&](const restore::WalkEntry& walk, std::span<const Change> changes,
                         const restore::State&) -> Status {
    for (const Change& change : changes) {
      if (walk.entry.zxid() > 0x4d) {
        EXPECT_TRUE(change.before_known) << change.path;
        ++known;
      } else if (change.kind != ChangeKind::kCreated) {
        EXPECT_FALSE(change.before_known) << change.path;
        EXPECT_FALSE(change.before) << change.path;
        ++unknown;
      }
    }
    return {};
  };
  const auto start = walk_changes(*data.source, data.listing, {}, visit, findings, job);
  ASSERT_TRUE(start);
  EXPECT_EQ(start->exact_from, INT64_MAX);
  EXPECT_GT(known, 0u);
  EXPECT_GT(unknown, 0u);
}

TEST(Changes, SayWhatIsMissingBetweenTheBaseAndTheOldestLog) {
  // snapshot.3c is followed by log.3e: 0x3d stands at the end of the log that is gone.
  Directory data("fixtures/zk-3.8.0-standalone");
  std::erase_if(data.listing.logs, [](const restore::SourceFile& file) { return file.zxid < 0x3e; });
  const auto nothing = [](const restore::WalkEntry&, std::span<const Change>,
                          const restore::State&) -> Status { return {}; };
  restore::Findings findings;
  Job job;
  ASSERT_TRUE(walk_changes(*data.source, data.listing, {}, nothing, findings, job));
  ASSERT_EQ(findings.size(), 1u);
  EXPECT_EQ(findings[0].severity, restore::Severity::kGap);
  EXPECT_EQ(findings[0].first_zxid, 0x3d);
  EXPECT_EQ(findings[0].last_zxid, 0x3d);
  // snapshot.4d and log.4e are neighbours.
  std::erase_if(data.listing.logs, [](const restore::SourceFile& file) { return file.zxid < 0x4e; });
  findings.clear();
  ASSERT_TRUE(walk_changes(*data.source, data.listing, {}, nothing, findings, job));
  EXPECT_TRUE(findings.empty());
}

/// Also where the walk began with the built-in tree: that ends with what is missing.
TEST(Changes, BehindDamageRecordsSpeakForThemselvesAgain) {
  Directory data("fixtures/zk-3.8.0-standalone");
  const std::string log = data.fs.get("/data/version-2/log.1").value();
  data.fs.flip_bit("/data/version-2/log.1", log.find("/app/del"), 0);
  restore::Findings findings;
  Job job;
  std::vector<std::string> told;
  bool damaged = false;
  const auto visit = [&](const restore::WalkEntry& walk, std::span<const Change> changes,
                         const restore::State&) -> Status {
    damaged = damaged || walk.step == restore::Step::kGap;
    for (const Change& change : changes) {
      if (change.path != "/app/del") continue;
      EXPECT_TRUE(damaged);
      EXPECT_EQ(change.kind, ChangeKind::kDeleted);
      EXPECT_FALSE(change.before_known);
      told.push_back(zxid_text(walk.entry.zxid()));
    }
    return {};
  };
  ASSERT_TRUE(walk_changes(*data.source, data.listing, {}, visit, findings, job));
  EXPECT_EQ(told, std::vector<std::string>{"0x2e"});
  EXPECT_TRUE(restore::has_severity(findings, restore::Severity::kDamage));
}

}  // namespace
}  // namespace zkark::forensics
