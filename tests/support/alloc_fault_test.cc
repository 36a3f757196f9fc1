#include "tests/support/alloc_fault.h"

#include <gtest/gtest.h>

#include <memory>
#include <new>
#include <string>
#include <vector>

namespace zkark::test {
namespace {

TEST(AllocFault, FailsTheNthAllocationAlone) {
  bool first_ok = false, second_failed = false, third_ok = false;
  {
    AllocFault fault(2);
    first_ok = std::unique_ptr<int>(new (std::nothrow) int(1)) != nullptr;
    second_failed = std::unique_ptr<int>(new (std::nothrow) int(2)) == nullptr;
    third_ok = std::unique_ptr<int>(new (std::nothrow) int(3)) != nullptr;
    EXPECT_TRUE(fault.hit());
  }
  EXPECT_TRUE(first_ok);
  EXPECT_TRUE(second_failed);
  EXPECT_TRUE(third_ok);
}

TEST(AllocFault, ThrowsBadAllocFromPlainNew) {
  bool caught = false;
  {
    AllocFault fault(1, true);
    try {
      std::string text(1000, 'x');
    } catch (const std::bad_alloc&) {
      caught = true;
    }
  }
  EXPECT_TRUE(caught);
  EXPECT_NO_THROW(std::string(1000, 'x'));
}

TEST(AllocFault, TheLoopHitsEveryAllocationOnceAndThenNone) {
  std::uint64_t failures = 0;
  const std::uint64_t runs = for_each_allocation(
      [&] {
        try {
          std::vector<std::string> texts;
          texts.reserve(3);
          for (int i = 0; i < 3; ++i) texts.emplace_back(100, 'x');
        } catch (const std::bad_alloc&) {
          ++failures;
        }
      },
      [](std::uint64_t, bool) {});
  EXPECT_EQ(runs, 4u);
  EXPECT_EQ(failures, 4u);
}

TEST(AllocFault, AlignedMemoryIsAlignedAndCanFail) {
  struct alignas(64) Wide {
    char bytes[64];
  };
  const auto wide = std::make_unique<Wide>();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(wide.get()) % 64, 0u);
  Wide* refused;
  {
    AllocFault fault(1);
    refused = new (std::nothrow) Wide;
  }
  EXPECT_EQ(refused, nullptr);
}

}  // namespace
}  // namespace zkark::test
