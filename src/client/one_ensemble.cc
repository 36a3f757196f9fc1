#include "src/client/one_ensemble.h"

#include <algorithm>
#include <map>

namespace zkark::client {
namespace {

using Results = std::vector<PingResult>;
using Members = std::vector<std::size_t>;

std::uint64_t epoch_of(std::int64_t zxid) { return static_cast<std::uint64_t>(zxid) >> 32; }
std::uint64_t counter_of(std::int64_t zxid) { return static_cast<std::uint64_t>(zxid) & 0xffffffff; }

Members with_role(const Results& results, std::string_view role) {
  Members found;
  for (std::size_t i = 0; i < results.size(); ++i)
    if (results[i].role == role) found.push_back(i);
  return found;
}

std::string names(const Results& results, const Members& members) {
  std::string text;
  for (const std::size_t i : members) text += (text.empty() ? "" : ", ") + to_string(results[i].server);
  return text;
}

void find_strangers(const Results& results, EnsembleView& view) {
  if (const Members leaders = with_role(results, "leader"); leaders.size() > 1)
    view.contradictions.push_back("more than one leads: " + names(results, leaders));
  const Members alone = with_role(results, "standalone");
  if (results.size() > 1 && !alone.empty())
    view.contradictions.push_back(
        names(results, alone) + (alone.size() == 1 ? " is standalone: it is" : " are standalone: they are") +
        " in no ensemble with the others");
}

void compare_with_leader(const Results& results, EnsembleView& view) {
  const PingResult& leader = results[*view.leader];
  if (!leader.zxid) return;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const PingResult& one = results[i];
    if (!one.zxid) continue;
    if (epoch_of(*one.zxid) > epoch_of(*leader.zxid)) {
      view.contradictions.push_back(to_string(one.server) + " is in a later epoch than " +
                                    to_string(leader.server) +
                                    ", which leads: an election goes on, or they are of two ensembles");
    } else if (epoch_of(*one.zxid) == epoch_of(*leader.zxid)) {
      const std::uint64_t there = counter_of(*leader.zxid), here = counter_of(*one.zxid);
      view.behind[i] = there > here ? there - here : 0;
    }
  }
}

void remark_on_learners(const Results& results, EnsembleView& view) {
  const PingResult& leader = results[*view.leader];
  // Before 3.6 observers are counted among those that follow, and nowhere by themselves.
  if (!leader.learners || !leader.synced_followers || !leader.synced_observers) return;
  const std::uint64_t synced = *leader.synced_followers + *leader.synced_observers;
  if (synced < *leader.learners)
    view.remarks.push_back(std::to_string(*leader.learners - synced) + " of the " +
                           std::to_string(*leader.learners) + " servers that follow " +
                           to_string(leader.server) + " have not caught up yet");
}

void remark_on_releases(const Results& results, EnsembleView& view) {
  std::map<std::string, Members> releases;
  for (std::size_t i = 0; i < results.size(); ++i)
    if (results[i].version) releases[release_of(*results[i].version)].push_back(i);
  if (releases.size() < 2) return;
  std::string text;
  for (const auto& [release, members] : releases)
    text += (text.empty() ? "" : "; ") + release + " on " + names(results, members);
  view.remarks.push_back("different releases: " + text);
}

}  // namespace

std::string release_of(const std::string& version) {
  // What follows the number and what makes it less than a release is the commit, or, where a distribution
  // built it without git, the name of a variable.
  std::size_t end = std::min(version.find('-'), version.size());
  if (std::string_view(version).substr(end).starts_with("-zkark-"))
    return version;  // another server altogether
  while (end < version.size()) {
    const std::string_view rest = std::string_view(version).substr(end + 1);
    const bool unfinished = rest.starts_with("alpha") || rest.starts_with("beta") || rest.starts_with("rc") ||
                            rest.starts_with("SNAPSHOT");
    if (!unfinished) break;
    end = std::min(version.find('-', end + 1), version.size());
  }
  return version.substr(0, end);
}

EnsembleView view_of(const Results& results) {
  EnsembleView view;
  view.behind.resize(results.size());
  find_strangers(results, view);
  if (const Members leaders = with_role(results, "leader"); leaders.size() == 1)
    view.leader = leaders.front();
  if (view.leader) {
    compare_with_leader(results, view);
    remark_on_learners(results, view);
  } else if (const Members followers = with_role(results, "follower");
             !followers.empty() && with_role(results, "leader").empty()) {
    view.remarks.push_back("none of those that were asked leads");
  }
  remark_on_releases(results, view);
  return view;
}

}  // namespace zkark::client
