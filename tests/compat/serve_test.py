"""`zkark serve` as unmodified clients see it, and its directory as Apache sees it."""

import contextlib
import os
import socket
import subprocess
import threading
import unittest
from pathlib import Path

import raw_ops
import zkark
import zkark_server
import zkreal
from kazoo.exceptions import BadVersionError, NoNodeError, NotReadOnlyCallError
from kazoo.security import make_digest_acl
from makers.recorder import flags


def fill(client):
    """One of everything that stays."""
    client.ensure_path("/app/config")
    client.set("/app/config", b"one")
    client.set("/app/config", b"two")
    client.create("/app/empty", b"")
    client.create("/app/\u00fcmlaut", "wert \u00e4".encode())
    client.create("/app/secret", b"s", acl=[make_digest_acl("amy", "secret", all=True)])
    for number in range(5):
        client.create("/app/seq-", str(number).encode(), sequence=True)
    client.delete("/app/seq-0000000006")
    raw_ops.call(client, raw_ops.container("/app/container", b"c"))
    raw_ops.call(client, raw_ops.ttl("/app/ttl", 3_600_000, b"t"))
    transaction = client.transaction()
    transaction.create("/app/multi", b"1")
    transaction.set_data("/app/multi", b"22")
    transaction.check("/app/multi", 1)
    transaction.commit()
    failing = client.transaction()
    failing.create("/app/never")
    failing.delete("/app/not-there")
    failing.commit()
    try:
        client.set("/app/config", b"no", version=77)
    except BadVersionError:
        pass


class Serve(unittest.TestCase):
    def test_a_directory_moves_from_apache_to_zkark_and_back_under_a_living_session(self):
        with zkreal.Lab() as lab:
            data = lab.new_dir("data")
            apache = lab.standalone(data, flags=flags())
            port = apache.port
            config = {"clientPort": port}
            client = apache.client(zkreal.AMY, timeout=60.0)
            fill(client)
            client.create("/held", b"by apache", ephemeral=True)
            session = client.client_id
            before = apache.read_tree()
            apache.terminate()
            zkreal.wait_until(lambda: not client.connected)

            ours = zkark_server.standalone(lab, data, config=config, port=port)
            zkreal.wait_until(lambda: client.connected)
            self.assertEqual(client.client_id, session)
            self.assertEqual(zkreal.differences(before, ours.read_tree()), [])
            client.create("/held-too", b"by zkark", ephemeral=True)
            client.set("/app/config", b"three")
            counted = client.get("/app")[1]
            made = client.create("/app/seq-", b"next", sequence=True)
            self.assertEqual(made, f"/app/seq-{(counted.cversion + counted.numChildren) // 2:010d}")
            middle = ours.read_tree()
            ours.terminate()
            zkreal.wait_until(lambda: not client.connected)

            back = apache.start()
            zkreal.wait_until(lambda: client.connected)
            self.assertEqual(client.client_id, session)
            self.assertEqual(zkreal.differences(middle, back.read_tree()), [])
            self.assertEqual(client.get("/held-too")[1].ephemeralOwner, session[0])
            lab.close_client(client)
            self.assertNotIn("/held", back.read_tree())
            self.assertNotIn("igest mismatch", back.log_tail(2000))
            back.terminate()
            zkark.run(lab, "verify", str(data), "--replay=all")

    def test_apache_reads_what_the_sweep_deleted(self):
        with zkreal.Lab() as lab:
            data = lab.new_dir("data")
            ours = zkark_server.standalone(lab, data, flags=["-Dznode.container.checkIntervalMs=50"])
            client = ours.client()
            raw_ops.call(client, raw_ops.container("/used", b""))
            raw_ops.call(client, raw_ops.container("/full", b""))
            raw_ops.call(client, raw_ops.container("/fresh", b""))
            for parent in ("/used", "/full"):
                client.create(parent + "/child")
            client.delete("/used/child")
            raw_ops.call(client, raw_ops.ttl("/short", 100, b""))
            raw_ops.call(client, raw_ops.ttl("/long", 3_600_000, b""))
            zkreal.wait_until(lambda: not client.exists("/used") and not client.exists("/short"))
            lab.close_client(client)
            tree = ours.read_tree()
            self.assertTrue({"/full", "/full/child", "/fresh", "/long"} <= set(tree), tree.keys())
            ours.terminate()
            records = zkark.run(lab, "log", str(data), "-o", "ndjson").stdout
            self.assertEqual(records.count('"deleteContainer"'), 2)
            apache = lab.standalone(data, flags=flags())
            self.assertEqual(zkreal.differences(tree, apache.read_tree()), [])
            self.assertNotIn("igest mismatch", apache.log_tail(2000))

    def test_every_write_of_a_server_that_was_killed_is_there_again(self):
        with zkreal.Lab() as lab:
            data = lab.new_dir("data")
            server = zkark_server.standalone(lab, data)
            acknowledged = 0
            client = server.client()
            client.ensure_path("/w")
            for round_number in range(5):
                pending = [client.create_async(f"/w/{round_number}-{n}", b"x") for n in range(200)]
                kept = []
                for n, result in enumerate(pending[:100 + 20 * round_number]):
                    result.get(30)
                    kept.append(f"{round_number}-{n}")
                server.kill()
                zkreal.wait_until(lambda: not client.connected)
                server.start()
                zkreal.wait_until(lambda: client.connected)
                there = set(client.get_children("/w"))
                self.assertEqual([name for name in kept if name not in there], [])
                acknowledged += len(kept)
            self.assertEqual(acknowledged, 5 * 100 + 20 * 10)

    def test_kazoo_recipes_run_on_it(self):
        with zkreal.Lab() as lab:
            server = zkark_server.standalone(lab, lab.new_dir("data"))
            one, two = server.client(), server.client()
            held = []

            def contend(client, name):
                with client.Lock("/recipes/lock", name):
                    held.append(name)
                    held.append(name)

            threads = [threading.Thread(target=contend, args=(client, name))
                       for client, name in ((one, "one"), (two, "two"))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(30)
            self.assertEqual(sorted(held), ["one", "one", "two", "two"])
            self.assertEqual(held[0], held[1])

            led = []
            one.Election("/recipes/election", "one").run(lambda: led.append("one"))
            two.Election("/recipes/election", "two").run(lambda: led.append("two"))
            self.assertEqual(led, ["one", "two"])

            queue = one.LockingQueue("/recipes/queue")
            queue.put_all([b"a", b"b"])
            other = two.LockingQueue("/recipes/queue")
            self.assertEqual(other.get(10), b"a")
            other.consume()
            self.assertEqual(other.get(10), b"b")
            other.consume()

            barrier = one.Barrier("/recipes/barrier")
            barrier.create()
            waiting = threading.Thread(target=lambda: two.Barrier("/recipes/barrier").wait(30))
            waiting.start()
            barrier.remove()
            waiting.join(30)
            self.assertFalse(waiting.is_alive())

            counters = [client.Counter("/recipes/counter") for client in (one, two)]
            for _ in range(10):
                for counter in counters:
                    counter += 1
            self.assertEqual(one.Counter("/recipes/counter").value, 20)

            parties = [client.Party("/recipes/party", name) for client, name in ((one, "one"), (two, "two"))]
            for party in parties:
                party.join()
            self.assertEqual(sorted(parties[0]), ["one", "two"])

    def test_a_served_point_answers_reads_and_refuses_writes_and_stays_as_it_is(self):
        with zkreal.Lab() as lab:
            data = lab.new_dir("data")
            server = zkark_server.standalone(lab, data)
            client = server.client(zkreal.AMY)
            fill(client)
            client.create("/held", b"", ephemeral=True)
            tree = server.read_tree()
            server.kill()
            port = zkreal.free_ports(1)[0]
            before = {path.name: path.read_bytes() for path in (Path(data) / "version-2").iterdir()}
            point = subprocess.Popen([zkark.binary(), "serve", str(data), "--listen", f"127.0.0.1:{port}"],
                                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                     preexec_fn=zkreal._die_with_parent)
            self.addCleanup(point.wait)
            self.addCleanup(point.kill)
            reader = lab.client(port, zkreal.AMY, zkreal.BOB)
            found = zkreal.read_tree(reader)
            self.assertEqual(zkreal.differences(tree, found), [])
            self.assertIn("/held", found)
            for write in (lambda: reader.create("/new", b""), lambda: reader.set("/app/config", b"x"),
                          lambda: reader.delete("/app/empty")):
                with self.assertRaises(NotReadOnlyCallError):
                    write()
            with self.assertRaises(NoNodeError):
                reader.get("/new")
            lab.close_client(reader)
            point.terminate()
            self.assertEqual(point.wait(30), 0)
            after = {path.name: path.read_bytes() for path in (Path(data) / "version-2").iterdir()}
            self.assertEqual(before, after)

    def test_a_scratch_server_takes_writes_and_leaves_nothing(self):
        with zkreal.Lab() as lab:
            data, scratch = lab.new_dir("data"), Path(lab.new_dir("scratch"))
            server = zkark_server.standalone(lab, data)
            fill(server.client(zkreal.AMY))
            server.kill()
            before = {path.name: path.read_bytes() for path in (Path(data) / "version-2").iterdir()}
            port = zkreal.free_ports(1)[0]
            rehearsal = subprocess.Popen([zkark.binary(), "serve", str(data), "--scratch", "--listen", f"127.0.0.1:{port}"],
                                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                         env={**os.environ, "TMPDIR": str(scratch)}, preexec_fn=zkreal._die_with_parent)
            self.addCleanup(rehearsal.wait)
            self.addCleanup(rehearsal.kill)
            client = lab.client(port, zkreal.AMY)
            client.set("/app/config", b"rehearsed")
            client.create("/new", b"here")
            self.assertEqual(client.get("/app/config")[0], b"rehearsed")
            written = [path.name for directory in scratch.iterdir() for path in directory.iterdir()]
            self.assertEqual([name for name in written if name.startswith("snapshot.")], [])
            lab.close_client(client)
            rehearsal.terminate()
            self.assertEqual(rehearsal.wait(30), 0)
            self.assertEqual(list(scratch.iterdir()), [])
            after = {path.name: path.read_bytes() for path in (Path(data) / "version-2").iterdir()}
            self.assertEqual(before, after)

    def test_a_broken_configuration_ends_both_servers_with_the_same_status(self):
        with zkreal.Lab() as lab:
            for broken in ({"clientPort": "abc"}, {"tickTime": "two"}, {"server.1": "127.0.0.1", "server.2": "x"}):
                with self.subTest(broken):
                    apache = lab.standalone(lab.new_dir("data"), config=broken, start=False)
                    ours = zkark_server.standalone(lab, lab.new_dir("data"), config=broken, start=False)
                    ended = [s.start(wait=False).process.wait(30) for s in (apache, ours)]
                    self.assertEqual(ended, [2, 2])

    def test_a_service_manager_is_told_when_it_serves_that_it_lives_and_when_it_stops(self):
        with zkreal.Lab() as lab, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(lab.dir / "notify"))
            manager.settimeout(30)
            server = zkark_server.standalone(lab, lab.new_dir("data"), start=False)
            server.environment = {"NOTIFY_SOCKET": str(lab.dir / "notify"), "WATCHDOG_USEC": "100000"}
            server.start(wait=False)
            first, *rest = manager.recv(4096).decode().splitlines()
            self.assertEqual(first, "READY=1")
            self.assertIn(f"on 127.0.0.1:{server.port}", rest[0])
            self.assertIn("Mode: standalone", zkreal.four_letter(server.port, "srvr"))  # it serves by then
            for _ in range(3):
                self.assertEqual(manager.recv(4096), b"WATCHDOG=1")
            told = []

            def read():
                with contextlib.suppress(TimeoutError, BlockingIOError):
                    while True:
                        told.append(manager.recv(4096).decode())
            manager.settimeout(0.02)
            server.process.terminate()
            while server.process.poll() is None:  # the socket holds ten messages; one that finds it full is lost
                read()
            self.assertEqual(server.process.returncode, 0)
            manager.setblocking(False)
            read()
            self.assertIn("STOPPING=1\nSTATUS=stopping", told)


if __name__ == "__main__":
    unittest.main()
