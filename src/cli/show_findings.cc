#include "src/cli/show_findings.h"

#include <fmt/format.h>

#include "formats/file_names.h"

namespace zkark::cli {

Error error_of(const restore::Finding& finding) {
  std::string message = finding.message;
  // A gap's sentence names its zxids already.
  if (finding.severity == restore::Severity::kDamage && finding.id != ErrorId::kZxidOrder &&
      finding.first_zxid) {
    if (!finding.last_zxid)
      message += fmt::format("; nothing readable follows zxid {}", zxid_text(*finding.first_zxid - 1));
    else if (*finding.last_zxid > *finding.first_zxid)
      message += fmt::format("; transactions {} to {} are lost", zxid_text(*finding.first_zxid),
                             zxid_text(*finding.last_zxid));
  }
  Error error(finding.id, std::move(message));
  if (!finding.file.empty() && finding.offset)
    error = std::move(error).at(finding.file, *finding.offset);
  else if (!finding.file.empty())
    error = std::move(error).at(finding.file);
  if (finding.first_zxid && finding.last_zxid == finding.first_zxid)
    error = std::move(error).at_zxid(*finding.first_zxid);
  if (!finding.hint.empty()) error = std::move(error).with_hint(finding.hint);
  return error;
}

void show_finding(Output& output, const restore::Finding& finding, Stance stance) {
  const Error error = error_of(finding);
  if (finding.severity == restore::Severity::kNote) {
    output.note(error.hint().empty() ? error.to_string()
                                     : fmt::format("{}: {}", error.to_string(), error.hint()));
    return;
  }
  output.report(error, stance == Stance::kReading ? 3 : 6);
}

void show_findings(Output& output, const restore::Findings& findings, Stance stance, std::size_t from) {
  for (std::size_t i = from; i < findings.size(); ++i) show_finding(output, findings[i], stance);
}

}  // namespace zkark::cli
