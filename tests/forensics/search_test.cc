// Text in paths and values, against looking at every operation naively.
#include "src/forensics/search.h"

#include <gtest/gtest.h>

#include "tests/forensics/fixture_dir.h"

namespace zkark::forensics {
namespace {

SearchText text_of(std::string_view text, bool literal = true) {
  return {*ValuePattern::parse(text, {.ignore_case = false, .literal = literal}), true, true};
}

struct Found {
  std::string path;
  bool in_path, in_value;
  std::uint32_t part;
  bool operator==(const Found&) const = default;
};

std::optional<Bytes> naive_data(const TxnBody& body) {
  std::optional<Bytes> data;
  std::visit(
      [&](const auto& txn) {
        if constexpr (requires { txn.data; }) data = txn.data;
      },
      body);
  return data;
}

std::vector<Found> naively(const Txn& txn, std::string_view text) {
  std::vector<Found> all;
  const auto look = [&](const TxnBody& body, std::uint32_t part) {
    const std::string_view path = txn_path(body);
    if (path.empty()) return;
    const std::optional<Bytes> data = naive_data(body);
    const bool in_path = path.find(text) != std::string_view::npos;
    const bool in_value = data && as_text(*data).find(text) != std::string_view::npos;
    if (in_path || in_value) all.push_back({std::string(path), in_path, in_value, part});
  };
  std::uint32_t part = 0;
  if (const auto* multi = std::get_if<MultiTxn>(&txn.body)) {
    for (const SubTxn& sub : multi->txns) {
      ++part;
      if (const Result<TxnBody> body = decode_sub_txn(sub)) look(*body, part);
    }
  } else if (const auto* close = std::get_if<CloseSessionTxn>(&txn.body)) {
    for (const PathItem& item : close->paths) {
      ++part;
      if (item.path.find(text) != std::string_view::npos)
        all.push_back({std::string(item.path), true, false, part});
    }
  } else {
    look(txn.body, 0);
  }
  return all;
}

TEST(Search, FindsEveryOperationThatHasTheText) {
  std::size_t right = 0, hits = 0, records = 0;
  for (const std::string& dir : test::replayed_fixtures()) {
    const test::FixtureDir data(dir);
    restore::Findings findings;
    restore::LogWalk walk(*data.source, data.listing.logs, {}, findings);
    restore::WalkEntry walked;
    while (walk.next_into(walked).value()) {
      ++records;
      for (const std::string_view text : {"a", "v1", "-000", "/", "2"}) {
        std::vector<Found> found;
        search_txn(text_of(text), {}, walked.entry.txn, [&](const OperationHit& hit) {
          found.push_back({std::string(hit.path), hit.hit.in_path, hit.hit.in_value, hit.part});
          EXPECT_EQ(hit.hit.match, text);
        });
        const std::vector<Found> wanted = naively(walked.entry.txn, text);
        hits += wanted.size();
        if (found == wanted)
          right += wanted.size();
        else
          ADD_FAILURE() << dir << " " << zxid_text(walked.entry.zxid()) << " '" << text << "'";
      }
    }
  }
  EXPECT_EQ(right, hits);
  EXPECT_GT(hits, 1000u);
  std::printf("search: %zu of %zu operations in %zu records\n", right, hits, records);
}

TEST(Search, ShowsTheLineOfTheMatch) {
  const std::string value = "first\nsecond line\n\nlast";
  const auto at = [&](std::string_view text) { return search(text_of(text, false), "/p", as_bytes(value)); };
  EXPECT_EQ(at("first")->line, "first");
  EXPECT_EQ(at("first")->line_number, 1u);
  EXPECT_EQ(at("line")->line, "second line");
  EXPECT_EQ(at("line")->line_number, 2u);
  EXPECT_EQ(at("last")->line, "last");
  EXPECT_EQ(at("last")->line_number, 4u);
  EXPECT_EQ(at("(?m)^$")->line, "");
  EXPECT_EQ(at("(?m)^$")->line_number, 3u);
  EXPECT_EQ(at("/p")->line, "/p");
  EXPECT_EQ(at("/p")->line_number, 0u);
  EXPECT_FALSE(at("none"));
  EXPECT_FALSE(search({*ValuePattern::parse("p", {}), false, true}, "/p", std::nullopt));
  EXPECT_FALSE(search({*ValuePattern::parse("v", {}), true, false}, "/p", as_bytes(std::string_view("v"))));
}

TEST(Search, TakesWhatTheFilterTakes) {
  const test::FixtureDir data("fixtures/zk-3.8.0-standalone");
  restore::Findings findings;
  restore::LogWalk walk(*data.source, data.listing.logs, {}, findings);
  restore::WalkEntry walked;
  TxnFilter by_type, by_path;
  by_type.types = *TypeSet::parse("delete");
  by_path.paths.push_back(PathPattern::subtree("/m"));
  std::size_t of_type = 0, of_path = 0;
  while (walk.next_into(walked).value()) {
    search_txn(text_of("/"), by_type, walked.entry.txn, [&](const OperationHit& hit) {
      ++of_type;
      EXPECT_TRUE(hit.type == TxnType::kDelete || hit.type == TxnType::kDeleteContainer ||
                  hit.type == TxnType::kCloseSession);
    });
    search_txn(text_of("/"), by_path, walked.entry.txn, [&](const OperationHit& hit) {
      ++of_path;
      EXPECT_TRUE(by_path.paths[0].matches(hit.path)) << hit.path;
    });
  }
  EXPECT_GT(of_type, 3u);
  EXPECT_GT(of_path, 3u);
}

}  // namespace
}  // namespace zkark::forensics
