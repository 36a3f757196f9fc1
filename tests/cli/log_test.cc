// `log`: the same records as Apache's classes read, in every form; damage, gaps and hostile names.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>

#include "formats/file_names.h"
#include "formats/txn_log.h"
#include "tests/cli/verb_lab.h"
#include "tests/formats/canonical.h"
#include "tests/support/log_builder.h"

namespace zkark::test {
namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

// ---- from NDJSON back to the text of tests/compat/README.md ----

std::string bytes_of(const object& holder, const char* member) {
  const value& data = holder.at(member);
  if (const value* utf8 = data.as_object().if_contains("utf8")) return std::string(utf8->as_string());
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  for (char c : data.at("base64").as_string()) {
    if (c == '=') break;
    static const std::string kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    bits = bits << 6 | static_cast<std::uint32_t>(kDigits.find(c));
    if ((held += 6) >= 8) out += static_cast<char>(bits >> (held -= 8));
  }
  return out;
}

std::string data_of(const object& body) {
  if (body.at("data").is_null()) return "-";
  return to_hex(as_bytes(bytes_of(body, "data")));
}

std::string acl_of(const object& body) {
  if (body.at("acl").is_null()) return "-";
  std::string out;
  for (const value& rule : body.at("acl").as_array()) {
    int perms = 0;
    for (char c : rule.at("perms").as_string()) {
      static const std::map<char, int> kBits = {{'r', 1}, {'w', 2}, {'c', 4}, {'d', 8}, {'a', 16}};
      if (c != '-') perms |= kBits.at(c);
    }
    std::string id(rule.at("id").as_string());
    // Java reads a CESU-8 pair as two replacement characters; zkark shows one for each of its six bytes.
    for (const std::string three = "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd";;) {
      const std::size_t at = id.find(three);
      if (at == std::string::npos) break;
      id.replace(at, 9, "\xef\xbf\xbd");
    }
    out += fmt::format("{}{}:{}:", out.empty() ? "" : ",", perms, std::string(rule.at("scheme").as_string()));
    escape_bytes(out, id,
                 [](unsigned char b) { return b < '!' || b > '~' || b == ',' || b == ':' || b == '%'; });
  }
  return out;
}

int type_number(std::string_view name) {
  for (int type = -11; type <= 21; ++type)
    if (txn_type_name(static_cast<TxnType>(type)) == name) return type;
  ADD_FAILURE() << "no type is called " << name;
  return 0;
}

std::string body_text(int type, const object& body) {
  const auto path = [&] { return path_text(body.at("path").as_string()); };
  const auto number = [&](const char* member) { return body.at(member).as_int64(); };
  switch (type) {
    case 1:
    case 15:
      return fmt::format("path={} data={} acl={} ephemeral={} parentCVersion={}", path(), data_of(body),
                         acl_of(body), body.at("ephemeral").as_bool() ? 1 : 0,
                         body.contains("parent_cversion") ? number("parent_cversion") : -1);
    case 19:
      return fmt::format("path={} data={} acl={} parentCVersion={}", path(), data_of(body), acl_of(body),
                         number("parent_cversion"));
    case 21:
      return fmt::format("path={} data={} acl={} parentCVersion={} ttl={}", path(), data_of(body),
                         acl_of(body), number("parent_cversion"), number("ttl_ms"));
    case 2:
    case 20:
      return fmt::format("path={}", path());
    case 5:
    case 16:
      return fmt::format("path={} data={} version={}", path(), data_of(body), number("version"));
    case 7:
      return fmt::format("path={} acl={} version={}", path(), acl_of(body), number("aversion"));
    case 13:
      return fmt::format("path={} version={}", path(), number("version"));
    case -10:
      return fmt::format("timeout={}", number("timeout_ms"));
    case -11: {
      if (body.at("paths").is_null()) return "paths=-";
      std::string out = fmt::format("paths={}", body.at("paths").as_array().size());
      for (const value& one : body.at("paths").as_array()) out += " " + path_text(one.as_string());
      return out;
    }
    case -1:
      return fmt::format("err={}", number("error"));
    case 14: {
      std::string out = fmt::format("ops={}", body.at("ops").as_array().size());
      for (const value& op : body.at("ops").as_array()) {
        const int inner = type_number(op.at("type").as_string());
        out += fmt::format(" ; {} {}", inner, body_text(inner, op.as_object()));
      }
      return out;
    }
    default:
      return "?";
  }
}

/// "2026-11-21T07:35:47.422Z", by the C library, which zkark does not use.
std::int64_t ms_of(std::string_view text) {
  std::tm time{};
  int ms = 0;
  if (std::sscanf(std::string(text).c_str(), "%d-%d-%dT%d:%d:%d.%dZ", &time.tm_year, &time.tm_mon,
                  &time.tm_mday, &time.tm_hour, &time.tm_min, &time.tm_sec, &ms) != 7)
    ADD_FAILURE() << text;
  time.tm_year -= 1900;
  time.tm_mon -= 1;
  return static_cast<std::int64_t>(::timegm(&time)) * 1000 + ms;
}

std::string canonical(const object& txn) {
  const int type = type_number(txn.at("type").as_string());
  return fmt::format("{} {} {} {} {} {} digest={}", std::string(txn.at("zxid").as_string()),
                     std::string(txn.at("session").as_string()), txn.at("cxid").as_int64(),
                     ms_of(txn.at("time").as_string()), type, body_text(type, txn),
                     txn.contains("digest") ? "2:" + std::string(txn.at("digest").as_string()) : "-");
}

std::vector<std::string> file_lines(const std::filesystem::path& path) {
  std::ifstream in(path);
  std::vector<std::string> all;
  for (std::string line; std::getline(in, line);) all.push_back(line);
  return all;
}

class LogOfFixture : public VerbTest, public testing::WithParamInterface<std::string> {
 protected:
  /// Every log of the fixture with the lines that Apache recorded for it.
  std::map<std::string, std::vector<std::string>> recorded() const {
    std::map<std::string, std::vector<std::string>> logs;
    for (const std::string& path : fs.files("/data")) {
      const std::string name(base_name(path));
      if (parse_data_file_name(name).kind != DataFileKind::kLog) continue;
      const std::filesystem::path text = std::filesystem::path(ZKARK_SOURCE_DIR "/fixtures") / GetParam() /
                                         "apache-records" / (name + ".txt");
      if (std::filesystem::exists(text)) logs[path] = file_lines(text);
    }
    return logs;
  }
};

TEST_P(LogOfFixture, HasApachesRecordsInEveryFile) {
  load(GetParam());
  std::size_t compared = 0;
  for (const auto& [path, wanted] : recorded()) {
    const int status = zkark({"log", path, "-o", "ndjson"});
    std::vector<std::string> got;
    for (const object& row : objects())
      if (row.at("record").as_string() == "txns") got.push_back(canonical(row));
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (wanted[i] == "end" || wanted[i].starts_with("error ")) {
        // Where Apache gives up, zkark may read on: what follows is not compared.
        if (wanted[i] == "end") {
          EXPECT_EQ(got.size(), i) << path;
          EXPECT_EQ(status, 0) << path << console.err;
        }
        break;
      }
      ASSERT_LT(i, got.size()) << path;
      // Where a bare closeSession carries a digest, a 3.8.0 with default flags reads past it and shows none.
      if (wanted[i].find(" paths=- digest=-") != std::string::npos) {
        EXPECT_EQ(got[i].substr(0, got[i].rfind(' ')), wanted[i].substr(0, wanted[i].rfind(' '))) << path;
      } else {
        EXPECT_EQ(got[i], wanted[i]) << path;
      }
      ++compared;
    }
  }
  EXPECT_GT(compared, 0u);
}

TEST_P(LogOfFixture, TellsTheSameBackwards) {
  load(GetParam());
  const auto txns = [&](std::vector<std::string> words) {
    zkark(std::move(words));
    std::vector<std::string> all = lines();
    all.erase(std::remove_if(all.begin(), all.end(),
                             [](const std::string& l) { return l.find("\"record\":\"summary\"") != l.npos; }),
              all.end());
    return all;
  };
  std::vector<std::string> forwards = txns({"log", "/data", "-o", "ndjson"});
  const std::vector<std::string> backwards = txns({"log", "/data", "-o", "ndjson", "--reverse"});
  std::reverse(forwards.begin(), forwards.end());
  EXPECT_EQ(backwards, forwards);
  forwards.resize(std::min<std::size_t>(forwards.size(), 5));
  EXPECT_EQ(txns({"log", "/data", "-o", "ndjson", "--reverse", "--limit", "5"}), forwards);
}

INSTANTIATE_TEST_SUITE_P(Every, LogOfFixture, testing::ValuesIn(fixtures_with("apache-replay.txt")),
                         [](const auto& info) { return test_name(info.param); });

class Log : public VerbTest {
 protected:
  static Txn create(std::int64_t zxid, std::string_view path, std::string_view data = "x") {
    static const std::string acls = [] {
      const Acl open{31, "world", "anyone"};
      return encode_acls(std::span(&open, 1));
    }();
    Txn txn;
    txn.header = {0x1000001, 1, zxid, 1795239042000 + zxid, TxnType::kCreate};
    CreateTxn body;
    body.path = path;
    body.data = as_bytes(data);
    body.acl = AclList(as_bytes(acls));
    txn.body = body;
    return txn;
  }
  /// A log of creates with these zxids at /data/version-2/log.<first>.
  void put_log(std::vector<std::int64_t> zxids) {
    std::string bytes;
    append_log_header(bytes);
    for (std::int64_t zxid : zxids) append_txn(create(zxid, fmt::format("/n{}", zxid)), bytes);
    fs.put("/data/version-2/" + log_file_name(zxids.front()), bytes);
  }
  std::vector<std::string> zxids() {
    std::vector<std::string> all;
    for (const std::string& line : lines()) all.push_back(line.substr(0, line.find(' ')));
    return all;
  }
};

TEST_F(Log, LooksLikeThisToPeople) {
  load("zk-3.8.0-standalone");
  EXPECT_EQ(zkark({"log", "/data"}), 0);
  EXPECT_EQ(golden("tests/cli/golden/log.txt", console.out), "");
  EXPECT_EQ(console.err, "");
}

TEST_F(Log, LooksLikeThisToPrograms) {
  load("zk-3.8.0-standalone");
  for (const std::string format : {"ndjson", "json", "csv", "plain"}) {
    EXPECT_EQ(zkark({"log", "/data", "-o", format}), 0);
    EXPECT_EQ(golden("tests/cli/golden/log." + format, console.out), "");
    EXPECT_EQ(console.err, "");
  }
}

TEST_F(Log, IsOneDocumentInJson) {
  load("zk-3.9-ensemble/1");
  ASSERT_EQ(zkark({"log", "/data", "--json"}), 0);
  const object document = boost::json::parse(console.out).as_object();
  EXPECT_EQ(document.at("schema"), "zkark.log/1");
  EXPECT_EQ(document.at("txns").as_array().size(), static_cast<std::size_t>(document.at("count").as_int64()));
  EXPECT_EQ(document.at("complete"), true);
}

TEST_F(Log, SaysThatATornTailIsNormal) {
  load("zk-3.8.0-torn-tail");
  EXPECT_EQ(zkark({"log", "/data"}), 0);
  EXPECT_EQ(lines().size(), 0x25u);
  EXPECT_EQ(console.err,
            "torn tail: the last record was not written to its end and was never acknowledged "
            "(/data/version-2/log.1, offset 0x248c)\n");
}

TEST_F(Log, SkipsADamagedRecordAndSaysWhere) {
  put_log({1, 2, 3, 4, 5});
  zkark({"log", "/data", "-o", "ndjson"});
  const auto offset = static_cast<std::uint64_t>(objects()[2].at("offset").as_int64());
  fs.flip_bit("/data/version-2/log.1", offset + 50, 3);
  EXPECT_EQ(zkark({"log", "/data"}), 3);
  EXPECT_EQ(zxids(), (std::vector<std::string>{"0x1", "0x2", "0x4", "0x5"}));
  EXPECT_EQ(console.err,
            fmt::format(
                "error ZKA-0611: a record's checksum does not match its bytes (/data/version-2/log.1, offset "
                "{:#x}, zxid 0x3)\nhint: zkark explain ZKA-0611\n",
                offset));
  EXPECT_EQ(zkark({"log", "/data", "--reverse"}), 3);
  EXPECT_EQ(zxids(), (std::vector<std::string>{"0x5", "0x4", "0x2", "0x1"}));
}

TEST_F(Log, NamesTheTransactionsThatAreInNoFile) {
  put_log({1, 2, 3});
  put_log({6, 7});
  EXPECT_EQ(zkark({"log", "/data"}), 3);
  EXPECT_EQ(zxids().size(), 5u);
  EXPECT_EQ(console.err,
            "error ZKA-0301: transactions 0x4 to 0x5 are in no file (/data/version-2/log.6, offset 0x10)\n"
            "hint: zkark explain ZKA-0301\n");
  EXPECT_EQ(zkark({"log", "/data", "-o", "ndjson"}), 3);
  EXPECT_EQ(objects().back().at("complete"), false);
}

TEST_F(Log, IsCompleteWhereTheGapIsOutsideOfWhatIsAskedFor) {
  put_log({1, 2, 3});
  put_log({6, 7});
  EXPECT_EQ(zkark({"log", "/data", "--zxid", "..0x3"}), 0);
  EXPECT_EQ(zkark({"log", "/data", "--zxid", "0x6.."}), 0);
  EXPECT_EQ(zkark({"log", "/data", "--zxid", "0x5.."}), 3);
  EXPECT_EQ(zkark({"log", "/data", "--zxid", "..0x4"}), 3);
}

TEST_F(Log, MissesWhatPurgedLogsHeld) {
  put_log({5, 6});
  EXPECT_EQ(zkark({"log", "/data"}), 0);
  EXPECT_EQ(zkark({"log", "/data", "--zxid", "0x5.."}), 0);
  EXPECT_EQ(zkark({"log", "/data", "--zxid", "0x3.."}), 3);
  EXPECT_EQ(console.err,
            "error ZKA-0301: transactions 0x3 to 0x4 are in no file: the oldest one here is 0x5\nhint: zkark "
            "explain ZKA-0301\n");
}

TEST_F(Log, TakesARangeOfZxids) {
  put_log({1, 2, 3, 4, 5});
  EXPECT_EQ(zkark({"log", "/data", "--zxid", "0x2..0x4"}), 0);
  EXPECT_EQ(zxids(), (std::vector<std::string>{"0x2", "0x3", "0x4"}));
  EXPECT_EQ(zkark({"log", "/data", "--zxid", "0x3"}), 0);
  EXPECT_EQ(zxids(), (std::vector<std::string>{"0x3"}));
  EXPECT_EQ(zkark({"log", "/data", "--zxid", "0x4..0x2"}), 2);
  EXPECT_EQ(zkark({"log", "/data", "--zxid", ".."}), 2);
  EXPECT_EQ(zkark({"log", "/data", "--zxid", "5"}), 2);
}

TEST_F(Log, TakesARangeOfTimes) {
  put_log({1, 2, 3, 4, 5});  // at 1795239042.001 … .005
  EXPECT_EQ(zkark({"log", "/data", "--since", "@1795239042.002", "--until", "@1795239042.004"}), 0);
  EXPECT_EQ(zxids(), (std::vector<std::string>{"0x2", "0x3", "0x4"}));
  EXPECT_EQ(zkark({"log", "/data", "--since", "zxid:0x4"}), 0);
  EXPECT_EQ(zxids(), (std::vector<std::string>{"0x4", "0x5"}));
  EXPECT_EQ(zkark({"log", "/data", "--since", "latest"}), 0);
  EXPECT_EQ(zxids(), (std::vector<std::string>{"0x5"}));
  EXPECT_EQ(zkark({"log", "/data", "--until", "latest"}), 0);
  EXPECT_EQ(zxids().size(), 5u);
  EXPECT_EQ(zkark({"log", "/data", "--since", "latest~1"}), 2);
  EXPECT_NE(console.err.find("where a backup ends, `zkark list` shows"), std::string::npos) << console.err;
}

TEST_F(Log, TakesEachTransactionByItsOwnTimeWhereAClockStepped) {
  LogBuilder log;
  log.record(1, 1000).record(2, 2000).record(3, 500).record(4, 600).record(5, 2100).record(6, 1900);
  fs.put("/data/version-2/log.1", log.bytes());
  EXPECT_EQ(zkark({"log", "/data", "--since", "@1", "--until", "@2"}), 0);
  EXPECT_EQ(zxids(), (std::vector<std::string>{"0x1", "0x2", "0x6"}));
  EXPECT_EQ(
      console.err,
      "a clock stepped: 3 transactions between these, 0x3 to 0x5, carry a time outside of the range and "
      "are not shown; --zxid shows them\n");
  EXPECT_EQ(zkark({"log", "/data", "--since", "@1", "--until", "@2", "--stat", "--reverse"}), 0);
  EXPECT_NE(console.err.find("a clock stepped: 3 transactions"), std::string::npos) << console.err;
  // No step, no word.
  EXPECT_EQ(zkark({"log", "/data", "--since", "@0.5", "--until", "@1"}), 0);
  EXPECT_EQ(zxids(), (std::vector<std::string>{"0x1", "0x3", "0x4"}));
  EXPECT_NE(console.err.find("1 transaction between these, 0x2 to 0x2, carries a time"), std::string::npos)
      << console.err;
  EXPECT_EQ(zkark({"log", "/data", "--since", "@0.5", "--until", "@0.7"}), 0);
  EXPECT_EQ(console.err, "");
}

TEST_F(Log, UpToATimeIsTheHistoryThatARestoreWouldTake) {
  LogBuilder log;
  log.record(1, 1000).record(2, 2000).record(3, 3000);
  fs.put("/data/version-2/log.1", log.bytes());
  EXPECT_EQ(zkark({"log", "/data@@2"}), 0);
  EXPECT_EQ(zxids(), (std::vector<std::string>{"0x1", "0x2"}));
  fs.put("/data/version-2/log.1", LogBuilder(log).record(4, 1500).bytes());
  EXPECT_EQ(zkark({"log", "/data@@2"}), 7) << console.out;  // before 0x3, or after 0x4?
}

TEST_F(Log, SaysWhatThereIsWhereNothingLiesInTheRange) {
  put_log({2, 3, 4});
  const std::string held =
      "no transaction lies in that range: /data holds 0x2 2026-11-21 05:30:42.002Z to 0x4 2026-11-21 "
      "05:30:42.004Z\n";
  for (const std::vector<std::string>& range :
       {std::vector<std::string>{"--zxid", "0x50.."}, {"--since", "@1795239043"}, {"--until", "@5"}})
    for (const std::string how : {"--limit=5", "--reverse", "--stat"}) {
      EXPECT_EQ(zkark({"log", "/data", range[0], range[1], how}), 0);
      EXPECT_EQ(zxids(), (how == "--stat" ? std::vector<std::string>{"0"} : std::vector<std::string>{}));
      EXPECT_EQ(console.err, held) << range[1] << how;
    }
  // Nothing that is asked for in a range that has something is another matter.
  EXPECT_EQ(zkark({"log", "/data", "--zxid", "0x3..", "--path", "/nowhere"}), 0);
  EXPECT_EQ(console.err, "");
}

TEST_F(Log, StopsAtTheLimit) {
  put_log({1, 2, 3, 4, 5});
  EXPECT_EQ(zkark({"log", "/data", "--limit", "2"}), 0);
  EXPECT_EQ(zxids(), (std::vector<std::string>{"0x1", "0x2"}));
  EXPECT_EQ(zkark({"log", "/data", "--limit", "0"}), 0);
  EXPECT_EQ(console.out, "");
}

TEST_F(Log, LetsNoPathMoveTheCursor) {
  std::string bytes;
  append_log_header(bytes);
  append_txn(create(1, "/\x1b[2J\nevil\xe2\x80\xae", "\x1b]0;x\x07"), bytes);
  append_txn(create(2, "/bad\xff\xfe", std::string("\xff\x00", 2)), bytes);
  fs.put("/data/version-2/log.1", bytes);
  for (const std::string format : {"table", "ndjson", "json", "csv", "plain"}) {
    EXPECT_EQ(zkark({"log", "/data", "-o", format}), 0);
    EXPECT_EQ(console.out.find('\x1b'), std::string::npos) << format;
    EXPECT_EQ(console.out.find("\xe2\x80\xae"), std::string::npos) << format;
  }
  zkark({"log", "/data", "-o", "ndjson"});
  EXPECT_EQ(objects()[0].at("path"), "/\x1b[2J\nevil\xe2\x80\xae");
  EXPECT_EQ(objects()[0].at("data").at("utf8"), "\x1b]0;x\x07");
  EXPECT_EQ(objects()[1].at("path"), "/bad\xef\xbf\xbd\xef\xbf\xbd");
  EXPECT_EQ(objects()[1].at("path_base64"), "L2JhZP/+");
  EXPECT_EQ(objects()[1].at("data").at("base64"), "/wA=");
}

TEST_F(Log, HasNothingToSayAboutSnapshotsAlone) {
  load("zk-3.8.0-standalone");
  EXPECT_EQ(zkark({"log", "/data/version-2/snapshot.3c"}), 5);
  EXPECT_NE(console.err.find("ZKA-0502"), std::string::npos) << console.err;
}

TEST_F(Log, StopsQuietlyWhenTheReaderLeaves) {
  put_log({1, 2, 3});
  console.reader_leaves_after = 0;
  EXPECT_EQ(zkark({"log", "/data"}), 0);
  EXPECT_EQ(console.err, "");
}

TEST_F(Log, SaysWhenTheDiskBehindStdoutIsFull) {
  put_log({1, 2, 3});
  console.disk_full = true;
  EXPECT_EQ(zkark({"log", "/data"}), 9);
  EXPECT_NE(console.err.find("standard output could not be written"), std::string::npos) << console.err;
}

}  // namespace
}  // namespace zkark::test
