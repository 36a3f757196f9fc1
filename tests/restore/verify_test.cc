#include "restore/verify.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "restore/data_dir.h"
#include "tests/support/inline_executor.h"
#include "tests/support/load_dir.h"
#include "tests/support/sim_fs.h"

namespace zkark::restore {
namespace {

std::vector<std::string> directories() {
  std::vector<std::string> dirs;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(ZKARK_SOURCE_DIR "/fixtures"))
    if (entry.path().filename() == "apache-replay.txt")
      dirs.push_back(std::filesystem::relative(entry.path().parent_path(), ZKARK_SOURCE_DIR));
  std::sort(dirs.begin(), dirs.end());
  return dirs;
}

VerifyReport verify_fixture(const std::string& dir, VerifyDepth depth) {
  test::SimFs fs;
  test::load_dir(fs, dir, "/data");
  DataDirOptions where;
  where.dir = "/data";
  if (auto split = exists(fs, "/data/data"); split && *split) where.dir = "/data/data";
  if (auto split = exists(fs, "/data/log"); split && *split) where.log_dir = "/data/log";
  DataDir source(fs, where);
  test::InlineExecutor executor;
  Job job;
  auto report = verify(source, depth, executor, job);
  EXPECT_TRUE(report) << report.error().to_string();
  return std::move(report).value();
}

class CleanDirectory : public testing::TestWithParam<std::string> {};

TEST_P(CleanDirectory, RaisesNoAlarmAtAnyDepth) {
  for (VerifyDepth depth :
       {VerifyDepth::kQuick, VerifyDepth::kRead, VerifyDepth::kStart, VerifyDepth::kReplayAll}) {
    const VerifyReport report = verify_fixture(GetParam(), depth);
    for (const Finding& f : report.findings)
      EXPECT_NE(f.severity, Severity::kDamage)
          << static_cast<int>(depth) << " " << f.file << ": " << f.message;
    if (depth != VerifyDepth::kReplayAll) continue;
    std::string windows;
    for (const RestorableWindow& w : report.windows)
      windows +=
          " " + zxid_text(w.first) + ".." + zxid_text(w.last) + " from " + std::string(base_name(w.base));
    std::printf("%s: %s, %llu digests, %llu snapshots equal,%s\n", GetParam().c_str(),
                std::string(proof_grade_name(report.certificate->grade)).c_str(),
                static_cast<unsigned long long>(report.certificate->digests_compared),
                static_cast<unsigned long long>(report.snapshots_compared), windows.c_str());
    for (const Finding& f : report.findings)
      std::printf("  %s %s: %s\n", severity_name(f.severity), f.file.c_str(), f.message.c_str());
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, CleanDirectory, testing::ValuesIn(directories()), [](const auto& info) {
  std::string name = info.param.substr(9);
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
});

/// What the proof of a backup meets in a source: it has to end with a finding, whatever is wrong with a
/// snapshot.
TEST(Verify, AProofGoesOnPastEveryDamagedByteOfACompressedSnapshot) {
  for (const char* fixture : {"fixtures/zk-3.8.0-gz", "fixtures/zk-3.8.0-snappy"}) {
    test::SimFs fs;
    test::load_dir(fs, fixture, "/data");
    DataDir source(fs, {"/data", "", {}, {}, ""});
    const SourceFile snapshot = source.list()->snapshots.back();
    const std::string whole = *fs.get(snapshot.path);
    std::size_t told = 0;
    for (std::size_t at = 0; at < whole.size(); at += 7) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
      fs.put(snapshot.path, damaged);
      test::InlineExecutor executor;
      Job job;
      const auto report = verify(source, VerifyDepth::kProve, executor, job);
      ASSERT_TRUE(report) << fixture << " byte " << at << ": " << report.error().to_string();
      EXPECT_EQ(report->last_zxid, 0x2f) << fixture << " byte " << at;
      told += std::any_of(report->findings.begin(), report->findings.end(),
                          [&](const Finding& finding) { return finding.file == snapshot.path; });
    }
    EXPECT_GT(told, whole.size() / 7 / 2) << fixture;
  }
}

}  // namespace
}  // namespace zkark::restore
