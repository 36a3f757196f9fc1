#include "src/cli/json_writer.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <ctime>
#include <string>

#include "src/cli/text.h"
#include "tests/support/sim_random.h"

namespace zkark::cli {
namespace {

std::string json_of(std::string_view text) {
  TextBuffer buffer;
  JsonWriter(buffer).string(text);
  return std::string(buffer.view());
}

TEST(JsonWriter, WritesEveryKindOfValue) {
  TextBuffer buffer;
  JsonWriter json(buffer);
  json.begin_document("zkark.test/1").key("n").number(-5).key("u").number(UINT64_MAX).key("d").number(1.5);
  json.key("inf").number(1e308 * 10).key("t").boolean(true).key("f").boolean(false).key("z").null();
  json.key("x")
      .hex(std::uint64_t{0x10000000b})
      .key("x0")
      .hex(std::uint64_t{0})
      .key("neg")
      .hex(std::int64_t{-1});
  json.key("at")
      .time({1795239094207})
      .key("list")
      .begin_array()
      .number(1)
      .begin_object()
      .end_object()
      .begin_array()
      .end_array();
  json.end_array().key_text("a\"b").string("c").key("raw").raw("[1,2]").end_object();
  json.end_line();
  EXPECT_EQ(buffer.view(),
            "{\"schema\":\"zkark.test/"
            "1\",\"n\":-5,\"u\":18446744073709551615,\"d\":1.5,\"inf\":null,\"t\":true,\"f\":false,"
            "\"z\":null,\"x\":\"0x10000000b\",\"x0\":\"0x0\",\"neg\":\"0xffffffffffffffff\",\"at\":\"2026-11-"
            "21T05:31:34.207Z\","
            "\"list\":[1,{},[]],\"a\\\"b\":\"c\",\"raw\":[1,2]}\n");
}

TEST(JsonWriter, ValuesAreUtf8OrBase64OrNull) {
  TextBuffer buffer;
  JsonWriter json(buffer);
  json.begin_array()
      .value(std::nullopt)
      .value(as_bytes(""))
      .value(as_bytes("h\xc3\xa9"))
      .value(as_bytes("\xff"));
  json.value(as_bytes("ab\xff"))
      .value(as_bytes("abc\xff"))
      .value(as_bytes(std::string_view("\0", 1)))
      .end_array();
  EXPECT_EQ(buffer.view(),
            "[null,{\"utf8\":\"\"},{\"utf8\":\"h\xc3\xa9\"},{\"base64\":\"/w==\"},{\"base64\":\"YWL/"
            "\"},{\"base64\":\"YWJj/w==\"},"
            "{\"utf8\":\"\\u0000\"}]");
}

TEST(JsonWriter, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(json_of("\x1b[31m"), "\"\\u001b[31m\"");
  EXPECT_EQ(json_of("a\xc2\x9b"), "\"a\\u009b\"");
  EXPECT_EQ(json_of("\x7f"), "\"\\u007f\"");
  EXPECT_EQ(json_of("\xe2\x80\xae"
                    "abc"),
            "\"\\u202eabc\"");
  EXPECT_EQ(json_of("\xf3\xa0\x80\x81"), "\"\\udb40\\udc01\"") << "above FFFF as a surrogate pair";
}

TEST(JsonWriter, BadUtf8BecomesReplacementCharactersByteForByte) {
  EXPECT_EQ(json_of("a\xff\xfe"), "\"a\xef\xbf\xbd\xef\xbf\xbd\"");
  EXPECT_EQ(json_of("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"") << "a lone surrogate";
  EXPECT_EQ(json_of("\xc0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\"") << "an overlong zero";
  EXPECT_EQ(json_of("\xe2\x82"), "\"\xef\xbf\xbd\xef\xbf\xbd\"") << "cut short";
}

/// Random strings made of the pieces that matter, at every alignment to the eight-byte steps.
std::string random_text(test::SimRandom& random) {
  static const std::string pieces[] = {"a",
                                       "/path/",
                                       "\"",
                                       "\\",
                                       "\n",
                                       "\x1f",
                                       "\x7f",
                                       "\xc3\xa9",
                                       "\xe2\x82\xac",
                                       "\xf0\x9f\x98\x80",
                                       "\xe2\x80\xae",
                                       std::string(1, '\0'),
                                       "12345678",
                                       "\xc2\x85",
                                       "~",
                                       " ",
                                       "\xf3\xa0\x80\x81"};
  std::string text;
  for (std::uint64_t n = random.below(12); n > 0; --n) text += pieces[random.below(std::size(pieces))];
  return text;
}

TEST(JsonWriter, BoostJsonReadsBackExactlyWhatWasWritten) {
  test::SimRandom random(7);
  for (int round = 0; round < 20'000; ++round) {
    const std::string text = random_text(random), key = random_text(random);
    const auto number = static_cast<std::int64_t>(
        test::next_random(*std::make_unique<std::uint64_t>(random.below(UINT64_MAX))));
    TextBuffer buffer;
    JsonWriter json(buffer);
    json.begin_object()
        .key("text")
        .string(text)
        .key("n")
        .number(number)
        .key_text("k" + key)
        .boolean(true)
        .end_object();
    boost::json::error_code problem;
    const boost::json::value parsed =
        boost::json::parse(boost::json::string_view(buffer.view().data(), buffer.size()), problem);
    ASSERT_FALSE(problem) << buffer.view();
    ASSERT_EQ(std::string_view(parsed.at("text").as_string()), text) << buffer.view();
    ASSERT_EQ(parsed.at("n").as_int64(), number);
    ASSERT_TRUE(parsed.as_object().contains("k" + key));
    ASSERT_EQ(buffer.view().find_first_of("\n\x1b\x7f"), std::string_view::npos);
  }
}

TEST(JsonWriter, RandomBytesAlwaysGiveValidJson) {
  test::SimRandom random(8);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes(random.below(24), '\0');
    random.fill(std::as_writable_bytes(std::span(bytes)));
    TextBuffer buffer;
    JsonWriter json(buffer);
    json.begin_array().string(bytes).value(as_bytes(bytes)).end_array();
    boost::json::error_code problem;
    const boost::json::value parsed =
        boost::json::parse(boost::json::string_view(buffer.view().data(), buffer.size()), problem);
    ASSERT_FALSE(problem) << to_hex(as_bytes(bytes));
    if (is_utf8(bytes)) {
      ASSERT_EQ(std::string_view(parsed.at(0).as_string()), bytes);
      ASSERT_EQ(std::string_view(parsed.at(1).at("utf8").as_string()), bytes);
    } else {
      ASSERT_EQ(std::string_view(parsed.at(1).at("base64").as_string()), base64_text(as_bytes(bytes)));
    }
  }
}

TEST(TimeFormatter, AgreesWithTheLibraryOverTenThousandYears) {
  test::SimRandom random(9);
  for (int round = 0; round < 20'000; ++round) {
    const auto ms = static_cast<std::int64_t>(random.below(315'569'520'000'000)) - 62'167'219'200'000;
    if (ms >= 253'402'300'800'000) continue;
    const std::int64_t second = ms >= 0 ? ms / 1000 : -((-ms + 999) / 1000);
    const std::time_t moment = second;
    std::tm parts{};
    gmtime_r(&moment, &parts);
    char wanted[64];
    std::snprintf(wanted, sizeof wanted, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", parts.tm_year + 1900,
                  parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec,
                  static_cast<int>(ms - second * 1000));
    ASSERT_EQ(rfc3339({ms}), wanted) << ms;
  }
}

TEST(TimeFormatter, WritesTimesBeyondTheCalendarAsSeconds) {
  EXPECT_EQ(rfc3339({253'402'300'799'999}), "9999-12-31T23:59:59.999Z");
  EXPECT_EQ(rfc3339({253'402'300'800'000}), "@253402300800.000");
  EXPECT_EQ(rfc3339({INT64_MAX}), "@9223372036854775.807");
  EXPECT_EQ(rfc3339({INT64_MIN}), "@-9223372036854775.808");
  EXPECT_EQ(rfc3339({-1}), "1969-12-31T23:59:59.999Z");
}

TEST(TextBuffer, DrainsAtTheEndOfALineOnceFull) {
  std::string drained;
  TextBuffer buffer([&](std::string_view text) { drained += text; }, 10);
  buffer.append("12345678901234567890");
  EXPECT_EQ(drained, "") << "never inside a line";
  buffer.end_line();
  EXPECT_EQ(drained, "12345678901234567890\n");
  buffer.append("x");
  buffer.end_line();
  EXPECT_EQ(buffer.view(), "x\n");
  buffer.flush();
  EXPECT_EQ(drained.size(), 23u);
}

}  // namespace
}  // namespace zkark::cli
