// Who held what, against the tree of a replay after every record and against what clients saw alive.
#include "src/forensics/sessions.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "restore/apply.h"
#include "restore/data_dir.h"
#include "restore/state.h"
#include "tests/support/apache_replay.h"
#include "tests/support/load_dir.h"
#include "tests/support/sim_fs.h"

namespace zkark::forensics {
namespace {

using Holding = std::map<std::int64_t, std::vector<std::string>>;

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
  SessionHistory walk(SessionOptions options = {}) {
    findings.clear();
    Result<SessionHistory> history = walk_sessions(*source, listing, std::move(options), findings, job);
    EXPECT_TRUE(history) << history.error().to_string();
    return std::move(*history);
  }
  test::SimFs fs;
  std::unique_ptr<restore::DataDir> source;
  restore::SourceListing listing;
  restore::Findings findings;
  Job job;
};

const SessionLife* life_of(const SessionHistory& history, std::int64_t id) {
  const SessionLife* found = nullptr;
  for (const SessionLife& life : history.lives())
    if (life.id == id) found = &life;
  return found;
}

Holding holding_of(const restore::State& state) {
  Holding all;
  for (const std::int64_t owner : state.tree.ephemeral_owners())
    if (node_kind(owner) == NodeKind::kEphemeral) all[owner] = state.tree.ephemerals_of(owner);
  return all;
}

restore::State load(Directory& data, const restore::SourceFile& file) {
  auto stream = restore::open_snapshot(*data.source, file);
  EXPECT_TRUE(stream);
  SnapshotReader reader(**stream, file.path);
  restore::LoadOptions options;
  options.zxid = file.zxid;
  auto loaded = restore::load_snapshot(reader, options, data.job);
  EXPECT_TRUE(loaded);
  return std::move(loaded->state);
}

class Fixtures : public testing::TestWithParam<std::string> {};

/// The base is the built-in tree, or the newest snapshot before the first record.
TEST_P(Fixtures, HoldAtEveryZxidWhatTheReplayedTreeHolds) {
  Directory data(GetParam());
  restore::State state = restore::initial_state();
  std::int64_t exact_from = 0;
  if (data.listing.logs.front().zxid > 1) {
    // Before the oldest snapshot nothing is there to compare with.
    state = load(data, data.listing.snapshots.front());
    exact_from = data.listing.snapshots.front().zxid;
  }
  std::size_t compared = 0, records = 0;
  const auto on_record = [&](const restore::WalkEntry& walk, const SessionHistory& history) {
    ++records;
    if (walk.entry.zxid() <= exact_from) return;
    // A member that was sent a snapshot has a hole in its logs: the server, too, went on from there.
    if (walk.step == restore::Step::kGap || walk.step == restore::Step::kEpoch)
      for (const restore::SourceFile& file : data.listing.snapshots)
        if (file.zxid > walk.previous_zxid && file.zxid < walk.entry.zxid()) state = load(data, file);
    ASSERT_TRUE(restore::apply(state, walk.entry.txn));
    EXPECT_EQ(history.holding(), holding_of(state)) << std::hex << walk.entry.zxid();
    ++compared;
  };
  auto history = walk_sessions(*data.source, data.listing, {}, data.findings, data.job, on_record);
  ASSERT_TRUE(history) << history.error().to_string();
  std::map<std::int64_t, std::int32_t> open;
  for (const SessionLife& life : history->lives())
    if (life.end == SessionEnd::kOpen) open[life.id] = life.timeout_ms.value_or(-1);
  EXPECT_EQ(open, state.sessions);
  EXPECT_GT(compared, 0u);
  std::cout << compared << " of " << records - (records - compared) << " zxids hold the same\n";
}

/// truth*.json: what a client read while the server lived.
std::map<std::int64_t, Holding> truths(std::string directory) {
  if (!std::filesystem::exists(ZKARK_SOURCE_DIR "/" + directory + "/truth.json"))
    directory = directory.substr(0, directory.rfind('/'));  // of an ensemble: for all members
  std::map<std::int64_t, Holding> all;
  const auto add = [&](const boost::json::object& one) {
    if (!one.contains("zxid") || !one.contains("tree") || !one.at("zxid").is_int64() ||
        !one.at("tree").is_object())
      return;
    Holding& holding = all[one.at("zxid").as_int64()];
    for (const auto& [path, node] : one.at("tree").as_object())
      if (const std::int64_t owner = node.as_array().at(2).as_object().at("ephemeralOwner").as_int64();
          owner != 0)
        holding[owner].emplace_back(path);
    for (auto& [owner, paths] : holding) std::sort(paths.begin(), paths.end());
  };
  for (const auto& entry : std::filesystem::directory_iterator(ZKARK_SOURCE_DIR "/" + directory)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with("truth") || !name.ends_with(".json")) continue;
    std::ifstream in(entry.path());
    std::stringstream text;
    text << in.rdbuf();
    const boost::json::object recorded = boost::json::parse(text.str()).as_object();
    add(recorded);
    if (const auto* earlier = recorded.if_contains("earlier"))
      for (const auto& one : earlier->as_array()) add(one.as_object());
  }
  return all;
}

TEST_P(Fixtures, HoldWhatClientsSawWhileTheServerLived) {
  const std::map<std::int64_t, Holding> seen = truths(GetParam());
  Directory data(GetParam());
  std::size_t compared = 0;
  std::set<std::int64_t> stored;
  const auto note = [&](const restore::WalkEntry& walk, const SessionHistory&) {
    stored.insert(walk.entry.zxid());
  };
  ASSERT_TRUE(walk_sessions(*data.source, data.listing, {}, data.findings, data.job, note));
  std::size_t elsewhere = 0;  // another member's record
  for (const auto& [zxid, holding] : seen) {
    if (!stored.contains(zxid)) {
      ++elsewhere;
      continue;
    }
    SessionOptions options;
    options.last_zxid = zxid;
    const SessionHistory history = data.walk(options);
    EXPECT_EQ(history.holding(), holding) << std::hex << zxid;
    ++compared;
  }
  EXPECT_EQ(compared + elsewhere, seen.size());
  EXPECT_GT(compared, 0u);
  std::cout << compared << " of " << seen.size() - elsewhere << " recorded trees hold the same\n";
}

/// The nodes kept with their stays give, for each zxid, what was held then.
TEST_P(Fixtures, StaysOfNodesAddUpToWhatIsHeld) {
  Directory data(GetParam());
  SessionOptions options;
  options.keep_nodes = true;
  std::map<std::int64_t, Holding> at;
  const auto on_record = [&](const restore::WalkEntry& walk, const SessionHistory& history) {
    if (history.sees_all()) at[walk.entry.zxid()] = history.holding();
  };
  auto history = walk_sessions(*data.source, data.listing, options, data.findings, data.job, on_record);
  ASSERT_TRUE(history);
  for (const auto& [zxid, expected] : at) {
    Holding found;
    for (const HeldNode& held : history->held())
      if ((!held.from || held.from->zxid <= zxid) && (!held.until || held.until->zxid > zxid) &&
          (held.until || held.end != HeldEnd::kUnknown))
        found[history->lives()[held.life].id].push_back(held.path);
    for (auto& [owner, paths] : found) std::sort(paths.begin(), paths.end());
    EXPECT_EQ(found, expected) << std::hex << zxid;
  }
  EXPECT_FALSE(at.empty());
}

std::vector<std::string> directories() { return test::recorded_directories(); }
INSTANTIATE_TEST_SUITE_P(Every, Fixtures, testing::ValuesIn(directories()),
                         [](const auto& info) { return test::test_name_of(info.param); });

/// What the maker of these directories did: fixtures/README.md. In every release the client's close carries
/// the xid of its request, and the server's own carries 0.
class Standalone : public testing::TestWithParam<const char*> {};

TEST_P(Standalone, SessionsEndAsTheMakerEndedThem) {
  Directory data(std::string("fixtures/") + GetParam());
  const SessionHistory history = data.walk();
  std::map<SessionEnd, int> ends;
  for (const SessionLife& life : history.lives()) {
    EXPECT_EQ(life.origin, SessionOrigin::kLogged);
    EXPECT_TRUE(life.created && life.timeout_ms);
    ++ends[life.end];
  }
  EXPECT_EQ(ends[SessionEnd::kClosed], 2);   // /app/eph-x and /life2/eph-y went with theirs
  EXPECT_EQ(ends[SessionEnd::kExpired], 1);  // /app/eph-q: its client fell silent
  EXPECT_EQ(ends[SessionEnd::kUnknown], 0);
  EXPECT_GT(ends[SessionEnd::kOpen], 0);
}
INSTANTIATE_TEST_SUITE_P(Releases, Standalone,
                         testing::Values("zk-3.4-standalone", "zk-3.5-standalone", "zk-3.6-standalone",
                                         "zk-3.8.0-standalone", "zk-3.9-standalone", "zk-3.10-standalone"),
                         [](const auto& info) {
                           std::string name = info.param;
                           for (char& c : name)
                             if (c == '-' || c == '.') c = '_';
                           return name;
                         });

TEST(Sessions, SayHowNodesWent) {
  Directory data("fixtures/zk-3.4-standalone");  // closeSession without paths
  SessionOptions options;
  options.keep_nodes = true;
  const SessionHistory history = data.walk(options);
  const auto stay = [&](std::string_view path) -> const HeldNode* {
    for (const HeldNode& held : history.held())
      if (held.path == path) return &held;
    return nullptr;
  };
  const HeldNode* expired = stay("/app/eph-q");
  ASSERT_NE(expired, nullptr);
  EXPECT_EQ(expired->end, HeldEnd::kWithSession);
  EXPECT_EQ(expired->until->zxid, 0x3e);
  EXPECT_EQ(history.lives()[expired->life].end, SessionEnd::kExpired);
  const HeldNode* closed = stay("/app/eph-x");
  ASSERT_NE(closed, nullptr);
  EXPECT_EQ(closed->until->zxid, 0x37);
  EXPECT_EQ(history.lives()[closed->life].end, SessionEnd::kClosed);
}

TEST(Sessions, OfAPurgedHistoryWereThereBefore) {
  Directory data("fixtures/zk-3.8.0-purged");
  const SessionHistory history = data.walk();
  std::size_t before = 0;
  for (const SessionLife& life : history.lives())
    if (life.origin == SessionOrigin::kBeforeTheLogs) {
      ++before;
      EXPECT_FALSE(life.created);
    }
  EXPECT_GT(before, 0u);
}

/// A log is lost: what was open before it is out of sight, unless something behind shows it.
TEST(Sessions, AreOutOfSightBehindMissingRecords) {
  Directory data("fixtures/zk-3.8.0-standalone");
  const SessionHistory whole = data.walk();
  // log.1 ends at 0x3d, log.3e at 0x4d; without the latter and all snapshots the last log stands alone.
  std::erase_if(data.listing.snapshots, [](const restore::SourceFile&) { return true; });
  ASSERT_EQ(data.listing.logs.size(), 3u);
  data.listing.logs.erase(data.listing.logs.begin() + 1);
  const SessionHistory holey = data.walk();
  EXPECT_TRUE(restore::has_severity(data.findings, restore::Severity::kGap));
  std::size_t unknown = 0;
  for (const SessionLife& life : holey.lives()) {
    const SessionLife* known = life_of(whole, life.id);
    ASSERT_NE(known, nullptr);
    if (life.end == SessionEnd::kUnknown)
      ++unknown;
    else
      EXPECT_EQ(life.end, known->end) << std::hex << life.id;
  }
  EXPECT_GT(unknown, 0u);
}

/// Findings that name the lost records, as "0x1-0x4d".
std::vector<std::string> gaps_of(const restore::Findings& findings) {
  std::vector<std::string> gaps;
  for (const restore::Finding& finding : findings)
    if (finding.severity == restore::Severity::kGap) {
      std::ostringstream text;
      text << std::hex << *finding.first_zxid << "-" << *finding.last_zxid;
      gaps.push_back(text.str());
    }
  return gaps;
}

TEST(Sessions, SayWhatIsMissingBetweenTheBaseAndTheFirstRecord) {
  Directory data("fixtures/zk-3.8.0-standalone");
  std::erase_if(data.listing.snapshots, [](const restore::SourceFile& file) { return file.zxid != 0x3c; });
  std::erase_if(data.listing.logs, [](const restore::SourceFile& file) { return file.zxid != 0x4e; });
  const SessionHistory history = data.walk();
  EXPECT_EQ(gaps_of(data.findings), (std::vector<std::string>{"3d-4d"}));
  // 0x1000086147b0002 expired at 0x4d, which nothing here tells: it was in the snapshot and is not seen
  // again.
  const SessionLife* lost = life_of(history, 0x1000086147b0002);
  ASSERT_NE(lost, nullptr);
  EXPECT_EQ(lost->end, SessionEnd::kUnknown);
  EXPECT_EQ(lost->origin, SessionOrigin::kBeforeTheLogs);
  // The first one wrote behind the gap.
  EXPECT_EQ(life_of(history, 0x1000086147b0000)->end, SessionEnd::kOpen);
}

TEST(Sessions, ASnapshotBehindTheLastRecordShowsWhatIsLeft) {
  Directory data("fixtures/zk-3.8.0-standalone");
  std::erase_if(data.listing.logs, [](const restore::SourceFile& file) { return file.zxid != 1; });
  SessionOptions options;
  options.keep_nodes = true;
  const SessionHistory history = data.walk(options);
  EXPECT_EQ(gaps_of(data.findings), (std::vector<std::string>{"3e-4d"}));
  EXPECT_EQ(life_of(history, 0x1000086147b0002)->end, SessionEnd::kUnknown);
  EXPECT_EQ(life_of(history, 0x1000086147b0001)->end, SessionEnd::kOpen);
  std::map<std::string, HeldEnd> ends;
  for (const HeldNode& held : history.held()) ends[held.path] = held.end;
  EXPECT_EQ(ends.at("/app/eph-q"), HeldEnd::kUnknown);
  EXPECT_EQ(ends.at("/app/eph-b"), HeldEnd::kStillThere);
  EXPECT_EQ(ends.at("/m/eph"), HeldEnd::kStillThere);  // made in a lost record, told by the snapshot
}

}  // namespace
}  // namespace zkark::forensics
