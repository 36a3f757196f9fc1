#pragma once
// The files of unpack_archives() as a Source that shows them as what they are: members of their archives.
#include <map>
#include <memory>
#include <string>

#include "restore/source.h"
#include "src/backup/archive.h"

namespace zkark::backup {

/// Paths in listings, findings and open files read ARCHIVE/MEMBER ("mon.tar.gz/version-2/log.1") in place of
/// where the member was unpacked. Thread-safe as the source below is.
class UnpackedSource : public restore::Source {
 public:
  /// `unpacked`: over the directory that the files were unpacked into.
  UnpackedSource(std::unique_ptr<restore::Source> unpacked, const std::vector<UnpackedFile>& files);
  const std::string& description() const override { return unpacked_->description(); }
  Result<restore::SourceListing> list() override;
  Result<std::unique_ptr<File>> open(const restore::SourceFile& file) override;

 private:
  /// The path to show; the path itself for anything else.
  std::string shown(const std::string& path) const;

  std::unique_ptr<restore::Source> unpacked_;
  std::map<std::string, std::string> shown_;  // unpacked path -> ARCHIVE/MEMBER
  std::map<std::string, std::string> where_;  // and back
};

}  // namespace zkark::backup
