#pragma once
#include <functional>
#include <span>

#include "formats/base/result.h"

namespace zkark {

/// Seam: runs independent tasks, perhaps at the same time; inline and in order in tests.
class Executor {
 public:
  virtual ~Executor() = default;
  /// Runs every task to its end and returns when all are done: the first failure in task order, else ok.
  /// Tasks must not touch shared state without their own synchronisation and must not call run_all.
  virtual Status run_all(std::span<const std::function<Status()>> tasks) = 0;
  /// How many tasks can really run at the same time; 1 means inline.
  virtual unsigned width() const = 0;
};

/// Runs tasks one after the other on the calling thread.
class InlineExecutor : public Executor {
 public:
  Status run_all(std::span<const std::function<Status()>> tasks) override {
    Status first;
    for (const auto& task : tasks)
      if (Status status = task(); !status && first) first = std::move(status);
    return first;
  }
  unsigned width() const override { return 1; }
};

}  // namespace zkark
