#pragma once
// The records of stored segments: what another history is held against (internal: continuity, join).
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "formats/txn_log.h"
#include "src/backup/manifest.h"
#include "src/backup/repository.h"

namespace zkark::backup {

struct RecordMark {
  std::int64_t zxid = 0;
  std::uint64_t checksum = 0;
  bool operator==(const RecordMark&) const = default;
};

/// Segments as one ascending sequence of records; what several hold comes once. Damaged stored data end a
/// segment early. Borrows the repository and the segments.
class StoredRecords {
 public:
  StoredRecords(const Repository& repository, std::vector<const StoredSegment*> segments);
  /// The next record; nothing at the end. Errors are those of reading.
  Result<std::optional<RecordMark>> next();

 private:
  const Repository& repository_;
  std::vector<const StoredSegment*> segments_;
  std::size_t next_ = 0;
  std::unique_ptr<File> file_;
  std::unique_ptr<TxnLogReader> reader_;
  TxnEntry entry_;
  std::optional<RecordMark> last_;
};

}  // namespace zkark::backup
