#include "src/cli/globals.h"

#include <algorithm>

#include "src/cli/point_in_time.h"

namespace zkark::cli {

const std::vector<OptionRow>& global_options() {
  static const std::vector<OptionRow> rows = [] {
    VerbBuilder<Globals> table({});
    table
        .text("repo", 'r', "REPO", &Globals::repository,
              "repository: a path, or a name from [repo.NAME] of the configuration")
        .needs(kUsesRepository)
        .completes(Completes::kRepository)
        .cluster_key("repo");
    table
        .text("cluster", 'C', "NAME", &Globals::cluster,
              "which cluster of the repository; also picks [cluster.NAME] of the configuration")
        .needs(kUsesRepository)
        .completes(Completes::kCluster);
    table
        .text("config", 'c', "FILE", &Globals::config_file,
              "read this configuration file instead of the user's")
        .completes(Completes::kFile)
        .not_in_file();
    table.choice("output", 'o', "FORMAT", &Globals::format,
                 {{"table", Format::kTable, "for people"},
                  {"json", Format::kJson, "one document"},
                  {"ndjson", Format::kNdjson, "one JSON object a line"},
                  {"plain", Format::kPlain, "tab-separated, without header"},
                  {"csv", Format::kCsv, "comma-separated, with header"}},
                 "how results are printed");
    table.flag("json", &Globals::json, "the same as --output json").not_in_file();
    table.flag("quiet", 'q', &Globals::quiet,
               "no notes and no progress on stderr; warnings and errors remain");
    table.flag("verbose", 'v', &Globals::verbose, "say more on stderr").excludes({"quiet"});
    table.choice("log-format", "FORMAT", &Globals::log_format,
                 {{"auto", LogFormat::kAuto, "json with -o json or ndjson, else text"},
                  {"text", LogFormat::kText, "lines for people"},
                  {"json", LogFormat::kJson, "one JSON object a line"}},
                 "how messages on stderr look");
    table.choice("color", "WHEN", &Globals::color,
                 {{"auto", Color::kAuto, "on a terminal, unless NO_COLOR is set"},
                  {"always", Color::kAlways, ""},
                  {"never", Color::kNever, ""}},
                 "colours and bold text");
    table.flag("no-progress", &Globals::no_progress, "no progress display").needs(kUsesProgress);
    table.flag("no-input", &Globals::no_input, "never ask; what would need an answer is refused")
        .needs(kUsesConfirm);
    table.flag("yes", 'y', &Globals::yes, "answer yes to every question").needs(kUsesConfirm).not_in_file();
    table.duration("lock-wait", &Globals::lock_wait_ms, "how long to wait for another run's lock")
        .needs(kUsesLock)
        .default_is("0s");
    table.flag("no-lock", &Globals::no_lock, "take no lock on what is only read, and store no verdict")
        .needs(kUsesNoLock)
        .not_in_file();
    table.number("jobs", "N", &Globals::jobs, 0, 1024, "how many threads work at once; 0 = one per processor")
        .needs(kUsesJobs);
    table
        .parsed("tz", "ZONE", &Globals::time_zone, parse_zone,
                "time zone of times given without one, such as Europe/Vienna or UTC")
        .needs(kUsesTime)
        .default_is("the system's");
    table.text("cache-dir", "DIR", &Globals::cache_dir, "where caches are kept")
        .needs(kUsesCache)
        .completes(Completes::kDirectory)
        .default_is("~/.cache/zkark");
    return std::move(table).rows();
  }();
  return rows;
}

bool applies_to(const OptionRow& global, const Verb& verb) {
  return global.needs_uses == 0 || (global.needs_uses & verb.info.uses) != 0;
}

bool is_used(const OptionRow& global, const std::vector<Verb>& verbs) {
  return std::any_of(verbs.begin(), verbs.end(), [&](const Verb& verb) { return applies_to(global, verb); });
}

std::string variable_name(const OptionRow& row, const Verb* verb) {
  std::string name = "ZKARK_";
  if (verb != nullptr) name += std::string(verb->info.name) + "_";
  name += row.name;
  for (char& c : name) {
    if (c == '-') c = '_';
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return name;
}

}  // namespace zkark::cli
