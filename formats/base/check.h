#pragma once
// ZK_CHECK: for our own mistakes, never for input. On in release builds: a broken invariant stops the
// process before it can write a wrong byte.
namespace zkark {
[[noreturn]] void check_failed(const char* expression, const char* file, int line);
}
#define ZK_CHECK(expression) \
  ((expression) ? static_cast<void>(0) : ::zkark::check_failed(#expression, __FILE__, __LINE__))
