#include "src/cli/txn_print.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "formats/ops.h"
#include "src/cli/render.h"
#include "src/cli/text.h"

namespace zkark::cli {
namespace {

constexpr std::string_view kBlanks = "                                ";

const std::vector<Column>& columns() {
  static const std::vector<Column> kColumns = {
      {"zxid", ""},  {"time", ""},    {"session", ""}, {"cxid", ""},    {"type", ""},
      {"part", ""},  {"applied", ""}, {"path", ""},    {"version", ""}, {"data_bytes", ""},
      {"data", ""},  {"acl", ""},     {"kind", ""},    {"ttl_ms", ""},  {"timeout_ms", ""},
      {"error", ""}, {"digest", ""},  {"file", ""},    {"offset", ""},
  };
  return kColumns;
}
enum : std::size_t {
  kZxid,
  kTime,
  kSession,
  kCxid,
  kType,
  kPart,
  kApplied,
  kPath,
  kVersion,
  kDataBytes,
  kData,
  kAcl,
  kKind,
  kTtl,
  kTimeout,
  kError,
  kDigest,
  kFile,
  kOffset,
  kColumnCount
};

}  // namespace

bool took_effect(const Txn& txn) {
  if (txn.header.type == TxnType::kError) return false;
  const auto* multi = std::get_if<MultiTxn>(&txn.body);
  return multi == nullptr || !multi_failed(*multi);
}

std::string perms_text(std::int32_t perms) {
  static constexpr std::pair<std::int32_t, char> kLetters[] = {{Perms::kCreate, 'c'},
                                                               {Perms::kDelete, 'd'},
                                                               {Perms::kRead, 'r'},
                                                               {Perms::kWrite, 'w'},
                                                               {Perms::kAdmin, 'a'}};
  std::string text;
  for (const auto& [bit, letter] : kLetters)
    if ((perms & bit) != 0) text += letter;
  if (text.empty()) text = "-";
  if (const auto rest = static_cast<std::uint32_t>(perms & ~Perms::kAll); rest != 0)
    text += fmt::format("+{:#x}", rest);
  return text;
}

std::string acl_text(const Acl& acl) {
  return fmt::format("{}:{}:{}", acl.scheme.value_or("-"), acl.id.value_or("-"), perms_text(acl.perms));
}

std::string acl_list_text(const AclList& acls) {
  if (acls.is_null()) return "-";
  std::string text;
  for (const Acl& rule : acls) {
    if (!text.empty()) text += ',';
    text += acl_text(rule);
  }
  return text;
}

TxnPrinter::TxnPrinter(Format format, bool color, std::string_view schema) : format_(format), color_(color) {
  json_head_ = format == Format::kNdjson
                   ? fmt::format("{{\"schema\":\"{}\",\"record\":\"txns\",\"zxid\":", schema)
                   : std::string("{\"zxid\":");
  schema_ = schema;
  set_file("");
}

void TxnPrinter::set_file(std::string_view path) {
  file_ = path;
  TextBuffer text;
  text.append(",\"file\":");
  json_text(text, path);
  text.append(",\"offset\":");
  json_file_ = text.view();
}

void TxnPrinter::begin(TextBuffer& out) {
  if (format_ == Format::kJson) out.append(fmt::format("{{\"schema\":\"{}\",\"txns\":[", schema_));
  if (format_ != Format::kCsv) return;
  std::vector<Column> all = columns();
  if (more_ != nullptr)
    for (const Column& column : more_->columns()) all.push_back(column);
  out.append(csv_header(all));
  out.end_line();
}

void TxnPrinter::end(const Report& summary, TextBuffer& out) {
  if (format_ != Format::kJson && format_ != Format::kNdjson) return;
  JsonWriter json(out);
  if (format_ == Format::kNdjson) {
    json.begin_document(schema_).key("record").string("summary");
  } else {
    out.append("],");
  }
  for (const Report::FieldRow& field : summary.fields()) write_json(json.key(field.key), field.cell);
  json.end_object();
  json.end_line();
}

void TxnPrinter::print(const TxnEntry& entry, TextBuffer& out) {
  switch (format_) {
    case Format::kTable:
      return print_text(entry, out);
    case Format::kJson:
    case Format::kNdjson:
      return print_json(entry, out);
    case Format::kPlain:
    case Format::kCsv:
      return print_cells(entry, out);
  }
}

// ---- text ----

/// What follows the columns that every record has: the path, then what is particular to the type.
struct TxnPrinter::TextBody {
  TextBuffer& out;
  bool color;

  void path(std::string_view text) { out.append(escape_terminal(text)); }
  void data(std::string_view sign, const std::optional<Bytes>& bytes) {
    out.append("  ");
    if (!bytes) return out.append("null");
    out.append(sign);
    out.append(human_size(bytes->size()));
  }
  void number(std::string_view before, std::int64_t value) {
    out.append(before);
    fmt::format_to(std::back_inserter(scratch), "{}", value);
    out.append({scratch.data(), scratch.size()});
    scratch.clear();
  }
  void acl(const AclList& acls) {
    out.append("  ");
    out.append(escape_terminal(acl_list_text(acls)));
  }
  void failed(std::string_view text) {
    out.append(color ? "\x1b[31m" : "");
    out.append(text);
    out.append(color ? "\x1b[0m" : "");
  }

  void operator()(const CreateSessionTxn& txn) {
    out.append("timeout ");
    out.append(human_duration_ms(txn.timeout_ms));
  }
  void operator()(const CloseSessionTxn& txn) {
    if (!txn.has_body) return out.append("its ephemerals are not listed");
    if (txn.paths.empty()) return out.append("no ephemerals");
    out.append("deletes");
    for (const PathItem& item : txn.paths) {
      out.append(" ");
      path(item.path);
    }
  }
  void operator()(const ErrorTxn& txn) {
    failed(fmt::format("failed: {} ({})", zk_code_name(txn.err), txn.err));
  }
  void operator()(const CreateTxn& txn) {
    path(txn.path);
    out.append("  v0");
    data("+", txn.data);
    if (txn.ephemeral != 0) out.append("  ephemeral");
    acl(txn.acl);
  }
  void operator()(const CreateContainerTxn& txn) {
    path(txn.path);
    out.append("  v0");
    data("+", txn.data);
    acl(txn.acl);
  }
  void operator()(const CreateTtlTxn& txn) {
    path(txn.path);
    out.append("  v0");
    data("+", txn.data);
    out.append("  ttl ");
    out.append(human_duration_ms(txn.ttl_ms));
    acl(txn.acl);
  }
  void operator()(const DeleteTxn& txn) { path(txn.path); }
  void operator()(const SetDataTxn& txn) {
    path(txn.path);
    number("  v", txn.version);
    data("", txn.data);
  }
  void operator()(const SetAclTxn& txn) {
    path(txn.path);
    number("  acl v", txn.version);
    acl(txn.acl);
  }
  void operator()(const CheckVersionTxn& txn) {
    path(txn.path);
    number("  had v", static_cast<std::int64_t>(txn.version) - 1);
  }
  void operator()(const MultiTxn& txn) {
    std::size_t number_of_part = 0, failed_part = 0;
    std::int32_t reason = 0;
    for (const SubTxn& sub : txn.txns) {
      ++number_of_part;
      if (failed_part != 0 || sub.type != TxnType::kError) continue;
      failed_part = number_of_part;
      if (Result<TxnBody> body = decode_sub_txn(sub))
        if (const auto* error = std::get_if<ErrorTxn>(&*body)) reason = error->err;
    }
    if (failed_part != 0)
      failed(fmt::format("failed: {} ({}) in part {} of {}, nothing applied", zk_code_name(reason), reason,
                         failed_part, txn.txns.size()));
    else
      out.append(fmt::format("{} part{}", txn.txns.size(), txn.txns.size() == 1 ? "" : "s"));
    number_of_part = 0;
    for (const SubTxn& sub : txn.txns) {
      ++number_of_part;
      if (failed_part != 0 && number_of_part >= failed_part)
        break;  // the reason is said above, the rest was not tried
      out.append("; ");
      out.append(txn_type_name(sub.type));
      out.append(" ");
      if (Result<TxnBody> body = decode_sub_txn(sub)) std::visit(*this, *body);
    }
  }

  fmt::memory_buffer scratch{};
};

void TxnPrinter::print_head(const TxnEntry& entry, TextBuffer& out) {
  const TxnHeader& header = entry.txn.header;
  auto padded = [&](std::string_view text, std::size_t width) {
    out.append(text);
    if (text.size() < width) out.append(kBlanks.substr(0, width - text.size()));
    out.append("  ");
  };
  char buffer[TimeFormatter::kMaxLength];
  padded(zxid_text(header.zxid), 11);
  padded({buffer, times_.format_for_people(WallTime{header.time_ms}, buffer)}, 24);
  padded(header.client_id == 0 ? std::string("server")
                               : "session " + hex_text(static_cast<std::uint64_t>(header.client_id)),
         26);
  padded(txn_type_name(header.type), 15);
}

void TxnPrinter::print_body(const TxnBody& body, TextBuffer& out) { std::visit(TextBody{out, color_}, body); }

void TxnPrinter::print_text(const TxnEntry& entry, TextBuffer& out) {
  print_head(entry, out);
  print_body(entry.txn.body, out);
  out.end_line();
}

// ---- CSV and plain ----

struct TxnPrinter::CellBody {
  std::vector<Cell>& cells;

  void create(std::string_view path, const std::optional<Bytes>& bytes, const AclList& acls,
              std::string_view kind) {
    cells[kPath] = Cell::string(path);
    cells[kVersion] = Cell::integer(0);
    data(bytes);
    cells[kAcl] = Cell::string(acl_list_text(acls));
    cells[kKind] = Cell::string(kind);
  }
  void data(const std::optional<Bytes>& bytes) {
    if (!bytes) return;
    cells[kDataBytes] = Cell::size(bytes->size());
    cells[kData] = Cell::data(bytes);
  }
  void operator()(const CreateSessionTxn& txn) { cells[kTimeout] = Cell::integer(txn.timeout_ms); }
  void operator()(const CloseSessionTxn&) {}
  void operator()(const ErrorTxn& txn) { cells[kError] = Cell::integer(txn.err); }
  void operator()(const CreateTxn& txn) {
    create(txn.path, txn.data, txn.acl, txn.ephemeral != 0 ? "ephemeral" : "persistent");
  }
  void operator()(const CreateContainerTxn& txn) { create(txn.path, txn.data, txn.acl, "container"); }
  void operator()(const CreateTtlTxn& txn) {
    create(txn.path, txn.data, txn.acl, "ttl");
    cells[kTtl] = Cell::integer(txn.ttl_ms);
  }
  void operator()(const DeleteTxn& txn) { cells[kPath] = Cell::string(txn.path); }
  void operator()(const SetDataTxn& txn) {
    cells[kPath] = Cell::string(txn.path);
    cells[kVersion] = Cell::integer(txn.version);
    data(txn.data);
  }
  void operator()(const SetAclTxn& txn) {
    cells[kPath] = Cell::string(txn.path);
    cells[kVersion] = Cell::integer(txn.version);
    cells[kAcl] = Cell::string(acl_list_text(txn.acl));
  }
  void operator()(const CheckVersionTxn& txn) {
    cells[kPath] = Cell::string(txn.path);
    cells[kVersion] = Cell::integer(txn.version);
  }
  void operator()(const MultiTxn&) {}
};

void TxnPrinter::line(std::vector<Cell>& cells, TextBuffer& out) {
  if (more_ != nullptr) more_->append(cells[kPart].number, cells[kPath].text, cells);
  out.append(format_ == Format::kCsv ? csv_line(cells) : plain_line(cells));
  out.end_line();
}

void TxnPrinter::print_cells(const TxnEntry& entry, TextBuffer& out) {
  const Txn& txn = entry.txn;
  std::vector<Cell> row(kColumnCount);
  row[kZxid] = Cell::zxid(txn.header.zxid);
  row[kTime] = Cell::time(WallTime{txn.header.time_ms});
  row[kSession] = Cell::session(txn.header.client_id);
  row[kCxid] = Cell::integer(txn.header.cxid);
  row[kType] = Cell::string(txn_type_name(txn.header.type));
  row[kApplied] = Cell::boolean(took_effect(txn));
  row[kFile] = Cell::string_or_null(file_);
  row[kOffset] = Cell::integer(static_cast<std::int64_t>(entry.offset));
  std::vector<Cell> cells = row;
  if (txn.digest) cells[kDigest] = Cell::hex(static_cast<std::uint64_t>(txn.digest->digest));
  std::visit(CellBody{cells}, txn.body);
  line(cells, out);
  std::int64_t part = 0;
  if (const auto* close = std::get_if<CloseSessionTxn>(&txn.body)) {
    std::vector<std::string_view> gone;
    for (const PathItem& item : close->paths) gone.push_back(item.path);
    if (more_ != nullptr && !close->has_body) gone = more_->taken_along();
    for (const std::string_view path : gone) {
      cells = row;
      cells[kPart] = Cell::integer(++part);
      cells[kType] = Cell::string("delete");
      cells[kPath] = Cell::string(path);
      line(cells, out);
    }
  }
  const auto* multi = std::get_if<MultiTxn>(&txn.body);
  if (multi == nullptr) return;
  for (const SubTxn& sub : multi->txns) {
    cells = row;
    cells[kPart] = Cell::integer(++part);
    cells[kType] = Cell::string(txn_type_name(sub.type));
    if (Result<TxnBody> body = decode_sub_txn(sub)) std::visit(CellBody{cells}, *body);
    line(cells, out);
  }
}

}  // namespace zkark::cli
