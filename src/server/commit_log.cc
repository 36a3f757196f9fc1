#include "src/server/commit_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "formats/adler32.h"
#include "formats/file_names.h"
#include "formats/txn_log.h"
#include "src/server/tail_cut.h"

namespace zkark::server {
namespace {

constexpr std::uint32_t kFileMode = 0640;
/// How much room is made at a time: zeros are really written, and no write may wait long for that. (4 MiB
/// took 15 ms, which one write of a hundred saw; 256 KiB take 0.1 to 1 ms, and it syncs as fast.)
constexpr std::uint64_t kRoomStep = 256 << 10;

/// Room of a group that is kept for the next ones.
constexpr std::size_t kKeptRoom = 1 << 20;

}  // namespace

std::string format_synced_mark(const SyncedMark& mark) {
  std::string text = fmt::format("zkark-synced 1 {} {} {:x} ", mark.log, mark.offset, mark.zxid);
  return text + fmt::format("{:08x}\n", adler32(as_bytes(text)));
}

std::optional<SyncedMark> parse_synced_mark(std::string_view text) {
  text = text.substr(0, text.find('\n'));
  std::vector<std::string_view> words;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    words.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  if (words.size() != 6 || words[0] != "zkark-synced" || words[1] != "1") return std::nullopt;
  const auto number = [](std::string_view word, int base, auto& value) {
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value, base);
    return error == std::errc() && end == word.data() + word.size();
  };
  SyncedMark mark;
  std::uint32_t sum = 0;
  mark.log = words[2];
  if (!number(words[3], 10, mark.offset) || !number(words[4], 16, mark.zxid) || !number(words[5], 16, sum))
    return std::nullopt;
  if (adler32(as_bytes(text.substr(0, text.size() - words[5].size()))) != sum) return std::nullopt;
  return mark;
}

LogFiles::LogFiles(Fs& fs, Clock& clock, std::string dir, const Settings& settings)
    : fs_(fs), clock_(clock), dir_(std::move(dir)), settings_(settings) {}

/// A file of that name without a whole record: its first record was being written when a process died, and
/// was never acknowledged. It is kept under a name that no server takes for a log.
Status LogFiles::set_aside(const std::string& path) {
  ZK_TRY(auto file, fs_.open(path));
  TxnLogReader reader(*file);
  if (Result<std::optional<TxnEntry>> entry = reader.next(); entry && *entry)
    return fail(Error(ErrorId::kExists, "a log that has records stands where a new one must begin").at(path));
  for (unsigned n = 1;; ++n) {
    const std::string aside = join_path(dir_, fmt::format("zkark.torn-{}.{}", n, base_name(path)));
    ZK_TRY(const bool taken, exists(fs_, aside));
    if (taken) continue;
    ZK_TRY_STATUS(fs_.rename(path, aside));
    return fs_.sync_dir(dir_);
  }
}

Status LogFiles::open_file(std::int64_t first_zxid) {
  file_.reset();
  name_ = log_file_name(first_zxid);
  // Before the file is there: what a power cut makes of it is known to be ours.
  if (settings_.force_sync)
    ZK_TRY_STATUS(write_file_atomic(fs_, join_path(dir_, kWritingNote), as_bytes(format_writing_note(name_)),
                                    {kFileMode}));
  const std::string path = join_path(dir_, name_);
  auto created = fs_.create(path, {kFileMode});
  if (!created && created.error().id() == ErrorId::kExists) {
    ZK_TRY_STATUS(set_aside(path));
    created = fs_.create(path, {kFileMode});
  }
  if (!created) return fail(std::move(created).error());
  file_ = std::move(created).value();
  std::string header;
  append_log_header(header);
  ZK_TRY_STATUS(file_->append(as_bytes(header)));
  // On its own: records behind a header that cannot be read are then no crash's doing.
  if (settings_.force_sync) ZK_TRY_STATUS(file_->sync_data());
  size_ = header.size();
  room_ = 0;
  return fs_.sync_dir(dir_);
}

Status LogFiles::write(const LogGroup& group) {
  if (settings_.keeps_nothing) return {};
  const auto limit = static_cast<std::uint64_t>(settings_.txn_log_size_limit_bytes);
  const bool full = settings_.txn_log_size_limit_bytes > 0 && size_ > limit;
  if (!file_ || group.roll || full) ZK_TRY_STATUS(open_file(group.first_zxid));
  if (group.bytes.size() > room_ && settings_.pre_alloc_bytes > 0) {
    const std::uint64_t step = std::min<std::uint64_t>(kRoomStep, settings_.pre_alloc_bytes);
    // On a disk that is nearly full the records themselves may still fit.
    Status made = file_->reserve(group.bytes.size() + step);
    if (!made && made.error().id() != ErrorId::kDiskFull) return made;
    room_ = made ? group.bytes.size() + step : 0;
  }
  ZK_TRY_STATUS(file_->append(as_bytes(group.bytes)));
  size_ += group.bytes.size();
  room_ -= std::min<std::uint64_t>(room_, group.bytes.size());
  if (!settings_.force_sync) return {};
  const MonotonicTime start = clock_.monotonic();
  ZK_TRY_STATUS(file_->sync_data());
  const std::int64_t took_ms = (clock_.monotonic().ns - start.ns) / 1'000'000;
  last_sync_ms_ = took_ms;
  slow_sync_ms_ = took_ms > settings_.fsync_warning_ms ? took_ms : 0;
  return {};
}

void LogFiles::note_synced(std::int64_t last_zxid) {
  if (!settings_.force_sync) return;
  const std::string text = format_synced_mark({name_, size_, last_zxid});
  // The same length every time, so that a shorter note never ends in the rest of a longer one.
  constexpr std::size_t kLength = 128;
  std::string padded = text;
  padded.resize(std::max(kLength, text.size()), ' ');
  static_cast<void>(fs_.write_hint(join_path(dir_, kSyncedMark), as_bytes(padded), {kFileMode}));
}

CommitLog::CommitLog(Loop& loop, Worker& worker, LogFiles files, Events events)
    : loop_(loop), worker_(worker), files_(std::move(files)), events_(std::move(events)) {}

void CommitLog::append(Bytes payload, std::int64_t zxid) {
  if (open_.payloads.empty()) open_.first_zxid = zxid;
  open_.last_zxid = zxid;
  if (roll_ && open_.payloads.empty()) open_.roll = true, roll_ = false;
  open_.payloads.push_back({open_.bytes.size() + kRecordPrefixBytes, payload.size()});
  append_record(payload, open_.bytes);
  if (scheduled_ || in_flight_) return;
  scheduled_ = true;
  loop_.post([this] {
    scheduled_ = false;
    flush();
  });
}

void CommitLog::flush() {
  if (in_flight_ || failed_ || open_.payloads.empty()) return;
  in_flight_ = true;
  auto group = std::make_shared<LogGroup>(std::move(open_));
  open_ = std::exchange(spare_, {});
  worker_.run([this, group] {
    auto status = std::make_shared<Status>(files_.write(*group));
    const bool good = status->has_value();
    const std::int64_t last_zxid = group->last_zxid;
    loop_.post([this, group, status] { done(group, std::move(*status)); });
    if (good) files_.note_synced(last_zxid);
  });
}

void CommitLog::done(std::shared_ptr<LogGroup> group, Status status) {
  in_flight_ = false;
  if (!status) {
    failed_ = true;
    return events_.failed(std::move(status).error());
  }
  if (const std::int64_t ms = files_.slow_sync_ms(); ms != 0 && events_.slow_sync) events_.slow_sync(ms);
  if (events_.synced && files_.last_sync_ms() >= 0) events_.synced(files_.last_sync_ms());
  events_.durable(*group);
  if (group->bytes.capacity() <= kKeptRoom) {
    spare_ = std::move(*group);
    spare_.bytes.clear(), spare_.payloads.clear();
    spare_.roll = false;
  }
  flush();
}

}  // namespace zkark::server
