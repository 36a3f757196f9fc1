#include "src/cli/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "src/cli/json_writer.h"

namespace zkark::cli {
namespace {

struct Range {
  std::uint32_t first, last;
};
#include "src/cli/unicode_width.inc"

template <std::size_t N>
bool contains(const Range (&ranges)[N], std::uint32_t value) {
  const Range* found = std::upper_bound(std::begin(ranges), std::end(ranges), value,
                                        [](std::uint32_t v, const Range& range) { return v < range.first; });
  return found != std::begin(ranges) && value <= std::prev(found)->last;
}

void append_escaped(std::string& out, std::string_view character, const CodePoint& point) {
  if (!point.valid) {
    out += fmt::format("\\x{:02x}", static_cast<unsigned char>(character.front()));
  } else if (point.value == '\\') {
    out += "\\\\";
  } else if (point.value == '\n') {
    out += "\\n";
  } else if (point.value == '\t') {
    out += "\\t";
  } else if (point.value == '\r') {
    out += "\\r";
  } else if (point.value < 0x80) {
    out += fmt::format("\\x{:02x}", point.value);
  } else {
    out += fmt::format("\\u{{{:04x}}}", point.value);
  }
}

}  // namespace

bool is_unsafe_to_show(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
         (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
         (c >= 0xfff9 && c <= 0xfffb) || (c >= 0xe0000 && c <= 0xe007f);
}

std::string escape_terminal(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    std::size_t plain = 0;
    while (plain < text.size() && text[plain] >= 0x20 && text[plain] < 0x7f && text[plain] != '\\') ++plain;
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    const CodePoint point = decode_utf8(text);
    if (point.valid && point.value != '\\' && !is_unsafe_to_show(point.value))
      out.append(text.substr(0, point.length));
    else
      append_escaped(out, text, point);
    text.remove_prefix(point.length);
  }
  return out;
}

std::string csv_field(std::string_view text, bool untrusted) {
  const bool formula = untrusted && !text.empty() && std::string_view("=+-@\t\r").find(text[0]) != text.npos;
  const bool quotes = text.find_first_of(",\"\r\n") != text.npos ||
                      (!text.empty() && (text.front() == ' ' || text.back() == ' '));
  std::string out;
  if (quotes) out += '"';
  if (formula) out += '\'';
  while (!text.empty()) {
    const CodePoint point = decode_utf8(text);
    const std::string_view character = text.substr(0, point.length);
    const bool layout = character == "\n" || character == "\r" || character == "\t";
    if (character == "\"")
      out += "\"\"";
    else if (!point.valid || (is_unsafe_to_show(point.value) && !layout))
      append_escaped(out, text, point);
    else
      out += character;
    text.remove_prefix(point.length);
  }
  if (quotes) out += '"';
  return out;
}

unsigned column_width(std::uint32_t c) {
  if (c < 0x300) return c < 0x20 || (c >= 0x7f && c < 0xa0) ? 0 : 1;
  if (contains(kZeroWidth, c)) return 0;
  return contains(kWide, c) ? 2 : 1;
}

unsigned display_width(std::string_view text) {
  unsigned width = 0;
  while (!text.empty()) {
    std::size_t plain = 0;
    while (plain < text.size() && text[plain] >= 0x20 && text[plain] < 0x7f) ++plain;
    width += static_cast<unsigned>(plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    if (text.size() > 2 && text[0] == '\x1b' && text[1] == '[') {  // our own colours take no room
      const std::size_t end = text.find('m');
      if (end != text.npos) {
        text.remove_prefix(end + 1);
        continue;
      }
    }
    const CodePoint point = decode_utf8(text);
    width += point.valid ? column_width(point.value) : 1;
    text.remove_prefix(point.length);
  }
  return width;
}

std::string cut_to_width(std::string_view text, unsigned columns) {
  if (display_width(text) <= columns) return std::string(text);
  std::string out;
  unsigned width = 0;
  while (!text.empty()) {
    const CodePoint point = decode_utf8(text);
    const unsigned next = point.valid ? column_width(point.value) : 1;
    if (width + next + 1 > columns) break;
    width += next;
    out.append(text.substr(0, point.length));
    text.remove_prefix(point.length);
  }
  return columns == 0 ? "" : out + "…";
}

std::string wrap(std::string_view text, unsigned columns, unsigned indent) {
  const std::string margin(indent, ' ');
  const unsigned room = columns > indent + 20 ? columns - indent : 20;
  std::string out;
  std::string line;
  auto end_line = [&] {
    if (!line.empty()) out += margin + line + '\n';
    line.clear();
  };
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view row = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (row.empty() || row.front() == ' ') {  // paragraph break, or kept as it is
      end_line();
      out += row.empty() ? "\n" : margin + std::string(row) + '\n';
      continue;
    }
    while (!row.empty()) {
      const std::size_t space = std::min(row.find(' '), row.size());
      const std::string_view word = row.substr(0, space);
      row.remove_prefix(std::min(space + 1, row.size()));
      if (word.empty()) continue;
      if (!line.empty() && display_width(line) + 1 + display_width(word) > room) end_line();
      if (!line.empty()) line += ' ';
      line += word;
    }
  }
  end_line();
  return out;
}

std::string range_text(std::int64_t first, std::int64_t last) {
  return first == last ? zxid_text(first) : fmt::format("{}…{}", zxid_text(first), zxid_text(last));
}

std::string human_size(std::uint64_t bytes) {
  static constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (unit + 1 < std::size(kUnits) && value >= 1023.95) value /= 1024, ++unit;
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string human_count(std::uint64_t count) {
  std::string digits = std::to_string(count);
  for (std::size_t at = digits.size(); at > 3; digits.insert(at, 1, ' ')) at -= 3;
  return digits;
}

std::string human_duration_ms(std::int64_t ms) {
  if (ms < 0) return "-" + human_duration_ms(ms == INT64_MIN ? INT64_MAX : -ms);
  if (ms < 1000) return fmt::format("{} ms", ms);
  if (ms < 60000) return fmt::format("{}.{} s", ms / 1000, ms / 100 % 10);
  const std::int64_t seconds = ms / 1000;
  if (seconds < 3600) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  if (seconds < 86400) return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{} d {} h", seconds / 86400, seconds / 3600 % 24);
}

std::string hex_text(std::uint64_t value) { return fmt::format("{:#x}", value); }

std::string rfc3339(WallTime time) {
  char text[TimeFormatter::kMaxLength];
  return {text, TimeFormatter().format(time, text)};
}

std::string human_time(WallTime time) {
  char text[TimeFormatter::kMaxLength];
  return {text, TimeFormatter().format_for_people(time, text)};
}

std::string base64_text(Bytes data) {
  TextBuffer buffer;
  JsonWriter(buffer).base64(data);
  return std::string(buffer.view().substr(1, buffer.size() - 2));
}

}  // namespace zkark::cli
