#include "src/server/purge.h"

#include <gtest/gtest.h>

#include <set>

#include "restore/data_dir.h"
#include "tests/server/snapshot_bytes.h"
#include "tests/support/fault_loop.h"
#include "tests/support/log_builder.h"
#include "tests/support/sim_fs.h"

namespace zkark::server {
namespace {

using test::SimFs;

/// "s5" a snapshot, "s5.gz", "s5.snappy", "s5!" one that was being written; "l5" a log; anything else is a
/// name of its own.
void put(SimFs& fs, const std::string& dir, const std::string& what) {
  static const std::string whole = plain_snapshot(restore::initial_state());
  if (what[0] == 'l' && what.size() == 2) return fs.put(dir + "/log." + what.substr(1), "a log");
  if (what[0] != 's' || what.size() > 9 || what.size() < 2) return fs.put(dir + "/" + what, "something");
  std::string name = "snapshot." + what.substr(1);
  if (name.ends_with('!')) return fs.put(dir + "/" + name.substr(0, name.size() - 1), whole.substr(0, 90));
  const DataFileName parsed = parse_data_file_name(name);
  StringSink sink;
  const auto wrapped = wrap(sink, parsed.codec);
  ASSERT_TRUE(wrapped->write(as_bytes(whole)));
  ASSERT_TRUE(wrapped->finish());
  fs.put(dir + "/" + name, sink.bytes);
}

std::vector<std::string> words(const std::string& text) {
  std::vector<std::string> found;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    found.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return found;
}

/// The paths that were removed, in order, "snapshot." as s and "log." as l.
std::string purged(SimFs& fs, const DataPlaces& places, std::size_t retain) {
  std::string removed;
  const Status status = purge(fs, places, retain, [&](const std::string& path) {
    std::string name(base_name(path));
    name = name.starts_with("log.") ? "l" + name.substr(4) : "s" + name.substr(9);
    removed += (removed.empty() ? "" : " ") + name;
    EXPECT_FALSE(fs.get(path)) << path;
  });
  EXPECT_TRUE(status) << status.error().to_string();
  return removed;
}

TEST(Purge, KeepsTheNewestSnapshotsAndTheLogsTheyNeed) {
  struct Row {
    const char* title;
    const char* there;
    std::size_t retain;
    const char* removed;
  };
  const Row rows[] = {
      {"nothing at all", "", 3, ""},
      {"logs alone", "l1 l5", 3, ""},
      {"too few snapshots", "l1 s4 l5 s8 l9", 3, ""},
      {"just enough, nothing older", "l1 s4 l5 s8 l9 sc ld", 3, ""},
      {"one too many", "s0 l1 s4 l5 s8 l9 sc ld", 3, "s0"},
      {"a log goes that ends before the oldest", "s0 l1 s4 l5 s8 l9 sc ld", 2, "s0 s4 l1"},
      {"logs begin some records behind their snapshots", "l1 s4 l7 s8 lb sc le", 2, "s4 l1"},
      {"the log before the oldest holds what follows it", "l1 s2 l3 s6 lb sc", 2, "s2 l1"},
      {"a log of the very zxid is enough", "l1 l4 l6 s6 l8 s8", 2, "l1 l4"},
      {"no log above, the newest stays", "l1 l2 l3 s8 s9", 2, "l1 l2"},
      {"no log at all", "s1 s2 s3", 1, "s1 s2"},
      {"half-written ones do not count", "l1 s1 l2 s2 s3! s4! l5", 2, ""},
      {"half-written ones go when they are old", "l1 s1! s2 l3 s4 l5 s6! s8", 2, "s1! s2 l1"},
      {"compressed ones count", "l1 s1 l2 s2.gz l3 s3.snappy l4", 2, "s1 l1"},
      {"a damaged compressed one does not", "l1 s1 l2 s2 l3 s3.gz! l4", 2, ""},
      {"two of one zxid are one", "l1 s1 s2 s3 s3.gz", 2, "s1"},
      {"names of nobody stay", "l1 s1 s2 s3 log.1.bak snapshot.1.tmp zkark.snapshot.1.tmp zoo.cfg", 1,
       "s1 s2"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.title);
    SimFs fs;
    fs.put_dir("/data");
    for (const std::string& what : words(row.there)) put(fs, "/data", what);
    const std::size_t before = fs.files("/data").size();
    std::string removed = row.removed;
    std::erase(removed, '!');
    EXPECT_EQ(purged(fs, {"/data", "/data"}, row.retain), removed);
    EXPECT_EQ(fs.files("/data").size(), before - words(removed).size());
    EXPECT_EQ(purged(fs, {"/data", "/data"}, row.retain), "") << "the second time";
  }
}

TEST(Purge, LooksIntoBothDirectories) {
  SimFs fs;
  for (const char* const what : {"s1", "s4", "s8"}) put(fs, "/data/version-2", what);
  for (const char* const what : {"l1", "l5", "l9"}) put(fs, "/logs/version-2", what);
  put(fs, "/data/version-2", "l2");  // of another place: not ours to judge
  EXPECT_EQ(purged(fs, {"/data/version-2", "/logs/version-2"}, 1), "s1 s4 l1");
  EXPECT_TRUE(fs.get("/data/version-2/log.2"));
}

TEST(Purge, RemovesNothingWhenASnapshotCannotBeRead) {
  SimFs fs;
  for (const char* const what : {"s1", "s2", "s3", "l1", "l2", "l3"}) put(fs, "/data", what);
  test::Fault fault;
  fault.kinds = test::op(test::OpKind::kOpen);
  fault.path_contains = "snapshot.";
  fault.error_number = EMFILE;
  fs.arm(fault);
  const Status status = purge(fs, {"/data", "/data"}, 1, [](const std::string&) { FAIL(); });
  EXPECT_FALSE(status);
  EXPECT_EQ(fs.files("/data").size(), 6u);
}

/// What is there has for each snapshot every log from the one before it on, that there was.
void expect_snapshots_have_their_logs(const SimFs& fs, const std::vector<std::int64_t>& all_logs) {
  std::set<std::int64_t> logs;
  std::vector<std::int64_t> snapshots;
  for (const std::string& path : fs.files("/data")) {
    const DataFileName name = parse_data_file_name(base_name(path));
    if (name.kind == DataFileKind::kLog) logs.insert(name.zxid);
    if (name.kind == DataFileKind::kSnapshot) snapshots.push_back(name.zxid);
  }
  for (const std::int64_t snapshot : snapshots) {
    std::int64_t before = 0;
    for (const std::int64_t log : all_logs)
      if (log <= snapshot) before = log;
    for (const std::int64_t log : all_logs)
      EXPECT_TRUE(log < before || logs.contains(log)) << "snapshot " << snapshot << " lacks log " << log;
  }
  EXPECT_GE(snapshots.size(), 2u);
}

TEST(Purge, LeavesNoSnapshotWithoutItsLogsWhereverItStops) {
  SimFs fs;
  for (const char* const what : {"s0", "l1", "s3", "l4", "s6", "l7", "s9", "la"}) put(fs, "/data", what);
  const std::vector<std::int64_t> logs = {1, 4, 7, 10};
  fs.settle();
  const auto scenario = [](SimFs& on) { return purge(on, {"/data", "/data"}, 2, [](const std::string&) {}); };
  const auto start = fs.snapshot();
  test::Fault fault;
  for (const auto action :
       {test::Fault::Action::kFail, test::Fault::Action::kFailAfterDoing, test::Fault::Action::kKill}) {
    fs.restore(start);
    fault.action = action;
    const std::uint64_t hits = test::for_each_fault(
        fs, fault, scenario, [&](SimFs& after, const test::FaultPoint& point, const Status&) {
          SCOPED_TRACE(point.to_string());
          expect_snapshots_have_their_logs(after, logs);
          ASSERT_TRUE(scenario(after));  // the next time does the rest
          EXPECT_EQ(after.files("/data").size(), 5u);
        });
    EXPECT_GE(hits, 8u);
  }
  fs.restore(start);
  const auto cuts = test::for_each_power_cut(fs, {}, scenario,
                                             [&](SimFs& after, const test::FaultPoint& point, const Status&) {
                                               SCOPED_TRACE(point.to_string());
                                               expect_snapshots_have_their_logs(after, logs);
                                             });
  EXPECT_GE(cuts.points, 6u);
}

}  // namespace
}  // namespace zkark::server
