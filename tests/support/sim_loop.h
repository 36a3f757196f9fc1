#pragma once
// A server on one thread in simulated time: the loop, its workers and (sim_transport.h) its connections.
// Whatever happens is an event of one list, ordered by time and, within a millisecond, by when it was asked
// for; the seed decides delays. The same seed and the same test give the same order, to the last byte.
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "formats/base/loop.h"
#include "tests/support/sim_clock.h"
#include "tests/support/sim_random.h"

namespace zkark::test {

/// Time moves when told by advance() or run_until(), never while a task runs. Several servers may share one
/// loop.
class SimLoop final : public Loop {
 public:
  explicit SimLoop(SimClock& clock, std::uint64_t seed = 1) : clock_(clock), random_(seed) {}
  /// What is left is dropped. Links and workers are gone by then, or held by what is dropped.
  ~SimLoop() override;
  SimLoop(const SimLoop&) = delete;
  SimLoop& operator=(const SimLoop&) = delete;

  void post(Task task) override { call_after(0, std::move(task)); }
  TimerId call_after(std::int64_t ms, Task task) override;
  void cancel(TimerId timer) override;

  /// Runs what is due first; false when nothing is due now.
  bool step();
  /// Runs all that is due now, and what becomes due now by it; returns how many events. More than ten million
  /// of them are a loop without end: ZK_CHECK.
  std::size_t run_until_idle();
  /// Lets `ms` pass, from event to event; what is due at the end has run.
  void advance(std::int64_t ms);
  /// Runs until `done`, letting time pass where nothing is due, at most `limit_ms`. False when the limit was
  /// reached or nothing can happen any more.
  bool run_until(const std::function<bool()>& done, std::int64_t limit_ms = 600'000);

  /// Events that wait, timers among them.
  std::size_t waiting() const { return events_.size(); }
  SimRandom& random() { return random_; }
  SimClock& clock() { return clock_; }

 private:
  struct When {
    std::int64_t ns = 0;
    TimerId sequence = 0;
    auto operator<=>(const When&) const = default;
  };

  SimClock& clock_;
  SimRandom random_;
  TimerId last_ = 0;
  std::map<When, Task> events_;
  std::map<TimerId, std::int64_t> due_ns_;
};

/// Each task is an event of the loop, up to `max_delay_ms` after the one before it: the thread that the real
/// one has may be slow. The destructor runs what is left.
class SimWorker final : public Worker {
 public:
  explicit SimWorker(SimLoop& loop, std::int64_t max_delay_ms = 2);
  ~SimWorker() override;
  SimWorker(const SimWorker&) = delete;
  SimWorker& operator=(const SimWorker&) = delete;

  void run(Loop::Task task) override;

  /// From now on tasks wait: a disk that hangs, a snapshot that takes long.
  void hold();
  /// Runs the first task that waits, at once; false when there is none.
  bool run_one();
  void release();
  std::size_t waiting() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace zkark::test
