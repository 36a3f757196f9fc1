#include "restore/certificate.h"

#include <fmt/format.h>

#include "formats/file_names.h"

namespace zkark::restore {

void Certificate::add(const Certificate& part) {
  proven.insert(proven.end(), part.proven.begin(), part.proven.end());
  digests_compared += part.digests_compared;
  if (part.failed_at && !failed_at) failed_at = part.failed_at;
  if (failed_at)
    grade = ProofGrade::kFailed;
  else if (!proven.empty())
    grade = proven.size() == 1 ? ProofGrade::kProven : ProofGrade::kPartly;
}

void DigestCheck::extend(std::int64_t zxid) {
  if (failed_at_) return;  // an offset stays unexplained for good: nothing behind it is counted as proven
  const std::int64_t first = from_.value_or(zxid);
  if (!proven_.empty() && from_ && proven_.back().last >= first)
    proven_.back().last = zxid;
  else
    proven_.push_back({first, zxid});
  from_ = zxid;
}

bool DigestCheck::compare(std::int64_t zxid, std::uint64_t computed, std::uint64_t logged) {
  ++compared_;
  if (computed - logged != offset_) return false;
  extend(zxid);
  return true;
}

void DigestCheck::explain(std::int64_t zxid, std::string cause, std::string file) {
  Finding note;
  note.severity = Severity::kNote;
  note.id = ErrorId::kDigestMismatch;
  note.message = std::move(cause);
  note.file = std::move(file);
  note.first_zxid = note.last_zxid = zxid;
  findings_.push_back(std::move(note));
}

void DigestCheck::unexplained(std::int64_t zxid, std::uint64_t computed, std::uint64_t logged,
                              std::string file, std::uint64_t offset) {
  offset_ = computed - logged;
  if (offset_ == 0 && failed_at_) {
    // What differed was overwritten or deleted. What digests do not cover may differ still, so nothing more
    // is proven.
    explain(zxid, "from here on the replayed tree has the server's digest again", std::move(file));
    return;
  }
  if (!failed_at_) failed_at_ = zxid;
  Finding finding;
  finding.severity = Severity::kDamage;
  finding.id = ErrorId::kDigestMismatch;
  finding.message =
      fmt::format("the replayed tree has digest {:#x}, the server logged {:#x}", computed, logged);
  finding.file = std::move(file);
  finding.offset = offset;
  finding.first_zxid = finding.last_zxid = zxid;
  finding.hint = "compare this member with another one: the histories differ from here on";
  findings_.push_back(std::move(finding));
}

void DigestCheck::agreed(std::int64_t zxid) {
  ++compared_;
  extend(zxid);
}

void DigestCheck::break_range() { from_.reset(); }

Certificate DigestCheck::certificate() const {
  Certificate c;
  c.proven = proven_;
  c.failed_at = failed_at_;
  c.digests_compared = compared_;
  if (failed_at_)
    c.grade = ProofGrade::kFailed;
  else if (compared_ == 0 || proven_.empty())
    c.grade = ProofGrade::kNotProvable;
  else
    c.grade = proven_.size() == 1 ? ProofGrade::kProven : ProofGrade::kPartly;
  return c;
}

}  // namespace zkark::restore
