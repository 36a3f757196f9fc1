// Rows R3 and R4 of the scoreboard for `repair`. After any one damage to a file of a data directory, its
// salvaged copy holds every record whose bytes are intact, and no other; and its bootable copy boots, from
// whatever snapshot in it, to a state that the server had at that zxid, which is no earlier than the damage.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "tests/restore/repair_lab.h"

namespace zkark::restore {
namespace {

bool full_n() {
  const char* n = std::getenv("ZKARK_PROVE_N");
  return n != nullptr && std::string_view(n) == "full";
}

struct Record {
  std::uint64_t begin = 0, end = 0;
  std::int64_t zxid = 0;
  std::string bytes;
};

class RepairProof : public RepairLab, public testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    load(std::string(GetParam()).substr(9));
    for (const std::string& path : fs.files("/data/version-2")) {
      const DataFileKind kind = parse_data_file_name(base_name(path)).kind;
      if (kind != DataFileKind::kLog && kind != DataFileKind::kSnapshot) continue;
      files_.push_back(path);
      if (kind != DataFileKind::kLog) continue;
      const auto file = fs.open(path).value();
      TxnLogReader reader(*file);
      std::uint64_t end = kLogHeaderBytes;
      for (auto next = reader.next(); next && *next; next = reader.next()) {
        end = (*next)->end_offset();
        records_[path].push_back(
            {(*next)->offset, end, (*next)->zxid(), std::string(as_text((*next)->record))});
      }
      // Preallocated zeros are all alike: a few of them stand for all.
      if (fs.get(path)->size() > end + 40) fs.truncate(path, end + 40);
    }
    remember_states();
    ASSERT_FALSE(repair().error);
    fs.erase("/fixed");
    fs.settle();
    clean_ = fs.snapshot();
  }

  /// What the server had at every zxid.
  void remember_states() {
    DataDir source(fs, {"/data", "", {}, {}, ""});
    const SourceListing listing = source.list().value();
    ReplayOptions options;
    options.on_record = [&](const State& state, const WalkEntry&) -> Status {
      states_[state.last_zxid] = state.tree.digest();
      return {};
    };
    Findings findings;
    Job job;
    const SourceFile* base = listing.snapshots.empty() ? nullptr : &listing.snapshots.front();
    const auto result = replay(source, listing, base, options, findings, job);
    ASSERT_TRUE(result) << result.error().to_string();
    ASSERT_FALSE(result->stopped_by);
    states_[base == nullptr ? 0 : base->zxid] = initial_state().tree.digest();
    last_ = result->state.last_zxid;
  }

  /// The file has been damaged within [begin, end).
  void judge(const std::string& path, const std::string& what, std::uint64_t begin, std::uint64_t end) {
    SCOPED_TRACE(path + ": " + what);
    const int parts = failures();
    const bool is_log = records_.contains(path);
    judge_salvage(path, is_log, begin, end);
    judge_copy(path, is_log, begin, end);
    ++cases_;
    good_ += failures() == parts ? 1 : 0;
    fs.restore(clean_);
  }

  void judge_salvage(const std::string& path, bool is_log, std::uint64_t begin, std::uint64_t end) {
    RepairOptions options;
    options.salvage = true;
    const Done done = repair(options);
    ASSERT_FALSE(done.error) << done.error->to_string();
    for (const auto& [log, whole] : records_) {
      std::vector<std::string> intact;
      for (const Record& record : whole)
        if (log != path || !is_log || record.end <= begin || end <= record.begin)
          intact.push_back(record.bytes);
      const std::string copy = "/fixed/" + std::string(base_name(log));
      const std::vector<std::string> found = fs.get(copy) ? records(copy) : std::vector<std::string>();
      records_all_ += intact.size();
      std::size_t missing = 0;
      for (const std::string& one : intact)
        missing += std::count(found.begin(), found.end(), one) == 0 ? 1 : 0;
      records_found_ += intact.size() - missing;
      EXPECT_EQ(missing, 0u) << log;
      for (const std::string& one : found)
        EXPECT_TRUE(std::any_of(whole.begin(), whole.end(), [&](const Record& r) { return r.bytes == one; }))
            << "a record that was never there";
    }
  }

  void judge_copy(const std::string& path, bool is_log, std::uint64_t begin, std::uint64_t end) {
    const Done done = repair();
    ASSERT_FALSE(done.error) << done.error->to_string();
    const auto state = states_.find(*done.plan.point);
    ASSERT_NE(state, states_.end()) << zxid_text(*done.plan.point);
    EXPECT_EQ(done.copy.digest, state->second) << zxid_text(*done.plan.point);
    // The last record in front of the damage.
    std::int64_t before = last_;
    bool harmed = false;
    if (is_log)
      for (const Record& record : records_[path]) harmed |= begin < record.end && record.begin < end;
    if (harmed) {
      before = 0;
      for (const auto& [log, whole] : records_)
        for (const Record& record : whole)
          if (log != path || record.end <= begin)
            if (record.zxid < first_harmed(path, begin, end)) before = std::max(before, record.zxid);
    }
    EXPECT_GE(*done.plan.point, before);
    if (is_earlier(path)) {
      ++earlier_;
      return;
    }
    // What is not in the copy has been named.
    for (const auto& [log, whole] : records_)
      for (const Record& record : whole) {
        EXPECT_TRUE(kept(done, log, record) || named(done, log, record)) << zxid_text(record.zxid);
      }
  }

  /// Whole records and then nothing but zeros in the newest log: what the directory was like before the next
  /// write. Nobody can tell.
  bool is_earlier(const std::string& path) {
    if (!records_.contains(path)) return false;
    for (const auto& [log, whole] : records_)
      if (whole.back().zxid > records_[path].back().zxid) return false;
    const std::string now = fs.get(path).value_or("");
    if (now.size() < kLogHeaderBytes || load_u32(as_bytes(now).data()) != kLogMagic) return false;
    std::uint64_t end = kLogHeaderBytes;
    for (const Record& record : records_[path])
      if (record.end <= now.size() && now.compare(record.begin, record.bytes.size(), record.bytes) == 0 &&
          record.begin == end)
        end = record.end;
    return now.find_first_not_of('\0', end) == std::string::npos;
  }

  std::int64_t first_harmed(const std::string& path, std::uint64_t begin, std::uint64_t end) {
    std::int64_t first = INT64_MAX;
    for (const Record& record : records_[path])
      if (begin < record.end && record.begin < end) first = std::min(first, record.zxid);
    return first;
  }
  static bool kept(const Done& done, const std::string& log, const Record& record) {
    for (const RepairedFile& file : done.plan.files)
      if (file.file.path == log)
        for (const Extent& extent : file.extents)
          if (extent.begin <= record.begin && record.end <= extent.end) return true;
    return false;
  }
  static bool named(const Done& done, const std::string& log, const Record& record) {
    for (const Loss& loss : done.plan.losses) {
      if (loss.file == log && loss.begin < record.end && record.begin < loss.end) return true;
      // What stood behind a torn write in a file that was cut there nobody can see.
      if (loss.file == log && loss.kind == LossKind::kTorn && loss.begin <= record.begin) return true;
      if (loss.first_zxid && *loss.first_zxid <= record.zxid &&
          record.zxid <= loss.last_zxid.value_or(INT64_MAX))
        return true;
    }
    for (const Finding& finding : done.findings)
      if (finding.first_zxid && *finding.first_zxid <= record.zxid &&
          record.zxid <= finding.last_zxid.value_or(INT64_MAX))
        return true;
    return false;
  }

  static int failures() {
    return testing::UnitTest::GetInstance()->current_test_info()->result()->total_part_count();
  }
  void print(const char* what) const {
    std::printf(
        "PROVE R3: %llu of %llu %s of %s repaired to a state that was, %llu of them equal to an earlier "
        "directory\n",
        (unsigned long long)good_, (unsigned long long)cases_, what, GetParam(),
        (unsigned long long)earlier_);
    std::printf("PROVE R4: %llu of %llu intact records salvaged after %s of %s\n",
                (unsigned long long)records_found_, (unsigned long long)records_all_, what, GetParam());
    EXPECT_EQ(good_, cases_);
    EXPECT_EQ(records_found_, records_all_);
  }
  std::uint64_t bytes() {
    std::uint64_t all = 0;
    for (const std::string& file : files_) all += fs.get(file)->size();
    return all;
  }

  test::SimFs::Snapshot clean_;  // before any damage
  std::vector<std::string> files_;
  std::map<std::string, std::vector<Record>> records_;
  std::map<std::int64_t, std::uint64_t> states_;
  std::int64_t last_ = 0;
  std::uint64_t cases_ = 0, good_ = 0, earlier_ = 0, records_all_ = 0, records_found_ = 0;
};

TEST_P(RepairProof, AfterEverySingleBitFlip) {
  // Every bit at full N; otherwise a stride that meets every bit position.
  const std::uint64_t step = full_n() ? 1 : std::max<std::uint64_t>(3, bytes() * 8 / 700) | 1;
  for (const std::string& file : files_) {
    const std::uint64_t bits = fs.get(file)->size() * 8;
    for (std::uint64_t bit = 0; bit < bits; bit += step) {
      fs.flip_bit(file, bit / 8, static_cast<unsigned>(bit % 8));
      judge(file, "bit " + std::to_string(bit % 8) + " of byte " + std::to_string(bit / 8), bit / 8,
            bit / 8 + 1);
      if (HasFailure()) return;
    }
  }
  print("bit flips");
}

TEST_P(RepairProof, AfterEveryTruncationAndZeroedBlock) {
  const std::uint64_t step = full_n() ? 1 : std::max<std::uint64_t>(2, bytes() / 200) | 1;
  for (const std::string& file : files_) {
    const std::string whole = *fs.get(file);
    for (std::uint64_t at = 0; at < whole.size(); at += step) {
      fs.truncate(file, at);
      judge(file, "cut to " + std::to_string(at) + " bytes", at, whole.size());
      for (const std::uint64_t block : {64u, 512u}) {
        std::string zeroed = whole;
        const std::uint64_t end = std::min<std::uint64_t>(at + block, whole.size());
        std::fill(zeroed.begin() + static_cast<std::ptrdiff_t>(at),
                  zeroed.begin() + static_cast<std::ptrdiff_t>(end), '\0');
        if (zeroed == whole) continue;
        fs.put(file, zeroed);
        judge(file, std::to_string(block) + " zeros at " + std::to_string(at), at, end);
      }
      if (HasFailure()) return;
    }
  }
  print("truncations and zeroed blocks");
}

INSTANTIATE_TEST_SUITE_P(Fixtures, RepairProof,
                         testing::Values("fixtures/zk-3.8.0-truncated-tail", "fixtures/zk-3.8.0-shop",
                                         "fixtures/zk-3.8.0-clock-step"),
                         [](const auto& info) {
                           std::string name = std::string(info.param).substr(9);
                           for (char& c : name)
                             if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
                           return name;
                         });

}  // namespace
}  // namespace zkark::restore
