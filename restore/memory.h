#pragma once
// Memory for what is visited in no order. A replay over a large tree waits for memory most of its time, and
// half of that wait is the search for the page: with pages of 2 MiB that search hits the processor's own
// cache. Small trees take small blocks.
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace zkark::restore {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

/// `bytes` rounded up to whole huge pages, aligned to one; the kernel is asked for huge pages and may give
/// others. Throws std::bad_alloc like operator new.
void* new_huge(std::size_t bytes);
void delete_huge(void* memory) noexcept;

/// Allocates like std::allocator, what is larger than half a huge page with new_huge().
template <class T>
struct HugeAllocator {
  using value_type = T;
  HugeAllocator() = default;
  template <class U>
  HugeAllocator(const HugeAllocator<U>&) {}  // NOLINT: allocators convert
  static bool is_large(std::size_t n) { return n * sizeof(T) > kHugePage / 2; }
  T* allocate(std::size_t n) {
    return static_cast<T*>(is_large(n) ? new_huge(n * sizeof(T)) : operator new(n * sizeof(T)));
  }
  void deallocate(T* memory, std::size_t n) { is_large(n) ? delete_huge(memory) : operator delete(memory); }
  bool operator==(const HugeAllocator&) const = default;
};

/// Blocks that live as long as this does. Not thread-safe.
class BlockMemory {
 public:
  BlockMemory() = default;
  BlockMemory(BlockMemory&& other) noexcept { swap(other); }
  BlockMemory& operator=(BlockMemory&& other) noexcept {
    swap(other);
    return *this;
  }

  /// `bytes`, at most a huge page, aligned to 64; not initialised. The first are taken one by one, later ones
  /// from regions of address space whose pages are used up one after the other. Throws std::bad_alloc.
  std::byte* take(std::size_t bytes);

 private:
  static constexpr std::size_t kSmall = kHugePage;  // this much is taken one by one
  // More than the largest mmap threshold of glibc: what a tree gives back goes back to the system.
  static constexpr std::size_t kRegion = 16 * kHugePage;
  struct Delete {
    void operator()(std::byte* memory) const;
  };
  struct DeleteHuge {
    void operator()(std::byte* memory) const { delete_huge(memory); }
  };
  void swap(BlockMemory& other) noexcept {
    std::swap(small_, other.small_);
    std::swap(regions_, other.regions_);
    std::swap(taken_, other.taken_);
    std::swap(left_, other.left_);
  }

  std::vector<std::unique_ptr<std::byte, Delete>> small_;
  std::vector<std::unique_ptr<std::byte, DeleteHuge>> regions_;
  std::size_t taken_ = 0;  // of small blocks, bytes
  std::size_t left_ = 0;   // of the last region, at its end
};

}  // namespace zkark::restore
