// What people write: points in time, configuration files, values of options.
#include <fmt/format.h>

#include "formats/base/check.h"
#include "src/cli/config.h"
#include "src/cli/point_in_time.h"
#include "src/cli/values.h"
#include "src/cli/verb.h"
#include "tests/fuzz/targets.h"
#include "tests/support/sim_fs.h"

namespace zkark::fuzz {

using namespace cli;

void point(Bytes input) {
  // 2026-10-25T00:30Z: in Vienna, a night in which an hour comes twice.
  static constexpr WallTime kNow{1'792'888'200'000};
  static constexpr std::int64_t kYear1 = -62'135'596'800'000, kYear10000 = 253'402'300'800'000;
  const std::string_view text = as_text(input);
  for (const char* zone : {"UTC", "Europe/Vienna"}) {
    Result<restore::PointSpec> spec = parse_point(text, PointFrame{kNow, zone});
    if (!spec) {
      ZK_CHECK(spec.error().id() == ErrorId::kBadPoint && !spec.error().hint().empty());
      continue;
    }
    using Kind = restore::PointSpec::Kind;
    ZK_CHECK(spec->back <= 1'000'000);
    if (spec->kind == Kind::kZxid) {
      Result<restore::PointSpec> again =
          parse_point(fmt::format("{:#x}", static_cast<std::uint64_t>(spec->zxid)), PointFrame{kNow, zone});
      ZK_CHECK(again && again->kind == Kind::kZxid && again->zxid == spec->zxid);
    }
    if (spec->kind == Kind::kTime) ZK_CHECK(spec->time.ms >= kYear1 && spec->time.ms < kYear10000);
    if (spec->kind == Kind::kBackup)
      ZK_CHECK(spec->id.size() >= 2 && spec->id.find_first_not_of("0123456789abcdef") == std::string::npos);
  }
  const SourceText source = split_source(text);
  ZK_CHECK(source.place.size() <= text.size() && text.starts_with(source.place));
  if (source.point)
    ZK_CHECK(source.place + "@" + *source.point == text);
  else
    ZK_CHECK(source.place == text);
}

void config_file(Bytes input) {
  static const KnownKeys known(all_verbs());
  test::SimFs fs;
  fs.put("/etc/zkark/conf.d/a.toml", input);
  fs.put("/z.toml", input);
  ConfigPaths paths;
  paths.user = "/z.toml";
  std::vector<Error> problems;
  const Config config = load_config(fs, paths, known, problems);
  for (const Error& error : problems) {
    // The place stands in front of the message as an editor counts it, or in the error.
    ZK_CHECK(error.id() == ErrorId::kBadConfig);
    ZK_CHECK(!error.file().empty() || error.message().find(".toml:") != std::string::npos);
  }
  ZK_CHECK(problems.size() % 2 == 0);  // each file has the same ones
  for (const auto& [key, value] : config.values()) {
    ZK_CHECK(value.origin.name == "/z.toml" && value.origin.line > 0);
    ZK_CHECK(config.find(key) == &value);
  }
  for (const char* kind : {"repo", "cluster", "retention"}) (void)config.names(kind);
}

void option_value(Bytes input) {
  const std::string_view text = as_text(input);
  if (Result<std::int64_t> zxid = parse_zxid(text)) {
    Result<std::int64_t> again = parse_zxid(fmt::format("{:#x}", static_cast<std::uint64_t>(*zxid)));
    ZK_CHECK(again && *again == *zxid);
  }
  if (Result<std::int64_t> number = parse_number(text, INT64_MIN, INT64_MAX)) {
    Result<std::int64_t> again = parse_number(std::to_string(*number), INT64_MIN, INT64_MAX);
    ZK_CHECK(again && *again == *number);
  }
  if (Result<std::uint64_t> size = parse_size(text)) {
    Result<std::uint64_t> again = parse_size(std::to_string(*size));
    ZK_CHECK(again && *again == *size);
  }
  if (Result<std::int64_t> ms = parse_duration_ms(text)) {
    Result<std::int64_t> again = parse_duration_ms(fmt::format("{}ms", *ms));
    ZK_CHECK(*ms >= 0 && again && *again == *ms);
  }
  (void)parse_boolean(text);
  const std::vector<std::string> names = {"backup", "restore", "verify", std::string(text)};
  Result<std::size_t> choice = parse_choice(text, names);
  ZK_CHECK(choice && names[*choice] == text);
  const std::vector<std::string> verbs(names.begin(), names.end() - 1);
  const std::string near = nearest(text, verbs);
  ZK_CHECK(near.empty() || std::find(verbs.begin(), verbs.end(), near) != verbs.end());
}

}  // namespace zkark::fuzz
