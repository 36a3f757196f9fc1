#include "src/forensics/line_diff.h"

#include <algorithm>

namespace zkark::forensics {
namespace {

using Lines = std::vector<std::string_view>;

Lines lines_of(std::string_view text) {
  Lines lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

/// Between what both begin and end with: the longest common subsequence, if that is affordable.
void diff_middle(const Lines& a, std::size_t a_begin, std::size_t a_end, const Lines& b, std::size_t b_begin,
                 std::size_t b_end, std::vector<DiffLine>& out) {
  const std::size_t rows = a_end - a_begin, columns = b_end - b_begin;
  std::size_t i = 0, j = 0;
  if (rows != 0 && columns != 0 && rows <= kMaxDiffCells / columns) {
    // common[i][j]: lines that a from i and b from j have in common.
    std::vector<std::uint32_t> common((rows + 1) * (columns + 1), 0);
    const auto at = [&](std::size_t r, std::size_t c) -> std::uint32_t& {
      return common[r * (columns + 1) + c];
    };
    for (std::size_t r = rows; r-- > 0;)
      for (std::size_t c = columns; c-- > 0;)
        at(r, c) =
            a[a_begin + r] == b[b_begin + c] ? at(r + 1, c + 1) + 1 : std::max(at(r + 1, c), at(r, c + 1));
    while (i < rows && j < columns) {
      if (a[a_begin + i] == b[b_begin + j]) {
        out.push_back({' ', a[a_begin + i]});
        ++i, ++j;
      } else if (at(i + 1, j) >= at(i, j + 1)) {
        out.push_back({'-', a[a_begin + i++]});
      } else {
        out.push_back({'+', b[b_begin + j++]});
      }
    }
  }
  for (; i < rows; ++i) out.push_back({'-', a[a_begin + i]});
  for (; j < columns; ++j) out.push_back({'+', b[b_begin + j]});
}

}  // namespace

std::vector<DiffLine> diff_lines(std::string_view old_text, std::string_view new_text, std::size_t context) {
  const Lines a = lines_of(old_text), b = lines_of(new_text);
  std::size_t begin = 0;
  while (begin < a.size() && begin < b.size() && a[begin] == b[begin]) ++begin;
  std::size_t same_end = 0;
  while (same_end < a.size() - begin && same_end < b.size() - begin &&
         a[a.size() - 1 - same_end] == b[b.size() - 1 - same_end])
    ++same_end;
  if (begin == a.size() && begin == b.size()) return {};
  std::vector<DiffLine> all;
  for (std::size_t i = 0; i < begin; ++i) all.push_back({' ', a[i]});
  diff_middle(a, begin, a.size() - same_end, b, begin, b.size() - same_end, all);
  for (std::size_t i = a.size() - same_end; i < a.size(); ++i) all.push_back({' ', a[i]});

  // Far from what changed, lines are left out.
  std::vector<DiffLine> shown;
  std::size_t shown_to = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].sign == ' ') continue;
    const std::size_t from = std::max(shown_to, i < context ? 0 : i - context);
    if (from > shown_to) shown.push_back({'@', {}});
    const std::size_t to = std::min(all.size(), i + context + 1);
    for (std::size_t k = from; k < to; ++k) {
      if (k > i && all[k].sign != ' ') break;
      shown.push_back(all[k]);
      shown_to = k + 1;
    }
  }
  if (shown_to < all.size()) shown.push_back({'@', {}});
  return shown;
}

}  // namespace zkark::forensics
