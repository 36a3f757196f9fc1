// `repair`: a corrected copy of damaged data; a new HEAD for a repository that lost its own.
#include <fmt/format.h>

#include "src/backup/writer.h"
#include "src/cli/context.h"
#include "src/cli/repair_data.h"
#include "src/cli/repository_arg.h"
#include "src/cli/text.h"
#include "src/cli/values.h"
#include "src/cli/verb.h"

namespace zkark::cli {
namespace {

using Options = DataRepair;

void add_plan(Report& report, const backup::HeadRepair& repair) {
  report.field("problem", "found", Cell::string(repair.problem));
  Table& table = report.table("backups", {{"id", ""},
                                          {"short", "ID"},
                                          {"cluster", "CLUSTER"},
                                          {"timeline", ""},
                                          {"type", "TYPE"},
                                          {"taken", "TAKEN"},
                                          {"last_zxid", "LAST ZXID"},
                                          {"tags", "TAGS"}});
  for (const backup::HeadEntry& entry : repair.kept)
    table.row({Cell::string(entry.id), Cell::string(backup::short_id(entry.id)), Cell::string(entry.cluster),
               Cell::string(entry.timeline), Cell::string(backup::name_of(entry.type)),
               Cell::time(WallTime{entry.taken_ms}), Cell::zxid(entry.last_zxid),
               Cell::map({entry.tags.begin(), entry.tags.end()})});
  report.remark("lost with HEAD: tags and certificates that were added after a backup was taken");
  report.remark(
      "lost with HEAD: what was pruned; pruned backups whose data are still there are in this list");
}

void add_outcome(Report& report, const backup::HeadRepair& repair, const RepositoryPlace& place,
                 bool dry_run) {
  report.field("dry_run", "", Cell::boolean(dry_run));
  report.field("kept", "", Cell::count(repair.kept.size()));
  report.field("damaged_copy", "", Cell::string_or_null(repair.damaged_copy));
  Table& left_out = report.table("left_out", {{"file", ""}, {"reason", ""}});
  for (const backup::HeadRepair::LeftOut& one : repair.left_out)
    left_out.row({Cell::string(one.file), Cell::string(one.reason)});
  report.remark(fmt::format(
      "{} with {}{}", dry_run ? "would write a new HEAD" : "wrote a new HEAD",
      counted(repair.kept.size(), "backup", "backups"),
      repair.left_out.empty()
          ? std::string()
          : fmt::format("; {} left out", counted(repair.left_out.size(), "manifest", "manifests"))));
  if (!repair.damaged_copy.empty()) report.remark("the damaged HEAD is kept as " + repair.damaged_copy);
  if (!repair.left_out.empty())
    report.remark(
        "what is left out stays where it is, but the next prune removes objects that nothing else "
        "names: save a copy first if it may be of use");
  if (!dry_run)
    report.remark(fmt::format("next: zkark verify -r {}, then zkark list -r {}", place.url, place.url));
}

/// Of the options only --dry-run means something to a repository.
Status check_no_data_options(const Options& options) {
  const char* const given = options.to           ? "--to"
                            : options.salvage    ? "--salvage"
                            : options.chop.given ? "--chop"
                            : options.log_dir    ? "--log-dir"
                            : options.zoo_cfg    ? "--zoo-cfg"
                            : options.owner      ? "--owner"
                                                 : nullptr;
  if (given == nullptr) return {};
  return fail(Error(ErrorId::kUsage, fmt::format("what to repair is missing: {} belongs to a SRC", given))
                  .with_hint("give the data directory, the file or the zoo.cfg; a repository's HEAD takes no "
                             "such option"));
}

Status repair_head(Context& context, const Options& options) {
  ZK_TRY_STATUS(check_no_data_options(options));
  ZK_TRY(const RepositoryPlace place, repository_place(context));
  ZK_TRY(backup::HeadRepair repair, backup::RepositoryWriter::plan_head(place.env, context.job));
  Output& output = context.output;
  if (output.is_table()) {
    Report plan("repair");
    add_plan(plan, repair);
    output.print(plan);
  }
  // A backup that does not come back is damage, and stays so.
  for (const backup::HeadRepair::LeftOut& one : repair.left_out)
    output.report(Error(ErrorId::kRepositoryDamaged, "left out: " + one.reason)
                      .at(backup::display_name(*place.backend, one.file)));
  if (!options.dry_run) {
    ZK_TRY_STATUS(context.confirm(fmt::format("Replace HEAD of {} by one with these {}?", place.url,
                                              counted(repair.kept.size(), "backup", "backups"))));
    backup::LockRequest request;
    request.purpose = "repair";
    request.wait_ms = context.globals.lock_wait_ms;
    const std::size_t planned = repair.kept.size(), left_out = repair.left_out.size();
    ZK_TRY(repair, backup::RepositoryWriter::rebuild_head(place.env, request, context.job));
    if (repair.kept.size() != planned || repair.left_out.size() != left_out)
      output.warn("the repository changed after it was looked at: `zkark list` shows what HEAD names now");
  }
  Report outcome("repair");
  if (!output.is_table()) add_plan(outcome, repair);
  add_outcome(outcome, repair, place, options.dry_run);
  output.print(outcome);
  return {};
}

Status run(Context& context, const Options& options) {
  return options.sources.empty() ? repair_head(context, options) : repair_data(context, options);
}

}  // namespace

Verb repair_verb() {
  VerbBuilder<Options> verb({
      .name = "repair",
      .group = Group::kForensics,
      .summary = "write a corrected copy of damaged data, or a repository's new HEAD",
      .description =
          "With SRC: writes a copy of a data directory that boots, or of single files, without what is "
          "damaged, and says what is lost by file, offset and zxid. The source is only read; a record whose "
          "checksum fails is never given a new one. Everything is written under a temporary name, synced, "
          "read back, replayed as a server will, and put into place.\n\n"
          "A server replays its logs over the newest snapshot without looking for holes. Of a directory the "
          "copy therefore holds the latest stretch of the history without a hole that a sound snapshot leads "
          "into: it ends at the first damage, unless a later snapshot bridges that; then it begins there. "
          "Torn last writes are broken off, damaged snapshots dropped. Where no snapshot is left and the "
          "logs begin with the first transaction, one is made (\"No snapshot found, but there are log "
          "entries\"). Of single files each is judged on its own: a log ends at its first damage.\n\n"
          "--chop ends the history before the first damage even where a snapshot bridges it, --chop=ZXID "
          "with "
          "that transaction. --salvage keeps every intact record around damage, for reading: the files lie "
          "side by side, with their holes, where no server looks for them.\n\n"
          "The status is 6 where the source was damaged, also when the copy is there; a torn last write and "
          "a missing snapshot alone are none.\n\n"
          "Without SRC, for the repository of -r: HEAD is the list of live backups. When it is damaged or "
          "missing, every other verb refuses to work with the repository. If there is a copy, put HEAD back "
          "from it: that is better. Otherwise repair writes a new one that names every backup whose "
          "manifest, "
          "parents and objects are all there, and says which are not and why.\n\n"
          "Lost with HEAD are tags and certificates that were added after a backup was taken, and the "
          "knowledge of what was pruned: pruned backups whose data are still there are listed again. Nothing "
          "is removed; a damaged HEAD is kept beside the new one as HEAD.damaged. An intact HEAD is refused.",
      .examples = {{"zkark repair /var/lib/zookeeper -O /srv/zk-fixed", "a copy that boots"},
                   {"zkark repair log.30002aaab --chop -O fixed/", "one log, up to its first damage"},
                   {"zkark repair /var/lib/zookeeper --chop=0x30002b7b0 -O /srv/zk-fixed",
                    "nothing above a transaction"},
                   {"zkark repair /var/lib/zookeeper --salvage -O /srv/evidence",
                    "every intact record, to read"},
                   {"zkark repair -r /srv/zk-backup --dry-run", "what a new HEAD would name"},
                   {"zkark repair -r /srv/zk-backup", "asks, then writes it"}},
      .exit_codes = {5, 6, 7, 9, 10, 11},
      .uses = kUsesRepository | kUsesCache | kUsesLock | kUsesConfirm | kUsesProgress,
      .changes_state = true,
  });
  verb.argument("SRC", &Options::sources,
                "what to repair: a data directory, a zoo.cfg, tarballs, or files of logs and snapshots")
      .completes(Completes::kSource);
  verb.text("to", 'O', "DIR", &Options::to, "the directory to make; absent or empty")
      .completes(Completes::kDirectory);
  verb.parsed("chop", "ZXID", &Options::chop, parse_zxid,
              "keep nothing above this transaction; without ZXID, nothing from the first damage on")
      .command_line_only();
  verb.flag("salvage", &Options::salvage, "keep every intact record around damage, for reading")
      .excludes({"chop"})
      .command_line_only();
  verb.text("log-dir", "DIR", &Options::log_dir, "the dataLogDir of SRC, where it is apart from the dataDir")
      .completes(Completes::kDirectory);
  verb.text("zoo-cfg", "FILE", &Options::zoo_cfg,
            "the configuration of SRC, where it does not lie beside the data")
      .completes(Completes::kFile);
  verb.text("owner", "USER:GROUP", &Options::owner,
            "who owns the files (root only); else the owner of the directory they go into");
  verb.flag("dry-run", 'n', &Options::dry_run, "say what would be done, write nothing");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
