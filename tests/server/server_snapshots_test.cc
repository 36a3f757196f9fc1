// Snapshots of a whole server at work, and what its directory says afterwards.
#include <gtest/gtest.h>

#include <set>

#include "restore/base_choice.h"
#include "restore/data_dir.h"
#include "src/server/server.h"
#include "tests/server/lines_log.h"
#include "tests/server/snapshot_bytes.h"
#include "tests/support/fault_loop.h"
#include "tests/support/sim_fs.h"
#include "tests/support/sim_loop.h"
#include "tests/support/sim_transport.h"

namespace zkark::server {
namespace {

constexpr char kSnapshots[] = "/data/version-2", kLogs[] = "/logs/version-2";

Settings settings_of(std::int64_t snap_count) {
  Settings settings;
  settings.client_host = "127.0.0.1";
  settings.snap_count = snap_count;
  settings.tick_ms = 2000;
  settings.min_session_timeout_ms = 4000;
  settings.max_session_timeout_ms = 40'000;
  return settings;
}

/// A client that writes at random and does not look at what it is told.
class Writer final : public net::LinkEvents {
 public:
  Writer(test::SimTransport& net, const net::Endpoint& to, std::uint64_t seed) : random_(seed) {
    net.connect(to.ip, to.port, 1000, [this](Result<std::unique_ptr<net::Link>> link) {
      ASSERT_TRUE(link);
      link_ = std::move(link).value();
      link_->start(*this);
      std::string body;
      JuteWriter out(body);
      out.i32(0), out.i64(0), out.i32(30'000), out.i64(0);
      out.buffer(as_bytes(std::string(16, '\0')));
      out.u8(0);
      send(body);
    });
  }
  bool ready() const { return received_ >= 4 && link_ != nullptr; }
  void write() {
    std::string body;
    JuteWriter out(body);
    const std::string path = "/" + std::string(1, static_cast<char>('a' + random_.below(8))) +
                             (random_.below(2) == 0 ? "" : "/" + std::to_string(random_.below(12)));
    const std::string data(random_.below(60), 'd');
    out.i32(++xid_);
    switch (random_.below(5)) {
      case 0:
        out.i32(static_cast<std::int32_t>(OpCode::kDelete));
        out.ustring(path), out.i32(-1);
        break;
      case 1:
        out.i32(static_cast<std::int32_t>(OpCode::kSetData));
        out.ustring(path), out.buffer(as_bytes(data)), out.i32(-1);
        break;
      default:
        out.i32(static_cast<std::int32_t>(OpCode::kCreate));
        out.ustring(path), out.buffer(as_bytes(data));
        out.vector(open_acl_unsafe());
        out.i32(path.size() > 2 ? static_cast<std::int32_t>(random_.below(2)) : 0);
    }
    send(body);
  }

 private:
  void send(const std::string& body) {
    if (link_ == nullptr) return;
    std::string frame;
    JuteWriter(frame).buffer(as_bytes(body));
    link_->send(as_bytes(frame));
  }
  void received(Bytes bytes) override { received_ += bytes.size(); }
  void drained() override {}
  void closed(const std::optional<Error>&) override { link_.reset(); }

  test::SimRandom random_;
  std::unique_ptr<net::Link> link_;
  std::size_t received_ = 0;
  std::int32_t xid_ = 0;
};

struct World {
  /// Over a disk of its own unless one is given.
  World(std::uint64_t seed, Settings the_settings, test::SimFs* disk = nullptr)
      : settings(std::move(the_settings)), loop(clock, seed), fs(disk != nullptr ? *disk : own) {
    if (!fs.get_info(kSnapshots)) fs.put_dir(kSnapshots);
    if (!fs.get_info(kLogs)) fs.put_dir(kLogs);
    start(restore::initial_state());
  }
  void start(restore::State state) {
    server.emplace(ServerSeams{fs, clock, loop, net, log, log_worker, snapshot_worker, random}, settings,
                   std::move(state), DataPlaces{.snapshots = kSnapshots, .logs = kLogs});
    server->on_failure([this](const Error& error) { failures.push_back(error.to_string()); });
    if (server->snapshotter() != nullptr) server->snapshotter()->set_slice(slice);
    const Status started = server->start();
    ASSERT_TRUE(started) << started.error().to_string();
  }
  void work(int requests, std::uint64_t seed) {
    Writer writer(net, server->client_address(), seed);
    if (!loop.run_until([&] { return writer.ready() || !failures.empty(); })) ADD_FAILURE() << "no answer";
    test::SimRandom pauses(seed);
    for (; requests != 0 && failures.empty(); --requests) {
      writer.write();
      if (pauses.below(4) == 0) loop.advance(static_cast<std::int64_t>(pauses.below(6)));
    }
    loop.advance(100);
  }
  /// All that a restore of the directory needs, from every snapshot that is there, is the server's state.
  void expect_directory_is_state() {
    restore::DataDir source(fs, {"/data", "/logs", {}, {}, ""});
    const auto listing = source.list();
    ASSERT_TRUE(listing) << listing.error().to_string();
    const std::string state = canonical(server->state());
    EXPECT_EQ(failures, std::vector<std::string>());
    for (const restore::SourceFile& base : listing->snapshots) {
      SCOPED_TRACE(base.path);
      restore::Findings findings;
      Job job;
      const auto replayed = restore::replay(source, *listing, &base, {}, findings, job);
      ASSERT_TRUE(replayed) << replayed.error().to_string();
      EXPECT_EQ(canonical(replayed->state), state);
      EXPECT_EQ(replayed->state.last_zxid, server->last_zxid());
      EXPECT_EQ(replayed->fuzzy_end, base.zxid);  // exact from its very zxid on
      EXPECT_EQ(replayed->tolerated.any(), 0u);
      for (const restore::Finding& finding : findings)
        ADD_FAILURE() << finding.message << " " << finding.file;
    }
  }
  std::vector<std::int64_t> zxids(const char* dir, DataFileKind kind) {
    std::vector<std::int64_t> found;
    for (const std::string& path : fs.files(dir)) {
      const DataFileName name = parse_data_file_name(base_name(path));
      if (name.kind == kind) found.push_back(name.zxid);
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  Settings settings;
  test::SimClock clock;
  test::SimLoop loop;
  test::SimFs own;
  test::SimFs& fs;
  test::SimTransport net{loop};
  LinesLog log;
  test::SimWorker log_worker{loop}, snapshot_worker{loop};
  test::SimRandom random;
  std::vector<std::string> failures;
  SnapshotWalk::Slice slice{1, 1 << 20};  // as much as possible happens while a snapshot is taken
  std::optional<Server> server;
};

TEST(ServerSnapshots, AndLogsOfAServerUnderWritesGiveItsState) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    World world(seed, settings_of(20 + static_cast<std::int64_t>(seed)));
    world.work(300, seed);
    EXPECT_EQ(world.log.count(LogLevel::kError), 0u);
    const auto snapshots = world.zxids(kSnapshots, DataFileKind::kSnapshot);
    const auto logs = world.zxids(kLogs, DataFileKind::kLog);
    EXPECT_GE(snapshots.size(), 5u);
    EXPECT_EQ(snapshots.front(), 0);  // of the start
    // A log begins behind each: at the next group that was not gathering yet.
    EXPECT_GE(logs.size(), snapshots.size() - 1);
    world.expect_directory_is_state();
    ASSERT_FALSE(::testing::Test::HasFailure());
  }
}

TEST(ServerSnapshots, AreTakenAtTheNextStartToo) {
  World world(1, settings_of(100'000));
  world.work(50, 1);
  EXPECT_EQ(world.zxids(kSnapshots, DataFileKind::kSnapshot), std::vector<std::int64_t>{0});
  bool stopped = false;
  world.server->stop([&] { stopped = true; });
  ASSERT_TRUE(world.loop.run_until([&] { return stopped; }));
  world.server.reset();
  restore::DataDir source(world.fs, {"/data", "/logs", {}, {}, ""});
  const auto listing = source.list();
  restore::Findings findings;
  Job job;
  auto replayed = restore::replay(source, *listing, &listing->snapshots.back(), {}, findings, job);
  ASSERT_TRUE(replayed);
  const std::int64_t zxid = replayed->state.last_zxid;
  world.start(std::move(replayed->state));
  world.work(50, 2);
  EXPECT_EQ(world.zxids(kSnapshots, DataFileKind::kSnapshot), (std::vector<std::int64_t>{0, zxid}));
  world.expect_directory_is_state();
}

TEST(ServerSnapshots, AndPurgeLeaveWhatAStartNeeds) {
  Settings settings = settings_of(10);
  settings.purge_interval_ms = 50;
  settings.purge_retain = 3;
  settings.snapshot_compression = "snappy";
  World world(5, settings);
  for (std::uint64_t round = 1; round <= 20; ++round) {
    SCOPED_TRACE(round);
    world.work(60, round);
    EXPECT_LE(world.zxids(kSnapshots, DataFileKind::kSnapshot).size(), 3u);
    const auto logs = world.zxids(kLogs, DataFileKind::kLog);
    ASSERT_GE(logs.size(), 2u);
    EXPECT_GT(logs[1], world.zxids(kSnapshots, DataFileKind::kSnapshot).front());
    world.expect_directory_is_state();
  }
  EXPECT_GE(world.log.count(LogLevel::kInfo, "purged /logs/version-2/log."), 20u);
}

/// Where a server dies over snapshots, purges and rolled logs: what is left gives everything that it showed
/// to anyone, from the newest snapshot and from the oldest.
void expect_no_loss(test::SimFs& fs, std::int64_t shown_zxid) {
  restore::DataDir source(fs, {"/data", "/logs", {}, {}, ""});
  const auto listing = source.list();
  if (!listing) {  // before the first of anything
    EXPECT_EQ(listing.error().id(), ErrorId::kNoData);
    EXPECT_EQ(shown_zxid, 0);
    return;
  }
  for (const restore::SourceFile& base : listing->snapshots) {
    SCOPED_TRACE(base.path);
    restore::Findings findings;
    Job job;
    const auto replayed = restore::replay(source, *listing, &base, {}, findings, job);
    ASSERT_TRUE(replayed) << replayed.error().to_string();  // no snapshot is half
    EXPECT_GE(replayed->state.last_zxid, shown_zxid);
    EXPECT_EQ(replayed->tolerated.any(), 0u);
    EXPECT_EQ(replayed->fuzzy_end, base.zxid);
  }
  if (shown_zxid > 0) {
    EXPECT_FALSE(listing->snapshots.empty() && listing->logs.empty());
  }
}

TEST(ServerSnapshots, AndPurgeLoseNothingWhereverTheServerDies) {
  Settings settings = settings_of(6);
  settings.purge_interval_ms = 15;
  settings.purge_retain = 2;
  test::SimFs fs;
  fs.put_dir(kSnapshots);
  fs.put_dir(kLogs);
  std::int64_t shown_zxid = 0;
  std::size_t purged = 0;
  const auto scenario = [&](test::SimFs& on) -> Status {
    World world(3, settings, &on);
    world.work(50, 3);
    shown_zxid = world.server->last_zxid();
    purged = world.log.count(LogLevel::kInfo, "purged /logs");
    if (world.failures.empty()) return {};
    return fail(ErrorId::kStorage, world.failures.front());
  };
  const auto start = fs.snapshot();
  test::Fault fault;
  fault.action = test::Fault::Action::kKill;
  fault.kinds = test::kMutations;
  fault.partial_percent = 50;
  const auto check = [&](test::SimFs& after, const test::FaultPoint& point, const Status&) {
    SCOPED_TRACE(point.to_string());
    expect_no_loss(after, shown_zxid);
    EXPECT_TRUE(point.hit || purged > 3);
  };
  const std::uint64_t points = test::for_each_fault(fs, fault, scenario, check);
  EXPECT_GT(points, 100u);
  fs.restore(start);
  test::PowerCuts cuts;
  cuts.subsets = 3;
  cuts.torn = 1;
  cuts.every_prefix = false;
  const auto counted = test::for_each_power_cut(fs, cuts, scenario, check);
  EXPECT_GT(counted.points, 100u);
}

TEST(ServerSnapshots, AreNotTakenOfAPointThatIsServedReadOnly) {
  Settings settings = settings_of(2);
  settings.read_only = true;
  World world(1, settings);
  EXPECT_EQ(world.server->snapshotter(), nullptr);
  world.work(50, 1);
  EXPECT_EQ(world.fs.files("/"), std::vector<std::string>());
}

}  // namespace
}  // namespace zkark::server
