#pragma once
// One Error type for the whole program: what went wrong (a stable id and a sentence), where (file, offset,
// zxid), and a way out (hint). The list of ids is error_ids.inc; an id's number divided by 100 is the exit
// code.
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace zkark {

enum class ErrorId : std::uint16_t {
#define ZK_ERROR_ID(name, number, title, explanation) name = number,
#include "formats/base/error_ids.inc"
#undef ZK_ERROR_ID
};

/// One row of the list of errors, as `zkark explain ID` prints it.
struct ErrorInfo {
  ErrorId id;
  std::string_view name;         // kChecksumMismatch
  std::string_view title;        // half a line
  std::string_view explanation;  // what it means, why it happens, what to do: a paragraph
};

/// Every id there is, in ascending order of number. Static storage.
std::span<const ErrorInfo> all_errors();
const ErrorInfo& error_info(ErrorId id);
/// "ZKA-0611".
std::string error_code(ErrorId id);
/// Finds an id from "ZKA-0611", "zka-611" or "611".
std::optional<ErrorId> parse_error_code(std::string_view text);
/// The exit code an id stands for: number / 100; kCancelled is 130.
int exit_code(ErrorId id);

/// One pointer wide; moves only. Never empty except after a move.
class [[nodiscard]] Error {
 public:
  Error(ErrorId id, std::string message);
  Error(Error&&) noexcept;
  Error& operator=(Error&&) noexcept;
  ~Error();
  Error clone() const;

  ErrorId id() const;
  const std::string& message() const;           // one sentence, no trailing dot, no newline
  const std::string& file() const;              // empty when no file is meant
  std::optional<std::uint64_t> offset() const;  // in bytes, in `file`
  std::optional<std::int64_t> zxid() const;
  const std::string& hint() const;  // what to do next; empty when there is nothing to say
  int system_errno() const;         // 0 unless the operating system said so

  /// Adds where it happened. What is set already stays: the innermost place is the exact one.
  Error&& at(std::string_view file) &&;
  Error&& at(std::string_view file, std::uint64_t offset) &&;
  Error&& at_offset(std::uint64_t offset) &&;
  Error&& at_zxid(std::int64_t zxid) &&;
  /// Sets the hint unless one is set already.
  Error&& with_hint(std::string hint) &&;
  Error&& with_errno(int number) &&;
  /// Puts "context: " in front of the message.
  Error&& context(std::string_view text) &&;

  /// "message (FILE, offset 0x10, zxid 0x5)": one line, without id and hint.
  std::string to_string() const;

 private:
  struct Detail;
  std::unique_ptr<Detail> detail_;
};

}  // namespace zkark
