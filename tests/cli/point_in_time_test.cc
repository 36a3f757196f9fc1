#include "src/cli/point_in_time.h"

#include <gtest/gtest.h>

#include "src/cli/text.h"

namespace zkark::cli {
namespace {

using restore::PointSpec;

// 2026-11-21 12:00:00Z: 13:00 in Vienna.
constexpr WallTime kNow{1795262400000};
const PointFrame kUtc{kNow, "UTC"}, kVienna{kNow, "Europe/Vienna"};

std::string time_of(std::string_view text, const PointFrame& frame = kUtc) {
  Result<PointSpec> point = parse_point(text, frame);
  if (!point) return "error: " + point.error().message();
  if (point->kind != PointSpec::Kind::kTime) return "no time";
  EXPECT_EQ(point->text, text);
  return rfc3339(point->time);
}

TEST(Point, TimesWithTheirOwnOffset) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"2026-11-21T05:31:30.412Z", "2026-11-21T05:31:30.412Z"},
      {"2026-11-21 05:31:30.5Z", "2026-11-21T05:31:30.500Z"},
      {"2026-11-21t05:31z", "2026-11-21T05:31:00.000Z"},
      {"2026-11-21T05:31:30+01:00", "2026-11-21T04:31:30.000Z"},
      {"2026-11-21 05:31 -0530", "2026-11-21T11:01:00.000Z"},
      {"2026-11-21 05:31+02", "2026-11-21T03:31:00.000Z"},
      {"2026-11-21 05:31 UTC", "2026-11-21T05:31:00.000Z"},
      {"2026-11-21 05:31:30.41299999", "2026-11-21T05:31:30.412Z"},
      {"2024-02-29", "2024-02-29T00:00:00.000Z"},
      {"0001-01-01T00:00Z", "0001-01-01T00:00:00.000Z"},
      {" 2026-11-21 05:31 ", "2026-11-21T05:31:00.000Z"},
  };
  for (const auto& [text, wanted] : cases) {
    Result<PointSpec> point = parse_point(text, kVienna.zone.empty() ? kUtc : kUtc);
    ASSERT_TRUE(point) << text << ": " << point.error().message();
    EXPECT_EQ(rfc3339(point->time), wanted) << text;
  }
}

TEST(Point, LocalTimesFollowTheZone) {
  EXPECT_EQ(time_of("2026-11-21 05:31", kVienna), "2026-11-21T04:31:00.000Z");
  EXPECT_EQ(time_of("2026-07-01 05:31", kVienna), "2026-07-01T03:31:00.000Z") << "summer time";
  EXPECT_EQ(time_of("05:31", kVienna), "2026-11-21T04:31:00.000Z");
  EXPECT_EQ(time_of("today 05:31:15.25", kVienna), "2026-11-21T04:31:15.250Z");
  EXPECT_EQ(time_of("yesterday 14:00", kVienna), "2026-11-20T13:00:00.000Z");
  EXPECT_EQ(time_of("13:00", kVienna), "2026-11-21T12:00:00.000Z") << "now is not in the future";
  const PointFrame after_midnight{{1795217400000}, "Europe/Vienna"};  // 2026-11-20 23:30Z = 00:30 on the 21st
  EXPECT_EQ(time_of("yesterday 14:00", after_midnight), "2026-11-20T13:00:00.000Z");
}

TEST(Point, TimesFromNow) {
  EXPECT_EQ(time_of("now"), "2026-11-21T12:00:00.000Z");
  EXPECT_EQ(time_of("2 hours ago"), "2026-11-21T10:00:00.000Z");
  EXPECT_EQ(time_of("1 hour 30 minutes ago"), "2026-11-21T10:30:00.000Z");
  EXPECT_EQ(time_of("90min ago"), "2026-11-21T10:30:00.000Z");
  EXPECT_EQ(time_of("-2h"), "2026-11-21T10:00:00.000Z");
  EXPECT_EQ(time_of("-1h30m"), "2026-11-21T10:30:00.000Z");
  EXPECT_EQ(time_of("-5m"), "2026-11-21T11:55:00.000Z");
  EXPECT_EQ(time_of("-250ms"), "2026-11-21T11:59:59.750Z");
  EXPECT_EQ(time_of("1 week ago"), "2026-11-14T12:00:00.000Z");
  EXPECT_EQ(time_of("@1795239042"), "2026-11-21T05:30:42.000Z");
  EXPECT_EQ(time_of("@1795239042.5"), "2026-11-21T05:30:42.500Z");
  EXPECT_EQ(time_of("@-1"), "1969-12-31T23:59:59.000Z");
}

TEST(Point, NamesOfTransactionsAndBackups) {
  Result<PointSpec> point = parse_point("zxid:0x10000000b", kUtc);
  ASSERT_TRUE(point);
  EXPECT_EQ(point->kind, PointSpec::Kind::kZxid);
  EXPECT_EQ(point->zxid, 0x10000000b);
  EXPECT_EQ(parse_point("0x1f", kUtc)->zxid, 0x1f);
  point = parse_point("latest", kUtc);
  EXPECT_EQ(point->kind, PointSpec::Kind::kLatest);
  EXPECT_EQ(point->back, 0u);
  EXPECT_EQ(parse_point("latest~2", kUtc)->back, 2u);
  point = parse_point("9C41d7e2~1", kUtc);
  EXPECT_EQ(point->kind, PointSpec::Kind::kBackup);
  EXPECT_EQ(point->id, "9c41d7e2");
  EXPECT_EQ(point->back, 1u);
  EXPECT_EQ(parse_point("20261121", kUtc)->kind, PointSpec::Kind::kBackup);
}

TEST(Point, ASkippedOrRepeatedLocalTimeIsRefusedWithBothSpellings) {
  Result<PointSpec> point = parse_point("2026-10-25 02:30", kVienna);
  ASSERT_FALSE(point);
  EXPECT_EQ(point.error().id(), ErrorId::kBadPoint);
  EXPECT_EQ(point.error().message(), "'2026-10-25 02:30': clocks in Europe/Vienna showed this time twice");
  EXPECT_EQ(point.error().hint(),
            "2026-10-25T02:30:00+02:00 (the first time) or 2026-10-25T02:30:00+01:00 (the second)");
  EXPECT_EQ(time_of("2026-10-25T02:30:00+02:00", kVienna), "2026-10-25T00:30:00.000Z");
  point = parse_point("2026-03-29 02:30", kVienna);
  ASSERT_FALSE(point);
  EXPECT_EQ(point.error().message(),
            "'2026-03-29 02:30': clocks in Europe/Vienna never showed this time: they went from 02:00:00 to "
            "03:00:00");
  EXPECT_EQ(point.error().hint(), "2026-03-29T02:30:00+01:00 or 2026-03-29T02:30:00+02:00");
  EXPECT_EQ(time_of("2026-10-25 03:00", kVienna), "2026-10-25T02:00:00.000Z") << "the first moment after";
}

TEST(Point, NonsenseIsRefusedWithAWayOut) {
  const std::string_view cases[] = {"",
                                    " ",
                                    "soon",
                                    "2026-13-01",
                                    "2026-02-29",
                                    "2026-11-21 25:00",
                                    "2026-11-21 05:60",
                                    "24:00",
                                    "05:31:60",
                                    "2026-11-21T05",
                                    "2026-11-21 05:31 CET",
                                    "2026-11-21 05:31+25:00",
                                    "1:00",
                                    "yesterday",
                                    "today",
                                    "yesterday noon",
                                    "23:59",
                                    "-",
                                    "-2",
                                    "-2x",
                                    "2 moons ago",
                                    "-99999999999999h",
                                    " ago",
                                    "@",
                                    "@x",
                                    "@1.",
                                    "@1795239042000",
                                    "@-",
                                    "@--5",
                                    "zxid:",
                                    "zxid:10",
                                    "zxid:0x",
                                    "0xg",
                                    "zxid:0x1ffffffffffffffff",
                                    "latest~",
                                    "latest~x",
                                    "latest~-1",
                                    "latest~9999999",
                                    "latest~1~2",
                                    "9c41~",
                                    "latesT",
                                    "g00d",
                                    "1 month ago",
                                    "-1y",
                                    "2026-11-21 05:31:30.",
                                    "2026-11-21 05:31Zjunk",
                                    "0000-01-01"};
  for (std::string_view text : cases) {
    Result<PointSpec> point = parse_point(text, kUtc);
    ASSERT_FALSE(point) << text;
    EXPECT_EQ(point.error().id(), ErrorId::kBadPoint) << text;
    EXPECT_NE(point.error().hint(), "") << text;
  }
  EXPECT_EQ(parse_point("zxid:10", kUtc).error().hint(), "zxid:0x10");
  EXPECT_EQ(parse_point("@1795239042000", kUtc).error().hint(), "seconds, not milliseconds: @1795239042.000");
  EXPECT_EQ(parse_point("23:59", kUtc).error().hint(), "'yesterday 23:59', or a full date");
}

TEST(Point, TimesOutsideTheYearsOneTo9999AreRefused) {
  for (const char* text : {"0001-01-01T00:00+00:01", "9999-12-31T23:59-00:01", "@-253402300799",
                           "-300000000000s", "3000000 days ago"}) {
    Result<PointSpec> point = parse_point(text, kUtc);
    ASSERT_FALSE(point) << text;
    EXPECT_EQ(point.error().id(), ErrorId::kBadPoint);
    EXPECT_NE(point.error().message().find("between the years 1 and 9999"), std::string::npos) << text;
  }
  EXPECT_EQ(time_of("0001-01-01T00:01+00:01"), "0001-01-01T00:00:00.000Z");
  EXPECT_EQ(time_of("9999-12-31T23:58:59.999-00:01"), "9999-12-31T23:59:59.999Z");
}

TEST(Point, AnUnknownZoneIsNamed) {
  Result<PointSpec> point = parse_point("14:00", {kNow, "Europe/Wien"});
  ASSERT_FALSE(point);
  EXPECT_EQ(point.error().message(), "no time zone 'Europe/Wien'");
}

TEST(Point, EveryPrefixOfEveryFormIsAnswered) {
  for (std::string_view form :
       {"2026-11-21T05:31:30.412+01:00", "yesterday 14:00:30.5", "1 hour 30 minutes ago", "zxid:0x10000000b",
        "@1795239042.5", "latest~12", "9c41d7e2~3", "-1h30m"})
    for (std::size_t length = 0; length <= form.size(); ++length)
      static_cast<void>(parse_point(form.substr(0, length), kVienna));
}

TEST(Zone, OffsetsFollowTheSeasons) {
  EXPECT_EQ(*zone_offset_min("Europe/Vienna", kNow), 60);
  EXPECT_EQ(*zone_offset_min("Europe/Vienna", {1782864000000}), 120);
  EXPECT_EQ(*zone_offset_min("UTC", kNow), 0);
  EXPECT_FALSE(zone_offset_min("Nowhere/Land", kNow));
}

TEST(Source, SplitsAtTheLastAt) {
  EXPECT_EQ(split_source("repo").point, std::nullopt);
  EXPECT_EQ(split_source("/srv/a@b@latest").place, "/srv/a@b");
  EXPECT_EQ(split_source("/srv/a@b@latest").point, "latest");
  EXPECT_EQ(split_source("repo@@1795239042").place, "repo");
  EXPECT_EQ(split_source("repo@@1795239042").point, "@1795239042");
  EXPECT_EQ(split_source("repo@").point, "");
  EXPECT_EQ(split_source("@1795239042").point, "1795239042");
}

}  // namespace
}  // namespace zkark::cli
