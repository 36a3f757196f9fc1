#pragma once
// A ZooKeeper data directory, or a flat directory or single files of snapshots and logs, as a Source.
#include <string>
#include <vector>

#include "restore/source.h"

namespace zkark::restore {

struct DataDirOptions {
  std::string
      dir;  // dataDir (with version-2/), version-2 itself, or a flat directory of snapshot.* and log.*
  std::string log_dir;                    // dataLogDir; empty when it is the same
  std::vector<std::string> files;         // single snapshots and logs, in place of dir
  std::vector<std::string> config_files;  // zoo.cfg and dynamic files to carry along
  std::string shown;                      // description; `dir` when empty
};

class DataDir : public Source {
 public:
  /// Borrows `fs`.
  DataDir(ReadFs& fs, DataDirOptions options);
  const std::string& description() const override { return options_.shown; }
  Result<SourceListing> list() override;
  Result<std::unique_ptr<File>> open(const SourceFile& file) override;

 private:
  Status list_into(const std::string& dir, bool snapshots, bool logs, bool split, SourceListing& listing);
  Status add_extra(const std::string& name, const std::string& path, SourceListing& listing);
  ReadFs& fs_;
  DataDirOptions options_;
};

}  // namespace zkark::restore
