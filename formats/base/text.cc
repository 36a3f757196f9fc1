#include "formats/base/text.h"

#include <algorithm>
#include <vector>

#include "formats/base/bytes.h"

namespace zkark {
namespace {

constexpr std::string_view kBytesPrefix = "bytes:";

bool valid_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t at) -> unsigned {
      return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u;
    };
    const unsigned lead = byte(i);
    const std::size_t size = lead < 0x80                   ? 1
                             : lead >= 0xc2 && lead < 0xe0 ? 2
                             : (lead & 0xf0) == 0xe0       ? 3
                             : lead >= 0xf0 && lead < 0xf5 ? 4
                                                           : 0;
    if (size == 0) return false;
    for (std::size_t k = 1; k < size; ++k)
      if ((byte(i + k) & 0xc0) != 0x80) return false;
    const unsigned second = byte(i + 1);
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second >= 0xa0))
      return false;  // long form, surrogate
    if ((lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second >= 0x90)) return false;
    i += size;
  }
  return true;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

/// The distance, or any number above `limit` as soon as it is certain to be above. A cell further than
/// `limit` from the diagonal cannot lead to a distance within it.
std::size_t distance_within(std::string_view a, std::string_view b, std::size_t limit) {
  // Three rows of the usual table: a swap looks two rows back.
  const std::size_t width = b.size() + 1;
  std::vector<std::size_t> cells(3 * width, limit + 1);
  std::size_t *two_back = cells.data(), *back = two_back + width, *row = back + width;
  for (std::size_t j = 0; j <= std::min(b.size(), limit); ++j) back[j] = j;
  std::size_t least_back = 0;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    const std::size_t from = i > limit ? i - limit : 1, to = std::min(b.size(), i + limit);
    std::fill(row, row + width, limit + 1);
    row[0] = i;
    std::size_t least = row[0];
    for (std::size_t j = from; j <= to; ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({back[j] + 1, row[j - 1] + 1, back[j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) && lower(a[i - 2]) == lower(b[j - 1]))
        row[j] = std::min(row[j], two_back[j - 2] + 1);
      least = std::min(least, row[j]);
    }
    // Every way to the end passes one of two neighbouring rows: a swap steps over one.
    if (least > limit && least_back > limit) return limit + 1;
    least_back = least;
    std::swap(two_back, back);
    std::swap(back, row);
  }
  return back[b.size()];
}

}  // namespace

std::string text_of_bytes(std::string_view bytes) {
  if (!bytes.starts_with(kBytesPrefix) && valid_utf8(bytes)) return std::string(bytes);
  return std::string(kBytesPrefix) + to_hex(as_bytes(bytes));
}

std::optional<std::string> bytes_of_text(std::string_view text) {
  if (!text.starts_with(kBytesPrefix)) return std::string(text);
  text.remove_prefix(kBytesPrefix.size());
  if (text.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  return distance_within(a, b, std::max(a.size(), b.size()));
}

std::optional<std::string_view> nearest_name(std::string_view word,
                                             std::span<const std::string_view> candidates) {
  if (word.empty() || word.size() > 64) return std::nullopt;
  std::optional<std::string_view> best;
  std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (std::string_view candidate : candidates) {
    const std::size_t longer = std::max(word.size(), candidate.size()),
                      shorter = std::min(word.size(), candidate.size());
    if (longer - shorter >= least) continue;
    const std::size_t distance = distance_within(word, candidate, least - 1);
    if (distance < least) best = candidate, least = distance;
  }
  return best;
}

}  // namespace zkark
