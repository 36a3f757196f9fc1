// Lines that went and came.
#include "src/forensics/line_diff.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace zkark::forensics {
namespace {

std::string text_of(const std::vector<DiffLine>& lines) {
  std::string text;
  for (const DiffLine& line : lines) {
    text += line.sign;
    text += line.text;
    text += '\n';
  }
  return text;
}

TEST(LineDiff, ShowsTheFewestLinesWithSomeAround) {
  EXPECT_EQ(text_of(diff_lines("a\nb\nc\n", "a\nB\nc\n", 1)), " a\n-b\n+B\n c\n");
  EXPECT_EQ(text_of(diff_lines("a\nb\nc\nd\ne\n", "a\nb\nc\nd\nE\n", 1)), "@\n d\n-e\n+E\n");
  EXPECT_EQ(text_of(diff_lines("1\n2\n3\n4\n5\n6\n7\n", "x\n2\n3\n4\n5\n6\ny\n", 1)),
            "-1\n+x\n 2\n@\n 6\n-7\n+y\n");
  EXPECT_EQ(text_of(diff_lines("", "v1", 2)), "+v1\n");
  EXPECT_EQ(text_of(diff_lines("v1", "", 2)), "-v1\n");
  EXPECT_EQ(text_of(diff_lines("same\n", "same", 2)), "");
}

/// What is in both or only in the old text is the old text, and likewise the new one; and no more lines come
/// and go than a naive count of what cannot be common.
TEST(LineDiff, BothTextsCanBeReadOutOfIt) {
  std::mt19937 random(7);
  for (int n = 0; n < 500; ++n) {
    const auto make = [&] {
      std::string text;
      for (unsigned i = random() % 9; i-- > 0;)
        text += std::string(1, static_cast<char>('a' + random() % 3)) + "\n";
      return text;
    };
    const std::string a = make(), b = make();
    std::string old_text, new_text;
    std::size_t changed = 0;
    for (const DiffLine& line : diff_lines(a, b, 100)) {
      ASSERT_NE(line.sign, '@');
      if (line.sign != '+') old_text += std::string(line.text) + "\n";
      if (line.sign != '-') new_text += std::string(line.text) + "\n";
      changed += line.sign == ' ' ? 0 : 1;
    }
    if (a == b) {
      EXPECT_EQ(changed, 0u);
      continue;
    }
    EXPECT_EQ(old_text, a);
    EXPECT_EQ(new_text, b);
  }
}

TEST(LineDiff, GivesUpOnLinesTooMany) {
  std::string a, b;
  for (int i = 0; i < 3000; ++i) a += "a" + std::to_string(i) + "\n", b += "b" + std::to_string(i) + "\n";
  EXPECT_EQ(diff_lines(a, b, 2).size(), 6000u);
}

}  // namespace
}  // namespace zkark::forensics
