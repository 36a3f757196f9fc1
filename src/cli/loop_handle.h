#pragma once
// What a verb that talks over the network runs on.
#include <memory>
#include <string_view>

#include "formats/base/loop.h"
#include "formats/base/process_facts.h"
#include "formats/base/result.h"
#include "src/net/transport.h"

namespace zkark::cli {

/// A loop of the verb's own. Links, Listeners, Workers and what else uses it are destroyed before it.
struct LoopHandle {
  virtual ~LoopHandle() = default;
  virtual Loop& loop() = 0;
  virtual net::Transport& transport() = 0;
  /// A thread of its own; `name` says in messages what failed on it. A task that throws stops the loop, and
  /// run() fails with that.
  virtual std::unique_ptr<Worker> make_worker(std::string_view name) = 0;
  /// The calling thread is the loop thread until stop(), or until the job is asked to stop (SIGINT, SIGTERM):
  /// ok then, and job.stopped() tells. May be called again, to end in order what was going on: the job stops
  /// one run alone.
  virtual Status run() = 0;
  /// Makes run() return soon. Any thread.
  virtual void stop() = 0;
  /// What a server tells about the process it is.
  virtual ProcessFacts process_facts() { return {}; }
};

}  // namespace zkark::cli
