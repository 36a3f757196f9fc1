#pragma once
// Memory for names and values: size classes of 16 bytes up to 1 KiB carved from 256 KiB chunks, freed blocks
// kept in lists; larger ones from the heap. A tree of a million small values costs no allocator header per
// value.
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
  /// True when values of both sizes (neither 0) take a block of one size: the old block can take the new
  /// value.
  static bool same_block(std::size_t a, std::size_t b) {
    return a != 0 && b != 0 && a <= kLargest && b <= kLargest && (a - 1) / kGrain == (b - 1) / kGrain;
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
