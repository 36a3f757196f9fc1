"""The client protocol by hand: requests as bytes, and answers as text that leaves nothing out.

Text of an answer names every field there is and the bytes behind the last one, so two texts are equal exactly when the
bytes are, but for what no two servers share: times, session ids with their passwords, the order of unordered lists.
"""

import contextlib
import socket
import struct
import time

CREATE, DELETE, EXISTS, GET, SET, GET_ACL, SET_ACL, CHILDREN, SYNC, PING = 1, 2, 3, 4, 5, 6, 7, 8, 9, 11
CHILDREN2, CHECK, MULTI, CREATE2, RECONFIG, CHECK_WATCHES, REMOVE_WATCHES = 12, 13, 14, 15, 16, 17, 18
CREATE_CONTAINER, DELETE_CONTAINER, CREATE_TTL, MULTI_READ = 19, 20, 21, 22
AUTH, SET_WATCHES, SASL, EPHEMERALS, COUNT, SET_WATCHES2, ADD_WATCH, WHO_AM_I = 100, 101, 102, 103, 104, 105, 106, 107
CREATE_SESSION, CLOSE_SESSION = -10, -11
NAMES = {value: name.lower() for name, value in list(globals().items()) if name.isupper() and isinstance(value, int)}

EVENTS = {1: "created", 2: "deleted", 3: "data-changed", 4: "children-changed"}
READ, WRITE, CREATE_PERM, DELETE_PERM, ADMIN, ALL = 1, 2, 4, 8, 16, 31
OPEN = [(ALL, "world", "anyone")]
PATIENCE, LONG_MS = 60, 3_600_000


# ---- requests

def i(value):
    return struct.pack("!i", value)


def q(value):
    return struct.pack("!q", value)


def flag(value):
    return bytes([int(value)])


def s(value):
    if value is None:
        return i(-1)
    value = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    return i(len(value)) + value


def vec(items):
    return i(-1) if items is None else i(len(items)) + b"".join(items)


def acls(entries):
    return vec(None if entries is None else [i(perms) + s(scheme) + s(id) for perms, scheme, id in entries])


def create(path, data=b"", flags=0, acl=OPEN, ttl=None):
    return s(path) + s(data) + acls(acl) + i(flags) + (b"" if ttl is None else q(ttl))


def versioned(path, version=-1):
    """delete, check"""
    return s(path) + i(version)


def set_data(path, data=b"", version=-1):
    return s(path) + s(data) + i(version)


def set_acl(path, acl, version=-1):
    return s(path) + acls(acl) + i(version)


def watched(path, watch=False):
    """exists, getData, getChildren, getChildren2"""
    return s(path) + flag(watch)


def kind(path, number):
    """addWatch, checkWatches, removeWatches"""
    return s(path) + i(number)


def auth(scheme, data, number=0):
    return i(number) + s(scheme) + s(data)


def op(number, body, done=0, err=-1):
    """One operation of a multi, or of a multiRead."""
    return i(number) + bytes([done]) + i(err) + body


END = i(-1) + b"\x01" + i(-1)


def multi(*operations):
    return b"".join(operations) + END


def set_watches(zxid, data=(), exist=(), child=(), *lasting):
    lists = (data, exist, child, *lasting)
    return q(zxid) + b"".join(vec(None if one is None else [s(path) for path in one]) for one in lists)


def password_of(session):
    """What java.util.Random, seeded with the id, says first."""
    mask = (1 << 48) - 1
    state = ((session ^ 0xB3415C00) ^ 0x5DEECE66D) & mask
    found = b""
    for _ in range(4):
        state = (state * 0x5DEECE66D + 0xB) & mask
        found += struct.pack("<I", (state >> 16) & 0xFFFFFFFF)
    return found


# ---- answers

class Short(Exception):
    """Fewer bytes than the layout of this answer has."""


class Fields:
    """Takes an answer apart; `names` are the things that are masked."""

    def __init__(self, data, names):
        self.data, self.at, self.names = data, 0, names

    def take(self, count):
        if count < 0 or self.at + count > len(self.data):
            raise Short()
        self.at += count
        return self.data[self.at - count:self.at]

    def i(self):
        return struct.unpack("!i", self.take(4))[0]

    def q(self):
        return struct.unpack("!q", self.take(8))[0]

    def byte(self):
        return self.take(1)[0]

    def raw(self):
        size = self.i()
        return None if size == -1 else self.take(size)

    def s(self):
        raw = self.raw()
        return "null" if raw is None else ascii(raw)[1:]

    def vec(self, item, ordered=True):
        count = self.i()
        if count == -1:
            return "null"
        items = [item() for _ in range(count)]
        return "[" + ", ".join(items if ordered else sorted(items)) + "]"

    def acl(self):
        return f"{self.i()}:{self.s()}:{self.s()}"

    def identity(self):
        return f"{self.s()}:{self.s()}"

    def stat(self):
        czxid, mzxid = self.names.zxid(self.q()), self.names.zxid(self.q())
        ctime, mtime = self.names.time(self.q()), self.names.time(self.q())
        versions = f"{self.i()}/{self.i()}/{self.i()}"
        owner = self.names.session(self.q())
        length, children = self.i(), self.i()
        return (f"(c={czxid} m={mzxid} p={self.names.zxid(self.q())} times={ctime},{mtime} v={versions} owner={owner} "
                f"length={length} children={children})")

    def rest(self):
        return self.data[self.at:].hex()

    def slots(self, results):
        """multi, multiRead: to the end that says so."""
        found = []
        while True:
            number, done, err = self.i(), self.byte(), self.i()
            text = f"{number},{done},{err}"
            if done:
                return f"{' '.join(found)} end={text}"
            if number == -1:
                text += f" code={self.i()}"
            elif number in results:
                text += f" {results[number](self)}"
            found.append(f"<{text}>")


def _unordered(fields):
    return fields.vec(fields.s, ordered=False)


MULTI_RESULTS = {CREATE: Fields.s, CREATE2: lambda f: f"{f.s()} {f.stat()}", SET: Fields.stat}
MULTI_READ_RESULTS = {GET: lambda f: f"{f.s()} {f.stat()}", CHILDREN: _unordered}
BODIES = {
    CREATE: Fields.s,
    **{number: lambda f: f"{f.s()} {f.stat()}" for number in (CREATE2, CREATE_CONTAINER, CREATE_TTL, GET, RECONFIG)},
    EXISTS: Fields.stat, SET: Fields.stat, SET_ACL: Fields.stat,
    GET_ACL: lambda f: f"{f.vec(f.acl, f.names.acls_in_order)} {f.stat()}",
    CHILDREN: _unordered, CHILDREN2: lambda f: f"{_unordered(f)} {f.stat()}", EPHEMERALS: _unordered,
    COUNT: lambda f: str(f.i()), ADD_WATCH: lambda f: str(f.i()),
    SYNC: Fields.s, SASL: Fields.s,
    WHO_AM_I: lambda f: f.vec(f.identity, ordered=False),
    MULTI: lambda f: f.slots(MULTI_RESULTS), MULTI_READ: lambda f: f.slots(MULTI_READ_RESULTS),
}


class Names:
    """Names for what differs between two runs: zxids by their distance, sessions by their order, times by being now."""

    def __init__(self):
        self.base, self.sessions, self.started = 0, {}, time.time() * 1000 - LONG_MS
        self.acls_in_order = True

    def zxid(self, value):
        return str(value) if value in (0, -1) else f"z{value - self.base:+d}"

    def time(self, value):
        return "now" if self.started <= value <= time.time() * 1000 + 1000 else str(value)

    def session(self, value):
        return self.sessions.get(value, hex(value))

    def learn(self, value):
        return self.sessions.setdefault(value, f"session{len(self.sessions) + 1}")


def answer_text(packet, number, names):
    """One packet as text. `number` is the opcode asked, None for an event."""
    fields = Fields(packet, names)
    try:
        text = f"#{fields.i()} {names.zxid(fields.q())} err={fields.i()}"
        if number is None:
            text = f"event {text} {EVENTS.get(fields.i(), '?')} state={fields.i()} {fields.s()}"
        elif fields.at < len(packet) and number in BODIES:
            text += " " + BODIES[number](fields)
    except Short:
        return f"undecodable {packet.hex()}"
    return text + (f" and {fields.rest()}" if fields.rest() else "")


def welcome_text(packet, names):
    fields = Fields(packet, names)
    try:
        version, timeout, session, password = fields.i(), fields.i(), fields.q(), fields.raw()
    except Short:
        return f"undecodable {packet.hex()}", 0, b""
    shown = "its-own" if session and password == password_of(session) else ascii(password)
    name = names.learn(session) if session else "0"
    return f"welcome version={version} timeout={timeout} {name} password={shown} flag={fields.rest()}", session, password


# ---- a connection

class Conn:
    """A connection whose every packet becomes a line of `lines`."""

    def __init__(self, port, name, names, lines):
        self.name, self.names, self.lines = name, names, lines
        self.socket = socket.socket()
        self.socket.settimeout(PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # taken and ended at once: the first read tells
            self.socket.connect(("127.0.0.1", port))
        self.pending, self.xid, self.buffer = [], 0, b""
        self.id, self.password, self.zxid = 0, b"", 0
        self.live, self.last = False, b""  # in a session; the last packet

    def note(self, text):
        self.lines.append(f"{self.name} {text}")

    def raw(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass  # the other side has ended it, which the next read tells

    def frame(self, body):
        self.raw(i(len(body)) + body)

    def packet(self):
        """The next whole packet; None at the end of the connection."""
        while len(self.buffer) < 4 or len(self.buffer) < 4 + struct.unpack("!i", self.buffer[:4])[0]:
            try:
                part = self.socket.recv(65536)
            except TimeoutError:
                raise
            except OSError:
                part = b""
            if not part:
                if self.buffer:
                    self.note(f"< torn {self.buffer.hex()}")
                    self.buffer = b""
                return None
            self.buffer += part
        size = struct.unpack("!i", self.buffer[:4])[0]
        packet, self.buffer = self.buffer[4:4 + size], self.buffer[4 + size:]
        return packet

    # -- handshake

    def connect_body(self, timeout=LONG_MS, session=0, password=bytes(16), zxid=0, read_only=False, version=0):
        body = i(version) + q(zxid) + i(timeout) + q(session) + s(password)
        return body if read_only is None else body + flag(read_only)

    def handshake(self, **what):
        """Sends it and notes the answer, or the end. True when there is a session."""
        shown = {**what, **({"session": self.names.session(what["session"])} if what.get("session") else {})}
        shown.pop("password", None)
        if "zxid" in shown:
            shown["zxid"] = self.names.zxid(shown["zxid"])
        self.note(f"> connect {shown}")
        self.frame(self.connect_body(**what))
        return self.welcome()

    def welcome(self):
        packet = self.packet()
        if packet is None:
            self.note("ended")
            return False
        text, self.id, self.password = welcome_text(packet, self.names)
        self.note("< " + text)
        self.live = self.id != 0
        return self.live

    # -- requests

    def request(self, number, body, xid):
        return i(xid) + i(number) + body

    def send(self, number, body=b"", xid=None, shown=None):
        """Queues nothing: sends now, and remembers what answer to expect."""
        if xid is None:
            self.xid += 1
            xid = self.xid
        self.pending.append((-2 if number == PING else xid, number))
        self.note(f"> #{xid} {NAMES.get(number, number)} {shown or ascii(body)[1:]}")
        self.frame(self.request(number, body, xid))

    def send_together(self, *requests):
        """In one segment, so that the server finds them all behind each other."""
        data = b""
        for number, body in requests:
            self.xid += 1
            self.pending.append((-2 if number == PING else self.xid, number))
            self.note(f"> #{self.xid} {NAMES.get(number, number)} {ascii(body)[1:]} (together)")
            frame = self.request(number, body, self.xid)
            data += i(len(frame)) + frame
        self.raw(data)

    def read(self):
        """Notes one packet; its xid, None at the end."""
        packet = self.packet()
        if packet is None:
            self.note("ended")
            self.pending.clear()
            self.live = False
            return None
        xid = struct.unpack("!i", packet[:4])[0] if len(packet) >= 4 else None
        asked = next((one for one in self.pending if one[0] == xid), None)
        if asked:
            self.pending.remove(asked)
            zxid = struct.unpack("!q", packet[4:12])[0]
            self.zxid = zxid if zxid > 0 else self.zxid
        self.last = packet
        self.note("< " + answer_text(packet, asked[1] if asked else None if xid == -1 else 0, self.names))
        return xid

    def drain(self):
        """Notes packets until nothing is owed."""
        while self.pending and self.read() is not None:
            pass

    def call(self, number, body=b"", xid=None, shown=None):
        self.drain()
        self.send(number, body, xid, shown)
        self.drain()
        return self.last

    def ping(self):
        """What came before its answer was on its way."""
        return self.call(PING, xid=-2)

    def ends(self):
        """Notes what comes until the end."""
        while True:
            try:
                if self.read() is None:
                    return
            except TimeoutError:
                return self.note("still open")

    def close(self):
        """Ends the session in an orderly way."""
        self.call(CLOSE_SESSION)
        self.ends()
        self.socket.close()

    def drop(self):
        """Without a word; its session lives on."""
        self.live = False
        self.socket.close()
