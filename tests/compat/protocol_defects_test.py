"""Requests that Apache ZooKeeper 3.8.0 does not survive, and what `zkark serve` says to them instead.

Each has an Apache server of its own: it ends, or cannot read its log again."""

import unittest

import wire
import zkark_server
import zkreal
from both import has_deviation as row
from wire import CHECK, CLOSE_SESSION, CREATE, CREATE_TTL, create, versioned


class Defects(unittest.TestCase):
    def apache_and_zkark(self, lab):
        return lab.standalone(lab.new_dir("apache")), zkark_server.standalone(lab, lab.new_dir("zkark"))

    def test_a_session_with_more_ephemerals_than_a_record_may_name(self):
        self.assertTrue(row("a session with more ephemerals"))
        flags = ["-Djute.maxbuffer=4096"]
        with zkreal.Lab() as lab:
            apache = lab.standalone(lab.new_dir("apache"), flags=flags)
            ours = zkark_server.standalone(lab, lab.new_dir("zkark"), flags=flags)
            many = [(CREATE, create(f"/{n:03d}" + "x" * 100, flags=1)) for n in range(200)]
            self.assertEqual(self.ask(apache, *many, (CLOSE_SESSION, b"")), self.ask(ours, *many, (CLOSE_SESSION, b"")))
            for server in (apache, ours):
                server.kill()
            with self.assertRaises(zkreal.ServerDied):
                apache.start()
            self.assertEqual(self.ask(ours.start(), (wire.CHILDREN, wire.watched("/"))),
                             ["c < #1 z+0 err=0 ['zookeeper']", "c < #-2 z+0 err=0"])

    def ask(self, server, *requests):
        """What is answered to each; None where the connection ends."""
        names, lines = wire.Names(), []
        conn = wire.Conn(server.port, "c", names, lines)
        conn.handshake()
        conn.ping()
        names.base = conn.zxid
        lines.clear()
        for number, body in requests:
            conn.call(number, body)
        conn.ping()
        conn.drop()
        return [line for line in lines if " > " not in line]

    def ends_and_cannot_start(self, server):
        server.process.wait(30)
        with self.assertRaises(zkreal.ServerDied):
            server.start()

    def test_a_ttl_that_belongs_to_no_ttl_node(self):
        self.assertTrue(row("`createTTL` with flags that are not TTL's and ttl -1"))
        with zkreal.Lab() as lab:
            apache, ours = self.apache_and_zkark(lab)
            request = (CREATE_TTL, create("/n", b"", 0, ttl=-1))
            self.assertEqual(self.ask(apache, request), ["c ended"] * 2)
            self.ends_and_cannot_start(apache)
            self.assertEqual(self.ask(ours, request, (CREATE, create("/n"))), ["c < #1 z+1 err=-8", "c < #2 z+2 err=0 '/n'",
                                                                                "c < #-2 z+2 err=0"])

    def test_a_check_of_its_own(self):
        self.assertTrue(row("`check` outside a multi"))
        with zkreal.Lab() as lab:
            apache, ours = self.apache_and_zkark(lab)
            conn = wire.Conn(apache.port, "c", wire.Names(), [])
            conn.handshake()
            conn.frame(conn.request(CHECK, versioned("/"), 1))
            conn.frame(conn.request(wire.PING, b"", -2))
            self.assertEqual(conn.packet()[:4], wire.i(-2))  # of the check nothing is heard
            apache.kill()
            with self.assertRaises(zkreal.ServerDied):
                apache.start()
            self.assertEqual(self.ask(ours, (CHECK, versioned("/"))), ["c < #1 -1 err=-6", "c ended"])

    def test_a_quota_of_the_root(self):
        self.assertTrue(row("a quota on the root"))
        with zkreal.Lab() as lab:
            apache, ours = self.apache_and_zkark(lab)
            stats = (CREATE, create("/zookeeper/quota/zookeeper_stats", b""))
            self.assertEqual(self.ask(apache, stats), self.ask(ours, stats))
            request = (CREATE, create("/zookeeper/quota/zookeeper_limits", b"count=1,bytes=1"))
            self.assertEqual(self.ask(apache, request), ["c ended"] * 2)
            self.ends_and_cannot_start(apache)
            self.assertEqual(self.ask(ours, request), ["c < #1 z+1 err=-8", "c < #-2 z+1 err=0"])


if __name__ == "__main__":
    unittest.main()
