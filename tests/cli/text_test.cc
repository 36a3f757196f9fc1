#include "src/cli/text.h"

#include <gtest/gtest.h>

#include "src/cli/render.h"
#include "src/cli/values.h"

namespace zkark::cli {
namespace {

TEST(EscapeTerminal, MakesEveryControlVisible) {
  EXPECT_EQ(escape_terminal("plain /path"), "plain /path");
  EXPECT_EQ(escape_terminal("a\nb\tc\rd"), "a\\nb\\tc\\rd");
  EXPECT_EQ(escape_terminal("\x1b]0;title\x07"), "\\x1b]0;title\\x07");
  EXPECT_EQ(escape_terminal(std::string_view("\0", 1)), "\\x00");
  EXPECT_EQ(escape_terminal("\x7f"), "\\x7f");
  EXPECT_EQ(escape_terminal("\xc2\x9b"), "\\u{009b}") << "C1: a one-character CSI";
  EXPECT_EQ(escape_terminal("\xe2\x80\xae"
                            "txt"),
            "\\u{202e}txt")
      << "right-to-left override";
  EXPECT_EQ(escape_terminal("\xe2\x81\xa6\xe2\x80\x8b\xef\xbb\xbf"), "\\u{2066}\\u{200b}\\u{feff}");
  EXPECT_EQ(escape_terminal("\xff\xc3"), "\\xff\\xc3");
  EXPECT_EQ(escape_terminal("C:\\new"), "C:\\\\new") << "unambiguous: the backslash is escaped too";
  EXPECT_EQ(escape_terminal("h\xc3\xa9llo \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80"),
            "h\xc3\xa9llo \xe6\x97\xa5\xe6\x9c\xac \xf0\x9f\x98\x80");
}

TEST(EscapeTerminal, LeavesNoControlWhateverTheBytes) {
  for (unsigned a = 0; a < 256; ++a)
    for (unsigned b = 0; b < 256; ++b) {
      const char bytes[] = {static_cast<char>(a), static_cast<char>(b)};
      for (const std::string& out : {escape_terminal({bytes, 2}), csv_field({bytes, 2}, true)}) {
        EXPECT_TRUE(is_utf8(out));
        for (std::string_view rest = out; !rest.empty();) {
          const CodePoint point = decode_utf8(rest);
          EXPECT_TRUE(!is_unsafe_to_show(point.value) || point.value == '\n' || point.value == '\r' ||
                      point.value == '\t')
              << a << " " << b;
          rest.remove_prefix(point.length);
        }
      }
    }
}

TEST(Csv, QuotesAsTheRfcSaysAndDefusesFormulas) {
  EXPECT_EQ(csv_field("plain", true), "plain");
  EXPECT_EQ(csv_field("a,b", true), "\"a,b\"");
  EXPECT_EQ(csv_field("say \"hi\"", true), "\"say \"\"hi\"\"\"");
  EXPECT_EQ(csv_field("two\nlines", true), "\"two\nlines\"");
  EXPECT_EQ(csv_field(" blank", true), "\" blank\"");
  for (const char* formula : {"=1+1", "+1", "-1", "@SUM(A1)", "\t=1"})
    EXPECT_EQ(csv_field(formula, true), std::string("'") + formula);
  EXPECT_EQ(csv_field("-1", false), "-1") << "a number of ours";
  EXPECT_EQ(csv_field("=cmd|' /C calc'!A0,\"", true), "\"'=cmd|' /C calc'!A0,\"\"\"");
}

TEST(Width, CountsColumnsNotBytes) {
  EXPECT_EQ(display_width("abc"), 3u);
  EXPECT_EQ(display_width("h\xc3\xa9"), 2u);
  EXPECT_EQ(display_width("e\xcc\x81"), 1u) << "a combining accent";
  EXPECT_EQ(display_width("\xe6\x97\xa5\xe6\x9c\xac"), 4u);
  EXPECT_EQ(display_width("\xf0\x9f\x98\x80"), 2u);
  EXPECT_EQ(display_width("\x1b[1mbold\x1b[0m"), 4u);
  EXPECT_EQ(cut_to_width("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 4), "\xe6\x97\xa5…");
  EXPECT_EQ(cut_to_width("abc", 3), "abc");
  EXPECT_EQ(cut_to_width("abcd", 3), "ab…");
}

TEST(Wrap, BreaksParagraphsAndKeepsIndentedLines) {
  EXPECT_EQ(wrap("one two three four five six seven", 24, 2), "  one two three four\n  five six seven\n");
  EXPECT_EQ(wrap("a\nb\n\nc", 80, 0), "a b\n\nc\n");
  EXPECT_EQ(wrap("a\n  kept  as it is\nb", 80, 0), "a\n  kept  as it is\nb\n");
}

TEST(Human, SizesCountsAndDurations) {
  EXPECT_EQ(human_size(0), "0 B");
  EXPECT_EQ(human_size(1023), "1023 B");
  EXPECT_EQ(human_size(1024), "1.0 KiB");
  EXPECT_EQ(human_size(1048575), "1.0 MiB") << "never 1024.0 KiB";
  EXPECT_EQ(human_size(52009370), "49.6 MiB");
  EXPECT_EQ(human_size(UINT64_MAX), "16.0 EiB");
  EXPECT_EQ(human_count(0), "0");
  EXPECT_EQ(human_count(999), "999");
  EXPECT_EQ(human_count(184203), "184 203");
  EXPECT_EQ(human_count(1234567), "1 234 567");
  EXPECT_EQ(human_duration_ms(999), "999 ms");
  EXPECT_EQ(human_duration_ms(1400), "1.4 s");
  EXPECT_EQ(human_duration_ms(723'000), "12 min 3 s");
  EXPECT_EQ(human_duration_ms(3'660'000), "1 h 1 min");
  EXPECT_EQ(human_duration_ms(273'600'000), "3 d 4 h");
  EXPECT_EQ(human_duration_ms(INT64_MIN).front(), '-');
}

TEST(Values, SizesAreReadExactly) {
  const std::pair<std::string_view, std::uint64_t> good[] = {
      {"0", 0},          {"4096", 4096},    {"10MiB", 10 << 20},
      {"10M", 10 << 20}, {"1.5KiB", 1536},  {"2GB", 2'000'000'000},
      {"7 kB", 7000},    {"0.001MB", 1000}, {"18446744073709551615", UINT64_MAX},
      {"3B", 3}};
  for (const auto& [text, bytes] : good) {
    Result<std::uint64_t> size = parse_size(text);
    ASSERT_TRUE(size) << text;
    EXPECT_EQ(*size, bytes) << text;
  }
  for (std::string_view text : {"", "-1", "MiB", "1.MiB", "1..5K", "10 MiBs", "1e3", "18446744073709551616",
                                "16777216TiB", "0x10", "1kb"})
    EXPECT_FALSE(parse_size(text)) << text;
}

TEST(Values, DurationsAreReadFromLargeToSmall) {
  const std::pair<std::string_view, std::int64_t> good[] = {
      {"30s", 30'000},        {"30", 30'000},       {"500ms", 500},
      {"1h30min", 5'400'000}, {"1h30m", 5'400'000}, {"7d", 604'800'000},
      {"1w1d", 691'200'000},  {"1.5h", 5'400'000},  {"0s", 0},
      {"1s500ms", 1500}};
  for (const auto& [text, ms] : good) {
    Result<std::int64_t> duration = parse_duration_ms(text);
    ASSERT_TRUE(duration) << text;
    EXPECT_EQ(*duration, ms) << text;
  }
  for (std::string_view text : {"", "-1s", "s", "1x", "1m1h", "1h1h", "1h30", "99999999999w", "1 h", "1mo"})
    EXPECT_FALSE(parse_duration_ms(text)) << text;
}

TEST(Values, ZxidsWantTheir0x) {
  EXPECT_EQ(*parse_zxid("0x10000000b"), 0x10000000b);
  EXPECT_EQ(*parse_zxid("0xffffffffffffffff"), -1);
  for (std::string_view text : {"", "0x", "10", "0xg", "0x1ffffffffffffffff", "0x-1"})
    EXPECT_FALSE(parse_zxid(text)) << text;
}

TEST(Nearest, FindsSlipsOfTheHandAndNothingElse) {
  const std::vector<std::string> verbs = {"backup", "list", "verify", "restore", "config", "ls"};
  EXPECT_EQ(nearest("bakup", verbs), "backup");
  EXPECT_EQ(nearest("bcakup", verbs), "backup") << "two letters swapped is one slip";
  EXPECT_EQ(nearest("restor", verbs), "restore");
  EXPECT_EQ(nearest("conf", verbs), "config");
  EXPECT_EQ(nearest("lst", verbs), "list");
  EXPECT_EQ(nearest("frobnicate", verbs), "");
  EXPECT_EQ(nearest("", verbs), "");
  EXPECT_EQ(nearest(std::string(10'000, 'x'), verbs), "");
}

TEST(Cells, LookRightInEveryFormat) {
  TextBuffer buffer;
  JsonWriter json(buffer);
  const Cell data = Cell::data(as_bytes("\xff"));
  json.begin_array();
  for (const Cell& cell :
       {Cell::null(), Cell::size(2048), Cell::duration_ms(1500), Cell::boolean(true), Cell::list({"a", "b"}),
        Cell::map({{"k", "v"}}), data, Cell::real_number(0.25), Cell::time(WallTime{0})})
    write_json(json, cell);
  json.end_array();
  EXPECT_EQ(buffer.view(),
            "[null,2048,1500,true,[\"a\",\"b\"],{\"k\":\"v\"},{\"base64\":\"/"
            "w==\"},0.25,\"1970-01-01T00:00:00.000Z\"]");
  EXPECT_EQ(cell_for_people(Cell::null()), "-");
  EXPECT_EQ(cell_for_people(Cell::size(2048)), "2.0 KiB");
  EXPECT_EQ(cell_for_people(Cell::map({{"k", "v\n"}})), "k=v\\n");
  EXPECT_EQ(cell_for_people(data), "base64:/w==");
  EXPECT_EQ(plain_line({Cell::string("a\tb"), Cell::size(2048), Cell::null()}), "a\\tb\t2048\t");
  EXPECT_EQ(csv_line({Cell::string("=1"), Cell::integer(-1), Cell::boolean(false)}), "'=1,-1,false");
}

TEST(TextTable, AlignsByColumnsAndNumbersToTheRight) {
  TextTable table({{"path", "PATH"}, {"hidden", ""}, {"n", "N"}});
  const std::vector<std::vector<Cell>> rows = {{Cell::string("\xe6\x97\xa5"), Cell::null(), Cell::integer(5)},
                                               {Cell::string("abc"), Cell::null(), Cell::integer(1234)},
                                               {Cell::string("x"), Cell::null(), Cell::null()}};
  for (const auto& row : rows) table.measure(row);
  EXPECT_EQ(table.header(), "PATH     N");
  EXPECT_EQ(table.line(rows[0]), "\xe6\x97\xa5       5");
  EXPECT_EQ(table.line(rows[1]), "abc   1234");
  EXPECT_EQ(table.line(rows[2]), "x        -");
}

}  // namespace
}  // namespace zkark::cli
