#pragma once
// Transactions as every verb prints them: a line of text, a JSON object, CSV or tab-separated fields. Written
// straight into a TextBuffer, without an allocation per record in text and JSON: `log` prints millions.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "formats/txn_log.h"
#include "src/cli/json_writer.h"
#include "src/cli/output.h"
#include "src/cli/table.h"
#include "src/cli/text_buffer.h"

namespace zkark::cli {

/// False for what is logged but changed nothing: an error, and a multi of which a part failed (all or
/// nothing).
bool took_effect(const Txn& txn);

/// "cdrwa", "r"; "-" for none. Bits without a letter follow as "+0x20".
std::string perms_text(std::int32_t perms);
/// "world:anyone:cdrwa". Scheme and id as they stand: untrusted.
std::string acl_text(const Acl& acl);
/// Rules joined by commas; "-" for the null list.
std::string acl_list_text(const AclList& acls);

/// Prints records one after the other. One thread.
class TxnPrinter {
 public:
  /// `schema` is that of the verb, "zkark.log/1"; copied.
  TxnPrinter(Format format, bool color, std::string_view schema);

  /// What comes before the first row: the CSV header, the opening of the JSON document.
  void begin(TextBuffer& out);
  /// What comes after the last one: in JSON the end of the list and the fields of `summary`, in NDJSON those
  /// as a line "record":"summary".
  void end(const Report& summary, TextBuffer& out);
  /// The file that the next records come from, as shown. Copied.
  void set_file(std::string_view path);
  /// One record. In CSV and plain a multi takes one row more for each part, a closeSession for each node it
  /// deletes.
  void print(const TxnEntry& entry, TextBuffer& out);

  // ---- for records that are shown with more than stands in them (change_print.h)
  /// What rows of CSV and plain have behind their own columns.
  class MoreCells {
   public:
    virtual ~MoreCells() = default;
    virtual std::vector<Column> columns() const = 0;
    /// Of the record (part 0), of a part of a multi, or of a node that goes with a session.
    virtual void append(std::int64_t part, std::string_view path, std::vector<Cell>& cells) const = 0;
    /// Nodes that go with the session that the record ends, where that does not name them.
    virtual std::vector<std::string_view> taken_along() const = 0;
  };
  /// Borrowed from now on; before begin().
  void use(const MoreCells& more) { more_ = &more; }
  /// The object with more members: ,"name":value as often as there are some.
  void print_json(const TxnEntry& entry, TextBuffer& out, std::string_view more_members = {});
  /// The columns that every line of text begins with.
  void print_head(const TxnEntry& entry, TextBuffer& out);
  /// What stands behind them.
  void print_body(const TxnBody& body, TextBuffer& out);

 private:
  struct JsonBody;
  struct TextBody;
  struct CellBody;
  void print_text(const TxnEntry& entry, TextBuffer& out);
  void print_cells(const TxnEntry& entry, TextBuffer& out);
  void line(std::vector<Cell>& cells, TextBuffer& out);

  Format format_;
  bool color_;
  const MoreCells* more_ = nullptr;
  bool first_row_ = true;
  std::string schema_;
  std::string json_head_;  // up to the value of "zxid"
  std::string file_;
  std::string json_file_;  // ,"file":"…","offset":
  TimeFormatter times_;
  std::string acl_bytes_;  // the list printed last, and its JSON: most records of a log carry the same one
  std::string acl_json_;
};

}  // namespace zkark::cli
