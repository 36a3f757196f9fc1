"""`zkark purge` beside Apache: it leaves what PurgeTxnLog leaves, while the server runs, and Apache starts after it."""

import shutil
import subprocess
import unittest
from pathlib import Path

import apache
import zkark
import zkreal
from makers.recorder import flags


def names(data):
    return sorted(p.name for p in (Path(data) / "version-2").iterdir() if p.name.startswith(("snapshot.", "log.")))


class Purge(unittest.TestCase):
    def test_leaves_what_apache_leaves_beside_a_running_server_which_starts_again(self):
        with zkreal.Lab() as lab:
            data = lab.new_dir("data")
            server = lab.standalone(data, flags=[*flags(), "-Dzookeeper.snapCount=20"])
            client = server.client()
            for number in range(300):
                client.create(f"/n{number:03d}", b"x" * number)
            number = 300
            while len([n for n in names(data) if n.startswith("snapshot.")]) < 6:  # a busy server takes fewer
                client.create(f"/n{number:03d}", b"more")
                number += 1
                self.assertLess(number, 10_000)

            # The same files, purged by Apache's own tool. The server has its log open and stands still meanwhile, so
            # that both see the same.
            server.stop()
            copy = lab.new_dir("copy")
            shutil.copytree(data / "version-2", copy / "version-2")
            before = names(copy)
            subprocess.run(["java", *zkreal.JVM, "-cp", apache.SERVER_CLASSPATH, "org.apache.zookeeper.server.PurgeTxnLog",
                            str(copy), str(copy), "-n", "3"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            told = zkark.json_of(lab, "purge", data, "--yes")
            left = names(data)
            server.go_on()  # it may have been about to take a snapshot
            self.assertEqual(told["snapshots_removed"] + told["logs_removed"], len(before) - len(names(copy)))
            self.assertGreater(told["snapshots_removed"], 0)
            self.assertGreater(told["logs_removed"], 0)
            self.assertEqual(left, names(copy))

            for number in range(50):
                client.create(f"/later{number:02d}", b"y")
            tree = server.read_tree()
            server.restart(client)
            self.assertEqual(zkreal.differences(tree, server.read_tree()), [])
            zkark.run(lab, "verify", data, "--replay")


if __name__ == "__main__":
    unittest.main()
