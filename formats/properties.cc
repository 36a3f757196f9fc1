#include "formats/properties.h"

#include <fmt/format.h>

#include <algorithm>

namespace zkark {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\f'; }
bool is_line_end(char c) { return c == '\n' || c == '\r'; }

/// A logical line: the bytes that count (comments, line ends of continuations and blanks before them left
/// out), each with its place in the file.
struct LogicalLine {
  std::string bytes;
  std::vector<std::size_t> places;
  std::uint32_t line = 0;
  std::size_t begin = 0, end = 0;  // in the file, line end included
  std::size_t content_end = 0;     // in the file, without the line end
};

/// Cuts a file into logical lines. A backslash at a line's end continues it on the next, whose leading blanks
/// do not count; a comment has no continuation; a continuation line may be empty and then ends the value.
class LineReader {
 public:
  explicit LineReader(std::string_view text) : text_(text) {}

  bool next(LogicalLine& out) {
    for (;;) {
      out = {};
      out.begin = at_;
      out.line = line_;
      skip_blanks();
      if (at_ == text_.size()) return false;
      if (is_line_end(text_[at_])) {
        pass_line_end();
        continue;
      }
      if (text_[at_] == '#' || text_[at_] == '!') {
        while (at_ < text_.size() && !is_line_end(text_[at_])) ++at_;
        pass_line_end();
        continue;
      }
      const bool line = take(out);
      out.end = at_;
      if (line) return true;
    }
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
  }
  void pass_line_end() {
    if (at_ == text_.size()) return;
    const char c = text_[at_++];
    if (c == '\r' && at_ < text_.size() && text_[at_] == '\n') ++at_;
    ++line_;
  }
  /// Reads a line with its continuations. False: nothing but a backslash, so the next line begins as a new
  /// one, and may be a comment. At the end of the file a lone backslash is a line, an empty one, as for Java.
  bool take(LogicalLine& out) {
    const auto drop_backslash = [&out] {
      out.bytes.pop_back();
      out.places.pop_back();
    };
    bool backslash = false;  // an odd number of them stands before
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (!is_line_end(c)) {
        out.bytes += c;
        out.places.push_back(at_++);
        backslash = c == '\\' && !backslash;
        continue;
      }
      const bool last_byte = at_ + 1 == text_.size();
      out.content_end = at_;
      pass_line_end();
      if (!backslash) return true;
      drop_backslash();
      if (last_byte) return true;
      if (out.bytes.empty()) return false;
      backslash = false;
      skip_blanks();
    }
    out.content_end = at_;
    if (backslash) drop_backslash();
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::uint32_t line_ = 1;
};

void append_utf8(std::string& out, std::uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 63));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 63));
    out += static_cast<char>(0x80 | (c & 63));
  } else {
    out += static_cast<char>(0xf0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 63));
    out += static_cast<char>(0x80 | (c >> 6 & 63));
    out += static_cast<char>(0x80 | (c & 63));
  }
}

/// Collects UTF-16 units and gives UTF-8; half a pair alone becomes U+FFFD.
class Utf16Sink {
 public:
  void put(std::uint32_t unit) {
    const bool low = unit >= 0xdc00 && unit < 0xe000;
    if (high_ != 0) {
      append_utf8(out_, low ? 0x10000 + ((high_ - 0xd800) << 10) + (unit - 0xdc00) : 0xfffd);
      high_ = 0;
      if (low) return;
    }
    if (unit >= 0xd800 && unit < 0xdc00)
      high_ = unit;
    else
      append_utf8(out_, low ? 0xfffd : unit);
  }
  std::string finish() {
    if (high_ != 0) append_utf8(out_, 0xfffd);
    return std::move(out_);
  }

 private:
  std::string out_;
  std::uint32_t high_ = 0;
};

std::optional<std::uint32_t> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint32_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint32_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint32_t>(c - 'A' + 10);
  return std::nullopt;
}

/// Undoes the escapes; nullopt with `bad` set to the index of a malformed \u.
std::optional<std::string> unescape(std::string_view raw, std::size_t& bad) {
  Utf16Sink out;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '\\') {
      out.put(static_cast<unsigned char>(raw[i]));
      continue;
    }
    const std::size_t escape = i++;
    if (i == raw.size()) break;  // cannot be: an odd backslash at the end continues the line
    switch (raw[i]) {
      case 't':
        out.put('\t');
        break;
      case 'n':
        out.put('\n');
        break;
      case 'r':
        out.put('\r');
        break;
      case 'f':
        out.put('\f');
        break;
      case 'u': {
        std::uint32_t unit = 0;
        for (int digit = 0; digit < 4; ++digit) {
          const auto value = ++i < raw.size() ? hex_digit(raw[i]) : std::nullopt;
          if (!value) {
            bad = escape;
            return std::nullopt;
          }
          unit = unit << 4 | *value;
        }
        out.put(unit);
        break;
      }
      default:
        out.put(static_cast<unsigned char>(raw[i]));
    }
  }
  return out.finish();
}

/// Where key and value lie in a logical line.
struct Split {
  std::size_t key_end = 0, value_begin = 0;
  bool has_separator = false;
};
Split split(std::string_view line) {
  Split parts;
  bool backslash = false, equals = false;
  for (; parts.key_end < line.size(); ++parts.key_end) {
    const char c = line[parts.key_end];
    if (!backslash && (c == '=' || c == ':' || is_blank(c))) {
      parts.has_separator = true;
      equals = !is_blank(c);
      break;
    }
    backslash = c == '\\' && !backslash;
  }
  parts.value_begin = parts.key_end + (parts.has_separator ? 1 : 0);
  for (; parts.value_begin < line.size(); ++parts.value_begin) {
    const char c = line[parts.value_begin];
    if (is_blank(c)) continue;
    if (equals || (c != '=' && c != ':')) break;
    equals = true;
  }
  return parts;
}

/// Escapes what Java would read otherwise. `key`: separators and comment signs, too.
std::string escape(std::string_view utf8, bool key) {
  std::string out;
  for (std::size_t i = 0; i < utf8.size();) {
    const auto c = static_cast<unsigned char>(utf8[i]);
    if (c >= 0x80) {
      // Decoded leniently: a byte that begins no character stands for itself as Latin-1.
      const unsigned length = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 1;
      std::uint32_t value = length == 1 ? c : c & (0xffu >> (length + 1));
      bool whole = i + length <= utf8.size();
      for (unsigned k = 1; k < length && whole; ++k) {
        const auto next = static_cast<unsigned char>(utf8[i + k]);
        whole = (next & 0xc0) == 0x80;
        value = value << 6 | (next & 63);
      }
      if (!whole || value > 0x10ffff) {
        value = c;
        i += 1;
      } else {
        i += length;
      }
      if (value >= 0x10000) {
        out +=
            fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + ((value - 0x10000) >> 10), 0xdc00 + (value & 0x3ff));
      } else {
        out += fmt::format("\\u{:04x}", value);
      }
      continue;
    }
    ++i;
    const bool first = i == 1;
    switch (c) {
      case '\t':
        out += "\\t";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\\':
        out += "\\\\";
        break;
      case ' ':
      case '=':
      case ':':
        if (key || first) out += '\\';
        out += static_cast<char>(c);
        break;
      case '#':
      case '!':
        if (key && first) out += '\\';
        out += static_cast<char>(c);
        break;
      default:
        if (c < 0x20 || c == 0x7f)
          out += fmt::format("\\u{:04x}", c);
        else
          out += static_cast<char>(c);
    }
  }
  return out;
}

}  // namespace

std::string_view java_trim(std::string_view text) {
  while (!text.empty() && static_cast<unsigned char>(text.front()) <= ' ') text.remove_prefix(1);
  while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') text.remove_suffix(1);
  return text;
}

Result<std::vector<Property>> parse_properties(std::string_view text, std::string_view file) {
  std::vector<Property> properties;
  LineReader reader(text);
  for (LogicalLine line; reader.next(line);) {
    const Split parts = split(line.bytes);
    const std::string_view bytes = line.bytes;
    Property property;
    property.line = line.line;
    property.begin = line.begin;
    property.end = line.end;
    property.has_separator = parts.has_separator;
    property.value_begin =
        parts.value_begin < bytes.size() ? line.places[parts.value_begin] : line.content_end;
    property.value_end = line.content_end;
    std::size_t bad = 0;
    std::optional<std::string> key = unescape(bytes.substr(0, parts.key_end), bad);
    std::optional<std::string> value;
    if (key) {
      value = unescape(bytes.substr(parts.value_begin), bad);
      if (!value) bad += parts.value_begin;
    }
    if (!key || !value)
      return fail(Error(ErrorId::kBadZooCfg, fmt::format("line {}: a malformed \\u escape", line.line))
                      .at(file, line.places[bad])
                      .with_hint("write \\u and four hex digits, or / instead of \\ in paths"));
    property.key = *std::move(key);
    property.value = *std::move(value);
    properties.push_back(std::move(property));
  }
  return properties;
}

std::string escape_property_value(std::string_view utf8) { return escape(utf8, false); }
std::string escape_property_key(std::string_view utf8) { return escape(utf8, true); }

Result<std::string> edit_properties(std::string_view text, std::string_view file,
                                    std::span<const PropertyEdit> edits) {
  ZK_TRY(std::vector<Property> properties, parse_properties(text, file));
  std::string out;
  std::size_t done = 0;
  std::vector<bool> found(edits.size());
  for (const Property& property : properties) {
    for (std::size_t i = 0; i < edits.size(); ++i) {
      if (java_trim(property.key) != edits[i].key) continue;
      found[i] = true;
      if (edits[i].value) {
        out.append(text.substr(done, property.value_begin - done));
        if (!property.has_separator) out += '=';
        out += escape_property_value(*edits[i].value);
        done = property.value_end;
      } else {
        out.append(text.substr(done, property.begin - done));
        done = property.end;
      }
      break;
    }
  }
  out.append(text.substr(done));

  const std::size_t first_end = text.find_first_of("\r\n");
  std::string_view line_end = "\n";
  if (first_end != std::string_view::npos && text[first_end] == '\r')
    line_end = text.substr(first_end, 2) == "\r\n" ? "\r\n" : "\r";
  for (std::size_t i = 0; i < edits.size(); ++i) {
    if (found[i] || !edits[i].value) continue;
    if (!out.empty() && !is_line_end(out.back())) out += line_end;
    // A backslash at the end of the last line would take the new one as its continuation: an empty line ends
    // it. (A line feed behind a carriage return is no line of its own: both are one line end.)
    const std::size_t last = out.find_last_not_of("\r\n");
    if (last != std::string::npos && out[last] == '\\') {
      if (out.back() == '\r' && line_end == "\n") out += line_end;
      out += line_end;
    }
    out += escape_property_key(edits[i].key);
    out += '=';
    out += escape_property_value(*edits[i].value);
    out += line_end;
  }
  return out;
}

}  // namespace zkark
