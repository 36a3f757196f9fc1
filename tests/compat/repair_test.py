"""Repaired copies as Apache sees them: a real server boots each, and a client finds the tree that was recorded."""

import unittest

import apache
import zkark
import zkreal
from restored import flags, quiet_config


class Repaired(unittest.TestCase):
    FIXTURE = "zk-3.8.0-shop"  # log.1 to 0xf, log.10 to 0x17, snapshots 0 and f

    def setUp(self):
        self.fixture = apache.FIXTURES / self.FIXTURE
        self.truth = zkreal.truths(self.fixture)[-1][1]

    def damaged(self, lab):
        return lab.copy(self.fixture)

    def repair(self, lab, source, *more, expect):
        before = self.inputs(source)
        answer = zkark.json_of(lab, "repair", source, "-O", lab.dir / "fixed", *more, expect=expect)
        self.assertEqual(self.inputs(source), before)
        return answer

    def inputs(self, source):
        return {f: (f.read_bytes(), f.stat().st_mtime_ns) for f in source.rglob("*") if f.is_file()}

    def assert_boots_to(self, lab, expected):
        server = lab.standalone(lab.dir / "fixed", flags=flags(self.fixture), config=quiet_config())
        self.assertEqual(zkreal.differences(expected, server.read_tree(zookeeper=True)), [])

    def at(self, zxid):
        """Apache's own replay of the undamaged directory up to there."""
        return zkreal.client_view(zkreal.state_at(self.fixture, self.fixture, zxid))

    def flip(self, file, offset):
        data = bytearray(file.read_bytes())
        data[offset] ^= 4
        file.write_bytes(data)

    def end_of_records(self, file):
        return len(file.read_bytes().rstrip(b"\0"))

    def test_a_torn_tail_on_which_apache_does_not_start(self):
        with zkreal.Lab() as lab:
            source = self.damaged(lab)
            log = source / "version-2" / "log.10"
            end = self.end_of_records(log)
            # The next record as a crash leaves it: begun, its end marker there, its middle not.
            torn = log.read_bytes()[16:16 + 60]
            log.write_bytes(log.read_bytes()[:end] + torn)
            answer = self.repair(lab, source, expect=0)
            self.assertEqual([one["kind"] for one in answer["lost"]], ["torn"])
            self.assert_boots_to(lab, self.truth)

    def test_a_damaged_record_that_a_snapshot_bridges(self):
        with zkreal.Lab() as lab:
            source = self.damaged(lab)
            self.flip(source / "version-2" / "log.1", 700)
            # What a server would fall back to, if it could: nothing that crosses the hole.
            answer = self.repair(lab, source, expect=6)
            self.assertEqual(answer["zxid"], "0x17")
            self.assert_boots_to(lab, self.truth)

    def test_a_damaged_record_that_nothing_bridges(self):
        with zkreal.Lab() as lab:
            source = self.damaged(lab)
            log = source / "version-2" / "log.10"
            self.flip(log, self.end_of_records(log) // 2)
            with self.assertRaises(zkreal.ServerDied):
                lab.standalone(lab.copy(source))
            answer = self.repair(lab, source, expect=6)
            zxid = int(answer["zxid"], 16)
            self.assertTrue(0xf <= zxid < 0x17, answer["zxid"])
            self.assert_boots_to(lab, self.at(zxid))

    def test_a_damaged_newest_snapshot(self):
        with zkreal.Lab() as lab:
            source = self.damaged(lab)
            self.flip(source / "version-2" / "snapshot.f", 700)
            answer = self.repair(lab, source, expect=6)
            self.assertEqual(answer["lost"], [])
            self.assert_boots_to(lab, self.truth)

    def test_no_snapshot_found_but_there_are_log_entries(self):
        with zkreal.Lab() as lab:
            source = self.damaged(lab)
            for snapshot in (source / "version-2").glob("snapshot.*"):
                snapshot.unlink()
            with self.assertRaises(zkreal.ServerDied):
                lab.standalone(lab.copy(source))
            self.repair(lab, source, expect=0)
            self.assert_boots_to(lab, self.truth)

    def test_a_history_chopped_at_any_transaction(self):
        for zxid in (0x6, 0xf, 0x12):
            with self.subTest(hex(zxid)), zkreal.Lab() as lab:
                self.repair(lab, self.damaged(lab), f"--chop={zxid:#x}", expect=0)
                self.assert_boots_to(lab, self.at(zxid))


if __name__ == "__main__":
    unittest.main()
