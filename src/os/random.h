#pragma once
#include "formats/base/random.h"

namespace zkark::os {

/// getrandom(2): fit for keys. Thread-safe, without state. A kernel that refuses randomness stops the
/// process: an id that is not random could overwrite another.
class SystemRandom final : public Random {
 public:
  void fill(MutableBytes into) override;
};

}  // namespace zkark::os
