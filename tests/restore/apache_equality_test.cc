// The same state as Apache's own classes at every zxid, from every start they could choose.
#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <set>

#include "restore/data_dir.h"
#include "restore/replay.h"
#include "tests/support/apache_replay.h"
#include "tests/support/load_dir.h"
#include "tests/support/sim_fs.h"

namespace zkark::restore {
namespace {

std::string sha256_of(const State& state) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_DigestInit_ex(context, EVP_sha256(), nullptr);
  canonical_dump(state, [&](std::string_view text) { EVP_DigestUpdate(context, text.data(), text.size()); });
  unsigned char hash[32];
  EVP_DigestFinal_ex(context, hash, nullptr);
  EVP_MD_CTX_free(context);
  return to_hex(std::as_bytes(std::span(hash)));
}

class EveryRecordedDirectory : public testing::TestWithParam<std::string> {};

TEST_P(EveryRecordedDirectory, ReplaysToApachesStateAtEveryZxid) {
  test::SimFs fs;
  test::load_dir(fs, GetParam(), "/data");
  std::string log_dir;
  if (auto split = exists(fs, "/data/log"); split && *split) log_dir = "/data/log";
  std::string data_dir = "/data";
  if (auto split = exists(fs, "/data/data"); split && *split) data_dir = "/data/data";
  DataDirOptions where;
  where.dir = data_dir;
  where.log_dir = log_dir;
  DataDir source(fs, where);
  auto listing = source.list();
  ASSERT_TRUE(listing) << listing.error().to_string();
  const auto sections = test::apache_replays(GetParam());
  ASSERT_FALSE(sections.empty());
  Job job;
  std::size_t compared = 0;
  for (const test::ApacheReplay& section : sections) {
    const SourceFile* base = nullptr;
    for (const SourceFile& snapshot : listing->snapshots)
      if (base_name(snapshot.path) == section.start) base = &snapshot;
    ASSERT_TRUE(section.start == "initial" || base != nullptr) << section.start;
    Findings findings;
    ReplayOptions options;
    std::set<std::int64_t> seen;
    // Apache replays once; what zkark tries afterwards, to explain a difference from the log, is its own.
    bool trial = false;
    options.on_restart = [&] { trial = true; };
    options.on_record = [&](const State& state, const WalkEntry& walk) -> Status {
      if (trial) return {};
      const std::int64_t zxid = walk.entry.zxid();
      auto expected = section.after.find(zxid);
      if (expected == section.after.end()) {
        ADD_FAILURE() << section.start << ": Apache has no record " << zxid_text(zxid);
        return {};
      }
      seen.insert(zxid);
      ++compared;
      EXPECT_EQ(zxid_text(static_cast<std::int64_t>(state.tree.digest())), expected->second.digest)
          << section.start << " at " << zxid_text(zxid);
      EXPECT_EQ(sha256_of(state), expected->second.sha256) << section.start << " at " << zxid_text(zxid);
      if (testing::Test::HasFailure()) {
        canonical_dump(state,
                       [](std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); });
        return fail(ErrorId::kDifferent, "first difference");
      }
      return {};
    };
    auto result = replay(source, *listing, base, options, findings, job);
    ASSERT_TRUE(result) << section.start << ": " << result.error().to_string();
    if (result->stopped_by) {
      // zkark stops where Apache goes on over missing records: at most a hole, and said so.
      const Finding& reason = findings[*result->stopped_by];
      EXPECT_EQ(reason.severity, Severity::kGap) << section.start << ": " << reason.message;
      std::printf("%s from %s: stops at %s\n", GetParam().c_str(), section.start.c_str(),
                  reason.message.c_str());
    } else {
      EXPECT_EQ(seen.size(), section.after.size()) << section.start;
    }
  }
  std::printf("%s: %zu of %zu states equal\n", GetParam().c_str(), compared, compared);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, EveryRecordedDirectory, testing::ValuesIn(test::recorded_directories()),
                         [](const auto& info) { return test::test_name_of(info.param); });

}  // namespace
}  // namespace zkark::restore
