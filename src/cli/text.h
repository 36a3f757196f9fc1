#pragma once
// Text for people: made harmless for a terminal, measured in columns, with units.
#include <cstdint>
#include <string>
#include <string_view>

#include "formats/base/bytes.h"
#include "formats/base/clock.h"
#include "formats/base/utf8.h"

namespace zkark::cli {

/// Makes untrusted bytes (paths, values, names from files) safe to print and unambiguous: C0 controls and DEL
/// as \n, \t, \r or \xNN, C1, bidirectional and other invisible controls as \u{NNNN}, bytes that are no UTF-8
/// as \xNN, the backslash as \\. Never changes the terminal's state, never breaks the line.
std::string escape_terminal(std::string_view untrusted);
/// One CSV field (RFC 4180): quoted when needed. `untrusted` text that a spreadsheet would run as a formula
/// (= + - @ tab CR first) gets an apostrophe in front. Controls other than line ends and tabs are escaped as
/// by escape_terminal: who needs every byte reads JSON.
std::string csv_field(std::string_view text, bool untrusted);

/// Controls that can hide or reorder what is shown: C0, DEL, C1, bidi marks and overrides, line separators,
/// BOM.
bool is_unsafe_to_show(std::uint32_t code_point);

/// Columns on a terminal: 0 for combining marks, 2 for wide East Asian and emoji, independent of the locale.
unsigned column_width(std::uint32_t code_point);
unsigned display_width(std::string_view utf8);
/// Cuts to at most `columns`, ending in "…" when something was cut.
std::string cut_to_width(std::string_view utf8, unsigned columns);
/// Breaks paragraphs (divided by an empty line) into lines of at most `columns`, each after `indent` blanks.
/// Lines that start with a blank are kept as they are.
std::string wrap(std::string_view text, unsigned columns, unsigned indent);

/// "49.6 MiB", "512 B".
std::string human_size(std::uint64_t bytes);
/// "0x5", "0x5…0x10".
std::string range_text(std::int64_t first, std::int64_t last);
/// "184 203": groups of three.
std::string human_count(std::uint64_t count);
/// "1.4 s", "12 min 3 s", "3 d 4 h".
std::string human_duration_ms(std::int64_t ms);
/// "0x10000000b".
std::string hex_text(std::uint64_t value);
inline std::string zxid_text(std::int64_t zxid) { return hex_text(static_cast<std::uint64_t>(zxid)); }
/// "2026-11-21T05:31:34.207Z".
std::string rfc3339(WallTime time);
/// "2026-11-21 05:31:34.207Z".
std::string human_time(WallTime time);
/// Standard base64 with padding.
std::string base64_text(Bytes data);

}  // namespace zkark::cli
