#pragma once
// The result of a verb as data: fields and tables of typed cells, printed as text, JSON, NDJSON, CSV or plain
// by Output. A verb fills one Report and is done; verbs with very many rows stream them (Output::stream).
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/base/bytes.h"
#include "formats/base/clock.h"

namespace zkark::cli {

/// One value with its meaning. Text is untrusted: it is escaped for whatever it is printed to.
struct Cell {
  enum class Kind : std::uint8_t {
    kNull,
    kText,
    kNumber,
    kUnsigned,
    kReal,
    kBoolean,
    kSize,
    kHex,
    kTime,
    kDuration,
    kData,
    kList,
    kMap
  };
  Kind kind = Kind::kNull;
  std::int64_t number = 0;
  double real = 0;
  std::string text;                                        // kText, kData
  std::vector<std::pair<std::string, std::string>> items;  // kMap; kList uses the first of each

  static Cell null() { return {}; }
  static Cell string(std::string_view text);
  /// null when empty; shown as "-".
  static Cell string_or_null(std::string_view text) { return text.empty() ? Cell() : string(text); }
  static Cell integer(std::int64_t value);
  static Cell count(std::uint64_t value);  // people: "184 203"
  static Cell real_number(double value);
  static Cell boolean(bool value);
  static Cell size(std::uint64_t bytes);  // people: "49.6 MiB"; JSON: bytes
  static Cell hex(std::uint64_t value);   // "0x1f" everywhere
  static Cell zxid(std::int64_t value) { return hex(static_cast<std::uint64_t>(value)); }
  static Cell session(std::int64_t value) { return hex(static_cast<std::uint64_t>(value)); }
  static Cell time(WallTime value);
  static Cell time(std::optional<WallTime> value) { return value ? time(*value) : Cell(); }
  static Cell duration_ms(std::int64_t value);   // people: "1.4 s"; JSON: milliseconds
  static Cell data(std::optional<Bytes> bytes);  // {"utf8":…} | {"base64":…} | null
  static Cell list(std::vector<std::string> values);
  static Cell map(std::vector<std::pair<std::string, std::string>> values);
};

struct Column {
  std::string_view key;    // JSON key and CSV header: lower_case, with unit ("stored_bytes")
  std::string_view title;  // in tables: "STORED"; empty = not shown in tables
};

/// Rows of one table inside a Report.
class Table {
 public:
  Table(std::string_view key, std::vector<Column> columns) : key_(key), columns_(std::move(columns)) {}
  /// One cell per column.
  void row(std::vector<Cell> cells);
  std::string_view key() const { return key_; }
  const std::vector<Column>& columns() const { return columns_; }
  const std::vector<std::vector<Cell>>& rows() const { return rows_; }

 private:
  std::string_view key_;
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

/// Fields first, then tables, in the order added. Keys and titles must be literals.
class Report {
 public:
  /// `verb` gives the schema: "list" -> "zkark.list/1".
  explicit Report(std::string_view verb) : verb_(verb) {}
  /// `title` is what people read before the value; empty = not shown to people.
  Report& field(std::string_view key, std::string_view title, Cell cell);
  /// Title = key.
  Report& field(std::string_view key, Cell cell) { return field(key, key, std::move(cell)); }
  /// The reference stays valid as long as the Report. CSV and plain print a table as rows when it is all that
  /// the report has, else numbered among the fields.
  Table& table(std::string_view key, std::vector<Column> columns);
  /// The result is a list: CSV and plain print the rows of the first table alone; what else the report holds
  /// is about them (counts, totals), and stands in JSON.
  Report& list_of_rows() { return list_of_rows_ = true, *this; }
  /// A line for people after everything else (table output only).
  Report& remark(std::string text) { return remarks_.push_back(std::move(text)), *this; }

  struct FieldRow {
    std::string_view key, title;
    Cell cell;
  };
  std::string_view verb() const { return verb_; }
  const std::vector<FieldRow>& fields() const { return fields_; }
  const std::deque<Table>& tables() const { return tables_; }
  const std::vector<std::string>& remarks() const { return remarks_; }
  bool is_list_of_rows() const { return list_of_rows_; }

 private:
  std::string_view verb_;
  std::vector<FieldRow> fields_;
  std::deque<Table> tables_;
  std::vector<std::string> remarks_;
  bool list_of_rows_ = false;
};

}  // namespace zkark::cli
