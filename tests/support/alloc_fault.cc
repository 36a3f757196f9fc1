#include "tests/support/alloc_fault.h"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

#include "formats/base/check.h"

namespace zkark::test {
namespace {

std::atomic<bool> armed{false};
std::atomic<bool> forever_wanted{false};
std::atomic<std::uint64_t> wanted{0};
std::atomic<std::uint64_t> counted{0};
std::atomic<bool> was_hit{false};

bool refused() {
  if (!armed.load(std::memory_order_acquire)) return false;
  const std::uint64_t n = ++counted;
  if (n != wanted && !(forever_wanted && n > wanted)) return false;
  was_hit = true;
  return true;
}

void* take(std::size_t size, std::size_t alignment) {
  if (refused()) return nullptr;
  if (size == 0) size = 1;
  if (alignment <= alignof(std::max_align_t)) return std::malloc(size);
  return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

void* take_or_throw(std::size_t size, std::size_t alignment) {
  void* memory = take(size, alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

constexpr std::size_t kPlain = alignof(std::max_align_t);

}  // namespace

AllocFault::AllocFault(std::uint64_t n, bool forever) {
  ZK_CHECK(!armed);
  forever_wanted = forever;
  wanted = n;
  counted = 0;
  was_hit = false;
  armed.store(true, std::memory_order_release);
}
AllocFault::~AllocFault() { armed = false; }
bool AllocFault::hit() const { return was_hit; }
std::uint64_t AllocFault::seen() const { return counted; }

}  // namespace zkark::test

using zkark::test::kPlain;
using zkark::test::take;
using zkark::test::take_or_throw;

void* operator new(std::size_t n) { return take_or_throw(n, kPlain); }
void* operator new[](std::size_t n) { return take_or_throw(n, kPlain); }
void* operator new(std::size_t n, std::align_val_t a) {
  return take_or_throw(n, static_cast<std::size_t>(a));
}
void* operator new[](std::size_t n, std::align_val_t a) {
  return take_or_throw(n, static_cast<std::size_t>(a));
}
void* operator new(std::size_t n, const std::nothrow_t&) noexcept { return take(n, kPlain); }
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept { return take(n, kPlain); }
void* operator new(std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept {
  return take(n, static_cast<std::size_t>(a));
}
void* operator new[](std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept {
  return take(n, static_cast<std::size_t>(a));
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { std::free(p); }
