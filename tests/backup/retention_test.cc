#include "src/backup/retention.h"

#include <fmt/format.h>

#include <chrono>

#include "tests/backup/lab.h"

namespace zkark::test {
namespace {

using namespace backup;

std::int64_t at(int year, unsigned month, unsigned day, int hour = 0, int minute = 0) {
  using namespace std::chrono;
  const auto when = sys_days(std::chrono::year(year) / month / day) + hours(hour) + minutes(minute);
  return duration_cast<milliseconds>(when.time_since_epoch()).count();
}

RetentionItem item(std::string id, std::int64_t taken_ms, std::vector<std::string> needs = {}) {
  RetentionItem made;
  made.id = std::move(id);
  made.cluster = "default";
  made.taken_ms = made.order_ms = taken_ms;
  made.needs = std::move(needs);
  return made;
}

/// "id: reasons" of what is kept.
std::vector<std::string> kept(const std::vector<RetentionItem>& items, const RetentionPolicy& policy,
                              int zone = 0) {
  auto decisions = apply_retention(items, policy, zone);
  if (!decisions) return {decisions.error().message()};
  std::vector<std::string> lines;
  for (const RetentionDecision& decision : *decisions) {
    EXPECT_EQ(decision.keep, !decision.reasons.empty());
    if (decision.keep) lines.push_back(fmt::format("{}: {}", decision.id, fmt::join(decision.reasons, ", ")));
  }
  return lines;
}

using Lines = std::vector<std::string>;

TEST(Retention, KeepsTheLast) {
  EXPECT_EQ(kept({item("a", 1), item("b", 2), item("c", 3)}, {.last = 2}),
            (Lines{"b: last 2 of 2", "c: last 1 of 2"}));
}

TEST(Retention, KeepsTheNewestOfEachHourDayWeekMonthAndYear) {
  const std::vector<RetentionItem> items = {
      item("y24", at(2024, 12, 31, 23)), item("jan", at(2026, 1, 15)),
      item("mon", at(2026, 11, 16, 1)),  item("fri", at(2026, 11, 20, 1)),
      item("sat1", at(2026, 11, 21, 1)), item("sat2", at(2026, 11, 21, 1, 59)),
      item("sat3", at(2026, 11, 21, 2))};
  EXPECT_EQ(kept(items, {.hourly = 2}),
            (Lines{"sat2: hourly 2026-11-21 01h", "sat3: hourly 2026-11-21 02h"}));
  EXPECT_EQ(kept(items, {.daily = 3}),
            (Lines{"mon: daily 2026-11-16", "fri: daily 2026-11-20", "sat3: daily 2026-11-21"}));
  EXPECT_EQ(kept(items, {.weekly = 2}), (Lines{"jan: weekly 2026-W03", "sat3: weekly 2026-W47"}));
  EXPECT_EQ(kept(items, {.monthly = 2}), (Lines{"jan: monthly 2026-01", "sat3: monthly 2026-11"}));
  EXPECT_EQ(kept(items, {.yearly = 5}), (Lines{"y24: yearly 2024", "sat3: yearly 2026"}));
}

TEST(Retention, CountsWeeksAsIso8601) {
  // 2026-01-01 is a Thursday; 2024-12-30 is the Monday of 2025-W01; 2027-01-01 belongs to 2026-W53.
  EXPECT_EQ(kept({item("a", at(2024, 12, 29)), item("b", at(2024, 12, 30)), item("c", at(2026, 1, 1)),
                  item("d", at(2027, 1, 1)), item("e", at(2027, 1, 4))},
                 {.weekly = 9}),
            (Lines{"a: weekly 2024-W52", "b: weekly 2025-W01", "c: weekly 2026-W01", "d: weekly 2026-W53",
                   "e: weekly 2027-W01"}));
}

TEST(Retention, CountsDaysInTheZoneGiven) {
  const std::vector<RetentionItem> items = {item("a", at(2026, 11, 20, 22, 30)),
                                            item("b", at(2026, 11, 20, 23, 30))};
  EXPECT_EQ(kept(items, {.daily = 2}, 0), (Lines{"b: daily 2026-11-20"}));
  EXPECT_EQ(kept(items, {.daily = 2}, 60), (Lines{"a: daily 2026-11-20", "b: daily 2026-11-21"}));
  EXPECT_EQ(kept(items, {.daily = 2}, -23 * 60), (Lines{"a: daily 2026-11-19", "b: daily 2026-11-20"}));
}

TEST(Retention, KeepsWhatIsWithinASpanOfTheNewest) {
  const std::vector<RetentionItem> items = {item("a", at(2026, 2, 27)), item("b", at(2026, 2, 28)),
                                            item("c", at(2026, 3, 31))};
  EXPECT_EQ(kept(items, {.within = {.months = 1}}), (Lines{"b: within 1m", "c: within 1m"}));
  EXPECT_EQ(kept(items, {.within = {.years = 1}}).size(), 3u);
  EXPECT_EQ(kept(items, {.within = {.hours = 1}}), (Lines{"c: within 1h"}));
}

TEST(Retention, KeepsTags) {
  std::vector<RetentionItem> items = {item("a", 1), item("b", 2), item("c", 3)};
  items[0].tags = {{"why", "audit"}};
  items[1].tags = {{"why", "nightly"}, {"hold", ""}};
  EXPECT_EQ(kept(items, {.tags = {{"why", "audit"}}}), (Lines{"a: tag why=audit"}));
  EXPECT_EQ(kept(items, {.tags = {{"why", std::nullopt}}}),
            (Lines{"a: tag why=audit", "b: tag why=nightly"}));
  EXPECT_EQ(kept(items, {.last = 1, .tags = {{"hold", std::nullopt}}}),
            (Lines{"b: tag hold", "c: last 1 of 1"}));
}

TEST(Retention, KeepsWhatAKeptBackupNeeds) {
  EXPECT_EQ(kept({item("full", 1), item("incr1", 2, {"full"}), item("incr2", 3, {"incr1"}), item("full2", 4),
                  item("incr3", 5, {"full2"})},
                 {.last = 1}),
            (Lines{"full2: needed by incr3", "incr3: last 1 of 1"}));
  EXPECT_EQ(kept({item("full", 1), item("incr1", 2, {"full"}), item("incr2", 3, {"incr1"})}, {.last = 1}),
            (Lines{"full: needed by incr1", "incr1: needed by incr2", "incr2: last 1 of 1"}));
}

TEST(Retention, CountsPerCluster) {
  std::vector<RetentionItem> items = {item("a", 1), item("b", 2), item("c", 3)};
  items[0].cluster = items[1].cluster = "other";
  EXPECT_EQ(kept(items, {.last = 1}), (Lines{"b: last 1 of 1", "c: last 1 of 1"}));
}

TEST(Retention, RefusesAnEmptyPolicyAndTheLossOfACluster) {
  EXPECT_EQ(error_of(apply_retention({item("a", 1)}, {}, 0)), ErrorId::kUsage);
  EXPECT_EQ(error_of(apply_retention({item("a", 1)}, {.tags = {{"x", std::nullopt}}}, 0)), ErrorId::kRefused);
  EXPECT_TRUE(apply_retention({}, {.last = 1}, 0)->empty());
}

TEST(Retention, GoesByOrderWhereTheClockWentBack) {
  std::vector<RetentionItem> items = {item("a", at(2036, 1, 1)), item("b", at(2026, 1, 1))};
  items[1].order_ms = items[0].order_ms + 1;  // published later, by a clock that was set right
  EXPECT_EQ(kept(items, {.last = 1}), (Lines{"b: last 1 of 1"}));
}

TEST(Retention, ReadsSpans) {
  EXPECT_EQ(*parse_span("1y6m7d12h"), (Span{1, 6, 7, 12}));
  EXPECT_EQ(*parse_span("36h"), (Span{.hours = 36}));
  EXPECT_EQ(*parse_span("6mo"), (Span{.months = 6}));
  EXPECT_EQ(*parse_span("1y6mo"), (Span{.years = 1, .months = 6}));
  for (const char* bad :
       {"", "5", "d", "5x", "1d1y", "1d2d", "-1d", "5m", "0d", "1.5d", "99999999999d", "5min"})
    EXPECT_EQ(error_of(parse_span(bad)), ErrorId::kUsage) << bad;
}

}  // namespace
}  // namespace zkark::test
