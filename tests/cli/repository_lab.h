#pragma once
// A simulated machine with fixtures in /data and a repository in /repo: the verbs of a repository, run as
// typed.
#include <string>
#include <vector>

#include "tests/cli/app_fixture.h"

namespace zkark::test {

class RepositoryLab : public AppTest {
 protected:
  void SetUp() override;
  /// Runs `zkark WORDS…` with every verb there is.
  int zkark(std::vector<std::string> words);
  /// The same on /repo; fails the test unless it ends with 0.
  void must(std::vector<std::string> words);
  /// stdout of a run that must end with 0, with -r /repo and -o json, as the value at a JSON pointer:
  /// "/backups/0/id".
  std::string json(std::vector<std::string> words, const std::string& pointer);
  /// The value at `pointer` in console.out.
  std::string at(const std::string& pointer);

  /// Copies a fixture to `to`, with mtimes that no checkout changes.
  void load(const std::string& fixture, const std::string& to);
  /// zk-3.8.0-standalone as it was up to 0x3d, and whole (to 0x62): what a backup finds an hour later.
  void load_first_life(const std::string& to);
  void load_second_life(const std::string& to);
  /// /repo with a full backup of /data and an increment on it.
  void two_backups();
  /// One of the stored objects: its path.
  std::string some_object();
  /// stdout and stderr as golden files hold them.
  std::string shown() const;
};

}  // namespace zkark::test
