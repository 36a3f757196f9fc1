#include "src/server/purge.h"

#include <optional>

#include "restore/data_dir.h"
#include "restore/snapshot_look.h"

namespace zkark::server {
namespace {

std::uint64_t order_of(const restore::SourceFile& file) { return static_cast<std::uint64_t>(file.zxid); }

/// The oldest of the newest `retain` points in time that have a snapshot; nullopt: there are fewer.
Result<std::optional<std::uint64_t>> oldest_kept(restore::Source& source,
                                                 const std::vector<restore::SourceFile>& snapshots,
                                                 std::size_t retain) {
  std::optional<std::uint64_t> last;
  std::size_t found = 0;
  for (auto snapshot = snapshots.rbegin(); snapshot != snapshots.rend(); ++snapshot) {
    if (last == order_of(*snapshot)) continue;
    ZK_TRY(const bool complete, restore::looks_complete(source, *snapshot));
    if (!complete) continue;
    last = order_of(*snapshot);
    if (++found == retain) return last;
  }
  return std::optional<std::uint64_t>();
}

}  // namespace

Result<PurgePlan> plan_purge(restore::Source& source, const restore::SourceListing& listing,
                             std::size_t retain) {
  PurgePlan plan;
  ZK_TRY(const std::optional<std::uint64_t> oldest, oldest_kept(source, listing.snapshots, retain));
  if (!oldest) return plan;
  for (const restore::SourceFile& snapshot : listing.snapshots)
    if (order_of(snapshot) < *oldest) plan.snapshots.push_back(snapshot.path);
  // The last log that is not above the oldest snapshot holds what comes right behind it.
  std::size_t first_kept = 0;
  for (std::size_t i = 0; i < listing.logs.size(); ++i)
    if (order_of(listing.logs[i]) <= *oldest) first_kept = i;
  for (std::size_t i = 0; i < first_kept; ++i) plan.logs.push_back(listing.logs[i].path);
  return plan;
}

Status purge(Fs& fs, const DataPlaces& places, std::size_t retain,
             const std::function<void(const std::string& path)>& removed) {
  restore::DataDirOptions options;
  options.dir = places.snapshots;
  if (places.logs != places.snapshots) options.log_dir = places.logs;
  restore::DataDir source(fs, std::move(options));
  Result<restore::SourceListing> listing = source.list();
  if (!listing) {
    if (listing.error().id() == ErrorId::kNoData) return {};
    return fail(std::move(listing).error());
  }
  ZK_TRY(const PurgePlan plan, plan_purge(source, *listing, retain));
  const auto remove = [&](const std::vector<std::string>& paths, const std::string& dir) -> Status {
    for (const std::string& path : paths) {
      ZK_TRY_STATUS(fs.remove_file(path));
      removed(path);
    }
    return paths.empty() ? Status() : fs.sync_dir(dir);
  };
  ZK_TRY_STATUS(remove(plan.snapshots, places.snapshots));
  return remove(plan.logs, places.logs);
}

}  // namespace zkark::server
