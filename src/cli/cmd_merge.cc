// `merge`: a copy of one member's data, its holes filled from the logs of others.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "restore/merge.h"
#include "restore/target.h"
#include "src/cli/context.h"
#include "src/cli/copy_of_data.h"
#include "src/cli/empty_target.h"
#include "src/cli/findings_table.h"
#include "src/cli/places.h"
#include "src/cli/repository_arg.h"
#include "src/cli/show_findings.h"
#include "src/cli/source_arg.h"
#include "src/cli/text.h"
#include "src/cli/verb.h"

namespace zkark::cli {
namespace {

using restore::Fate;
using restore::MergeHole;
using restore::MergeMember;
using restore::RepairedFile;

struct Options {
  std::vector<std::string> sources;  // the one to heal, then the others
  std::optional<std::string> log_dir, zoo_cfg;
  std::optional<std::string> to;
  bool extend = false;
  std::optional<std::string> owner;
  bool dry_run = false;
};

Cell zxid_or_null(const std::optional<std::int64_t>& zxid) { return zxid ? Cell::zxid(*zxid) : Cell(); }

std::string open_range(std::int64_t first, const std::optional<std::int64_t>& last) {
  return last ? range_text(first, *last) : zxid_text(first) + "…";
}

/// One merge from its options to its last line.
class MergeRun {
 public:
  MergeRun(Context& context, const Options& options)
      : context_(context), wanted_(options), report_("merge") {}
  Status run();

 private:
  Status open();
  Status open_one(const std::string& name, const SourceRequest& request, bool target);
  Status examine_target();
  Status list_sources();
  Status make_plan();
  Status write();
  void list_members();
  void list_holes();
  void list_files();
  void tell_state();
  void tell_verdict();
  void tell_next();

  Context& context_;
  const Options& wanted_;
  Report report_;
  std::vector<OpenedSource> opened_;
  std::optional<restore::TargetDir> target_;
  std::string dir_;  // absolute
  MergeMember healed_;
  std::vector<MergeMember> others_;
  restore::MergePlan plan_;
  CopySurroundings around_;
  restore::Findings findings_;
};

Status MergeRun::open_one(const std::string& name, const SourceRequest& request, bool target) {
  ZK_TRY(OpenedSource opened, open_source(context_, request));
  if (target && (opened.kind == SourceKind::kRepository || opened.kind == SourceKind::kFiles))
    return fail(
        Error(ErrorId::kUsage, "the first SRC is the member to heal: its data directory, zoo.cfg or tarball")
            .at(name)
            .with_hint("a repository gives any point with `zkark restore`; single files are repaired "
                       "with `zkark repair`"));
  if (target && opened.point.kind != restore::PointSpec::Kind::kLatest)
    return fail(Error(ErrorId::kUsage, "a member is healed with all it has")
                    .with_hint("`zkark repair --chop=ZXID` ends a copy at a point"));
  if (wanted_.to) ZK_TRY_STATUS(keep_target_apart(context_, {dir_, "the target"}, opened, request));
  MergeMember member;
  member.name = name;
  member.source = opened.source.get();
  // Without this a stored tail that was perhaps never committed would be taken for history.
  if (wanted_.extend && opened.stored && opened.stored->unconfirmed_from)
    member.limit = *opened.stored->unconfirmed_from - 1;
  (target ? healed_ : others_.emplace_back()) = std::move(member);
  if (target) findings_ = opened.findings;
  opened_.push_back(std::move(opened));
  return {};
}

Status MergeRun::open() {
  if (wanted_.sources.size() < 2)
    return fail(Error(ErrorId::kUsage, "from whom the holes are to be filled is missing")
                    .with_hint("zkark merge SRC OTHER -O DIR: SRC is the member to heal"));
  if (!wanted_.to && !wanted_.dry_run)
    return fail(Error(ErrorId::kUsage, "where the copy shall go is missing")
                    .with_hint("--to DIR (-O DIR), or --dry-run; no source is ever changed in place"));
  if (wanted_.to) {
    ZK_TRY(dir_, absolute_path(context_.fs, context_.variables, *wanted_.to));
  }
  for (std::size_t i = 0; i < wanted_.sources.size(); ++i) {
    SourceRequest request{{wanted_.sources[i]}, "", ""};
    if (i == 0) {
      request.log_dir = wanted_.log_dir.value_or("");
      request.zoo_cfg = wanted_.zoo_cfg.value_or("");
    }
    ZK_TRY_STATUS(open_one(wanted_.sources[i], request, i == 0));
  }
  return {};
}

Status MergeRun::examine_target() {
  if (!wanted_.to) return {};
  ZK_TRY(restore::TargetDir examined, examine_empty_target(context_, dir_, false, wanted_.owner));
  target_.emplace(std::move(examined));
  return {};
}

Status MergeRun::list_sources() {
  ZK_TRY(healed_.listing, healed_.source->list());
  for (std::size_t i = 0; i < others_.size(); ++i) {
    MergeMember& member = others_[i];
    const restore::PointSpec& point = opened_[i + 1].point;
    ZK_TRY(member.listing, member.source->list());
    if (point.kind == restore::PointSpec::Kind::kLatest) continue;
    restore::TargetOptions options;
    options.point = point;
    ZK_TRY(const restore::Target found,
           restore::resolve_target(*member.source, member.listing, options, context_.job));
    member.limit = std::min(member.limit.value_or(found.zxid), found.zxid);
  }
  return {};
}

Status MergeRun::make_plan() {
  ZK_TRY_STATUS(list_sources());
  Result<restore::MergePlan> plan =
      restore::plan_merge(healed_, others_, {wanted_.extend}, findings_, context_.job);
  if (plan) {
    ZK_TRY(around_, surroundings_of(healed_.listing, plan->repair, dir_, findings_));
  }
  show_findings(context_.output, findings_, Stance::kReading);
  if (!plan) return fail(std::move(plan).error());
  plan_ = *std::move(plan);
  return {};
}

void MergeRun::list_members() {
  Table& table = report_.table("members", {{"member", "MEMBER"},
                                           {"role", "ROLE"},
                                           {"first_zxid", "FIRST"},
                                           {"last_zxid", "LAST"},
                                           {"records", "TXNS"},
                                           {"shared", "SHARED"}});
  table.row({Cell::string(healed_.name), Cell::string("healed"), zxid_or_null(healed_.first_zxid),
             zxid_or_null(healed_.last_zxid), Cell::count(healed_.records), Cell()});
  for (const MergeMember& member : others_)
    table.row({Cell::string(member.name), Cell::string("read"), zxid_or_null(member.first_zxid),
               zxid_or_null(member.last_zxid), Cell::count(member.records), Cell::count(member.shared)});
}

void MergeRun::list_holes() {
  Table& table = report_.table("holes", {{"kind", "HOLE"},
                                         {"zxids", "RANGE"},
                                         {"first_zxid", ""},
                                         {"last_zxid", ""},
                                         {"file", ""},
                                         {"name", "AT"},
                                         {"offset", "OFFSET"},
                                         {"filled", ""},
                                         {"txns", "FILLED"},
                                         {"proven", ""},
                                         {"why", "PROOF"}});
  Table& taken = report_.table("taken", {{"zxids", "TAKEN"},
                                         {"first_zxid", ""},
                                         {"last_zxid", ""},
                                         {"txns", "TXNS"},
                                         {"member", "FROM"},
                                         {"file", ""},
                                         {"name", "FILE"},
                                         {"into", "INTO"}});
  for (const MergeHole& hole : plan_.holes) {
    table.row({Cell::string(hole_kind_name(hole.kind)), Cell::string(open_range(hole.first, hole.last)),
               Cell::zxid(hole.first), zxid_or_null(hole.last), Cell::string_or_null(hole.file),
               Cell::string_or_null(std::string(base_name(hole.file))),
               hole.offset ? Cell::hex(*hole.offset) : Cell(), Cell::boolean(hole.filled),
               hole.filled ? Cell::count(hole.txns) : Cell(), Cell::boolean(hole.proven),
               Cell::string(hole.filled ? hole.proof : "NOT FILLED: " + hole.reason)});
    for (const restore::TakenRun& run : hole.taken)
      taken.row({Cell::string(range_text(run.first_zxid, run.last_zxid)), Cell::zxid(run.first_zxid),
                 Cell::zxid(run.last_zxid), Cell::count(run.txns), Cell::string(others_[run.member].name),
                 Cell::string(run.file), Cell::string(base_name(run.file)), Cell::string(run.into)});
  }
}

void MergeRun::list_files() {
  Table& table = files_of_copy(report_);
  const auto is_made = [&](std::string_view name) {
    return std::find(plan_.made.begin(), plan_.made.end(), name) != plan_.made.end();
  };
  const auto is_filled = [&](std::string_view name) {
    for (const MergeHole& hole : plan_.holes)
      for (const restore::TakenRun& run : hole.taken)
        if (run.into == name) return true;
    return false;
  };
  for (const RepairedFile& file : plan_.repair.files) {
    const std::string name(base_name(file.file.path));
    const bool made = file.fate == Fate::kMade || (file.is_log && is_made(name));
    std::string_view fate = fate_name(file.fate);
    if (file.fate == Fate::kKept && file.is_log) fate = made ? "made" : is_filled(name) ? "filled" : "kept";
    std::string why = file.reason;
    if (why.empty() && fate == "made") why = "holds what a file that is gone held";
    add_file(table, file, made, fate, why);
  }
  for (const std::string& path : plan_.dropped)
    table.row({Cell::string(path), Cell::string(base_name(path)), Cell::string("log"),
               Cell::string("dropped"), Cell(), Cell(), Cell::count(0), Cell(), Cell(),
               Cell::string(
                   fmt::format("{}: no record in it is intact, and none is missing now", base_name(path)))});
}

void MergeRun::tell_state() {
  const restore::ReplayResult& replay = plan_.repair.rebuilt->replay;
  const std::int64_t point = *plan_.repair.point;
  const std::uint64_t digest = replay.state.tree.digest();
  report_.field(
      "state", "state",
      Cell::string(fmt::format(
          "{}: {}, {}, digest {}", zxid_text(point), counted(replay.state.tree.size(), "znode", "znodes"),
          counted(replay.state.sessions.size(), "session", "sessions"), hex_text(digest))));
  report_.field("zxid", "", Cell::zxid(point));
  report_.field("znodes", "", Cell::count(replay.state.tree.size()));
  report_.field("sessions", "", Cell::count(replay.state.sessions.size()));
  report_.field("digest", "", Cell::hex(digest));
  std::string proof;
  for (const restore::ZxidRange& range : plan_.proven)
    proof += (proof.empty() ? "" : ", ") + range_text(range.first, range.last);
  report_.field("proof", "proof",
                Cell::string(proof.empty() ? std::string("not provable: the servers wrote no digest")
                                           : fmt::format("the servers' digests agree in {}; not covered: {}",
                                                         proof, restore::kNotCoveredByDigests)));
  Table& proven = report_.table("proven", {{"first", ""}, {"last", ""}});
  for (const restore::ZxidRange& range : plan_.proven)
    proven.row({Cell::zxid(range.first), Cell::zxid(range.last)});
}

void MergeRun::tell_verdict() {
  const std::uint64_t txns = plan_.txns_filled();
  const auto left = static_cast<std::size_t>(std::count_if(
      plan_.holes.begin(), plan_.holes.end(), [](const MergeHole& hole) { return !hole.filled; }));
  const std::size_t filled = plan_.holes.size() - left;
  report_.field("txns_filled", "", Cell::count(txns));
  report_.field("holes_filled", "", Cell::count(filled)).field("holes_left", "", Cell::count(left));
  report_.field("extended_to", "", zxid_or_null(plan_.extended));
  std::string text = "no hole was found that the others know of";
  if (!plan_.holes.empty())
    text = fmt::format("filled: {} of {}, {}", filled, counted(plan_.holes.size(), "hole", "holes"),
                       counted(txns, "transaction", "transactions"));
  report_.remark(left == 0 ? context_.output.green(text) : context_.output.red(text));
  if (plan_.extended)
    report_.remark(fmt::format(
        "taken behind its own last transaction, up to {}: the last of them may be proposals that were never "
        "committed",
        zxid_text(*plan_.extended)));
}

void MergeRun::tell_next() {
  const std::string dir = wanted_.to ? dir_ : "DIR";
  std::vector<std::string> lines;
  lines.push_back(around_.has_config ? fmt::format("start with {}/conf/zoo.cfg (dataDir={})", dir, dir)
                                     : fmt::format("start a server with dataDir={}", dir));
  if (!plan_.complete())
    lines.emplace_back(
        "a hole that stays: merge with one more member or REPO@latest, or let the copy do without");
  for (std::size_t i = 0; i < lines.size(); ++i)
    report_.remark((i == 0 ? "next: " : "      ") + escape_terminal(lines[i]));
  report_.field("advice", "", Cell::list(std::move(lines)));
}

Status MergeRun::write() {
  if (wanted_.dry_run) {
    report_.field("written", "", Cell::boolean(false));
    report_.remark("dry run: nothing was written");
    return {};
  }
  ZK_TRY_STATUS(target_->claim(context_.system));
  ZK_TRY(const restore::RepairedCopy made,
         restore::write_repair(context_.fs, *std::move(target_), *plan_.view, std::move(plan_.repair),
                               around_.extras, context_.job));
  report_.field("written", "", Cell::boolean(true)).field("bytes", "", Cell::size(made.bytes));
  report_.remark(fmt::format("wrote {} ({} copied, all of it read back, replayed and equal)",
                             escape_terminal(dir_), human_size(made.bytes)));
  return {};
}

Status MergeRun::run() {
  ZK_TRY_STATUS(open());
  ZK_TRY_STATUS(examine_target());
  // A live server may purge a file between listing and reading it.
  const restore::Findings at_first = findings_;
  const MergeMember healed = healed_;
  const std::vector<MergeMember> others = others_;
  Status planned = make_plan();
  for (int again = 0; !planned && planned.error().id() == ErrorId::kNoFile && again < 3; ++again) {
    findings_ = at_first;
    healed_ = healed;
    others_ = others;
    planned = make_plan();
  }
  ZK_TRY_STATUS(std::move(planned));
  report_.field("source", "source", Cell::string(opened_.front().source->description()));
  report_.field("to", "", Cell::string_or_null(dir_)).field("dry_run", "", Cell::boolean(wanted_.dry_run));
  list_members();
  tell_state();
  list_holes();
  list_files();
  list_losses(report_, plan_.repair.losses);
  findings_table(report_, findings_);
  tell_verdict();
  ZK_TRY_STATUS(write());
  tell_next();
  context_.output.print(report_);
  return {};
}

Status run(Context& context, const Options& options) { return MergeRun(context, options).run(); }

}  // namespace

Verb merge_verb() {
  VerbBuilder<Options> verb({
      .name = "merge",
      .group = Group::kForensics,
      .summary = "fill the holes of one member's log from the logs of others",
      .description =
          "Writes a copy of the first SRC, a member of an ensemble, in which the holes of its logs are "
          "filled "
          "with the records that the others hold: zxids in none of its files, damaged records, a damaged or "
          "lost log, an older log whose end is torn, what it missed when it was synced by snapshot. The "
          "sources are only read. Everything outside of a hole is copied byte for byte, and every record "
          "with "
          "the checksum and the digest that its server gave it.\n\n"
          "Nothing is taken from a member whose records contradict those of SRC or of another one. Records "
          "are "
          "followed from the one before the hole to the one behind it. Where an epoch ends inside, what its "
          "old leader logged last may never have been committed: the step must be shown by the servers' "
          "digests, by a snapshot, or by two members. Then all of it is replayed: where a digest differs, "
          "nothing is written. For each hole the output names the transactions, from whom and from which "
          "file "
          "they are, and what proves them; what no digest reaches is called not provable.\n\n"
          "What others hold behind the last transaction of SRC is no hole. A leader logs a proposal before "
          "anybody agreed to it, so the last records on a disk may never have been committed; the running "
          "ensemble gives a member that is started what was. --extend takes them all the same, for the case "
          "that no ensemble runs any more.\n\n"
          "A hole that nobody fills is named, with the reason, and the status is 3. The copy then is what "
          "`zkark repair` makes: it boots to a state that existed, and what is left out for that is listed.",
      .examples = {{"zkark merge zk1/data zk2/data zk3/data -O /srv/zk1-healed", "from two other members"},
                   {"zkark merge zk1/data zk2.tar.gz --dry-run",
                    "what would be filled, and how it is proven"},
                   {"zkark merge zk1/data /srv/zk-backup@latest -O /srv/zk1-healed", "from a backup"},
                   {"zkark merge zk1/data zk2/data --extend -O /srv/zk1-newest",
                    "also what zk2 logged later, when no ensemble runs"}},
      .exit_codes = {3, 5, 6, 7, 9, 10},
      .uses = kUsesRepository | kUsesTime | kUsesCache | kUsesProgress,
      .changes_state = true,
  });
  verb.argument("SRC", &Options::sources,
                "the member to heal, then others: data directories, zoo.cfg files, tarballs, REPO@POINT")
      .required()
      .completes(Completes::kSource);
  verb.text("to", 'O', "DIR", &Options::to, "the directory to make; absent or empty")
      .completes(Completes::kDirectory);
  verb.flag("extend", &Options::extend, "also take what the others hold behind the last transaction of SRC")
      .command_line_only();
  verb.text("log-dir", "DIR", &Options::log_dir,
            "the dataLogDir of the member to heal, where it is apart from the dataDir")
      .completes(Completes::kDirectory);
  verb.text("zoo-cfg", "FILE", &Options::zoo_cfg,
            "the configuration of the member to heal, where it does not lie beside the data")
      .completes(Completes::kFile);
  verb.text("owner", "USER:GROUP", &Options::owner,
            "who owns the files (root only); else the owner of the directory they go into");
  verb.flag("dry-run", 'n', &Options::dry_run, "say what would be done, write nothing");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
