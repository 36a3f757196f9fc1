#include "src/backup/copy.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <functional>

#include "src/backup/stored_file.h"

namespace zkark::backup {
namespace {

// How many objects are in memory at once.
constexpr std::size_t kObjectsAtOnce = 2;

/// Objects that are there, intact, are not read from the source again: an interrupted copy goes on.
Status copy_objects(const Repository& from, RepositoryWriter& to, const std::vector<ObjectRef>& refs,
                    CopyReport& report, Job& job) {
  std::atomic<std::uint64_t> objects{0}, bytes{0};
  for (std::size_t first = 0; first < refs.size(); first += kObjectsAtOnce) {
    ZK_TRY_STATUS(job.check());
    std::vector<std::function<Status()>> tasks;
    for (std::size_t i = first; i < std::min(first + kObjectsAtOnce, refs.size()); ++i) {
      tasks.push_back([&, i]() -> Status {
        const ObjectRef& ref = refs[i];
        ZK_TRY(bool there, to.has_object(ref));
        if (there) return {};
        Backend& source = from.env().backend;
        ZK_TRY(std::string stored, fetch_object(source, ref));
        if (sha256_hex(as_bytes(stored)) != ref.name)
          return fail(Error(ErrorId::kObjectDamaged, "the stored bytes do not match the object's name")
                          .at(display_name(source, object_key(ref.name))));
        ZK_TRY_STATUS(to.put_object({ref, std::move(stored)}));
        ++objects;
        bytes += ref.stored_bytes;
        return {};
      });
    }
    ZK_TRY_STATUS(to.repository().env().executor.run_all(tasks));
    for (std::size_t i = first; i < std::min(first + kObjectsAtOnce, refs.size()); ++i)
      job.progress.done += refs[i].stored_bytes;
  }
  report.objects += objects;
  report.bytes += bytes;
  return {};
}

}  // namespace

Result<CopyReport> copy_backups(const Repository& from, RepositoryWriter& to,
                                const std::vector<std::string>& ids, Job& job) {
  if (from.config().id == to.repository().config().id)
    return fail(
        Error(ErrorId::kRefused, "source and target are the same repository").at(from.env().backend.url()));
  // Parents first, and in the order of publication where one does not need the other.
  std::set<std::string> wanted;
  for (const std::string& id : ids) {
    ZK_TRY(std::vector<std::string> closure, from.closure(id));
    wanted.insert(closure.begin(), closure.end());
  }
  CopyReport report;
  std::vector<std::pair<const HeadEntry*, Manifest>> work;
  job.progress.phase = "copying";
  for (const HeadEntry& entry : from.entries()) {
    if (!wanted.contains(entry.id)) continue;
    ZK_TRY_STATUS(job.check());
    const std::string place = display_name(from.env().backend, manifest_key(entry.id));
    ZK_TRY(std::string file, from.load_manifest_file(entry));
    Result<DecodedManifest> decoded = decode_manifest(file);
    if (!decoded) return fail(std::move(decoded).error().at(place));
    if (!decoded->unknown_keys.empty())
      return fail(
          Error(ErrorId::kRepositoryTooNew, fmt::format("the manifest says more than this zkark can copy: {}",
                                                        decoded->unknown_keys.front()))
              .at(place)
              .with_hint(fmt::format("copy with zkark {} or later", decoded->manifest.zkark_version)));
    Manifest& manifest = decoded->manifest;
    // The chain of copies is short: what counts is where the backup was made.
    if (!manifest.copied_from) manifest.copied_from = CopiedFrom{from.config().id, entry.sha256};
    const std::string short_name(short_id(entry.id));
    const HeadEntry* same = nullptr;
    for (const HeadEntry& there : to.repository().entries())
      if (short_id(there.id) == short_name) same = &there;
    if (same != nullptr) {
      ZK_TRY(Manifest there, to.repository().load(same->id));
      const bool ours = same->id == entry.id &&
                        (there.copied_from == manifest.copied_from || same->sha256 == entry.sha256 ||
                         (manifest.copied_from->repository_id == to.repository().config().id &&
                          manifest.copied_from->manifest_sha256 == same->sha256));
      if (!ours)
        return fail(Error(ErrorId::kExists, fmt::format("the target holds another backup {}", short_name))
                        .at(to.repository().env().backend.url()));
      report.present.push_back(entry.id);
      continue;
    }
    job.progress.total += manifest.stored_bytes;
    work.emplace_back(&entry, std::move(manifest));
  }
  std::uint64_t bytes = 0;
  for (const auto& [entry, manifest] : work) bytes += manifest.stored_bytes;
  if (!work.empty()) ZK_TRY_STATUS(to.require_space(bytes));
  for (auto& [entry, manifest] : work) {
    ZK_TRY_STATUS(copy_objects(from, to, manifest.objects(), report, job));
    ZK_TRY_STATUS(to.publish_copy(std::move(manifest), *entry, job));
    report.copied.push_back(entry->id);
  }
  return report;
}

}  // namespace zkark::backup
