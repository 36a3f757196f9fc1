// RE2 stays in this file.
#include "src/forensics/value_pattern.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include "formats/base/utf8.h"

namespace zkark::forensics {

struct ValuePattern::Compiled {
  // Over bytes that are no UTF-8 an expression for UTF-8 finds only what stands in sound characters; the one
  // for Latin-1 takes each byte as a character, so '.' and \xff match it.
  std::unique_ptr<re2::RE2> utf8, bytes;
  const re2::RE2& for_text(std::string_view text) const {
    return bytes->ok() && !is_utf8(text) ? *bytes : *utf8;
  }
};

namespace {

std::unique_ptr<re2::RE2> compile(std::string_view text, ValuePattern::Options options, bool latin1) {
  re2::RE2::Options how;
  how.set_log_errors(false);
  how.set_case_sensitive(!options.ignore_case);
  how.set_literal(options.literal);
  how.set_encoding(latin1 ? re2::RE2::Options::EncodingLatin1 : re2::RE2::Options::EncodingUTF8);
  how.set_max_mem(16 << 20);
  return std::make_unique<re2::RE2>(re2::StringPiece(text.data(), text.size()), how);
}

}  // namespace

Result<ValuePattern> ValuePattern::parse(std::string_view text, Options options) {
  auto compiled = std::make_shared<Compiled>();
  compiled->utf8 = compile(text, options, false);
  if (!compiled->utf8->ok())
    return fail(
        Error(ErrorId::kUsage,
              fmt::format("'{}' is no regular expression: {}", text, compiled->utf8->error()))
            .with_hint("RE2 syntax: . * + ? | ( ) [ ] { } ^ $ \\ have a meaning; a backslash takes them as "
                       "they are"));
  compiled->bytes = compile(text, options, true);
  ValuePattern pattern;
  pattern.text_ = text;
  pattern.compiled_ = std::move(compiled);
  return pattern;
}

bool ValuePattern::matches(std::optional<Bytes> value) const { return value && matches(as_text(*value)); }

/// Without the place of the match, which costs RE2 a second pass.
bool ValuePattern::matches(std::string_view text) const {
  return compiled_->for_text(text).Match({text.data(), text.size()}, 0, text.size(), re2::RE2::UNANCHORED,
                                         nullptr, 0);
}

std::optional<std::string_view> ValuePattern::find(std::string_view text) const {
  re2::StringPiece found;
  const re2::StringPiece whole(text.data(), text.size());
  if (!compiled_->for_text(text).Match(whole, 0, whole.size(), re2::RE2::UNANCHORED, &found, 1))
    return std::nullopt;
  return std::string_view(found.data(), found.size());
}

}  // namespace zkark::forensics
