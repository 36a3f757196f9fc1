#include "src/cli/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "formats/base/text.h"

namespace zkark::cli {
namespace {

Failure wrong(std::string message) { return fail(ErrorId::kUsage, std::move(message)); }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

/// Takes digits with an optional fraction off the front of `text`: the value as whole + thousandths, exactly.
struct Decimal {
  std::uint64_t whole = 0;
  std::uint64_t fraction = 0, fraction_scale = 1;
};
bool take_decimal(std::string_view& text, Decimal& out) {
  const char* end = text.data() + text.size();
  auto [after, problem] = std::from_chars(text.data(), end, out.whole);
  if (problem != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(after - text.data()));
  if (text.empty() || text.front() != '.') return true;
  text.remove_prefix(1);
  std::size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
    if (digits < 9) {
      out.fraction = out.fraction * 10 + static_cast<std::uint64_t>(text[digits] - '0');
      out.fraction_scale *= 10;
    }
    ++digits;
  }
  text.remove_prefix(digits);
  return digits > 0;
}

/// whole and fraction times unit, false when it does not fit.
bool scale(const Decimal& value, std::uint64_t unit, std::uint64_t& out) {
  std::uint64_t whole;
  if (__builtin_mul_overflow(value.whole, unit, &whole)) return false;
  const auto part = static_cast<unsigned __int128>(value.fraction) * unit / value.fraction_scale;
  return !__builtin_add_overflow(whole, static_cast<std::uint64_t>(part), &out);
}

}  // namespace

Result<bool> parse_boolean(std::string_view text) {
  std::string word(text);
  std::transform(word.begin(), word.end(), word.begin(), lower);
  if (word == "true" || word == "yes" || word == "on" || word == "1") return true;
  if (word == "false" || word == "no" || word == "off" || word == "0") return false;
  return wrong(fmt::format("'{}' is neither true nor false", text));
}

Result<std::int64_t> parse_number(std::string_view text, std::int64_t min, std::int64_t max) {
  std::int64_t value = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem == std::errc::invalid_argument || end != text.data() + text.size())
    return wrong(fmt::format("'{}' is not a decimal number", text));
  if (problem == std::errc::result_out_of_range || value < min || value > max) {
    if (max == INT64_MAX) return wrong(fmt::format("'{}' is out of range: at least {}", text, min));
    return wrong(fmt::format("'{}' is out of range: {} to {}", text, min, max));
  }
  return value;
}

Result<std::int64_t> parse_zxid(std::string_view text) {
  if (text.size() > 2 && text[0] == '0' && lower(text[1]) == 'x') {
    std::uint64_t value = 0;
    auto [end, problem] = std::from_chars(text.data() + 2, text.data() + text.size(), value, 16);
    if (problem == std::errc() && end == text.data() + text.size()) return static_cast<std::int64_t>(value);
  }
  return wrong(fmt::format("'{}' is no hex number such as 0x10000000b", text));
}

Result<std::uint64_t> parse_size(std::string_view text) {
  std::string_view rest = text;
  Decimal value;
  const bool number = take_decimal(rest, value);
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  struct Unit {
    std::string_view name;
    std::uint64_t bytes;
  };
  static constexpr Unit kUnits[] = {{"", 1},
                                    {"B", 1},
                                    {"K", 1ULL << 10},
                                    {"KiB", 1ULL << 10},
                                    {"M", 1ULL << 20},
                                    {"MiB", 1ULL << 20},
                                    {"G", 1ULL << 30},
                                    {"GiB", 1ULL << 30},
                                    {"T", 1ULL << 40},
                                    {"TiB", 1ULL << 40},
                                    {"kB", 1000},
                                    {"MB", 1000000},
                                    {"GB", 1000000000},
                                    {"TB", 1000000000000}};
  if (number)
    for (const Unit& unit : kUnits)
      if (rest == unit.name) {
        std::uint64_t bytes;
        if (scale(value, unit.bytes, bytes)) return bytes;
        return wrong(fmt::format("'{}' is too large", text));
      }
  return wrong(fmt::format("'{}' is no size such as 512, 64KiB, 10MiB, 1.5GiB or 2GB", text));
}

Result<std::int64_t> parse_duration_ms(std::string_view text) {
  struct Unit {
    std::string_view name;
    std::uint64_t ms;
  };
  static constexpr Unit kUnits[] = {{"w", 604800000}, {"d", 86400000}, {"h", 3600000}, {"min", 60000},
                                    {"m", 60000},     {"s", 1000},     {"ms", 1}};
  const Failure nonsense =
      wrong(fmt::format("'{}' is no duration such as 500ms, 30s, 5min, 1h30min or 7d", text));
  std::string_view rest = text;
  std::uint64_t total = 0, last_unit = UINT64_MAX;
  if (rest.empty()) return fail(nonsense.error.clone());
  while (!rest.empty()) {
    Decimal value;
    if (!take_decimal(rest, value)) return fail(nonsense.error.clone());
    const std::size_t letters = std::min(rest.size(), rest.find_first_of("0123456789"));
    std::string_view name = rest.substr(0, letters);
    rest.remove_prefix(letters);
    if (name.empty() && rest.empty() && total == 0 && last_unit == UINT64_MAX) name = "s";
    const Unit* found = nullptr;
    for (const Unit& unit : kUnits)
      if (unit.name == name) found = &unit;
    if (found == nullptr || found->ms >= last_unit) return fail(nonsense.error.clone());
    last_unit = found->ms;
    std::uint64_t part;
    if (!scale(value, found->ms, part) || __builtin_add_overflow(total, part, &total) || total > INT64_MAX)
      return wrong(fmt::format("'{}' is too long", text));
  }
  return static_cast<std::int64_t>(total);
}

Result<std::size_t> parse_choice(std::string_view text, const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == text) return i;
  Error error(ErrorId::kUsage, fmt::format("'{}' is not one of {}", text, fmt::join(names, ", ")));
  const std::string near = nearest(text, names);
  if (!near.empty()) return fail(std::move(error).with_hint(fmt::format("did you mean '{}'?", near)));
  return fail(std::move(error));
}

std::string nearest(std::string_view text, const std::vector<std::string>& candidates) {
  const std::vector<std::string_view> names(candidates.begin(), candidates.end());
  if (const std::optional<std::string_view> near = nearest_name(text, names)) return std::string(*near);
  if (text.size() < 3) return "";
  for (const std::string& candidate : candidates)  // "conf" for config
    if (candidate.compare(0, text.size(), text) == 0) return candidate;
  return "";
}

}  // namespace zkark::cli
