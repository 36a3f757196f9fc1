#include "src/forensics/search.h"

#include <algorithm>

namespace zkark::forensics {
namespace {

std::optional<Bytes> data_of(const TxnBody& body) {
  if (const auto* create = std::get_if<CreateTxn>(&body)) return create->data;
  if (const auto* container = std::get_if<CreateContainerTxn>(&body)) return container->data;
  if (const auto* ttl = std::get_if<CreateTtlTxn>(&body)) return ttl->data;
  if (const auto* set = std::get_if<SetDataTxn>(&body)) return set->data;
  return std::nullopt;
}

}  // namespace

std::optional<SearchHit> search(const SearchText& text, std::string_view path, std::optional<Bytes> value) {
  SearchHit hit;
  if (text.in_values && text.pattern.matches(value)) {
    const std::string_view all = as_text(*value);
    hit.in_value = true;
    hit.match = text.pattern.find(all).value_or(all.substr(0, 0));
    const auto at = static_cast<std::size_t>(hit.match.data() - all.data());
    const std::size_t before = at == 0 ? std::string_view::npos : all.rfind('\n', at - 1);
    const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
    hit.line = all.substr(begin, all.find('\n', at) - begin);
    hit.line_number = 1 + static_cast<std::uint64_t>(std::count(
                              all.begin(), all.begin() + static_cast<std::ptrdiff_t>(begin), '\n'));
  }
  if (text.in_paths && text.pattern.matches(path)) {
    hit.in_path = true;
    if (!hit.in_value) {
      hit.match = text.pattern.find(path).value_or(path.substr(0, 0));
      hit.line = path;
    }
  }
  if (!hit.in_path && !hit.in_value) return std::nullopt;
  return hit;
}

void search_txn(const SearchText& text, const TxnFilter& filter, const Txn& txn,
                const std::function<void(const OperationHit&)>& visit) {
  if (!filter.takes_header(txn.header)) return;
  if (!filter.errors.empty() &&
      std::find(filter.errors.begin(), filter.errors.end(), result_code(txn)) == filter.errors.end())
    return;
  const auto look = [&](TxnType type, std::uint32_t part, std::string_view path, std::optional<Bytes> value) {
    if (path.empty() || (!filter.paths.empty() && !matches_any(filter.paths, path))) return;
    if (filter.value && !filter.value->matches(value)) return;
    if (const std::optional<SearchHit> hit = search(text, path, value))
      visit(OperationHit{type, part, path, value, *hit});
  };
  if (const auto* close = std::get_if<CloseSessionTxn>(&txn.body)) {
    if (!filter.types.empty() && !filter.types.has(TxnType::kCloseSession) &&
        !filter.types.has(TxnType::kDelete))
      return;
    std::uint32_t part = 0;
    for (const PathItem& item : close->paths) look(txn.header.type, ++part, item.path, std::nullopt);
    return;
  }
  if (const auto* multi = std::get_if<MultiTxn>(&txn.body)) {
    const bool any = filter.types.empty() || filter.types.has(TxnType::kMulti);
    std::uint32_t part = 0;
    for (const SubTxn& sub : multi->txns) {
      ++part;
      if (!any && !filter.types.has(sub.type)) continue;
      if (const Result<TxnBody> body = decode_sub_txn(sub))
        look(sub.type, part, txn_path(*body), data_of(*body));
    }
    return;
  }
  if (!filter.types.empty() && !filter.types.has(txn.header.type)) return;
  look(txn.header.type, 0, txn_path(txn.body), data_of(txn.body));
}

}  // namespace zkark::forensics
