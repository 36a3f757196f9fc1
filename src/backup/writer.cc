#include "src/backup/writer.h"

#include <fmt/format.h>

#include <algorithm>

#include "formats/base/check.h"
#include "src/backup/pin.h"
#include "src/backup/stored_file.h"

namespace zkark::backup {
namespace {

constexpr std::uint64_t kReserveBytes = 16u << 20;
constexpr std::uint64_t kHeadMax = 256u << 20;

/// Piece by piece: the value is in memory once already.
Status read_back(Backend& backend, const std::string& key, std::string_view written) {
  std::vector<std::byte> block(std::min<std::size_t>(written.size() + 1, 256u << 10));
  for (std::size_t offset = 0;;) {
    ZK_TRY(std::size_t got, backend.get(key, offset, block));
    const bool same =
        got <= written.size() - offset && as_text({block.data(), got}) == written.substr(offset, got);
    offset += got;
    if (same && got == block.size()) continue;
    if (same && offset == written.size()) return {};
    return fail(Error(ErrorId::kStorage, "what was just written reads back differently")
                    .at(display_name(backend, key), offset));
  }
}

Status put_checked(Backend& backend, const std::string& key, std::string_view bytes) {
  ZK_TRY_STATUS(backend.put(key, as_bytes(bytes), Durability::kDurable));
  return read_back(backend, key, bytes);
}

/// A full disk says what to do about it.
Status with_space_hint(Status status) {
  if (status || status.error().id() != ErrorId::kDiskFull) return status;
  return fail(
      std::move(status).error().with_hint("nothing of this run was published; free space (zkark prune) and "
                                          "run it again: what is stored already is "
                                          "used then"));
}

}  // namespace

RepositoryWriter::RepositoryWriter(std::unique_ptr<Lock> lock, std::unique_ptr<Repository> repository)
    : lock_(std::move(lock)), repository_(std::move(repository)) {}
RepositoryWriter::~RepositoryWriter() = default;

Result<std::unique_ptr<RepositoryWriter>> RepositoryWriter::begin(const RepositoryEnvironment& env,
                                                                  const LockRequest& request, Job& job) {
  // Looked at first without the lock: where there is no repository, no lock file must appear.
  ZK_TRY_STATUS(Repository::open(env, {}));
  ZK_TRY(auto lock, Lock::acquire(env.locks(), request, job));
  ZK_TRY(auto repository, Repository::open(env, {}));
  if (repository->rolled_back_) {
    for (const restore::Finding& finding : repository->notes_)
      if (finding.id == ErrorId::kRolledBack)
        return fail(Error(finding.id, finding.message).at(finding.file).with_hint(finding.hint));
  }
  std::unique_ptr<RepositoryWriter> writer(new RepositoryWriter(std::move(lock), std::move(repository)));
  // The run before may have been killed between renaming HEAD and syncing its directory. Pruning by a HEAD
  // that a power cut takes back would remove what the older one needs.
  ZK_TRY_STATUS(writer->backend().confirm(std::string(kHeadKey)));
  ZK_TRY_STATUS(writer->backend().clean_temporary());
  ZK_TRY_STATUS(writer->adopt());
  return writer;
}

// A publication whose objects are gone is no backup; its run never said it was. It stays behind HEAD's
// number, where check reports it as a manifest that HEAD does not name.
Status RepositoryWriter::adopt() {
  std::vector<HeadEntry> unadopted = std::move(repository_->unadopted_);
  repository_->unadopted_.clear();
  if (unadopted.empty()) return {};
  Head next = repository_->head_;
  next.sequence = unadopted.back().sequence - 1;  // write_head adds one
  for (const HeadEntry& entry : unadopted) {
    ZK_TRY(Manifest manifest, repository_->load(entry.id));
    Status complete = check_objects(manifest);
    if (complete) {
      ZK_TRY_STATUS(backend().confirm(manifest_key(entry.id)));
      continue;
    }
    if (complete.error().id() != ErrorId::kMissingObject && complete.error().id() != ErrorId::kObjectDamaged)
      return complete;
    std::erase_if(next.live, [&](const HeadEntry& live) {
      return live.id == entry.id ||
             std::find(live.needs.begin(), live.needs.end(), entry.id) != live.needs.end();
    });
  }
  next.newest = next.live.empty() ? "" : next.live.back().id;
  return write_head(std::move(next));
}

Status RepositoryWriter::require_space(std::uint64_t bytes) {
  ZK_TRY(std::optional<std::uint64_t> free, backend().free_bytes());
  if (!free || (*free >= kReserveBytes && *free - kReserveBytes >= bytes)) return {};
  return with_space_hint(
      fail(Error(ErrorId::kDiskFull, fmt::format("{} bytes are free, {} and a reserve of {} are needed",
                                                 *free, bytes, kReserveBytes))
               .at(backend().url())));
}

std::unique_ptr<ObjectEncoder> RepositoryWriter::encoder(ObjectKind kind, SnapCodec source_codec,
                                                         Executor* executor) {
  Executor& chosen = executor != nullptr ? *executor : repository_->env_.executor;
  return std::make_unique<ObjectEncoder>(kind, source_codec, chosen, codec_,
                                         [this](EncodedObject object) { return put_object(object); });
}

Result<StoredData> RepositoryWriter::store(ObjectKind kind, Bytes plain, const StoredData* known) {
  // Equal is what encodes to the same name. Where another zstd encodes otherwise, little is stored once more.
  if (known != nullptr && known->parts.size() == 1 && known->plain_bytes() == plain.size() &&
      known->parts.front().plain_xxh3 == plain_hash_hex(plain)) {
    const Result<EncodedObject> again = encode_object(kind, SnapCodec::kPlain, plain, codec_);
    if (again && again->ref == known->parts.front()) return *known;
  }
  StoredData data;
  auto encoder = this->encoder(kind, SnapCodec::kPlain);
  ZK_TRY_STATUS(encoder->append(plain));
  ZK_TRY(data.parts, encoder->finish());
  return data;
}

Result<bool> RepositoryWriter::has_object(const ObjectRef& ref) {
  {
    const std::lock_guard lock(stored_mutex_);
    if (stored_.contains(ref.name)) return true;
  }
  const std::string key = object_key(ref.name);
  // Existing under its name proves nothing yet: it may have rotted, and the run that put it may have died
  // before the name was durable.
  Result<std::string> stored = fetch_object(backend(), ref);
  if (!stored) {
    if (stored.error().id() == ErrorId::kMissingObject || stored.error().id() == ErrorId::kObjectDamaged)
      return false;
    return fail(std::move(stored).error());
  }
  if (sha256_hex(as_bytes(*stored)) != ref.name) return false;
  ZK_TRY_STATUS(backend().confirm(key));
  const std::lock_guard lock(stored_mutex_);
  stored_[ref.name] = ref.stored_bytes;
  return true;
}

Status RepositoryWriter::put_object(const EncodedObject& object) {
  ZK_TRY(bool there, has_object(object.ref));
  if (there) return {};
  const std::string key = object_key(object.ref.name);
  ZK_TRY_STATUS(with_space_hint(put_checked(backend(), key, object.stored)));
  const std::lock_guard lock(stored_mutex_);
  if (stored_.emplace(object.ref.name, object.ref.stored_bytes).second)
    new_stored_bytes_ += object.ref.stored_bytes;
  return {};
}

Status RepositoryWriter::check_objects(const Manifest& manifest) {
  for (const ObjectRef& ref : manifest.objects()) {
    {
      const std::lock_guard lock(stored_mutex_);
      if (stored_.contains(ref.name)) continue;
    }
    const std::string key = object_key(ref.name);
    Result<BackendEntry> info = backend().info(key);
    if (!info && info.error().id() != ErrorId::kNoFile) return fail(std::move(info).error());
    if (!info)
      return fail(
          Error(ErrorId::kMissingObject, "a stored object is missing").at(display_name(backend(), key)));
    if (info->size_bytes != ref.stored_bytes)
      return fail(Error(ErrorId::kObjectDamaged,
                        fmt::format("{} bytes long, not {}", info->size_bytes, ref.stored_bytes))
                      .at(display_name(backend(), key)));
    ZK_TRY_STATUS(backend().confirm(key));
    const std::lock_guard lock(stored_mutex_);
    stored_[ref.name] = ref.stored_bytes;
  }
  return {};
}

Status RepositoryWriter::write_head(Head next) {
  ZK_CHECK(!failed_);
  failed_ = true;  // until proven otherwise
  ++next.sequence;
  const std::string file = encode_head(next);
  ZK_TRY_STATUS(lock_->still_held());
  ZK_TRY(std::string before, get_all(backend(), std::string(kHeadKey), kHeadMax));
  if (before != repository_->head_file_)
    return fail(Error(ErrorId::kLockLost, "HEAD changed while we held the lock: another run writes here")
                    .at(display_name(backend(), kHeadKey))
                    .with_hint("run it again; do not `zkark unlock` while a run is alive"));
  ZK_TRY_STATUS(with_space_hint(put_checked(backend(), std::string(kHeadKey), file)));
  repository_->head_ = std::move(next);
  repository_->head_file_ = file;
  repository_->check_pin();
  failed_ = false;
  return {};
}

Result<HeadEntry> RepositoryWriter::publish(Manifest manifest, Job& job) {
  return publish_as(std::move(manifest), nullptr, job);
}

Result<HeadEntry> RepositoryWriter::publish_copy(Manifest manifest, const HeadEntry& entry, Job& job) {
  return publish_as(std::move(manifest), &entry, job);
}

Result<HeadEntry> RepositoryWriter::publish_as(Manifest manifest, const HeadEntry* copy, Job& job) {
  ZK_TRY_STATUS(job.check());
  const RepositoryEnvironment& env = repository_->env_;
  Head next = repository_->head_;
  if (copy == nullptr) {
    // People see 8 digits, so those must be unique, pruned backups included.
    const auto taken = [&](std::string_view id) {
      const auto same = [&](const auto& entry) { return short_id(entry.id) == short_id(id); };
      return std::any_of(next.live.begin(), next.live.end(), same) ||
             std::any_of(next.removed.begin(), next.removed.end(), same);
    };
    do {
      std::byte bytes[16];
      env.random.fill(bytes);
      manifest.id = to_hex(bytes);
    } while (taken(manifest.id));
    manifest.zkark_version = env.zkark_version;
    manifest.new_stored_bytes = new_stored_bytes_;
  }
  manifest.sequence = next.sequence + 1;
  manifest.heads.clear();
  for (const std::string& cluster : repository_->clusters())
    if (const HeadEntry* newest = repository_->newest(cluster))
      manifest.heads.push_back({newest->id, newest->sha256});
  manifest.stored_bytes = 0;
  for (const ObjectRef& ref : manifest.objects()) manifest.stored_bytes += ref.stored_bytes;
  for (const std::string& parent : manifest.needs())
    if (repository_->find(parent) == nullptr)
      return fail(ErrorId::kInternal,
                  fmt::format("the parent {} of the backup is not live", short_id(parent)));
  ZK_TRY_STATUS(check_objects(manifest));
  ZK_TRY_STATUS(lock_->still_held());
  ZK_TRY_STATUS(job.check());

  const std::string file = encode_manifest(manifest);
  Result<DecodedManifest> again = decode_manifest(file);
  if (!again) return fail(ErrorId::kInternal, "the manifest does not decode: " + again.error().message());
  ZK_CHECK(again->manifest == manifest && again->unknown_keys.empty());
  ZK_TRY_STATUS(with_space_hint(put_checked(backend(), manifest_key(manifest.id), file)));

  HeadEntry entry = head_entry(manifest, sha256_hex(as_bytes(file)));
  if (copy != nullptr) {
    entry.tags = copy->tags;
    entry.certificate = copy->certificate;
    entry.order_ms = copy->order_ms;
  } else {
    entry.order_ms = repository_->order_of(entry);
  }
  next.newest = manifest.id;
  next.live.push_back(entry);
  ZK_TRY_STATUS(write_head(std::move(next)));
  new_stored_bytes_ = 0;
  return entry;
}

Status RepositoryWriter::set_tags(std::string_view id, std::map<std::string, std::string> tags) {
  Head next = repository_->head_;
  for (HeadEntry& entry : next.live) {
    if (entry.id != id) continue;
    entry.tags = std::move(tags);
    return write_head(std::move(next));
  }
  return fail(ErrorId::kNotFound, fmt::format("no backup {}", id));
}

Status RepositoryWriter::set_certificate(std::string_view id, StoredCertificate certificate) {
  Head next = repository_->head_;
  for (HeadEntry& entry : next.live) {
    if (entry.id != id) continue;
    entry.certificate = std::move(certificate);
    return write_head(std::move(next));
  }
  return fail(ErrorId::kNotFound, fmt::format("no backup {}", id));
}

Status RepositoryWriter::end() { return lock_->release(); }

}  // namespace zkark::backup
