#pragma once
// Writes JSON straight into a TextBuffer, with ZooKeeper's values as zkark prints them: zxids and session ids
// as "0x…", times as RFC 3339 UTC with milliseconds, bytes as {"utf8":…} or {"base64":…}. Commas come by
// themselves. Nothing is checked beyond that: begin and end must match, a key must precede each value of an
// object.
//
// Text is ASCII-safe for terminals: besides what JSON demands, C0 and C1 controls, DEL and bidirectional
// controls are written as \uXXXX. That changes the spelling, not the value.
#include <cstdint>
#include <optional>
#include <string_view>

#include "formats/base/bytes.h"
#include "formats/base/clock.h"
#include "src/cli/text_buffer.h"

namespace zkark::cli {

/// "2026-11-21T05:31:34.207Z". Years outside 0000-9999 have no such form and are written "@SECONDS.mmm",
/// which the point grammar reads back. Remembers the last second: a run of times nearby costs a copy. Not
/// thread-safe.
class TimeFormatter {
 public:
  static constexpr std::size_t kMaxLength = 32;
  /// Writes to `to` (kMaxLength bytes of room) and gives the length.
  std::size_t format(WallTime time, char* to);
  /// With a blank instead of T, for tables.
  std::size_t format_for_people(WallTime time, char* to);

 private:
  std::int64_t second_ = INT64_MIN;
  char text_[20] = {};
};

/// Appends `text` as a JSON string with its quotes; see JsonWriter::string.
void json_text(TextBuffer& out, std::string_view text);
/// Appends a node's data; see JsonWriter::value.
void json_value(TextBuffer& out, std::optional<Bytes> data);

class JsonWriter {
 public:
  /// Borrows `out`.
  explicit JsonWriter(TextBuffer& out) : out_(out) {}
  JsonWriter(const JsonWriter&) = delete;
  JsonWriter& operator=(const JsonWriter&) = delete;

  JsonWriter& begin_object() { return separate(), out_.put('{'), comma_ = false, *this; }
  JsonWriter& end_object() { return out_.put('}'), comma_ = true, *this; }
  JsonWriter& begin_array() { return separate(), out_.put('['), comma_ = false, *this; }
  JsonWriter& end_array() { return out_.put(']'), comma_ = true, *this; }
  /// {"schema":"zkark.VERB/1" opened: the beginning of every object at the top.
  JsonWriter& begin_document(std::string_view schema) { return begin_object().key("schema").string(schema); }
  /// One NDJSON line is finished: newline, and the next value starts afresh.
  void end_line() {
    out_.end_line();
    comma_ = false;
  }

  /// `name` must need no escaping: our own lower_case names. For others, key_text.
  JsonWriter& key(std::string_view name) {
    separate();
    char* to = out_.reserve(name.size() + 3);
    *to++ = '"';
    std::memcpy(to, name.data(), name.size());
    to += name.size();
    *to++ = '"';
    *to = ':';
    out_.advance(name.size() + 3);
    comma_ = false;
    return *this;
  }
  JsonWriter& key_text(std::string_view name) {
    string(name);
    out_.put(':');
    comma_ = false;
    return *this;
  }

  /// Bytes that are no UTF-8 become U+FFFD, one per byte; what must not be lost goes through value().
  JsonWriter& string(std::string_view text) { return separate(), json_text(out_, text), *this; }
  JsonWriter& number(std::int64_t value);
  JsonWriter& number(int value) { return number(static_cast<std::int64_t>(value)); }
  JsonWriter& number(std::uint64_t value);
  JsonWriter& number(unsigned value) { return number(static_cast<std::uint64_t>(value)); }
  /// null when not finite.
  JsonWriter& number(double value);
  JsonWriter& boolean(bool value) { return separate(), out_.append(value ? "true" : "false"), *this; }
  JsonWriter& null() { return separate(), out_.append("null"), *this; }
  /// "0x1f": zxids, session ids, offsets, digests.
  JsonWriter& hex(std::uint64_t value);
  JsonWriter& hex(std::int64_t value) { return hex(static_cast<std::uint64_t>(value)); }
  JsonWriter& time(WallTime value);
  /// A node's data: null, {"utf8":"…"} when it is valid UTF-8, else {"base64":"…"}. Lossless.
  JsonWriter& value(std::optional<Bytes> data) { return separate(), json_value(out_, data), *this; }
  JsonWriter& base64(Bytes data);
  /// JSON made elsewhere.
  JsonWriter& raw(std::string_view json) { return separate(), out_.append(json), *this; }

  TextBuffer& buffer() { return out_; }

 private:
  void separate() {
    if (comma_) out_.put(',');
    comma_ = true;
  }

  TextBuffer& out_;
  bool comma_ = false;
  TimeFormatter times_;
};

}  // namespace zkark::cli
