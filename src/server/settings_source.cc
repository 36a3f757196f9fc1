#include "src/server/settings_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace zkark::server {
namespace {

/// Long.decode.
std::optional<std::int64_t> java_decode(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    base = 16;
    text.remove_prefix(2);
  } else if (text.starts_with('#')) {
    base = 16;
    text.remove_prefix(1);
  } else if (text.starts_with('0') && text.size() > 1) {
    base = 8;
    text.remove_prefix(1);
  }
  std::uint64_t magnitude = 0;
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, magnitude, base);
  if (text.empty() || problem != std::errc() || stop != end) return std::nullopt;
  const std::uint64_t most = static_cast<std::uint64_t>(INT64_MAX) + (negative ? 1 : 0);
  if (magnitude > most) return std::nullopt;
  return static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude);
}

Given of_line(const Property& line) {
  return Given{std::string(java_trim(line.value)), std::string(java_trim(line.key)), "", line.line,
               line.begin};
}
Given of_property(std::string_view name, const SystemProperty& property) {
  return Given{property.value, fmt::format("-D{}", name), property.origin, 0, 0};
}

}  // namespace

bool equal_but_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

std::vector<std::string> comma_list(std::string_view text) {
  std::vector<std::string> pieces;
  for (std::size_t from = 0; from <= text.size();) {
    const std::size_t to = std::min(text.find(',', from), text.size());
    const std::string_view piece = java_trim(text.substr(from, to - from));
    if (!piece.empty()) pieces.emplace_back(piece);
    from = to + 1;
  }
  return pieces;
}

std::optional<Given> SettingsSource::given(std::string_view key) const {
  if (const Property* line = cfg_.find(key)) return of_line(*line);
  const ZooKey* row = find_zoo_key(key);
  ZK_CHECK(row != nullptr);
  if (row->property.empty()) return std::nullopt;
  if (const auto at = properties_.find(row->property); at != properties_.end())
    return of_property(at->first, at->second);
  // FileTxnLog alone looks for an older name as well.
  if (key == "fsync.warningthresholdms")
    if (const auto at = properties_.find(key); at != properties_.end())
      return of_property(at->first, at->second);
  return std::nullopt;
}

std::vector<Given> SettingsSource::given_like(std::string_view pattern) const {
  const ZooKey* row = find_zoo_key(pattern);
  ZK_CHECK(row != nullptr && row->name.back() == '*');
  std::vector<Given> found;
  for (const Property& line : cfg_.properties()) {
    const std::string_view key = java_trim(line.key);
    if (find_zoo_key(key) == row && cfg_.find(key) == &line) found.push_back(of_line(line));
  }
  if (row->property.empty()) return found;
  const std::string_view front = row->property.substr(0, row->property.size() - 1);
  for (auto at = properties_.lower_bound(front); at != properties_.end() && at->first.starts_with(front);
       ++at) {
    const std::string key =
        std::string(row->name.substr(0, row->name.size() - 1)) + at->first.substr(front.size());
    if (find_zoo_key(key) == row && cfg_.find(key) == nullptr)
      found.push_back(of_property(at->first, at->second));
  }
  return found;
}

void SettingsSource::add(CfgRemark::Kind kind, const Given& given, std::string message, std::string hint) {
  CfgRemark remark;
  remark.kind = kind;
  remark.key = given.name;
  remark.message = std::move(message);
  if (!given.origin.empty()) remark.message += fmt::format(" ({})", given.origin);
  remark.hint = std::move(hint);
  remark.line = given.line;
  remark.offset = given.offset;
  remarks_.push_back(std::move(remark));
}

void SettingsSource::parsed(std::string_view key, std::int64_t& value) const {
  if (const Result<std::int64_t> number = cfg_.number(key, value, INT32_MIN, INT32_MAX)) value = *number;
}

void SettingsSource::parsed(std::string_view key, bool& value) const {
  if (const Result<bool> flag = cfg_.flag(key, value)) value = *flag;
}

void SettingsSource::number(std::string_view key, std::int64_t& value, std::int64_t least, std::int64_t most,
                            std::optional<Floor> floor) {
  const std::optional<Given> at = given(key);
  if (!at) return;
  const std::optional<std::int64_t> number = java_decode(at->text);
  if (!number || *number < least || *number > most) {
    warn(*at, fmt::format("'{}' is no number that fits, so the default {} counts", at->text, value));
  } else if (floor && *number < floor->least) {
    warn(*at, fmt::format("{} is less than {}, so {} counts", *number, floor->least, floor->instead));
    value = floor->instead;
  } else {
    value = *number;
  }
}

void SettingsSource::property_int(std::string_view key, std::int64_t& value, std::optional<Floor> floor) {
  number(key, value, INT32_MIN, INT32_MAX, floor);
}
void SettingsSource::property_long(std::string_view key, std::int64_t& value, std::optional<Floor> floor) {
  number(key, value, INT64_MIN, INT64_MAX, floor);
}

void SettingsSource::property(std::string_view key, double& value) {
  const std::optional<Given> at = given(key);
  if (!at) return;
  double number = 0;
  const char* end = at->text.data() + at->text.size();
  const auto [stop, problem] = std::from_chars(at->text.data(), end, number);
  if (at->text.empty() || problem != std::errc() || stop != end || !std::isfinite(number))
    warn(*at, fmt::format("'{}' is no number, so the default {} counts", at->text, value));
  else
    value = number;
}

void SettingsSource::property(std::string_view key, bool& value) {
  const std::optional<Given> at = given(key);
  if (!at) return;
  value = equal_but_case(at->text, "true");
  if (!value && !equal_but_case(at->text, "false"))
    warn(*at, fmt::format("'{}' is neither true nor false, so it means false", at->text));
}

void SettingsSource::property_yes_no(std::string_view key, bool& value) {
  const std::optional<Given> at = given(key);
  if (!at) return;
  if (at->text == "yes" || at->text == "no")
    value = at->text == "yes";
  else
    warn(*at, fmt::format("'{}' is neither yes nor no (in small letters), so the default {} counts", at->text,
                          value ? "yes" : "no"));
}

void SettingsSource::property(std::string_view key, std::string& value) const {
  if (std::optional<Given> at = given(key)) value = std::move(at->text);
}

}  // namespace zkark::server
