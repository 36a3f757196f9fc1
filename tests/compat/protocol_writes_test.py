"""Writes sent to Apache ZooKeeper and to `zkark serve`: every answer, byte for byte, and every zxid."""

import unittest

import wire
from both import BothTest
from wire import (ALL, CHECK, CREATE, CREATE2, CREATE_CONTAINER, CREATE_TTL, DELETE, EXISTS, GET, GET_ACL, MULTI, OPEN,
                  SET, SET_ACL, create, multi, op, set_acl, set_data, versioned, watched)

AMY, BOB, SUPER = "amy:secret", "bob:b0b", "super:adm"
AMYS = "amy:" + "Iq0onHjzb4KyxPAp8YWOIC8zzwY="
LONGEST_TTL = 0xFFFFFFFFFF


def check(path, version=-1):
    return op(CHECK, versioned(path, version))


def shown(client, *paths):
    for path in paths:
        client.call(GET, watched(path))


def quotas_of_counts_and_bytes(play):
    one = play.client()
    one.call(CREATE, create("/zookeeper/quota/q"))
    for limits in ("count=5,bytes=50=;byteHardLimit=100;countHardLimit=4", "count=2,bytes=5"):
        one.call(CREATE, create("/q"))
        one.call(CREATE, create("/zookeeper/quota/q/zookeeper_limits", limits.encode()))
        one.call(CREATE, create("/zookeeper/quota/q/zookeeper_stats", b""))
        stats = "/zookeeper/quota/q/zookeeper_stats"
        shown(one, stats)
        for n in range(6):
            one.call(CREATE, create(f"/q/{n}", b"x" * 20))
            shown(one, stats)
        for size in (10, 40, 41, 200):
            one.call(SET, set_data("/q/0", b"x" * size))
            one.call(SET, set_data("/q", b"x" * size, 5))
            one.call(MULTI, multi(op(SET, set_data("/q/0", b"y" * size))))
            shown(one, stats)
        one.call(MULTI, multi(op(CREATE, create("/q/m1")), op(CREATE, create("/q/m2"))))
        one.call(SET, set_data("/q/1", None))
        shown(one, stats)
        one.call(DELETE, versioned("/q/0"))
        shown(one, stats)
        one.call(CREATE, create("/q/deep", b"12345"))
        one.call(CREATE, create("/q/deep/er", b"12345"))
        shown(one, stats)
        one.call(DELETE, versioned(stats))
        one.call(DELETE, versioned("/zookeeper/quota/q/zookeeper_limits"))
        for path in ("/q/deep/er", *(f"/q/{n}" for n in range(6)), "/q/m1", "/q/m2", "/q/deep", "/q"):
            one.call(DELETE, versioned(path))
    one.call(EXISTS, watched("/q"))


def quotas_of_all_texts(play):
    one = play.client()
    one.call(CREATE, create("/zookeeper/quota/t"))
    one.call(CREATE, create("/t"))
    limits = "/zookeeper/quota/t/zookeeper_limits"
    one.call(CREATE, create(limits, b""))
    one.call(CREATE, create("/zookeeper/quota/t/zookeeper_stats"))
    for n, text in enumerate((b"count=-1,bytes=-1", b"count=1,bytes=1=;byteHardLimit=-1;countHardLimit=-1",
                              b"count=1,bytes=1,countHardLimit=1", b"bytes=1,count=1=;countHardLimit=2;byteHardLimit=9",
                              b"byteHardLimit=4", b"countHardLimit=3", b"count=0,bytes=0=;countHardLimit=0;byteHardLimit=0")):
        one.call(SET, set_data(limits, text))
        one.call(CREATE, create(f"/t/{n}", b"12345"))
        one.call(SET, set_data("/t", b"123"))
    shown(one, "/zookeeper/quota/t/zookeeper_stats")
    # Nested ones; what 3.8.0 does with one on / is in protocol_defects_test.
    for path, data in (("/t/n", b""), ("/zookeeper/quota/t/n", b""), ("/zookeeper/quota/t/n/zookeeper_limits", b"count=1"),
                       ("/zookeeper/quota/t/n/zookeeper_stats", b""), ("/t/n/x", b"1")):
        one.call(CREATE, create(path, data))
    shown(one, "/zookeeper/quota/t/zookeeper_stats", "/zookeeper/quota/t/n/zookeeper_stats")
    one.call(DELETE, versioned(limits))


class Creates(BothTest):
    def test_every_mode_makes_its_kind_of_node(self):
        def script(play):
            one = play.client()
            one.call(CREATE, create("/modes"))
            for mode in range(-2, 9):
                for number in (CREATE, CREATE2, CREATE_CONTAINER):
                    one.call(number, create(f"/modes/{number}m{mode}-", b"d", mode))
                for ttl in (-2, -1, 0, 1, LONGEST_TTL, LONGEST_TTL + 1, 2**63 - 1):
                    if mode in (5, 6):  # what 3.8.0 does with others is in protocol_defects_test
                        one.call(CREATE_TTL, create(f"/modes/{mode}t{ttl}-", b"d", mode, ttl=ttl))
                    elif ttl >= 0:
                        one.call(CREATE_TTL, create(f"/modes/{mode}t{ttl}-", b"d", mode, ttl=ttl))
            for mode in (-1, 7, 2**31 - 1, -2**31):  # no mode at all, which is looked at first
                one.call(CREATE_TTL, create("/modes/none", b"", mode, ttl=-1))
            one.call(wire.CHILDREN2, watched("/modes"))
            names = sorted(("1m0-", "15m4-", "19m0-", "19m4-", "1m1-", f"5t{LONGEST_TTL}-"))
            for name in names:
                one.call(GET, watched("/modes/" + name))
        self.play(script)

    def test_paths_are_judged_in_the_order_of_the_checks(self):
        def script(play):
            one = play.client()
            one.call(CREATE, create("/paths"))
            one.call(CREATE, create("/paths/eph", flags=1))
            for path in ("", "a", "a/b", "/", "//", "/a//b", "/paths//b", "/a/./b", "/paths/.", "/paths/..", "/paths/./x",
                         "/paths/../x", "/paths/...", "/paths/.a", "/paths/a.", "/paths/", "/none/", "/none/x/", "/paths/a/",
                         "/paths/\0", "/\0/x", "/paths/x\0y", "/paths/\x01", "/paths/\x1f", "/paths/ ", "/paths/\x7e",
                         "/paths/\x7f", "/paths/\x9f", "/paths/\xa0", "/paths/\ud7ff", "/paths/\ue000", "/paths/\uf8ff",
                         "/paths/\uf900", "/paths/\uffef", "/paths/\ufff0", "/paths/\uffff", "/paths/\U0001f600",
                         b"/paths/\xff", b"/paths/\xc3", b"/paths/a\xe2\x82", b"/paths/\xed\xa0\x80", b"/paths/\xc0\x80",
                         None, "/zookeeper/mine", "/zookeeper/quota/mine", "/zookeeper/config/mine", "/paths/eph/x"):
                for flags in (0, 2):
                    one.call(CREATE2, create(path, b"x", flags))
            one.call(CREATE, create("/paths", flags=2))
            one.call(CREATE, create("/paths/eph/seq", flags=3))
            one.call(wire.CHILDREN2, watched("/paths"))
            one.call(wire.CHILDREN2, watched("/zookeeper"))
            for path in ("/zookeeper/mine", "/zookeeper/quota/mine", "/zookeeper/config/mine"):
                one.call(DELETE, versioned(path))
        self.play(script)

    def test_the_first_check_that_fails_names_the_error(self):
        def script(play):
            one = play.client()
            amy = play.client(None, ("digest", AMY))
            amy.call(CREATE, create("/order", acl=[(ALL, "digest", AMYS)]))
            amy.call(CREATE, create("/order/eph", flags=1))
            bad_acl = [(ALL, "no-such", "x")]
            one.call(CREATE, create("a", flags=9, acl=bad_acl))
            one.call(CREATE_TTL, create("a", flags=5, acl=bad_acl, ttl=0))
            one.call(CREATE, create("a", flags=0, acl=bad_acl))
            one.call(CREATE, create("/none/x", acl=bad_acl))
            one.call(CREATE, create("/none/x\x01"))
            one.call(CREATE, create("/order/x\x01"))
            amy.call(CREATE, create("/order/x\x01"))
            one.call(CREATE, create("/order/eph"))
            amy.call(CREATE, create("/order/eph"))
            amy.call(CREATE, create("/order/eph/eph"))
            one.call(DELETE, versioned("/order/eph", 5))
            amy.call(DELETE, versioned("/order/none", 5))
            one.call(DELETE, versioned("/order/none", 5))
            amy.call(DELETE, versioned("/order/eph", 5))
            amy.call(CREATE, create("/order/full"))
            amy.call(CREATE, create("/order/full/child"))
            amy.call(DELETE, versioned("/order/full", 5))
            amy.call(DELETE, versioned("/order/full", 0))
            one.call(SET, set_data("/order/none", b"", 7))
            one.call(SET, set_data("/order", b"", 7))
            amy.call(SET, set_data("/order", b"", 7))
            one.call(SET, set_data("/order/x/", b"", 7))
            one.call(SET_ACL, set_acl("/order/x/", bad_acl, 7))
            one.call(SET_ACL, set_acl("/order/none", bad_acl, 7))
            one.call(SET_ACL, set_acl("/order/none", OPEN, 7))
            one.call(SET_ACL, set_acl("/order", OPEN, 7))
            amy.call(SET_ACL, set_acl("/order", OPEN, 7))
        self.play(script)

    def test_a_sequence_counts_every_child_that_was_ever_made(self):
        def script(play):
            one = play.client()
            one.call(CREATE, create("/seq"))
            for number in range(3):
                one.call(CREATE, create(f"/seq/plain{number}"))
            one.call(CREATE, create("/seq/s-", flags=2))
            one.call(DELETE, versioned("/seq/plain0"))
            one.call(CREATE2, create("/seq/", flags=2))
            one.call(CREATE2, create("/seq/e-", flags=3))
            one.call(CREATE_TTL, create("/seq/t-", flags=6, ttl=1_000_000))
            one.call(CREATE2, create("/seq/\U0001f600", flags=2))
            one.call(CREATE2, create("/top-", flags=2))
            one.call(EXISTS, watched("/seq"))
            # Pipelined: each is judged by what those before it will have made.
            one.send_together(*[(CREATE, create("/seq/p-", flags=2))] * 5, (DELETE, versioned("/seq/p-0000000007")),
                              (CREATE, create("/seq/p-", flags=2)), (wire.CHILDREN2, watched("/seq")))
            one.drain()
        self.play(script)

    def test_data_may_be_null_or_empty_and_versions_count(self):
        def script(play):
            one = play.client()
            one.call(CREATE2, create("/data", None))
            shown(one, "/data")
            one.call(SET, set_data("/data", b""))
            shown(one, "/data")
            one.call(SET, set_data("/data", None, 1))
            shown(one, "/data")
            for version in (-2, -1, 0, 2, 3, 4, 2**31 - 1, -2**31):
                one.call(SET, set_data("/data", b"v", version))
            for version in (-2, 0, 1, 4):
                one.call(DELETE, versioned("/data", version))
            one.call(CREATE, create("/data", bytes(range(256)) * 40))
            shown(one, "/data")
            for path in ("/", "", "a", "/data/", "/none", "/zookeeper", "/zookeeper/config", "/zookeeper/quota", None,
                         "/da\0ta", "//"):
                one.call(SET, set_data(path, b"x"))
            shown(one, "/", "")
            one.call(SET, set_data("/", b""))
        self.play(script)

    def test_deletes(self):
        def script(play):
            one = play.client()
            for path in ("/del", "/del/a", "/del/a/b"):
                one.call(CREATE, create(path))
            for path in ("", "/", "a", "//", "/zookeeper", "/zookeeper/quota", "/zookeeper/config", "/zookeeper/none",
                         "/none", "/none/x", "/del/", "/del/a/", "/del//a", "/del/\0", "/del/none", "/del", "/del/a", None):
                one.call(DELETE, versioned(path))
            one.call(DELETE, versioned("/del/a/b"))
            one.call(EXISTS, watched("/del/a"))
            one.call(DELETE, versioned("/del/a", 1))
            one.call(DELETE, versioned("/del/a", 0))
            one.call(EXISTS, watched("/del"))
            one.call(DELETE, versioned("/del"))
            one.call(EXISTS, watched("/"))
        self.play(script)

    def test_a_body_that_cannot_be_read_is_an_error_with_a_zxid_and_what_is_behind_is_ignored(self):
        def script(play):
            one = play.client()
            bodies = {CREATE: create("/body1"), CREATE2: create("/body2"), CREATE_CONTAINER: create("/body3", flags=4),
                      CREATE_TTL: create("/body4", flags=5, ttl=10_000_000), SET: set_data("/body1", b"x"),
                      SET_ACL: set_acl("/body1", OPEN), DELETE: versioned("/body1"),
                      MULTI: multi(op(CREATE, create("/body5")))}
            for number, body in bodies.items():
                for size in sorted({0, 1, 3, 4, 5, len(body) // 2, len(body) - 5, len(body) - 1}):
                    one.call(number, body[:size])
                one.call(number, body + b"tail")
            for length in (-2, 2**31 - 1, -2**31):
                one.call(CREATE, wire.i(length) + create("/x")[4:])
                one.call(CREATE, wire.s("/body6") + wire.i(length))
                one.call(CREATE, wire.s("/body6") + wire.s(b"") + wire.i(length))
            one.call(CREATE, create("/body7", acl=None))
            one.call(CREATE, create("/body7", acl=[]))
            one.call(CREATE, wire.s("/body8") + wire.s("") + wire.i(1))
            one.call(CREATE, wire.s("/body9") + wire.s("") + wire.i(-2) + wire.i(0))
            one.call(SET_ACL, wire.s("/") + wire.i(-2) + wire.i(-1))
            one.call(wire.CHILDREN, watched("/"))
        self.play(script)

    def test_acl_lists_are_fixed_up_or_refused(self):
        def script(play):
            one = play.client()
            amy = play.client("amy", ("digest", AMY), ("digest", "amy2:x"))
            one.call(CREATE, create("/acl"))
            for n, acl in enumerate([
                    None, [], [(ALL, "world", "anyone")], [(ALL, "world", "nobody")], [(ALL, "world", None)],
                    [(ALL, None, "x")], [(ALL, "", "")], [(ALL, "auth", "")], [(ALL, "auth", None)], [(1, "auth", "any")],
                    [(ALL, "digest", "a:b")], [(ALL, "digest", "a")], [(ALL, "digest", "a:b:c")], [(ALL, "digest", ":b")],
                    [(ALL, "digest", "a:")], [(ALL, "digest", "")], [(ALL, "digest", None)], [(ALL, "digest", ":")],
                    [(ALL, "ip", "1.2.3.4")], [(ALL, "ip", "1.2.3.4/0")], [(ALL, "ip", "1.2.3.4/32")],
                    [(ALL, "ip", "1.2.3.4/33")], [(ALL, "ip", "1.2.3.4/-1")], [(ALL, "ip", "1.2.3.4/")],
                    [(ALL, "ip", "1.2.3")], [(ALL, "ip", "1.2.3.256")], [(ALL, "ip", "01.2.3.4")], [(ALL, "ip", "")],
                    [(ALL, "ip", "1.2.3.4/8/8")], [(ALL, "ip", "1.2.3.4.5")], [(ALL, "ip", "a.b.c.d")],
                    [(ALL, "ip", "1.2.3.4.")], [(ALL, "ip", ".1.2.3.4")], [(ALL, "ip", "1.2.3.-4")], [(ALL, "ip", "+1.2.3.4")],
                    [(ALL, "ip", "1.2.3.4/+8")], [(ALL, "ip", "1.2.3.4/ 8")], [(ALL, "ip", " 1.2.3.4")], [(ALL, "ip", None)],
                    [(ALL, "sasl", "x")], [(ALL, "x509", "CN=a")], [(ALL, "super", "")], [(ALL, "key", "x")],
                    [(0, "world", "anyone")], [(64, "world", "anyone")], [(-1, "world", "anyone")],
                    [(ALL, "world", "anyone")] * 3,
                    [(1, "world", "anyone"), (2, "digest", "a:b"), (1, "world", "anyone"), (2, "digest", "a:b")],
                    [(ALL, "auth", ""), (1, "auth", "x"), (ALL, "digest", AMYS)],
                    [(1, "world", "anyone"), (ALL, "no-such", "x")],
                    [(ALL, "DIGEST", "a:b")], [(ALL, "digest", "\u00fc:\u00fc")], [(ALL, "digest", b"\xff:x")]]):
                for client in (one, amy):
                    made, changed = f"/acl/{n}{client.name}", f"/acl/{n}{client.name}-set"
                    client.call(CREATE, create(made, acl=acl))
                    client.call(CREATE, create(changed))
                    client.call(SET_ACL, set_acl(changed, acl))
                    for path in (made, changed):
                        client.call(GET_ACL, wire.s(path))
        self.play(script)

    def test_rules_of_ipv6(self):
        def script(play):
            one = play.client("one")
            one.call(CREATE, create("/v6"))
            for n, rule in enumerate(("::1", "fe80::/10", "::ffff:1.2.3.4", "2001:db8:0:0:0:0:0:1/128")):
                answer = f"one < #{n + 2} z{n + 3:+d} err="
                with play.deviation("ip rules of ACLs", apache=[answer + "-114"], zkark=[answer + f"0 '/v6/{n}'"]):
                    one.call(CREATE, create(f"/v6/{n}", acl=[(ALL, "ip", rule), (ALL, "world", "anyone")]))
            for n, rule in enumerate((":", ":::", "1::2::3", "::1/129", "::g", "1:2:3:4:5:6:7", "::1/")):
                one.call(CREATE, create(f"/v6/bad{n}", acl=[(ALL, "ip", rule)]))
        self.play(script)

    def test_set_acl_counts_its_own_version(self):
        def script(play):
            one = play.client()
            one.call(CREATE, create("/aversion", b"d"))
            for version in (-2, 1, 0, 0, 1, -1, 2**31 - 1):
                one.call(SET_ACL, set_acl("/aversion", OPEN, version))
            for path in ("", "a", "/aversion/", "/none", "//", "/x\0", None):
                one.call(SET_ACL, set_acl(path, OPEN))
            one.call(GET_ACL, wire.s("/zookeeper/config"))
            one.call(GET_ACL, wire.s("/zookeeper/quota"))
            one.call(GET_ACL, wire.s("/"))
            root = play.client(None, ("digest", SUPER))
            root.call(SET_ACL, set_acl("/", [(1, "world", "anyone")]))
            one.call(CREATE, create("/no"))
            one.call(GET_ACL, wire.s("/"))
            root.call(SET_ACL, set_acl("/", OPEN))
            one.call(CREATE, create("/zookeeper/config/x"))
            one.call(SET, set_data("/zookeeper/config", b"x"))
            root.call(SET, set_data("/zookeeper/config", b"x"))
            root.call(SET, set_data("/zookeeper/config", b""))
        self.play(script)

    def test_quotas_that_only_count(self):
        self.play(quotas_of_counts_and_bytes)
        self.play(quotas_of_all_texts)


class Multis(BothTest):
    def test_all_or_nothing(self):
        def script(play):
            one = play.client()
            one.call(MULTI, multi())
            one.call(MULTI, multi(op(CREATE, create("/m", b"1")), op(CREATE, create("/m/a", b"2")),
                                  op(SET, set_data("/m/a", b"33", 0)), check("/m/a", 1), op(DELETE, versioned("/m/a", 1)),
                                  op(CREATE, create("/m/s-", flags=2)), op(CREATE, create("/m/e", flags=1)),
                                  op(CREATE_TTL, create("/m/t", flags=5, ttl=9_000_000)),
                                  op(CREATE_CONTAINER, create("/m/c", flags=4))))
            one.call(wire.CHILDREN2, watched("/m"))
            for path in ("/m/t", "/m/c", "/m/e"):
                one.call(EXISTS, watched(path))
            good = [op(CREATE, create("/m/x")), op(SET, set_data("/m", b"2")), check("/m", -1), op(DELETE, versioned("/m/e"))]
            bad = {"nonode": op(DELETE, versioned("/m/none")), "exists": op(CREATE, create("/m/t")),
                   "version": op(SET, set_data("/m", b"", 99)), "check": check("/m", 77), "path": op(CREATE, create("/m/")),
                   "flags": op(CREATE, create("/m/f", flags=9)), "acl": op(CREATE, create("/m/f", acl=[])),
                   "notempty": op(DELETE, versioned("/m")), "special": op(DELETE, versioned("/zookeeper")),
                   "under-ephemeral": op(CREATE, create("/m/e/x")), "ttl": op(CREATE_TTL, create("/m/f", flags=5, ttl=0)),
                   "noauth": op(SET, set_data("/zookeeper/config", b"")), "check-path": check("m", 0),
                   "check-nonode": check("/m/none", 0), "set-path": op(SET, set_data("/m/", b"")),
                   "null-id": op(CREATE, create("/m/f", acl=[(ALL, "world", None)])),
                   "flags-of-ttl": op(CREATE, create("/m/f", flags=5))}
            for name, failing in bad.items():
                play.say(name)
                for at in range(len(good) + 1):
                    one.call(MULTI, multi(*good[:at], failing, *good[at:]))
            one.call(MULTI, multi(bad["nonode"], bad["exists"]))
            one.call(wire.CHILDREN2, watched("/m"))
            one.call(EXISTS, watched("/m"))
            one.call(CREATE, create("/m/s-", flags=2))
        self.play(script)

    def test_the_flags_say_what_is_made_not_the_operation(self):
        def script(play):
            one = play.client()
            one.call(CREATE, create("/kinds"))
            for number in (CREATE, CREATE_CONTAINER):
                for mode in (-1, 0, 1, 2, 3, 4, 5, 6, 7):
                    if number == CREATE_CONTAINER and mode in (0, 1, 2, 3):
                        continue
                    one.call(MULTI, multi(op(number, create(f"/kinds/{number}m{mode}-", b"k", mode))))
            for mode in (-1, 4, 5, 6, 7):
                for ttl in (-1, 0, 5_000_000):
                    one.call(MULTI, multi(op(CREATE_TTL, create(f"/kinds/ttl{mode}t{ttl}-", b"k", mode, ttl=ttl))))
            one.call(wire.CHILDREN2, watched("/kinds"))
        self.play(script)

    def test_create2_answers_with_its_stat(self):
        def script(play):
            one = play.client()
            with play.deviation("create2 inside a multi",
                                apache=["c2 < #1 z+2 err=0 <1,0,0 '/two'> end=-1,1,-1"],
                                zkark=["c2 < #1 z+2 err=0 <15,0,0 '/two' (c=z+2 m=z+2 p=z+2 times=now,now v=0/0/0 owner=0x0 "
                                       "length=1 children=0)> end=-1,1,-1"]):
                one.call(MULTI, multi(op(CREATE2, create("/two", b"2"))))
            one.call(MULTI, multi(op(CREATE2, create("/two", b"2"))))
            one.call(MULTI, multi(op(CREATE2, create("/three", b"2", 4))))
            one.call(MULTI, multi(op(CREATE2, create("/four", b"2")), op(DELETE, versioned("/none"))))
            shown(one, "/two", "/three")
        self.play(script)

    def test_what_cannot_be_read_fails_as_a_whole(self):
        def script(play):
            one = play.client()
            good = op(CREATE, create("/never"))
            for number in (0, 3, 4, 6, 7, 8, 9, 11, 12, 14, 16, 20, 22, 100, 999, -2):
                one.call(MULTI, multi(good, op(number, watched("/")), good))
            for body in (b"", good, good[:-1], good + wire.END[:-1], good + wire.END[:5], op(CREATE, b""),
                         op(MULTI, multi(good)) + wire.END, op(-1, b""), op(-1, b"") + wire.END):
                one.call(MULTI, body)
            for null in (op(CREATE, create(None)), op(SET, set_data(None)), op(DELETE, versioned(None)), check(None)):
                with play.deviation("a null path in a multi",
                                    apache=[f"c2 < #{one.xid + 1} {play.names.zxid(one.zxid)} err=-5  end=-1,1,-1"],
                                    zkark=[f"c2 < #{one.xid + 1} {play.names.zxid(one.zxid + 1)} err=-5"]):
                    one.call(MULTI, multi(op(DELETE, versioned("/none")), null))
            # Headers: only the type and the end count; what is behind the end is ignored.
            one.call(MULTI, op(CREATE, create("/h1"), err=77) + wire.i(5) + b"\x02" + wire.i(9) + b"more")
            one.call(MULTI, op(CREATE, create("/h2"), done=1) + wire.END)
            one.call(MULTI, wire.END + good)
            one.call(wire.CHILDREN, watched("/"))
        self.play(script)

    def test_many_and_large(self):
        def script(play):
            one = play.client()
            one.call(CREATE, create("/large"))
            one.call(MULTI, multi(*[op(CREATE, create("/large/n-", b"x" * n, 2)) for n in range(200)]), shown="200 creates")
            one.call(EXISTS, watched("/large"))
            one.call(CREATE, create("/large/mega", b"x" * 1_000_000), shown="1 MB")
            one.call(EXISTS, watched("/large/mega"))
            one.call(SET, set_data("/large/mega", b"y"))
        self.play(script)


class Plain(BothTest):
    """Without TTL nodes, with quotas that bind and reconfig switched on."""

    config = {"extendedTypesEnabled": "false", "enforceQuota": "true", "reconfigEnabled": "true"}

    def test_ttl_nodes_are_not_implemented(self):
        def script(play):
            one = play.client()
            for mode in (0, 4, 5, 6, 9):
                for ttl in (-2, -1, 0, 1, LONGEST_TTL + 1):
                    if ttl < 0 and mode in (0, 4):  # protocol_defects_test
                        continue
                    one.call(CREATE_TTL, create("/ttl", flags=mode, ttl=ttl))
                    one.call(MULTI, multi(op(CREATE_TTL, create("/ttl", flags=mode, ttl=ttl))))
            one.call(CREATE, create("/ttl", flags=5))
            one.call(CREATE, create("a", flags=5))
            one.call(CREATE_CONTAINER, create("/container", flags=4))
        self.play(script)

    def test_hard_quotas_bind(self):
        self.play(quotas_of_counts_and_bytes)

    def test_quotas_of_all_texts(self):
        self.play(quotas_of_all_texts)

    def test_reconfig_of_a_server_that_is_alone(self):
        def script(play):
            one = play.client()
            root = play.client(None, ("digest", SUPER))
            body = wire.s("server.5=h:1:2;3") + wire.s(None) + wire.s(None) + wire.q(-1)
            for client in (one, root):
                client.call(wire.RECONFIG, body)
                client.call(wire.RECONFIG, body[:5])
                client.call(wire.RECONFIG, b"")
        self.play(script)


if __name__ == "__main__":
    unittest.main()
