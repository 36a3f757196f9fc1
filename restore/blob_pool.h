#pragma once
// Memory for names and values: size classes of 16 bytes up to 1 KiB carved from 256 KiB chunks, freed blocks kept
// in lists; larger ones from the heap. A tree of a million small values costs no allocator header per value.
#include <array>
#include <cstddef>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "formats/base/bytes.h"

namespace zkark::restore {

/// Not thread-safe. Throws std::bad_alloc like operator new.
class BlobPool {
 public:
  BlobPool() = default;
  BlobPool(const BlobPool&) = delete;
  BlobPool& operator=(const BlobPool&) = delete;
  BlobPool(BlobPool&& other) noexcept { swap(other); }
  BlobPool& operator=(BlobPool&& other) noexcept {
    swap(other);
    return *this;
  }

  /// A copy of `bytes`; never null, even for an empty view.
  std::byte* put(Bytes bytes) {
    std::byte* block = allocate(bytes.size());
    if (!bytes.empty()) std::memcpy(block, bytes.data(), bytes.size());
    return block;
  }
  /// Gives back what put() returned for `size` bytes.
  void drop(std::byte* block, std::size_t size);

 private:
  static constexpr std::size_t kGrain = 16, kLargest = 1024, kChunk = 256 << 10;
  struct Free {
    Free* next;
  };
  std::byte* allocate(std::size_t size);
  void swap(BlobPool& other) noexcept {
    std::swap(chunks_, other.chunks_);
    std::swap(free_, other.free_);
    std::swap(large_, other.large_);
    std::swap(next_, other.next_);
    std::swap(left_, other.left_);
  }

  std::vector<std::unique_ptr<std::byte[]>> chunks_;
  std::array<Free*, kLargest / kGrain + 1> free_{};
  std::unordered_map<std::byte*, std::unique_ptr<std::byte[]>> large_;
  std::byte* next_ = nullptr;
  std::size_t left_ = 0;
};

}  // namespace zkark::restore
