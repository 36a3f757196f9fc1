#include "src/cli/findings_table.h"

namespace zkark::cli {

Table& findings_table(Report& report, const restore::Findings& findings) {
  Table& table = report.table("findings", {{"severity", ""},
                                           {"id", ""},
                                           {"message", ""},
                                           {"file", ""},
                                           {"offset", ""},
                                           {"end_offset", ""},
                                           {"first_zxid", ""},
                                           {"last_zxid", ""},
                                           {"hint", ""}});
  const auto number = [](const std::optional<std::uint64_t>& value) {
    return value ? Cell::count(*value) : Cell();
  };
  const auto zxid = [](const std::optional<std::int64_t>& value) {
    return value ? Cell::zxid(*value) : Cell();
  };
  for (const restore::Finding& f : findings)
    table.row({Cell::string(restore::severity_name(f.severity)), Cell::string(error_code(f.id)),
               Cell::string(f.message), Cell::string_or_null(f.file), number(f.offset), number(f.end_offset),
               zxid(f.first_zxid), zxid(f.last_zxid), Cell::string_or_null(f.hint)});
  return table;
}

}  // namespace zkark::cli
