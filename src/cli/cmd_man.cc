#include <fmt/format.h>

#include "src/cli/context.h"
#include "src/cli/man.h"
#include "src/cli/verb.h"
#include "src/cli/version.h"

namespace zkark::cli {
namespace {

struct Options {
  std::optional<std::string> verb;
  std::optional<std::string> all;
};

/// A page that is there already is replaced: these are made files.
Status write_all(Context& context, const std::string& dir) {
  ZK_TRY_STATUS(make_dirs(context.fs, dir, 0755));
  auto write = [&](std::string_view name, const std::string& page) {
    return write_file_atomic(context.fs, join_path(dir, fmt::format("{}.1", name)), as_bytes(page),
                             {.mode = 0644});
  };
  Report report("man");
  Table& table = report.table("pages", {{"file", "FILE"}});
  auto add = [&](const std::string& name) { table.row({Cell::string(join_path(dir, name + ".1"))}); };
  ZK_TRY_STATUS(write("zkark", main_man_page(context.verbs, kVersion)));
  add("zkark");
  for (const Verb& verb : context.verbs) {
    if (verb.info.hidden) continue;
    const std::string name = fmt::format("zkark-{}", verb.info.name);
    ZK_TRY_STATUS(write(name, verb_man_page(verb, kVersion)));
    add(name);
  }
  context.output.print(report);
  return {};
}

/// A page is one text; a program that asks for JSON gets it as that.
Status print(Output& output, const std::string& page) {
  if (output.is_json()) {
    Report report("man");
    report.field("page", Cell::string(page));
    output.print(report);
  } else {
    output.data().append(page);
  }
  return {};
}

Status run(Context& context, const Options& options) {
  if (options.all) {
    if (options.verb)
      return fail(Error(ErrorId::kUsage, "--all writes every page; a VERB beside it means nothing")
                      .with_hint("leave out one of the two"));
    return write_all(context, *options.all);
  }
  if (!options.verb) return print(context.output, main_man_page(context.verbs, kVersion));
  const Verb* verb = find_verb(context.verbs, *options.verb);
  if (verb == nullptr)
    return fail(Error(ErrorId::kUsage, fmt::format("no verb '{}'", *options.verb))
                    .with_hint("`zkark help` lists the verbs"));
  return print(context.output, verb_man_page(*verb, kVersion));
}

}  // namespace

Verb man_verb() {
  VerbBuilder<Options> verb({
      .name = "man",
      .group = Group::kMeta,
      .summary = "print a manual page in roff, or write all of them",
      .examples = {{"zkark man explain | man -l -", "read one"},
                   {"zkark man --all /usr/local/share/man/man1", "write zkark.1, zkark-explain.1, ..."}},
      .exit_codes = {9},
      .changes_state = true,
      .reads_config = false,
  });
  verb.argument("VERB", &Options::verb, "the verb; zkark itself if left out").completes(Completes::kVerb);
  verb.text("all", "DIR", &Options::all, "write every page into this directory")
      .completes(Completes::kDirectory)
      .command_line_only();
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
