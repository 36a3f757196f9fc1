#include "formats/proto.h"

#include <algorithm>

#include "formats/base/utf8.h"

namespace zkark {

OpNames op_names(OpCode op) {
  switch (op) {
    case OpCode::kNotification:
      return {"NOTI", "notification"};
    case OpCode::kCreate:
      return {"CREA", "create"};
    case OpCode::kDelete:
      return {"DELE", "delete"};
    case OpCode::kExists:
      return {"EXIS", "exists"};
    case OpCode::kGetData:
      return {"GETD", "getData"};
    case OpCode::kSetData:
      return {"SETD", "setData"};
    case OpCode::kGetAcl:
      return {"GETA", "getACL"};
    case OpCode::kSetAcl:
      return {"SETA", "setACL"};
    case OpCode::kGetChildren:
    case OpCode::kGetChildren2:
      return {"GETC", op == OpCode::kGetChildren ? "getChildren" : "getChildren2"};
    case OpCode::kSync:
      return {"SYNC", "sync"};
    case OpCode::kPing:
      return {"PING", "ping"};
    case OpCode::kCheck:
      return {"CHEC", "check"};
    case OpCode::kMulti:
      return {"MULT", "multi"};
    case OpCode::kCreate2:
      return {"CREA", "create2"};
    case OpCode::kReconfig:
      return {"RECO", "reconfig"};
    case OpCode::kCheckWatches:
      return {"CHKW", "checkWatches"};
    case OpCode::kRemoveWatches:
      return {"REMW", "removeWatches"};
    case OpCode::kCreateContainer:
      return {"CREA", "createContainer"};
    case OpCode::kDeleteContainer:
      return {"DELE", "deleteContainer"};
    case OpCode::kCreateTtl:
      return {"CREA", "createTTL"};
    case OpCode::kMultiRead:
      return {"MLTR", "multiRead"};
    case OpCode::kAuth:
      return {"AUTH", "auth"};
    case OpCode::kSetWatches:
      return {"SETW", "setWatches"};
    case OpCode::kSasl:
      return {"SASL", "sasl"};
    case OpCode::kGetEphemerals:
      return {"GETE", "getEphemerals"};
    case OpCode::kGetAllChildrenNumber:
      return {"GETACN", "getAllChildrenNumber"};
    case OpCode::kSetWatches2:
      return {"STW2", "setWatches2"};
    case OpCode::kAddWatch:
      return {"ADDW", "addWatch"};
    case OpCode::kWhoAmI:
      return {"HOMI", "whoAmI"};
    case OpCode::kCreateSession:
      return {"SESS", "createSession"};
    case OpCode::kCloseSession:
      return {"CLOS", "closeSession"};
    case OpCode::kError:
      return {"ERRO", "error"};
  }
  return {"NA", "unknown"};
}

Password session_password(std::int64_t session) {
  constexpr std::uint64_t kMultiplier = 0x5DEECE66D, kMask = (1ULL << 48) - 1;
  std::uint64_t seed = ((static_cast<std::uint64_t>(session) ^ 0xB3415C00ULL) ^ kMultiplier) & kMask;
  Password password;
  for (std::size_t i = 0; i < kPasswordBytes; i += 4) {
    seed = (seed * kMultiplier + 0xB) & kMask;
    const auto word = static_cast<std::uint32_t>(seed >> 16);
    for (unsigned byte = 0; byte < 4; ++byte) password[i + byte] = static_cast<std::byte>(word >> (8 * byte));
  }
  return password;
}

ConnectRequest ConnectRequest::read(JuteReader& in) {
  ConnectRequest request;
  request.protocol_version = in.i32();
  request.last_zxid_seen = in.i64();
  request.timeout_ms = in.i32();
  request.session = in.i64();
  request.password = in.buffer();
  if (in.ok() && in.remaining() > 0) request.read_only = in.u8() != 0;
  return request;
}

void ConnectResponse::write(JuteWriter& out) const {
  out.i32(0);
  out.i32(timeout_ms);
  out.i64(session);
  out.buffer(Bytes(password));
  if (read_only) out.u8(*read_only ? 1 : 0);
}

CreateRequest CreateRequest::read(JuteReader& in, bool with_ttl) {
  CreateRequest request;
  request.path = in.path();
  request.data = in.buffer();
  request.acl = in.vector<Acl>();
  request.flags = in.i32();
  if (with_ttl) request.ttl_ms = in.i64();
  return request;
}

SetDataRequest SetDataRequest::read(JuteReader& in) {
  SetDataRequest request;
  request.path = in.path();
  request.data = in.buffer();
  request.version = in.i32();
  return request;
}

SetAclRequest SetAclRequest::read(JuteReader& in) {
  SetAclRequest request;
  request.path = in.path();
  request.acl = in.vector<Acl>();
  request.version = in.i32();
  return request;
}

SetWatchesRequest SetWatchesRequest::read(JuteReader& in, bool second) {
  SetWatchesRequest request;
  request.relative_zxid = in.i64();
  request.data = in.vector<PathItem>();
  request.exist = in.vector<PathItem>();
  request.child = in.vector<PathItem>();
  if (second) {
    request.persistent = in.vector<PathItem>();
    request.recursive = in.vector<PathItem>();
  }
  return request;
}

AuthRequest AuthRequest::read(JuteReader& in) {
  AuthRequest request;
  request.type = in.i32();
  request.scheme = in.ustring();
  request.auth = in.buffer();
  return request;
}

ReconfigRequest ReconfigRequest::read(JuteReader& in) {
  ReconfigRequest request;
  request.joining = in.ustring();
  request.leaving = in.ustring();
  request.new_members = in.ustring();
  request.config_id = in.i64();
  return request;
}

void store_stat(std::span<std::byte, kStatBytes> into, const StatPersisted& stat, std::optional<Bytes> data,
                std::uint32_t children) {
  std::byte* at = into.data();
  const auto put64 = [&at](std::int64_t value) {
    store_u64(at, static_cast<std::uint64_t>(value));
    at += 8;
  };
  const auto put32 = [&at](std::int64_t value) {
    store_u32(at, static_cast<std::uint32_t>(value));
    at += 4;
  };
  put64(stat.czxid), put64(stat.mzxid), put64(stat.ctime), put64(stat.mtime);
  put32(stat.version);
  // In unsigned numbers: a counter that wrapped shows as Java's does.
  put32(static_cast<std::int64_t>(static_cast<std::uint32_t>(stat.cversion) * 2U - children));
  put32(stat.aversion);
  put64(node_kind(stat.ephemeral_owner) == NodeKind::kEphemeral ? stat.ephemeral_owner : 0);
  put32(data ? static_cast<std::int64_t>(data->size()) : 0);
  put32(children);
  put64(stat.pzxid);
}

void write_stat(JuteWriter& out, const StatPersisted& stat, std::optional<Bytes> data,
                std::uint32_t children) {
  std::array<std::byte, kStatBytes> bytes;
  store_stat(bytes, stat, data, children);
  out.raw(bytes);
}

void PacketWriter::fail(ZkCode err) {
  constexpr std::size_t kErrAt = 4 + ReplyHeader::kBytes - 4;
  out_.resize(start_ + kErrAt);
  writer_.i32(static_cast<std::int32_t>(err));
}

void PacketWriter::set_zxid(std::int64_t zxid) {
  store_u64(reinterpret_cast<std::byte*>(out_.data()) + start_ + 8, static_cast<std::uint64_t>(zxid));
}

void PacketWriter::end() {
  const auto length = static_cast<std::uint32_t>(out_.size() - start_ - 4);
  store_u32(reinterpret_cast<std::byte*>(out_.data()) + start_, length);
}

void append_event(std::string& out, EventType type, std::string_view path, std::int64_t zxid) {
  PacketWriter packet(out, {Xid::kNotification, zxid, ZkCode::kOk});
  packet.body().i32(static_cast<std::int32_t>(type));
  packet.body().i32(kSyncConnected);
  packet.body().ustring(path);
  packet.end();
}

namespace {

bool allowed(std::uint32_t c) {
  if (c <= 0x1f || (c >= 0x7f && c <= 0x9f)) return false;
  if (c >= 0xd800 && c <= 0xf8ff) return false;
  return c < 0xfff0;
}

}  // namespace

bool valid_request_path(std::string_view path) {
  if (path.empty() || path.front() != '/') return false;
  if (path.size() == 1) return true;
  if (path.back() == '/') return false;
  for (std::string_view rest = path.substr(1);;) {
    const std::size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view part = rest.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == rest.size()) break;
    rest.remove_prefix(slash + 1);
  }
  // Nearly always all of it is printable ASCII.
  const auto plain = [](char c) { return c >= 0x20 && c < 0x7f; };
  if (std::all_of(path.begin(), path.end(), plain)) return true;
  for (std::string_view rest = path; !rest.empty();) {
    const auto byte = static_cast<unsigned char>(rest.front());
    if (byte < 0x80) {
      if (!allowed(byte)) return false;
      rest.remove_prefix(1);
      continue;
    }
    const CodePoint point = decode_utf8(rest);
    if (!point.valid || !allowed(point.value)) return false;
    rest.remove_prefix(point.length);
  }
  return true;
}

}  // namespace zkark
