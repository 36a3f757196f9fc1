"""Writes for a live server, and a full record of what the server logged even when it purges."""

import os
import random
import subprocess
import threading
from collections import deque
from pathlib import Path

import apache
import raw_ops as op
import zkreal
from kazoo.security import make_acl, make_digest_acl

ACLS = [None, [make_acl("world", "anyone", all=True), make_digest_acl("amy", "secret", all=True)],
        [make_digest_acl("bob", "b0b", all=True), make_acl("ip", "127.0.0.0/8", all=True)]]


class Load:
    """`clients` threads that write, pipelined, until stop() or until each has sent `limit` requests, `rate` a second.

    Every kind of write there is, on a bounded set of paths, among them requests that must fail. A server that dies and
    comes back is waited for. Whatever a client sees is of no interest here: the server's log says what happened."""

    def __init__(self, server, clients=3, limit=20000, rate=300, window=8, seed=1):
        self.server, self.limit, self.pause, self.window = server, limit, 1 / rate, window
        self.stopped, self.sent, self.unexpected = threading.Event(), [0] * clients, []
        self.threads = [threading.Thread(target=self._run, args=(n, random.Random(seed * 100 + n)), daemon=True)
                        for n in range(clients)]

    def start(self):
        client = self.server.client(zkreal.AMY)
        client.ensure_path("/load")
        self.server.lab.close_client(client)
        for t in self.threads:
            t.start()
        return self

    def stop(self):
        """Ends the load; raises what a thread did not expect."""
        self.stopped.set()
        for t in self.threads:
            t.join(60)
            if t.is_alive():
                raise TimeoutError("the load does not end")
        if self.unexpected:
            raise self.unexpected[0]
        return sum(self.sent)

    def _run(self, number, rng):
        try:
            client, waiting = self.server.client(zkreal.AMY, zkreal.BOB), deque()
            while not self.stopped.is_set() and self.sent[number] < self.limit:
                if not client.connected:
                    waiting.clear()
                    self.stopped.wait(0.02)
                    continue
                waiting.append(self._send(client, number, rng))
                self.sent[number] += 1
                self.stopped.wait(rng.random() * 2 * self.pause)
                if len(waiting) >= self.window:
                    waiting.popleft().wait(10)
            self.server.lab.close_client(client, answer=client.connected)
        except Exception as e:  # shown by stop(), in the test's own thread
            self.unexpected.append(e)

    def _send(self, client, number, rng):
        parent = f"/load/c{rng.randrange(4)}"
        path, data = f"{parent}/n{rng.randrange(60)}", rng.randbytes(rng.choice((0, 8, 100, 700)))
        kind = rng.choices(range(11), (25, 5, 5, 25, 10, 3, 10, 4, 1, 4, 5))[0]
        if kind == 10:
            return client.set_acls_async(path, rng.choice(ACLS[1:]))
        result = client.handler.async_result()
        request = [
            lambda: op.create(path, rng.choice((data, None)), rng.choice(ACLS)),
            lambda: op.create(f"{parent}/s-", data, flags=op.SEQUENTIAL),
            lambda: op.create(f"{parent}/e{number}-{rng.randrange(20)}", data, flags=op.EPHEMERAL),
            lambda: op.set_data(path, data),
            lambda: op.delete(path),
            lambda: op.create(parent),
            lambda: op.Multi([op.create(path + "m", data), op.set_data(parent, data), op.delete(path + "m"),
                              op.create2(path, data), op.check("/load", -1)]),
            lambda: op.Multi([op.set_data(f"{parent}/n{i}", data) for i in range(20)]),
            lambda: op.container(f"{parent}/container"),
            lambda: op.set_data(path, data, rng.randrange(3)),
        ][kind]()
        client._call(request, result)
        return result


class Keeper:
    """Hard links to every log of a data directory: what purge removes stays readable.

    A log grows through its link, so one link, made soon after the file appeared, is enough."""

    def __init__(self, data_dir, kept):
        self.source, self.kept = Path(data_dir) / "version-2", Path(kept) / "version-2"
        self.kept.mkdir(parents=True)
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.stopped.wait(0.02):
            self.look()

    def look(self):
        for file in self.source.glob("log.*"):
            try:
                os.link(file, self.kept / file.name)
            except (FileExistsError, FileNotFoundError):
                pass

    def stop(self):
        self.stopped.set()
        self.thread.join()
        self.look()

    def states(self, zxids):
        """{zxid: canonical sha256} by Apache's replay of the whole history; call after stop()."""
        return zkreal.apache_states(self.kept.parent, self.kept.parent, zxids)


def purge(data_dir, keep=3):
    """Apache's own purge, the class autopurge runs."""
    subprocess.run(["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp",
                    f"{apache.JARS}/zookeeper.jar:{apache.JARS}/slf4j-nop.jar", "org.apache.zookeeper.server.PurgeTxnLog",
                    str(data_dir), str(data_dir), "-n", str(keep)], check=True, stdout=subprocess.DEVNULL)
