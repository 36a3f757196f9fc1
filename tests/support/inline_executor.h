#pragma once
#include "formats/base/executor.h"

namespace zkark::test {

/// Every task in order on the caller's thread.
class InlineExecutor final : public Executor {
 public:
  Status run_all(std::span<const std::function<Status()>> tasks) override {
    Status first;
    for (const std::function<Status()>& task : tasks)
      if (Status outcome = task(); !outcome && first) first = std::move(outcome);
    return first;
  }
  unsigned width() const override { return 1; }
};

}  // namespace zkark::test
