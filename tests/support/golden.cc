#include "tests/support/golden.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

namespace zkark::test {
namespace {

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size() - 1);
    lines.push_back(text.substr(0, end + 1));  // with its newline: a missing one at the end is a difference
    text.remove_prefix(end + 1);
  }
  return lines;
}

void show(std::string& out, char sign, std::string_view line) {
  out += sign;
  out += line;
  if (!line.ends_with('\n')) out += "\n\\ no newline at the end\n";
}

}  // namespace

std::string diff_lines(std::string_view wanted_text, std::string_view actual_text) {
  if (wanted_text == actual_text) return {};
  std::vector<std::string_view> wanted = lines_of(wanted_text), actual = lines_of(actual_text);
  // Equal lines at both ends are set aside: what is left is small, and the table below quadratic.
  std::size_t head = 0, tail = 0;
  while (head < wanted.size() && head < actual.size() && wanted[head] == actual[head]) ++head;
  while (tail + head < wanted.size() && tail + head < actual.size() &&
         wanted[wanted.size() - 1 - tail] == actual[actual.size() - 1 - tail])
    ++tail;
  const std::size_t n = wanted.size() - tail - head, m = actual.size() - tail - head;
  std::string out;
  constexpr std::size_t kContext = 2;
  for (std::size_t i = head - std::min(head, kContext); i < head; ++i) show(out, ' ', wanted[i]);
  constexpr std::size_t kLargestTable = 1 << 22;
  if (n * m > kLargestTable) {
    for (std::size_t i = 0; i < n; ++i) show(out, '-', wanted[head + i]);
    for (std::size_t j = 0; j < m; ++j) show(out, '+', actual[head + j]);
    return out;
  }
  // common[i][j]: length of the longest common subsequence of wanted[i..] and actual[j..].
  std::vector<std::vector<std::uint32_t>> common(n + 1, std::vector<std::uint32_t>(m + 1));
  for (std::size_t i = n; i-- > 0;)
    for (std::size_t j = m; j-- > 0;)
      common[i][j] = wanted[head + i] == actual[head + j] ? common[i + 1][j + 1] + 1
                                                          : std::max(common[i + 1][j], common[i][j + 1]);
  std::size_t i = 0, j = 0;
  while (i < n || j < m) {
    if (i < n && j < m && wanted[head + i] == actual[head + j]) {
      show(out, ' ', wanted[head + i]);
      ++i, ++j;
    } else if (j == m || (i < n && common[i + 1][j] >= common[i][j + 1])) {
      show(out, '-', wanted[head + i++]);
    } else {
      show(out, '+', actual[head + j++]);
    }
  }
  for (std::size_t k = 0; k < std::min(tail, kContext); ++k) show(out, ' ', wanted[wanted.size() - tail + k]);
  return out;
}

std::string golden(const std::string& name, std::string_view actual) {
  const std::filesystem::path path = std::filesystem::path(ZKARK_SOURCE_DIR) / name;
  const char* wish = std::getenv("ZKARK_GOLDEN");
  if (wish != nullptr && std::string_view(wish) == "write") {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out << actual;
    return out.flush() ? "" : "cannot write " + path.string();
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) return fmt::format("no golden file {}; run again with ZKARK_GOLDEN=write and review it", name);
  std::ostringstream wanted;
  wanted << in.rdbuf();
  const std::string difference = diff_lines(wanted.view(), actual);
  if (difference.empty()) return {};
  return fmt::format("differs from {} (- wanted, + got; ZKARK_GOLDEN=write takes the new text):\n{}", name,
                     difference);
}

}  // namespace zkark::test
