#include "restore/log_walk.h"

#include <fmt/format.h>

namespace zkark::restore {

std::string missing_text(std::int64_t first, std::int64_t last) {
  if (first == last) return fmt::format("transaction {} is in no file", zxid_text(first));
  return fmt::format("transactions {} to {} are in no file", zxid_text(first), zxid_text(last));
}

std::vector<SourceFile> logs_after(const std::vector<SourceFile>& logs, std::int64_t after_zxid) {
  std::size_t first = 0;
  for (std::size_t i = 0; i < logs.size(); ++i)
    if (logs[i].zxid <= after_zxid + 1) first = i;
  return {logs.begin() + static_cast<std::ptrdiff_t>(first), logs.end()};
}

Step step_between(std::int64_t previous, std::int64_t zxid, TxnType type) {
  if (zxid == previous && type == TxnType::kError) return Step::kSameZxid;
  if (zxid <= previous) return Step::kBackwards;
  if (zxid == previous + 1) return Step::kNext;
  return zxid_epoch(zxid) != zxid_epoch(previous) && zxid_counter(zxid) <= 1 ? Step::kEpoch : Step::kGap;
}

LogWalk::LogWalk(Source& source, std::vector<SourceFile> logs, LogWalkOptions options, Findings& findings)
    : source_(source), options_(options), findings_(findings), previous_(options.previous) {
  append(logs_after(logs, options.after_zxid));
}

void LogWalk::append(const std::vector<SourceFile>& newer) {
  logs_.insert(logs_.end(), newer.begin(), newer.end());
}

Status LogWalk::open_next() {
  file_ = &logs_[next_log_++];
  Result<std::unique_ptr<File>> opened = source_.open(*file_);
  // Purged since it was listed: what is missing shows by the zxids.
  if (!opened && options_.live && opened.error().id() == ErrorId::kNoFile) return {};
  if (!opened) return fail(std::move(opened).error());
  open_file_ = *std::move(opened);
  reader_ = std::make_unique<TxnLogReader>(*open_file_, options_.limits);
  if (options_.start_offset > kLogHeaderBytes && next_log_ == 1) reader_->seek(options_.start_offset);
  return {};
}

/// Remembers a loss whose end shows only when the next readable record comes.
void LogWalk::add_loss(Finding finding) {
  // Before the first record only the file's name tells.
  finding.first_zxid = previous_ ? *previous_ + 1 : file_->zxid;
  findings_.push_back(std::move(finding));
  open_loss_ = findings_.size() - 1;
}

/// Damage at the reader's place: a finding; then on behind it, if asked for. False: the walk is over.
Result<bool> LogWalk::handle_damage(Error error) {
  const std::uint64_t from = reader_->offset();
  Finding finding = finding_of(std::move(error).at(file_->path, from));
  if (!options_.past_damage) {
    add_loss(std::move(finding));
    stopped_by_damage_ = true;
    return false;
  }
  // Stored data whose object is gone or rotten have nothing to go on with.
  const bool readable = finding.id != ErrorId::kMissingObject && finding.id != ErrorId::kObjectDamaged;
  Result<bool> more = readable ? reader_->skip_damage() : Result<bool>(false);
  if (!more) return more;
  finding.end_offset = *more ? reader_->offset() : file_end();
  if (*finding.end_offset == kLogHeaderBytes)
    findings_.push_back(std::move(finding));  // the header alone: no record stood there
  else
    add_loss(std::move(finding));
  if (!*more) reader_.reset();
  return true;
}

/// The listing's size is of another moment where the file is being written.
std::uint64_t LogWalk::file_end() const {
  if (!options_.live || !open_file_) return file_->size_bytes;
  const Result<FileInfo> info = open_file_->info();
  return info ? info->size_bytes : file_->size_bytes;
}

/// Intact records behind a tail: then a damaged length or end marker hid them, which is a finding.
Result<bool> LogWalk::find_hidden() {
  ZK_TRY(const bool more, reader_->skip_damage());
  if (!more) return false;
  Finding finding;
  finding.severity = Severity::kDamage;
  finding.id = ErrorId::kBadLength;
  finding.message =
      "a record's length or end marker is damaged: intact records follow, which Apache ZooKeeper would "
      "drop silently";
  finding.file = file_->path;
  finding.offset = tail_.offset;
  finding.end_offset = reader_->offset();
  add_loss(std::move(finding));
  return true;
}

Result<bool> LogWalk::look_behind(std::uint64_t padding_bytes) {
  if (!reader_ || next_log_ != logs_.size()) return false;
  const std::uint64_t from = reader_->offset();
  if (!unreadable_ && tail_.state == TailState::kPadding) {
    ZK_TRY(const bool clean, reader_->padding_is_clean(tail_.offset, padding_bytes));
    if (clean) return false;
  }
  ZK_TRY(const bool more, reader_->skip_damage());
  if (!more) return false;
  // What was on its way when the look began may be whole by now, and so may be what follows it.
  const std::uint64_t behind = reader_->offset();
  reader_->seek(from);
  TxnEntry probe;
  const Result<bool> whole = reader_->next_into(probe);
  if (whole && *whole) {
    reader_->seek(from);
    return true;
  }
  if (unreadable_) {
    reader_->seek(behind);
    Finding finding = finding_of(std::move(*unreadable_).at(file_->path, from));
    finding.end_offset = behind;
    add_loss(std::move(finding));
    unreadable_.reset();
    return true;
  }
  reader_->seek(from);
  return find_hidden();
}

/// The reader is at the end of the readable part. A torn tail is the last write of a process life and normal;
/// intact records behind it are not: then a damaged length or end marker hid the rest of the file.
Status LogWalk::finish_file() {
  tail_ = reader_->tail();
  if (!previous_ && !empty_from_) empty_from_ = file_->zxid;
  if (tail_.state == TailState::kEnd) {
    reader_.reset();
    return {};
  }
  if (tail_.state == TailState::kPadding) {
    ZK_TRY(bool clean, reader_->padding_is_clean(tail_.offset, options_.padding_look_bytes));
    if (clean) {
      reader_.reset();
      return {};
    }
  }
  ZK_TRY(const bool more, find_hidden());
  if (more) {
    if (!options_.past_damage) {
      stopped_by_damage_ = true;
      reader_.reset();
    }
    return {};
  }
  ZK_TRY(const TxnLogReader::TailShape shape, reader_->tail_shape());
  if (shape != TxnLogReader::TailShape::kTornWrite) return damaged_end(shape);
  Finding note;
  note.severity = Severity::kNote;
  note.id = ErrorId::kTruncated;
  note.message = "torn tail: the last record was not written to its end";
  // What was cut in an older log was acknowledged all the same if records are missing behind it.
  if (next_log_ == logs_.size()) note.message += " and was never acknowledged";
  note.file = file_->path;
  note.offset = tail_.offset;
  findings_.push_back(std::move(note));
  reader_.reset();
  return {};
}

/// Bytes behind the last readable record that no crash leaves.
Status LogWalk::damaged_end(TxnLogReader::TailShape shape) {
  const bool frame = shape == TxnLogReader::TailShape::kDamagedFrame;
  Finding finding;
  finding.severity = Severity::kDamage;
  finding.id = frame ? ErrorId::kBadLength : ErrorId::kBadRecord;
  finding.message =
      frame ? "the last record's length or end marker is damaged: it was written whole, and Apache "
              "ZooKeeper would drop it silently"
            : "bytes behind the last readable record are neither a record nor a torn write";
  finding.file = file_->path;
  finding.offset = tail_.offset;
  finding.end_offset = file_end();
  add_loss(std::move(finding));
  if (!options_.past_damage) stopped_by_damage_ = true;
  reader_.reset();
  return {};
}

/// From `first` up to the record that was met.
void LogWalk::add_gap(std::int64_t first, const WalkEntry& walk) {
  const std::int64_t last = walk.entry.zxid() - 1;
  Finding gap;
  gap.severity = Severity::kGap;
  gap.id = ErrorId::kGap;
  gap.first_zxid = first;
  gap.last_zxid = last;
  gap.message = missing_text(first, last);
  gap.file = file_->path;
  gap.offset = walk.entry.offset;
  findings_.push_back(std::move(gap));
}

Result<std::optional<WalkEntry>> LogWalk::next() {
  WalkEntry walk;
  ZK_TRY(bool more, next_into(walk));
  if (!more) return std::optional<WalkEntry>();
  return std::optional<WalkEntry>(std::move(walk));
}

Result<bool> LogWalk::next_into(WalkEntry& walk) {
  for (;;) {
    if (stopped_by_damage_) return false;
    if (!reader_) {
      if (next_log_ == logs_.size()) {
        open_loss_.reset();  // live: it has been shown by the time the next record comes
        return false;
      }
      ZK_TRY_STATUS(open_next());
      continue;
    }
    Result<bool> more = reader_->next_into(walk.entry);
    unreadable_.reset();
    const bool waits = options_.live && next_log_ == logs_.size();
    if (!more) {
      if (more.error().id() == ErrorId::kStorage || more.error().id() == ErrorId::kPermission)
        return fail(std::move(more).error());
      if (waits) {
        unreadable_ = std::move(more).error();
        open_loss_.reset();
        return false;
      }
      ZK_TRY(bool on, handle_damage(std::move(more).error()));
      if (!on) return false;
      continue;
    }
    if (!*more) {
      if (waits) {
        tail_ = reader_->tail();
        open_loss_.reset();
        return false;
      }
      ZK_TRY_STATUS(finish_file());
      continue;
    }
    walk.file = file_;
    walk.step = Step::kFirst;
    walk.previous_zxid = 0;
    const std::int64_t zxid = walk.entry.zxid();
    if (previous_) {
      walk.previous_zxid = *previous_;
      if (zxid == *previous_ && walk.entry.checksum() == previous_checksum_)
        continue;  // the same record twice
      if (options_.overlaps && zxid < *previous_) continue;
      walk.step = step_between(*previous_, zxid, walk.entry.txn.header.type);
    }
    const bool told = open_loss_.has_value();  // the damage that tore the gap says which zxids are lost
    if (told) {
      // A damaged stretch behind which the zxids go on unbroken lost nothing that was ever a record of its
      // own.
      if (walk.step == Step::kNext || walk.step == Step::kSameZxid ||
          zxid <= findings_[*open_loss_].first_zxid)
        findings_[*open_loss_].first_zxid.reset();
      else
        findings_[*open_loss_].last_zxid = zxid - 1;
      open_loss_.reset();
    }
    previous_ = zxid;
    previous_checksum_ = walk.entry.checksum();
    if (zxid <= options_.after_zxid) continue;
    if (walk.step == Step::kGap && !told) add_gap(walk.previous_zxid + 1, walk);
    // Only the name of a log without a readable record says what it held. A server that died before its first
    // write takes the name again; a later epoch follows whatever was before.
    if (walk.step == Step::kFirst && !told && empty_from_ && *empty_from_ < zxid &&
        zxid_epoch(*empty_from_) == zxid_epoch(zxid))
      add_gap(*empty_from_, walk);
    if (walk.step == Step::kBackwards) {
      Finding back;
      back.severity = Severity::kDamage;
      back.id = ErrorId::kZxidOrder;
      back.first_zxid = zxid;
      back.last_zxid = walk.previous_zxid;
      back.message = fmt::format("zxid {} follows {}", zxid_text(zxid), zxid_text(walk.previous_zxid));
      back.file = file_->path;
      back.offset = walk.entry.offset;
      findings_.push_back(std::move(back));
    }
    return true;
  }
}

}  // namespace zkark::restore
