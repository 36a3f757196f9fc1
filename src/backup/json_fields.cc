#include "src/backup/json_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "formats/base/text.h"

namespace zkark::backup {
namespace {

constexpr std::size_t kLineMax = 260;  // an object reference fits

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool scalar(const boost::json::value& value) { return !value.is_object() && !value.is_array(); }

bool fits_on_a_line(const boost::json::value& value) {
  if (scalar(value)) return true;
  if (const auto* items = value.if_array()) {
    if (!std::all_of(items->begin(), items->end(), scalar)) return false;
  } else if (!std::all_of(value.get_object().begin(), value.get_object().end(),
                          [](const auto& item) { return scalar(item.value()); })) {
    return false;
  }
  return boost::json::serialize(value).size() <= kLineMax;
}

void print(const boost::json::value& value, std::size_t indent, std::string& out) {
  const bool one_line = fits_on_a_line(value);
  if (scalar(value)) {
    out += boost::json::serialize(value);
    return;
  }
  const char* separator = "";
  const auto next = [&] {
    out += separator;
    separator = one_line ? ", " : ",";
    if (!one_line) out.append("\n").append(indent + 2, ' ');
  };
  const bool array = value.is_array();
  out += array ? '[' : '{';
  if (array) {
    for (const auto& item : value.get_array()) {
      next();
      print(item, indent + 2, out);
    }
  } else {
    for (const auto& item : value.get_object()) {
      next();
      out += boost::json::serialize(boost::json::value(item.key()));
      out += ": ";
      print(item.value(), indent + 2, out);
    }
  }
  if (!one_line && *separator != '\0') out.append("\n").append(indent, ' ');
  out += array ? ']' : '}';
}

bool parse_digits(std::string_view text, int& value) {
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  return problem == std::errc() && end == text.data() + text.size() && text[0] != '-';
}

}  // namespace

std::string hex_text(std::uint64_t value) { return fmt::format("{:#x}", value); }

std::optional<std::uint64_t> parse_hex(std::string_view text) {
  if (!text.starts_with("0x") || text.size() < 3 || text.size() > 18) return std::nullopt;
  std::uint64_t value = 0;
  for (char c : text.substr(2)) {
    const int digit = hex_digit(c);
    if (digit < 0) return std::nullopt;
    value = value << 4 | static_cast<unsigned>(digit);
  }
  return value;
}

boost::json::value time_value(std::int64_t ms) {
  static constexpr std::int64_t kYear10000 = 253402300800000;
  if (ms < 0 || ms >= kYear10000) return ms;
  using namespace std::chrono;
  const sys_time<milliseconds> at{milliseconds(ms)};
  const auto day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss clock(at - day);
  return boost::json::value(fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", int(date.year()),
                                        unsigned(date.month()), unsigned(date.day()), clock.hours().count(),
                                        clock.minutes().count(), clock.seconds().count(),
                                        clock.subseconds().count()));
}

std::optional<std::int64_t> parse_time(const boost::json::value& value) {
  if (const auto* number = value.if_int64()) return *number;
  const auto* held = value.if_string();
  if (held == nullptr || held->size() != 24) return std::nullopt;
  const std::string_view text(held->data(), held->size());
  int year, month, day, hour, minute, second, ms;
  if (!parse_digits(text.substr(0, 4), year) || !parse_digits(text.substr(5, 2), month) ||
      !parse_digits(text.substr(8, 2), day) || !parse_digits(text.substr(11, 2), hour) ||
      !parse_digits(text.substr(14, 2), minute) || !parse_digits(text.substr(17, 2), second) ||
      !parse_digits(text.substr(20, 3), ms))
    return std::nullopt;
  using namespace std::chrono;
  const year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                            std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  const auto at = sys_days(date) + hours(hour) + minutes(minute) + seconds(second) + milliseconds(ms);
  const std::int64_t result = duration_cast<milliseconds>(at.time_since_epoch()).count();
  // Anything but the one spelling that writing gives is refused with this.
  if (time_value(result) != value) return std::nullopt;
  return result;
}

std::string pretty(const boost::json::value& value) {
  std::string text;
  print(value, 0, text);
  text += '\n';
  return text;
}

const boost::json::value* JsonReader::take(const char* key) {
  taken_.push_back(key);
  const boost::json::value* value = from_.if_contains(key);
  if (value == nullptr) complain(key, "is missing");
  return value;
}

std::string JsonReader::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + "." + std::string(key);
}

void JsonReader::complain_at(const std::string& path, std::string_view what) {
  if (problems_.first.empty()) problems_.first = fmt::format("{} {}", path, what);
}

void JsonReader::operator()(const char* key, std::string& v) {
  const boost::json::value* value = take(key);
  if (value == nullptr) return;
  if (!value->is_string()) return complain(key, "is not a string");
  std::optional<std::string> text = bytes_of_text({value->get_string().data(), value->get_string().size()});
  if (!text) return complain(key, "is a malformed byte string");
  v = std::move(*text);
}

void JsonReader::operator()(const char* key, bool& v) {
  const boost::json::value* value = take(key);
  if (value == nullptr) return;
  if (!value->is_bool()) return complain(key, "is not true or false");
  v = value->get_bool();
}

void JsonReader::operator()(const char* key, std::uint64_t& v) {
  const boost::json::value* value = take(key);
  if (value == nullptr) return;
  if (const auto* wide = value->if_uint64())
    v = *wide;
  else if (const auto* number = value->if_int64(); number != nullptr && *number >= 0)
    v = static_cast<std::uint64_t>(*number);
  else
    complain(key, "is not a count");
}

void JsonReader::operator()(const char* key, std::int64_t& v) {
  const boost::json::value* value = take(key);
  if (value == nullptr) return;
  if (!value->is_int64()) return complain(key, "is not a number");
  v = value->get_int64();
}

void JsonReader::operator()(const char* key, std::int32_t& v) {
  std::int64_t wide = 0;
  (*this)(key, wide);
  if (wide < INT32_MIN || wide > INT32_MAX) return complain(key, "is too large");
  v = static_cast<std::int32_t>(wide);
}

void JsonReader::hex(const char* key, std::uint64_t& v) {
  const boost::json::value* value = take(key);
  if (value == nullptr) return;
  std::optional<std::uint64_t> number;
  if (const auto* text = value->if_string()) number = parse_hex({text->data(), text->size()});
  if (!number) return complain(key, "is not a hex number");
  v = *number;
}

void JsonReader::zxid(const char* key, std::int64_t& v) {
  std::uint64_t bits = 0;
  hex(key, bits);
  v = static_cast<std::int64_t>(bits);
}

void JsonReader::time(const char* key, std::int64_t& ms) {
  const boost::json::value* value = take(key);
  if (value == nullptr) return;
  const std::optional<std::int64_t> parsed = parse_time(*value);
  if (!parsed) return complain(key, "is not a time");
  ms = *parsed;
}

void JsonReader::strings(const char* key, std::vector<std::string>& v) {
  const boost::json::value* value = take(key);
  if (value == nullptr) return;
  if (!value->is_array()) return complain(key, "is not an array");
  for (const boost::json::value& item : value->get_array()) {
    std::optional<std::string> text;
    if (const auto* held = item.if_string()) text = bytes_of_text({held->data(), held->size()});
    if (!text) return complain(key, "holds something else than strings");
    v.push_back(std::move(*text));
  }
}

void JsonReader::map(const char* key, std::map<std::string, std::string>& v) {
  const boost::json::value* value = take(key);
  if (value == nullptr) return;
  if (!value->is_object()) return complain(key, "is not an object");
  for (const auto& item : value->get_object()) {
    std::optional<std::string> name = bytes_of_text({item.key().data(), item.key().size()}), text;
    if (const auto* held = item.value().if_string()) text = bytes_of_text({held->data(), held->size()});
    if (!name || !text) return complain(key, "holds something else than strings");
    v[std::move(*name)] = std::move(*text);
  }
}

void JsonReader::finish() {
  for (const auto& item : from_) {
    const std::string_view key(item.key().data(), item.key().size());
    if (std::find(taken_.begin(), taken_.end(), key) == taken_.end())
      problems_.unknown_keys.push_back(path_of(text_of_bytes(key)));
  }
}

Result<boost::json::object> parse_object(std::string_view text) {
  boost::json::error_code problem;
  boost::json::value value = boost::json::parse({text.data(), text.size()}, problem);
  if (problem) return fail(ErrorId::kDamaged, "malformed JSON: " + problem.message());
  if (!value.is_object()) return fail(ErrorId::kDamaged, "malformed JSON: no object");
  return std::move(value.get_object());
}

}  // namespace zkark::backup
