// `compact`: an exact base made inside the repository, so that the chain before it can be pruned.
#include "src/backup/compact.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "restore/target.h"
#include "src/backup/source.h"
#include "src/cli/context.h"
#include "src/cli/findings_table.h"
#include "src/cli/point_in_time.h"
#include "src/cli/repository_arg.h"
#include "src/cli/show_findings.h"
#include "src/cli/source_arg.h"
#include "src/cli/text.h"
#include "src/cli/verb.h"

namespace zkark::cli {
namespace {

using backup::CompactReport;

struct Options {
  std::optional<std::string> at;
  bool exclusive = false;
  restore::TimeRule time_rule = restore::TimeRule::kRefuse;
  std::optional<std::string> timeline;
  std::vector<std::pair<std::string, std::string>> tags;
  bool dry_run = false;
};

/// The full id of a timeline that somebody named by its first digits.
Result<std::string> chosen_timeline(const backup::Repository& repository, const std::string& cluster,
                                    const std::string& text) {
  std::set<std::string> all, matching;
  for (const backup::HeadEntry& entry : repository.entries()) {
    if (entry.cluster != cluster) continue;
    all.insert(entry.timeline);
    if (text.size() >= 4 && entry.timeline.starts_with(text)) matching.insert(entry.timeline);
  }
  if (matching.size() == 1) return *matching.begin();
  if (matching.size() > 1)
    return fail(Error(ErrorId::kUsage, fmt::format("'{}' begins {} timelines", text, matching.size()))
                    .with_hint(fmt::format("{}", fmt::join(matching, ", "))));
  return fail(Error(ErrorId::kNotFound, fmt::format("no timeline '{}' of cluster {}", text, cluster))
                  .at(repository.env().backend.url())
                  .with_hint(fmt::format("there are: {}", fmt::join(all, ", "))));
}

/// Where the base is to be, and on which timeline.
struct Wanted {
  std::string cluster, timeline;  // timeline: empty = that of the newest backup
  std::optional<restore::Target> target;
};

Result<Wanted> find_target(Context& context, const Options& options, OpenedSource& opened) {
  Wanted wanted{opened.stored->cluster, {}, {}};
  const backup::Repository& repository = *opened.repository->repository;
  std::unique_ptr<restore::Source> other;
  if (options.timeline) {
    ZK_TRY(wanted.timeline, chosen_timeline(repository, wanted.cluster, *options.timeline));
    if (wanted.timeline != opened.stored->timeline) {
      if (opened.stored->backup != repository.newest(wanted.cluster)->id)
        return fail(Error(ErrorId::kUsage,
                          fmt::format("backup {} is of timeline {}", backup::short_id(opened.stored->backup),
                                      opened.stored->timeline))
                        .with_hint("leave out --timeline"));
      ZK_TRY(other, backup::open_timeline(repository, wanted.cluster, wanted.timeline,
                                          opened.source->description()));
    }
  }
  if (!options.at) return wanted;
  if (wanted.timeline.empty()) wanted.timeline = opened.stored->timeline;
  restore::Source& source = other ? *other : *opened.source;
  ZK_TRY(const restore::SourceListing listing, source.list());
  ZK_TRY(wanted.target,
         restore::resolve_target(source, listing, {opened.point, options.exclusive, options.time_rule},
                                 context.job));
  return wanted;
}

/// Backups that only points before the base still need: others of its timeline, unless another timeline's
/// backup is built on them.
std::vector<std::string> no_longer_needed(const backup::Repository& repository,
                                          const backup::Manifest& compacted) {
  std::set<std::string> needed;
  std::vector<std::string> ids;
  for (const backup::HeadEntry& entry : repository.entries()) {
    if (entry.cluster == compacted.cluster && entry.timeline == compacted.timeline.id) continue;
    if (const auto closure = repository.closure(entry.id)) needed.insert(closure->begin(), closure->end());
  }
  for (const backup::HeadEntry& entry : repository.entries())
    if (entry.cluster == compacted.cluster && entry.timeline == compacted.timeline.id &&
        entry.id != compacted.id && !needed.contains(entry.id))
      ids.push_back(entry.id);
  return ids;
}

struct Done {
  const CompactReport& report;
  const Wanted& wanted;
  std::vector<std::string> prunable;  // ids
  std::string prune_command;
  bool dry_run = false;
  std::int64_t duration_ms = 0;
};

void add_data(Report& report, const Done& done) {
  const backup::Manifest& m = done.report.manifest;
  const auto zxid = [](const std::optional<std::int64_t>& value) {
    return value ? Cell::zxid(*value) : Cell();
  };
  report.field("dry_run", Cell::boolean(done.dry_run)).field("already", Cell::boolean(done.report.already));
  report.field("id", Cell::string_or_null(m.id)).field("cluster", Cell::string(m.cluster));
  report.field("timeline", Cell::string(m.timeline.id)).field("point", Cell::zxid(done.report.point));
  report.field("last_zxid", Cell::zxid(m.last_zxid)).field("unconfirmed_from", zxid(m.unconfirmed_from));
  report.field("replayed_txns", Cell::count(done.report.replayed_txns));
  report.field("znodes", Cell::count(m.bases.front().znodes))
      .field("sessions", Cell::count(m.bases.front().sessions));
  report.field("records", Cell::count(m.records()));
  report.field("stored_bytes", Cell::size(m.stored_bytes))
      .field("new_stored_bytes", Cell::size(m.new_stored_bytes));
  report.field("certificate", Cell::string(backup::name_of(m.certificate.grade)));
  report.field("proven_to", zxid(m.certificate.proven_to()));
  report.field("digests_compared", Cell::count(m.certificate.digests_compared));
  report.field("verdict", Cell::string(done.report.verdict));
  report.field("prunable", Cell::list(done.prunable));
  report.field("tags", Cell::map({m.tags.begin(), m.tags.end()}));
  report.field("duration_ms", Cell::duration_ms(done.duration_ms));
  Table& windows =
      report.table("windows", {{"first_zxid", ""}, {"last_zxid", ""}, {"first_time", ""}, {"last_time", ""}});
  for (const backup::Window& window : m.windows)
    windows.row({Cell::zxid(window.first_zxid), Cell::zxid(window.last_zxid),
                 Cell::time(WallTime{window.first_time_ms}), Cell::time(WallTime{window.last_time_ms})});
  findings_table(report, done.report.findings);
}

void add_text(Report& report, const Done& done) {
  const backup::Manifest& m = done.report.manifest;
  const backup::StoredBase& base = m.bases.front();
  if (done.wanted.target && done.wanted.target->record)
    report.field("point_text", "point",
                 Cell::string(escape_terminal(restore::note_text(*done.wanted.target->record))));
  else
    report.field("point_text", "point", Cell::string(zxid_text(done.report.point)));
  report.field("timeline_text", "timeline",
               Cell::string(fmt::format("{} ({})", m.timeline.id.substr(0, 8), m.timeline.cause)));
  for (const backup::Window& window : m.windows)
    report.field("window_text", "window", Cell::string(range_text(window.first_zxid, window.last_zxid)));
  report.field("proof_text", "proof", Cell::string(done.report.verdict));
  const std::string what =
      fmt::format("{} replayed, base of {} and {}", counted(done.report.replayed_txns, "txn", "txns"),
                  counted(base.znodes, "znode", "znodes"), counted(base.sessions, "session", "sessions"));
  if (done.dry_run)
    report.remark(fmt::format("would make a compact: {}; nothing was stored", what));
  else
    report.remark(fmt::format("compact {} saved in {}: {}, +{} stored", backup::short_id(m.id),
                              human_duration_ms(done.duration_ms), what, human_size(m.new_stored_bytes)));
  if (m.unconfirmed_from && *m.unconfirmed_from > done.report.point)
    report.remark(
        fmt::format("unconfirmed: {} stay records behind the base; the next leader may cut them off",
                    range_text(*m.unconfirmed_from, m.last_zxid)));
}

void add_next(Report& report, const Done& done) {
  if (done.prunable.empty()) return;
  report.remark(fmt::format("{} of this timeline {} needed only for points before {}",
                            counted(done.prunable.size(), "other backup", "other backups"),
                            done.dry_run                ? "would be"
                            : done.prunable.size() == 1 ? "is"
                                                        : "are",
                            zxid_text(done.report.point)));
  if (!done.dry_run) report.remark("next: " + done.prune_command);
}

Status run(Context& context, const Options& options) {
  if (!options.at && options.exclusive)
    return fail(Error(ErrorId::kUsage, "--exclusive is about the point of --at").with_hint("--at POINT"));
  ZK_TRY_STATUS(context.repository());
  SourceRequest request;
  if (options.at) {
    ZK_TRY(request.point, parse_point(*options.at, context));
  }
  ZK_TRY(OpenedSource opened, open_source(context, request));
  ZK_TRY(const Wanted wanted, find_target(context, options, opened));
  const backup::RepositoryEnvironment& env = opened.repository->place.env;

  backup::CompactOptions how;
  how.cluster = wanted.cluster;
  how.timeline = wanted.timeline;
  if (wanted.target) how.at = wanted.target->zxid;
  how.tags.insert(options.tags.begin(), options.tags.end());
  how.dry_run = options.dry_run;
  how.lock_wait_ms = context.globals.lock_wait_ms;
  const std::int64_t start_ns = context.clock.monotonic().ns;
  ZK_TRY(const CompactReport made, backup::compact(env, how, context.job));
  Done done{made, wanted, {}, {}, options.dry_run, (context.clock.monotonic().ns - start_ns) / 1'000'000};

  // What the replay passed over is damage of the repository's own.
  show_findings(context.output, made.findings, Stance::kJudging);
  const backup::Manifest& m = made.manifest;
  if (m.unconfirmed_from && *m.unconfirmed_from <= made.point)
    context.output.warn(fmt::format(
        "{} and what follows is unconfirmed: if the next leader cuts it off, this base stands for "
        "a history that never was",
        zxid_text(*m.unconfirmed_from)));
  ZK_TRY(const auto repository, backup::Repository::open(env, {}));
  done.prunable = no_longer_needed(*repository, m);
  done.prune_command =
      fmt::format("zkark prune -r {}{} --keep-last 1 --dry-run", opened.repository->place.url,
                  repository->clusters().size() > 1 ? " -C " + wanted.cluster : std::string());
  Report report("compact");
  if (!context.output.is_table()) {
    add_data(report, done);
  } else if (made.already) {
    report.remark(made.verdict);
    add_next(report, done);
  } else {
    add_text(report, done);
    add_next(report, done);
  }
  context.output.print(report);
  return {};
}

}  // namespace

Verb compact_verb() {
  VerbBuilder<Options> verb({
      .name = "compact",
      .group = Group::kRepository,
      .summary = "make an exact full backup out of a chain",
      .description =
          "Replays what is stored up to a point, checks the result against the servers' digests, and stores "
          "it "
          "as a full backup: one exact snapshot, and the stored transactions behind it, which are named "
          "again "
          "and not stored twice. The data directory is not needed. The next increment goes on from it, "
          "restores of later points begin with it, and older backups of the chain can be pruned. compact "
          "itself removes nothing, and publishes nothing when a digest differs.\n\n"
          "Without --at the point is the last one that is known to be committed: transactions that were on "
          "one "
          "member's disk only stay records behind the base until an increment finds them again.",
      .examples = {{"zkark compact -r /srv/zk-backup", "the newest state; then prune what is not needed"},
                   {"zkark compact --at '7 days ago' -C kafka",
                    "every point of the last week stays, with one base before it"},
                   {"zkark compact --at 9c41d7e2 --dry-run", "replay and prove, store nothing"}},
      .exit_codes = {3, 5, 6, 7, 9, 10, 11},
      .uses = kUsesRepository | kUsesCache | kUsesLock | kUsesTime | kUsesProgress,
      .changes_state = true,
  });
  verb.text("at", "POINT", &Options::at, "where the base is made [default: the last confirmed point]")
      .completes(Completes::kPoint);
  verb.flag("exclusive", &Options::exclusive, "just before that point");
  verb.choice("time-rule", "RULE", &Options::time_rule,
              {{"refuse", restore::TimeRule::kRefuse, "say which two points it names"},
               {"first", restore::TimeRule::kFirst, "before the first transaction that is later"},
               {"last", restore::TimeRule::kLast, "after the last transaction that is not later"}},
              "what a time means where the leader's clock stepped back");
  verb.text("timeline", "ID", &Options::timeline,
            "an older timeline, by the first 4 digits or more [default: that of the newest backup]");
  verb.parsed("tag", "KEY=VALUE", &Options::tags, parse_tag, "label the new backup").cluster_key("tags");
  verb.flag("dry-run", 'n', &Options::dry_run, "replay and prove, store nothing");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
