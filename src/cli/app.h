#pragma once
// From argv to an exit status: finds the verb, reads its options from command line, environment and
// configuration, runs it, prints what failed.
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/base/clock.h"
#include "formats/base/executor.h"
#include "formats/base/fs.h"
#include "formats/base/job.h"
#include "formats/base/log.h"
#include "formats/base/random.h"
#include "src/cli/config.h"
#include "src/cli/context.h"
#include "src/cli/loop_handle.h"
#include "src/cli/output.h"
#include "src/cli/verb.h"

namespace zkark::cli {

/// Everything a run takes from outside; main.cc makes it of the real seams, tests of simulated ones.
struct Environment {
  Fs& fs;
  Clock& clock;
  Random& random;
  System& system;
  Console& console;
  Job& job;
  std::map<std::string, std::string> variables;
  /// An Executor of that many threads; 0 = one per processor.
  std::function<std::unique_ptr<Executor>(unsigned)> make_executor;
  /// Called before the verb runs and with false after it: time to start and stop watching job.progress.
  std::function<void(Output&, bool running, bool show_progress)> watch;
  /// What network verbs run on.
  std::function<std::unique_ptr<LoopHandle>()> make_loop = {};
  /// The application log of a server: to that file, which is rotated; "" = stderr.
  std::function<Result<std::unique_ptr<Log>>(const std::string& path)> make_log = {};
};

/// Never throws except for what third parties throw out of a verb.
int run_app(Environment& environment, const std::vector<Verb>& verbs, std::vector<std::string> arguments);

/// One option as it stood on the command line; a missing value is an option without one.
struct GivenOption {
  const OptionRow* row;
  std::vector<std::optional<std::string>> values;
};

struct CommandLine {
  const Verb* verb = nullptr;  // null: `zkark` alone, --help or --version before any verb
  bool help = false, version = false;
  std::vector<GivenOption> options;  // of the verb and global, one per row
  std::vector<std::string> arguments;
};

/// Takes `arguments` (without the program's name) apart by the verb table. kUsage with "did you mean" for
/// what is unknown, and for options whose value is missing.
Result<CommandLine> parse_command_line(const std::vector<Verb>& verbs,
                                       const std::vector<std::string>& arguments);

/// An empty text is never a value: mostly it is a variable of a script that was not set.
Error empty_value(const OptionRow& row);

/// Where the values of a verb's options come from. Fills `options` (of verb.make_options()) from the command
/// line, then the environment, then [cluster.NAME] and [retention.NAME], then [VERB].
struct Layers {
  const CommandLine& line;
  const std::map<std::string, std::string>& variables;
  const Config& config;
  std::optional<std::string> cluster;
};
Status settle_globals(const Layers& layers, Globals& globals);
/// The value that counts for one option (`verb` null: a global one), with its origin; nothing when the
/// default does. An option without its value is "true".
std::optional<ConfigValue> effective_value(const Layers& layers, const OptionRow& row, const Verb* verb);
Status settle_verb(const Layers& layers, const Verb& verb, void* options);

}  // namespace zkark::cli
