#include "formats/proto_client.h"

#include <fmt/format.h>

namespace zkark {

void append_connect_request(std::string& out, const ConnectRequest& request) {
  PacketWriter packet(out);
  JuteWriter& body = packet.body();
  body.i32(request.protocol_version);
  body.i64(request.last_zxid_seen);
  body.i32(request.timeout_ms);
  body.i64(request.session);
  body.buffer(request.password);
  if (request.read_only) body.u8(*request.read_only ? 1 : 0);
  packet.end();
}

Result<ConnectResponse> read_connect_response(Bytes packet) {
  if (packet.size() == ReplyHeader::kBytes) {
    ZK_TRY(const ReplyHeader header, read_reply_header(packet));
    return fail(ErrorId::kBadRecord, "no session: " + zk_code_text(header.err));
  }
  JuteReader in(packet);
  ConnectResponse response;
  static_cast<void>(in.i32());
  response.timeout_ms = in.i32();
  response.session = in.i64();
  const std::optional<Bytes> password = in.buffer();
  if (password && password->size() == kPasswordBytes)
    std::copy(password->begin(), password->end(), response.password.begin());
  else
    in.set_failed(ErrorId::kBadRecord);
  if (in.ok() && in.remaining() > 0) response.read_only = in.u8() != 0;
  if (!in.ok()) return fail(ErrorId::kBadRecord, "what came is not the answer of a ZooKeeper server");
  return response;
}

Result<ReplyHeader> read_reply_header(Bytes packet) {
  if (packet.size() < ReplyHeader::kBytes)
    return fail(ErrorId::kBadRecord, fmt::format("a reply of {} bytes", packet.size()));
  return ReplyHeader{load_i32(packet.data()), load_i64(packet.data() + 4),
                     static_cast<ZkCode>(load_i32(packet.data() + 12))};
}

ClientStat ClientStat::read(JuteReader& in) {
  ClientStat stat;
  stat.czxid = in.i64(), stat.mzxid = in.i64(), stat.ctime = in.i64(), stat.mtime = in.i64();
  stat.version = in.i32(), stat.cversion = in.i32(), stat.aversion = in.i32();
  stat.ephemeral_owner = in.i64();
  stat.data_length = in.i32(), stat.num_children = in.i32();
  stat.pzxid = in.i64();
  return stat;
}

WatchEvent WatchEvent::read(JuteReader& in) {
  WatchEvent event;
  event.type = static_cast<EventType>(in.i32());
  event.state = in.i32();
  event.path = in.path();
  return event;
}

std::string zk_code_text(ZkCode code) {
  switch (code) {
    case ZkCode::kOk:
      return "ok";
    case ZkCode::kSystemError:
      return "the server failed";
    case ZkCode::kRuntimeInconsistency:
      return "the transaction was given up";
    case ZkCode::kMarshallingError:
      return "the server could not read the request";
    case ZkCode::kUnimplemented:
      return "the server does not know this request";
    case ZkCode::kBadArguments:
      return "the server refuses the arguments";
    case ZkCode::kNoNode:
      return "no such node";
    case ZkCode::kNoAuth:
      return "the ACL does not allow it";
    case ZkCode::kBadVersion:
      return "the node has another version";
    case ZkCode::kNoChildrenForEphemerals:
      return "an ephemeral node has no children";
    case ZkCode::kNodeExists:
      return "the node exists already";
    case ZkCode::kNotEmpty:
      return "the node has children";
    case ZkCode::kSessionExpired:
      return "the session has expired";
    case ZkCode::kInvalidAcl:
      return "the ACL is invalid";
    case ZkCode::kAuthFailed:
      return "the authentication failed";
    case ZkCode::kSessionMoved:
      return "the session has moved to another server";
    case ZkCode::kNotReadOnly:
      return "the server serves reads alone";
    case ZkCode::kEphemeralOnLocalSession:
      return "a local session has no ephemeral nodes";
    case ZkCode::kNoWatcher:
      return "no such watch";
    case ZkCode::kReconfigDisabled:
      return "reconfiguration is disabled";
    case ZkCode::kSessionClosedRequireSaslAuth:
      return "the server wants clients to authenticate";
    case ZkCode::kQuotaExceeded:
      return "a quota is exceeded";
    case ZkCode::kThrottledOp:
      return "the server is overloaded and did not do it";
  }
  return fmt::format("error {}", static_cast<std::int32_t>(code));
}

}  // namespace zkark
