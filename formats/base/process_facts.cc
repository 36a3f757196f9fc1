#include "formats/base/process_facts.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <string_view>

namespace zkark {

std::string utc_date_text(WallTime time) {
  using namespace std::chrono;
  constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const sys_seconds at = floor<seconds>(sys_time<milliseconds>(milliseconds(time.ms)));
  const sys_days day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss<seconds> of_day(at - day);
  return fmt::format("{} {} {:02} {:02}:{:02}:{:02} UTC {}", kDays[weekday(day).c_encoding()],
                     kMonths[unsigned(date.month()) - 1], unsigned(date.day()), of_day.hours().count(),
                     of_day.minutes().count(), of_day.seconds().count(), int(date.year()));
}

}  // namespace zkark
