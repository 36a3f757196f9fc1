"""Histories of one standalone 3.8.0. Each function makes one folder; fixtures/README.md says what it shows."""

import raw_ops as op
from kazoo.exceptions import KazooException
from kazoo.security import OPEN_ACL_UNSAFE, make_acl, make_digest_acl

from .recorder import Truth, flags, keep, keep_config, keep_data, numbers
from zkreal import AMY, BOB, wait_until

CLOSE_OFF = ["-Dzookeeper.closeSessionTxn.enabled=false"]


def fails(call, *args):
    """A request the server must refuse: it still gets a zxid."""
    try:
        call(*args)
    except KazooException:
        return
    raise AssertionError(f"{args} was not refused")


def close_session_off(lab, folder):
    """closeSessionTxn disabled: closeSession has a digest but no body, like 3.6 in a rolling upgrade."""
    truth, server = Truth(), lab.standalone(lab.new_dir("data"), flags=flags(snap_count=40) + CLOSE_OFF)
    amy = server.client(AMY)
    for i in range(6):  # enough nodes that every later digest is above 2^32
        amy.create(f"/n{i}", b"data %d" % i)
    for life in (1, 2):
        owner = server.client(BOB)
        owner.create(f"/n1/eph-{life}", ephemeral=True)
        owner.create(f"/n2/eph-{life}-", ephemeral=True, sequence=True)
        lab.close_client(owner)
        gone = server.client(timeout=1.0)
        gone.create(f"/n3/expires-{life}", ephemeral=True)
        lab.close_client(gone, answer=False)
        wait_until(lambda: not amy.exists(f"/n3/expires-{life}"))
        for i in range(12):
            amy.set(f"/n{i % 6}", b"life %d set %d" % (life, i))
        amy.create(f"/n4/mine-{life}", ephemeral=True)
        truth.note(amy, server)
        if life == 1:
            server.restart(amy)
    server.kill()
    keep(server, folder, truth, CLOSE_OFF)


def close_session_off_empty(lab, folder):
    """The same with the empty tree: its digest is below 2^32, and a 3.8.0 with default flags refuses to start."""
    truth, server = Truth(), lab.standalone(lab.new_dir("data"), flags=flags() + CLOSE_OFF)
    lab.close_client(server.client())
    amy = server.client(AMY)
    amy.create("/a", b"after")
    truth.note(amy, server)
    server.kill()
    keep(server, folder, truth, CLOSE_OFF)


def quota(lab, folder):
    """Limits and stats of three releases' spelling, changed by traffic, over a snapshot and a restart."""
    truth, server = Truth(zookeeper=True), lab.standalone(lab.new_dir("data"), flags=flags(snap_count=50))
    amy = server.client(AMY)

    def limit(path, limits, stats):
        amy.ensure_path("/zookeeper/quota" + path)
        amy.create(f"/zookeeper/quota{path}/zookeeper_limits", limits)
        amy.create(f"/zookeeper/quota{path}/zookeeper_stats", stats)

    amy.create("/app", b"0123456789")
    amy.create("/app/db", b"abc")
    amy.create("/other", b"")
    limit("/app", b"count=1000,bytes=100000", b"count=0,bytes=0")
    limit("/other/deep", b"count=5,bytes=-1=;byteHardLimit=-1;countHardLimit=9", b"count=0,bytes=0")
    for i in range(8):
        amy.create(f"/app/k{i}", b"v" * i)
        amy.create("/other/deep", b"") if i == 3 else amy.set("/app/db", b"d" * (10 * i))
    amy.delete("/app/k1")
    amy.set("/app/k2", b"longer than it was")
    op.call(amy, op.create("/app/null", None))
    truth.note(amy, server)
    for i in range(60):  # over a snapshot, which keeps the counts
        amy.create(f"/other/deep/n{i}", b"x" * (i % 7))
        if i % 3 == 0:
            amy.delete(f"/other/deep/n{i}")
    amy.set("/zookeeper/quota/app/zookeeper_limits", b"count=2000,bytes=-1")
    fails(amy.create, "/app/k2")
    truth.note(amy, server)
    server.restart(amy)
    amy.delete("/zookeeper/quota/other/deep/zookeeper_limits")
    amy.delete("/zookeeper/quota/other/deep/zookeeper_stats")
    amy.create("/other/deep/uncounted", b"")
    amy.create("/app/last", b"last")
    truth.note(amy, server)
    server.kill()
    keep(server, folder, truth)


def split_dirs(lab, folder):
    """dataDir and dataLogDir apart, two lives."""
    truth, data, log = Truth(), lab.new_dir("data"), lab.new_dir("log")
    server = lab.standalone(data, log, flags=flags(snap_count=30))
    amy = server.client(AMY)
    for life in (1, 2):
        amy.create(f"/life{life}", b"")
        for i in range(25):
            amy.create(f"/life{life}/n", b"%d" % i, sequence=True, ephemeral=i % 9 == 4)
        truth.note(amy, server)
        if life == 1:
            server.restart(amy)
    server.kill()
    folder.mkdir()
    keep_data(data, folder / "data")
    keep_data(log, folder / "log")
    keep_config(server, folder, dataDir="./data", dataLogDir="./log")
    truth.write(folder)


def deep_multi(lab, folder):
    """Multis that depend on their own earlier operations, large ones, empty and failed ones; paths 60 levels deep."""
    truth, server = Truth(), lab.standalone(lab.new_dir("data"), flags=flags(snap_count=1000))
    amy = server.client(AMY)
    levels = ["/deep"] + ["/deep" + "".join(f"/{i}" for i in range(n)) for n in range(1, 60)]
    op.multi(amy, *[op.create(p, p.encode()) for p in levels])
    op.multi(amy, *[op.set_data(levels[-1], b"%d" % i) for i in range(120)])
    op.multi(amy, op.create("/m"), *[op.create("/m/s-", b"%d" % i, flags=op.SEQUENTIAL) for i in range(150)])
    truth.note(amy, server)
    op.multi(amy)
    op.multi(amy, op.delete("/m/s-0000000000"), op.create("/m/s-0000000000", b"again"), op.set_data("/m/s-0000000000", b"and again"),
             op.check("/m/s-0000000000", 1), op.set_data("/m/s-0000000000", None, 1))
    op.multi(amy, op.create("/m/x"), op.create("/m/x/y"), op.delete("/m/x/y"), op.delete("/m/x"))  # leaves only traces
    op.multi(amy, op.create2("/m/c2", b"2"), op.container("/m/cont", b"c"), op.create("/m/cont/k"), op.ttl("/m/ttl", 86400000, b"t"),
             op.ttl("/m/ttl-", 86400000, sequential=True), op.create("/m/e", flags=op.EPHEMERAL), op.create("/m/null", None),
             op.create("/m/secret", b"s", [make_digest_acl("amy", "secret", all=True), make_acl("ip", "127.0.0.0/8", read=True)]))
    op.multi(amy, *[op.delete(f"/m/s-{i:010d}") for i in range(20, 140)])
    op.multi(amy, op.create("/m/never"), op.set_data("/m", b"never"), op.check("/m", 77), op.create("/m/never2"))
    op.multi(amy, op.check("/nowhere", 0))
    op.multi(amy, *[op.create(f"/m/many{i}") for i in range(200)], op.delete("/m"))  # the last one fails: not empty
    truth.note(amy, server)
    op.multi(amy, *[op.delete(p) for p in reversed(levels[30:])], op.create(levels[30], b"short"))
    amy.set_acls("/m/c2", [make_acl("world", "anyone", read=True), make_digest_acl("amy", "secret", all=True)])
    truth.note(amy, server)
    server.kill()
    keep(server, folder, truth)


def purged(lab, folder):
    """Five lives; the last one purges: the history begins at a snapshot, and the oldest log left begins before it."""
    truth, server = Truth(), lab.standalone(lab.new_dir("data"), flags=flags(snap_count=25))
    amy, data = server.client(AMY), server.config["dataDir"]
    for life in range(1, 6):
        if life == 5:
            server.config.update({"autopurge.snapRetainCount": 3, "autopurge.purgeInterval": 1})
        if life > 1:
            server.restart(amy)
        if life == 5:
            wait_until(lambda: len(numbers(data, "snapshot")) <= 4)
        for i in range(30):
            amy.create("/q-", b"life %d" % life, sequence=True)
            if i % 4 == 0:
                amy.delete(sorted(c for c in amy.get_children("/") if c.startswith("q-"))[0])
        if life >= 4:
            truth.note(amy, server)
    server.kill()
    keep(server, folder, truth)


def lost_ttl(lab, folder):
    """Restarted without extendedTypesEnabled: TTL nodes look like those of dead sessions and vanish, unlogged."""
    truth, server = Truth(), lab.standalone(lab.new_dir("data"), flags=flags(snap_count=100))
    amy = server.client(AMY)
    amy.create("/jobs", b"")
    for i in range(4):
        op.call(amy, op.ttl(f"/jobs/ttl-{i}", 86400000, b"t%d" % i))
        amy.create(f"/jobs/plain-{i}", b"p%d" % i)
    op.call(amy, op.container("/jobs/cont"))
    amy.create("/jobs/cont/kid")
    truth.note(amy, server)
    server.flags += ["-Dzookeeper.extendedTypesEnabled=false"]
    server.restart(amy)
    for i in range(8):
        amy.create(f"/jobs/later-{i}", b"l")
    truth.note(amy, server)
    server.kill()
    keep(server, folder, truth)


def posix_charset(lab, folder):
    """A JVM in the POSIX charset hashes '?' for every non-ASCII character of a path; the data are as usual."""
    truth = Truth()
    server = lab.standalone(lab.new_dir("data"), flags=flags(snap_count=20) + ["-Dfile.encoding=ANSI_X3.4-1968"])
    amy = server.client(AMY)
    for name in ("plain", "grün", "名前", "naïve", "Ελλάδα", "plain2"):
        amy.create(f"/{name}", name.encode())
        amy.create(f"/{name}/kid-é", b"")
    for i in range(12):
        amy.set("/grün" if i % 2 else "/plain", b"%d" % i)
    amy.delete("/naïve/kid-é")
    truth.note(amy, server)
    server.kill()
    keep(server, folder, truth)


def root_names(lab, folder):
    """The root under both names the server's change list has for it, "/" and "", before either is applied."""
    truth, server = Truth(), lab.standalone(lab.new_dir("data"), flags=flags(snap_count=1000))
    amy = server.client(AMY)
    amy.create("/a", b"a")
    amy.set("/", b"alone")
    op.multi(amy, op.set_data("/", b"first"), op.create("/b", b"b"))
    amy.create("/c", b"c")  # alone again: right
    op.multi(amy, op.create("/d", b"d"), op.set_data("/", b"second"), op.create("/e", b"e"), op.set_data("/", b"third"))
    op.multi(amy, op.set_data("/", b"fourth"), op.delete("/a"))
    op.multi(amy, op.set_data("/", b"never"), op.create("/b"))  # fails
    op.multi(amy, op.set_data("/", b"fifth"), op.create("/b/below"), op.set_data("/c", b"cc"))  # the root once: right
    truth.note(amy, server)
    for i in range(12):  # not waiting for answers: each is prepared while those before it are on their way
        asked = [amy.set_async("/", b"%d" % i), amy.create_async(f"/p{i}", b"p"), amy.set_async("/c", b"%d" % i),
                 amy.set_acls_async("/", OPEN_ACL_UNSAFE), amy.create_async(f"/q{i}", b"q", ephemeral=True),
                 amy.delete_async(f"/p{i}"), amy.set_async("/b", b"%d" % i)]
        for answer in asked:
            answer.get(30)
    truth.note(amy, server)
    server.restart(amy)
    op.multi(amy, op.create("/f", b"f"), op.set_data("/", b"last"))
    truth.note(amy, server)
    server.kill()
    keep(server, folder, truth)


def clock_step(lab, folder):
    """The clock goes back an hour between two lives and forward two before the third (libfaketime)."""
    truth = Truth()
    server = lab.standalone(lab.new_dir("data"), flags=flags(snap_count=1000), start=False)
    for life, offset in enumerate(("+0", "-3600", "+3600"), 1):
        server.environment = {"LD_PRELOAD": "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "FAKETIME": offset,
                              "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
        server.start()
        amy = server.client(AMY)
        for i in range(6):
            amy.create(f"/life{life}-{i}", b"clock %s" % offset.encode())
        truth.note(amy, server)
        server.kill()
        lab.close_client(amy, answer=False)
    keep(server, folder, truth)


def shop(lab, folder):
    """The history the quickstart and the documentation tell: two lives, and in the second somebody deletes the prices."""
    truth, server = Truth(), lab.standalone(lab.new_dir("data"), flags=flags(snap_count=1000))
    admin = server.client()
    admin.create("/shop", b"corner shop")
    admin.create("/shop/config", b'{"currency":"EUR","open":"08:00"}')
    for name, price in (("apple", b"1.20"), ("bread", b"2.80"), ("milk", b"1.10")):
        admin.create(f"/shop/prices/{name}", price, makepath=True)
    admin.create("/shop/orders", b"")
    till = server.client()
    till.create("/shop/tills/till-", b"north door", makepath=True, ephemeral=True, sequence=True)
    for order in (b"2 apple", b"1 bread, 1 milk"):
        till.create("/shop/orders/order-", order, sequence=True)
    truth.note(admin, server)
    server.restart(admin, till)
    admin.set("/shop/prices/apple", b"1.35")
    till.create("/shop/orders/order-", b"6 apple", sequence=True)
    admin.set("/shop/config", b'{"currency":"EUR","open":"07:30"}')
    truth.note(admin, server)
    for name in ("apple", "bread", "milk"):
        admin.delete(f"/shop/prices/{name}")
    admin.delete("/shop/prices")
    till.create("/shop/orders/order-", b"1 milk", sequence=True)
    truth.note(admin, server)
    server.kill()
    keep(server, folder, truth)
