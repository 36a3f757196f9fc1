#include "src/server/purge.h"

#include <set>

#include "restore/data_dir.h"
#include "restore/snapshot_look.h"

namespace zkark::server {
namespace {

std::uint64_t order_of(std::int64_t zxid) { return static_cast<std::uint64_t>(zxid); }

Status choose_oldest(const std::vector<restore::SourceFile>& snapshots, std::size_t retain,
                     const Believes& believes, PurgePlan& plan) {
  std::optional<std::int64_t> last;
  for (auto snapshot = snapshots.rbegin(); snapshot != snapshots.rend(); ++snapshot) {
    if (last == snapshot->zxid) continue;
    ZK_TRY(const bool believed, believes(*snapshot));
    if (!believed) continue;
    last = snapshot->zxid;
    if (++plan.believed < retain) continue;
    plan.oldest_kept = last;
    break;
  }
  return {};
}

}  // namespace

Result<PurgePlan> plan_purge(const restore::SourceListing& listing, std::size_t retain,
                             const Believes& believes) {
  PurgePlan plan;
  ZK_TRY_STATUS(choose_oldest(listing.snapshots, retain, believes, plan));
  if (!plan.oldest_kept) return plan;
  const std::uint64_t oldest = order_of(*plan.oldest_kept);
  for (const restore::SourceFile& snapshot : listing.snapshots)
    if (order_of(snapshot.zxid) < oldest) plan.snapshots.push_back(snapshot);
  // The last log that is not above the oldest snapshot holds what comes right behind it.
  std::size_t first_kept = 0;
  for (std::size_t i = 0; i < listing.logs.size(); ++i)
    if (order_of(listing.logs[i].zxid) <= oldest) first_kept = i;
  plan.logs.assign(listing.logs.begin(), listing.logs.begin() + static_cast<std::ptrdiff_t>(first_kept));
  return plan;
}

Status carry_out(Fs& fs, const PurgePlan& plan,
                 const std::function<void(const restore::SourceFile& file)>& removed) {
  const auto remove = [&](const std::vector<restore::SourceFile>& files) -> Status {
    std::set<std::string> dirs;
    for (const restore::SourceFile& file : files) {
      dirs.insert(parent_path(file.path));  // also of what another has removed and perhaps not synced
      Status gone = fs.remove_file(file.path);
      if (!gone && gone.error().id() == ErrorId::kNoFile) continue;
      if (!gone) return fail(std::move(gone).error());
      removed(file);
    }
    for (const std::string& dir : dirs) ZK_TRY_STATUS(fs.sync_dir(dir));
    return {};
  };
  ZK_TRY_STATUS(remove(plan.snapshots));
  return remove(plan.logs);
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
  ZK_TRY(const PurgePlan plan, plan_purge(*listing, retain, [&](const restore::SourceFile& snapshot) {
           return restore::looks_complete(source, snapshot);
         }));
  return carry_out(fs, plan, [&](const restore::SourceFile& file) { removed(file.path); });
}

}  // namespace zkark::server
