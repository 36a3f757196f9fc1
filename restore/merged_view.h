#pragma once
// A source some of whose logs are made of pieces of several sources: a member as it will be when records of
// other members are put into its holes. So a merge is proven by the same replay as its copy, and copied by
// the same writer as a repair.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "restore/repair.h"
#include "restore/source.h"

namespace zkark::restore {

/// Bytes of a log, as they stand there.
struct LogPart {
  Source* source = nullptr;
  SourceFile file;
  Extent extent;
};

struct MergedLog {
  SourceFile file;  // path and size are of the view; the path of a log that is there already stays
  /// A header of its own in front of the parts; else the first part begins with one.
  bool new_header = false;
  std::vector<LogPart> parts;  // none: the file of the source as it is
};

class MergedView : public Source {
 public:
  /// `listing` is that of `source`; `logs` stand in place of its own. Borrows all sources.
  MergedView(Source& source, const SourceListing& listing, std::vector<MergedLog> logs);
  const std::string& description() const override { return source_.description(); }
  Result<SourceListing> list() override { return listing_; }
  Result<std::unique_ptr<File>> open(const SourceFile& file) override;

  const SourceListing& listing() const { return listing_; }
  /// Where a byte of what is shown lies: its file and offset. A header that was made lies nowhere: offset 0.
  std::pair<std::string, std::uint64_t> origin(const std::string& path, std::uint64_t offset) const;

 private:
  const MergedLog* merged(const std::string& path) const;

  Source& source_;
  SourceListing listing_;
  std::vector<MergedLog> logs_;  // those with parts
};

}  // namespace zkark::restore
