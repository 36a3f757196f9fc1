#pragma once
// What a running verb has: the seams, the options that all verbs share, and the configuration.
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/clock.h"
#include "formats/base/executor.h"
#include "formats/base/fs.h"
#include "formats/base/job.h"
#include "formats/base/random.h"
#include "formats/base/result.h"
#include "src/cli/output.h"

namespace zkark {
class Log;
class System;
}  // namespace zkark

namespace zkark::cli {

class Config;
struct CommandLine;
struct LoopHandle;  // src/cli/loop_handle.h
struct Verb;

struct Globals {
  std::optional<std::string> repository;  // as typed: a URL or a name of [repo.NAME]
  std::optional<std::string> config_file;
  std::optional<std::string> cluster;
  Format format = Format::kTable;
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  LogFormat log_format = LogFormat::kAuto;
  Color color = Color::kAuto;
  bool no_progress = false;
  bool no_input = false;
  bool yes = false;
  std::int64_t lock_wait_ms = 0;
  bool no_lock = false;
  std::int64_t jobs = 0;  // 0 = one per processor
  std::optional<std::string> time_zone;
  std::optional<std::string> cache_dir;
};

struct Context {
  Fs& fs;
  Clock& clock;
  Random& random;
  Executor& executor;
  System& system;
  Job& job;
  Output& output;
  const Globals& globals;
  const Config& config;
  const std::vector<Verb>& verbs;
  const std::map<std::string, std::string>& variables;  // the environment
  const CommandLine& line;                              // as it was typed
  const std::function<std::unique_ptr<LoopHandle>()>& make_loop;
  const std::function<Result<std::unique_ptr<Log>>(const std::string& path)>& make_log;

  /// The repository of -r, ZKARK_REPO, the cluster's `repo` or the configuration's `repo`, a name of
  /// [repo.NAME] resolved to its URL. kUsage with a hint when none was given.
  Result<std::string> repository() const;
  /// True when one was given.
  bool has_repository() const;
  /// Asks `question` [y/N] on the terminal. ok with --yes; kNeedsConfirmation when the answer is no, or when
  /// there is nobody to ask (no terminal, --no-input).
  Status confirm(std::string_view question) const;
  /// Where caches go: --cache-dir, else XDG_CACHE_HOME/zkark, else ~/.cache/zkark. Not created.
  Result<std::string> cache_directory() const;
};

}  // namespace zkark::cli
