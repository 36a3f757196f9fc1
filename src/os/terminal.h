#pragma once
// The standard streams, which are no Files: they cannot be synced, and the other end may go away.
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace zkark::os {

bool is_terminal(int fd);
/// Columns of the terminal at `fd`; nothing when it is none or does not know.
std::optional<unsigned> terminal_width(int fd);

/// Writes all of it; 0, or the errno of the first refusal (EPIPE: the reader is gone).
int write_all(int fd, std::string_view text);
/// The next line without its newline, unbuffered, so that nothing behind it is taken from who reads next.
/// Nothing at the end of the input, when it cannot be read, or when `stop` was asked to stop (looked at ten
/// times a second: the signal that asked does not interrupt a read).
std::optional<std::string> read_line(int fd, const std::stop_token& stop = {});

}  // namespace zkark::os
