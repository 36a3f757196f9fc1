// `cat`: the data of one node at a point.
#include <fmt/format.h>

#include "src/cli/context.h"
#include "src/cli/state_at.h"
#include "src/cli/text.h"
#include "src/cli/verb.h"

namespace zkark::cli {
namespace {

struct Options : StateOptions {
  bool raw = false;
};

/// Lines stay lines; everything else that could move the cursor is spelled out.
void print_for_people(Output& output, std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    output.line(escape_terminal(text.substr(0, end)));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

Status run(Context& context, const Options& options) {
  ZK_TRY(const StateAt at, load_state_at(context, options, NodeArgument::kRequired));
  ZK_TRY(const restore::NodeId id, find_node(at, at.path));
  const std::optional<Bytes> data = at.state.tree.data(id);
  Output& output = context.output;
  if (output.is_table() || output.format() == Format::kPlain) {
    if (!data) output.note(fmt::format("the data of {} is null", at.path));
    const std::string_view text = data ? as_text(*data) : std::string_view();
    if (options.raw || !output.console().out_is_terminal())
      output.data().append(text);
    else
      print_for_people(output, text);
    return {};
  }
  Report report("cat");
  report.field("path", Cell::string(at.path)).field("zxid", Cell::zxid(at.target.zxid));
  report.field("data_bytes", Cell::size(data ? data->size() : 0)).field("data", Cell::data(data));
  output.print(report);
  return {};
}

}  // namespace

Verb cat_verb() {
  VerbBuilder<Options> verb({
      .name = "cat",
      .group = Group::kForensics,
      .summary = "print the data of a node at a point",
      .description = "Prints the bytes that a node held at a point: as they are into a file or pipe, made "
                     "harmless on a terminal "
                     "unless --raw is given. Null data prints nothing.",
      .examples = {{"zkark cat /var/lib/zookeeper /kafka/config/x", "its data now"},
                   {"zkark cat /var/lib/zookeeper /app/blob --at zxid:0x30001f003 > blob",
                    "its bytes as of then"}},
      .exit_codes = {3, 5, 6, 7},
      .uses = kUsesRepository | kUsesCache | kUsesTime | kUsesProgress,
  });
  add_state_options(verb);
  verb.flag("raw", &Options::raw, "the bytes as they are, on a terminal too");
  return std::move(verb).build(run);
}

}  // namespace zkark::cli
