#pragma once
// One log record as one line of text, in the form of tests/compat/README.md, so that what zkark reads can be
// compared with what Apache's own classes read (fixtures/*/apache-records).
#include <fmt/format.h>

#include <string>

#include "formats/txn.h"

namespace zkark::test {

inline void escape_bytes(std::string& out, std::string_view text, auto&& must_escape) {
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (must_escape(byte))
      out += fmt::format("%{:02x}", byte);
    else
      out += c;
  }
}

inline std::string path_text(std::string_view path) {
  std::string out;
  escape_bytes(out, path, [](unsigned char b) { return b < 0x21 || b == 0x7f || b == '%'; });
  return out;
}

inline std::string data_text(const std::optional<Bytes>& data) { return data ? to_hex(*data) : "-"; }

/// Strings go through Java on the other side, which turns bytes that are no UTF-8 (its own CESU-8) into
/// U+FFFD.
inline std::string acl_text(const AclList& list) {
  if (list.is_null()) return "-";
  std::string out;
  for (const Acl& acl : list) {
    out += fmt::format("{}{}:{}:", out.empty() ? "" : ",", acl.perms, acl.scheme.value_or("null"));
    std::string id(acl.id.value_or(""));
    for (std::size_t at;
         (at = id.find("\xed\xa0")) != std::string::npos || (at = id.find("\xed\xb8")) != std::string::npos;)
      id.replace(at, 3, "\xef\xbf\xbd");
    escape_bytes(out, id,
                 [](unsigned char b) { return b < '!' || b > '~' || b == ',' || b == ':' || b == '%'; });
  }
  return out;
}

struct BodyText {
  std::string operator()(const CreateSessionTxn& t) const { return fmt::format("timeout={}", t.timeout_ms); }
  std::string operator()(const CloseSessionTxn& t) const {
    if (!t.has_body || t.paths.is_null()) return "paths=-";
    std::string out = fmt::format("paths={}", t.paths.size());
    for (const PathItem& item : t.paths) out += " " + path_text(item.path);
    return out;
  }
  std::string operator()(const ErrorTxn& t) const { return fmt::format("err={}", t.err); }
  template <class T>
  std::string node(const T& t) const {
    return fmt::format("path={} data={} acl={}", path_text(t.path), data_text(t.data), acl_text(t.acl));
  }
  std::string operator()(const CreateTxn& t) const {
    return fmt::format("{} ephemeral={} parentCVersion={}", node(t), t.ephemeral != 0 ? 1 : 0,
                       t.parent_cversion);
  }
  std::string operator()(const CreateContainerTxn& t) const {
    return fmt::format("{} parentCVersion={}", node(t), t.parent_cversion);
  }
  std::string operator()(const CreateTtlTxn& t) const {
    return fmt::format("{} parentCVersion={} ttl={}", node(t), t.parent_cversion, t.ttl_ms);
  }
  std::string operator()(const DeleteTxn& t) const { return "path=" + path_text(t.path); }
  std::string operator()(const SetDataTxn& t) const {
    return fmt::format("path={} data={} version={}", path_text(t.path), data_text(t.data), t.version);
  }
  std::string operator()(const SetAclTxn& t) const {
    return fmt::format("path={} acl={} version={}", path_text(t.path), acl_text(t.acl), t.version);
  }
  std::string operator()(const CheckVersionTxn& t) const {
    return fmt::format("path={} version={}", path_text(t.path), t.version);
  }
  std::string operator()(const MultiTxn& t) const {
    std::string out = fmt::format("ops={}", t.txns.size());
    for (const SubTxn& sub : t.txns) {
      Result<TxnBody> body = decode_sub_txn(sub);
      out += fmt::format(" ; {} {}", static_cast<std::int32_t>(sub.type),
                         body ? std::visit(*this, *body) : body.error().to_string());
    }
    return out;
  }
};

inline std::string record_text(const Txn& txn) {
  const TxnHeader& h = txn.header;
  return fmt::format("{:#x} {:#x} {} {} {} {} digest={}", static_cast<std::uint64_t>(h.zxid),
                     static_cast<std::uint64_t>(h.client_id), h.cxid, h.time_ms,
                     static_cast<std::int32_t>(h.type), std::visit(BodyText{}, txn.body),
                     txn.digest ? fmt::format("{}:{:#x}", txn.digest->version,
                                              static_cast<std::uint64_t>(txn.digest->digest))
                                : "-");
}

}  // namespace zkark::test
