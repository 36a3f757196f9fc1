"""Backups taken again and again while a real server writes, rolls, snapshots, purges and dies.

ZKARK_LIVE_ROUNDS: how many backups (default 40)."""

import os
import unittest
from pathlib import Path

import apache
import load
import zkark
import zkreal
from makers.recorder import flags
from restored import quiet_config

ROUNDS = int(os.environ.get("ZKARK_LIVE_ROUNDS", "40"))


class LiveBackups(unittest.TestCase):
    def test_every_published_backup_restores_to_a_state_that_existed(self):
        with zkreal.Lab() as lab:
            server = lab.standalone(lab.new_dir("data"), flags=flags(prealloc_kb=64, snap_count=400, forceSync="no"))
            data = Path(server.config["dataDir"])
            keeper = load.Keeper(data, lab.dir / "kept")
            writing = load.Load(server, limit=1000 * ROUNDS).start()
            repository, taken = lab.dir / "repository", []
            zkark.run(lab, "init", "-r", repository, "--encryption", "none")
            for number in range(ROUNDS):
                taken.append(server.srvr()["zxid"])
                if number % 3 == 2:  # what was logged between the backup and the purge could be in no backup
                    server.stop()
                zkark.run(lab, "backup", data, "-r", repository, "--tag", f"round={number}")
                if number % 3 == 2:
                    load.purge(data)
                    server.go_on()
                if number % 8 == 7:
                    server.kill_between_logs()
                    server.start()
            writing.stop()
            zkark.run(lab, "backup", data, "-r", repository, "--tag", "round=last")
            last = server.read_tree()
            server.kill()
            keeper.stop()
            zkark.run(lab, "verify", "-r", repository, "--replay")
            self.check(lab, repository, keeper, taken)
            zkark.run(lab, "restore", "-r", repository, "--to", lab.dir / "latest", "--at", "latest", "--no-bump-epoch")
            self.assertEqual(zkreal.differences(last, lab.standalone(lab.dir / "latest", config=quiet_config()).read_tree()), [])

    def check(self, lab, repository, keeper, taken):
        """Each backup, and a few points between, against Apache's replay of everything the server ever logged."""
        backups = zkark.json_of(lab, "list", "-r", repository)["backups"]
        self.assertGreaterEqual(len(backups), ROUNDS // 2)
        restored = {}
        for at in [b["id"] for b in backups] + [f"zxid:{z:#x}" for z in taken[2::4]]:
            target = lab.dir / f"at-{at.replace(':', '-')}"
            zkark.run(lab, "restore", "-r", repository, "--to", target, "--at", at, "--no-bump-epoch")
            zxid = max(int(f.name.split(".")[1], 16) for f in (target / "version-2").glob("snapshot.*"))
            restored[at] = zxid, zkreal.sha256(apache.oracle("dump", target, "--without", "/zookeeper/config"))
        states = keeper.states(zxid for zxid, _ in restored.values())
        for at, (zxid, found) in restored.items():
            with self.subTest(at=at):
                self.assertEqual(found, states.get(zxid), f"{at} is no state the server had at {zxid:#x}")
                if at.startswith("zxid:"):
                    self.assertEqual(f"zxid:{zxid:#x}", at)


if __name__ == "__main__":
    unittest.main()
