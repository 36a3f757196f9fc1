#pragma once
#include <deque>
#include <string>

#include "src/cli/output.h"

namespace zkark::test {

/// Streams as strings. Fill in what a test needs, then hand it out.
class FakeConsole final : public cli::Console {
 public:
  std::string out, err;
  std::deque<std::string> input;
  bool out_tty = false, err_tty = false, in_tty = false;
  unsigned width = 0;
  std::size_t reader_leaves_after = SIZE_MAX;  // bytes of stdout
  bool disk_full = false;

  Written write_out(std::string_view text) override {
    if (disk_full) return Written::kFailed;
    if (out.size() + text.size() > reader_leaves_after) return Written::kReaderGone;
    out += text;
    return Written::kAll;
  }
  void write_err(std::string_view text) override { err += text; }
  bool read_line(std::string& line) override {
    if (input.empty()) return false;
    line = input.front();
    input.pop_front();
    return true;
  }
  bool out_is_terminal() const override { return out_tty; }
  bool err_is_terminal() const override { return err_tty; }
  bool in_is_terminal() const override { return in_tty; }
  unsigned columns() const override { return width; }
};

}  // namespace zkark::test
