// Removing what nobody needs, in two phases. First HEAD stops naming a backup; a grace time later, when no
// reader that still goes by an older HEAD can be at it, its files go. Objects are removed before the
// manifests that name them and those before HEAD forgets them, so that an interrupted prune is finished by
// the next.
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

/// Names of all objects that live backups, or pruned ones still in their grace time, need. Nobody knows what
/// a live manifest that cannot be read needs: its id goes to `unreadable`, and then nothing may be removed.
Result<std::set<std::string>> used_objects(const Repository& repository, const std::set<std::string>& without,
                                           std::vector<std::string>& unreadable, Job& job) {
  std::set<std::string> used;
  const auto add = [&](const Manifest& manifest) {
    for (const ObjectRef& ref : manifest.objects()) used.insert(ref.name);
  };
  for (const HeadEntry& entry : repository.entries()) {
    ZK_TRY_STATUS(job.check());
    if (without.contains(entry.id)) continue;
    const Result<Manifest> manifest = repository.load(entry.id);
    if (manifest) {
      add(*manifest);
      continue;
    }
    if (exit_code(manifest.error().id()) != 6) return fail(manifest.error().clone());
    unreadable.push_back(entry.id);
  }
  for (const RemovedEntry& entry : repository.head().removed) {
    if (without.contains(entry.id)) continue;
    HeadEntry waiting;
    waiting.id = entry.id;
    waiting.sha256 = entry.sha256;
    Result<std::string> file = repository.load_manifest_file(waiting);
    if (!file) {
      if (file.error().id() == ErrorId::kRepositoryDamaged) continue;
      return fail(std::move(file).error());
    }
    if (Result<DecodedManifest> decoded = decode_manifest(*file)) add(decoded->manifest);
  }
  return used;
}

/// Everything is read here, before anything changes.
struct Plan {
  PruneReport report;
  std::set<std::string> going, expired;
  std::vector<std::string> objects;  // keys
};

Result<Plan> make_plan(const Repository& repository, const std::vector<std::string>& ids,
                       std::int64_t grace_ms, Job& job) {
  Plan plan;
  plan.going.insert(ids.begin(), ids.end());
  for (const std::string& id : plan.going)
    if (repository.find(id) == nullptr) return fail(ErrorId::kNotFound, fmt::format("no backup {}", id));
  for (const HeadEntry& entry : repository.entries()) {
    if (plan.going.contains(entry.id)) continue;
    for (const std::string& parent : entry.needs)
      if (plan.going.contains(parent))
        return fail(Error(ErrorId::kRefused, fmt::format("backup {} needs {}, which is to be removed",
                                                         short_id(entry.id), short_id(parent)))
                        .with_hint("remove both, or neither"));
  }
  const std::int64_t old_ms = repository.env().clock.wall().ms - grace_ms;
  for (const RemovedEntry& entry : repository.head().removed)
    if (entry.removed_ms <= old_ms) plan.expired.insert(entry.id);
  if (grace_ms <= 0) plan.expired.insert(plan.going.begin(), plan.going.end());
  PruneReport& report = plan.report;
  // What this run takes out of the live set needs its objects until it expires, known or not.
  ZK_TRY(const std::set<std::string> used, used_objects(repository, plan.expired, report.unreadable, job));
  if (!report.unreadable.empty()) plan.expired.clear();
  report.unlisted.assign(plan.going.begin(), plan.going.end());
  report.removed.assign(plan.expired.begin(), plan.expired.end());
  if (!report.unreadable.empty()) return plan;
  ZK_TRY(const std::vector<BackendEntry> entries, repository.env().backend.list("objects/"));
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
    plan.objects.push_back(entry.key);
  }
  return plan;
}

}  // namespace

Result<PruneReport> plan_prune(const Repository& repository, const std::vector<std::string>& ids,
                               std::int64_t grace_ms, Job& job) {
  ZK_TRY(Plan plan, make_plan(repository, ids, grace_ms, job));
  return std::move(plan.report);
}

Result<PruneReport> RepositoryWriter::prune(const std::vector<std::string>& ids, const PruneOptions& options,
                                            Job& job) {
  ZK_TRY(Plan plan, make_plan(*repository_, ids, options.grace_ms, job));
  if (options.dry_run) return std::move(plan.report);

  if (!plan.going.empty()) {
    const std::int64_t now_ms = repository_->env_.clock.wall().ms;
    Head next = repository_->head_;
    for (const HeadEntry& entry : next.live)
      if (plan.going.contains(entry.id)) next.removed.push_back({entry.id, entry.sha256, now_ms});
    std::erase_if(next.live, [&](const HeadEntry& entry) { return plan.going.contains(entry.id); });
    ZK_TRY_STATUS(write_head(std::move(next)));
  }
  std::vector<std::string> manifests;
  for (const std::string& id : plan.expired) manifests.push_back(manifest_key(id));
  job.progress.phase = "removing";
  job.progress.total = plan.objects.size() + manifests.size();
  ZK_TRY_STATUS(lock_->still_held());
  ZK_TRY_STATUS(remove_all(backend(), plan.objects, job));
  ZK_TRY_STATUS(remove_all(backend(), manifests, job));
  {
    const std::lock_guard lock(stored_mutex_);
    for (const std::string& key : plan.objects) stored_.erase(std::string(object_of_key(key)));
  }
  if (!plan.expired.empty()) {
    Head next = repository_->head_;
    std::erase_if(next.removed, [&](const RemovedEntry& entry) { return plan.expired.contains(entry.id); });
    ZK_TRY_STATUS(write_head(std::move(next)));
  }
  return std::move(plan.report);
}

}  // namespace zkark::backup
