// `prune`: what to keep, why, and what becomes of the rest.
#include <fmt/format.h>

#include <algorithm>

#include "src/backup/retention.h"
#include "src/cli/config.h"
#include "src/cli/context.h"
#include "src/cli/point_in_time.h"
#include "src/cli/repository_arg.h"
#include "src/cli/text.h"
#include "src/cli/verb.h"

namespace zkark::cli {
namespace {

constexpr std::int64_t kKeepMax = 1'000'000;

struct Options {
  std::optional<unsigned> last, hourly, daily, weekly, monthly, yearly;
  backup::Span within;
  std::vector<TagFilter> tags;
  std::int64_t grace_ms = 24ll * 3600 * 1000;
  bool dry_run = false;
};

backup::RetentionPolicy policy_of(const Options& options) {
  backup::RetentionPolicy policy;
  policy.last = options.last.value_or(0);
  policy.hourly = options.hourly.value_or(0);
  policy.daily = options.daily.value_or(0);
  policy.weekly = options.weekly.value_or(0);
  policy.monthly = options.monthly.value_or(0);
  policy.yearly = options.yearly.value_or(0);
  policy.within = options.within;
  policy.tags = options.tags;
  return policy;
}

struct Plan {
  std::vector<backup::HeadEntry> entries;            // by cluster, oldest first
  std::vector<backup::RetentionDecision> decisions;  // in the same order
  std::vector<std::string> going;                    // ids
};

Result<Plan> make_plan(const Context& context, const backup::Repository& repository, const Options& options) {
  ZK_TRY(const std::string cluster, chosen_cluster(context, repository));
  Plan plan;
  std::vector<backup::RetentionItem> items;
  for (const std::string& name : repository.clusters()) {
    if (!cluster.empty() && name != cluster) continue;
    for (backup::HeadEntry& entry : repository.ordered(name)) {
      items.push_back(
          {entry.id, entry.cluster, entry.timeline, entry.taken_ms, entry.order_ms, entry.needs, entry.tags});
      plan.entries.push_back(std::move(entry));
    }
  }
  const PointFrame frame = point_frame(context);
  ZK_TRY(const int zone, zone_offset_min(frame.zone, frame.now));
  ZK_TRY(plan.decisions, backup::apply_retention(items, policy_of(options), zone));
  for (const backup::RetentionDecision& decision : plan.decisions)
    if (!decision.keep) plan.going.push_back(decision.id);
  return plan;
}

void add_plan(Report& report, const Plan& plan, bool several_clusters) {
  Table& table = report.table("backups", {{"id", ""},
                                          {"short", "ID"},
                                          {"cluster", several_clusters ? "CLUSTER" : ""},
                                          {"type", "TYPE"},
                                          {"taken", "TAKEN"},
                                          {"tags", "TAGS"},
                                          {"action", "ACTION"},
                                          {"reasons", "REASONS"}});
  for (std::size_t i = 0; i < plan.entries.size(); ++i) {
    const backup::HeadEntry& entry = plan.entries[i];
    table.row({Cell::string(entry.id), Cell::string(backup::short_id(entry.id)), Cell::string(entry.cluster),
               Cell::string(backup::name_of(entry.type)), Cell::time(WallTime{entry.taken_ms}),
               Cell::map({entry.tags.begin(), entry.tags.end()}),
               Cell::string(plan.decisions[i].keep ? "keep" : "remove"),
               Cell::list(plan.decisions[i].reasons)});
  }
}

void add_outcome(Report& report, const Plan& plan, const backup::PruneReport& done, const Options& options) {
  report.field("dry_run", "", Cell::boolean(options.dry_run));
  report.field("kept", "", Cell::count(plan.entries.size() - plan.going.size()));
  report.field("unlisted", "", Cell::count(plan.going.size()));
  report.field("manifests_removed", "", Cell::count(done.removed.size()));
  report.field("objects_removed", "", Cell::count(done.objects_removed));
  report.field("bytes_removed", "", Cell::size(done.bytes_removed));
  report.field("objects_waiting", "", Cell::count(done.objects_waiting));
  report.field("bytes_waiting", "", Cell::size(done.bytes_waiting));
  report.field("unreadable", "", Cell::list(done.unreadable));
  report.field("grace_ms", "", Cell::duration_ms(options.grace_ms));
  const char* would = options.dry_run ? "would be " : "";
  report.remark(fmt::format("{} of {} {}removed, {} kept", plan.going.size(),
                            counted(plan.entries.size(), "backup", "backups"), would,
                            plan.entries.size() - plan.going.size()));
  if (done.objects_removed != 0 || !done.removed.empty())
    report.remark(fmt::format("{}freed {} in {}", would, human_size(done.bytes_removed),
                              counted(done.objects_removed, "object", "objects")));
  for (const std::string& id : done.unreadable)
    report.remark(
        fmt::format("nothing was freed: the manifest of {} cannot be read, and nobody knows what it needs",
                    backup::short_id(id)));
  if (!plan.going.empty() && options.grace_ms > 0)
    report.remark(fmt::format(
        "their data {} for {}, for readers that still use it; the first prune after that frees it",
        options.dry_run ? "would stay" : "stays", human_duration_ms(options.grace_ms)));
}

Status prune(Context& context, const OpenedRepository& opened, const Plan& plan, const Options& options,
             backup::PruneReport& done) {
  if (options.dry_run) {
    ZK_TRY(done, backup::plan_prune(*opened, plan.going, options.grace_ms, context.job));
    return {};
  }
  if (!plan.going.empty())
    ZK_TRY_STATUS(context.confirm(fmt::format("Remove {} of {}?", plan.going.size(),
                                              counted(plan.entries.size(), "backup", "backups"))));
  ZK_TRY(const auto writer, begin_writing(context, opened.place, "prune"));
  // Somebody may have taken a backup while the question stood there.
  ZK_TRY(const Plan now, make_plan(context, writer->repository(), options));
  if (now.going != plan.going)
    return fail(Error(ErrorId::kRefused, "the repository changed meanwhile; nothing was removed")
                    .at(opened.place.url)
                    .with_hint("run it again"));
  backup::PruneOptions how;
  how.grace_ms = options.grace_ms;
  ZK_TRY(done, writer->prune(plan.going, how, context.job));
  return writer->end();
}

Status run(Context& context, const Options& options) {
  if (policy_of(options).empty() && !context.globals.cluster && !context.config.names("retention").empty())
    return fail(Error(ErrorId::kUsage, "no rule says what to keep")
                    .with_hint(fmt::format("-C NAME takes the rules of [retention.NAME]: {}",
                                           fmt::join(context.config.names("retention"), ", "))));
  ZK_TRY(const OpenedRepository opened, open_repository(context));
  ZK_TRY(const Plan plan, make_plan(context, *opened, options));
  Report report("prune");
  add_plan(report, plan, opened->clusters().size() > 1 && !context.globals.cluster);
  backup::PruneReport done;
  Output& output = context.output;
  // The reasons stand on the screen before the question does.
  if (output.is_table()) output.print(report);
  ZK_TRY_STATUS(prune(context, opened, plan, options, done));
  Report outcome("prune");
  add_outcome(outcome, plan, done, options);
  if (!output.is_table()) add_plan(outcome, plan, true);
  output.print(outcome);
  if (!done.unreadable.empty())
    output.report(
        Error(ErrorId::kIncomplete, fmt::format("no data were freed: {} cannot be read",
                                                counted(done.unreadable.size(), "manifest", "manifests")))
            .at(opened.place.url)
            .with_hint("`zkark verify` names it; put it back, or let a rule remove that backup"));
  return {};
}

}  // namespace

Verb prune_verb() {
  VerbBuilder<Options> verb({
      .name = "prune",
      .group = Group::kRepository,
      .summary = "remove backups that no rule keeps",
      .description = "Keeps what any rule keeps, and every backup that a kept one needs; says for each why. "
                     "Rules count per "
                     "cluster; hours, days, weeks (Monday first), months and years are those of --tz. A "
                     "cluster never loses its "
                     "last backup.\n\n"
                     "A removed backup leaves the list at once. Its data go with the first prune after the "
                     "grace time, so that a "
                     "restore that is reading it can finish. What no backup uses (interrupted runs) goes in "
                     "the same way.",
      .examples = {{"zkark prune --keep-last 3 --keep-daily 7 --keep-monthly 12 --dry-run",
                    "what would go, and why the rest stays"},
                   {"zkark prune -C kafka --yes", "by the rules of [retention.kafka]"},
                   {"zkark prune --keep-within 14d --keep-tag why=audit", ""}},
      .exit_codes = {5, 6, 7, 9, 10, 11},
      .uses = kUsesRepository | kUsesCache | kUsesLock | kUsesConfirm | kUsesTime | kUsesProgress,
      .changes_state = true,
  });
  const auto number = [&](std::string_view name, std::optional<unsigned> Options::*field,
                          std::string_view help, std::string_view key) {
    verb.number(name, "N", field, 0, kKeepMax, help).under("What to keep").retention_key(key);
  };
  number("keep-last", &Options::last, "the newest N", "last");
  number("keep-hourly", &Options::hourly, "the newest of each of the last N hours that have one", "hourly");
  number("keep-daily", &Options::daily, "the newest of each of the last N days that have one", "daily");
  number("keep-weekly", &Options::weekly, "the newest of each of the last N weeks that have one", "weekly");
  number("keep-monthly", &Options::monthly, "the newest of each of the last N months that have one",
         "monthly");
  number("keep-yearly", &Options::yearly, "the newest of each of the last N years that have one", "yearly");
  verb.parsed("keep-within", "SPAN", &Options::within, backup::parse_span,
              "everything not older than this, seen from the newest: 14d, 1y6m, 36h (m is months)")
      .under("What to keep")
      .retention_key("within");
  verb.parsed("keep-tag", "KEY[=VALUE]", &Options::tags, parse_tag_filter, "everything with this tag")
      .under("What to keep")
      .retention_key("tags");
  verb.duration("grace", &Options::grace_ms, "how long the data of removed backups stay").default_is("24h");
  verb.flag("dry-run", 'n', &Options::dry_run, "only say what would go, and why the rest stays");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
