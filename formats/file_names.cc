#include "formats/file_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace zkark {
namespace {

bool equals_ignoring_case(std::string_view a, std::string_view lower) {
  return std::equal(a.begin(), a.end(), lower.begin(), lower.end(),
                    [](char x, char y) { return (x >= 'A' && x <= 'Z' ? x + 32 : x) == y; });
}

Result<std::int64_t> parse_decimal_line(std::string_view content, const char* what) {
  const std::string_view line = content.substr(0, content.find_first_of("\r\n"));  // BufferedReader.readLine
  std::int64_t value = 0;
  const char* first = line.data();
  if (line.size() > 1 && line.front() == '+' && line[1] != '-') ++first;
  auto [end, problem] = std::from_chars(first, line.data() + line.size(), value);
  if (line.empty() || problem != std::errc() || end != line.data() + line.size())
    return fail(Error(ErrorId::kBadEpochFile, fmt::format("{} does not hold one decimal number", what)));
  return value;
}

}  // namespace

std::string zxid_text(std::int64_t zxid) { return fmt::format("{:#x}", static_cast<std::uint64_t>(zxid)); }
std::string zxid_hex(std::int64_t zxid) { return fmt::format("{:x}", static_cast<std::uint64_t>(zxid)); }

std::optional<std::int64_t> parse_hex64(std::string_view text) {
  if (text.starts_with("0x") || text.starts_with("0X")) text.remove_prefix(2);
  std::uint64_t value = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (text.empty() || problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

std::optional<std::int64_t> parse_java_hex(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  if (text.empty() || text.front() == '-' || text.front() == '+') return std::nullopt;
  std::uint64_t value = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  const std::uint64_t limit = negative ? 1ULL << 63 : (1ULL << 63) - 1;
  if (value > limit) return std::nullopt;
  return static_cast<std::int64_t>(negative ? 0 - value : value);
}

DataFileName parse_data_file_name(std::string_view name) {
  DataFileName parsed;
  const std::string_view whole = name;
  while (!name.empty() && name.back() == '.')
    name.remove_suffix(1);  // String.split drops empty parts at the end
  const std::size_t dot = name.find('.');
  const std::string_view prefix = name.substr(0, dot);
  if (dot == std::string_view::npos || (prefix != "log" && prefix != "snapshot")) return parsed;
  const bool log = prefix == "log";
  const std::string_view rest = name.substr(dot + 1);
  const std::optional<std::int64_t> zxid = parse_java_hex(rest.substr(0, rest.find('.')));
  // Negative: a log is never picked (FileTxnLog.getLogFiles starts at 0), a snapshot is, unless it is -1,
  // which stands for "no number".
  if (!zxid || *zxid == -1 || (log && *zxid < 0)) return parsed;
  parsed.zxid = *zxid;
  const std::string_view last = name.substr(name.rfind('.') + 1);
  if (!log && last.data() != rest.data()) {
    if (equals_ignoring_case(last, "gz")) parsed.codec = SnapCodec::kGzip;
    if (equals_ignoring_case(last, "snappy")) parsed.codec = SnapCodec::kSnappy;
  }
  const bool exact =
      *zxid >= 0 && whole == (log ? log_file_name(*zxid) : snapshot_file_name(*zxid, parsed.codec));
  parsed.kind = log ? (exact ? DataFileKind::kLog : DataFileKind::kAccidentalLog)
                    : (exact ? DataFileKind::kSnapshot : DataFileKind::kAccidentalSnapshot);
  return parsed;
}

std::string log_file_name(std::int64_t zxid) { return "log." + zxid_hex(zxid); }

std::string snapshot_file_name(std::int64_t zxid, SnapCodec codec) {
  std::string name = "snapshot." + zxid_hex(zxid);
  if (codec == SnapCodec::kGzip) name += ".gz";
  if (codec == SnapCodec::kSnappy) name += ".snappy";
  return name;
}

Result<std::int64_t> parse_epoch_file(std::string_view content) {
  return parse_decimal_line(content, "an epoch file");
}
Result<std::int64_t> parse_myid(std::string_view content) { return parse_decimal_line(content, "myid"); }

}  // namespace zkark
