#include "src/forensics/load.h"

#include <fmt/format.h>

#include "src/forensics/filter.h"

namespace zkark::forensics {
namespace {

std::int64_t floor_divide(std::int64_t value, std::int64_t by) {
  return value / by - (value % by != 0 && value < 0 ? 1 : 0);
}

void operator+=(TimeLine::Interval& sum, const TimeLine::Interval& more) {
  sum.writes += more.writes;
  sum.errors += more.errors;
  sum.bytes += more.bytes;
}

void add_share(Share& sum, const Share& more) {
  sum.writes += more.writes;
  sum.errors += more.errors;
  sum.bytes += more.bytes;
  sum.last_ms = more.last_ms;
}

}  // namespace

std::string_view prefix_of(std::string_view path, std::size_t depth) {
  std::size_t end = 0;
  for (std::size_t names = 0; names < depth; ++names) {
    end = path.find('/', end + 1);
    if (end == std::string_view::npos) return path;
  }
  return path.substr(0, end);
}

// ---- TimeLine ----

void TimeLine::widen() {
  std::int64_t wider = interval_ms_ * 2;
  for (const std::int64_t step : kSteps)
    if (step > interval_ms_) {
      wider = step;
      break;
    }
  const std::int64_t factor = wider / interval_ms_;
  std::map<std::int64_t, Interval> merged;
  for (const auto& [number, interval] : intervals_) merged[floor_divide(number, factor)] += interval;
  intervals_ = std::move(merged);
  interval_ms_ = wider;
}

Status TimeLine::add(std::int64_t time_ms, const Interval& what) {
  intervals_[floor_divide(time_ms, interval_ms_)] += what;
  if (fixed_ && intervals_.size() > kMaxFixedIntervals)
    return fail(Error(ErrorId::kUsage, fmt::format("there are more than {} intervals of {} ms",
                                                   kMaxFixedIntervals, interval_ms_))
                    .with_hint("ask for longer ones, or for less with --since and --until"));
  while (!fixed_ && intervals_.size() > kMaxIntervals) widen();
  return {};
}

TimeLine::Picture TimeLine::picture(std::size_t columns) const {
  Picture picture;
  if (intervals_.empty() || columns == 0) return picture;
  const std::int64_t first = intervals_.begin()->first, last = intervals_.rbegin()->first;
  const std::uint64_t span = static_cast<std::uint64_t>(last) - static_cast<std::uint64_t>(first) + 1;
  // 0 is a span of 2^64.
  const std::uint64_t together = span == 0 ? UINT64_MAX / columns + 1 : (span + columns - 1) / columns;
  // A hostile log may span all of time.
  const auto times = [](std::uint64_t a, std::int64_t b) {
    return static_cast<std::int64_t>(a * static_cast<std::uint64_t>(b));
  };
  picture.first_ms = times(static_cast<std::uint64_t>(first), interval_ms_);
  picture.column_ms = std::max<std::int64_t>(times(together, interval_ms_), 1);
  for (const auto& [number, interval] : intervals_) {
    const std::uint64_t column =
        (static_cast<std::uint64_t>(number) - static_cast<std::uint64_t>(first)) / together;
    if (column >= picture.columns.size()) picture.columns.resize(column + 1);
    picture.columns[column] += interval;
  }
  return picture;
}

// ---- Load ----

std::string session_key(std::int64_t session) {
  std::string key;
  for (int shift = 56; shift >= 0; shift -= 8)
    key += static_cast<char>(static_cast<std::uint64_t>(session) >> shift);
  return key;
}
std::int64_t session_of_key(std::string_view key) {
  std::uint64_t session = 0;
  for (const char c : key) session = session << 8 | static_cast<unsigned char>(c);
  return static_cast<std::int64_t>(session);
}

void Load::count_path(std::string_view path, const Share& share) {
  add_share(paths_.add(path, weight(share)).extra, share);
  add_share(prefixes_.add(prefix_of(path, options_.depth), weight(share)).extra, share);
}

Status Load::see(const Txn& txn, std::size_t record_bytes) {
  ++records_;
  const std::int64_t time_ms = txn.header.time_ms;
  if (!first_ms_) first_ms_ = time_ms;
  last_ms_ = time_ms;
  Share record{0, 0, record_bytes, time_ms};
  const auto* multi = std::get_if<MultiTxn>(&txn.body);
  if (std::holds_alternative<ErrorTxn>(txn.body) || (multi != nullptr && multi_failed(*multi))) {
    record.errors = 1;
  } else if (multi != nullptr) {
    for (const SubTxn& sub : multi->txns) {
      if (sub.type == TxnType::kCheck) continue;
      ++record.writes;
      const Share part{1, 0, sub.data ? sub.data->size() : 0, time_ms};
      add_share(types_[sub.type], part);
      const Result<TxnBody> body = decode_sub_txn(sub);
      if (body && !txn_path(*body).empty()) count_path(txn_path(*body), part);
    }
  } else {
    record.writes = 1;
    if (const std::string_view path = txn_path(txn.body); !path.empty()) count_path(path, record);
  }
  if (multi == nullptr || record.errors != 0) add_share(types_[txn.header.type], record);
  add_share(sessions_.add(session_key(txn.header.client_id), weight(record)).extra, record);
  add_share(total_, record);
  return time_.add(time_ms, {record.writes, record.errors, record.bytes});
}

// ---- what is big ----

std::map<std::string, Weight> weigh(const restore::Tree& tree, WeighBy by, std::size_t depth) {
  std::map<std::string, Weight> sums;
  const auto add = [&](std::string_view key, std::int64_t bytes) {
    Weight& sum = sums[std::string(key)];
    ++sum.nodes;
    sum.bytes += bytes;
  };
  std::string path;
  tree.for_each_node([&](restore::NodeId id) {
    const restore::NodeView node = tree.get(id);
    const std::int64_t bytes = node.data ? static_cast<std::int64_t>(node.data->size()) : 0;
    const NodeKind kind = node_kind(node.stat.ephemeral_owner);
    switch (by) {
      case WeighBy::kPath:
        tree.path_into(id, path);
        return add(path, bytes);
      case WeighBy::kPrefix:
        tree.path_into(id, path);
        return add(prefix_of(path, depth), bytes);
      case WeighBy::kSession:
        if (kind == NodeKind::kEphemeral) add(session_key(node.stat.ephemeral_owner), bytes);
        return;
      case WeighBy::kType:
        return add(node_kind_name(kind), bytes);
    }
  });
  return sums;
}

}  // namespace zkark::forensics
