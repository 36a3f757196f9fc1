#include "src/backup/head.h"

#include <algorithm>
#include <set>

#include "src/backup/manifest_fields.h"
#include "src/backup/sealed.h"

namespace zkark::backup {
namespace {

constexpr std::string_view kNeeded = "0.1.0";

struct ConfigFile {
  std::string needed{kNeeded};
  RepositoryConfig config;
};
struct HeadFile {
  std::string needed{kNeeded};
  Head head;
};

template <class F>
void fields(F& f, ConfigFile& file) {
  f("zkark_needed", file.needed);
  f("id", file.config.id);
  f.time("created", file.config.created_ms);
  f("zkark_version", file.config.zkark_version);
  f("encryption", file.config.encryption);
}

}  // namespace

// Not in the unnamed namespace: JsonWriter::list finds these by their arguments.
template <class F>
void fields(F& f, HeadEntry& r) {
  f("id", r.id);
  f("sha256", r.sha256);
  f("sequence", r.sequence);
  f.template name<BackupType>("type", r.type, kTypeNames);
  f("cluster", r.cluster);
  f("timeline", r.timeline);
  f.time("taken", r.taken_ms);
  f.time("order", r.order_ms);
  f.zxid("last_zxid", r.last_zxid);
  f.strings("needs", r.needs);
  f.map("tags", r.tags);
  f.maybe("certificate", r.certificate);
}

template <class F>
void fields(F& f, RemovedEntry& r) {
  f("id", r.id);
  f("sha256", r.sha256);
  f.time("removed", r.removed_ms);
}

namespace {

template <class F>
void fields(F& f, HeadFile& file) {
  Head& head = file.head;
  f("zkark_needed", file.needed);
  f("repository", head.repository_id);
  f("sequence", head.sequence);
  f("newest", head.newest);
  f.list("live", head.live);
  f.list("removed", head.removed);
}

std::string check(const Head& head) {
  if (!is_hex_name(head.repository_id, 32)) return "the repository's id is malformed";
  std::set<std::string_view> ids;
  std::uint64_t before = 0;
  for (const HeadEntry& entry : head.live) {
    if (!is_hex_name(entry.id, 32) || !is_hex_name(entry.sha256, 64))
      return "an id of a live backup is malformed";
    if (!ids.insert(entry.id).second) return "a backup is listed twice";
    if (entry.sequence <= before || entry.sequence > head.sequence) return "the backups are out of order";
    before = entry.sequence;
  }
  for (const RemovedEntry& entry : head.removed) {
    if (!is_hex_name(entry.id, 32) || !is_hex_name(entry.sha256, 64))
      return "an id of a pruned backup is malformed";
    if (!ids.insert(entry.id).second) return "a backup is listed twice";
  }
  return {};
}

}  // namespace

std::string encode_config(const RepositoryConfig& config) {
  return seal("repository", kRepositoryFormat, write_record(ConfigFile{std::string(kNeeded), config}));
}

Result<RepositoryConfig> decode_config(std::string_view file) {
  ZK_TRY(std::string_view body, unseal(file, "repository", kRepositoryFormat));
  ZK_TRY(ConfigFile read, read_record<ConfigFile>(body, nullptr));
  if (!is_hex_name(read.config.id, 32)) return fail(ErrorId::kDamaged, "the repository's id is malformed");
  if (read.config.encryption != "none")
    return fail(ErrorId::kRepositoryTooNew,
                "encrypted with a method unknown to this zkark: " + read.config.encryption);
  return std::move(read.config);
}

std::string encode_head(const Head& head) {
  return seal("head", kRepositoryFormat, write_record(HeadFile{std::string(kNeeded), head}));
}

Result<Head> decode_head(std::string_view file) {
  ZK_TRY(std::string_view body, unseal(file, "head", kRepositoryFormat));
  ZK_TRY(HeadFile read, read_record<HeadFile>(body, nullptr));
  if (std::string problem = check(read.head); !problem.empty()) return fail(ErrorId::kDamaged, problem);
  return std::move(read.head);
}

HeadEntry head_entry(const Manifest& manifest, std::string sha256) {
  HeadEntry entry;
  entry.id = manifest.id;
  entry.sha256 = std::move(sha256);
  entry.sequence = manifest.sequence;
  entry.type = manifest.type;
  entry.cluster = manifest.cluster;
  entry.timeline = manifest.timeline.id;
  entry.taken_ms = manifest.taken_ms;
  entry.order_ms = manifest.taken_ms;
  entry.last_zxid = manifest.last_zxid;
  entry.needs = manifest.needs();
  entry.tags = manifest.tags;
  return entry;
}

std::string manifest_key(std::string_view id) { return "manifests/" + std::string(id) + ".json"; }
std::string object_key(std::string_view name) {
  return "objects/" + std::string(name.substr(0, 2)) + "/" + std::string(name);
}

}  // namespace zkark::backup
