#pragma once
#include "formats/base/bytes.h"

namespace zkark {

/// Seam: randomness for ids and temporary names. Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual void fill(MutableBytes into) = 0;
};

}  // namespace zkark
