// Row R10: what is restored from a backup of a directory equals Apache's own replay of that directory, at
// every zxid of every fixture that the repository says can be restored. Taken in one full backup, and in one
// increment per log file. What is stored, which a restore by hand gives, is byte for byte what the source
// holds. And the same for long histories of a simulated member, which knows every state it ever had.
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstdio>
#include <set>

#include "formats/file_names.h"
#include "restore/state.h"
#include "tests/backup/take/take_lab.h"
#include "tests/support/apache_replay.h"

namespace zkark::test {
namespace {

std::string sha256_of(const restore::State& state) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_DigestInit_ex(context, EVP_sha256(), nullptr);
  restore::canonical_dump(
      state, [&](std::string_view text) { EVP_DigestUpdate(context, text.data(), text.size()); });
  unsigned char hash[32];
  EVP_DigestFinal_ex(context, hash, nullptr);
  EVP_MD_CTX_free(context);
  return to_hex(std::as_bytes(std::span(hash)));
}

/// What Apache has at `zxid`, coming from the base that was chosen here; the codec of the snapshot does not
/// matter.
const ApacheState* apache_state(const std::vector<ApacheReplay>& replays, const restore::Rebuilt& rebuilt,
                                std::int64_t zxid) {
  for (const ApacheReplay& replay : replays) {
    const DataFileName start = parse_data_file_name(replay.start);
    const bool same = rebuilt.base == nullptr
                          ? replay.start == "initial"
                          : start.kind == DataFileKind::kSnapshot && start.zxid == rebuilt.base->zxid;
    if (!same) continue;
    if (const auto found = replay.after.find(zxid); found != replay.after.end()) return &found->second;
    if (rebuilt.base != nullptr && zxid == start.zxid) return &replay.at_start;
  }
  return nullptr;
}

class RoundTrip : public testing::TestWithParam<std::string> {
 protected:
  RoundTrip() {
    load_dir(lab.fs, GetParam(), "/data");
    const auto apart = exists(lab.fs, "/data/data");
    if (apart && *apart) {
      where.dir = "/data/data";
      where.log_dir = "/data/log";
    } else {
      where.dir = "/data";
    }
  }

  void take() {
    restore::DataDir source(lab.fs, where);
    const auto taken = lab.process.take(source);
    ASSERT_TRUE(taken) << taken.error().to_string();
  }

  /// Every restorable point of the newest timeline against what Apache holds there, coming from the same
  /// base.
  void compare(const char* how) {
    auto repository = lab.process.open();
    ASSERT_TRUE(repository) << repository.error().to_string();
    auto view = TimelineView::open(**repository, "");
    ASSERT_TRUE(view) << view.error().to_string();
    const auto records = view->records();
    ASSERT_TRUE(records) << records.error().to_string();
    const std::vector<ApacheReplay> replays = apache_replays(GetParam());
    std::size_t equal = 0, all = 0;
    for (const backup::Window& window : view->windows())
      for (const std::int64_t zxid : *records) {
        if (zxid < window.first_zxid || zxid > window.last_zxid) continue;
        ++all;
        const auto rebuilt = view->rebuild(zxid);
        if (!rebuilt) {
          ADD_FAILURE() << zxid_text(zxid) << ": " << rebuilt.error().to_string();
          continue;
        }
        const ApacheState* apache = apache_state(replays, *rebuilt, zxid);
        if (apache == nullptr) {
          ADD_FAILURE() << "Apache did not come from the same base to " << zxid_text(zxid);
          continue;
        }
        const std::string sha256 = sha256_of(rebuilt->replay.state);
        EXPECT_EQ(sha256, apache->sha256) << "at " << zxid_text(zxid);
        if (sha256 == apache->sha256) ++equal;
      }
    std::printf("PROVE R10: %zu of %zu zxids of %s, %s\n", equal, all, GetParam().c_str(), how);
    EXPECT_EQ(equal, all);
    EXPECT_GT(all, 0u);
  }

  /// Every base is its snapshot, unpacked, and every segment a piece of its log.
  void compare_bytes(const char* how) {
    auto repository = lab.process.open();
    ASSERT_TRUE(repository) << repository.error().to_string();
    restore::DataDir source(lab.fs, where);
    const auto listing = source.list();
    ASSERT_TRUE(listing) << listing.error().to_string();
    std::size_t equal = 0, all = 0;
    const auto count = [&](bool same, const std::string& name) {
      ++all;
      equal += same ? 1 : 0;
      EXPECT_TRUE(same) << name;
    };
    for (const backup::HeadEntry& entry : (*repository)->entries()) {
      const auto manifest = (*repository)->load(entry.id);
      ASSERT_TRUE(manifest) << manifest.error().to_string();
      for (const backup::StoredBase& base : manifest->bases) {
        const auto stored = (*repository)->read_data(base.data, UINT64_MAX);
        ASSERT_TRUE(stored) << stored.error().to_string();
        for (const restore::SourceFile& file : listing->snapshots)
          if (base_name(file.path) == base.file_name) count(*stored == plain(source, file), base.file_name);
      }
      for (const backup::StoredSegment& segment : manifest->segments) {
        const auto stored = (*repository)->read_data(segment.data, UINT64_MAX);
        ASSERT_TRUE(stored) << stored.error().to_string();
        std::string_view records = *stored;
        if (records.starts_with("ZKLG")) records.remove_prefix(16);
        for (const restore::SourceFile& file : listing->logs)
          if (base_name(file.path) == segment.file_name)
            count(!records.empty() && lab.fs.get(file.path)->find(records) != std::string::npos,
                  segment.file_name);
      }
    }
    std::printf("PROVE R10: %zu of %zu stored files hold the source's bytes, %s, %s\n", equal, all,
                GetParam().c_str(), how);
    EXPECT_EQ(equal, all);
    EXPECT_GT(all, 0u);
  }

  static std::string plain(restore::Source& source, const restore::SourceFile& file) {
    const auto stream = restore::open_snapshot(source, file);
    if (!stream) return "cannot be opened: " + stream.error().to_string();
    std::string content;
    std::vector<std::byte> block(64 << 10);
    for (;;) {
      const auto got = (*stream)->read(block);
      if (!got || *got == 0) return content;
      content.append(as_text(Bytes(block).first(*got)));
    }
  }

  TakeLab lab;
  restore::DataDirOptions where;
};

TEST_P(RoundTrip, AFullBackupRestoresToApachesStateAtEveryZxid) {
  take();
  compare("one full backup");
  compare_bytes("one full backup");
}

TEST_P(RoundTrip, IncrementsRestoreToApachesStateAtEveryZxid) {
  const std::string logs_in = join_path(where.log_dir.empty() ? where.dir : where.log_dir, "version-2");
  const std::string snapshots_in = join_path(where.dir, "version-2");
  std::vector<std::pair<std::int64_t, std::string>> later;  // logs and snapshots, by the zxid in the name
  std::set<std::int64_t> logs;
  for (const std::string& folder : std::set<std::string>{logs_in, snapshots_in}) {
    const auto names = lab.fs.list(folder);
    ASSERT_TRUE(names) << names.error().to_string();
    for (const DirEntry& entry : *names) {
      const DataFileName name = parse_data_file_name(entry.name);
      if (name.kind != DataFileKind::kLog && name.kind != DataFileKind::kSnapshot) continue;
      later.emplace_back(name.zxid, join_path(folder, entry.name));
      if (name.kind == DataFileKind::kLog) logs.insert(name.zxid);
    }
  }
  ASSERT_TRUE(lab.fs.make_dir("/later", 0700));
  std::sort(later.begin(), later.end());
  for (const auto& [zxid, path] : later)
    ASSERT_TRUE(lab.fs.rename(path, "/later/" + std::string(base_name(path))));
  for (auto log = logs.begin(); log != logs.end(); ++log) {
    const std::int64_t next = std::next(log) == logs.end() ? INT64_MAX : *std::next(log);
    std::erase_if(later, [&](const auto& file) {
      if (file.first >= next) return false;
      return lab.fs.rename("/later/" + std::string(base_name(file.second)), file.second).has_value();
    });
    take();
  }
  compare("an increment per log");
  compare_bytes("an increment per log");
}

TEST(RoundTripOfAMember, GivesEveryStateOfALongHistory) {
  std::size_t equal = 0, all = 0;
  const std::uint64_t members = prove_in_full() ? 52 : 2;
  for (std::uint64_t seed = 1; seed <= members; ++seed) {
    TakeLab lab;
    SimMember member(lab.fs, "/data", seed, lab.ledger,
                     {.digests = seed % 3 != 0, .last_processed = seed % 2 == 0});
    for (int round = 0; round < 40; ++round) {
      member.write(50);
      if (round % 3 == 0) member.snapshot();
      if (round % 8 == 7) {
        lab.clock.advance_ms(3'600'000);
        const auto taken = lab.process.take("/data");
        ASSERT_TRUE(taken) << taken.error().to_string();
      }
    }
    const auto repository = lab.process.open();
    ASSERT_TRUE(repository) << repository.error().to_string();
    auto view = TimelineView::open(**repository, "");
    ASSERT_TRUE(view) << view.error().to_string();
    const auto records = view->records();
    ASSERT_TRUE(records) << records.error().to_string();
    ASSERT_EQ(records->size(), 2000u);
    for (const std::int64_t zxid : *records) {
      ++all;
      const auto rebuilt = view->rebuild(zxid);
      const bool same = rebuilt && rebuilt->replay.state.last_zxid == zxid &&
                        lab.ledger.existed(zxid, hash_of(rebuilt->replay.state));
      equal += same ? 1 : 0;
      EXPECT_TRUE(same) << "seed " << seed << " at " << zxid_text(zxid) << ": "
                        << (rebuilt ? "another state" : rebuilt.error().to_string());
    }
  }
  std::printf("PROVE R10: %zu of %zu zxids of %llu simulated members\n", equal, all,
              static_cast<unsigned long long>(members));
  EXPECT_EQ(equal, all);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, RoundTrip, testing::ValuesIn(recorded_directories()),
                         [](const auto& info) { return test_name_of(info.param); });

}  // namespace
}  // namespace zkark::test
