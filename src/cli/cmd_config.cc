#include <fmt/format.h>

#include <set>

#include "src/cli/app.h"
#include "src/cli/context.h"
#include "src/cli/globals.h"
#include "src/cli/verb.h"

namespace zkark::cli {
namespace {

enum class Action : std::uint8_t { kCheck, kShow };

struct Options {
  Action action = Action::kShow;
  bool origin = false;
};

/// ZKARK_ variables that no option listens to are nearly always misspelt.
void warn_of_unknown_variables(Context& context) {
  std::vector<std::string> known;
  for (const OptionRow& row : global_options()) known.push_back(variable_name(row, nullptr));
  for (const Verb& verb : context.verbs)
    for (const auto* rows : {&verb.options, &verb.arguments})
      for (const OptionRow& row : *rows)
        if (!row.from_command_line_only && row.negated.empty()) known.push_back(variable_name(row, &verb));
  const std::set<std::string> names(known.begin(), known.end());
  for (const auto& [name, value] : context.variables) {
    if (name.rfind("ZKARK_", 0) != 0 || names.count(name) != 0) continue;
    const std::string near = nearest(name, known);
    context.output.warn(fmt::format("no option listens to the variable {}{}", name,
                                    near.empty() ? "" : fmt::format("; did you mean {}?", near)));
  }
}

Status check(Context& context, const Config& config, const std::vector<Error>& problems) {
  warn_of_unknown_variables(context);
  Report report("config");
  report.field("files", Cell::list(config.files())).field("problems", Cell::count(problems.size()));
  if (problems.empty()) report.remark(fmt::format("ok: {} keys set", config.values().size()));
  context.output.print(report);
  for (const Error& one : problems) context.output.report(one);
  return {};
}

void show(Context& context, const Config& config, bool with_origin) {
  Report report("config");
  Table& table =
      report.table("values", {{"key", "KEY"}, {"value", "VALUE"}, {"origin", with_origin ? "ORIGIN" : ""}});
  auto add = [&](const std::string& key, const ConfigValue& value, bool repeated) {
    table.row(
        {Cell::string(key),
         repeated ? Cell::list(value.values) : Cell::string(value.values.empty() ? "" : value.values.front()),
         Cell::string(value.origin.to_string())});
  };
  Layers layers{context.line, context.variables, config, context.globals.cluster};
  if (const ConfigValue* cluster = config.find("defaults.cluster"); cluster != nullptr && !layers.cluster)
    layers.cluster = cluster->values.front();
  for (const OptionRow& row : global_options()) {
    if (row.name == "json" || !is_used(row, context.verbs)) continue;
    if (std::optional<ConfigValue> value = effective_value(layers, row, nullptr))
      add(row.name, *value, row.repeated);
    else
      add(row.name, {{row.kind == ValueKind::kFlag ? "false" : row.default_shown}, {}}, false);
  }
  for (const Verb& verb : context.verbs)
    for (const OptionRow& row : verb.options)
      if (std::optional<ConfigValue> value = effective_value(layers, row, &verb))
        if (value->origin.kind == Origin::Kind::kEnvironment || value->origin.kind == Origin::Kind::kFile)
          add(fmt::format("{}.{}", verb.info.name, row.name), *value, row.repeated);
  for (const char* kind : {"cluster", "repo", "retention"})
    for (const auto& [key, value] : config.values())
      if (key.rfind(std::string(kind) + ".", 0) == 0) add(key, value, value.values.size() != 1);
  context.output.print(report);
}

Status run(Context& context, const Options& options) {
  std::vector<Error> problems;
  const Config config = load_config(context.fs, config_paths(context.variables, context.globals.config_file),
                                    KnownKeys(context.verbs), problems);
  if (options.action == Action::kCheck) return check(context, config, problems);
  show(context, config, options.origin);
  for (const Error& one : problems) context.output.report(one);
  return {};
}

}  // namespace

Verb config_verb() {
  VerbBuilder<Options> verb({
      .name = "config",
      .group = Group::kMeta,
      .summary = "check the configuration, or show what counts and why",
      .description =
          "Configuration is TOML, read from /etc/zkark/zkark.toml, /etc/zkark/conf.d/*.toml in "
          "name order, and "
          "~/.config/zkark/zkark.toml (or the file of --config). Later files win key by key; "
          "environment variables win "
          "over files, the command line over both.\n\n"
          "Global options stand under [defaults] (color = \"never\"), those of a verb under its name "
          "([backup]). [repo.NAME] url "
          "gives repositories short names for -r, [cluster.NAME] holds what belongs to a cluster "
          "(repo, source, ...), "
          "[retention.NAME] what prune keeps of it. A key that nothing knows is an error.",
      .examples = {{"zkark config check", "every problem with file, line and column"},
                   {"zkark config show --origin", "each value, and the file, variable or flag that set it"}},
      .reads_config = false,
  });
  verb.argument_choice("ACTION", &Options::action,
                       {{"check", Action::kCheck, "read everything, list every problem"},
                        {"show", Action::kShow, "print what counts"}},
                       "what to do")
      .required();
  verb.flag("origin", &Options::origin, "also say where each value comes from");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
