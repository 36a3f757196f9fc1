#pragma once
// Java's integers: a sum past the greatest number goes on at the smallest. In C++ that is undefined for
// signed types, and numbers that come from files and clients reach it.
#include <type_traits>

namespace zkark {

template <class Int>
constexpr Int wrapping_add(Int a, Int b) {
  using Unsigned = std::make_unsigned_t<Int>;
  return static_cast<Int>(static_cast<Unsigned>(a) + static_cast<Unsigned>(b));
}

}  // namespace zkark
