#pragma once
// Which paths are meant. "/kafka/brokers" is that node and everything below it. A text with wildcards is
// matched against the whole path: `*` any characters but a slash, `?` one such character, `[a-z]` and
// `[!a-z]` one of a set, `**` any characters, slashes included; a backslash takes the next character as it
// is. `/**/` may stand for a single slash, so /a/**/b matches /a/b.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/result.h"

namespace zkark::forensics {

class PathPattern {
 public:
  /// kUsage, with what is wrong: no leading slash, a set without an end, more than kMaxTokens pieces.
  static Result<PathPattern> parse(std::string_view text);
  /// This one node, without what is below it; every character stands for itself.
  static PathPattern exactly(std::string_view path);
  /// This node and everything below it; likewise.
  static PathPattern subtree(std::string_view path);

  bool matches(std::string_view path) const;
  /// Every path that matches is this one or lies below it; "" for the root.
  const std::string& below() const { return below_; }
  /// Without wildcards: one node with its subtree.
  bool is_subtree() const { return tokens_.empty() && !exact_; }
  const std::string& text() const { return text_; }

  static constexpr std::size_t kMaxTokens = 512;

 private:
  struct Token {
    enum class Kind : std::uint8_t {
      kByte,      // exactly `byte`
      kOne,       // one character that is no slash
      kSet,       // one character of sets_[set]
      kStar,      // any number of characters that are no slash
      kDeepStar,  // any number of characters
    };
    Kind kind = Kind::kByte;
    char byte = 0;
    std::uint16_t set = 0;
    bool is_star() const { return kind == Kind::kStar || kind == Kind::kDeepStar; }
  };
  struct Set {
    bool negated = false;
    std::vector<std::pair<char32_t, char32_t>> ranges;
  };
  class Places;
  bool matches_tokens(std::string_view path) const;
  void close(Places& places) const;
  bool may_be_one_slash(std::size_t star) const;
  bool takes(const Token& token, char32_t character) const;

  std::string text_, below_;
  std::string must_hold_;  // the longest literal piece: what lacks it cannot match
  std::vector<Token> tokens_;
  std::vector<Set> sets_;
  bool exact_ = false;
};

/// Whether one of them matches; an empty list matches everything.
bool matches_any(const std::vector<PathPattern>& patterns, std::string_view path);

}  // namespace zkark::forensics
