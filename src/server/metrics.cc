#include "src/server/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>

#include "formats/base/process_facts.h"
#include "formats/jute.h"
#include "src/server/server.h"

namespace zkark::server {
namespace {

constexpr std::int64_t kExact = 1024;
constexpr int kStepsLog2 = 5;  // of each doubling above

std::size_t bucket_of(std::int64_t value) {
  if (value < kExact) return static_cast<std::size_t>(std::max<std::int64_t>(value, 0));
  const int doubling = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(value))) - 11;
  const auto step = (value >> (doubling + 10 - kStepsLog2)) & ((1 << kStepsLog2) - 1);
  return static_cast<std::size_t>(kExact + (doubling << kStepsLog2) + step);
}

/// The least value of a bucket.
std::int64_t value_of(std::size_t bucket) {
  const auto at = static_cast<std::int64_t>(bucket);
  if (at < kExact) return at;
  const std::int64_t doubling = (at - kExact) >> kStepsLog2;
  const std::int64_t step = (at - kExact) & ((1 << kStepsLog2) - 1);
  return ((std::int64_t{1} << kStepsLog2) + step) << (doubling + 10 - kStepsLog2);
}

/// "/a/b" -> "a"; nothing for "/" and what is no path.
std::string_view namespace_of(std::string_view path) {
  if (path.size() < 2 || path[0] != '/') return {};
  return path.substr(1, path.find('/', 1) - 1);
}

std::int64_t whole(std::uint64_t value) { return static_cast<std::int64_t>(value); }

/// Lengths of all paths and values; the root, which Apache has twice, with its "/" and its data once more.
std::int64_t approximate_data_size(const restore::Tree& tree) {
  const std::optional<Bytes> of_root = tree.data(restore::kRoot);
  return whole(tree.path_bytes() + tree.data_bytes() + 1 + (of_root ? of_root->size() : 0));
}

}  // namespace

void Summary::add(std::int64_t value) {
  min_ = count_ == 0 ? value : std::min(min_, value);
  max_ = count_ == 0 ? value : std::max(max_, value);
  ++count_;
  if (__builtin_add_overflow(sum_, value, &sum_)) sum_ = INT64_MAX;  // it stays there
}

double Summary::mean() const { return rounded_mean(sum_, count_); }

void AdvancedSummary::add(std::int64_t value) {
  basic_.add(value);
  const std::size_t bucket = bucket_of(value);
  if (bucket >= buckets_.size()) buckets_.resize(bucket + 1);
  ++buckets_[bucket];
}

std::int64_t AdvancedSummary::value_of_rank(std::int64_t rank) const {
  for (std::size_t i = 0; i < buckets_.size(); ++i)
    if ((rank -= buckets_[i]) <= 0) return std::clamp(value_of(i), basic_.min(), basic_.max());
  return basic_.max();
}

std::int64_t AdvancedSummary::percentile(double share) const {
  const std::int64_t count = basic_.count();
  if (count == 0) return 0;
  const double place = share * static_cast<double>(count + 1);
  const auto rank = static_cast<std::int64_t>(place);
  if (rank < 1) return basic_.min();
  if (rank >= count) return basic_.max();
  const auto lower = static_cast<double>(value_of_rank(rank));
  const auto upper = static_cast<double>(value_of_rank(rank + 1));
  return static_cast<std::int64_t>(std::floor(lower + (place - std::floor(place)) * (upper - lower) + 0.5));
}

void SummarySet::add(std::string_view key, std::int64_t value) {
  auto at = all_.find(key);
  if (at == all_.end()) {
    if (all_.size() >= kMostKeys) return;
    at = all_.emplace(key, Summary()).first;
  }
  at->second.add(value);
}

void SummarySet::reset() {
  for (auto& [key, summary] : all_) summary = Summary();
}

void Metrics::reset() {
  SummarySet reads = std::move(read_per_namespace), writes = std::move(write_per_namespace);
  reads.reset(), writes.reset();
  *this = Metrics{};
  read_per_namespace = std::move(reads), write_per_namespace = std::move(writes);
}

void Metrics::add_response(std::int64_t bytes) {
  response_bytes += bytes;
  last_response_size = bytes;
  min_response_size = min_response_size < 0 ? bytes : std::min(min_response_size, bytes);
  max_response_size = std::max(max_response_size, bytes);
}

void Metrics::add_read(OpCode op, Bytes request, Bytes reply) {
  constexpr std::int64_t kStatBytes = 68;
  const auto size = static_cast<std::int64_t>(reply.size());
  std::int64_t read_bytes = 0;
  switch (op) {
    case OpCode::kExists:
      break;
    case OpCode::kGetData:
      read_bytes = size - 4 - kStatBytes;
      break;
    case OpCode::kGetChildren:
    case OpCode::kGetChildren2:  // a count, then names with their lengths
      if (size < 4) return;
      read_bytes = size - 4 - 4 * std::int64_t{load_i32(reply.data())};
      if (op == OpCode::kGetChildren2) read_bytes -= kStatBytes;
      break;
    default:
      return;
  }
  if (request.size() < 4) return;
  const auto length = static_cast<std::size_t>(std::max(load_i32(request.data()), 0));
  const std::string_view path = as_text(request.subspan(4)).substr(0, length);
  if (const std::string_view key = namespace_of(path); !key.empty())
    read_per_namespace.add(key, static_cast<std::int64_t>(path.size()) + read_bytes + kStatBytes);
}

void Metrics::add_fired(EventType type, std::size_t watches) {
  const auto count = static_cast<std::int64_t>(watches);
  switch (type) {
    case EventType::kCreated:
      return node_created_watch_count.add(count);
    case EventType::kDeleted:
      return node_deleted_watch_count.add(count);
    case EventType::kDataChanged:
      return node_changed_watch_count.add(count);
    case EventType::kChildrenChanged:
      return node_children_watch_count.add(count);
    case EventType::kNone:
      return;
  }
}

void Metrics::add_write(std::string_view path, std::size_t data_bytes) {
  if (const std::string_view key = namespace_of(path); !key.empty())
    write_per_namespace.add(key, static_cast<std::int64_t>(path.size() + data_bytes));
}

void visit_metrics(Server& server, MetricVisitor& visitor) {
  const ProcessNumbers numbers = server.facts().numbers();
  const Metrics& metrics = server.metrics();
#define ZKARK_GAUGE(name, value) visitor.gauge(#name, value);
#define ZKARK_COUNTER(name) visitor.counter(#name, metrics.name);
#define ZKARK_SUMMARY(name) visitor.summary(#name, metrics.name);
#define ZKARK_ADVANCED(name) visitor.summary(#name, metrics.name);
#include "src/server/metrics.inc"
#undef ZKARK_GAUGE
#undef ZKARK_COUNTER
#undef ZKARK_SUMMARY
#undef ZKARK_ADVANCED
  visitor.summary_set("read_per_namespace", metrics.read_per_namespace);
  visitor.summary_set("write_per_namespace", metrics.write_per_namespace);
}

std::int64_t node_count(const Server& server) {
  return static_cast<std::int64_t>(server.state().tree.size()) + 1;
}

double rounded_mean(std::int64_t sum, std::int64_t count) {
  if (count == 0) return 0.0;
  const double mean = static_cast<double>(sum) / static_cast<double>(count);
  // A tie at the fifth decimal is an odd number of 1/32 (10000 is 16 * 625): printing would round it to even.
  if (const double parts = mean * 32; parts == std::floor(parts) && std::fmod(parts, 2) != 0)
    return std::floor(mean * 10000 + 0.5) / 10000;
  return std::strtod(fmt::format("{:.4f}", mean).c_str(), nullptr);
}

std::string java_double(double value) {
  const bool plain = value == 0 || (std::fabs(value) >= 1e-3 && std::fabs(value) < 1e7);
  if (plain) {
    std::string text = fmt::format("{}", value);
    if (text.find('.') == std::string::npos) text += ".0";
    return text;
  }
  // Shortest digits: "5e-04", "1.2345678e+07".
  std::string text;
  for (int digits = 0; digits <= 17; ++digits) {
    text = fmt::format("{:.{}e}", value, digits);
    if (std::strtod(text.c_str(), nullptr) == value) break;
  }
  const std::size_t e = text.find('e');
  std::string digits = text.substr(0, e);
  if (digits.find('.') == std::string::npos) digits += ".0";
  return fmt::format("{}E{}", digits, std::atoi(text.c_str() + e + 1));
}

}  // namespace zkark::server
