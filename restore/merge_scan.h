#pragma once
// What a merge is planned from: the holes of one member, and the records of the others that lie in them.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "restore/merge.h"

namespace zkark::restore {

/// A record, or another zxid that something stands for.
struct Anchor {
  std::int64_t zxid = 0;
  std::optional<std::uint32_t> checksum;  // absent: a snapshot, or what a file's name says came before it
  bool operator==(const Anchor&) const = default;
};

/// Bytes of a log that hold no readable record.
struct BadBytes {
  std::size_t log = 0;
  std::uint64_t begin = 0, end = 0;
  bool torn = false;
};

struct Hole {
  HoleKind kind = HoleKind::kGap;
  /// What is before it. Several where it is at the beginning: snapshots, the oldest first.
  std::vector<Anchor> left;
  std::optional<Anchor> right;
  std::vector<BadBytes> bad;
  std::optional<std::size_t> left_log, right_log;  // where the records beside it are
  std::uint64_t left_end = 0, right_begin = 0;     // in these logs
  std::string file;                                // where it shows
  std::optional<std::uint64_t> offset;
  std::vector<std::size_t> findings;  // of the walk, that tell of it
  /// Nothing follows, and only so many bytes were written there.
  std::optional<std::uint64_t> room;

  std::int64_t from() const { return left.front().zxid; }
  std::int64_t to() const { return right ? right->zxid : INT64_MAX; }
  bool holds(std::int64_t zxid) const { return from() <= zxid && zxid <= to(); }
};

struct Mark {
  std::int64_t zxid = 0;
  std::uint32_t checksum = 0;
};

struct HoleScan {
  std::vector<Hole> holes;        // ascending
  std::vector<Mark> marks;        // of all records, by zxid
  std::vector<bool> has_records;  // by log
  Findings findings;
};
Result<HoleScan> scan_holes(MergeMember& target, const MergeOptions& options, Job& job);

/// A record that another member holds in a hole, or beside it.
struct HeldRecord {
  std::int64_t zxid = 0;
  std::uint64_t offset = 0;
  std::uint32_t size = 0, checksum = 0;
  std::uint32_t log = 0;  // index
  bool joined = false;    // it follows the one before it in that member's logs
};
using HeldByHole = std::vector<std::vector<HeldRecord>>;

/// Fills in what is said of the member, and compares every record that `scan` has too: kRefused where they
/// contradict each other.
Result<HeldByHole> scan_member(const MergeMember& target, const HoleScan& scan, MergeMember& member,
                               Job& job);

}  // namespace zkark::restore
