#include <algorithm>

#include <fmt/format.h>

#include "src/cli/context.h"
#include "src/cli/text.h"
#include "src/cli/verb.h"

namespace zkark::cli {
namespace {

struct Options {
  std::optional<std::string> id;
};

Status run(Context& context, const Options& options) {
  Report report("explain");
  if (options.id) {
    const std::optional<ErrorId> id = parse_error_code(*options.id);
    if (!id)
      return fail(Error(ErrorId::kNotFound, fmt::format("no error has the id '{}'", *options.id))
                      .with_hint("`zkark explain` lists all ids"));
    const ErrorInfo& info = error_info(*id);
    report.field("id", "", Cell::string(error_code(*id))).field("title", "", Cell::string(info.title));
    report.field("explanation", "", Cell::string(info.explanation));
    report.field("exit", "", Cell::integer(exit_code(*id)));
    if (context.output.is_table()) {
      const unsigned wide = context.output.console().columns();
      const unsigned columns = wide == 0 ? 80 : std::clamp(wide, 40u, 100u);
      report.remark(context.output.bold(fmt::format("{}: {}", error_code(*id), info.title)));
      std::string text = wrap(info.explanation, columns, 0);
      text.pop_back();
      report.remark(std::move(text));
      report.remark(fmt::format("Exit status {}: {}.", exit_code(*id), exit_code_meaning(exit_code(*id))));
      for (const std::string& remark : report.remarks()) context.output.line(remark);
      return {};
    }
    context.output.print(report);
    return {};
  }
  Table& table =
      report.table("errors", {{"id", "ID"}, {"exit", "EXIT"}, {"title", "MEANING"}, {"explanation", ""}});
  for (const ErrorInfo& info : all_errors())
    table.row({Cell::string(error_code(info.id)), Cell::integer(exit_code(info.id)), Cell::string(info.title),
               Cell::string(info.explanation)});
  context.output.print(report);
  return {};
}

}  // namespace

Verb explain_verb() {
  VerbBuilder<Options> verb({
      .name = "explain",
      .group = Group::kMeta,
      .summary = "say what an error id means and what to do about it",
      .description =
          "Every error carries an id such as ZKA-0611 that never changes its meaning. Its first two digits "
          "are the exit status it stands for. Without an id, all are listed.",
      .examples = {{"zkark explain ZKA-0611", "what a checksum mismatch is"}, {"zkark explain", "all ids"}},
      .exit_codes = {5},
      .reads_config = false,
  });
  verb.argument("ID", &Options::id, "ZKA-0611, or just 611").completes(Completes::kErrorId);
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
