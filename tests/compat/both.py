"""The same play for Apache ZooKeeper and for `zkark serve`, and their answers side by side."""

import contextlib
import difflib
import os
import unittest
from pathlib import Path

import wire
import zkark_server
import zkreal

DEVIATIONS = (Path(__file__).resolve().parents[2] / "docs" / "compatibility.md").read_text(encoding="utf-8")


def has_deviation(row):
    """Whether docs/compatibility.md has a row that begins like that."""
    return f"\n| {row}" in DEVIATIONS


class Play:
    """One server during one script."""

    def __init__(self, server, kind, credentials=()):
        self.server, self.kind = server, kind
        self.lines, self.names, self.conns = [], wire.Names(), 0
        self.wrong, self.all = [], []
        self.control = self.client("control", *credentials)
        self.control.ping()
        self.names.base = self.control.zxid
        self.lines.clear()

    def conn(self, name=None):
        self.conns += 1
        conn = wire.Conn(self.server.port, name or f"c{self.conns}", self.names, self.lines)
        self.all.append(conn)
        return conn

    def client(self, name=None, *credentials, **handshake):
        """A connection with a session, and with credentials if there are any."""
        conn = self.conn(name)
        conn.handshake(**handshake)
        for scheme, data in credentials:
            conn.call(wire.AUTH, wire.auth(scheme, data), xid=-4)
        return conn

    def line(self, conn, err=0, ahead=0, xid=None):
        """What `conn` will note of an answer without a body to its next request, or to a ping."""
        zxid = self.names.zxid(max(one.zxid for one in self.all) + ahead)
        return f"{conn.name} < #{conn.xid + 1 if xid is None else xid} {zxid} err={err}"

    def say(self, text):
        self.lines.append(text)

    @contextlib.contextmanager
    def deviation(self, row, apache, zkark, more_zxids=0):
        """What is answered inside differs on purpose. `row` begins the row of docs/compatibility.md that says why.

        zkark uses up `more_zxids` more than Apache."""
        if not has_deviation(row):
            self.wrong.append(f"docs/compatibility.md has no row '{row}'")
        start = len(self.lines)
        yield
        found = [line for line in self.lines[start:] if " > " not in line]
        del self.lines[start:]
        self.names.base += more_zxids if self.kind == "zkark" else 0
        expected = apache if self.kind == "apache" else zkark
        if found != expected:
            self.wrong.append(f"deviation '{row}': {self.kind} should say\n  " + "\n  ".join(expected)
                              + "\nand says\n  " + "\n  ".join(found))

    def finish(self):
        """Ends what is open; the control's last answer tells how many zxids all of it took."""
        for conn in self.all[1:] + self.all[:1]:
            if conn.live:
                conn.close()


def answers(server, kind, script, credentials=()):
    play = Play(server, kind, credentials)
    script(play)
    play.finish()
    if os.environ.get("ZKARK_COMPAT_SHOW"):
        print("\n".join([f"---- {kind}", *play.lines]))
    return play


class BothTest(unittest.TestCase):
    """Servers are shared by the tests of a class and see the same calls in the same order."""

    config, flags, credentials = {}, (), ()  # the last: of the connection that watches the zxids
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.lab = zkreal.Lab()
        cls.addClassCleanup(cls.lab.__exit__)
        flags = (zkreal.NOTHING_REAPED, *cls.flags)
        # Sessions outlive a script on the slowest machine: the control's is silent all the while.
        config = {"maxClientCnxns": "0", "maxSessionTimeout": str(wire.LONG_MS), **cls.config}
        # One after the other: the second looks for its port when the first has taken one.
        cls.zkark = zkark_server.standalone(cls.lab, cls.lab.new_dir("zkark"), config=config, flags=flags)
        cls.apache = cls.lab.standalone(cls.lab.new_dir("apache"), config=config, flags=flags)

    def play(self, script):
        theirs = answers(self.apache, "apache", script, self.credentials)
        ours = answers(self.zkark, "zkark", script, self.credentials)
        wrong = theirs.wrong + ours.wrong
        if theirs.lines != ours.lines:
            wrong.append("\n".join(difflib.unified_diff(theirs.lines, ours.lines, "apache", "zkark", lineterm="", n=4)))
        if wrong:
            self.fail("\n".join(wrong))
        self.assertGreater(len(ours.lines), 3)
