// `backup`: one backup now, full or incremental.
#include <fmt/format.h>

#include "restore/source.h"
#include "src/backup/catalogue.h"
#include "src/backup/continuity.h"
#include "src/backup/take.h"
#include "src/cli/context.h"
#include "src/cli/findings_table.h"
#include "src/cli/places.h"
#include "src/cli/repository_arg.h"
#include "src/cli/server_of_source.h"
#include "src/cli/show_findings.h"
#include "src/cli/source_arg.h"
#include "src/cli/text.h"
#include "src/cli/verb.h"

namespace zkark::cli {
namespace {

using backup::TakeReport;
using backup::TakeType;

struct Options {
  std::vector<std::string> sources;
  TakeType type = TakeType::kAuto;
  std::optional<std::string> log_dir, zoo_cfg;
  std::vector<std::pair<std::string, std::string>> tags;
  std::optional<bool> prove;
  bool no_history = false;
  bool accept_new_history = false;
  bool dry_run = false;
};

std::string kind_name(SourceKind kind) {
  switch (kind) {
    case SourceKind::kDataDir:
      return "dir";
    case SourceKind::kFiles:
      return "files";
    case SourceKind::kArchive:
      return "archive";
    case SourceKind::kRepository:
      return "repository";
  }
  return "dir";
}

std::string names_of(const std::vector<restore::SourceFile>& files) {
  if (files.empty()) return "";
  const std::string first(base_name(files.front().path));
  return files.size() == 1 ? first : fmt::format("{} … {}", first, base_name(files.back().path));
}

// ---- what would happen ----

std::string_view plan_text(const backup::Continuity& continuity, TakeType type) {
  using backup::Relation;
  switch (continuity.relation) {
    case Relation::kFirst:
      return "a first full backup";
    case Relation::kContinues:
      return type == TakeType::kFull ? "a full backup" : "an incremental backup";
    case Relation::kBehind:
      return type == TakeType::kFull ? "a full backup of a source that ends before what is stored"
                                     : "nothing: the source ends before what is stored";
    case Relation::kForked:
      return "a full backup on a new timeline: the tail was rewritten";
    case Relation::kPurged:
      return "a full backup behind a gap: the records in between are gone from the source";
    case Relation::kRestored:
      return "a full backup on a new timeline: the source was restored from here";
    case Relation::kForeign:
      return "a full backup on a new timeline: the source has nothing in common with what is stored";
  }
  return "";
}

Status look(Context& context, const RepositoryPlace& place, restore::Source& source,
            const std::string& cluster, const Options& options) {
  ZK_TRY(const auto repository, backup::Repository::open(place.env, {}));
  ZK_TRY(const restore::SourceListing listing, source.list());
  show_findings(context.output, listing.findings, Stance::kReading);
  ZK_TRY(const backup::Continuity found,
         backup::find_continuity(*repository, cluster, source, listing, context.job));
  using backup::Relation;
  if (found.relation == Relation::kForeign && !options.accept_new_history)
    return fail(
        Error(ErrorId::kWrongCluster,
              fmt::format("the source shares no transaction and no old znode with cluster {}", cluster))
            .at(source.description())
            .with_hint(
                "give it a name of its own with -C NAME, or --accept-new-history if it really replaced "
                "that cluster"));
  const bool goes_on = found.relation == Relation::kContinues || found.relation == Relation::kBehind;
  if (options.type == TakeType::kIncr && !goes_on)
    return fail(Error(ErrorId::kRefused, fmt::format("no incremental backup is possible; it would be {}",
                                                     plan_text(found, options.type)))
                    .at(source.description())
                    .with_hint("--type auto or --type full"));
  Report report("backup");
  report.field("dry_run", "", Cell::boolean(true))
      .field("source", "source", Cell::string(source.description()));
  report.field("cluster", "cluster", Cell::string(cluster));
  report.field("snapshots", "snapshots", Cell::count(listing.snapshots.size()));
  report.field("logs", "logs", Cell::count(listing.logs.size()));
  report.field("goes_on_after", "goes on after", goes_on ? Cell::zxid(found.stored_to) : Cell());
  report.field("plan", "", Cell::string(plan_text(found, options.type)));
  report.remark(fmt::format("would take {}", plan_text(found, options.type)));
  context.output.print(report);
  return {};
}

// ---- what happened ----

struct Taken {
  const TakeReport& report;
  const OpenedSource& source;
  const restore::SourceListing& listing;
  std::int64_t duration_ms = 0;
};

void add_people_fields(Report& report, const Taken& taken) {
  const backup::Manifest& m = taken.report.manifest;
  std::string what = taken.source.source->description();
  std::vector<std::string> facts;
  if (m.source.server_id) facts.push_back(fmt::format("myid {}", *m.source.server_id));
  if (m.source.current_epoch) facts.push_back(fmt::format("epoch {:#x}", *m.source.current_epoch));
  const std::string snapshots = names_of(taken.listing.snapshots), logs = names_of(taken.listing.logs);
  facts.push_back(fmt::format("{}{}{}", snapshots, snapshots.empty() || logs.empty() ? "" : " + ", logs));
  what += fmt::format("  {}", fmt::join(facts, ", "));
  report.field("source_text", "source", Cell::string(what));
  const bool incremental = m.type == backup::BackupType::kIncr;
  report.field("base_text", "base",
               Cell::string(incremental ? fmt::format("{} (incremental)", backup::short_id(m.parent))
                                        : "none (full)"));
  if (m.timeline.cause != "first" && !incremental) {
    std::string branch;
    if (!m.timeline.parent.empty())
      branch = fmt::format(", branches off {}{}", m.timeline.parent.substr(0, 8),
                           m.timeline.fork_zxid ? " behind " + zxid_text(*m.timeline.fork_zxid) : "");
    report.field(
        "timeline_text", "timeline",
        Cell::string(fmt::format("{} ({}){}", m.timeline.id.substr(0, 8), m.timeline.cause, branch)));
  }
  for (const backup::Window& window : m.windows)
    report.field("window_text", "window", Cell::string(range_text(window.first_zxid, window.last_zxid)));
  report.field("proof_text", "proof", Cell::string(taken.report.verdict));
}

void add_data_fields(Report& report, const Taken& taken, const std::string& cluster) {
  const backup::Manifest& m = taken.report.manifest;
  const bool made = taken.report.published.has_value();
  const auto zxid = [](const std::optional<std::int64_t>& value) {
    return value ? Cell::zxid(*value) : Cell();
  };
  report.field("dry_run", Cell::boolean(false)).field("id", made ? Cell::string(m.id) : Cell());
  report.field("cluster", Cell::string(cluster));
  report.field("type", made ? Cell::string(backup::name_of(m.type)) : Cell());
  report.field("parent", Cell::string_or_null(m.parent))
      .field("timeline", Cell::string_or_null(m.timeline.id));
  report.field("source", Cell::string(taken.source.source->description()));
  report.field("source_behind", Cell::boolean(taken.report.source_behind));
  report.field("first_zxid", made ? Cell::zxid(backup::first_zxid(m)) : Cell());
  report.field("last_zxid", made ? Cell::zxid(m.last_zxid) : Cell());
  report.field("stored_to", Cell::zxid(taken.report.stored_to));
  report.field("last_applied", zxid(m.source.last_applied_zxid));
  report.field("unconfirmed_from", zxid(m.unconfirmed_from));
  report.field("confirmed_from", zxid(taken.report.confirmed_from));
  report.field("records", Cell::count(m.records()));
  report.field("znodes", m.znodes ? Cell::count(*m.znodes) : Cell());
  report.field("source_bytes_read", Cell::size(m.source_bytes_read));
  report.field("stored_bytes", Cell::size(m.stored_bytes))
      .field("new_stored_bytes", Cell::size(m.new_stored_bytes));
  report.field("certificate", made ? Cell::string(backup::name_of(m.certificate.grade)) : Cell());
  report.field("proven_to", zxid(m.certificate.proven_to()))
      .field("failed_at", zxid(m.certificate.failed_at));
  report.field("digests_compared", Cell::count(m.certificate.digests_compared));
  report.field("snapshots_compared", Cell::count(taken.report.snapshots_compared));
  report.field("verdict", Cell::string(taken.report.verdict));
  report.field("tags", Cell::map({m.tags.begin(), m.tags.end()}));
  report.field("duration_ms", Cell::duration_ms(taken.duration_ms));
  Table& windows =
      report.table("windows", {{"first_zxid", ""}, {"last_zxid", ""}, {"first_time", ""}, {"last_time", ""}});
  for (const backup::Window& window : m.windows)
    windows.row({Cell::zxid(window.first_zxid), Cell::zxid(window.last_zxid),
                 window.first_time_ms == 0 ? Cell() : Cell::time(WallTime{window.first_time_ms}),
                 window.last_time_ms == 0 ? Cell() : Cell::time(WallTime{window.last_time_ms})});
  Table& gaps = report.table("gaps", {{"after_zxid", ""}, {"before_zxid", ""}, {"reason", ""}});
  for (const backup::Gap& gap : m.gaps)
    gaps.row({Cell::zxid(gap.after_zxid), Cell::zxid(gap.before_zxid), Cell::string(gap.reason)});
  findings_table(report, taken.report.findings);
}

void print(Output& output, const Taken& taken, const std::string& cluster) {
  Report report("backup");
  if (!output.is_table()) {
    add_data_fields(report, taken, cluster);
    output.print(report);
    return;
  }
  if (!taken.report.published) {
    report.remark(taken.report.verdict);
    output.print(report);
    return;
  }
  const backup::Manifest& m = taken.report.manifest;
  add_people_fields(report, taken);
  report.remark(fmt::format("backup {} saved in {}: {}, {}+{} read, +{} stored, {}", backup::short_id(m.id),
                            human_duration_ms(taken.duration_ms), counted(m.records(), "txn", "txns"),
                            m.znodes ? counted(*m.znodes, "znode", "znodes") + ", " : "",
                            human_size(m.source_bytes_read), human_size(m.new_stored_bytes),
                            counted(m.gaps.size(), "gap", "gaps")));
  if (taken.report.confirmed_from)
    report.remark(fmt::format(
        "confirmed: {}, unconfirmed until now",
        range_text(*taken.report.confirmed_from, m.unconfirmed_from.value_or(m.last_zxid + 1) - 1)));
  if (m.unconfirmed_from)
    report.remark(fmt::format(
        "unconfirmed: {} lie above the server's last applied transaction and may never be committed",
        range_text(*m.unconfirmed_from, m.last_zxid)));
  output.print(report);
}

Status run(Context& context, const Options& options) {
  ZK_TRY(const RepositoryPlace place, repository_place(context));
  const std::string cluster = context.globals.cluster.value_or("default");
  const SourceRequest request{options.sources, options.log_dir.value_or(""), options.zoo_cfg.value_or("")};
  ZK_TRY(OpenedSource opened, open_source(context, request));
  ZK_TRY_STATUS(
      keep_apart(context.fs, {directory_of_url(place.url), "the repository"}, places_of(opened, request)));
  // Elsewhere a note: every night without the transactions is an incomplete backup.
  if (opened.logs_missing) opened.findings.back().severity = restore::Severity::kGap;
  restore::Source& source = *opened.source;
  if (options.dry_run) show_findings(context.output, opened.findings, Stance::kReading);
  if (options.dry_run) return look(context, place, source, cluster, options);

  backup::TakeOptions take;
  take.cluster = cluster;
  take.type = options.type;
  take.prove = options.prove;
  take.history = !options.no_history;
  take.accept_new_history = options.accept_new_history;
  take.tags.insert(options.tags.begin(), options.tags.end());
  take.source.kind = kind_name(opened.kind);
  take.source.paths = options.sources;
  take.source.data_dir = opened.data_dir;
  take.source.log_dir = opened.log_dir;
  take.last_applied = [&context, &opened] { return last_applied_by_server(context, opened); };
  take.source_findings = opened.findings;
  take.lock_wait_ms = context.globals.lock_wait_ms;
  const std::int64_t start_ns = context.clock.monotonic().ns;
  ZK_TRY(TakeReport report, backup::take_backup(place.env, source, take, context.job));
  const std::int64_t duration_ms = (context.clock.monotonic().ns - start_ns) / 1'000'000;
  restore::SourceListing listing;
  if (report.published && context.output.is_table()) {
    if (Result<restore::SourceListing> again = source.list()) listing = *std::move(again);
  }
  // What is damaged in the source was left out: 3. A tree that is not the server's is a verdict: 6.
  for (const restore::Finding& finding : report.findings)
    show_finding(context.output, finding,
                 finding.id == ErrorId::kDigestMismatch ? Stance::kJudging : Stance::kReading);
  print(context.output, {report, opened, listing, duration_ms}, cluster);
  return {};
}

}  // namespace

Verb backup_verb() {
  VerbBuilder<Options> verb({
      .name = "backup",
      .group = Group::kRepository,
      .summary = "take a full or incremental backup",
      .description =
          "Reads a data directory (of a running or stopped server), its zoo.cfg, or the tarballs "
          "of hand-made backups; "
          "inputs are never changed. The first backup is full: the oldest usable snapshot, every "
          "log after it and the "
          "newest snapshot. Later ones hold what is new, found by zxid and content. When there is "
          "nothing new, nothing "
          "is stored (exit 0).\n\n"
          "A full backup is replayed from the repository against the digests that the servers "
          "wrote (3.6 and later) "
          "before it is published; --prove does the same for an incremental one. A tail that "
          "another leader rewrote, "
          "or a restore, starts a new timeline; data of another cluster are refused.\n\n"
          "Where the zoo.cfg of a data directory names the client port and a server has its logs open, that "
          "server is asked for the last transaction it applied (srvr). What its logs hold above is "
          "unconfirmed "
          "until a later backup finds it applied, or records behind it.",
      .examples = {{"zkark backup /var/lib/zookeeper -r /srv/zk-backup",
                    "full the first time, then incremental"},
                   {"zkark backup /etc/zookeeper/conf/zoo.cfg -C kafka --tag why=nightly",
                    "directories as zoo.cfg says"},
                   {"zkark backup zk-2026-11-20.tar.gz zk-2026-11-21.tar.gz",
                    "what a script of old has saved"}},
      .exit_codes = {3, 5, 6, 7, 9, 10, 11},
      .uses = kUsesRepository | kUsesCache | kUsesLock | kUsesJobs | kUsesProgress,
      .changes_state = true,
  });
  verb.argument("SRC", &Options::sources,
                "data directory, flat directory, zoo.cfg, tarballs, or single files")
      .required()
      .completes(Completes::kSource)
      .cluster_key("source");
  verb.choice(
      "type", 't', "TYPE", &Options::type,
      {{"auto", TakeType::kAuto, "incremental where the source goes on from what is stored, else full"},
       {"full", TakeType::kFull, "everything, relying on no other backup"},
       {"incr", TakeType::kIncr, "refused where only a full is possible"}},
      "how much to take");
  verb.text("log-dir", "DIR", &Options::log_dir, "where the logs are, if not with the snapshots (dataLogDir)")
      .completes(Completes::kDirectory)
      .cluster_key("log-dir");
  verb.text("zoo-cfg", "FILE", &Options::zoo_cfg, "store this configuration file with the backup")
      .completes(Completes::kFile)
      .cluster_key("zoo-cfg");
  verb.parsed("tag", "KEY=VALUE", &Options::tags, parse_tag, "label the backup").cluster_key("tags");
  verb.yes_no("prove", &Options::prove,
              "replay against the servers' digests before publishing [default: full ones]",
              "publish without that proof; `zkark verify --replay` makes up for it");
  verb.flag("no-history", &Options::no_history,
            "a full takes only the newest snapshot and the logs after it");
  verb.flag("accept-new-history", &Options::accept_new_history,
            "take data that have nothing in common with what is stored of the cluster, as a new timeline")
      .command_line_only();
  verb.flag("dry-run", 'n', &Options::dry_run, "only say what would be taken");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
