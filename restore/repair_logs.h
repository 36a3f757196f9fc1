#pragma once
// What becomes of each log in a repair, in the words of its report.
#include <optional>
#include <string_view>
#include <vector>

#include "restore/repair.h"
#include "restore/repair_scan.h"

namespace zkark::restore {

/// By piece of a scan, perhaps cut; absent: left out.
using KeptPieces = std::vector<std::optional<LogPiece>>;

/// Adds the logs and what is lost of them to the plan. What is left out lies above `limit`, or is so because
/// `why_else`.
void add_logs(RepairPlan& plan, const std::vector<SourceFile>& logs, const LogScan& scan,
              const KeptPieces& kept, std::optional<std::int64_t> limit, std::string_view why_else);

}  // namespace zkark::restore
