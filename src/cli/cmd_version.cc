#include <fmt/format.h>

#include "src/cli/context.h"
#include "src/cli/verb.h"
#include "src/cli/version.h"

#ifndef ZKARK_VERSION
#error "ZKARK_VERSION comes from CMake"
#endif

namespace zkark::cli {

const std::string_view kVersion = ZKARK_VERSION;

namespace {

struct Options {};

#if defined(__clang__)
constexpr std::string_view kCompiler = "clang " __clang_version__;
#else
constexpr std::string_view kCompiler = "gcc " __VERSION__;
#endif

Status run(Context& context, const Options&) {
  Report report("version");
  report.field("version", "", Cell::string(ZKARK_VERSION)).field("compiler", "", Cell::string(kCompiler));
  report.field("build", "", Cell::string(ZKARK_BUILD_TYPE));
  report.remark("zkark " ZKARK_VERSION);
  if (context.output.is_table()) report.remark(fmt::format("built by {}, {}", kCompiler, ZKARK_BUILD_TYPE));
  if (!context.output.is_table()) {
    context.output.print(report);
    return {};
  }
  for (const std::string& remark : report.remarks()) context.output.line(remark);
  return {};
}

}  // namespace

Verb version_verb() {
  VerbBuilder<Options> verb({
      .name = "version",
      .group = Group::kMeta,
      .summary = "print the version and how it was built",
      .examples = {{"zkark version --json", "for scripts"}},
      .reads_config = false,
  });
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
