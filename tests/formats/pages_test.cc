// The hex dumps of formats/*.md are compared with the files they are from, byte by byte.
#include <gtest/gtest.h>

#include <charconv>
#include <sstream>

#include "tests/formats/memory_file.h"

namespace zkark {
namespace {

using test::slurp;

/// The bytes that a line's tokens stand for: hex digits, "text", HH*N; stops at the first token that is none
/// of these.
std::string bytes_of(std::string_view line) {
  std::string bytes;
  while (true) {
    const std::size_t begin = line.find_first_not_of(' ');
    if (begin == std::string_view::npos) return bytes;
    line.remove_prefix(begin);
    if (line.front() == '"') {
      const std::size_t end = line.find('"', 1);
      bytes.append(line.substr(1, end - 1));
      line.remove_prefix(end + 1);
      continue;
    }
    const std::string_view token = line.substr(0, line.find(' '));
    const std::size_t star = token.find('*');
    const std::string_view digits = token.substr(0, star);
    if (digits.size() % 2 != 0 || digits.find_first_not_of("0123456789abcdef") != std::string_view::npos)
      return bytes;
    std::size_t times = 1;
    if (star != std::string_view::npos)
      std::from_chars(token.data() + star + 1, token.data() + token.size(), times);
    for (; times != 0; --times) bytes += test::from_hex(digits);
    line.remove_prefix(token.size());
  }
}

struct Dump {
  std::string page, file;
  std::vector<std::string> lines;
};
std::vector<Dump> dumps() {
  std::vector<Dump> all;
  for (const char* page : {"README.md", "txn_log.md", "snapshot.md"}) {
    std::istringstream in(slurp(std::string(ZKARK_SOURCE_DIR "/formats/") + page));
    bool inside = false;
    for (std::string line; std::getline(in, line);) {
      if (line.starts_with("```hex ")) {
        all.push_back({page, line.substr(7), {}});
        inside = true;
      } else if (line.starts_with("```")) {
        inside = false;
      } else if (inside) {
        all.back().lines.push_back(line);
      }
    }
  }
  return all;
}

TEST(Pages, HexDumpsAreTheBytesOfTheirFiles) {
  std::size_t lines = 0;
  for (const Dump& dump : dumps()) {
    const std::string content = slurp(ZKARK_SOURCE_DIR "/fixtures/" + dump.file);
    std::size_t expected = 0;
    for (const std::string& line : dump.lines) {
      std::size_t offset = 0;
      ASSERT_TRUE(line.starts_with("0x")) << dump.page << ": " << line;
      std::from_chars(line.data() + 2, line.data() + line.size(), offset, 16);
      EXPECT_EQ(offset, expected) << dump.page << ": " << line;
      // Two blanks or more end the bytes: a word like "added" is hex, too.
      const std::string_view rest = std::string_view(line).substr(8);
      const std::string bytes = bytes_of(rest.substr(0, rest.find("   ")));
      EXPECT_FALSE(bytes.empty()) << line;
      EXPECT_EQ(test::hex(content.substr(offset, bytes.size())), test::hex(bytes))
          << dump.page << ": " << line;
      expected = offset + bytes.size();
      ++lines;
    }
  }
  EXPECT_GE(dumps().size(), 3u);
  EXPECT_GT(lines, 40u);
}

TEST(Pages, LinksLeadSomewhere) {
  for (const char* page : {"README.md", "txn_log.md", "snapshot.md"}) {
    const std::string text = slurp(std::string(ZKARK_SOURCE_DIR "/formats/") + page);
    for (std::size_t at = text.find("]("); at != std::string::npos; at = text.find("](", at + 1)) {
      const std::string target = text.substr(at + 2, text.find(')', at) - at - 2);
      EXPECT_TRUE(std::filesystem::exists(std::string(ZKARK_SOURCE_DIR "/formats/") + target))
          << page << ": " << target;
    }
  }
}

}  // namespace
}  // namespace zkark
