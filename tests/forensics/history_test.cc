// Every version of every node, against replaying naively and looking at every record.
#include "src/forensics/history.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/forensics/fixture_dir.h"

namespace zkark::forensics {
namespace {

using test::FixtureDir;
using test::RecordOperation;
using What = Version::What;

std::vector<Version> history_of(const FixtureDir& data, const HistoryOptions& options,
                                restore::Findings* findings = nullptr) {
  std::vector<Version> versions;
  restore::Findings ignored;
  Job job;
  const Status walked = walk_history(
      *data.source, data.listing, options,
      [&](const Version& version) -> Status {
        versions.push_back(version);
        return {};
      },
      findings != nullptr ? *findings : ignored, job);
  EXPECT_TRUE(walked) << walked.error().to_string();
  return versions;
}

What what_of(TxnType type) {
  switch (type) {
    case TxnType::kSetData:
    case TxnType::kReconfig:
      return What::kDataSet;
    case TxnType::kSetAcl:
      return What::kAclSet;
    case TxnType::kDelete:
    case TxnType::kDeleteContainer:
    case TxnType::kCloseSession:
      return What::kDeleted;
    default:
      return What::kCreated;
  }
}

/// One line for each version; the value only where nothing else in the record changed it again.
struct Line {
  What what = What::kCreated;
  std::string text;
  std::optional<std::string> data;
  bool data_compared = false;
};

std::string line_text(What what, std::uint32_t life, const TxnHeader& header, TxnType type,
                      std::uint32_t part) {
  return std::to_string(life) + " " + zxid_text(header.zxid) + " " + std::to_string(header.time_ms) + " " +
         zxid_text(header.client_id) + " " + std::to_string(header.cxid) + " " +
         std::to_string(static_cast<int>(what)) + " " + std::string(txn_type_name(type)) + " " +
         std::to_string(part);
}

std::string line_of(const Version& version, std::uint32_t life) {
  TxnHeader header;
  header.zxid = version.zxid;
  header.time_ms = version.time_ms;
  header.client_id = version.session;
  header.cxid = version.cxid;
  return line_text(version.what, life, header, version.type, version.part);
}

std::map<std::string, std::vector<Line>> naive_histories(const FixtureDir& data) {
  std::map<std::string, std::vector<Line>> all;
  std::map<std::string, std::uint32_t> lives;
  restore::initial_state().tree.walk(restore::kRoot, [&](restore::NodeId, std::string_view path) {
    lives[std::string(path)] = 1;
    return true;
  });
  test::replay_naively(data, [&](const Txn&, const std::vector<RecordOperation>& operations,
                                 const restore::State&, const restore::State& after) {
    for (std::size_t i = 0; i < operations.size(); ++i) {
      const RecordOperation& operation = operations[i];
      const What what = what_of(operation.type);
      if (what == What::kCreated) ++lives[operation.path];
      Line line;
      line.what = what;
      line.text = line_text(what, lives[operation.path], operation.header, operation.type, operation.part);
      bool last = true;
      for (std::size_t k = i + 1; k < operations.size(); ++k)
        last = last && operations[k].path != operation.path;
      const restore::NodeId id = after.tree.find(operation.path);
      line.data_compared = last;
      if (id != restore::kNoNode && after.tree.data(id))
        line.data = std::string(as_text(*after.tree.data(id)));
      all[operation.path].push_back(std::move(line));
    }
  });
  return all;
}

TEST(History, IsWhatANaiveReplaySeesForEveryNodeOfEveryFixture) {
  std::size_t right = 0, wanted_in_all = 0, nodes = 0, fixtures = 0;
  for (const std::string& dir : test::replayed_fixtures()) {
    const FixtureDir data(dir);
    if (!data.from_the_first()) continue;
    ++fixtures;
    for (const auto& [path, wanted] : naive_histories(data)) {
      ++nodes;
      wanted_in_all += wanted.size();
      HistoryOptions options;
      options.path = path;
      std::vector<Version> found = history_of(data, options);
      // What the server makes by itself is there before the first record.
      if (!found.empty() && found.front().what == What::kBefore) {
        EXPECT_TRUE(path.starts_with("/zookeeper") || path == "/") << dir << " " << path;
        found.erase(found.begin());
      }
      ASSERT_EQ(found.size(), wanted.size()) << dir << " " << path;
      for (std::size_t i = 0; i < found.size(); ++i) {
        const Version& version = found[i];
        const std::string text = line_of(version, version.life);
        EXPECT_EQ(text, wanted[i].text) << dir << " " << path;
        bool same = text == wanted[i].text;
        if (wanted[i].data_compared) {
          const std::optional<std::string> value = version.after ? version.after->data : std::nullopt;
          EXPECT_EQ(value, wanted[i].data) << dir << " " << path << " " << text;
          same = same && value == wanted[i].data;
        }
        right += same ? 1 : 0;
      }
    }
  }
  EXPECT_GT(fixtures, 10u);
  EXPECT_EQ(right, wanted_in_all);
  std::printf("history: %zu of %zu versions of %zu nodes of %zu fixtures\n", right, wanted_in_all, nodes,
              fixtures);
}

/// Purged logs take the beginning of each history along, and change nothing about the rest.
TEST(History, WithoutItsBeginningIsTheEndOfTheWhole) {
  std::size_t right = 0, wanted_in_all = 0, befores = 0, cuts = 0;
  for (const std::string& dir : test::replayed_fixtures()) {
    const FixtureDir whole(dir);
    if (!whole.from_the_first()) continue;
    // Its server dropped TTL nodes at a start, which no record tells: snapshot and logs do not agree.
    if (dir.ends_with("zk-3.8.0-lost-ttl")) continue;
    const auto naive = naive_histories(whole);
    for (std::size_t k = 1; k < whole.listing.logs.size(); ++k) {
      FixtureDir data(dir);
      const std::int64_t cut = data.listing.logs[k].zxid;
      data.listing.logs.erase(data.listing.logs.begin(),
                              data.listing.logs.begin() + static_cast<std::ptrdiff_t>(k));
      restore::Findings findings;
      HistoryOptions root;
      root.path = "/";
      history_of(data, root, &findings);
      if (restore::has_severity(findings, restore::Severity::kGap)) continue;
      ++cuts;
      for (const auto& [path, lines] : naive) {
        const auto zxid_of = [](const Line& line) {
          return std::stoll(line.text.substr(line.text.find("0x")), nullptr, 16);
        };
        bool was_there = path.starts_with("/zookeeper") || path == "/";
        std::vector<std::string> wanted;
        for (const Line& line : lines) {
          if (zxid_of(line) < cut)
            was_there = line.what != What::kDeleted;
          else
            wanted.push_back("0" + line.text.substr(line.text.find(' ')));
        }
        HistoryOptions options;
        options.path = path;
        std::vector<std::string> found;
        bool before = false;
        for (const Version& version : history_of(data, options)) {
          EXPECT_NE(version.what, What::kMissing) << dir << " " << path;
          if (version.what == What::kBefore)
            before = true;
          else
            found.push_back(line_of(version, 0));
        }
        EXPECT_EQ(found, wanted) << dir << " without " << k << " logs: " << path;
        EXPECT_EQ(before, was_there) << dir << " without " << k << " logs: " << path;
        befores += before ? 1 : 0;
        wanted_in_all += wanted.size() + 1;
        right += (found == wanted ? wanted.size() : 0) + (before == was_there ? 1 : 0);
      }
    }
  }
  EXPECT_EQ(right, wanted_in_all);
  EXPECT_GT(befores, 100u);
  EXPECT_GT(cuts, 5u);
  std::printf("history: %zu of %zu rows with %zu cuts, %zu nodes were there before\n", right, wanted_in_all,
              cuts, befores);
}

TEST(History, BeginsWithWhatWasThereBeforeTheLogs) {
  FixtureDir data("fixtures/zk-3.8.0-standalone");
  std::erase_if(data.listing.logs, [](const restore::SourceFile& file) { return file.zxid < 0x3e; });
  std::erase_if(data.listing.snapshots, [](const restore::SourceFile& file) { return file.zxid < 0x3c; });
  HistoryOptions options;
  options.path = "/app";
  const std::vector<Version> found = history_of(data, options);
  ASSERT_FALSE(found.empty());
  EXPECT_EQ(found[0].what, What::kBefore);
  EXPECT_EQ(found[0].life, 1u);
  ASSERT_TRUE(found[0].after);
  EXPECT_EQ(found[0].zxid, found[0].after->stat.mzxid);
  EXPECT_GT(found[0].zxid, 0);
  EXPECT_LT(found[0].zxid, 0x3e);
  EXPECT_EQ(found[0].session, 0);
}

TEST(History, ShowsWhatHappenedInMissingRecords) {
  FixtureDir data("fixtures/zk-3.8.0-standalone");
  // The naive history of a node that is written in the first log and lives on.
  const FixtureDir whole("fixtures/zk-3.8.0-standalone");
  std::size_t missing = 0, compared = 0;
  // Without the middle: the log that is gone had changes, and the next snapshot knows their outcome.
  ASSERT_GE(data.listing.logs.size(), 3u);
  const std::int64_t gone_from = data.listing.logs[1].zxid, gone_to = data.listing.logs[2].zxid;
  data.listing.logs.erase(data.listing.logs.begin() + 1);
  for (const auto& [path, wanted] : naive_histories(whole)) {
    HistoryOptions options;
    options.path = path;
    restore::Findings findings;
    const std::vector<Version> found = history_of(data, options, &findings);
    std::size_t hidden = 0;
    for (const Line& line : wanted) {
      const std::int64_t zxid = std::stoll(line.text.substr(line.text.find("0x")), nullptr, 16);
      hidden += zxid >= gone_from && zxid < gone_to ? 1 : 0;
    }
    ++compared;
    for (const Version& version : found) {
      if (version.what == What::kMissing) {
        ++missing;
        EXPECT_GT(hidden, 0u) << path << " has lost nothing";
      }
      if (version.told()) {
        EXPECT_FALSE(version.zxid >= gone_from && version.zxid < gone_to) << path;
      }
    }
  }
  EXPECT_GT(missing, 0u);
  EXPECT_GT(compared, missing);
}

TEST(History, ChildrenComeAsRowsOfTheirOwnOnlyWhenAskedFor) {
  const FixtureDir data("fixtures/zk-3.8.0-standalone");
  HistoryOptions options;
  options.path = "/app";
  for (const Version& version : history_of(data, options)) EXPECT_EQ(version.path, "/app");
  options.children = true;
  std::size_t children = 0;
  for (const Version& version : history_of(data, options)) {
    if (version.path == "/app") continue;
    ++children;
    EXPECT_EQ(version.life, 0u);
    EXPECT_TRUE(version.what == What::kCreated || version.what == What::kDeleted);
    EXPECT_EQ(version.path.rfind('/'), 4u) << version.path;
  }
  std::size_t wanted = 0;
  for (const auto& [path, lines] : naive_histories(data)) {
    if (!path.starts_with("/app/") || path.rfind('/') != 4) continue;
    for (const Line& line : lines)
      wanted += line.what == What::kCreated || line.what == What::kDeleted ? 1 : 0;
  }
  EXPECT_GT(children, 0u);
  EXPECT_EQ(children, wanted);
}

}  // namespace
}  // namespace zkark::forensics
