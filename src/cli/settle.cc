// Option values by precedence: the first layer that says anything about an option wins, and only it is asked.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "src/cli/app.h"
#include "src/cli/globals.h"
#include "src/cli/help.h"

namespace zkark::cli {
namespace {

struct Values {
  std::vector<std::optional<std::string>> values;
  Origin origin;
};

const GivenOption* given(const CommandLine& line, const OptionRow& row) {
  for (const GivenOption& one : line.options)
    if (one.row == &row) return &one;
  return nullptr;
}

std::optional<Values> from_key(const Config& config, const std::string& key) {
  const ConfigValue* value = config.find(key);
  if (value == nullptr) return std::nullopt;
  return Values{{value->values.begin(), value->values.end()}, value->origin};
}

/// `verb` is null for global options.
std::optional<Values> look_up(const Layers& layers, const OptionRow& row, const Verb* verb) {
  if (const GivenOption* option = given(layers.line, row))
    return Values{option->values, {Origin::Kind::kFlag, "--" + row.name, 0, 0}};
  if (row.from_command_line_only || !row.negated.empty()) return std::nullopt;
  const std::string variable = variable_name(row, verb);
  if (auto found = layers.variables.find(variable); found != layers.variables.end() && !found->second.empty())
    return Values{{found->second}, {Origin::Kind::kEnvironment, variable, 0, 0}};
  if (!row.from_file_too) return std::nullopt;
  if (layers.cluster && !row.cluster.empty())
    if (auto found = from_key(layers.config, "cluster." + *layers.cluster + "." + row.cluster)) return found;
  if (layers.cluster && !row.retention.empty())
    if (auto found = from_key(layers.config, "retention." + *layers.cluster + "." + row.retention))
      return found;
  return from_key(layers.config,
                  fmt::format("{}.{}", verb == nullptr ? "defaults" : verb->info.name, row.name));
}

/// Says which option the wrong value belonged to, where that stood, and where to look what it takes.
Error explain_value(Error error, const OptionRow& row, const Origin& origin, const Verb* verb,
                    bool is_argument) {
  if (origin.kind == Origin::Kind::kFlag) {
    error = std::move(error).context(is_argument ? row.name : "--" + row.name);
    if (verb == nullptr) return error;
    return std::move(error).with_hint(fmt::format("`zkark help {}` says what it takes", verb->info.name));
  }
  Error moved(ErrorId::kBadConfig, fmt::format("{} ({})", error.message(), origin.to_string()));
  std::string hint = error.hint();
  if (hint.empty())
    hint = origin.kind == Origin::Kind::kEnvironment ? fmt::format("correct or unset {}", origin.name)
                                                     : "`zkark config check` lists every problem";
  return std::move(moved).with_hint(std::move(hint)).context(row.name);
}

/// Two different answers to one question: which of them was meant, nobody but the user can say.
Status check_given_once(const OptionRow& row, const std::vector<std::optional<std::string>>& values) {
  if (row.repeated || values.size() < 2) return {};
  const bool harmless =
      row.kind == ValueKind::kFlag &&
      std::all_of(values.begin(), values.end(), [&](const auto& value) { return value == values.front(); });
  if (harmless) return {};
  return fail(Error(ErrorId::kUsage, fmt::format("--{} is given {} times", row.name, values.size()))
                  .with_hint("it takes one value: leave the others out"));
}

/// `verb` is null for global options of a line without one.
Status apply(const OptionRow& row, const Values& values, void* options, const Verb* verb, bool is_argument) {
  ZK_TRY_STATUS(check_given_once(row, values.values));
  for (const std::optional<std::string>& text : values.values) {
    if (text && text->empty())
      return fail(explain_value(empty_value(row), row, values.origin, verb, is_argument));
    const bool bare_word =
        values.origin.kind != Origin::Kind::kFlag && row.value_may_be_left_out && text == "true";
    if (Status set = row.set(options, text && !bare_word ? &*text : nullptr); !set)
      return fail(explain_value(std::move(set).error(), row, values.origin, verb, is_argument));
  }
  return {};
}

/// Options that the command line rules out of the lower layers, and a refusal of two that it gives itself.
Result<std::set<std::string>> ruled_out(const CommandLine& line) {
  std::set<std::string> names;
  for (const GivenOption& option : line.options)
    for (const std::string& other : option.row->excluded) {
      names.insert(other);
      for (const GivenOption& second : line.options)
        if (second.row->name == other)
          return fail(
              Error(ErrorId::kUsage, fmt::format("--{} and --{} exclude each other", option.row->name, other))
                  .with_hint("give one of them"));
    }
  for (const GivenOption& option : line.options) {
    const Verb* verb = line.verb;
    if (verb == nullptr) continue;
    for (const OptionRow& row : verb->options)
      if (std::find(row.excluded.begin(), row.excluded.end(), option.row->name) != row.excluded.end())
        names.insert(row.name);
  }
  return names;
}

Status settle(const Layers& layers, const std::vector<OptionRow>& rows, const Verb* verb, void* options) {
  ZK_TRY(const std::set<std::string> out, ruled_out(layers.line));
  for (const OptionRow& row : rows) {
    if (given(layers.line, row) == nullptr && out.count(row.name) != 0) continue;
    const std::optional<Values> values = look_up(layers, row, verb);
    if (!values) {
      if (row.is_required)
        return fail(
            Error(ErrorId::kUsage, fmt::format("--{} is missing", row.name)).with_hint(usage_line(*verb)));
      continue;
    }
    ZK_TRY_STATUS(apply(row, *values, options, layers.line.verb, false));
  }
  return {};
}

}  // namespace

Error empty_value(const OptionRow& row) {
  return Error(ErrorId::kUsage, "the value is empty")
      .with_hint(row.is_required ? "is a variable not set that should stand there?"
                                 : "is a variable not set that should stand there? If nothing is meant, "
                                   "leave it out");
}

std::optional<ConfigValue> effective_value(const Layers& layers, const OptionRow& row, const Verb* verb) {
  std::optional<Values> found = look_up(layers, row, verb);
  if (!found) return std::nullopt;
  ConfigValue value;
  value.origin = std::move(found->origin);
  for (std::optional<std::string>& text : found->values)
    value.values.push_back(text ? std::move(*text) : "true");
  return value;
}

Status settle_globals(const Layers& layers, Globals& globals) {
  ZK_TRY_STATUS(settle(layers, global_options(), nullptr, &globals));
  if (globals.json) globals.format = Format::kJson;
  return {};
}

Status settle_verb(const Layers& layers, const Verb& verb, void* options) {
  ZK_TRY_STATUS(settle(layers, verb.options, &verb, options));
  std::size_t next = 0;
  const std::vector<std::string>& words = layers.line.arguments;
  for (const OptionRow& row : verb.arguments) {
    Values values;
    values.origin = {Origin::Kind::kFlag, row.name, 0, 0};
    while (next < words.size() && (row.repeated || values.values.empty()))
      values.values.emplace_back(words[next++]);
    if (values.values.empty())
      if (std::optional<Values> found = look_up(layers, row, &verb)) values = std::move(*found);
    if (values.values.empty() && row.is_required)
      return fail(Error(ErrorId::kUsage, fmt::format("{} is missing: {}", row.name, row.help))
                      .with_hint("usage: " + usage_line(verb)));
    ZK_TRY_STATUS(apply(row, values, options, &verb, true));
  }
  if (next < words.size())
    return fail(Error(ErrorId::kUsage, fmt::format("unexpected argument '{}'", words[next]))
                    .with_hint("usage: " + usage_line(verb)));
  return {};
}

}  // namespace zkark::cli
