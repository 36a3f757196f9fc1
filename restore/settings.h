#pragma once
// The settings of a server that decide what happens to its data: those of its zoo.cfg, of what java is given
// as far as files beside it say (java_flags.h), the defaults where they say nothing, and what the files tell
// by themselves.
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "restore/config_files.h"
#include "restore/java_flags.h"
#include "restore/survey.h"

namespace zkark::restore {

enum class SettingOrigin : std::uint8_t {
  kConfig,   // zoo.cfg
  kJava,     // a system property (-D…), where zoo.cfg does not set it
  kDefault,  // neither sets it
  kFiles,    // there is no zoo.cfg; seen in logs and snapshots
};
constexpr std::string_view setting_origin_name(SettingOrigin origin) {
  return origin == SettingOrigin::kConfig    ? "zoo.cfg"
         : origin == SettingOrigin::kJava    ? "java"
         : origin == SettingOrigin::kDefault ? "default"
                                             : "files";
}

struct Setting {
  std::string key;    // as in zoo.cfg
  std::string value;  // that counts
  SettingOrigin origin = SettingOrigin::kDefault;
  std::string file;     // that says so: kConfig and kJava
  std::string meaning;  // for these data; may be empty
  bool risk = false;    // data can be lost by it, or are not there after the next start
};

/// In the order of the reference. Set ones, and of the defaults those that say something about these data.
/// (What zoo.cfg says overrides a system property: the server sets it again when it reads the file.)
std::vector<Setting> settings_that_matter(const CapturedConfig& config, const Survey& survey,
                                          std::span<const JavaProperty> java = {});

}  // namespace zkark::restore
