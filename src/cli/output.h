#pragma once
// Where a verb's results and messages go. Data goes to stdout, everything else to stderr. With -o json or
// ndjson (or --log-format json) what goes to stderr is NDJSON too, one object a line:
//   {"schema":"zkark.event/1","event":"error","id":"ZKA-0611","exit":6,"message":…,"file":…,"offset":…,"zxid":…,"hint":…}
// and likewise "warning", "note", "detail" and "progress"; stdout then holds nothing but the result, and
// nothing at all when there is none.
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "formats/base/result.h"
#include "src/cli/json_writer.h"
#include "src/cli/table.h"
#include "src/cli/text_buffer.h"

namespace zkark::cli {

enum class Format : std::uint8_t { kTable, kJson, kNdjson, kPlain, kCsv };
enum class Color : std::uint8_t { kAuto, kAlways, kNever };
enum class LogFormat : std::uint8_t { kAuto, kText, kJson };

/// Seam: the three standard streams. Made of os calls in main.cc, of strings in tests.
class Console {
 public:
  virtual ~Console() = default;
  enum class Written : std::uint8_t { kAll, kReaderGone, kFailed };
  /// Writes all of it. kReaderGone: the other end of the pipe was closed.
  virtual Written write_out(std::string_view text) = 0;
  /// Best effort. May be called from any thread.
  virtual void write_err(std::string_view text) = 0;
  /// One line of stdin without its end; false at the end of input.
  virtual bool read_line(std::string& line) = 0;
  virtual bool out_is_terminal() const = 0;
  virtual bool err_is_terminal() const = 0;
  virtual bool in_is_terminal() const = 0;
  /// Columns of the terminal; 0 when unknown.
  virtual unsigned columns() const = 0;
};

struct OutputOptions {
  Format format = Format::kTable;
  LogFormat log_format = LogFormat::kAuto;  // kAuto: JSON with -o json|ndjson
  bool color_out = false, color_err = false;
  bool quiet = false;
  unsigned verbose = 0;
};

/// The exit status of a run that met several things: internal (1), storage (9), corruption (6), refusal (7),
/// incomplete (3), differences (4) in that order of weight; anything else that stopped the run wins over all.
class ExitStatus {
 public:
  void add(int code);
  void add(ErrorId id) { add(exit_code(id)); }
  int code() const { return code_; }

 private:
  int code_ = 0;
};

class RowStream;

/// stdout and report() are for the thread that runs the verb; warn, note and detail may come from any thread.
class Output {
 public:
  /// Borrows `console`. `on_reader_gone` is called once, when the reader of stdout went away.
  Output(Console& console, OutputOptions options, std::function<void()> on_reader_gone = {});
  ~Output();

  Format format() const { return options_.format; }
  /// json or ndjson.
  bool is_json() const { return options_.format == Format::kJson || options_.format == Format::kNdjson; }
  bool is_table() const { return options_.format == Format::kTable; }
  bool quiet() const { return options_.quiet; }

  // ---- data: stdout ----
  /// A whole result in whatever format was asked for.
  void print(const Report& report);
  /// Rows without end, printed as they come. `verb` gives the schema; in JSON they stand under `key`.
  RowStream stream(std::string_view verb, std::string_view key, std::vector<Column> columns);
  /// For verbs that write their own bytes (JsonWriter json(output.data()), raw values). Already escaped by
  /// the caller.
  TextBuffer& data() { return data_; }
  /// A block made elsewhere, already escaped, written now: past data(), which is handed on first. May be
  /// called from another thread while nothing else is printed.
  void write_block(std::string_view text) {
    data_.flush();
    if (!text.empty()) drain(text);
  }
  /// Something could not be printed for want of memory, where no error can be returned: flush() does.
  void lost_rows() { lost_rows_ = true; }
  /// Whether stdout shows colours.
  bool color() const { return options_.color_out; }
  /// One line of text, already escaped.
  void line(std::string_view text) {
    data_.append(text);
    data_.end_line();
  }
  /// Wraps `text` (own words, never untrusted) in colour where stdout shows it.
  std::string bold(std::string_view text) const { return paint("1", text, options_.color_out); }
  std::string red(std::string_view text) const { return paint("31", text, options_.color_out); }
  std::string green(std::string_view text) const { return paint("32", text, options_.color_out); }
  std::string yellow(std::string_view text) const { return paint("33", text, options_.color_out); }
  std::string dim(std::string_view text) const { return paint("2", text, options_.color_out); }
  /// Hands everything to the system.
  Status flush();
  /// The reader of stdout went away: more data is pointless.
  bool reader_gone() const { return reader_gone_.load(std::memory_order_relaxed); }

  // ---- messages: stderr ----
  /// Prints the error with id, place and hint, and remembers the exit status it stands for.
  void report(const Error& error) { report(error, exit_code(error.id())); }
  /// The same with another exit status: a verb that reads on past damage ends with 3, not with the 6 of its
  /// id.
  void report(const Error& error, int exit);
  /// Something to look at that does not change the exit status.
  void warn(std::string_view message);
  /// Progress of the work in words; silent with -q.
  void note(std::string_view message);
  /// Only with -v.
  void detail(std::string_view message);
  ExitStatus& exit() { return exit_; }

  /// Shows `question` and reads a line from stdin; no progress is drawn meanwhile. False at the end of input.
  bool ask(std::string_view question, std::string& answer);

  // ---- the line that progress occupies (progress.h) ----
  /// Shows one line that the next message or data wipes out. Only when stderr is a terminal.
  void show_progress_line(std::string_view text);
  void hide_progress_line();
  /// A progress message of its own line, or event.
  void progress_event(std::string_view text, std::string_view json_members);

  Console& console() { return console_; }
  bool log_is_json() const;

 private:
  std::string paint(std::string_view code, std::string_view text, bool on) const;
  void message(std::string_view event, std::string_view code, std::string_view text);
  void write_err(std::string_view text);
  void wipe_progress_line();
  void drain(std::string_view text);

  Console& console_;
  OutputOptions options_;
  std::function<void()> on_reader_gone_;
  std::mutex err_mutex_;
  bool progress_line_shown_ = false, asking_ = false;
  std::atomic<bool> reader_gone_{false};
  bool write_failed_ = false;
  bool lost_rows_ = false;
  ExitStatus exit_;
  std::set<ErrorId> explained_;  // whose explanation was pointed to
  TextBuffer data_;
};

/// Rows printed as they come; made by Output::stream. In tables the first thousand rows decide the widths.
class RowStream {
 public:
  RowStream(Output& output, std::string_view verb, std::string_view key, std::vector<Column> columns);
  RowStream(RowStream&&) noexcept;
  ~RowStream();
  /// One cell per column.
  void row(std::vector<Cell> cells);
  /// Prints what is held back, and closes the JSON document; `fields` are added to it (or, in NDJSON, as a
  /// last line with "record":"summary"; in tables as lines). Called by the destructor without fields when
  /// forgotten.
  void finish(const Report* summary = nullptr);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace zkark::cli
