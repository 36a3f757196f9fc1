#include "src/cli/undo_print.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/cli/text.h"
#include "src/cli/txn_print.h"
#include "src/forensics/line_diff.h"

namespace zkark::cli {
namespace {

using forensics::Deed;
using forensics::Hindrance;
using forensics::LeftAlone;
using forensics::NodeCopy;
using forensics::UndoOperation;
using forensics::UndoPlan;
using forensics::UndoRequest;
using What = UndoOperation::What;

constexpr std::size_t kShownValue = 60;     // bytes of a value that stands in the line
constexpr std::size_t kLongestLine = 4096;  // bytes of a line of a patch
constexpr std::size_t kPatchContext = 1;
constexpr std::size_t kShownDeeds = 3;
constexpr std::size_t kShownInList = 20;

const std::vector<std::string>& not_brought_back() {
  static const std::vector<std::string> kWhat = {"czxid",   "mzxid",    "pzxid",    "ctime",   "mtime",
                                                 "version", "cversion", "aversion", "sessions"};
  return kWhat;
}

std::string_view operation_name(What what) {
  switch (what) {
    case What::kCreate:
      return "create";
    case What::kSetData:
      return "setData";
    case What::kDelete:
      return "delete";
    case What::kSetAcl:
      return "setACL";
  }
  return "";
}

std::string session_text(std::int64_t session) { return hex_text(static_cast<std::uint64_t>(session)); }

std::string deed_text(const Deed& deed) {
  std::string text = fmt::format("{} {}", zxid_text(deed.zxid), human_time(WallTime{deed.time_ms}));
  if (!deed.recorded) return text + " create";
  text += fmt::format(" {}", txn_type_name(deed.type));
  if (deed.part != 0) text += fmt::format(" (part {} of a multi)", deed.part);
  return text +
         (deed.session == 0 ? " by the server" : fmt::format(" by session {}", session_text(deed.session)));
}

std::string kind_text(const NodeCopy& node) {
  const std::int64_t owner = node.stat.ephemeral_owner;
  std::string text(node_kind_name(node_kind(owner)));
  if (node_kind(owner) == NodeKind::kEphemeral) text += " of session " + session_text(owner);
  if (node_kind(owner) == NodeKind::kTtl) text += " of " + human_duration_ms(ttl_of(owner));
  return text;
}

std::vector<std::string> acl_of(const NodeCopy& node) {
  if (!node.acl_known) return {"?"};
  if (node.acl.empty()) return {"world:anyone:cdrwa"};
  std::vector<std::string> rules;
  for (const Acl& rule : node.acl_list()) rules.push_back(acl_text(rule));
  return rules;
}
std::string acl_line(const NodeCopy& node) {
  std::string text;
  for (const std::string& rule : acl_of(node)) text += (text.empty() ? "" : ",") + escape_terminal(rule);
  return text.empty() ? "no rule at all" : text;
}

bool is_text(const std::optional<std::string>& data) {
  return data && is_utf8(*data) && data->find('\0') == std::string::npos;
}
bool fits_in_line(const std::optional<std::string>& data) {
  return !data || (data->size() <= kShownValue && is_text(data));
}
std::string data_text(const std::optional<std::string>& data) {
  if (!data) return "(null)";
  if (data->empty()) return "(empty)";
  if (!is_text(data)) return fmt::format("({}, no text)", human_size(data->size()));
  if (data->size() <= kShownValue) return escape_terminal(*data);
  std::size_t end = 0;
  while (end < kShownValue) end += decode_utf8(std::string_view(*data).substr(end)).length;
  return fmt::format("{}… ({})", escape_terminal(data->substr(0, end)), human_size(data->size()));
}

std::optional<Bytes> bytes_of(const std::optional<std::string>& data) {
  if (!data) return std::nullopt;
  return as_bytes(*data);
}

std::string nodes_text(std::size_t count) { return count == 1 ? "1 node" : human_count(count) + " nodes"; }

/// For people.
class PlanText {
 public:
  PlanText(Output& output, const UndoPlan& plan, const UndoShown& shown)
      : output_(output), plan_(plan), shown_(shown) {}

  void print() {
    head();
    for (std::size_t i = 0; i < plan_.requests.size(); ++i) request(i);
    left();
    rest();
  }

 private:
  void label(std::string_view name, std::string_view text) {
    output_.line(fmt::format("{:<9}{}", name, text));
  }
  void part(std::string_view name, std::string_view text) {
    output_.line(fmt::format("    {:<8}{}", name, text));
  }

  void head() {
    label("state", fmt::format("{} at {}", escape_terminal(shown_.source), zxid_text(shown_.zxid)));
    if (shown_.back_to) label("back to", zxid_text(*shown_.back_to));
    label("chosen",
          plan_.records == 0
              ? std::string("no transaction")
              : fmt::format("{} {}, {}{}, with {} {}", human_count(plan_.records),
                            plan_.records == 1 ? "transaction" : "transactions", zxid_text(plan_.first_zxid),
                            plan_.records == 1 ? "" : " to " + zxid_text(plan_.last_zxid),
                            human_count(plan_.changes), plan_.changes == 1 ? "change" : "changes"));
    std::size_t multis = 0, operations = 0, acls = 0;
    for (const UndoRequest& one : plan_.requests) {
      (one.multi ? multis : acls) += 1;
      if (one.multi) operations += one.operations.size();
    }
    std::string text = "nothing to do";
    if (multis != 0)
      text = fmt::format("{} {} of {} {}", human_count(multis), multis == 1 ? "multi" : "multis",
                         human_count(operations), operations == 1 ? "operation" : "operations");
    if (acls != 0)
      text = fmt::format("{}{} setACL of {} own", multis == 0 ? std::string() : text + ", ",
                         human_count(acls), acls == 1 ? "its" : "their");
    label("plan", text + "; nothing was sent");
  }

  void request(std::size_t index) {
    const UndoRequest& one = plan_.requests[index];
    const std::size_t count = one.operations.size();
    output_.line(
        output_.bold(one.multi ? fmt::format("request {} of {}: a multi of {} {}, {}, all or nothing{}",
                                             index + 1, plan_.requests.size(), human_count(count),
                                             count == 1 ? "operation" : "operations", human_size(one.bytes),
                                             one.goes_on ? " (what belongs to it goes on in the next)" : "")
                               : fmt::format("request {} of {}: a setACL, {}", index + 1,
                                             plan_.requests.size(), human_size(one.bytes))));
    for (const UndoOperation& each : one.operations) operation(each);
  }

  void operation(const UndoOperation& one) {
    const std::string name(operation_name(one.what));
    const std::string shown = one.what == What::kCreate   ? output_.green(name)
                              : one.what == What::kDelete ? output_.red(name)
                                                          : output_.yellow(name);
    std::string guard = "if nothing is there";
    if (one.what == What::kSetAcl)
      guard = fmt::format("if its aversion is {}", one.version);
    else if (one.what != What::kCreate)
      guard = fmt::format("if its version is {}", one.version);
    output_.line(fmt::format("  {} {}  {}", shown, escape_terminal(one.path), output_.dim(guard)));
    switch (one.what) {
      case What::kCreate:
        part("becomes",
             fmt::format("{}, {}, {}", kind_text(one.then), acl_line(one.then), data_text(one.then.data)));
        break;
      case What::kDelete:
        part("now", fmt::format("{}, {}", kind_text(*one.now), data_text(one.now->data)));
        break;
      case What::kSetAcl:
        part("now", acl_line(*one.now));
        part("becomes", acl_line(one.then));
        break;
      case What::kSetData:
        values(one);
        break;
    }
    deeds("undoes", one.undoes);
    deeds("loses", one.loses);
  }

  void values(const UndoOperation& one) {
    const bool lines = is_text(one.now->data) && is_text(one.then.data) &&
                       !(fits_in_line(one.now->data) && fits_in_line(one.then.data));
    part("now", lines ? human_size(one.now->data->size()) : data_text(one.now->data));
    part("becomes", lines ? human_size(one.then.data->size()) : data_text(one.then.data));
    if (!lines) return;
    for (const forensics::DiffLine& each :
         forensics::diff_lines(*one.now->data, *one.then.data, kPatchContext)) {
      const bool cut = each.text.size() > kLongestLine;
      const std::string text = fmt::format(
          "      {}{}{}", each.sign, escape_terminal(each.text.substr(0, kLongestLine)), cut ? "…" : "");
      output_.line(each.sign == '+' ? output_.green(text) : each.sign == '-' ? output_.red(text) : text);
    }
  }

  void deeds(std::string_view name, const std::vector<Deed>& all) {
    for (std::size_t i = 0; i < std::min(all.size(), kShownDeeds); ++i)
      part(i == 0 ? name : std::string_view(), deed_text(all[i]));
    if (all.size() > kShownDeeds)
      part("", fmt::format("and {} before it", human_count(all.size() - kShownDeeds)));
  }

  void left() {
    if (plan_.left.empty()) return;
    output_.line(output_.bold(fmt::format("left as they are: {}", nodes_text(plan_.left.size()))));
    for (const LeftAlone& one : plan_.left) {
      output_.line(fmt::format("  {}  {}", escape_terminal(one.path), output_.yellow(hindrance_text(one))));
      deeds("chosen", one.chosen);
      deeds("later", one.later);
    }
  }

  void rest() {
    if (!plan_.already.empty()) {
      output_.line(output_.bold(fmt::format("as before already: {}", nodes_text(plan_.already.size()))));
      for (std::size_t i = 0; i < std::min(plan_.already.size(), kShownInList); ++i)
        output_.line("  " + escape_terminal(plan_.already[i]));
      if (plan_.already.size() > kShownInList)
        output_.line(fmt::format("  and {} more", human_count(plan_.already.size() - kShownInList)));
    }
    if (!plan_.ineffective.empty()) {
      output_.line(output_.bold(
          fmt::format("chosen, and changed no node: {}", human_count(plan_.ineffective.size()))));
      for (std::size_t i = 0; i < std::min(plan_.ineffective.size(), kShownInList); ++i) {
        const forensics::Ineffective& one = plan_.ineffective[i];
        output_.line(fmt::format(
            "  {}{}", deed_text(one.deed),
            one.result == 0 ? std::string() : fmt::format(": failed ({})", zk_code_name(one.result))));
      }
      if (plan_.ineffective.size() > kShownInList)
        output_.line(fmt::format("  and {} more", human_count(plan_.ineffective.size() - kShownInList)));
    }
    if (!plan_.requests.empty())
      output_.line(
          "not brought back: zxids and times (czxid, mzxid, ctime, mtime); versions, which count on, and "
          "begin "
          "at 0 in a node that is made anew");
  }

  Output& output_;
  const UndoPlan& plan_;
  const UndoShown& shown_;
};

// ---- for programs ----

std::vector<std::string> zxids_of(const std::vector<Deed>& deeds) {
  std::vector<std::string> all;
  for (const Deed& deed : deeds) all.push_back(zxid_text(deed.zxid));
  return all;
}

void add_deed(std::vector<Cell>& row, const std::vector<Deed>& deeds) {
  if (deeds.empty()) {
    row.insert(row.end(), 6, Cell());
    return;
  }
  const Deed& newest = deeds.front();
  row.push_back(Cell::zxid(newest.zxid));
  row.push_back(Cell::time(WallTime{newest.time_ms}));
  row.push_back(Cell::session(newest.session));
  row.push_back(Cell::integer(newest.cxid));
  row.push_back(Cell::string(txn_type_name(newest.type)));
  row.push_back(newest.part == 0 ? Cell() : Cell::integer(newest.part));
}

std::vector<Cell> operation_row(std::size_t request, const UndoOperation& one) {
  const bool gives_all = one.what == What::kCreate;
  const bool gives_data = gives_all || one.what == What::kSetData;
  const bool gives_acl = gives_all || one.what == What::kSetAcl;
  const std::int64_t owner = one.then.stat.ephemeral_owner;
  std::vector<Cell> row = {Cell::integer(static_cast<std::int64_t>(request)),
                           Cell::string(operation_name(one.what)), Cell::string(one.path)};
  row.push_back(gives_all ? Cell::string(node_kind_name(node_kind(owner))) : Cell());
  row.push_back(gives_all && node_kind(owner) == NodeKind::kTtl ? Cell::integer(ttl_of(owner)) : Cell());
  row.push_back(gives_all ? Cell() : Cell::integer(one.version));
  row.push_back(gives_data ? Cell::data(bytes_of(one.then.data)) : Cell());
  row.push_back(gives_acl ? Cell::list(acl_of(one.then)) : Cell());
  if (one.now) {
    const StatPersisted& stat = one.now->stat;
    row.insert(row.end(),
               {Cell::string(node_kind_name(node_kind(stat.ephemeral_owner))), Cell::zxid(stat.czxid),
                Cell::zxid(stat.mzxid), Cell::data(bytes_of(one.now->data)), Cell::list(acl_of(*one.now))});
  } else {
    row.insert(row.end(), 5, Cell());
  }
  add_deed(row, one.undoes);
  row.push_back(Cell::list(zxids_of(one.undoes)));
  row.push_back(Cell::list(zxids_of(one.loses)));
  return row;
}

Report report_of(const UndoPlan& plan, const UndoShown& shown) {
  Report report("undo");
  report.list_of_rows();
  report.field("source", Cell::string(shown.source))
      .field("zxid", Cell::zxid(shown.zxid))
      .field("back_to", shown.back_to ? Cell::zxid(*shown.back_to) : Cell())
      .field("max_request_bytes", Cell::size(shown.max_request_bytes))
      .field("transactions", Cell::count(plan.records))
      .field("changes", Cell::count(plan.changes))
      .field("first_zxid", plan.records == 0 ? Cell() : Cell::zxid(plan.first_zxid))
      .field("last_zxid", plan.records == 0 ? Cell() : Cell::zxid(plan.last_zxid))
      .field("complete", Cell::boolean(shown.complete))
      .field("not_brought_back", Cell::list(not_brought_back()))
      .field("already", Cell::list(plan.already));
  Table& operations = report.table(
      "operations",
      {{"request", "REQUEST"}, {"op", "OP"},     {"path", "PATH"}, {"kind", ""},     {"ttl_ms", ""},
       {"version", ""},        {"data", ""},     {"acl", ""},      {"now_kind", ""}, {"now_czxid", ""},
       {"now_mzxid", ""},      {"now_data", ""}, {"now_acl", ""},  {"zxid", ""},     {"time", ""},
       {"session", ""},        {"cxid", ""},     {"type", ""},     {"part", ""},     {"undoes", ""},
       {"loses", ""}});
  for (std::size_t i = 0; i < plan.requests.size(); ++i)
    for (const UndoOperation& one : plan.requests[i].operations) operations.row(operation_row(i + 1, one));
  Table& requests = report.table(
      "requests", {{"request", ""}, {"type", ""}, {"operations", ""}, {"bytes", ""}, {"goes_on", ""}});
  for (std::size_t i = 0; i < plan.requests.size(); ++i) {
    const UndoRequest& one = plan.requests[i];
    requests.row({Cell::integer(static_cast<std::int64_t>(i + 1)),
                  Cell::string(one.multi ? "multi" : "setACL"), Cell::count(one.operations.size()),
                  Cell::size(one.bytes), Cell::boolean(one.goes_on)});
  }
  Table& left = report.table("left", {{"path", ""},
                                      {"reason", ""},
                                      {"text", ""},
                                      {"other", ""},
                                      {"zxid", ""},
                                      {"time", ""},
                                      {"session", ""},
                                      {"cxid", ""},
                                      {"type", ""},
                                      {"part", ""},
                                      {"undoes", ""},
                                      {"later", ""}});
  for (const LeftAlone& one : plan.left) {
    std::vector<Cell> row = {Cell::string(one.path), Cell::string(hindrance_name(one.why)),
                             Cell::string(hindrance_text(one)), Cell::string_or_null(one.other)};
    add_deed(row, one.chosen);
    row.push_back(Cell::list(zxids_of(one.chosen)));
    row.push_back(Cell::list(zxids_of(one.later)));
    left.row(std::move(row));
  }
  Table& ineffective =
      report.table("without_effect",
                   {{"zxid", ""}, {"time", ""}, {"session", ""}, {"cxid", ""}, {"type", ""}, {"result", ""}});
  for (const forensics::Ineffective& one : plan.ineffective)
    ineffective.row({Cell::zxid(one.deed.zxid), Cell::time(WallTime{one.deed.time_ms}),
                     Cell::session(one.deed.session), Cell::integer(one.deed.cxid),
                     Cell::string(txn_type_name(one.deed.type)), Cell::string(zk_code_name(one.result))});
  Table& counters = report.table("counters", {{"path", ""}, {"child", ""}, {"next", ""}});
  for (const forensics::CounterReset& one : plan.counters)
    counters.row({Cell::string(one.path), Cell::string(one.child), Cell::integer(one.next)});
  return report;
}

}  // namespace

std::string_view hindrance_name(Hindrance why) {
  switch (why) {
    case Hindrance::kChangedLater:
      return "changed-later";
    case Hindrance::kChildren:
      return "has-children";
    case Hindrance::kNoParent:
      return "no-parent";
    case Hindrance::kEphemeralAbove:
      return "ephemeral-parent";
    case Hindrance::kEphemeral:
      return "ephemeral";
    case Hindrance::kConfiguration:
      return "configuration";
    case Hindrance::kServerCounts:
      return "quota-statistics";
    case Hindrance::kUnknownBefore:
      return "unknown-before";
    case Hindrance::kUnknownSince:
      return "unknown-since";
    case Hindrance::kUnusableAcl:
      return "unusable-acl";
    case Hindrance::kUnguarded:
      return "unguarded";
    case Hindrance::kTooLarge:
      return "too-large";
  }
  return "";
}

std::string hindrance_text(const LeftAlone& left) {
  const std::string other = escape_terminal(left.other);
  switch (left.why) {
    case Hindrance::kChangedLater:
      return "was changed later, and not by what is chosen";
    case Hindrance::kChildren:
      return fmt::format("has to go, and {} is below it", other);
    case Hindrance::kNoParent:
      if (!left.later.empty())
        return fmt::format("cannot come back without {}, which {} took away: choose that as well", other,
                           zxid_text(left.later.front().zxid));
      return fmt::format("cannot come back: {} is not there", other);
    case Hindrance::kEphemeralAbove:
      return fmt::format("cannot come back: {} is an ephemeral now, which has no children", other);
    case Hindrance::kEphemeral:
      return fmt::format("was an ephemeral of session {}, which alone could hold it",
                         session_text(left.owner));
    case Hindrance::kConfiguration:
      return "is the dynamic configuration, which reconfig alone changes";
    case Hindrance::kServerCounts:
      return "holds a quota's statistics, which the server counts itself";
    case Hindrance::kUnknownBefore:
      return "what was there before is not known";
    case Hindrance::kUnknownSince:
      return "was changed by records that are missing here";
    case Hindrance::kUnusableAcl:
      return "had an ACL without a rule, which no server takes";
    case Hindrance::kUnguarded:
      return "has the version -1, which guards nothing";
    case Hindrance::kTooLarge:
      return fmt::format("needs a request of {}, more than the servers take (--max-request)",
                         human_size(left.bytes));
  }
  return "";
}

void print_undo(Output& output, const UndoPlan& plan, const UndoShown& shown) {
  if (output.is_table())
    PlanText(output, plan, shown).print();
  else
    output.print(report_of(plan, shown));
}

}  // namespace zkark::cli
