#pragma once
// What a verb that talks over the network runs on in tests: a simulated network that the test shares.
#include "src/cli/loop_handle.h"
#include "tests/support/sim_loop.h"
#include "tests/support/sim_transport.h"

namespace zkark::test {

class SimLoopHandle final : public cli::LoopHandle {
 public:
  SimLoopHandle(SimLoop& loop, SimTransport& transport) : loop_(loop), transport_(transport) {}
  Loop& loop() override { return loop_; }
  net::Transport& transport() override { return transport_; }
  std::unique_ptr<Worker> make_worker(std::string_view) override {
    return std::make_unique<SimWorker>(loop_);
  }
  /// Fails where nobody asks it to stop within ten minutes.
  Status run() override {
    stopped_ = false;
    if (loop_.run_until([this] { return stopped_; })) return {};
    return fail(ErrorId::kInternal, "the loop was not stopped");
  }
  void stop() override { stopped_ = true; }

 private:
  SimLoop& loop_;
  SimTransport& transport_;
  bool stopped_ = false;
};

}  // namespace zkark::test
