// `convert`: a copy that another release reads, or with its snapshots in another codec.
#include <fmt/format.h>

#include <algorithm>

#include "formats/base/system.h"
#include "restore/convert.h"
#include "restore/verify.h"
#include "src/cli/context.h"
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

using restore::Change;
using restore::ChangeCount;
using restore::ConvertedFile;
using restore::Finding;
using restore::LostKind;
using restore::Release;
using restore::Severity;

constexpr std::size_t kShownLosses = 20;

struct Options {
  std::vector<std::string> sources;
  std::optional<std::string> to, log_dir, zoo_cfg, owner;
  std::optional<Release> release;
  std::optional<SnapCodec> codec;
  bool accept_loss = false, dry_run = false;
};

/// One conversion from its options to its last line.
class Convert {
 public:
  Convert(Context& context, const Options& options)
      : context_(context), options_(options), report_("convert") {}
  Status run();

 private:
  Status check_options() const;
  Status open();
  Status examine_target();
  Status judge_source();
  bool lies_below_a_snapshot(const Finding& gap) const;
  Status write();
  void describe();
  void list_files();
  void list_changes();
  void list_losses();
  void conclude();
  std::uint64_t changed() const;
  std::string loss_text() const;

  Context& context_;
  const Options& options_;
  Report report_;
  OpenedSource opened_;
  restore::SourceListing listing_;
  restore::CapturedConfig config_;
  restore::ConvertOptions wanted_;
  std::optional<restore::TargetDir> target_;
  std::string dir_;  // absolute
  restore::Conversion made_;
  restore::Findings findings_;
  std::vector<std::string> conf_;
  bool written_ = false;
};

Status Convert::check_options() const {
  if (!options_.to && !options_.dry_run)
    return fail(Error(ErrorId::kUsage, "where the copy shall go is missing")
                    .with_hint("--to DIR (-O DIR), or --dry-run; nothing is ever converted in place"));
  if (!options_.release && !options_.codec)
    return fail(Error(ErrorId::kUsage, "what to convert to is missing")
                    .with_hint("--for RELEASE, --codec none|gzip|snappy, or both"));
  if (options_.release && options_.codec && *options_.codec != SnapCodec::kPlain &&
      !restore::abilities_of(*options_.release).compressed_snapshots)
    return fail(
        Error(ErrorId::kUsage, fmt::format("{} reads no compressed snapshots", options_.release->text))
            .with_hint("--codec none; 3.6 was the first to read others"));
  return {};
}

Status Convert::open() {
  const SourceRequest request{options_.sources, options_.log_dir.value_or(""), options_.zoo_cfg.value_or("")};
  ZK_TRY(opened_, open_source(context_, request));
  if (opened_.kind == SourceKind::kRepository)
    return fail(Error(ErrorId::kUsage, "a repository keeps the bytes of the servers as they are")
                    .at(opened_.source->description())
                    .with_hint("`zkark restore -r REPO --to DIR` first, then convert DIR"));
  if (opened_.point.kind != restore::PointSpec::Kind::kLatest)
    return fail(Error(ErrorId::kUsage, "all that a source holds is converted, not one point of it")
                    .with_hint("`zkark restore SRC --at POINT` makes a directory of one"));
  ZK_TRY(listing_, opened_.source->list());
  ZK_TRY(config_, restore::captured_config(listing_));
  for (const Finding& note : config_.notes)
    if (note.id == ErrorId::kBadZooCfg && options_.zoo_cfg) return fail(error_of(note));
  if (!options_.to) return {};
  ZK_TRY(dir_, absolute_path(context_.fs, context_.variables, *options_.to));
  return keep_target_apart(context_, {dir_, "the target"}, opened_, request);
}

Status Convert::examine_target() {
  if (!options_.to) return {};
  ZK_TRY(restore::TargetDir examined, examine_empty_target(context_, dir_, false, options_.owner));
  target_.emplace(std::move(examined));
  return {};
}

/// A server that starts from that snapshot never looks into the hole: a member synced by SNAP has one.
bool Convert::lies_below_a_snapshot(const Finding& gap) const {
  return gap.last_zxid && std::any_of(listing_.snapshots.begin(), listing_.snapshots.end(),
                                      [&](const auto& one) { return one.zxid >= *gap.last_zxid; });
}

/// Only what is intact is written anew: new checksums would make damage look sound.
Status Convert::judge_source() {
  context_.job.progress.phase = "checking";
  ZK_TRY(restore::VerifyReport verdict,
         restore::verify(*opened_.source, restore::VerifyDepth::kRead, context_.executor, context_.job));
  findings_ = opened_.findings;
  findings_.insert(findings_.end(), verdict.findings.begin(), verdict.findings.end());
  findings_.insert(findings_.end(), config_.notes.begin(), config_.notes.end());
  for (Finding& finding : findings_)
    if (finding.severity == Severity::kGap && lies_below_a_snapshot(finding))
      finding.severity = Severity::kNote;
  std::uint64_t damage = 0;
  for (const Finding& finding : verdict.findings) damage += finding.severity == Severity::kDamage ? 1 : 0;
  for (const Finding& finding : findings_)
    show_finding(context_.output, finding,
                 finding.severity == Severity::kDamage && damage != 0 ? Stance::kJudging : Stance::kReading);
  if (damage == 0) return {};
  return fail(
      Error(ErrorId::kDamaged,
            fmt::format("{} damaged: only what is intact is converted",
                        damage == 1 ? "1 place is" : fmt::format("{} places are", human_count(damage))))
          .at(opened_.source->description())
          .with_hint("`zkark repair SRC --to DIR` writes a corrected copy, which can be converted"));
}

Status Convert::write() {
  restore::TargetDir* target = nullptr;
  if (target_ && !options_.dry_run) {
    ZK_TRY_STATUS(target_->claim(context_.system));
    target = &*target_;
  }
  ZK_TRY(made_, restore::convert(*opened_.source, listing_, wanted_, target, context_.job));
  if (!made_.losses.empty() && !options_.accept_loss) return {};
  const bool extended =
      made_.ttl_nodes && options_.release && restore::abilities_of(*options_.release).types_of_3_5;
  ZK_TRY(restore::ConvertedConfig conf,
         restore::converted_config(config_, {dir_.empty() ? "DIR" : dir_, "", extended}, options_.release,
                                   listing_.myid));
  made_.notes.insert(made_.notes.end(), conf.notes.begin(), conf.notes.end());
  for (const auto& [name, content] : conf.files) conf_.push_back(name);
  if (target == nullptr) return {};
  if (!conf.files.empty()) {
    ZK_TRY_STATUS(target->make_dir("conf"));
    for (const auto& [name, content] : conf.files) ZK_TRY_STATUS(target->write("conf/" + name, content));
    ZK_TRY_STATUS(target->sync("conf"));
  }
  ZK_TRY_STATUS(restore::check_conversion(context_.fs, target->staging(), made_, wanted_, context_.job));
  ZK_TRY_STATUS(context_.job.check());
  ZK_TRY_STATUS(target->publish());
  written_ = true;
  return {};
}

std::uint64_t Convert::changed() const {
  std::uint64_t all = 0;
  for (const ConvertedFile& file : made_.files) all += file.changed;
  return all;
}

std::string Convert::loss_text() const {
  return counted(made_.losses.size(), "container or TTL node", "container and TTL nodes");
}

void Convert::describe() {
  report_.field("source", "source", Cell::string(opened_.source->description()));
  report_.field("for", options_.release ? "for" : "",
                options_.release ? Cell::string("ZooKeeper " + options_.release->text) : Cell());
  report_.field("to", dir_.empty() ? "" : "to", Cell::string_or_null(dir_));
  report_.field("dry_run", "", Cell::boolean(options_.dry_run));
  report_.field("written", "", Cell::boolean(written_));
  report_.field("changed", "", Cell::count(changed()));
  report_.field("lost", "", Cell::count(made_.losses.size()));
  report_.field("conf", "", Cell::list(conf_));
}

void Convert::list_files() {
  Table& table = report_.table("files", {{"file", ""},
                                         {"name", "FILE"},
                                         {"copy", "COPY"},
                                         {"kind", ""},
                                         {"records", "RECORDS"},
                                         {"changed", "CHANGED"},
                                         {"size_bytes", "SIZE"},
                                         {"codec", "CODEC"}});
  for (const ConvertedFile& file : made_.files)
    table.row({Cell::string_or_null(file.file.path), Cell::string_or_null(base_name(file.file.path)),
               Cell::string(file.name), Cell::string(file.is_log ? "log" : "snapshot"),
               Cell::count(file.records), Cell::count(file.changed), Cell::size(file.size_bytes),
               file.is_log ? Cell() : Cell::string(snap_codec_name(file.codec))});
}

void Convert::list_changes() {
  Table& table = report_.table("changes", {{"what", "CHANGED"},
                                           {"became", "INTO"},
                                           {"count", "COUNT"},
                                           {"first_zxid", "FIRST"},
                                           {"last_zxid", "LAST"},
                                           {"effect", "EFFECT"}});
  for (std::size_t i = 0; i < restore::kChanges; ++i) {
    const ChangeCount& one = made_.changes[i];
    if (one.count == 0) continue;
    const restore::ChangeText& text = restore::change_text(static_cast<Change>(i));
    table.row({Cell::string(text.name), Cell::string(text.became), Cell::count(one.count),
               Cell::zxid(one.first_zxid), Cell::zxid(one.last_zxid), Cell::string(text.effect)});
  }
}

void Convert::list_losses() {
  const bool all = !context_.output.is_table();
  Table& table = report_.table("losses", {{"path", "NOT CARRIED OVER"},
                                          {"kind", "IS"},
                                          {"ttl_ms", "TTL"},
                                          {"zxid", "CREATED BY"},
                                          {"file", ""},
                                          {"becomes", "BECOMES"}});
  std::size_t shown = 0;
  for (const auto& [path, lost] : made_.losses) {
    if (!all && shown++ == kShownLosses) break;
    table.row({Cell::string(path), Cell::string(node_kind_name(lost.kind)),
               lost.kind == NodeKind::kTtl ? Cell::duration_ms(lost.ttl_ms) : Cell(), Cell::zxid(lost.zxid),
               Cell::string(lost.file), Cell::string("persistent")});
  }
  if (made_.losses.size() > kShownLosses)
    report_.remark(
        fmt::format("and {} more (--json has all)", human_count(made_.losses.size() - kShownLosses)));
}

void Convert::conclude() {
  std::uint64_t records = 0, nodes = 0, snapshots = 0;
  for (const ConvertedFile& file : made_.files) {
    snapshots += file.is_log ? 0 : 1;
    (file.is_log ? records : nodes) += file.records;
  }
  const std::string all =
      fmt::format("{} with {}, {} with {}; {} changed", counted(snapshots, "snapshot", "snapshots"),
                  counted(nodes, "node", "nodes"), counted(made_.files.size() - snapshots, "log", "logs"),
                  counted(records, "transaction", "transactions"), human_count(changed()));
  report_.remark("");
  if (written_) {
    report_.remark(fmt::format("written and read back: {}", all));
    report_.remark(conf_.empty() ? fmt::format("next: start a server with dataDir={}", escape_terminal(dir_))
                                 : fmt::format("next: start with {}/conf/zoo.cfg", escape_terminal(dir_)));
  } else if (made_.losses.empty() || options_.accept_loss) {
    report_.remark(fmt::format("dry run: nothing was written; {}", all));
  } else {
    report_.remark("nothing was written");
  }
}

Status Convert::run() {
  ZK_TRY_STATUS(check_options());
  ZK_TRY_STATUS(open());
  ZK_TRY_STATUS(examine_target());
  wanted_.release = options_.release;
  wanted_.codec = options_.codec;
  wanted_.add_initial_snapshot = opened_.kind != SourceKind::kFiles;
  ZK_TRY_STATUS(judge_source());
  ZK_TRY_STATUS(write());
  show_findings(context_.output, made_.notes, Stance::kReading);
  findings_.insert(findings_.end(), made_.notes.begin(), made_.notes.end());
  describe();
  list_files();
  list_changes();
  list_losses();
  findings_table(report_, findings_);
  conclude();
  context_.output.print(report_);
  if (made_.losses.empty()) return {};
  if (!options_.accept_loss)
    return fail(Error(ErrorId::kRefused,
                      fmt::format("{} cannot be carried over: {} has no such kind of node and would delete "
                                  "them at its start",
                                  loss_text(), options_.release->text))
                    .with_hint("--accept-loss writes them as ordinary, persistent nodes"));
  context_.output.warn(fmt::format("{} {} ordinary nodes in the copy", loss_text(),
                                   made_.losses.size() == 1 ? "is an" : "are"));
  return {};
}

Status run(Context& context, const Options& options) { return Convert(context, options).run(); }

}  // namespace

Verb convert_verb() {
  VerbBuilder<Options> verb({
      .name = "convert",
      .group = Group::kRestore,
      .summary = "write a copy that another release or codec needs",
      .description =
          "Copies a data directory, single snapshots and logs, or tarballs so that another release of "
          "ZooKeeper reads them (--for), or with the snapshots in another codec (--codec). File by file: "
          "logs "
          "stay logs, snapshots stay snapshots, and what the release reads as it is stays byte for byte. The "
          "source is only read.\n\n"
          "What the release does not know is written in the form that has the same effect there, and "
          "counted: "
          "create2 as create, deleteContainer as delete, reconfig as setData, closeSession without its "
          "paths, "
          "digests left out. So is what a server with default settings would misread.\n\n"
          "Container and TTL nodes have no such form before 3.5: a 3.4 would take them for ephemerals of "
          "dead "
          "sessions and delete them. They are listed, and nothing is written (7); --accept-loss writes them "
          "as "
          "ordinary, persistent nodes, which nobody deletes. Damaged records are never written anew with "
          "checksums that look sound: they end the run (6), and `zkark repair` comes first.\n\n"
          "The target is absent or empty; all of it is read back and compared before it is put into place. "
          "Epochs, sessions and ephemeral nodes stay: it is the same history, so the old servers and the new "
          "ones must not run side by side.",
      .examples = {{"zkark convert /var/lib/zookeeper --for 3.4 --to /srv/zk-3.4", "back to an old release"},
                   {"zkark convert /var/lib/zookeeper --for 3.4 --dry-run", "what would be lost on the way"},
                   {"zkark convert /var/lib/zookeeper --codec gzip -O /srv/small", "compressed snapshots"}},
      .exit_codes = {3, 5, 6, 7, 9},
      .uses = kUsesProgress | kUsesJobs,
      .changes_state = true,
  });
  verb.argument("SRC", &Options::sources, "data directory, snapshots and logs, tarballs or a zoo.cfg")
      .required()
      .completes(Completes::kSource);
  verb.text("to", 'O', "DIR", &Options::to, "the directory to make").completes(Completes::kDirectory);
  verb.parsed("for", "RELEASE", &Options::release, restore::parse_release,
              "3.4 to 3.10, or one of a line: 3.8.2; 3.8 is what every 3.8 reads");
  verb.choice("codec", "CODEC", &Options::codec,
              {{"none", SnapCodec::kPlain, "uncompressed; every release reads them"},
               {"gzip", SnapCodec::kGzip, "snapshot.*.gz; since 3.6"},
               {"snappy", SnapCodec::kSnappy, "snapshot.*.snappy; since 3.6"}},
              "how snapshots are compressed; left out: as they are");
  verb.flag("accept-loss", &Options::accept_loss,
            "write what the release has no form for as the nearest that it has")
      .command_line_only();
  verb.text("log-dir", "DIR", &Options::log_dir, "the dataLogDir of SRC, where it is apart from the dataDir")
      .completes(Completes::kDirectory);
  verb.text("zoo-cfg", "FILE", &Options::zoo_cfg,
            "the configuration of SRC, where it does not lie beside the data")
      .completes(Completes::kFile);
  verb.text("owner", "USER:GROUP", &Options::owner,
            "who owns the files (root only); else the owner of the directory they go into");
  verb.flag("dry-run", 'n', &Options::dry_run, "say what would be changed and lost, write nothing");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
