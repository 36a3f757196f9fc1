#include <fmt/format.h>

#include "src/cli/context.h"
#include "src/cli/places.h"
#include "src/cli/repository_arg.h"
#include "src/cli/text.h"
#include "src/cli/verb.h"

namespace zkark::cli {
namespace {

enum class Encryption : std::uint8_t { kNone };

struct Options {
  Encryption encryption = Encryption::kNone;
  bool dry_run = false;
};

/// What init_repository would refuse, without writing anything.
Status look(const RepositoryPlace& place) {
  ZK_TRY(const bool there, backup::exists(*place.backend, std::string(backup::kConfigKey)));
  if (there)
    return fail(Error(ErrorId::kRefused, "a repository is there already")
                    .at(place.url)
                    .with_hint("use it as it is, or choose another place"));
  ZK_TRY(const std::vector<backup::BackendEntry> entries, place.backend->list(""));
  for (const backup::BackendEntry& entry : entries)
    if (entry.key != backup::kHeadKey && !entry.key.starts_with("locks/"))
      return fail(
          Error(ErrorId::kTargetNotEmpty, fmt::format("the place is not empty: it holds {}", entry.key))
              .at(place.url)
              .with_hint("choose an empty or new directory"));
  return {};
}

Status run(Context& context, const Options& options) {
  ZK_TRY(RepositoryPlace place, repository_place(context));
  // There a server would take it for data of its own, and a backup would read itself.
  ZK_TRY(const std::string data, data_around(context.fs, directory_of_url(place.url)));
  if (!data.empty())
    return fail(
        Error(ErrorId::kRefused, fmt::format("the place lies in a directory with ZooKeeper's data, {}", data))
            .at(place.url)
            .with_hint("choose a place apart from the data, best on another disk"));
  Report report("init");
  report.field("repository", "", Cell::string(place.url))
      .field("dry_run", "", Cell::boolean(options.dry_run));
  report.field("encryption", "", Cell::string("none"));
  if (options.dry_run) {
    ZK_TRY_STATUS(look(place));
    report.field("id", "", Cell()).field("created", "", Cell());
    report.remark(fmt::format("would create a repository at {}", escape_terminal(place.url)));
    context.output.print(report);
    return {};
  }
  ZK_TRY(const backup::RepositoryConfig config, backup::init_repository(place.env, "none", context.job));
  report.field("id", "", Cell::string(config.id))
      .field("created", "", Cell::time(WallTime{config.created_ms}));
  report.remark(
      fmt::format("created repository {} at {}", backup::short_id(config.id), escape_terminal(place.url)));
  report.remark(
      "not encrypted: whoever can read its files can read every znode in them (files are 0600, directories "
      "0700)");
  report.remark(fmt::format("next: zkark backup SRC -r {}", escape_terminal(place.url)));
  context.output.print(report);
  return {};
}

}  // namespace

Verb init_verb() {
  VerbBuilder<Options> verb({
      .name = "init",
      .group = Group::kRepository,
      .summary = "create a repository",
      .description = "Makes an empty repository in a new or empty directory. One repository holds the "
                     "backups of any number of "
                     "clusters. An interrupted init is completed by running it again; a place that holds "
                     "anything else is "
                     "refused.\n\n"
                     "Nothing is encrypted: what is stored can be read with zstd and sha256sum by whoever "
                     "can read the files.",
      .examples = {{"zkark init -r /srv/zk-backup",
                    "then: zkark backup /var/lib/zookeeper -r /srv/zk-backup"}},
      .exit_codes = {7, 9, 11},
      .uses = kUsesRepository | kUsesCache,
      .changes_state = true,
  });
  verb.choice("encryption", "HOW", &Options::encryption,
              {{"none", Encryption::kNone, "readable by whoever can read the files"}},
              "how stored data is protected");
  verb.flag("dry-run", 'n', &Options::dry_run, "only say whether it would work");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
