// The verbs that look, without SRC: the newest point of the repository, and what one argument alone means.
#include <gmock/gmock.h>

#include "tests/cli/repository_lab.h"

namespace zkark::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class LoneArgument : public RepositoryLab {
 protected:
  void SetUp() override {
    RepositoryLab::SetUp();
    two_backups();
    fs.erase("/data");
  }
};

TEST_F(LoneArgument, WithoutSrcTheNewestPointOfTheRepositoryIsReadAndSaid) {
  must({"ls", "/app"});
  EXPECT_THAT(console.err, AllOf(HasSubstr("at 0x62"), HasSubstr("of /repo@")));
  const std::string children = console.out;
  must({"ls", "latest", "/app"});
  EXPECT_EQ(console.out, children);
  must({"ls"});
  EXPECT_THAT(console.out, HasSubstr("app\n"));
  must({"stat", "/app"});
  EXPECT_THAT(console.out, HasSubstr("path            /app\n"));
  must({"cat", "/app", "--at", "zxid:0x1e"});
  EXPECT_THAT(console.err, HasSubstr("at 0x1e"));
  must({"log", "--limit", "1"});
  EXPECT_THAT(console.out, HasSubstr("0x1 "));
  EXPECT_THAT(console.err, HasSubstr("the log of /repo@"));
  must({"inspect"});
  EXPECT_THAT(console.out, HasSubstr("/repo@"));
}

TEST_F(LoneArgument, BesideATypedRepositoryAPathIsANodeWhateverLiesHere) {
  load_second_life("/app");
  must({"ls", "/app"});
  EXPECT_THAT(console.err, HasSubstr("of /repo@"));
  EXPECT_THAT(console.out, Not(HasSubstr("zookeeper")));
  EXPECT_EQ(zkark({"ls", "/app", "/", "-r", "/repo"}), 0) << "two are SRC and PATH";
  EXPECT_THAT(console.out, HasSubstr("zookeeper"));
  EXPECT_THAT(console.err, Not(HasSubstr("/repo@")));
}

TEST_F(LoneArgument, BesideAConfiguredRepositoryAnExistingPathIsTheSource) {
  variables["ZKARK_REPO"] = "/repo";
  EXPECT_EQ(zkark({"ls", "/app"}), 0) << console.err;
  EXPECT_THAT(console.err, HasSubstr("of /repo@"));
  load_second_life("/app");
  EXPECT_EQ(zkark({"ls", "/app"}), 0);
  EXPECT_THAT(console.out, HasSubstr("zookeeper"));
  EXPECT_THAT(console.err, Not(HasSubstr("/repo@")));
  EXPECT_EQ(zkark({"ls", "/app@zxid:0x1e"}), 0) << console.err;
  EXPECT_THAT(console.err, Not(HasSubstr("/repo@")));
}

TEST_F(LoneArgument, APointAloneIsASource) {
  must({"ls", "latest~1"});
  EXPECT_THAT(console.out, HasSubstr("app\n"));
}

TEST_F(LoneArgument, OfSessionsIsASessionWhenItLooksLikeOne) {
  must({"sessions", "0x1000086147b0002"});
  EXPECT_THAT(console.err, HasSubstr("the history of /repo@"));
  EXPECT_THAT(console.out, AllOf(HasSubstr("end          expired 0x4d"), HasSubstr("/app/eph-q")));
  must({"sessions", "zxid:0x13", "0x1000086147b0002"});
  EXPECT_THAT(console.out, HasSubstr("still there"));
  must({"top", "--by", "type"});
  EXPECT_THAT(console.err, HasSubstr("the history of /repo@"));
}

TEST_F(LoneArgument, WhereANodeIsNeededOneIsAskedFor) {
  for (const char* verb : {"cat", "stat"}) {
    EXPECT_EQ(zkark({verb, "-r", "/repo"}), 2);
    EXPECT_THAT(console.err, AllOf(HasSubstr("which node"), HasSubstr("hint: give SRC and PATH")));
    EXPECT_EQ(zkark({verb, "latest", "-r", "/repo"}), 2);
    EXPECT_EQ(zkark({verb, "/repo"}), 2);
  }
  EXPECT_EQ(zkark({"ls"}), 2) << "neither a source nor a repository";
  EXPECT_THAT(console.err, HasSubstr("hint: "));
}

}  // namespace
}  // namespace zkark::test
