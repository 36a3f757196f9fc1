#include <fmt/format.h>

#include "src/cli/context.h"
#include "src/cli/repository_arg.h"
#include "src/cli/text.h"
#include "src/cli/verb.h"

namespace zkark::cli {
namespace {

using Tags = std::map<std::string, std::string>;

struct Options {
  std::string id;
  std::vector<std::pair<std::string, std::string>> tags;
  std::vector<std::string> remove;
  bool clear = false;
  bool dry_run = false;
};

Result<Tags> edited(const Options& options, const backup::HeadEntry& entry) {
  Tags tags = options.clear ? Tags() : entry.tags;
  for (const std::string& key : options.remove) {
    if (entry.tags.count(key) == 0) {
      std::vector<std::string> keys;
      for (const auto& [known, value] : entry.tags) keys.push_back(known);
      return fail(
          Error(ErrorId::kNotFound, fmt::format("backup {} has no tag '{}'", backup::short_id(entry.id), key))
              .with_hint(keys.empty() ? "it has no tags" : fmt::format("it has: {}", fmt::join(keys, ", "))));
    }
    tags.erase(key);
  }
  for (const auto& [key, value] : options.tags) tags[key] = value;
  return tags;
}

Status run(Context& context, const Options& options) {
  if (options.tags.empty() && options.remove.empty() && !options.clear)
    return fail(Error(ErrorId::kUsage, "nothing to change")
                    .with_hint("zkark tag ID KEY=VALUE, --remove KEY or --clear"));
  ZK_TRY(OpenedRepository opened, open_repository(context));
  ZK_TRY(backup::HeadEntry entry, chosen_backup(context, *opened, options.id));
  ZK_TRY(Tags tags, edited(options, entry));
  if (!options.dry_run && tags != entry.tags) {
    const std::string id = entry.id;
    opened.repository.reset();
    ZK_TRY(const auto writer, begin_writing(context, opened.place, "tag"));
    const backup::HeadEntry* now = writer->repository().find(id);
    if (now == nullptr)
      return fail(ErrorId::kNotFound, fmt::format("backup {} was pruned meanwhile", backup::short_id(id)));
    ZK_TRY(tags, edited(options, *now));
    ZK_TRY_STATUS(writer->set_tags(id, tags));
    ZK_TRY_STATUS(writer->end());
  }
  Report report("tag");
  report.field("id", "", Cell::string(entry.id)).field("dry_run", "", Cell::boolean(options.dry_run));
  report.field("changed", "", Cell::boolean(tags != entry.tags));
  report.field("tags", "", Cell::map({tags.begin(), tags.end()}));
  std::string shown;
  for (const auto& [key, value] : tags)
    shown += fmt::format("{}{}={}", shown.empty() ? "" : ", ", key, value);
  report.remark(fmt::format("{}{} {}: {}", options.dry_run ? "[dry run] " : "", backup::short_id(entry.id),
                            tags == entry.tags ? "already has"
                            : options.dry_run  ? "would have"
                                               : "has",
                            shown.empty() ? "no tags" : escape_terminal(shown)));
  context.output.print(report);
  return {};
}

}  // namespace

Verb tag_verb() {
  VerbBuilder<Options> verb({
      .name = "tag",
      .group = Group::kRepository,
      .summary = "change the tags of a backup",
      .description = "Sets tags, replacing those of the same name. --clear removes all others first. Tags "
                     "can be kept by prune "
                     "(--keep-tag); the backup itself is never touched.",
      .examples = {{"zkark tag latest why=before-upgrade", "then: zkark prune --keep-tag why …"},
                   {"zkark tag 5be0 --remove why", ""}},
      .exit_codes = {5, 9, 10, 11},
      .uses = kUsesRepository | kUsesCache | kUsesLock,
      .changes_state = true,
  });
  verb.argument("ID", &Options::id, "which backup: its id, cut to 4 digits or more, or latest")
      .required()
      .completes(Completes::kBackupId);
  verb.argument_parsed("KEY=VALUE", &Options::tags, parse_tag, "tags to set");
  verb.text("remove", "KEY", &Options::remove, "remove this tag");
  verb.flag("clear", &Options::clear, "remove all tags that are not set here");
  verb.flag("dry-run", 'n', &Options::dry_run, "only say what the tags would be");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
