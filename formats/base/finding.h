#pragma once
// A finding: one fact about damage or inconsistency. Damage is data: whatever judges (verify, check, replay,
// inspect, carve) collects findings and goes on; its Result only says whether the walk could be done.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/base/error.h"

namespace zkark {

enum class Severity : std::uint8_t {
  kNote,     // explained and harmless: a torn tail, a known cause
  kWarning,  // nothing is lost, somebody should look: a leftover file
  kError,    // data is damaged, missing or contradicts itself
};

struct Finding {
  Severity severity = Severity::kError;
  ErrorId id = ErrorId::kDamaged;  // stable id, explained by `zkark explain`
  std::string message;             // one sentence, no trailing dot
  std::string file;                // empty when no file is meant
  std::optional<std::uint64_t> offset;  // in bytes, in `file`
  std::optional<std::int64_t> first_zxid, last_zxid;  // the range it touches, both inclusive
  std::vector<std::string> backups;  // ids of the backups that depend on it (repository findings only)
  std::string hint;                  // what to do next; may be empty
};

/// The same facts as an Error carries them.
inline Finding finding_of(const Error& error, Severity severity = Severity::kError) {
  Finding finding;
  finding.severity = severity;
  finding.id = error.id();
  finding.message = error.message();
  finding.file = error.file();
  finding.offset = error.offset();
  finding.first_zxid = finding.last_zxid = error.zxid();
  finding.hint = error.hint();
  return finding;
}

}  // namespace zkark
