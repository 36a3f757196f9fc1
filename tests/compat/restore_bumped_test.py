"""What `zkark restore` makes of every fixture by default: a new epoch without sessions, served by Apache, alone and whole."""

import unittest
from pathlib import Path

import apache
import zkark
import zkreal
from kazoo.exceptions import NoNodeError
from restored import boot, boot_ensemble, points, quiet_config, snapshot_zxid, source

# Never acknowledged, cut off or left behind by a later leader: no restore of a later point may bring them back.
LOST = {"zk-3.8.0-truncated-tail": range(4), "zk-3.8.0-stale-tail/3": range(4)}


class BumpedRestores(unittest.TestCase):
    def assert_tree(self, expected, found):
        self.assertEqual(zkreal.differences(expected, found), [])

    def test_default_restore_boots_in_a_new_epoch_without_ephemerals_and_serves_writes(self):
        for name, data_dir, log_dir, zxid, truth, last in points():
            if not last:
                continue
            with self.subTest(name), zkreal.Lab() as lab:
                target = lab.dir / "restored"
                zkark.run(lab, "restore", source(lab, data_dir, log_dir), "--to", target, "--at", f"zxid:{zxid:#x}")
                epoch = (target / "version-2" / "currentEpoch").read_text()
                self.assertEqual((target / "version-2" / "acceptedEpoch").read_text(), epoch)
                self.assertGreaterEqual(int(epoch), (zxid >> 32) + 256)
                self.assertEqual(snapshot_zxid(target), int(epoch) << 32)
                server = boot(lab, target, data_dir)
                self.assert_tree(zkreal.without_ephemerals(truth, zxid), server.read_tree(zookeeper=True))
                client = server.client(zkreal.SUPER)
                client.create("/after-the-restore", b"new")
                self.assertGreater(client.get("/after-the-restore")[1].czxid, int(epoch) << 32)
                server.restart(client)
                self.assertEqual(client.get("/after-the-restore")[0], b"new")

    def test_ensembles_boot_whole_from_one_members_data(self):
        for name, data_dir, log_dir, zxid, truth, last in points():
            if not last or "/" not in name:
                continue
            with self.subTest(name), zkreal.Lab() as lab:
                dirs = {n: lab.dir / f"member-{n}" for n in (1, 2, 3)}
                for n, target in dirs.items():
                    zkark.run(lab, "restore", data_dir, "--to", target, "--at", f"zxid:{zxid:#x}", "--server-id", n)
                    self.assertEqual((target / "myid").read_text().strip(), str(n))
                servers = boot_ensemble(lab, dirs, data_dir)
                self.assertEqual(sorted(s.mode for s in servers.values()), ["follower", "follower", "leader"])
                expected = zkreal.without_ephemerals(truth, zxid)
                for server in servers.values():
                    self.assert_tree(expected, server.read_tree())
                client = servers[1].client(zkreal.AMY)
                client.create("/after-the-restore", b"new")
                self.assertEqual(servers[3].read_tree()["/after-the-restore"][0], b"new".hex())

    def test_restored_configuration_starts_the_server_by_itself(self):
        for name in ("zk-3.8.0-standalone", "zk-3.8.0-split-dirs"):
            with self.subTest(name), zkreal.Lab() as lab:
                (_, data_dir, log_dir), = apache.data_dirs(apache.FIXTURES / name)
                zxid, truth = zkreal.truths(apache.FIXTURES / name)[-1]
                target, port = lab.dir / "restored", zkreal.free_ports(1)[0]
                home = lab.new_dir("source")
                config = {**zkreal.CONFIG, **quiet_config(), "dataDir": data_dir, "clientPort": port, "clientPortAddress": "127.0.0.1"}
                if log_dir != data_dir:
                    config["dataLogDir"] = log_dir
                (home / "zoo.cfg").write_text("".join(f"{k}={v}\n" for k, v in config.items()))
                more = ["--to-log-dir", lab.dir / "restored-log"] if log_dir != data_dir else []
                zkark.run(lab, "restore", home / "zoo.cfg", "--to", target, *more, "--at", "latest", "--no-bump-epoch")
                restored = dict(line.split("=", 1) for line in (target / "conf/zoo.cfg").read_text().splitlines()
                                if "=" in line and not line.startswith("#"))
                self.assertEqual(Path(restored["dataDir"]).resolve(), target.resolve())
                server = zkreal.Server(lab, lab.new_dir("server"), restored, [], port)
                lab.servers.append(server)
                self.assert_tree(truth, server.start().read_tree())

    def test_txns_a_later_leader_cut_off_do_not_come_back(self):
        for name, numbers in LOST.items():
            with self.subTest(name), zkreal.Lab() as lab:
                target = lab.dir / "restored"
                zkark.run(lab, "restore", apache.FIXTURES / name, "--to", target)
                client = lab.standalone(target).client(zkreal.AMY)
                for i in numbers:
                    with self.assertRaises(NoNodeError):
                        client.get(f"/lost-{i}")

if __name__ == "__main__":
    unittest.main()
