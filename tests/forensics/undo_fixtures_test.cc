// Over what real servers left: the plan of undo, carried out on a replayed state, gives the exact earlier
// data, ACL and type.
#include "src/forensics/undo.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <set>

#include "tests/forensics/fixture_dir.h"
#include "tests/forensics/undo_lab.h"

namespace zkark::forensics {
namespace {

using test::Facts;
using test::facts_of;
using test::FixtureDir;
using test::RecordOperation;
using Why = Hindrance;

struct Step {
  TxnHeader header;
  std::vector<RecordOperation> operations;
  Facts before;
};

/// A fixture, record by record, told without the code under test.
struct Course {
  explicit Course(const std::string& dir) : data(dir) {
    test::replay_naively(data, [&](const Txn& txn, const std::vector<RecordOperation>& operations,
                                   const restore::State& before, const restore::State& after) {
      steps.push_back({txn.header, operations, facts_of(before)});
      last = test::clone(after);
    });
    end = facts_of(last);
  }
  UndoPlan plan(const restore::State& now, std::int64_t point, const UndoChoice& choice,
                const UndoOptions& options = {}) {
    restore::Findings findings;
    Job job;
    auto made = plan_undo(*data.source, data.listing, now, point, choice, options, findings, job);
    EXPECT_TRUE(made) << made.error().to_string();
    for (const restore::Finding& finding : findings)
      EXPECT_EQ(finding.severity, restore::Severity::kNote) << finding.message;
    return made ? std::move(*made) : UndoPlan();
  }
  /// Operations on the path after that record.
  std::vector<RecordOperation> later(std::size_t step, const std::string& path) const {
    std::vector<RecordOperation> found;
    for (std::size_t i = step + 1; i < steps.size(); ++i)
      for (const RecordOperation& one : steps[i].operations)
        if (one.path == path) found.push_back(one);
    return found;
  }

  FixtureDir data;
  std::vector<Step> steps;
  restore::State last;
  Facts end;
};

/// Where replay from a later snapshot is not replay from the first log: servers that lost something at a
/// start, or were sent a snapshot.
bool has_another_past(const std::string& dir) {
  return dir.find("lost-ttl") != dir.npos || dir.find("stale-tail") != dir.npos ||
         dir.find("ensemble/2") != dir.npos;
}
std::vector<std::string> fixtures() {
  std::vector<std::string> all;
  for (const std::string& dir : test::replayed_fixtures())
    if (!has_another_past(dir) && FixtureDir(dir).from_the_first()) all.push_back(dir);
  return all;
}

/// What no request brings back, whoever asks.
bool cannot_come_back(const LeftAlone& left, const Facts& wanted) {
  const auto at = wanted.find(left.path);
  if (left.why == Why::kEphemeral)
    return at != wanted.end() && node_kind(at->second.owner) == NodeKind::kEphemeral;
  return left.why == Why::kConfiguration && left.path == "/zookeeper/config";
}

std::string difference(const Facts& now, const Facts& wanted) {
  for (const auto& [path, facts] : wanted) {
    const auto at = now.find(path);
    if (at == now.end()) return path + " is missing";
    if (!(at->second == facts)) return path + " differs";
  }
  for (const auto& [path, unused] : now)
    if (!wanted.contains(path)) return path + " is too many";
  return {};
}

/// Takes `from` where a path is left alone.
void keep(Facts& wanted, const Facts& from, const std::string& path) {
  wanted.erase(path);
  if (const auto at = from.find(path); at != from.end()) wanted.insert(*at);
}

UndoChoice one_zxid(std::int64_t zxid) {
  UndoChoice choice;
  choice.zxids = {{zxid, zxid}};
  return choice;
}

class UndoOfFixture : public testing::TestWithParam<std::string> {};

TEST_P(UndoOfFixture, TakesBackEachTransactionAsSoonAsItIsDone) {
  FixtureDir data(GetParam());
  std::size_t all = 0, good = 0, partly = 0;
  test::replay_naively(data, [&](const Txn& txn, const std::vector<RecordOperation>&,
                                 const restore::State& before, const restore::State& after) {
    SCOPED_TRACE(txn.header.zxid);
    ++all;
    restore::Findings findings;
    Job job;
    const auto plan = plan_undo(*data.source, data.listing, after, txn.header.zxid, one_zxid(txn.header.zxid),
                                {}, findings, job);
    ASSERT_TRUE(plan) << plan.error().to_string();
    restore::State state = test::clone(after);
    const Facts now = facts_of(after);
    Facts wanted = facts_of(before);
    for (const LeftAlone& left : plan->left) {
      EXPECT_TRUE(cannot_come_back(left, wanted)) << left.path << " " << static_cast<int>(left.why);
      keep(wanted, now, left.path);
    }
    const std::string refusal = test::carry_out(*plan, state);
    const std::string wrong = difference(facts_of(state), wanted);
    EXPECT_EQ(refusal, "");
    EXPECT_EQ(wrong, "");
    good += refusal.empty() && wrong.empty() ? 1 : 0;
    partly += plan->left.empty() ? 0 : 1;
  });
  std::printf("%zu of %zu transactions taken back, %zu of them but for ephemerals and configurations\n", good,
              all, partly);
  EXPECT_EQ(good, all);
}

/// Data alone, ACL alone, or something that came or went.
std::set<char> facets(const std::vector<RecordOperation>& operations, const std::string& path) {
  std::set<char> all;
  for (const RecordOperation& one : operations)
    if (one.path == path)
      all.insert(one.type == TxnType::kSetAcl                                      ? 'a'
                 : one.type == TxnType::kSetData || one.type == TxnType::kReconfig ? 'd'
                                                                                   : 'e');
  return all;
}

TEST_P(UndoOfFixture, TakesBackEachTransactionAtTheEndAndLeavesWhatOthersDidLater) {
  Course course(GetParam());
  std::size_t all = 0, good = 0, kept = 0;
  for (std::size_t i = 0; i < course.steps.size(); ++i) {
    const Step& step = course.steps[i];
    SCOPED_TRACE(step.header.zxid);
    const UndoPlan plan = course.plan(course.last, course.last.last_zxid, one_zxid(step.header.zxid));
    std::set<std::string> left_paths;
    for (const LeftAlone& left : plan.left) left_paths.insert(left.path);
    Facts wanted = course.end;
    std::set<std::string> touched;
    for (const RecordOperation& one : step.operations) touched.insert(one.path);
    for (const std::string& path : touched) {
      const std::vector<RecordOperation> later = course.later(i, path);
      const std::set<char> here = facets(step.operations, path), after = facets(later, path);
      const bool apart = after.size() == 1 && here.size() == 1 && !after.contains('e') &&
                         !here.contains('e') && here != after;
      if (left_paths.contains(path)) {
        const LeftAlone& left = *std::find_if(plan.left.begin(), plan.left.end(),
                                              [&](const LeftAlone& one) { return one.path == path; });
        EXPECT_TRUE(left.why != Why::kChangedLater || !later.empty()) << path;
        EXPECT_TRUE(left.why != Why::kNoParent || !course.end.contains(left.other)) << path;
        EXPECT_TRUE(left.why != Why::kChildren || course.end.contains(left.other)) << path;
        EXPECT_TRUE(left.why == Why::kChangedLater || left.why == Why::kNoParent ||
                    left.why == Why::kChildren || cannot_come_back(left, step.before))
            << path;
        EXPECT_FALSE(left.why == Why::kChangedLater && apart) << path;
        ++kept;
      } else if (later.empty()) {
        keep(wanted, step.before, path);
      } else if (apart && course.end.contains(path) && step.before.contains(path)) {
        (here.contains('a') ? wanted[path].acl = step.before.at(path).acl : std::string());
        if (here.contains('d')) wanted[path].data = step.before.at(path).data;
      }
      // Else what others did later made it what it was, or a new beginning: it stays as it is.
    }
    restore::State state = test::clone(course.last);
    const std::string refusal = test::carry_out(plan, state);
    const std::string wrong = difference(facts_of(state), wanted);
    EXPECT_EQ(refusal, "");
    EXPECT_EQ(wrong, "");
    ++all;
    good += refusal.empty() && wrong.empty() ? 1 : 0;
  }
  std::printf("%zu of %zu transactions, %zu nodes left alone\n", good, all, kept);
  EXPECT_EQ(good, all);
}

TEST_P(UndoOfFixture, BringsTheTreeBackToEveryPointInRequestsOfAnySize) {
  Course course(GetParam());
  std::size_t all = 0, good = 0;
  const std::size_t stride = course.steps.size() / 250 + 1;
  for (const std::uint64_t max_bytes : {1048575u, 6500u}) {
    for (std::size_t i = 0; i < course.steps.size(); i += stride) {
      const std::int64_t since = course.steps[i].header.zxid;
      SCOPED_TRACE(since);
      UndoChoice choice;
      choice.first_zxid = since;
      choice.begins_at_a_point = true;
      UndoOptions options;
      options.max_request_bytes = max_bytes;
      const UndoPlan plan = course.plan(course.last, course.last.last_zxid, choice, options);
      Facts wanted = course.steps[i].before;
      for (const LeftAlone& left : plan.left) {
        EXPECT_TRUE(cannot_come_back(left, wanted))
            << left.path << " " << static_cast<int>(left.why) << " " << left.other;
        keep(wanted, course.end, left.path);
      }
      restore::State state = test::clone(course.last);
      const std::string refusal = test::carry_out(plan, state, max_bytes);
      const std::string wrong = difference(facts_of(state), wanted);
      EXPECT_EQ(refusal, "");
      EXPECT_EQ(wrong, "");
      ++all;
      good += refusal.empty() && wrong.empty() ? 1 : 0;
    }
  }
  std::printf("%zu of %zu points\n", good, all);
  EXPECT_EQ(good, all);
}

TEST_P(UndoOfFixture, BringsASubtreeBackAndTouchesNothingElse) {
  Course course(GetParam());
  std::set<std::string> subtrees;
  for (const Step& step : course.steps)
    for (const RecordOperation& one : step.operations)
      subtrees.insert(one.path.substr(0, one.path.find('/', 1)));
  subtrees.erase("/zookeeper");
  subtrees.erase("/");
  if (subtrees.size() > 6) subtrees = {subtrees.begin(), std::next(subtrees.begin(), 6)};
  std::size_t all = 0, good = 0;
  for (const std::string& subtree : subtrees) {
    const PathPattern pattern = PathPattern::subtree(subtree);
    for (std::size_t i = 0; i < course.steps.size(); i += 5) {
      SCOPED_TRACE(subtree);
      SCOPED_TRACE(course.steps[i].header.zxid);
      UndoChoice choice;
      choice.first_zxid = course.steps[i].header.zxid;
      choice.paths = {pattern};
      const UndoPlan plan = course.plan(course.last, course.last.last_zxid, choice);
      Facts wanted = course.end;
      std::erase_if(wanted, [&](const auto& one) { return pattern.matches(one.first); });
      for (const auto& one : course.steps[i].before)
        if (pattern.matches(one.first)) wanted.insert(one);
      for (const LeftAlone& left : plan.left) {
        EXPECT_TRUE(cannot_come_back(left, course.steps[i].before)) << left.path;
        keep(wanted, course.end, left.path);
      }
      restore::State state = test::clone(course.last);
      const std::string refusal = test::carry_out(plan, state);
      const std::string wrong = difference(facts_of(state), wanted);
      EXPECT_EQ(refusal, "");
      EXPECT_EQ(wrong, "");
      ++all;
      good += refusal.empty() && wrong.empty() ? 1 : 0;
    }
  }
  std::printf("%zu of %zu subtrees at a point\n", good, all);
  EXPECT_EQ(good, all);
}

TEST_P(UndoOfFixture, TakesBackWhatOneSessionDid) {
  Course course(GetParam());
  std::set<std::int64_t> sessions;
  for (const Step& step : course.steps) sessions.insert(step.header.client_id);
  std::size_t all = 0, good = 0, exact = 0;
  for (const std::int64_t session : sessions) {
    SCOPED_TRACE(session);
    for (const bool over_later : {false, true}) {
      UndoChoice choice;
      choice.sessions = {session};
      UndoOptions options;
      options.over_later = over_later;
      const UndoPlan plan = course.plan(course.last, course.last.last_zxid, choice, options);
      restore::State state = test::clone(course.last);
      const std::string refusal = test::carry_out(plan, state);
      EXPECT_EQ(refusal, "");
      const Facts now = facts_of(state);
      std::set<std::string> left, may_go;
      for (const LeftAlone& one : plan.left) left.insert(one.path);
      for (const UndoRequest& request : plan.requests)
        for (const UndoOperation& one : request.operations)
          if (!one.loses.empty()) may_go.insert(one.path);
      EXPECT_TRUE(over_later || may_go.empty());
      // By path: its operations from the session's first one on, and what was there before that one.
      std::map<std::string, std::pair<std::set<std::int64_t>, std::size_t>> by_path;
      for (std::size_t i = 0; i < course.steps.size(); ++i)
        for (const RecordOperation& one : course.steps[i].operations)
          if (by_path.contains(one.path) || one.header.client_id == session)
            by_path.try_emplace(one.path, std::set<std::int64_t>(), i)
                .first->second.first.insert(one.header.client_id);
      Facts wanted = course.end;
      for (const auto& [path, what] : by_path) {
        if (left.contains(path)) continue;
        if (what.first.size() == 1) {
          keep(wanted, course.steps[what.second].before, path);
          ++exact;
        } else if (over_later || now.contains(path) != course.end.contains(path) ||
                   (now.contains(path) && !(now.at(path) == course.end.at(path)))) {
          // Others wrote it too: goes over it only when asked to, or where another facet of it is concerned.
          keep(wanted, now, path);
        }
      }
      for (const std::string& path : may_go) keep(wanted, now, path);
      const std::string wrong = difference(now, wanted);
      EXPECT_EQ(wrong, "");
      ++all;
      good += refusal.empty() && wrong.empty() ? 1 : 0;
    }
  }
  std::printf("%zu of %zu sessions, %zu nodes by it alone\n", good, all, exact);
  EXPECT_EQ(good, all);
}

INSTANTIATE_TEST_SUITE_P(Every, UndoOfFixture, testing::ValuesIn(fixtures()), [](const auto& info) {
  std::string name = info.param.substr(info.param.find('/') + 1);
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
});

}  // namespace
}  // namespace zkark::forensics
