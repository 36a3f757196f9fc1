#include "restore/live_log.h"

#include <algorithm>

namespace zkark::restore {
namespace {

/// Of the zeros behind the last record, once they have been looked through as a whole.
constexpr std::uint64_t kPaddingLookBytes = 1 << 20;

LogWalkOptions live(LogWalkOptions options) {
  options.live = true;
  return options;
}

bool is_below(std::int64_t a, std::int64_t b) {
  return static_cast<std::uint64_t>(a) < static_cast<std::uint64_t>(b);
}

}  // namespace

LiveLog::LiveLog(Source& source, const SourceListing& listing, LiveLogOptions options, Findings& findings,
                 Clock& clock, Job& job)
    : source_(source),
      options_(std::move(options)),
      clock_(clock),
      job_(job),
      walk_(source, listing.logs, live(options_.walk), findings) {
  if (!listing.logs.empty()) newest_ = listing.logs.back();
}

Result<bool> LiveLog::next_into(WalkEntry& walk) {
  while (!cut_) {
    ZK_TRY(const bool more, walk_.next_into(walk));
    if (more) {
      remember(walk);
      return true;
    }
    ZK_TRY(const bool read_on, look_around());
    if (read_on) continue;
    if (options_.before_wait) ZK_TRY_STATUS(options_.before_wait());
    ZK_TRY_STATUS(job_.check());
    clock_.sleep_ms(options_.poll_ms);
    ZK_TRY_STATUS(job_.check());
  }
  return false;
}

void LiveLog::remember(const WalkEntry& walk) {
  given_[count_++ % kRemembered] = {walk.entry.zxid(), walk.entry.checksum()};
  last_offset_ = walk.entry.offset;
  last_end_ = walk.entry.end_offset();
  if (last_file_ != walk.file->path) {
    last_file_ = walk.file->path;
    seen_size_ = 0;
  }
  looks_ = 0;
  wanted_looks_ = kRereads;
}

/// Nothing more can be read here. True: something has changed, and reading goes on at once; or cut_ is set.
Result<bool> LiveLog::look_around() {
  ZK_TRY(const SourceListing now, source_.list());
  ZK_TRY(const bool cut, was_cut(now));
  if (cut) {
    ZK_TRY_STATUS(find_cut(now));
    return true;
  }
  std::vector<SourceFile> newer;
  for (const SourceFile& log : now.logs)
    if (is_below(newest_.zxid, log.zxid)) newer.push_back(log);
  if (newer.empty()) return look_at_end();
  walk_.append(newer);
  newest_ = newer.back();
  looks_ = 0;
  wanted_looks_ = kRereads;
  looked_ = false;
  return true;
}

Result<bool> LiveLog::look_at_end() {
  if (++looks_ < wanted_looks_) return false;
  looks_ = 0;
  wanted_looks_ = std::min(2 * wanted_looks_, kMaxRereads);
  const std::uint64_t padding_bytes = looked_ ? kPaddingLookBytes : UINT64_MAX;
  looked_ = true;
  return walk_.look_behind(padding_bytes);
}

Result<bool> LiveLog::was_cut(const SourceListing& now) {
  if (count_ == 0) return false;
  const auto mine = std::find_if(now.logs.begin(), now.logs.end(),
                                 [&](const SourceFile& log) { return log.path == last_file_; });
  if (mine == now.logs.end()) {
    // A purge removes the oldest files, a cut the newest ones.
    const std::int64_t zxid = given_[(count_ - 1) % kRemembered].zxid;
    const bool newer = std::any_of(now.logs.begin(), now.logs.end(),
                                   [&](const SourceFile& log) { return is_below(zxid, log.zxid); });
    const bool older = std::any_of(now.logs.begin(), now.logs.end(),
                                   [&](const SourceFile& log) { return !is_below(zxid, log.zxid); });
    return older || !newer;
  }
  if (mine->size_bytes == seen_size_ && mine->mtime_ns == seen_mtime_ns_) return false;
  wanted_looks_ = kRereads;
  seen_size_ = mine->size_bytes;
  seen_mtime_ns_ = mine->mtime_ns;
  ZK_TRY(const bool there, last_is_there(*mine));
  return !there;
}

/// A name can stand for another file by now, and a file can have been written anew.
Result<bool> LiveLog::last_is_there(const SourceFile& file) {
  const Result<std::unique_ptr<File>> opened = source_.open(file);
  if (!opened && opened.error().id() == ErrorId::kNoFile)
    return true;  // the next look says what became of it
  if (!opened) return fail(opened.error().clone());
  std::byte prefix[kRecordPrefixBytes] = {};
  ZK_TRY(const std::size_t got, (*opened)->read_at(last_offset_, prefix));
  return got == sizeof prefix && load_u32(prefix + 4) == given_[(count_ - 1) % kRemembered].checksum &&
         kRecordPrefixBytes + load_u32(prefix + 8) + 1 == last_end_ - last_offset_;
}

/// Which of the records given are still there. Zxids are never issued twice, except where a directory was put
/// back by hand: so the checksums count, too.
Status LiveLog::find_cut(const SourceListing& now) {
  const std::uint64_t held = std::min<std::uint64_t>(count_, kRemembered);
  const auto given = [&](std::uint64_t i) -> const Given& {
    return given_[(count_ - held + i) % kRemembered];
  };
  Cut cut;
  cut.given_zxid = given(held - 1).zxid;
  cut.last_zxid = given(0).zxid - 1;
  cut.found = false;
  LogWalkOptions options;
  options.after_zxid = std::max<std::int64_t>(cut.last_zxid, 0);
  Findings ignored;  // whoever reads on from there meets it again
  LogWalk walk(source_, now.logs, options, ignored);
  WalkEntry entry;
  for (std::uint64_t i = 0; i < held;) {
    ZK_TRY_STATUS(job_.check());
    ZK_TRY(const bool more, walk.next_into(entry));
    if (!more || entry.entry.zxid() > cut.given_zxid) break;
    while (i < held && given(i).zxid < entry.entry.zxid()) ++i;
    if (i == held || given(i).zxid != entry.entry.zxid() || given(i).checksum != entry.entry.checksum())
      break;
    cut.last_zxid = given(i++).zxid;
    cut.found = true;
  }
  cut_ = cut;
  return {};
}

}  // namespace zkark::restore
