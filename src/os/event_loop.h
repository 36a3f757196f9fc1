#pragma once
#include <memory>

#include "formats/base/loop.h"
#include "formats/base/result.h"
#include "src/net/transport.h"

namespace zkark::os {

/// The real Loop, and TCP over it. Every connection is read into one buffer of the loop, 256 KiB at a time,
/// so an idle one costs some hundred bytes, and a busy one waits after each such read until all others had
/// their turn. Links and Listeners are destroyed before the loop; tasks and timers that are left then are
/// dropped, as is the rest of connections that were being ended.
class EventLoop final : public Loop, public net::Transport {
 public:
  class Core;  // of event_loop.cc
  /// Throws std::exception when the system refuses the descriptors a loop needs: main() says so and ends.
  EventLoop();
  ~EventLoop() override;
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  /// The calling thread is the loop thread until stop(). Fails when a task or a callback threw (kOutOfMemory
  /// for bad_alloc, kInternal else): what it was at is half done, so a server ends.
  Status run();
  /// While most waits are shorter than `ns`, looks for so long for something to do before it sleeps
  /// (patience.h): quick answers, paid with a processor. 0, as at first: sleeps at once. Before run().
  void look_before_sleeping(std::int64_t ns);
  /// Makes run() return soon: when tasks of one batch run, after the last of them. Before run(): makes it
  /// return at once. Any thread.
  void stop();

  void post(Task task) override;
  TimerId call_after(std::int64_t ms, Task task) override;
  void cancel(TimerId timer) override;

  Result<std::unique_ptr<net::Listener>> listen(const net::ListenOptions& options,
                                                Accepted accepted) override;
  /// Names are looked up on a thread of their own; the destructor waits for a lookup that runs. Each address
  /// gets an equal share of the time that is left, so that one which swallows packets does not use up all.
  void connect(const std::string& host, std::uint16_t port, std::int64_t timeout_ms,
               Connected connected) override;

 private:
  std::unique_ptr<Core> core_;
};

}  // namespace zkark::os
