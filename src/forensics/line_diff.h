#pragma once
// Two texts as the lines that went and came: for values shown as a patch.
#include <cstdint>
#include <string_view>
#include <vector>

namespace zkark::forensics {

struct DiffLine {
  char sign = ' ';  // '-' only in the old text, '+' only in the new one, ' ' in both, '@' lines left out
  std::string_view text;  // a view of the old or the new text, without its line end; empty for '@'
  bool operator==(const DiffLine&) const = default;
};

/// The fewest lines that make one of the other, with `context` lines around them; nothing where the texts are
/// equal line by line. Where more than kMaxDiffCells comparisons would be needed, what differs is shown as
/// gone and come as a whole. A text that ends without a line end has that last line all the same.
std::vector<DiffLine> diff_lines(std::string_view old_text, std::string_view new_text, std::size_t context);
inline constexpr std::size_t kMaxDiffCells = 4'000'000;

}  // namespace zkark::forensics
