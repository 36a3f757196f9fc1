#pragma once
// The configuration: TOML files, merged key by key. Later in this list wins: /etc/zkark/zkark.toml,
// /etc/zkark/conf.d/*.toml in name order, then the user's ~/.config/zkark/zkark.toml or the file of --config.
// Flags and environment win over all of it. Known keys are made from the verb table: [defaults] with global
// options, [VERB] with the options of a verb, [repo.NAME] url, [cluster.NAME] and [retention.NAME] with what
// options take from there. Any other key is an error that names the nearest.
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/fs.h"
#include "formats/base/result.h"
#include "src/cli/verb.h"

namespace zkark::cli {

/// Where a value came from, for `config show --origin`.
struct Origin {
  enum class Kind : std::uint8_t { kDefault, kFile, kEnvironment, kFlag };
  Kind kind = Kind::kDefault;
  std::string name;  // file, variable or flag
  std::uint32_t line = 0, column = 0;
  /// "/etc/zkark/zkark.toml:3:1", "ZKARK_REPO", "--repo", "default".
  std::string to_string() const;
};

struct ConfigValue {
  std::vector<std::string> values;  // one, or the items of an array; "k=v" for the keys of a table
  Origin origin;
};

class Config {
 public:
  /// nullptr when no file says anything about it. Keys are dotted: "repo.main.url", "backup.prove", "color".
  const ConfigValue* find(std::string_view key) const;
  /// All keys that were set, in order.
  const std::map<std::string, ConfigValue, std::less<>>& values() const { return values_; }
  /// NAMEs of [KIND.NAME] tables, for completion and hints.
  std::vector<std::string> names(std::string_view kind) const;
  const std::vector<std::string>& files() const { return files_; }

 private:
  friend struct ConfigLoader;
  std::map<std::string, ConfigValue, std::less<>> values_;
  std::vector<std::string> files_;
};

struct ConfigPaths {
  std::string system = "/etc/zkark/zkark.toml";
  std::string directory = "/etc/zkark/conf.d";
  std::string user;              // empty = none
  bool user_must_exist = false;  // --config names it
};
/// The paths of this run, from --config (`chosen`), XDG_CONFIG_HOME and HOME.
ConfigPaths config_paths(const std::map<std::string, std::string>& variables,
                         const std::optional<std::string>& chosen);

/// What may stand in a file.
class KnownKeys {
 public:
  struct Key {
    const OptionRow* row = nullptr;
    std::function<std::shared_ptr<void>()> make_options;  // for trying a value; empty: any text will do
  };
  /// Borrows the rows of `verbs`.
  explicit KnownKeys(const std::vector<Verb>& verbs);
  /// nullptr for an unknown key. `key` is split at the dots.
  const Key* find(const std::vector<std::string>& key) const;
  /// True when known keys lie below.
  bool is_table(const std::vector<std::string>& key) const;
  /// "did you mean" for a key that find() does not know: its last part, or empty.
  std::string nearest_to(const std::vector<std::string>& key) const;
  /// True for tables whose second level is a name of the user's: repo, cluster, retention.
  static bool has_names(std::string_view table);
  /// "color", "backup.prove", "cluster.*.source".
  const std::map<std::string, Key, std::less<>>& keys() const { return keys_; }

 private:
  std::map<std::string, Key, std::less<>> keys_;
};

/// Reads and merges. Every problem (kBadConfig with file, line, column) goes to `problems`; what could be
/// understood is in the result. A file that does not exist is no problem, unless --config named it.
Config load_config(ReadFs& fs, const ConfigPaths& paths, const KnownKeys& known,
                   std::vector<Error>& problems);

}  // namespace zkark::cli
