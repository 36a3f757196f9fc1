#include "src/backup/manifest.h"

#include <algorithm>
#include <set>

#include "src/backup/manifest_fields.h"
#include "src/backup/sealed.h"

namespace zkark::backup {
namespace {

// The release that can read what this one writes.
constexpr std::string_view kNeeded = "0.1.0";

template <class E, std::size_t N>
std::string_view name_in(const std::array<std::pair<E, std::string_view>, N>& table, E value) {
  for (const auto& [known, name] : table)
    if (known == value) return name;
  return "?";
}

struct ManifestFile {
  std::string needed{kNeeded};
  Manifest manifest;
};

template <class F>
void fields(F& f, ManifestFile& file) {
  Manifest& m = file.manifest;
  f("zkark_needed", file.needed);
  f("id", m.id);
  f.template name<BackupType>("type", m.type, kTypeNames);
  f("cluster", m.cluster);
  f("parent", m.parent);
  f.time("taken", m.taken_ms);
  f.time("started", m.started_ms);
  f("host", m.host);
  f("zkark_version", m.zkark_version);
  f("sequence", m.sequence);
  f.record("timeline", m.timeline);
  f.zxid("last_zxid", m.last_zxid);
  f.maybe_zxid("unconfirmed_from", m.unconfirmed_from);
  f.list("windows", m.windows);
  f.list("gaps", m.gaps);
  f.list("epoch_steps", m.epoch_steps);
  f.record("certificate", m.certificate);
  f.maybe("znodes", m.znodes);
  f.maybe("sessions", m.sessions);
  f("source_bytes_read", m.source_bytes_read);
  f("stored_bytes", m.stored_bytes);
  f("new_stored_bytes", m.new_stored_bytes);
  f.map("tags", m.tags);
  f.record("source", m.source);
  f.list("bases", m.bases);
  f.list("segments", m.segments);
  f.list("config", m.config);
  f.list("landmarks", m.landmarks);
  f.list("findings", m.findings);
  f.list("heads", m.heads);
  f.maybe("copied_from", m.copied_from);
}

/// What holds in every manifest, so that nobody behind has to ask.
std::string check(const Manifest& manifest) {
  if (!is_hex_name(manifest.id, 32)) return "the id is malformed";
  if (manifest.cluster.empty()) return "the cluster has no name";
  if (manifest.type == BackupType::kIncr && manifest.parent.empty()) return "an increment without parent";
  for (const ObjectRef& ref : manifest.objects()) {
    if (!is_hex_name(ref.name, 64)) return "an object's name is malformed";
    if (!is_hex_name(ref.plain_xxh3, 32)) return "an object's hash is malformed";
    if (ref.stored_bytes > kObjectStoredMax) return "an object is larger than objects can be";
  }
  return {};
}

}  // namespace

std::uint64_t StoredData::plain_bytes() const {
  std::uint64_t bytes = 0;
  for (const ObjectRef& part : parts) bytes += part.plain_bytes;
  return bytes;
}

std::uint64_t StoredData::stored_bytes() const {
  std::uint64_t bytes = 0;
  for (const ObjectRef& part : parts) bytes += part.stored_bytes;
  return bytes;
}

StoredFinding stored_finding(const restore::Finding& finding) {
  return {finding.severity, error_code(finding.id), finding.message,    finding.file,
          finding.offset,   finding.end_offset,     finding.first_zxid, finding.last_zxid};
}

std::optional<std::int64_t> StoredCertificate::proven_to() const {
  if (proven.empty()) return std::nullopt;
  return proven.back().last;
}

StoredCertificate stored_certificate(const restore::Certificate& certificate) {
  StoredCertificate stored;
  stored.grade = certificate.grade;
  stored.proven = certificate.proven;
  stored.failed_at = certificate.failed_at;
  stored.digests_compared = certificate.digests_compared;
  stored.not_covered.emplace_back(restore::kNotCoveredByDigests);
  return stored;
}

std::uint64_t Manifest::records() const {
  std::uint64_t count = 0;
  for (const StoredSegment& segment : segments) count += segment.records;
  return count;
}

std::vector<std::string> Manifest::needs() const {
  if (type == BackupType::kIncr) return {parent};
  return {};
}

std::vector<ObjectRef> Manifest::objects() const {
  std::vector<ObjectRef> refs;
  std::set<std::string_view> seen;
  const auto add = [&](const StoredData& data) {
    for (const ObjectRef& part : data.parts)
      if (seen.insert(part.name).second) refs.push_back(part);
  };
  for (const StoredBase& base : bases) add(base.data);
  for (const StoredSegment& segment : segments) add(segment.data);
  for (const StoredConfig& file : config) add(file.data);
  return refs;
}

std::string encode_manifest(const Manifest& manifest) {
  return seal("manifest", kManifestFormat, write_record(ManifestFile{std::string(kNeeded), manifest}));
}

Result<DecodedManifest> decode_manifest(std::string_view file) {
  ZK_TRY(std::string_view body, unseal(file, "manifest", kManifestFormat));
  DecodedManifest decoded;
  ZK_TRY(ManifestFile read, read_record<ManifestFile>(body, &decoded.unknown_keys));
  if (std::string problem = check(read.manifest); !problem.empty()) return fail(ErrorId::kDamaged, problem);
  decoded.manifest = std::move(read.manifest);
  return decoded;
}

std::string_view name_of(BackupType type) { return name_in(kTypeNames, type); }
std::string_view name_of(std::optional<restore::ProofGrade> grade) { return name_in(kGradeNames, grade); }
std::string_view short_id(std::string_view id) { return id.substr(0, 8); }

}  // namespace zkark::backup
