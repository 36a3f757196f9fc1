#include "src/cli/filter_args.h"

#include <fmt/format.h>

#include "formats/base/bytes.h"
#include "formats/ops.h"
#include "src/cli/values.h"

namespace zkark::cli {
namespace {

/// KeeperException.Code: what zk_code_name() has names for.
constexpr std::int32_t kLowestCode = -127;

/// Calls take(word) for each word between commas.
template <class Take>
Status for_each_word(std::string_view text, Take take) {
  while (true) {
    const std::size_t comma = text.find(',');
    ZK_TRY_STATUS(take(text.substr(0, comma)));
    if (comma == text.npos) return {};
    text.remove_prefix(comma + 1);
  }
}

std::vector<std::int32_t> every_failure() {
  std::vector<std::int32_t> codes;
  for (std::int32_t code = kLowestCode; code < 0; ++code) codes.push_back(code);
  return codes;
}

Result<std::int32_t> parse_code(std::string_view word) {
  std::vector<std::string> names;
  for (std::int32_t code = kLowestCode; code <= 0; ++code) {
    const std::string_view name = zk_code_name(code);
    if (name == "code") continue;
    names.emplace_back(name);
    if (name == word) return code;
  }
  const Result<std::int64_t> number = parse_number(word, INT32_MIN, 0);
  if (number) return static_cast<std::int32_t>(*number);
  const std::string near = nearest(word, names);
  return fail(Error(ErrorId::kUsage, fmt::format("'{}' is no result code", word))
                  .with_hint(near.empty() ? "a name such as NoNode, a number such as -101, any, or none"
                                          : fmt::format("did you mean {}?", near)));
}

}  // namespace

Result<forensics::TypeSet> parse_types(std::string_view text) {
  forensics::TypeSet all;
  ZK_TRY_STATUS(for_each_word(text, [&](std::string_view word) -> Status {
    ZK_TRY(const forensics::TypeSet one, forensics::TypeSet::parse(word));
    all.add(one);
    return {};
  }));
  return all;
}

Result<std::int64_t> parse_session(std::string_view text) {
  const std::string_view digits = text.starts_with("0x") ? text.substr(2) : text;
  const auto value = parse_hex64(digits);
  if (value) return *value;
  return fail(Error(ErrorId::kUsage, fmt::format("'{}' is no session id", text))
                  .with_hint("hex digits, as log prints them: 0x100043f2000006"));
}

Result<ResultCodes> parse_result_codes(std::string_view text) {
  ResultCodes result;
  std::vector<std::int32_t>& codes = result.codes;
  ZK_TRY_STATUS(for_each_word(text, [&](std::string_view word) -> Status {
    if (word == "any") {
      for (std::int32_t code : every_failure()) codes.push_back(code);
      return {};
    }
    if (word == "none") {
      codes.push_back(0);
      return {};
    }
    ZK_TRY(const std::int32_t code, parse_code(word));
    codes.push_back(code);
    return {};
  }));
  return result;
}

Result<forensics::TxnFilter> filter_of(const FilterOptions& options) {
  forensics::TxnFilter filter;
  filter.paths = options.paths;
  for (const forensics::TypeSet& types : options.types) filter.types.add(types);
  filter.sessions = options.sessions;
  for (std::int64_t cxid : options.cxids) filter.cxids.push_back(static_cast<std::int32_t>(cxid));
  for (const ResultCodes& some : options.errors)
    filter.errors.insert(filter.errors.end(), some.codes.begin(), some.codes.end());
  if (options.value) {
    ZK_TRY(filter.value, forensics::ValuePattern::parse(*options.value, {}));
  }
  return filter;
}

}  // namespace zkark::cli
