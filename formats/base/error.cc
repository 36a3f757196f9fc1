#include "formats/base/error.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>

#include "formats/base/check.h"

namespace zkark {
namespace {

constexpr std::array kErrors = {
#define ZK_ERROR_ID(name, number, title, explanation) ErrorInfo{ErrorId::name, #name, title, explanation},
#include "formats/base/error_ids.inc"
#undef ZK_ERROR_ID
};

}  // namespace

void check_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "zkark: internal check failed: %s (%s:%d)\n", expression, file, line);
  std::abort();
}

std::span<const ErrorInfo> all_errors() { return kErrors; }

const ErrorInfo& error_info(ErrorId id) {
  for (const ErrorInfo& row : kErrors)
    if (row.id == id) return row;
  return kErrors[0];
}

std::string error_code(ErrorId id) { return fmt::format("ZKA-{:04}", static_cast<unsigned>(id)); }

std::optional<ErrorId> parse_error_code(std::string_view text) {
  if (text.size() > 4 && (text.substr(0, 4) == "ZKA-" || text.substr(0, 4) == "zka-")) text.remove_prefix(4);
  unsigned number = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  for (const ErrorInfo& row : kErrors)
    if (static_cast<unsigned>(row.id) == number) return row.id;
  return std::nullopt;
}

int exit_code(ErrorId id) {
  if (id == ErrorId::kCancelled) return 130;
  return static_cast<int>(id) / 100;
}

struct Error::Detail {
  ErrorId id;
  std::string message;
  std::string file;
  std::optional<std::uint64_t> offset;
  std::optional<std::int64_t> zxid;
  std::string hint;
  int system_errno = 0;
};

Error::Error(ErrorId id, std::string message)
    : detail_(std::make_unique<Detail>(Detail{id, std::move(message), {}, {}, {}, {}, 0})) {}
Error::Error(Error&&) noexcept = default;
Error& Error::operator=(Error&&) noexcept = default;
Error::~Error() = default;

Error Error::clone() const {
  Error copy(detail_->id, detail_->message);
  *copy.detail_ = *detail_;
  return copy;
}

ErrorId Error::id() const { return detail_->id; }
const std::string& Error::message() const { return detail_->message; }
const std::string& Error::file() const { return detail_->file; }
std::optional<std::uint64_t> Error::offset() const { return detail_->offset; }
std::optional<std::int64_t> Error::zxid() const { return detail_->zxid; }
const std::string& Error::hint() const { return detail_->hint; }
int Error::system_errno() const { return detail_->system_errno; }

Error&& Error::at(std::string_view file) && {
  if (detail_->file.empty()) detail_->file = file;
  return std::move(*this);
}
Error&& Error::at(std::string_view file, std::uint64_t offset) && {
  return std::move(*this).at(file).at_offset(offset);
}
Error&& Error::at_offset(std::uint64_t offset) && {
  if (!detail_->offset) detail_->offset = offset;
  return std::move(*this);
}
Error&& Error::at_zxid(std::int64_t zxid) && {
  if (!detail_->zxid) detail_->zxid = zxid;
  return std::move(*this);
}
Error&& Error::with_hint(std::string hint) && {
  if (detail_->hint.empty()) detail_->hint = std::move(hint);
  return std::move(*this);
}
Error&& Error::with_errno(int number) && {
  detail_->system_errno = number;
  return std::move(*this);
}
Error&& Error::context(std::string_view text) && {
  detail_->message = fmt::format("{}: {}", text, detail_->message);
  return std::move(*this);
}

std::string Error::to_string() const {
  std::string where = detail_->file;
  auto add = [&](std::string part) { where += (where.empty() ? "" : ", ") + std::move(part); };
  if (detail_->offset) add(fmt::format("offset {:#x}", *detail_->offset));
  if (detail_->zxid) add(fmt::format("zxid {:#x}", static_cast<std::uint64_t>(*detail_->zxid)));
  return where.empty() ? detail_->message : fmt::format("{} ({})", detail_->message, where);
}

}  // namespace zkark
