"""A plan of `zkark undo`, sent to Apache's server as it stands: it takes every request, and the tree is what it was."""

import base64
import struct
import unittest

import apache
import raw_ops
import zkark
import zkreal
from kazoo.exceptions import BadVersionError
from kazoo.protocol.serialization import int_struct
from kazoo.security import ACL, Id
from restored import flags, quiet_config

STANDALONE = apache.FIXTURES / "zk-3.8.0-standalone"  # every type of txn, sessions, ephemerals, odd data
LETTERS = {"r": 1, "w": 2, "c": 4, "d": 8, "a": 16}


def bytes_of(value):
    if value is None:
        return None
    return value["utf8"].encode() if "utf8" in value else base64.b64decode(value["base64"])


def acl_of(rules):
    found = []
    for rule in rules:
        scheme, rest = rule.split(":", 1)
        name, perms = rest.rsplit(":", 1)
        found.append(ACL(sum(LETTERS[c] for c in perms), Id(scheme, name)))
    return found


def operation(row):
    """What a client would send for a row of the plan, from what the row says alone."""
    if row["op"] == "delete":
        return raw_ops.delete(row["path"], row["version"])
    if row["op"] == "setData":
        return raw_ops.set_data(row["path"], bytes_of(row["data"]), row["version"])
    kinds = {"persistent": (0, raw_ops.CREATE), "container": (4, raw_ops.CONTAINER), "ttl": (5, raw_ops.TTL)}
    bits, opcode = kinds[row["kind"]]
    return raw_ops.Create(row["path"], bytes_of(row["data"]), acl_of(row["acl"]), bits, opcode, row["ttl_ms"] or 0)


def send(client, plan):
    """The answers, one per operation; the size of each multi as sent is what the plan says."""
    answers = []
    for request in plan["requests"]:
        rows = [row for row in plan["operations"] if row["request"] == request["request"]]
        if request["type"] == "setACL":
            client.set_acls(rows[0]["path"], acl_of(rows[0]["acl"]), rows[0]["version"])
            continue
        operations = [operation(row) for row in rows]
        sent = int_struct.size + struct.calcsize("!i") + len(raw_ops.Multi(operations).serialize())
        assert sent == request["bytes"], (sent, request)
        answers += raw_ops.multi(client, *operations)
    return answers


class UndoPlan(unittest.TestCase):
    def test_a_plan_brings_the_tree_of_a_server_back(self):
        for point, limit in ((0x3, 1048575), (0x1e, 1048575), (0x34, 1048575), (0x4d, 1048575), (0x1e, 1024)):
            with self.subTest(f"{point:#x} {limit}"), zkreal.Lab() as lab:
                data = lab.copy(STANDALONE)
                plan = zkark.json_of(lab, "undo", STANDALONE, "--plan", "--path", "/", "--back-to", f"zxid:{point:#x}",
                                     "--max-request", limit, expect=None)
                left = {row["path"] for row in plan["left"]}
                self.assertLessEqual({row["reason"] for row in plan["left"]}, {"ephemeral"})
                server = lab.standalone(data, flags=flags(STANDALONE), config=quiet_config())
                client = server.client(zkreal.SUPER)
                self.assertEqual([a for a in send(client, plan) if isinstance(a, int)], [], "operations were refused")
                server.restart()  # which leaves a snapshot of the whole tree, types included
                server.kill()
                newest = max((data / "version-2").glob("snapshot.*"), key=lambda f: int(f.name.split(".")[1], 16))
                differences = zkark.json_of(lab, "diff", f"{STANDALONE}@zxid:{point:#x}", newest, expect=None)
                self.assertNotIn("mismatch", server.log_tail(10**6), "the server's own digests")
                wrong = [row for row in differences["changes"] if row["path"] not in left and
                         (row["change"] != "modified" or {"data", "kind", "acl"} & set(row["what"]))]
                self.assertEqual(wrong, [])

    def test_a_change_that_came_between_makes_the_whole_request_fail(self):
        with zkreal.Lab() as lab:
            data = lab.copy(STANDALONE)
            plan = zkark.json_of(lab, "undo", STANDALONE, "--plan", "--path", "/app", "--back-to", "zxid:0x1e", expect=None)
            self.assertEqual([r["type"] for r in plan["requests"]], ["multi"])
            server = lab.standalone(data, flags=flags(STANDALONE), config=quiet_config())
            client = server.client(zkreal.SUPER)
            client.set("/app", b"newer")
            before = server.read_tree()
            self.assertIn(BadVersionError.code, send(client, plan))
            self.assertEqual(server.read_tree(), before)


if __name__ == "__main__":
    unittest.main()
