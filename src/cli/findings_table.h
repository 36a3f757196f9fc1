#pragma once
// Findings as rows of a result: for JSON and CSV, and in tables where a verb wants them there.
#include "restore/finding.h"
#include "src/cli/table.h"

namespace zkark::cli {

/// A table "findings", not shown to people: show_findings.h prints them as messages.
Table& findings_table(Report& report, const restore::Findings& findings);

}  // namespace zkark::cli
