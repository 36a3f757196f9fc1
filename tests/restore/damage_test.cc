// Row R3: damage to a ZooKeeper data directory. After every single-bit flip, truncation, zeroed block and
// missing file, verify either gives exactly what it gives for the undamaged directory (the damage is
// harmless), or it says what is wrong, in the damaged file, with zxids that cover every transaction that is
// lost. Never a wrong answer in silence.
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "formats/txn_log.h"
#include "restore/data_dir.h"
#include "restore/verify.h"
#include "tests/support/inline_executor.h"
#include "tests/support/load_dir.h"
#include "tests/support/sim_fs.h"

namespace zkark::restore {
namespace {

bool full_n() {
  const char* n = std::getenv("ZKARK_PROVE_N");
  return n != nullptr && std::string_view(n) == "full";
}

struct Record {
  std::uint64_t begin, end;
  std::int64_t zxid;
};

class DamagedDirectory : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    test::load_dir(fs_, GetParam(), "/data");
    auto entries = fs_.list("/data/version-2");
    ASSERT_TRUE(entries);
    for (const DirEntry& entry : *entries) {
      const DataFileName name = parse_data_file_name(entry.name);
      if (name.kind != DataFileKind::kLog && name.kind != DataFileKind::kSnapshot) continue;
      const std::string path = "/data/version-2/" + entry.name;
      files_.push_back(path);
      if (name.kind != DataFileKind::kLog) continue;
      auto file = fs_.open(path);
      TxnLogReader reader(**file);
      std::uint64_t end = kLogHeaderBytes;
      for (auto next = reader.next(); next && *next; next = reader.next()) {
        records_[path].push_back({(*next)->offset, (*next)->end_offset(), (*next)->zxid()});
        end = (*next)->end_offset();
      }
      // Preallocated zeros are all alike: a few of them stand for all.
      if (fs_.get(path)->size() > end + 40) fs_.truncate(path, end + 40);
      newest_log_ = newest_log_.empty() || records_[path].front().zxid > records_[newest_log_].front().zxid
                        ? path
                        : newest_log_;
    }
    std::sort(files_.begin(), files_.end());
    clean_ = look();
    for (const Finding& f : clean_.findings) ASSERT_NE(f.severity, Severity::kDamage) << f.message;
  }

  VerifyReport look() {
    DataDirOptions where;
    where.dir = "/data";
    DataDir source(fs_, where);
    Job job;
    test::InlineExecutor executor;
    auto report = verify(source, VerifyDepth::kReplayAll, executor, job);
    if (report) return std::move(report).value();
    VerifyReport failed;
    failed.findings.push_back(finding_of(report.error()));
    return failed;
  }

  static bool same(const VerifyReport& a, const VerifyReport& b) {
    if (a.files.size() != b.files.size() || a.digest != b.digest || a.last_zxid != b.last_zxid ||
        a.nodes != b.nodes || a.sessions != b.sessions || a.snapshots_compared != b.snapshots_compared)
      return false;
    for (std::size_t i = 0; i < a.files.size(); ++i)
      if (a.files[i].txns != b.files[i].txns || a.files[i].nodes != b.files[i].nodes ||
          a.files[i].first_zxid != b.files[i].first_zxid || a.files[i].last_zxid != b.files[i].last_zxid)
        return false;
    return true;
  }

  bool said(const VerifyReport& report, const std::string& file) const {
    for (const Finding& f : report.findings) {
      const bool new_one =
          std::none_of(clean_.findings.begin(), clean_.findings.end(), [&](const Finding& old) {
            return old.message == f.message && old.file == f.file && old.offset == f.offset;
          });
      if (new_one && (f.file == file || f.severity != Severity::kNote)) return true;
    }
    return false;
  }

  /// Whether the findings name `zxid` as lost, or the place as a torn tail.
  static bool named(const VerifyReport& report, const std::string& file, const Record& record) {
    for (const Finding& f : report.findings) {
      if (f.first_zxid && *f.first_zxid <= record.zxid && (!f.last_zxid || record.zxid <= *f.last_zxid))
        return true;
      if (f.file == file && f.offset && *f.offset < record.end &&
          (!f.end_offset || record.begin < *f.end_offset))
        return true;
    }
    return false;
  }

  /// Judges the directory as it is now. `harmed`: the record that the damage touches, if one.
  void judge(const std::string& file, const std::string& what, const Record* harmed) {
    ++cases_;
    const VerifyReport report = look();
    const bool equal = same(report, clean_);
    const bool told = said(report, file);
    if (equal && !told) {
      ++harmless_;
      return;
    }
    if (!told) {
      ++silent_;
      ADD_FAILURE() << file << ": " << what << ": a different result and not a word";
    }
    if (!equal && harmed != nullptr && !named(report, file, *harmed)) {
      ++unnamed_;
      std::string words;
      for (const Finding& f : report.findings) words += "\n  " + f.message;
      ADD_FAILURE() << file << ": " << what << ": " << zxid_text(harmed->zxid) << " is lost and not named"
                    << words;
    }
  }

  /// Whole records and then nothing but zeros: what the newest log was like before the next record was
  /// written.
  bool earlier(const std::string& content, const std::string& file) {
    if (content.size() < kLogHeaderBytes ||
        content.compare(0, kLogHeaderBytes, *fs_.get(file), 0, kLogHeaderBytes) != 0)
      return false;
    std::uint64_t end = kLogHeaderBytes;
    for (const Record& r : records_[file])
      if (r.end <= content.size() && content[r.end - 1] != 0) end = r.end;
    return content.find_first_not_of('\0', end) == std::string::npos;
  }

  const Record* record_at(const std::string& file, std::uint64_t offset) {
    for (const Record& r : records_[file])
      if (r.begin <= offset && offset < r.end) return &r;
    return nullptr;
  }

  test::SimFs fs_;
  std::vector<std::string> files_;
  std::map<std::string, std::vector<Record>> records_;
  std::string newest_log_;
  VerifyReport clean_;
  std::uint64_t cases_ = 0, harmless_ = 0, silent_ = 0, unnamed_ = 0, legitimate_ = 0;
};

TEST_P(DamagedDirectory, TellsEverySingleBitFlip) {
  // Every bit at full N; otherwise a stride that meets every bit position, and some 10^4 cases a directory.
  std::uint64_t bytes = 0;
  for (const std::string& file : files_) bytes += fs_.get(file)->size();
  const std::uint64_t step = full_n() ? 1 : bytes > 8000 ? 31 : 3;
  for (const std::string& file : files_) {
    const std::uint64_t size = fs_.get(file)->size();
    for (std::uint64_t bit = 0; bit < size * 8; bit += step) {
      fs_.flip_bit(file, bit / 8, static_cast<unsigned>(bit % 8));
      judge(file, "bit " + std::to_string(bit % 8) + " of byte " + std::to_string(bit / 8),
            record_at(file, bit / 8));
      fs_.flip_bit(file, bit / 8, static_cast<unsigned>(bit % 8));
      if (HasFailure()) return;
    }
  }
  std::printf("PROVE R3: %llu of %llu bit flips of %s told, %llu of them harmless\n",
              (unsigned long long)(cases_ - silent_), (unsigned long long)cases_, GetParam(),
              (unsigned long long)harmless_);
}

TEST_P(DamagedDirectory, TellsEveryTruncationAndZeroedBlock) {
  std::uint64_t bytes = 0;
  for (const std::string& file : files_) bytes += fs_.get(file)->size();
  const std::uint64_t step = full_n() ? 1 : bytes > 8000 ? 13 : 2;
  for (const std::string& file : files_) {
    const std::string whole = *fs_.get(file);
    for (std::uint64_t size = 0; size < whole.size(); size += step) {
      const bool boundary = file == newest_log_ && earlier(whole.substr(0, size), file);
      if (boundary) {
        ++cases_, ++legitimate_;
      } else {
        fs_.truncate(file, size);
        judge(file, "cut to " + std::to_string(size) + " bytes", record_at(file, size));
      }
      fs_.put(file, whole);
      if (HasFailure()) return;
    }
    for (std::uint64_t at = 0; at < whole.size(); at += 4 * step) {
      for (std::uint64_t block : {64ULL, 512ULL}) {
        std::string zeroed = whole;
        const std::uint64_t end = std::min<std::uint64_t>(at + block, whole.size());
        std::fill(zeroed.begin() + static_cast<std::ptrdiff_t>(at),
                  zeroed.begin() + static_cast<std::ptrdiff_t>(end), '\0');
        if (zeroed == whole) continue;
        const Record* hit = record_at(file, at);
        const bool boundary = file == newest_log_ && earlier(zeroed, file);
        if (boundary) {
          ++cases_, ++legitimate_;
        } else {
          fs_.put(file, zeroed);
          judge(file, std::to_string(block) + " zeros at " + std::to_string(at), hit);
        }
        fs_.put(file, whole);
        if (HasFailure()) return;
      }
    }
  }
  std::printf(
      "PROVE R3: %llu of %llu truncations and zeroed blocks of %s told, %llu of them harmless, %llu equal to "
      "an "
      "earlier directory\n",
      (unsigned long long)(cases_ - silent_), (unsigned long long)cases_, GetParam(),
      (unsigned long long)harmless_, (unsigned long long)legitimate_);
}

TEST_P(DamagedDirectory, TellsWhichFileIsMissingWhereTheHistoryNeedsIt) {
  for (const std::string& file : files_) {
    const std::string whole = *fs_.get(file);
    const bool log = records_.contains(file);
    fs_.erase(file);
    const VerifyReport report = look();
    const bool complete = report.last_zxid == clean_.last_zxid && report.digest == clean_.digest;
    // A log in the middle leaves a gap with its zxids; without the newest it is an earlier directory.
    EXPECT_TRUE(!log || file == newest_log_ || complete || report.damaged()) << file;
    if (log && file != newest_log_) {
      for (const Record& r : records_[file])
        EXPECT_TRUE(named(report, file, r) || complete) << file << " " << zxid_text(r.zxid);
    }
    fs_.put(file, whole);
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, DamagedDirectory,
                         testing::Values("fixtures/zk-3.8.0-truncated-tail", "fixtures/zk-3.8.0-clock-step",
                                         "fixtures/zk-3.8.0-deep-multi"),
                         [](const auto& info) {
                           std::string name = std::string(info.param).substr(9);
                           for (char& c : name)
                             if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
                           return name;
                         });

}  // namespace
}  // namespace zkark::restore
