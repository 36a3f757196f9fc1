#include "restore/blob_pool.h"

#include <new>

namespace zkark::restore {

std::byte* BlobPool::allocate(std::size_t size) {
  if (size > kLargest) {
    auto block = std::make_unique_for_overwrite<std::byte[]>(size);
    std::byte* raw = block.get();
    large_.emplace(raw, std::move(block));
    return raw;
  }
  const std::size_t cls = size == 0 ? 1 : (size + kGrain - 1) / kGrain;
  if (Free* block = free_[cls]) {
    free_[cls] = block->next;
    return reinterpret_cast<std::byte*>(block);
  }
  const std::size_t bytes = cls * kGrain;
  if (left_ < bytes) {
    // The rest of the old chunk serves smaller classes.
    if (left_ >= kGrain) {
      auto* rest = new (next_) Free{free_[left_ / kGrain]};
      free_[left_ / kGrain] = rest;
      left_ = 0;
    }
    chunks_.push_back(std::make_unique_for_overwrite<std::byte[]>(kChunk));
    next_ = chunks_.back().get();
    left_ = kChunk;
  }
  std::byte* block = next_;
  next_ += bytes;
  left_ -= bytes;
  return block;
}

void BlobPool::drop(std::byte* block, std::size_t size) {
  if (size > kLargest) {
    large_.erase(block);
    return;
  }
  const std::size_t cls = size == 0 ? 1 : (size + kGrain - 1) / kGrain;
  free_[cls] = new (block) Free{free_[cls]};
}

}  // namespace zkark::restore
