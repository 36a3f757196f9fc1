#pragma once
// The other half of the client protocol (proto.h): requests written, replies read.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "formats/proto.h"

namespace zkark {

/// Appends one request: length word, header, then what the caller writes until end().
class RequestWriter {
 public:
  RequestWriter(std::string& out, std::int32_t xid, OpCode op) : out_(out), start_(out.size()), writer_(out) {
    std::byte head[4 + RequestHeader::kBytes] = {};
    store_u32(head + 4, static_cast<std::uint32_t>(xid));
    store_u32(head + 8, static_cast<std::uint32_t>(op));
    writer_.raw(head);
  }
  JuteWriter& body() { return writer_; }
  /// Sets the length word.
  void end() {
    store_u32(reinterpret_cast<std::byte*>(out_.data()) + start_,
              static_cast<std::uint32_t>(out_.size() - start_ - 4));
  }

 private:
  std::string& out_;
  std::size_t start_;
  JuteWriter writer_;
};

/// Appends the packet that opens a connection.
void append_connect_request(std::string& out, const ConnectRequest& request);

/// The answer to it. kBadRecord for what is none. A server that serves reads alone, and has no sessions for
/// that, answers with a reply header instead: its code is the message.
Result<ConnectResponse> read_connect_response(Bytes packet);

/// kBadRecord when the packet is too short for one.
Result<ReplyHeader> read_reply_header(Bytes packet);

/// data.Stat as clients see it (write_stat).
struct ClientStat {
  std::int64_t czxid = 0, mzxid = 0, ctime = 0, mtime = 0;
  std::int32_t version = 0, cversion = 0, aversion = 0;
  std::int64_t ephemeral_owner = 0;
  std::int32_t data_length = 0, num_children = 0;
  std::int64_t pzxid = 0;
  static ClientStat read(JuteReader& in);
};

/// The body of a notification. The path borrows.
struct WatchEvent {
  EventType type = EventType::kNone;
  std::int32_t state = 0;
  std::string_view path;
  static WatchEvent read(JuteReader& in);
};

/// "no such node", "the ACL does not allow it"; "error -42" for a code that is none of ours.
std::string zk_code_text(ZkCode code);

}  // namespace zkark
