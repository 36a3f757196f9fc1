#pragma once
// The options by which verbs that go through the logs are told which transactions are meant.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/result.h"
#include "src/cli/verb.h"
#include "src/forensics/filter.h"

namespace zkark::cli {

/// A set of result codes.
struct ResultCodes {
  std::vector<std::int32_t> codes;
};

/// Values of such a verb's options; its Options derive from it, add_filter_options() makes the rows.
struct FilterOptions {
  std::vector<forensics::PathPattern> paths;
  std::vector<forensics::TypeSet> types;
  std::vector<std::int64_t> sessions;
  std::vector<std::int64_t> cxids;
  std::optional<std::string> value;
  std::vector<ResultCodes> errors;
  bool any_condition() const {
    return !paths.empty() || !types.empty() || !sessions.empty() || !cxids.empty() || value ||
           !errors.empty();
  }
};

/// "create,set": the types of all of them.
Result<forensics::TypeSet> parse_types(std::string_view text);
/// 0x100043f2000006, as zkark and ZooKeeper print it, with or without 0x.
Result<std::int64_t> parse_session(std::string_view text);
/// "NoNode", "-101", "NoNode,BadVersion", "any" (whatever failed), "none" (what took effect).
Result<ResultCodes> parse_result_codes(std::string_view text);

/// zxids and times are the verb's own business. kUsage for a value that is no regular expression.
Result<forensics::TxnFilter> filter_of(const FilterOptions& options);

template <class O>
void add_filter_options(VerbBuilder<O>& verb, std::string_view heading = "Which transactions") {
  using Paths = std::vector<forensics::PathPattern> O::*;
  verb.parsed("path", "PATTERN", static_cast<Paths>(&FilterOptions::paths), forensics::PathPattern::parse,
              "about this node or one below it; or a glob over the whole path: /a/*/b, /a/**, **/config")
      .under(heading);
  using Types = std::vector<forensics::TypeSet> O::*;
  verb.parsed(
          "type", "TYPE,…", static_cast<Types>(&FilterOptions::types), parse_types,
          "create, set, delete, setacl, session, multi, error, reconfig, check, or one of log's own names")
      .under(heading);
  using Numbers = std::vector<std::int64_t> O::*;
  verb.parsed("session", "ID", static_cast<Numbers>(&FilterOptions::sessions), parse_session,
              "by this session")
      .under(heading);
  verb.number("cxid", "N", static_cast<Numbers>(&FilterOptions::cxids), INT32_MIN, INT32_MAX,
              "with this number in its session")
      .under(heading);
  using Text = std::optional<std::string> O::*;
  verb.text("value-regex", "REGEX", static_cast<Text>(&FilterOptions::value),
            "writing a value in which this is found (RE2 syntax)")
      .under(heading);
  using Codes = std::vector<ResultCodes> O::*;
  verb.parsed("error", "CODE,…", static_cast<Codes>(&FilterOptions::errors), parse_result_codes,
              "that failed with this code (NoNode, -101); any: failed at all; none: took effect")
      .under(heading);
}

}  // namespace zkark::cli
