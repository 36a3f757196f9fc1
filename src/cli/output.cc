#include "src/cli/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "formats/base/best_effort.h"
#include "formats/base/check.h"
#include "src/cli/render.h"
#include "src/cli/text.h"

namespace zkark::cli {
namespace {

std::string schema_of(std::string_view verb) { return fmt::format("zkark.{}/1", verb); }

void write_members(JsonWriter& json, const std::vector<Column>& columns, const std::vector<Cell>& cells) {
  for (std::size_t i = 0; i < columns.size(); ++i) write_json(json.key(columns[i].key), cells[i]);
}

void write_fields(JsonWriter& json, const Report& report) {
  for (const Report::FieldRow& field : report.fields()) write_json(json.key(field.key), field.cell);
}

void print_json(JsonWriter& json, const Report& report) {
  json.begin_document(schema_of(report.verb()));
  write_fields(json, report);
  for (const Table& table : report.tables()) {
    json.key(table.key()).begin_array();
    for (const auto& row : table.rows()) {
      json.begin_object();
      write_members(json, table.columns(), row);
      json.end_object();
    }
    json.end_array();
  }
  json.end_object();
  json.end_line();
}

/// One line for the fields ("record":"summary" when there are tables too), one per row of every table.
void print_ndjson(JsonWriter& json, const Report& report) {
  const std::string schema = schema_of(report.verb());
  if (!report.fields().empty() || report.tables().empty()) {
    json.begin_document(schema);
    if (!report.tables().empty()) json.key("record").string("summary");
    write_fields(json, report);
    json.end_object();
    json.end_line();
  }
  for (const Table& table : report.tables())
    for (const auto& row : table.rows()) {
      json.begin_document(schema).key("record").string(table.key());
      write_members(json, table.columns(), row);
      json.end_object();
      json.end_line();
    }
}

/// CSV and plain text have one shape each, and nothing of a result may be missing from it: rows that are all
/// there is, or that the verb calls its result, are printed as rows, anything else as keys and values
/// ("windows.0.first_zxid").
void print_exact(Output& output, const Report& report, bool csv) {
  const std::deque<Table>& tables = report.tables();
  const bool rows_are_all = report.fields().empty() && tables.size() == 1;
  if (rows_are_all || (report.is_list_of_rows() && !tables.empty())) {
    if (csv) output.line(csv_header(tables.front().columns()));
    for (const auto& row : tables.front().rows()) output.line(csv ? csv_line(row) : plain_line(row));
    return;
  }
  if (csv) output.line("key,value");
  for (const ExactField& field : exact_fields(report)) {
    const std::vector<Cell> cells{*field.cell};
    output.line(
        fmt::format("{}{}{}", field.key, csv ? ',' : '\t', csv ? csv_line(cells) : plain_line(cells)));
  }
}

void print_fields(Output& output, const Report& report) {
  unsigned width = 0;
  for (const Report::FieldRow& field : report.fields()) width = std::max(width, display_width(field.title));
  for (const Report::FieldRow& field : report.fields()) {
    if (field.title.empty()) continue;
    const std::string blanks(width - display_width(field.title) + 2, ' ');
    output.line(fmt::format("{}{}{}", output.bold(field.title), blanks, cell_for_people(field.cell)));
  }
}

/// Fields and tables without a title are for programs.
template <class Row>
bool any_title(const std::vector<Row>& rows) {
  return std::any_of(rows.begin(), rows.end(), [](const Row& row) { return !row.title.empty(); });
}

void print_text(Output& output, const Report& report) {
  bool something = any_title(report.fields());
  print_fields(output, report);
  for (const Table& table : report.tables()) {
    if (table.rows().empty() || !any_title(table.columns())) continue;
    if (something) output.line("");
    something = true;
    TextTable text(table.columns());
    for (const auto& row : table.rows()) text.measure(row);
    output.line(output.bold(text.header()));
    for (const auto& row : table.rows()) output.line(text.line(row));
  }
  for (const std::string& remark : report.remarks()) output.line(remark);
}

}  // namespace

// ---- ExitStatus ----

void ExitStatus::add(int code) {
  static constexpr int kWeights[] = {4, 3, 7, 6, 9, 1};  // lightest first
  auto weight = [](int c) {
    if (c == 0) return -1;
    const int* found = std::find(std::begin(kWeights), std::end(kWeights), c);
    return static_cast<int>(found - std::begin(kWeights));  // codes outside the list are the heaviest
  };
  if (weight(code) > weight(code_)) code_ = code;
}

// ---- Output ----

Output::Output(Console& console, OutputOptions options, std::function<void()> on_reader_gone)
    : console_(console),
      options_(options),
      on_reader_gone_(std::move(on_reader_gone)),
      data_([this](std::string_view text) { drain(text); }) {}

Output::~Output() {
  best_effort([this] {
    std::lock_guard lock(err_mutex_);
    wipe_progress_line();
  });
}

void Output::drain(std::string_view text) {
  if (reader_gone_ || write_failed_) return;
  {
    std::lock_guard lock(err_mutex_);
    wipe_progress_line();
  }
  switch (console_.write_out(text)) {
    case Console::Written::kAll:
      return;
    case Console::Written::kFailed:
      write_failed_ = true;
      return;
    case Console::Written::kReaderGone:
      reader_gone_ = true;
      if (on_reader_gone_) on_reader_gone_();
      return;
  }
}

Status Output::flush() {
  data_.flush();
  if (lost_rows_) return fail(ErrorId::kOutOfMemory, "no memory for the end of the result");
  if (!write_failed_) return {};
  return fail(Error(ErrorId::kStorage, "standard output could not be written")
                  .with_hint("the result is incomplete: is the disk full?"));
}

void Output::print(const Report& report) {
  JsonWriter json(data_);
  switch (options_.format) {
    case Format::kJson:
      print_json(json, report);
      return;
    case Format::kNdjson:
      print_ndjson(json, report);
      return;
    case Format::kCsv:
      print_exact(*this, report, true);
      return;
    case Format::kPlain:
      print_exact(*this, report, false);
      return;
    case Format::kTable:
      print_text(*this, report);
      return;
  }
}

RowStream Output::stream(std::string_view verb, std::string_view key, std::vector<Column> columns) {
  return RowStream(*this, verb, key, std::move(columns));
}

bool Output::log_is_json() const {
  return options_.log_format == LogFormat::kJson || (options_.log_format == LogFormat::kAuto && is_json());
}

std::string Output::paint(std::string_view code, std::string_view text, bool on) const {
  return on ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : std::string(text);
}

void Output::wipe_progress_line() {
  if (!progress_line_shown_) return;
  console_.write_err("\r\x1b[K");
  progress_line_shown_ = false;
}

void Output::write_err(std::string_view text) {
  std::lock_guard lock(err_mutex_);
  wipe_progress_line();
  console_.write_err(text);
}

void Output::report(const Error& error, int exit) {
  exit_.add(exit);
  if (console_.out_is_terminal()) data_.flush();  // what was printed before stays before
  std::string hint(error.hint());
  // The last way out, told once of each kind: a damaged directory can have many findings of one.
  if (hint.empty() && explained_.insert(error.id()).second)
    hint = fmt::format("zkark explain {}", error_code(error.id()));
  if (log_is_json()) {
    TextBuffer buffer;
    JsonWriter json(buffer);
    json.begin_document("zkark.event/1").key("event").string("error");
    json.key("id").string(error_code(error.id())).key("exit").number(exit);
    json.key("message").string(error.message());
    if (!error.file().empty()) json.key("file").string(error.file());
    if (error.offset()) json.key("offset").number(*error.offset());
    if (error.zxid()) json.key("zxid").hex(*error.zxid());
    if (error.system_errno() != 0) json.key("errno").number(error.system_errno());
    if (!hint.empty()) json.key("hint").string(hint);
    json.end_object();
    json.end_line();
    write_err(buffer.view());
    return;
  }
  std::string text = fmt::format(
      "{} {}\n", paint("1;31", fmt::format("error {}:", error_code(error.id())), options_.color_err),
      escape_terminal(error.to_string()));
  if (!hint.empty())
    text += fmt::format("{} {}\n", paint("1", "hint:", options_.color_err), escape_terminal(hint));
  write_err(text);
}

void Output::message(std::string_view event, std::string_view code, std::string_view text) {
  if (log_is_json()) {
    TextBuffer buffer;
    JsonWriter json(buffer);
    json.begin_document("zkark.event/1").key("event").string(event).key("message").string(text).end_object();
    json.end_line();
    write_err(buffer.view());
    return;
  }
  std::string line = code.empty() ? "" : paint(code, fmt::format("{}:", event), options_.color_err) + " ";
  write_err(line + escape_terminal(text) + "\n");
}

void Output::warn(std::string_view text) { message("warning", "33", text); }
void Output::note(std::string_view text) {
  if (!options_.quiet) message("note", "", text);
}
void Output::detail(std::string_view text) {
  if (options_.verbose > 0) message("detail", "", text);
}

bool Output::ask(std::string_view question, std::string& answer) {
  data_.flush();
  {
    std::lock_guard lock(err_mutex_);
    wipe_progress_line();
    asking_ = true;
    console_.write_err(question);
  }
  const bool answered =
      console_.read_line(answer);  // the lock is free: warnings of other threads get through
  std::lock_guard lock(err_mutex_);
  asking_ = false;
  return answered;
}

void Output::show_progress_line(std::string_view text) {
  std::lock_guard lock(err_mutex_);
  if (asking_) return;
  console_.write_err(fmt::format("\r\x1b[K{}", text));
  progress_line_shown_ = true;
}

void Output::hide_progress_line() {
  std::lock_guard lock(err_mutex_);
  if (!asking_) wipe_progress_line();
}

void Output::progress_event(std::string_view text, std::string_view json_members) {
  if (log_is_json())
    write_err(fmt::format("{{\"schema\":\"zkark.event/1\",\"event\":\"progress\",{}}}\n", json_members));
  else
    write_err(fmt::format("{}\n", text));
}

// ---- RowStream ----

struct RowStream::State {
  static constexpr std::size_t kMeasured = 1000;
  Output& output;
  std::string schema;
  std::string_view verb, key;
  std::vector<Column> columns;
  JsonWriter json;
  std::vector<std::vector<Cell>> held;  // rows that decide the widths of a table
  std::optional<TextTable> text;
  bool table_started = false;

  State(Output& out, std::string_view verb_name, std::string_view key_name, std::vector<Column> cols)
      : output(out),
        schema(schema_of(verb_name)),
        verb(verb_name),
        key(key_name),
        columns(std::move(cols)),
        json(out.data()) {
    if (output.format() == Format::kJson) json.begin_document(schema).key(key).begin_array();
    if (output.format() == Format::kCsv) output.line(csv_header(columns));
    if (output.format() == Format::kTable) text.emplace(columns);
  }

  void start_table() {
    if (table_started) return;
    table_started = true;
    if (held.empty()) return;
    for (const auto& row : held) text->measure(row);
    output.line(output.bold(text->header()));
    for (const auto& row : held) output.line(text->line(row));
    held.clear();
  }
};

RowStream::RowStream(Output& output, std::string_view verb, std::string_view key, std::vector<Column> columns)
    : state_(std::make_unique<State>(output, verb, key, std::move(columns))) {}
RowStream::RowStream(RowStream&&) noexcept = default;
RowStream::~RowStream() {
  if (state_ && !best_effort([this] { finish(); })) state_->output.lost_rows();
}

void RowStream::row(std::vector<Cell> cells) {
  State& s = *state_;
  ZK_CHECK(cells.size() == s.columns.size());
  switch (s.output.format()) {
    case Format::kJson:
      s.json.begin_object();
      write_members(s.json, s.columns, cells);
      s.json.end_object();
      if (s.output.data().size() >= 256 * 1024) s.output.data().flush();
      return;
    case Format::kNdjson:
      s.json.begin_document(s.schema).key("record").string(s.key);
      write_members(s.json, s.columns, cells);
      s.json.end_object();
      s.json.end_line();
      return;
    case Format::kCsv:
      s.output.line(csv_line(cells));
      return;
    case Format::kPlain:
      s.output.line(plain_line(cells));
      return;
    case Format::kTable:
      if (s.table_started) return s.output.line(s.text->line(cells));
      s.held.push_back(std::move(cells));
      if (s.held.size() >= State::kMeasured) s.start_table();
      return;
  }
}

void RowStream::finish(const Report* summary) {
  State& s = *state_;
  switch (s.output.format()) {
    case Format::kJson:
      s.json.end_array();
      if (summary != nullptr) write_fields(s.json, *summary);
      s.json.end_object();
      s.json.end_line();
      break;
    case Format::kNdjson:
      if (summary == nullptr) break;
      s.json.begin_document(s.schema).key("record").string("summary");
      write_fields(s.json, *summary);
      s.json.end_object();
      s.json.end_line();
      break;
    case Format::kTable:
      s.start_table();
      if (summary == nullptr) break;
      print_fields(s.output, *summary);
      for (const std::string& remark : summary->remarks()) s.output.line(remark);
      break;
    case Format::kCsv:
    case Format::kPlain:
      break;
  }
  state_.reset();
}

}  // namespace zkark::cli
