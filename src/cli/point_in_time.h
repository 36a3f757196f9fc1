#pragma once
// The point grammar of --at, --since, --until and SRC@POINT:
//   2026-11-21T05:31:30.5Z   RFC 3339, blank or T, offset Z, +01:00, +0100
//   2026-11-21 05:31[:30[.123]]   in the time zone of --tz, TZ or the system; 2026-11-21 is its midnight
//   14:00[:30[.123]]   today 14:00   yesterday 14:00   now
//   2 hours ago   1h 30min ago   -2h   -1h30m   (m is minutes; days have 24 hours)
//   @1795239042[.123]   seconds since 1970
//   zxid:0x10000000b   0x10000000b
//   9c41d7e2   9c41~1   backup id, by a prefix, and so many backups before it
//   latest   latest~2
// A local time that a change of clocks skips or repeats is refused with the spellings that are meant.
#include <optional>
#include <string>
#include <string_view>

#include "formats/base/clock.h"
#include "formats/base/result.h"
#include "restore/target.h"

namespace zkark::cli {

struct Context;

/// What a time without zone or date means.
struct PointFrame {
  WallTime now;
  std::string zone;  // "Europe/Vienna"; empty = the system's (/etc/localtime)
};
/// From --tz, else TZ, else the system; `now` from the clock.
PointFrame point_frame(const Context& context);

/// kBadPoint. `back` of ids and latest at most 10^6; times between the years 1 and 9999.
Result<restore::PointSpec> parse_point(std::string_view text, const PointFrame& frame);
Result<restore::PointSpec> parse_point(std::string_view text, const Context& context);

/// Minutes east of UTC at that time in that zone (empty = the system's). kUsage for an unknown zone.
Result<int> zone_offset_min(const std::string& zone, WallTime at);
/// The name of a zone that is known here.
Result<std::string> parse_zone(std::string_view text);

/// "repo@POINT" split at the last @ (before it, when the point itself begins with one: "repo@@1795239042").
struct SourceText {
  std::string place;
  std::optional<std::string> point;
};
SourceText split_source(std::string_view text);

}  // namespace zkark::cli
