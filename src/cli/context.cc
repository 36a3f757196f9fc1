#include "src/cli/context.h"

#include <fmt/format.h>

#include "src/cli/config.h"
#include "src/cli/text.h"

namespace zkark::cli {

bool Context::has_repository() const { return globals.repository.has_value(); }

Result<std::string> Context::repository() const {
  if (!globals.repository)
    return fail(
        Error(ErrorId::kUsage, "no repository was named")
            .with_hint("-r REPO, ZKARK_REPO, or `repo = \"…\"` under [defaults] in the configuration file"));
  const std::string& name = *globals.repository;
  if (const ConfigValue* url = config.find("repo." + name + ".url")) return url->values.front();
  // A name without a slash that looks like one of [repo.NAME] is more likely misspelt than a directory here.
  if (name.find('/') == std::string::npos && name.find(':') == std::string::npos) {
    const std::string near = nearest(name, config.names("repo"));
    ZK_TRY(const bool there, exists(fs, name));
    if (!near.empty() && !there)
      return fail(Error(ErrorId::kUsage,
                        fmt::format("no [repo.{}] in the configuration, and no directory of that name", name))
                      .with_hint(fmt::format("did you mean '{}'?", near)));
  }
  return name;
}

Status Context::confirm(std::string_view question) const {
  if (globals.yes) return {};
  const Console& console = output.console();
  if (globals.no_input || !console.in_is_terminal() || !console.err_is_terminal())
    return fail(Error(ErrorId::kNeedsConfirmation, fmt::format("this needs a yes: {}", question))
                    .with_hint("add --yes, or run it on a terminal"));
  std::string answer;
  if (output.ask(fmt::format("{} [y/N] ", escape_terminal(question)), answer) &&
      (answer == "y" || answer == "Y" || answer == "yes"))
    return {};
  ZK_TRY_STATUS(job.check());
  return fail(ErrorId::kNeedsConfirmation, "not confirmed; nothing was changed");
}

Result<std::string> Context::cache_directory() const {
  if (globals.cache_dir) return *globals.cache_dir;
  auto variable = [&](const char* name) {
    auto found = variables.find(name);
    return found == variables.end() ? std::string() : found->second;
  };
  if (const std::string xdg = variable("XDG_CACHE_HOME"); !xdg.empty() && xdg[0] == '/')
    return join_path(xdg, "zkark");
  if (const std::string home = variable("HOME"); !home.empty()) return join_path(home, ".cache/zkark");
  return fail(Error(ErrorId::kUsage, "no place for the cache: HOME is not set").with_hint("--cache-dir DIR"));
}

}  // namespace zkark::cli
