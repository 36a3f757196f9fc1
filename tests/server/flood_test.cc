// Too much of everything from one client: the others are served, and nothing of it stays.
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "formats/txn_log.h"
#include "tests/server/server_lab.h"

namespace zkark::server {
namespace {

TEST(Flood, SessionsThatNobodyKeepsExpireAndLeaveNothing) {
  ServerLab lab;
  Client witness(lab);
  ASSERT_TRUE(witness.open(40'000));
  constexpr int kSessions = 500;
  for (int i = 0; i < kSessions; ++i) {
    Client one(lab, "192.0.2.1");
    ASSERT_TRUE(one.open(20'000));
    ASSERT_EQ(one.create("/e" + std::to_string(i), "", 1).err, 0);
  }
  lab.settle();
  EXPECT_EQ(lab.server().sessions().size(), kSessions + 1u);
  EXPECT_EQ(lab.server().alive_connections(), 1u);
  lab.loop.advance(25'000);
  EXPECT_EQ(lab.server().sessions().size(), 1u);
  EXPECT_EQ(lab.server().state().tree.ephemeral_owners().size(), 0u);
  EXPECT_TRUE(witness.ping().came);
}

TEST(Flood, WatchesGoWithTheirConnectionAndDelayNobody) {
  ServerLab lab;
  Client witness(lab);
  ASSERT_TRUE(witness.open());
  ASSERT_EQ(witness.create("/a").err, 0);
  constexpr int kWatches = 20'000;
  {
    Client greedy(lab, "192.0.2.1");
    ASSERT_TRUE(greedy.open(40'000));
    for (int i = 0; i < kWatches; ++i)
      greedy.request(OpCode::kExists, Fields().s("/w" + std::to_string(i)).b(true));
    greedy.listen(50);
    EXPECT_EQ(lab.server().watches().data_watches(), static_cast<std::size_t>(kWatches));
    EXPECT_EQ(witness.set("/a", "x").err, 0);
    EXPECT_EQ(witness.create("/w7").err, 0);
    greedy.listen(50);
    EXPECT_EQ(greedy.take_events(), std::vector<std::string>{"Created /w7"});
  }
  lab.settle();
  EXPECT_TRUE(lab.server().watches().empty());
}

TEST(Flood, ConnectionsComeAndGoInAnyOrder) {
  ServerLab lab;
  std::vector<std::unique_ptr<Client>> clients;
  std::size_t opened = 0;
  for (int round = 0; round < 40; ++round) {
    for (int i = 0; i < 10; ++i, ++opened) {
      clients.push_back(std::make_unique<Client>(lab));
      ASSERT_TRUE(clients.back()->open());
    }
    // Some end in one turn, first ones, last ones and some between; some with a write on its way.
    for (std::size_t i = 0; i < clients.size(); i += 1 + static_cast<std::size_t>(round) % 7) {
      if (i % 2 == 0) clients[i]->request(OpCode::kCreate, create_body("/s", "", 2));
      clients[i]->hang_up();
      clients[i].reset();
    }
    std::erase(clients, nullptr);
    lab.settle();
    EXPECT_EQ(lab.server().connections().size(), clients.size());
    for (const auto& client : clients) EXPECT_TRUE(client->ping().came);
  }
  EXPECT_GT(opened, clients.size());
}

/// The type and whether it lists paths, of the last record of the log.
std::optional<bool> last_close_lists_paths(ServerLab& lab) {
  std::optional<bool> lists;
  for (const std::string& path : lab.fs.files()) {
    if (path.find("/log.") == std::string::npos) continue;
    auto file = lab.fs.open(path);
    if (!file) continue;
    TxnLogReader reader(**file);
    for (;;) {
      const auto entry = reader.next();
      if (!entry || !*entry) break;
      if (const auto* close = std::get_if<CloseSessionTxn>(&(*entry)->txn.body)) lists = close->has_body;
    }
  }
  return lists;
}

// ZOOKEEPER-4306: Apache writes the list whatever its length, and cannot read it again.
TEST(Flood, ASessionWithMoreEphemeralsThanARecordHoldsIsClosedWithoutTheirList) {
  for (const int count : {10, 400}) {
    Settings settings = lab_settings();
    settings.jute_max_buffer = settings.jute_max_extra = 8192;
    ServerLab lab(1, settings);
    Client witness(lab), owner(lab, "192.0.2.1");
    ASSERT_TRUE(witness.open());
    ASSERT_TRUE(owner.open());
    for (int i = 0; i < count; ++i)
      ASSERT_EQ(owner.create("/ephemeral-with-a-long-name-" + std::to_string(i), "", 1).err, 0);
    EXPECT_EQ(owner.call(OpCode::kCloseSession, "").err, 0);
    lab.settle();
    EXPECT_EQ(last_close_lists_paths(lab), count == 10);
    EXPECT_EQ(lab.server().state().tree.ephemeral_owners().size(), 0u);
    EXPECT_EQ(witness.exists("/ephemeral-with-a-long-name-1").err, -101);
  }  // the lab replays the log and compares
}

std::size_t most_unsent(ServerLab& lab) {
  std::size_t most = 0;
  for (const auto& connection : lab.server().connections())
    if (connection->alive()) most = std::max(most, connection->unsent_bytes());
  return most;
}

/// Reads that wait behind a write of their own connection, and whose answers nobody takes.
struct SlowReader : testing::Test {
  SlowReader() : client(lab, "192.0.2.1"), other(lab) {
    EXPECT_TRUE(client.open(40'000));
    EXPECT_TRUE(other.open(40'000));
    EXPECT_EQ(client.create("/big", std::string(500'000, 'x')).err, 0);
    EXPECT_EQ(client.create("/v", "0").err, 0);
    client.trace.clear();
    lab.net.stall(client.link(), true);
    lab.worker->hold();
  }
  void ask(int reads) {
    for (int i = 0; i < reads; ++i) client.request(OpCode::kGetData, Fields().s("/big").b(false));
    lab.loop.advance(100);
  }
  std::int32_t write(std::string_view data) {
    return client.request(OpCode::kSetData, Fields().s("/v").s(data).i(-1));
  }
  ServerLab lab;
  Client client, other;
};

TEST_F(SlowReader, ReadsBehindAWriteAreAnsweredAsFastAsTheyAreTaken) {
  write("1");
  ask(400);  // 200 MB
  lab.worker->release();
  lab.loop.advance(1000);
  EXPECT_LT(most_unsent(lab), 4u << 20);
  EXPECT_EQ(other.exists("/v").err, 0) << "others are served";
  lab.net.stall(client.link(), false);
  EXPECT_EQ(client.ping().err, 0);
  EXPECT_EQ(client.trace.size(), 402u) << "and all comes in the end";
}

TEST_F(SlowReader, WithMoreBehindAWriteThanIsKeptAllIsAnsweredInTheEnd) {
  write("1");
  ask(1500);  // the first thousand are kept, the others stay unread
  lab.worker->release();
  lab.loop.advance(1000);
  EXPECT_LT(most_unsent(lab), 4u << 20);
  lab.net.stall(client.link(), false);
  EXPECT_EQ(client.ping().err, 0);
  EXPECT_EQ(client.trace.size(), 1502u);
}

TEST_F(SlowReader, AReadBetweenTwoWritesSeesTheFirstAlone) {
  write("1");
  ask(20);
  const std::int32_t read = client.request(OpCode::kGetData, Fields().s("/v").b(false));
  const std::int32_t second = write("2");
  lab.loop.advance(100);
  lab.worker->release();
  lab.loop.advance(1000);
  lab.net.stall(client.link(), false);
  EXPECT_EQ(client.reply(read).text(), "1");
  EXPECT_EQ(client.reply(second).err, 0);
  EXPECT_EQ(client.get("/v").text(), "2");
}

TEST_F(SlowReader, MoreThanIsKeptBetweenTwoWritesEndsTheConnection) {
  write("1");
  ask(200);  // 100 MB
  write("2");
  lab.loop.advance(100);
  lab.worker->release();
  lab.loop.advance(1000);
  EXPECT_LT(most_unsent(lab), 1u << 20);
  EXPECT_EQ(other.get("/v").text(), "2") << "what was sent is done all the same";
  lab.net.stall(client.link(), false);
  EXPECT_TRUE(client.ends());
}

// What is left to send to a client that closed its session is not kept for ever.
TEST_F(SlowReader, AClosedSessionsConnectionIsNotKeptForEver) {
  lab.worker->release();
  ask(1);
  client.request(OpCode::kCloseSession, "");
  lab.loop.advance(100);
  EXPECT_EQ(lab.server().sessions().size(), 1u);
  EXPECT_EQ(lab.server().alive_connections(), 2u) << "it may still read the rest";
  lab.loop.advance(lab.settings.sessionless_timeout_ms + 5000);
  EXPECT_EQ(lab.server().alive_connections(), 1u);
}

/// In MiB, of this process: what it has now, and the most it had since forget_peak().
std::size_t memory_mb(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(name + ":")) return std::stoul(line.substr(name.size() + 1)) / 1024;
  ADD_FAILURE() << "no " << name << " in /proc/self/status";
  return 0;
}
void forget_peak() {
  std::ofstream clear("/proc/self/clear_refs");
  ASSERT_TRUE(clear << 5 << std::flush);
}

// 40 KB for each 60 bytes that are sent: 160 MB, several times.
TEST(Flood, AMultiThatAuthMakesTooLongIsNotBuiltToItsEnd) {
  ServerLab lab;
  Client client(lab);
  ASSERT_TRUE(client.open());
  ASSERT_EQ(client.auth("digest", std::string(40'000, 'u') + ":pw").err, 0);
  const auto creates = [&](const std::string& name, int times) {
    Fields parts;
    for (int i = 0; i < times; ++i)
      parts.i(1).b(false).i(-1).raw(create_body(name + std::to_string(i), "", 0, {{31, "auth", ""}}));
    return client.call(OpCode::kMulti, parts.i(-1).b(true).i(-1));
  };
  EXPECT_EQ(creates("/few", 40).err, 0);
  ASSERT_NO_FATAL_FAILURE(forget_peak());
  const std::size_t before = memory_mb("VmRSS");
  EXPECT_EQ(creates("/many", 4000).err, -5);
  EXPECT_LT(memory_mb("VmHWM"), before + 100);
  EXPECT_EQ(client.exists("/few39").err, 0);
  EXPECT_EQ(client.exists("/many0").err, -101);
}

TEST(Flood, AMultiReadOfMoreThanAPacketMayHoldIsRefused) {
  ServerLab lab;
  Client client(lab);
  ASSERT_TRUE(client.open());
  ASSERT_EQ(client.create("/big", std::string(1'000'000, 'x')).err, 0);
  const auto read = [&](int times) {
    Fields parts;
    for (int i = 0; i < times; ++i) parts.i(4).b(false).i(-1).s("/big").b(false);
    parts.i(-1).b(true).i(-1);
    return client.call(OpCode::kMultiRead, parts);
  };
  EXPECT_EQ(read(20).err, 0);
  EXPECT_EQ(read(10'000).err, -5);
  EXPECT_EQ(client.ping().err, 0);
}

TEST(Flood, SessionsThatExpireTogetherTakeTheEphemeralsThatAreNotOnDiskYet) {
  ServerLab lab;
  Client witness(lab);
  ASSERT_TRUE(witness.open(40'000));
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(std::make_unique<Client>(lab, "192.0.2.1"));
    ASSERT_TRUE(clients.back()->open(4000));
    ASSERT_EQ(clients.back()->create("/a" + std::to_string(i), "", 1).err, 0);
  }
  lab.worker->hold();
  for (std::size_t i = 0; i < clients.size(); ++i) {
    clients[i]->request(OpCode::kCreate, create_body("/b" + std::to_string(i), "", 1));
    clients[i]->request(OpCode::kDelete, Fields().s("/a" + std::to_string(i)).i(-1));
    clients[i]->request(OpCode::kCreate, create_body("/a" + std::to_string(i), "", 0));
  }
  lab.loop.advance(100);
  for (const auto& client : clients) client->hang_up();
  lab.loop.advance(8000);
  EXPECT_TRUE(witness.ping().came);
  lab.worker->release();
  lab.settle();
  EXPECT_EQ(lab.server().sessions().size(), 1u);
  EXPECT_EQ(lab.server().state().tree.ephemeral_owners().size(), 0u);
  EXPECT_EQ(witness.exists("/b7").err, -101);
  EXPECT_EQ(last_stat(witness.exists("/a7")).owner, 0) << "it is nobody's now";
}

}  // namespace
}  // namespace zkark::server
