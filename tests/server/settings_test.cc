#include <gtest/gtest.h>

#include <fmt/format.h>

#include <fstream>
#include <sstream>

#include "src/server/settings_reader.h"

namespace zkark::server {
namespace {

using Kind = CfgRemark::Kind;

ZooCfg cfg(std::string text) {
  Result<ZooCfg> parsed = ZooCfg::parse(std::move(text), "zoo.cfg");
  ZK_CHECK(parsed.has_value());
  return *std::move(parsed);
}

PropertyMap flags(std::string_view text) {
  PropertyMap properties;
  EXPECT_TRUE(add_jvm_flags(properties, text, "JVMFLAGS"));
  return properties;
}

constexpr std::string_view kPlain = "dataDir=/d\nclientPort=2181\n";

SettingsReading judge(std::string_view more, std::string_view jvm_flags = "",
                      const SettingsContext& context = {}) {
  return judge_settings(cfg(std::string(kPlain) + std::string(more)), flags(jvm_flags), context);
}
Settings settings(std::string_view more, std::string_view jvm_flags = "") {
  return judge(more, jvm_flags).settings;
}

/// "refused 3 key: message | hint", a line each; notes only where asked for.
std::string told(const SettingsReading& reading, bool notes = false) {
  std::string text;
  for (const CfgRemark& remark : reading.remarks) {
    if (remark.kind == Kind::kNote && !notes) continue;
    text +=
        fmt::format("{} {} {}: {}{}{}\n",
                    remark.kind == Kind::kRefused   ? "refused"
                    : remark.kind == Kind::kWarning ? "warning"
                                                    : "note",
                    remark.line, remark.key, remark.message, remark.hint.empty() ? "" : " | ", remark.hint);
  }
  return text;
}
std::string told(std::string_view more, std::string_view jvm_flags = "", bool notes = false) {
  return told(judge(more, jvm_flags), notes);
}

// ---- system properties

std::map<std::string, std::string> plain(const PropertyMap& properties) {
  std::map<std::string, std::string> map;
  for (const auto& [name, property] : properties) map[name] = property.value;
  return map;
}
using Map = std::map<std::string, std::string>;

TEST(SystemProperties, AreTakenFromFlagsAsAShellSplitsThem) {
  EXPECT_EQ(
      plain(flags("-Xmx1g -Da=1\t-Db='x y'  \"-Dc=p q\" -Dd=a\\ b -De=\"q\\\"r\\s\" -Df='' -Dg")),
      (Map{{"a", "1"}, {"b", "x y"}, {"c", "p q"}, {"d", "a b"}, {"e", "q\"r\\s"}, {"f", ""}, {"g", ""}}));
  EXPECT_EQ(plain(flags("-Da=1=2 '-Db=$HOME' -Dc=x\\\ny")), (Map{{"a", "1=2"}, {"b", "$HOME"}, {"c", "xy"}}));
}

TEST(SystemProperties, LeaveOtherOptionsToJava) {
  EXPECT_EQ(plain(flags("-javaagent:/x.jar=7070 -XX:OnOutOfMemoryError='kill -9 %p' -D -D= -cp a -Da=1")),
            (Map{{"a", "1"}}));
}

TEST(SystemProperties, OfAnOpenQuoteAreAnError) {
  PropertyMap properties;
  for (std::string_view text : {"-Da='1", "-Da=\"1", "-Da=\"1\\\""}) {
    const Status status = add_jvm_flags(properties, text, "SERVER_JVMFLAGS");
    ASSERT_FALSE(status) << text;
    EXPECT_EQ(status.error().id(), ErrorId::kBadConfig);
    EXPECT_EQ(status.error().message(), "SERVER_JVMFLAGS: a quote has no end");
  }
}

TEST(SystemProperties, DefinedLaterCount) {
  PropertyMap properties;
  ASSERT_TRUE(add_jvm_flags(properties, "-Da=1 -Db=1 -Dc=1", "SERVER_JVMFLAGS"));
  ASSERT_TRUE(add_jvm_flags(properties, "-Db=2 -Dc=2", "JVMFLAGS"));
  ASSERT_TRUE(define_property(properties, "c=3", "the command line"));
  EXPECT_EQ(plain(properties), (Map{{"a", "1"}, {"b", "2"}, {"c", "3"}}));
  EXPECT_EQ(properties["b"].origin, "JVMFLAGS");
  const Status nameless = define_property(properties, "=3", "the command line");
  ASSERT_FALSE(nameless);
  EXPECT_EQ(nameless.error().id(), ErrorId::kUsage);
}

// ---- values

TEST(Settings, OfAPlainFileAreTheDefaults) {
  Settings expected;
  expected.data_dir = expected.data_log_dir = "/d";
  expected.client_port = 2181;
  expected.given = {{"dataDir", "/d"}, {"clientPort", "2181"}};
  const SettingsReading reading = judge("");
  EXPECT_TRUE(reading.settings == expected);
  EXPECT_EQ(told(reading, true), "");
}

TEST(Settings, OfTheSampleFileNeedNoWarning) {
  EXPECT_EQ(told("tickTime=2000\ninitLimit=10\nsyncLimit=5\n"), "");
  EXPECT_EQ(told("initLimit=10\n", "", true),
            "note 3 initLimit: has no effect: only members of an ensemble use it\n");
}

TEST(Settings, TakeTheTickForSessionTimeouts) {
  const Settings from_tick = settings("tickTime=500\n");
  EXPECT_EQ(from_tick.min_session_timeout_ms, 1000);
  EXPECT_EQ(from_tick.max_session_timeout_ms, 10'000);
  const Settings set = settings("minSessionTimeout=7\nmaxSessionTimeout=70000\n");
  EXPECT_EQ(set.min_session_timeout_ms, 7);
  EXPECT_EQ(set.max_session_timeout_ms, 70'000);
  EXPECT_EQ(told("minSessionTimeout=70000\n"),
            "refused 3 minSessionTimeout: the smallest session timeout is 70000, the largest 60000\n");
  EXPECT_EQ(told("tickTime=0\n"), "refused 3 tickTime: must not be 0\n");
  EXPECT_NE(told("tickTime=-1\n").find("refused 3 tickTime: must be more than 0"), std::string::npos);
}

TEST(Settings, KeepTheAddressThatClientsUse) {
  EXPECT_EQ(settings("").client_host, std::nullopt);
  EXPECT_EQ(settings("clientPortAddress=localhost\n").client_host, "localhost");
  EXPECT_EQ(told(judge_settings(cfg("dataDir=/d\n"), {})),
            "warning 0 : clientPort is not set, so no client can connect\n");
  EXPECT_EQ(told("clientPort=0\n"),
            "warning 2 clientPort: set again in line 3, which counts\n"
            "warning 3 clientPort: 0 opens no port, so no client can connect\n");
  EXPECT_EQ(told("clientPort=70000\n"),
            "warning 2 clientPort: set again in line 3, which counts\n"
            "refused 3 clientPort: 70000 is no port\n");
}

TEST(Settings, AreTakenFromTheFileBeforeProperties) {
  EXPECT_EQ(settings("", "-Dzookeeper.snapCount=7").snap_count, 7);
  EXPECT_EQ(settings("snapCount=8\n", "-Dzookeeper.snapCount=7").snap_count, 8);
  EXPECT_EQ(told("snapCount=8\n", "-Dzookeeper.snapCount=7", true),
            "note 0 -Dzookeeper.snapCount: line 3 of the file counts (JVMFLAGS)\n");
  EXPECT_EQ(settings("", "-Dfsync.warningthresholdms=5").fsync_warning_ms, 5) << "FileTxnLog's older name";
}

TEST(Settings, HowLongTheServerLooksForTheNextRequestHasBounds) {
  EXPECT_EQ(settings("").busy_poll_us, 300);
  EXPECT_EQ(settings("zkark.busyPollMicros=0\n").busy_poll_us, 0);
  EXPECT_EQ(settings("", "-Dzookeeper.zkark.busyPollMicros=50").busy_poll_us, 50);
  EXPECT_EQ(settings("zkark.busyPollMicros=-1\n").busy_poll_us, 0);
  EXPECT_EQ(settings("zkark.busyPollMicros=2000000\n").busy_poll_us, 10'000);
}

TEST(Settings, TakeKeysInTheFileThatApacheTakesFromPropertiesAlone) {
  EXPECT_EQ(settings("jute.maxbuffer=4194304\n").jute_max_buffer, 4'194'304);
  EXPECT_EQ(settings("", "-Djute.maxbuffer=0x400000").jute_max_buffer, 4'194'304);
  EXPECT_EQ(settings("znode.container.maxPerMinute=5\n").container_max_per_minute, 5);
  EXPECT_EQ(told("jute.maxbuffer=4194304\n", "", true),
            "note 3 jute.maxbuffer: Apache ZooKeeper takes it from -Djute.maxbuffer alone\n");
  EXPECT_EQ(told("", "-Dzookeeper.jute.maxbuffer=5"),
            "warning 0 -Dzookeeper.jute.maxbuffer: has no effect: its name is -Djute.maxbuffer (JVMFLAGS)\n");
}

TEST(Settings, ReadNumbersOfPropertiesAsJavaDecodesThem) {
  EXPECT_EQ(settings("maxCnxns=0x10\n").max_cnxns, 16);
  EXPECT_EQ(settings("maxCnxns=#10\n").max_cnxns, 16);
  EXPECT_EQ(settings("maxCnxns=010\n").max_cnxns, 8);
  EXPECT_EQ(settings("maxCnxns=+10\n").max_cnxns, 10);
  EXPECT_EQ(settings("maxCnxns=-10\n").max_cnxns, -10);
  for (std::string_view bad : {"", "x", "1 0", "08", "0x", "--1", "2147483648", "99999999999999999999"}) {
    EXPECT_EQ(settings(fmt::format("snapCount={}\n", bad)).snap_count, 100'000) << bad;
    EXPECT_EQ(
        told(fmt::format("snapCount={}\n", bad)),
        fmt::format("warning 3 snapCount: '{}' is no number that fits, so the default 100000 counts\n", bad));
  }
  EXPECT_EQ(settings("snapSizeLimitInKb=2147483648\n").snap_size_limit_bytes, 2'147'483'648LL * 1024)
      << "a long";
  EXPECT_EQ(settings("preAllocSize=9223372036854775807\n").pre_alloc_bytes, INT64_MAX);
}

TEST(Settings, ReadWordsOfPropertiesAsApacheDoes) {
  EXPECT_TRUE(settings("enforceQuota=TRUE\n").enforce_quota);
  EXPECT_FALSE(settings("datadir.autocreate=yes\n").autocreate);
  EXPECT_EQ(told("datadir.autocreate=yes\n"),
            "warning 3 datadir.autocreate: 'yes' is neither true nor false, so it means false\n");
  EXPECT_FALSE(settings("forceSync=no\n").force_sync);
  EXPECT_TRUE(settings("forceSync=NO\n").force_sync) << "compared with case";
  EXPECT_TRUE(settings("forceSync=false\n").force_sync);
  EXPECT_EQ(told("skipACL=true\n"),
            "warning 3 skipACL: 'true' is neither yes nor no (in small letters), so the default no counts\n");
  EXPECT_EQ(settings("connection_throttle_drop_increase=nan\n").connection_throttle_drop_increase, 0.02);
  EXPECT_EQ(settings("snapshot.compression.method=lz4\n").snapshot_compression, "");
}

TEST(Settings, WarnOnceOfWritesThatAreNotSynced) {
  const std::string what = "writes are acknowledged before they are on the disk: a power cut loses them";
  const std::string hint = " | leave it out, or say yes\n";
  EXPECT_EQ(told("forceSync=no\n"), "warning 3 forceSync: " + what + hint);
  EXPECT_EQ(told("", "-Dzookeeper.forceSync=no"),
            "warning 0 -Dzookeeper.forceSync: " + what + " (JVMFLAGS)" + hint);
  EXPECT_EQ(told("forceSync=yes\n", "-Dzookeeper.forceSync=no"), "") << "the file counts";
  EXPECT_EQ(told("", "-Dzookeeper.forceSync=yes"), "");
}

TEST(Settings, RaiseWhatWouldStopOrHarmApache) {
  EXPECT_EQ(settings("snapSizeLimitInKb=0\n").snap_size_limit_bytes, 0);
  EXPECT_EQ(told("snapSizeLimitInKb=0\n"), "");
  EXPECT_EQ(told("snapCount=1\nautopurge.snapRetainCount=1\nznode.container.maxPerMinute=0\n"),
            "warning 3 snapCount: 1 is less than 2, so 2 counts\n"
            "warning 4 autopurge.snapRetainCount: 1 is less than 3, so 3 counts\n"
            "warning 5 znode.container.maxPerMinute: 0 is less than 1, so 10000 counts\n");
  EXPECT_EQ(settings("autopurge.snapRetainCount=1\n").purge_retain, 3);
  EXPECT_EQ(settings("jute.maxbuffer=100\n").jute_max_extra, 1024);
  EXPECT_EQ(settings("jute.maxbuffer=5000000\n").jute_max_extra, 5'000'000);
}

TEST(Settings, TakeThePurgeIntervalInHoursOrWithAUnit) {
  EXPECT_EQ(settings("autopurge.purgeInterval=2\n").purge_interval_ms, 7'200'000);
  EXPECT_EQ(settings("autopurge.purgeInterval=90s\n").purge_interval_ms, 90'000);
  EXPECT_EQ(settings("autopurge.purgeInterval=1d\n").purge_interval_ms, 86'400'000);
  EXPECT_EQ(settings("autopurge.purgeInterval=-1\n").purge_interval_ms, 0);
  EXPECT_EQ(told("autopurge.purgeInterval=1w\n"),
            "refused 3 autopurge.purgeInterval: '1w' is no number of hours\n");
}

TEST(Settings, CountConnectionTokensInWeights) {
  const Settings weighed = settings(
      "connection_throttle_tokens=10\nconnection_throttle_weight_enabled=true\n"
      "connection_throttle_local_session_weight=5\n");
  EXPECT_EQ(weighed.global_session_weight, 5);
  EXPECT_EQ(weighed.renew_session_weight, 5);
  EXPECT_EQ(weighed.connection_throttle_tokens, 50);
  EXPECT_EQ(weighed.connection_throttle_fill_count, 5);
  EXPECT_EQ(settings("connection_throttle_tokens=10\n").connection_throttle_tokens, 10);
}

using Words = std::set<std::string, std::less<>>;
TEST(Settings, WriteOutTheFourLetterWords) {
  EXPECT_EQ(settings("4lw.commands.whitelist= ruok , stat,\n").four_letter_words,
            (Words{"ruok", "srvr", "stat"}));
  EXPECT_EQ(settings("4lw.commands.whitelist=ruok, *\n").four_letter_words.size(), 19u);
  EXPECT_EQ(settings("", "-Dreadonlymode.enabled=true").four_letter_words, (Words{"isro", "srvr"}));
  EXPECT_EQ(told("4lw.commands.whitelist=ruok,RUOK\n"),
            "warning 3 4lw.commands.whitelist: there is no word 'RUOK'\n");
}

TEST(Settings, BlotOutSecrets) {
  const Settings kept =
      settings("ssl.keyStore.password=x\n", "-Dzookeeper.DigestAuthenticationProvider.superDigest=super:y");
  EXPECT_EQ(kept.given.at("ssl.keyStore.password"), "***");
  EXPECT_EQ(kept.given.at("zookeeper.DigestAuthenticationProvider.superDigest"), "***");
  EXPECT_EQ(kept.super_digest, "super:y");
}

// ---- who may enter

TEST(Settings, RefuseAuthenticationThatNoClientCouldPass) {
  EXPECT_EQ(told("enforce.auth.enabled=true\n"),
            "refused 3 enforce.auth.enabled: needs enforce.auth.schemes | enforce.auth.schemes=digest\n");
  EXPECT_EQ(told("enforce.auth.enabled=true\nenforce.auth.schemes=digest, sasl\n"),
            "refused 4 enforce.auth.schemes: this server has no scheme 'sasl' | digest or ip\n");
  EXPECT_EQ(told("enforce.auth.enabled=true\nenforce.auth.schemes=digest\nDigestAuthenticationProvider."
                 "enabled=false\n"),
            "refused 4 enforce.auth.schemes: this server has no scheme 'digest' | digest or ip\n");
  EXPECT_EQ(settings("enforce.auth.enabled=true\nenforce.auth.schemes=digest,ip\n").enforce_auth_schemes,
            (std::vector<std::string>{"digest", "ip"}));
  EXPECT_NE(told("sessionRequireClientSASLAuth=true\n").find("refused 3"), std::string::npos);
  EXPECT_EQ(told("sessionRequireClientSASLAuth=false\n"), "");
  EXPECT_NE(told("DigestAuthenticationProvider.digestAlg=CRC32\n").find("refused 3"), std::string::npos);
  EXPECT_EQ(settings("DigestAuthenticationProvider.digestAlg=sha-256\n").digest_alg, "SHA-256");
}

TEST(Settings, KnowTheEnsembleSchemeOnlyWhereItIsRegistered) {
  EXPECT_EQ(settings("ensembleAuthName=a,b\n").ensemble_auth_name, std::nullopt);
  const std::string registered =
      "authProvider.1=org.apache.zookeeper.server.auth.EnsembleAuthenticationProvider\n";
  EXPECT_EQ(settings(registered).ensemble_auth_name, "");
  EXPECT_EQ(settings(registered + "ensembleAuthName=a,b\n").ensemble_auth_name, "a,b");
  EXPECT_EQ(told(registered), "");
  EXPECT_EQ(settings("", "-Dzookeeper.authProvider.1=x.EnsembleAuthenticationProvider").ensemble_auth_name,
            "");
  EXPECT_NE(told("authProvider.1=com.example.Mine\n").find("warning 3 authProvider.1: not yet"),
            std::string::npos);
}

// ---- what must not start

constexpr std::string_view kThree =
    "initLimit=10\nsyncLimit=5\nserver.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888\n";

TEST(Settings, RefuseAnEnsemble) {
  EXPECT_EQ(told(kThree),
            "refused 5 server.1: zkark serve runs standalone servers; this file configures an ensemble of 3 "
            "| to run "
            "this data alone remove the server.N, group.N and weight.N lines and dynamicConfigFile, or serve "
            "a copy: "
            "zkark serve SRC\n");
  EXPECT_NE(
      told("standaloneEnabled=false\nserver.1=a:2888:3888\ninitLimit=1\nsyncLimit=1\n")
          .find("refused 3 standaloneEnabled: zkark serve runs standalone servers; this file configures an "
                "ensemble of one"),
      std::string::npos);
  EXPECT_NE(told("quorum.auth.enableSasl=true\n").find("refused 3 quorum.auth.enableSasl"),
            std::string::npos);
}

TEST(Settings, RefuseAPortThatWouldNotOpen) {
  EXPECT_NE(
      told(judge_settings(cfg("dataDir=/d\nsecureClientPort=2281\n"), {})).find("refused 2 secureClientPort"),
      std::string::npos);
  EXPECT_EQ(told("secureClientPort=2281\n"),
            "warning 3 secureClientPort: not yet: TLS comes later; refused where it is the only port for "
            "clients\n");
}

TEST(Settings, OfOneMemberAreStandalone) {
  const SettingsReading reading =
      judge_settings(cfg("dataDir=/d\nserver.1=a:2888:3888;127.0.0.1:2181\n"), {}, {nullptr, 1});
  EXPECT_EQ(told(reading), "");
  EXPECT_EQ(reading.settings.client_port, 2181);
  EXPECT_EQ(reading.settings.client_host, "127.0.0.1");
  EXPECT_EQ(
      judge_settings(cfg("dataDir=/d\nserver.1=a:2888:3888;2181\n"), {}, {nullptr, 2}).settings.client_port,
      0);
  EXPECT_EQ(told("server.1=a:2888:3888;2182\n"),
            "refused 3 server.1: its client address 0.0.0.0:2182 is not 0.0.0.0:2181 of clientPort | keep "
            "one of the "
            "two\n");
  EXPECT_EQ(told("server.1=a:2888:3888;2181\n"), "");
}

TEST(Settings, CountTheMembersOfTheDynamicFile) {
  const std::string file = "dynamicConfigFile=/d/zoo.cfg.dynamic\n";
  EXPECT_NE(told(file).find("refused 3 dynamicConfigFile: names the members"), std::string::npos);
  const ZooCfg three =
      cfg("server.1=a:2888:3888;2181\nserver.2=b:2888:3888;2181\nserver.3=c:2888:3888;2181\n");
  EXPECT_NE(told(judge(file, "", {&three, 1}))
                .find("refused 3 dynamicConfigFile: zkark serve runs standalone servers"),
            std::string::npos);
  const ZooCfg one = cfg("server.1=a:2888:3888;2181\n");
  EXPECT_EQ(told(judge(file, "", {&one, 1})), "");
  const ZooCfg wrong = cfg("server.1=a:2888:3888;2181\nclientPort=1\n");
  EXPECT_NE(told(judge(file, "", {&wrong, 1}))
                .find("zoo.cfg line 2: clientPort: only server, group and weight lines"),
            std::string::npos);
}

TEST(ReadSettings, NamesEveryRefusalWithItsPlace) {
  const Result<SettingsReading> reading =
      read_settings(cfg("dataDir=/d\nclientPort=x\ntickTime=2s\nreconfigEnabled=1\n"), {});
  ASSERT_FALSE(reading);
  EXPECT_EQ(reading.error().id(), ErrorId::kBadZooCfg);
  EXPECT_EQ(reading.error().message(),
            "line 2: clientPort: 'x' is no number that fits; line 3: tickTime: '2s' is no number that fits; "
            "line 4: reconfigEnabled: '1' is neither true nor false");
  EXPECT_EQ(reading.error().file(), "zoo.cfg");
  EXPECT_EQ(reading.error().offset(), 11u);
  EXPECT_FALSE(read_settings(cfg("clientPort=2181\n"), {})) << "no dataDir";
  EXPECT_TRUE(read_settings(cfg(std::string(kPlain)), {}));
}

// ---- keys without effect

TEST(Settings, AnswerUnknownKeysWithTheNearestName) {
  EXPECT_EQ(told("snapCont=5\n"),
            "warning 3 snapCont: unknown key: the server takes it without a word and does nothing with it | "
            "did you "
            "mean snapCount?\n");
  EXPECT_EQ(told("", "-Dzookeeper.snapCont=5 -Dzookeeper.log.dir=/l -Djava.io.tmpdir=/t"),
            "warning 0 -Dzookeeper.snapCont: unknown property: it does nothing (JVMFLAGS) | did you mean "
            "-Dzookeeper.snapCount?\n");
  EXPECT_EQ(told("", "-Dzookeeper.clientPort=5"),
            "warning 0 -Dzookeeper.clientPort: is taken from the file alone (JVMFLAGS)\n");
}

TEST(Settings, SayWhatIsNotYet) {
  EXPECT_EQ(
      told("admin.enableServer=true\naudit.enable=true\nssl.clientAuth=want\n"
           "metricsProvider.className=org.apache.zookeeper.metrics.prometheus.PrometheusMetricsProvider\n",
           "-Djava.security.auth.login.config=/jaas"),
      "warning 3 admin.enableServer: not yet: the AdminServer comes later\n"
      "warning 4 audit.enable: not yet: the audit log comes later\n"
      "warning 5 ssl.clientAuth: not yet: TLS comes later\n"
      "warning 6 metricsProvider.className: not yet: a metrics provider comes later\n"
      "warning 0 -Djava.security.auth.login.config: not yet: SASL comes later (JVMFLAGS)\n");
  EXPECT_EQ(told("admin.enableServer=false\naudit.enable=false\nfips-mode=false\n"
                 "metricsProvider.className=org.apache.zookeeper.metrics.impl.DefaultMetricsProvider\n"),
            "")
      << "what zkark does anyway";
}

/// A value that no default has.
std::string other_value(const ZooKey& row) {
  if (row.name == "snapshot.compression.method") return "gz";
  if (row.name == "4lw.commands.whitelist") return "ruok";
  if (row.name == "DigestAuthenticationProvider.digestAlg") return "SHA-256";
  if (row.name == "enforce.auth.schemes") return "digest\nenforce.auth.enabled=true";
  if (row.name == "enforce.auth.enabled") return "true\nenforce.auth.schemes=digest";
  if (row.name == "ensembleAuthName") return "n\nauthProvider.1=x.EnsembleAuthenticationProvider";
  if (row.name == "maxWriteQueuePollTime") return "77";
  if (row.name == "admin.enableServer") return "true";
  switch (row.type) {
    case ZooKeyType::kFlag:
      return row.fallback == "true" ? "false" : "true";
    case ZooKeyType::kYesNo:
      return row.fallback == "yes" ? "no" : "yes";
    case ZooKeyType::kDecimal:
      return "0.5";
    case ZooKeyType::kNumber:
    case ZooKeyType::kDuration:
      return "7777";
    default:
      return "other";
  }
}

TEST(Settings, ChangeWithEveryKeyThatIsCalledEffective) {
  const std::set<std::string_view> structural = {"server.*", "dynamicConfigFile", "standaloneEnabled"};
  std::size_t count = 0;
  for (const ZooKey& row : zoo_keys()) {
    if (row.serve != ZooKeyServe::kEffective || structural.contains(row.name)) continue;
    Settings changed = settings(fmt::format("{}={}\n", row.name, other_value(row))), plain = settings("");
    changed.given = plain.given;
    EXPECT_FALSE(changed == plain) << row.name << " is called effective and changes nothing";
    ++count;
  }
  EXPECT_GT(count, 60u);
}

TEST(Settings, AnswerEveryOtherKey) {
  for (const ZooKey& row : zoo_keys()) {
    if (row.serve == ZooKeyServe::kEffective) continue;
    EXPECT_FALSE(row.serve_note.empty()) << row.name;
    std::string key(row.name);
    if (key.ends_with('*')) key.replace(key.size() - 1, 1, "1");
    EXPECT_NE(told(fmt::format("{}={}\n", key, other_value(row)), "", true).find(fmt::format(" 3 {}: ", key)),
              std::string::npos)
        << key;
  }
}

// ---- the page for people

std::string_view word_of(ZooKeyServe serve) {
  switch (serve) {
    case ZooKeyServe::kEffective:
      return "effective";
    case ZooKeyServe::kLater:
      return "not yet";
    case ZooKeyServe::kMember:
    case ZooKeyServe::kNeedless:
      return "ignored";
  }
  return "";
}

TEST(ServeSettingsPage, HasTheRowsOfTheList) {
  std::ifstream page(ZKARK_SOURCE_DIR "/docs/reference/serve-settings.md");
  std::stringstream text;
  text << page.rdbuf();
  std::string rows;
  for (const ZooKey& row : zoo_keys()) {
    const std::string property = row.property.empty() || row.property == row.name ||
                                         row.property == fmt::format("zookeeper.{}", row.name)
                                     ? std::string()
                                     : fmt::format(" (`-D{}`)", row.property);
    rows += fmt::format("| `{}`{} | {} | {} | {} |\n", row.name, property, row.fallback, word_of(row.serve),
                        row.serve_note);
  }
  EXPECT_NE(text.str().find(rows), std::string::npos) << "the page should hold:\n" << rows;
}

}  // namespace
}  // namespace zkark::server
