#include "src/backup/repository.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "formats/base/check.h"
#include "src/backup/codec.h"
#include "src/backup/pin.h"
#include "src/backup/stored_file.h"

namespace zkark::backup {
namespace {

constexpr std::uint64_t kConfigMax = 1u << 20;
constexpr std::uint64_t kHeadMax = 256u << 20;     // some 500,000 backups
constexpr std::uint64_t kManifestMax = 64u << 20;  // some 300,000 objects
constexpr const char* kDamagedHint =
    "`zkark verify` lists what is intact; put the file back from a copy of the repository";

/// Only HEAD can be made again from what is there.
std::string damage_hint(const Backend& backend, std::string_view key) {
  if (key != kHeadKey) return kDamagedHint;
  return fmt::format(
      "put HEAD back from a copy of the repository, or `zkark repair -r {} --dry-run` shows what a new one "
      "would hold",
      backend.url());
}

Failure damaged_file(const Backend& backend, std::string_view key, const Error& cause) {
  if (cause.id() == ErrorId::kRepositoryTooNew) return fail(cause.clone().at(display_name(backend, key)));
  return fail(Error(ErrorId::kRepositoryDamaged, fmt::format("{} is damaged: {}", key, cause.message()))
                  .at(display_name(backend, key))
                  .with_hint(damage_hint(backend, key)));
}

/// "manifests/<32 hex>.json" -> the id.
std::string_view id_of_key(std::string_view key) {
  constexpr std::string_view kBefore = "manifests/", kAfter = ".json";
  if (!key.starts_with(kBefore) || !key.ends_with(kAfter)) return {};
  key = key.substr(kBefore.size(), key.size() - kBefore.size() - kAfter.size());
  return is_hex_name(key, 32) ? key : std::string_view();
}

restore::Finding note(ErrorId id, std::string message, std::string file) {
  restore::Finding finding;
  finding.severity = restore::Severity::kNote;
  finding.id = id;
  finding.message = std::move(message);
  finding.file = std::move(file);
  return finding;
}

std::string random_id(Random& random) {
  std::byte bytes[16];
  random.fill(bytes);
  return to_hex(bytes);
}

}  // namespace

Result<RepositoryConfig> init_repository(const RepositoryEnvironment& env, std::string_view encryption,
                                         Job& job) {
  Backend& backend = env.backend;
  if (encryption != "none")
    return fail(Error(ErrorId::kUsage, fmt::format("encryption \"{}\" is not available", encryption))
                    .with_hint("--encryption none stores everything readable by whoever can read the files"));
  const auto check_empty = [&]() -> Status {
    ZK_TRY(bool there, exists(backend, std::string(kConfigKey)));
    if (there)
      return fail(Error(ErrorId::kRefused, "a repository is there already")
                      .at(backend.url())
                      .with_hint("use it as it is, or choose another place"));
    ZK_TRY(std::vector<BackendEntry> entries, backend.list(""));
    for (const BackendEntry& entry : entries)
      if (entry.key != kHeadKey && !entry.key.starts_with("locks/"))
        return fail(
            Error(ErrorId::kTargetNotEmpty, fmt::format("the place is not empty: it holds {}", entry.key))
                .at(backend.url())
                .with_hint("choose an empty or new directory"));
    return {};
  };
  // Before anything is written, and again when nobody else can be at it.
  ZK_TRY_STATUS(check_empty());
  ZK_TRY(auto lock, Lock::acquire(env.locks(), {LockKind::kExclusive, "init", 0}, job));
  ZK_TRY_STATUS(check_empty());
  ZK_TRY_STATUS(backend.clean_temporary());
  RepositoryConfig config;
  config.id = random_id(env.random);
  config.created_ms = env.clock.wall().ms;
  config.zkark_version = env.zkark_version;
  Head head;
  head.repository_id = config.id;
  head.sequence = 1;
  // Config is the commit record: a HEAD without it is an interrupted init.
  ZK_TRY_STATUS(backend.put(std::string(kHeadKey), as_bytes(encode_head(head)), Durability::kDurable));
  ZK_TRY_STATUS(backend.put(std::string(kConfigKey), as_bytes(encode_config(config)), Durability::kDurable));
  ZK_TRY_STATUS(lock->release());
  ZK_TRY(auto opened, Repository::open(env, {}));
  if (opened->config() != config) return fail(ErrorId::kStorage, "the new repository reads back differently");
  return config;
}

Result<std::unique_ptr<Repository>> Repository::open(const RepositoryEnvironment& env,
                                                     const OpenOptions& options) {
  std::unique_ptr<Repository> repository(new Repository(env));
  ZK_TRY_STATUS(repository->load_config(options.salvage));
  ZK_TRY_STATUS(repository->load_head(options.salvage));
  ZK_TRY_STATUS(repository->find_unadopted(options.salvage));
  repository->check_pin();
  return repository;
}

Status Repository::load_config(bool salvage) {
  Backend& backend = env_.backend;
  Result<std::string> file = get_all(backend, std::string(kConfigKey), kConfigMax);
  if (!file && file.error().id() == ErrorId::kNoFile) {
    ZK_TRY(std::vector<BackendEntry> manifests, backend.list("manifests/"));
    if (manifests.empty()) {
      ZK_TRY(std::vector<BackendEntry> objects, backend.list("objects/"));
      if (objects.empty())
        return fail(Error(ErrorId::kNoRepository, "there is no repository here")
                        .at(backend.url())
                        .with_hint(fmt::format("zkark init -r {}", backend.url())));
    }
    if (salvage) {
      notes_.push_back(
          note(ErrorId::kRepositoryDamaged, "config is missing", display_name(backend, kConfigKey)));
      notes_.back().severity = restore::Severity::kDamage;
      return {};
    }
    return damaged_file(backend, kConfigKey, Error(ErrorId::kNoFile, "it is missing"));
  }
  if (!file && file.error().id() != ErrorId::kBadLength) return fail(std::move(file).error());
  Result<RepositoryConfig> config = file ? decode_config(*file) : fail(std::move(file).error());
  if (config) {
    config_ = std::move(*config);
    return {};
  }
  if (!salvage || config.error().id() == ErrorId::kRepositoryTooNew)
    return damaged_file(backend, kConfigKey, config.error());
  notes_.push_back(restore::finding_of(config.error()));
  notes_.back().id = ErrorId::kRepositoryDamaged;
  notes_.back().message = "config is damaged: " + config.error().message();
  notes_.back().file = display_name(backend, kConfigKey);
  return {};
}

Status Repository::load_head(bool salvage) {
  Backend& backend = env_.backend;
  Result<std::string> file = get_all(backend, std::string(kHeadKey), kHeadMax);
  Result<Head> head = fail(ErrorId::kNoFile, "it is missing");
  if (file) {
    head = decode_head(*file);
    if (head && !config_.id.empty() && head->repository_id != config_.id)
      head = fail(ErrorId::kDamaged,
                  fmt::format("it belongs to repository {}, not {}", head->repository_id, config_.id));
  } else if (file.error().id() == ErrorId::kBadLength) {
    head = fail(std::move(file).error());
  } else if (file.error().id() != ErrorId::kNoFile) {
    return fail(std::move(file).error());
  }
  if (head) {
    head_ = std::move(*head);
    head_file_ = std::move(*file);
    if (config_.id.empty()) config_.id = head_.repository_id;
    return {};
  }
  if (!salvage || head.error().id() == ErrorId::kRepositoryTooNew)
    return damaged_file(backend, kHeadKey, head.error());
  notes_.push_back(restore::finding_of(head.error()));
  notes_.back().id = ErrorId::kRepositoryDamaged;
  notes_.back().message = "HEAD is damaged: every intact manifest counts as live, pruned ones too";
  notes_.back().hint = damage_hint(backend, kHeadKey);
  notes_.back().file = display_name(backend, kHeadKey);
  head_.repository_id = config_.id;
  return {};
}

// A manifest above HEAD's number is a publication that is running or was interrupted: everything it names was
// durable before it got its name. With `salvage` and no HEAD, every manifest counts.
Status Repository::find_unadopted(bool salvage) {
  Backend& backend = env_.backend;
  const bool take_all = salvage && head_file_.empty();
  ZK_TRY(std::vector<BackendEntry> entries, backend.list("manifests/"));
  std::set<std::string_view> known;
  for (const HeadEntry& entry : head_.live) known.insert(entry.id);
  for (const RemovedEntry& entry : head_.removed) known.insert(entry.id);
  std::vector<HeadEntry> found;
  std::set<std::string> copied;
  for (const BackendEntry& entry : entries) {
    const std::string_view id = id_of_key(entry.key);
    if (id.empty() || known.contains(id)) continue;
    Result<std::string> file = get_all(backend, entry.key, kManifestMax);
    Result<DecodedManifest> decoded = file ? decode_manifest(*file) : fail(std::move(file).error());
    if (decoded && decoded->manifest.id == id && (take_all || decoded->manifest.sequence > head_.sequence)) {
      found.push_back(head_entry(decoded->manifest, sha256_hex(as_bytes(*file))));
      if (decoded->manifest.copied_from) copied.insert(std::string(id));
      continue;
    }
    if (!decoded) {
      const ErrorId problem = decoded.error().id();
      if (problem == ErrorId::kNoFile) continue;  // pruned meanwhile
      const bool about_content = problem == ErrorId::kDamaged || problem == ErrorId::kBadMagic ||
                                 problem == ErrorId::kBadLength || problem == ErrorId::kRepositoryTooNew;
      if (!about_content) return fail(std::move(decoded).error());
    }
    notes_.push_back(
        note(ErrorId::kUnknownFile, "a manifest that HEAD does not name", display_name(backend, entry.key)));
  }
  if (found.empty()) return {};
  if (!take_all) {
    // Perhaps HEAD moved between our two looks.
    ZK_TRY(std::string again, get_all(backend, std::string(kHeadKey), kHeadMax));
    if (again != head_file_) {
      notes_.clear();
      head_ = Head{};
      ZK_TRY_STATUS(load_head(salvage));
      return find_unadopted(salvage);
    }
  }
  std::sort(found.begin(), found.end(),
            [](const HeadEntry& a, const HeadEntry& b) { return a.sequence < b.sequence; });
  for (HeadEntry& entry : found) {
    const bool after_last = head_.live.empty() || entry.sequence > head_.live.back().sequence;
    const bool parents = std::all_of(entry.needs.begin(), entry.needs.end(),
                                     [&](const std::string& id) { return find(id) != nullptr; });
    const std::string file = display_name(backend, manifest_key(entry.id));
    if (!after_last || !parents) {
      notes_.push_back(
          note(ErrorId::kRepositoryDamaged,
               parents ? "two manifests have one number" : "a manifest whose parent is not there", file));
      notes_.back().severity = restore::Severity::kDamage;
      continue;
    }
    if (!take_all) {
      notes_.push_back(
          note(ErrorId::kRepositoryDamaged,
               fmt::format("backup {} was published without HEAD: its run is not finished or was "
                           "interrupted; it is whole, and the next run takes it over",
                           short_id(entry.id)),
               file));
      unadopted_.push_back(entry);
    }
    const bool is_copy = copied.contains(entry.id);
    add_live(std::move(entry), is_copy);
  }
  return {};
}

// A compact holds nothing newer than its timeline: that of an old one stands beside what it was made of and
// does not become "latest".
std::int64_t Repository::order_of(const HeadEntry& entry) const {
  const HeadEntry* last = newest(entry.cluster);
  if (entry.type == BackupType::kCompact) {
    const HeadEntry* own = newest(entry.cluster, entry.timeline);
    if (own != nullptr && own->order_ms < last->order_ms) return own->order_ms;
  }
  return last != nullptr && last->order_ms >= entry.order_ms ? last->order_ms + 1 : entry.order_ms;
}

void Repository::add_live(HeadEntry entry, bool copied) {
  // Of a copy, what its repository had is gone with HEAD; when it was taken is the nearest to it.
  if (!copied) entry.order_ms = order_of(entry);
  head_.newest = entry.id;
  head_.live.push_back(std::move(entry));
}

void Repository::check_pin() {
  if (env_.cache_fs == nullptr || head_file_.empty()) return;
  std::string problem;
  const std::optional<Pin> pin = load_pin(*env_.cache_fs, env_.cache_dir, config_.id, &problem);
  const std::string path = pin_path(env_.cache_dir, config_.id);
  if (!problem.empty())
    notes_.push_back(note(ErrorId::kStorage, "cannot read the pin of this repository: " + problem, path));
  const std::string hash = sha256_hex(as_bytes(head_file_));
  if (pin &&
      (pin->sequence > head_.sequence || (pin->sequence == head_.sequence && pin->head_sha256 != hash))) {
    rolled_back_ = true;
    restore::Finding finding =
        note(ErrorId::kRolledBack,
             fmt::format("the repository went back in time: HEAD has number {}{}, this client has seen {}",
                         head_.sequence, pin->sequence == head_.sequence ? " with other content" : "",
                         pin->sequence),
             display_name(env_.backend, kHeadKey));
    finding.severity = restore::Severity::kDamage;
    finding.hint = "if it was put back from an older copy on purpose, delete " + path;
    notes_.push_back(std::move(finding));
    return;
  }
  if (pin && pin->sequence == head_.sequence) return;
  // Only what a power cut cannot take back is remembered. A client that cannot remember works all the same.
  if (!env_.backend.confirm(std::string(kHeadKey))) return;
  static_cast<void>(
      save_pin(*env_.cache_fs, env_.cache_dir, {config_.id, env_.backend.url(), head_.sequence, hash})
          .has_value());
}

std::vector<std::string> Repository::clusters() const {
  std::set<std::string> names;
  for (const HeadEntry& entry : head_.live) names.insert(entry.cluster);
  return {names.begin(), names.end()};
}

const HeadEntry* Repository::find(std::string_view id) const {
  for (const HeadEntry& entry : head_.live)
    if (entry.id == id) return &entry;
  return nullptr;
}

std::vector<HeadEntry> Repository::ordered(std::string_view cluster) const {
  std::vector<HeadEntry> entries;
  for (const HeadEntry& entry : head_.live)
    if (cluster.empty() || entry.cluster == cluster) entries.push_back(entry);
  std::stable_sort(entries.begin(), entries.end(),
                   [](const HeadEntry& a, const HeadEntry& b) { return a.order_ms < b.order_ms; });
  return entries;
}

const HeadEntry* Repository::newest(std::string_view cluster, std::string_view timeline) const {
  const HeadEntry* best = nullptr;
  for (const HeadEntry& entry : head_.live) {
    if (entry.cluster != cluster || (!timeline.empty() && entry.timeline != timeline)) continue;
    if (best == nullptr || entry.order_ms >= best->order_ms) best = &entry;
  }
  return best;
}

namespace {

/// The N of ID~N, whose tilde is at that place.
Result<unsigned> steps_back(std::string_view spec, std::size_t tilde) {
  const std::string_view digits = spec.substr(tilde + 1);
  unsigned back = 0;
  auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), back);
  if (problem == std::errc() && end == digits.data() + digits.size()) return back;
  return fail(Error(ErrorId::kUsage, fmt::format("\"{}\" is no backup", spec))
                  .with_hint("after ~ comes how many backups to go back: latest~1, 9c41~2"));
}

}  // namespace

Result<HeadEntry> Repository::resolve(std::string_view cluster, std::string_view spec) const {
  const std::vector<std::string> names = clusters();
  if (!cluster.empty() && std::find(names.begin(), names.end(), cluster) == names.end())
    return fail(Error(ErrorId::kNotFound, fmt::format("no backup of a cluster named {}", cluster))
                    .at(env_.backend.url())
                    .with_hint(names.empty() ? "the repository has no backups yet"
                                             : fmt::format("there are: {}", fmt::join(names, ", "))));
  if (spec == "latest" || spec.starts_with("latest~")) {
    unsigned back = 0;
    if (spec.size() > 6) {
      ZK_TRY(back, steps_back(spec, 6));
    }
    if (cluster.empty() && names.size() > 1)
      return fail(Error(ErrorId::kUsage, fmt::format("\"{}\" of which cluster?", spec))
                      .with_hint(fmt::format("-C one of: {}", fmt::join(names, ", "))));
    const std::vector<HeadEntry> entries = ordered(cluster);
    if (back < entries.size()) return entries[entries.size() - 1 - back];
    return fail(
        Error(ErrorId::kNotFound, entries.empty() ? "the repository has no backups yet"
                                                  : fmt::format("there are only {} backups", entries.size()))
            .at(env_.backend.url())
            .with_hint(entries.empty() ? "`zkark backup SRC` makes the first" : "`zkark list` shows them"));
  }
  if (const std::size_t tilde = spec.find('~'); tilde != std::string_view::npos) {
    ZK_TRY(const unsigned back, steps_back(spec, tilde));
    ZK_TRY(const HeadEntry from, resolve(cluster, spec.substr(0, tilde)));
    const std::vector<HeadEntry> entries = ordered(from.cluster);
    const auto here = std::find_if(entries.begin(), entries.end(),
                                   [&](const HeadEntry& entry) { return entry.id == from.id; });
    const auto before = static_cast<std::size_t>(here - entries.begin());
    if (back <= before) return entries[before - back];
    return fail(
        Error(ErrorId::kNotFound, fmt::format("backups before {}: only {}", short_id(from.id), before))
            .at(env_.backend.url())
            .with_hint("`zkark list` shows them, the newest first"));
  }
  std::vector<const HeadEntry*> matches;
  for (const HeadEntry& entry : head_.live)
    if (spec.size() >= 4 && entry.id.starts_with(spec) && (cluster.empty() || entry.cluster == cluster))
      matches.push_back(&entry);
  if (matches.size() == 1) return *matches.front();
  if (matches.size() > 1)
    return fail(Error(ErrorId::kUsage, fmt::format("\"{}\" begins {} backup ids", spec, matches.size()))
                    .with_hint(fmt::format("{}, {}", matches[0]->id, matches[1]->id)));
  const auto pruned = std::any_of(head_.removed.begin(), head_.removed.end(), [&](const RemovedEntry& entry) {
    return spec.size() >= 4 && entry.id.starts_with(spec);
  });
  return fail(
      Error(ErrorId::kNotFound, fmt::format("no backup \"{}\"{}", spec, pruned ? ": it was pruned" : ""))
          .at(env_.backend.url())
          .with_hint("`zkark list` shows what there is; ids can be cut to 4 digits or more"));
}

Result<std::vector<std::string>> Repository::closure(std::string_view id) const {
  std::vector<std::string> children_first{std::string(id)};
  std::set<std::string> seen{std::string(id)};
  for (std::size_t i = 0; i < children_first.size(); ++i) {
    const HeadEntry* entry = find(children_first[i]);
    if (entry == nullptr) {
      if (i == 0) return fail(ErrorId::kNotFound, fmt::format("no backup {}", id));
      return fail(Error(ErrorId::kRepositoryDamaged, fmt::format("backup {} needs {}, which is not live",
                                                                 short_id(id), short_id(children_first[i])))
                      .at(env_.backend.url()));
    }
    for (const std::string& parent : entry->needs)
      if (seen.insert(parent).second) children_first.push_back(parent);
  }
  return std::vector<std::string>(children_first.rbegin(), children_first.rend());
}

Result<std::string> Repository::load_manifest_file(const HeadEntry& entry) const {
  const std::string key = manifest_key(entry.id);
  Result<std::string> file = get_all(env_.backend, key, kManifestMax);
  if (file && sha256_hex(as_bytes(*file)) == entry.sha256) return file;
  if (!file && file.error().id() != ErrorId::kNoFile && file.error().id() != ErrorId::kBadLength)
    return fail(std::move(file).error());
  const bool missing = !file && file.error().id() == ErrorId::kNoFile;
  return fail(
      Error(ErrorId::kRepositoryDamaged, fmt::format("the manifest of backup {} {}", short_id(entry.id),
                                                     missing ? "is missing" : "does not match its SHA-256"))
          .at(display_name(env_.backend, key))
          .with_hint(kDamagedHint));
}

Result<Manifest> Repository::load(std::string_view id) const {
  const HeadEntry* entry = find(id);
  if (entry == nullptr) return fail(ErrorId::kNotFound, fmt::format("no backup {}", id));
  ZK_TRY(std::string file, load_manifest_file(*entry));
  Result<DecodedManifest> decoded = decode_manifest(file);
  if (!decoded) return damaged_file(env_.backend, manifest_key(id), decoded.error());
  Manifest& manifest = decoded->manifest;
  if (manifest.id != entry->id)
    return damaged_file(env_.backend, manifest_key(id), Error(ErrorId::kDamaged, "it is of another backup"));
  manifest.tags = entry->tags;
  if (entry->certificate) manifest.certificate = *entry->certificate;
  return std::move(manifest);
}

Result<std::unique_ptr<File>> Repository::open_data(const StoredData& data, std::string display_name) const {
  return make_stored_file(env_.backend, data, std::move(display_name));
}

Result<std::string> Repository::read_data(const StoredData& data, std::uint64_t max_bytes) const {
  if (data.plain_bytes() > max_bytes)
    return fail(ErrorId::kBadLength,
                fmt::format("{} bytes stored, more than {}", data.plain_bytes(), max_bytes));
  std::string content;
  for (const ObjectRef& part : data.parts) {
    ZK_TRY(auto reader, open_object(env_.backend, part));
    const std::size_t from = content.size();
    content.resize(from + part.plain_bytes);
    Result<std::size_t> got =
        reader->read(std::as_writable_bytes(std::span(content.data() + from, content.size() - from)));
    if (!got)
      return fail(
          std::move(got).error().at(zkark::backup::display_name(env_.backend, object_key(part.name))));
    ZK_CHECK(*got == part.plain_bytes);
  }
  return content;
}

}  // namespace zkark::backup
