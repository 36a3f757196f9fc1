#pragma once
// A finding: one fact about damage or inconsistency. Damage is data: checks collect findings and go on.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/base/error.h"

namespace zkark::restore {

enum class Severity : std::uint8_t {
  kNote,    // worth knowing, nothing is wrong: a torn tail, a clean-up at a server start
  kGap,     // records are missing; exit 3 where data is read past it, 6 where a verb judges
  kDamage,  // bytes are wrong, or the history contradicts itself; exit 6
};
constexpr const char* severity_name(Severity severity) {
  return severity == Severity::kNote ? "note" : severity == Severity::kGap ? "gap" : "damage";
}

struct Finding {
  Severity severity = Severity::kNote;
  ErrorId id = ErrorId::kInternal;
  std::string message;
  std::string file;                                   // as listed by the source; empty when no file is meant
  std::optional<std::uint64_t> offset, end_offset;    // [offset, end_offset) in bytes in the file
  std::optional<std::int64_t> first_zxid, last_zxid;  // the zxids concerned, both inclusive
  std::string hint;
};
using Findings = std::vector<Finding>;

/// Turns an Error about a file into a finding; its place comes along.
inline Finding finding_of(const Error& error, Severity severity = Severity::kDamage) {
  Finding f;
  f.severity = severity;
  f.id = error.id();
  f.message = error.message();
  f.file = error.file();
  f.offset = error.offset();
  if (error.zxid()) f.first_zxid = f.last_zxid = error.zxid();
  f.hint = error.hint();
  return f;
}
inline bool has_severity(const Findings& findings, Severity at_least) {
  for (const Finding& f : findings)
    if (f.severity >= at_least) return true;
  return false;
}

}  // namespace zkark::restore
