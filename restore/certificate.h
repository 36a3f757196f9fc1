#pragma once
// What replaying against the digests that servers wrote (3.6+) proves, and what it cannot. Differences are
// compared, not absolute values: where the offset between computed and logged digest changes is reported
// once.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "restore/finding.h"

namespace zkark::restore {

enum class ProofGrade : std::uint8_t {
  kProven,       // every point up to proven_to
  kPartly,       // the ranges in `proven`
  kNotProvable,  // no digests: before 3.6, or switched off
  kFailed,       // an unexplained difference at failed_at
};
constexpr std::string_view proof_grade_name(ProofGrade grade) {
  switch (grade) {
    case ProofGrade::kProven:
      return "proven";
    case ProofGrade::kPartly:
      return "partly";
    case ProofGrade::kNotProvable:
      return "not-provable";
    case ProofGrade::kFailed:
      return "failed";
  }
  return "not-provable";
}

struct ZxidRange {
  std::int64_t first = 0, last = 0;  // both inclusive
  bool operator==(const ZxidRange&) const = default;
};

struct Certificate {
  ProofGrade grade = ProofGrade::kNotProvable;
  std::vector<ZxidRange> proven;          // ascending, apart
  std::optional<std::int64_t> failed_at;  // first unexplained difference
  std::uint64_t digests_compared = 0;
  std::int64_t proven_to() const { return proven.empty() ? 0 : proven.back().last; }
  /// Of a replay further on in the same history.
  void add(const Certificate& part);
};

/// What no digest covers, for every certificate: said wherever one is shown.
inline constexpr std::string_view kNotCoveredByDigests =
    "ACL lists, sessions, everything below /zookeeper/, and txns after the last digest";

/// Follows one replay and draws the certificate. Feed it every applied record in order.
class DigestCheck {
 public:
  explicit DigestCheck(Findings& findings) : findings_(findings) {}

  /// `computed`: of the replayed tree after the record; `logged`: of the record, if it has one. False when
  /// the offset changed here; accept() then says what that was.
  bool compare(std::int64_t zxid, std::uint64_t computed, std::uint64_t logged);
  /// The last change of the offset has a known, proven cause: a note, and the offset is what it was.
  void explain(std::int64_t zxid, std::string cause, std::string file);
  /// It has none: a finding.
  void unexplained(std::int64_t zxid, std::uint64_t computed, std::uint64_t logged, std::string file,
                   std::uint64_t offset);
  /// A snapshot met on the way agrees with the replayed tree at `zxid`.
  void agreed(std::int64_t zxid);
  /// From here on nothing is proven until the next digest (a gap, a replaced tree).
  void break_range();
  /// Before the first record: the state at `zxid` is where proof starts from.
  void begin(std::int64_t zxid) { from_ = zxid; }

  Certificate certificate() const;
  std::uint64_t compared() const { return compared_; }

 private:
  void extend(std::int64_t zxid);
  Findings& findings_;
  std::uint64_t offset_ = 0;  // computed - logged, as accepted
  std::optional<std::int64_t> from_;
  std::vector<ZxidRange> proven_;
  std::optional<std::int64_t> failed_at_;
  std::uint64_t compared_ = 0;
};

}  // namespace zkark::restore
