#include "src/cli/change_print.h"

#include <fmt/format.h>

#include <algorithm>

#include "formats/base/utf8.h"
#include "formats/ops.h"
#include "src/backup/codec.h"
#include "src/cli/text.h"
#include "src/forensics/line_diff.h"

namespace zkark::cli {
namespace {

using forensics::Change;
using forensics::ChangeKind;
using forensics::NodeCopy;

constexpr std::size_t kContextLines = 2;    // around a change
constexpr std::size_t kLongestLine = 4096;  // bytes of a line of a value
constexpr std::string_view kUnderTxn = "    ", kUnderPart = "        ";
constexpr std::size_t kTypeColumns = 15;

std::string_view kind_text(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::kCreated:
      return "created";
    case ChangeKind::kDataSet:
      return "set";
    case ChangeKind::kAclSet:
      return "acl";
    case ChangeKind::kDeleted:
      return "deleted";
  }
  return "";
}

/// A session's end is written like this where it stands for one node.
std::string_view type_of(const Change& change) {
  return change.type == TxnType::kCloseSession ? "delete" : txn_type_name(change.type);
}

std::optional<Bytes> data_of(const std::optional<NodeCopy>& node) {
  if (!node || !node->data) return std::nullopt;
  return as_bytes(*node->data);
}

std::int64_t size_of(const std::optional<NodeCopy>& node) {
  return node && node->data ? static_cast<std::int64_t>(node->data->size()) : 0;
}

std::vector<std::string> rules_of(const NodeCopy& node) {
  if (!node.acl_known) return {"?"};
  if (node.acl.empty()) return {"world:anyone:cdrwa"};
  std::vector<std::string> rules;
  for (const Acl& rule : node.acl_list()) rules.push_back(acl_text(rule));
  return rules;
}

std::string acl_of(const NodeCopy& node) { return fmt::format("{}", fmt::join(rules_of(node), ",")); }

/// Of a change of data; nothing where what was there is not known.
std::optional<std::int64_t> delta_of(const Change& change) {
  if (change.kind == ChangeKind::kAclSet || !change.before_known) return std::nullopt;
  return size_of(change.after) - size_of(change.before);
}

std::string delta_text(std::int64_t delta) {
  return fmt::format("{}{}", delta < 0 ? '-' : '+', human_size(static_cast<std::uint64_t>(std::abs(delta))));
}

bool is_text(Bytes data) {
  return is_utf8(as_text(data)) && as_text(data).find('\0') == std::string_view::npos;
}

std::string_view cut(std::string_view text) {
  if (text.size() <= kLongestLine) return text;
  std::size_t end = kLongestLine;
  while (end > kLongestLine - 4 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

/// The last write that a node had seen before the change.
std::string was_text(const NodeCopy& before) {
  if (before.stat.mzxid == 0) return "";  // the built-in nodes
  return fmt::format("  (was {} {})", zxid_text(before.stat.mzxid),
                     before.stat.mzxid == before.stat.czxid ? "create" : "setData");
}

std::string kind_details(const NodeCopy& node) {
  const NodeKind kind = node_kind(node.stat.ephemeral_owner);
  if (kind == NodeKind::kPersistent) return "";
  std::string text = fmt::format("  {}", node_kind_name(kind));
  if (kind == NodeKind::kTtl) text += " " + human_duration_ms(ttl_of(node.stat.ephemeral_owner));
  return text;
}

/// What stands behind the path: untrusted parts escaped.
std::string details_of(const Change& change, bool patch) {
  constexpr std::string_view kUnknown = "  (what was there is not known)";
  std::string text;
  switch (change.kind) {
    case ChangeKind::kCreated:
      text = fmt::format("  v{}", change.after ? change.after->stat.version : 0);
      if (change.after && !change.after->data)
        text += "  null";
      else
        text += "  " + delta_text(size_of(change.after));
      if (change.after) text += kind_details(*change.after) + "  " + escape_terminal(acl_of(*change.after));
      return text;
    case ChangeKind::kDataSet:
      if (change.after) text = fmt::format("  v{}", change.after->stat.version);
      if (!change.before) return text + fmt::format("  {} B{}", size_of(change.after), kUnknown);
      return text + "  " + delta_text(delta_of(change).value_or(0)) + was_text(*change.before);
    case ChangeKind::kAclSet:
      if (!change.after) return text;
      text = fmt::format("  acl v{}", change.after->stat.aversion);
      if (!patch && change.before)
        text += fmt::format("  {} → {}", escape_terminal(acl_of(*change.before)),
                            escape_terminal(acl_of(*change.after)));
      if (!patch && !change.before) text += "  " + escape_terminal(acl_of(*change.after));
      return change.before ? text : text + std::string(kUnknown);
    case ChangeKind::kDeleted:
      if (!change.before) return std::string(kUnknown);
      return fmt::format("  v{}  {}{}{}", change.before->stat.version, delta_text(-size_of(change.before)),
                         kind_details(*change.before), was_text(*change.before));
  }
  return text;
}

void append_type(std::string_view type, TextBuffer& out) {
  out.append(kUnderTxn);
  out.append(type);
  out.append(std::string(type.size() < kTypeColumns ? kTypeColumns - type.size() + 2 : 2, ' '));
}

void list_json(JsonWriter& json, const std::vector<std::string>& texts) {
  json.begin_array();
  for (const std::string& text : texts) json.string(text);
  json.end_array();
}

}  // namespace

// ---- ChangeTotals ----

void ChangeTotals::add(const Txn& txn, std::span<const Change> changes) {
  if (!took_effect(txn)) ++failed_;
  sessions_.insert(txn.header.client_id);
  for (const Change& change : changes) {
    last_writer_ = txn.header.client_id;
    delta_bytes_ += delta_of(change).value_or(0);
    if (change.kind == ChangeKind::kCreated) ++created_;
    if (change.kind == ChangeKind::kDataSet) ++set_;
    if (change.kind == ChangeKind::kAclSet) ++acl_;
    if (change.kind != ChangeKind::kDeleted) continue;
    ++deleted_;
    last_deleter_ = txn.header.client_id;
  }
}

std::string ChangeTotals::text() const {
  const auto counted = [](std::uint64_t count, std::string_view what) {
    return fmt::format("{} {}{}", human_count(count), what, count == 1 ? "" : "s");
  };
  const std::uint64_t server = sessions_.contains(0) ? 1 : 0;
  std::string text = counted(writes(), "write") + ", " + counted(sessions_.size() - server, "session");
  if (created_ != 0) text += ", " + counted(created_, "created node");
  if (set_ != 0) text += ", " + counted(set_, "new value");
  if (acl_ != 0) text += ", " + counted(acl_, "new ACL");
  if (deleted_ != 0) text += ", " + counted(deleted_, "deleted node");
  if (failed_ != 0) text += ", " + counted(failed_, "failed transaction");
  return text + ", " + delta_text(delta_bytes_);
}

void ChangeTotals::fields(Report& report) const {
  report.field("writes", Cell::count(writes()))
      .field("created", Cell::count(created_))
      .field("set", Cell::count(set_))
      .field("acl", Cell::count(acl_))
      .field("deleted", Cell::count(deleted_))
      .field("delta_bytes", Cell::integer(delta_bytes_))
      .field("sessions", Cell::count(sessions_.size() - (sessions_.contains(0) ? 1 : 0)));
}

// ---- ChangePrinter ----

ChangePrinter::ChangePrinter(Format format, bool color, std::string_view schema, bool patch)
    : format_(format), color_(color), patch_(patch), txns_(format, color, schema) {
  txns_.use(*this);
}

void ChangePrinter::print(const TxnEntry& entry, std::span<const Change> changes, TextBuffer& out) {
  changes_ = changes;
  if (format_ == Format::kTable) return print_text(entry, out);
  if (format_ == Format::kCsv || format_ == Format::kPlain) return txns_.print(entry, out);
  members_.clear();
  JsonWriter json(members_);
  members_.append(",\"changes\":");
  json.begin_array();
  for (const Change& change : changes) change_json(change, json);
  json.end_array();
  txns_.print_json(entry, out, members_.view());
}

const Change* ChangePrinter::change_of(std::int64_t part, std::string_view path) const {
  for (const Change& change : changes_) {
    const bool of_session = change.type == TxnType::kCloseSession && change.part == 0;
    if (of_session ? part != 0 && change.path == path : change.part == part) return &change;
  }
  return nullptr;
}

// ---- text ----

void ChangePrinter::print_text(const TxnEntry& entry, TextBuffer& out) {
  const Txn& txn = entry.txn;
  txns_.print_head(entry, out);
  if (took_effect(txn)) {
    if (const auto* multi = std::get_if<MultiTxn>(&txn.body)) return print_parts(*multi, out);
    if (const auto* close = std::get_if<CloseSessionTxn>(&txn.body))
      if (!changes_.empty() || !close->paths.empty()) return print_taken_along(*close, out);
    if (changes_.size() == 1) {
      print_change(changes_.front(), out);
      return print_patch(changes_.front(), kUnderTxn, out);
    }
  }
  txns_.print_body(txn.body, out);
  out.end_line();
}

void ChangePrinter::print_change(const Change& change, TextBuffer& out) {
  out.append(escape_terminal(change.path));
  out.append(details_of(change, patch_));
  out.end_line();
}

void ChangePrinter::print_parts(const MultiTxn& multi, TextBuffer& out) {
  out.append(fmt::format("{} part{}", multi.txns.size(), multi.txns.size() == 1 ? "" : "s"));
  out.end_line();
  std::int64_t part = 0;
  for (const SubTxn& sub : multi.txns) {
    append_type(txn_type_name(sub.type), out);
    if (const Change* change = change_of(++part, {})) {
      print_change(*change, out);
      print_patch(*change, kUnderPart, out);
      continue;
    }
    if (const Result<TxnBody> body = decode_sub_txn(sub)) txns_.print_body(*body, out);
    out.end_line();
  }
}

void ChangePrinter::print_taken_along(const CloseSessionTxn& close, TextBuffer& out) {
  std::vector<std::string_view> paths = taken_along();
  for (const PathItem& item : close.paths)
    if (change_of(1, item.path) == nullptr) paths.push_back(item.path);
  std::sort(paths.begin(), paths.end());
  out.append(fmt::format("deletes {} ephemeral{}", paths.size(), paths.size() == 1 ? "" : "s"));
  out.end_line();
  for (const std::string_view path : paths) {
    append_type("delete", out);
    if (const Change* change = change_of(1, path)) {
      print_change(*change, out);
      print_patch(*change, kUnderPart, out);
      continue;
    }
    out.append(escape_terminal(path));
    out.end_line();
  }
}

void ChangePrinter::patch_line(char sign, std::string_view indent, std::string_view text, TextBuffer& out) {
  const bool painted = color_ && sign != ' ';
  out.append(indent);
  if (painted) out.append(sign == '+' ? "\x1b[32m" : sign == '-' ? "\x1b[31m" : "\x1b[2m");
  out.put(sign == '@' ? ' ' : sign);
  out.put(' ');
  out.append(text);
  if (painted) out.append("\x1b[0m");
  out.end_line();
}

void ChangePrinter::print_patch(const Change& change, std::string_view indent, TextBuffer& out) {
  if (!patch_) return;
  if (change.kind != ChangeKind::kAclSet) return print_values(change, indent, out);
  const auto lines = [](const std::optional<NodeCopy>& node) {
    std::string text;
    if (node)
      for (const std::string& rule : rules_of(*node)) text += escape_terminal(rule) + "\n";
    return text;
  };
  const std::string was = lines(change.before), is = lines(change.after);
  for (const forensics::DiffLine& line : forensics::diff_lines(was, is, rules_of(*change.after).size()))
    patch_line(line.sign, indent, line.text, out);
}

void ChangePrinter::print_values(const Change& change, std::string_view indent, TextBuffer& out) {
  const std::optional<Bytes> was = data_of(change.before), is = data_of(change.after);
  if (change.kind == ChangeKind::kDataSet && change.before && was.has_value() != is.has_value())
    patch_line('@', indent, was ? "from a value to null" : "from null to a value", out);
  const bool as_lines = (!was || is_text(*was)) && (!is || is_text(*is));
  if (as_lines) {
    for (const forensics::DiffLine& line :
         forensics::diff_lines(was ? as_text(*was) : "", is ? as_text(*is) : "", kContextLines)) {
      const std::string_view shown = cut(line.text);
      std::string text = line.sign == '@' ? "…" : escape_terminal(shown);
      if (shown.size() < line.text.size()) text += "…";
      patch_line(line.sign, indent, text, out);
    }
    return;
  }
  const auto whole = [&](char sign, Bytes data) {
    patch_line(sign, indent,
               fmt::format("{} {}, sha256 {}", human_size(data.size()), is_text(data) ? "of text" : "binary",
                           backup::sha256_hex(data)),
               out);
  };
  if (was) whole('-', *was);
  if (is) whole('+', *is);
}

// ---- JSON ----

void ChangePrinter::change_json(const Change& change, JsonWriter& json) const {
  json.begin_object().key("change").string(kind_text(change.kind)).key("path").string(change.path);
  if (!is_utf8(change.path)) json.key("path_base64").base64(as_bytes(change.path));
  if (change.part != 0) json.key("part").number(change.part);
  json.key("type").string(type_of(change)).key("before_known").boolean(change.before_known);
  const auto node = [&](const std::optional<NodeCopy>& copy, std::string_view key) {
    json.key(key);
    if (!copy) {
      json.null();
      return;
    }
    json.begin_object();
    const auto number = [&](std::string_view name, bool known, std::int64_t value) {
      json.key(name);
      known ? json.number(value) : json.null();
    };
    const StatPersisted& stat = copy->stat;
    const bool told = copy->stat_known;  // else the record tells the one number that it changed
    number("version", told || change.kind == ChangeKind::kDataSet, stat.version);
    number("aversion", told || change.kind == ChangeKind::kAclSet, stat.aversion);
    json.key("mzxid");
    stat.mzxid != 0 ? json.hex(stat.mzxid) : json.null();
    json.key("kind");
    told ? json.string(node_kind_name(node_kind(stat.ephemeral_owner))) : json.null();
    const bool has_data = told || change.kind == ChangeKind::kDataSet;
    number("data_bytes", has_data && copy->data.has_value(), size_of(copy));
    json.key("acl");
    copy->acl_known ? list_json(json, rules_of(*copy)) : static_cast<void>(json.null());
    if (patch_) {
      json.key("data");
      has_data ? json.value(data_of(copy)) : json.null();
    }
    json.end_object();
  };
  node(change.before, "before");
  node(change.after, "after");
  json.key("delta_bytes");
  if (const auto delta = delta_of(change))
    json.number(*delta);
  else
    json.null();
  json.end_object();
}

// ---- CSV and plain ----

std::vector<Column> ChangePrinter::columns() const {
  std::vector<Column> columns = {{"change", ""},      {"version_before", ""}, {"data_bytes_before", ""},
                                 {"delta_bytes", ""}, {"acl_before", ""},     {"mzxid_before", ""}};
  if (patch_) columns.push_back({"data_before", ""});
  return columns;
}

void ChangePrinter::append(std::int64_t part, std::string_view path, std::vector<Cell>& cells) const {
  const Change* change = change_of(part, path);
  const NodeCopy* before = change != nullptr && change->before ? &*change->before : nullptr;
  const std::optional<std::int64_t> delta = change != nullptr ? delta_of(*change) : std::nullopt;
  cells.push_back(change != nullptr ? Cell::string(kind_text(change->kind)) : Cell());
  cells.push_back(before != nullptr ? Cell::integer(before->stat.version) : Cell());
  cells.push_back(before != nullptr && before->data ? Cell::size(before->data->size()) : Cell());
  cells.push_back(delta ? Cell::integer(*delta) : Cell());
  cells.push_back(before != nullptr ? Cell::string(acl_of(*before)) : Cell());
  cells.push_back(before != nullptr && before->stat.mzxid != 0 ? Cell::zxid(before->stat.mzxid) : Cell());
  if (patch_) cells.push_back(before != nullptr ? Cell::data(data_of(change->before)) : Cell());
}

std::vector<std::string_view> ChangePrinter::taken_along() const {
  std::vector<std::string_view> paths;
  for (const Change& change : changes_)
    if (change.type == TxnType::kCloseSession && change.part == 0) paths.push_back(change.path);
  return paths;
}

}  // namespace zkark::cli
