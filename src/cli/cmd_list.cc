// `list`: every backup, and above all what can be restored from them.
#include <fmt/format.h>

#include "src/backup/catalogue.h"
#include "src/cli/context.h"
#include "src/cli/repository_arg.h"
#include "src/cli/text.h"
#include "src/cli/verb.h"

namespace zkark::cli {
namespace {

using backup::Catalogue;
using backup::CatalogueBackup;
using backup::CatalogueCluster;
using backup::CatalogueTimeline;
using backup::Manifest;

struct Options {};

/// Whole seconds, without the Z that the column's title says.
std::string seconds_text(std::int64_t ms) { return human_time(WallTime{ms}).substr(0, 19); }

std::string window_text(const backup::Window& window) {
  // A snapshot alone: when it was that state nobody wrote down.
  if (window.first_time_ms == 0 && window.last_time_ms == 0)
    return range_text(window.first_zxid, window.last_zxid) + " (no record tells the time)";
  return fmt::format("{} → {}  {}", human_time(WallTime{window.first_time_ms}),
                     human_time(WallTime{window.last_time_ms}),
                     range_text(window.first_zxid, window.last_zxid));
}

Cell checked_cell(const CatalogueBackup& backup) {
  if (!backup.manifest) return Cell::string("DAMAGED");
  const backup::StoredCertificate& certificate = backup.manifest->certificate;
  if (!certificate.grade) return {};
  if (*certificate.grade == restore::ProofGrade::kFailed && certificate.failed_at)
    return Cell::string(fmt::format("FAILED at {}", zxid_text(*certificate.failed_at)));
  if (*certificate.grade == restore::ProofGrade::kPartly && certificate.proven_to())
    return Cell::string(fmt::format("partly, to {}", zxid_text(*certificate.proven_to())));
  // Digests may end before the records do (switched off, or an older server).
  if (*certificate.grade == restore::ProofGrade::kProven && certificate.proven_to() &&
      *certificate.proven_to() < backup.entry.last_zxid)
    return Cell::string(fmt::format("proven to {} (of {})", zxid_text(*certificate.proven_to()),
                                    zxid_text(backup.entry.last_zxid)));
  return Cell::string(backup::name_of(certificate.grade));
}

Cell time_cell(std::int64_t ms) { return ms == 0 ? Cell() : Cell::time(WallTime{ms}); }

Cell tags_cell(const std::map<std::string, std::string>& tags) {
  return Cell::map({tags.begin(), tags.end()});
}

// ---- for people ----

void print_backups(Output& output, const CatalogueCluster& cluster) {
  const bool branched = cluster.timelines.size() > 1;
  Report report("list");
  Table& table = report.table("backups", {{"id", "ID"},
                                          {"type", "TYPE"},
                                          {"taken", "TAKEN (UTC)"},
                                          {"zxids", "ZXID RANGE"},
                                          {"timeline", branched ? "TIMELINE" : ""},
                                          {"znodes", "ZNODES"},
                                          {"size", "SIZE"},
                                          {"stored", "STORED"},
                                          {"checked", "CHECKED"},
                                          {"tags", "TAGS"}});
  for (const CatalogueBackup& backup : cluster.backups) {
    const backup::HeadEntry& entry = backup.entry;
    const Manifest* manifest = backup.manifest ? &*backup.manifest : nullptr;
    table.row({Cell::string(backup::short_id(entry.id)), Cell::string(backup::name_of(entry.type)),
               Cell::string(seconds_text(entry.taken_ms)),
               Cell::string(manifest == nullptr ? "… " + zxid_text(entry.last_zxid)
                                                : range_text(backup::first_zxid(*manifest), entry.last_zxid)),
               Cell::string(entry.timeline.substr(0, 8)),
               manifest != nullptr && manifest->znodes ? Cell::count(*manifest->znodes) : Cell(),
               manifest != nullptr ? Cell::size(backup::plain_bytes(*manifest)) : Cell(),
               manifest != nullptr ? Cell::size(manifest->new_stored_bytes) : Cell(), checked_cell(backup),
               tags_cell(entry.tags)});
  }
  output.print(report);
}

void print_timeline(Output& output, const CatalogueTimeline& one, bool branched) {
  if (branched) {
    std::string origin = one.timeline.cause.empty() ? "unknown" : one.timeline.cause;
    if (!one.timeline.parent.empty())
      origin = fmt::format("branches off {} behind {}: {}", one.timeline.parent.substr(0, 8),
                           one.timeline.fork_zxid ? zxid_text(*one.timeline.fork_zxid) : "an unknown point",
                           origin);
    output.line(fmt::format("timeline {}  {}", output.bold(escape_terminal(one.timeline.id.substr(0, 8))),
                            escape_terminal(origin)));
  }
  for (const backup::Window& window : one.windows) output.line("  recoverable  " + window_text(window));
  if (one.windows.empty()) output.line("  recoverable  nothing");
  for (const restore::ZxidRange& range : one.unproven)
    output.line(output.red(fmt::format(
        "  UNPROVEN     {}: not what the servers' digests say; only restore --accept-unproven gives it",
        range_text(range.first, range.last))));
  for (const backup::Gap& gap : one.gaps)
    output.line(output.yellow(fmt::format("  gap          after {}, before {}: {}", zxid_text(gap.after_zxid),
                                          zxid_text(gap.before_zxid), escape_terminal(gap.reason))));
}

void print_cluster(Output& output, const CatalogueCluster& cluster, std::string_view url) {
  std::string line =
      fmt::format("cluster {}   repo {}", output.bold(escape_terminal(cluster.name)), escape_terminal(url));
  const CatalogueTimeline& first = cluster.timelines.front();
  const bool branched = cluster.timelines.size() > 1;
  const bool simple = !branched && first.windows.size() == 1 && first.gaps.empty() && first.unproven.empty();
  if (simple) {
    output.line(fmt::format("{}   recoverable {} (no gaps)", line, window_text(first.windows.front())));
  } else {
    if (branched) line += "   " + counted(cluster.timelines.size(), "timeline", "timelines");
    output.line(line);
    for (const CatalogueTimeline& one : cluster.timelines) print_timeline(output, one, branched);
  }
  for (const CatalogueTimeline& one : cluster.timelines)
    if (one.unconfirmed_from)
      output.line(fmt::format("unconfirmed {} of {}: on one member's disk, perhaps never committed",
                              range_text(*one.unconfirmed_from, one.last_zxid),
                              backup::short_id(one.newest)));
  print_backups(output, cluster);
}

// ---- for programs ----

void add_backups(Report& report, const Catalogue& catalogue) {
  Table& table = report.table("backups", {{"id", ""},
                                          {"cluster", ""},
                                          {"timeline", ""},
                                          {"type", ""},
                                          {"taken", ""},
                                          {"first_zxid", ""},
                                          {"last_zxid", ""},
                                          {"unconfirmed_from", ""},
                                          {"records", ""},
                                          {"znodes", ""},
                                          {"plain_bytes", ""},
                                          {"stored_bytes", ""},
                                          {"new_stored_bytes", ""},
                                          {"certificate", ""},
                                          {"proven_to", ""},
                                          {"failed_at", ""},
                                          {"needs", ""},
                                          {"tags", ""},
                                          {"readable", ""}});
  auto zxid = [](const std::optional<std::int64_t>& value) { return value ? Cell::zxid(*value) : Cell(); };
  for (const CatalogueCluster& cluster : catalogue.clusters)
    for (const CatalogueBackup& backup : cluster.backups) {
      const backup::HeadEntry& entry = backup.entry;
      std::vector<Cell> row{Cell::string(entry.id), Cell::string(entry.cluster), Cell::string(entry.timeline),
                            Cell::string(backup::name_of(entry.type)), Cell::time(WallTime{entry.taken_ms})};
      if (backup.manifest) {
        const Manifest& manifest = *backup.manifest;
        const backup::StoredCertificate& certificate = manifest.certificate;
        for (Cell& cell : std::vector<Cell>{
                 Cell::zxid(backup::first_zxid(manifest)), Cell::zxid(entry.last_zxid),
                 zxid(manifest.unconfirmed_from), Cell::count(manifest.records()),
                 manifest.znodes ? Cell::count(*manifest.znodes) : Cell(),
                 Cell::size(backup::plain_bytes(manifest)), Cell::size(manifest.stored_bytes),
                 Cell::size(manifest.new_stored_bytes), Cell::string(backup::name_of(certificate.grade)),
                 zxid(certificate.proven_to()), zxid(certificate.failed_at)})
          row.push_back(std::move(cell));
      } else {
        row.insert(row.end(), {Cell(), Cell::zxid(entry.last_zxid)});
        row.resize(row.size() + 9);
      }
      row.push_back(Cell::list(entry.needs));
      row.push_back(tags_cell(entry.tags));
      row.push_back(Cell::boolean(backup.manifest.has_value()));
      table.row(std::move(row));
    }
}

void add_timelines(Report& report, const Catalogue& catalogue) {
  Table& timelines = report.table("timelines", {{"cluster", ""},
                                                {"timeline", ""},
                                                {"parent", ""},
                                                {"fork_zxid", ""},
                                                {"cause", ""},
                                                {"backups", ""},
                                                {"newest", ""},
                                                {"last_zxid", ""},
                                                {"unconfirmed_from", ""}});
  Table& windows = report.table("windows", {{"cluster", ""},
                                            {"timeline", ""},
                                            {"first_zxid", ""},
                                            {"last_zxid", ""},
                                            {"first_time", ""},
                                            {"last_time", ""}});
  Table& unproven =
      report.table("unproven", {{"cluster", ""}, {"timeline", ""}, {"first_zxid", ""}, {"last_zxid", ""}});
  Table& gaps = report.table(
      "gaps", {{"cluster", ""}, {"timeline", ""}, {"after_zxid", ""}, {"before_zxid", ""}, {"reason", ""}});
  auto zxid = [](const std::optional<std::int64_t>& value) { return value ? Cell::zxid(*value) : Cell(); };
  for (const CatalogueCluster& cluster : catalogue.clusters)
    for (const CatalogueTimeline& one : cluster.timelines) {
      const Cell name = Cell::string(cluster.name), id = Cell::string(one.timeline.id);
      timelines.row({name, id, Cell::string_or_null(one.timeline.parent), zxid(one.timeline.fork_zxid),
                     Cell::string_or_null(one.timeline.cause), Cell::count(one.backups),
                     Cell::string(one.newest), Cell::zxid(one.last_zxid), zxid(one.unconfirmed_from)});
      for (const backup::Window& window : one.windows)
        windows.row({name, id, Cell::zxid(window.first_zxid), Cell::zxid(window.last_zxid),
                     time_cell(window.first_time_ms), time_cell(window.last_time_ms)});
      for (const restore::ZxidRange& range : one.unproven)
        unproven.row({name, id, Cell::zxid(range.first), Cell::zxid(range.last)});
      for (const backup::Gap& gap : one.gaps)
        gaps.row(
            {name, id, Cell::zxid(gap.after_zxid), Cell::zxid(gap.before_zxid), Cell::string(gap.reason)});
    }
}

Status run(Context& context, const Options&) {
  ZK_TRY(const OpenedRepository opened, open_repository(context));
  ZK_TRY(const std::string cluster, chosen_cluster(context, *opened));
  ZK_TRY(const Catalogue catalogue, backup::read_catalogue(*opened, cluster, context.job));
  Output& output = context.output;
  if (!output.is_table()) {
    Report report("list");
    const bool all = output.is_json();  // the lines of csv and plain are the backups
    if (all) {
      report.field("repository", Cell::string(opened.place.url));
      report.field("repository_id", Cell::string(opened->config().id));
      report.field("pruned_waiting", Cell::count(opened->head().removed.size()));
    }
    add_backups(report, catalogue);
    if (all) add_timelines(report, catalogue);
    output.print(report);
  } else if (catalogue.clusters.empty()) {
    output.line(fmt::format("no backups yet in {}", escape_terminal(opened.place.url)));
    output.line("next: zkark backup SRC");
  } else {
    for (const CatalogueCluster& one : catalogue.clusters) {
      if (&one != &catalogue.clusters.front()) output.line("");
      print_cluster(output, one, opened.place.url);
    }
  }
  // What could be read is shown; the verdict is verify's.
  for (const Error& error : catalogue.unreadable) output.report(error, exit_code(ErrorId::kIncomplete));
  return {};
}

}  // namespace

Verb list_verb() {
  VerbBuilder<Options> verb({
      .name = "list",
      .group = Group::kRepository,
      .summary = "list the backups and what can be restored from them",
      .description =
          "Shows, for every cluster, the times and zxids that can be restored, gaps, timelines (histories "
          "that "
          "parted because a tail was cut off or a backup was restored), and the backups, oldest first.\n\n"
          "SIZE is what the backup holds, uncompressed; STORED is what it added to the repository. CHECKED "
          "says what "
          "a replay against the digests of the servers proved.",
      .examples = {{"zkark list -r /srv/zk-backup", "everything"},
                   {"zkark list -C kafka --json", "one cluster, for a script"}},
      .exit_codes = {3, 5, 9, 10},
      .uses = kUsesRepository | kUsesCache,
  });
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
