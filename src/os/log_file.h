#pragma once
// The application log of a server, to stderr or to a file with rotation.
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "formats/base/clock.h"
#include "formats/base/log.h"
#include "formats/base/result.h"

namespace zkark::os {

struct LogFileOptions {
  std::string path;  // empty: stderr, never rotated
  /// A file that would grow beyond this is renamed to path.1, path.1 to path.2 and so on; `keep` old ones
  /// stay.
  std::uint64_t max_bytes = 256ULL << 20;
  unsigned keep = 20;
  LogLevel least = LogLevel::kInfo;
  std::string my_id;                   // between "[myid:" and "]"
  std::size_t queue_bytes = 1U << 20;  // lines that wait for the disk; what is beyond is lost, and counted
};

/// Lines in the pattern of Apache ZooKeeper, with the name of the thread in place of thread, class and line:
///   2026-11-28 20:15:42,123 [myid:1] - INFO  [loop] - message
/// in local time. Control characters, C1 ones too, and bytes that are no UTF-8 are escaped; a line is cut at
/// 16 KiB.
///
/// write() only formats and queues: a disk or a reader of stderr that hangs holds up the thread of this
/// object alone. What cannot be written (a full disk, a full queue) is lost whole line by whole line, and the
/// first line after it says how many and why. Nothing is synced. Where a file cannot be renamed, the log goes
/// on in it.
class LogFile final : public Log {
 public:
  /// Fails as the system does when the file cannot be opened. `clock` must outlive the log.
  static Result<std::unique_ptr<LogFile>> open(LogFileOptions options, Clock& clock);
  /// Writes what is queued; gives up on a reader of stderr that does not read.
  ~LogFile() override;

  bool wants(LogLevel level) const override { return level >= options_.least; }
  void write(LogLevel level, std::string_view line) override;
  /// Returns when every line written before is in the file, or lost.
  void flush();

 private:
  class Sink;
  LogFile(LogFileOptions options, Clock& clock);
  void run();
  void write_or_lose(const std::string& lines);
  void tell_lost();
  std::string format(LogLevel level, std::string_view line) const;

  const LogFileOptions options_;
  Clock& clock_;
  // Of the thread that writes.
  std::unique_ptr<Sink> sink_;
  std::uint64_t lost_ = 0;  // lines, since the last one that was written
  std::string why_;

  std::mutex mutex_;
  std::condition_variable work_, idle_;
  std::string queue_;           // whole lines
  std::uint64_t overflow_ = 0;  // lines that found the queue full
  bool busy_ = false, stop_ = false;
  std::thread thread_;
};

}  // namespace zkark::os
