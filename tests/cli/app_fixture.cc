#include "tests/cli/app_fixture.h"

#include "src/cli/context.h"

namespace zkark::cli {
Verb config_verb();
Verb explain_verb();
Verb completion_verb();
Verb man_verb();
Verb version_verb();
Verb help_verb();
}  // namespace zkark::cli

namespace zkark::test {

using namespace cli;  // NOLINT: the fixture speaks of little else

Saved saved;

namespace {

enum class Type : std::uint8_t { kAuto, kFull, kIncremental };

struct SaveOptions {
  std::vector<std::string> sources;
  Type type = Type::kAuto;
  std::vector<std::string> tags;
  std::optional<bool> prove;
  Given<std::int64_t> epoch;
  bool keep_epoch = false;
  std::int64_t level = 3;
  std::optional<std::uint64_t> rate_bytes;
  std::optional<std::int64_t> max_age_ms;
  std::optional<std::int64_t> last;
  bool dangerous = false;
};

Status save(Context& context, const SaveOptions& options) {
  ++saved.runs;
  saved.sources = options.sources;
  saved.type = options.type == Type::kAuto ? "auto" : options.type == Type::kFull ? "full" : "incr";
  saved.tags = options.tags;
  saved.prove = options.prove;
  saved.epoch_given = options.epoch.given;
  saved.epoch = options.epoch.value;
  saved.level = options.level;
  saved.rate_bytes = options.rate_bytes;
  saved.max_age_ms = options.max_age_ms;
  saved.has_repository = context.has_repository();
  saved.lock_wait_ms = context.globals.lock_wait_ms;
  saved.cluster = context.globals.cluster.value_or("");
  if (options.dangerous) ZK_TRY_STATUS(context.confirm("Overwrite everything?"));
  if (context.has_repository()) {
    ZK_TRY(saved.repository, context.repository());
  }
  return {};
}

Verb save_verb() {
  VerbBuilder<SaveOptions> verb({
      .name = "save",
      .group = Group::kRepository,
      .summary = "take a backup that exists only in tests",
      .description =
          "The first paragraph is long enough to be broken into several lines when it is printed on a "
          "terminal of eighty columns.\n\nThe second is short: it's \"quoted\", has a \\ and a ~.",
      .examples = {{"zkark save /data --tag why=test", "a full one, tagged"}, {"zkark save -r /srv/zk", ""}},
      .exit_codes = {6, 7, 11},
      .uses = kUsesRepository | kUsesLock | kUsesNoLock | kUsesConfirm | kUsesTime | kUsesProgress,
      .changes_state = true,
  });
  verb.argument("SRC", &SaveOptions::sources, "what to save")
      .required()
      .completes(Completes::kSource)
      .cluster_key("source");
  verb.choice(
      "type", 't', "TYPE", &SaveOptions::type,
      {{"auto", Type::kAuto, "full if there is none"}, {"full", Type::kFull}, {"incr", Type::kIncremental}},
      "how much to take");
  verb.text("tag", "KEY=VALUE", &SaveOptions::tags, "label it").cluster_key("tags");
  verb.yes_no("prove", &SaveOptions::prove, "replay it", "do not replay it");
  verb.number("bump-epoch", "N", &SaveOptions::epoch, 0, 1000, "raise the epoch").excludes({"keep-epoch"});
  verb.flag("keep-epoch", &SaveOptions::keep_epoch, "leave the epoch alone");
  verb.number("level", "N", &SaveOptions::level, 1, 19, "how hard to compress").under("Tuning");
  verb.size("rate", &SaveOptions::rate_bytes, "bytes per second").under("Tuning");
  verb.duration("max-age", &SaveOptions::max_age_ms, "fail when older");
  verb.number("keep-last", "N", &SaveOptions::last, 0, 1000, "how many to keep").retention_key("last");
  verb.flag("dangerous", &SaveOptions::dangerous, "ask first").command_line_only();
  return std::move(verb).build(save);
}

struct RowsOptions {
  std::int64_t count = 3;
  std::int64_t stopped_at = 0;
};

Status rows(Context& context, const RowsOptions& options) {
  RowStream stream = context.output.stream("rows", "rows", {{"n", "N"}, {"path", "PATH"}, {"zxid", "ZXID"}});
  std::int64_t n = 0;
  for (; n < options.count; ++n) {
    if (Status go_on = context.job.check(); !go_on) return go_on;
    stream.row({Cell::integer(n), Cell::string(n == 1 ? "=evil\n\x1b[31m" : "/path"), Cell::zxid(n)});
  }
  Report summary("rows");
  summary.field("count", Cell::count(static_cast<std::uint64_t>(n)));
  stream.finish(&summary);
  return {};
}

Verb rows_verb() {
  VerbBuilder<RowsOptions> verb({.name = "rows", .group = Group::kForensics, .summary = "print rows"});
  verb.argument_parsed(
      "N", &RowsOptions::count, [](std::string_view text) { return parse_number(text, 0, 10'000'000); },
      "how many");
  return std::move(verb).build(rows);
}

struct ListOptions {};
Status list(Context& context, const ListOptions&) {
  Report report("list");
  report.table("backups", {{"id", "ID"}});
  context.output.print(report);
  return {};
}

/// Completion asks it for ids.
Verb list_verb() {
  return VerbBuilder<ListOptions>({.name = "list",
                                   .group = Group::kRepository,
                                   .summary = "list backups",
                                   .uses = kUsesRepository})
      .build(list);
}

struct FailOptions {
  std::vector<std::string> ids;
};

/// Reports all but the last, which it returns.
Status fail_with(Context& context, const FailOptions& options) {
  for (const std::string& id : options.ids) {
    Error error(*parse_error_code(id), "the disk said\x1b[31m no");
    error = std::move(error).at("log.1", 0x10).at_zxid(5).with_hint("try again");
    if (&id == &options.ids.back()) return fail(std::move(error));
    context.output.report(error);
  }
  return {};
}

Verb fail_verb() {
  VerbBuilder<FailOptions> verb(
      {.name = "fail", .group = Group::kForensics, .summary = "fail in every way", .exit_codes = {3, 4}});
  verb.argument("ID", &FailOptions::ids, "ids of errors").completes(Completes::kErrorId);
  return std::move(verb).build(fail_with);
}

}  // namespace

const std::vector<Verb>& sample_verbs() {
  static const std::vector<Verb> verbs = {save_verb(),    list_verb(),    rows_verb(),       fail_verb(),
                                          config_verb(),  explain_verb(), completion_verb(), man_verb(),
                                          version_verb(), help_verb()};
  return verbs;
}

int AppTest::run(std::vector<std::string> words, const std::vector<Verb>& verbs) {
  console.out.clear();
  console.err.clear();
  Job job;
  Environment environment{fs, clock, random, system, console, job, variables, {}, {}};
  environment.make_executor = [](unsigned) { return std::make_unique<InlineExecutor>(); };
  environment.make_loop = make_loop;
  environment.make_log = make_log;
  return run_app(environment, verbs, std::move(words));
}

}  // namespace zkark::test
