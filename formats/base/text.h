#pragma once
// How alike two words are: for "did you mean".
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

namespace zkark {

/// Letters to insert, remove, replace, or swap with their neighbour until `a` is `b`; ASCII case does not
/// count. Takes time and memory of a.size() * b.size(): for words.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate most like `word`, the first among equals; nullopt when none is near (more than a third of
/// its letters differ) or `word` has more than 64 letters. The view is the candidate's.
std::optional<std::string_view> nearest_name(std::string_view word,
                                             std::span<const std::string_view> candidates);

}  // namespace zkark
