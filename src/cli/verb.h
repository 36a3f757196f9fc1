#pragma once
// What a verb is: one row that says its name, options, help, examples and exit codes, and the function that
// runs it. Command line, --help, man pages, shell completion, environment (ZKARK_VERB_OPTION) and
// configuration file
// ([VERB] tables) are all made from that row. How to add a verb: src/cli/README.md.
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "formats/base/result.h"
#include "src/cli/values.h"

namespace zkark::cli {

struct Context;  // src/cli/context.h

enum class Group : std::uint8_t { kRepository, kRestore, kForensics, kExchange, kServer, kMeta };

/// Which global options mean something to a verb. Only those are shown in its help.
enum Uses : std::uint32_t {
  kUsesNothing = 0,
  kUsesRepository = 1,  // -r, -C
  kUsesLock = 2,        // --lock-wait
  kUsesConfirm = 4,     // -y, --no-input
  kUsesJobs = 8,        // --jobs
  kUsesTime = 16,       // --tz
  kUsesCache = 32,      // --cache-dir
  kUsesProgress = 64,   // --no-progress
  kUsesNoLock = 128,    // --no-lock
};

/// What a shell offers after an option or in an argument's place.
enum class Completes : std::uint8_t {
  kNothing,
  kFile,
  kDirectory,
  kSource,
  kPoint,
  kBackupId,
  kRepository,
  kCluster,
  kVerb,
  kErrorId,
};

/// Field type of an option whose value may be left out: `--bump-epoch` or `--bump-epoch=5`, never two words.
template <class T>
struct Given {
  bool given = false;
  std::optional<T> value;
};

/// One value of a choice: what is typed, what it means, what it stands for.
template <class E>
struct Choice {
  std::string_view name;
  E value;
  std::string_view help = {};
};

enum class ValueKind : std::uint8_t { kFlag, kText, kNumber, kChoice, kSize, kDuration };

/// One option or argument of a verb. Made by VerbBuilder; the methods refine it and give it back.
struct OptionRow {
  std::string name;        // "lock-wait"; for an argument "SRC"
  char letter = 0;         // 'r' for -r; 0 for none
  std::string value_name;  // "DURATION"; empty for flags and arguments
  std::string help;        // starts lower-case, no final dot
  ValueKind kind = ValueKind::kText;
  bool repeated = false;  // every use adds a value
  bool value_may_be_left_out = false;
  bool is_required = false;
  std::uint32_t needs_uses = 0;  // global options only: shown for verbs with one of these Uses; 0 = for all
  Completes offers = Completes::kNothing;
  std::vector<std::pair<std::string, std::string>> choices;  // name, help
  std::vector<std::string> excluded;                         // options that cannot stand beside this one
  std::string negated;                                       // "prove" for the row of --no-prove
  std::string default_shown;                                 // for help only
  std::string heading;    // options are listed under headings; empty = "Options"
  std::string cluster;    // key of [cluster.NAME] that gives the value when nothing else does
  std::string retention;  // key of [retention.NAME] likewise
  bool from_command_line_only = false;
  bool from_file_too = true;
  /// Sets the field of the options struct; a null text is the option without its value (or a flag).
  std::function<Status(void* options, const std::string* text)> set;

  OptionRow& required() { return is_required = true, *this; }
  OptionRow& completes(Completes what) { return offers = what, *this; }
  /// Giving both is exit 2.
  OptionRow& excludes(std::initializer_list<std::string_view> names);
  OptionRow& default_is(std::string_view text) { return default_shown = text, *this; }
  OptionRow& under(std::string_view text) { return heading = text, *this; }
  /// Taken from [cluster.NAME] KEY of the cluster given by -C when neither flag, environment nor [VERB] gives
  /// it.
  OptionRow& cluster_key(std::string_view key) { return cluster = key, *this; }
  /// Likewise from [retention.NAME], NAME being the cluster's name.
  OptionRow& retention_key(std::string_view key) { return retention = key, *this; }
  /// For options that are too dangerous to come from a forgotten file or variable.
  OptionRow& command_line_only() { return from_command_line_only = true, *this; }
  /// Command line and environment, but no configuration file.
  OptionRow& not_in_file() { return from_file_too = false, *this; }
  OptionRow& needs(std::uint32_t uses) { return needs_uses = uses, *this; }
};

struct Example {
  std::string_view command;      // the whole line, with "zkark"
  std::string_view explanation;  // one line; may be empty
};

/// The fixed part of a verb. Texts must be string literals (or live as long as the program).
struct VerbInfo {
  std::string_view name = {};
  Group group = Group::kMeta;
  std::string_view summary;  // half a line, lower case, no dot: "list the backups and what can be restored"
  std::string_view description = {};  // paragraphs divided by an empty line; wrapped when printed
  std::vector<Example> examples = {};
  std::vector<int> exit_codes = {};  // beside 0, 1, 2 and 130
  std::uint32_t uses = kUsesNothing;
  /// A verb that changes state runs on when the reader of its stdout goes away; others stop.
  bool changes_state = false;
  /// False for verbs that must work although the configuration is broken.
  bool reads_config = true;
  /// Not listed; for the shell's completion and the like.
  bool hidden = false;
};

struct Verb {
  VerbInfo info;
  std::vector<OptionRow> options;
  std::vector<OptionRow> arguments;  // in order; only the last may be repeated
  std::function<std::shared_ptr<void>()> make_options;
  /// A failure is printed and decides the exit status. What was found on the way is told to
  /// context.output.report(), which prints it and remembers the exit status it stands for.
  std::function<Status(Context&, const void* options)> run;

  const OptionRow* find_option(std::string_view name) const;
};

namespace detail {
template <class T>
struct Field {
  using Value = T;
  static constexpr bool repeated = false, bare = false;
};
template <class T>
struct Field<std::optional<T>> : Field<T> {};
template <class T>
struct Field<std::vector<T>> : Field<T> {
  static constexpr bool repeated = true;
};
template <class T>
struct Field<Given<T>> : Field<T> {
  static constexpr bool bare = true;
};

template <class T>
void assign(T& field, T value) {
  field = std::move(value);
}
template <class T>
void assign(std::optional<T>& field, T value) {
  field = std::move(value);
}
template <class T>
void assign(std::vector<T>& field, T value) {
  field.push_back(std::move(value));
}
template <class T>
void assign(Given<T>& field, T value) {
  field = {true, std::move(value)};
}
}  // namespace detail

/// Describes the verb whose options are an `O`. The fields of a default-constructed O are the defaults.
///   VerbBuilder<Options> verb({.name = "ls", …});
///   verb.argument("SRC", &Options::source, "what to read").required();
///   verb.flag("recursive", 'R', &Options::recursive, "list the whole tree");
///   return std::move(verb).build(run);   // Status run(Context&, const Options&)
/// Except for flag and yes_no, a field may be T, optional<T>, vector<T> (repeatable) or Given<T> (value
/// optional).
template <class O>
class VerbBuilder {
 public:
  explicit VerbBuilder(VerbInfo info) { verb_.info = std::move(info); }

  OptionRow& flag(std::string_view name, char letter, bool O::*field, std::string_view help) {
    OptionRow& row = add(name, letter, "", ValueKind::kFlag, help);
    row.set = [field](void* options, const std::string* text) -> Status {
      ZK_TRY(bool value, text == nullptr ? Result<bool>(true) : parse_boolean(*text));
      static_cast<O*>(options)->*field = value;
      return {};
    };
    return row;
  }
  OptionRow& flag(std::string_view name, bool O::*field, std::string_view help) {
    return flag(name, 0, field, help);
  }
  /// --NAME and --no-NAME. The reference is to the first and dies with the next call.
  OptionRow& yes_no(std::string_view name, std::optional<bool> O::*field, std::string_view help_yes,
                    std::string_view help_no) {
    OptionRow yes = row(name, 0, "", ValueKind::kFlag, help_yes);
    OptionRow no = row("no-" + std::string(name), 0, "", ValueKind::kFlag, help_no);
    auto setter = [field](bool sense) {
      return [field, sense](void* options, const std::string* text) -> Status {
        ZK_TRY(bool value, text == nullptr ? Result<bool>(true) : parse_boolean(*text));
        static_cast<O*>(options)->*field = value == sense;
        return {};
      };
    };
    yes.set = setter(true);
    no.set = setter(false);
    no.negated = name;
    no.excluded = {std::string(name)};
    verb_.options.push_back(std::move(yes));
    verb_.options.push_back(std::move(no));
    return verb_.options[verb_.options.size() - 2];
  }
  template <class F>
  OptionRow& text(std::string_view name, std::string_view value_name, F O::*field, std::string_view help) {
    return typed(add(name, 0, value_name, ValueKind::kText, help), field, parse_text);
  }
  template <class F>
  OptionRow& text(std::string_view name, char letter, std::string_view value_name, F O::*field,
                  std::string_view help) {
    return typed(add(name, letter, value_name, ValueKind::kText, help), field, parse_text);
  }
  /// Text that `parse` (Result<T>(std::string_view), T the field's type) understands: zxids, ports, points, …
  template <class F, class Parse>
  OptionRow& parsed(std::string_view name, std::string_view value_name, F O::*field, Parse parse,
                    std::string_view help) {
    return typed(add(name, 0, value_name, ValueKind::kText, help), field, parse);
  }
  /// A decimal number, both limits included.
  template <class F>
  OptionRow& number(std::string_view name, std::string_view value_name, F O::*field, std::int64_t min,
                    std::int64_t max, std::string_view help) {
    using T = typename detail::Field<F>::Value;
    OptionRow& made = add(name, 0, value_name, ValueKind::kNumber, help);
    if constexpr (std::is_same_v<F, T>) made.default_shown = std::to_string(O{}.*field);
    return typed(made, field, [min, max](std::string_view text) -> Result<T> {
      ZK_TRY(std::int64_t value, parse_number(text, min, max));
      return static_cast<T>(value);
    });
  }
  /// Bytes: 4096, 10MiB, 1.5GB. The field holds bytes.
  template <class F>
  OptionRow& size(std::string_view name, F O::*field, std::string_view help) {
    return typed(add(name, 0, "SIZE", ValueKind::kSize, help), field, parse_size);
  }
  /// 30s, 1h30min, 250ms. The field (std::int64_t) holds milliseconds.
  template <class F>
  OptionRow& duration(std::string_view name, F O::*field, std::string_view help) {
    return typed(add(name, 0, "DURATION", ValueKind::kDuration, help), field, parse_duration_ms);
  }
  template <class F, class E = typename detail::Field<F>::Value>
  OptionRow& choice(std::string_view name, char letter, std::string_view value_name, F O::*field,
                    std::initializer_list<Choice<std::type_identity_t<E>>> choices, std::string_view help) {
    OptionRow& made = add(name, letter, value_name, ValueKind::kChoice, help);
    return choose(made, field, std::vector<Choice<E>>(choices));
  }
  template <class F, class E = typename detail::Field<F>::Value>
  OptionRow& choice(std::string_view name, std::string_view value_name, F O::*field,
                    std::initializer_list<Choice<std::type_identity_t<E>>> choices, std::string_view help) {
    return choice(name, 0, value_name, field, choices, help);
  }

  /// Arguments by position. A vector takes all that are left and must come last; optional<T> may be absent.
  template <class F>
  OptionRow& argument(std::string_view name, F O::*field, std::string_view help) {
    verb_.arguments.push_back(row(name, 0, "", ValueKind::kText, help));
    return typed(verb_.arguments.back(), field, parse_text);
  }
  template <class F, class Parse>
  OptionRow& argument_parsed(std::string_view name, F O::*field, Parse parse, std::string_view help) {
    verb_.arguments.push_back(row(name, 0, "", ValueKind::kText, help));
    return typed(verb_.arguments.back(), field, parse);
  }
  template <class F, class E = typename detail::Field<F>::Value>
  OptionRow& argument_choice(std::string_view name, F O::*field,
                             std::initializer_list<Choice<std::type_identity_t<E>>> choices,
                             std::string_view help) {
    verb_.arguments.push_back(row(name, 0, "", ValueKind::kChoice, help));
    OptionRow& made = choose(verb_.arguments.back(), field, std::vector<Choice<E>>(choices));
    made.default_shown.clear();
    return made;
  }

  Verb build(Status (*run)(Context&, const O&)) && {
    verb_.make_options = [] { return std::static_pointer_cast<void>(std::make_shared<O>()); };
    verb_.run = [run](Context& context, const void* options) {
      return run(context, *static_cast<const O*>(options));
    };
    return std::move(verb_);
  }
  /// The options alone: for the table of global options.
  std::vector<OptionRow> rows() && { return std::move(verb_.options); }

 private:
  static OptionRow row(std::string_view name, char letter, std::string_view value_name, ValueKind kind,
                       std::string_view help) {
    OptionRow made;
    made.name = name;
    made.letter = letter;
    made.value_name = value_name;
    made.kind = kind;
    made.help = help;
    return made;
  }
  OptionRow& add(std::string_view name, char letter, std::string_view value_name, ValueKind kind,
                 std::string_view help) {
    return verb_.options.emplace_back(row(name, letter, value_name, kind, help));
  }
  template <class F, class Parse>
  OptionRow& typed(OptionRow& made, F O::*field, Parse parse) {
    made.repeated = detail::Field<F>::repeated;
    made.value_may_be_left_out = detail::Field<F>::bare;
    made.set = [field, parse](void* options, const std::string* text) -> Status {
      F& target = static_cast<O*>(options)->*field;
      if (text == nullptr) {
        if constexpr (detail::Field<F>::bare) target.given = true;
        return {};
      }
      ZK_TRY(auto value, parse(*text));
      detail::assign(target, typename detail::Field<F>::Value(std::move(value)));
      return {};
    };
    return made;
  }
  template <class F, class E>
  OptionRow& choose(OptionRow& made, F O::*field, std::vector<Choice<E>> choices) {
    std::vector<std::string> names;
    for (const Choice<E>& one : choices) {
      made.choices.emplace_back(one.name, one.help);
      names.emplace_back(one.name);
      if constexpr (std::is_same_v<F, E>)
        if (one.value == O{}.*field) made.default_shown = one.name;
    }
    return typed(made, field, [choices, names](std::string_view text) -> Result<E> {
      ZK_TRY(std::size_t index, parse_choice(text, names));
      return choices[index].value;
    });
  }

  Verb verb_;
};

/// Every verb, in the order of help: the rows of verbs.inc. Built once, at the first call.
const std::vector<Verb>& all_verbs();
/// nullptr when there is no such verb. Hidden ones are found too.
const Verb* find_verb(const std::vector<Verb>& verbs, std::string_view name);
/// "Repository", "Restore", …
std::string_view group_title(Group group);
/// What an exit code means, as every help text and man page says it.
std::string_view exit_code_meaning(int code);

}  // namespace zkark::cli
