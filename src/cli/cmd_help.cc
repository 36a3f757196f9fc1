#include <algorithm>

#include <fmt/format.h>

#include "src/cli/context.h"
#include "src/cli/help.h"
#include "src/cli/verb.h"

namespace zkark::cli {
namespace {

struct Options {
  std::optional<std::string> verb;
};

void add_rows(Table& table, const std::vector<OptionRow>& rows, std::string_view kind) {
  for (const OptionRow& row : rows)
    table.row({Cell::string(kind), Cell::string(row.name),
               Cell::string(row.letter == 0 ? "" : std::string(1, row.letter)),
               Cell::string_or_null(row.value_name), Cell::boolean(row.is_required),
               Cell::boolean(row.repeated), Cell::string_or_null(row.default_shown), Cell::string(row.help)});
}

void print_data(Context& context, const Verb* verb) {
  Report report("help");
  if (verb == nullptr) {
    Table& table = report.table("verbs", {{"name", "VERB"}, {"group", "GROUP"}, {"summary", "SUMMARY"}});
    for (const Verb& one : context.verbs)
      if (!one.info.hidden)
        table.row({Cell::string(one.info.name), Cell::string(group_title(one.info.group)),
                   Cell::string(one.info.summary)});
  } else {
    report.field("verb", Cell::string(verb->info.name)).field("summary", Cell::string(verb->info.summary));
    report.field("usage", Cell::string(usage_line(*verb)));
    Table& table = report.table("options", {{"kind", "KIND"},
                                            {"name", "NAME"},
                                            {"letter", "LETTER"},
                                            {"value", "VALUE"},
                                            {"required", "REQUIRED"},
                                            {"repeated", "REPEATED"},
                                            {"default", "DEFAULT"},
                                            {"help", "HELP"}});
    add_rows(table, verb->arguments, "argument");
    add_rows(table, verb->options, "option");
  }
  context.output.print(report);
}

Status run(Context& context, const Options& options) {
  const Verb* verb = nullptr;
  if (options.verb) {
    verb = find_verb(context.verbs, *options.verb);
    if (verb == nullptr) {
      std::vector<std::string> names;
      for (const Verb& one : context.verbs) names.emplace_back(one.info.name);
      Error error(ErrorId::kUsage, fmt::format("no verb '{}'", *options.verb));
      const std::string near = nearest(*options.verb, names);
      if (!near.empty())
        error = std::move(error).with_hint(fmt::format("did you mean 'zkark help {}'?", near));
      return fail(std::move(error));
    }
  }
  if (!context.output.is_table()) {
    print_data(context, verb);
    return {};
  }
  const unsigned wide = context.output.console().columns();
  const unsigned columns = wide == 0 ? 80 : std::clamp(wide, 40u, 100u);
  context.output.data().append(verb == nullptr ? overview_text(context.verbs, columns)
                                               : verb_help_text(*verb, columns));
  return {};
}

}  // namespace

Verb help_verb() {
  VerbBuilder<Options> verb({
      .name = "help",
      .group = Group::kMeta,
      .summary = "show all verbs, or everything about one",
      .description =
          "The same text as `zkark VERB --help`. With --json the table of options that help, completion and "
          "manual pages are made from.",
      .examples = {{"zkark help explain", "arguments, options, examples and exit status of explain"}},
      .reads_config = false,
  });
  verb.argument("VERB", &Options::verb, "the verb to explain").completes(Completes::kVerb);
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
