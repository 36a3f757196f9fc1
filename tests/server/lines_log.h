#pragma once
#include <string>
#include <vector>

#include "formats/base/log.h"

namespace zkark::server {

/// Keeps what is logged.
class LinesLog final : public Log {
 public:
  bool wants(LogLevel) const override { return true; }
  void write(LogLevel level, std::string_view line) override { lines.push_back({level, std::string(line)}); }
  std::size_t count(LogLevel level, std::string_view part = {}) const {
    std::size_t n = 0;
    for (const Line& line : lines) n += line.level == level && line.text.find(part) != std::string::npos;
    return n;
  }
  struct Line {
    LogLevel level;
    std::string text;
  };
  std::vector<Line> lines;
};

}  // namespace zkark::server
