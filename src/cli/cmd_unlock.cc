#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "src/backup/lock.h"
#include "src/cli/context.h"
#include "src/cli/repository_arg.h"
#include "src/cli/text.h"
#include "src/cli/verb.h"

namespace zkark::cli {
namespace {

struct Options {
  bool all = false;
  bool dry_run = false;
};

std::string_view state_name(const backup::LockInfo& lock) {
  if (!lock.readable) return "damaged";
  switch (lock.state) {
    case backup::LockInfo::State::kAlive:
      return "running";
    case backup::LockInfo::State::kDead:
      return "dead";
    case backup::LockInfo::State::kUnknown:
      return "other-host";
  }
  return "other-host";
}

bool is_stale(const backup::LockInfo& lock) {
  return lock.readable && lock.state == backup::LockInfo::State::kDead;
}

Status run(Context& context, const Options& options) {
  ZK_TRY(const RepositoryPlace place, repository_place(context));
  // Not opened: a lock can be removed from a repository that is damaged, too.
  ZK_TRY(const bool there, backup::exists(*place.backend, std::string(backup::kConfigKey)));
  ZK_TRY(const std::vector<backup::LockInfo> locks, backup::list_locks(place.env.locks()));
  if (!there && locks.empty())
    return fail(Error(ErrorId::kNoRepository, "there is no repository here")
                    .at(place.url)
                    .with_hint("zkark init -r REPO makes one"));
  const auto goes = [&](const backup::LockInfo& lock) { return options.all || is_stale(lock); };
  const auto going = static_cast<std::size_t>(std::count_if(locks.begin(), locks.end(), goes));
  const bool risky = std::any_of(locks.begin(), locks.end(),
                                 [&](const auto& lock) { return goes(lock) && !is_stale(lock); });
  std::set<std::string> removed;
  if (options.dry_run) {
    for (const backup::LockInfo& lock : locks)
      if (goes(lock)) removed.insert(lock.key);
  } else if (going != 0) {
    if (risky)
      ZK_TRY_STATUS(context.confirm(
          fmt::format("Remove {}? A run that still works would lose what it has not published",
                      counted(going, "lock", "locks"))));
    ZK_TRY(const std::vector<backup::LockInfo> gone,
           backup::unlock(place.env.locks(),
                          options.all ? backup::UnlockWhich::kAll : backup::UnlockWhich::kDead));
    for (const backup::LockInfo& lock : gone) removed.insert(lock.key);
  }

  Report report("unlock");
  report.field("dry_run", "", Cell::boolean(options.dry_run))
      .field("removed", "", Cell::count(removed.size()));
  Table& table = report.table("locks", {{"lock", ""},
                                        {"purpose", "PURPOSE"},
                                        {"host", "HOST"},
                                        {"pid", "PID"},
                                        {"uid", "UID"},
                                        {"created", "SINCE"},
                                        {"age_ms", "AGE"},
                                        {"state", "STATE"},
                                        {"removed", options.dry_run ? "WOULD GO" : "REMOVED"}});
  const std::int64_t now_ms = context.clock.wall().ms;
  for (const backup::LockInfo& lock : locks) {
    const bool known = lock.readable;
    table.row({Cell::string(lock.key), known ? Cell::string_or_null(lock.purpose) : Cell(),
               known ? Cell::string(lock.owner.host) : Cell(), known ? Cell::integer(lock.owner.pid) : Cell(),
               known ? Cell::integer(lock.owner.uid) : Cell(),
               known ? Cell::time(WallTime{lock.created_ms}) : Cell(),
               known ? Cell::duration_ms(std::max<std::int64_t>(now_ms - lock.created_ms, 0)) : Cell(),
               Cell::string(state_name(lock)), Cell::boolean(removed.count(lock.key) != 0)});
  }
  const std::size_t left = locks.size() - std::min(locks.size(), removed.size());
  if (locks.empty()) report.remark("no locks");
  if (left != 0)
    report.remark(fmt::format("{} left: if that run is gone for certain, `zkark unlock --all` removes {} too",
                              counted(left, "lock", "locks"), left == 1 ? "it" : "them"));
  context.output.print(report);
  return {};
}

}  // namespace

Verb unlock_verb() {
  VerbBuilder<Options> verb({
      .name = "unlock",
      .group = Group::kRepository,
      .summary = "show locks and remove stale ones",
      .description =
          "Removes the locks of processes of this host that are gone. (They block nobody: the next run "
          "removes them "
          "by itself.) Locks of running processes and of other hosts stay, unless --all says that those runs "
          "are "
          "known to be gone. A run whose lock was taken away notices before it publishes anything.",
      .examples = {{"zkark unlock", "who holds a lock, and which are stale"},
                   {"zkark unlock --all", "after the host that held it has died"}},
      .exit_codes = {7, 9, 10},
      .uses = kUsesRepository | kUsesConfirm,
      .changes_state = true,
  });
  verb.flag("all", &Options::all,
            "every lock: also those of running processes, of other hosts, and damaged ones");
  verb.flag("dry-run", 'n', &Options::dry_run, "only show which would go");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
