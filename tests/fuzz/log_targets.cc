#include "formats/txn_log.h"
#include "tests/fuzz/memory.h"
#include "tests/fuzz/targets.h"

namespace zkark::fuzz {
namespace {

void written_again(const Txn& txn, Bytes payload) {
  std::string again;
  encode_txn(txn, again);
  ZK_CHECK(again == as_text(payload));
}

/// Walks what is inside, so that every view is looked at.
struct Walker {
  std::size_t sum = 0;
  void operator()(const char*, std::string_view text) {
    for (char c : text) sum += static_cast<unsigned char>(c);
  }
  void operator()(const char*, const std::optional<Bytes>& data) {
    if (data) (*this)("", as_text(*data));
  }
  void operator()(const char*, const AclList& list) {
    for (const Acl& acl : list) {
      (*this)("", acl.scheme.value_or(""));
      (*this)("", acl.id.value_or(""));
    }
  }
  void operator()(const char*, const PathList& list) {
    for (const PathItem& item : list) (*this)("", item.path);
  }
  void operator()(const char*, const JuteVector<SubTxn>& list) {
    for (const SubTxn& sub : list)
      if (Result<TxnBody> body = decode_sub_txn(sub)) walk(*body);
  }
  void operator()(const char*, std::int64_t number) { sum += static_cast<std::size_t>(number); }
  void walk(const TxnBody& body) {
    std::visit([&](const auto& record) { std::decay_t<decltype(record)>::fields(record, *this); }, body);
  }
};

}  // namespace

void txn_payload(Bytes input) {
  Result<Txn> txn = decode_txn(input);
  Result<Txn> java = decode_txn(input, Limits::java_3_8());
  if (java) Walker().walk(java->body);
  if (!txn) {
    ZK_CHECK(txn.error().offset().has_value());
    return;
  }
  Walker().walk(txn->body);
  written_again(*txn, input);
  // Stricter in every point but one: Apache reads a closeSession without a body, but with a digest, as a
  // list.
  ZK_CHECK(java || txn->header.type == TxnType::kCloseSession);
}

void log_file(Bytes input) {
  for (const Limits& limits : {Limits{}, Limits::java_3_8()}) {
    InputFile file(input);
    TxnLogReader reader(file, limits);
    for (std::size_t steps = 0;; ++steps) {
      ZK_CHECK(steps <= 2 * input.size() + 2);
      Result<std::optional<TxnEntry>> entry = reader.next();
      if (entry && *entry) {
        ZK_CHECK((*entry)->end_offset() == reader.offset() && reader.offset() <= input.size());
        const Bytes payload =
            (*entry)->record.subspan(kRecordPrefixBytes, (*entry)->record.size() - kRecordPrefixBytes - 1);
        if (!limits.java) written_again((*entry)->txn, payload);
        std::string framed;
        append_record(payload, framed);
        ZK_CHECK(framed == as_text((*entry)->record));
        continue;
      }
      if (entry) ZK_CHECK(reader.tail().state != TailState::kOpen && reader.tail().offset == reader.offset());
      if (!entry) ZK_CHECK(entry.error().offset().has_value() && !entry.error().file().empty());
      ZK_CHECK(reader.padding_is_clean(reader.offset()).has_value());
      Result<bool> more = reader.skip_damage();
      ZK_CHECK(more.has_value());
      if (!*more) break;
    }
  }
}

}  // namespace zkark::fuzz
