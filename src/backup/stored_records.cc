#include "src/backup/stored_records.h"

#include <algorithm>

namespace zkark::backup {

StoredRecords::StoredRecords(const Repository& repository, std::vector<const StoredSegment*> segments)
    : repository_(repository), segments_(std::move(segments)) {
  std::stable_sort(segments_.begin(), segments_.end(), [](const StoredSegment* a, const StoredSegment* b) {
    return a->first_zxid < b->first_zxid;
  });
}

Result<std::optional<RecordMark>> StoredRecords::next() {
  for (;;) {
    if (!reader_) {
      if (next_ == segments_.size()) return std::optional<RecordMark>();
      const StoredSegment& segment = *segments_[next_++];
      ZK_TRY(file_, repository_.open_data(segment.data, log_file_name(segment.first_zxid)));
      reader_ = std::make_unique<TxnLogReader>(*file_);
    }
    Result<bool> more = reader_->next_into(entry_);
    if (!more && exit_code(more.error().id()) != 6) return fail(std::move(more).error());
    if (!more || !*more) {
      reader_.reset();
      continue;
    }
    const RecordMark mark{entry_.zxid(), entry_.checksum()};
    if (last_ && (mark.zxid < last_->zxid || mark == *last_)) continue;
    last_ = mark;
    return std::optional(mark);
  }
}

}  // namespace zkark::backup
