#include "src/server/tail_cut.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

#include "formats/adler32.h"
#include "formats/file_names.h"
#include "formats/txn_log.h"
#include "src/server/commit_log.h"

namespace zkark::server {
namespace {

constexpr std::uint64_t kNoteMaxBytes = 4096;
constexpr std::size_t kBlockBytes = 64 << 10;
/// What a disk writes whole or not at all.
constexpr std::uint64_t kSectorBytes = 512;
constexpr std::string_view kNoteWords = "zkark-writing 1 ";

bool is_damage(ErrorId id) { return exit_code(id) == 6; }

Result<std::optional<std::string>> read_note(Fs& fs, const std::string& path) {
  Result<std::string> text = read_file(fs, path, kNoteMaxBytes);
  if (text) return std::optional(*std::move(text));
  if (text.error().id() == ErrorId::kNoFile || text.error().id() == ErrorId::kBadLength)
    return std::optional<std::string>();
  return fail(std::move(text).error());
}

Result<std::string> newest_log(Fs& fs, const std::string& dir) {
  ZK_TRY(const std::vector<DirEntry> entries, fs.list(dir));
  std::string newest;
  std::int64_t zxid = -1;
  for (const DirEntry& entry : entries) {
    const DataFileName name = parse_data_file_name(entry.name);
    if (name.kind != DataFileKind::kLog && name.kind != DataFileKind::kAccidentalLog) continue;
    if (name.zxid > zxid) newest = entry.name, zxid = name.zxid;
  }
  return newest;
}

Status copy(File& from, std::uint64_t begin, std::uint64_t end, File& to) {
  std::vector<std::byte> block(kBlockBytes);
  while (begin < end) {
    const MutableBytes part(block.data(), std::min<std::uint64_t>(block.size(), end - begin));
    ZK_TRY_STATUS(read_exactly(from, begin, part));
    ZK_TRY_STATUS(to.append(part));
    begin += part.size();
  }
  return to.sync();
}

Result<bool> all_zero(File& file, std::uint64_t begin, std::uint64_t end) {
  std::vector<std::byte> bytes(end - begin);
  ZK_TRY(const std::size_t got, file.read_at(begin, bytes));
  return got == bytes.size() &&
         std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

class OwnLog {
 public:
  OwnLog(Fs& fs, std::string dir, std::string name, std::unique_ptr<File> file)
      : fs_(fs),
        dir_(std::move(dir)),
        name_(std::move(name)),
        file_(std::move(file)),
        reader_(*file_),
        next_zxid_(parse_data_file_name(name_).zxid) {}

  Result<std::optional<restore::Finding>> run();

 private:
  enum class End : std::uint8_t { kSound, kTail, kDamage };
  Result<bool> find_floor();
  Result<End> walk(std::uint64_t until);
  Result<bool> may_cut(End end);
  Result<bool> sector_is_missing(std::uint64_t intact);
  Result<restore::Finding> cut();

  Fs& fs_;
  const std::string dir_, name_;
  std::unique_ptr<File> file_;
  TxnLogReader reader_;
  std::int64_t next_zxid_;  // of the record at end_: in such a log they go up by one, from its name on
  std::uint64_t end_ = 0;   // of the records that are kept
  std::uint64_t floor_ = kLogHeaderBytes;  // up to where the mark says that all is on disk
  std::int64_t floor_zxid_ = 0;
};

/// False: the mark belongs to something else.
Result<bool> OwnLog::find_floor() {
  ZK_TRY(const auto text, read_note(fs_, join_path(dir_, kSyncedMark)));
  const auto mark = text ? parse_synced_mark(*text) : std::nullopt;
  if (!mark) return true;
  if (mark->log == name_) {
    floor_ = mark->offset;
    floor_zxid_ = mark->zxid;
    return floor_ > kLogHeaderBytes && floor_zxid_ >= next_zxid_;
  }
  // Of the log before: no group of this one is known to be on disk.
  return mark->zxid < next_zxid_;
}

/// Over whole records that follow each other, no further than `until`.
Result<OwnLog::End> OwnLog::walk(std::uint64_t until) {
  TxnEntry entry;
  while (reader_.offset() < until) {
    end_ = reader_.offset();
    const Result<bool> more = reader_.next_into(entry);
    if (!more && !is_damage(more.error().id())) return fail(more.error().clone());
    if (!more) return End::kDamage;
    if (!*more) {
      const Tail tail = reader_.tail();
      if (tail.state == TailState::kEnd) return End::kSound;
      if (tail.state != TailState::kPadding) return End::kTail;
      ZK_TRY(const bool clean, reader_.padding_is_clean(tail.offset));
      return clean ? End::kSound : End::kTail;
    }
    // What the disk's blocks held before; a step forward is no crash's doing.
    if (entry.zxid() < next_zxid_) return End::kDamage;
    if (entry.zxid() > next_zxid_) return End::kSound;
    ++next_zxid_;
    end_ = reader_.offset();
  }
  return End::kSound;
}

/// Whether a whole sector between the damage and the record at `intact` has not been written over.
Result<bool> OwnLog::sector_is_missing(std::uint64_t intact) {
  for (std::uint64_t sector = end_ / kSectorBytes * kSectorBytes; sector + kSectorBytes <= intact;
       sector += kSectorBytes) {
    const std::uint64_t begin = std::max(sector, end_);
    // A record begins with four zeros of its own.
    if (sector + kSectorBytes - begin <= 4) continue;
    ZK_TRY(const bool zero, all_zero(*file_, begin, sector + kSectorBytes));
    if (zero) return true;
  }
  return false;
}

Result<bool> OwnLog::may_cut(End end) {
  const Tail tail = reader_.tail();
  reader_.seek(end_);
  for (;;) {
    ZK_TRY(const bool intact, reader_.skip_damage());
    if (!intact) break;
    TxnEntry entry;
    const Result<bool> more = reader_.next_into(entry);
    if (!more) return fail(more.error().clone());
    if (*more && entry.zxid() >= next_zxid_) return sector_is_missing(entry.offset);
  }
  if (end == End::kDamage) return true;
  // A torn write may stand where it is: every reader of logs knows it.
  reader_.seek(tail.offset);
  TxnEntry entry;
  ZK_TRY(const bool more, reader_.next_into(entry));
  if (more) return false;
  ZK_TRY(const TxnLogReader::TailShape shape, reader_.tail_shape());
  return shape != TxnLogReader::TailShape::kTornWrite;
}

Result<std::optional<restore::Finding>> OwnLog::run() {
  const std::optional<restore::Finding> nothing;
  ZK_TRY(const bool fits, find_floor());
  if (!fits) return nothing;
  const Status header = reader_.read_header();
  if (!header && !is_damage(header.error().id())) return fail(header.error().clone());
  End end = End::kDamage;
  if (header) {
    ZK_TRY(end, walk(floor_));
    // Damage below the mark; or the mark is of another file that had this name.
    if (end_ != floor_ && floor_ > kLogHeaderBytes) return nothing;
    if (floor_ > kLogHeaderBytes && next_zxid_ != floor_zxid_ + 1) return nothing;
    ZK_TRY(end, walk(UINT64_MAX));
    if (end == End::kSound) return nothing;
  } else if (floor_ > kLogHeaderBytes) {
    return nothing;
  }
  ZK_TRY(const bool may, may_cut(end));
  if (!may) return nothing;
  ZK_TRY(restore::Finding finding, cut());
  return std::optional(std::move(finding));
}

Result<restore::Finding> OwnLog::cut() {
  const std::string path = join_path(dir_, name_);
  ZK_TRY(const FileInfo info, file_->info());
  std::string aside;
  for (unsigned n = 1;; ++n) {
    aside = join_path(dir_, fmt::format("zkark.unsynced-{}.{}", n, name_));
    ZK_TRY(const bool taken, exists(fs_, aside));
    if (!taken) break;
  }
  if (end_ <= kLogHeaderBytes) {
    end_ = 0;
    ZK_TRY_STATUS(fs_.rename(path, aside));
  } else {
    ZK_TRY(const auto kept_tail, fs_.create(aside, {info.mode}));
    ZK_TRY_STATUS(copy(*file_, end_, info.size_bytes, *kept_tail));
    const std::string temporary = join_path(dir_, "zkark.cut.tmp");
    ZK_TRY(const bool left, exists(fs_, temporary));
    if (left) ZK_TRY_STATUS(fs_.remove_file(temporary));
    ZK_TRY(const auto log, fs_.create(temporary, {info.mode}));
    ZK_TRY_STATUS(copy(*file_, 0, end_, *log));
    // The tail is kept for good before the log loses it.
    ZK_TRY_STATUS(fs_.sync_dir(dir_));
    ZK_TRY_STATUS(fs_.rename(temporary, path));
  }
  ZK_TRY_STATUS(fs_.sync_dir(dir_));
  restore::Finding finding;
  finding.id = ErrorId::kTruncated;
  finding.message = fmt::format(
      "{} bytes of writes that were never acknowledged, as a power cut left them, were cut off the log and "
      "are "
      "kept in {}",
      info.size_bytes - end_, aside);
  finding.file = path;
  finding.offset = end_;
  finding.end_offset = info.size_bytes;
  finding.first_zxid = next_zxid_;
  return finding;
}

}  // namespace

std::string format_writing_note(std::string_view log) {
  const std::string text = fmt::format("{}{} ", kNoteWords, log);
  return text + fmt::format("{:08x}\n", adler32(as_bytes(text)));
}

std::optional<std::string> parse_writing_note(std::string_view text) {
  if (!text.starts_with(kNoteWords)) return std::nullopt;
  const std::string_view rest = text.substr(kNoteWords.size());
  const std::string log(rest.substr(0, rest.find(' ')));
  if (text != format_writing_note(log)) return std::nullopt;
  return log;
}

Result<std::optional<restore::Finding>> cut_unsynced_tail(Fs& fs, const std::string& log_dir) {
  const std::optional<restore::Finding> nothing;
  ZK_TRY(const auto note, read_note(fs, join_path(log_dir, kWritingNote)));
  const auto writing = note ? parse_writing_note(*note) : std::nullopt;
  if (!writing) return nothing;
  ZK_TRY(const std::string newest, newest_log(fs, log_dir));
  if (newest != *writing || parse_data_file_name(newest).kind != DataFileKind::kLog) return nothing;
  ZK_TRY(auto file, fs.open(join_path(log_dir, newest)));
  return OwnLog(fs, log_dir, newest, std::move(file)).run();
}

}  // namespace zkark::server
