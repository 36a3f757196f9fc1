#include "restore/memory.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

namespace zkark::restore {
namespace {

TEST(Memory, BlocksOfATreeNeverOverlapAndStayWhereTheyAre) {
  BlockMemory memory;
  std::vector<std::pair<std::byte*, std::size_t>> blocks;
  for (std::size_t i = 0; i < 300; ++i) {  // past the small ones and one region
    const std::size_t bytes = (i % 3 == 0) ? 1 : (i % 3 == 1) ? 256 << 10 : (512 << 10) - 5;
    std::byte* const block = memory.take(bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block) % 64, 0u);
    std::memset(block, static_cast<int>(i), bytes);
    blocks.emplace_back(block, bytes);
  }
  const BlockMemory moved = std::move(memory);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto [block, bytes] = blocks[i];
    EXPECT_EQ(block[0], static_cast<std::byte>(i)) << i;
    EXPECT_EQ(block[bytes - 1], static_cast<std::byte>(i)) << i;
  }
}

TEST(Memory, AWholeHugePageIsTheLargestBlock) {
  BlockMemory memory;
  std::memset(memory.take(kHugePage), 1, kHugePage);
  std::memset(memory.take(kHugePage), 2, kHugePage);
  EXPECT_DEATH(memory.take(kHugePage + 1), "");
}

TEST(Memory, LargeTablesStandOnHugePagesSmallOnesDoNot) {
  std::vector<std::uint64_t, HugeAllocator<std::uint64_t>> table(16);
  EXPECT_FALSE(HugeAllocator<std::uint64_t>::is_large(table.capacity()));
  table.assign(kHugePage, 7);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(table.data()) % kHugePage, 0u);
  const auto moved = std::move(table);
  EXPECT_EQ(moved.back(), 7u);
}

}  // namespace
}  // namespace zkark::restore
