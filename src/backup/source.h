#pragma once
// Stored backups as a restore::Source: bases are its snapshots, segments its logs.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "restore/source.h"
#include "src/backup/manifest.h"
#include "src/backup/repository.h"

namespace zkark::backup {

/// The bases and segments of backups of one timeline; what several of them hold is listed once,
/// and of copies that differ the one whose backup did not fail its proof. What cannot be read of
/// configuration and of other manifests is a finding of the listing. Borrows the repository. open() may be
/// called from several threads.
class StoredSource : public restore::Source {
 public:
  StoredSource(const Repository& repository, std::vector<Manifest> manifests, std::string description,
               restore::Findings unreadable = {});

  const std::string& description() const override { return description_; }
  Result<restore::SourceListing> list() override;
  Result<std::unique_ptr<File>> open(const restore::SourceFile& file) override;
  const std::vector<Manifest>& manifests() const { return manifests_; }

 private:
  const Repository& repository_;
  std::vector<Manifest> manifests_;
  std::string description_;
  restore::Findings unreadable_;
  restore::SourceListing listing_;
  std::map<std::string, StoredData, std::less<>> data_;
};

/// Every live backup of one timeline of a cluster (the newest backup's timeline when `timeline` is empty),
/// and what they need; those whose manifests cannot be read are left out with a finding of the listing.
/// kNotFound when the cluster has none.
Result<std::unique_ptr<StoredSource>> open_timeline(const Repository& repository, std::string_view cluster,
                                                    std::string_view timeline, std::string description);
/// One backup and all it needs.
Result<std::unique_ptr<StoredSource>> open_backup(const Repository& repository, std::string_view id,
                                                  std::string description);

/// The points that can be restored from these manifests together, ascending, merged. Times are those of the
/// records at the bounds or next to them; 0 where no record is stored.
std::vector<Window> windows_of(const std::vector<Manifest>& manifests);
/// Sets the times at which windows begin to those of the records there, reading them back; windows_of knows
/// only the segments' ends and what manifests say of windows already.
Status settle_times(const Repository& repository, const std::vector<Manifest>& manifests,
                    std::vector<Window>& windows);
/// The windows of windows_of for an increment and everything before it, from the windows of its parent alone;
/// nothing when the rest has to be looked at: a gap, or a tip that could not be restored yet.
std::optional<std::vector<Window>> windows_behind(const Manifest& parent, std::int64_t stored_to,
                                                  const Manifest& increment);

}  // namespace zkark::backup
