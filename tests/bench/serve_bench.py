"""`zkark serve` beside Apache's server: the same configuration, the same load generator, fsync on for both, in turn."""

import contextlib
import json
import os
import resource
import selectors
import shutil
import socket
import struct
import subprocess
import time
from pathlib import Path

import zkark
import zkark_server
import zkreal

SECONDS = 4
LIMITS = {"maxClientCnxns": "0", "4lw.commands.whitelist": "*", "admin.enableServer": "false"}
NO_SNAPSHOTS = "-Dzookeeper.snapCount=100000000"
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory_mb(pid, name="VmHWM"):
    return int(Path(f"/proc/{pid}/status").read_text().split(f"{name}:")[1].split()[0]) / 1024


class Load:
    """What one run of the load generator measured. Times in us."""

    def __init__(self, server, workload, *more, seconds=SECONDS):
        before = cpu_seconds(server.process.pid)
        text = subprocess.run([zkark.binary(), "bench", f"127.0.0.1:{server.port}", "--workload", workload, "--duration",
                               f"{seconds}s", "-q", "--json", *more], check=True, capture_output=True, text=True).stdout
        row = json.loads(text)["operations"][0]
        self.per_second, self.done = row["per_second"], row["done"]
        self.p50, self.p99, self.p999 = row["p50_us"], row["p99_us"], row["p999_us"]
        self.cpu_us = (cpu_seconds(server.process.pid) - before) * 1e6 / max(1, self.done)


def fdatasync_p50_us(directory, calls=400):
    """Of a small append into room that is there, as a server's log has it, with nothing else going on."""
    path = Path(directory) / "fdatasync.probe"
    fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.pwrite(fd, bytes(4 << 20), 0)
        os.fsync(fd)
        took = []
        for i in range(calls):
            os.pwrite(fd, b"x" * 256, i * 256)
            begin = time.monotonic_ns()
            os.fdatasync(fd)
            took.append(time.monotonic_ns() - begin)
        return sorted(took)[calls // 2] / 1000
    finally:
        os.close(fd)
        path.unlink()


def median(values):
    return sorted(values)[len(values) // 2]


class ServeBench:
    """Rows go to `bench.row`; the corpus is read alone."""

    def __init__(self, bench):
        self.bench = bench

    @contextlib.contextmanager
    def both(self, data=None, flags=(), heap="-Xmx2g"):
        """Both servers, started, each on a copy of `data`."""
        with zkreal.Lab() as lab:
            def home(name):
                made = lab.new_dir(name)
                if data:
                    shutil.rmtree(made)
                    subprocess.run(["cp", "-r", "--sparse=always", str(data), str(made)], check=True)
                return made
            ours = zkark_server.standalone(lab, home("ours"), flags=list(flags), config=LIMITS)
            theirs = lab.standalone(home("theirs"), flags=[heap, *flags], config=LIMITS)
            yield ours, theirs

    def loads(self, servers, *arguments, rounds=None, seconds=SECONDS):
        """Each server's runs, in turn."""
        runs = [[] for _ in servers]
        for _ in range(rounds or self.bench.rounds):
            for mine, server in zip(runs, servers):
                mine.append(Load(server, *arguments, seconds=seconds))
        return runs

    def run(self):
        with self.both(flags=[NO_SNAPSHOTS]) as servers:
            for workload in ("reads", "writes", "creates"):  # Java compiles what it runs often
                Load(servers[1], workload, seconds=3)
            self.throughput(servers)
            self.one_in_flight(servers)
        self.snapshots()
        self.boot()
        self.watches()

    def throughput(self, servers):
        for workload, what in (("reads", "getData"), ("writes", "setData, every ack synced"),
                               ("creates", "create, every ack synced")):
            ours, theirs = self.loads(servers, workload)
            a, b = median([r.per_second for r in ours]), median([r.per_second for r in theirs])
            self.bench.row(f"serve: pipelined {what}, 8 connections x 32", f"{a / 1000:.0f} k/s", f"Apache {b / 1000:.1f} k/s",
                           f"{a / b:.1f}x", "4x", "8x")
            a, b = median([r.cpu_us for r in ours]), median([r.cpu_us for r in theirs])
            bars = ("3 us", "1 us") if workload == "reads" else ("-", "-")
            self.bench.row(f"serve: processor time of the server for each {what.split(',')[0]}", f"{a:.2f} us", f"Apache {b:.1f} us",
                           f"{b / a:.1f}x", *bars)

    def one_in_flight(self, servers):
        one = ("--connections", "1", "--in-flight", "1")
        ours, theirs = self.loads(servers, "reads", *one)
        for name in ("p50", "p99"):
            a, b = (median([getattr(r, name) for r in runs]) for runs in (ours, theirs))
            self.bench.row(f"serve: one read at a time, {name}", f"{a:.1f} us", f"Apache {b:.1f} us", f"{b / a:.1f}x", "1.5x", "2x")
        # The disk has its moods: it is asked between the runs.
        syncs, ours, theirs = [], [], []
        for _ in range(self.bench.rounds):
            syncs.append(fdatasync_p50_us(servers[0].config["dataDir"]))
            for runs, server in zip((ours, theirs), servers):
                runs.append(Load(server, "writes", *one))
        a, b = (median([r.p50 for r in runs]) for runs in (ours, theirs))
        self.bench.row("serve: one write at a time, p50", f"{a:.0f} us", f"Apache {b:.0f} us", f"{b / a:.1f}x", "1.5x", "2x")
        extra = median([run.p50 - sync for run, sync in zip(ours, syncs)])
        self.bench.row("serve: that, without the fdatasync of the disk", f"{extra:.0f} us of {a:.0f} us", "-", "-", "80 us", "40 us")

    def snapshots(self):
        """Writes while snapshots of a large tree are taken, one after the other, and while none is."""
        found = {}
        for name, flag in (("without", NO_SNAPSHOTS), ("with", "-Dzookeeper.snapCount=200000")):
            with self.both(self.bench.corpus, [flag]) as servers:
                Load(servers[1], "writes", seconds=3)
                found[name] = [median([r.p999 for r in runs]) for runs in self.loads(servers, "writes", rounds=3, seconds=8)]
                made = [len(list(Path(s.config["dataDir"]).glob("version-2/snapshot.*"))) for s in servers]
                found[name + " snapshots"] = made
        with_, without = found["with"], found["without"]
        self.bench.row("serve: p99.9 of pipelined writes beside snapshots of the corpus, against without", f"{with_[0] / 1000:.1f} ms",
                       f"{without[0] / 1000:.1f} ms without", f"{with_[0] / without[0]:.2f}x", "2x", "1x")
        self.bench.row("serve: the same against Apache's", f"{with_[0] / 1000:.1f} ms", f"Apache {with_[1] / 1000:.1f} ms",
                       f"{with_[1] / with_[0]:.1f}x", "1x", "-")
        print(f"  snapshots in the directories: {found}", flush=True)

    def boot(self):
        ours, theirs = [], []
        for _ in range(self.bench.rounds):
            with zkreal.Lab() as lab:
                for walls, make in ((ours, lambda d: zkark_server.standalone(lab, d, config=LIMITS, start=False)),
                                    (theirs, lambda d: lab.standalone(d, flags=["-Xmx2g"], config=LIMITS, start=False))):
                    home = lab.new_dir("boot")
                    shutil.rmtree(home)
                    subprocess.run(["cp", "-r", "--sparse=always", str(self.bench.corpus), str(home)], check=True)
                    server = make(home)
                    begin = time.monotonic()
                    server.start()
                    walls.append(time.monotonic() - begin)
                    server.kill()
        a, b = median(ours), median(theirs)
        self.bench.row("serve: start on the corpus to the first answer", f"{a:.2f} s", f"Apache {b:.2f} s", f"{b / a:.1f}x", "8x", "20x")

    def watches(self, connections=10_000, each=10):
        """So many idle connections that watch `each` nodes; every node is written once."""
        if connections + 200 > resource.getrlimit(resource.RLIMIT_NOFILE)[0]:
            self.bench.row("serve: 10,000 connections with 100,000 watches", "not run: too few files may be open", "-", "-", "all", "-")
            return
        with zkreal.Lab() as lab:
            server = zkark_server.standalone(lab, lab.new_dir("watched"), config={**LIMITS, "maxSessionTimeout": "600000"})
            keys = connections * each // 100
            with Watchers(server.port, connections, each, keys) as watchers:
                watchers.arm()
                begin = time.monotonic()
                delivered = watchers.fire()
                wall = time.monotonic() - begin
            total = connections * each
            self.bench.row(f"serve: {connections} idle connections with {total} watches, each fired once", f"{delivered} delivered",
                           f"of {total}, in {wall:.2f} s", "-", "all", "all")
            self.bench.row("serve: memory then", f"{memory_mb(server.process.pid):.0f} MB", "-", "-", "400 MB", "200 MB")


def packet(body):
    return struct.pack(">i", len(body)) + body


def text(value):
    return struct.pack(">i", len(value)) + value.encode()


CONNECT = packet(struct.pack(">iqiqi", 0, 0, 600_000, 0, 16) + bytes(16) + b"\0")
WORLD = struct.pack(">ii", 1, 31) + text("world") + text("anyone")


class Watchers:
    """Raw connections, each with its session, all on one thread."""

    def __init__(self, port, connections, each, keys):
        self.port, self.each, self.keys = port, each, keys
        self.sockets = []
        self.count = connections

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in self.sockets:
            one.close()

    def connect(self):
        one = socket.create_connection(("127.0.0.1", self.port), 30)
        one.sendall(CONNECT)
        self.take(one)
        return one

    @staticmethod
    def take(one):
        """One packet."""
        data = b""
        want = 4
        while len(data) < want:
            part = one.recv(want - len(data))
            if not part:
                raise ConnectionError("the server closed a connection")
            data += part
            if len(data) == 4:
                want = 4 + struct.unpack(">i", data)[0]
        return data[4:]

    def arm(self):
        self.writer = self.connect()
        self.sockets.append(self.writer)
        for key in range(self.keys):
            self.writer.sendall(packet(struct.pack(">ii", 1, 1) + text(f"/w{key}") + text("x") + WORLD + struct.pack(">i", 0)))
            self.take(self.writer)
        self.watching = []
        for i in range(self.count):
            one = self.connect()
            one.sendall(b"".join(packet(struct.pack(">ii", 1, 4) + text(f"/w{(i * self.each + n) % self.keys}") + b"\1")
                                 for n in range(self.each)))
            for _ in range(self.each):
                self.take(one)
            self.watching.append(one)
            self.sockets.append(one)

    def fire(self, seconds=120):
        """Writes every node; how many events came."""
        with selectors.DefaultSelector() as selector:
            for one in self.watching:
                one.setblocking(False)
                selector.register(one, selectors.EVENT_READ, bytearray())
            for key in range(self.keys):
                self.writer.sendall(packet(struct.pack(">ii", 2, 5) + text(f"/w{key}") + text("y") + struct.pack(">i", -1)))
            events = 0
            end = time.monotonic() + seconds
            while events < self.count * self.each and time.monotonic() < end:
                for key, _ in selector.select(1):
                    data = key.data
                    data += key.fileobj.recv(65536)
                    while len(data) >= 4 and len(data) >= 4 + struct.unpack_from(">i", data)[0]:
                        length = struct.unpack_from(">i", data)[0]
                        xid = struct.unpack_from(">i", data, 4)[0]
                        kind = struct.unpack_from(">i", data, 20)[0]
                        events += xid == -1 and kind == 3  # NodeDataChanged
                        del data[:4 + length]
            return events
