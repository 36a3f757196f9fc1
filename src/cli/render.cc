#include "src/cli/render.h"

#include <fmt/format.h>

#include <algorithm>

#include "src/cli/text.h"

namespace zkark::cli {
namespace {

using Kind = Cell::Kind;

std::string joined(const Cell& cell, std::string_view separator, bool escape) {
  std::string out;
  for (const auto& [key, value] : cell.items) {
    if (!out.empty()) out += separator;
    std::string item = cell.kind == Kind::kMap ? key + "=" + value : key;
    out += escape ? escape_terminal(item) : item;
  }
  return out;
}

std::string data_exact(const Cell& cell) {
  return is_utf8(cell.text) ? cell.text : "base64:" + base64_text(as_bytes(cell.text));
}

}  // namespace

bool is_untrusted(const Cell& cell) {
  return cell.kind == Kind::kText || cell.kind == Kind::kData || cell.kind == Kind::kList ||
         cell.kind == Kind::kMap;
}

bool is_right_aligned(const Cell& cell) {
  switch (cell.kind) {
    case Kind::kNumber:
    case Kind::kUnsigned:
    case Kind::kReal:
    case Kind::kSize:
    case Kind::kDuration:
      return true;
    default:
      return false;
  }
}

std::string cell_exact(const Cell& cell) {
  switch (cell.kind) {
    case Kind::kNull:
      return "";
    case Kind::kText:
      return cell.text;
    case Kind::kNumber:
    case Kind::kDuration:
      return std::to_string(cell.number);
    case Kind::kUnsigned:
    case Kind::kSize:
      return std::to_string(static_cast<std::uint64_t>(cell.number));
    case Kind::kReal:
      return fmt::format("{}", cell.real);
    case Kind::kBoolean:
      return cell.number != 0 ? "true" : "false";
    case Kind::kHex:
      return hex_text(static_cast<std::uint64_t>(cell.number));
    case Kind::kTime:
      return rfc3339({cell.number});
    case Kind::kData:
      return data_exact(cell);
    case Kind::kList:
    case Kind::kMap:
      return joined(cell, ",", false);
  }
  return "";
}

std::string cell_for_people(const Cell& cell) {
  switch (cell.kind) {
    case Kind::kNull:
      return "-";
    case Kind::kText:
    case Kind::kData:
      return escape_terminal(data_exact(cell));
    case Kind::kUnsigned:
      return human_count(static_cast<std::uint64_t>(cell.number));
    case Kind::kSize:
      return human_size(static_cast<std::uint64_t>(cell.number));
    case Kind::kReal:
      // Three digits, and never 1.9e+03.
      return cell.real >= 999.5 ? human_count(static_cast<std::uint64_t>(std::llround(cell.real)))
                                : fmt::format("{:.3g}", cell.real);
    case Kind::kBoolean:
      return cell.number != 0 ? "yes" : "no";
    case Kind::kTime:
      return human_time({cell.number});
    case Kind::kDuration:
      return human_duration_ms(cell.number);
    case Kind::kList:
    case Kind::kMap:
      return cell.items.empty() ? "-" : joined(cell, ", ", true);
    case Kind::kNumber:
    case Kind::kHex:
      return cell_exact(cell);
  }
  return "";
}

void write_json(JsonWriter& json, const Cell& cell) {
  switch (cell.kind) {
    case Kind::kNull:
      json.null();
      return;
    case Kind::kText:
      json.string(cell.text);
      return;
    case Kind::kNumber:
    case Kind::kDuration:
      json.number(cell.number);
      return;
    case Kind::kUnsigned:
    case Kind::kSize:
      json.number(static_cast<std::uint64_t>(cell.number));
      return;
    case Kind::kReal:
      json.number(cell.real);
      return;
    case Kind::kBoolean:
      json.boolean(cell.number != 0);
      return;
    case Kind::kHex:
      json.hex(cell.number);
      return;
    case Kind::kTime:
      json.time({cell.number});
      return;
    case Kind::kData:
      json.value(as_bytes(cell.text));
      return;
    case Kind::kList:
      json.begin_array();
      for (const auto& [value, unused] : cell.items) json.string(value);
      json.end_array();
      return;
    case Kind::kMap:
      json.begin_object();
      for (const auto& [key, value] : cell.items) json.key_text(key).string(value);
      json.end_object();
      return;
  }
}

std::string plain_line(const std::vector<Cell>& cells) {
  std::string line;
  for (const Cell& cell : cells) {
    if (&cell != cells.data()) line += '\t';
    line += is_untrusted(cell) ? escape_terminal(cell_exact(cell)) : cell_exact(cell);
  }
  return line;
}

std::string csv_line(const std::vector<Cell>& cells) {
  std::string line;
  for (const Cell& cell : cells) {
    if (&cell != cells.data()) line += ',';
    line += csv_field(cell_exact(cell), is_untrusted(cell));
  }
  return line;
}

std::string csv_header(const std::vector<Column>& columns) {
  std::string line;
  for (const Column& column : columns) {
    if (&column != columns.data()) line += ',';
    line += column.key;
  }
  return line;
}

std::vector<ExactField> exact_fields(const Report& report) {
  std::vector<ExactField> fields;
  for (const Report::FieldRow& field : report.fields())
    fields.push_back({std::string(field.key), &field.cell});
  for (const Table& table : report.tables())
    for (std::size_t row = 0; row < table.rows().size(); ++row)
      for (std::size_t i = 0; i < table.columns().size(); ++i)
        fields.push_back(
            {fmt::format("{}.{}.{}", table.key(), row, table.columns()[i].key), &table.rows()[row][i]});
  return fields;
}

TextTable::TextTable(const std::vector<Column>& columns) {
  for (std::size_t i = 0; i < columns.size(); ++i)
    if (!columns[i].title.empty())
      shown_.push_back({i, columns[i].title, display_width(columns[i].title), false, false});
}

void TextTable::measure(const std::vector<Cell>& cells) {
  for (Shown& column : shown_) {
    const Cell& cell = cells[column.index];
    column.width = std::max(column.width, display_width(cell_for_people(cell)));
    if (cell.kind == Cell::Kind::kNull) continue;
    column.right = is_right_aligned(cell) && (column.right || !column.seen);
    column.seen = true;
  }
}

std::string TextTable::pad(const std::vector<std::string>& texts) const {
  std::string line;
  for (std::size_t i = 0; i < shown_.size(); ++i) {
    const unsigned width = display_width(texts[i]);
    const std::string blanks(shown_[i].width > width ? shown_[i].width - width : 0, ' ');
    if (i > 0) line += "  ";
    line += shown_[i].right ? blanks + texts[i] : texts[i] + blanks;
  }
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line;
}

std::string TextTable::header() const {
  std::vector<std::string> texts;
  for (const Shown& column : shown_) texts.emplace_back(column.title);
  return pad(texts);
}

std::string TextTable::line(const std::vector<Cell>& cells) const {
  std::vector<std::string> texts;
  for (const Shown& column : shown_) texts.push_back(cell_for_people(cells[column.index]));
  return pad(texts);
}

}  // namespace zkark::cli
