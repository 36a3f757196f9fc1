#pragma once
#include <optional>

namespace zkark::os {

bool is_terminal(int fd);
/// Columns of the terminal at `fd`; nothing when it is none or does not know.
std::optional<unsigned> terminal_width(int fd);

}  // namespace zkark::os
