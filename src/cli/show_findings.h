#pragma once
// How findings reach the person at the terminal, and what they do to the exit status.
#include <cstddef>

#include "restore/finding.h"
#include "src/cli/output.h"

namespace zkark::cli {

/// What damage and gaps mean to the verb that met them.
enum class Stance : std::uint8_t {
  kReading,  // it goes on past them and prints what can be read: exit 3
  kJudging,  // telling whether the data is sound is its work: exit 6
};

/// The finding as an Error: its sentence, with the zxids that are concerned, and its place.
Error error_of(const restore::Finding& finding);
/// One line on stderr, two with a hint; notes are silent with -q. Gaps and damage are remembered as the exit
/// status.
void show_finding(Output& output, const restore::Finding& finding, Stance stance);
/// All from index `from` on.
void show_findings(Output& output, const restore::Findings& findings, Stance stance, std::size_t from = 0);

}  // namespace zkark::cli
