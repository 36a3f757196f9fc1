"""Converted directories, booted by Apache 3.8.0: files of servers of 3.4 to 3.10, with snapshots in every codec."""

import unittest

import apache
import zkark
import zkreal
from restored import boot, boot_ensemble, flags, source

CODECS = ("none", "gzip", "snappy")
EACH_RELEASE = [f"zk-{release}-standalone" for release in ("3.4", "3.5", "3.6", "3.8.0", "3.9", "3.10")]


def cases():
    """[(name, data dir, log dir, codec, truth)]: every directory in one codec, one of each release in all."""
    n = 0
    for fixture in apache.fixtures():
        for name, data_dir, log_dir in apache.data_dirs(fixture):
            n += 1
            for codec in CODECS if name in EACH_RELEASE else [CODECS[n % 3]]:
                yield name, data_dir, log_dir, codec, zkreal.truths(fixture)[-1][1]


class Converted(unittest.TestCase):
    def assert_serves(self, expected, server):
        self.assertEqual(zkreal.differences(expected, server.read_tree(zookeeper=True)), [])
        server.client(zkreal.SUPER).create("/after-the-conversion", b"new")
        self.assertEqual(server.read_tree()["/after-the-conversion"][0], b"new".hex())

    def convert(self, lab, data_dir, log_dir, *words, name="converted"):
        target = lab.dir / name
        zkark.run(lab, "convert", source(lab, data_dir, log_dir), "--to", target, *words)
        return target

    def test_each_directory_boots_on_3_8_to_its_truth(self):
        booted = 0
        for name, data_dir, log_dir, codec, truth in cases():
            with self.subTest(name, codec=codec), zkreal.Lab() as lab:
                target = self.convert(lab, data_dir, log_dir, "--for", "3.8", "--codec", codec)
                self.assert_serves(truth, boot(lab, target, data_dir))
                booted += 1
        self.assertGreaterEqual(booted, 45)

    def test_the_form_of_3_4_has_the_same_tree(self):
        """Its containers and TTL nodes are ordinary ones, which a client cannot tell apart."""
        for name in ("zk-3.8.0-standalone", "zk-3.9-standalone"):
            data_dir = apache.FIXTURES / name
            with self.subTest(name), zkreal.Lab() as lab:
                zkark.run(lab, "convert", data_dir, "--for", "3.4", "--to", lab.dir / "refused", expect=7)
                target = self.convert(lab, data_dir, data_dir, "--for", "3.4", "--accept-loss")
                self.assert_serves(zkreal.truths(data_dir)[-1][1], boot(lab, target, data_dir))

    def test_an_ensemble_of_3_9_goes_on_as_one_of_3_8(self):
        fixture = apache.FIXTURES / "zk-3.9-ensemble"
        with zkreal.Lab() as lab:
            targets = {int(d.name): self.convert(lab, d, d, "--for", "3.8", name=f"converted-{d.name}")
                       for _, d, _ in apache.data_dirs(fixture)}
            servers = boot_ensemble(lab, targets, fixture / "1")
            self.assertEqual(sorted(s.mode for s in servers.values()), ["follower", "follower", "leader"])
            self.assert_serves(zkreal.truths(fixture)[-1][1], servers[1])

    def test_without_conversion_3_8_0_drops_the_rest_of_a_multi_with_create2(self):
        """ZOOKEEPER-4616: the reason for the one change of records between 3.9 and 3.8."""
        data_dir = apache.FIXTURES / "zk-3.9-standalone"
        truth = zkreal.truths(data_dir)[-1][1]
        with zkreal.Lab() as lab:
            from_the_logs = lab.copy(data_dir)
            for late in ("snapshot.49", "snapshot.4d"):
                (from_the_logs / "version-2" / late).unlink()
            target = self.convert(lab, from_the_logs, from_the_logs, "--for", "3.8")
            self.assert_serves(truth, boot(lab, target, data_dir))
            raw = lab.standalone(from_the_logs, flags=flags(data_dir))
            self.assertNotEqual(zkreal.differences(truth, raw.read_tree(zookeeper=True)), [])


if __name__ == "__main__":
    unittest.main()
