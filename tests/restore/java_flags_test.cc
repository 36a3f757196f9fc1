#include "restore/java_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "restore/data_dir.h"
#include "restore/settings.h"
#include "tests/support/load_dir.h"
#include "tests/support/sim_fs.h"

namespace zkark::restore {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> of(std::span<const ExtraFile> files) {
  std::vector<std::string> told;
  for (const JavaProperty& one : java_properties(files))
    told.push_back(one.key + "=" + one.value + " " + one.file);
  return told;
}
std::vector<std::string> of(std::string_view java_env) {
  const ExtraFile file{"java.env", "e", std::string(java_env)};
  return of(std::span(&file, 1));
}

TEST(JavaFlags, AreReadAsAShellTakesThemApart) {
  EXPECT_THAT(of("export SERVER_JVMFLAGS=\"-Xmx4g -Dzookeeper.a=1 -Db\"\n"),
              ElementsAre("zookeeper.a=1 e", "b= e"));
  EXPECT_THAT(of("JVMFLAGS='-Da=x=y'\r\n"), ElementsAre("a=x=y e"));
  EXPECT_THAT(of("JVMFLAGS=-Da=1; export JVMFLAGS"), ElementsAre("a=1 e"));
  EXPECT_THAT(of("JVMFLAGS=\"-Da=1 \\\n  -Db=2\n-Dc=\\\"3\\\"\"\n"),
              ElementsAre("a=1 e", "b=2 e", "c=\"3\" e"));
  EXPECT_THAT(of("# JVMFLAGS=-Da=1\nJVMFLAGS=-Db=2 # -Dc=3\n"), ElementsAre("b=2 e"));
  EXPECT_THAT(of("if true; then export JVMFLAGS=-Da=1; fi"), ElementsAre("a=1 e"));
  EXPECT_THAT(of("JVMFLAGS=-Da=$HOME/x"), ElementsAre("a=$HOME/x e"));  // not known
  for (const char* none : {"", "OTHER_JVMFLAGS=-Da=1", "echo \"JVMFLAGS=-Da=1\"", "JVMFLAGS=", "JVMFLAGS=-D",
                           "CLIENT_JVMFLAGS=-Da=1", "JVMFLAGS='", "JVMFLAGS=\"\\", "JVMFLAGS=${", "$"})
    EXPECT_THAT(of(none), ElementsAre()) << none;
}

TEST(JavaFlags, LaterOnesCountAndBuildOnEarlierOnes) {
  EXPECT_THAT(of("JVMFLAGS=-Da=1\nJVMFLAGS=-Db=2"), ElementsAre("b=2 e"));
  EXPECT_THAT(of("JVMFLAGS=-Da=1\nJVMFLAGS+=\" -Db=2\""), ElementsAre("a=1 e", "b=2 e"));
  EXPECT_THAT(of("JVMFLAGS=-Da=1\nJVMFLAGS=\"$JVMFLAGS -Db=2 ${JVMFLAGS:-no}\""),
              ElementsAre("b=2 e", "a=1 e"));
  EXPECT_THAT(of("JVMFLAGS='-Da=1 -Da=2'"), ElementsAre("a=2 e"));
  EXPECT_THAT(of("JVMFLAGS=-Da=2\nSERVER_JVMFLAGS=-Da=1"),
              ElementsAre("a=2 e"));  // its place on the command line
  const ExtraFile files[] = {{"", "env.sh", "SERVER_JVMFLAGS='-Da=1 -Db=1'"},
                             {"", "java.env", "SERVER_JVMFLAGS=\"-Da=2 $SERVER_JVMFLAGS -Db=2\""}};
  EXPECT_THAT(of(files), ElementsAre("a=1 env.sh", "b=2 java.env"));
}

TEST(JavaFlags, LieBesideTheConfiguration) {
  test::SimFs fs;
  fs.put("/conf/environment", "JAVA_OPTS=\"-Djute.maxbuffer=5\"\n");
  fs.put("/conf/java.env", "JVMFLAGS=-Dc=1\n");
  fs.put_dir("/conf/zookeeper-env.sh");
  Findings notes;
  const std::vector<ExtraFile> files = java_flag_files(fs, "/conf", notes);
  EXPECT_THAT(of(files), ElementsAre("c=1 /conf/java.env", "jute.maxbuffer=5 /conf/environment"));
  ASSERT_EQ(notes.size(), 1u);
  EXPECT_EQ(notes[0].severity, Severity::kNote);
  EXPECT_EQ(notes[0].file, "/conf/zookeeper-env.sh");
}

class JavaSettings : public ::testing::Test {
 protected:
  Setting setting(const std::string& key, const std::string& zoo_cfg, const std::string& java_env) {
    test::SimFs fs;
    test::load_dir(fs, "fixtures/zk-3.8.0-standalone", "/data");  // with TTL nodes
    fs.put("/data/zoo.cfg", "dataDir=/data\n" + zoo_cfg);
    DataDir source(fs, {"/data", "", {}, {}, ""});
    const SourceListing listing = source.list().value();
    Job job;
    const Survey seen = survey(source, listing, job).value();
    const CapturedConfig config = captured_config(listing).value();
    const ExtraFile file{"java.env", "/data/java.env", java_env};
    for (const Setting& one : settings_that_matter(config, seen, java_properties(std::span(&file, 1))))
      if (one.key == key) return one;
    return {};
  }
};

TEST_F(JavaSettings, CountWhereTheConfigurationSaysNothing) {
  const std::string key = "extendedTypesEnabled";
  EXPECT_TRUE(setting(key, "", "").risk);
  const Setting java = setting(key, "", "SERVER_JVMFLAGS=-Dzookeeper.extendedTypesEnabled=true");
  EXPECT_EQ(java.value, "true");
  EXPECT_EQ(java.origin, SettingOrigin::kJava);
  EXPECT_EQ(java.file, "/data/java.env");
  EXPECT_FALSE(java.risk);
  const Setting off = setting(key, "", "SERVER_JVMFLAGS=-Dzookeeper.extendedTypesEnabled=false");
  EXPECT_TRUE(off.risk);
  EXPECT_EQ(off.meaning, "a start deletes 3 TTL nodes");
  const Setting both = setting("forceSync", "forceSync=yes\n", "JVMFLAGS=-Dzookeeper.forceSync=no");
  EXPECT_EQ(both.value, "yes");
  EXPECT_EQ(both.origin, SettingOrigin::kConfig);
  EXPECT_EQ(both.file, "/data/zoo.cfg");
  EXPECT_EQ(both.meaning, "counts; -Dzookeeper.forceSync=no in java.env does not");
  EXPECT_TRUE(setting("forceSync", "", "JVMFLAGS=-Dzookeeper.forceSync=no").risk);
}

TEST_F(JavaSettings, OfTheBufferCountForJavaAlone) {
  EXPECT_EQ(setting("jute.maxbuffer", "jute.maxbuffer=9\n", "").origin, SettingOrigin::kConfig);
  const Setting small = setting("jute.maxbuffer", "jute.maxbuffer=9999999\n", "JVMFLAGS=-Djute.maxbuffer=9");
  EXPECT_EQ(small.value, "9");
  EXPECT_EQ(small.origin, SettingOrigin::kJava);
  EXPECT_TRUE(small.risk);
  EXPECT_FALSE(setting("jute.maxbuffer", "", "JVMFLAGS=-Djute.maxbuffer=4194304").risk);
}

}  // namespace
}  // namespace zkark::restore
