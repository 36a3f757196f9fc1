#pragma once
// Seam: the application log of a server.
#include <cstdint>
#include <string_view>

namespace zkark {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError };

/// Takes one line at a time. Any thread. Never fails: a log that cannot be written stops no server.
class Log {
 public:
  virtual ~Log() = default;
  /// Whether lines of that level are kept: ask before a line that is costly to make.
  virtual bool wants(LogLevel level) const = 0;
  /// `line` has no newline; control characters in it are escaped by the log.
  virtual void write(LogLevel level, std::string_view line) = 0;
  void info(std::string_view line) { write(LogLevel::kInfo, line); }
  void warn(std::string_view line) { write(LogLevel::kWarn, line); }
  void error(std::string_view line) { write(LogLevel::kError, line); }
};

}  // namespace zkark
