#include "src/cli/config.h"

namespace zkark::cli {
const ConfigValue* Config::find(std::string_view key) const {
  auto found = values_.find(key);
  return found == values_.end() ? nullptr : &found->second;
}
std::vector<std::string> Config::names(std::string_view) const { return {}; }
std::string Origin::to_string() const { return name; }
ConfigPaths config_paths(const std::map<std::string, std::string>&, const std::optional<std::string>&) {
  return {};
}
KnownKeys::KnownKeys(const std::vector<Verb>&) {}
Config load_config(ReadFs&, const ConfigPaths&, const KnownKeys&, std::vector<Error>&) { return {}; }
}  // namespace zkark::cli
