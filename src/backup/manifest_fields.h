#pragma once
// The keys of the JSON files, in file order (internal: manifest.cc and head.cc). README.md explains them.
#include <array>

#include "src/backup/json_fields.h"
#include "src/backup/manifest.h"

namespace zkark::backup {

using TypeName = std::pair<BackupType, std::string_view>;
inline constexpr std::array<TypeName, 3> kTypeNames = {
    {{BackupType::kFull, "full"}, {BackupType::kIncr, "incr"}, {BackupType::kCompact, "compact"}}};

using Grade = std::optional<restore::ProofGrade>;
using GradeName = std::pair<Grade, std::string_view>;
inline constexpr std::array<GradeName, 5> kGradeNames = {{{std::nullopt, "not-checked"},
                                                          {restore::ProofGrade::kProven, "proven"},
                                                          {restore::ProofGrade::kPartly, "partly"},
                                                          {restore::ProofGrade::kNotProvable, "not-provable"},
                                                          {restore::ProofGrade::kFailed, "failed"}}};

using CodecName = std::pair<SnapCodec, std::string_view>;
inline constexpr std::array<CodecName, 3> kCodecNames = {
    {{SnapCodec::kPlain, "plain"}, {SnapCodec::kGzip, "gzip"}, {SnapCodec::kSnappy, "snappy"}}};

using BaseKindName = std::pair<StoredBase::Kind, std::string_view>;
inline constexpr std::array<BaseKindName, 2> kBaseKindNames = {
    {{StoredBase::Kind::kRaw, "raw"}, {StoredBase::Kind::kExact, "exact"}}};

using FuzzyName = std::pair<StoredBase::FuzzyEndFrom, std::string_view>;
inline constexpr std::array<FuzzyName, 3> kFuzzyNames = {{{StoredBase::FuzzyEndFrom::kExact, "exact"},
                                                          {StoredBase::FuzzyEndFrom::kSections, "sections"},
                                                          {StoredBase::FuzzyEndFrom::kObserved, "observed"}}};

using SeverityName = std::pair<restore::Severity, std::string_view>;
inline constexpr std::array<SeverityName, 3> kSeverityNames = {{{restore::Severity::kNote, "note"},
                                                                {restore::Severity::kGap, "gap"},
                                                                {restore::Severity::kDamage, "damage"}}};

template <class F>
void fields(F& f, ObjectRef& r) {
  f("object", r.name);
  f("stored_bytes", r.stored_bytes);
  f("plain_bytes", r.plain_bytes);
  f("plain_xxh3", r.plain_xxh3);
}

template <class F>
void fields(F& f, StoredData& r) {
  f.template name<SnapCodec>("source_codec", r.source_codec, kCodecNames);
  f.list("parts", r.parts);
}

template <class F>
void fields(F& f, restore::ZxidRange& r) {
  f.zxid("first", r.first);
  f.zxid("last", r.last);
}

template <class F>
void fields(F& f, BaseDigest& r) {
  f.zxid("zxid", r.zxid);
  f("version", r.version);
  f.hex("digest", r.digest);
}

template <class F>
void fields(F& f, StoredBase& r) {
  f("file", r.file_name);
  f.template name<StoredBase::Kind>("kind", r.kind, kBaseKindNames);
  f.zxid("zxid", r.zxid);
  f.zxid("fuzzy_end", r.fuzzy_end);
  f.template name<StoredBase::FuzzyEndFrom>("fuzzy_end_from", r.fuzzy_end_from, kFuzzyNames);
  f("source_bytes", r.source_bytes);
  f.time("source_mtime", r.source_mtime_ms);
  f.maybe("digest", r.digest);
  f.maybe_zxid("last_processed_zxid", r.last_processed_zxid);
  f("znodes", r.znodes);
  f("sessions", r.sessions);
  f.record("data", r.data);
}

template <class F>
void fields(F& f, SourcePosition& r) {
  f("file", r.file_name);
  f("offset", r.offset);
  f("end_offset", r.end_offset);
  f.zxid("zxid", r.zxid);
  f.hex("checksum", r.checksum);
}

template <class F>
void fields(F& f, StoredSegment& r) {
  f("file", r.file_name);
  f.zxid("first_zxid", r.first_zxid);
  f.zxid("last_zxid", r.last_zxid);
  f.hex("first_checksum", r.first_checksum);
  f.hex("last_checksum", r.last_checksum);
  f("records", r.records);
  f.time("first_time", r.first_time_ms);
  f.time("last_time", r.last_time_ms);
  f.time("min_time", r.min_time_ms);
  f.time("max_time", r.max_time_ms);
  f("restorable", r.restorable);
  f.record("source_end", r.source_end);
  f.record("data", r.data);
}

template <class F>
void fields(F& f, Gap& r) {
  f.zxid("after_zxid", r.after_zxid);
  f.zxid("before_zxid", r.before_zxid);
  f("reason", r.reason);
}

template <class F>
void fields(F& f, EpochStep& r) {
  f.zxid("from_zxid", r.from_zxid);
  f.zxid("to_zxid", r.to_zxid);
  f("proven", r.proven);
  f("how", r.how);
}

template <class F>
void fields(F& f, StoredCertificate& r) {
  f.template name<Grade>("grade", r.grade, kGradeNames);
  f.list("proven", r.proven);
  f.maybe_zxid("failed_at", r.failed_at);
  f("digests_compared", r.digests_compared);
  f.strings("not_covered", r.not_covered);
  f.strings("notes", r.notes);
}

template <class F>
void fields(F& f, Window& r) {
  f.zxid("first_zxid", r.first_zxid);
  f.zxid("last_zxid", r.last_zxid);
  f.time("first_time", r.first_time_ms);
  f.time("last_time", r.last_time_ms);
}

template <class F>
void fields(F& f, StoredConfig& r) {
  f("role", r.role);
  f("path", r.path);
  f.record("data", r.data);
}

template <class F>
void fields(F& f, SourceInfo& r) {
  f("kind", r.kind);
  f.strings("paths", r.paths);
  f("data_dir", r.data_dir);
  f("log_dir", r.log_dir);
  f.maybe("server_id", r.server_id);
  f.maybe("current_epoch", r.current_epoch);
  f.maybe("accepted_epoch", r.accepted_epoch);
  f.maybe_zxid("last_applied_zxid", r.last_applied_zxid);
}

template <class F>
void fields(F& f, Timeline& r) {
  f("id", r.id);
  f("parent", r.parent);
  f.maybe_zxid("fork_zxid", r.fork_zxid);
  f.maybe_hex("fork_checksum", r.fork_checksum);
  f("cause", r.cause);
}

template <class F>
void fields(F& f, Landmark& r) {
  f("path", r.path);
  f.zxid("czxid", r.czxid);
  f.time("ctime", r.ctime_ms);
}

template <class F>
void fields(F& f, ManifestHead& r) {
  f("id", r.id);
  f("sha256", r.sha256);
}

template <class F>
void fields(F& f, StoredFinding& r) {
  f.template name<restore::Severity>("severity", r.severity, kSeverityNames);
  f("id", r.id);
  f("message", r.message);
  f("file", r.file);
  f.maybe("offset", r.offset);
  f.maybe("end_offset", r.end_offset);
  f.maybe_zxid("first_zxid", r.first_zxid);
  f.maybe_zxid("last_zxid", r.last_zxid);
}

template <class F>
void fields(F& f, CopiedFrom& r) {
  f("repository", r.repository_id);
  f("manifest_sha256", r.manifest_sha256);
}

}  // namespace zkark::backup
