"""Every kind of restored directory, booted by Apache alone and as an ensemble of three, and read by a client."""

import json
import shutil
import unittest

import apache
import zkark
import zkreal
from restored import boot, boot_ensemble

STANDALONE = apache.FIXTURES / "zk-3.8.0-standalone"  # every type of txn, sessions, ephemerals, odd data
ENSEMBLE = apache.FIXTURES / "zk-3.8.0-ensemble"
TARBALLS = apache.FIXTURES / "zk-3.8.0-tarballs"


class EveryKind(unittest.TestCase):
    """Each test is a kind: arguments of restore, the point they mean, and the tree that was there."""

    def check(self, data_dir, words, expected, apart=False, lab=None):
        """`words` with --to, alone and as members 1 to 3; `apart`: with --to-log-dir. Then the servers take a write."""
        if lab is None:
            with zkreal.Lab() as lab:
                self.check(data_dir, words, expected, apart, lab)
            return
        dirs, logs = ({n: lab.dir / f"{what}-{n}" for n in range(4)} for what in ("restored", "restored-log"))
        for n, target in dirs.items():
            more = [*(["--server-id", n] if n else []), *(["--to-log-dir", logs[n]] if apart else [])]
            zkark.run(lab, "restore", *words, "--to", target, *more)
            if n:
                self.assertEqual((target / "myid").read_text().strip(), str(n))
        alone = boot(lab, dirs.pop(0), data_dir, logs.pop(0) if apart else None)
        self.assert_serves(expected, [alone])
        alone.kill()
        servers = boot_ensemble(lab, dirs, data_dir, logs if apart else None)
        self.assertEqual(sorted(s.mode for s in servers.values()), ["follower", "follower", "leader"])
        self.assert_serves(expected, list(servers.values()))

    def assert_serves(self, expected, servers):
        for server in servers:
            self.assertEqual(zkreal.differences(expected, server.read_tree(zookeeper=True)), [])
        servers[0].client(zkreal.SUPER).create("/after-the-restore", b"new")
        for server in servers:
            self.assertEqual(server.read_tree()["/after-the-restore"][0], b"new".hex())

    def truth(self, fixture, zxid=None):
        """(zxid, tree): the last one, or that at a zxid."""
        found = dict(zkreal.truths(fixture))
        zxid = max(found) if zxid is None else zxid
        return zxid, found[zxid]

    def repository(self, lab):
        """A full backup of the first life, and increments on it."""
        data, repository = lab.new_dir("data"), lab.dir / "repository"
        zkark.run(lab, "init", "-r", repository, "--encryption", "none")
        (data / "version-2").mkdir()
        for files in (("snapshot.0", "log.1"), ("snapshot.3c", "log.3e"), ("snapshot.4d", "log.4e")):
            for name in files:
                shutil.copy(STANDALONE / "version-2" / name, data / "version-2")
            zkark.run(lab, "backup", data, "-r", repository)
        types = [b["type"] for b in zkark.json_of(lab, "list", "-r", repository)["backups"]]
        self.assertEqual(sorted(types), ["full", "incr", "incr"])
        return repository

    def test_latest_of_a_repository_with_a_full_backup_and_increments(self):
        zxid, tree = self.truth(STANDALONE)
        with zkreal.Lab() as lab:
            self.check(STANDALONE, ["-r", self.repository(lab)], zkreal.without_ephemerals(tree, zxid), lab=lab)

    def test_exact_point_inside_an_increment_of_a_repository(self):
        zxid, tree = self.truth(STANDALONE, 0x4d)
        with zkreal.Lab() as lab:
            words = ["-r", self.repository(lab), "--at", f"zxid:{zxid:#x}", "--no-bump-epoch"]
            self.check(STANDALONE, words, tree, lab=lab)

    def test_data_directory_as_an_exact_copy(self):
        for data_dir, fixture in ((STANDALONE, STANDALONE), (ENSEMBLE / "1", ENSEMBLE)):
            with self.subTest(data_dir.name):
                self.check(data_dir, [data_dir, "--no-bump-epoch"], self.truth(fixture)[1])

    def test_tarball(self):
        zxid = json.loads((TARBALLS / "tarballs.json").read_text())["full-version2.tar.gz"]["zxid"]
        self.check(TARBALLS, [TARBALLS / "full-version2.tar.gz"], self.truth(TARBALLS, zxid)[1])

    def test_several_tarballs_that_go_on_from_each_other(self):
        zxid = json.loads((TARBALLS / "tarballs.json").read_text())["logs-only-1.tar.gz"]["zxid"]
        words = [TARBALLS / "full-flat.tar.gz", TARBALLS / "logs-only-1.tar.gz"]
        self.check(TARBALLS, words, self.truth(TARBALLS, zxid)[1])

    def test_one_path_of_the_tree(self):
        zxid, tree = self.truth(STANDALONE)
        for path in ("/app", "/cont/kid"):
            with self.subTest(path):
                expected = zkreal.only_path(zkreal.without_ephemerals(tree, zxid), path)
                self.assertLess(len(expected), len(tree))
                self.check(STANDALONE, [STANDALONE, "--path", path], expected)

    def test_sessions_and_ephemerals_kept_in_a_new_epoch(self):
        _, tree = self.truth(STANDALONE)
        self.assertTrue(any(stat["ephemeralOwner"] for _, _, stat in tree.values()))
        self.check(STANDALONE, [STANDALONE, "--keep-sessions"], tree)

    def test_exact_copy_without_ephemerals(self):
        zxid, tree = self.truth(STANDALONE)
        self.check(STANDALONE, [STANDALONE, "--no-bump-epoch", "--drop-ephemerals"], zkreal.without_ephemerals(tree, zxid))

    def test_logs_in_a_directory_of_their_own(self):
        zxid, tree = self.truth(STANDALONE)
        self.check(STANDALONE, [STANDALONE], zkreal.without_ephemerals(tree, zxid), apart=True)


if __name__ == "__main__":
    unittest.main()
