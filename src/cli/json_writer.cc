#include "src/cli/json_writer.h"

#include <emmintrin.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "src/cli/text.h"

namespace zkark::cli {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

/// Copies sixteen bytes and gives a bit for each that cannot stand in JSON as it is: all but 0x20..0x7e without quote
/// and backslash.
unsigned special_bytes(const char* from, char* to) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), bytes);
  const __m128i odd = _mm_or_si128(
      _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')), _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'))),
      _mm_or_si128(_mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f)),
                   _mm_cmplt_epi8(bytes, _mm_set1_epi8(0x20))));  // signed: bytes from 0x80 on are below, too
  return static_cast<unsigned>(_mm_movemask_epi8(odd));
}

char* put_u(char* to, std::uint32_t unit) {
  *to++ = '\\';
  *to++ = 'u';
  for (int shift = 12; shift >= 0; shift -= 4) *to++ = kHexDigits[unit >> shift & 15];
  return to;
}

/// Writes the character at the start of `text` in its escaped form, at most twelve bytes, and moves `to`; gives the bytes
/// taken.
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

/// Sixteen bytes at a time: copied as they are up to the first that needs attention, which is then written in its
/// escaped form.
void json_text(TextBuffer& out, std::string_view text) {
  constexpr std::size_t kBlock = 4096, kSpare = 64;
  out.put('"');
  while (!text.empty()) {
    const std::size_t taken = std::min(text.size(), kBlock);
    char* const start = out.reserve(taken + kSpare + 32);
    char* const limit = start + taken + kSpare;  // a step from here still fits
    char* to = start;
    const char* from = text.data();
    const char* const end = from + taken;
    while (from < end && to <= limit) {
      const auto left = static_cast<std::size_t>(end - from);
      unsigned special, plain_count;
      if (left >= 16) {
        special = special_bytes(from, to);
        plain_count = 16;
      } else {
        char rest[16];
        std::memcpy(rest, from, left);
        special = special_bytes(rest, to) & ((1u << left) - 1);
        plain_count = static_cast<unsigned>(left);
      }
      if (special != 0) plain_count = static_cast<unsigned>(__builtin_ctz(special));
      from += plain_count, to += plain_count;
      if (special != 0)
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
