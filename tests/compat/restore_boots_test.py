"""What `zkark restore` makes of every fixture, Apache boots, and a client finds the tree that was there."""

import re
import unittest
from pathlib import Path

import apache
import zkark
import zkreal
from kazoo.exceptions import NoNodeError

# Points whose txns this member never had; and points at which there were two states (fixtures/README.md).
NOT_HERE = {("zk-3.8.0-ensemble/2", 0x10000003a)}
TWO_STATES = {("zk-3.8.0-lost-ttl", 0xc)}
# Never acknowledged, cut off or left behind by a later leader: no restore of a later point may bring them back.
LOST = {"zk-3.8.0-truncated-tail": range(4), "zk-3.8.0-stale-tail/3": range(4)}


def source(lab, data_dir, log_dir):
    """What to give zkark as SRC: the directory, or a zoo.cfg where logs live elsewhere."""
    if data_dir == log_dir:
        return data_dir
    cfg = lab.new_dir("cfg") / "zoo.cfg"
    cfg.write_text(f"dataDir={data_dir}\ndataLogDir={log_dir}\nclientPort=0\n")
    return cfg


def own_log_dir(lab, data_dir, log_dir, name="restored-log"):
    """An exact copy is refused while the source's dataLogDir, which counts as a target, holds later records."""
    return [] if data_dir == log_dir else ["--to-log-dir", lab.dir / name]


def points():
    """[(name, data dir, log dir, zxid, truth, last of its folder)] for every recorded truth of every fixture."""
    for fixture in apache.fixtures():
        truths = zkreal.truths(fixture)
        for name, data_dir, log_dir in apache.data_dirs(fixture):
            for zxid, tree in truths:
                if (name, zxid) not in NOT_HERE | TWO_STATES:
                    yield name, data_dir, log_dir, zxid, tree, zxid == truths[-1][0]


def flags(data_dir):
    """What the restored directory needs: extended types, but none of the source's oddities."""
    return [f for f in apache.java_flags(data_dir) if "digest.enabled" not in f and "closeSessionTxn" not in f]


def snapshot_zxid(directory):
    """zxid in the name of the only snapshot of a restored directory."""
    names = [f.name for f in (Path(directory) / "version-2").iterdir() if f.name.startswith("snapshot.")]
    assert len(names) == 1, names
    return int(re.fullmatch(r"snapshot\.([0-9a-f]+)(\.gz|\.snappy)?", names[0])[1], 16)


class RestoredDirectories(unittest.TestCase):
    def assert_tree(self, expected, found):
        self.assertEqual(zkreal.differences(expected, found), [])

    def test_exact_copy_boots_to_the_truth_at_every_recorded_point(self):
        for name, data_dir, log_dir, zxid, truth, _ in points():
            with self.subTest(name, zxid=hex(zxid)), zkreal.Lab() as lab:
                target = lab.dir / "restored"
                zkark.run(lab, "restore", source(lab, data_dir, log_dir), "--to", target, "--at", f"zxid:{zxid:#x}",
                          "--no-bump-epoch", *own_log_dir(lab, data_dir, log_dir))
                self.assertEqual(snapshot_zxid(target), zxid)
                self.assert_tree(truth, lab.standalone(target, flags=flags(data_dir)).read_tree(zookeeper=True))

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
                server = lab.standalone(target, flags=flags(data_dir))
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
                servers = lab.ensemble(dirs, flags=flags(data_dir))
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
                config = {**zkreal.CONFIG, "dataDir": data_dir, "clientPort": port, "clientPortAddress": "127.0.0.1"}
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


class RestoredStates(unittest.TestCase):
    """The same against Apache's replay, at many more points: no server, its classes load the restored directory."""

    def test_every_zxid_of_every_fixture_that_apache_replays_is_restored_to_apaches_state(self):
        for fixture in apache.fixtures():
            for name, data_dir, log_dir in apache.data_dirs(fixture):
                with self.subTest(name), zkreal.Lab() as lab:
                    src, states = source(lab, data_dir, log_dir), zkreal.apache_states(data_dir, log_dir)
                    chosen = self.some(name, sorted(states))
                    for zxid in chosen:
                        zkark.run(lab, "restore", src, "--to", lab.dir / f"{zxid:x}", "--at", f"zxid:{zxid:#x}", "--no-bump-epoch",
                                  *own_log_dir(lab, data_dir, log_dir, f"log-{zxid:x}"))
                    apache.oracle_batch([(lab.dir / f"{z:x}.txt", "dump", lab.dir / f"{z:x}", "--without", "/zookeeper/config")
                                         for z in chosen], apache.USUAL_FLAGS)
                    for zxid in chosen:
                        found = zkreal.sha256((lab.dir / f"{zxid:x}.txt").read_text())
                        self.assertEqual(found, states[zxid], f"{name} at {zxid:#x}")

    def some(self, name, zxids):
        """About 16 per directory, the fuzzy window of zk-3.8.0-fuzzy whole."""
        stale = range(0x10000000d, 0x100000011) if name == "zk-3.8.0-stale-tail/3" else ()
        zxids = [z for z in zxids if z and z not in stale and (name, z) not in TWO_STATES]
        window = [z for z in zxids if 0x1c0 <= z <= 0x1d2] if name == "zk-3.8.0-fuzzy" else []
        return sorted({*zxids[::max(1, len(zxids) // 16)], *zxids[-2:], *window})


if __name__ == "__main__":
    unittest.main()
