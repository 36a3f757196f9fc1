#pragma once
// Where the load comes from: the busiest nodes, subtrees, sessions and types of a history, and its course
// over time; in one pass, in bounded memory. And what is big: sums over a tree.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "formats/base/result.h"
#include "formats/txn.h"
#include "restore/tree.h"
#include "src/forensics/frequent.h"

namespace zkark::forensics {

/// The first `depth` names of a path: /a/b of /a/b/c/d with 2.
std::string_view prefix_of(std::string_view path, std::size_t depth);

/// Writes by interval. The interval grows when there would be more than kMaxIntervals of them, unless it is
/// fixed: then add() fails with kUsage.
class TimeLine {
 public:
  static constexpr std::size_t kMaxIntervals = 4096;
  static constexpr std::size_t kMaxFixedIntervals = 100'000;
  struct Interval {
    std::uint64_t writes = 0, errors = 0, bytes = 0;
  };
  /// 0: as fine as fits, from a tenth of a second on.
  explicit TimeLine(std::int64_t fixed_ms = 0) : interval_ms_(fixed_ms), fixed_(fixed_ms != 0) {
    if (!fixed_) interval_ms_ = kSteps[0];
  }
  Status add(std::int64_t time_ms, const Interval& what);
  std::int64_t interval_ms() const { return interval_ms_; }
  /// By number: it begins at number * interval_ms(). Those with nothing in them are left out.
  const std::map<std::int64_t, Interval>& intervals() const { return intervals_; }
  /// At most `columns` sums side by side, gaps included, and the length of each.
  struct Picture {
    std::vector<Interval> columns;
    std::int64_t first_ms = 0, column_ms = 0;
  };
  Picture picture(std::size_t columns) const;

 private:
  // Each a multiple of the one before, so that nothing has to be cut apart.
  static constexpr std::int64_t kSteps[] = {100,      1000,     5000,      30'000,    60'000,    300'000,
                                            1800'000, 3600'000, 21600'000, 86400'000, 604800'000};
  void widen();

  std::int64_t interval_ms_;
  bool fixed_;
  std::map<std::int64_t, Interval> intervals_;
};

/// What came from or went to one key.
struct Share {
  std::uint64_t writes = 0, errors = 0, bytes = 0;
  std::int64_t last_ms = 0;
};

enum class LoadMetric : std::uint8_t { kWrites, kBytes };

struct LoadOptions {
  LoadMetric metric = LoadMetric::kWrites;
  std::size_t depth = 2;         // of prefixes
  std::int64_t interval_ms = 0;  // of the time line; 0: as fine as fits
};

/// Counts record by record. A write is an operation that took effect, the parts of a multi one by one, the
/// beginning and the end of a session too; nodes that go with a session are no writes of their own. Bytes are
/// those that its record, or its part of one, takes in the log. Memory: kCapacity keys per table
/// (frequent.h).
class Load {
 public:
  static constexpr std::size_t kCapacity = 1 << 16;
  explicit Load(const LoadOptions& options)
      : options_(options),
        time_(options.interval_ms),
        paths_(kCapacity),
        prefixes_(kCapacity),
        sessions_(kCapacity) {}

  Status see(const Txn& txn, std::size_t record_bytes);

  using Keys = FrequentKeys<Share>;
  const Keys& paths() const { return paths_; }
  const Keys& prefixes() const { return prefixes_; }
  /// Keys are eight bytes, big-endian.
  const Keys& sessions() const { return sessions_; }
  const std::map<TxnType, Share>& types() const { return types_; }
  const TimeLine& time() const { return time_; }
  const Share& total() const { return total_; }
  std::uint64_t records() const { return records_; }
  std::optional<std::int64_t> first_ms() const { return first_ms_; }
  std::optional<std::int64_t> last_ms() const { return last_ms_; }

 private:
  std::uint64_t weight(const Share& share) const {
    return options_.metric == LoadMetric::kBytes ? share.bytes : share.writes;
  }
  void count_path(std::string_view path, const Share& share);

  LoadOptions options_;
  TimeLine time_;
  Keys paths_, prefixes_, sessions_;
  std::map<TxnType, Share> types_;
  Share total_;
  std::uint64_t records_ = 0;
  std::optional<std::int64_t> first_ms_, last_ms_;
};
std::string session_key(std::int64_t session);
std::int64_t session_of_key(std::string_view key);

/// What lies in a tree under one key.
struct Weight {
  std::int64_t nodes = 0, bytes = 0;  // data; names are not counted
  bool operator==(const Weight&) const = default;
};
enum class WeighBy : std::uint8_t { kPath, kPrefix, kSession, kType };
/// Sums of a tree: of each node, of each prefix_of(`depth`), which is a subtree, by
/// owner of ephemerals, by kind of node ("persistent", "ephemeral", …). Memory: the keys.
std::map<std::string, Weight> weigh(const restore::Tree& tree, WeighBy by, std::size_t depth);

}  // namespace zkark::forensics
