#pragma once
// Text in paths and values: of one node, or of every operation of a record.
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "formats/txn.h"
#include "src/forensics/filter.h"
#include "src/forensics/value_pattern.h"

namespace zkark::forensics {

struct SearchText {
  ValuePattern pattern;
  bool in_paths = true, in_values = true;
};

/// Where it was found first. Views of what was searched.
struct SearchHit {
  bool in_path = false, in_value = false;
  std::string_view match;  // in the value if it is there, else in the path
  std::string_view line;   // of the value: the line with the match in it, without its end; else the path
  std::uint64_t line_number = 0;  // in the value, from 1; 0: the match is in the path
};
std::optional<SearchHit> search(const SearchText& text, std::string_view path, std::optional<Bytes> value);

/// One operation of a record that has it.
struct OperationHit {
  TxnType type = TxnType::kCreate;
  std::uint32_t part = 0;  // of a multi, or of the nodes that the end of a session deletes, from 1; else 0
  std::string_view path;
  std::optional<Bytes> value;
  SearchHit hit;
};
/// Calls visit(OperationHit) for every operation of the record that has the text and satisfies the filter.
/// Ends of sessions count for the nodes they name, which are deletes.
void search_txn(const SearchText& text, const TxnFilter& filter, const Txn& txn,
                const std::function<void(const OperationHit&)>& visit);

}  // namespace zkark::forensics
