#include "src/server/boot.h"

#include <fmt/format.h>

#include "formats/txn_log.h"
#include "restore/base_choice.h"
#include "restore/data_dir.h"
#include "restore/target.h"
#include "src/server/commit_log.h"

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

/// What was on disk once must be there now: less is no torn tail but rot, or a log that someone removed.
Status check_synced_mark(Fs& fs, const std::string& log_dir, std::int64_t last_zxid) {
  const std::string path = join_path(log_dir, kSyncedMark);
  const Result<std::string> text = read_file(fs, path, kMarkMaxBytes);
  if (!text) return text.error().id() == ErrorId::kNoFile ? Status() : Status(fail(text.error().clone()));
  const auto mark = parse_synced_mark(*text);
  if (!mark || mark->zxid <= last_zxid) return {};
  return fail(
      Error(
          ErrorId::kGap,
          fmt::format("zxid 0x{:x} was written to disk here and acknowledged, but what can be read now ends "
                      "at 0x{:x}",
                      mark->zxid, last_zxid))
          .at(join_path(log_dir, mark->log))
          .with_hint(fmt::format("the log was damaged or removed since: look with `zkark inspect`, salvage "
                                 "with `zkark repair`; to start without those writes remove {}",
                                 path)));
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

Result<Booted> boot(Fs& fs, System& system, const Settings& settings, Job& job) {
  Booted booted{
      restore::initial_state(),
      join_path(settings.data_dir, "version-2"),
      join_path(settings.data_log_dir.empty() ? settings.data_dir : settings.data_log_dir, "version-2"),
      true,
      {}};
  ZK_TRY_STATUS(need_dir(fs, booted.snapshot_dir, settings));
  ZK_TRY_STATUS(need_dir(fs, booted.log_dir, settings));
  ZK_TRY_STATUS(nobody_else(system, booted.log_dir));
  restore::DataDirOptions options;
  options.dir = settings.data_dir;
  if (settings.data_log_dir != settings.data_dir) options.log_dir = settings.data_log_dir;
  restore::DataDir source(fs, options);
  Result<restore::SourceListing> listing = source.list();
  if (!listing) {
    if (listing.error().id() != ErrorId::kNoData) return fail(std::move(listing).error());
    ZK_TRY_STATUS(check_synced_mark(fs, booted.log_dir, 0));
    return booted;
  }
  booted.findings = listing->findings;
  Result<bool> untouched = never_wrote(source, *listing);
  if (!untouched) return fail(with_way_out(untouched.error(), settings));
  if (*untouched) {
    ZK_TRY_STATUS(check_synced_mark(fs, booted.log_dir, 0));
    return booted;
  }
  booted.fresh = false;
  Result<restore::Target> target = restore::resolve_target(source, *listing, {}, job);
  if (!target) return fail(with_way_out(target.error(), settings));
  Result<restore::Rebuilt> rebuilt = restore::rebuild(source, *listing, target->zxid, booted.findings, job);
  if (!rebuilt) return fail(with_way_out(rebuilt.error(), settings));
  booted.state = std::move(rebuilt->replay.state);
  ZK_TRY_STATUS(check_synced_mark(fs, booted.log_dir, booted.state.last_zxid));
  return booted;
}

}  // namespace zkark::server
