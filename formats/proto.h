#pragma once
// The client protocol: packets after the length word (reference/client-protocol-and-server sections 1 to 3;
// Apache: zookeeper.jute package proto, ZooDefs.OpCode, Watcher.Event). Requests borrow from their packet;
// null and empty strings stay apart where a server can tell them apart.
#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "formats/data.h"
#include "formats/jute.h"

namespace zkark {

/// The type field of a request header.
enum class OpCode : std::int32_t {
  kNotification = 0,
  kCreate = 1,
  kDelete = 2,
  kExists = 3,
  kGetData = 4,
  kSetData = 5,
  kGetAcl = 6,
  kSetAcl = 7,
  kGetChildren = 8,
  kSync = 9,
  kPing = 11,
  kGetChildren2 = 12,
  kCheck = 13,
  kMulti = 14,
  kCreate2 = 15,
  kReconfig = 16,
  kCheckWatches = 17,
  kRemoveWatches = 18,
  kCreateContainer = 19,
  kDeleteContainer = 20,
  kCreateTtl = 21,
  kMultiRead = 22,
  kAuth = 100,
  kSetWatches = 101,
  kSasl = 102,
  kGetEphemerals = 103,
  kGetAllChildrenNumber = 104,
  kSetWatches2 = 105,
  kAddWatch = 106,
  kWhoAmI = 107,
  kCreateSession = -10,
  kCloseSession = -11,
  kError = -1,
};
/// Apache's short name in `cons` and its longer one: {"GETD", "getData"}; {"NA", "unknown"} for no operation.
struct OpNames {
  std::string_view brief, full;
};
OpNames op_names(OpCode op);

/// KeeperException.Code: what a reply's err field holds.
enum class ZkCode : std::int32_t {
  kOk = 0,
  kSystemError = -1,
  kRuntimeInconsistency = -2,
  kMarshallingError = -5,
  kUnimplemented = -6,
  kBadArguments = -8,
  kNoNode = -101,
  kNoAuth = -102,
  kBadVersion = -103,
  kNoChildrenForEphemerals = -108,
  kNodeExists = -110,
  kNotEmpty = -111,
  kSessionExpired = -112,
  kInvalidAcl = -114,
  kAuthFailed = -115,
  kSessionMoved = -118,
  kNotReadOnly = -119,
  kEphemeralOnLocalSession = -120,
  kNoWatcher = -121,
  kReconfigDisabled = -123,
  kSessionClosedRequireSaslAuth = -124,
  kQuotaExceeded = -125,
  kThrottledOp = -127,
};

/// xids that mean something.
struct Xid {
  static constexpr std::int32_t kNotification = -1, kPing = -2, kAuth = -4, kSetWatches = -8;
};

enum class EventType : std::int32_t {
  kNone = -1,
  kCreated = 1,
  kDeleted = 2,
  kDataChanged = 3,
  kChildrenChanged = 4,
};
inline constexpr std::int32_t kSyncConnected = 3;  // the only state that servers send

/// create flags (CreateMode).
enum class CreateMode : std::int32_t {
  kPersistent = 0,
  kEphemeral = 1,
  kPersistentSequential = 2,
  kEphemeralSequential = 3,
  kContainer = 4,
  kTtl = 5,
  kTtlSequential = 6,
};
constexpr bool is_ephemeral(CreateMode mode) {
  return mode == CreateMode::kEphemeral || mode == CreateMode::kEphemeralSequential;
}
constexpr bool is_sequential(CreateMode mode) {
  return mode == CreateMode::kPersistentSequential || mode == CreateMode::kEphemeralSequential ||
         mode == CreateMode::kTtlSequential;
}
constexpr bool is_ttl(CreateMode mode) {
  return mode == CreateMode::kTtl || mode == CreateMode::kTtlSequential;
}

inline constexpr std::size_t kPasswordBytes = 16;
using Password = std::array<std::byte, kPasswordBytes>;
/// The password of a session: the same on every server, without state (SessionTrackerImpl,
/// ZooKeeperServer.generatePasswd: the first 16 bytes of a java.util.Random seeded with id ^ 0xb3415c00).
Password session_password(std::int64_t session);

struct ConnectRequest {
  std::int32_t protocol_version = 0;
  std::int64_t last_zxid_seen = 0;
  std::int32_t timeout_ms = 0;
  std::int64_t session = 0;
  std::optional<Bytes> password;
  std::optional<bool> read_only;  // nullopt: a client of 3.3 or earlier, which gets none back
  static ConnectRequest read(JuteReader& in);
};
struct ConnectResponse {
  std::int32_t timeout_ms = 0;  // 0: refused, with session 0
  std::int64_t session = 0;
  Password password{};
  std::optional<bool> read_only;
  void write(JuteWriter& out) const;
};

struct RequestHeader {
  std::int32_t xid = 0;
  OpCode op = OpCode::kNotification;
  static constexpr std::size_t kBytes = 8;
};
struct ReplyHeader {
  std::int32_t xid = 0;
  std::int64_t zxid = 0;
  ZkCode err = ZkCode::kOk;
  static constexpr std::size_t kBytes = 16;
};

/// create, create2, createContainer; with a ttl createTTL.
struct CreateRequest {
  std::string_view path;
  std::optional<Bytes> data;
  AclList acl;
  std::int32_t flags = 0;
  std::int64_t ttl_ms = -1;
  static CreateRequest read(JuteReader& in, bool with_ttl);
};
/// delete, check.
struct PathVersionRequest {
  std::string_view path;
  std::int32_t version = 0;
  static PathVersionRequest read(JuteReader& in) { return {in.path(), in.i32()}; }
};
struct SetDataRequest {
  std::string_view path;
  std::optional<Bytes> data;
  std::int32_t version = 0;
  static SetDataRequest read(JuteReader& in);
};
struct SetAclRequest {
  std::string_view path;
  AclList acl;
  std::int32_t version = 0;
  static SetAclRequest read(JuteReader& in);
};
/// exists, getData, getChildren, getChildren2.
struct PathWatchRequest {
  std::string_view path;
  bool watch = false;
  static PathWatchRequest read(JuteReader& in) { return {in.path(), in.u8() != 0}; }
};
/// getACL, getAllChildrenNumber; sync and getEphemerals, where it may be null.
struct PathRequest {
  std::optional<std::string_view> path;
  static PathRequest read(JuteReader& in) { return {in.ustring()}; }
};
/// addWatch (mode), checkWatches and removeWatches (type).
struct WatchRequest {
  std::string_view path;
  std::int32_t kind = 0;
  static WatchRequest read(JuteReader& in) { return {in.path(), in.i32()}; }
};
/// setWatches; setWatches2 has the two last lists.
struct SetWatchesRequest {
  std::int64_t relative_zxid = 0;
  PathList data, exist, child, persistent, recursive;
  static SetWatchesRequest read(JuteReader& in, bool second);
};
struct AuthRequest {
  std::int32_t type = 0;
  std::optional<std::string_view> scheme;
  std::optional<Bytes> auth;
  static AuthRequest read(JuteReader& in);
};
struct ReconfigRequest {
  std::optional<std::string_view> joining, leaving, new_members;
  std::int64_t config_id = -1;
  static ReconfigRequest read(JuteReader& in);
};
/// Stands before each operation of a multi, of its reply, and at the end of both (op -1, done).
struct MultiHeader {
  std::int32_t op = -1;
  bool done = true;
  std::int32_t err = -1;
  static MultiHeader read(JuteReader& in) { return {in.i32(), in.u8() != 0, in.i32()}; }
  void write(JuteWriter& out) const { out.i32(op), out.u8(done ? 1 : 0), out.i32(err); }
};

/// What clients see of a node (data.Stat, 68 bytes): cversion counts creates and deletes of children, the
/// owner of a container or TTL node is 0.
inline constexpr std::size_t kStatBytes = 68;
void store_stat(std::span<std::byte, kStatBytes> into, const StatPersisted& stat, std::optional<Bytes> data,
                std::uint32_t children);
void write_stat(JuteWriter& out, const StatPersisted& stat, std::optional<Bytes> data,
                std::uint32_t children);

/// Appends one packet: length word, reply header, then what the caller writes until end().
class PacketWriter {
 public:
  PacketWriter(std::string& out, const ReplyHeader& header) : PacketWriter(out) {
    writer_.i32(header.xid), writer_.i64(header.zxid), writer_.i32(static_cast<std::int32_t>(header.err));
  }
  /// Without a header: the connect response.
  explicit PacketWriter(std::string& out) : out_(out), start_(out.size()), writer_(out) { writer_.i32(0); }
  JuteWriter& body() { return writer_; }
  /// Takes back what follows the header and sets its err: a reply that turned out to be an error has no body.
  void fail(ZkCode err);
  /// The zxid may be known last, too.
  void set_zxid(std::int64_t zxid);
  /// Sets the length word.
  void end();

 private:
  std::string& out_;
  std::size_t start_;
  JuteWriter writer_;
};

/// Appends a whole notification packet. `zxid`: of the txn that caused it (3.9), or -1 (3.8).
void append_event(std::string& out, EventType type, std::string_view path, std::int64_t zxid = -1);

/// The rule for paths of writes (PathUtils.validatePath, after the bytes were decoded as Java decodes them):
/// absolute, no empty, "." or ".." component, not ending in '/', no control characters, no surrogates, no
/// private use, no U+FFF0 to U+FFFF; since Java looks at UTF-16 units, no character outside the BMP; no bytes
/// that are not UTF-8 (they become U+FFFD). "/" alone is valid.
bool valid_request_path(std::string_view path);

}  // namespace zkark
