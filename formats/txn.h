#pragma once
// Transactions: header, the body of every type, the digest tail (reference/on-disk-formats section 3; Apache:
// zookeeper.jute, SerializeUtils.deserializeTxn). Every body borrows from the payload it was decoded from and
// allocates nothing. Fields are named once, in fields(): decoding, encoding, printing and comparing use it.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "formats/data.h"
#include "formats/jute.h"

namespace zkark {

struct TxnHeader {
  std::int64_t client_id = 0;  // session id; 0 for the server's own (container and TTL reaper)
  std::int32_t cxid = 0;
  std::int64_t zxid = 0;
  std::int64_t time_ms = 0;  // the proposer's wall clock
  TxnType type = TxnType::kError;
  static constexpr std::size_t kBytes = 32;
  static TxnHeader read(JuteReader& in);
  void write(JuteWriter& out) const;
  bool operator==(const TxnHeader&) const = default;
};

/// The tree's digest after the txn, as the proposer computed it (3.6+, ZOOKEEPER-3114).
struct TxnDigest {
  std::int32_t version = 2;
  std::int64_t digest = 0;
  static constexpr std::size_t kBytes = 12;
  bool operator==(const TxnDigest&) const = default;
};

struct CreateSessionTxn {
  std::int32_t timeout_ms = 0;
  static void fields(auto& s, auto&& f) { f("timeout", s.timeout_ms); }
};
/// Since 3.6 with the paths it deletes; before, and with closeSessionTxn.enabled=false, without any body.
struct CloseSessionTxn {
  bool has_body = false;
  PathList paths;
  static void fields(auto& s, auto&& f) {
    if (s.has_body) f("paths", s.paths);
  }
};
struct ErrorTxn {
  std::int32_t err = 0;
  static void fields(auto& s, auto&& f) { f("err", s.err); }
};
/// create (1) and create2 (15).
struct CreateTxn {
  std::string_view path;
  std::optional<Bytes> data;
  AclList acl;
  std::uint8_t ephemeral = 0;  // the byte as found; any non-zero is true
  std::int32_t parent_cversion = -1;
  bool v0 = false;  // early 3.x: no parentCVersion on disk; type 1 only, never inside multi
  static void fields(auto& s, auto&& f) {
    f("path", s.path), f("data", s.data), f("acl", s.acl), f("ephemeral", s.ephemeral);
    if (!s.v0) f("parentCVersion", s.parent_cversion);
  }
};
struct CreateContainerTxn {
  std::string_view path;
  std::optional<Bytes> data;
  AclList acl;
  std::int32_t parent_cversion = -1;
  static void fields(auto& s, auto&& f) {
    f("path", s.path), f("data", s.data), f("acl", s.acl), f("parentCVersion", s.parent_cversion);
  }
};
struct CreateTtlTxn {
  std::string_view path;
  std::optional<Bytes> data;
  AclList acl;
  std::int32_t parent_cversion = -1;
  std::int64_t ttl_ms = 0;
  static void fields(auto& s, auto&& f) {
    f("path", s.path), f("data", s.data), f("acl", s.acl), f("parentCVersion", s.parent_cversion);
    f("ttl", s.ttl_ms);
  }
};
/// delete (2) and deleteContainer (20, which also reaps TTL nodes).
struct DeleteTxn {
  std::string_view path;
  static void fields(auto& s, auto&& f) { f("path", s.path); }
};
/// setData (5) and reconfig (16, path /zookeeper/config). `version` is the new version.
struct SetDataTxn {
  std::string_view path;
  std::optional<Bytes> data;
  std::int32_t version = 0;
  static void fields(auto& s, auto&& f) { f("path", s.path), f("data", s.data), f("version", s.version); }
};
/// `version` is the new aversion.
struct SetAclTxn {
  std::string_view path;
  AclList acl;
  std::int32_t version = 0;
  static void fields(auto& s, auto&& f) { f("path", s.path), f("acl", s.acl), f("version", s.version); }
};
/// Inside multi only. `version` is the expected one plus 1; unused when applied.
struct CheckVersionTxn {
  std::string_view path;
  std::int32_t version = 0;
  static void fields(auto& s, auto&& f) { f("path", s.path), f("version", s.version); }
};
/// One operation of a multi, still encoded.
struct SubTxn {
  TxnType type = TxnType::kError;
  std::optional<Bytes> data;
  static SubTxn read(JuteReader& in) {
    SubTxn sub;
    sub.type = static_cast<TxnType>(in.i32());
    sub.data = in.buffer();
    return sub;
  }
};
/// All or nothing: any error sub-operation means that nothing was applied.
struct MultiTxn {
  JuteVector<SubTxn> txns;
  static void fields(auto& s, auto&& f) { f("txns", s.txns); }
};

using TxnBody = std::variant<CreateSessionTxn, CloseSessionTxn, ErrorTxn, CreateTxn, CreateContainerTxn,
                             CreateTtlTxn, DeleteTxn, SetDataTxn, SetAclTxn, CheckVersionTxn, MultiTxn>;

struct Txn {
  TxnHeader header;
  TxnBody body;
  std::optional<TxnDigest> digest;
};

/// Decodes the payload of a log record: header, body, digest tail. Offsets in errors are relative to the
/// payload plus `base`. Default limits: multi sub-operations are decoded too and a body must end exactly
/// where its record or digest does. Errors: kTruncated, kBadLength, kBadRecord, kUnknownTxn, kLeftoverBytes;
/// the zxid is in the Error once the header could be read.
Result<Txn> decode_txn(Bytes payload, const Limits& limits = {}, std::uint64_t base = 0);
/// The same into a Txn that is used again and again; after a failure it holds what could be read.
Status decode_txn_into(Txn& txn, Bytes payload, const Limits& limits = {}, std::uint64_t base = 0);

/// Decodes one operation of a multi: allowed types 1, 2, 5, 13, 15, 19, 20, 21, -1.
Result<TxnBody> decode_sub_txn(const SubTxn& sub, const Limits& limits = {});
/// True when one of the sub-operations is an error: nothing of this multi took effect.
bool multi_failed(const MultiTxn& multi);

/// Appends the body alone, as inside a multi.
void encode_body(const TxnBody& body, std::string& out);
/// Appends header, body and digest: the payload of a record. What was decoded comes out byte for byte.
void encode_txn(const Txn& txn, std::string& out);

/// One operation for encode_multi.
struct SubTxnValue {
  TxnType type;
  TxnBody body;
};
/// The encoded vector of a multi; JuteVector<SubTxn>(as_bytes(result)) views it.
std::string encode_sub_txns(std::span<const SubTxnValue> txns);

/// The path a body is about; empty for sessions, errors and multi.
std::string_view txn_path(const TxnBody& body);

}  // namespace zkark
