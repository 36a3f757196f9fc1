#include "src/backup/retention.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <numeric>
#include <set>
#include <unordered_map>

namespace zkark::backup {
namespace {

using namespace std::chrono;

struct LocalTime {
  sys_days day;
  int hour = 0;
};

LocalTime local_time(std::int64_t ms, int zone_offset_min) {
  const auto at = sys_time<milliseconds>(milliseconds(ms)) + minutes(zone_offset_min);
  const auto day = floor<days>(at);
  return {day, static_cast<int>(floor<hours>(at - day).count())};
}

std::string date_text(sys_days day) {
  const year_month_day date(day);
  return fmt::format("{:04}-{:02}-{:02}", int(date.year()), unsigned(date.month()), unsigned(date.day()));
}

std::string hour_bucket(const LocalTime& t) { return fmt::format("{} {:02}h", date_text(t.day), t.hour); }
std::string day_bucket(const LocalTime& t) { return date_text(t.day); }
std::string month_bucket(const LocalTime& t) { return date_text(t.day).substr(0, 7); }
std::string year_bucket(const LocalTime& t) { return date_text(t.day).substr(0, 4); }

/// ISO 8601: a week belongs to the year of its Thursday.
std::string week_bucket(const LocalTime& t) {
  const sys_days thursday = t.day - (weekday(t.day) - Monday) + days(3);
  const auto year = year_month_day(thursday).year();
  const auto week = (thursday - sys_days(year / January / 1)).count() / 7 + 1;
  return fmt::format("{:04}-W{:02}", int(year), week);
}

struct Rule {
  const char* name;
  unsigned RetentionPolicy::*count;
  std::string (*bucket)(const LocalTime&);
};
constexpr Rule kRules[] = {{"hourly", &RetentionPolicy::hourly, hour_bucket},
                           {"daily", &RetentionPolicy::daily, day_bucket},
                           {"weekly", &RetentionPolicy::weekly, week_bucket},
                           {"monthly", &RetentionPolicy::monthly, month_bucket},
                           {"yearly", &RetentionPolicy::yearly, year_bucket}};

/// The moment `span` before `ms`, in calendar steps: a month back from the 31st is the last day of that
/// month.
std::int64_t before(std::int64_t ms, const Span& span, int zone_offset_min) {
  const auto at = sys_time<milliseconds>(milliseconds(ms)) + minutes(zone_offset_min);
  const auto day = floor<days>(at);
  const auto clock = at - day;
  year_month_day date(day);
  const year_month target = date.year() / date.month() - years(span.years) - months(span.months);
  date = target / date.day();
  if (!date.ok()) date = target / last;
  const auto result = sys_days(date) - days(span.days) + clock - hours(span.hours) - minutes(zone_offset_min);
  return duration_cast<milliseconds>(result.time_since_epoch()).count();
}

std::string span_text(const Span& span) {
  std::string text;
  const auto add = [&](int n, char unit) {
    if (n > 0) text += fmt::format("{}{}", n, unit);
  };
  add(span.years, 'y');
  add(span.months, 'm');
  add(span.days, 'd');
  add(span.hours, 'h');
  return text;
}

}  // namespace

Result<Span> parse_span(std::string_view text) {
  const auto wrong = [&](std::string message) {
    return fail(Error(ErrorId::kUsage, fmt::format("\"{}\": {}", text, message))
                    .with_hint("a span is years, months, days and hours: 1y6m, 14d, 36h"));
  };
  Span span;
  std::string_view rest = text, order = "ymdh";
  while (!rest.empty()) {
    int n = 0;
    auto [end, problem] = std::from_chars(rest.data(), rest.data() + rest.size(), n);
    if (problem != std::errc() || n < 0 || n > 100000) return wrong("a number and a unit were expected");
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    if (rest.empty()) return wrong("the number has no unit");
    if (rest.starts_with("mo"))
      rest.remove_prefix(1);  // "6mo", said plainly
    else if (rest.front() == 'm' && text.find_first_of("ydh") == std::string_view::npos)
      return fail(
          Error(ErrorId::kUsage, fmt::format("\"{}\": minutes or months?", text))
              .with_hint(fmt::format("months: {}mo; retention knows nothing shorter than an hour", n)));
    const char unit = rest.front() == 'o' ? 'm' : rest.front();
    const std::size_t at = order.find(unit);
    if (at == std::string_view::npos) return wrong("units are y, m, d and h, each once, in this order");
    order.remove_prefix(at + 1);
    (unit == 'y' ? span.years : unit == 'm' ? span.months : unit == 'd' ? span.days : span.hours) = n;
    rest.remove_prefix(1);
  }
  if (span.empty()) return wrong("it is empty");
  return span;
}

bool RetentionPolicy::empty() const {
  return last == 0 && hourly == 0 && daily == 0 && weekly == 0 && monthly == 0 && yearly == 0 &&
         within.empty() && tags.empty();
}

Result<std::vector<RetentionDecision>> apply_retention(const std::vector<RetentionItem>& items,
                                                       const RetentionPolicy& policy, int zone_offset_min) {
  if (policy.empty())
    return fail(
        Error(ErrorId::kUsage, "no rule says what to keep")
            .with_hint("give at least one of --keep-last, --keep-hourly … --keep-yearly, --keep-within, "
                       "--keep-tag"));
  std::vector<RetentionDecision> decisions(items.size());
  std::unordered_map<std::string, std::size_t> by_id;
  for (std::size_t i = 0; i < items.size(); ++i) {
    decisions[i].id = items[i].id;
    by_id[items[i].id] = i;
  }
  const auto keep = [&](std::size_t i, std::string reason) {
    decisions[i].keep = true;
    decisions[i].reasons.push_back(std::move(reason));
  };

  // Per cluster, newest first.
  std::vector<std::size_t> order(items.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::tuple(items[a].cluster, items[b].order_ms, b) <
           std::tuple(items[b].cluster, items[a].order_ms, a);
  });
  struct Counters {
    unsigned last = 0;
    std::int64_t since_ms = INT64_MIN;
    std::array<unsigned, std::size(kRules)> used{};
    std::array<std::string, std::size(kRules)> bucket;
  } counters;
  for (std::size_t position = 0; position < order.size(); ++position) {
    const std::size_t i = order[position];
    const RetentionItem& item = items[i];
    if (position == 0 || items[order[position - 1]].cluster != item.cluster) {
      counters = {};
      if (!policy.within.empty()) counters.since_ms = before(item.taken_ms, policy.within, zone_offset_min);
    }
    if (counters.last < policy.last) keep(i, fmt::format("last {} of {}", ++counters.last, policy.last));
    const LocalTime local = local_time(item.taken_ms, zone_offset_min);
    for (std::size_t r = 0; r < std::size(kRules); ++r) {
      if (counters.used[r] >= policy.*kRules[r].count) continue;
      std::string bucket = kRules[r].bucket(local);
      if (bucket == counters.bucket[r]) continue;
      ++counters.used[r];
      keep(i, fmt::format("{} {}", kRules[r].name, bucket));
      counters.bucket[r] = std::move(bucket);
    }
    if (!policy.within.empty() && item.taken_ms >= counters.since_ms)
      keep(i, fmt::format("within {}", span_text(policy.within)));
    for (const auto& [key, value] : policy.tags) {
      const auto tag = item.tags.find(key);
      if (tag != item.tags.end() && (!value || *value == tag->second))
        keep(i, tag->second.empty() ? "tag " + key : fmt::format("tag {}={}", key, tag->second));
    }
  }

  std::map<std::string, bool> cluster_kept;
  for (std::size_t i = 0; i < items.size(); ++i) cluster_kept[items[i].cluster] |= decisions[i].keep;
  for (const auto& [cluster, kept] : cluster_kept)
    if (!kept)
      return fail(Error(ErrorId::kRefused, fmt::format("cluster {} would lose its last backup", cluster))
                      .with_hint("add --keep-last 1"));

  // A kept backup keeps what it needs, and what that needs.
  std::vector<std::size_t> work;
  for (std::size_t i = 0; i < items.size(); ++i)
    if (decisions[i].keep) work.push_back(i);
  while (!work.empty()) {
    const std::size_t child = work.back();
    work.pop_back();
    for (const std::string& id : items[child].needs) {
      const auto parent = by_id.find(id);
      if (parent == by_id.end()) continue;
      if (!decisions[parent->second].keep) work.push_back(parent->second);
      keep(parent->second, fmt::format("needed by {}", items[child].id.substr(0, 8)));
    }
  }
  return decisions;
}

}  // namespace zkark::backup
