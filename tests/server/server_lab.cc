#include "tests/server/server_lab.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "restore/data_dir.h"

namespace zkark::server {
namespace {

std::int64_t number_at(std::string_view bytes, std::size_t at, std::size_t size) {
  if (at + size > bytes.size()) {
    ADD_FAILURE() << "a reply of " << bytes.size() << " bytes has no field at " << at;
    return 0;
  }
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  return size == 4 ? static_cast<std::int32_t>(value) : static_cast<std::int64_t>(value);
}

std::string event_name(std::int64_t type) {
  switch (type) {
    case 1:
      return "Created";
    case 2:
      return "Deleted";
    case 3:
      return "DataChanged";
    case 4:
      return "ChildrenChanged";
  }
  return "event" + std::to_string(type);
}

std::string dump(const restore::State& state) {
  std::string text;
  restore::canonical_dump(state, [&](std::string_view piece) { text += piece; });
  return text;
}

}  // namespace

std::string unhex(std::string_view text) {
  std::string digits;
  for (const char c : text)
    if (c != ' ' && c != '\n') digits += c;
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
  return bytes;
}

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    text += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    text += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

std::string rules_of(const std::vector<Rule>& rules) {
  Fields fields;
  fields.i(static_cast<std::int64_t>(rules.size()));
  for (const Rule& rule : rules) fields.i(rule.perms).s(rule.scheme).s(rule.id);
  return fields;
}

std::string create_body(std::string_view path, std::string_view data, std::int32_t flags,
                        const std::vector<Rule>& acl) {
  return Fields().s(path).s(data).raw(rules_of(acl)).i(flags);
}

// ---- replies

std::int32_t Reply::i(std::size_t at) const { return static_cast<std::int32_t>(number_at(body, at, 4)); }
std::string Reply::text(std::size_t at) const {
  const std::int64_t size = number_at(body, at, 4);
  if (size < 0) return "(null)";
  return body.substr(at + 4, static_cast<std::size_t>(size));
}
WireStat Reply::stat(std::size_t at) const {
  WireStat stat;
  stat.czxid = number_at(body, at, 8), stat.mzxid = number_at(body, at + 8, 8);
  stat.ctime = number_at(body, at + 16, 8), stat.mtime = number_at(body, at + 24, 8);
  stat.version = i(at + 32), stat.cversion = i(at + 36), stat.aversion = i(at + 40);
  stat.owner = number_at(body, at + 44, 8);
  stat.data_length = i(at + 52), stat.children = i(at + 56);
  stat.pzxid = number_at(body, at + 60, 8);
  return stat;
}
WireStat last_stat(const Reply& reply) {
  if (reply.body.size() < 68) {
    ADD_FAILURE() << "no Stat in the reply: err " << reply.err << ", " << reply.body.size() << " bytes";
    return {};
  }
  return reply.stat(reply.body.size() - 68);
}
std::vector<std::string> names(const Reply& reply) {
  std::vector<std::string> found;
  std::size_t at = 4;
  for (std::int32_t left = reply.i(0); left > 0; --left) {
    found.push_back(reply.text(at));
    at += 4 + found.back().size();
  }
  std::sort(found.begin(), found.end());
  return found;
}

Welcome welcome(std::string_view packet) {
  Welcome w;
  w.bytes = packet.size();
  w.version = static_cast<std::int32_t>(number_at(packet, 0, 4));
  w.timeout_ms = static_cast<std::int32_t>(number_at(packet, 4, 4));
  w.session = number_at(packet, 8, 8);
  EXPECT_EQ(number_at(packet, 16, 4), 16);
  w.password = packet.substr(20, 16);
  return w;
}

// ---- the server

Settings lab_settings() {
  Settings settings;
  settings.data_dir = settings.data_log_dir = "/data";
  settings.client_host = "127.0.0.1";
  settings.client_port = 2181;
  settings.tick_ms = 2000;
  settings.min_session_timeout_ms = 4000, settings.max_session_timeout_ms = 40'000;
  settings.pre_alloc_bytes = 4096;
  settings.max_client_cnxns = 0;
  return settings;
}

ServerLab::ServerLab(std::uint64_t seed, Settings given)
    : settings(std::move(given)), clock(WallTime{0}), loop(clock, seed), fs(&clock), net(loop) {
  // The clock of the recorded packets: both of its times, so that session ids are those of the records.
  clock.advance_ms(0x15443b);
  fs.put_dir("/data/version-2");
  start();
}

ServerLab::~ServerLab() {
  if (check_ && runs()) expect_log_is_state();
  kill();
}

void ServerLab::start() {
  std::optional<restore::ReplayResult> found = replayed();
  restore::State state = found ? std::move(found->state) : restore::initial_state();
  worker.emplace(loop);
  snapshot_worker.emplace(loop);
  server_ = std::make_unique<Server>(
      ServerSeams{fs, clock, loop, net, log, *worker, *snapshot_worker, loop.random()}, settings,
      std::move(state), DataPlaces{.snapshots = "/data/version-2", .logs = "/data/version-2"});
  server_->on_failure([this](const Error& error) { failures.push_back(error.to_string()); });
  const Status started = server_->start();
  if (!started) ADD_FAILURE() << started.error().to_string();
}

void ServerLab::kill() {
  worker.reset();  // runs what is left: the thread of a real one ends first, too
  server_.reset();
  snapshot_worker.reset();  // the server hands it a last task
}

void ServerLab::settle() { loop.advance(100); }

std::optional<restore::ReplayResult> ServerLab::replayed() {
  if (fs.files("/data/version-2").empty()) {
    restore::ReplayResult nothing;
    nothing.state = restore::initial_state();
    return nothing;
  }
  restore::DataDirOptions where;
  where.dir = "/data";
  restore::DataDir source(fs, where);
  Result<restore::SourceListing> listing = source.list();
  if (!listing && listing.error().id() == ErrorId::kNoData) {
    restore::ReplayResult nothing;
    nothing.state = restore::initial_state();
    return nothing;
  }
  if (!listing) {
    ADD_FAILURE() << listing.error().to_string();
    return std::nullopt;
  }
  restore::Findings findings;
  Job job;
  restore::ReplayOptions options;
  with_digest_ = 0;
  options.on_record = [this](const restore::State&, const restore::WalkEntry& walk) -> Status {
    if (walk.entry.txn.header.type != TxnType::kError) ++with_digest_;
    return {};
  };
  auto result = restore::replay(source, *listing, nullptr, options, findings, job);
  if (!result) {
    ADD_FAILURE() << result.error().to_string();
    return std::nullopt;
  }
  for (const restore::Finding& finding : findings) {
    if (finding.severity == restore::Severity::kNote) continue;
    ADD_FAILURE() << restore::severity_name(finding.severity) << ": " << finding.message << " ("
                  << finding.file << ")";
  }
  EXPECT_FALSE(result->stopped_by.has_value());
  EXPECT_EQ(result->tolerated.any(), 0u) << "a record that does not fit the state before it";
  return std::move(*result);
}

void ServerLab::expect_log_is_state() {
  settle();
  std::optional<restore::ReplayResult> found = replayed();
  if (!found) return;
  const restore::State& own = server_->state();
  EXPECT_EQ(found->state.last_zxid, own.last_zxid);
  EXPECT_EQ(found->state.tree.digest(), own.tree.digest());
  EXPECT_EQ(dump(found->state), dump(own)) << "the log gives another state than the server had";
  if (settings.digest_enabled) {
    EXPECT_GE(found->certificate.digests_compared, with_digest_) << "records without a digest";
  }
}

// ---- clients

Client::Client(ServerLab& lab, const std::string& ip) : lab_(lab) {
  lab.net.set_client_ip(ip);
  bool done = false;
  lab.net.connect("127.0.0.1", lab.port(), 1000, [&](Result<std::unique_ptr<net::Link>> link) {
    done = true;
    if (link) link_ = std::move(*link);
  });
  lab.loop.run_until([&] { return done; }, 2000);
  if (!link_) {
    ended_ = true;
    return;
  }
  link_->start(*this);
}

void Client::send(std::string_view bytes) {
  if (link_) link_->send(as_bytes(bytes));
}

bool Client::has_packet() const {
  return in_.size() >= 4 && in_.size() - 4 >= static_cast<std::size_t>(number_at(in_, 0, 4));
}

std::optional<std::string> Client::packet(std::int64_t limit_ms) {
  lab_.loop.run_until([&] { return has_packet() || ended_; }, limit_ms);
  if (!has_packet()) return std::nullopt;
  const auto size = static_cast<std::size_t>(number_at(in_, 0, 4));
  std::string body = in_.substr(4, size);
  in_.erase(0, 4 + size);
  return body;
}

std::string Client::take_bytes() { return std::exchange(in_, {}); }

bool Client::ends(std::int64_t limit_ms) {
  lab_.loop.run_until([&] { return ended_; }, limit_ms);
  return ended_;
}

std::string Client::connect_body(std::int32_t timeout_ms, std::int64_t session, std::string_view password,
                                 std::int64_t last_zxid, std::optional<bool> read_only) const {
  Fields fields;
  fields.i(0).l(last_zxid).i(timeout_ms).l(session).s(password);
  if (read_only) fields.b(*read_only);
  return fields;
}

bool Client::open(std::int32_t timeout_ms) { return reattach(0, std::string(16, '\0'), timeout_ms); }

bool Client::reattach(std::int64_t session, std::string_view password, std::int32_t timeout_ms) {
  frame(connect_body(timeout_ms, session, password));
  const std::optional<std::string> answer = packet();
  if (!answer) return false;
  const Welcome told = welcome(*answer);
  session_ = told.session, password_ = told.password, timeout_ms_ = told.timeout_ms;
  return session_ != 0;
}

std::int32_t Client::request(OpCode op, const std::string& body) {
  const std::int32_t xid = op == OpCode::kPing ? -2 : op == OpCode::kAuth ? -4 : ++xid_;
  frame(Fields().i(xid).i(static_cast<std::int32_t>(op)).raw(body).str());
  return xid;
}

void Client::note(const std::string& packet) {
  Reply reply;
  reply.came = true;
  reply.xid = static_cast<std::int32_t>(number_at(packet, 0, 4));
  reply.zxid = number_at(packet, 4, 8);
  reply.err = static_cast<std::int32_t>(number_at(packet, 12, 4));
  reply.body = packet.substr(16);
  if (reply.xid == -1) {
    EXPECT_EQ(reply.err, 0);
    EXPECT_EQ(reply.i(4), 3) << "the state of an event";
    trace.push_back(event_name(reply.i(0)) + " " + reply.text(8));
    return;
  }
  trace.push_back("#" + std::to_string(reply.xid) + (reply.err == 0 ? "" : " " + std::to_string(reply.err)));
  replies_.push_back(std::move(reply));
}

Reply Client::reply(std::int32_t xid) {
  for (;;) {
    for (auto it = replies_.begin(); it != replies_.end(); ++it) {
      if (it->xid != xid) continue;
      Reply found = std::move(*it);
      replies_.erase(it);
      return found;
    }
    const std::optional<std::string> next = packet();
    if (!next) return {};
    note(*next);
  }
}

Reply Client::call(OpCode op, const std::string& body) { return reply(request(op, body)); }

void Client::listen(std::int64_t ms) {
  lab_.loop.advance(ms);
  while (has_packet()) note(*packet());
}

std::vector<std::string> Client::take_events() {
  listen();
  std::vector<std::string> events;
  for (std::string& line : trace)
    if (!line.starts_with('#')) events.push_back(std::move(line));
  trace.clear();
  return events;
}

}  // namespace zkark::server
