#include "restore/fingerprint.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace zkark::restore {
namespace {

/// Every field of a znode, of every length that is hashed in its own way.
TEST(Fingerprint, TellsNodesApartByEachOfTheirPieces) {
  const auto of = [](std::string_view path, std::optional<Bytes> data, const StatPersisted& stat, Bytes acl) {
    FingerprintSum sum;
    sum.add(path, data, stat, acl);
    return sum.sum();
  };
  std::vector<Fingerprint> all;
  const StatPersisted stat{1, 2, 3, 4, 5, 6, 7, 8, 9};
  const std::string text(500, 'x');
  const Bytes acl = as_bytes(text).first(31);
  const auto some = as_bytes(text).first(10);
  for (std::size_t n = 1; n <= text.size(); n += 7) {
    all.push_back(of("/" + text.substr(0, n), some, stat, acl));
    std::string last(n, 'x');
    last.back() = 'y';
    all.push_back(of("/" + last, some, stat, acl));
    all.push_back(of("/p", as_bytes(text).first(n), stat, acl));
    all.push_back(of("/p", as_bytes(last), stat, acl));
    all.push_back(of("/p", some, stat, as_bytes(text).first(n)));
    all.push_back(of("/p", some, stat, as_bytes(last)));
  }
  all.push_back(of("/p", std::nullopt, stat, acl));
  all.push_back(of("/p", Bytes(), stat, acl));
  all.push_back(of("/p", some, stat, Bytes()));
  StatPersisted other = stat;
  for (std::int64_t* field :
       {&other.czxid, &other.mzxid, &other.ctime, &other.mtime, &other.ephemeral_owner, &other.pzxid}) {
    *field += 100;
    all.push_back(of("/p", some, other, acl));
    *field -= 100;
  }
  for (std::int32_t* field : {&other.version, &other.cversion, &other.aversion}) {
    *field += 100;
    all.push_back(of("/p", some, other, acl));
    *field -= 100;
  }
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) EXPECT_FALSE(all[i] == all[j]) << i << " " << j;
}

}  // namespace
}  // namespace zkark::restore
