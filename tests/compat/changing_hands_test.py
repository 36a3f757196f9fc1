"""A directory that changes hands under load: Apache and `zkark serve` in turn, each killed while clients write.

ZKARK_HANDS_ROUNDS: how often (default 8)."""

import json
import os
import time
import unittest

import apache
import load
import zkark
import zkark_server
import zkreal
from kazoo.exceptions import KazooException
from makers.recorder import flags

ROUNDS = int(os.environ.get("ZKARK_HANDS_ROUNDS", "8"))
REQUESTS = 1200  # of the load, in each hand


class Acknowledged:
    """A client that creates one node after the other, eight in flight, and knows which it was told are there."""

    def __init__(self, server):
        self.client, self.count, self.pending, self.told = server.client(zkreal.AMY), 0, [], set()
        self.client.create("/told")

    def send(self):
        path = f"/told/{self.count:06d}"
        self.count += 1
        self.pending.append((path, self.client.create_async(path, path.encode())))
        if len(self.pending) >= 8:
            self.take()

    def take(self):
        path, result = self.pending.pop(0)
        try:
            self.told.add(result.get(30))
        except KazooException:  # the server died first: it may be there or not
            pass

    def take_all(self):
        while self.pending:
            self.take()


class ChangingHands(unittest.TestCase):
    def test_each_takes_over_what_the_other_left_when_it_was_killed(self):
        with zkreal.Lab() as lab:
            data = lab.new_dir("data")
            java = flags(prealloc_kb=64, snap_count=300, forceSync="no")
            theirs = lab.standalone(data, flags=java)
            ours = zkark_server.standalone(lab, data, config={"clientPort": theirs.port}, flags=java, port=theirs.port, start=False)
            writing = load.Load(theirs, limit=100 * REQUESTS).start()
            mine, hands, told_by = Acknowledged(theirs), [theirs, ours], [0, 0]
            for number in range(ROUNDS):
                until, before = sum(writing.sent) + REQUESTS, len(mine.told)
                while (sent := sum(writing.sent)) < until:
                    hands[number % 2].check_lives()
                    if mine.count <= sent // 4:
                        mine.send()
                    else:
                        time.sleep(0.001)
                hands[number % 2].kill_between_logs()
                if hands[number % 2] is theirs:
                    self.remove_unfinished_snapshot(lab, data)
                mine.take_all()
                told_by[number % 2] += len(mine.told) - before
                hands[(number + 1) % 2].start()
                zkreal.wait_until(lambda: mine.client.connected)
            writing.stop()
            last = hands[ROUNDS % 2]
            tree = last.read_tree()
            self.assertEqual(sorted(mine.told - tree.keys()), [])
            self.assertGreater(min(told_by), 50)
            last.kill()
            zkark.run(lab, "verify", data, "--replay=all")
            self.check_states(lab, data)
            for server in hands:
                server.start()
                self.assertEqual(zkreal.differences(tree, server.read_tree()), [])
                self.assertNotIn("igest mismatch", server.log_tail(10**6))
                server.kill()

    def remove_unfinished_snapshot(self, lab, data):
        """Apache writes under the name that counts: what the kill left of it would rightly be told as damage."""
        newest = max((data / "version-2").glob("snapshot.*"), key=lambda f: int(f.name.split(".")[1], 16))
        if zkark.run(lab, "ls", newest, expect=None).returncode != 0:
            newest.unlink()

    def check_states(self, lab, data):
        """Apache's replay of all logs meets every digest that either server wrote, and zkark restores its states."""
        records = map(json.loads, zkark.run(lab, "log", data, "-o", "ndjson").stdout.splitlines())
        zxids = [int(record["zxid"], 16) for record in records if "zxid" in record]
        snapshots = sorted(int(f.name.split(".")[1], 16) for f in (data / "version-2").glob("snapshot.*"))
        chosen = sorted({*snapshots[::4], *zxids[::len(zxids) // 10]})
        states = zkreal.apache_states(data, data, chosen)
        self.assertEqual(zkreal.mismatches(data, data, chosen), [])
        for zxid in chosen:
            target = lab.dir / f"at-{zxid:x}"
            zkark.run(lab, "restore", data, "--to", target, "--at", f"zxid:{zxid:#x}", "--no-bump-epoch")
            found = zkreal.sha256(apache.oracle("dump", target, "--without", "/zookeeper/config"))
            self.assertEqual(found, states[zxid], f"{zxid:#x}")


if __name__ == "__main__":
    unittest.main()
