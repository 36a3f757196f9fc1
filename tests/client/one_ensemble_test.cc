#include "src/client/one_ensemble.h"

#include <gtest/gtest.h>

namespace zkark::test {
namespace {

using client::EnsembleView;
using client::PingResult;
using client::view_of;

PingResult member(const char* host, const char* role, std::optional<std::int64_t> zxid = {}) {
  PingResult one;
  one.server = {host, 2181};
  one.role = role;
  one.zxid = zxid;
  return one;
}

TEST(OneEnsemble, who_is_behind_is_counted_within_the_epoch_of_the_leader) {
  const EnsembleView view = view_of({member("a", "follower", 0x200000003), member("b", "leader", 0x200000005),
                                     member("c", "observer", 0x200000006),
                                     member("d", "follower", 0x1000000ff), member("e", "follower")});
  EXPECT_EQ(view.leader, 1U);
  EXPECT_EQ(view.behind.at(0), 2U);
  EXPECT_EQ(view.behind.at(1), 0U);
  EXPECT_EQ(view.behind.at(2), 0U) << "it was asked a moment later";
  EXPECT_EQ(view.behind.at(3), std::nullopt) << "nothing was written since the election";
  EXPECT_EQ(view.behind.at(4), std::nullopt);
  EXPECT_TRUE(view.contradictions.empty());
  EXPECT_TRUE(view.remarks.empty());
}

TEST(OneEnsemble, two_leaders_contradict_each_other) {
  const EnsembleView view = view_of({member("a", "leader", 0x100000003), member("b", "leader", 0x100000004)});
  EXPECT_EQ(view.leader, std::nullopt);
  EXPECT_EQ(view.contradictions, std::vector<std::string>{"more than one leads: a:2181, b:2181"});
  EXPECT_TRUE(view.remarks.empty());
}

TEST(OneEnsemble, a_standalone_server_is_no_member) {
  EXPECT_EQ(view_of({member("a", "standalone", 3)}).contradictions, std::vector<std::string>{});
  EXPECT_EQ(view_of({member("a", "standalone", 3), member("b", "leader", 0x100000004)}).contradictions,
            std::vector<std::string>{"a:2181 is standalone: it is in no ensemble with the others"});
  EXPECT_EQ(
      view_of({member("a", "standalone", 3), member("b", "standalone", 3)}).contradictions,
      std::vector<std::string>{"a:2181, b:2181 are standalone: they are in no ensemble with the others"});
}

TEST(OneEnsemble, no_member_is_in_an_epoch_that_its_leader_has_not_begun) {
  const EnsembleView view =
      view_of({member("a", "leader", 0x100000009), member("b", "follower", 0x200000001)});
  EXPECT_EQ(
      view.contradictions,
      std::vector<std::string>{"b:2181 is in a later epoch than a:2181, which leads: an election goes on, or "
                               "they are of two ensembles"});
  EXPECT_EQ(view.behind.at(1), std::nullopt);
}

TEST(OneEnsemble, who_has_not_caught_up_is_counted_where_observers_are_told_apart) {
  PingResult leader = member("a", "leader", 0x100000001);
  leader.learners = 4, leader.synced_followers = 2;
  EXPECT_TRUE(view_of({leader}).remarks.empty()) << "before 3.6 the others may be observers";
  leader.synced_observers = 1;
  EXPECT_EQ(view_of({leader}).remarks,
            std::vector<std::string>{"1 of the 4 servers that follow a:2181 have not caught up yet"});
  leader.synced_observers = 2;
  EXPECT_TRUE(view_of({leader}).remarks.empty());
}

TEST(OneEnsemble, different_releases_and_a_missing_leader_are_remarked_on) {
  PingResult a = member("a", "follower", 1), b = member("b", "follower", 1);
  a.version = "3.8.0-5a02a05eddb59aee6ac762f7ea82e92a68eb9c0f", b.version = "3.8.0-5a02a05edd";
  EXPECT_EQ(view_of({a, b}).remarks, std::vector<std::string>{"none of those that were asked leads"});
  b.version = "3.10.0-SNAPSHOT-5a02a05edd";
  EXPECT_EQ(view_of({a, b}).remarks,
            (std::vector<std::string>{"none of those that were asked leads",
                                      "different releases: 3.10.0-SNAPSHOT on b:2181; 3.8.0 on a:2181"}));
}

TEST(OneEnsemble, a_release_is_a_version_without_its_commit) {
  EXPECT_EQ(client::release_of("3.8.0-5a02a05eddb59aee6ac762f7ea82e92a68eb9c0f"), "3.8.0");
  EXPECT_EQ(client::release_of("3.8.0-${mvngit.commit.id}"), "3.8.0");
  EXPECT_EQ(client::release_of("3.5.4-beta-7f51e5b68cf2f80176ff944a9ebd2abbc65e7327"), "3.5.4-beta");
  EXPECT_EQ(client::release_of("3.10.0-SNAPSHOT-53a78e36f"), "3.10.0-SNAPSHOT");
  EXPECT_EQ(client::release_of("3.4.14"), "3.4.14");
  EXPECT_EQ(client::release_of("3.8.0-zkark-0.1.0"), "3.8.0-zkark-0.1.0");
  EXPECT_EQ(client::release_of(""), "");
}

}  // namespace
}  // namespace zkark::test
