#include "src/cli/json_writer.h"

#if defined(__x86_64__)
#include <tmmintrin.h>
#endif

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "src/cli/text.h"

namespace zkark::cli {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

char* put_u(char* to, std::uint32_t unit) {
  *to++ = '\\';
  *to++ = 'u';
  for (int shift = 12; shift >= 0; shift -= 4) *to++ = kHexDigits[unit >> shift & 15];
  return to;
}

/// Writes the character at the start of `text` in its escaped form, at most twelve bytes, and moves `to`;
/// gives the bytes taken.
std::size_t escape_one(std::string_view text, char*& to) {
  const auto c = static_cast<unsigned char>(text.front());
  if (c < 0x80) {
    static constexpr std::string_view kShort = "\b\t\n\f\r\"\\", kNames = "btnfr\"\\";
    if (const std::size_t at = kShort.find(static_cast<char>(c)); at != std::string_view::npos) {
      *to++ = '\\';
      *to++ = kNames[at];
    } else {
      to = put_u(to, c);
    }
    return 1;
  }
  const CodePoint point = decode_utf8(text);
  if (!point.valid) {
    std::memcpy(to, "\xef\xbf\xbd", 3);
    to += 3;
  } else if (is_unsafe_to_show(point.value) && point.value <= 0xffff) {
    to = put_u(to, point.value);
  } else if (is_unsafe_to_show(point.value)) {
    to = put_u(to, 0xd7c0 + (point.value >> 10));
    to = put_u(to, 0xdc00 + (point.value & 0x3ff));
  } else {
    std::memcpy(to, text.data(), point.length);
    to += point.length;
  }
  return point.length;
}

// ---- the inside of a JSON string ----
//
// Most bytes are easy: they stand as they are, or take a backslash (quotes, of which a value that is JSON
// itself is full, and backslashes). copy_easy writes those up to the first hard one (a control, DEL, anything
// beyond ASCII) and gives its place. It may write sixteen bytes beyond what it has to say. Branches on where
// the quotes are would be mispredicted all the time: so the wide form spreads eight bytes at a time by a
// table, wherever they are.

bool is_easy(unsigned char c) { return c >= 0x20 && c < 0x7f; }

const char* copy_easy_bytes(const char* from, const char* end, char*& to) {
  for (; from < end && is_easy(static_cast<unsigned char>(*from)); ++from) {
    if (*from == '"' || *from == '\\') *to++ = '\\';
    *to++ = *from;
  }
  return from;
}

#if defined(__x86_64__)
/// For each set of quotes among eight bytes, where the bytes go; the top bit marks the place of a backslash.
struct alignas(16) Spread {
  std::uint8_t source[16];
};
constexpr auto kSpreads = [] {
  std::array<Spread, 256> table{};
  for (unsigned quotes = 0; quotes < 256; ++quotes) {
    std::size_t at = 0;
    for (std::uint8_t i = 0; i < 8; ++i) {
      if ((quotes >> i & 1) != 0) table[quotes].source[at++] = 0x80;
      table[quotes].source[at++] = i;
    }
    while (at < 16) table[quotes].source[at++] = 0x80;
  }
  return table;
}();

[[gnu::target("ssse3,popcnt")]] const char* copy_easy_wide(const char* from, const char* end, char*& out) {
  const __m128i backslash = _mm_set1_epi8('\\');
  char* to = out;
  while (from < end) {
    const auto left = static_cast<std::size_t>(end - from);
    __m128i bytes;
    unsigned count = 16;
    if (left >= 16) {
      bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    } else {
      alignas(16) char rest[16] = {};
      std::memcpy(rest, from, left);
      bytes = _mm_load_si128(reinterpret_cast<const __m128i*>(rest));
      count = static_cast<unsigned>(left);
    }
    const unsigned wanted = (1u << count) - 1;
    // Signed: bytes from 0x80 on are below the blank, too.
    const auto hard =
        static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(_mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20)),
                                                             _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f))))) &
        wanted;
    const auto quotes = static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(
                            _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, backslash)))) &
                        wanted;
    if ((hard | quotes) == 0) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
      from += count, to += count;
      continue;
    }
    if (hard != 0) {
      out = to;
      return copy_easy_bytes(from, end, out);
    }
    for (unsigned half = 0; half < count; half += 8) {
      const unsigned here = quotes >> half & 0xff;
      const __m128i spread = _mm_load_si128(reinterpret_cast<const __m128i*>(kSpreads[here].source));
      const __m128i places = _mm_cmplt_epi8(spread, _mm_setzero_si128());
      const __m128i moved = _mm_or_si128(_mm_shuffle_epi8(bytes, spread), _mm_and_si128(places, backslash));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to), moved);
      to += std::min(count - half, 8u) + static_cast<unsigned>(__builtin_popcount(here));
      bytes = _mm_srli_si128(bytes, 8);
    }
    from += count;
  }
  out = to;
  return from;
}
#endif

using EasyCopier = const char* (*)(const char*, const char*, char*&);
EasyCopier easy_copier() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("ssse3") && __builtin_cpu_supports("popcnt")) return copy_easy_wide;
#endif
  return copy_easy_bytes;
}

/// Standard base64 with padding, in quotes.
void append_base64(TextBuffer& out, Bytes data) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  char* const start = out.reserve((data.size() + 2) / 3 * 4 + 2);
  char* to = start;
  *to++ = '"';
  std::size_t i = 0;
  auto at = [&](std::size_t index) { return std::to_integer<std::uint32_t>(data[index]); };
  for (; i + 3 <= data.size(); i += 3) {
    const std::uint32_t bits = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    *to++ = kDigits[bits >> 18];
    *to++ = kDigits[bits >> 12 & 63];
    *to++ = kDigits[bits >> 6 & 63];
    *to++ = kDigits[bits & 63];
  }
  if (const std::size_t rest = data.size() - i; rest > 0) {
    const std::uint32_t bits = at(i) << 16 | (rest == 2 ? at(i + 1) << 8 : 0);
    *to++ = kDigits[bits >> 18];
    *to++ = kDigits[bits >> 12 & 63];
    *to++ = rest == 2 ? kDigits[bits >> 6 & 63] : '=';
    *to++ = '=';
  }
  *to++ = '"';
  out.advance(static_cast<std::size_t>(to - start));
}

void put_two(char* to, unsigned value) {
  to[0] = static_cast<char>('0' + value / 10);
  to[1] = static_cast<char>('0' + value % 10);
}

/// Days since 1970-01-01 to a date in the proleptic Gregorian calendar, by counting in eras of 400 years that
/// start on 1 March (so that the leap day is the last of its year).
struct Date {
  std::int64_t year;
  unsigned month, day;
};
Date date_of(std::int64_t days) {
  days += 719468;
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const auto day_of_era = static_cast<unsigned>(days - era * 146097);
  const unsigned year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned from_march = (5 * day_of_year + 2) / 153;
  const unsigned month = from_march < 10 ? from_march + 3 : from_march - 9;
  return {year_of_era + era * 400 + (month <= 2), month, day_of_year - (153 * from_march + 2) / 5 + 1};
}

constexpr std::int64_t kFirstSecond = -62167219200;  // 0000-01-01T00:00:00
constexpr std::int64_t kLastSecond = 253402300799;   // 9999-12-31T23:59:59

}  // namespace

std::size_t TimeFormatter::format(WallTime time, char* to) {
  std::int64_t second = time.ms / 1000, millis = time.ms % 1000;
  if (millis < 0) millis += 1000, second -= 1;
  if (second < kFirstSecond || second > kLastSecond) {
    *to = '@';
    char* end = std::to_chars(to + 1, to + kMaxLength, time.ms / 1000).ptr;
    const auto rest = static_cast<unsigned>(time.ms < 0 ? -(time.ms % 1000) : time.ms % 1000);
    *end++ = '.';
    *end++ = static_cast<char>('0' + rest / 100);
    put_two(end, rest % 100);
    return static_cast<std::size_t>(end + 2 - to);
  }
  if (second != second_) {
    second_ = second;
    const std::int64_t days = (second >= 0 ? second : second - 86399) / 86400;
    const auto of_day = static_cast<unsigned>(second - days * 86400);
    const Date date = date_of(days);
    const auto year = static_cast<unsigned>(date.year);
    put_two(text_, year / 100);
    put_two(text_ + 2, year % 100);
    text_[4] = '-';
    put_two(text_ + 5, date.month);
    text_[7] = '-';
    put_two(text_ + 8, date.day);
    text_[10] = 'T';
    put_two(text_ + 11, of_day / 3600);
    text_[13] = ':';
    put_two(text_ + 14, of_day / 60 % 60);
    text_[16] = ':';
    put_two(text_ + 17, of_day % 60);
    text_[19] = '.';
  }
  std::memcpy(to, text_, 20);
  to[20] = static_cast<char>('0' + millis / 100);
  put_two(to + 21, static_cast<unsigned>(millis % 100));
  to[23] = 'Z';
  return 24;
}

std::size_t TimeFormatter::format_for_people(WallTime time, char* to) {
  const std::size_t length = format(time, to);
  if (to[0] != '@') to[10] = ' ';
  return length;
}

void json_text(TextBuffer& out, std::string_view text) {
  static const auto copy_easy = easy_copier();
  constexpr std::size_t kBlock = 4096;
  out.put('"');
  while (!text.empty()) {
    const std::size_t taken = std::min(text.size(), kBlock);
    // Two characters for each easy byte and a store beyond; a hard one has room for twelve.
    char* const start = out.reserve(taken * 2 + 64);
    char* const limit = start + taken * 2;
    char* to = start;
    const char* from = text.data();
    const char* const end = from + taken;
    while (from < end && to <= limit) {
      // Each easy byte needs two characters at most, and a hard one may have used more than its share.
      const char* const until = std::min(end, from + (limit + 32 - to) / 2);
      from = copy_easy(from, until, to);
      if (from < until)
        from += escape_one({from, static_cast<std::size_t>(text.data() + text.size() - from)}, to);
    }
    out.advance(static_cast<std::size_t>(to - start));
    text.remove_prefix(static_cast<std::size_t>(from - text.data()));
  }
  out.put('"');
}

JsonWriter& JsonWriter::number(std::int64_t value) {
  separate();
  char* to = out_.reserve(24);
  out_.advance(static_cast<std::size_t>(std::to_chars(to, to + 24, value).ptr - to));
  return *this;
}

JsonWriter& JsonWriter::number(std::uint64_t value) {
  separate();
  char* to = out_.reserve(24);
  out_.advance(static_cast<std::size_t>(std::to_chars(to, to + 24, value).ptr - to));
  return *this;
}

JsonWriter& JsonWriter::number(double value) {
  if (!std::isfinite(value)) return null();
  separate();
  char* to = out_.reserve(40);
  out_.advance(static_cast<std::size_t>(std::to_chars(to, to + 40, value).ptr - to));
  return *this;
}

JsonWriter& JsonWriter::hex(std::uint64_t value) {
  separate();
  char* to = out_.reserve(24);
  std::memcpy(to, "\"0x", 3);
  const unsigned digits = value == 0 ? 1 : (67 - static_cast<unsigned>(__builtin_clzll(value))) / 4;
  for (unsigned i = digits; i-- > 0; value >>= 4) to[3 + i] = kHexDigits[value & 15];
  to[3 + digits] = '"';
  out_.advance(digits + 4);
  return *this;
}

JsonWriter& JsonWriter::time(WallTime value) {
  separate();
  char* to = out_.reserve(TimeFormatter::kMaxLength + 2);
  *to = '"';
  const std::size_t length = times_.format(value, to + 1);
  to[length + 1] = '"';
  out_.advance(length + 2);
  return *this;
}

void json_value(TextBuffer& out, std::optional<Bytes> data) {
  if (!data) return out.append("null");
  const std::string_view text = as_text(*data);
  if (is_utf8(text)) {
    out.append("{\"utf8\":");
    json_text(out, text);
  } else {
    out.append("{\"base64\":");
    append_base64(out, *data);
  }
  out.put('}');
}

JsonWriter& JsonWriter::base64(Bytes data) { return separate(), append_base64(out_, data), *this; }

}  // namespace zkark::cli
