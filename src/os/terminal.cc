#include "src/os/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "src/os/descriptor.h"

namespace zkark::os {

bool is_terminal(int fd) { return ::isatty(fd) == 1; }

std::optional<unsigned> terminal_width(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return std::nullopt;
  return size.ws_col;
}

int write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = retry([&] { return ::write(fd, text.data(), text.size()); });
    if (n < 0) return errno;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return 0;
}

std::optional<std::string> read_line(int fd, const std::stop_token& stop) {
  std::string line;
  for (char c = 0;;) {
    pollfd ready{fd, POLLIN, 0};
    while (stop.stop_possible() && retry([&] { return ::poll(&ready, 1, 100); }) == 0)
      if (stop.stop_requested()) return std::nullopt;
    if (stop.stop_requested()) return std::nullopt;
    if (retry([&] { return ::read(fd, &c, 1); }) != 1) break;
    if (c == '\n') return line;
    line += c;
  }
  if (line.empty()) return std::nullopt;
  return line;
}

}  // namespace zkark::os
