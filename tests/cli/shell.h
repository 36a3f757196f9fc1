#pragma once
// What real programs say about texts we make: shells, groff.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace zkark::test {

/// Runs a shell command; gives its output (stderr too) and status.
struct Ran {
  int status;
  std::string output;
};
inline Ran shell(const std::string& command) {
  std::FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  std::string output;
  for (int c; pipe != nullptr && (c = std::fgetc(pipe)) != EOF;) output += static_cast<char>(c);
  return {pipe == nullptr ? -1 : ::pclose(pipe), output};
}
inline bool installed(const std::string& program) { return shell("command -v " + program).status == 0; }

/// A directory of this process, which is removed when it ends: the same tests of another build run beside it.
inline const std::string& temporary_dir() {
  struct Dir {
    Dir() {
      if (::mkdtemp(path.data()) == nullptr) std::abort();
    }
    ~Dir() {
      std::error_code ignored;
      std::filesystem::remove_all(path, ignored);
    }
    std::string path = testing::TempDir() + "zkark-cli-XXXXXX";
  };
  static const Dir dir;
  return dir.path;
}

inline std::string write_temporary(const std::string& name, const std::string& content) {
  const std::string path = temporary_dir() + "/" + name;
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

}  // namespace zkark::test
