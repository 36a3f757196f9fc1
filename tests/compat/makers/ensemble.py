"""Histories of three members of 3.8.0. Each function makes one folder; fixtures/README.md says what it shows."""

from kazoo.exceptions import KazooException
from zkreal import AMY, start_together, wait_until

from .recorder import Truth, flags, keep_config, keep_data


def stale_tail(lab, folder):
    """A leader logs txns nobody else has, dies, and comes back when the others have moved on: it is sent a snapshot,
    and its old log keeps the lost txns at its end."""
    truth = Truth()
    servers = lab.ensemble({n: lab.new_dir("data") for n in (1, 2, 3)}, flags=flags(snap_count=1000))
    leader = next(n for n, s in servers.items() if s.mode == "leader")
    others = [n for n in servers if n != leader]
    amy = servers[leader].client(AMY, timeout=20.0)
    amy.create("/base", b"epoch 1")
    for i in range(10):
        amy.create(f"/base/n{i}", b"%d" % i)
    for n in others:  # every member has applied it all before anyone stops
        wait_until(lambda: servers[n].srvr()["zxid"] == servers[leader].srvr()["zxid"])
    truth.note(amy, servers[leader])
    for n in others:
        servers[n].stop()
    lost = [amy.create_async(f"/lost-{i}", b"never acknowledged") for i in range(4)]
    log = servers[leader].config["dataDir"] / "version-2" / "log.100000001"
    wait_until(lambda: b"/lost-3" in log.read_bytes())
    for server in servers.values():
        server.kill()
    assert not any(r.successful() for r in lost)
    lab.close_client(amy, answer=False)

    start_together(servers[n] for n in others)
    amy = servers[others[0]].client(AMY)
    for i in range(5):
        amy.create(f"/base/second-{i}", b"epoch 2")
    truth.note(amy, servers[others[0]])
    servers[leader].start()
    amy.create("/base/together", b"all three")
    amy.set("/base/n3", b"changed in epoch 2")
    for server in servers.values():
        wait_until(lambda: server.srvr()["zxid"] == servers[others[0]].srvr()["zxid"])
    try:
        servers[leader].client(AMY).get("/lost-0")
        raise AssertionError("a lost txn came back")
    except KazooException:
        pass
    for server in servers.values():
        wait_until(lambda: server.srvr()["zxid"] == max(s.srvr()["zxid"] for s in servers.values()))
    truth.note(amy, servers[others[0]])
    for server in servers.values():
        server.kill()
    folder.mkdir()
    for n, server in servers.items():
        keep_data(server.config["dataDir"], folder / str(n))
        keep_config(server, folder / str(n))
    truth.write(folder)
