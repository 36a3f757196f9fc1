#include <algorithm>

#include "formats/base/check.h"
#include "formats/file_names.h"
#include "formats/zoo_cfg.h"
#include "tests/fuzz/targets.h"

namespace zkark::fuzz {
namespace {

/// The file without a lone backslash at its end. Java reads that backslash as an empty key, and only there:
/// with any line behind it, it is nothing. So the one key that appending a line takes away is none that
/// anybody wrote; whatever the empty key was before it has to come out.
std::string_view without_lone_backslash(const ZooCfg& cfg) {
  const std::string_view text = cfg.text();
  if (cfg.properties().empty()) return text;
  const Property& last = cfg.properties().back();
  return last.key.empty() && !last.has_separator ? text.substr(0, last.begin) : text;
}

}  // namespace

void zoo_cfg(Bytes input) {
  const std::string text(as_text(input));
  (void)looks_like_zoo_cfg(input);
  Result<ZooCfg> cfg = ZooCfg::parse(text, "input");
  if (!cfg) {
    ZK_CHECK(cfg.error().offset().has_value() && *cfg.error().offset() < text.size());
    return;
  }
  for (const Property& property : cfg->properties())
    ZK_CHECK(property.begin <= property.value_begin && property.value_begin <= property.value_end &&
             property.value_end <= property.end && property.end <= text.size());
  for (bool dynamic : {false, true})
    for (const CfgRemark& remark : cfg->check(dynamic))
      ZK_CHECK(!remark.message.empty() && remark.offset <= text.size());
  if (Result<Ensemble> ensemble = cfg->ensemble()) ZK_CHECK(ensemble->voters() <= ensemble->servers.size());
  (void)cfg->client_address();
  (void)cfg->secure_client_address();

  Result<std::string> same = edit_properties(text, "input", {});
  ZK_CHECK(same && *same == text);
  // The input itself as a value, too: what is set is read back, and nothing else changes. (Strings are those
  // of Java: of the input only what is UTF-8 can come back, so it goes in as its first bytes in ASCII.)
  std::string value = text.substr(0, 20);
  for (char& c : value) c = static_cast<char>(c & 0x7f);
  const std::string trimmed(java_trim(value));
  ZooCfgMove move;
  move.data_dir = trimmed;
  move.extra.push_back({"extendedTypesEnabled", "true"});
  Result<std::string> moved = move_zoo_cfg(*cfg, move);
  ZK_CHECK(moved.has_value());
  Result<ZooCfg> again = ZooCfg::parse(*moved, "input");
  ZK_CHECK(again.has_value());
  ZK_CHECK(again->get("dataDir") == trimmed);
  ZK_CHECK(!again->get("dataLogDir"));
  ZK_CHECK(*again->flag("extendedTypesEnabled", false));
  Result<ZooCfg> before = ZooCfg::parse(std::string(without_lone_backslash(*cfg)), "input");
  ZK_CHECK(before.has_value());
  for (const Property& property : cfg->properties()) {
    const std::string key(java_trim(property.key));
    if (key == "dataDir" || key == "dataLogDir" || key == "extendedTypesEnabled") continue;
    ZK_CHECK(again->get(key) == before->get(key));
  }
}

void epoch_file(Bytes input) {
  Result<std::int64_t> epoch = parse_epoch_file(as_text(input));
  if (!epoch) ZK_CHECK(epoch.error().id() == ErrorId::kBadEpochFile);
  if (epoch) ZK_CHECK(*parse_epoch_file(std::to_string(*epoch)) == *epoch);
  (void)parse_myid(as_text(input));
}

void file_name(Bytes input) {
  const DataFileName name = parse_data_file_name(as_text(input));
  if (name.kind == DataFileKind::kLog) ZK_CHECK(log_file_name(name.zxid) == as_text(input));
  if (name.kind == DataFileKind::kSnapshot)
    ZK_CHECK(snapshot_file_name(name.zxid, name.codec) == as_text(input));
  (void)parse_hex64(as_text(input));
  (void)parse_java_hex(as_text(input));
  (void)dynamic_config_version(as_text(input));
}

}  // namespace zkark::fuzz
