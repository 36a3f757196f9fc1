#pragma once
// zoo.cfg and the dynamic configuration beside it, as QuorumPeerConfig reads them (reference/on-disk-formats
// section 6, reference/client-protocol-and-server section 8). Reading is lenient: what one caller needs must
// not fail because of a key it does not care about. check() is strict and says what a server would refuse,
// ignore, or silently accept.
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/bytes.h"
#include "formats/base/result.h"
#include "formats/properties.h"

namespace zkark {

enum class ZooKeyType : std::uint8_t { kText, kPath, kNumber, kDecimal, kFlag, kYesNo, kDuration };
std::string_view zoo_key_type_name(ZooKeyType type);

/// How a key reaches the server.
enum class ZooKeyUse : std::uint8_t {
  kParsed,    // by QuorumPeerConfig: a bad value stops the server (exit 2)
  kProperty,  // becomes the system property zookeeper.<key>, unchecked
  kIgnored,   // a system property of another name: in the file it does nothing
};

/// What `zkark serve` does with a key.
enum class ZooKeyServe : std::uint8_t {
  kEffective,  // as Apache ZooKeeper does
  kLater,      // not yet
  kMember,    // nothing: it is for members of an ensemble, and a standalone Apache server does nothing either
  kNeedless,  // nothing: it tunes a part of the Java server that zkark does not have
};

/// One row of the list of keys that ZooKeeper knows.
struct ZooKey {
  std::string_view name;      // "dataDir"; "server.*" stands for any end
  std::string_view property;  // the system property that does the same; empty when there is none
  ZooKeyType type;
  ZooKeyUse use;
  std::string_view since;     // release that brought it; "" = 3.4 or earlier
  std::string_view fallback;  // default, for people; may be empty
  ZooKeyServe serve;
  std::string_view serve_note;  // why not, or what is special; may be empty when effective
};
/// Every key there is, rows in the order of the reference. Static storage.
std::span<const ZooKey> zoo_keys();
/// The row for a key, exact names before patterns; nullptr for an unknown one.
const ZooKey* find_zoo_key(std::string_view key);
/// The known key most like an unknown one; nullopt when none is near.
std::optional<std::string_view> nearest_zoo_key(std::string_view key);

/// Where one member listens for its peers. Hosts are as written, IPv6 without brackets.
struct PeerAddress {
  std::string host;
  std::uint16_t quorum_port = 0;
  std::uint16_t election_port = 0;
  bool operator==(const PeerAddress&) const = default;
};
struct ClientAddress {
  std::string host;  // "0.0.0.0" when only a port is given
  std::uint16_t port = 0;
  bool operator==(const ClientAddress&) const = default;
};

/// server.N=host:quorum:election[:role][|host:…][;[client host:]client port], with its group and weight.
struct ServerLine {
  std::int64_t id = 0;
  std::vector<PeerAddress> addresses;  // more than one only with multiAddress.enabled
  bool observer = false;
  std::optional<ClientAddress> client;
  std::optional<std::int64_t> group;
  std::int64_t weight = 1;
  std::string text;  // the value as written
  std::uint32_t line = 0;
};

/// The members of an ensemble as one file lists them.
struct Ensemble {
  std::vector<ServerLine> servers;  // by id
  std::int64_t version = 0;         // of a dynamic configuration; 0 = none
  bool hierarchical = false;        // groups or weights are given

  std::size_t voters() const;
  const ServerLine* find(std::int64_t id) const;
};
/// One server.N value. kBadZooCfg with a message that names what is wrong; the caller adds the place.
Result<ServerLine> parse_server_line(std::int64_t id, std::string_view value);

/// One remark on a configuration file.
struct CfgRemark {
  enum class Kind : std::uint8_t {
    kNote,     // worth knowing
    kWarning,  // the server ignores it, or takes it without a word and does something else than was meant
    kRefused,  // the server does not start
  };
  Kind kind = Kind::kNote;
  std::string key;           // empty when the file as a whole is meant
  std::string message;       // one sentence, no trailing dot; without file, line and key
  std::string hint;          // what to write instead; may be empty
  std::uint32_t line = 0;    // from 1; 0 with an empty key
  std::uint64_t offset = 0;  // in bytes, in the file
};

/// A parsed file. Values are trimmed, the last line of a repeated key counts.
class ZooCfg {
 public:
  /// `file` is for messages. kBadZooCfg (file, offset, line) when the file is no properties file.
  static Result<ZooCfg> parse(std::string text, std::string file);

  const std::string& text() const { return text_; }
  const std::string& file() const { return file_; }
  std::span<const Property> properties() const { return properties_; }

  /// The last line of a key; nullptr when there is none. The view lives as long as this object.
  const Property* find(std::string_view key) const;
  std::optional<std::string> get(std::string_view key) const;
  /// Absent: `fallback`. kBadZooCfg with line and key when it is no number in [least, most].
  Result<std::int64_t> number(std::string_view key, std::int64_t fallback, std::int64_t least = INT64_MIN,
                              std::int64_t most = INT64_MAX) const;
  /// true and false in any case; anything else is kBadZooCfg, as in QuorumPeerConfig.parseBoolean.
  Result<bool> flag(std::string_view key, bool fallback) const;

  /// As written. kBadZooCfg when dataDir is missing or empty.
  Result<std::string> data_dir() const;
  /// dataLogDir, else dataDir.
  Result<std::string> data_log_dir() const;
  /// Nullopt: no plain client port (legal).
  Result<std::optional<ClientAddress>> client_address() const;
  Result<std::optional<ClientAddress>> secure_client_address() const;
  std::optional<std::string> dynamic_config_file() const { return get("dynamicConfigFile"); }
  /// server, group, weight and version lines of this file: zoo.cfg itself, a dynamic file, or the data of
  /// /zookeeper/config. Empty when there are none.
  Result<Ensemble> ensemble() const;

  /// What a server makes of this zoo.cfg, in file order where a line is meant; unknown keys come with the
  /// nearest known one. `is_dynamic`: the file is one that dynamicConfigFile names.
  std::vector<CfgRemark> check(bool is_dynamic = false) const;

 private:
  Error error(const Property& property, std::string message) const;

  std::string text_;
  std::string file_;
  std::vector<Property> properties_;
  std::map<std::string, std::size_t, std::less<>> last_;  // trimmed key -> index of its last line
};

/// A path from a configuration file. Relative ones belong to the directory the server was started in, which
/// no file tells: `base` is the best guess, the directory of the configuration file. "./" at the front is
/// dropped.
std::string resolve_config_path(std::string_view path, std::string_view base);

/// True for text that sets dataDir, or that sets only server lines: told from snapshots, logs and archives by
/// their first bytes. `beginning` is the file's first few KiB, or all of it.
bool looks_like_zoo_cfg(Bytes beginning);

/// zoo.cfg.dynamic.100000000 -> 0x100000000; nullopt for a name without a hexadecimal end
/// (QuorumPeerConfig.getVersionFromFilename).
std::optional<std::int64_t> dynamic_config_version(std::string_view file_name);

/// What to change when a configuration moves with its data.
struct ZooCfgMove {
  std::string data_dir;
  std::optional<std::string> data_log_dir;         // nullopt: removed, so that it follows dataDir
  std::optional<std::string> dynamic_config_file;  // applies only if the file names one
  std::vector<PropertyEdit> extra;                 // {"extendedTypesEnabled", "true"}, …
};
/// The text with dataDir, dataLogDir, dynamicConfigFile and the extra keys set and every other byte kept.
Result<std::string> move_zoo_cfg(const ZooCfg& cfg, const ZooCfgMove& move);

}  // namespace zkark
