#pragma once
// A source as its repaired copy will be: of the logs only some pieces, each log with a sound header and
// nothing behind its last record. So a plan is proven by the same replay as the copy.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "restore/repair.h"
#include "restore/repair_scan.h"

namespace zkark::restore {

class RepairView : public Source {
 public:
  /// `listing` is that of `source`, with the snapshots that may be used; of its logs the pieces of one run
  /// are shown. Borrows `source`.
  RepairView(Source& source, const SourceListing& listing, const std::vector<LogPiece>& pieces,
             std::optional<std::size_t> run);
  const std::string& description() const override { return source_.description(); }
  Result<SourceListing> list() override { return listing_; }
  Result<std::unique_ptr<File>> open(const SourceFile& file) override;

  const SourceListing& listing() const { return listing_; }
  /// The place in the source of an offset in what is shown.
  std::uint64_t source_offset(const std::string& path, std::uint64_t offset) const;

 private:
  Source& source_;
  SourceListing listing_;
  std::map<std::string, std::vector<Extent>> extents_;  // by path
};

/// The 16 bytes of a log's header, or those of a new one where they are damaged.
Result<std::string> sound_log_header(File& file);

}  // namespace zkark::restore
