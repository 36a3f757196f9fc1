// A new HEAD out of the manifests that are whole. HEAD alone knows what was pruned, which tags were edited
// and which certificates came later: that is lost, and whoever asks for this is told.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "src/backup/writer.h"

namespace zkark::backup {
namespace {

constexpr std::uint64_t kHeadMax = 256u << 20;
constexpr std::uint64_t kManifestMax = 64u << 20;
/// Far above any number that the lost HEAD may have had, so that pins of clients stay behind it.
constexpr std::uint64_t kSequenceJump = 1'000'000;

bool about_content(ErrorId id) {
  return id == ErrorId::kDamaged || id == ErrorId::kBadMagic || id == ErrorId::kBadLength ||
         id == ErrorId::kMissingObject || id == ErrorId::kObjectDamaged ||
         id == ErrorId::kRepositoryDamaged || id == ErrorId::kRepositoryTooNew;
}

/// All objects are there in their size.
Status check_sizes(Backend& backend, const Manifest& manifest) {
  for (const ObjectRef& ref : manifest.objects()) {
    const std::string key = object_key(ref.name);
    Result<BackendEntry> info = backend.info(key);
    if (!info && info.error().id() != ErrorId::kNoFile) return fail(std::move(info).error());
    if (!info) return fail(Error(ErrorId::kMissingObject, fmt::format("{} is missing", key)));
    if (info->size_bytes != ref.stored_bytes)
      return fail(Error(ErrorId::kObjectDamaged,
                        fmt::format("{} is {} bytes long, not {}", key, info->size_bytes, ref.stored_bytes)));
  }
  return {};
}

/// Why a manifest file that does not count as live does not.
Result<std::string> why_not(Backend& backend, const std::string& key, const std::set<std::string>& kept) {
  Result<std::string> file = get_all(backend, key, kManifestMax);
  if (!file && file.error().id() != ErrorId::kBadLength) return fail(std::move(file).error());
  Result<DecodedManifest> decoded = file ? decode_manifest(*file) : fail(std::move(file).error());
  if (!decoded) return "damaged: " + decoded.error().message();
  if (manifest_key(decoded->manifest.id) != key) return std::string("it is of another backup");
  for (const std::string& parent : decoded->manifest.needs()) {
    if (kept.contains(parent)) continue;
    ZK_TRY(const bool there, exists(backend, manifest_key(parent)));
    return there ? fmt::format("it needs {}, which is not whole", short_id(parent))
                 : fmt::format("it needs {}, which is missing", short_id(parent));
  }
  return std::string("another manifest has its number");
}

}  // namespace

Result<RepositoryWriter::Salvage> RepositoryWriter::examine(const RepositoryEnvironment& env, Job& job) {
  Result<std::unique_ptr<Repository>> intact = Repository::open(env, {});
  if (intact)
    return fail(
        Error(ErrorId::kRefused, "HEAD is intact: there is nothing to rebuild").at(env.backend.url()));
  if (intact.error().id() != ErrorId::kRepositoryDamaged) return fail(std::move(intact).error());
  Salvage salvage;
  ZK_TRY(salvage.repository, Repository::open(env, OpenOptions{.salvage = true}));
  Repository& repository = *salvage.repository;
  if (!repository.head_file_.empty()) return fail(std::move(intact).error());  // it is config
  if (repository.config_.id.empty())
    return fail(
        Error(ErrorId::kRepositoryDamaged,
              "config is missing or damaged as well: without the repository's id there can be no HEAD")
            .at(display_name(env.backend, kConfigKey))
            .with_hint("put config back from a copy of the repository; it never changes"));
  HeadRepair& found = salvage.repair;
  found.problem = intact.error().message();

  std::set<std::string> kept;
  for (HeadEntry& entry : repository.head_.live) {
    ZK_TRY_STATUS(job.check());
    const auto leave_out = [&](std::string reason) {
      found.left_out.push_back({manifest_key(entry.id), std::move(reason)});
    };
    const auto lost = std::find_if(entry.needs.begin(), entry.needs.end(),
                                   [&](const std::string& id) { return !kept.contains(id); });
    if (lost != entry.needs.end()) {
      leave_out(fmt::format("it needs {}, which is not whole", short_id(*lost)));
      continue;
    }
    Result<Manifest> manifest = repository.load(entry.id);
    Status whole = manifest ? check_sizes(env.backend, *manifest) : fail(std::move(manifest).error());
    if (!whole) {
      if (!about_content(whole.error().id())) return fail(std::move(whole).error());
      leave_out(whole.error().message());
      continue;
    }
    kept.insert(entry.id);
    found.kept.push_back(entry);
  }
  std::set<std::string> told;
  for (const HeadRepair::LeftOut& out : found.left_out) told.insert(out.file);
  for (const HeadEntry& entry : found.kept) told.insert(manifest_key(entry.id));
  ZK_TRY(const std::vector<BackendEntry> files, env.backend.list("manifests/"));
  for (const BackendEntry& file : files) {
    if (told.contains(file.key)) continue;
    ZK_TRY(std::string reason, why_not(env.backend, file.key, kept));
    found.left_out.push_back({file.key, std::move(reason)});
  }
  return salvage;
}

Result<HeadRepair> RepositoryWriter::plan_head(const RepositoryEnvironment& env, Job& job) {
  ZK_TRY(Salvage salvage, examine(env, job));
  return std::move(salvage.repair);
}

Result<HeadRepair> RepositoryWriter::rebuild_head(const RepositoryEnvironment& env,
                                                  const LockRequest& request, Job& job) {
  // Before there is a lock file: where there is nothing to do, nothing must appear.
  ZK_TRY_STATUS(examine(env, job));
  ZK_TRY(auto lock, Lock::acquire(env.locks(), request, job));
  ZK_TRY(Salvage salvage, examine(env, job));
  HeadRepair repair = std::move(salvage.repair);
  RepositoryWriter writer(std::move(lock), std::move(salvage.repository));
  Head next = writer.repository_->head_;
  for (const HeadEntry& entry : repair.kept) {
    ZK_TRY_STATUS(job.check());
    ZK_TRY(const Manifest manifest, writer.repository_->load(entry.id));
    ZK_TRY_STATUS(writer.check_objects(manifest));  // and durable
    ZK_TRY_STATUS(env.backend.confirm(manifest_key(entry.id)));
    next.sequence = entry.sequence;
  }
  next.live = repair.kept;
  next.newest = repair.kept.empty() ? "" : repair.kept.back().id;
  next.sequence += kSequenceJump;
  // Somebody may still read tags out of it.
  Result<std::string> damaged = get_all(env.backend, std::string(kHeadKey), kHeadMax);
  if (damaged) {
    ZK_TRY_STATUS(env.backend.put(std::string(kDamagedHeadKey), as_bytes(*damaged), Durability::kDurable));
    repair.damaged_copy = display_name(env.backend, kDamagedHeadKey);
  } else if (damaged.error().id() != ErrorId::kNoFile && damaged.error().id() != ErrorId::kBadLength) {
    return fail(std::move(damaged).error());
  }
  const std::string file = encode_head(next);
  ZK_TRY_STATUS(writer.lock_->still_held());
  ZK_TRY_STATUS(env.backend.put(std::string(kHeadKey), as_bytes(file), Durability::kDurable));
  ZK_TRY(const std::string again, get_all(env.backend, std::string(kHeadKey), kHeadMax));
  if (again != file)
    return fail(Error(ErrorId::kStorage, "what was just written reads back differently")
                    .at(display_name(env.backend, kHeadKey)));
  ZK_TRY_STATUS(writer.end());
  return repair;
}

}  // namespace zkark::backup
