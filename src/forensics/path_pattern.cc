#include "src/forensics/path_pattern.h"

#include <fmt/format.h>

#include <algorithm>

#include "formats/base/utf8.h"

namespace zkark::forensics {
namespace {

/// The next character as a pattern sees it: bytes that are no UTF-8 stand for themselves.
char32_t next_character(std::string_view& text) {
  const CodePoint point = decode_utf8(text);
  text.remove_prefix(point.length);
  return point.valid ? point.value : 0x110000 + point.value;
}

Failure bad(std::string_view text, std::string_view why, std::string hint) {
  return fail(
      Error(ErrorId::kUsage, fmt::format("the path pattern '{}' {}", text, why)).with_hint(std::move(hint)));
}

}  // namespace

/// Places in the list of tokens. Visiting sees what is added behind the place just visited.
class PathPattern::Places {
 public:
  explicit Places(std::size_t tokens) : words_used_(tokens / 64 + 1) {}
  void add(std::size_t place) { words_[place / 64] |= 1ULL << (place % 64); }
  bool has(std::size_t place) const { return (words_[place / 64] >> (place % 64) & 1) != 0; }
  void clear() { std::fill(words_, words_ + words_used_, 0); }
  template <class Visit>
  void for_each(Visit visit) const {
    for (std::size_t word = 0; word < words_used_; ++word) {
      std::uint64_t done = 0;
      while (const std::uint64_t left = words_[word] & ~done) {
        const auto bit = static_cast<unsigned>(__builtin_ctzll(left));
        done |= (2ULL << bit) - 1;
        visit(word * 64 + bit);
      }
    }
  }

 private:
  std::uint64_t words_[kMaxTokens / 64 + 1] = {};
  std::size_t words_used_;
};

Result<PathPattern> PathPattern::parse(std::string_view text) {
  PathPattern pattern;
  pattern.text_ = text;
  if (text.empty() || (text.front() != '/' && text.front() != '*'))
    return bad(text, "does not begin with a slash",
               "paths begin with /; '**' stands for anything before it: '**/config'");
  std::string literal, piece;  // up to the first wildcard; since the last one
  bool wild = false;
  std::string_view rest = text;
  while (!rest.empty()) {
    const char c = rest.front();
    if (c == '*' || c == '?' || c == '[') piece.clear();
    Token token;
    if (c == '*') {
      const bool deep = rest.starts_with("**");
      token.kind = deep ? Token::Kind::kDeepStar : Token::Kind::kStar;
      while (!rest.empty() && rest.front() == '*') rest.remove_prefix(1);
      wild = true;
      pattern.tokens_.push_back(token);
    } else if (c == '?') {
      rest.remove_prefix(1);
      token.kind = Token::Kind::kOne;
      wild = true;
      pattern.tokens_.push_back(token);
    } else if (c == '[') {
      rest.remove_prefix(1);
      Set set;
      if (!rest.empty() && (rest.front() == '!' || rest.front() == '^')) {
        set.negated = true;
        rest.remove_prefix(1);
      }
      bool closed = false;
      for (bool first = true; !rest.empty(); first = false) {
        if (rest.front() == ']' && !first) {
          rest.remove_prefix(1);
          closed = true;
          break;
        }
        const char32_t low = next_character(rest);
        char32_t high = low;
        if (rest.size() >= 2 && rest[0] == '-' && rest[1] != ']') {
          rest.remove_prefix(1);
          high = next_character(rest);
        }
        if (high < low) return bad(text, "has a range that ends before it begins", "write [a-z], not [z-a]");
        set.ranges.emplace_back(low, high);
      }
      if (!closed)
        return bad(text, "has a '[' without its ']'", "a backslash takes a character as it is: '\\['");
      token.kind = Token::Kind::kSet;
      token.set = static_cast<std::uint16_t>(pattern.sets_.size());
      pattern.sets_.push_back(std::move(set));
      wild = true;
      pattern.tokens_.push_back(token);
    } else {
      if (c == '\\' && rest.size() > 1) rest.remove_prefix(1);
      token.byte = rest.front();
      rest.remove_prefix(1);
      if (!wild) literal += token.byte;
      piece += token.byte;
      if (piece.size() > pattern.must_hold_.size()) pattern.must_hold_ = piece;
      pattern.tokens_.push_back(token);
    }
    if (pattern.tokens_.size() > kMaxTokens)
      return bad(text, "is too long", fmt::format("{} characters and wildcards at most", kMaxTokens));
  }
  if (!wild) {
    if (literal.size() > 1 && literal.back() == '/') literal.pop_back();
    if (literal.find("//") != std::string::npos) return bad(text, "has an empty name in it", "write / once");
    pattern.tokens_.clear();
    pattern.below_ = literal == "/" ? std::string() : literal;
  } else {
    // "/a/b*" can only match below /a.
    pattern.below_ = literal.substr(0, literal.rfind('/') == std::string::npos ? 0 : literal.rfind('/'));
  }
  return pattern;
}

PathPattern PathPattern::subtree(std::string_view path) {
  PathPattern pattern;
  pattern.text_ = path;
  pattern.below_ = path == "/" ? std::string_view() : path;
  return pattern;
}

PathPattern PathPattern::exactly(std::string_view path) {
  PathPattern pattern = subtree(path);
  pattern.exact_ = true;
  return pattern;
}

bool PathPattern::matches(std::string_view path) const {
  if (path == "/") path = "";
  if (exact_) return path == below_;
  if (!path.starts_with(below_)) return false;
  if (path.size() > below_.size() && path[below_.size()] != '/') return false;
  if (tokens_.empty()) return true;
  if (path.size() > 1 && path.find(must_hold_) == std::string_view::npos) return false;
  return matches_tokens(path.empty() ? std::string_view("/") : path);
}

bool PathPattern::takes(const Token& token, char32_t character) const {
  switch (token.kind) {
    case Token::Kind::kByte:
      return false;  // compared as bytes
    case Token::Kind::kOne:
    case Token::Kind::kStar:
      return character != '/';
    case Token::Kind::kDeepStar:
      return true;
    case Token::Kind::kSet: {
      if (character == '/') return false;
      const Set& set = sets_[token.set];
      const bool in = std::any_of(set.ranges.begin(), set.ranges.end(), [&](const auto& range) {
        return range.first <= character && character <= range.second;
      });
      return in != set.negated;
    }
  }
  return false;
}

/// All ways at once: the set of tokens before which a match may stand, so that no text makes it slow.
bool PathPattern::matches_tokens(std::string_view path) const {
  const std::size_t count = tokens_.size();
  Places now(count), next(count);
  now.add(0);
  close(now);
  while (!path.empty()) {
    const std::string_view before = path;
    const char32_t character = next_character(path);
    const std::string_view bytes = before.substr(0, before.size() - path.size());
    next.clear();
    now.for_each([&](std::size_t i) {
      if (i == count) return;
      const Token& token = tokens_[i];
      if (token.kind == Token::Kind::kByte) {
        // Literal tokens are bytes: a character of several takes as many tokens.
        std::size_t k = 0;
        while (k < bytes.size() && i + k < count && tokens_[i + k].kind == Token::Kind::kByte &&
               tokens_[i + k].byte == bytes[k])
          ++k;
        if (k != bytes.size()) return;
        next.add(i + k);
        if (may_be_one_slash(i + k)) next.add(i + k + 2);
      } else if (takes(token, character)) {
        next.add(token.is_star() ? i : i + 1);
      }
    });
    close(next);
    std::swap(now, next);
  }
  return now.has(count);
}

/// Stars may take nothing. Ascending: what is added lies behind, and is met on the way.
void PathPattern::close(Places& places) const {
  places.for_each([&](std::size_t i) {
    if (i < tokens_.size() && tokens_[i].is_star()) places.add(i + 1);
  });
}

/// "/**/" where its first slash was just taken: it may be that one slash.
bool PathPattern::may_be_one_slash(std::size_t star) const {
  const auto is_slash = [&](std::size_t i) {
    return i < tokens_.size() && tokens_[i].kind == Token::Kind::kByte && tokens_[i].byte == '/';
  };
  return star > 0 && star < tokens_.size() && tokens_[star].kind == Token::Kind::kDeepStar &&
         is_slash(star - 1) && is_slash(star + 1);
}

bool matches_any(const std::vector<PathPattern>& patterns, std::string_view path) {
  if (patterns.empty()) return true;
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const PathPattern& pattern) { return pattern.matches(path); });
}

}  // namespace zkark::forensics
