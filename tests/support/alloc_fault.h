#pragma once
// Makes `new` fail on purpose. Only in programs that link the library zkark_alloc_fault, which replaces the
// global operators; off until failing_allocation() is used. Memory taken with malloc (libraries in C) is not
// covered.
#include <cstdint>

namespace zkark::test {

/// While it lives, the N-th allocation from its construction fails (std::bad_alloc, or null from the nothrow
/// forms), on whichever thread it comes. `forever`: every later one too. At most one may exist.
class AllocFault {
 public:
  explicit AllocFault(std::uint64_t n, bool forever = false);
  ~AllocFault();
  AllocFault(const AllocFault&) = delete;
  AllocFault& operator=(const AllocFault&) = delete;

  /// Whether an allocation was made to fail.
  bool hit() const;
  /// Allocations seen so far.
  std::uint64_t seen() const;
};

/// Runs `scenario` with allocation 1, 2, 3 … failing, until a run is not hit; `check(n, hit)` after each,
/// with the fault off. Steps over `stride - 1` allocations each time. Returns how many runs were hit.
template <class Run, class CheckAfter>
std::uint64_t for_each_allocation(Run scenario, CheckAfter check, std::uint64_t stride = 1,
                                  bool forever = false) {
  std::uint64_t runs = 0;
  for (std::uint64_t n = 1;; n += stride) {
    bool hit;
    {
      AllocFault fault(n, forever);
      scenario();
      hit = fault.hit();
    }
    check(n, hit);
    if (!hit) return runs;
    ++runs;
  }
}

}  // namespace zkark::test
