// `sessions`: the lives of sessions with what they held, and who held a lock or an election when.
#include <fmt/format.h>

#include <algorithm>

#include "src/cli/context.h"
#include "src/cli/log_span.h"
#include "src/cli/point_in_time.h"
#include "src/cli/show_findings.h"
#include "src/cli/state_at.h"
#include "src/cli/text.h"
#include "src/cli/verb.h"
#include "src/forensics/holders.h"
#include "src/forensics/sessions.h"

namespace zkark::cli {
namespace {

using forensics::HeldEnd;
using forensics::HeldNode;
using forensics::Moment;
using forensics::SessionEnd;
using forensics::SessionHistory;
using forensics::SessionLife;
using forensics::SessionOrigin;
using forensics::TenureEnd;

enum class Order : std::uint8_t { kCreated, kEnded, kWrites, kErrors, kBytes, kEphemerals };

struct Options {
  std::optional<std::string> source;
  std::vector<std::string> sessions;
  std::optional<std::string> log_dir, timeline, since, until, at, holders;
  std::vector<std::string> paths;
  bool open = false, ended = false, ephemerals = false, history = false;
  Order sort = Order::kCreated;
  std::optional<std::int64_t> limit;
};

Cell zxid_of(const std::optional<Moment>& moment) { return moment ? Cell::zxid(moment->zxid) : Cell(); }
Cell time_of(const std::optional<Moment>& moment) {
  return moment ? Cell::time(WallTime{moment->time_ms}) : Cell();
}

std::string_view name_of(SessionEnd end) {
  switch (end) {
    case SessionEnd::kOpen:
      return "open";
    case SessionEnd::kClosed:
      return "closed";
    case SessionEnd::kExpired:
      return "expired";
    case SessionEnd::kUnknown:
      return "unknown";
  }
  return "unknown";
}
std::string_view name_of(SessionOrigin origin) {
  switch (origin) {
    case SessionOrigin::kLogged:
      return "logged";
    case SessionOrigin::kBeforeTheLogs:
      return "before the logs begin";
    case SessionOrigin::kLocal:
      return "local";
  }
  return "logged";
}

const std::vector<Column>& life_columns() {
  static const std::vector<Column> kColumns = {{"session", "SESSION"},
                                               {"created", "CREATED"},
                                               {"timeout_ms", "TIMEOUT"},
                                               {"writes", "WRITES"},
                                               {"errors", "ERRORS"},
                                               {"ephemerals", "EPHEMERALS"},
                                               {"end", "END"},
                                               {"ended", "ENDED"},
                                               {"origin", ""},
                                               {"created_zxid", ""},
                                               {"ended_zxid", ""},
                                               {"creates", ""},
                                               {"sets", ""},
                                               {"deletes", ""},
                                               {"set_acls", ""},
                                               {"others", ""},
                                               {"multis", ""},
                                               {"bytes", ""},
                                               {"first_write_zxid", ""},
                                               {"first_write", ""},
                                               {"last_write_zxid", ""},
                                               {"last_write", ""},
                                               {"ephemerals_now", ""}};
  return kColumns;
}

std::vector<Cell> life_cells(const SessionLife& life) {
  return {Cell::session(life.id),
          time_of(life.created),
          life.timeout_ms ? Cell::duration_ms(*life.timeout_ms) : Cell(),
          Cell::count(life.writes()),
          Cell::count(life.errors),
          Cell::count(life.ephemerals),
          Cell::string(name_of(life.end)),
          time_of(life.ended),
          Cell::string(name_of(life.origin)),
          zxid_of(life.created),
          zxid_of(life.ended),
          Cell::count(life.creates),
          Cell::count(life.sets),
          Cell::count(life.deletes),
          Cell::count(life.set_acls),
          Cell::count(life.others),
          Cell::count(life.multis),
          Cell::size(life.bytes),
          zxid_of(life.first_write),
          time_of(life.first_write),
          zxid_of(life.last_write),
          time_of(life.last_write),
          Cell::count(life.ephemerals_now)};
}

/// One session, for people: all there is to say.
void add_fields(Report& report, const SessionLife& life) {
  const auto moment = [](const std::optional<Moment>& at) {
    return at ? fmt::format("{} {}", zxid_text(at->zxid), human_time(WallTime{at->time_ms}))
              : std::string("-");
  };
  report.field("", "session", Cell::session(life.id));
  report.field("", "created",
               Cell::string(life.created ? moment(life.created) : std::string(name_of(life.origin))));
  if (life.timeout_ms) report.field("", "timeout", Cell::duration_ms(*life.timeout_ms));
  report.field(
      "", "writes",
      Cell::string(fmt::format("{} ({} create, {} set, {} delete, {} setACL{}), {} multi, {}",
                               human_count(life.writes()), life.creates, life.sets, life.deletes,
                               life.set_acls, life.others == 0 ? "" : fmt::format(", {} other", life.others),
                               life.multis, human_size(life.bytes))));
  report.field("", "errors", Cell::count(life.errors));
  report.field("", "first write", Cell::string(moment(life.first_write)));
  report.field("", "last write", Cell::string(moment(life.last_write)));
  report.field("", "ephemerals",
               Cell::string(fmt::format("{} held, {} at the end", life.ephemerals, life.ephemerals_now)));
  report.field("", "end",
               Cell::string(life.ended ? fmt::format("{} {}", name_of(life.end), moment(life.ended))
                                       : std::string(name_of(life.end))));
}

std::string how_it_went(const HeldNode& held, const SessionLife& owner) {
  switch (held.end) {
    case HeldEnd::kStillThere:
      return "still there";
    case HeldEnd::kDeleted:
      if (held.deleted_by == owner.id) return "deleted by its owner";
      return fmt::format("deleted by {}", held.deleted_by == 0
                                              ? "the server"
                                              : hex_text(static_cast<std::uint64_t>(held.deleted_by)));
    case HeldEnd::kWithSession:
      return owner.end == SessionEnd::kExpired ? "session expired" : "session closed";
    case HeldEnd::kUnknown:
      return "unknown";
  }
  return "unknown";
}

void add_ephemerals(Report& report, const SessionHistory& history, const std::vector<bool>& shown,
                    std::optional<std::int64_t> at) {
  Table& table = report.table("ephemerals", {{"session", "SESSION"},
                                             {"path", "PATH"},
                                             {"from_zxid", "FROM"},
                                             {"from", "CREATED"},
                                             {"until_zxid", "UNTIL"},
                                             {"until", "GONE"},
                                             {"how", "HOW"},
                                             {"deleted_by", ""}});
  for (const HeldNode& held : history.held()) {
    if (!shown[held.life]) continue;
    if (at && ((held.from && held.from->zxid > *at) || (held.until && held.until->zxid <= *at))) continue;
    const SessionLife& owner = history.lives()[held.life];
    table.row({Cell::session(owner.id), Cell::string(held.path), zxid_of(held.from), time_of(held.from),
               zxid_of(held.until), time_of(held.until), Cell::string(how_it_went(held, owner)),
               held.end == HeldEnd::kDeleted ? Cell::session(held.deleted_by) : Cell()});
  }
}

struct Filter {
  const Options& options;
  const LogSpan& span;
  std::optional<std::int64_t> at;
  std::set<std::int64_t> ids;

  bool takes(const SessionLife& life) const {
    if (!ids.empty() && !ids.contains(life.id)) return false;
    const bool ended = life.ended.has_value();
    if ((options.open && life.end != SessionEnd::kOpen) || (options.ended && !ended)) return false;
    if (!options.paths.empty() && !life.touched) return false;
    if (at && (life.created ? life.created->zxid > *at
                            : life.origin == SessionOrigin::kLocal && life.first_seen.zxid > *at))
      return false;
    if (at && ended && life.ended->zxid <= *at) return false;
    // The life overlaps the span; one without a beginning or an end has none to be outside with.
    if (life.created && (life.created->zxid > span.last_zxid || life.created->time_ms > span.until_ms))
      return false;
    return !ended || (life.ended->zxid >= span.first_zxid && life.ended->time_ms >= span.since_ms);
  }
};

void sort(std::vector<const SessionLife*>& lives, Order order) {
  const auto key = [order](const SessionLife& life) -> std::uint64_t {
    switch (order) {
      case Order::kEnded:
        return life.ended ? static_cast<std::uint64_t>(life.ended->zxid) : 0;
      case Order::kWrites:
        return life.writes();
      case Order::kErrors:
        return life.errors;
      case Order::kBytes:
        return life.bytes;
      case Order::kEphemerals:
        return life.ephemerals;
      case Order::kCreated:
        break;
    }
    return 0;
  };
  if (order == Order::kCreated) return;  // as they were seen first
  std::stable_sort(lives.begin(), lives.end(),
                   [&](const SessionLife* a, const SessionLife* b) { return key(*a) > key(*b); });
}

Status show_lives(Context& context, const Options& options, History& history) {
  forensics::SessionOptions wanted;
  Filter filter{options, history.span, std::nullopt, {}};
  for (const std::string& path : options.paths) {
    ZK_TRY(forensics::PathPattern pattern, forensics::PathPattern::parse(path));
    wanted.paths.push_back(std::move(pattern));
  }
  for (const std::string& text : options.sessions) {
    ZK_TRY(const std::int64_t id, parse_zxid(text));
    filter.ids.insert(id);
  }
  wanted.keep_nodes_of = filter.ids;
  wanted.keep_nodes = options.ephemerals && filter.ids.empty();
  wanted.last_zxid = history.last_zxid;
  if (options.at) {
    restore::TargetOptions point;
    ZK_TRY(point.point, parse_point(*options.at, context));
    ZK_TRY(const restore::Target target,
           restore::resolve_target(*history.opened.source, history.listing, point, context.job));
    filter.at = target.zxid;
    if (target.record) context.output.note("at " + restore::note_text(*target.record));
  }
  restore::Findings findings;
  context.job.progress.phase = "reading";
  ZK_TRY(const SessionHistory seen, forensics::walk_sessions(*history.opened.source, history.listing,
                                                             std::move(wanted), findings, context.job));
  show_span_findings(context, history.span, findings);
  std::vector<const SessionLife*> lives;
  std::vector<bool> shown(seen.lives().size());
  for (const SessionLife& life : seen.lives())
    if (filter.takes(life)) lives.push_back(&life);
  for (const std::int64_t id : filter.ids)
    if (std::none_of(seen.lives().begin(), seen.lives().end(),
                     [id](const SessionLife& life) { return life.id == id; }))
      return fail(Error(ErrorId::kNotFound, fmt::format("no record and no snapshot here knows a session {}",
                                                        hex_text(static_cast<std::uint64_t>(id))))
                      .with_hint("zkark sessions SRC lists those that are known"));
  sort(lives, options.sort);
  if (options.limit && lives.size() > static_cast<std::size_t>(*options.limit))
    lives.resize(static_cast<std::size_t>(*options.limit));
  for (const SessionLife* life : lives) shown[static_cast<std::size_t>(life - seen.lives().data())] = true;

  Report report("sessions");
  report.list_of_rows();
  const bool people = context.output.is_table();
  if (!people) {
    report.field("count", Cell::count(lives.size()));
    report.field("at", filter.at ? Cell::zxid(*filter.at) : Cell());
  }
  const bool nodes = options.ephemerals || !filter.ids.empty();
  const bool one_page = people && lives.size() == 1 && filter.ids.size() == 1;
  if (one_page) {
    add_fields(report, *lives.front());
  } else {
    // CSV and plain print the first table.
    const bool exact = context.output.format() == Format::kCsv || context.output.format() == Format::kPlain;
    if (exact && options.ephemerals) {
      add_ephemerals(report, seen, shown, filter.at);
      context.output.print(report);
      return {};
    }
    Table& table = report.table("sessions", life_columns());
    for (const SessionLife* life : lives) table.row(life_cells(*life));
  }
  if (nodes) add_ephemerals(report, seen, shown, filter.at);
  if (people && !one_page) {
    const auto before = std::count_if(lives.begin(), lives.end(), [](const SessionLife* life) {
      return life->origin == SessionOrigin::kBeforeTheLogs;
    });
    const auto local = std::count_if(lives.begin(), lives.end(), [](const SessionLife* life) {
      return life->origin == SessionOrigin::kLocal;
    });
    if (before != 0) report.remark(fmt::format("{} created before the logs begin", before));
    if (local != 0) report.remark(fmt::format("{} never in the table of sessions: local ones", local));
    if (lives.empty()) report.remark("no session matches");
  }
  context.output.print(report);
  return {};
}

// ---- --holders ----

Status show_queue(Context& context, const Options& options) {
  StateOptions wanted;
  wanted.source = options.source;
  wanted.path = options.holders;
  wanted.log_dir = options.log_dir;
  wanted.timeline = options.timeline;
  wanted.at = options.at;
  ZK_TRY(const StateAt at, load_state_at(context, wanted, NodeArgument::kRequired));
  ZK_TRY(const restore::NodeId node, find_node(at, *options.holders));
  const forensics::Queue queue = forensics::queue_at(at.state.tree, node);
  Report report("sessions");
  report.list_of_rows();
  report.field("path", "", Cell::string(*options.holders));
  report.field("zxid", "", Cell::zxid(at.target.zxid));
  report.field("ordered", "", Cell::boolean(queue.ordered));
  Table& table = report.table("holders", {{"position", "#"},
                                          {"holds", "HOLDS"},
                                          {"session", "SESSION"},
                                          {"sequence", ""},
                                          {"since", "SINCE"},
                                          {"since_zxid", "ZXID"},
                                          {"path", "PATH"}});
  std::uint64_t position = 0;
  for (const forensics::Waiter& waiter : queue.waiters)
    table.row({Cell::count(++position), Cell::boolean(waiter.holds),
               waiter.session == 0 ? Cell() : Cell::session(waiter.session),
               waiter.sequence ? Cell::integer(*waiter.sequence) : Cell(),
               Cell::time(WallTime{waiter.since.time_ms}), Cell::zxid(waiter.since.zxid),
               Cell::string(waiter.path)});
  if (queue.waiters.empty())
    report.remark("nobody: no child is ephemeral or ends in a sequence number");
  else if (!queue.ordered && !queue.waiters.front().holds)
    report.remark("no child ends in a sequence number: these are members, of whom none comes first");
  if (queue.wrapped)
    context.output.warn(
        "the numbers have wrapped below zero: clients that compare them as text see another order");
  context.output.print(report);
  return {};
}

std::string_view name_of(TenureEnd end) {
  switch (end) {
    case TenureEnd::kHoldsStill:
      return "holds still";
    case TenureEnd::kReleased:
      return "released";
    case TenureEnd::kDeleted:
      return "deleted";
    case TenureEnd::kClosed:
      return "session closed";
    case TenureEnd::kExpired:
      return "session expired";
    case TenureEnd::kUnknown:
      return "unknown";
  }
  return "unknown";
}

Status show_tenures(Context& context, const Options& options, History& history) {
  const std::string& path = *options.holders;
  if (path != "/" && !restore::Tree::valid_path(path))
    return fail(Error(ErrorId::kUsage, fmt::format("'{}' can be no path of a node", path))
                    .with_hint("a path begins with / and does not end with one"));
  restore::Findings findings;
  context.job.progress.phase = "replaying";
  ZK_TRY(const forensics::Tenures seen,
         forensics::walk_tenures(*history.opened.source, history.listing,
                                 {.path = path, .last_zxid = history.last_zxid}, findings, context.job));
  show_span_findings(context, history.span, findings);
  if (!seen.path_seen)
    return fail(Error(ErrorId::kNotFound, fmt::format("there never was a node {} in this history", path)));
  Report report("sessions");
  report.list_of_rows();
  report.field("path", "", Cell::string(path));
  Table& table = report.table("tenures", {{"from", "FROM"},
                                          {"until", "UNTIL"},
                                          {"session", "SESSION"},
                                          {"how", "HOW"},
                                          {"path", "PATH"},
                                          {"from_zxid", ""},
                                          {"until_zxid", ""},
                                          {"ended_by", ""},
                                          {"sequence", ""},
                                          {"queued", ""},
                                          {"queued_zxid", ""}});
  for (const forensics::Tenure& tenure : seen.tenures) {
    const LogSpan& span = history.span;
    if (tenure.from && (tenure.from->zxid > span.last_zxid || tenure.from->time_ms > span.until_ms)) continue;
    if (tenure.until && (tenure.until->zxid < span.first_zxid || tenure.until->time_ms < span.since_ms))
      continue;
    std::string how(name_of(tenure.end));
    if (tenure.end == TenureEnd::kDeleted)
      how += tenure.ended_by == 0
                 ? " by the server"
                 : fmt::format(" by {}", hex_text(static_cast<std::uint64_t>(tenure.ended_by)));
    table.row({time_of(tenure.from), time_of(tenure.until),
               tenure.session == 0 ? Cell() : Cell::session(tenure.session), Cell::string(how),
               Cell::string(tenure.path), zxid_of(tenure.from), zxid_of(tenure.until),
               tenure.until && tenure.ended_by != 0 ? Cell::session(tenure.ended_by) : Cell(),
               tenure.sequence ? Cell::integer(*tenure.sequence) : Cell(),
               Cell::time(WallTime{tenure.queued.time_ms}), Cell::zxid(tenure.queued.zxid)});
  }
  if (table.rows().empty()) report.remark("nobody held it");
  context.output.print(report);
  return {};
}

/// With -r, the first word may be a session already.
Result<Options> settle(Context& context, const Options& given) {
  Options settled = given;
  if (!given.source || !given.source->starts_with("0x") || !context.has_repository() ||
      !parse_zxid(*given.source))
    return settled;
  ZK_TRY(const bool here, exists(context.fs, *given.source));
  if (here) return settled;
  settled.sessions.insert(settled.sessions.begin(), *given.source);
  settled.source.reset();
  return settled;
}

Status run(Context& context, const Options& given) {
  ZK_TRY(const Options options, settle(context, given));
  if (options.history && !options.holders)
    return fail(Error(ErrorId::kUsage, "--history says who held what --holders names")
                    .with_hint("zkark sessions SRC --holders /app/lock --history"));
  if (options.history && options.at)
    return fail(Error(ErrorId::kUsage, "--at is one moment, --history all of them")
                    .with_hint("use --since and --until"));
  if (options.holders && !options.sessions.empty())
    return fail(Error(ErrorId::kUsage, "--holders asks for one node, not for sessions"));
  if (options.holders && !options.history) return show_queue(context, options);
  ZK_TRY(History history, open_history(context, {options.source, options.log_dir, options.timeline,
                                                 options.since, options.until}));
  return options.holders ? show_tenures(context, options, history) : show_lives(context, options, history);
}

}  // namespace

Verb sessions_verb() {
  VerbBuilder<Options> verb({
      .name = "sessions",
      .group = Group::kForensics,
      .summary = "show sessions, what they held, and who held a lock when",
      .description =
          "Tells the life of each session from the logs: when it was created, what it wrote, how many "
          "ephemeral nodes it held, and how it ended: closed by its client, expired (ended by the server), "
          "open at the end of the logs, or unknown, where records are missing. Given a session, or "
          "--ephemerals, it lists the nodes it held, from when to when, and how each went. Writes are "
          "operations that took effect, the parts of a multi one by one; errors are requests that were "
          "logged "
          "and changed nothing.\n\nWith --holders PATH it shows the queue of a lock or an election: the "
          "children "
          "that are ephemeral or end in a sequence number, in the order of the numbers, the first of which "
          "holds "
          "it; --history shows who held it from when to when. An ephemeral PATH (/controller) is held by its "
          "owner.\n\nCSV and plain output list sessions, or with --ephemerals the nodes.",
      .examples = {{"zkark sessions /var/lib/zookeeper --sort writes --limit 10", "who wrote most"},
                   {"zkark sessions /var/lib/zookeeper 0x200143f42000006", "one session, with what it held"},
                   {"zkark sessions /var/lib/zookeeper --at '2 hours ago' --ephemerals",
                    "what was held then, by whom"},
                   {"zkark sessions /var/lib/zookeeper --holders /app/lock --at '2026-11-21 05:31Z'",
                    "who held a lock at a time"},
                   {"zkark sessions /var/lib/zookeeper --holders /app/leader --history",
                    "every leader so far"}},
      .exit_codes = {3, 5, 6, 7},
      .uses = kUsesRepository | kUsesCache | kUsesTime | kUsesProgress,
  });
  verb.argument("SRC", &Options::source, "what to read; the repository of -r if left out")
      .completes(Completes::kSource);
  verb.argument(
      "SESSION", &Options::sessions,
      "only these sessions, as 0x…; beside a repository SRC may be left out, and a point is zxid:0x…");
  verb.text("log-dir", "DIR", &Options::log_dir, "the dataLogDir, where it is apart from the dataDir")
      .completes(Completes::kDirectory);
  verb.text("timeline", "ID", &Options::timeline,
            "of this timeline of the repository, instead of the newest");
  verb.flag("open", &Options::open, "only sessions that are open at the end").excludes({"ended"});
  verb.flag("ended", &Options::ended, "only sessions that were closed or expired");
  verb.text("at", "POINT", &Options::at, "only sessions that were alive then, nodes that were held then")
      .completes(Completes::kPoint);
  verb.text("since", "POINT", &Options::since, "only what had not ended before").completes(Completes::kPoint);
  verb.text("until", "POINT", &Options::until, "only what had begun by then").completes(Completes::kPoint);
  verb.text("path", "PATTERN", &Options::paths,
            "only sessions that wrote or held this node or one below it; * ? [a-z] ** match as in log");
  verb.flag("ephemerals", &Options::ephemerals, "list the ephemeral nodes that were held");
  verb.choice("sort", "ORDER", &Options::sort,
              {{"created", Order::kCreated, "as they were first seen"},
               {"ended", Order::kEnded, "last ended first"},
               {"writes", Order::kWrites},
               {"errors", Order::kErrors},
               {"bytes", Order::kBytes, "what their records take in the logs"},
               {"ephemerals", Order::kEphemerals}},
              "order of the sessions; largest first");
  verb.number("limit", "COUNT", &Options::limit, 0, INT64_MAX, "no more sessions than that");
  verb.text("holders", "PATH", &Options::holders, "the queue of this lock or election");
  verb.flag("history", &Options::history, "with --holders: who held it from when to when");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
