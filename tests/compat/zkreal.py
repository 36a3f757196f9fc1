"""Real Apache ZooKeeper servers for tests: start, drive, kill, read back, compare.

    with Lab() as lab:
        server = lab.standalone(lab.copy(fixture))
        tree = server.read_tree()

A Lab owns a temporary directory, every process started in it and every client; leaving it kills and removes all,
and a process dies with the test that started it whatever happens. Servers listen on 127.0.0.1 only.
"""

import base64
import ctypes
import functools
import hashlib
import itertools
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import unquote

import apache
from kazoo.client import KazooClient
from kazoo.retry import KazooRetry
from ports import free_ports

logging.getLogger("kazoo").setLevel(logging.CRITICAL)

SUPER = ("digest", "super:adm")
AMY = ("digest", "amy:secret")
BOB = ("digest", "bob:b0b")
READY_SECONDS = 60
CONFIG = {"tickTime": 500, "initLimit": 20, "syncLimit": 10, "minSessionTimeout": 1000, "maxSessionTimeout": 120000,
          "4lw.commands.whitelist": "*", "admin.enableServer": "false"}
JVM = ["-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m"]
NOTHING_REAPED = "-Dznode.container.checkIntervalMs=86400000"  # containers and TTL nodes: while a test compares
STORED = "czxid mzxid pzxid ctime mtime version cversion aversion ephemeralOwner".split()


class ServerDied(Exception):
    """The process ended while it was expected to serve; the message ends with the last lines of its log."""


def digest_id(user_password):
    """The id a `user:password` has in an ACL of scheme digest."""
    user = user_password.split(":", 1)[0]
    return user + ":" + base64.b64encode(hashlib.sha1(user_password.encode()).digest()).decode()


def tick_without_expiry(hours=1):
    """A tickTime under which no session ends for `hours`, whatever its own timeout.

    A server lets sessions end at multiples of its tick on the monotonic clock, which is ours too."""
    now = time.monotonic_ns() // 1_000_000
    return next(tick for tick in range(100_000_000, 50_000_000, -1_000_000) if tick - now % tick > hours * 3_600_000)


def four_letter(port, word, seconds=30):
    with socket.create_connection(("127.0.0.1", port), seconds) as s:
        s.sendall(word.encode())
        answer = b""
        while part := s.recv(65536):
            answer += part
    return answer.decode()


def wait_until(done, seconds=30):
    """For what a server or client does in its own time."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise TimeoutError("it did not happen in time")
        time.sleep(0.02)


def _die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def listens(pid, port):
    """Whether it is that process that listens on the port, and not another test's server that was given the same one."""
    sockets = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
                sockets.add(f"socket:[{fields[9]}]")
    for fd in Path(f"/proc/{pid}/fd").iterdir():
        try:
            if os.readlink(fd) in sockets:
                return True
        except OSError:  # closed meanwhile
            pass
    return False


def stands_still(pid):
    """Whether all threads of that process are stopped."""
    try:
        return all((task / "stat").read_text().rsplit(")", 1)[1].split()[0] == "T" for task in Path(f"/proc/{pid}/task").iterdir())
    except (FileNotFoundError, ProcessLookupError):  # a thread ended meanwhile
        return False


class Server:
    """One server process. `config` goes to zoo.cfg, `flags` to the JVM; both may be changed between two starts."""

    def __init__(self, lab, home, config, flags, port, environment=None):
        self.lab, self.home, self.config, self.port = lab, Path(home), dict(config), port
        self.flags = list(flags)
        self.environment = environment or {}
        self.process = None
        self.home.mkdir(parents=True, exist_ok=True)

    def start(self, wait=True):
        cfg = self.home / "zoo.cfg"
        cfg.write_text("".join(f"{k}={v}\n" for k, v in self.config.items()))
        command = ["java", *JVM, *apache.USUAL_FLAGS,
                   f"-Dzookeeper.DigestAuthenticationProvider.superDigest={digest_id(SUPER[1])}", *self.flags,
                   "-cp", apache.SERVER_CLASSPATH, "org.apache.zookeeper.server.quorum.QuorumPeerMain", str(cfg)]
        with open(self.home / "server.log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.home,
                                            env={**os.environ, **self.environment}, preexec_fn=_die_with_parent)
        return self.wait_ready() if wait else self

    def wait_ready(self, seconds=READY_SECONDS):
        """Until `srvr` names a mode: `ruok` answers before the data is loaded."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.check_lives()
            try:
                if "Mode:" in four_letter(self.port, "srvr", 5) and listens(self.process.pid, self.port):
                    return self
            except OSError:
                pass
            time.sleep(0.03)
        raise TimeoutError(f"not serving after {seconds} s\n{self.log_tail()}")

    def log_tail(self, lines=25):
        """Without the words that wait_ready() asks."""
        log = (self.home / "server.log").read_text(errors="replace").splitlines()
        return "\n".join([line for line in log if "Processing srvr command" not in line][-lines:])

    def srvr(self):
        """The answer to `srvr` as a dict, with zxid as a number."""
        rows = (line.split(": ", 1) for line in four_letter(self.port, "srvr").splitlines() if ": " in line)
        answer = dict(rows)
        return {**answer, "zxid": int(answer["Zxid"], 16)}

    @property
    def mode(self):
        return self.srvr()["Mode"]

    def stop(self):
        """SIGSTOP, until each of its threads stands still: till then they still take and write what comes."""
        self.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: stands_still(self.process.pid))

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def check_lives(self):
        """Raises if the process ended."""
        if self.process.poll() is not None:
            raise ServerDied(f"exit {self.process.returncode}\n{self.log_tail()}")

    def kill_between_logs(self):
        """SIGKILL while clients write, though not while a new log has no header yet: Apache does not start from that."""
        logs = Path(self.config.get("dataLogDir", self.config["dataDir"])) / "version-2"
        self.stop()
        while any(log.stat().st_size == 0 for log in logs.glob("log.*")):
            self.go_on()
            time.sleep(0.001)
            self.stop()
        self.kill()

    def kill(self):
        """SIGKILL: nothing is flushed, closed or tidied."""
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()

    def restart(self, *clients):
        """SIGKILL, then start; the clients resume their sessions."""
        self.kill()
        for client in clients:
            wait_until(lambda: not client.connected)
        self.start()
        for client in clients:
            wait_until(lambda: client.connected)
        return self

    def terminate(self):
        self.process.terminate()
        self.process.wait(30)

    def client(self, *auth, timeout=60.0, session=None, read_only=False):
        """A connected kazoo client; `session` is (id, password) of a session to resume."""
        return self.lab.client(self.port, *auth, timeout=timeout, session=session, read_only=read_only)

    def read_tree(self, below="/", zookeeper=False):
        """The whole tree as truth.json holds it, read with every password there is."""
        client = self.client(AMY, BOB, SUPER)
        try:
            return read_tree(client, below, zookeeper)
        finally:
            self.lab.close_client(client)


def start_together(members, tries=4):
    """Starts the members of an ensemble, until all of them serve.

    A vote that comes later than 200 ms (FastLeaderElection.finalizeWait) can leave two members that lead. The one
    without followers gives up after initLimit ticks, which is never where a test makes ticks long: who does not serve
    is started again then. Whatever else keeps a member from serving is a failure the first time."""
    members = waiting = list(members)
    for left in reversed(range(tries)):
        for member in waiting:
            member.start(wait=False)
        late = {}
        for member in waiting:
            try:
                member.wait_ready(READY_SECONDS / 2)
            except TimeoutError as e:
                late[member] = e
        if not late:
            return
        if left == 0 or not any("QuorumPeer - LEADING" in member.log_tail(10**6) for member in late):
            logs = "\n".join(f"---- {member.home.name}\n{member.log_tail()}" for member in members)
            raise TimeoutError(f"{', '.join(member.home.name for member in late)}: {next(iter(late.values()))}\n{logs}")
        waiting = list(late)
        for member in waiting:
            member.kill()


class Lab:
    def __init__(self, keep=False):
        self.dir = Path(tempfile.mkdtemp(prefix="zkreal-"))
        self.keep, self.servers, self.clients, self.count = keep, [], [], itertools.count(1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in list(self.clients):
            self.close_client(client, answer=False)
        for server in self.servers:
            server.kill()
        if not self.keep:
            shutil.rmtree(self.dir, ignore_errors=True)

    def new_dir(self, name="dir"):
        path = self.dir / f"{name}-{next(self.count)}"
        path.mkdir()
        return path

    def copy(self, data_dir):
        """A copy a server may write to, with the data directory's own files only."""
        target = self.new_dir("data")
        for name in ("version-2", "myid", "initialize"):
            source = Path(data_dir) / name
            if source.is_dir():
                shutil.copytree(source, target / name)
            elif source.exists():
                shutil.copy(source, target / name)
        return target

    def standalone(self, data_dir, log_dir=None, flags=(), config=None, environment=None, start=True):
        port = free_ports(1)[0]
        settings = {**CONFIG, "dataDir": data_dir, **({"dataLogDir": log_dir} if log_dir else {}),
                    "clientPort": port, "clientPortAddress": "127.0.0.1", **(config or {})}
        server = Server(self, self.new_dir("server"), settings, flags, port, environment)
        self.servers.append(server)
        return self.started(server) if start else server

    def ensemble(self, data_dirs, flags=(), config=None, start=True):
        """{id: Server} for {id: data dir}; writes each myid where there is none."""
        ports = free_ports(3 * len(data_dirs))
        members = {n: ports[3 * i:3 * i + 3] for i, n in enumerate(sorted(data_dirs))}
        lines = {f"server.{n}": f"127.0.0.1:{p[1]}:{p[2]}" for n, p in members.items()}
        servers = {}
        for n, data_dir in data_dirs.items():
            if not (Path(data_dir) / "myid").exists():
                (Path(data_dir) / "myid").write_text(f"{n}\n")
            settings = {**CONFIG, "dataDir": data_dir, "clientPort": members[n][0], "clientPortAddress": "127.0.0.1",
                        **lines, **(config or {})}
            servers[n] = Server(self, self.new_dir(f"member{n}"), settings, flags, members[n][0])
        self.servers.extend(servers.values())
        if start:
            start_together(servers.values())
        return servers

    def started(self, server):
        """Starts it, on another port where somebody has taken the one it was given."""
        try:
            return server.start()
        except ServerDied as e:
            if "BindException" not in str(e) and "Address already in use" not in str(e):
                raise
            server.port = server.config["clientPort"] = free_ports(1)[0]
            return server.start()

    def client(self, port, *auth, timeout=60.0, session=None, read_only=False):
        # A server that is starting may take a connection and never answer. kazoo gives up after timeout / hosts.
        hosts = ",".join([f"127.0.0.1:{port}"] * max(1, round(timeout / 5)))
        client = KazooClient(hosts, timeout=timeout, auth_data=list(auth), client_id=session,
                             read_only=read_only, connection_retry=KazooRetry(max_tries=-1, delay=0.05, max_delay=0.2),
                             command_retry=KazooRetry(max_tries=0))
        client.start(30)
        self.clients.append(client)
        return client

    def close_client(self, client, answer=True):
        """Ends the session if `answer`; otherwise the connection is dropped and the session lives on."""
        if client in self.clients:
            self.clients.remove(client)
        if answer:
            client.stop()
        else:
            drop(client)
        client.close()


def drop(client):
    """Makes a client vanish as if its host had died: the server keeps its session until it times out."""
    connection = client._connection
    client._stopped.set()
    client._live.clear()
    for _ in range(600):  # it may be connecting, and has no socket until it is connected
        if (connected := connection._socket) is not None:
            try:
                connected.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        if connection.connection_stopped.wait(0.05):
            break
    connection.stop(5)


def read_tree(client, below="/", zookeeper=False):
    """{path: [data hex or None, sorted [[perms, scheme, id]], stat]}, pipelined. /zookeeper only if asked for."""
    client.sync(below)
    tree, level = {}, [below]
    while level:
        asked = [(p, client.get_async(p), client.get_acls_async(p), client.get_children_async(p)) for p in level]
        level = []
        for path, get, acls, children in asked:
            data, stat = get.get(30)
            acl = sorted([a.perms, a.id.scheme, a.id.id] for a in acls.get(30)[0])
            tree[path] = [None if data is None else data.hex(), acl, dict(stat._asdict())]
            names = (path.rstrip("/") + "/" + name for name in children.get(30))
            level.extend(n for n in names if zookeeper or n != "/zookeeper")
    return tree


def truths(fixture):
    """[(zxid, tree)] of a fixture, oldest first."""
    found = {}
    for file in Path(fixture).glob("truth*.json"):
        truth = json.loads(file.read_text())
        for one in [truth, *truth.get("earlier", [])]:
            found[one["zxid"]] = one["tree"]
    return sorted(found.items())


def without_ephemerals(tree, zxid):
    """What a tree becomes when every session is closed at `zxid`, as a client sees it."""
    kept = {p: [d, a, dict(s)] for p, (d, a, s) in tree.items() if s["ephemeralOwner"] == 0}
    for path in tree.keys() - kept.keys():
        parent = kept[path.rsplit("/", 1)[0] or "/"][2]
        parent["numChildren"] -= 1
        parent["cversion"] += 1  # clients see 2 * creates - children
        parent["pzxid"] = zxid
    return kept


def only_path(tree, path):
    """What a tree without ephemerals becomes when only the root, the ancestors of `path` and its subtree stay."""
    steps = path.strip("/").split("/")
    above = {"/", *("/" + "/".join(steps[:i]) for i in range(1, len(steps)))}
    kept = {p: [d, a, dict(s)] for p, (d, a, s) in tree.items() if p in above or (p + "/").startswith(path + "/")}
    for p, (_, _, stat) in kept.items():
        children = sum(q != "/" and (q.rsplit("/", 1)[0] or "/") == p for q in kept) + (p == "/")  # and /zookeeper
        stat["cversion"] += stat["numChildren"] - children  # clients see 2 * creates - children
        stat["numChildren"] = children
    return kept


def differences(expected, found, limit=20):
    """Sentences, none if equal. Nodes under /zookeeper count only where `expected` has them."""
    found = {p: v for p, v in found.items() if p in expected or not (p + "/").startswith("/zookeeper/")}
    said = [f"missing {p}" for p in sorted(expected.keys() - found.keys())]
    said += [f"should not exist: {p}" for p in sorted(found.keys() - expected.keys())]
    for path in sorted(expected.keys() & found.keys()):
        for what, want, got in zip(("data", "acl", "stat"), expected[path], found[path]):
            if what == "acl":
                want, got = sorted(map(tuple, want)), sorted(map(tuple, got))
            if want != got and what == "stat":
                want, got = ({k: s[k] for k in want if want[k] != got[k]} for s in (want, got))
            if want != got:
                said.append(f"{path}: {what} should be {want}, is {got}")
    return said[:limit] + ([f"and {len(said) - limit} more"] if len(said) > limit else [])


def client_view(state):
    """A tree as clients see it from the oracle's text of a state (README.md): what truth.json holds."""
    tree = {}
    for line in state.splitlines():
        if line.startswith("/"):
            path, data, acl, numbers = line.split("\t")
            stat = dict(zip(STORED, map(int, numbers.split())))
            stat["ephemeralOwner"] = max(stat["ephemeralOwner"], 0)  # containers and TTL nodes are negative inside
            stat.update(dataLength=0 if data == "-" else len(data) // 2, numChildren=0)
            rows = (one.split(":", 2) for one in acl.split(","))
            tree[unquote(path)] = [None if data == "-" else data,
                                   sorted([int(perms), scheme, unquote(id)] for perms, scheme, id in rows), stat]
    for path in tree.keys() - {"/"}:
        tree[path.rsplit("/", 1)[0] or "/"][2]["numChildren"] += 1
    for _, _, stat in tree.values():
        stat["cversion"] = 2 * stat["cversion"] - stat["numChildren"]
    return tree


@functools.lru_cache(None)
def _replay(data_dir, log_dir, *more):
    return apache.oracle("replay", data_dir, "--log-dir", log_dir, *more, flags=apache.java_flags(data_dir)).splitlines()


@functools.lru_cache(None)
def state_at(data_dir, log_dir, zxid, start=None):
    """The oracle's text of the state at a recorded zxid, from `start` or the newest start at or below it.

    None if that start never gets to this zxid."""
    best, section = None, None
    for line in _replay(data_dir, log_dir):
        word, *rest = line.split()
        if word.startswith("start"):
            section, word = rest[0], rest[1]
        if word == hex(zxid) and start in (None, section):
            best = section
    return best and apache.oracle("dump", data_dir, "--log-dir", log_dir, "--at", hex(zxid), "--start", best,
                                  flags=apache.java_flags(data_dir))


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()


def _chosen(only):
    return ["--without", "/zookeeper/config", *(["--only", ",".join(map(hex, sorted(set(only))))] if only else [])]


def mismatches(data_dir, log_dir, only=None):
    """What Apache's replay from the oldest start finds wrong: digests that it does not meet, the error that ended it.

    `only` as for apache_states(), which reads the same replay."""
    _, *rest = _replay(data_dir, log_dir, *_chosen(only))
    oldest = itertools.takewhile(lambda line: not line.startswith("start"), rest)
    return [line for line in oldest if line.split()[0] in ("mismatch", "error", "refused")]


def apache_states(data_dir, log_dir, only=None):
    """{zxid: canonical sha256} from Apache's replay, for all or `only` some zxids.

    For each it is the oldest start not yet in contradiction to a digest.

    A replay over a hole or over txns that no record shows is caught by the digests, and replay comes before what a
    snapshot holds, for that may be fuzzy; where every start is in contradiction (POSIX charset) the oldest counts.
    /zookeeper/config is left out: members of an ensemble write it locally, so it depends on the start."""
    good, any_state, clean = {}, {}, True
    for line in _replay(data_dir, log_dir, *_chosen(only)):
        word, *rest = line.split()
        if word.startswith("start"):
            clean, word = True, rest[1]
            if int(word, 16) in any_state:
                continue  # reached by replay: a fuzzy snapshot is something else
        clean = clean and word != "mismatch"
        if word.startswith("0x"):
            any_state.setdefault(int(word, 16), rest[-1])
            if clean:
                good.setdefault(int(word, 16), rest[-1])
    return {**any_state, **good}
