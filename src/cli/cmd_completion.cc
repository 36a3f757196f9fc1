#include "src/cli/completion.h"
#include "src/cli/context.h"
#include "src/cli/verb.h"

namespace zkark::cli {
namespace {

enum class Shell : std::uint8_t { kBash, kZsh, kFish };

struct Options {
  Shell shell = Shell::kBash;
};

std::string script_for(Shell shell, const std::vector<Verb>& verbs) {
  switch (shell) {
    case Shell::kBash:
      return bash_completion(verbs);
    case Shell::kZsh:
      return zsh_completion(verbs);
    case Shell::kFish:
      return fish_completion(verbs);
  }
  return {};
}

Status run(Context& context, const Options& options) {
  const std::string script = script_for(options.shell, context.verbs);
  if (context.output.is_json()) {
    Report report("completion");
    report.field("script", Cell::string(script));
    context.output.print(report);
  } else {
    context.output.data().append(script);
  }
  return {};
}

}  // namespace

Verb completion_verb() {
  VerbBuilder<Options> verb({
      .name = "completion",
      .group = Group::kMeta,
      .summary = "print the completion script of a shell",
      .description = "Completes verbs, options, their values, files, names from the configuration, and the "
                     "ids of backups "
                     "in the repository that the line names.",
      .examples = {{"source <(zkark completion bash)", "for this shell"},
                   {"zkark completion bash > /etc/bash_completion.d/zkark", "for all"},
                   {"zkark completion zsh > ~/.zfunc/_zkark", "with ~/.zfunc in fpath"},
                   {"zkark completion fish > ~/.config/fish/completions/zkark.fish", ""}},
      .reads_config = false,
  });
  verb.argument_choice("SHELL", &Options::shell,
                       {{"bash", Shell::kBash}, {"zsh", Shell::kZsh}, {"fish", Shell::kFish}}, "which shell")
      .required();
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
