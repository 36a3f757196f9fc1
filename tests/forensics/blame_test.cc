// Who wrote what stands there, against remembering the last operation on every path, at every zxid.
#include "src/forensics/blame.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/forensics/fixture_dir.h"

namespace zkark::forensics {
namespace {

using test::FixtureDir;
using test::RecordOperation;

bool creates(TxnType type) {
  return type == TxnType::kCreate || type == TxnType::kCreate2 || type == TxnType::kCreateContainer ||
         type == TxnType::kCreateTtl;
}
bool writes(TxnType type) { return creates(type) || type == TxnType::kSetData || type == TxnType::kReconfig; }

bool same(const std::optional<Writer>& writer, const RecordOperation* wanted) {
  if (!writer || wanted == nullptr) return !writer && wanted == nullptr;
  return writer->time_ms == wanted->header.time_ms && writer->session == wanted->header.client_id &&
         writer->cxid == wanted->header.cxid && writer->type == wanted->type && writer->part == wanted->part;
}

TEST(Blame, NamesTheLastOperationOnEveryNodeAtEveryZxid) {
  std::size_t right = 0, asked_of = 0, points = 0, fixtures = 0;
  for (const std::string& dir : test::replayed_fixtures()) {
    const FixtureDir data(dir);
    if (!data.from_the_first()) continue;
    ++fixtures;
    std::map<std::string, RecordOperation> last, first;
    test::replay_naively(data, [&](const Txn& txn, const std::vector<RecordOperation>& operations,
                                   const restore::State&, const restore::State& after) {
      for (const RecordOperation& operation : operations) {
        if (writes(operation.type)) last[operation.path] = operation;
        if (creates(operation.type)) first[operation.path] = operation;
      }
      ++points;
      std::vector<WriteAsked> asked;
      std::vector<const RecordOperation*> wanted;
      after.tree.walk(restore::kRoot, [&](restore::NodeId id, std::string_view path) {
        const StatPersisted stat = after.tree.get(id).stat;
        const auto of = [&](const std::map<std::string, RecordOperation>& map) {
          const auto at = map.find(std::string(path));
          return at == map.end() ? nullptr : &at->second;
        };
        asked.push_back({stat.mzxid, id, false});
        wanted.push_back(of(last));
        asked.push_back({stat.czxid, id, true});
        wanted.push_back(of(first));
        return true;
      });
      restore::Findings findings;
      Job job;
      const Result<Writers> writers =
          find_writers(*data.source, data.listing, after.tree, asked, findings, job);
      ASSERT_TRUE(writers) << writers.error().to_string();
      for (std::size_t i = 0; i < asked.size(); ++i) {
        ++asked_of;
        if (same(writers->of[i], wanted[i]))
          ++right;
        else
          ADD_FAILURE() << dir << " at " << zxid_text(txn.header.zxid) << ": " << after.tree.path(asked[i].id)
                        << (asked[i].creation ? " created" : " written");
      }
    });
  }
  EXPECT_GT(fixtures, 10u);
  EXPECT_EQ(right, asked_of);
  std::printf("blame: %zu of %zu answers at %zu points of %zu fixtures\n", right, asked_of, points, fixtures);
}

TEST(Blame, ReadsOnlyTheLogsThatCanHoldTheAnswer) {
  const FixtureDir data("fixtures/zk-3.8.0-standalone");
  restore::State state = restore::initial_state();
  restore::Findings findings;
  restore::LogWalk walk(*data.source, data.listing.logs, {}, findings);
  restore::WalkEntry walked;
  while (walk.next_into(walked).value()) ASSERT_TRUE(restore::apply(state, walked.entry.txn));
  restore::NodeId newest = restore::kRoot;
  state.tree.for_each_node([&](restore::NodeId id) {
    if (state.tree.get(id).stat.mzxid > state.tree.get(newest).stat.mzxid) newest = id;
  });
  Job job;
  const std::int64_t zxid = state.tree.get(newest).stat.mzxid;
  const Result<Writers> writers =
      find_writers(*data.source, data.listing, state.tree, {{zxid, newest, false}}, findings, job);
  ASSERT_TRUE(writers);
  ASSERT_TRUE(writers->of[0]);
  EXPECT_EQ(writers->records, 1u);
}

TEST(Blame, LeavesOpenWhatNoRecordHereDid) {
  FixtureDir data("fixtures/zk-3.8.0-standalone");
  restore::State state = restore::initial_state();
  restore::Findings findings;
  restore::LogWalk walk(*data.source, data.listing.logs, {}, findings);
  restore::WalkEntry walked;
  while (walk.next_into(walked).value()) ASSERT_TRUE(restore::apply(state, walked.entry.txn));
  std::erase_if(data.listing.logs, [](const restore::SourceFile& file) { return file.zxid < 0x3e; });
  std::vector<WriteAsked> asked;
  state.tree.for_each_node([&](restore::NodeId id) {
    asked.push_back({state.tree.get(id).stat.mzxid, id, false});
  });
  Job job;
  const Result<Writers> writers = find_writers(*data.source, data.listing, state.tree, asked, findings, job);
  ASSERT_TRUE(writers);
  std::size_t open = 0;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    EXPECT_EQ(writers->of[i].has_value(), asked[i].zxid >= 0x3e) << zxid_text(asked[i].zxid);
    open += writers->of[i] ? 0 : 1;
  }
  EXPECT_GT(open, 0u);
  EXPECT_LT(open, asked.size());
}

TEST(Blame, DoesNotTakeARecordThatSaysSomethingElse) {
  // The zxid is right, the path is not: a log of another history.
  const FixtureDir data("fixtures/zk-3.8.0-standalone");
  restore::Tree tree;
  const restore::NodeId id = tree.create("/elsewhere", restore::kRoot, std::nullopt, restore::kOpenAcl, {});
  restore::Findings findings;
  Job job;
  for (std::int64_t zxid = 1; zxid <= 0x62; ++zxid) {
    const Result<Writers> writers =
        find_writers(*data.source, data.listing, tree, {{zxid, id, false}, {zxid, id, true}}, findings, job);
    ASSERT_TRUE(writers);
    EXPECT_FALSE(writers->of[0]);
    EXPECT_FALSE(writers->of[1]);
  }
}

}  // namespace
}  // namespace zkark::forensics
