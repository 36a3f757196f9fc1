#include "tests/cli/verb_lab.h"

#include <algorithm>
#include <cctype>
#include <filesystem>

namespace zkark::test {

std::vector<std::string> fixtures_with(const std::string& file_name) {
  const std::filesystem::path root = ZKARK_SOURCE_DIR "/fixtures";
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root))
    if (entry.path().filename() == file_name)
      found.push_back(std::filesystem::relative(entry.path().parent_path(), root));
  std::sort(found.begin(), found.end());
  return found;
}

std::string test_name(std::string text) {
  for (char& c : text)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return text;
}

}  // namespace zkark::test
