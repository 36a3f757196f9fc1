#pragma once
// A whole server in simulated time, and clients of it that speak bytes: what a client sends arrives in pieces
// that the seed decides, what comes back is kept as it came. When the lab ends, the log that the server wrote
// is replayed and has to give the state that the server had, digest by digest.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "restore/replay.h"
#include "src/server/server.h"
#include "tests/support/sim_fs.h"
#include "tests/support/sim_loop.h"
#include "tests/support/sim_transport.h"

namespace zkark::server {

/// Bytes from "0000002d 00", blanks anywhere.
std::string unhex(std::string_view text);
std::string hex(std::string_view bytes);

/// Fields of a request or of a reply, one behind the other.
class Fields {
 public:
  Fields& i(std::int64_t value) { return number(value, 4); }
  Fields& l(std::int64_t value) { return number(value, 8); }
  Fields& b(bool value) { return number(value ? 1 : 0, 1); }
  Fields& s(std::string_view text) { return i(static_cast<std::int64_t>(text.size())).raw(text); }
  Fields& null() { return i(-1); }
  Fields& raw(std::string_view text) {
    bytes_ += text;
    return *this;
  }
  operator const std::string&() const { return bytes_; }
  const std::string& str() const { return bytes_; }

 private:
  Fields& number(std::int64_t value, int size) {
    for (int at = size - 1; at >= 0; --at) bytes_ += static_cast<char>(value >> (8 * at));
    return *this;
  }
  std::string bytes_;
};

struct Rule {
  std::int32_t perms;
  std::string scheme, id;
};
/// vec[ACL]
std::string rules_of(const std::vector<Rule>& rules);
inline const std::vector<Rule> kOpen = {{31, "world", "anyone"}};
std::string create_body(std::string_view path, std::string_view data = "", std::int32_t flags = 0,
                        const std::vector<Rule>& acl = kOpen);

/// The 68 bytes as a client reads them.
struct WireStat {
  std::int64_t czxid = 0, mzxid = 0, ctime = 0, mtime = 0;
  std::int32_t version = 0, cversion = 0, aversion = 0;
  std::int64_t owner = 0;
  std::int32_t data_length = 0, children = 0;
  std::int64_t pzxid = 0;
  bool operator==(const WireStat&) const = default;
};

struct Reply {
  bool came = false;  // false: the connection ended, or nothing came
  std::int32_t xid = 0;
  std::int64_t zxid = 0;
  std::int32_t err = -9999;  // of nothing that came
  std::string body;

  std::string text(std::size_t at = 0) const;  // the string there
  WireStat stat(std::size_t at) const;
  std::int32_t i(std::size_t at) const;
};
/// Of a reply that ends with a Stat.
WireStat last_stat(const Reply& reply);
/// vec[str], sorted.
std::vector<std::string> names(const Reply& reply);

class KeptLog final : public Log {
 public:
  bool wants(LogLevel) const override { return true; }
  void write(LogLevel, std::string_view line) override { lines.emplace_back(line); }
  std::vector<std::string> lines;
};

/// tickTime 2000: timeouts from 4000 to 40000.
Settings lab_settings();

class ServerLab {
 public:
  explicit ServerLab(std::uint64_t seed = 1, Settings settings = lab_settings());
  /// expect_log_is_state(), unless told not to.
  ~ServerLab();
  ServerLab(const ServerLab&) = delete;
  ServerLab& operator=(const ServerLab&) = delete;

  /// A new process over what the directory holds.
  void start();
  /// Without a word to anyone: what a killed process does.
  void kill();
  void restart() {
    kill();
    start();
  }
  Server& server() { return *server_; }
  bool runs() const { return server_ != nullptr; }
  std::uint16_t port() const { return 2181; }

  /// Lets what is on its way come to an end.
  void settle();
  /// What the directory says. Nullopt and a failure of the test when it cannot be replayed.
  std::optional<restore::ReplayResult> replayed();
  void expect_log_is_state();
  void no_check_at_the_end() { check_ = false; }

  Settings settings;
  test::SimClock clock;
  test::SimLoop loop;
  test::SimFs fs;
  test::SimTransport net;
  KeptLog log;
  std::optional<test::SimWorker> worker, snapshot_worker;
  std::vector<std::string> failures;  // told by on_failure

 private:
  std::unique_ptr<Server> server_;
  bool check_ = true;
  std::uint64_t with_digest_ = 0;  // records of the last replay that must have one: all but errors
};

/// One connection.
class Client final : public net::LinkEvents {
 public:
  /// Connected, nothing sent.
  explicit Client(ServerLab& lab, const std::string& ip = "127.0.0.1");
  ~Client() override = default;

  void send(std::string_view bytes);
  void frame(std::string_view body) { send(Fields().s(body).str()); }
  /// The next whole packet, without its length; nullopt when the connection ends first or nothing comes.
  std::optional<std::string> packet(std::int64_t limit_ms = 20'000);
  /// All that came and was not taken, as it came.
  std::string take_bytes();
  std::size_t bytes_waiting() const { return in_.size(); }
  bool ended() const { return ended_; }
  bool ends(std::int64_t limit_ms = 3000);
  void hang_up() { link_.reset(); }
  net::Link& link() { return *link_; }

  // ---- the handshake
  std::string connect_body(std::int32_t timeout_ms, std::int64_t session = 0,
                           std::string_view password = std::string(16, '\0'), std::int64_t last_zxid = 0,
                           std::optional<bool> read_only = false) const;
  /// Opens a session, or takes one over; false when refused.
  bool open(std::int32_t timeout_ms = 30'000);
  bool reattach(std::int64_t session, std::string_view password, std::int32_t timeout_ms = 30'000);
  std::int64_t session() const { return session_; }
  const std::string& password() const { return password_; }
  std::int32_t timeout_ms() const { return timeout_ms_; }

  // ---- requests
  /// Sends it under the next xid.
  std::int32_t request(OpCode op, const std::string& body);
  /// Sends it, takes packets until its reply. What came before goes to trace.
  Reply call(OpCode op, const std::string& body);
  /// The reply with that xid.
  Reply reply(std::int32_t xid);
  /// Takes all packets that come within `ms`.
  void listen(std::int64_t ms = 20);
  /// What came, in order: "Created /a", "#3" or "#3 -101".
  std::vector<std::string> trace;
  /// trace, which is empty afterwards; replies left out.
  std::vector<std::string> take_events();

  Reply create(std::string_view path, std::string_view data = "", std::int32_t flags = 0,
               const std::vector<Rule>& acl = kOpen) {
    return call(OpCode::kCreate, create_body(path, data, flags, acl));
  }
  Reply create2(std::string_view path, std::string_view data = "", std::int32_t flags = 0,
                const std::vector<Rule>& acl = kOpen) {
    return call(OpCode::kCreate2, create_body(path, data, flags, acl));
  }
  Reply remove(std::string_view path, std::int32_t version = -1) {
    return call(OpCode::kDelete, Fields().s(path).i(version));
  }
  Reply set(std::string_view path, std::string_view data, std::int32_t version = -1) {
    return call(OpCode::kSetData, Fields().s(path).s(data).i(version));
  }
  Reply get(std::string_view path, bool watch = false) {
    return call(OpCode::kGetData, Fields().s(path).b(watch));
  }
  Reply exists(std::string_view path, bool watch = false) {
    return call(OpCode::kExists, Fields().s(path).b(watch));
  }
  Reply children(std::string_view path, bool watch = false) {
    return call(OpCode::kGetChildren, Fields().s(path).b(watch));
  }
  Reply ping() { return call(OpCode::kPing, ""); }
  Reply auth(std::string_view scheme, std::string_view data) {
    return call(OpCode::kAuth, Fields().i(0).s(scheme).s(data));
  }
  Reply add_watch(std::string_view path, std::int32_t mode) {
    return call(OpCode::kAddWatch, Fields().s(path).i(mode));
  }

 private:
  void received(Bytes bytes) override { in_ += as_text(bytes); }
  void drained() override {}
  void closed(const std::optional<Error>&) override { ended_ = true; }
  bool has_packet() const;
  void note(const std::string& packet);

  ServerLab& lab_;
  std::unique_ptr<net::Link> link_;
  std::string in_;
  bool ended_ = false;
  std::int32_t xid_ = 0, timeout_ms_ = 0;
  std::int64_t session_ = 0;
  std::string password_;
  std::vector<Reply> replies_;
};

/// The answer to a handshake.
struct Welcome {
  std::int32_t version = 0, timeout_ms = 0;
  std::int64_t session = 0;
  std::string password;
  std::size_t bytes = 0;
};
Welcome welcome(std::string_view packet);

}  // namespace zkark::server
