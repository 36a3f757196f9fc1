#pragma once
// What a server counts (reference/client-protocol-and-server section 7; Apache: ServerMetrics). metrics.inc
// is the table: one row per metric; `mntr` prints it, and so does whatever else shows metrics.
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "formats/base/bytes.h"
#include "formats/proto.h"

namespace zkark::server {

class Server;

/// Count, sum, least and most of what was added. Least and most are 0 while nothing was.
class Summary {
 public:
  void add(std::int64_t value);
  std::int64_t count() const { return count_; }
  std::int64_t sum() const { return sum_; }
  std::int64_t min() const { return min_; }
  std::int64_t max() const { return max_; }
  /// 0.0 while there is nothing, else rounded to four decimals.
  double mean() const;

 private:
  std::int64_t count_ = 0, sum_ = 0, min_ = 0, max_ = 0;
};

/// With percentiles: exact up to 1023, then within 1/32.
class AdvancedSummary {
 public:
  void add(std::int64_t value);
  const Summary& basic() const { return basic_; }
  /// The value below which `share` (0..1) of all lie, interpolated between neighbours.
  std::int64_t percentile(double share) const;

 private:
  std::int64_t value_of_rank(std::int64_t rank) const;
  Summary basic_;
  std::vector<std::int64_t> buckets_;  // grown when used
};

/// Summaries by the first component of a path. Keys of clients: at most kMostKeys, later ones are not
/// counted.
class SummarySet {
 public:
  static constexpr std::size_t kMostKeys = 1000;
  void add(std::string_view key, std::int64_t value);
  /// To zero; the keys stay, as with Apache.
  void reset();
  const std::map<std::string, Summary, std::less<>>& all() const { return all_; }

 private:
  std::map<std::string, Summary, std::less<>> all_;
};

/// Loop thread only.
struct Metrics {
#define ZKARK_GAUGE(name, value)
#define ZKARK_COUNTER(name) std::int64_t name = 0;
#define ZKARK_SUMMARY(name) Summary name;
#define ZKARK_ADVANCED(name) AdvancedSummary name;
#include "src/server/metrics.inc"
#undef ZKARK_GAUGE
#undef ZKARK_COUNTER
#undef ZKARK_SUMMARY
#undef ZKARK_ADVANCED
  SummarySet read_per_namespace, write_per_namespace;
  // What gauges show; -1: no response yet.
  std::int64_t last_response_size = -1, min_response_size = -1, max_response_size = -1, auth_failed = 0;

  void reset();
  /// A reply of that many bytes, its length word left out.
  void add_response(std::int64_t bytes);
  /// A read of `request` that went well; `reply` is what follows the header. Requests without a path, and
  /// those of the root, belong to no namespace.
  void add_read(OpCode op, Bytes request, Bytes reply);
  void add_write(std::string_view path, std::size_t data_bytes);
  /// A change that so many watches waited for.
  void add_fired(EventType type, std::size_t watches);
};

using MetricValue = std::variant<std::int64_t, double>;

class MetricVisitor {
 public:
  virtual ~MetricVisitor() = default;
  virtual void gauge(std::string_view name, MetricValue value) = 0;
  virtual void counter(std::string_view name, std::int64_t value) = 0;
  virtual void summary(std::string_view name, const Summary& summary) = 0;
  virtual void summary(std::string_view name, const AdvancedSummary& summary) = 0;
  virtual void summary_set(std::string_view name, const SummarySet& set) = 0;
};

/// All rows, in order, then the sets.
void visit_metrics(Server& server, MetricVisitor& visitor);

/// Apache counts the root twice, under "" and "/".
std::int64_t node_count(const Server& server);
/// sum / count rounded half up to four decimals as Java's BigDecimal does it; 0.0 for a count of 0.
double rounded_mean(std::int64_t sum, std::int64_t count);
/// As Java prints a double that is 0 or at least 0.0001: "0.0", "1.5714", "5.0E-4", "1.2345678E7".
std::string java_double(double value);

}  // namespace zkark::server
