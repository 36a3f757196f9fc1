#include "src/os/random.h"

#include <sys/random.h>

#include "formats/base/check.h"
#include "src/os/descriptor.h"

namespace zkark::os {

void SystemRandom::fill(MutableBytes into) {
  while (!into.empty()) {
    const ssize_t n = retry([&] { return ::getrandom(into.data(), into.size(), 0); });
    ZK_CHECK(n > 0);
    into = into.subspan(static_cast<std::size_t>(n));
  }
}

}  // namespace zkark::os
