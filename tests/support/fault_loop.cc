#include "tests/support/fault_loop.h"

#include <fmt/format.h>

namespace zkark::test {
namespace {

std::vector<Survival> survivals(const SimFs& fs, const PowerCuts& cuts) {
  using Kind = Survival::Kind;
  const std::size_t pending = fs.pending();
  std::vector<Survival> all{{Kind::kNothing, 0}};
  if (pending == 0) return all;
  all.push_back({Kind::kEverything, 0});
  if (cuts.every_prefix)
    for (std::uint64_t n = 1; n < pending; ++n) all.push_back({Kind::kPrefix, n});
  for (std::uint64_t seed = 1; seed <= cuts.subsets; ++seed) all.push_back({Kind::kSubset, seed});
  if (!fs.has_pending_data()) return all;
  all.push_back({Kind::kZeroTail, 0});
  for (std::uint64_t seed = 1; seed <= cuts.torn; ++seed) {
    all.push_back({Kind::kTorn, seed});
    all.push_back({Kind::kStaleTail, seed});
  }
  return all;
}

/// Runs once with the fault at N and says where it was hit. The fault stays armed, the process dead.
Status run_once(SimFs& fs, const SimFs::Snapshot& start, Fault fault, const Scenario& scenario,
                FaultPoint& point) {
  fs.restore(start);
  fault.at = point.n;
  fs.arm(std::move(fault));
  Status outcome = scenario(fs);
  const std::optional<Operation> hit = fs.hit();
  point.hit = hit.has_value();
  if (hit) point.operation = *hit;
  return outcome;
}

}  // namespace

std::string FaultPoint::to_string() const {
  std::string text = hit ? fmt::format("at operation {}: {}", n, operation.to_string()) : "with no fault";
  if (!survival.empty()) text += "; " + survival;
  return text;
}

std::uint64_t for_each_fault(SimFs& fs, Fault fault, const Scenario& scenario, const Check& check) {
  const SimFs::Snapshot start = fs.snapshot();
  for (FaultPoint point{.n = 1, .hit = true};; ++point.n) {
    const Status outcome = run_once(fs, start, fault, scenario, point);
    fs.disarm();
    if (fs.killed()) fs.restart();
    check(fs, point, outcome);
    if (!point.hit) return point.n - 1;
  }
}

PowerCutCount for_each_power_cut(SimFs& fs, const PowerCuts& cuts, const Scenario& scenario,
                                 const Check& check) {
  const SimFs::Snapshot start = fs.snapshot();
  PowerCutCount count;
  Fault fault;
  fault.action = Fault::Action::kKill;
  fault.kinds = cuts.kinds;
  for (FaultPoint point{.n = 1, .hit = true}; point.hit; ++point.n) {
    const Status outcome = run_once(fs, start, fault, scenario, point);
    const SimFs::Snapshot frozen = fs.snapshot();
    ++count.points;
    for (const Survival& survival : survivals(fs, cuts)) {
      fs.restore(frozen);
      fs.power_cut(survival);
      point.survival = survival.to_string();
      check(fs, point, outcome);
      ++count.states;
    }
  }
  return count;
}

}  // namespace zkark::test
