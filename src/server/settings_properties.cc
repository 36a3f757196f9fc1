#include "src/server/settings_properties.h"

#include <fmt/format.h>

#include <vector>

namespace zkark::server {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n'; }

/// The words of a POSIX shell (XCU 2.2 Quoting), without its expansions.
class ShellWords {
 public:
  explicit ShellWords(std::string_view text) : text_(text) {}

  /// Nullopt: a quote has no end.
  std::optional<std::vector<std::string>> split() {
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (is_blank(c))
        end_word();
      else if (!character(c))
        return std::nullopt;
    }
    end_word();
    return std::move(words_);
  }

 private:
  bool character(char c) {
    in_word_ = true;  // '' is a word too
    if (c == '\'') return quoted('\'');
    if (c == '"') return quoted('"');
    if (c == '\\' && at_ + 1 < text_.size()) {
      if (text_[++at_] != '\n') word_ += text_[at_];
      return true;
    }
    word_ += c;
    return true;
  }

  bool quoted(char quote) {
    for (++at_; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (c == quote) return true;
      const bool escape = quote == '"' && c == '\\' && at_ + 1 < text_.size() &&
                          std::string_view("$`\"\\\n").find(text_[at_ + 1]) != std::string_view::npos;
      if (!escape)
        word_ += c;
      else if (text_[++at_] != '\n')
        word_ += text_[at_];
    }
    return false;
  }

  void end_word() {
    if (in_word_) words_.push_back(std::move(word_));
    word_.clear();
    in_word_ = false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string word_;
  bool in_word_ = false;
  std::vector<std::string> words_;
};

}  // namespace

Status define_property(PropertyMap& properties, std::string_view definition, std::string_view origin) {
  const std::size_t equals = definition.find('=');
  const std::string_view name = definition.substr(0, equals);
  if (name.empty())
    return fail(Error(ErrorId::kUsage, fmt::format("'-D{}' names no property", definition))
                    .with_hint("-Dname=value, as in -Dzookeeper.snapCount=100000"));
  const std::string_view value =
      equals == std::string_view::npos ? std::string_view() : definition.substr(equals + 1);
  properties.insert_or_assign(std::string(name), SystemProperty{std::string(value), std::string(origin)});
  return ok();
}

Status add_jvm_flags(PropertyMap& properties, std::string_view flags, std::string_view origin) {
  const std::optional<std::vector<std::string>> words = ShellWords(flags).split();
  if (!words) return fail(ErrorId::kBadConfig, fmt::format("{}: a quote has no end", origin));
  for (std::string_view word : *words)
    if (word.starts_with("-D") && word.size() > 2 && word[2] != '=')  // "-D" alone stops no Java either
      ZK_TRY_STATUS(define_property(properties, word.substr(2), origin));
  return ok();
}

}  // namespace zkark::server
