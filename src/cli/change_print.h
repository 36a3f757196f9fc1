#pragma once
// Transactions with what each did to the nodes: `log --stat` and `log --patch`. In text a line per node, and
// under it the lines of the value that went and came; in JSON a list "changes"; in CSV and plain more
// columns.
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "src/cli/txn_print.h"
#include "src/forensics/changes.h"

namespace zkark::cli {

/// What all that was printed amounts to.
class ChangeTotals {
 public:
  void add(const Txn& txn, std::span<const forensics::Change> changes);
  /// "2 writes, 2 sessions, 1 deleted node, -3 B".
  std::string text() const;
  void fields(Report& report) const;
  /// Whose deletes, or else writes, came last; 0 for the server's own.
  std::int64_t last_session() const { return deleted_ != 0 ? last_deleter_ : last_writer_; }
  std::uint64_t writes() const { return created_ + set_ + acl_ + deleted_; }

 private:
  std::uint64_t created_ = 0, set_ = 0, acl_ = 0, deleted_ = 0, failed_ = 0;
  std::int64_t delta_bytes_ = 0;
  std::unordered_set<std::int64_t> sessions_;
  std::int64_t last_writer_ = 0, last_deleter_ = 0;
};

/// One thread.
class ChangePrinter final : private TxnPrinter::MoreCells {
 public:
  /// `patch`: the values, too.
  ChangePrinter(Format format, bool color, std::string_view schema, bool patch);
  ChangePrinter(const ChangePrinter&) = delete;
  ChangePrinter& operator=(const ChangePrinter&) = delete;

  void begin(TextBuffer& out) { txns_.begin(out); }
  void end(const Report& summary, TextBuffer& out) { txns_.end(summary, out); }
  void set_file(std::string_view path) { txns_.set_file(path); }
  /// One record; `changes` are those of the nodes asked for.
  void print(const TxnEntry& entry, std::span<const forensics::Change> changes, TextBuffer& out);

 private:
  std::vector<Column> columns() const override;
  void append(std::int64_t part, std::string_view path, std::vector<Cell>& cells) const override;
  std::vector<std::string_view> taken_along() const override;

  void print_text(const TxnEntry& entry, TextBuffer& out);
  void print_parts(const MultiTxn& multi, TextBuffer& out);
  void print_taken_along(const CloseSessionTxn& close, TextBuffer& out);
  void print_change(const forensics::Change& change, TextBuffer& out);
  void print_patch(const forensics::Change& change, std::string_view indent, TextBuffer& out);
  void print_values(const forensics::Change& change, std::string_view indent, TextBuffer& out);
  void patch_line(char sign, std::string_view indent, std::string_view text, TextBuffer& out);
  void change_json(const forensics::Change& change, JsonWriter& json) const;
  const forensics::Change* change_of(std::int64_t part, std::string_view path) const;

  Format format_;
  bool color_, patch_;
  TxnPrinter txns_;
  std::span<const forensics::Change> changes_;  // of the record being printed
  TextBuffer members_;
};

}  // namespace zkark::cli
