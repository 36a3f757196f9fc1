// `purge`: removes the snapshots and logs that a server needs no more, as Apache's zkCleanup.sh does.
#include <fmt/format.h>

#include <map>
#include <set>

#include "restore/snapshot_look.h"
#include "src/cli/context.h"
#include "src/cli/repository_arg.h"
#include "src/cli/show_findings.h"
#include "src/cli/source_arg.h"
#include "src/cli/text.h"
#include "src/cli/verb.h"
#include "src/server/purge.h"

namespace zkark::cli {
namespace {

using restore::SourceFile;
using server::PurgePlan;

constexpr std::int64_t kLeast = 3;

struct Options {
  std::string source;
  std::optional<std::string> log_dir;
  std::int64_t keep = kLeast;
  bool dry_run = false;
};

/// Which snapshots were looked at, and what was found.
using Verdicts = std::map<std::string, std::string>;  // path -> why it does not count; empty: it does

/// A server's own purge believes what looks complete. Here there is time to read them, and somebody to tell.
Result<bool> believes(Context& context, restore::Source& source, const SourceFile& snapshot,
                      Verdicts& verdicts) {
  std::string& verdict = verdicts[snapshot.path];
  ZK_TRY(const bool complete, restore::looks_complete(source, snapshot));
  if (!complete) {
    verdict = "incomplete: being written, or its server died over it";
    return false;
  }
  Status read = restore::read_through(source, snapshot, context.job);
  if (!read && exit_code(read.error().id()) != 6) return fail(std::move(read).error());
  if (!read) {
    verdict = "damaged";
    context.output.report(std::move(read).error().context("does not count"), 3);
  }
  return verdict.empty();
}

struct Going {
  std::size_t snapshots = 0, logs = 0;
  std::uint64_t bytes = 0;
  std::set<std::string> paths;
  void add(const SourceFile& file, bool log) {
    ++(log ? logs : snapshots);
    bytes += file.size_bytes;
    paths.insert(file.path);
  }
  bool empty() const { return paths.empty(); }
  std::string text() const {
    return fmt::format("{} and {}, {}", counted(snapshots, "snapshot", "snapshots"),
                       counted(logs, "log", "logs"), human_size(bytes));
  }
};

Going all_of(const PurgePlan& plan) {
  Going going;
  for (const SourceFile& file : plan.snapshots) going.add(file, false);
  for (const SourceFile& file : plan.logs) going.add(file, true);
  return going;
}

std::string why_snapshot(const SourceFile& file, const Going& going, const Verdicts& verdicts,
                         const PurgePlan& plan) {
  if (going.paths.contains(file.path)) return "older than those that are kept";
  const auto seen = verdicts.find(file.path);
  if (seen != verdicts.end())
    return seen->second.empty() ? fmt::format("among the newest {}", plan.believed) : seen->second;
  return "of the same zxid as one that is kept";
}

void add_files(Report& report, const restore::SourceListing& listing, const PurgePlan& plan,
               const Verdicts& verdicts) {
  const Going going = all_of(plan);
  Table& table = report.table("files", {{"path", "FILE"},
                                        {"kind", ""},
                                        {"zxid", ""},
                                        {"size_bytes", "SIZE"},
                                        {"modified", "MODIFIED"},
                                        {"action", "ACTION"},
                                        {"reason", "REASON"}});
  const auto add = [&](const SourceFile& file, std::string_view kind, std::string_view reason) {
    table.row({Cell::string(file.path), Cell::string(kind), Cell::zxid(file.zxid),
               Cell::size(file.size_bytes), Cell::time(WallTime{file.mtime_ns / 1'000'000}),
               Cell::string(going.paths.contains(file.path) ? "remove" : "keep"), Cell::string(reason)});
  };
  for (const SourceFile& file : listing.snapshots)
    add(file, "snapshot", why_snapshot(file, going, verdicts, plan));
  for (const SourceFile& file : listing.logs)
    add(file, "log",
        going.paths.contains(file.path) ? "ends before the oldest kept snapshot"
        : plan.oldest_kept ? fmt::format("may hold what follows snapshot.{:x}", *plan.oldest_kept)
                           : "too few snapshots");
}

void add_outcome(Report& report, const OpenedSource& opened, const PurgePlan& plan, const Going& gone,
                 const Options& options) {
  report.field("data_dir", "", Cell::string(opened.data_dir))
      .field("log_dir", "", Cell::string(opened.log_dir))
      .field("keep", "", Cell::integer(options.keep))
      .field("believed", "", Cell::count(plan.believed))
      .field("oldest_kept", "", plan.oldest_kept ? Cell::zxid(*plan.oldest_kept) : Cell())
      .field("dry_run", "", Cell::boolean(options.dry_run))
      .field("snapshots_removed", "", Cell::count(gone.snapshots))
      .field("logs_removed", "", Cell::count(gone.logs))
      .field("bytes_removed", "", Cell::size(gone.bytes));
  if (!plan.oldest_kept)
    report.remark(fmt::format("nothing goes: {} of the {} to keep",
                              counted(plan.believed, "sound snapshot", "sound snapshots"), options.keep));
  else if (gone.empty())
    report.remark("nothing to remove");
  else
    report.remark(fmt::format("{}{}", options.dry_run ? "would remove " : "removed ", gone.text()));
}

Status run(Context& context, const Options& options) {
  if (options.keep < kLeast)
    return fail(
        Error(ErrorId::kUsage, fmt::format("-n {} keeps too little", options.keep))
            .with_hint("three are the least, as with Apache ZooKeeper: the newest may be damaged on the day "
                       "it is needed"));
  ZK_TRY(const OpenedSource opened,
         open_source(context, {{options.source}, options.log_dir.value_or(""), ""}));
  if (opened.kind != SourceKind::kDataDir)
    return fail(Error(ErrorId::kUsage, "only a data directory can be purged")
                    .at(options.source)
                    .with_hint("give a server's dataDir or its zoo.cfg; backups have `zkark prune`"));
  ZK_TRY(const restore::SourceListing listing, opened.source->list());
  show_findings(context.output, opened.findings, Stance::kReading);
  show_findings(context.output, listing.findings, Stance::kReading);
  context.job.progress.phase = "reading snapshots";
  Verdicts verdicts;
  ZK_TRY(const PurgePlan plan,
         server::plan_purge(listing, static_cast<std::size_t>(options.keep), [&](const SourceFile& snapshot) {
           return believes(context, *opened.source, snapshot, verdicts);
         }));
  context.job.progress.phase = nullptr;
  Report files("purge");
  add_files(files, listing, plan, verdicts);
  Output& output = context.output;
  // The reasons stand on the screen before the question does.
  if (output.is_table()) output.print(files);
  Going gone = all_of(plan);
  Status done;
  if (!options.dry_run && !gone.empty()) {
    ZK_TRY_STATUS(context.confirm(fmt::format("Remove {}?", gone.text())));
    gone = {};
    done = server::carry_out(context.fs, plan, [&](const SourceFile& file) {
      gone.add(file, parse_data_file_name(base_name(file.path)).kind == DataFileKind::kLog);
    });
  }
  Report outcome("purge");
  add_outcome(outcome, opened, plan, gone, options);
  if (!output.is_table()) add_files(outcome, listing, plan, verdicts);
  output.print(outcome);
  return done;
}

}  // namespace

Verb purge_verb() {
  VerbBuilder<Options> verb({
      .name = "purge",
      .group = Group::kServer,
      .summary = "remove old snapshots and logs of a server's data directory",
      .description =
          "Keeps the newest N snapshots that are sound, and every log that may hold what follows the oldest "
          "of "
          "them; removes what is older and says why. What zkCleanup.sh of Apache ZooKeeper does, with two "
          "differences: a snapshot counts only when all of it has been read and its checksum is right, and "
          "nothing "
          "goes while fewer than N are. Files of other names stay.\n\n"
          "Server, Apache's or zkark's, may run: the files that it writes or would start from are never "
          "among those "
          "that go. It can purge by itself, too: autopurge.purgeInterval in zoo.cfg.\n\n"
          "Points before the oldest snapshot that is kept can then be restored from backups alone.",
      .examples = {{"zkark purge /var/lib/zookeeper --dry-run", "what would go, and why the rest stays"},
                   {"zkark purge /etc/zookeeper/conf/zoo.cfg -n 5 --yes", "from a timer"}},
      .exit_codes = {3, 5, 7, 9},
      .uses = kUsesConfirm | kUsesProgress,
      .changes_state = true,
  });
  verb.argument("DATADIR", &Options::source, "a server's dataDir, or its zoo.cfg")
      .required()
      .completes(Completes::kSource);
  verb.text("log-dir", "DIR", &Options::log_dir, "the dataLogDir, where it is apart from the dataDir")
      .completes(Completes::kDirectory);
  verb.number("keep", "N", &Options::keep, 0, 1'000'000, "how many snapshots stay, 3 at least").letter = 'n';
  verb.flag("dry-run", &Options::dry_run, "only say what would go, and why the rest stays");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
