#include "src/cli/table.h"

#include "formats/base/check.h"

namespace zkark::cli {
namespace {

Cell numeric(Cell::Kind kind, std::int64_t number) {
  Cell cell;
  cell.kind = kind;
  cell.number = number;
  return cell;
}

}  // namespace

Cell Cell::string(std::string_view text) {
  Cell cell;
  cell.kind = Kind::kText;
  cell.text = text;
  return cell;
}
Cell Cell::integer(std::int64_t value) { return numeric(Kind::kNumber, value); }
Cell Cell::count(std::uint64_t value) { return numeric(Kind::kUnsigned, static_cast<std::int64_t>(value)); }
Cell Cell::real_number(double value) {
  Cell cell;
  cell.kind = Kind::kReal;
  cell.real = value;
  return cell;
}
Cell Cell::boolean(bool value) { return numeric(Kind::kBoolean, value); }
Cell Cell::size(std::uint64_t bytes) { return numeric(Kind::kSize, static_cast<std::int64_t>(bytes)); }
Cell Cell::hex(std::uint64_t value) { return numeric(Kind::kHex, static_cast<std::int64_t>(value)); }
Cell Cell::time(WallTime value) { return numeric(Kind::kTime, value.ms); }
Cell Cell::duration_ms(std::int64_t value) { return numeric(Kind::kDuration, value); }
Cell Cell::data(std::optional<Bytes> bytes) {
  if (!bytes) return {};
  Cell cell = string(as_text(*bytes));
  cell.kind = Kind::kData;
  return cell;
}
Cell Cell::list(std::vector<std::string> values) {
  Cell cell;
  cell.kind = Kind::kList;
  for (std::string& value : values) cell.items.emplace_back(std::move(value), "");
  return cell;
}
Cell Cell::map(std::vector<std::pair<std::string, std::string>> values) {
  Cell cell;
  cell.kind = Kind::kMap;
  cell.items = std::move(values);
  return cell;
}

void Table::row(std::vector<Cell> cells) {
  ZK_CHECK(cells.size() == columns_.size());
  rows_.push_back(std::move(cells));
}

Report& Report::field(std::string_view key, std::string_view title, Cell cell) {
  fields_.push_back({key, title, std::move(cell)});
  return *this;
}

Table& Report::table(std::string_view key, std::vector<Column> columns) {
  return tables_.emplace_back(key, std::move(columns));
}

}  // namespace zkark::cli
