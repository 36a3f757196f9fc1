#include "src/cli/app.h"

#include <fmt/format.h>

#include <algorithm>

#include "formats/base/best_effort.h"
#include "src/cli/globals.h"
#include "src/cli/help.h"

namespace zkark::cli {
namespace {

std::string variable(const Environment& environment, const std::string& name) {
  auto found = environment.variables.find(name);
  return found == environment.variables.end() ? "" : found->second;
}

/// https://no-color.org and https://bixense.com/clicolors: --color wins, then NO_COLOR, then CLICOLOR_FORCE.
bool wants_color(const Environment& environment, Color color, bool is_terminal) {
  if (color != Color::kAuto) return color == Color::kAlways;
  if (!variable(environment, "NO_COLOR").empty()) return false;
  if (const std::string force = variable(environment, "CLICOLOR_FORCE"); !force.empty() && force != "0")
    return true;
  return is_terminal && variable(environment, "TERM") != "dumb";
}

OutputOptions output_options(const Environment& environment, const Globals& globals) {
  OutputOptions options;
  options.format = globals.format;
  options.log_format = globals.log_format;
  options.color_out = globals.format == Format::kTable &&
                      wants_color(environment, globals.color, environment.console.out_is_terminal());
  options.color_err = wants_color(environment, globals.color, environment.console.err_is_terminal());
  options.quiet = globals.quiet;
  options.verbose = globals.verbose ? 1 : 0;
  return options;
}

/// Before the options are understood an error must already be printed in the right form.
Globals guess_globals(const Environment& environment, const std::vector<std::string>& arguments) {
  Globals globals;
  std::string format = variable(environment, "ZKARK_OUTPUT");
  for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
    const std::string& word = arguments[i];
    if (word == "--json") format = "json";
    if ((word == "-o" || word == "--output") && i + 1 < arguments.size()) format = arguments[i + 1];
    if (word.rfind("--output=", 0) == 0) format = word.substr(9);
    if (word.rfind("-o", 0) == 0 && word.size() > 2) format = word.substr(2);
  }
  if (format == "json") globals.format = Format::kJson;
  if (format == "ndjson") globals.format = Format::kNdjson;
  return globals;
}

int finish(Output& output, Status status) {
  if (!status) output.report(status.error());
  if (Status flushed = output.flush(); !flushed) output.report(flushed.error());
  return output.exit().code();
}

unsigned help_columns(const Environment& environment) {
  const unsigned columns = environment.console.columns();
  return columns == 0 ? 80 : std::clamp(columns, 40u, 100u);
}

int run_verb(Environment& environment, const std::vector<Verb>& verbs, const Verb& verb,
             const Globals& globals, const Config& config, const CommandLine& line, const void* options) {
  // A reader that went away has seen enough; work that changes state is finished all the same.
  Output output(environment.console, output_options(environment, globals), [&] {
    if (!verb.info.changes_state) environment.job.stop.request_stop();
  });
  auto executor = environment.make_executor(static_cast<unsigned>(globals.jobs));
  Context context{environment.fs,
                  environment.clock,
                  environment.random,
                  *executor,
                  environment.system,
                  environment.job,
                  output,
                  globals,
                  config,
                  verbs,
                  environment.variables,
                  line,
                  environment.make_loop,
                  environment.make_log};
  const bool progress = !globals.no_progress && !globals.quiet && (verb.info.uses & kUsesProgress) != 0;
  Status status = [&] {
    struct Watch {  // ends with the verb, also when something throws
      Environment& environment;
      Output& output;
      ~Watch() {
        if (environment.watch) best_effort([this] { environment.watch(output, false, false); });
      }
    } watch{environment, output};
    if (environment.watch) environment.watch(output, true, progress);
    return verb.run(context, options);
  }();
  output.data().flush();
  if (!status && status.error().id() == ErrorId::kCancelled && output.reader_gone())
    return output.exit().code();
  return finish(output, std::move(status));
}

}  // namespace

int run_app(Environment& environment, const std::vector<Verb>& verbs, std::vector<std::string> arguments) {
  Output early(environment.console, output_options(environment, guess_globals(environment, arguments)));
  Result<CommandLine> line = parse_command_line(verbs, arguments);
  if (!line) return finish(early, fail(std::move(line).error()));
  if (line->verb == nullptr && !line->version && !line->help && !line->options.empty())
    return finish(early, fail(Error(ErrorId::kUsage, "there are options, but no verb")
                                  .with_hint("`zkark help` lists the verbs")));
  if (line->version) {
    line->verb = find_verb(verbs, "version");
  } else if (line->verb == nullptr || line->help) {
    early.data().append(line->verb == nullptr ? overview_text(verbs, help_columns(environment))
                                              : verb_help_text(*line->verb, help_columns(environment)));
    return finish(early, {});
  }
  const Verb& verb = *line->verb;

  Globals globals;
  Config config;
  Layers layers{*line, environment.variables, config, {}};
  if (Status settled = settle_globals(layers, globals); !settled) return finish(early, std::move(settled));
  if (verb.info.reads_config) {
    std::vector<Error> problems;
    config = load_config(environment.fs, config_paths(environment.variables, globals.config_file),
                         KnownKeys(verbs), problems);
    if (!problems.empty())
      return finish(early,
                    fail(std::move(problems.front()).with_hint("`zkark config check` lists every problem")));
    globals = {};
    if (Status settled = settle_globals(layers, globals); !settled) return finish(early, std::move(settled));
    layers.cluster = globals.cluster;
    if (layers.cluster) {  // once more: the cluster decides the repository
      globals = {};
      if (Status settled = settle_globals(layers, globals); !settled)
        return finish(early, std::move(settled));
    }
  }
  const std::shared_ptr<void> options = verb.make_options();
  if (Status settled = settle_verb(layers, verb, options.get()); !settled)
    return finish(early, std::move(settled));
  return run_verb(environment, verbs, verb, globals, config, *line, options.get());
}

}  // namespace zkark::cli
