// The only file that includes toml++ (3 s of compile time), and the one that catches what it throws.
#include "src/cli/config.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <sstream>

#include "src/cli/context.h"
#include "src/cli/globals.h"

namespace zkark::cli {
namespace {

constexpr std::uint64_t kMaxFileBytes = 1 << 20;

std::string dotted(const std::vector<std::string>& key) { return fmt::format("{}", fmt::join(key, ".")); }

/// "cluster.kafka.source" -> "cluster.*.source": how rows of named tables are kept.
std::string pattern_of(const std::vector<std::string>& key) {
  std::vector<std::string> parts = key;
  if (parts.size() > 1 && KnownKeys::has_names(parts[0])) parts[1] = "*";
  return dotted(parts);
}

std::optional<std::string> scalar_text(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* truth = node.as_boolean()) return truth->get() ? "true" : "false";
  if (const auto* real = node.as_floating_point()) return fmt::format("{}", real->get());
  std::ostringstream out;
  if (const auto* date = node.as_date()) return out << date->get(), out.str();
  if (const auto* time = node.as_time()) return out << time->get(), out.str();
  if (const auto* both = node.as_date_time()) return out << both->get(), out.str();
  return std::nullopt;
}

std::string variable(const std::map<std::string, std::string>& variables, const std::string& name) {
  auto found = variables.find(name);
  return found == variables.end() ? "" : found->second;
}

const OptionRow& repository_url_row() {
  struct Target {
    std::string url;
  };
  static const std::vector<OptionRow> rows = [] {
    VerbBuilder<Target> table({});
    table.text("url", "URL", &Target::url, "where the repository is: a path")
        .completes(Completes::kRepository);
    return std::move(table).rows();
  }();
  return rows.front();
}

/// What a value of another type than the option's would be taken for; "" when the type is right. Programs
/// that write files quote numbers, and a tag may look like one: only what cannot be meant is refused.
std::string_view wrong_type(const OptionRow& row, const toml::node& node) {
  if (row.kind == ValueKind::kFlag && !node.is_boolean()) return "takes true or false, without quotes";
  const bool is_name = row.kind == ValueKind::kText && row.offers != Completes::kNothing;
  if (is_name && !node.is_string()) return "takes a text in quotes";
  return "";
}

/// Lines and columns as an editor counts them, in front of what is wrong.
Error problem(const std::string& file, const toml::source_region& at, std::string message) {
  return Error(ErrorId::kBadConfig,
               fmt::format("{}:{}:{}: {}", file, at.begin.line, at.begin.column, std::move(message)));
}

}  // namespace

// ---- Config ----

std::string Origin::to_string() const {
  switch (kind) {
    case Kind::kDefault:
      return "default";
    case Kind::kFile:
      return fmt::format("{}:{}:{}", name, line, column);
    case Kind::kEnvironment:
    case Kind::kFlag:
      return name;
  }
  return "";
}

const ConfigValue* Config::find(std::string_view key) const {
  auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}

std::vector<std::string> Config::names(std::string_view kind) const {
  std::vector<std::string> names;
  for (const auto& [key, value] : values_) {
    if (key.size() <= kind.size() || key.compare(0, kind.size(), kind) != 0 || key[kind.size()] != '.')
      continue;
    const std::string rest = key.substr(kind.size() + 1);
    const std::string name = rest.substr(0, rest.rfind('.'));
    if (names.empty() || names.back() != name) names.push_back(name);
  }
  return names;
}

ConfigPaths config_paths(const std::map<std::string, std::string>& variables,
                         const std::optional<std::string>& chosen) {
  ConfigPaths paths;
  if (chosen) {
    paths.user = *chosen;
    paths.user_must_exist = true;
  } else if (const std::string xdg = variable(variables, "XDG_CONFIG_HOME"); !xdg.empty() && xdg[0] == '/') {
    paths.user = join_path(xdg, "zkark/zkark.toml");
  } else if (const std::string home = variable(variables, "HOME"); !home.empty()) {
    paths.user = join_path(home, ".config/zkark/zkark.toml");
  }
  return paths;
}

// ---- KnownKeys ----

KnownKeys::KnownKeys(const std::vector<Verb>& verbs) {
  static constexpr auto fresh_globals = [] {
    return std::static_pointer_cast<void>(std::make_shared<Globals>());
  };
  for (const OptionRow& row : global_options()) {
    if (!row.from_file_too || row.from_command_line_only) continue;
    keys_["defaults." + row.name] = {&row, fresh_globals};
    if (!row.cluster.empty()) keys_["cluster.*." + row.cluster] = {&row, fresh_globals};
  }
  keys_["repo.*.url"] = {&repository_url_row(), nullptr};
  for (const Verb& verb : verbs) {
    for (const auto* rows : {&verb.options, &verb.arguments})
      for (const OptionRow& row : *rows) {
        if (!row.from_file_too || row.from_command_line_only || !row.negated.empty()) continue;
        if (rows == &verb.options)
          keys_[std::string(verb.info.name) + "." + row.name] = {&row, verb.make_options};
        if (!row.cluster.empty()) keys_["cluster.*." + row.cluster] = {&row, verb.make_options};
        if (!row.retention.empty()) keys_["retention.*." + row.retention] = {&row, verb.make_options};
      }
  }
}

bool KnownKeys::has_names(std::string_view table) {
  return table == "repo" || table == "cluster" || table == "retention";
}

const KnownKeys::Key* KnownKeys::find(const std::vector<std::string>& key) const {
  auto found = keys_.find(pattern_of(key));
  return found == keys_.end() ? nullptr : &found->second;
}

bool KnownKeys::is_table(const std::vector<std::string>& key) const {
  const std::string prefix = pattern_of(key) + ".";
  auto found = keys_.lower_bound(prefix);
  return found != keys_.end() && found->first.compare(0, prefix.size(), prefix) == 0;
}

std::string KnownKeys::nearest_to(const std::vector<std::string>& key) const {
  // Only the last part is taken for misspelt: the candidates are its neighbours.
  std::vector<std::string> parent(key.begin(), key.end() - 1);
  const std::string prefix = parent.empty() ? "" : pattern_of(parent) + ".";
  std::vector<std::string> candidates;
  for (const auto& [known, unused] : keys_) {
    if (known.compare(0, prefix.size(), prefix) != 0) continue;
    const std::string rest = known.substr(prefix.size());
    candidates.push_back(rest.substr(0, rest.find('.')));
  }
  return nearest(key.back(), candidates);
}

// ---- reading ----

struct ConfigLoader {
  ReadFs& fs;
  const KnownKeys& known;
  std::vector<Error>& problems;
  struct Found {
    std::uint32_t line;
    Error error;
  };
  Config config = {};
  std::string file = {};          // the one being read
  std::vector<Found> found = {};  // what is wrong with it

  void wrong(const toml::source_region& at, std::string message, std::string hint = {}) {
    Error error = problem(file, at, std::move(message));
    if (!hint.empty()) error = std::move(error).with_hint(std::move(hint));
    found.push_back({at.begin.line, std::move(error)});
  }

  void read(const std::string& path, bool must_exist) {
    Result<std::string> content = read_file(fs, path, kMaxFileBytes);
    if (!content) {
      if (content.error().id() == ErrorId::kNoFile && !must_exist) return;
      Error error(ErrorId::kBadConfig, content.error().message());
      problems.push_back(std::move(error).at(path).context("the configuration cannot be read"));
      return;
    }
    file = path;
    config.files_.push_back(path);
    try {
      const toml::table root = toml::parse(std::string_view(*content), path);
      walk(root, {});
      // The table is sorted by key; a person reads the file from the top.
      std::stable_sort(found.begin(), found.end(),
                       [](const Found& a, const Found& b) { return a.line < b.line; });
      for (Found& one : found) problems.push_back(std::move(one.error));
      found.clear();
    } catch (const toml::parse_error& error) {
      problems.push_back(problem(path, error.source(), std::string(error.description())));
    }
  }

  void read_directory(const std::string& path) {
    Result<std::vector<DirEntry>> entries = fs.list(path);
    if (!entries) {
      if (entries.error().id() != ErrorId::kNoFile)
        problems.push_back(Error(ErrorId::kBadConfig, entries.error().message()).at(path));
      return;
    }
    std::vector<std::string> names;
    for (const DirEntry& entry : *entries)
      if (entry.name.size() > 5 && entry.name.front() != '.' &&
          entry.name.substr(entry.name.size() - 5) == ".toml")
        names.push_back(entry.name);
    std::sort(names.begin(), names.end());
    for (const std::string& name : names) read(join_path(path, name), true);
  }

  void walk(const toml::table& table, const std::vector<std::string>& prefix) {
    for (auto&& [name, node] : table) {
      std::vector<std::string> key = prefix;
      key.emplace_back(name.str());
      const std::string shown = dotted(key);
      if (key.back().empty() || key.back().find('.') != std::string::npos) {
        wrong(name.source(), fmt::format("'{}' cannot be a name: it is empty or has a dot", shown));
      } else if (const KnownKeys::Key* row = known.find(key)) {
        take(shown, *row, node, name.source());
      } else if (node.is_table() && known.is_table(key)) {
        walk(*node.as_table(), key);
      } else {
        const std::string near = known.nearest_to(key);
        wrong(name.source(), fmt::format("unknown key '{}'", shown),
              near.empty() ? "" : fmt::format("did you mean '{}'?", near));
      }
    }
  }

  void take(const std::string& key, const KnownKeys::Key& known_key, const toml::node& node,
            const toml::source_region& at) {
    ConfigValue value;
    value.origin = {Origin::Kind::kFile, file, at.begin.line, at.begin.column};
    std::string_view mistyped;
    auto add = [&](const toml::node& item, const std::string& front) {
      std::optional<std::string> text = scalar_text(item);
      if (text) value.values.push_back(front + *text);
      if (text && front.empty() && mistyped.empty()) mistyped = wrong_type(*known_key.row, item);
      return text.has_value();
    };
    bool understood = true;
    if (const toml::array* array = node.as_array(); array != nullptr && known_key.row->repeated) {
      for (const toml::node& item : *array) understood = understood && add(item, "");
    } else if (const toml::table* table = node.as_table(); table != nullptr && known_key.row->repeated) {
      for (auto&& [name, item] : *table) understood = understood && add(item, std::string(name.str()) + "=");
    } else {
      understood = add(node, "");
    }
    if (!understood)
      return wrong(
          at, fmt::format("'{}' takes {}", key,
                          known_key.row->repeated ? "a value, a list or a table of values" : "one value"));
    if (!mistyped.empty()) return wrong(at, fmt::format("'{}' {}", key, mistyped));
    for (const std::string& text : value.values)
      if (text.empty()) return wrong(at, fmt::format("{}: the value is empty", key), "leave the line out");
    if (known_key.make_options) {
      const std::shared_ptr<void> scratch = known_key.make_options();
      for (const std::string& text : value.values) {
        const bool bare = known_key.row->value_may_be_left_out && text == "true";
        if (Status set = known_key.row->set(scratch.get(), bare ? nullptr : &text); !set)
          return wrong(at, fmt::format("{}: {}", key, set.error().message()), set.error().hint());
      }
    }
    config.values_[key] = std::move(value);
  }

  /// Repositories that files name must be there when all files are read: a bare word is a [repo.NAME].
  void check_repositories() {
    const std::vector<std::string> names = config.names("repo");
    for (const auto& [key, value] : config.values_) {
      const bool names_one =
          key == "defaults.repo" || (key.starts_with("cluster.") && key.ends_with(".repo"));
      if (!names_one || value.values.empty()) continue;
      const std::string& name = value.values.front();
      if (name.find_first_of("/:") != std::string::npos ||
          std::find(names.begin(), names.end(), name) != names.end())
        continue;
      const std::string near = nearest(name, names);
      problems.push_back(Error(ErrorId::kBadConfig, fmt::format("{}: {}: no [repo.{}] in the configuration",
                                                                value.origin.to_string(), key, name))
                             .with_hint(near.empty() ? fmt::format("a directory is written ./{}", name)
                                                     : fmt::format("did you mean '{}'?", near)));
    }
  }
};

Config load_config(ReadFs& fs, const ConfigPaths& paths, const KnownKeys& known,
                   std::vector<Error>& problems) {
  ConfigLoader loader{fs, known, problems};
  loader.read(paths.system, false);
  loader.read_directory(paths.directory);
  if (!paths.user.empty()) loader.read(paths.user, paths.user_must_exist);
  loader.check_repositories();
  return std::move(loader.config);
}

}  // namespace zkark::cli
