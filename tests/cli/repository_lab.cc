#include "tests/cli/repository_lab.h"

#include <boost/json.hpp>

#include "src/cli/verb.h"
#include "tests/support/load_dir.h"

namespace zkark::test {
namespace {

constexpr std::int64_t kMtimeNs = 1'790'000'000'000'000'000;

}  // namespace

void RepositoryLab::SetUp() {
  AppTest::SetUp();
  variables["HOME"] = "/home/op";
  variables["TZ"] = "UTC";
}

int RepositoryLab::zkark(std::vector<std::string> words) { return run(std::move(words), cli::all_verbs()); }

void RepositoryLab::must(std::vector<std::string> words) {
  words.insert(words.end(), {"-r", "/repo"});
  ASSERT_EQ(zkark(words), 0) << console.out << console.err;
}

std::string RepositoryLab::json(std::vector<std::string> words, const std::string& pointer) {
  words.insert(words.end(), {"-r", "/repo", "-o", "json"});
  EXPECT_EQ(zkark(words), 0) << console.out << console.err;
  return at(pointer);
}

std::string RepositoryLab::at(const std::string& pointer) {
  boost::system::error_code problem;
  const boost::json::value document = boost::json::parse(console.out, problem);
  if (problem) return "no JSON: " + console.out + console.err;
  const boost::json::value* found = document.find_pointer(pointer, problem);
  if (found == nullptr) return "nothing at " + pointer;
  return found->is_string() ? std::string(found->as_string()) : boost::json::serialize(*found);
}

void RepositoryLab::load(const std::string& fixture, const std::string& to) {
  load_dir(fs, "fixtures/" + fixture, to);
  for (const std::string& file : fs.files(to)) fs.put_mtime(file, kMtimeNs);
}

void RepositoryLab::load_first_life(const std::string& to) {
  load("zk-3.8.0-standalone", to);
  for (const char* later : {"log.3e", "log.4e", "snapshot.3c", "snapshot.4d"})
    fs.erase(to + "/version-2/" + later);
}

void RepositoryLab::load_second_life(const std::string& to) { load("zk-3.8.0-standalone", to); }

void RepositoryLab::two_backups() {
  must({"init"});
  load_first_life("/data");
  must({"backup", "/data", "--tag", "why=first"});
  clock.advance_ms(3'600'000);
  load_second_life("/data");
  must({"backup", "/data"});
}

std::string RepositoryLab::some_object() { return fs.files("/repo/objects").front(); }

std::string RepositoryLab::shown() const { return console.out + "---- stderr\n" + console.err; }

}  // namespace zkark::test
