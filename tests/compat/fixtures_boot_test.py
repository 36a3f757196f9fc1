"""The fixtures are what they claim: Apache boots each, and its tree is the recorded truth.

This is the ground the other tests stand on: no zkark is involved.
"""

import unittest

import apache
import zkreal
from restored import quiet_config

# The server that wrote snapshot.c had already dropped the TTL nodes, without a record: at this zxid there were two states.
BEFORE_THE_CLEAN_UP = {("zk-3.8.0-lost-ttl", 0xc): "initial"}
AWAY = {("zk-3.8.0-ensemble/2", "0x10000003a")}


class Fixtures(unittest.TestCase):
    def assert_tree(self, expected, found):
        self.assertEqual(zkreal.differences(expected, found), [])

    def test_each_data_directory_boots_standalone_to_its_truth(self):
        for fixture in apache.fixtures():
            zxid, truth = zkreal.truths(fixture)[-1]
            for name, data_dir, log_dir in apache.data_dirs(fixture):
                with self.subTest(name), zkreal.Lab() as lab:
                    logs = None if log_dir == data_dir else lab.copy(log_dir)
                    server = lab.standalone(lab.copy(data_dir), logs, flags=[*apache.java_flags(data_dir), zkreal.NOTHING_REAPED],
                                            config=quiet_config())
                    self.assert_tree(truth, server.read_tree(zookeeper=True))

    def test_each_ensemble_boots_whole_to_its_truth(self):
        for fixture in apache.fixtures():
            members = apache.data_dirs(fixture)
            if len(members) > 1:
                with self.subTest(fixture.name), zkreal.Lab() as lab:
                    servers = lab.ensemble({int(d.name): lab.copy(d) for _, d, _ in members}, flags=[zkreal.NOTHING_REAPED],
                                           config=quiet_config())
                    self.assertEqual(sorted(s.mode for s in servers.values()), ["follower", "follower", "leader"])
                    for server in servers.values():
                        self.assert_tree(zkreal.truths(fixture)[-1][1], server.read_tree(zookeeper=True))

    def test_apaches_own_replay_meets_every_recorded_truth(self):
        for fixture in apache.fixtures():
            for name, data_dir, log_dir in apache.data_dirs(fixture):
                for zxid, truth in zkreal.truths(fixture):
                    with self.subTest(name, zxid=hex(zxid)):
                        start = BEFORE_THE_CLEAN_UP.get((name, zxid))
                        state = zkreal.state_at(data_dir, log_dir, zxid, start)
                        if state is not None:
                            self.assert_tree(truth, zkreal.client_view(state))

    def test_only_a_member_that_was_away_lacks_a_recorded_point(self):
        lacking = {(name, hex(zxid)) for fixture in apache.fixtures() for name, data_dir, log_dir in apache.data_dirs(fixture)
                   for zxid, _ in zkreal.truths(fixture) if zkreal.state_at(data_dir, log_dir, zxid) is None}
        self.assertEqual(lacking, AWAY)

    def test_a_short_digest_after_a_close_without_body_stops_a_default_server(self):
        """Why formats/ decides by the bytes: Apache takes the digest for a list of paths."""
        with zkreal.Lab() as lab, self.assertRaisesRegex(zkreal.ServerDied, "exit 1"):
            lab.standalone(lab.copy(apache.FIXTURES / "zk-3.8.0-close-session-off-empty"))


if __name__ == "__main__":
    unittest.main()
