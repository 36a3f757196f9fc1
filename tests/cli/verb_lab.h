#pragma once
// The real verbs on a simulated machine that holds fixtures.
#include <boost/json.hpp>

#include "src/cli/verb.h"
#include "tests/cli/app_fixture.h"
#include "tests/support/golden.h"
#include "tests/support/load_dir.h"

namespace zkark::test {

class VerbTest : public AppTest {
 protected:
  int zkark(std::vector<std::string> words) { return run(std::move(words), cli::all_verbs()); }
  /// Puts a folder of fixtures/ at /data.
  void load(const std::string& fixture) { load_dir(fs, "fixtures/" + fixture, "/data"); }

  std::vector<std::string> lines() const {
    std::vector<std::string> all;
    std::istringstream in(console.out);
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  }
  /// stdout as NDJSON; a line that is none fails the test.
  std::vector<boost::json::object> objects() const {
    std::vector<boost::json::object> all;
    for (const std::string& line : lines()) {
      boost::json::error_code error;
      boost::json::value value = boost::json::parse(line, error);
      EXPECT_FALSE(error) << line;
      if (value.is_object()) all.push_back(value.as_object());
    }
    return all;
  }
};

/// Folders under fixtures/ that hold a file of that name, relative to fixtures/.
std::vector<std::string> fixtures_with(const std::string& file_name);
/// For names of parameterised tests.
std::string test_name(std::string text);

}  // namespace zkark::test
