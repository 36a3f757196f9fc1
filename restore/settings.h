#pragma once
// The settings of a server that decide what happens to its data: those of its zoo.cfg, the defaults where
// that says nothing, and what the files tell by themselves. System properties given to java (-D…) are in no
// file.
#include <string>
#include <string_view>
#include <vector>

#include "restore/config_files.h"
#include "restore/survey.h"

namespace zkark::restore {

enum class SettingOrigin : std::uint8_t {
  kConfig,   // zoo.cfg
  kDefault,  // zoo.cfg does not set it
  kFiles,    // there is no zoo.cfg; seen in logs and snapshots
};
constexpr std::string_view setting_origin_name(SettingOrigin origin) {
  return origin == SettingOrigin::kConfig    ? "zoo.cfg"
         : origin == SettingOrigin::kDefault ? "default"
                                             : "files";
}

struct Setting {
  std::string key;    // as in zoo.cfg
  std::string value;  // that counts
  SettingOrigin origin = SettingOrigin::kDefault;
  std::string meaning;  // for these data; may be empty
  bool risk = false;    // data can be lost by it, or are not there after the next start
};

/// In the order of the reference. Set ones, and of the defaults those that say something about these data.
std::vector<Setting> settings_that_matter(const CapturedConfig& config, const Survey& survey);

}  // namespace zkark::restore
