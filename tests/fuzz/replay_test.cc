// Runs every file of the corpus through its target, in every build and without libFuzzer: what a fuzzer once
// found stays found.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "tests/fuzz/targets.h"

namespace zkark::fuzz {
namespace {

TEST(FuzzReplay, TheCorpusPasses) {
  std::size_t files = 0;
  for (const Target& target : kTargets) {
    std::size_t own = 0;
    for (const auto& entry : std::filesystem::directory_iterator(ZKARK_SOURCE_DIR "/tests/fuzz/corpus/" +
                                                                 std::string(target.name))) {
      SCOPED_TRACE(entry.path());
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string content{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
      // A copy of exactly this size, so that a sanitizer sees a read behind it.
      const std::vector<char> exact(content.begin(), content.end());
      const Bytes bytes = std::as_bytes(std::span(exact));
      target.run(bytes);
      target.run(bytes.first(bytes.size() / 2));
      ++own;
    }
    EXPECT_GT(own, 0u) << target.name;
    files += own;
  }
  std::printf("%zu files replayed\n", files);
}

TEST(FuzzReplay, NothingAtAllPasses) {
  for (const Target& target : kTargets) target.run({});
}

}  // namespace
}  // namespace zkark::fuzz
