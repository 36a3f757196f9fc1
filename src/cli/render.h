#pragma once
// How one cell and one row look in each format. Internal to src/cli: verbs use Output.
#include <string>
#include <string_view>
#include <vector>

#include "src/cli/json_writer.h"
#include "src/cli/table.h"

namespace zkark::cli {

/// For people: escaped, with units; "-" for null.
std::string cell_for_people(const Cell& cell);
/// For plain and CSV: exact and without units; empty for null. Not escaped.
std::string cell_exact(const Cell& cell);
/// True when the text of the cell came from data (needs escaping and CSV formula protection).
bool is_untrusted(const Cell& cell);
bool is_right_aligned(const Cell& cell);
void write_json(JsonWriter& json, const Cell& cell);
/// One line of tab-separated escaped cells, without newline.
std::string plain_line(const std::vector<Cell>& cells);
std::string csv_line(const std::vector<Cell>& cells);
std::string csv_header(const std::vector<Column>& columns);

/// One value of a result and the name it has where nothing can be nested.
struct ExactField {
  std::string key;
  const Cell* cell;
};
/// Everything in a report: its fields, then every cell of every table as TABLE.ROW.COLUMN, rows counted from
/// 0. Borrows the cells.
std::vector<ExactField> exact_fields(const Report& report);

/// An aligned text table with fixed widths, learnt from the rows seen first.
class TextTable {
 public:
  explicit TextTable(const std::vector<Column>& columns);
  /// Learns widths and alignment.
  void measure(const std::vector<Cell>& cells);
  std::string header() const;
  std::string line(const std::vector<Cell>& cells) const;

 private:
  std::string pad(const std::vector<std::string>& texts) const;
  struct Shown {
    std::size_t index;
    std::string_view title;
    unsigned width;
    bool right;
    bool seen;
  };
  std::vector<Shown> shown_;
};

}  // namespace zkark::cli
