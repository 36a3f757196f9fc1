#include "tests/support/sim_loop.h"

#include <algorithm>

#include "formats/base/check.h"

namespace zkark::test {
namespace {

constexpr std::size_t kEndless = 10'000'000;

}  // namespace

SimLoop::~SimLoop() {
  // What events hold may post while it is destroyed.
  while (!events_.empty()) const std::map<When, Task> dropped = std::exchange(events_, {});
}

Loop::TimerId SimLoop::call_after(std::int64_t ms, Task task) {
  const When when{clock_.monotonic().ns + std::max<std::int64_t>(ms, 0) * 1'000'000, ++last_};
  events_.emplace(when, std::move(task));
  due_ns_.emplace(when.sequence, when.ns);
  return when.sequence;
}

void SimLoop::cancel(TimerId timer) {
  const auto found = due_ns_.find(timer);
  if (found == due_ns_.end()) return;
  const auto dropped = events_.extract({found->second, timer});
  due_ns_.erase(found);
}

bool SimLoop::step() {
  if (events_.empty() || events_.begin()->first.ns > clock_.monotonic().ns) return false;
  const auto event = events_.extract(events_.begin());
  due_ns_.erase(event.key().sequence);
  std::exchange(event.mapped(), nullptr)();
  return true;
}

std::size_t SimLoop::run_until_idle() {
  std::size_t count = 0;
  while (step()) ZK_CHECK(++count < kEndless);
  return count;
}

void SimLoop::advance(std::int64_t ms) {
  bool over = false;
  call_after(ms, [&over] { over = true; });
  ZK_CHECK(run_until([&over] { return over; }, ms + 1));
  run_until_idle();
}

bool SimLoop::run_until(const std::function<bool()>& done, std::int64_t limit_ms) {
  const std::int64_t end_ns = clock_.monotonic().ns + limit_ms * 1'000'000;
  for (std::size_t count = 0; !done(); ++count) {
    ZK_CHECK(count < kEndless);
    if (step()) continue;
    if (events_.empty() || events_.begin()->first.ns > end_ns) return false;
    const std::int64_t wait_ns = events_.begin()->first.ns - clock_.monotonic().ns;
    clock_.advance_ms((wait_ns + 999'999) / 1'000'000);
  }
  return true;
}

struct SimWorker::State : std::enable_shared_from_this<State> {
  State(SimLoop& the_loop, std::int64_t delay_ms) : loop(the_loop), max_delay_ms(delay_ms) {}

  void run_first() {
    const Loop::Task task = std::move(tasks.front());
    tasks.pop_front();
    task();
  }
  void schedule() {
    if (held || scheduled || tasks.empty()) return;
    scheduled = true;
    const auto delay = static_cast<std::uint64_t>(max_delay_ms) + 1;
    loop.call_after(static_cast<std::int64_t>(loop.random().below(delay)), [self = shared_from_this()] {
      self->scheduled = false;
      if (!self->held && !self->tasks.empty()) self->run_first();
      self->schedule();
    });
  }

  SimLoop& loop;
  const std::int64_t max_delay_ms;
  std::deque<Loop::Task> tasks;
  bool held = false, scheduled = false;
};

SimWorker::SimWorker(SimLoop& loop, std::int64_t max_delay_ms)
    : state_(std::make_shared<State>(loop, max_delay_ms)) {}

SimWorker::~SimWorker() {
  while (run_one()) {
  }
}

void SimWorker::run(Loop::Task task) {
  state_->tasks.push_back(std::move(task));
  state_->schedule();
}

void SimWorker::hold() { state_->held = true; }

bool SimWorker::run_one() {
  if (state_->tasks.empty()) return false;
  state_->run_first();
  return true;
}

void SimWorker::release() {
  state_->held = false;
  state_->schedule();
}

std::size_t SimWorker::waiting() const { return state_->tasks.size(); }

}  // namespace zkark::test
