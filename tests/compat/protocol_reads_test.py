"""Reads, watches and rights at Apache ZooKeeper and at `zkark serve`: every answer and event, byte for byte."""

import unittest

import wire
from both import BothTest
from wire import (ADD_WATCH, ADMIN, ALL, CHECK, CHECK_WATCHES, CHILDREN, CHILDREN2, COUNT, CREATE, CREATE_CONTAINER,
                  CREATE_PERM, CREATE_TTL, DELETE, DELETE_PERM, EPHEMERALS, EXISTS, GET, GET_ACL, MULTI, MULTI_READ, OPEN,
                  READ, REMOVE_WATCHES, SET, SET_ACL, SET_WATCHES, SET_WATCHES2, SYNC, WHO_AM_I, WRITE, create, kind, multi,
                  op, s, set_acl, set_data, versioned, watched)

AMY, BOB, SUPER = "amy:secret", "bob:b0b", "super:adm"
AMYS, BOBS = "amy:Iq0onHjzb4KyxPAp8YWOIC8zzwY=", "bob:Z09Ww6LmbPa6bpPSzVwWkTAXVrM="
ODD_PATHS = ("", "a", "//", "/none", "/none/", "/none/x", "/r/", "/r//a", "/r/.", "/r\0", "/\xff", "/zookeeper",
             "/zookeeper/", "/zookeeper/config", "/zookeeper/quota", "/", None)
ANY = (READ, WRITE, CREATE_PERM, DELETE_PERM, ADMIN)
READS = {GET: watched, EXISTS: watched, CHILDREN: watched, CHILDREN2: watched}


class Reads(BothTest):
    def test_reads_of_everything(self):
        def script(play):
            one = play.client()
            for path, data, flags in (("/r", b"root", 0), ("/r/a", None, 0), ("/r/b", b"", 0), ("/r/e", b"e", 1),
                                      ("/r/b/c", b"x" * 5000, 0), ("/r/\xfc", b"\xff\0", 0)):
                one.call(CREATE, create(path, data, flags))
            one.call(CREATE_CONTAINER, create("/r/con", b"", 4))
            one.call(CREATE_TTL, create("/r/ttl", b"", 5, ttl=50_000_000))
            for path in ("/r", "/r/a", "/r/b", "/r/e", "/r/b/c", "/r/\xfc", "/r/con", "/r/ttl", *ODD_PATHS):
                for number, body in READS.items():
                    one.call(number, body(path))
                for number in (GET_ACL, COUNT, SYNC):
                    one.call(number, s(path))
            bad = b"/\xff\xfe"
            row = "text that is not UTF-8"
            for number, body in READS.items():
                one.call(number, body(bad))
            answer = play.line(one)
            with play.deviation(row, apache=[answer + " '/\\xef\\xbf\\xbd\\xef\\xbf\\xbd'"],
                                zkark=[answer + " '/\\xff\\xfe'"]):
                one.call(SYNC, s(bad))
            one.call(CREATE, create("/r/text", acl=[(ALL, "world", "anyone"), (1, "digest", b"u:\xff")]))
            answer, stat = play.line(one), "(c=z+10 m=z+10 p=z+10 times=now,now v=0/0/0 owner=0x0 length=0 children=0)"
            with play.deviation(row, apache=[answer + f" [31:'world':'anyone', 1:'digest':'u:\\xef\\xbf\\xbd'] {stat}"],
                                zkark=[answer + f" [31:'world':'anyone', 1:'digest':'u:\\xff'] {stat}"]):
                one.call(GET_ACL, s("/r/text"))
        self.play(script)

    def test_bodies_that_cannot_be_read(self):
        def script(play):
            one = play.client()
            bodies = {**{number: watched("/") for number in READS}, GET_ACL: s("/"), COUNT: s("/"), SYNC: s("/"),
                      EPHEMERALS: s("/"), ADD_WATCH: kind("/", 0), CHECK_WATCHES: kind("/", 2), REMOVE_WATCHES: kind("/", 2),
                      MULTI_READ: multi(op(GET, watched("/zookeeper"))), WHO_AM_I: b"", wire.PING: b"",
                      SET_WATCHES: wire.set_watches(0, [], [], []), SET_WATCHES2: wire.set_watches(0, [], [], [], [], [])}
            for number, body in bodies.items():
                for size in sorted({0, 1, 3, 4, len(body) // 2, max(len(body) - 1, 0)}):
                    one.call(number, body[:size])
                one.call(number, body + b"tail")
                for length in (-2, -1, 2**31 - 1, -2**31):
                    one.call(number, wire.i(length) + b"/\0\0\0\0\0")
            for byte in (2, 0x80, 0xff):
                one.call(GET, s("/zookeeper") + bytes([byte]))
        self.play(script)

    def test_counts_of_all_below(self):
        def script(play):
            one = play.client()
            one.call(CREATE, create("/count"))
            for path in ("/count/a", "/count/a/b", "/count/a/b/c", "/count/d", "/count-x"):
                one.call(CREATE, create(path))
            for path in ("/count", "/count/a", "/count/a/b/c", "/", "/zookeeper"):
                one.call(COUNT, s(path))
            one.call(DELETE, versioned("/count/a/b/c"))
            one.call(COUNT, s("/count"))
            one.call(COUNT, s("/"))
        self.play(script)

    def test_ephemerals_are_those_of_the_session_with_that_beginning(self):
        def script(play):
            one, two = play.client(), play.client()
            one.call(CREATE, create("/eph"))
            for path in ("/eph/a", "/eph/ab", "/eph/b", "/ephemeral"):
                one.call(CREATE, create(path, flags=1))
            two.call(CREATE, create("/eph/of-two", flags=1))
            for prefix in ("/eph/a", "/eph/ab", "/eph", "/", "", None, " ", "\t", "eph", "/none", "/eph/", "\u2003", "\x1c"):
                one.call(EPHEMERALS, s(prefix))
            two.call(EPHEMERALS, s("/eph"))
            one.call(DELETE, versioned("/eph/a"))
            one.call(EPHEMERALS, s("/"))
            one.close()
            two.call(CHILDREN2, watched("/eph"))
        self.play(script)

    def test_multi_reads(self):
        def script(play):
            one, amy = play.client(), play.client(None, ("digest", AMY))
            one.call(CREATE, create("/mr", b"data"))
            one.call(CREATE, create("/mr/c", None))
            amy.call(CREATE, create("/mr/secret", b"s", acl=[(ALL, "digest", AMYS)]))
            good = [op(GET, watched("/mr", True)), op(CHILDREN, watched("/mr")), op(GET, watched("/mr/c")),
                    op(CHILDREN, watched("/mr/c"))]
            one.call(MULTI_READ, multi())
            one.call(MULTI_READ, multi(*good))
            for bad in ("/none", "/mr/secret", "", "a", "/mr/"):
                for client in (one, amy):
                    client.call(MULTI_READ, multi(good[0], op(GET, watched(bad)), op(CHILDREN, watched(bad)), good[1]))
            for number in (CREATE, EXISTS, GET_ACL, CHILDREN2, CHECK, MULTI_READ, 0, -2, 99):
                one.call(MULTI_READ, multi(good[1], op(number, watched("/mr")), good[0]))
            for body in (b"", good[0], good[0][:-1], wire.END + b"tail", op(GET, b"") + wire.END):
                one.call(MULTI_READ, body)
            for number in (GET, CHILDREN):
                answer = play.line(one, -5)
                with play.deviation("a null path in a multiRead", apache=[answer + " <8,0,0 ['c', 'secret']> end=-1,1,-1"],
                                    zkark=[answer]):
                    one.call(MULTI_READ, multi(good[1], op(number, watched(None)), good[0]))
            one.call(SET, set_data("/mr", b"no watch was left by a multiRead"))
        self.play(script)

    def test_unknown_operations_end_the_connection(self):
        def script(play):
            for number in (0, -1, 10, 23, 24, 99, 108, 109, 2**31 - 1, -2**31, 200, 2000, -3):
                one = play.client(f"op{number}")
                one.call(GET, watched("/zookeeper"))
                one.send(number, watched("/zookeeper"))
                one.ends()
                again = play.conn(f"again{number}")
                again.handshake(session=one.id, password=one.password)
                again.close()
            one = play.client("internal")
            row = "`deleteContainer`, `createSession` sent by a client"
            one.ping()
            with play.deviation(row, apache=[play.line(one, -8, ahead=1)], zkark=[play.line(one, -8)], more_zxids=-1):
                one.call(wire.DELETE_CONTAINER, watched("/zookeeper"))
            with play.deviation(row, apache=["internal < welcome version=0 timeout=3600000 internal password=its-own flag=00"],
                                zkark=["internal < #2 -1 err=-6", "internal ended"], more_zxids=-1):
                one.send(wire.CREATE_SESSION, wire.i(30_000))
                if play.kind == "apache":  # an answer to a handshake that nobody made
                    one.note("< " + wire.welcome_text(one.packet(), play.names)[0].replace(play.names.session(one.id), "internal"))
                else:
                    one.ends()
            one.drop()
            again = play.conn("again")
            again.handshake(session=one.id, password=one.password)
        self.play(script)

    def test_pings_answer_in_turn_whatever_their_number(self):
        def script(play):
            one = play.client()
            for xid in (-2, 0, 7, -1, -4, -8, 2**31 - 1):
                one.call(wire.PING, xid=xid)
            one.call(wire.PING, b"body", xid=5)
            for xid in (5, 5, 0, -3, -100, -2**31):
                one.call(EXISTS, watched("/zookeeper"), xid=xid)
            one.send_together((CREATE, create("/turn")), (wire.PING, b""), (SET, set_data("/turn", b"1")),
                              (GET, watched("/turn")), (wire.PING, b""), (EXISTS, watched("/none")), (WHO_AM_I, b""),
                              (DELETE, versioned("/turn")), (wire.PING, b""), (SYNC, s("/")), (CHILDREN, watched("/none")))
            one.drain()
            one.send_together(*[(CREATE, create("/turn/x")), (GET, watched("/none"))] * 200)
            one.drain()
        self.play(script)


class Rights(BothTest):
    def test_each_right_opens_its_operations(self):
        def script(play):
            root = play.client("super", ("digest", SUPER))
            one = play.client("one")
            root.call(CREATE, create("/rights"))
            for right in (0, *ANY, ALL, ALL & ~READ, 64, -1):
                path = f"/rights/{right}"
                root.call(CREATE, create(path, b"", acl=[(ALL, "digest", AMYS), (ALL, "world", "anyone")]))
                root.call(CREATE, create(path + "/child"))
                root.call(SET_ACL, set_acl(path, [(right, "world", "anyone"), (ALL, "digest", AMYS)]))
                one.call(GET, watched(path))
                if right & READ:
                    one.call(EXISTS, watched(path))
                one.call(CHILDREN2, watched(path))
                one.call(COUNT, s(path))
                one.call(GET_ACL, s(path))
                one.call(SET, set_data(path, b"x"))
                one.call(CREATE, create(path + "/new"))
                one.call(DELETE, versioned(path + "/child"))
                one.call(MULTI, multi(op(CHECK, versioned(path, 77))))
                one.call(MULTI_READ, multi(op(GET, watched(path)), op(CHILDREN, watched(path))))
                one.call(SYNC, s(path))
                one.call(SET_ACL, set_acl(path, [(ALL, "digest", BOBS)]))
                one.call(GET_ACL, s(path))
        self.play(script)

    def test_exists_of_what_may_not_be_read(self):
        def script(play):
            amy, one = play.client("amy", ("digest", AMY)), play.client("one")
            amy.call(CREATE, create("/hidden", b"", acl=[(ALL, "digest", AMYS)]))
            amy.call(EXISTS, watched("/hidden"))
            with play.deviation("`exists` on a node that may not be read",
                                apache=["one < #1 z+3 err=0 (c=z+3 m=z+3 p=z+3 times=now,now v=0/0/0 owner=0x0 length=0 "
                                        "children=0)"],
                                zkark=["one < #1 z+3 err=-102"]):
                one.call(EXISTS, watched("/hidden"))
            amy.call(DELETE, versioned("/hidden"))
        self.play(script)

    def test_ids_of_an_acl_are_shown_to_those_who_may_change_it(self):
        def script(play):
            amy = play.client("amy", ("digest", AMY))
            acl = [(READ, "world", "anyone"), (ALL, "digest", AMYS), (READ, "digest", "x:y"), (ADMIN, "digest", BOBS),
                   (WRITE, "ip", "10.0.0.0/8"), (READ, "digest", AMYS)]
            amy.call(CREATE, create("/redacted", acl=acl))
            for client in (amy, play.client("one"), play.client("bob", ("digest", BOB)), play.client("super", ("digest", SUPER))):
                client.call(GET_ACL, s("/redacted"))
            amy.call(SET_ACL, set_acl("/redacted", [(ADMIN, "digest", BOBS)]))
            for client in (amy, play.client("bob2", ("digest", BOB))):
                client.call(GET_ACL, s("/redacted"))
                client.call(GET, watched("/redacted"))
        self.play(script)

    def test_addresses_and_digests_match(self):
        def script(play):
            root = play.client("super", ("digest", SUPER))
            one, amy = play.client("one"), play.client("amy", ("digest", AMY), ("digest", BOB))
            for n, acl in enumerate(([(ALL, "ip", "127.0.0.1")], [(ALL, "ip", "127.0.0.0/8")], [(ALL, "ip", "127.0.0.2")],
                                     [(ALL, "ip", "127.0.0.2/30")], [(ALL, "ip", "126.0.0.0/7")], [(ALL, "ip", "128.0.0.0/1")],
                                     [(ALL, "ip", "10.0.0.0/0")], [(ALL, "ip", "127.0.0.0/31")], [(ALL, "ip", "127.0.0.0/32")],
                                     [(ALL, "digest", AMYS)], [(ALL, "digest", BOBS)], [(ALL, "digest", AMYS + "x")],
                                     [(ALL, "auth", "")], [(0, "world", "anyone")], [(READ, "digest", AMYS), (WRITE, "ip", "127.0.0.1")])):
                amy.call(CREATE, create(f"/match{n}", b"", acl=acl))
                for client in (one, amy, root):
                    client.call(GET, watched(f"/match{n}"))
                    client.call(SET, set_data(f"/match{n}", b"x"))
                root.call(DELETE, versioned(f"/match{n}"))
        self.play(script)


class Watches(BothTest):
    def test_one_shots_fire_once_and_before_the_answer(self):
        def script(play):
            one, two = play.client(), play.client()
            for watcher in (one, two):
                for number in (EXISTS, GET, CHILDREN, CHILDREN2):
                    watcher.call(number, watched("/w", True))
                watcher.call(EXISTS, watched("/w", True))
            one.call(CREATE, create("/w"))
            two.ping()
            for step in ((SET, set_data("/w", b"1")), (SET, set_data("/w", b"2")), (CREATE, create("/w/c")),
                         (SET, set_data("/w/c", b"1")), (SET_ACL, set_acl("/w", OPEN)), (DELETE, versioned("/w/c")),
                         (DELETE, versioned("/w"))):
                for number in (EXISTS, GET, CHILDREN, CHILDREN2):
                    one.call(number, watched("/w", True))
                    two.call(number, watched("/w", True))
                one.call(EXISTS, watched("/w/c", True))
                one.call(*step)
                two.ping()
                one.call(*step)
                two.ping()
            two.call(CHILDREN, watched("/", True))
            one.call(EXISTS, watched("/none", True))
            one.call(GET, watched("/none", True))
            one.call(CREATE, create("/none"))
            two.ping()
            one.call(DELETE, versioned("/none"))
        self.play(script)

    def test_lasting_watches_stay(self):
        def script(play):
            one, two = play.client(), play.client()
            for path, mode in (("/p", 0), ("/p/r", 1), ("", 0), ("bad", 1), ("/p", 2), ("/p", -1), ("/p/", 0), (None, 0)):
                one.call(ADD_WATCH, kind(path, mode))
            two.call(ADD_WATCH, kind("/p", 1))
            for _ in range(2):
                for number, body in ((CREATE, create("/p")), (CREATE, create("/p/c")), (SET, set_data("/p/c")),
                                     (SET, set_data("/p")), (CREATE, create("/p/r")), (CREATE, create("/p/r/x")),
                                     (CREATE, create("/p/r/x/y")), (SET, set_data("/p/r/x/y")), (SET_ACL, set_acl("/p/r", OPEN)),
                                     (DELETE, versioned("/p/r/x/y")), (DELETE, versioned("/p/r/x")), (DELETE, versioned("/p/r")),
                                     (DELETE, versioned("/p/c")), (DELETE, versioned("/p"))):
                    one.call(number, body)
                    two.ping()
        self.play(script)

    def test_a_recursive_watch_of_the_root_sees_everything(self):
        def script(play):
            one = play.client()
            one.call(ADD_WATCH, kind("/", 1))
            for number, body in ((CREATE, create("/top")), (SET, set_data("/")), (CREATE, create("/zookeeper/quota/top")),
                                 (CREATE, create("/zookeeper/quota/top/zookeeper_stats")), (CREATE, create("/top/x")),
                                 (DELETE, versioned("/top/x")), (DELETE, versioned("/zookeeper/quota/top/zookeeper_stats")),
                                 (DELETE, versioned("/zookeeper/quota/top")), (DELETE, versioned("/top"))):
                one.call(number, body)
        self.play(script)

    def test_multis_tell_in_their_order_and_failed_ones_nothing(self):
        def script(play):
            one, two = play.client(), play.client()
            one.call(CREATE, create("/mw"))
            one.call(ADD_WATCH, kind("/mw", 1))
            two.call(ADD_WATCH, kind("/mw", 0))
            two.call(EXISTS, watched("/mw/a", True))
            three = play.client()
            three.call(CHILDREN, watched("/mw", True))
            steps = (op(CREATE, create("/mw/a")), op(SET, set_data("/mw")), op(CREATE, create("/mw/a/b")),
                     op(SET, set_data("/mw/a", b"1")), op(DELETE, versioned("/mw/a/b")), op(DELETE, versioned("/mw/a")))
            one.call(MULTI, multi(*steps, op(DELETE, versioned("/none"))))
            two.ping()
            one.call(MULTI, multi(*steps))
            two.ping()
            three.ping()
        self.play(script)

    def test_the_end_of_a_session_is_the_end_of_its_ephemerals(self):
        def script(play):
            one, two, three = play.client(), play.client(), play.client()
            one.call(CREATE, create("/end"))
            two.call(CREATE, create("/end/e", flags=1))
            one.call(GET, watched("/end/e", True))
            one.call(CHILDREN, watched("/end/e", True))
            one.call(CHILDREN, watched("/end", True))
            three.call(ADD_WATCH, kind("/end", 1))
            two.close()
            one.ping()
            three.ping()
            one.call(CHILDREN2, watched("/end"))
        self.play(script)

    def test_checks_and_removals(self):
        def script(play):
            one = play.client()
            one.call(CREATE, create("/cr"))
            for number, path in ((GET, "/cr"), (CHILDREN, "/cr"), (EXISTS, "/cr/x")):
                for what in (-1, 0, 1, 2, 3, 6, 2**31 - 1):
                    one.call(CHECK_WATCHES, kind(path, what))
                one.call(number, watched(path, True))
                for what in (-1, 0, 1, 2, 3, 6):
                    one.call(CHECK_WATCHES, kind(path, what))
                for what in (1, 2, 3):
                    one.call(REMOVE_WATCHES, kind(path, what))
                    one.call(CHECK_WATCHES, kind(path, 3))
                one.call(REMOVE_WATCHES, kind(path, 3))
                one.call(REMOVE_WATCHES, kind(path, 9))
            for mode in (0, 1):
                for what in (1, 2, 3):
                    one.call(ADD_WATCH, kind("/cr", mode))
                    one.call(CHECK_WATCHES, kind("/cr", what))
                one.call(REMOVE_WATCHES, kind("/cr", 3))
                one.call(CHECK_WATCHES, kind("/cr", 3))
                one.call(SET, set_data("/cr", b""))
                one.call(CREATE, create("/cr/c"))
                one.call(DELETE, versioned("/cr/c"))
                one.call(REMOVE_WATCHES, kind("/cr", 3))
            for path in ("", "/none"):
                one.call(CHECK_WATCHES, kind(path, 3))
                one.call(REMOVE_WATCHES, kind(path, 3))
        self.play(script)

    def test_half_of_a_lasting_watch_cannot_be_removed(self):
        def script(play):
            one, writer = play.client("one"), play.client("writer")
            writer.call(CREATE, create("/half"))
            row = "`removeWatches` for children or data"
            told = "one < event #-1 -1 err=0 data-changed state=3 '/half'"
            for mode in (0, 1):
                one.call(ADD_WATCH, kind("/half", mode))
                one.call(REMOVE_WATCHES, kind("/half", 1))
                writer.call(SET, set_data("/half"))
                ping = play.line(one, xid=-2)
                with play.deviation(row, apache=[told, ping], zkark=[ping]):
                    one.ping()
                with play.deviation(row, apache=[play.line(one)], zkark=[play.line(one, -121)]):
                    one.call(REMOVE_WATCHES, kind("/half", 3))
        self.play(script)

    def test_paths_that_are_none(self):
        def script(play):
            one = play.client()
            for path in (None, "bad", ""):
                for number in (CHECK_WATCHES, REMOVE_WATCHES):
                    for what in (1, 2, 3):
                        one.call(number, kind(path, what))
            for number in (CHECK_WATCHES, REMOVE_WATCHES, ADD_WATCH):
                one.call(number, kind(None, 9))
        self.play(script)

    def test_watches_set_anew_after_a_reconnect_catch_up(self):
        def script(play):
            one, two = play.client("one"), play.client("two")
            for path in ("/sw", "/sw/old", "/sw/changed", "/sw/gone", "/sw/parent", "/sw/quiet"):
                one.call(CREATE, create(path))
            seen = one.zxid
            for number, body in ((SET, set_data("/sw/changed")), (DELETE, versioned("/sw/gone")),
                                 (CREATE, create("/sw/parent/child")), (CREATE, create("/sw/new"))):
                one.call(number, body)
            lists = (["/sw/old", "/sw/changed", "/sw/gone"], ["/sw/new", "/sw/never"], ["/sw/parent", "/sw/quiet", "/sw/gone"])
            for number, lasting in ((SET_WATCHES, ()), (SET_WATCHES2, (["/sw/lasting"], ["/sw"]))):
                two.call(number, wire.set_watches(seen, *lists, *lasting), xid=-8, shown="the lists")
                for step, body in ((SET, set_data("/sw/old")), (SET, set_data("/sw/changed")), (CREATE, create("/sw/never")),
                                   (CREATE, create("/sw/quiet/x")), (CREATE, create("/sw/lasting")),
                                   (DELETE, versioned("/sw/lasting")), (DELETE, versioned("/sw/quiet/x")),
                                   (DELETE, versioned("/sw/never"))):
                    one.call(step, body)
                    two.ping()
            # What changed in the very transaction that was seen last is known.
            one.call(SET, set_data("/sw/old"))
            two.call(SET_WATCHES, wire.set_watches(one.zxid, ["/sw/old"], [], []), xid=-8, shown="equal")
            two.call(SET_WATCHES, wire.set_watches(one.zxid - 1, ["/sw/old"], [], []), xid=-8, shown="one below")
            for zxid in (0, -1, 2**62):
                two.call(SET_WATCHES2, wire.set_watches(zxid, ["/sw/old"], ["/"], ["/sw"], [], []), xid=-8, shown="odd zxid")
            for body in (wire.set_watches(0, None, None, None), wire.set_watches(0, [None], [], []),
                         wire.set_watches(0, [], [None], []), wire.set_watches(0, [], [], [None])):
                two.call(SET_WATCHES, body, xid=-8)
            two.call(SET_WATCHES, wire.set_watches(0, [], [], []), xid=77)
        self.play(script)

    def test_who_may_not_read_is_not_told(self):
        def script(play):
            amy, one = play.client("amy", ("digest", AMY)), play.client("one")
            one.call(CREATE, create("/acl"))
            for client in (amy, one):
                client.call(ADD_WATCH, kind("/acl", 1))
                client.call(EXISTS, watched("/acl/secret", True))
                client.call(CHILDREN, watched("/acl", True))
            mine = [(ALL, "digest", AMYS)]
            amy.call(CREATE, create("/acl/secret", acl=mine))
            one.ping()
            amy.call(SET, set_data("/acl/secret"))
            one.ping()
            amy.call(CREATE, create("/acl/secret/x"))
            one.ping()
            amy.call(SET_ACL, set_acl("/acl/secret/x", mine))
            amy.call(DELETE, versioned("/acl/secret/x"))
            one.ping()
            amy.call(DELETE, versioned("/acl/secret"))
            one.ping()
        self.play(script)

    def test_several_kinds_on_one_path(self):
        def script(play):
            one = play.client("one")
            one.call(CREATE, create("/kinds"))
            one.call(ADD_WATCH, kind("/kinds", 1))
            one.call(CHILDREN, watched("/kinds", True))
            one.call(CREATE, create("/kinds/c"))
            one.call(DELETE, versioned("/kinds/c"))
            one.call(REMOVE_WATCHES, kind("/kinds", 3))
            one.call(ADD_WATCH, kind("/kinds", 0))
            one.call(GET, watched("/kinds", True))
            writer = play.client("writer")
            writer.call(SET, set_data("/kinds"))
            one.ping()
            writer.call(SET, set_data("/kinds"))
            event, ping = "one < event #-1 -1 err=0 data-changed state=3 '/kinds'", play.line(one, xid=-2)
            with play.deviation("several kinds of watches on one path", apache=[ping], zkark=[event, ping]):
                one.ping()
        self.play(script)


if __name__ == "__main__":
    unittest.main()
