#pragma once
// The progress of a Job on stderr: on a terminal one line that is drawn over, elsewhere a line every ten
// seconds, with JSON messages an event. Something calls tick() ten times a second; who that is does not
// matter here (main.cc: a thread; tests: a loop over a simulated clock).
#include <cstdint>
#include <string>

#include "formats/base/clock.h"
#include "formats/base/job.h"
#include "src/cli/output.h"

namespace zkark::cli {

class ProgressView {
 public:
  /// Borrows all three. `shown` false: only status() ever prints.
  ProgressView(Job& job, Clock& clock, Output& output, bool shown);
  /// Looks at the counters and redraws, if it is time to.
  void tick();
  /// One line now, whatever the options say (SIGUSR1).
  void status();

 private:
  struct Seen {
    std::string phase;
    std::uint64_t done, total;
    double seconds, rate;  // of this phase; rate in bytes per second
  };
  Seen look();
  std::string text(const Seen& seen, unsigned columns) const;
  void event(const Seen& seen);

  Job& job_;
  Clock& clock_;
  Output& output_;
  bool shown_;
  std::string phase_;
  MonotonicTime phase_start_, last_event_;
};

}  // namespace zkark::cli
