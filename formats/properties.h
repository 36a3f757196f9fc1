#pragma once
// Java properties files, byte for byte as java.util.Properties.load(InputStream) reads them: ISO-8859-1,
// comments
// (# !), the separators = : and blank, continuation lines, \uXXXX and the other escapes. Positions are kept,
// so that a value can be replaced and every other byte stays.
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/result.h"

namespace zkark {

/// One key with its value. Text is UTF-8 of what Java holds: bytes from 0x80 on are Latin-1 characters, so a
/// path that was written into the file as UTF-8 names another directory for Java, and for us.
struct Property {
  std::string key, value;          // unescaped; not trimmed (Properties keeps blanks at a value's end)
  std::uint32_t line = 0;          // of its first line, from 1
  std::size_t begin = 0, end = 0;  // its bytes in the file, line end included
  std::size_t value_begin = 0;     // of the value as written
  std::size_t value_end = 0;
  bool has_separator = false;  // false: a key alone, which has an empty value
};

/// All of them in file order, repeated keys too (Java keeps the last). Fails with kBadZooCfg, `file`, offset
/// and line on a malformed \u escape, as Java does; anything else is some key with some value.
Result<std::vector<Property>> parse_properties(std::string_view text, std::string_view file);

/// UTF-8 text as the value of a property: escaped so that Java reads it back exactly.
std::string escape_property_value(std::string_view utf8);
std::string escape_property_key(std::string_view utf8);

/// A change of one key: a new value, or nullopt to remove its lines.
struct PropertyEdit {
  std::string key;
  std::optional<std::string> value;
};
/// `text` with the edits made. Keys are compared trimmed, as ZooKeeper compares them. Every line of the key
/// gets the new value; a key that is absent is appended, in the file's own line ends. All other bytes stay as
/// they are. Fails as parse_properties does.
Result<std::string> edit_properties(std::string_view text, std::string_view file,
                                    std::span<const PropertyEdit> edits);

/// Java's String.trim(): without control characters and blanks at both ends.
std::string_view java_trim(std::string_view text);

}  // namespace zkark
