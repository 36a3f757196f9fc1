#include "src/forensics/path_pattern.h"

#include <gtest/gtest.h>

namespace zkark::forensics {
namespace {

bool matches(std::string_view pattern, std::string_view path) {
  const Result<PathPattern> parsed = PathPattern::parse(pattern);
  EXPECT_TRUE(parsed) << pattern;
  return parsed && parsed->matches(path);
}

TEST(PathPattern, WithoutWildcardsIsANodeAndAllBelowIt) {
  EXPECT_TRUE(matches("/a/b", "/a/b"));
  EXPECT_TRUE(matches("/a/b", "/a/b/c/d"));
  EXPECT_TRUE(matches("/a/b/", "/a/b/c"));
  EXPECT_FALSE(matches("/a/b", "/a/bc"));
  EXPECT_FALSE(matches("/a/b", "/a"));
  EXPECT_TRUE(matches("/", "/"));
  EXPECT_TRUE(matches("/", "/anything/at/all"));
}

TEST(PathPattern, OfOneNodeTakesEveryCharacterAsItIs) {
  const PathPattern one = PathPattern::exactly("/a/*[b]\\");
  EXPECT_TRUE(one.matches("/a/*[b]\\"));
  EXPECT_FALSE(one.matches("/a/xb"));
  EXPECT_FALSE(one.matches("/a/*[b]\\/c"));
  EXPECT_FALSE(one.is_subtree());
  EXPECT_EQ(one.below(), "/a/*[b]\\");
  EXPECT_TRUE(PathPattern::exactly("/").matches("/"));
  EXPECT_FALSE(PathPattern::exactly("/").matches("/a"));
  const PathPattern all = PathPattern::subtree("/a*");
  EXPECT_TRUE(all.is_subtree());
  EXPECT_TRUE(all.matches("/a*"));
  EXPECT_TRUE(all.matches("/a*/b"));
  EXPECT_FALSE(all.matches("/ab"));
  EXPECT_TRUE(PathPattern::subtree("/").matches("/a/b"));
}

TEST(PathPattern, StarStaysWithinAName) {
  EXPECT_TRUE(matches("/a/*", "/a/b"));
  EXPECT_TRUE(matches("/a/*/c", "/a/b/c"));
  EXPECT_FALSE(matches("/a/*", "/a/b/c"));
  EXPECT_FALSE(matches("/a/*", "/a"));
  EXPECT_TRUE(matches("/a/b*", "/a/b"));
  EXPECT_TRUE(matches("/a/*-*", "/a/x-1"));
  EXPECT_FALSE(matches("/a/*-*", "/a/x"));
}

TEST(PathPattern, DeepStarCrossesNames) {
  EXPECT_TRUE(matches("/a/**", "/a/b/c"));
  EXPECT_TRUE(matches("**/config", "/x/y/config"));
  EXPECT_TRUE(matches("**/config", "/config"));
  EXPECT_TRUE(matches("/a/**/b", "/a/b"));
  EXPECT_TRUE(matches("/a/**/b", "/a/x/y/b"));
  EXPECT_FALSE(matches("/a/**/b", "/a/xb"));
  EXPECT_TRUE(matches("/**/long-name", "/long-name"));
  EXPECT_TRUE(matches("/x/**/long*", "/x/long"));
  EXPECT_TRUE(matches("/a**z", "/a/q/z"));
  EXPECT_TRUE(matches("**", "/"));
}

TEST(PathPattern, OneCharacterAndSets) {
  EXPECT_TRUE(matches("/n?", "/nä"));
  EXPECT_FALSE(matches("/n?", "/n/"));
  EXPECT_FALSE(matches("/n?", "/nab"));
  EXPECT_TRUE(matches("/n[0-9a]", "/n7"));
  EXPECT_TRUE(matches("/n[0-9a]", "/na"));
  EXPECT_FALSE(matches("/n[!0-9]", "/n7"));
  EXPECT_TRUE(matches("/n[!0-9]", "/nx"));
  EXPECT_TRUE(matches("/n[]x]", "/n]"));
  EXPECT_TRUE(matches("/n[ä-ü]*", "/nöx"));
  EXPECT_FALSE(matches("/n[!x]", "/n/"));
}

TEST(PathPattern, ABackslashTakesWildcardsAsTheyAre) {
  EXPECT_TRUE(matches("/a\\*", "/a*"));
  EXPECT_FALSE(matches("/a\\*", "/ab"));
  EXPECT_TRUE(matches("/a\\[*", "/a[z"));
}

TEST(PathPattern, BytesThatAreNoTextMatchByteByByte) {
  EXPECT_TRUE(matches("/a?c",
                      "/a\xff"
                      "c"));
  EXPECT_TRUE(matches("/a\xff*",
                      "/a\xff"
                      "c"));
}

TEST(PathPattern, KnowsBelowWhatEveryMatchLies) {
  EXPECT_EQ(PathPattern::parse("/a/b/c*")->below(), "/a/b");
  EXPECT_EQ(PathPattern::parse("/a/b/*/d")->below(), "/a/b");
  EXPECT_EQ(PathPattern::parse("/a/b")->below(), "/a/b");
  EXPECT_EQ(PathPattern::parse("**/x")->below(), "");
  EXPECT_EQ(PathPattern::parse("/*")->below(), "");
  EXPECT_EQ(PathPattern::parse("/")->below(), "");
}

TEST(PathPattern, RefusesWhatCanBeNoPath) {
  for (const char* text : {"", "a/b", "/a[", "/a[z-a]", "/a//b"})
    EXPECT_FALSE(PathPattern::parse(text)) << text;
  EXPECT_FALSE(PathPattern::parse("/" + std::string(PathPattern::kMaxTokens, '?')));
}

/// The obvious matcher, exponential and all.
bool slow(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.starts_with("**")) {
    for (std::size_t i = 0; i <= text.size(); ++i)
      if (slow(pattern.substr(2), text.substr(i))) return true;
    return false;
  }
  if (pattern[0] == '*') {
    for (std::size_t i = 0; i <= text.size(); ++i) {
      if (slow(pattern.substr(1), text.substr(i))) return true;
      if (i < text.size() && text[i] == '/') return false;
    }
    return false;
  }
  if (text.empty()) return false;
  if (pattern[0] == '?') return text[0] != '/' && slow(pattern.substr(1), text.substr(1));
  return pattern[0] == text[0] && slow(pattern.substr(1), text.substr(1));
}

TEST(PathPattern, AgreesWithTheObviousMatcherOnAllShortTexts) {
  // No "/**/": there the two differ on purpose.
  const std::string pattern_letters = "/a?*", text_letters = "/ab";
  std::size_t compared = 0;
  for (unsigned p = 0; p < 4 * 4 * 4 * 4; ++p) {
    std::string pattern = "/";
    for (unsigned i = 0, rest = p; i < 4; ++i, rest /= 4) pattern += pattern_letters[rest % 4];
    if (pattern.find("/**/") != std::string::npos || pattern.find("***") != std::string::npos) continue;
    if (pattern.find_first_of("?*") == std::string::npos) continue;
    for (unsigned t = 0; t < 3 * 3 * 3 * 3; ++t) {
      std::string text = "/";
      for (unsigned i = 0, rest = t; i < 4; ++i, rest /= 3) text += text_letters[rest % 3];
      ASSERT_EQ(matches(pattern, text), slow(pattern, text)) << pattern << " " << text;
      ++compared;
    }
  }
  EXPECT_GT(compared, 10000u);
}

}  // namespace
}  // namespace zkark::forensics
