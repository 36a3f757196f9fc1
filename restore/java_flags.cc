#include "restore/java_flags.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace zkark::restore {
namespace {

constexpr std::array kFiles = {std::string_view("zookeeper-env.sh"), std::string_view("java.env"),
                               std::string_view("environment")};
// In the order in which they come on java's command line.
constexpr std::array kVariables = {std::string_view("SERVER_JVMFLAGS"), std::string_view("JVMFLAGS"),
                                   std::string_view("JAVA_OPTS")};
constexpr std::uint64_t kMaxBytes = 1 << 20;

struct Flag {
  std::string text;
  std::string file;
};
using Flags = std::vector<Flag>;

bool is_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool ends_word(char c) {
  return is_blank(c) || std::string_view(";&|()<>").find(c) != std::string_view::npos;
}

std::size_t variable(std::string_view name) {
  return static_cast<std::size_t>(std::find(kVariables.begin(), kVariables.end(), name) - kVariables.begin());
}

/// One file, word by word, as a shell would take it apart.
class ShellReader {
 public:
  ShellReader(std::string_view text, const std::string& file, std::array<Flags, kVariables.size()>& variables)
      : text_(text), file_(file), variables_(variables) {}

  void run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else if (ends_word(c)) {
        ++at_;
      } else if (!assignment()) {
        value();  // some other word
      }
    }
  }

 private:
  bool assignment() {
    std::size_t end = at_;
    while (end < text_.size() && is_name(text_[end])) ++end;
    const std::size_t known = variable(text_.substr(at_, end - at_));
    if (known == kVariables.size()) return false;
    const bool more = text_.substr(end).starts_with("+=");
    if (!more && !text_.substr(end).starts_with("=")) return false;
    at_ = end + (more ? 2 : 1);
    Flags flags = value();
    Flags& into = variables_[known];
    if (!more) into.clear();
    into.insert(into.end(), flags.begin(), flags.end());
    return true;
  }

  /// To the end of the word, its quotes taken off. Java's flags are what blanks leave apart.
  Flags value() {
    flags_.clear();
    open_ = false;
    char quote = 0;
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (quote == 0 && ends_word(c)) break;
      if (c == quote) {
        quote = 0;
      } else if (quote == 0 && (c == '"' || c == '\'')) {
        quote = c;
      } else if (c == '\\' && quote != '\'' && at_ + 1 < text_.size()) {
        if (text_[++at_] != '\n') put(text_[at_]);
      } else if (c == '$' && quote != '\'') {
        reference();
      } else {
        put(c);
      }
    }
    return std::move(flags_);
  }

  void put(char c) {
    if (is_blank(c)) {
      open_ = false;
      return;
    }
    if (!open_) flags_.push_back({"", file_});
    open_ = true;
    flags_.back().text += c;
  }

  /// $NAME or ${NAME}, also with a default that is not looked at; text_[at_] is the $, then its last byte.
  void reference() {
    const bool braces = at_ + 1 < text_.size() && text_[at_ + 1] == '{';
    const std::size_t begin = at_ + (braces ? 2 : 1);
    std::size_t end = begin;
    while (end < text_.size() && is_name(text_[end])) ++end;
    const std::size_t known = variable(text_.substr(begin, end - begin));
    const std::size_t closing = braces ? text_.find('}', end) : end;
    if (known == kVariables.size() || closing == std::string_view::npos) return put('$');
    at_ = (braces ? closing + 1 : end) - 1;
    for (const Flag& flag : Flags(variables_[known])) {
      if (open_)
        flags_.back().text += flag.text;
      else
        flags_.push_back(flag);
      open_ = false;
    }
    // What follows without a blank belongs to the last one.
    open_ = !variables_[known].empty();
  }

  std::string_view text_;
  const std::string& file_;
  std::array<Flags, kVariables.size()>& variables_;
  std::size_t at_ = 0;
  Flags flags_;
  bool open_ = false;  // the last flag may go on
};

}  // namespace

std::vector<JavaProperty> java_properties(std::span<const ExtraFile> files) {
  std::array<Flags, kVariables.size()> variables;
  for (const ExtraFile& file : files) ShellReader(file.content, file.path, variables).run();
  std::vector<JavaProperty> properties;
  for (const Flags& flags : variables)
    for (const Flag& flag : flags) {
      if (!flag.text.starts_with("-D") || flag.text.size() == 2) continue;
      const std::string_view text = std::string_view(flag.text).substr(2);
      const std::size_t equals = text.find('=');
      const std::string key(text.substr(0, equals));
      std::erase_if(properties, [&](const JavaProperty& one) { return one.key == key; });
      const bool has_value = equals != std::string_view::npos;
      properties.push_back({key, std::string(has_value ? text.substr(equals + 1) : ""), flag.file});
    }
  return properties;
}

std::vector<ExtraFile> java_flag_files(ReadFs& fs, const std::string& dir, Findings& notes) {
  std::vector<ExtraFile> files;
  for (const std::string_view name : kFiles) {
    const std::string path = join_path(dir, name);
    Result<std::string> content = read_file(fs, path, kMaxBytes);
    if (content) {
      files.push_back({std::string(name), path, *std::move(content)});
    } else if (content.error().id() != ErrorId::kNoFile) {
      notes.push_back(finding_of(content.error(), Severity::kNote));
      notes.back().file = path;
      notes.back().hint = "what java gets from it is not known";
    }
  }
  return files;
}

}  // namespace zkark::restore
