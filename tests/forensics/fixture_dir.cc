#include "tests/forensics/fixture_dir.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "tests/support/load_dir.h"

namespace zkark::test {
namespace {

std::vector<RecordOperation> operations_of(const Txn& txn, const restore::State& before) {
  std::vector<RecordOperation> all;
  if (const auto* multi = std::get_if<MultiTxn>(&txn.body)) {
    if (multi_failed(*multi)) return {};
    std::uint32_t part = 0;
    for (const SubTxn& sub : multi->txns) {
      ++part;
      if (sub.type == TxnType::kCheck) continue;
      const Result<TxnBody> body = decode_sub_txn(sub);
      if (body) all.push_back({txn.header, sub.type, part, std::string(txn_path(*body))});
    }
    return all;
  }
  if (txn.header.type == TxnType::kCloseSession) {
    for (std::string& path : before.tree.ephemerals_of(txn.header.client_id))
      all.push_back({txn.header, txn.header.type, 0, std::move(path)});
    return all;
  }
  if (const std::string_view path = txn_path(txn.body); !path.empty())
    all.push_back({txn.header, txn.header.type, 0, std::string(path)});
  return all;
}

}  // namespace

FixtureDir::FixtureDir(const std::string& dir) {
  load_dir(fs, dir, "/data");
  restore::DataDirOptions where;
  where.dir = "/data";
  if (auto split = exists(fs, "/data/data"); split && *split) where.dir = "/data/data";
  if (auto split = exists(fs, "/data/log"); split && *split) where.log_dir = "/data/log";
  source = std::make_unique<restore::DataDir>(fs, where);
  listing = source->list().value();
}

std::vector<std::string> replayed_fixtures() {
  std::vector<std::string> dirs;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(ZKARK_SOURCE_DIR "/fixtures"))
    if (entry.path().filename() == "apache-replay.txt")
      dirs.push_back(std::filesystem::relative(entry.path().parent_path(), ZKARK_SOURCE_DIR));
  std::sort(dirs.begin(), dirs.end());
  return dirs;
}

void replay_naively(const FixtureDir& data,
                    const std::function<void(const Txn&, const std::vector<RecordOperation>&,
                                             const restore::State&, const restore::State&)>& visit) {
  restore::State before = restore::initial_state(), after = restore::initial_state();
  restore::Findings findings;
  restore::LogWalk walk(*data.source, data.listing.logs, {}, findings);
  restore::WalkEntry walked;
  for (;;) {
    const Result<bool> more = walk.next_into(walked);
    ASSERT_TRUE(more) << more.error().to_string();
    if (!*more) return;
    const Txn& txn = walked.entry.txn;
    const std::vector<RecordOperation> operations = operations_of(txn, before);
    ASSERT_TRUE(restore::apply(after, txn));
    visit(txn, operations, before, after);
    ASSERT_TRUE(restore::apply(before, txn));
  }
}

}  // namespace zkark::test
