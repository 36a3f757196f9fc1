#pragma once
// What real programs say about texts we make: shells, groff.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <string>

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

inline std::string write_temporary(const std::string& name, const std::string& content) {
  const std::string path = testing::TempDir() + name;
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

}  // namespace zkark::test
