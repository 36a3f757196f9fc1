#pragma once
#include <stop_token>
#include <thread>

#include "src/os/descriptor.h"

namespace zkark::os {

/// While it lives, SIGINT, SIGTERM and SIGHUP ask `stop` to stop, and SIGPIPE is ignored (a write into a
/// closed pipe fails with an error instead). A second signal of the same kind ends the process at once, as
/// without us: the way out of work that does not look at its stop token. At most one may exist.
class StopOnSignal {
 public:
  explicit StopOnSignal(std::stop_source stop);
  ~StopOnSignal();
  StopOnSignal(const StopOnSignal&) = delete;
  StopOnSignal& operator=(const StopOnSignal&) = delete;

  /// The first signal that came, 0 while none has.
  int received() const;

 private:
  Descriptor read_end_;
  std::jthread watcher_;
};

/// While it lives, SIGUSR1 sets a flag instead of ending the process. At most one may exist.
class StatusSignal {
 public:
  StatusSignal();
  ~StatusSignal();
  StatusSignal(const StatusSignal&) = delete;
  StatusSignal& operator=(const StatusSignal&) = delete;

  /// Whether the signal came since the last call. Any thread.
  bool take();
};

}  // namespace zkark::os
