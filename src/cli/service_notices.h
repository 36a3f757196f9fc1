#pragma once
// What the service manager that started a server (systemd, Type=notify) is told about it: when it serves,
// what it does, that it still lives, when it stops. Where none asked for that, nothing is sent.
#include <string_view>

#include "formats/base/error.h"
#include "src/cli/context.h"
#include "src/cli/loop_handle.h"

namespace zkark::cli {

class ServiceNotices {
 public:
  /// Borrows the handle. WATCHDOG_USEC, if it is meant for this process (WATCHDOG_PID), says how often the
  /// manager wants to hear of it.
  ServiceNotices(Context& context, LoopHandle& handle);
  ~ServiceNotices();
  ServiceNotices(const ServiceNotices&) = delete;
  ServiceNotices& operator=(const ServiceNotices&) = delete;

  /// It serves. From now on a sign of life leaves twice in each interval, from the loop: one that hangs is
  /// silent.
  void ready(std::string_view status);
  /// It was asked to stop, and finishes what is on its way. Signs of life go on.
  void stopping();
  /// It ends because of that.
  void failed(const Error& why);

 private:
  void sign_of_life();

  LoopHandle& handle_;
  std::int64_t period_ms_ = 0;  // 0: nobody waits for a sign
  Loop::TimerId timer_ = 0;
};

}  // namespace zkark::cli
