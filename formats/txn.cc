#include "formats/txn.h"

#include <fmt/format.h>

#include <algorithm>

namespace zkark {
namespace {

/// Reads fields as the list of names comes along.
struct FieldReader {
  JuteReader& in;
  void operator()(const char*, std::int32_t& v) { v = in.i32(); }
  void operator()(const char*, std::int64_t& v) { v = in.i64(); }
  void operator()(const char*, std::uint8_t& v) { v = in.u8(); }
  void operator()(const char*, std::string_view& v) { v = in.path(); }
  void operator()(const char*, std::optional<Bytes>& v) { v = in.buffer(); }
  template <class T>
  void operator()(const char*, JuteVector<T>& v) {
    v = in.vector<T>();
  }
};

struct FieldWriter {
  JuteWriter out;
  void operator()(const char*, std::int32_t v) { out.i32(v); }
  void operator()(const char*, std::int64_t v) { out.i64(v); }
  void operator()(const char*, std::uint8_t v) { out.u8(v); }
  void operator()(const char*, std::string_view v) { out.ustring(v); }
  void operator()(const char*, const std::optional<Bytes>& v) { out.buffer(v); }
  template <class T>
  void operator()(const char*, const JuteVector<T>& v) {
    out.vector(v);
  }
};

template <class T>
T read_record(JuteReader& in) {
  T record;
  T::fields(record, FieldReader{in});
  return record;
}

/// Without parentCVersion (CreateTxnV0): the fallback when the bytes run out.
CreateTxn read_create(JuteReader& in, bool v0_allowed) {
  JuteReader start = in;
  CreateTxn txn = read_record<CreateTxn>(in);
  if (!in.ran_out() || !v0_allowed) return txn;
  CreateTxn old;
  old.v0 = true;
  CreateTxn::fields(old, FieldReader{start});
  old.parent_cversion = -1;
  in = start;
  return old;
}

/// The digest is the last 12 bytes or absent, so a body's form is told by what is left after the header:
/// nothing, exactly a digest, or a list of absolute paths with or without one (reference section 3.4).
CloseSessionTxn read_close_session(JuteReader& in) {
  CloseSessionTxn txn;
  if (in.remaining() == 0) return txn;
  JuteReader attempt = in;
  PathList paths = attempt.vector<PathItem>();
  const bool absolute = attempt.ok() && std::all_of(paths.begin(), paths.end(), [](const PathItem& item) {
                          return !item.path.empty() && item.path.front() == '/';
                        });
  if (absolute && (attempt.remaining() == 0 || attempt.remaining() == TxnDigest::kBytes)) {
    txn.has_body = true;
    txn.paths = paths;
    in = attempt;
  } else if (in.remaining() != TxnDigest::kBytes) {
    if (attempt.ok()) attempt.set_failed(ErrorId::kBadRecord);
    in = attempt;
  }
  return txn;
}

/// As SerializeUtils does it: the vector is always tried; when the bytes run out everything is consumed and
/// the body is taken to be absent, so a digest behind it is lost.
CloseSessionTxn read_close_session_java(JuteReader& in) {
  CloseSessionTxn txn;
  JuteReader attempt = in;
  txn.paths = attempt.vector<PathItem>();
  txn.has_body = attempt.ok();
  if (attempt.ran_out())
    in = JuteReader(Bytes(), in.limits());
  else
    in = attempt;
  return txn;
}

/// Decodes the body of `type` into `body`, in place: it is the biggest part of a record. `top_level` is false
/// inside a multi, where other types are allowed.
void read_body(JuteReader& in, TxnType type, bool top_level, TxnBody& body) {
  switch (type) {
    case TxnType::kCreateSession:
      if (!top_level) break;
      body.emplace<CreateSessionTxn>(read_record<CreateSessionTxn>(in));
      return;
    case TxnType::kCloseSession:
      if (!top_level) break;
      body.emplace<CloseSessionTxn>(in.limits().java ? read_close_session_java(in) : read_close_session(in));
      return;
    case TxnType::kError:
      body.emplace<ErrorTxn>(read_record<ErrorTxn>(in));
      return;
    case TxnType::kCreate:
      body.emplace<CreateTxn>(read_create(in, top_level));
      return;
    case TxnType::kCreate2:
      body.emplace<CreateTxn>(read_create(in, false));
      return;
    case TxnType::kCreateContainer:
      body.emplace<CreateContainerTxn>(read_record<CreateContainerTxn>(in));
      return;
    case TxnType::kCreateTtl:
      body.emplace<CreateTtlTxn>(read_record<CreateTtlTxn>(in));
      return;
    case TxnType::kDelete:
    case TxnType::kDeleteContainer:
      body.emplace<DeleteTxn>(read_record<DeleteTxn>(in));
      return;
    case TxnType::kReconfig:
      if (!top_level) break;
      [[fallthrough]];
    case TxnType::kSetData:
      body.emplace<SetDataTxn>(read_record<SetDataTxn>(in));
      return;
    case TxnType::kSetAcl:
      if (!top_level) break;
      body.emplace<SetAclTxn>(read_record<SetAclTxn>(in));
      return;
    case TxnType::kCheck:
      if (top_level) break;
      body.emplace<CheckVersionTxn>(read_record<CheckVersionTxn>(in));
      return;
    case TxnType::kMulti:
      if (!top_level) break;
      body.emplace<MultiTxn>(read_record<MultiTxn>(in));
      return;
  }
  in.set_failed(ErrorId::kUnknownTxn);
}

Failure record_failure(const JuteReader& in, const TxnHeader& header, std::uint64_t base) {
  Error error = in.error(base);
  if (error.id() == ErrorId::kUnknownTxn)
    error = Error(ErrorId::kUnknownTxn,
                  fmt::format("unknown transaction type {}", static_cast<std::int32_t>(header.type)))
                .at_offset(base + 28);
  return fail(std::move(error).at_zxid(header.zxid));
}

}  // namespace

TxnHeader TxnHeader::read(JuteReader& in) {
  TxnHeader h;
  h.client_id = in.i64();
  h.cxid = in.i32();
  h.zxid = in.i64();
  h.time_ms = in.i64();
  h.type = static_cast<TxnType>(in.i32());
  return h;
}

void TxnHeader::write(JuteWriter& out) const {
  out.i64(client_id);
  out.i32(cxid);
  out.i64(zxid);
  out.i64(time_ms);
  out.i32(static_cast<std::int32_t>(type));
}

Result<Txn> decode_txn(Bytes payload, const Limits& limits, std::uint64_t base) {
  Txn txn;
  ZK_TRY_STATUS(decode_txn_into(txn, payload, limits, base));
  return txn;
}

Status decode_txn_into(Txn& txn, Bytes payload, const Limits& limits, std::uint64_t base) {
  JuteReader in(payload, limits);
  txn.header = TxnHeader::read(in);
  txn.digest.reset();
  if (!in.ok()) return fail(in.error(base));
  read_body(in, txn.header.type, true, txn.body);
  if (!in.ok()) return record_failure(in, txn.header, base);

  const std::size_t rest = in.remaining();
  if (rest == TxnDigest::kBytes || (limits.java && rest > TxnDigest::kBytes)) {
    txn.digest = TxnDigest{};
    txn.digest->version = in.i32();
    txn.digest->digest = in.i64();
  } else if (rest != 0 && !limits.java) {
    in.set_failed(ErrorId::kLeftoverBytes);
    return record_failure(in, txn.header, base);
  }
  // Apache decodes the parts of a multi only when it applies them, and then merely logs a failure.
  if (const auto* multi = std::get_if<MultiTxn>(&txn.body); multi && !limits.java) {
    for (const SubTxn& sub : multi->txns) {
      Result<TxnBody> part = decode_sub_txn(sub, limits);
      if (part) continue;
      const std::uint64_t at = sub.data ? static_cast<std::uint64_t>(sub.data->data() - payload.data()) : 0;
      const std::uint64_t inner = part.error().offset().value_or(0);
      return fail(Error(part.error().id(), "in a part of a multi: " + part.error().message())
                      .at_offset(base + at + inner)
                      .at_zxid(txn.header.zxid));
    }
  }
  return {};
}

Result<TxnBody> decode_sub_txn(const SubTxn& sub, const Limits& limits) {
  JuteReader in(sub.data.value_or(Bytes()), limits);
  if (!sub.data) in.set_failed(ErrorId::kBadRecord);
  TxnBody body;
  read_body(in, sub.type, false, body);
  if (in.ok() && in.remaining() != 0 && !limits.java) in.set_failed(ErrorId::kLeftoverBytes);
  if (in.ok()) return body;
  Error error = in.error();
  if (error.id() == ErrorId::kUnknownTxn)
    error = Error(ErrorId::kUnknownTxn,
                  fmt::format("unknown operation type {}", static_cast<std::int32_t>(sub.type)));
  return fail(std::move(error));
}

bool multi_failed(const MultiTxn& multi) {
  for (const SubTxn& sub : multi.txns)
    if (sub.type == TxnType::kError) return true;
  return false;
}

void encode_body(const TxnBody& body, std::string& out) {
  std::visit(
      [&](const auto& record) {
        std::decay_t<decltype(record)>::fields(record, FieldWriter{JuteWriter(out)});
      },
      body);
}

void encode_txn(const Txn& txn, std::string& out) {
  JuteWriter writer(out);
  txn.header.write(writer);
  encode_body(txn.body, out);
  if (txn.digest) {
    writer.i32(txn.digest->version);
    writer.i64(txn.digest->digest);
  }
}

std::string encode_sub_txns(std::span<const SubTxnValue> txns) {
  std::string bytes;
  JuteWriter out(bytes);
  out.i32(static_cast<std::int32_t>(txns.size()));
  std::string body;
  for (const SubTxnValue& txn : txns) {
    body.clear();
    encode_body(txn.body, body);
    out.i32(static_cast<std::int32_t>(txn.type));
    out.buffer(as_bytes(body));
  }
  return bytes;
}

std::string_view txn_path(const TxnBody& body) {
  return std::visit(
      [](const auto& record) -> std::string_view {
        if constexpr (requires { record.path; })
          return record.path;
        else
          return {};
      },
      body);
}

}  // namespace zkark
