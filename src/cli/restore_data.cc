#include "src/cli/restore_data.h"

#include <fmt/format.h>

#include <algorithm>

#include "formats/base/system.h"
#include "restore/base_choice.h"
#include "restore/config_files.h"
#include "restore/lineage.h"
#include "restore/materialize.h"
#include "src/cli/live_members.h"
#include "src/cli/places.h"
#include "src/cli/point_in_time.h"
#include "src/cli/server_at_work.h"
#include "src/cli/show_findings.h"
#include "src/cli/source_arg.h"
#include "src/cli/text.h"

namespace zkark::cli {
namespace {

using restore::Target;

constexpr std::size_t kShownEphemerals = 20;

/// 20261121T053130Z.
std::string stamp_of(WallTime time) {
  std::string stamp;
  for (char c : rfc3339(time).substr(0, 19))
    if (c != '-' && c != ':') stamp += c;
  return stamp + "Z";
}

std::string ids_of(const Ensemble& ensemble) {
  std::string ids;
  for (const ServerLine& server : ensemble.servers)
    ids += fmt::format("{}{}", ids.empty() ? "" : ", ", server.id);
  return ids;
}

Cell note_cell(const std::optional<restore::RecordNote>& note) {
  if (!note) return Cell::null();
  std::vector<std::pair<std::string, std::string>> items = {{"zxid", zxid_text(note->zxid)},
                                                            {"time", rfc3339(WallTime{note->time_ms})},
                                                            {"type", std::string(txn_type_name(note->type))}};
  if (!note->path.empty()) items.emplace_back("path", note->path);
  return Cell::map(std::move(items));
}

/// The same error with one more way out.
Error with_more(const Error& error, std::string_view hint) {
  Error more(error.id(), error.message());
  if (!error.file().empty())
    more =
        error.offset() ? std::move(more).at(error.file(), *error.offset()) : std::move(more).at(error.file());
  if (error.zxid()) more = std::move(more).at_zxid(*error.zxid());
  return std::move(more).with_hint(error.hint().empty() ? std::string(hint)
                                                        : fmt::format("{}; {}", error.hint(), hint));
}

/// One restore from its options to its last line.
class Restore {
 public:
  Restore(Context& context, const DataRestore& options)
      : context_(context), options_(options), report_("restore"), started_(context.clock.monotonic()) {}
  Status run();

 private:
  Status open();
  Status list_source();
  Status check_places(const SourceRequest& request);
  Status check_server_id();
  Status find_target();
  Status check_target();
  Status check_ensemble();
  Status rebuild_state();
  Status plan();
  Status choose_epoch();
  Status write();
  void say(std::string_view label, const std::string& text);
  void tell(const restore::Finding& finding);
  void tell_dropped(const restore::Reshaped& reshaped);
  void tell_proof();
  void tell_next();
  bool epoch_is_of_an_election() const;
  std::vector<std::string> advice() const;

  Context& context_;
  const DataRestore& options_;
  Report report_;
  MonotonicTime started_;
  std::string dir_, log_dir_;  // absolute
  std::vector<ClientAddress> probe_;
  OpenedSource opened_;
  restore::SourceListing listing_;
  restore::CapturedConfig config_;
  Target target_;
  std::int64_t highest_zxid_ = 0;
  std::optional<restore::Rebuilt> rebuilt_;
  std::optional<restore::TargetDir> directory_;
  restore::Contents contents_;
  bool ttl_nodes_ = false;
};

/// "target   …": the label in a column of its own.
void Restore::say(std::string_view label, const std::string& text) {
  if (context_.output.is_table()) context_.output.line(fmt::format("{:<9}{}", label, text));
}

/// What is missing from the result is 3; anything else a warning.
void Restore::tell(const restore::Finding& finding) {
  if (finding.severity == restore::Severity::kDamage)
    return show_finding(context_.output, finding, Stance::kReading);
  const Error error = error_of(finding);
  context_.output.warn(error.hint().empty() ? error.to_string()
                                            : fmt::format("{}; {}", error.to_string(), error.hint()));
}

Status Restore::list_source() {
  ZK_TRY(listing_, opened_.source->list());
  const bool stored = opened_.kind == SourceKind::kRepository;
  if (stored && options_.zoo_cfg) ZK_TRY_STATUS(replace_config(context_, *options_.zoo_cfg, listing_));
  ZK_TRY(config_, restore::captured_config(listing_));
  // Asked for by name it must be right; captured on the way it may be anything.
  for (const restore::Finding& note : config_.notes)
    if (note.id == ErrorId::kBadZooCfg && options_.zoo_cfg) return fail(error_of(note));
  return {};
}

Status Restore::open() {
  if (!options_.to) return fail(Error(ErrorId::kUsage, "where to restore is missing").with_hint("--to DIR"));
  if (options_.part() && options_.keep_sessions)
    return fail(
        Error(ErrorId::kUsage, "--path restores without sessions").with_hint("leave out --keep-sessions"));
  if (options_.probe) {
    ZK_TRY(probe_, parse_hosts(*options_.probe));
  }
  ZK_TRY(dir_, absolute_path(context_.fs, context_.variables, *options_.to));
  if (options_.to_log_dir) {
    ZK_TRY(log_dir_, absolute_path(context_.fs, context_.variables, *options_.to_log_dir));
  }
  SourceRequest request{options_.sources, options_.log_dir.value_or(""), options_.zoo_cfg.value_or("")};
  if (options_.at) {
    ZK_TRY(request.point, parse_point(*options_.at, context_));
  }
  request.timeline = options_.timeline;
  ZK_TRY(opened_, open_source(context_, request));
  ZK_TRY_STATUS(list_source());
  show_findings(context_.output, opened_.findings, Stance::kReading);
  for (const restore::Finding& finding : listing_.findings) tell(finding);
  ZK_TRY_STATUS(check_places(request));
  ZK_TRY_STATUS(check_server_id());
  if (!options_.bumps())
    context_.output.warn(fmt::format(
        "--no-bump-epoch: the restored server issues zxids again that were issued before, for other writes; "
        "clients and members of the old history would take its data for theirs, so let none of them reach "
        "it"));
  report_.field("source", "", Cell::string(opened_.source->description()));
  report_.field("target_dir", "", Cell::string(dir_));
  report_.field("dry_run", "", Cell::boolean(options_.dry_run));
  return {};
}

/// The target is made, and with --replace moved aside: neither may happen to what is read.
Status Restore::check_places(const SourceRequest& request) {
  ZK_TRY_STATUS(keep_target_apart(context_, {dir_, "the target"}, opened_, request));
  return keep_target_apart(context_, {log_dir_, "the target's log directory"}, opened_, request);
}

/// A member under an id that the configuration lacks does not start, or joins nothing.
Status Restore::check_server_id() {
  const Ensemble& ensemble = config_.ensemble;
  if (!options_.server_id || ensemble.servers.empty() || ensemble.find(*options_.server_id) != nullptr)
    return {};
  return fail(Error(ErrorId::kRefused, fmt::format("server id {} is not in the configuration, which has {}",
                                                   *options_.server_id, ids_of(ensemble)))
                  .with_hint("one of those, or --zoo-cfg FILE with a configuration that names it"));
}

Status Restore::find_target() {
  const restore::TargetOptions wanted{opened_.point, options_.exclusive, options_.time_rule};
  ZK_TRY(target_, restore::resolve_target(*opened_.source, listing_, wanted, context_.job));
  ZK_TRY(highest_zxid_, restore::highest_zxid(*opened_.source, listing_, context_.job));
  highest_zxid_ = std::max(highest_zxid_, target_.zxid);
  if (opened_.stored) highest_zxid_ = std::max(highest_zxid_, opened_.stored->highest_zxid);
  report_.field("zxid", "", Cell::zxid(target_.zxid));
  report_.field("record", "", note_cell(target_.record));
  report_.field("previous", "", note_cell(target_.previous));
  report_.field("next", "", note_cell(target_.next));
  say("target", target_.record ? escape_terminal(restore::note_text(*target_.record))
                               : fmt::format("{}, a snapshot's own point", zxid_text(target_.zxid)));
  if (target_.previous)
    say("", fmt::format("after            {}", escape_terminal(restore::note_text(*target_.previous))));
  say("", target_.next
              ? fmt::format("not applied any more: {}", escape_terminal(restore::note_text(*target_.next)))
              : std::string("nothing is stored after it"));
  report_.field("timeline", "", opened_.stored ? Cell::string(opened_.stored->timeline) : Cell::null());
  if (opened_.stored && !opened_.stored->timeline_text.empty())
    say("timeline", opened_.stored->timeline_text);
  const bool unconfirmed =
      opened_.stored && opened_.stored->unconfirmed_from.value_or(INT64_MAX) <= target_.zxid;
  report_.field("unconfirmed", "", Cell::boolean(unconfirmed));
  if (unconfirmed) {
    const std::int64_t from = *opened_.stored->unconfirmed_from;
    context_.output.warn(
        fmt::format("{}: what was written from {} on was on one member's disk and perhaps never committed; "
                    "--at zxid:{} --exclusive leaves it out",
                    zxid_text(target_.zxid), zxid_text(from), zxid_text(from)));
  }
  return {};
}

/// Refuses what would destroy something, or would be destroyed, before the work begins.
Status Restore::check_target() {
  restore::TargetDirOptions target;
  target.dir = dir_;
  target.log_dir = log_dir_;
  target.replace = options_.replace;
  target.stamp = stamp_of(context_.clock.wall());
  if (options_.owner) {
    ZK_TRY(target.owner, context_.system.lookup_owner(*options_.owner));
  }
  Result<restore::TargetDir> examined =
      restore::TargetDir::examine(context_.fs, context_.system, std::move(target));
  if (!examined) return fail(std::move(examined).error());
  directory_.emplace(*std::move(examined));

  Replacement replacement{dir_, log_dir_, directory_->state() == restore::TargetState::kOccupied, {}, {}};
  replacement.places = {{config_.data_dir, config_.log_dir},
                        {opened_.data_dir, opened_.log_dir == opened_.data_dir ? "" : opened_.log_dir}};
  if (opened_.stored) replacement.places.push_back({opened_.stored->data_dir, opened_.stored->log_dir});
  replacement.clients =
      restore::client_addresses(config_, options_.server_id ? options_.server_id : listing_.myid);
  ZK_TRY_STATUS(refuse_server_at_work(context_, replacement));
  // Without a bump a server replays whatever its log directory holds above the snapshot.
  return options_.bumps() ? ok() : refuse_logs_above(context_, replacement, config_.log_dir, target_.zxid);
}

/// One bumped member beside live ones can win an election and take back what they acknowledged.
Status Restore::check_ensemble() {
  std::vector<LiveServer> live;
  if (options_.probe) {
    ZK_TRY(const LiveMembers asked, ask_hosts(context_, probe_));
    for (const LiveServer& server : asked.live) {
      if (server.zxid) highest_zxid_ = std::max(highest_zxid_, *server.zxid);
      live.push_back(server);
    }
    for (const std::string& host : asked.silent)
      context_.output.warn(
          fmt::format("{} did not answer: an epoch that only it knows is not taken into account", host));
  }
  if (options_.bumps() && config_.ensemble.voters() > 1) {
    ZK_TRY(const LiveMembers members, try_members(context_, config_.ensemble));
    live.insert(live.end(), members.live.begin(), members.live.end());
  }
  Table& table = report_.table("live_servers", {{"address", ""}, {"what", ""}, {"zxid", ""}});
  for (const LiveServer& server : live)
    table.row({Cell::string(server.address), Cell::string(server.what),
               server.zxid ? Cell::zxid(*server.zxid) : Cell::null()});
  if (live.empty() || !options_.bumps() || options_.yes_replace_ensemble) return {};
  std::string who;
  for (const LiveServer& server : live)
    who += fmt::format("{}{} ({})", who.empty() ? "" : ", ", server.address, server.what);
  return fail(
      Error(ErrorId::kRefused,
            fmt::format("members of the ensemble are alive: {}; a member with a new epoch beside them can "
                        "win the election and erase what they acknowledged",
                        who))
          .with_hint("stop all members and restore every one of them; --yes-replace-ensemble goes on "
                     "regardless. A single lost "
                     "member needs no restore: start it empty"));
}

Status Restore::rebuild_state() {
  restore::Findings findings;
  context_.job.progress.phase = "replaying";
  Result<restore::Rebuilt> rebuilt =
      restore::rebuild(*opened_.source, listing_, target_.zxid, findings, context_.job,
                       {.accept_unproven = options_.accept_unproven});
  if (!rebuilt && rebuilt.error().id() == ErrorId::kDigestMismatch && !options_.accept_unproven)
    return fail(with_more(rebuilt.error(), "--accept-unproven restores what is stored all the same"));
  if (!rebuilt) return fail(std::move(rebuilt).error());
  rebuilt_ = *std::move(rebuilt);
  for (const restore::Finding& finding : findings) {
    const bool differs = rebuilt_->unproven && finding.severity == restore::Severity::kDamage &&
                         finding.id == ErrorId::kDigestMismatch;
    if (finding.severity == restore::Severity::kNote || differs)
      show_finding(context_.output, finding, Stance::kReading);
    else
      context_.output.warn(error_of(finding).to_string());
  }
  rebuilt_->replay.state.last_zxid = target_.zxid;
  return {};
}

Status Restore::choose_epoch() {
  contents_.snapshot_zxid = target_.zxid;
  contents_.current_epoch =
      std::max<std::int64_t>(listing_.current_epoch.value_or(0), zxid_epoch(target_.zxid));
  contents_.accepted_epoch = std::max(listing_.accepted_epoch.value_or(0), contents_.current_epoch);
  if (!options_.bumps()) return {};
  ZK_TRY(const std::int64_t epoch, restore::choose_epoch(highest_zxid_, options_.bump_epoch.value));
  contents_.snapshot_zxid = make_zxid(static_cast<std::uint32_t>(epoch), 0);
  contents_.current_epoch = contents_.accepted_epoch = epoch;
  contents_.lineage.epoch = epoch;
  return {};
}

void Restore::tell_dropped(const restore::Reshaped& reshaped) {
  std::size_t shown = 0;
  for (const auto& [session, path] : reshaped.ephemerals) {
    if (++shown > kShownEphemerals && !context_.globals.verbose) {
      say("", fmt::format("… and {} more (-v lists all)",
                          human_count(reshaped.ephemerals.size() - kShownEphemerals)));
      break;
    }
    say(shown == 1 ? "dropped" : "", fmt::format("{} of session {}", escape_terminal(path),
                                                 hex_text(static_cast<std::uint64_t>(session))));
  }
  report_.field("sessions_kept", "", Cell::boolean(options_.keeps_sessions()));
  Table& sessions = report_.table("sessions_dropped", {{"session", ""}, {"timeout_ms", ""}});
  for (const auto& [id, timeout_ms] : reshaped.sessions)
    sessions.row({Cell::session(id), Cell::integer(timeout_ms)});
  Table& ephemerals = report_.table("ephemerals_dropped", {{"path", ""}, {"session", ""}});
  for (const auto& [session, path] : reshaped.ephemerals)
    ephemerals.row({Cell::string(path), Cell::session(session)});
}

/// What the digests that servers wrote say about the state at the point, before anything was dropped from it.
void Restore::tell_proof() {
  const restore::ReplayResult& replay = rebuilt_->replay;
  const restore::Certificate& certificate = replay.certificate;
  const std::uint64_t digest = replay.state.tree.digest();
  const auto& section = replay.base_tail.digest;
  const bool by_section = section && section->zxid == target_.zxid && section->version == kDigestVersion &&
                          static_cast<std::uint64_t>(section->digest) == digest;
  const bool by_record =
      std::any_of(certificate.proven.begin(), certificate.proven.end(), [&](const restore::ZxidRange& range) {
        return range.first <= target_.zxid && target_.zxid <= range.last;
      });
  report_.field("digest_at_point", "", Cell::hex(digest));
  report_.field("proven", "", Cell::boolean((by_section || by_record) && !rebuilt_->unproven));
  report_.field("proof", "", Cell::string(restore::proof_grade_name(certificate.grade)));
  report_.field("digests_compared", "", Cell::count(certificate.digests_compared));
  report_.field("not_covered", "", Cell::string(restore::kNotCoveredByDigests));
  report_.field("accepted_unproven", "", Cell::boolean(rebuilt_->unproven));
  if (rebuilt_->unproven) {
    const std::string where =
        certificate.failed_at ? " from " + zxid_text(*certificate.failed_at) + " on" : std::string();
    say("NOT PROVEN",
        fmt::format(" this is not the tree that the server had{}: its own digests differ{}; taken because of "
                    "--accept-unproven",
                    where,
                    certificate.proven.empty()
                        ? std::string()
                        : fmt::format(", and agree up to {}", zxid_text(certificate.proven_to()))));
    return;
  }
  if (by_section || by_record)
    say("proof", fmt::format("digest {} is the server's own at {}; not covered: {}", hex_text(digest),
                             zxid_text(target_.zxid), restore::kNotCoveredByDigests));
  else if (!certificate.proven.empty())
    say("proof", fmt::format("the server's own digests agree up to {}, none is stored beyond",
                             zxid_text(certificate.proven_to())));
  else
    say("proof",
        "none: there is no digest of the server's own to compare with (before 3.6, or switched off)");
}

Status Restore::plan() {
  restore::State& state = rebuilt_->replay.state;
  const std::uint64_t txns = rebuilt_->replay.txns;
  report_.field("base", "", rebuilt_->base == nullptr ? Cell::null() : Cell::string(rebuilt_->base->path));
  report_.field("txns_replayed", "", Cell::count(txns));
  ZK_TRY_STATUS(choose_epoch());
  const std::string base =
      rebuilt_->base == nullptr ? "the built-in initial tree" : std::string(base_name(rebuilt_->base->path));
  const std::string epoch =
      options_.bumps() ? fmt::format("epoch {:#x} → {:#x}", zxid_epoch(target_.zxid), contents_.current_epoch)
                       : fmt::format("epoch {:#x} kept", zxid_epoch(target_.zxid));
  const std::string place = directory_->state() == restore::TargetState::kAbsent ? "new"
                            : directory_->state() == restore::TargetState::kEmpty
                                ? "empty, ok"
                                : "what is there is moved aside";
  const std::size_t owners = state.tree.ephemeral_owners().size();
  tell_proof();
  ZK_TRY(const restore::Reshaped reshaped,
         restore::reshape(state, {options_.keeps_sessions(), options_.part() ? *options_.path : ""}));
  ttl_nodes_ = state.tree.count_of(NodeKind::kTtl) != 0;
  std::string dropped;
  if (!reshaped.sessions.empty() || !reshaped.ephemerals.empty())
    dropped = fmt::format(
        "; {} of {} dropped, {} in all{}", counted(reshaped.ephemerals.size(), "ephemeral", "ephemerals"),
        counted(owners, "session", "sessions"), counted(reshaped.sessions.size(), "session", "sessions"),
        options_.part() ? "" : " (--keep-sessions to keep)");
  if (options_.part())
    dropped += fmt::format("; {} nodes outside {} left out", human_count(reshaped.nodes_left_out),
                           escape_terminal(*options_.path));
  say("plan",
      fmt::format("{} + {} txns → {} ({}); {}{}", base, human_count(txns), dir_, place, epoch, dropped));
  tell_dropped(reshaped);

  contents_.server_id = options_.server_id ? options_.server_id : listing_.myid;
  restore::Lineage& lineage = contents_.lineage;
  lineage.source = opened_.source->description();
  if (opened_.stored) {
    lineage.repository = opened_.stored->repository_id;
    lineage.cluster = opened_.stored->cluster;
    lineage.timeline = opened_.stored->timeline;
    lineage.backup = opened_.stored->backup;
  }
  lineage.fork_zxid = target_.zxid;
  lineage.snapshot_zxid = contents_.snapshot_zxid;
  lineage.sessions_kept = options_.keeps_sessions();
  lineage.path = options_.part() ? *options_.path : "";
  lineage.restored_ms = context_.clock.wall().ms;
  ZK_TRY(contents_.conf, restore::restored_config(config_, {dir_, log_dir_, ttl_nodes_}));
  for (const restore::Finding& note : config_.notes) tell(note);
  report_.field("epoch", "", Cell::integer(contents_.current_epoch));
  report_.field("bumped", "", Cell::boolean(options_.bumps()));
  report_.field("snapshot_zxid", "", Cell::zxid(contents_.snapshot_zxid));
  report_.field("server_id", "", contents_.server_id ? Cell::integer(*contents_.server_id) : Cell::null());
  return {};
}

/// Whether only an ensemble can have come to the epoch of the point: no configuration says that the server
/// stood alone, and no earlier restore raised the epoch so far.
bool Restore::epoch_is_of_an_election() const {
  const std::int64_t epoch = zxid_epoch(target_.zxid);
  const bool says_alone =
      config_.cfg && config_.ensemble.servers.empty() && !config_.cfg->dynamic_config_file();
  if (epoch == 0 || !config_.ensemble.servers.empty() || says_alone) return false;
  const restore::ExtraFile* file = listing_.extra(restore::kLineageFile);
  if (file == nullptr) return true;
  const Result<restore::Lineage> lineage = restore::parse_lineage(file->content);
  return !lineage || lineage->epoch.value_or(0) < epoch;
}

/// What the operator has to know or do now, one sentence each.
std::vector<std::string> Restore::advice() const {
  std::vector<std::string> lines;
  if (contents_.conf.empty())
    lines.push_back(fmt::format("no zoo.cfg was captured: start a server with dataDir={}{}", dir_,
                                log_dir_.empty() ? "" : fmt::format(" and dataLogDir={}", log_dir_)));
  else
    lines.push_back(fmt::format("start with {}/conf/zoo.cfg (dataDir={})", dir_, dir_));
  const Ensemble& ensemble = config_.ensemble;
  if (ensemble.servers.size() > 1) {
    const std::string ids = ids_of(ensemble);
    if (options_.bumps())
      lines.push_back(fmt::format(
          "this replaces the whole ensemble: stop members {}, restore each with --server-id, then start them",
          ids));
    if (!contents_.server_id)
      lines.push_back("there is no myid: an ensemble member needs --server-id");
    else if (ensemble.find(*contents_.server_id) == nullptr)
      lines.push_back(
          fmt::format("server id {} is not in the configuration, which has {}", *contents_.server_id, ids));
  } else if (options_.bumps() && epoch_is_of_an_election()) {
    lines.push_back(
        "the data come from an ensemble: stop every member, restore each with its --server-id, then start "
        "them");
  }
  if (ttl_nodes_ && contents_.conf.empty())
    lines.push_back(
        "there are TTL nodes: a server without -Dzookeeper.extendedTypesEnabled=true deletes them when it "
        "starts");
  if (options_.keeps_sessions() && options_.bumps())
    lines.push_back(
        "kept sessions re-attach, and their watches tell them nothing of values that went back: restart "
        "their clients");
  if (!options_.bumps() && highest_zxid_ > target_.zxid)
    lines.push_back(fmt::format(
        "zxids above {} will be issued again with other contents: let no client of the old history reach it",
        zxid_text(target_.zxid)));
  if (options_.part())
    lines.push_back(
        "this is a part of a tree: no digest of a server's own covers it, and its clients' sessions are "
        "gone");
  return lines;
}

void Restore::tell_next() {
  std::vector<std::string> lines = advice();
  for (std::size_t i = 0; i < lines.size(); ++i) say(i == 0 ? "next" : "", lines[i]);
  report_.field("advice", "", Cell::list(std::move(lines)));
}

Status Restore::write() {
  ZK_TRY(const restore::Materialized made,
         restore::materialize(context_.fs, *std::move(directory_), dir_, std::move(rebuilt_->replay.state),
                              contents_, context_.job));
  for (const std::string& path : made.moved_aside) say("moved", fmt::format("what was there is in {}", path));
  const std::int64_t ms = (context_.clock.monotonic().ns - started_.ns) / 1'000'000;
  say("restored", fmt::format("{} znodes, {} sessions in {}; {} read back, digest {} equal",
                              human_count(made.nodes), human_count(made.sessions), human_duration_ms(ms),
                              human_size(made.bytes), hex_text(made.digest)));
  report_.field("snapshot", "", Cell::string(made.snapshot));
  report_.field("znodes", "", Cell::count(made.nodes));
  report_.field("sessions", "", Cell::count(made.sessions));
  report_.field("bytes", "", Cell::size(made.bytes));
  report_.field("digest", "", Cell::hex(made.digest));
  report_.field("moved_aside", "", Cell::list(made.moved_aside));
  return {};
}

Status Restore::run() {
  ZK_TRY_STATUS(open());
  ZK_TRY_STATUS(find_target());
  ZK_TRY_STATUS(check_target());
  ZK_TRY_STATUS(check_ensemble());
  if (!options_.dry_run) ZK_TRY_STATUS(directory_->claim(context_.system));
  // A live server may purge a file between listing and reading it.
  Status rebuilt = rebuild_state();
  for (int again = 0; !rebuilt && rebuilt.error().id() == ErrorId::kNoFile && again < 3; ++again) {
    ZK_TRY_STATUS(list_source());
    rebuilt = rebuild_state();
  }
  ZK_TRY_STATUS(std::move(rebuilt));
  ZK_TRY_STATUS(plan());
  if (!options_.dry_run)
    ZK_TRY_STATUS(write());
  else
    say("dry run", "nothing was written");
  tell_next();
  if (!context_.output.is_table()) context_.output.print(report_);
  return {};
}

}  // namespace

Status restore_data(Context& context, const DataRestore& wanted) { return Restore(context, wanted).run(); }

}  // namespace zkark::cli
