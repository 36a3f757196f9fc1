#include "tests/client/scripted_server.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace zkark::test {

using Peer = ScriptedServer::Peer;

ScriptedServer::ScriptedServer(SimTransport& transport, std::uint16_t port) {
  Result<std::unique_ptr<net::Listener>> listener =
      transport.listen({.host = "127.0.0.1", .port = port, .backlog = -1, .keep_alive = false, .trouble = {}},
                       [this](std::unique_ptr<net::Link> link) {
                         peers_.push_back(std::make_unique<Peer>(*this, std::move(link)));
                       });
  EXPECT_TRUE(listener);
  listener_ = *std::move(listener);
}

ScriptedServer::~ScriptedServer() = default;

void ScriptedServer::send(std::string bytes) {
  for (auto peer = peers_.rbegin(); peer != peers_.rend(); ++peer)
    if ((*peer)->has_session && (*peer)->link) return (*peer)->link->send(as_bytes(bytes));
  ADD_FAILURE() << "no session to send to";
}

void ScriptedServer::hang_up() {
  for (const auto& peer : peers_) {
    peer->link.reset();
    for (auto& [path, watchers] : watches_) watchers.erase(peer.get());
  }
}

net::Link* ScriptedServer::newest_link() { return peers_.empty() ? nullptr : peers_.back()->link.get(); }

void ScriptedServer::fire(const std::string& path) {
  for (Peer* peer : std::exchange(watches_[path], {})) {
    std::string event;
    append_event(event, EventType::kDataChanged, path);
    if (peer->link) peer->link->send(as_bytes(event));
  }
}

Peer::Peer(ScriptedServer& of, std::unique_ptr<net::Link> connection)
    : server(of), link(std::move(connection)) {
  link->start(*this);
}

void Peer::closed(const std::optional<Error>&) {
  for (auto& [path, watchers] : server.watches_) watchers.erase(this);
  link.reset();
}

void Peer::received(Bytes bytes) {
  if (server.answers_nothing) return;
  in.append(as_text(bytes));
  if (!has_session && in.size() == 4 && in[0] >= 'a') {
    const auto word = server.words.find(in);
    const std::string text = word != server.words.end()
                                 ? word->second
                                 : in + " is not executed because it is not in the whitelist.\n";
    in.clear();
    link->send(as_bytes(text));
    return link->close_when_sent();
  }
  while (link && in.size() >= 4) {
    const std::size_t length = load_u32(as_bytes(in).data());
    if (in.size() < 4 + length) return;
    const std::string packet = in.substr(4, length);
    in.erase(0, 4 + length);
    take(as_bytes(packet));
  }
}

void Peer::take(Bytes packet) {
  JuteReader reader(packet);
  if (!has_session) {
    ConnectRequest request = ConnectRequest::read(reader);
    EXPECT_TRUE(reader.ok());
    request.password = {};
    server.connects.push_back(request);
    if (!server.grants_sessions) return link.reset();
    has_session = true;
    std::string out;
    PacketWriter answer(out);
    const std::int32_t granted =
        server.granted_timeout_ms != 0 ? server.granted_timeout_ms : request.timeout_ms;
    ConnectResponse{granted, ++server.last_session_, {}, server.read_only}.write(answer.body());
    answer.end();
    return link->send(as_bytes(out));
  }
  Request request;
  request.header.xid = reader.i32();
  request.header.op = static_cast<OpCode>(reader.i32());
  request.body = as_text(packet.subspan(RequestHeader::kBytes));
  server.requests.push_back(request);
  if (request.header.op == OpCode::kPing) {
    ++server.pings;
    return reply(Xid::kPing, ZkCode::kOk);
  }
  if (request.header.op == OpCode::kCloseSession) {
    ++server.closed_sessions;
    reply(request.header.xid, ZkCode::kOk);
    return link->close_when_sent();
  }
  if (server.answer) return server.answer(*this, request);
  take_request(request);
}

void Peer::take_request(const Request& request) {
  JuteReader body(as_bytes(request.body));
  auto& tree = server.tree;
  const std::string path(body.path());
  const bool there = tree.contains(path);
  std::string out;
  JuteWriter answer(out);
  ZkCode code = there ? ZkCode::kOk : ZkCode::kNoNode;
  switch (request.header.op) {
    case OpCode::kGetData:
      if (body.u8() != 0) server.watch(*this, path);
      if (!there) break;
      answer.buffer(as_bytes(tree[path]));
      write_stat(answer, {}, as_bytes(tree[path]), 0);
      break;
    case OpCode::kSetData:
      if (!there) break;
      tree[path] = as_text(body.buffer().value_or(Bytes()));
      server.fire(path);
      write_stat(answer, {}, as_bytes(tree[path]), 0);
      break;
    case OpCode::kCreate:
      code = there ? ZkCode::kNodeExists : ZkCode::kOk;
      if (there) break;
      tree[path] = as_text(body.buffer().value_or(Bytes()));
      server.most_nodes = std::max(server.most_nodes, tree.size());
      answer.ustring(path);
      break;
    case OpCode::kDelete: {
      const auto child = tree.upper_bound(path + "/");
      if (child != tree.end() && child->first.starts_with(path + "/")) code = ZkCode::kNotEmpty;
      if (code == ZkCode::kOk) tree.erase(path);
      break;
    }
    default:
      code = ZkCode::kUnimplemented;
  }
  EXPECT_TRUE(body.ok());
  reply(request.header.xid, code, code == ZkCode::kOk ? std::string_view(out) : std::string_view());
}

void Peer::reply(std::int32_t xid, ZkCode code, std::string_view body) {
  std::string out;
  PacketWriter packet(out, {xid, ++server.zxid_, code});
  packet.body().raw(as_bytes(body));
  packet.end();
  if (link) link->send(as_bytes(out));
}

}  // namespace zkark::test
