#include "formats/digest.h"

#include <gtest/gtest.h>

#include "formats/adler32.h"
#include "tests/formats/memory_file.h"

namespace zkark {
namespace {

using test::from_hex;

StatPersisted created(std::int64_t zxid, std::int64_t time_ms) {
  StatPersisted stat;
  stat.czxid = stat.mzxid = stat.pzxid = zxid;
  stat.ctime = stat.mtime = time_ms;
  return stat;
}

TEST(Adler32, GivesTheKnownValues) {
  EXPECT_EQ(adler32({}), 1u);
  EXPECT_EQ(adler32(as_bytes("Wikipedia")), 0x11e60398u);
  EXPECT_EQ(crc32(as_bytes("123456789")), 0xcbf43926u);
}

TEST(Adler32, ContinuesFromARunningValue) {
  const std::string text(100000, '\xfe');
  for (std::size_t cut : {0u, 1u, 5552u, 65521u, 100000u})
    EXPECT_EQ(adler32(as_bytes(text.substr(cut)), adler32(as_bytes(text.substr(0, cut)))),
              adler32(as_bytes(text)))
        << cut;
}

TEST(Adler32, OfARangeFollowsFromTwoPrefixes) {
  std::string text;
  std::uint32_t seed = 1;
  for (int i = 0; i < 200000; ++i)
    text.push_back(static_cast<char>((seed = seed * 1664525 + 1013904223) >> 24));
  for (std::size_t begin : {0u, 1u, 17u, 65520u, 65521u, 65522u, 131042u, 199999u})
    for (std::size_t end : {begin, begin + 1, begin + (text.size() - begin) / 3, text.size()}) {
      const std::string_view range = std::string_view(text).substr(begin, end - begin);
      EXPECT_EQ(adler32_of_rest(adler32(as_bytes(text.substr(0, begin))),
                                adler32(as_bytes(text.substr(0, end))), end - begin),
                adler32(as_bytes(range)))
          << begin << " to " << end;
    }
}

TEST(Digest, OfTheInitialTreeIsWhatEveryEmptyServerLogs) {
  EXPECT_EQ(node_digest("", Bytes(), {}), 0x04128908u);
  EXPECT_EQ(node_digest("/zookeeper", Bytes(), {}), 0x4db44d58u);
  EXPECT_EQ(node_digest("", Bytes(), {}) + node_digest("/zookeeper", Bytes(), {}), 0x51c6d660u);
}

TEST(Digest, AfterTheWorkedCreate) {
  StatPersisted root;
  root.pzxid = 2;
  root.cversion = 1;
  EXPECT_EQ(node_digest("", Bytes(), root), 0x031578f2u);
  EXPECT_EQ(node_digest("/a", as_bytes("hello"), created(2, 0x1a1fc95894b)), 0x2ed32d7au);
  EXPECT_EQ(0x031578f2u + 0x2ed32d7au + 0x4db44d58u, 0x7f9cf3c4u);
}

TEST(Digest, HashesFieldsInItsOwnOrder) {
  StatPersisted stat;
  stat.czxid = 1, stat.mzxid = 2, stat.pzxid = 3, stat.ctime = 4, stat.mtime = 5;
  stat.version = 6, stat.cversion = 7, stat.aversion = 8, stat.ephemeral_owner = 9;
  const std::string input = from_hex(
      "2f61 | 78 | 0000000000000001 0000000000000002 0000000000000003 0000000000000004 0000000000000005"
      "| 00000006 00000007 00000008 | 0000000000000009");
  EXPECT_EQ(node_digest("/a", as_bytes("x"), stat), crc32(as_bytes(input)));
}

TEST(Digest, NullAndEmptyDataHashAlike) {
  EXPECT_EQ(node_digest("/a", std::nullopt, {}), node_digest("/a", Bytes(), {}));
}

TEST(Digest, LeavesOutWhatLiesBelowZookeeperAndNothingElse) {
  EXPECT_EQ(node_digest("/zookeeper/config", as_bytes("x"), {}), 0u);
  EXPECT_EQ(node_digest("/zookeeper/quota/a/zookeeper_stats", as_bytes("x"), {}), 0u);
  EXPECT_FALSE(in_digest("/zookeeper/"));
  EXPECT_TRUE(in_digest("/zookeeper"));
  EXPECT_TRUE(in_digest("/zookeeperX"));
  EXPECT_TRUE(in_digest("/zookeeperX/config"));
  EXPECT_TRUE(in_digest("/a/zookeeper/config"));
  EXPECT_TRUE(in_digest(""));
}

TEST(Digest, UnderAPosixLocaleEachForeignCharacterIsAQuestionMark) {
  EXPECT_EQ(node_digest("/gr\xc3\xbc\xc3\x9f", Bytes(), {}, true), node_digest("/gr??", Bytes(), {}));
  EXPECT_EQ(node_digest("/\xe2\x82\xac", Bytes(), {}, true), node_digest("/?", Bytes(), {}));
  EXPECT_NE(node_digest("/\xe2\x82\xac", Bytes(), {}), node_digest("/?", Bytes(), {}));
}

}  // namespace
}  // namespace zkark
