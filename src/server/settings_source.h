#pragma once
// Where settings_reader gets its values from: the file, then the system properties, read with the rules of
// Apache ZooKeeper for each kind of value.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/zoo_cfg.h"
#include "src/server/settings_properties.h"

namespace zkark::server {

/// One value with the place it was given at.
struct Given {
  std::string text;
  std::string name;          // the key in the file; "-Dzookeeper.snapCount" for a property
  std::string origin;        // of a property; empty for a line of the file
  std::uint32_t line = 0;    // 0 for a property
  std::uint64_t offset = 0;  // in the file
};

/// Borrows all it is given. Keys are those of zoo_keys(); asking for another one is a mistake of ours.
class SettingsSource {
 public:
  SettingsSource(const ZooCfg& cfg, const PropertyMap& properties, std::vector<CfgRemark>& remarks)
      : cfg_(cfg), properties_(properties), remarks_(remarks) {}

  /// What counts for a key: its line in the file, else its system property. As Apache ZooKeeper does with
  /// most keys, and we with all that have a property.
  std::optional<Given> given(std::string_view key) const;
  /// All given values of a row whose name ends in *.
  std::vector<Given> given_like(std::string_view pattern) const;

  void add(CfgRemark::Kind kind, const Given& given, std::string message, std::string hint = {});
  void warn(const Given& given, std::string message, std::string hint = {}) {
    add(CfgRemark::Kind::kWarning, given, std::move(message), std::move(hint));
  }
  void refuse(const Given& given, std::string message, std::string hint = {}) {
    add(CfgRemark::Kind::kRefused, given, std::move(message), std::move(hint));
  }

  // The value goes into the last argument, which holds the default before.

  /// Keys that QuorumPeerConfig parses. A bad value leaves the default: ZooCfg::check() has refused it.
  void parsed(std::string_view key, std::int64_t& value) const;
  void parsed(std::string_view key, bool& value) const;

  /// Properties. What is no number, or none that Java's int (or long) holds, is warned of, and the default
  /// counts. Numbers as Integer.decode takes them: 0x10, #10 and 010 too. A number below `least` becomes
  /// `instead` of it, and the warning says so.
  struct Floor {
    std::int64_t least, instead;
  };
  void property_int(std::string_view key, std::int64_t& value, std::optional<Floor> floor = {});
  void property_long(std::string_view key, std::int64_t& value, std::optional<Floor> floor = {});
  void property(std::string_view key, double& value);
  /// Anything but true is false.
  void property(std::string_view key, bool& value);
  /// The default unless it is exactly the other word.
  void property_yes_no(std::string_view key, bool& value);
  void property(std::string_view key, std::string& value) const;

 private:
  void number(std::string_view key, std::int64_t& value, std::int64_t least, std::int64_t most,
              std::optional<Floor> floor);

  const ZooCfg& cfg_;
  const PropertyMap& properties_;
  std::vector<CfgRemark>& remarks_;
};

bool equal_but_case(std::string_view a, std::string_view b);
/// Pieces between commas, trimmed, empty ones left out.
std::vector<std::string> comma_list(std::string_view text);

}  // namespace zkark::server
