// The program itself: its streams and its exit status.
#include "tests/cli/shell.h"

namespace zkark::test {
namespace {

/// `command` with $zkark for the program, run by bash; the last line is the exit status.
std::string bash(const std::string& command) {
  const std::string script =
      "zkark=" ZKARK_BINARY_DIR
      "/zkark\nunset ${!ZKARK_*} NO_COLOR CLICOLOR_FORCE XDG_CONFIG_HOME\nexport HOME=" +
      temporary_dir() + "\n" + command + "\necho $?\n";
  return shell("bash " + write_temporary("main.bash", script)).output;
}

TEST(Program, AReaderThatLeavesIsNoError) {
  EXPECT_EQ(bash("$zkark explain -o plain | head -1 | cut -f1; echo ${PIPESTATUS[0]}"), "ZKA-0100\n0\n0\n");
  EXPECT_EQ(bash("$zkark explain | true; echo ${PIPESTATUS[0]}"), "0\n0\n");
}

TEST(Program, AFullDiskIsAStorageError) {
  const std::string wanted =
      "error ZKA-0900: standard output could not be written\nhint: the result is incomplete: is the disk "
      "full?\n9\n";
  EXPECT_EQ(bash("$zkark version > /dev/full"), wanted);
  EXPECT_EQ(bash("$zkark version >&-"), wanted) << "a closed one too";
}

TEST(Program, WrongUseIsStatusTwo) {
  EXPECT_EQ(bash("$zkark nonsense"),
            "error ZKA-0200: unknown verb 'nonsense'\nhint: `zkark help` lists the verbs\n2\n");
  EXPECT_EQ(bash("$zkark $'\\xff\\e[31m'"),
            "error ZKA-0200: unknown verb '\\xff\\x1b[31m'\nhint: `zkark help` lists the verbs\n2\n");
  EXPECT_EQ(bash("ZKARK_COLOR=purple $zkark config show 2>&1 >/dev/null"),
            "error ZKA-0201: color: 'purple' is not one of auto, always, never (ZKARK_COLOR)\n"
            "hint: correct or unset ZKARK_COLOR\n2\n");
}

TEST(Program, OutputToAFileHasNoColour) {
  EXPECT_EQ(bash("$zkark config show | grep -c $'\\e'"), "0\n1\n");
  EXPECT_EQ(bash("CLICOLOR_FORCE=1 $zkark config show | grep -c $'\\e'"), "1\n0\n");
}

}  // namespace
}  // namespace zkark::test
