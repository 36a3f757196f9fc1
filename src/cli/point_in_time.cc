// The only file that includes date (tz reads /usr/share/zoneinfo by itself), and the one that catches what it
// throws.
#include "src/cli/point_in_time.h"

#include <date/date.h>
#include <date/tz.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <stdexcept>

#include "src/cli/context.h"
#include "src/cli/text.h"
#include "src/cli/values.h"

namespace zkark::cli {
namespace {

using Ms = std::chrono::milliseconds;
using LocalMs = date::local_time<Ms>;
using SysMs = date::sys_time<Ms>;
using restore::PointSpec;

constexpr std::string_view kForms =
    "RFC 3339, '2026-11-21 05:31', '14:00', 'yesterday 14:00', '2 hours ago', -2h, @SECONDS, "
    "zxid:0x10000000b, a backup "
    "id, latest, latest~2";

Failure bad(std::string_view text, std::string_view why, std::string hint = {}) {
  Error error(ErrorId::kBadPoint, why.empty() ? fmt::format("'{}' is no point in time", text)
                                              : fmt::format("'{}': {}", text, why));
  return fail(std::move(error).with_hint(hint.empty() ? fmt::format("a point is one of: {}", kForms)
                                                      : std::move(hint)));
}

Result<const date::time_zone*> find_zone(const std::string& name) {
  try {
    return name.empty() ? date::current_zone() : date::locate_zone(name);
  } catch (const std::exception&) {
    if (name.empty())  // a container without /etc/localtime runs on UTC
      try {
        return date::locate_zone("UTC");
      } catch (const std::exception&) {
      }
    return fail(Error(ErrorId::kUsage, fmt::format("no time zone '{}'", name))
                    .with_hint("zones are named like Europe/Vienna or UTC; they need the package tzdata"));
  }
}

/// Reads a text from the left.
struct Scanner {
  std::string_view rest;

  bool take(char c) {
    if (rest.empty() || rest.front() != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  bool take_word(std::string_view word) {
    if (rest.substr(0, word.size()) != word) return false;
    rest.remove_prefix(word.size());
    return true;
  }
  /// Exactly `digits` digits.
  bool take_number(unsigned digits, int& value) {
    if (rest.size() < digits) return false;
    value = 0;
    for (unsigned i = 0; i < digits; ++i) {
      if (rest[i] < '0' || rest[i] > '9') return false;
      value = value * 10 + (rest[i] - '0');
    }
    rest.remove_prefix(digits);
    return true;
  }
  /// ".123456": milliseconds, further digits cut off.
  bool take_fraction_ms(int& ms) {
    ms = 0;
    if (!take('.')) return true;
    unsigned digits = 0;
    for (; !rest.empty() && rest.front() >= '0' && rest.front() <= '9'; rest.remove_prefix(1), ++digits)
      if (digits < 3) ms = ms * 10 + (rest.front() - '0');
    for (unsigned i = digits; i < 3; ++i) ms *= 10;
    return digits > 0;
  }
  void skip_blanks() {
    while (take(' ')) {
    }
  }
};

/// HH:MM[:SS[.fff]].
bool take_day_time(Scanner& in, Ms& out) {
  int hour, minute, second = 0, ms = 0;
  if (!in.take_number(2, hour) || !in.take(':') || !in.take_number(2, minute)) return false;
  if (in.take(':') && (!in.take_number(2, second) || !in.take_fraction_ms(ms))) return false;
  if (hour > 23 || minute > 59 || second > 59) return false;
  out = std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second) + Ms(ms);
  return true;
}

bool take_date(Scanner& in, date::local_days& out) {
  int year, month, day;
  if (!in.take_number(4, year) || !in.take('-') || !in.take_number(2, month) || !in.take('-') ||
      !in.take_number(2, day))
    return false;
  const auto ymd = date::year(year) / month / day;
  if (!ymd.ok() || year < 1) return false;
  out = date::local_days(ymd);
  return true;
}

/// "Z", "+01:00", "+0100", "+01": minutes east of UTC. False for anything else that is not the end.
bool take_offset(Scanner& in, std::optional<std::chrono::minutes>& out) {
  in.skip_blanks();
  if (in.rest.empty()) return true;
  if (in.take('Z') || in.take('z') || in.take_word("UTC")) {
    out = std::chrono::minutes(0);
    return in.rest.empty();
  }
  const bool west = in.take('-');
  if (!west && !in.take('+')) return false;
  int hours, minutes = 0;
  if (!in.take_number(2, hours)) return false;
  if (in.take(':') || !in.rest.empty())
    if (!in.take_number(2, minutes)) return false;
  if (hours > 23 || minutes > 59 || !in.rest.empty()) return false;
  out = std::chrono::minutes((hours * 60 + minutes) * (west ? -1 : 1));
  return true;
}

std::string spelling(SysMs utc, std::chrono::seconds offset) {
  const std::string local = rfc3339({(utc.time_since_epoch() + offset).count()});
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(offset).count();
  return fmt::format("{}{}{:02}:{:02}", local.substr(0, 19), minutes < 0 ? '-' : '+', std::abs(minutes) / 60,
                     std::abs(minutes) % 60);
}

/// The one moment at which clocks of that zone show `local`.
Result<WallTime> resolve_local(std::string_view text, LocalMs local, const std::string& zone_name) {
  ZK_TRY(const date::time_zone* zone, find_zone(zone_name));
  const date::local_info info = zone->get_info(std::chrono::floor<std::chrono::seconds>(local));
  const SysMs first{local.time_since_epoch() - info.first.offset};
  if (info.result == date::local_info::unique) return WallTime{first.time_since_epoch().count()};
  const SysMs second{local.time_since_epoch() - info.second.offset};
  if (info.result == date::local_info::ambiguous)
    return bad(text, fmt::format("clocks in {} showed this time twice", zone->name()),
               fmt::format("{} (the first time) or {} (the second)", spelling(first, info.first.offset),
                           spelling(second, info.second.offset)));
  const SysMs change{info.second.begin.time_since_epoch()};
  return bad(
      text,
      fmt::format("clocks in {} never showed this time: they went from {} to {}", zone->name(),
                  spelling(change, info.first.offset).substr(11, 8),
                  spelling(change, info.second.offset).substr(11, 8)),
      fmt::format("{} or {}", spelling(first, info.first.offset), spelling(second, info.second.offset)));
}

PointSpec at_time(std::string_view text, WallTime time) {
  PointSpec spec;
  spec.kind = PointSpec::Kind::kTime;
  spec.time = time;
  spec.text = text;
  return spec;
}

/// 2026-11-21[ 05:31[:30[.123]]][offset].
Result<PointSpec> parse_date(std::string_view text, Scanner in, const PointFrame& frame) {
  date::local_days day;
  if (!take_date(in, day)) return bad(text, "there is no such date");
  Ms of_day{0};
  std::optional<std::chrono::minutes> offset;
  if (!in.rest.empty()) {
    if (!in.take('T') && !in.take('t') && !in.take(' ')) return bad(text, "");
    in.skip_blanks();
    if (!take_day_time(in, of_day)) return bad(text, "the time of day is HH:MM, HH:MM:SS or HH:MM:SS.mmm");
    if (!take_offset(in, offset)) return bad(text, "the offset is Z, +HH:MM or -HH:MM");
  }
  const LocalMs local = day + of_day;
  if (offset) return at_time(text, {(local.time_since_epoch() - *offset).count()});
  ZK_TRY(const WallTime time, resolve_local(text, local, frame.zone));
  return at_time(text, time);
}

/// HH:MM… of today or yesterday, as the zone has them now.
Result<PointSpec> parse_of_day(std::string_view text, Scanner in, const PointFrame& frame, int days_back) {
  Ms of_day;
  if (!take_day_time(in, of_day) || !in.rest.empty())
    return bad(text, "the time of day is HH:MM, HH:MM:SS or HH:MM:SS.mmm");
  ZK_TRY(const date::time_zone* zone, find_zone(frame.zone));
  const LocalMs now = zone->to_local(SysMs(Ms(frame.now.ms)));
  const LocalMs local = std::chrono::floor<date::days>(now) - date::days(days_back) + of_day;
  ZK_TRY(const WallTime time, resolve_local(text, local, frame.zone));
  if (time > frame.now)
    return bad(text, "that is still to come today",
               fmt::format("'yesterday {}', or a full date", text.substr(text.find_first_of("0123456789"))));
  return at_time(text, time);
}

/// "2h", "1 hour 30 minutes", "1h30m": milliseconds.
Result<std::int64_t> parse_ago(std::string_view text, std::string_view amount) {
  struct Unit {
    std::string_view names;  // between blanks
    std::int64_t ms;
  };
  static constexpr std::array kUnits = {Unit{" ms millisecond milliseconds ", 1},
                                        Unit{" s sec secs second seconds ", 1000},
                                        Unit{" m min mins minute minutes ", 60'000},
                                        Unit{" h hour hours ", 3'600'000},
                                        Unit{" d day days ", 86'400'000},
                                        Unit{" w week weeks ", 604'800'000}};
  std::int64_t total = 0;
  Scanner in{amount};
  for (in.skip_blanks(); !in.rest.empty(); in.skip_blanks()) {
    std::int64_t count = 0;
    auto [end, problem] = std::from_chars(in.rest.data(), in.rest.data() + in.rest.size(), count);
    if (problem != std::errc() || count < 0) return bad(text, "");
    in.rest.remove_prefix(static_cast<std::size_t>(end - in.rest.data()));
    in.skip_blanks();
    const std::size_t letters = std::min(in.rest.find_first_of(" 0123456789"), in.rest.size());
    const std::string_view name = in.rest.substr(0, letters);
    in.rest.remove_prefix(letters);
    if (name == "mo" || name.substr(0, 5) == "month" || name == "y" || name.substr(0, 4) == "year")
      return bad(text, "months and years have no fixed length", "give the date");
    const auto unit = std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& one) {
      return !name.empty() && one.names.find(fmt::format(" {} ", name)) != std::string_view::npos;
    });
    if (unit == kUnits.end())
      return bad(text, fmt::format("'{}' is no unit of time", name), "ms, s, min, h, d or w");
    std::int64_t part;
    if (__builtin_mul_overflow(count, unit->ms, &part) || __builtin_add_overflow(total, part, &total) ||
        total > 300'000'000'000'000)
      return bad(text, "that is too long ago");
  }
  return total;
}

Result<PointSpec> parse_epoch(std::string_view text) {
  Scanner in{text.substr(1)};
  const bool before = in.take('-');
  std::int64_t seconds = 0;
  int ms = 0;
  auto [end, problem] = std::from_chars(in.rest.data(), in.rest.data() + in.rest.size(), seconds);
  if (problem != std::errc() || seconds < 0 || in.rest.empty() || in.rest.front() == '-')
    return bad(text, "@ is followed by seconds since 1970");
  in.rest.remove_prefix(static_cast<std::size_t>(end - in.rest.data()));
  if (!in.take_fraction_ms(ms) || !in.rest.empty()) return bad(text, "@ is followed by seconds since 1970");
  if (seconds > 9'000'000'000'000'000) return bad(text, "that is out of range");
  if (seconds > 253'402'300'799)
    return bad(text, "that is after the year 9999",
               fmt::format("seconds, not milliseconds: @{}.{:03}", seconds / 1000, seconds % 1000));
  const std::int64_t total = seconds * 1000 + ms;
  return at_time(text, {before ? -total : total});
}

Result<PointSpec> parse_zxid_point(std::string_view text, std::string_view number) {
  const bool hex_mark = number.size() > 2 && number[0] == '0' && (number[1] == 'x' || number[1] == 'X');
  if (!hex_mark) {
    const bool digits = !number.empty() && number.find_first_not_of("0123456789abcdefABCDEF") == number.npos;
    return bad(text, "a zxid is written in hex, with 0x",
               digits ? fmt::format("zxid:0x{}", number) : std::string());
  }
  Result<std::int64_t> zxid = parse_zxid(number);
  if (!zxid) return bad(text, "that is no zxid: 0x and at most 16 hex digits");
  PointSpec spec;
  spec.kind = PointSpec::Kind::kZxid;
  spec.zxid = *zxid;
  spec.text = text;
  return spec;
}

/// latest, latest~2, 9c41d7e2, 9c41~1. Nothing when it is none of them.
Result<std::optional<PointSpec>> parse_name(std::string_view text) {
  PointSpec spec;
  spec.text = text;
  const std::string_view name = text.substr(0, text.find('~'));
  const bool is_id =
      name.size() >= 2 && name.size() <= 64 && name.find_first_not_of("0123456789abcdefABCDEF") == name.npos;
  if (name != "latest" && !is_id) return std::optional<PointSpec>();
  if (is_id) {
    spec.kind = PointSpec::Kind::kBackup;
    spec.id = name;
    std::transform(spec.id.begin(), spec.id.end(), spec.id.begin(),
                   [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
  }
  if (name.size() < text.size()) {
    Result<std::int64_t> back = parse_number(text.substr(name.size() + 1), 0, 1'000'000);
    if (!back) return bad(text, "after ~ comes how many backups to go back", fmt::format("{}~1", name));
    spec.back = static_cast<std::uint32_t>(*back);
  }
  return std::optional<PointSpec>(std::move(spec));
}

Result<PointSpec> parse(std::string_view text, const PointFrame& frame) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  if (text.empty()) return bad(text, "an empty text names no point");
  if (text.front() == '@') return parse_epoch(text);
  if (text.substr(0, 5) == "zxid:") return parse_zxid_point(text, text.substr(5));
  if (text.substr(0, 2) == "0x" || text.substr(0, 2) == "0X") return parse_zxid_point(text, text);
  ZK_TRY(std::optional<PointSpec> name, parse_name(text));
  if (name) return std::move(*name);
  if (text == "now") return at_time(text, frame.now);
  if (text == "today" || text == "yesterday")
    return bad(text, "the time of day is missing", fmt::format("'{} 00:00'", text));
  Scanner in{text};
  if (in.take_word("yesterday ")) return in.skip_blanks(), parse_of_day(text, in, frame, 1);
  if (in.take_word("today ")) return in.skip_blanks(), parse_of_day(text, in, frame, 0);
  std::optional<std::string_view> amount;
  if (text.front() == '-') amount = text.substr(1);
  if (text.size() > 4 && text.substr(text.size() - 4) == " ago") amount = text.substr(0, text.size() - 4);
  if (amount) {
    if (amount->empty()) return bad(text, "");
    ZK_TRY(const std::int64_t ms, parse_ago(text, *amount));
    return at_time(text, {frame.now.ms - ms});
  }
  if (text.size() >= 5 && text[2] == ':') return parse_of_day(text, in, frame, 0);
  if (text.size() >= 10 && text[4] == '-') return parse_date(text, in, frame);
  return bad(text, "");
}

}  // namespace

PointFrame point_frame(const Context& context) {
  PointFrame frame{context.clock.wall(), ""};
  auto variable = context.variables.find("TZ");
  if (context.globals.time_zone)
    frame.zone = *context.globals.time_zone;
  else if (variable != context.variables.end())
    frame.zone = variable->second.rfind(':', 0) == 0 ? variable->second.substr(1) : variable->second;
  return frame;
}

Result<PointSpec> parse_point(std::string_view text, const PointFrame& frame) {
  static constexpr std::int64_t kYear1 = -62'135'596'800'000, kYear10000 = 253'402'300'800'000;
  try {
    Result<PointSpec> spec = parse(text, frame);
    if (spec && spec->kind == PointSpec::Kind::kTime &&
        (spec->time.ms < kYear1 || spec->time.ms >= kYear10000))
      return bad(text, "that is not between the years 1 and 9999");
    return spec;
  } catch (const std::exception& error) {  // the zone's file is damaged
    return fail(ErrorId::kStorage, fmt::format("the time zone could not be read: {}", error.what()));
  }
}

Result<PointSpec> parse_point(std::string_view text, const Context& context) {
  return parse_point(text, point_frame(context));
}

Result<int> zone_offset_min(const std::string& zone_name, WallTime at) {
  try {
    ZK_TRY(const date::time_zone* zone, find_zone(zone_name));
    const date::sys_info info = zone->get_info(std::chrono::floor<std::chrono::seconds>(SysMs(Ms(at.ms))));
    return static_cast<int>(std::chrono::duration_cast<std::chrono::minutes>(info.offset).count());
  } catch (const std::exception& error) {
    return fail(ErrorId::kStorage, fmt::format("the time zone could not be read: {}", error.what()));
  }
}

Result<std::string> parse_zone(std::string_view text) {
  std::string name(text);
  ZK_TRY_STATUS(zone_offset_min(name, WallTime{}));
  return name;
}

SourceText split_source(std::string_view text) {
  std::size_t at = text.rfind('@');
  if (at == text.npos) return {std::string(text), {}};
  if (at > 0 && text[at - 1] == '@') --at;
  return {std::string(text.substr(0, at)), std::string(text.substr(at + 1))};
}

}  // namespace zkark::cli
