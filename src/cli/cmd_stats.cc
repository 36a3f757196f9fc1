#include <fmt/format.h>

#include "src/backup/stats.h"
#include "src/cli/context.h"
#include "src/cli/repository_arg.h"
#include "src/cli/text.h"
#include "src/cli/verb.h"

namespace zkark::cli {
namespace {

struct Options {};

double ratio(std::uint64_t whole, std::uint64_t part) {
  return part == 0 ? 0 : static_cast<double>(whole) / static_cast<double>(part);
}

std::vector<Cell> row_of(std::string_view name, const backup::ClusterStats& stats) {
  return {Cell::string(name),
          Cell::count(stats.backups),
          Cell::count(stats.records),
          Cell::count(stats.objects),
          Cell::size(stats.named_bytes),
          Cell::size(stats.plain_bytes),
          Cell::size(stats.stored_bytes),
          stats.stored_bytes == 0 ? Cell() : Cell::real_number(ratio(stats.named_bytes, stats.stored_bytes))};
}

Status run(Context& context, const Options&) {
  ZK_TRY(const OpenedRepository opened, open_repository(context));
  ZK_TRY(const std::string cluster, chosen_cluster(context, *opened));
  ZK_TRY(const backup::RepositoryStats stats, backup::repository_stats(*opened));
  const backup::ClusterStats& total = stats.total;

  Report report("stats");
  report.field("repository", "repository", Cell::string(opened.place.url));
  report.field("repository_id", "id", Cell::string(opened->config().id));
  report.field("created", "created", Cell::time(WallTime{opened->config().created_ms}));
  report.field("backups", "", Cell::count(total.backups)).field("records", "", Cell::count(total.records));
  report.field("objects", "", Cell::count(total.objects));
  report.field("named_bytes", "", Cell::size(total.named_bytes));
  report.field("plain_bytes", "", Cell::size(total.plain_bytes));
  report.field("stored_bytes", "", Cell::size(total.stored_bytes));
  report.field("manifest_bytes", "manifests", Cell::size(stats.manifest_bytes));
  report.field("unused_objects", "", Cell::count(stats.unused_objects));
  report.field("unused_bytes", "waiting for prune", Cell::size(stats.unused_bytes));
  Table& table = report.table("clusters", {{"cluster", "CLUSTER"},
                                           {"backups", "BACKUPS"},
                                           {"records", "TXNS"},
                                           {"objects", "OBJECTS"},
                                           {"named_bytes", "IN BACKUPS"},
                                           {"plain_bytes", "DISTINCT"},
                                           {"stored_bytes", "STORED"},
                                           {"ratio", "RATIO"}});
  for (const auto& [name, one] : stats.clusters)
    if (cluster.empty() || cluster == name) table.row(row_of(name, one));
  if (context.output.is_table() && cluster.empty() && stats.clusters.size() > 1)
    table.row(row_of("(all)", total));
  if (stats.clusters.empty()) report.remark("no backups yet");
  context.output.print(report);
  return {};
}

}  // namespace

Verb stats_verb() {
  VerbBuilder<Options> verb({
      .name = "stats",
      .group = Group::kRepository,
      .summary = "show how much is stored, and how much that saves",
      .description =
          "IN BACKUPS counts data as often as backups hold it, DISTINCT once, STORED as it lies compressed "
          "on disk. "
          "RATIO is the first by the last. Clusters can share objects, so their sum may exceed the whole.",
      .examples = {{"zkark stats -r /srv/zk-backup", ""}},
      .exit_codes = {5, 6, 9, 10},
      .uses = kUsesRepository | kUsesCache,
  });
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
