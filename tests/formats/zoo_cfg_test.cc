#include "formats/zoo_cfg.h"

#include <gtest/gtest.h>

#include <map>

#include "formats/base/text.h"
#include "tests/formats/memory_file.h"

namespace zkark {
namespace {

using test::slurp;

ZooCfg cfg(std::string text) {
  Result<ZooCfg> parsed = ZooCfg::parse(std::move(text), "zoo.cfg");
  if (!parsed) {
    ADD_FAILURE() << parsed.error().to_string();
    return *ZooCfg::parse("", "");
  }
  return *std::move(parsed);
}

std::map<std::string, std::string> properties(std::string_view text) {
  std::map<std::string, std::string> map;
  Result<std::vector<Property>> parsed = parse_properties(text, "p");
  EXPECT_TRUE(parsed);
  if (parsed)
    for (const Property& property : *parsed) map[property.key] = property.value;
  return map;
}
using Map = std::map<std::string, std::string>;

// ---- Java properties ----

TEST(Properties, SeparatorsAndBlanks) {
  EXPECT_EQ(properties("a=1\nb:2\nc 3\n  d  =  4  \ne\tf\n"),
            (Map{{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4  "}, {"e", "f"}}));
  EXPECT_EQ(properties("a==1\nb=:2\nc = = 3\nd:=4"),
            (Map{{"a", "=1"}, {"b", ":2"}, {"c", "= 3"}, {"d", "=4"}}));
  EXPECT_EQ(properties("key\nother="), (Map{{"key", ""}, {"other", ""}}));
  EXPECT_EQ(properties("=value"), (Map{{"", "value"}}));
}

TEST(Properties, CommentsAndEmptyLines) {
  EXPECT_EQ(properties("# one\n! two\n   # three\n\n \t\f\na=1 # no comment\n#b=2\\\nc=3"),
            (Map{{"a", "1 # no comment"}, {"c", "3"}}));
}

TEST(Properties, AllLineEnds) {
  EXPECT_EQ(properties("a=1\r\nb=2\rc=3\n\n\rd=4"), (Map{{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", "4"}}));
}

TEST(Properties, Continuations) {
  EXPECT_EQ(properties("a=1,\\\n   2,\\\r\n\t3\nb=4"), (Map{{"a", "1,2,3"}, {"b", "4"}}));
  EXPECT_EQ(properties("a=1\\\\\nb=2"), (Map{{"a", "1\\"}, {"b", "2"}}));
  EXPECT_EQ(properties("a=1\\\\\\\nb=2"), (Map{{"a", "1\\b=2"}}));
  EXPECT_EQ(properties("a=1\\\n\nb=2"), (Map{{"a", "1"}, {"b", "2"}}));
  EXPECT_EQ(properties("a=1\\\n# still a\nb=2"), (Map{{"a", "1# still a"}, {"b", "2"}}));
  EXPECT_EQ(properties("a=1\\"), (Map{{"a", "1"}}));
  EXPECT_EQ(properties("\\\n\\\nb=2"), (Map{{"b", "2"}}));
  EXPECT_EQ(properties("server\\\n  .1=x"), (Map{{"server.1", "x"}}));
  EXPECT_EQ(properties("\\\n# a comment\nb=2"), (Map{{"b", "2"}})) << "nothing was continued";
  EXPECT_EQ(properties("a=1\n\\\n"), (Map{{"a", "1"}, {"", ""}}))
      << "Java's reading of a lone backslash at the end";
  EXPECT_EQ(properties("a=1\n\\"), (Map{{"a", "1"}, {"", ""}}));
  EXPECT_EQ(properties("a=1\n\\\r\n"), (Map{{"a", "1"}}));
}

TEST(Properties, Escapes) {
  EXPECT_EQ(properties("a=\\t\\n\\r\\f\\\\\\x\\=\\u0041"), (Map{{"a", "\t\n\r\f\\x=A"}}));
  EXPECT_EQ(properties("a\\ b\\=c = \\ d"), (Map{{"a b=c", " d"}}));
  EXPECT_EQ(properties("a=C:\\zk\\data"), (Map{{"a", "C:zkdata"}}));
}

TEST(Properties, TextIsLatin1AndComesOutAsUtf8) {
  EXPECT_EQ(properties("a=\xe4"), (Map{{"a", "\xc3\xa4"}}));
  EXPECT_EQ(properties("a=\xc3\xa4"), (Map{{"a", "\xc3\x83\xc2\xa4"}}))
      << "as Java: the directory is another one";
  EXPECT_EQ(properties("a=\\u20AC\\ud83d\\ude00\\ud83d!"),
            (Map{{"a", "\xe2\x82\xac\xf0\x9f\x98\x80\xef\xbf\xbd!"}}));
}

TEST(Properties, AMalformedEscapeNamesItsPlace) {
  for (const char* bad : {"x=1\n\na=12\\u12g4", "x=1\n\na=12\\u123", "x=1\n\n\\u=12"}) {
    Result<std::vector<Property>> parsed = parse_properties(bad, "zoo.cfg");
    ASSERT_FALSE(parsed) << bad;
    EXPECT_EQ(parsed.error().id(), ErrorId::kBadZooCfg);
    EXPECT_EQ(parsed.error().file(), "zoo.cfg");
    EXPECT_EQ(parsed.error().offset(), std::string_view(bad).find('\\'));
    EXPECT_NE(parsed.error().message().find("line 3"), std::string::npos);
  }
}

TEST(Properties, LinesAreCounted) {
  Result<std::vector<Property>> parsed = parse_properties("# c\na=1\\\n 2\r\n\rb=2\rc=3", "p");
  ASSERT_TRUE(parsed && parsed->size() == 3);
  EXPECT_EQ((*parsed)[0].line, 2u);
  EXPECT_EQ((*parsed)[1].line, 5u);
  EXPECT_EQ((*parsed)[2].line, 6u);
}

TEST(Properties, WhatIsEscapedIsReadBack) {
  for (const char* value :
       {"", " ", "/data", " =:#!", "C:\\zk", "a\tb\nc\rd\fe", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "=x",
        ":x", "#x", "trailing ", "\x01\x7f"})
    for (const char* separator : {"=", ":", " ", " = ", "\t"}) {
      const std::string text =
          "before=1\nkey" + std::string(separator) + escape_property_value(value) + "\nafter=2\n";
      EXPECT_EQ(properties(text), (Map{{"before", "1"}, {"key", value}, {"after", "2"}})) << text;
    }
  for (const char* key : {"a", "a b", "=a", "#a", "!", "a:b", "\xc3\xa4"})
    EXPECT_EQ(properties(escape_property_key(key) + "=v"), (Map{{key, "v"}})) << key;
}

std::string edited(std::string_view text, std::vector<PropertyEdit> edits) {
  Result<std::string> result = edit_properties(text, "p", edits);
  EXPECT_TRUE(result);
  return result ? *result : "";
}

TEST(PropertyEdits, ReplaceTheValueAndKeepEveryOtherByte) {
  EXPECT_EQ(edited("# top\n  dataDir =  /old  \n\nx=1", {{"dataDir", "/new"}}),
            "# top\n  dataDir =  /new\n\nx=1");
  EXPECT_EQ(edited("a 1\r\nb:2\r\n", {{"a", "=9"}, {"b", "8"}}), "a \\=9\r\nb:8\r\n");
  EXPECT_EQ(edited("a=1\\\n   2\nb=3", {{"a", "9"}}), "a=9\nb=3");
  EXPECT_EQ(edited("a=\\\n   2\nb=3", {{"a", "9"}}), "a=\\\n   9\nb=3");
  EXPECT_EQ(edited("a\nb=3", {{"a", "9"}}), "a=9\nb=3");
  EXPECT_EQ(edited("a=\nb=3", {{"a", "9"}}), "a=9\nb=3");
}

TEST(PropertyEdits, ReplaceEveryLineOfTheKey) {
  EXPECT_EQ(edited("a=1\nb=2\n#a=3\na=4", {{"a", "9"}}), "a=9\nb=2\n#a=3\na=9");
}

TEST(PropertyEdits, RemoveLines) {
  EXPECT_EQ(edited("a=1\nb=2\\\n 3\nc=4", {{"b", std::nullopt}}), "a=1\nc=4");
  EXPECT_EQ(edited("a=1\nc=4\n", {{"b", std::nullopt}}), "a=1\nc=4\n");
}

TEST(PropertyEdits, AppendWhatIsAbsentInTheFilesLineEnds) {
  EXPECT_EQ(edited("", {{"a", "1"}}), "a=1\n");
  EXPECT_EQ(edited("x=1\n", {{"a", "1"}, {"b", "2"}}), "x=1\na=1\nb=2\n");
  EXPECT_EQ(edited("x=1", {{"a", "1"}}), "x=1\na=1\n");
  EXPECT_EQ(edited("x=1\r\ny=2", {{"a", "1"}}), "x=1\r\ny=2\r\na=1\r\n");
  EXPECT_EQ(edited("x=1\ry=2", {{"a", "1"}}), "x=1\ry=2\ra=1\r");
}

TEST(PropertyEdits, AppendBehindALastLineThatIsContinued) {
  for (const char* text :
       {"x=1\\", "x=1\\\n", "x=1\\\r\n", "x=1\\\r", "y=2\nx=1\\\r", "y=2\r\nx=1\\\r", "# c\\", "x=1\\\\"}) {
    Map expected = properties(text);
    expected["a"] = "1";
    EXPECT_EQ(properties(edited(text, {{"a", "1"}})), expected) << text;
  }
}

// java.util.Properties of Java 17 on each of these files: a lone backslash is an empty key at the end of the
// file, even with one line end behind it, and nothing at all with a line behind it.
TEST(PropertyEdits, AppendBehindALoneBackslashWhichThenIsNoKeyAnyMore) {
  EXPECT_EQ(properties("x=1\n\\"), (Map{{"x", "1"}, {"", ""}}));
  EXPECT_EQ(properties("x=1\n\\\n"), (Map{{"x", "1"}, {"", ""}}));
  EXPECT_EQ(properties("x=1\n\\\na=1\n"), (Map{{"x", "1"}, {"a", "1"}}));
  EXPECT_EQ(edited("x=1\n\\", {{"a", "1"}}), "x=1\n\\\n\na=1\n");
  EXPECT_EQ(properties("x=1\n\\\n\na=1\n"), (Map{{"x", "1"}, {"a", "1"}}));
  // An empty key that somebody wrote comes to light again.
  EXPECT_EQ(properties("=x\n\\"), (Map{{"", ""}}));
  EXPECT_EQ(properties(edited("=x\n\\", {{"a", "1"}})), (Map{{"", "x"}, {"a", "1"}}));
}

// ---- zoo.cfg ----

const char* kEnsembleCfg =
    "tickTime=2000\n"
    "dataDir=/var/lib/zookeeper\n"
    "dataLogDir = /var/log/zk\n"
    "clientPort=2181\n"
    "initLimit=10\n"
    "syncLimit=5\n"
    "server.1=zk1:2888:3888\n"
    "server.3=zk3:2888:3888:observer;2181\n"
    "server.2=[2001:db8::2]:2888:3888:participant;[::1]:2182\n";

TEST(ZooCfg, GivesDirectoriesAndPorts) {
  const ZooCfg c = cfg(kEnsembleCfg);
  EXPECT_EQ(*c.data_dir(), "/var/lib/zookeeper");
  EXPECT_EQ(*c.data_log_dir(), "/var/log/zk");
  EXPECT_EQ(**c.client_address(), (ClientAddress{"0.0.0.0", 2181}));
  EXPECT_EQ(*c.secure_client_address(), std::nullopt);
  EXPECT_EQ(*c.number("tickTime", 0), 2000);
  EXPECT_EQ(*c.number("preAllocSize", 65536), 65536);
  EXPECT_EQ(c.dynamic_config_file(), std::nullopt);
  const std::vector<CfgRemark> remarks = c.check();
  ASSERT_EQ(remarks.size(), 1u);
  EXPECT_EQ(remarks[0].message, "two participants: the ensemble stops when either fails");
}

TEST(ZooCfg, TheLastLineOfAKeyCountsAndValuesAreTrimmed) {
  const ZooCfg c = cfg("dataDir=/a\ndataDir=/b  \t\n");
  EXPECT_EQ(*c.data_dir(), "/b");
  EXPECT_EQ(*c.data_log_dir(), "/b");
}

TEST(ZooCfg, UnknownKeysAreKept) { EXPECT_EQ(cfg("dataDir=/a\nmyKey = x y").get("myKey"), "x y"); }

TEST(ZooCfg, ErrorsNameFileLineAndKey) {
  const ZooCfg c = cfg("dataDir=/a\nclientPort=21x81\nsyncEnabled=yes\n");
  Result<std::optional<ClientAddress>> address = c.client_address();
  ASSERT_FALSE(address);
  EXPECT_EQ(address.error().id(), ErrorId::kBadZooCfg);
  EXPECT_EQ(address.error().file(), "zoo.cfg");
  EXPECT_EQ(address.error().message(), "line 2: clientPort: '21x81' is no number that fits");
  EXPECT_EQ(c.flag("syncEnabled", true).error().message(),
            "line 3: syncEnabled: 'yes' is neither true nor false");
  EXPECT_EQ(cfg("clientPort=1").data_dir().error().message(), "dataDir is not set");
  EXPECT_FALSE(cfg("dataDir=/a\nclientPort=65536").client_address());
}

TEST(ZooCfg, ServerLinesGiveTheMembers) {
  Result<Ensemble> ensemble = cfg(kEnsembleCfg).ensemble();
  ASSERT_TRUE(ensemble) << ensemble.error().to_string();
  ASSERT_EQ(ensemble->servers.size(), 3u);
  EXPECT_EQ(ensemble->voters(), 2u);
  EXPECT_EQ(ensemble->servers[0].addresses, (std::vector<PeerAddress>{{"zk1", 2888, 3888}}));
  EXPECT_EQ(ensemble->servers[0].client, std::nullopt);
  EXPECT_FALSE(ensemble->servers[0].observer);
  EXPECT_EQ(ensemble->servers[1].addresses, (std::vector<PeerAddress>{{"2001:db8::2", 2888, 3888}}));
  EXPECT_EQ(ensemble->servers[1].client, (ClientAddress{"::1", 2182}));
  EXPECT_TRUE(ensemble->servers[2].observer);
  EXPECT_EQ(ensemble->servers[2].client, (ClientAddress{"0.0.0.0", 2181}));
  EXPECT_EQ(ensemble->find(3)->line, 8u);
  EXPECT_EQ(ensemble->find(4), nullptr);
  EXPECT_FALSE(ensemble->hierarchical);
  EXPECT_EQ(ensemble->version, 0);
}

TEST(ZooCfg, GroupsAndWeights) {
  Result<Ensemble> ensemble = cfg("server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2:observer\ngroup.1=1:"
                                  "2\nweight.2=5\nversion=100000004")
                                  .ensemble();
  ASSERT_TRUE(ensemble);
  EXPECT_TRUE(ensemble->hierarchical);
  EXPECT_EQ(ensemble->find(1)->group, 1);
  EXPECT_EQ(ensemble->find(1)->weight, 1);
  EXPECT_EQ(ensemble->find(2)->weight, 5);
  EXPECT_EQ(ensemble->find(3)->group, std::nullopt);
  EXPECT_EQ(ensemble->version, 0x100000004);
}

TEST(ZooCfg, OddServerLinesAreReadAsApacheReadsThem) {
  EXPECT_EQ(parse_server_line(1, "a:1:2|b:3:4")->addresses.size(), 2u);
  EXPECT_TRUE(parse_server_line(1, "a:1:2:OBSERVER ")->observer);
  EXPECT_EQ(parse_server_line(1, "a:1:2;")->client, std::nullopt);
  EXPECT_EQ(parse_server_line(1, "a:1:2:participant;h:5")->client, (ClientAddress{"h", 5}));
  EXPECT_EQ(parse_server_line(1, "a:1")->addresses[0].election_port, 0)
      << "3.4 without leader election ports";
  for (const char* bad : {"", "a", "a:", "a:x:2", "a:1:x", "a:1:1", "a:1:2:leader", "a:1:2:participant:3",
                          "a:1:2;3;4", "a:1:2;x", "a:1:2;h:3:4", "[::1", "[::1]:", "a:70000:1",
                          "a:1:2:observer|b:1:2:participant", "a:-1:2"}) {
    Result<ServerLine> line = parse_server_line(1, bad);
    ASSERT_FALSE(line) << bad;
    EXPECT_EQ(line.error().id(), ErrorId::kBadZooCfg);
    EXPECT_FALSE(line.error().hint().empty());
  }
  EXPECT_FALSE(cfg("server.x=a:1:2").ensemble());
  EXPECT_FALSE(cfg("server.1=a:1:2\ngroup.1=1:1").ensemble());
  EXPECT_FALSE(cfg("version=xyz").ensemble());
}

// ---- check ----

std::vector<std::string> remarks(std::string text, CfgRemark::Kind kind, bool dynamic = false) {
  std::vector<std::string> found;
  for (const CfgRemark& remark : cfg(std::move(text)).check(dynamic))
    if (remark.kind == kind) found.push_back(remark.key);
  return found;
}
constexpr auto kRefused = CfgRemark::Kind::kRefused;
constexpr auto kWarning = CfgRemark::Kind::kWarning;
using Keys = std::vector<std::string>;

TEST(ZooCfgCheck, SaysWhatAServerRefuses) {
  const std::string base = "dataDir=/d\n";
  EXPECT_EQ(remarks("clientPort=2181", kRefused), (Keys{""})) << "no dataDir";
  EXPECT_EQ(remarks(base + "clientPort=x", kRefused), (Keys{"clientPort"}));
  EXPECT_EQ(remarks(base + "clientPort=2147483648", kRefused), (Keys{"clientPort"}));
  EXPECT_EQ(remarks(base + "clientPort=70000", kRefused), (Keys{"clientPort"}));
  EXPECT_EQ(remarks(base + "clientPortAddress=h", kRefused), (Keys{"clientPortAddress"}));
  EXPECT_EQ(remarks(base + "tickTime=0", kRefused), (Keys{"tickTime"}));
  EXPECT_EQ(remarks(base + "minSessionTimeout=50000\nmaxSessionTimeout=40000", kRefused),
            (Keys{"minSessionTimeout"}));
  EXPECT_EQ(remarks(base + "maxSessionTimeout=10", kRefused), (Keys{"maxSessionTimeout"}));
  EXPECT_EQ(remarks(base + "electionAlg=0", kRefused), (Keys{"electionAlg"}));
  EXPECT_EQ(remarks(base + "peerType=leader", kRefused), (Keys{"peerType"}));
  EXPECT_EQ(remarks(base + "peerType=Observer", kRefused), (Keys{}));
  EXPECT_EQ(remarks(base + "reconfigEnabled=yes", kRefused), (Keys{"reconfigEnabled"}));
  EXPECT_EQ(remarks(base + "quorum.auth.serverRequireSasl=true", kRefused),
            (Keys{"quorum.auth.serverRequireSasl"}));
  EXPECT_EQ(remarks(base + "server.1=a:1:2\nserver.2=b:1:2\nserver.3=c:1:2", kRefused), (Keys{"", ""}))
      << "initLimit, syncLimit";
  EXPECT_EQ(remarks(base + "server.1=a:1:2:observer", kRefused), (Keys{""}));
  EXPECT_EQ(remarks(base + "standaloneEnabled=false", kRefused), (Keys{"", "", ""}));
  EXPECT_EQ(remarks(base + "server.1=a:1:2 ", kRefused), (Keys{"server.1"}));
  EXPECT_EQ(remarks(base + "server.1=a:1:2|b:1:2", kRefused), (Keys{"server.1"}));
  EXPECT_EQ(remarks(base + "server.1=a:1", kWarning), (Keys{"server.1"}));
  EXPECT_EQ(remarks(base + "server.1=a", kRefused), (Keys{"server.1"}));
  EXPECT_EQ(remarks(base + "dynamicConfigFile=/c\nserver.1=a:1:2", kRefused), (Keys{"server.1"}));
  EXPECT_EQ(remarks(base + "snapSizeLimitInKb=0", kRefused), (Keys{"snapSizeLimitInKb"}));
  EXPECT_EQ(remarks(base + "autopurge.purgeInterval=x", kRefused), (Keys{"autopurge.purgeInterval"}));
  EXPECT_EQ(remarks(base + "autopurge.purgeInterval=30m", kRefused), (Keys{}));
  EXPECT_EQ(remarks("server.1=a:1:2\nversion=1", kRefused, true), (Keys{"version"}));
  EXPECT_EQ(remarks("server.1=a:1:2\nclientPort=1", kRefused, true), (Keys{"clientPort"}));
  EXPECT_EQ(remarks("server.1=a:1:2\nserver.2=b:1:2\ngroup.1=1", kRefused, true), (Keys{"server.2"}));
}

TEST(ZooCfgCheck, WarnsOfWhatAServerTakesWithoutAWord) {
  const std::string base = "dataDir=/d\n";
  EXPECT_EQ(remarks(base + "jute.maxbuffer=9999999", kWarning), (Keys{"jute.maxbuffer"}));
  EXPECT_EQ(remarks(base + "snapCount=many", kWarning), (Keys{"snapCount"}));
  EXPECT_EQ(remarks(base + "extendedTypesEnabled=yes", kWarning), (Keys{"extendedTypesEnabled"}));
  EXPECT_EQ(remarks(base + "forceSync=false", kWarning), (Keys{"forceSync"}));
  EXPECT_EQ(remarks(base + "forceSync=no", kWarning), (Keys{"forceSync"}));
  EXPECT_EQ(remarks(base + "forceSync=yes", kWarning), (Keys{}));
  EXPECT_EQ(remarks(base + "snapshotSizeFactor=0.5\nssl.keyStore.location=/"
                           "x\nauthProvider.1=y\nmetricsProvider.httpPort=7000",
                    kWarning),
            (Keys{}));
  EXPECT_EQ(remarks("dataDir=/c\ndataDir=/d", kWarning), (Keys{"dataDir"}));
  EXPECT_EQ(remarks("dataDir=.", kWarning), (Keys{"dataDir"}));
  const std::vector<CfgRemark> found =
      cfg(base + "\nautopurge.snapRetaincount=5\nmaxClientConns=3\nzzzzzzzzzz=1").check();
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].hint, "did you mean autopurge.snapRetainCount?");
  EXPECT_EQ(found[0].line, 3u);
  EXPECT_EQ(found[0].offset, base.size() + 1);
  EXPECT_EQ(found[1].hint, "did you mean maxClientCnxns?");
  EXPECT_EQ(found[2].hint, "");
}

TEST(ZooCfgCheck, TakesTimeInProportionToTheFile) {
  std::string text = "dataDir=/d\n";
  for (int i = 0; i < 30000; ++i)
    text += "group." + std::to_string(i) + "=" + std::to_string(i) + "\nserver." + std::to_string(i) +
            "=a:1:2\nkey" + std::to_string(i) + "=v\nagain=1\n";
  const ZooCfg c = cfg(text);
  EXPECT_EQ(c.ensemble()->voters(), 30000u);
  EXPECT_GT(c.check().size(), 30000u);
}

TEST(ZooCfgCheck, EveryFixturePassesButForItsDot) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(ZKARK_SOURCE_DIR "/fixtures")) {
    const std::string name = entry.path().filename().string();
    const bool dynamic = name.starts_with("zoo.cfg.dynamic");
    if (name != "zoo.cfg" && !dynamic) continue;
    const std::string text = slurp(entry.path());
    EXPECT_TRUE(looks_like_zoo_cfg(as_bytes(text))) << entry.path();
    const ZooCfg c = cfg(text);
    for (const CfgRemark& remark : c.check(dynamic)) {
      if (remark.key == "dataDir" || remark.key == "dataLogDir") continue;  // "." in the fixtures
      EXPECT_TRUE(remark.kind == CfgRemark::Kind::kNote)
          << entry.path() << " " << remark.key << ": " << remark.message;
    }
    if (dynamic) {
      EXPECT_GE(c.ensemble()->voters(), 3u);
      EXPECT_TRUE(dynamic_config_version(name).has_value());
    }
    ++files;
  }
  EXPECT_GT(files, 20u);
}

// ---- the list of keys ----

TEST(ZooKeys, AreFoundByNameAndByPattern) {
  EXPECT_EQ(find_zoo_key("dataDir")->type, ZooKeyType::kPath);
  EXPECT_EQ(find_zoo_key("server.17")->name, "server.*");
  EXPECT_EQ(find_zoo_key("ssl.quorum.keyStore.location")->name, "ssl.*");
  EXPECT_EQ(find_zoo_key("extendedTypesEnabled")->property, "zookeeper.extendedTypesEnabled");
  EXPECT_EQ(find_zoo_key("jute.maxbuffer")->use, ZooKeyUse::kIgnored);
  EXPECT_EQ(find_zoo_key("metricsProvider.className")->name, "metricsProvider.className");
  EXPECT_EQ(find_zoo_key("server."), nullptr);
  EXPECT_EQ(find_zoo_key("datadir"), nullptr) << "case counts";
  EXPECT_EQ(nearest_zoo_key("datadir"), "dataDir");
  EXPECT_EQ(nearest_zoo_key("prealocSize"), "preAllocSize");
  EXPECT_EQ(nearest_zoo_key("completely.different.thing"), std::nullopt);
}

TEST(ZooKeys, HaveOneRowEach) {
  for (const ZooKey& row : zoo_keys()) {
    EXPECT_EQ(find_zoo_key(row.name), &row) << row.name;
    EXPECT_EQ(row.use == ZooKeyUse::kParsed, row.property.empty()) << row.name;
    EXPECT_FALSE(zoo_key_type_name(row.type).empty());
  }
  EXPECT_GT(zoo_keys().size(), 150u);
}

// ---- moving, telling apart ----

TEST(MoveZooCfg, SetsTheDirectoriesAndKeepsTheRest) {
  const ZooCfg c =
      cfg("# my "
          "server\ndataDir=/old\ndataLogDir=/oldlog\ndynamicConfigFile=/conf/"
          "zoo.cfg.dynamic.1\nclientPort=2181\n");
  EXPECT_EQ(*move_zoo_cfg(
                c, {"/new", "/newlog", "/new/conf/zoo.cfg.dynamic.1", {{"extendedTypesEnabled", "true"}}}),
            "# my "
            "server\ndataDir=/new\ndataLogDir=/newlog\ndynamicConfigFile=/new/conf/"
            "zoo.cfg.dynamic.1\nclientPort=2181\nextendedTypesEnabled=true\n");
  EXPECT_EQ(*move_zoo_cfg(c, {"/new", std::nullopt, std::nullopt, {}}),
            "# my server\ndataDir=/new\ndynamicConfigFile=/conf/zoo.cfg.dynamic.1\nclientPort=2181\n");
}

TEST(MoveZooCfg, InventsNoDynamicConfiguration) {
  EXPECT_EQ(*move_zoo_cfg(cfg("dataDir=/old"), {"/new dir", std::nullopt, "/x", {}}), "dataDir=/new dir");
}

TEST(ConfigPaths, RelativeOnesBelongToTheGivenBase) {
  EXPECT_EQ(resolve_config_path("/abs", "/base"), "/abs");
  EXPECT_EQ(resolve_config_path("data", "/base"), "/base/data");
  EXPECT_EQ(resolve_config_path("./data", "/base"), "/base/data");
  EXPECT_EQ(resolve_config_path(".//./data", "/base"), "/base/data");
  EXPECT_EQ(resolve_config_path(".", "/base"), "/base");
  EXPECT_EQ(resolve_config_path("./", "/base"), "/base");
  EXPECT_EQ(resolve_config_path("../data", "/base"), "/base/../data");
}

TEST(LooksLikeZooCfg, ByItsKeys) {
  EXPECT_TRUE(looks_like_zoo_cfg(as_bytes("# c\ndataDir=/x\n")));
  EXPECT_TRUE(looks_like_zoo_cfg(as_bytes("server.1=a:1:2\nserver.2=b:1:2\nversion=5")));
  EXPECT_TRUE(looks_like_zoo_cfg(as_bytes("dataDir=/x\r\nother=\xe4")));
  EXPECT_FALSE(looks_like_zoo_cfg({}));
  EXPECT_FALSE(looks_like_zoo_cfg(as_bytes("#dataDir=/x\n")));
  EXPECT_FALSE(looks_like_zoo_cfg(as_bytes("hello world\n")));
  EXPECT_FALSE(looks_like_zoo_cfg(as_bytes("server.1=a:1:2\nhello=world\n")));
  EXPECT_FALSE(looks_like_zoo_cfg(as_bytes(std::string_view("dataDir=/x\n\0", 12))));
  for (const char* prefix : {"log.", "snapshot."})
    for (const auto& path : test::fixture_files(prefix))
      EXPECT_FALSE(looks_like_zoo_cfg(as_bytes(slurp(path).substr(0, 4096)))) << path;
}

TEST(DynamicConfig, VersionIsTheNamesEnd) {
  EXPECT_EQ(dynamic_config_version("/conf/zoo.cfg.dynamic.100000000"), 0x100000000);
  EXPECT_EQ(dynamic_config_version("zoo.cfg.dynamic"), std::nullopt);
  EXPECT_EQ(dynamic_config_version("zoo.cfg.dynamic.0"), 0);
  EXPECT_EQ(dynamic_config_version("noend"), std::nullopt);
  EXPECT_EQ(dynamic_config_version("zoo.cfg.dynamic."), std::nullopt);
}

// ---- likeness of words ----

TEST(Text, EditDistance) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("abc", ""), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("dataDri", "dataDir"), 1u) << "neighbours swapped";
  EXPECT_EQ(edit_distance("datadir", "DataDir"), 0u);
}

TEST(Text, NearestName) {
  const std::string_view names[] = {"backup", "restore", "verify"};
  EXPECT_EQ(nearest_name("bakcup", names), "backup");
  EXPECT_EQ(nearest_name("x", names), std::nullopt);
  EXPECT_EQ(nearest_name("", names), std::nullopt);
  EXPECT_EQ(nearest_name(std::string(65, 'b'), names), std::nullopt);
}

TEST(Text, NearestNameIsThatOfTheSmallestEditDistance) {
  std::vector<std::string_view> names;
  for (const ZooKey& key : zoo_keys()) names.push_back(key.name);
  std::size_t near = 0;
  for (std::size_t i = 0; i < names.size(); i += 5) {
    const std::string_view name = names[i];
    for (std::size_t cut = 0; cut < name.size(); ++cut) {
      // A letter lost here, two swapped further on, and one more for every seventh: near and not so near.
      std::string word(name);
      word.erase(cut, 1);
      if (cut + 3 < word.size()) std::swap(word[cut + 1], word[cut + 2]);
      word.append(cut % 7, 'q');
      std::optional<std::string_view> best;
      std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
      for (std::string_view candidate : names)
        if (const std::size_t distance = edit_distance(word, candidate); distance < least)
          best = candidate, least = distance;
      if (word.empty() || word.size() > 64) best = std::nullopt;
      ASSERT_EQ(nearest_name(word, names), best) << word;
      if (best) ++near;
    }
  }
  EXPECT_GT(near, 200u);
}

}  // namespace
}  // namespace zkark
