#include "tests/support/apache_replay.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace zkark::test {

std::vector<std::string> recorded_directories() {
  std::vector<std::string> dirs;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(ZKARK_SOURCE_DIR "/fixtures"))
    if (entry.path().filename() == "apache-replay.txt")
      dirs.push_back(std::filesystem::relative(entry.path().parent_path(), ZKARK_SOURCE_DIR));
  std::sort(dirs.begin(), dirs.end());
  return dirs;
}

std::vector<ApacheReplay> apache_replays(const std::string& directory) {
  std::vector<ApacheReplay> replays;
  std::ifstream in(ZKARK_SOURCE_DIR "/" + directory + "/apache-replay.txt");
  std::string line;
  while (std::getline(in, line)) {
    std::istringstream words(line);
    std::string first, second, third, fourth, fifth;
    words >> first >> second >> third >> fourth >> fifth;
    if (first == "start" || first == "start-without-tail")
      replays.push_back({second, {fourth, fifth}, {}});
    else if (first.starts_with("0x") && !replays.empty())
      replays.back().after[static_cast<std::int64_t>(std::stoull(first, nullptr, 16))] = {second, third};
  }
  return replays;
}

std::string test_name_of(const std::string& directory) {
  std::string name = directory.substr(directory.find('/') + 1);
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
}

}  // namespace zkark::test
