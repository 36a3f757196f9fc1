#pragma once
// A regular expression over values (RE2 syntax): linear time whatever the expression and the bytes, so that
// neither can hang a search.
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "formats/base/bytes.h"
#include "formats/base/result.h"

namespace zkark::forensics {

/// Copies share the compiled expression. Matching is thread-safe.
class ValuePattern {
 public:
  struct Options {
    bool ignore_case = false;
    bool literal = false;  // the text itself, no expression
  };
  /// Characters are those of UTF-8; in a value that is not UTF-8 each byte is one (\xff). kUsage with the
  /// reason.
  static Result<ValuePattern> parse(std::string_view text, Options options);

  /// Found anywhere in it. A null value matches nothing.
  bool matches(std::optional<Bytes> value) const;
  bool matches(std::string_view text) const;
  /// The first match; nullopt: none. A view of `text`.
  std::optional<std::string_view> find(std::string_view text) const;
  const std::string& text() const { return text_; }

 private:
  struct Compiled;
  std::string text_;
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace zkark::forensics
