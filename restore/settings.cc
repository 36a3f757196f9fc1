#include "restore/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace zkark::restore {
namespace {

constexpr std::uint64_t kReadByDefault = 2 * 0xfffff;  // jute.maxbuffer and as much again (since 3.5.7)

/// Keys that are shown when they are set.
constexpr std::array kMatter = {
    std::string_view("dataDir"),
    std::string_view("dataLogDir"),
    std::string_view("dynamicConfigFile"),
    std::string_view("tickTime"),
    std::string_view("initLimit"),
    std::string_view("syncLimit"),
    std::string_view("maxSessionTimeout"),
    std::string_view("peerType"),
    std::string_view("syncEnabled"),
    std::string_view("snapCount"),
    std::string_view("snapSizeLimitInKb"),
    std::string_view("txnLogSizeLimitInKb"),
    std::string_view("preAllocSize"),
    std::string_view("autopurge.snapRetainCount"),
    std::string_view("autopurge.purgeInterval"),
    std::string_view("forceSync"),
    std::string_view("snapshot.compression.method"),
    std::string_view("snapshot.trust.empty"),
    std::string_view("datadir.autocreate"),
    std::string_view("db.autocreate"),
    std::string_view("digest.enabled"),
    std::string_view("serializeLastProcessedZxid.enabled"),
    std::string_view("closeSessionTxn.enabled"),
    std::string_view("extendedTypesEnabled"),
    std::string_view("emulate353TTLNodes"),
    std::string_view("jute.maxbuffer"),
    std::string_view("skipACL"),
    std::string_view("reconfigEnabled"),
};

bool is_true(std::string_view text) {
  constexpr std::string_view kTrue = "true";
  return text.size() == kTrue.size() &&
         std::equal(text.begin(), text.end(), kTrue.begin(), [](char a, char b) { return (a | 0x20) == b; });
}

std::optional<std::uint64_t> buffer_bytes(const std::string& text) {
  std::uint64_t bytes = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes, 10);
  if (error == std::errc() && end == text.data() + text.size() && bytes <= INT32_MAX) return bytes;
  return std::nullopt;
}

/// What was seen in the files, and what that makes of a setting.
class Judge {
 public:
  explicit Judge(const Survey& survey) {
    for (const LogFacts& log : survey.logs) {
      largest_ = std::max(largest_, log.largest_payload);
      bare_with_digest_ |= log.bare_close_with_digest;
      if (log.txns == 0) continue;
      digests_ = log.digests != 0;
      logs_seen_ = true;
    }
    for (const SnapshotShape& shape : survey.snapshots) {
      if (!shape.sound) continue;
      newest_ = &shape;
      largest_ = std::max(largest_, shape.largest_value);
    }
    const auto created = survey.types.find(TxnType::kCreateTtl);
    if (newest_ != nullptr) ttl_nodes_ = newest_->kinds[static_cast<std::size_t>(NodeKind::kTtl)];
    ttl_seen_ = ttl_nodes_ != 0 ||
                (created != survey.types.end() && created->second.txns + created->second.parts != 0);
  }

  /// Fills in meaning and risk; false: a default that says nothing here.
  bool judge(Setting& setting) const {
    const std::string& value = setting.value;
    const std::string_view key = setting.key;
    const bool by_default = setting.origin == SettingOrigin::kDefault;
    const auto mean = [&](std::string text, bool risk = false) {
      setting.meaning = std::move(text);
      setting.risk = risk;
      return true;
    };
    if (key == "forceSync")
      return value == "no" ? mean("writes are acknowledged before they are on the disk", true) : !by_default;
    if (key == "skipACL") return value == "yes" ? mean("ACLs are not looked at", true) : !by_default;
    if (key == "snapshot.trust.empty")
      return is_true(value)
                 ? mean("a server whose snapshots are gone starts without them and says nothing", true)
                 : !by_default;
    if (key == "syncEnabled")
      return !is_true(value) ? mean("an observer writes nothing to its disk") : !by_default;
    if (key == "autopurge.purgeInterval")
      return value == "0" ? mean("old snapshots and logs are never removed") : true;
    if (key == "digest.enabled")
      return !is_true(value) ? mean("nothing proves the data by the servers' own digests") : !by_default;
    if (key == "extendedTypesEnabled") return types(setting, by_default);
    if (key == "jute.maxbuffer") return buffer(setting, by_default);
    if (key == "closeSessionTxn.enabled" && bare_with_digest_)
      return is_true(value)
                 ? mean("closeSession records without paths have digests, which a server takes for paths",
                        true)
                 : mean("needed: a server with the default takes digests of closeSession records for paths");
    if (key == "snapshot.compression.method" && newest_ != nullptr && !by_default) {
      const std::string_view codec = newest_->file.codec == SnapCodec::kGzip     ? "gz"
                                     : newest_->file.codec == SnapCodec::kSnappy ? "snappy"
                                                                                 : "";
      if (codec != value)
        return mean(fmt::format("the newest snapshot is {}", snap_codec_name(newest_->file.codec)));
    }
    return key == "snapCount" || !by_default;
  }

  /// Without a zoo.cfg.
  std::vector<Setting> from_files() const {
    std::vector<Setting> settings;
    const auto add = [&](std::string key, std::string value) {
      Setting setting{std::move(key), std::move(value), SettingOrigin::kFiles, {}, {}, false};
      if (judge(setting)) settings.push_back(std::move(setting));
    };
    if (newest_ != nullptr && newest_->file.codec != SnapCodec::kPlain)
      add("snapshot.compression.method", newest_->file.codec == SnapCodec::kGzip ? "gz" : "snappy");
    if (logs_seen_ && digests_) add("digest.enabled", "true");
    if (newest_ != nullptr && newest_->facts.tail.last_processed_zxid)
      add("serializeLastProcessedZxid.enabled", "true");
    if (bare_with_digest_) add("closeSessionTxn.enabled", "false");
    if (ttl_seen_) add("extendedTypesEnabled", "true");
    if (largest_ > kReadByDefault) add("jute.maxbuffer", std::to_string(largest_));
    return settings;
  }

 private:
  bool types(Setting& setting, bool by_default) const {
    if (is_true(setting.value)) {
      if (ttl_seen_ && setting.origin == SettingOrigin::kFiles)
        setting.meaning = "there are TTL nodes: a server without it deletes them at its start";
      return true;
    }
    if (!ttl_seen_) return !by_default;
    setting.meaning = ttl_nodes_ == 0   ? "a start deletes TTL nodes"
                      : ttl_nodes_ == 1 ? "a start deletes 1 TTL node"
                                        : fmt::format("a start deletes {} TTL nodes", ttl_nodes_);
    if (by_default) setting.meaning += ", unless java gets -Dzookeeper.extendedTypesEnabled=true";
    setting.risk = true;
    return true;
  }
  bool buffer(Setting& setting, bool by_default) const {
    if (setting.origin == SettingOrigin::kJava) {
      const std::optional<std::uint64_t> bytes = buffer_bytes(setting.value);
      setting.risk = bytes && 2 * *bytes < largest_;  // as much again is allowed for a record (since 3.5.7)
      if (setting.risk)
        setting.meaning =
            fmt::format("the largest record has {} bytes: a server with that does not start", largest_);
      return true;
    }
    if (setting.origin == SettingOrigin::kConfig) {
      setting.meaning = "does nothing in zoo.cfg: java has to get -Djute.maxbuffer";
      setting.risk = largest_ > kReadByDefault;
      return true;
    }
    if (largest_ <= kReadByDefault) return !by_default;
    setting.meaning = fmt::format(
        "the largest record has {} bytes: a server without a larger "
        "-Djute.maxbuffer does not start",
        largest_);
    setting.risk = true;
    return true;
  }

  std::uint64_t largest_ = 0, ttl_nodes_ = 0;
  bool ttl_seen_ = false, digests_ = false, logs_seen_ = false, bare_with_digest_ = false;
  const SnapshotShape* newest_ = nullptr;
};

}  // namespace

std::vector<Setting> settings_that_matter(const CapturedConfig& config, const Survey& survey,
                                          std::span<const JavaProperty> java) {
  const Judge judge(survey);
  if (!config.cfg) return judge.from_files();
  std::vector<Setting> settings;
  for (const std::string_view key : kMatter) {
    Setting setting;
    setting.key = key;
    const ZooKey* const row = find_zoo_key(key);
    const JavaProperty* given = nullptr;
    for (const JavaProperty& one : java)
      if (row != nullptr && !row->property.empty() && one.key == row->property) given = &one;
    const auto value = config.cfg->get(key);
    const bool heeded = value && (given == nullptr || row->use != ZooKeyUse::kIgnored);
    if (heeded) {
      setting.value = *value;
      setting.origin = SettingOrigin::kConfig;
      setting.file = config.file->path;
    } else if (given != nullptr) {
      setting.value = given->value;
      setting.origin = SettingOrigin::kJava;
      setting.file = given->file;
    } else if (row != nullptr) {
      setting.value = row->fallback;
    }
    if (!judge.judge(setting)) continue;
    if (heeded && given != nullptr && given->value != setting.value && setting.meaning.empty())
      setting.meaning =
          fmt::format("counts; -D{}={} in {} does not", given->key, given->value, base_name(given->file));
    settings.push_back(std::move(setting));
  }
  return settings;
}

}  // namespace zkark::restore
