#include "restore/memory.h"

#include <sys/mman.h>

#include <new>
#include <utility>

#include "formats/base/check.h"

namespace zkark::restore {
namespace {

constexpr std::align_val_t kHugeAlign{kHugePage}, kBlockAlign{64};

}  // namespace

void* new_huge(std::size_t bytes) {
  bytes = (bytes + kHugePage - 1) / kHugePage * kHugePage;
  void* const memory = operator new(bytes, kHugeAlign);
  (void)::madvise(memory, bytes, MADV_HUGEPAGE);  // a wish: without them it is slower, and nothing else
  return memory;
}

void delete_huge(void* memory) noexcept { operator delete(memory, kHugeAlign); }

void BlockMemory::Delete::operator()(std::byte* memory) const { operator delete(memory, kBlockAlign); }

std::byte* BlockMemory::take(std::size_t bytes) {
  bytes = (bytes + 63) / 64 * 64;
  ZK_CHECK(bytes <= kHugePage);
  if (taken_ + bytes <= kSmall) {
    std::unique_ptr<std::byte, Delete> block(static_cast<std::byte*>(operator new(bytes, kBlockAlign)));
    small_.push_back(std::move(block));
    taken_ += bytes;
    return small_.back().get();
  }
  if (left_ < bytes) {
    std::unique_ptr<std::byte, DeleteHuge> block(static_cast<std::byte*>(new_huge(kRegion)));
    regions_.push_back(std::move(block));
    left_ = kRegion;
  }
  std::byte* const memory = regions_.back().get() + (kRegion - left_);
  left_ -= bytes;
  return memory;
}

}  // namespace zkark::restore
