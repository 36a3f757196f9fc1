"""Settings that change what clients see, at Apache ZooKeeper and at `zkark serve`, byte for byte."""

import unittest

import wire
from both import BothTest
from four_letter_words_test import raw
from wire import (ALL, AUTH, CHILDREN, CLOSE_SESSION, CREATE, CREATE2, DELETE, EPHEMERALS, EXISTS, GET, GET_ACL, MULTI, OPEN, READ, SET,
                  SET_ACL, WHO_AM_I, auth, create, multi, op, s, set_acl, set_data, versioned, watched)

BOB = "bob:b0b"
BOBS_SHA1 = "bob:mz/ZcG+rOYek10On8Iv8SRfdHYU="
CLOSED = [(READ, "world", "nobody-else"), (ALL, "digest", BOBS_SHA1)]


class WithoutRights(BothTest):
    """skipACL: everybody may do everything, and lists are kept and judged all the same."""

    flags = ("-Dzookeeper.skipACL=yes",)

    def test_everything_is_granted(self):
        def script(play):
            one = play.client("one")
            one.call(CREATE, create("/a", b"1", acl=[(READ, "digest", BOBS_SHA1)]))
            one.call(SET, set_data("/a", b"2"))
            one.call(CREATE, create("/a/b"))
            one.call(CHILDREN, watched("/a"))
            one.call(GET, watched("/a"))
            one.call(EXISTS, watched("/a"))
            one.call(MULTI, multi(op(SET, set_data("/a", b"3")), op(DELETE, versioned("/a/b"))))
            one.call(SET_ACL, set_acl("/a", [(READ, "ip", "10.0.0.0/8")]))
            one.call(GET_ACL, s("/a"))
            one.call(DELETE, versioned("/a"))
        self.play(script)

    def test_what_a_list_hides_of_digests(self):
        def script(play):
            one = play.client("one")
            one.call(CREATE, create("/d", acl=[(ALL, "digest", BOBS_SHA1)]))
            one.call(GET_ACL, s("/d"))
            one.call(AUTH, auth("digest", BOB), xid=-4)
            one.call(GET_ACL, s("/d"))
            one.call(DELETE, versioned("/d"))
        self.play(script)

    def test_lists_that_are_none_are_refused(self):
        def script(play):
            one = play.client("one")
            for acl in ([], CLOSED, [(ALL, "auth", "")], [(ALL, "ip", "x")], [(ALL, "nobody", "x")], OPEN + OPEN):
                one.call(CREATE, create("/l", acl=acl))
                one.call(GET_ACL, s("/l"))
                one.call(SET_ACL, set_acl("/l", acl))
                one.call(DELETE, versioned("/l"))
        self.play(script)


class WithoutDigests(BothTest):
    """digest.enabled=false: clients notice nothing, and `hash` says 0 of every 128th zxid."""

    flags = ("-Dzookeeper.digest.enabled=false",)
    config = {"4lw.commands.whitelist": "*"}

    def test_writes(self):
        def script(play):
            one = play.client("one")
            one.call(CREATE2, create("/a", b"1"))
            one.call(CREATE, create("/a/e", b"", 1))
            one.call(MULTI, multi(op(SET, set_data("/a", b"2")), op(CREATE, create("/a/s", b"", 2))))
            one.call(MULTI, multi(op(SET, set_data("/a", b"3")), op(DELETE, versioned("/no"))))
            for n in range(130):
                one.send(SET, set_data("/a", b"%d" % n))
            one.drain()
            one.call(GET, watched("/a"))
            play.say(raw(play, b"hash"))
            one.call(CLOSE_SESSION)
            play.client("two").call(CHILDREN, watched("/a"))
        self.play(script)


class OtherDigests(BothTest):
    """The hash of passwords is a setting."""

    flags = ("-Dzookeeper.DigestAuthenticationProvider.digestAlg=SHA-256",)

    def test_the_hash_of_a_password(self):
        def script(play):
            one = play.client("one")
            one.call(CREATE, create("/sha1", acl=[(ALL, "digest", BOBS_SHA1)]))
            one.call(AUTH, auth("digest", BOB), xid=-4)
            one.call(WHO_AM_I)
            one.call(GET, watched("/sha1"))
            one.call(CREATE, create("/own", acl=[(ALL, "auth", "")]))
            one.call(GET_ACL, s("/own"))
            one.call(GET, watched("/own"))
            play.client("two").call(GET, watched("/own"))
        self.play(script)


class ReadOnlyMode(BothTest):
    """readonlymode.enabled joins isro to the words, and a standalone server has no read-only mode."""

    flags = ("-Dreadonlymode.enabled=true",)

    def test_read_only_clients(self):
        def script(play):
            for read_only in (None, False, True):
                one = play.client(read_only=read_only)
                one.call(CREATE, create("/r"))
                one.call(DELETE, versioned("/r"))
            play.say(raw(play, b"isro"))
            play.say(raw(play, b"ruok"))
        self.play(script)


class SmallLimits(BothTest):
    """Timeouts in a narrow range, small packets, records of closed sessions without their list, one request at a time."""

    flags = ("-Djute.maxbuffer=4096", "-Dzookeeper.closeSessionTxn.enabled=false")
    config = {"tickTime": "500", "minSessionTimeout": "30000", "maxSessionTimeout": "40000", "globalOutstandingLimit": "1"}

    def test_timeouts(self):
        def script(play):
            for timeout in (-1, 0, 29_999, 30_000, 35_000, 40_000, 40_001, 2**31 - 1):
                play.client(timeout=timeout)
        self.play(script)

    def test_packets(self):
        def script(play):
            one = play.client("one")
            room = 4096 - 8 - len(create("/long", b""))
            one.call(CREATE, create("/long", b"x" * room))
            one.call(GET, watched("/long"))
            one.call(DELETE, versioned("/long"))
            one.send(CREATE, create("/long", b"x" * (room + 1)))
            one.ends()
            play.conn("again").handshake(session=one.id, password=one.password)  # and is closed in the end
        self.play(script)

    def test_many_at_once_are_answered_in_their_order(self):
        def script(play):
            one = play.client("one")
            one.send_together(*[(CREATE, create("/q", b"", 3)) for _ in range(50)], (EPHEMERALS, s("/")), (GET, watched("/")))
            one.drain()
            one.call(CLOSE_SESSION)
            play.client("two").call(CHILDREN, watched("/"))
        self.play(script)


if __name__ == "__main__":
    unittest.main()
