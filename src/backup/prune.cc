// Removing what nobody needs, in two phases. First HEAD stops naming a backup; a grace time later, when no reader
// that still goes by an older HEAD can be at it, its files go. Objects are removed before the manifests that
// name them and those before HEAD forgets them, so that an interrupted prune is finished by the next.
#include <fmt/format.h>

#include <algorithm>

#include "src/backup/writer.h"

namespace zkark::backup {
namespace {

constexpr std::size_t kRemoveAtOnce = 256;

Status remove_all(Backend& backend, const std::vector<std::string>& keys, Job& job) {
  for (std::size_t from = 0; from < keys.size(); from += kRemoveAtOnce) {
    ZK_TRY_STATUS(job.check());
    ZK_TRY_STATUS(backend.remove(std::span(keys).subspan(from, std::min(kRemoveAtOnce, keys.size() - from))));
    job.progress.done += std::min(kRemoveAtOnce, keys.size() - from);
  }
  return {};
}

std::string_view object_of_key(std::string_view key) {
  const std::size_t slash = key.rfind('/');
  const std::string_view name = key.substr(slash + 1);
  return is_hex_name(name, 64) && object_key(name) == key ? name : std::string_view();
}

}  // namespace

/// Names of all objects that live backups, or pruned ones still in their grace time, need. A live manifest that
/// cannot be read stops everything: nobody knows what it needs.
Result<std::set<std::string>> RepositoryWriter::used_objects(const std::set<std::string>& without, Job& job) {
  std::set<std::string> used;
  const auto add = [&](const Manifest& manifest) {
    for (const ObjectRef& ref : manifest.objects()) used.insert(ref.name);
  };
  for (const HeadEntry& entry : repository_->head_.live) {
    ZK_TRY_STATUS(job.check());
    Result<Manifest> manifest = repository_->load(entry.id);
    if (!manifest) {
      Error error = std::move(manifest).error();
      return fail(std::move(error).context("nothing is removed while a live manifest cannot be read"));
    }
    if (!without.contains(entry.id)) add(*manifest);
  }
  for (const RemovedEntry& entry : repository_->head_.removed) {
    if (without.contains(entry.id)) continue;
    HeadEntry waiting;
    waiting.id = entry.id;
    waiting.sha256 = entry.sha256;
    Result<std::string> file = repository_->load_manifest_file(waiting);
    if (!file) {
      if (file.error().id() == ErrorId::kRepositoryDamaged) continue;
      return fail(std::move(file).error());
    }
    if (Result<DecodedManifest> decoded = decode_manifest(*file)) add(decoded->manifest);
  }
  return used;
}

Result<PruneReport> RepositoryWriter::prune(const std::vector<std::string>& ids, const PruneOptions& options,
                                            Job& job) {
  const std::set<std::string> going(ids.begin(), ids.end());
  for (const std::string& id : going)
    if (repository_->find(id) == nullptr) return fail(ErrorId::kNotFound, fmt::format("no backup {}", id));
  for (const HeadEntry& entry : repository_->head_.live) {
    if (going.contains(entry.id)) continue;
    for (const std::string& parent : entry.needs)
      if (going.contains(parent))
        return fail(Error(ErrorId::kRefused,
                          fmt::format("backup {} needs {}, which is to be removed", short_id(entry.id), short_id(parent)))
                        .with_hint("remove both, or neither"));
  }
  PruneReport report;
  report.unlisted.assign(going.begin(), going.end());
  const std::int64_t now_ms = repository_->env_.clock.wall().ms;
  const std::int64_t old_ms = now_ms - options.grace_ms;

  std::set<std::string> expired;
  for (const RemovedEntry& entry : repository_->head_.removed)
    if (entry.removed_ms <= old_ms) expired.insert(entry.id);
  if (options.grace_ms <= 0) expired.insert(going.begin(), going.end());
  // Read before anything changes: a manifest that cannot be read stops the run here.
  std::set<std::string> without = expired;
  ZK_TRY(std::set<std::string> used, used_objects(without, job));

  if (!going.empty() && !options.dry_run) {
    Head next = repository_->head_;
    for (const HeadEntry& entry : next.live)
      if (going.contains(entry.id)) next.removed.push_back({entry.id, entry.sha256, now_ms});
    std::erase_if(next.live, [&](const HeadEntry& entry) { return going.contains(entry.id); });
    ZK_TRY_STATUS(write_head(std::move(next)));
  }

  std::vector<std::string> objects, manifests;
  ZK_TRY(std::vector<BackendEntry> entries, backend().list("objects/"));
  for (const BackendEntry& entry : entries) {
    const std::string_view name = object_of_key(entry.key);
    if (name.empty() || used.contains(std::string(name))) continue;
    if (entry.modified_ms > old_ms) {
      ++report.objects_waiting;
      report.bytes_waiting += entry.size_bytes;
      continue;
    }
    ++report.objects_removed;
    report.bytes_removed += entry.size_bytes;
    objects.push_back(entry.key);
  }
  for (const std::string& id : expired) {
    manifests.push_back(manifest_key(id));
    report.removed.push_back(id);
  }
  if (options.dry_run) return report;

  job.progress.phase = "removing";
  job.progress.total = objects.size() + manifests.size();
  ZK_TRY_STATUS(lock_->still_held());
  ZK_TRY_STATUS(remove_all(backend(), objects, job));
  ZK_TRY_STATUS(remove_all(backend(), manifests, job));
  {
    const std::lock_guard lock(stored_mutex_);
    for (const std::string& key : objects) stored_.erase(std::string(object_of_key(key)));
  }
  if (!expired.empty()) {
    Head next = repository_->head_;
    std::erase_if(next.removed, [&](const RemovedEntry& entry) { return expired.contains(entry.id); });
    ZK_TRY_STATUS(write_head(std::move(next)));
  }
  return report;
}

}  // namespace zkark::backup
