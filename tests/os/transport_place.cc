#include "tests/os/transport_place.h"

#include <gtest/gtest.h>

#include "src/os/clock.h"
#include "src/os/loop_worker.h"
#include "tests/support/sim_transport.h"

namespace zkark::test {
namespace {

class RealPlace final : public Place {
 public:
  Loop& loop() override { return loop_; }
  net::Transport& transport() override { return loop_; }
  Clock& clock() override { return clock_; }
  std::unique_ptr<Worker> make_worker() override {
    return std::make_unique<os::LoopWorker>([](const Error& error) { ADD_FAILURE() << error.to_string(); });
  }
  std::size_t large_bytes() const override { return 24 << 20; }
  std::size_t too_much_bytes() const override { return 24 << 20; }

  bool run_until(const std::function<bool()>& done) override { return test::run_until(loop_, done); }

 private:
  os::SystemClock clock_;
  os::EventLoop loop_;
};

class SimPlace final : public Place {
 public:
  explicit SimPlace(std::uint64_t seed) : loop_(clock_, seed) {}
  Loop& loop() override { return loop_; }
  net::Transport& transport() override { return transport_; }
  Clock& clock() override { return clock_; }
  std::unique_ptr<Worker> make_worker() override { return std::make_unique<SimWorker>(loop_); }
  std::size_t large_bytes() const override { return 3 << 20; }
  std::size_t too_much_bytes() const override { return 400'000; }
  bool run_until(const std::function<bool()>& done) override { return loop_.run_until(done, 10'000'000); }

 private:
  SimClock clock_;
  SimLoop loop_;
  SimTransport transport_{loop_};
};

}  // namespace

bool run_until(os::EventLoop& loop, const std::function<bool()>& done) {
  os::SystemClock clock;
  const std::int64_t end_ns = clock.monotonic().ns + 60'000'000'000;
  Loop::TimerId look = 0;
  const std::function<void()> check = [&] {
    if (done() || clock.monotonic().ns > end_ns) return loop.stop();
    look = loop.call_after(1, check);
  };
  loop.post(check);
  const bool ran = static_cast<bool>(loop.run());
  loop.cancel(look);
  return ran && done();
}

std::vector<std::pair<const char*, MakePlace>> all_places() {
  return {{"Real", []() -> std::unique_ptr<Place> { return std::make_unique<RealPlace>(); }},
          {"Sim1", []() -> std::unique_ptr<Place> { return std::make_unique<SimPlace>(1); }},
          {"Sim2", []() -> std::unique_ptr<Place> { return std::make_unique<SimPlace>(2); }},
          {"Sim3", []() -> std::unique_ptr<Place> { return std::make_unique<SimPlace>(3); }}};
}

}  // namespace zkark::test
