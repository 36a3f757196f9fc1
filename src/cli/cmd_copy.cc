#include <fmt/format.h>

#include <set>

#include "src/backup/copy.h"
#include "src/cli/context.h"
#include "src/cli/places.h"
#include "src/cli/repository_arg.h"
#include "src/cli/text.h"
#include "src/cli/verb.h"

namespace zkark::cli {
namespace {

struct Options {
  std::vector<std::string> ids;
  std::string to;
  bool dry_run = false;
};

/// The backups asked for, or all (of the cluster).
Result<std::vector<std::string>> wanted(Context& context, const backup::Repository& from,
                                        const Options& options) {
  std::vector<std::string> ids;
  ZK_TRY(const std::string cluster, chosen_cluster(context, from));
  if (options.ids.empty()) {
    for (const backup::HeadEntry& entry : from.entries())
      if (cluster.empty() || entry.cluster == cluster) ids.push_back(entry.id);
    return ids;
  }
  ZK_TRY(const std::vector<backup::HeadEntry> chosen, chosen_backups(context, from, options.ids));
  for (const backup::HeadEntry& entry : chosen) ids.push_back(entry.id);
  return ids;
}

/// What a copy would do, without the locks.
Result<backup::CopyReport> look(const backup::Repository& from, const backup::Repository& to,
                                const std::vector<std::string>& ids) {
  if (from.config().id == to.config().id)
    return fail(
        Error(ErrorId::kRefused, "source and target are the same repository").at(from.env().backend.url()));
  backup::CopyReport report;
  std::set<std::string> closed, there;
  ZK_TRY(const std::vector<backup::BackendEntry> objects, to.env().backend.list("objects/"));
  for (const backup::BackendEntry& object : objects) there.insert(object.key);
  for (const std::string& id : ids) {
    ZK_TRY(const std::vector<std::string> closure, from.closure(id));
    for (const std::string& one : closure) {
      if (!closed.insert(one).second) continue;
      (to.find(one) != nullptr ? report.present : report.copied).push_back(one);
      if (to.find(one) != nullptr) continue;
      ZK_TRY(const backup::Manifest manifest, from.load(one));
      for (const backup::ObjectRef& ref : manifest.objects()) {
        if (!there.insert(backup::object_key(ref.name)).second) continue;
        ++report.objects;
        report.bytes += ref.stored_bytes;
      }
    }
  }
  return report;
}

Result<backup::CopyReport> copy(Context& context, const OpenedRepository& from, const RepositoryPlace& to,
                                const std::vector<std::string>& ids) {
  {
    // Asked before the locks: the same repository would lock itself out.
    ZK_TRY(const auto target, backup::Repository::open(to.env, {}));
    if (from->config().id == target->config().id)
      return fail(Error(ErrorId::kRefused, "source and target are the same repository").at(to.url));
  }
  std::unique_ptr<backup::Lock> lock;  // nothing may vanish from the source meanwhile
  if (!context.globals.no_lock) {
    ZK_TRY(lock, backup::Lock::acquire(from.place.env.locks(),
                                       {backup::LockKind::kShared, "copy", context.globals.lock_wait_ms},
                                       context.job));
  }
  ZK_TRY(const auto writer, begin_writing(context, to, "copy"));
  ZK_TRY(backup::CopyReport report, backup::copy_backups(*from, *writer, ids, context.job));
  ZK_TRY_STATUS(writer->end());
  if (lock != nullptr) ZK_TRY_STATUS(lock->release());
  return report;
}

Status run(Context& context, const Options& options) {
  ZK_TRY(const OpenedRepository from, open_repository(context));
  ZK_TRY(const RepositoryPlace to, repository_place(context, options.to));
  const std::string from_dir = directory_of_url(from.place.url), to_dir = directory_of_url(to.url);
  ZK_TRY(const Lie lie, lie_of(context.fs, to_dir, from_dir));
  if (lie != Lie::kSame)  // said below, in better words
    ZK_TRY_STATUS(keep_apart(context.fs, {to_dir, "the target"}, {{from_dir, "the source"}}));
  ZK_TRY(const std::vector<std::string> ids, wanted(context, *from, options));
  backup::CopyReport done;
  if (options.dry_run) {
    ZK_TRY(const auto target, backup::Repository::open(to.env, {}));
    ZK_TRY(done, look(*from, *target, ids));
  } else {
    ZK_TRY(done, copy(context, from, to, ids));
  }

  Report report("copy");
  report.field("from", "", Cell::string(from.place.url)).field("to", "", Cell::string(to.url));
  report.field("dry_run", "", Cell::boolean(options.dry_run));
  report.field("objects", "", Cell::count(done.objects)).field("bytes", "", Cell::size(done.bytes));
  Table& table = report.table("backups", {{"id", ""}, {"short", "ID"}, {"action", "ACTION"}});
  for (const auto& [list, action] : {std::pair(&done.copied, options.dry_run ? "would copy" : "copied"),
                                     std::pair(&done.present, "there already")})
    for (const std::string& id : *list)
      table.row({Cell::string(id), Cell::string(backup::short_id(id)), Cell::string(action)});
  report.remark(
      fmt::format("{}{} to {}: {}, {}{}", options.dry_run ? "would copy " : "copied ",
                  counted(done.copied.size(), "backup", "backups"), escape_terminal(to.url),
                  counted(done.objects, "object", "objects"), human_size(done.bytes),
                  done.present.empty() ? "" : fmt::format("; {} there already", done.present.size())));
  context.output.print(report);
  return {};
}

}  // namespace

Verb copy_verb() {
  VerbBuilder<Options> verb({
      .name = "copy",
      .group = Group::kRepository,
      .summary = "copy backups to another repository",
      .description = "Copies backups and everything they need; every object is checked on the way. Ids, tags "
                     "and certificates "
                     "stay. What is there already is not sent again, so a copy that was interrupted goes on "
                     "where it stopped. "
                     "The target must have been made by `zkark init`.",
      .examples = {{"zkark copy -r /srv/zk-backup --to /mnt/usb/zk", "everything"},
                   {"zkark copy latest --to offsite", "one backup, to [repo.offsite] of the configuration"}},
      .exit_codes = {5, 6, 7, 9, 10, 11},
      .uses = kUsesRepository | kUsesCache | kUsesLock | kUsesNoLock | kUsesJobs | kUsesProgress,
      .changes_state = true,
  });
  verb.argument("ID", &Options::ids, "which backups; all of them (of the cluster of -C) if left out")
      .completes(Completes::kBackupId);
  verb.text("to", "REPO", &Options::to, "the repository to copy to: a path, or a name from [repo.NAME]")
      .required()
      .completes(Completes::kRepository);
  verb.flag("dry-run", 'n', &Options::dry_run, "only say what would be copied");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
