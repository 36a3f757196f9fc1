#pragma once
// For destructors that do work: removing a lock or a temporary directory needs memory, and an exception that
// leaves a destructor ends the process. What is left undone must be what a killed process leaves, too: the
// next run copes with it.
#include <exception>
#include <utility>

namespace zkark {

/// Whether it was done.
template <class F>
bool best_effort(F&& work) noexcept {
  try {
    std::forward<F>(work)();
    return true;
  } catch (const std::exception&) {  // std::bad_alloc, or what a library throws when it has no memory
    return false;
  }
}

}  // namespace zkark
