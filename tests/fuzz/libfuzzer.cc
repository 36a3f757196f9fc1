// One program per target: ZKARK_FUZZ_TARGET is its function.
#include <cstdint>

#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  zkark::fuzz::ZKARK_FUZZ_TARGET({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
