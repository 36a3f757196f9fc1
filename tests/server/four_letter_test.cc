// What each word answers, to the byte, and how a connection that asks one ends.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "src/server/metrics.h"
#include "src/server/server.h"
#include "tests/support/sim_fs.h"
#include "tests/support/sim_loop.h"
#include "tests/support/sim_transport.h"

namespace zkark::server {
namespace {

class NoLog final : public Log {
 public:
  bool wants(LogLevel) const override { return false; }
  void write(LogLevel, std::string_view) override {}
};

const std::set<std::string, std::less<>> kAll = {
    "conf", "cons", "crst", "dirs", "dump", "envi", "gtmk", "hash", "isro",        "mntr",
    "ruok", "srst", "srvr", "stat", "stmk", "wchc", "wchp", "wchs", "telnet close"};

/// Who connects and keeps what comes.
class Peer final : public net::LinkEvents {
 public:
  Peer(test::SimTransport& net, const net::Endpoint& to) {
    net.connect(to.ip, to.port, 1000, [this](Result<std::unique_ptr<net::Link>> link) {
      ASSERT_TRUE(link);
      link_ = std::move(link).value();
      link_->start(*this);
      if (!unsent_.empty()) link_->send(as_bytes(unsent_));
    });
  }
  void send(std::string_view bytes) {
    if (link_ != nullptr)
      link_->send(as_bytes(bytes));
    else
      unsent_ += bytes;
  }
  void request(std::int32_t xid, OpCode op, const std::function<void(JuteWriter&)>& body) {
    std::string text, frame;
    JuteWriter out(text);
    out.i32(xid), out.i32(static_cast<std::int32_t>(op));
    body(out);
    JuteWriter(frame).buffer(as_bytes(text));
    send(frame);
  }
  void handshake() {
    std::string text, frame;
    JuteWriter out(text);
    out.i32(0), out.i64(0), out.i32(30'000), out.i64(0);
    out.buffer(as_bytes(std::string(16, '\0')));
    out.u8(0);
    JuteWriter(frame).buffer(as_bytes(text));
    send(frame);
  }
  const std::string& got() const { return got_; }
  bool closed() const { return closed_; }
  std::string port() const { return std::to_string(link_->local().port); }

 private:
  void received(Bytes bytes) override { got_ += as_text(bytes); }
  void drained() override {}
  void closed(const std::optional<Error>&) override { closed_ = true; }

  std::unique_ptr<net::Link> link_;
  std::string unsent_, got_;
  bool closed_ = false;
};

struct World {
  explicit World(std::set<std::string, std::less<>> words = kAll, bool read_only = false,
                 bool digests = true) {
    fs.put_dir("/data/version-2");
    fs.put_dir("/logs/version-2");
    settings.data_dir = "/data", settings.data_log_dir = "/logs";
    settings.client_host = "127.0.0.1";
    settings.tick_ms = 2000;
    settings.min_session_timeout_ms = 4000, settings.max_session_timeout_ms = 40'000;
    settings.pre_alloc_bytes = 0;
    settings.four_letter_words = std::move(words);
    settings.read_only = read_only;
    settings.digest_enabled = digests;
    snapshot_worker->hold();  // the sizes of the directories are those of the test
    facts.version = "1.2.3";
    facts.built_on = "2026-01-02 03:04 UTC";
    facts.host_name = "box", facts.os_name = "Linux", facts.os_arch = "x86_64", facts.os_version = "6.1";
    facts.user_name = "zk", facts.user_home = "/home/zk", facts.working_dir = "/", facts.temp_dir = "/tmp";
    facts.numbers = [] { return ProcessNumbers{7, 1024, 300 << 20, 400 << 20, 20 << 20}; };
    server.emplace(ServerSeams{fs, clock, loop, net, log, *worker, *snapshot_worker, loop.random(), facts},
                   settings, restore::initial_state(),
                   DataPlaces{.snapshots = "/data/version-2", .logs = "/logs/version-2"});
    server->on_failure([this](const Error&) { failed = true; });
    EXPECT_TRUE(server->start());
  }
  /// What the log's worker still has to do uses the server.
  ~World() { worker.reset(); }
  /// Sends `bytes` and gives all that came until the server ended it.
  std::string ask(std::string_view bytes) {
    Peer peer(net, server->client_address());
    peer.send(bytes);
    EXPECT_TRUE(loop.run_until([&] { return peer.closed(); }, 60'000)) << "never closed";
    return peer.got();
  }
  /// A client with a session, after its first writes: an ephemeral and a node, and watches on two paths.
  std::unique_ptr<Peer> client() {
    auto peer = std::make_unique<Peer>(net, server->client_address());
    peer->handshake();
    const auto create = [&](std::int32_t xid, std::string path, std::string data, std::int32_t flags) {
      peer->request(xid, OpCode::kCreate, [&](JuteWriter& out) {
        out.ustring(path), out.buffer(as_bytes(data));
        out.vector(open_acl_unsafe());
        out.i32(flags);
      });
    };
    create(1, "/e", "hello", 1);
    create(2, "/p", "x", 0);
    peer->request(3, OpCode::kGetData, [](JuteWriter& out) { out.ustring("/p"), out.u8(1); });
    peer->request(4, OpCode::kExists, [](JuteWriter& out) { out.ustring("/nope"), out.u8(1); });
    peer->request(5, OpCode::kGetChildren, [](JuteWriter& out) { out.ustring("/"), out.u8(1); });
    loop.advance(200);
    return peer;
  }
  std::string sid() { return fmt::format("0x{:x}", server->state().sessions.begin()->first); }

  test::SimClock clock;
  test::SimLoop loop{clock, 5};
  test::SimFs fs;
  test::SimTransport net{loop, {.max_delay_ms = 0}};
  std::optional<test::SimWorker> worker{std::in_place, loop, 0}, snapshot_worker{std::in_place, loop, 0};
  NoLog log;
  Settings settings;
  ProcessFacts facts;
  std::optional<Server> server;
  bool failed = false;
};

constexpr char kVersion[] = "3.8.0-zkark-1.2.3, built on 2026-01-02 03:04 UTC";

TEST(FourLetter, OfAnEmptyServer) {
  World world;
  EXPECT_EQ(world.ask("ruok"), "imok");
  EXPECT_EQ(world.ask("ruok\n"), "imok");
  EXPECT_EQ(world.ask("isro"), "rw");
  EXPECT_EQ(world.ask("srvr"),
            fmt::format("Zookeeper version: {}\n"
                        "Latency min/avg/max: 0/0.0/0\nReceived: 4\nSent: 3\nConnections: 1\n"
                        "Outstanding: 0\nZxid: 0x0\nMode: standalone\nNode count: 5\n",
                        kVersion));
  EXPECT_EQ(world.ask("hash"), "");
  EXPECT_EQ(world.ask("cons").substr(0, 12), " /127.0.0.1:");
  EXPECT_EQ(world.ask("wchs"), "0 connections watching 0 paths\nTotal watches:0\n");
  EXPECT_EQ(world.ask("wchc"), "\n");
  EXPECT_EQ(world.ask("crst"), "Connection stats reset.\n");
  EXPECT_EQ(world.ask("gtmk"), "306");
}

TEST(FourLetter, OfAServerWithAClient) {
  World world;
  const auto client = world.client();
  const std::string sid = world.sid();
  EXPECT_EQ(world.ask("wchs"), "1 connections watching 2 paths\nTotal watches:2\n");
  EXPECT_EQ(world.ask("wchc"), sid + "\n\t/nope\n\t/p\n\n");
  EXPECT_EQ(world.ask("wchp"), "/nope\n\t" + sid + "\n/p\n\t" + sid + "\n\n");

  const std::string cons = world.ask("cons");
  const std::string own =
      fmt::format(" /127.0.0.1:{}[1](queued=0,recved=6,sent=6,sid={},lop=GETC,est=", client->port(), sid);
  EXPECT_EQ(cons.substr(0, own.size()), own);
  EXPECT_NE(cons.find(",to=30000,lcxid=0x5,lzxid=0x3,lresp="), std::string::npos) << cons;
  EXPECT_EQ(cons.substr(cons.size() - 31), "[0](queued=0,recved=1,sent=0)\n\n") << cons;

  const std::string stat = world.ask("stat");
  const std::string clients =
      fmt::format("Zookeeper version: {}\nClients:\n /127.0.0.1:{}[1](queued=0,recved=6,sent=6)\n", kVersion,
                  client->port());
  EXPECT_EQ(stat.substr(0, clients.size()), clients);
  EXPECT_NE(stat.find("[0](queued=0,recved=1,sent=0)\n\nLatency min/avg/max: "), std::string::npos) << stat;
  EXPECT_TRUE(stat.ends_with("Connections: 2\nOutstanding: 0\nZxid: 0x3\nMode: standalone\nNode count: 7\n"))
      << stat;

  world.ask("crst");
  const std::string after = world.ask("cons");
  const std::string reset = fmt::format("[1](queued=0,recved=0,sent=0,sid={},lop=NA,est=", sid);
  EXPECT_NE(after.find(reset), std::string::npos) << after;
  EXPECT_NE(after.find(",to=30000,lzxid=0xffffffffffffffff,lresp=0,llat=0,minlat=0,avglat=0,maxlat=0)\n"),
            std::string::npos)
      << after;
}

/// What `cons` says of the client from its counters to its last zxid, times left out.
std::string state_of(World& world) {
  const std::string cons = world.ask("cons");
  const std::size_t at = cons.find("recved="), to = cons.find(",est="), cxid = cons.find("lcxid="),
                    end = cons.find(",lresp=");
  return cons.substr(at, to - at) + " " + cons.substr(cxid, end - cxid);
}

TEST(FourLetter, ConsShowsWhatWentThroughTheProcessors) {
  World world;
  const auto client = world.client();
  const auto request = [&](std::int32_t xid, OpCode op, const std::function<void(JuteWriter&)>& body) {
    client->request(xid, op, body);
    world.loop.advance(200);
  };
  const std::string sid = world.sid();
  request(6, OpCode::kDelete, [](JuteWriter& out) { out.ustring("/none"), out.i32(-1); });
  EXPECT_EQ(state_of(world), fmt::format("recved=7,sent=7,sid={},lop=NA lcxid=0x6,lzxid=0x4", sid))
      << "of a failed write no operation is shown";
  request(7, OpCode::kGetData, [](JuteWriter& out) { out.ustring("/none"), out.u8(0); });
  EXPECT_EQ(state_of(world), fmt::format("recved=8,sent=8,sid={},lop=GETD lcxid=0x7,lzxid=0x4", sid));
  request(-8, OpCode::kSetWatches, [](JuteWriter& out) { out.i64(0), out.i32(0), out.i32(0), out.i32(0); });
  EXPECT_EQ(state_of(world), fmt::format("recved=9,sent=9,sid={},lop=SETW lcxid=0x7,lzxid=0x4", sid));
  request(9, OpCode::kAuth, [](JuteWriter& out) {
    out.i32(0), out.ustring("digest"), out.buffer(as_bytes(std::string_view("a:b")));
  });
  EXPECT_EQ(state_of(world), fmt::format("recved=10,sent=10,sid={},lop=SETW lcxid=0x7,lzxid=0x4", sid))
      << "auth goes past the processors";
}

TEST(FourLetter, MntrCountsTheWatchesThatChangesMet) {
  World world;
  const auto client = world.client();  // watches /p, /nope and the children of /
  const auto add_watch = [](std::string path, std::int32_t mode) {
    return [path, mode](JuteWriter& out) { out.ustring(path), out.i32(mode); };
  };
  client->request(6, OpCode::kAddWatch, add_watch("/r", 1));
  client->request(7, OpCode::kAddWatch, add_watch("/p", 0));
  world.loop.advance(200);
  EXPECT_NE(world.ask("mntr").find("\nzk_watch_count\t6\n"), std::string::npos)
      << "/p, /nope and /r for data; /p, / and /r for children, where 3.8 has recursive ones, too";
  client->request(8, OpCode::kSetData, [](JuteWriter& out) {
    out.ustring("/p"), out.buffer(as_bytes(std::string_view("y"))), out.i32(-1);
  });
  client->request(9, OpCode::kDelete, [](JuteWriter& out) { out.ustring("/p"), out.i32(-1); });
  client->request(10, OpCode::kCreate, [](JuteWriter& out) {
    out.ustring("/nope"), out.buffer({}), out.vector(open_acl_unsafe()), out.i32(0);
  });
  world.loop.advance(200);
  const std::string text = world.ask("mntr");
  for (const std::string_view line :
       {"zk_sum_node_changed_watch_count\t1", "zk_sum_node_deleted_watch_count\t1",
        "zk_sum_node_created_watch_count\t1", "zk_cnt_node_children_watch_count\t1"})
    EXPECT_NE(text.find(fmt::format("\n{}\n", line)), std::string::npos) << line << "\n" << text;
}

TEST(FourLetter, DumpTellsWhenWhatEnds) {
  World world;
  const auto client = world.client();
  const std::string sid = world.sid();
  // 200 ms after the start, 30 s of timeout, ticks of 2 s.
  const std::string text = world.ask("dump");
  EXPECT_TRUE(
      text.starts_with("SessionTracker dump:\nSession Sets (1)/(1):\n"
                       "1 expire at Thu Jan 01 00:00:32 UTC 2026:\n\t" +
                       sid +
                       "\n"
                       "ephemeral nodes dump:\nSessions with Ephemerals (1):\n" +
                       sid +
                       ":\n\t/e\n"
                       "Connections dump:\nConnections Sets (2)/(2):\n"
                       "1 expire at Thu Jan 01 00:00:10 UTC 2026:\n\tip: /127.0.0.1:"))
      << text;
  EXPECT_TRUE(
      text.ends_with(fmt::format(" sessionId: 0x0\n1 expire at Thu Jan 01 00:00:32 UTC 2026:\n"
                                 "\tip: /127.0.0.1:{} sessionId: {}\n",
                                 client->port(), sid)))
      << text;
}

TEST(FourLetter, SizesComeFromTheDiskAndAnswerLater) {
  World world;
  world.fs.put("/data/version-2/snapshot.0", std::string(77, 's'));
  world.fs.put("/logs/version-2/log.1", std::string(1000, 'l'));
  EXPECT_EQ(world.ask("dirs"), "datadir_size: 77\nlogdir_size: 1000\n");
  EXPECT_EQ(world.ask("conf"),
            fmt::format("clientPort={}\nsecureClientPort=-1\ndataDir=/data/version-2\ndataDirSize=77\n"
                        "dataLogDir=/logs/version-2\ndataLogSize=1000\ntickTime=2000\n"
                        "maxClientCnxns=60\nminSessionTimeout=4000\nmaxSessionTimeout=40000\n"
                        "clientPortListenBacklog=-1\nserverId=0\n",
                        world.server->client_address().port));
}

TEST(FourLetter, ADiskThatHangsHoldsUpNoOtherWord) {
  World world;
  world.worker->hold();
  Peer asks(world.net, world.server->client_address());
  asks.send("dirs");
  world.loop.advance(100);
  EXPECT_EQ(world.ask("ruok"), "imok");
  EXPECT_EQ(asks.got(), "");
  // It has as long as a handshake; its answer then finds nobody.
  EXPECT_TRUE(world.loop.run_until([&] { return asks.closed(); }, 15'000));
  world.worker->release();
  world.loop.advance(100);
  EXPECT_EQ(asks.got(), "");
  EXPECT_EQ(world.server->connections().size(), 0U);
}

TEST(FourLetter, EnviTellsTheMachineAndNoJava) {
  World world;
  EXPECT_EQ(world.ask("envi"),
            fmt::format("Environment:\nzookeeper.version={}\nhost.name=box\njava.version=n/a (zkark)\n"
                        "java.vendor=n/a (zkark)\njava.home=n/a (zkark)\njava.class.path=n/a (zkark)\n"
                        "java.library.path=n/a (zkark)\njava.io.tmpdir=/tmp\njava.compiler=n/a (zkark)\n"
                        "os.name=Linux\nos.arch=amd64\nos.version=6.1\nuser.name=zk\nuser.home=/home/zk\n"
                        "user.dir=/\nos.memory.free=300MB\nos.memory.max=400MB\nos.memory.total=20MB\n",
                        kVersion));
}

TEST(FourLetter, WhatIsNotListedSaysSo) {
  World world({"srvr"});
  EXPECT_EQ(world.ask("ruok"), "ruok is not executed because it is not in the whitelist.\n");
  EXPECT_EQ(world.ask("stmk"), "stmk is not executed because it is not in the whitelist.\n");
  EXPECT_EQ(world.ask("\xff\xf4\xff\xfd"),
            "telnet close is not executed because it is not in the whitelist.\n");
  EXPECT_TRUE(world.ask("srvr").starts_with("Zookeeper version: 3.8.0"));
}

TEST(FourLetter, UnknownWordsAreNoWords) {
  World world;
  for (const std::string_view word : {"RUOK", "kill", "reqs", "lead", "\xff\xf4\xff\xfd"})
    EXPECT_EQ(world.ask(word), "") << word;
}

TEST(FourLetter, AWordMayComeSplit) {
  World world;
  Peer peer(world.net, world.server->client_address());
  peer.send("ru");
  world.loop.advance(500);
  EXPECT_EQ(peer.got(), "");
  peer.send("ok");
  EXPECT_TRUE(world.loop.run_until([&] { return peer.closed(); }, 1000));
  EXPECT_EQ(peer.got(), "imok");
}

TEST(FourLetter, TheMaskOfStmkIsWaitedForAsLongAsAHandshake) {
  World world;
  const std::string mask("\0\0\0\0\0\0\1\2", 8);
  EXPECT_EQ(world.ask("stmk" + mask), "258");
  EXPECT_EQ(world.ask("gtmk"), "258");
  Peer split(world.net, world.server->client_address());
  split.send(std::string_view("stmk\0\0\0", 7));
  world.loop.advance(500);
  EXPECT_EQ(split.got(), "");
  split.send(std::string_view("\0\0\0\0\7", 5));
  EXPECT_TRUE(world.loop.run_until([&] { return split.closed(); }, 1000));
  EXPECT_EQ(split.got(), "7");
  Peer never(world.net, world.server->client_address());
  never.send("stmk");
  world.loop.advance(9000);
  EXPECT_FALSE(never.closed());
  world.loop.advance(3000);
  EXPECT_TRUE(never.closed());
  EXPECT_EQ(never.got(), "");
  EXPECT_EQ(world.ask("gtmk"), "7");
}

TEST(FourLetter, APointThatIsServedSaysThatItIsReadOnly) {
  World world(kAll, true);
  EXPECT_EQ(world.ask("isro"), "ro");
  const std::string text = world.ask("srvr");
  EXPECT_NE(text.find("\nREAD-ONLY mode; serving only read-only clients\nLatency"), std::string::npos)
      << text;
  EXPECT_NE(text.find("\nMode: read-only\n"), std::string::npos) << text;
}

TEST(FourLetter, AFailedServerAnswersWhatNeedsNoState) {
  World world;
  world.fs.arm({.at = 1, .kinds = test::op(test::OpKind::kSync), .forever = true});
  const auto client = world.client();
  ASSERT_TRUE(world.failed);
  const std::string not_serving = "This ZooKeeper instance is not currently serving requests";
  for (const std::string_view word :
       {"srvr", "stat", "conf", "dirs", "mntr", "cons", "dump", "wchs", "crst", "srst"})
    EXPECT_EQ(world.ask(word), not_serving + "\n") << word;
  EXPECT_EQ(world.ask("hash"), not_serving);
  EXPECT_EQ(world.ask("isro"), "null");
  EXPECT_EQ(world.ask("ruok"), "imok");
  EXPECT_EQ(world.ask("gtmk"), "306");
  EXPECT_TRUE(world.ask("envi").starts_with("Environment:\n"));
}

TEST(FourLetter, HashHasEvery128thZxidAndWithoutDigestsZeros) {
  for (const bool digests : {true, false}) {
    World world(kAll, false, digests);
    const auto client = world.client();
    std::uint64_t digest = 0;
    for (int i = 0; i < 130; ++i) {
      client->request(10 + i, OpCode::kSetData,
                      [&](JuteWriter& out) { out.ustring("/p"), out.buffer(as_bytes("v")), out.i32(-1); });
      world.loop.advance(10);
      if (digests && world.server->last_zxid() == 128) digest = world.server->state().tree.digest();
    }
    EXPECT_EQ(world.ask("hash"), fmt::format("80: {}\n", digest));
    EXPECT_EQ(digest != 0, digests);
  }
}

std::vector<std::string> names_in(const std::string& text) {
  std::vector<std::string> names;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) names.push_back(line.substr(0, line.find('\t')));
  return names;
}

TEST(FourLetter, MntrHasTheLinesOfApacheInItsOrder) {
  World world;
  const std::string text = world.ask("mntr");
  std::ifstream file(ZKARK_SOURCE_DIR "/tests/server/golden/mntr-3.8.0.txt");
  std::stringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(names_in(text), names_in(golden.str()));
  EXPECT_TRUE(text.starts_with(fmt::format("zk_version\t{}\nzk_server_state\tstandalone\n", kVersion)));
}

TEST(FourLetter, MntrTellsWhatTheStartAndSnapshotsTook) {
  World world;
  world.server->note_startup({1300, 800, 400, 35});
  const std::string text = world.ask("mntr");
  for (const std::string_view line :
       {"zk_sum_dbinittime\t1300", "zk_cnt_dbinittime\t1", "zk_sum_startup_snap_load_time\t800",
        "zk_sum_startup_txns_load_time\t400", "zk_sum_startup_txns_loaded\t35", "zk_cnt_snapshottime\t0"})
    EXPECT_NE(text.find(fmt::format("\n{}\n", line)), std::string::npos) << line << "\n" << text;
  world.snapshot_worker->release();
  world.loop.advance(1000);
  const std::string after = world.ask("mntr");
  EXPECT_NE(after.find("\nzk_cnt_snapshottime\t1\n"), std::string::npos) << after;
}

TEST(FourLetter, MntrCountsWhatHappened) {
  World world;
  const auto client = world.client();
  const std::string text = world.ask("mntr");
  for (const std::string_view line :
       {"zk_ephemerals_count\t1", "zk_num_alive_connections\t2", "zk_znode_count\t7", "zk_global_sessions\t1",
        "zk_watch_count\t3", "zk_approximate_data_size\t54", "zk_open_file_descriptor_count\t7",
        "zk_max_file_descriptor_count\t1024", "zk_connection_request_count\t1", "zk_packets_received\t7",
        "zk_connection_drop_probability\t0.0",
        // Replies: 16 of header each; paths of 4 + 2, "x" with its Stat, an error, three names.
        "zk_response_bytes\t192", "zk_last_client_response_size\t43", "zk_max_client_response_size\t89",
        "zk_min_client_response_size\t16", "zk_cnt_updatelatency\t3", "zk_cnt_readlatency\t3",
        "zk_avg_p_write_per_namespace\t3.0", "zk_sum_e_write_per_namespace\t7",
        "zk_sum_p_read_per_namespace\t71", "zk_sync_processor_request_queued\t3"})
    EXPECT_NE(text.find(fmt::format("\n{}\n", line)), std::string::npos) << line << "\n" << text;
  EXPECT_EQ(world.ask("srst"), "Server stats reset.\n");
  const std::string after = world.ask("mntr");
  for (const std::string_view line :
       {"zk_packets_received\t1", "zk_cnt_updatelatency\t0", "zk_p999_updatelatency\t0",
        "zk_response_bytes\t0", "zk_last_client_response_size\t-1", "zk_cnt_p_write_per_namespace\t0",
        "zk_znode_count\t7"})
    EXPECT_NE(after.find(fmt::format("\n{}\n", line)), std::string::npos) << line << "\n" << after;
}

TEST(FourLetter, TheLatencyOfAWriteIsTheTimeUntilItIsOnDisk) {
  World world;
  const auto client = world.client();
  world.ask("srst");
  world.worker->hold();
  client->request(9, OpCode::kSetData,
                  [](JuteWriter& out) { out.ustring("/p"), out.buffer(as_bytes("v")), out.i32(-1); });
  world.loop.advance(40);
  world.worker->release();
  world.loop.advance(10);
  const std::string text = world.ask("mntr");
  EXPECT_NE(text.find("\nzk_max_updatelatency\t40\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nzk_max_latency\t40\n"), std::string::npos);
}

TEST(FourLetter, AStopDoesNotWaitForAConnectionThatDiedBeforeItsWriteWasDurable) {
  World world;
  auto client = world.client();
  world.worker->hold();
  client->request(9, OpCode::kSetData,
                  [](JuteWriter& out) { out.ustring("/p"), out.buffer(as_bytes("v")), out.i32(-1); });
  world.loop.advance(10);
  client.reset();
  world.loop.advance(10);
  bool stopped = false;
  world.server->stop([&] { stopped = true; });
  world.loop.advance(10);
  EXPECT_FALSE(stopped);
  world.worker->release();
  EXPECT_TRUE(world.loop.run_until([&] { return stopped; }, 20'000));
}

TEST(Metrics, MeansAreRoundedAndPrintedAsJavaDoes) {
  EXPECT_EQ(java_double(rounded_mean(0, 0)), "0.0");
  EXPECT_EQ(java_double(rounded_mean(11, 7)), "1.5714");
  EXPECT_EQ(java_double(rounded_mean(3, 1)), "3.0");
  EXPECT_EQ(java_double(rounded_mean(1, 32)), "0.0313") << "half up";
  EXPECT_EQ(java_double(rounded_mean(1, 2000)), "5.0E-4");
  EXPECT_EQ(java_double(rounded_mean(1, 100'000)), "0.0");
  EXPECT_EQ(java_double(rounded_mean(12'345'678, 1)), "1.2345678E7");
  EXPECT_EQ(java_double(rounded_mean(10'000'000, 1)), "1.0E7");
}

TEST(Metrics, PercentilesAreExactWhereItMatters) {
  AdvancedSummary summary;
  EXPECT_EQ(summary.percentile(0.5), 0);
  for (int i = 1; i <= 100; ++i) summary.add(i);
  EXPECT_EQ(summary.percentile(0.5), 51) << "50.5, rounded";
  EXPECT_EQ(summary.percentile(0.99), 100) << "99.99, rounded";
  AdvancedSummary large;
  for (const std::int64_t value : {std::int64_t{5000}, std::int64_t{70'000}, INT64_MAX}) {
    AdvancedSummary one;
    one.add(value);
    EXPECT_EQ(one.percentile(0.5), value);
    large.add(value);
  }
  EXPECT_NEAR(static_cast<double>(large.percentile(0.5)), 70'000, 70'000 / 32.0);
}

TEST(Metrics, NamespacesOfClientsAreBounded) {
  SummarySet set;
  for (int i = 0; i < 5000; ++i) set.add(fmt::format("n{}", i), 1);
  EXPECT_EQ(set.all().size(), SummarySet::kMostKeys);
}

}  // namespace
}  // namespace zkark::server
