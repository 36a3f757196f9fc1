#pragma once
// fixtures/*/apache-replay.txt: what Apache's own classes hold after every record, from every start they
// could choose (tests/compat/README.md).
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace zkark::test {

struct ApacheState {
  std::string digest;  // of the tree: "0x51c6d660"
  std::string sha256;  // of the canonical text
};

struct ApacheReplay {
  std::string start;  // the snapshot's name, "initial" for the built-in tree
  ApacheState at_start;
  std::map<std::int64_t, ApacheState> after;
};

/// The folders that have such a file, relative to the repository root, sorted.
std::vector<std::string> recorded_directories();

/// The replays of one of them that Apache brought to their end.
std::vector<ApacheReplay> apache_replays(const std::string& directory);

/// A folder's name as gtest takes it in the name of a test.
std::string test_name_of(const std::string& directory);

}  // namespace zkark::test
