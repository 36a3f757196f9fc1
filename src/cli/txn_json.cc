// The JSON form of a record, the one that has to be fast: numbers and fixed words go into room reserved once
// per row, texts and values through JsonWriter.
#include <array>
#include <charconv>

#include "formats/ops.h"
#include "src/cli/render.h"
#include "src/cli/text.h"
#include "src/cli/txn_print.h"

namespace zkark::cli {
namespace {

/// Above everything in a row that is neither text nor value: names of members, numbers, type names.
constexpr std::size_t kFixedBytes = 512;

constexpr auto kHexPairs = [] {
  std::array<char, 512> pairs{};
  constexpr char kDigits[] = "0123456789abcdef";
  for (std::size_t i = 0; i < 256; ++i) {
    pairs[2 * i] = kDigits[i >> 4];
    pairs[2 * i + 1] = kDigits[i & 15];
  }
  return pairs;
}();

/// Writes into reserved room.
class Cursor {
 public:
  Cursor(TextBuffer& out, std::size_t room) : out_(out), start_(out.reserve(room)), to_(start_) {}
  ~Cursor() { out_.advance(static_cast<std::size_t>(to_ - start_)); }
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  Cursor& text(std::string_view words) {
    std::memcpy(to_, words.data(), words.size());
    to_ += words.size();
    return *this;
  }
  Cursor& number(std::int64_t value) {
    to_ = std::to_chars(to_, to_ + 24, value).ptr;
    return *this;
  }
  /// "0x1f" with its quotes.
  Cursor& hex(std::int64_t signed_value) {
    auto value = static_cast<std::uint64_t>(signed_value);
    const unsigned digits = value == 0 ? 1 : (67 - static_cast<unsigned>(__builtin_clzll(value))) / 4;
    char all[16];
    for (int i = 14; i >= 0; i -= 2, value >>= 8) std::memcpy(all + i, &kHexPairs[(value & 0xff) * 2], 2);
    text("\"0x");
    char padded[32];
    std::memcpy(padded, all, 16);
    std::memcpy(to_, padded + 16 - digits, 16);
    to_ += digits;
    return text("\"");
  }
  Cursor& time(TimeFormatter& times, std::int64_t ms) {
    text("\"");
    to_ += times.format(WallTime{ms}, to_);
    return text("\"");
  }

 private:
  TextBuffer& out_;
  char* start_;
  char* to_;
};

}  // namespace

/// The members of one body, each with its comma in front.
struct TxnPrinter::JsonBody {
  TxnPrinter& printer;
  TextBuffer& out;
  JsonWriter json{out};

  void path(std::string_view value) {
    Cursor(out, 16).text(",\"path\":");
    json_text(out, value);
    if (is_utf8(value)) return;
    // No server writes such a path; what a damaged or hostile file holds is still told exactly.
    out.append(",\"path_base64\":");
    json.base64(as_bytes(value));
  }
  void data(const std::optional<Bytes>& value) {
    Cursor(out, 16).text(",\"data\":");
    json_value(out, value);
  }
  void number(std::string_view member, std::int64_t value) {
    Cursor(out, member.size() + 24).text(member).number(value);
  }
  void acl(const AclList& acls) {
    const std::string_view bytes = as_text(acls.encoded());
    if (bytes != printer.acl_bytes_) {
      TextBuffer rendered;
      JsonWriter list(rendered);
      if (acls.is_null()) {
        list.null();
      } else {
        list.begin_array();
        for (const Acl& rule : acls) {
          list.begin_object().key("scheme");
          rule.scheme ? list.string(*rule.scheme) : list.null();
          list.key("id");
          rule.id ? list.string(*rule.id) : list.null();
          // Java writes supplementary characters as CESU-8, which is no UTF-8.
          if (rule.id && !is_utf8(*rule.id)) list.key("id_base64").base64(as_bytes(*rule.id));
          list.key("perms").string(perms_text(rule.perms)).end_object();
        }
        list.end_array();
      }
      printer.acl_bytes_ = bytes;
      printer.acl_json_ = rendered.view();
    }
    Cursor(out, printer.acl_json_.size() + 16).text(",\"acl\":").text(printer.acl_json_);
  }

  void operator()(const CreateSessionTxn& txn) { number(",\"timeout_ms\":", txn.timeout_ms); }
  void operator()(const CloseSessionTxn& txn) {
    if (!txn.has_body) {
      out.append(",\"paths\":null");
      return;
    }
    out.append(",\"paths\":[");
    bool first = true;
    for (const PathItem& item : txn.paths) {
      if (!first) out.put(',');
      first = false;
      json_text(out, item.path);
    }
    out.put(']');
  }
  void operator()(const ErrorTxn& txn) {
    Cursor(out, 128)
        .text(",\"error\":")
        .number(txn.err)
        .text(",\"error_name\":\"")
        .text(zk_code_name(txn.err))
        .text("\"");
  }
  void operator()(const CreateTxn& txn) {
    path(txn.path);
    data(txn.data);
    acl(txn.acl);
    Cursor row(out, 96);
    row.text(txn.ephemeral != 0 ? std::string_view(",\"ephemeral\":true")
                                : std::string_view(",\"ephemeral\":false"));
    if (!txn.v0) row.text(",\"parent_cversion\":").number(txn.parent_cversion);
  }
  void operator()(const CreateContainerTxn& txn) {
    path(txn.path);
    data(txn.data);
    acl(txn.acl);
    number(",\"parent_cversion\":", txn.parent_cversion);
  }
  void operator()(const CreateTtlTxn& txn) {
    path(txn.path);
    data(txn.data);
    acl(txn.acl);
    Cursor(out, 96)
        .text(",\"parent_cversion\":")
        .number(txn.parent_cversion)
        .text(",\"ttl_ms\":")
        .number(txn.ttl_ms);
  }
  void operator()(const DeleteTxn& txn) { path(txn.path); }
  void operator()(const SetDataTxn& txn) {
    path(txn.path);
    data(txn.data);
    number(",\"version\":", txn.version);
  }
  void operator()(const SetAclTxn& txn) {
    path(txn.path);
    acl(txn.acl);
    number(",\"aversion\":", txn.version);
  }
  void operator()(const CheckVersionTxn& txn) {
    path(txn.path);
    number(",\"version\":", txn.version);
  }
  void operator()(const MultiTxn& txn) {
    out.append(",\"ops\":[");
    bool first = true;
    for (const SubTxn& sub : txn.txns) {
      Cursor(out, 64).text(first ? "{\"type\":\"" : ",{\"type\":\"").text(txn_type_name(sub.type)).text("\"");
      first = false;
      if (Result<TxnBody> body = decode_sub_txn(sub))
        std::visit(*this, *body);  // checked when the record was read
      out.put('}');
    }
    out.put(']');
  }
};

void TxnPrinter::print_json(const TxnEntry& entry, TextBuffer& out, std::string_view more_members) {
  const Txn& txn = entry.txn;
  const TxnHeader& header = txn.header;
  if (format_ == Format::kJson && !first_row_) out.append(",\n");
  first_row_ = false;
  Cursor(out, kFixedBytes)
      .text(json_head_)
      .hex(header.zxid)
      .text(",\"time\":")
      .time(times_, header.time_ms)
      .text(",\"session\":")
      .hex(header.client_id)
      .text(",\"cxid\":")
      .number(header.cxid)
      .text(",\"type\":\"")
      .text(txn_type_name(header.type))
      .text(took_effect(txn) ? "\",\"applied\":true" : "\",\"applied\":false");
  std::visit(JsonBody{*this, out}, txn.body);
  out.append(more_members);
  {
    Cursor row(out, kFixedBytes + json_file_.size());
    if (txn.digest) row.text(",\"digest\":").hex(txn.digest->digest);
    if (txn.digest && txn.digest->version != 2) row.text(",\"digest_version\":").number(txn.digest->version);
    row.text(json_file_).number(static_cast<std::int64_t>(entry.offset)).text("}");
  }
  if (format_ == Format::kNdjson) out.end_line();
}

}  // namespace zkark::cli
