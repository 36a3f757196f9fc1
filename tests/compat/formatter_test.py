#!/usr/bin/python3
"""`zkark ls` on one snapshot says what Apache's SnapshotFormatter says, `zkark log` on one log what TxnLogToolkit says."""

import json
import os
import re
import subprocess
import unittest
from calendar import timegm
from time import strptime

import apache
import zkark

SNAPSHOTS = ["zk-3.4-standalone", "zk-3.5-standalone", "zk-3.8.0-standalone", "zk-3.8.0-fuzzy", "zk-3.9-standalone",
             "zk-3.9-gz", "zk-3.9-snappy"]
LOGS = ["zk-3.4-standalone", "zk-3.8.0-standalone", "zk-3.8.0-torn-tail", "zk-3.9-standalone"]


def java(tool, *args):
    command = ["java", *apache.USUAL_FLAGS, "-Duser.timezone=UTC", "-Duser.language=en", "-Duser.country=US", "-cp", apache.SERVER_CLASSPATH,
               f"org.apache.zookeeper.server.{tool}", *map(str, args)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout


def rows(*args):
    """NDJSON rows without the summary. A lone fuzzy snapshot is shown with a warning, which is not read here."""
    done = subprocess.run([zkark.binary(), *map(str, args), "-o", "ndjson"], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL)
    return [r for r in map(json.loads, done.stdout.splitlines()) if r["record"] != "summary"]


def newest(fixture, kind):
    """The last file of that kind."""
    found = (apache.FIXTURES / fixture / "version-2").glob(f"{kind}.*")
    return max(found, key=lambda p: int(p.name.split(".")[1], 16))


def formatted_nodes(text):
    """{path: fields} of SnapshotFormatter's listing; its stat is the stored one."""
    nodes = {}
    for block in text.split("Session Details")[0].split("----\n")[1:]:
        lines = block.rstrip("\n").split("\n")
        if not lines[0]:  # behind the last separator
            continue
        fields = dict(line.strip().split(" = ", 1) for line in lines[1:] if " = " in line)
        nodes[lines[0]] = fields
    return nodes


class Formatter(unittest.TestCase):
    def test_a_snapshot_reads_the_same(self):
        for fixture in SNAPSHOTS:
            snapshot = newest(fixture, "snapshot")
            theirs = formatted_nodes(java("SnapshotFormatter", snapshot).decode())
            ours = {r["path"]: r for r in rows("ls", snapshot, "/", "-R")}
            self.assertEqual(sorted(ours), sorted(theirs), snapshot)
            for path, node in ours.items():
                stat = theirs[path]
                with self.subTest(snapshot=str(snapshot), path=path):
                    for mine, name in (("czxid", "cZxid"), ("mzxid", "mZxid"), ("pzxid", "pZxid")):
                        self.assertEqual(int(node[mine], 16), int(stat[name], 16))
                    # Clients see twice the stored cversion less the children; SnapshotFormatter shows the stored one.
                    self.assertEqual((node["cversion"] + node["children"]) // 2, int(stat["cversion"]))
                    self.assertEqual(node["version"], int(stat["dataVersion"]))
                    self.assertEqual(node["aversion"], int(stat["aclVersion"]))
                    self.assertEqual(node["data_bytes"], int(stat.get("dataLength", 0)))
                    owner = int(stat["ephemeralOwner"], 16)
                    if node["kind"] in ("persistent", "ephemeral"):
                        self.assertEqual(int(node["ephemeral_owner"] or "0", 16), owner)
                    else:
                        self.assertEqual(owner >> 63, 1)
                    for mine, name in (("ctime", "ctime"), ("mtime", "mtime")):
                        seconds = timegm(strptime(stat[name], "%a %b %d %H:%M:%S UTC %Y"))
                        self.assertEqual(timegm(strptime(node[mine][:19], "%Y-%m-%dT%H:%M:%S")), seconds)

    def test_a_log_has_the_same_records(self):
        line = re.compile(rb"^\S+, \S+ [AP]M \S+ session 0x([0-9a-f]+) cxid 0x([0-9a-f]+) zxid 0x([0-9a-f]+) ", re.M)
        for fixture in LOGS:
            log = newest(fixture, "log")
            text = java("persistence.TxnLogToolkit", "-d", log).replace("\u202f".encode(), b" ")
            theirs = [tuple(int(n, 16) for n in match) for match in line.findall(text)]
            ours = [(int(r["session"], 16), r["cxid"] % 2**32, int(r["zxid"], 16)) for r in rows("log", log)]
            self.assertEqual(ours, theirs, log)
            self.assertIn(f"EOF reached after {len(ours)} txns.".encode(), text)


if __name__ == "__main__":
    os.environ.setdefault("TZ", "UTC")
    unittest.main()
