"""What a real server says of itself decides what of its log a backup calls unconfirmed."""

import unittest
from pathlib import Path

import zkark
import zkreal
from makers.recorder import flags


def backup(lab, source, cluster="default"):
    return zkark.json_of(lab, "backup", source, "-r", lab.dir / "repository", "-C", cluster)


def timelines(lab):
    return zkark.json_of(lab, "list", "-r", lab.dir / "repository")["timelines"]


class LiveServer(unittest.TestCase):
    def test_proposals_without_a_quorum_are_unconfirmed_until_they_are_committed(self):
        with zkreal.Lab() as lab:
            # Ticks so long that the leader stays leader while its followers stand still.
            servers = lab.ensemble({n: lab.new_dir(f"member-{n}") for n in (1, 2, 3)}, flags=flags(),
                                   config={"tickTime": 30000, "maxSessionTimeout": 3600000})
            leader, = (s for s in servers.values() if s.mode == "leader")
            followers = [s for s in servers.values() if s is not leader]
            client = leader.client(zkreal.AMY, timeout=3600.0)  # its pings wait behind its writes
            client.create("/agreed", b"")
            agreed = leader.srvr()["zxid"]
            for follower in followers:
                follower.stop()
            waiting = [client.create_async(f"/waits-{i}", b"proposal-%d" % i) for i in range(3)]
            logs = Path(leader.config["dataDir"]) / "version-2"
            zkreal.wait_until(lambda: any(b"proposal-2" in log.read_bytes() for log in logs.glob("log.*")))
            zkark.run(lab, "init", "-r", lab.dir / "repository", "--encryption", "none")
            taken = backup(lab, leader.home / "zoo.cfg")
            self.assertEqual([int(taken[k], 16) for k in ("last_applied", "unconfirmed_from", "last_zxid")],
                             [agreed, agreed + 1, agreed + 3])
            self.assertEqual(timelines(lab)[0]["unconfirmed_from"], hex(agreed + 1))
            self.assertIsNone(backup(lab, leader.home / "zoo.cfg")["id"], "nothing new, and nothing new to say")
            for follower in followers:
                follower.go_on()
            for one in waiting:
                one.get(60)
            taken = backup(lab, leader.home / "zoo.cfg")
            self.assertEqual((taken["records"], taken["unconfirmed_from"], taken["confirmed_from"]), (0, None, hex(agreed + 1)))
            self.assertIsNone(timelines(lab)[0]["unconfirmed_from"])

    def test_a_restored_copy_with_the_port_of_the_live_server_is_not_taken_for_it(self):
        with zkreal.Lab() as lab:
            server = lab.standalone(lab.new_dir("data"), flags=flags())
            client = server.client(zkreal.AMY)
            client.create("/a", b"")
            zkark.run(lab, "init", "-r", lab.dir / "repository", "--encryption", "none")
            zkark.run(lab, "restore", server.home / "zoo.cfg", "--to", lab.dir / "restored", "--no-bump-epoch")
            cfg = lab.dir / "restored" / "conf" / "zoo.cfg"
            self.assertIn(f"clientPort={server.port}\n", cfg.read_text())
            for i in range(3):
                client.create(f"/later-{i}", b"")
            self.assertIsNone(backup(lab, cfg, "copy")["last_applied"])
            taken = backup(lab, server.home / "zoo.cfg")
            self.assertEqual((int(taken["last_applied"], 16), taken["unconfirmed_from"]), (server.srvr()["zxid"], None))


if __name__ == "__main__":
    unittest.main()
