#include "src/client/client.h"

#include <gtest/gtest.h>

#include "tests/client/scripted_server.h"

namespace zkark::test {
namespace {

using client::Client;
using client::Reply;
using client::Session;

struct Told final : client::SessionEvents {
  void connected(const Session& session) override { sessions.push_back(session); }
  void watched(const WatchEvent& event) override { events.emplace_back(event.type, event.path); }
  void ended(const std::optional<Error>& why) override {
    ++ends;
    if (why) message = why->message();
    if (why) id = why->id();
    if (on_end) on_end();
  }
  std::vector<Session> sessions;
  std::vector<std::pair<EventType, std::string>> events;
  int ends = 0;
  std::string message;
  std::optional<ErrorId> id;
  std::function<void()> on_end;
};

class ClientTest : public testing::TestWithParam<std::uint64_t> {
 protected:
  void connect(client::SessionOptions options = {}) {
    client.emplace(loop, transport, client::Server{"127.0.0.1", server.port()}, options, told);
  }
  void open(client::SessionOptions options = {}) {
    connect(options);
    ASSERT_TRUE(loop.run_until([this] { return !told.sessions.empty(); }, 10'000));
  }
  bool until_ended() {
    return loop.run_until([this] { return told.ends != 0; }, 60'000);
  }

  SimClock clock;
  SimLoop loop{clock, GetParam()};
  SimTransport transport{loop};
  ScriptedServer server{transport};
  Told told;
  std::optional<Client> client;
};
INSTANTIATE_TEST_SUITE_P(Seeds, ClientTest, testing::Range<std::uint64_t>(1, 21));

TEST_P(ClientTest, opens_a_session_and_closes_it) {
  server.granted_timeout_ms = 4'000;
  open({.session_timeout_ms = 7'000, .read_only_too = true, .last_zxid_seen = 0x1234});
  EXPECT_EQ(server.connects.at(0).timeout_ms, 7'000);
  EXPECT_EQ(server.connects.at(0).last_zxid_seen, 0x1234);
  EXPECT_EQ(server.connects.at(0).read_only, true);
  EXPECT_EQ(told.sessions.at(0).id, 0x100000000000001);
  EXPECT_EQ(told.sessions.at(0).timeout_ms, 4'000);
  EXPECT_FALSE(told.sessions.at(0).read_only);
  client->close();
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(told.message, "");
  EXPECT_EQ(server.closed_sessions, 1);
  loop.advance(60'000);
  EXPECT_EQ(told.ends, 1);
  EXPECT_EQ(loop.waiting(), 0U) << "no timer is left";
}

TEST_P(ClientTest, replies_come_in_the_order_of_the_requests) {
  open();
  std::vector<std::string> order;
  for (int i = 0; i < 50; ++i) {
    const std::string path = "/n" + std::to_string(i);
    client->create(path, as_bytes(path), CreateMode::kPersistent, [&order, path](const Result<Reply>& reply) {
      ASSERT_TRUE(reply);
      EXPECT_EQ(reply->code, ZkCode::kOk);
      order.push_back("c" + path);
    });
    client->get_data(path, false, [&order, path](const Result<Reply>& reply) {
      ASSERT_TRUE(reply);
      JuteReader body(reply->body);
      EXPECT_EQ(as_text(*body.buffer()), path);
      EXPECT_EQ(ClientStat::read(body).data_length, static_cast<std::int32_t>(path.size()));
      EXPECT_TRUE(body.ok());
      order.push_back("g" + path);
    });
  }
  EXPECT_EQ(client->in_flight(), 100U);
  ASSERT_TRUE(loop.run_until([&] { return order.size() == 100; }, 10'000));
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(order[2 * static_cast<std::size_t>(i)], "c/n" + std::to_string(i));
    EXPECT_EQ(order[2 * static_cast<std::size_t>(i) + 1], "g/n" + std::to_string(i));
  }
  EXPECT_EQ(client->last_zxid(), 0x10 + 100);
}

TEST_P(ClientTest, an_error_code_is_a_reply) {
  open();
  std::vector<ZkCode> codes;
  const auto note = [&codes](const Result<Reply>& reply) { codes.push_back(reply->code); };
  client->set_data("/none", {}, -1, note);
  client->create("/", {}, CreateMode::kPersistent, note);
  client->create("/a", {}, CreateMode::kPersistent, note);
  client->create("/a/b", {}, CreateMode::kPersistent, note);
  client->remove("/a", -1, note);
  client->get_children("/", false, note);
  ASSERT_TRUE(loop.run_until([&] { return codes.size() == 6; }, 10'000));
  EXPECT_EQ(codes, (std::vector{ZkCode::kNoNode, ZkCode::kNodeExists, ZkCode::kOk, ZkCode::kOk,
                                ZkCode::kNotEmpty, ZkCode::kUnimplemented}));
}

TEST_P(ClientTest, watches_go_off) {
  open();
  bool written = false;
  server.tree["/a"] = "1";
  client->get_data("/a", true, [](const Result<Reply>&) {});
  client->set_data("/a", as_bytes("2"), -1, [&](const Result<Reply>&) {
    written = true;
    EXPECT_EQ(told.events.size(), 1U) << "the event comes before the reply to what fired it";
  });
  ASSERT_TRUE(loop.run_until([&] { return written; }, 10'000));
  EXPECT_EQ(told.events.at(0), std::pair(EventType::kDataChanged, std::string("/a")));
}

TEST_P(ClientTest, a_reply_out_of_order_ends_the_connection) {
  open();
  server.answer = [](ScriptedServer::Peer& peer, const ScriptedServer::Request& request) {
    peer.reply(request.header.xid + 1, ZkCode::kOk);
  };
  int failures = 0;
  for (int i = 0; i < 2; ++i)
    client->exists("/", false, [&](const Result<Reply>& reply) { failures += reply ? 0 : 1; });
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(failures, 2);
  EXPECT_NE(told.message.find("replies out of order: xid 2 where 1 is due"), std::string::npos)
      << told.message;
}

TEST_P(ClientTest, a_reply_to_nothing_ends_the_connection) {
  open();
  std::string out;
  PacketWriter(out, {7, 1, ZkCode::kOk}).end();
  server.send(out);
  ASSERT_TRUE(until_ended());
  EXPECT_NE(told.message.find("a reply (xid 7) to no request"), std::string::npos) << told.message;
}

TEST_P(ClientTest, pings_at_a_third_of_the_timeout_while_nothing_is_sent) {
  open({.session_timeout_ms = 6'000});
  loop.advance(1'900);
  EXPECT_EQ(server.pings, 0);
  loop.advance(200);
  EXPECT_EQ(server.pings, 1);
  loop.advance(60'000);
  EXPECT_GE(server.pings, 29);
  EXPECT_LE(server.pings, 31);
  EXPECT_EQ(told.ends, 0);
  // A request every second is as good as a ping.
  const int before = server.pings;
  for (int i = 0; i < 20; ++i) {
    client->exists("/", false, [](const Result<Reply>&) {});
    loop.advance(1'000);
  }
  EXPECT_EQ(server.pings, before);
}

TEST_P(ClientTest, a_server_that_falls_silent_is_lost_after_two_thirds_of_the_timeout) {
  open({.session_timeout_ms = 6'000});
  loop.advance(500);
  server.answers_nothing = true;
  bool failed = false;
  client->exists("/", false, [&](const Result<Reply>& reply) { failed = !reply; });
  loop.advance(3'400);
  EXPECT_EQ(told.ends, 0);
  loop.advance(2'000);
  EXPECT_EQ(told.ends, 1);
  EXPECT_TRUE(failed);
  EXPECT_NE(told.message.find("nothing came from the server for 4000 ms"), std::string::npos) << told.message;
}

TEST_P(ClientTest, a_server_that_never_answers_costs_the_connect_timeout) {
  server.answers_nothing = true;
  connect({.connect_timeout_ms = 700});
  loop.advance(690);
  EXPECT_EQ(told.ends, 0);
  loop.advance(20);
  EXPECT_EQ(told.ends, 1);
  EXPECT_TRUE(client->reached());
  EXPECT_NE(told.message.find("no session within 700 ms"), std::string::npos) << told.message;
}

TEST_P(ClientTest, a_server_that_closes_instead_of_granting_a_session_is_told_by_name) {
  server.grants_sessions = false;
  connect();
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(told.id, ErrorId::kUnreachable);
  EXPECT_TRUE(told.message.starts_with("127.0.0.1:" + std::to_string(server.port()) + ": ")) << told.message;
}

TEST_P(ClientTest, nobody_listens) {
  client.emplace(loop, transport, client::Server{"127.0.0.1", 1}, client::SessionOptions{}, told);
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(told.id, ErrorId::kUnreachable);
  EXPECT_FALSE(client->reached());
}

TEST_P(ClientTest, what_waits_is_told_when_the_server_hangs_up) {
  open();
  server.answer = [](ScriptedServer::Peer&, const ScriptedServer::Request&) {};
  int failures = 0;
  for (int i = 0; i < 10; ++i)
    client->exists("/", false, [&](const Result<Reply>& reply) {
      failures += reply ? 0 : 1;
      EXPECT_EQ(told.ends, 0) << "ended() is the last call";
    });
  ASSERT_TRUE(loop.run_until([&] { return server.requests.size() == 10; }, 10'000));
  server.hang_up();
  ASSERT_TRUE(until_ended());
  EXPECT_EQ(failures, 10);
}

TEST_P(ClientTest, may_be_destroyed_by_a_reply) {
  open();
  bool second = false;
  client->exists("/", false, [&](const Result<Reply>&) { client.reset(); });
  client->exists("/", false, [&](const Result<Reply>&) { second = true; });
  loop.advance(60'000);
  EXPECT_FALSE(client);
  EXPECT_FALSE(second);
  EXPECT_EQ(told.ends, 0);
}

TEST_P(ClientTest, may_be_destroyed_by_its_end) {
  open();
  told.on_end = [&] { client.reset(); };
  server.hang_up();
  ASSERT_TRUE(until_ended());
  EXPECT_FALSE(client);
}

TEST_P(ClientTest, may_be_destroyed_while_it_connects) {
  connect();
  client.reset();
  loop.advance(60'000);
  EXPECT_EQ(told.sessions.size() + static_cast<std::size_t>(told.ends), 0U);
}

TEST_P(ClientTest, a_length_that_no_server_sends_ends_the_connection) {
  open();
  server.send("HTTP/1.1 400 Bad Request\r\n\r\n");
  ASSERT_TRUE(until_ended());
  EXPECT_NE(told.message.find("this is no ZooKeeper server"), std::string::npos) << told.message;
}

}  // namespace
}  // namespace zkark::test
