#pragma once
// Counts what operator new gives out, so that a test can say how much memory a decoder took. Only in programs
// that contain memory_hook.cc. Memory that C libraries take with malloc is not covered.
#include <cstddef>

namespace zkark::test {

/// Watches from construction on; one at a time, one thread.
class MemoryWatch {
 public:
  MemoryWatch();
  /// The most bytes that were alive at once, beyond those alive at the start.
  std::size_t peak_bytes() const;
  /// Starts again from what is alive now.
  void restart();

 private:
  std::size_t start_;
};

}  // namespace zkark::test
