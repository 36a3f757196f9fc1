#include "restore/verify.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <span>

#include "restore/data_dir.h"
#include "restore/state.h"
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

/// As wide as it says, but one task after the other, in order or backwards.
struct WideExecutor final : Executor {
  WideExecutor(unsigned wide, bool backwards) : wide_(wide), backwards_(backwards) {}
  Status run_all(std::span<const std::function<Status()>> tasks) override {
    Status first;
    for (std::size_t i = 0; i < tasks.size(); ++i)
      if (Status outcome = tasks[backwards_ ? tasks.size() - 1 - i : i](); !outcome && first)
        first = std::move(outcome);
    return first;
  }
  unsigned width() const override { return wide_; }
  unsigned wide_;
  bool backwards_;
};

/// Everything a proof says that somebody sees.
std::string told(const VerifyReport& report) {
  std::string text;
  for (const Finding& f : report.findings)
    text += std::string(severity_name(f.severity)) + " " + f.file + " " + f.message + " " +
            (f.first_zxid ? zxid_text(*f.first_zxid) : "-") + "\n";
  if (report.certificate) {
    text += std::string(proof_grade_name(report.certificate->grade));
    for (const ZxidRange& range : report.certificate->proven)
      text += " " + zxid_text(range.first) + ".." + zxid_text(range.last);
    text += " digests " + std::to_string(report.certificate->digests_compared) + "\n";
  }
  for (const RestorableWindow& w : report.windows)
    text += zxid_text(w.first) + ".." + zxid_text(w.last) + " from " + w.base + "\n";
  for (const FileReport& file : report.files)
    text += file.file.path + " " + (file.fuzzy_end ? zxid_text(*file.fuzzy_end) : "-") + "\n";
  text += "base " + report.base.value_or("none") + ", " + std::to_string(report.replayed_txns) + " txns, " +
          std::to_string(report.nodes) + " nodes, " + std::to_string(report.sessions) + " sessions, " +
          std::to_string(report.snapshots_compared) + " snapshots, digest " +
          std::to_string(report.digest.value_or(0)) + " at " + zxid_text(report.last_zxid.value_or(0));
  return text;
}

/// Files of one fixture, and how often each was opened.
struct CountingSource final : Source {
  explicit CountingSource(const std::string& dir) {
    test::load_dir(fs, dir, "/data");
    DataDirOptions where;
    where.dir = "/data";
    if (auto split = exists(fs, "/data/data"); split && *split) where.dir = "/data/data";
    if (auto split = exists(fs, "/data/log"); split && *split) where.log_dir = "/data/log";
    files = std::make_unique<DataDir>(fs, where);
  }
  const std::string& description() const override { return files->description(); }
  Result<SourceListing> list() override { return files->list(); }
  Result<std::unique_ptr<File>> open(const SourceFile& file) override {
    ++opened[file.path];
    return files->open(file);
  }
  VerifyReport prove(Executor& executor) {
    Job job;
    opened.clear();
    auto report = verify(*this, VerifyDepth::kProve, executor, job);
    EXPECT_TRUE(report) << report.error().to_string();
    return std::move(report).value();
  }
  test::SimFs fs;
  std::unique_ptr<DataDir> files;
  std::map<std::string, int> opened;
};

class AProof : public testing::TestWithParam<std::string> {};

TEST_P(AProof, SaysTheSameHoweverManyWorkersShareIt) {
  CountingSource source(GetParam());
  test::InlineExecutor alone;
  const std::string expected = told(source.prove(alone));
  for (const unsigned width : {2u, 3u, 8u})
    for (const bool backwards : {false, true}) {
      WideExecutor wide(width, backwards);
      EXPECT_EQ(told(source.prove(wide)), expected) << width;
    }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, AProof, testing::ValuesIn(directories()), [](const auto& info) {
  std::string name = info.param.substr(9);
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
});

TEST(Verify, AProofReplaysEveryLogOnceAndComparesWhatItPasses) {
  for (const char* fixture : {"fixtures/zk-3.8.0-standalone", "fixtures/zk-3.8.0-posix-charset"}) {
    CountingSource source(fixture);
    const SourceListing listing = *source.list();
    ASSERT_GT(listing.snapshots.size(), 2u);
    test::InlineExecutor alone;
    EXPECT_EQ(source.prove(alone).snapshots_compared, listing.snapshots.size() - 1) << fixture;
    // A second time where the charset was tried.
    const int passes = source.opened[listing.logs.front().path];
    for (const SourceFile& log : listing.logs) EXPECT_EQ(source.opened[log.path], passes) << log.path;
    EXPECT_EQ(passes, std::string_view(fixture).ends_with("charset") ? 2 : 1);
    WideExecutor wide(8, false);
    EXPECT_EQ(source.prove(wide).snapshots_compared, listing.snapshots.size() - 1) << fixture;
  }
}

/// Sealed, with the right digest for what it holds: only comparing it with the replayed tree can tell.
TEST(Verify, AProofFindsASnapshotOnTheWayThatHasAnotherAclList) {
  for (std::size_t n : {1u, 2u}) {
    CountingSource source("fixtures/zk-3.8.0-standalone");
    const SourceFile snapshot = source.list()->snapshots[n];
    Job job;
    {
      auto stream = open_snapshot(source, snapshot);
      ASSERT_TRUE(stream);
      SnapshotReader reader(**stream, snapshot.path);
      auto loaded = load_snapshot(reader, {snapshot.zxid}, job);
      ASSERT_TRUE(loaded);
      Tree& tree = loaded->state.tree;
      const NodeId id = [&] {
        for (NodeId child : tree.sorted_children(kRoot))
          if (tree.get(child).name != "zookeeper") return child;
        return kNoNode;
      }();
      ASSERT_NE(id, kNoNode);
      const Acl nobody{Perms::kRead, "digest", "nobody:x"};
      const std::string list = encode_acls(std::span(&nobody, 1));
      const std::uint64_t before = tree.digest();
      tree.set_acl(id, tree.path(id), tree.acls().add(AclList(as_bytes(list))), tree.stat(id));
      ASSERT_EQ(tree.digest(), before);
      source.fs.erase(snapshot.path);
      auto file = source.fs.create(snapshot.path, {0644});
      ASSERT_TRUE(file);
      FileSink sink(**file);
      ASSERT_TRUE(write_snapshot(loaded->state, sink, {snapshot.zxid}, job));
    }
    for (const unsigned width : {1u, 2u, 8u}) {
      WideExecutor wide(width, false);
      const VerifyReport report = source.prove(wide);
      EXPECT_EQ(report.snapshots_compared, 1u) << width;
      const bool found = std::any_of(report.findings.begin(), report.findings.end(), [&](const Finding& f) {
        return f.file == snapshot.path && f.severity == Severity::kDamage &&
               f.message.find("differs from the replayed tree") != std::string::npos;
      });
      EXPECT_TRUE(found) << n << " " << width << "\n" << told(report);
    }
  }
}

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
