#include "src/cli/service_notices.h"

#include <fmt/format.h>

#include "formats/base/system.h"
#include "src/cli/text.h"
#include "src/cli/values.h"

namespace zkark::cli {
namespace {

std::int64_t number_in(Context& context, const char* variable) {
  const auto found = context.variables.find(variable);
  if (found == context.variables.end()) return 0;
  const Result<std::int64_t> number = parse_number(found->second, 1, INT64_MAX);
  return number ? *number : 0;
}

}  // namespace

ServiceNotices::ServiceNotices(Context& context, LoopHandle& handle) : handle_(handle) {
  const std::int64_t pid = number_in(context, "WATCHDOG_PID"), usec = number_in(context, "WATCHDOG_USEC");
  const bool ours = pid == 0 || pid == static_cast<std::int64_t>(context.system.pid());
  if (usec != 0 && ours) period_ms_ = std::max<std::int64_t>(usec / 2'000, 1);
}

ServiceNotices::~ServiceNotices() {
  if (timer_ != 0) handle_.loop().cancel(timer_);
}

void ServiceNotices::ready(std::string_view status) {
  // A line break in a path would begin another assignment.
  handle_.notify(fmt::format("READY=1\nSTATUS={}", escape_terminal(status)));
  if (period_ms_ != 0) sign_of_life();
}

void ServiceNotices::stopping() { handle_.notify("STOPPING=1\nSTATUS=stopping"); }

void ServiceNotices::failed(const Error& why) {
  handle_.notify(fmt::format("STATUS={}", escape_terminal(why.to_string())));
}

void ServiceNotices::sign_of_life() {
  handle_.notify("WATCHDOG=1");
  timer_ = handle_.loop().call_after(period_ms_, [this] { sign_of_life(); });
}

}  // namespace zkark::cli
