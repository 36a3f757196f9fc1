#pragma once
// The line to the service manager that started this process: sd_notify(3), a datagram on the socket that
// NOTIFY_SOCKET names. libsystemd does no more, and would be a library to load in every run of the program.
#include <string>
#include <string_view>

#include "src/os/descriptor.h"

namespace zkark::os {

class ServiceSocket {
 public:
  /// `address` as NOTIFY_SOCKET has it: an absolute path, or "@" and an abstract name. Anything else, ""
  /// among it: nothing is ever sent.
  explicit ServiceSocket(std::string_view address);
  /// Assignments, one a line: "READY=1\nSTATUS=…". Waits a second at most where the manager does not read.
  /// False when it did not get there; nothing depends on that.
  bool send(std::string_view assignments);

 private:
  std::string address_;  // as sun_path has it
  Descriptor socket_;
};

}  // namespace zkark::os
