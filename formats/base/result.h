#pragma once
// Result<T>: a value or an Error. Member names follow std::expected, so that moving to it later edits this
// header alone. Failures leave through `fail(...)`.
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

#include "formats/base/check.h"
#include "formats/base/error.h"

namespace zkark {

/// Marks an Error on its way out of a function; converts to any Result<T>.
struct Failure {
  Error error;
};

[[nodiscard]] inline Failure fail(Error error) { return Failure{std::move(error)}; }
[[nodiscard]] inline Failure fail(ErrorId id, std::string message) {
  return Failure{Error(id, std::move(message))};
}

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit by design
  Result(Failure failure) : state_(std::in_place_index<1>, std::move(failure.error)) {}  // NOLINT

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() & {
    ZK_CHECK(has_value());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    ZK_CHECK(has_value());
    return *std::get_if<0>(&state_);
  }
  T&& value() && {
    ZK_CHECK(has_value());
    return std::move(*std::get_if<0>(&state_));
  }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  Error& error() & {
    ZK_CHECK(!has_value());
    return *std::get_if<1>(&state_);
  }
  const Error& error() const& {
    ZK_CHECK(!has_value());
    return *std::get_if<1>(&state_);
  }
  Error&& error() && {
    ZK_CHECK(!has_value());
    return std::move(*std::get_if<1>(&state_));
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  Result() = default;
  Result(Failure failure) : error_(std::move(failure.error)) {}  // NOLINT: implicit by design

  bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }
  Error& error() & {
    ZK_CHECK(error_.has_value());
    return *error_;
  }
  const Error& error() const& {
    ZK_CHECK(error_.has_value());
    return *error_;
  }
  Error&& error() && {
    ZK_CHECK(error_.has_value());
    return std::move(*error_);
  }

 private:
  std::optional<Error> error_;
};

/// The outcome of work that gives no value.
using Status = Result<void>;

inline Status ok() { return {}; }

}  // namespace zkark

#define ZK_CONCAT_INNER(a, b) a##b
#define ZK_CONCAT(a, b) ZK_CONCAT_INNER(a, b)

/// ZK_TRY(auto value, expression): declares `value` from a Result, or returns its Error from this function.
#define ZK_TRY(declaration, expression) \
  ZK_TRY_IMPL(ZK_CONCAT(zk_try_result_, __LINE__), declaration, expression)
#define ZK_TRY_IMPL(result, declaration, expression)            \
  auto result = (expression);                                   \
  if (!result) return ::zkark::fail(std::move(result).error()); \
  declaration = std::move(result).value()

/// ZK_TRY_STATUS(expression): returns the Error of a failed Result or Status; drops the value.
#define ZK_TRY_STATUS(expression)                             \
  do {                                                        \
    if (auto zk_try_status = (expression); !zk_try_status)    \
      return ::zkark::fail(std::move(zk_try_status).error()); \
  } while (false)
