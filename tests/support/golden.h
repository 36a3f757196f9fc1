#pragma once
#include <string>
#include <string_view>

namespace zkark::test {

/// Compares a text with the golden file `name`, a path from the repository root such as
/// "tests/cli/golden/help.txt". Empty when they are equal, else the lines that differ, for
///   EXPECT_EQ(golden("tests/cli/golden/help.txt", text), "");
/// With ZKARK_GOLDEN=write in the environment it writes the text there instead and is content.
std::string golden(const std::string& name, std::string_view actual);

/// Lines of two texts as a diff with "-" (wanted), "+" (got) and two lines of context; empty when equal.
std::string diff_lines(std::string_view wanted, std::string_view actual);

}  // namespace zkark::test
