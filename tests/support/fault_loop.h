#pragma once
// The loops over everything that can go wrong in one scenario: each operation failing, the process dying at
// each operation, the power going at each operation with every kind of survival. Nothing here knows
// GoogleTest; a check starts with SCOPED_TRACE(point.to_string()).
#include <cstdint>
#include <functional>
#include <string>

#include "tests/support/sim_fs.h"

namespace zkark::test {

/// One run of a scenario: where it was hit, and what a power cut left.
struct FaultPoint {
  std::uint64_t n = 0;        // the N of Fault::at
  bool hit = false;           // false: the last run, in which nothing went wrong
  Operation operation = {};   // what was hit
  std::string survival = {};  // power cuts only

  /// "at operation 7: rename a.tmp -> a; nothing unsynced survives".
  std::string to_string() const;
};

using Scenario = std::function<Status(SimFs&)>;
/// `outcome` is what the scenario returned. The fault is disarmed and a killed process restarted by then.
using Check = std::function<void(SimFs&, const FaultPoint&, const Status& outcome)>;

/// Runs the scenario from the present state of `fs` with `fault` at operation 1, 2, 3 … until a run is not
/// hit any more; checks after each, that last one included. Returns how many operations were hit. Leaves `fs`
/// as the last check left it.
std::uint64_t for_each_fault(SimFs& fs, Fault fault, const Scenario& scenario, const Check& check);

struct PowerCuts {
  unsigned subsets = 32;  // random subsets a cut, by seeds 1, 2, 3 …
  unsigned torn = 4;      // seeds for torn and for stale tails
  bool every_prefix = true;
  OpMask kinds = kMutations;  // cuts between looks leave the same disk as the change before
};

struct PowerCutCount {
  std::uint64_t points = 0;  // operations before which the power went, and once at the end
  std::uint64_t states = 0;  // disks checked
};

/// The same for power cuts: stops at every change and after the last one, and checks every kind of survival
/// (Survival) of each. The check after the scenario's own success (`hit` is false, `outcome` ok) is the one
/// that proves that what was acknowledged stays.
PowerCutCount for_each_power_cut(SimFs& fs, const PowerCuts& cuts, const Scenario& scenario,
                                 const Check& check);

}  // namespace zkark::test
