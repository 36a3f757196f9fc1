"""Merged copies as Apache sees them: it replays what was filled in, and a client finds the tree that was recorded."""

import unittest

import apache
import zkark
import zkreal
from restored import flags, quiet_config


class Merged(unittest.TestCase):
    FIXTURE = "zk-3.8.0-ensemble"  # three members; the second was synced by snapshot

    def setUp(self):
        self.fixture = apache.FIXTURES / self.FIXTURE
        self.truth = zkreal.truths(self.fixture)[-1][1]

    def members(self, lab):
        return [lab.copy(self.fixture / str(n)) for n in (1, 2, 3)]

    def merge(self, lab, *sources):
        answer = zkark.json_of(lab, "merge", *sources, "-O", lab.dir / "merged")
        self.assertTrue(all(hole["filled"] and hole["proven"] for hole in answer["holes"]), answer["holes"])
        return answer

    def assert_boots_to_truth(self, lab, keep):
        """From one snapshot alone, so that Apache replays every record behind it."""
        merged = lab.dir / "merged"
        for snapshot in (merged / "version-2").glob("snapshot.*"):
            if snapshot.name != keep:
                snapshot.unlink()
        server = lab.standalone(merged, flags=flags(self.fixture / "1"), config=quiet_config())
        self.assertEqual(zkreal.differences(self.truth, server.read_tree(zookeeper=True)), [])

    def test_a_member_that_was_synced_by_snapshot_has_all_of_the_history(self):
        with zkreal.Lab() as lab:
            one, two, three = self.members(lab)
            answer = self.merge(lab, two, one, three)
            self.assertEqual(answer["txns_filled"], 44)
            self.assert_boots_to_truth(lab, "snapshot.0")

    def test_a_damaged_record_on_which_apache_does_not_start(self):
        with zkreal.Lab() as lab:
            one, _, three = self.members(lab)
            log = one / "version-2" / "log.10000002d"
            data = bytearray(log.read_bytes())
            data[300] ^= 4
            log.write_bytes(data)
            with self.assertRaises(zkreal.ServerDied):
                lab.standalone(lab.copy(one), flags=flags(self.fixture / "1"), config=quiet_config())
            self.assertEqual(self.merge(lab, one, three)["txns_filled"], 1)
            self.assert_boots_to_truth(lab, "snapshot.0")

    def test_a_lost_log(self):
        with zkreal.Lab() as lab:
            one, _, three = self.members(lab)
            (one / "version-2" / "log.10000002d").unlink()
            self.assertEqual(self.merge(lab, one, three)["txns_filled"], 14)
            self.assert_boots_to_truth(lab, "snapshot.0")


if __name__ == "__main__":
    unittest.main()
