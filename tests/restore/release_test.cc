#include "restore/release.h"

#include <gtest/gtest.h>

namespace zkark::restore {
namespace {

Release release(std::string_view text) {
  Result<Release> parsed = parse_release(text);
  EXPECT_TRUE(parsed) << text;
  return parsed ? *parsed : Release{};
}

TEST(Release, ALineStandsForItsFirstStableRelease) {
  EXPECT_EQ(release("3.8"), release("3.8.0"));
  EXPECT_EQ(release("3.5"), release("3.5.5"));
  EXPECT_LT(release("3.9.5"), release("3.10"));
  EXPECT_LT(release("3.8"), release("3.8.2"));
  EXPECT_EQ(release("3.8.2").text, "3.8.2");
}

TEST(Release, OthersAreRefusedWithWhatThereIs) {
  for (const char* text :
       {"", "3", "3.", "3.3", "3.11", "4.0", "3.8.", "3.8.x", "3.8.2.1", "3.08x", "3.-4", "3.5.4"}) {
    const Result<Release> parsed = parse_release(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().id(), ErrorId::kUsage) << text;
    EXPECT_NE(parsed.error().hint(), "") << text;
  }
}

TEST(Release, Create2InAMultiCameWithFixesOfThreeLines) {  // ZOOKEEPER-4616
  for (const char* reads : {"3.7.2", "3.8.2", "3.8.6", "3.9", "3.10"})
    EXPECT_TRUE(abilities_of(release(reads)).create2_in_multi) << reads;
  for (const char* drops : {"3.4", "3.5", "3.6.4", "3.7.1", "3.8", "3.8.1"})
    EXPECT_FALSE(abilities_of(release(drops)).create2_in_multi) << drops;
}

}  // namespace
}  // namespace zkark::restore
