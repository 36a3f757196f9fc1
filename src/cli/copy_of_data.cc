#include "src/cli/copy_of_data.h"

#include <fmt/format.h>

#include "restore/config_files.h"
#include "src/cli/text.h"

namespace zkark::cli {
namespace {

using Zxid = std::optional<std::int64_t>;

Cell zxid_or_null(const Zxid& zxid) { return zxid ? Cell::zxid(*zxid) : Cell(); }

std::string open_range_text(const Zxid& first, const Zxid& last) {
  if (!first) return "";
  if (!last) return zxid_text(*first) + "…";
  return *first == *last ? zxid_text(*first) : range_text(*first, *last);
}

}  // namespace

Result<CopySurroundings> surroundings_of(const restore::SourceListing& listing,
                                         const restore::RepairPlan& plan, const std::string& dir,
                                         restore::Findings& findings) {
  ZK_TRY(const restore::CapturedConfig config, restore::captured_config(listing));
  findings.insert(findings.end(), config.notes.begin(), config.notes.end());
  CopySurroundings around;
  around.extras =
      restore::repaired_extras(listing, *plan.point, plan.dropped_to.value_or(*plan.point), findings);
  const bool ttl_nodes = plan.rebuilt->replay.state.tree.count_of(NodeKind::kTtl) != 0;
  if (!dir.empty()) {
    ZK_TRY(around.extras.conf, restore::restored_config(config, {dir, "", ttl_nodes}));
  }
  around.has_config = config.cfg.has_value();
  around.voters = config.ensemble.voters();
  return around;
}

Table& files_of_copy(Report& report) {
  return report.table("files", {{"file", ""},
                                {"name", "FILE"},
                                {"kind", ""},
                                {"fate", "DONE"},
                                {"copy", "COPY"},
                                {"zxids", "RANGE"},
                                {"txns", "TXNS"},
                                {"first_zxid", ""},
                                {"last_zxid", ""},
                                {"reason", "WHY"}});
}

void add_file(Table& table, const restore::RepairedFile& file, bool made, std::string_view fate,
              std::string_view reason) {
  table.row(
      {made ? Cell() : Cell::string(file.file.path), made ? Cell() : Cell::string(base_name(file.file.path)),
       Cell::string(file.is_log ? "log" : "snapshot"), Cell::string(fate), Cell::string_or_null(file.name),
       Cell::string_or_null(open_range_text(file.first_zxid, file.last_zxid)),
       file.is_log ? Cell::count(file.txns) : Cell(), zxid_or_null(file.first_zxid),
       zxid_or_null(file.last_zxid), Cell::string_or_null(reason)});
}

void list_losses(Report& report, const std::vector<restore::Loss>& losses) {
  Table& table = report.table("lost", {{"kind", "LOST"},
                                       {"file", ""},
                                       {"name", "FILE"},
                                       {"from", "FROM"},
                                       {"to", "TO"},
                                       {"zxids", "RANGE"},
                                       {"txns", "TXNS"},
                                       {"first_zxid", ""},
                                       {"last_zxid", ""},
                                       {"reason", "WHAT"}});
  for (const restore::Loss& loss : losses)
    table.row({Cell::string(loss_name(loss.kind)), Cell::string(loss.file),
               Cell::string(base_name(loss.file)), Cell::hex(loss.begin), Cell::hex(loss.end),
               Cell::string_or_null(open_range_text(loss.first_zxid, loss.last_zxid)),
               loss.txns ? Cell::count(*loss.txns) : Cell(), zxid_or_null(loss.first_zxid),
               zxid_or_null(loss.last_zxid), Cell::string(loss.reason)});
}

}  // namespace zkark::cli
