// What is wrong with the data themselves: backups that contradict each other, failed proofs, holes, damage,
// and what a restore still gives from a repository that lost something.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "tests/cli/repository_lab.h"
#include "tests/support/forge.h"
#include "tests/support/log_builder.h"

namespace zkark::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Flaws : public RepositoryLab {
 protected:
  void SetUp() override {
    RepositoryLab::SetUp();
    fs.put_dir("/srv");
    load("zk-3.8.0-shop", "/data");
    load("zk-3.8.0-shop", "/bad");
    ASSERT_TRUE(forge_record(fs, "/bad/version-2/log.10", 0x10));
    ASSERT_EQ(zkark({"init", "-r", "/repo"}), 0);
  }
  int on_repository(std::vector<std::string> words) {
    words.insert(words.end(), {"-r", "/repo"});
    return zkark(std::move(words));
  }
  std::string object_file(const std::string& name) {
    return "/repo/objects/" + name.substr(0, 2) + "/" + name;
  }
};

// ---- what is not proven ----

TEST_F(Flaws, WhatIsNotTheServersTreeIsRestoredOnlyOnDemandAndSaysSo) {
  EXPECT_EQ(zkark({"restore", "/bad", "--to", "/srv/zk"}), 6);
  EXPECT_THAT(console.err, HasSubstr("--accept-unproven"));
  EXPECT_FALSE(fs.get_info("/srv/zk"));
  EXPECT_EQ(zkark({"restore", "/bad", "--to", "/srv/zk", "--accept-unproven"}), 3);
  EXPECT_THAT(console.out, AllOf(HasSubstr("NOT PROVEN"), HasSubstr("from 0x10 on"), HasSubstr("restored")));
  EXPECT_THAT(console.err, HasSubstr("ZKA-0612"));
  EXPECT_TRUE(fs.get_info("/srv/zk"));
  EXPECT_EQ(zkark({"restore", "/bad", "--to", "/srv/zk2", "--accept-unproven", "--json"}), 3);
  EXPECT_EQ(at("/proven"), "false");
  EXPECT_EQ(at("/accepted_unproven"), "true");
  // Before the difference nothing is doubtful.
  EXPECT_EQ(zkark({"restore", "/bad", "--to", "/srv/zk3", "--at", "zxid:0xf", "--accept-unproven", "--json"}),
            0);
  EXPECT_EQ(at("/accepted_unproven"), "false");
}

TEST_F(Flaws, AcceptingIsForTheCommandLineAlone) {
  variables["ZKARK_ACCEPT_UNPROVEN"] = "1";
  EXPECT_EQ(zkark({"restore", "/bad", "--to", "/srv/zk"}), 6);
}

TEST_F(Flaws, DamagedRecordsAreNotAcceptedAsUnproven) {
  fs.flip_bit("/data/version-2/log.10", 60, 2);
  EXPECT_EQ(zkark({"restore", "/data", "--at", "zxid:0x17", "--to", "/srv/zk", "--accept-unproven"}), 6)
      << shown();
}

// ---- a wounded repository still gives what it has ----

TEST_F(Flaws, AConfigurationThatCannotBeUnderstoodDoesNotKeepTheDataBack) {
  fs.put("/data/zoo.cfg", "dataDir=/data\nclientPort=2181\nserver.1=a:2888:3888\nserver.2=foo\n");
  fs.put("/good.cfg", "dataDir=/data\nclientPort=2182\n");
  EXPECT_EQ(on_repository({"backup", "/data"}), 0) << shown();
  EXPECT_EQ(on_repository({"restore", "--to", "/srv/zk"}), 3) << shown();
  EXPECT_THAT(console.err, AllOf(HasSubstr("ZKA-0610"), HasSubstr("--zoo-cfg")));
  EXPECT_TRUE(fs.get_info("/srv/zk/version-2"));
  EXPECT_EQ(on_repository({"restore", "--to", "/srv/zk2", "--zoo-cfg", "/good.cfg"}), 0) << shown();
  EXPECT_THAT(fs.get("/srv/zk2/conf/zoo.cfg").value_or(""), HasSubstr("clientPort=2182"));
  EXPECT_EQ(on_repository({"restore", "--to", "/srv/zk3", "--zoo-cfg", "/data/zoo.cfg"}), 6);
}

TEST_F(Flaws, AConfigurationWhoseObjectIsGoneDoesNotKeepTheDataBack) {
  fs.put("/data/zoo.cfg", "dataDir=/data\nclientPort=2181\n");
  must({"backup", "/data"});
  json({"show", "latest"}, "/id");
  std::string object;
  for (int i = 0; i < 8 && object.empty(); ++i)
    if (at(fmt::format("/manifest/config/{}/role", i)) == "zoo.cfg")
      object = at(fmt::format("/manifest/config/{}/data/parts/0/object", i));
  fs.erase(object_file(object));
  EXPECT_EQ(on_repository({"restore", "--to", "/srv/zk"}), 3) << shown();
  EXPECT_THAT(console.err, HasSubstr("the stored zoo.cfg cannot be read"));
  EXPECT_TRUE(fs.get_info("/srv/zk/version-2"));
  EXPECT_EQ(on_repository({"restore", "--to", "/srv/zk2", "--zoo-cfg", "/data/zoo.cfg"}), 3) << shown();
  EXPECT_TRUE(fs.get_info("/srv/zk2/conf/zoo.cfg"));
}

TEST_F(Flaws, ALostLogThatThePointDoesNotNeedIsNoObstacle) {
  must({"backup", "/data"});
  fs.erase(object_file(json({"show", "latest"}, "/manifest/segments/0/data/parts/0/object")));
  EXPECT_EQ(on_repository({"restore", "--to", "/srv/zk"}), 0) << shown();
  EXPECT_EQ(on_repository({"restore", "--at", "zxid:0x3", "--to", "/srv/zk2"}), 6) << shown();
  EXPECT_THAT(console.err, HasSubstr("hint:"));
}

TEST_F(Flaws, ARottenLogThatThePointDoesNotNeedIsNoObstacle) {
  must({"backup", "/data"});
  fs.flip_bit(object_file(json({"show", "latest"}, "/manifest/segments/0/data/parts/0/object")), 200, 3);
  EXPECT_EQ(on_repository({"restore", "--to", "/srv/zk"}), 0) << shown();
}

}  // namespace
}  // namespace zkark::test
