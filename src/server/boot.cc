#include "src/server/boot.h"

#include <fmt/format.h>

#include "formats/txn_log.h"
#include "restore/base_choice.h"
#include "restore/data_dir.h"
#include "restore/target.h"
#include "src/server/commit_log.h"
#include "src/server/tail_cut.h"

namespace zkark::server {
namespace {

constexpr std::uint32_t kDirMode = 0750;
constexpr std::uint64_t kMarkMaxBytes = 4096;

Status need_dir(Fs& fs, const std::string& dir, const Settings& settings) {
  ZK_TRY(const bool there, exists(fs, dir));
  if (there) return {};
  if (!settings.autocreate)
    return fail(Error(ErrorId::kNoFile, "there is no such directory, and datadir.autocreate is false")
                    .at(dir)
                    .with_hint("create it, or check dataDir and dataLogDir in zoo.cfg"));
  return make_dirs(fs, dir, kDirMode);
}

Status nobody_else(System& system, const std::string& dir) {
  ZK_TRY(const OpenFiles open, system.open_files_under(dir));
  if (open.files.empty()) return {};
  return fail(Error(ErrorId::kTargetInUse,
                    fmt::format("another server runs on this directory: {}", open.files.front()))
                  .at(dir)
                  .with_hint("stop that server first"));
}

/// Where the records of a log end, if it is there and can be opened.
std::optional<std::uint64_t> end_of_records(Fs& fs, const std::string& path) {
  const auto file = fs.open(path);
  if (!file) return std::nullopt;
  TxnLogReader reader(**file);
  TxnEntry entry;
  for (;;) {
    const Result<bool> more = reader.next_into(entry);
    if (!more || !*more) return reader.offset();
  }
}

/// What was on disk once must be there now: less is no torn tail but rot, or a log that someone removed.
Status check_synced_mark(Fs& fs, const Settings& settings, const std::string& log_dir,
                         std::int64_t last_zxid) {
  const std::string path = join_path(log_dir, kSyncedMark);
  const Result<std::string> text = read_file(fs, path, kMarkMaxBytes);
  if (!text) return text.error().id() == ErrorId::kNoFile ? Status() : Status(fail(text.error().clone()));
  const auto mark = parse_synced_mark(*text);
  if (!mark || mark->zxid <= last_zxid) return {};
  const std::string log = join_path(log_dir, mark->log);
  Error error(ErrorId::kGap,
              fmt::format("zxid 0x{:x} was written to disk here and acknowledged, but what can be read now "
                          "ends at 0x{:x}",
                          mark->zxid, last_zxid));
  const auto end = end_of_records(fs, log);
  error = end ? std::move(error).at(log, *end) : std::move(error).at(log);
  return fail(std::move(error).with_hint(fmt::format(
      "the log was damaged or removed since: look with `zkark inspect {}`; a copy that boots, and "
      "what it lacks: zkark repair {} -O DIR; to start without those writes remove {}",
      log, settings.data_dir, path)));
}

/// What a killed server wrote and did not sync is read here all the same, and the next one goes on behind it:
/// then it must not vanish with the power.
Status sync_newest(Fs& fs, const restore::SourceListing& listing, const std::string& log_dir) {
  if (listing.logs.empty()) return {};
  ZK_TRY(const auto file, fs.open(listing.logs.back().path));
  ZK_TRY_STATUS(file->sync_data());
  return fs.sync_dir(log_dir);
}

/// No snapshot, and logs without one whole record: the first server here died over its first write, which it
/// had not acknowledged. (That there were more records once, the note of what was synced tells.)
Result<bool> never_wrote(restore::Source& source, const restore::SourceListing& listing) {
  if (!listing.snapshots.empty()) return false;
  for (const restore::SourceFile& log : listing.logs) {
    ZK_TRY(const auto file, source.open(log));
    TxnLogReader reader(*file);
    Result<std::optional<TxnEntry>> first = reader.next();
    if (!first && first.error().id() != ErrorId::kTruncated) return fail(std::move(first).error());
    if (first && *first) return false;
    ZK_TRY(const bool later, reader.skip_damage());  // records behind a torn one: that is no first write
    if (later) return false;
  }
  return true;
}

/// What the error itself advises comes first.
Error with_way_out(const Error& error, const Settings& settings) {
  Error told(error.id(), error.message());
  if (!error.file().empty()) told = std::move(told).at(error.file());
  if (error.offset()) told = std::move(told).at_offset(*error.offset());
  if (error.zxid()) told = std::move(told).at_zxid(*error.zxid());
  std::string hint = error.hint();
  if (!hint.empty()) hint += "; ";
  hint += fmt::format("a copy that boots, and what it lacks: zkark repair {} -O DIR", settings.data_dir);
  return std::move(told).with_errno(error.system_errno()).with_hint(std::move(hint));
}

}  // namespace

Result<Booted> boot(Fs& fs, Clock& clock, System& system, const Settings& settings, Job& job,
                    const std::function<void(const restore::Finding&)>& cut) {
  const std::int64_t start_ns = clock.monotonic().ns;
  Booted booted{
      restore::initial_state(),
      join_path(settings.data_dir, "version-2"),
      join_path(settings.data_log_dir.empty() ? settings.data_dir : settings.data_log_dir, "version-2"),
      true,
      {},
      {}};
  ZK_TRY_STATUS(need_dir(fs, booted.snapshot_dir, settings));
  ZK_TRY_STATUS(need_dir(fs, booted.log_dir, settings));
  ZK_TRY_STATUS(nobody_else(system, booted.log_dir));
  ZK_TRY(const auto cut_tail, cut_unsynced_tail(fs, booted.log_dir));
  if (cut_tail && cut) cut(*cut_tail);
  restore::DataDirOptions options;
  options.dir = settings.data_dir;
  if (settings.data_log_dir != settings.data_dir) options.log_dir = settings.data_log_dir;
  restore::DataDir source(fs, options);
  Result<restore::SourceListing> listing = source.list();
  if (!listing) {
    if (listing.error().id() != ErrorId::kNoData) return fail(std::move(listing).error());
    ZK_TRY_STATUS(check_synced_mark(fs, settings, booted.log_dir, 0));
    return booted;
  }
  booted.findings = listing->findings;
  ZK_TRY_STATUS(sync_newest(fs, *listing, booted.log_dir));
  Result<bool> untouched = never_wrote(source, *listing);
  if (!untouched) return fail(with_way_out(untouched.error(), settings));
  if (*untouched) {
    ZK_TRY_STATUS(check_synced_mark(fs, settings, booted.log_dir, 0));
    return booted;
  }
  booted.fresh = false;
  Result<restore::Target> target = restore::resolve_target(source, *listing, {}, job);
  if (!target) return fail(with_way_out(target.error(), settings));
  const std::int64_t found_ns = clock.monotonic().ns;
  std::int64_t loaded_ns = found_ns;
  restore::RebuildOptions rebuilding;
  rebuilding.on_base = [&] { loaded_ns = clock.monotonic().ns; };
  Result<restore::Rebuilt> rebuilt =
      restore::rebuild(source, *listing, target->zxid, booted.findings, job, rebuilding);
  if (!rebuilt) return fail(with_way_out(rebuilt.error(), settings));
  const std::int64_t end_ns = clock.monotonic().ns;
  booted.times = {(end_ns - start_ns) / 1'000'000, (loaded_ns - found_ns) / 1'000'000,
                  (end_ns - loaded_ns) / 1'000'000, rebuilt->replay.txns};
  booted.state = std::move(rebuilt->replay.state);
  ZK_TRY_STATUS(check_synced_mark(fs, settings, booted.log_dir, booted.state.last_zxid));
  return booted;
}

}  // namespace zkark::server
