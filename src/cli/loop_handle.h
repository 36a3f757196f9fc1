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
  /// Looks for something to do for so many microseconds before it sleeps, as long as that pays, and where the
  /// process may keep two processors busy. False where it may not: nothing changes. Before run().
  virtual bool look_before_sleeping(std::int64_t microseconds) {
    static_cast<void>(microseconds);
    return true;
  }
  /// What a server tells about the process it is.
  virtual ProcessFacts process_facts() { return {}; }
  /// Tells the service manager that started this process (sd_notify(3)): "READY=1\nSTATUS=…". Nothing where
  /// none asked for it.
  virtual void notify(std::string_view assignments) { static_cast<void>(assignments); }
};

}  // namespace zkark::cli
