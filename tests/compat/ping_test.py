"""`zkark ping` against real servers: alone, as an ensemble that loses its members, and zkark's own."""

import unittest

import zkark
import zkark_server
import zkreal


def ping(lab, *args, expect=0):
    """The rows by port, and the whole answer."""
    told = zkark.json_of(lab, "ping", "--timeout", "30s", *args, expect=expect)
    return {int(row["server"].rsplit(":", 1)[1]): row for row in told["servers"]}, told


def address(*servers):
    return ",".join(f"127.0.0.1:{s.port}" for s in servers)


class Ping(unittest.TestCase):
    def test_apache_and_zkark_alone_tell_what_they_tell_to_srvr(self):
        with zkreal.Lab() as lab:
            apache = lab.standalone(lab.new_dir("data"), config={"4lw.commands.whitelist": "srvr"})
            ours = zkark_server.standalone(lab, lab.new_dir("data"))
            for server in (apache, ours):
                client = server.client()
                client.create("/app", b"x")
                lab.close_client(client)
                rows, told = ping(lab, address(server))
                row, said = rows[server.port], server.srvr()
                self.assertEqual((row["state"], row["role"], told["serving"]), ("serving", "standalone", 1))
                # The ping's own session began and ended.
                self.assertLessEqual(int(row["zxid"], 16), said["zxid"])
                self.assertEqual(row["nodes"], int(said["Node count"]))
                self.assertGreater(row["session_ms"], 0)
                self.assertGreater(row["read_ms"], 0)
                self.assertTrue(said["Zookeeper version"].startswith(row["version"]))
            self.assertEqual(ping(lab, address(apache))[0][apache.port]["release"], "3.8.0")
            self.assertTrue(ping(lab, address(ours))[0][ours.port]["release"].startswith("3.8.0-zkark-"))
            self.assertEqual(ping(lab, address(apache))[0][apache.port]["words_refused"], ["ruok"])
            self.assertIs(ping(lab, address(ours))[0][ours.port]["imok"], True)
            # Both at once are taken for one ensemble, and as two arguments for two.
            self.assertEqual(len(ping(lab, address(apache, ours), expect=4)[1]["contradictions"]), 1)
            self.assertEqual(len(ping(lab, address(apache), address(ours))[1]["contradictions"]), 0)
            self.assertEqual(ping(lab, apache.home / "zoo.cfg")[1]["serving"], 1)

    def test_an_ensemble_that_loses_one_member_and_then_its_quorum(self):
        with zkreal.Lab() as lab:
            members = lab.ensemble({n: lab.new_dir("member") for n in (1, 2, 3)}, config={"syncLimit": 1000})
            client = members[1].client()
            client.create("/app", b"x")
            lab.close_client(client)
            zkreal.wait_until(lambda: len({m.srvr()["zxid"] for m in members.values()}) == 1)
            rows, told = ping(lab, address(*members.values()))
            self.assertEqual((told["asked"], told["serving"], told["contradictions"]), (3, 3, []))
            roles = sorted(row["role"] for row in rows.values())
            self.assertEqual(roles, ["follower", "follower", "leader"])
            leader = next(m for m in members.values() if rows[m.port]["role"] == "leader")
            followers = [m for m in members.values() if m is not leader]
            self.assertEqual([rows[leader.port][k] for k in ("learners", "synced_followers", "synced_observers")], [2, 2, 0])
            self.assertEqual(told["remarks"], [])
            self.assertTrue(all(row["behind"] is not None for row in rows.values()))

            followers[0].kill()
            rows, told = ping(lab, address(*members.values()), expect=8)
            self.assertEqual(rows[followers[0].port]["state"], "unreachable")
            self.assertEqual(told["serving"], 2)

            followers[1].kill()
            zkreal.wait_until(lambda: "not currently serving" in zkreal.four_letter(leader.port, "srvr"))
            rows, told = ping(lab, address(*members.values()), expect=8)
            self.assertEqual(rows[leader.port]["state"], "not serving")
            self.assertIn("not currently serving requests", rows[leader.port]["problem"])
            self.assertEqual(told["serving"], 0)


if __name__ == "__main__":
    unittest.main()
