#pragma once
// Words and text: bytes that go into JSON, and how alike two words are, for "did you mean".
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace zkark {

/// JSON holds UTF-8 only: such text as it is, other bytes (and text that looks like this) as "bytes:<hex>".
std::string text_of_bytes(std::string_view bytes);
/// The other way; nullopt for malformed hex.
std::optional<std::string> bytes_of_text(std::string_view text);

/// Letters to insert, remove, replace, or swap with their neighbour until `a` is `b`; ASCII case does not
/// count. Takes time and memory of a.size() * b.size(): for words.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate most like `word`, the first among equals; nullopt when none is near (more than a third of
/// its letters differ) or `word` has more than 64 letters. The view is the candidate's.
std::optional<std::string_view> nearest_name(std::string_view word,
                                             std::span<const std::string_view> candidates);

}  // namespace zkark
