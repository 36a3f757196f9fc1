// `restore`: a directory that a server boots from, at any point.
#include <fmt/format.h>

#include "restore/materialize.h"
#include "src/cli/restore_data.h"
#include "src/cli/text.h"
#include "src/cli/verb.h"

namespace zkark::cli {
namespace {

using restore::TimeRule;
using Options = DataRestore;

/// 261 or 0x105.
Result<std::int64_t> parse_epoch(std::string_view text) {
  if (!text.starts_with("0x") && !text.starts_with("0X")) return parse_number(text, 1, restore::kMaxEpoch);
  ZK_TRY(const std::int64_t epoch, parse_zxid(text));
  if (epoch < 1 || epoch > restore::kMaxEpoch)
    return fail(ErrorId::kUsage,
                fmt::format("'{}' is out of range: 0x1 to {:#x}", text, std::uint64_t{restore::kMaxEpoch}));
  return epoch;
}

}  // namespace

Verb restore_verb() {
  VerbBuilder<Options> verb({
      .name = "restore",
      .group = Group::kRestore,
      .summary = "rebuild a data directory at any point",
      .description = "Makes a directory that Apache ZooKeeper boots from: one exact snapshot at the point, "
                     "epoch files, myid and "
                     "configuration. SRC is a data directory, a directory or files of snapshots and logs, "
                     "tarballs, a zoo.cfg, or a point of "
                     "the repository of -r; the repository's newest point if left out. The source is only "
                     "read. The point is resolved "
                     "to an exact zxid, printed with its neighbours; the newest snapshot that is consistent "
                     "at or before it is replayed up to it, "
                     "and compared with every digest that the server logged on the way.\n\n"
                     "Clients that have seen higher zxids are refused by every ZooKeeper server, and zxids "
                     "would be issued twice. Therefore the "
                     "restored server starts in a new epoch, above all that was seen: same tree, same stats, "
                     "no sessions and no ephemeral "
                     "nodes (they are listed). --no-bump-epoch makes an exact copy for places that no client "
                     "of the old history reaches.\n\n"
                     "An ensemble is restored as a whole: stop all members, run restore for each with "
                     "--server-id, start them. One restored "
                     "member beside live ones can win the election and erase acknowledged writes; when a "
                     "configured member answers, restore "
                     "refuses (7). A single lost member needs no restore: start it empty.\n\n"
                     "The target is absent or empty, or is moved aside with --replace; nothing is deleted. "
                     "Everything is written under a "
                     "temporary name, synced, read back and compared before it is put into place.",
      .examples = {{"zkark restore -r /backup/zk --at '2026-11-21 05:31:30.5Z' --to /srv/zk-new",
                    "the state at a time"},
                   {"zkark restore /var/lib/zookeeper --at zxid:0x30002b7c0 --exclusive --to /srv/zk-new",
                    "just before a transaction, without a repository"},
                   {"zkark restore -r /backup/zk --to /srv/zk-2 --server-id 2", "member 2 of an ensemble"},
                   {"zkark restore -r /backup/zk --to /tmp/part --path /kafka/config", "one subtree"}},
      .exit_codes = {3, 5, 6, 7, 9, 10},
      .uses = kUsesRepository | kUsesTime | kUsesProgress | kUsesCache,
      .changes_state = true,
  });
  verb.argument("SRC", &Options::sources, "what to restore from; the repository if left out")
      .completes(Completes::kSource);
  verb.text("log-dir", "DIR", &Options::log_dir, "the dataLogDir of SRC, where it is apart from the dataDir")
      .completes(Completes::kDirectory);
  verb.text("zoo-cfg", "FILE", &Options::zoo_cfg,
            "the configuration of SRC, where it does not lie beside the data")
      .completes(Completes::kFile);
  verb.text("to", "DIR", &Options::to, "the directory to make").completes(Completes::kDirectory);
  verb.text("to-log-dir", "DIR", &Options::to_log_dir,
            "a directory of its own for the restored server's logs")
      .completes(Completes::kDirectory);
  verb.text("at", "POINT", &Options::at, "a time, zxid:0x…, a backup id or latest")
      .default_is("latest")
      .completes(Completes::kPoint);
  verb.text("timeline", "ID", &Options::timeline,
            "look for that point on this timeline of the repository only");
  verb.flag("exclusive", &Options::exclusive, "stop just before that point");
  verb.choice("time-rule", "RULE", &Options::time_rule,
              {{"refuse", TimeRule::kRefuse, "print both and stop"},
               {"first", TimeRule::kFirst, "everything before the first transaction that is later"},
               {"last", TimeRule::kLast, "everything up to the last transaction that is not later"}},
              "what a time means that names two points, because a leader's clock stepped back");
  verb.parsed("bump-epoch", "N", &Options::bump_epoch, parse_epoch,
              "start in epoch N; without N, 256 above the highest one seen (the default)")
      .under("New epoch and sessions");
  verb.flag("no-bump-epoch", &Options::no_bump_epoch, "an exact copy, sessions included")
      .excludes({"bump-epoch"})
      .command_line_only()
      .under("New epoch and sessions");
  verb.flag("keep-sessions", &Options::keep_sessions,
            "keep sessions and ephemeral nodes in spite of the new epoch")
      .command_line_only()
      .under("New epoch and sessions");
  verb.flag("drop-ephemerals", &Options::drop_ephemerals,
            "drop sessions and ephemeral nodes from an exact copy too")
      .excludes({"keep-sessions"})
      .under("New epoch and sessions");
  verb.text("path", "PATH", &Options::path, "only this node, what is below it and its ancestors");
  verb.text("probe", "HOSTS", &Options::probe,
            "ask these servers for their epoch, and refuse while they live")
      .under("Ensembles");
  verb.number("server-id", "N", &Options::server_id, 0, 255, "myid of the restored member")
      .under("Ensembles");
  verb.flag("yes-replace-ensemble", &Options::yes_replace_ensemble,
            "go on although members of the ensemble are alive")
      .command_line_only()
      .under("Ensembles");
  verb.flag("accept-unproven", &Options::accept_unproven,
            "restore although the tree differs from the digests that the server wrote")
      .command_line_only();
  verb.flag("replace", &Options::replace, "move a target that is not empty to DIR.before-<time>")
      .command_line_only();
  verb.text("owner", "USER:GROUP", &Options::owner,
            "who owns the files (root only); else the owner of the directory they go into");
  verb.flag("dry-run", &Options::dry_run, "say what would be done, write nothing");
  return std::move(verb).build(restore_data);
}

}  // namespace zkark::cli
