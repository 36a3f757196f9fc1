"""Four-letter words at Apache ZooKeeper and at `zkark serve`: exact text, and the layout where values vary."""

import re
import socket
import time
import unittest

import wire
from both import BothTest
from wire import ADD_WATCH, CHILDREN, CREATE, DELETE, EXISTS, GET, SET, create, kind, set_data, versioned, watched

WORDS = "conf cons crst dirs dump envi gtmk hash isro mntr ruok srst srvr stat stmk wchc wchp wchs".split()
VERSION = re.compile(r"3\.8\.0-\S+, built on \d{4}-\d\d-\d\d \d\d:\d\d UTC")
DATE = r"[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d [A-Z]+ \d{4}"
# Values of mntr that follow from what the script did; of all others the form is compared.
COUNTED = set("""znode_count ephemerals_count watch_count num_alive_connections outstanding_requests global_sessions
    local_sessions approximate_data_size auth_failed_count connection_rejected connection_drop_count stale_requests
    throttled_ops large_requests_rejected digest_mismatches_count unrecoverable_error_count
    stale_sessions_expired sum_node_created_watch_count cnt_node_created_watch_count sum_node_deleted_watch_count
    sum_node_changed_watch_count sum_node_children_watch_count packets_received packets_sent connection_request_count
    watch_bytes cnt_updatelatency cnt_readlatency cnt_words_write_per_namespace sum_words_write_per_namespace
    cnt_words_read_per_namespace sum_words_read_per_namespace server_state cnt_dbinittime cnt_startup_snap_load_time
    cnt_startup_txns_loaded sum_startup_txns_loaded cnt_startup_txns_load_time""".split())


def raw(play, data, pieces=1, half_close=False):
    """All that is answered to these bytes."""
    with socket.create_connection(("127.0.0.1", play.server.port), wire.PATIENCE) as s:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(data), max(1, len(data) // pieces)):
            s.sendall(data[at:at + max(1, len(data) // pieces)])
        if half_close:
            s.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while part := s.recv(65536):
                answer += part
        except ConnectionError:
            pass
        return answer.decode()


def named(play, text):
    """With names for what differs: addresses, session ids, the version, places."""
    for conn in play.all:
        if conn.live:
            text = text.replace(f"/127.0.0.1:{conn.socket.getsockname()[1]}", f"/{conn.name}")
    text = re.sub(r"/127\.0\.0\.1:\d+", "/the-word", text)
    for number, name in play.names.sessions.items():
        text = re.sub(rf"0x{number:x}\b", name, text)
    text = VERSION.sub("VERSION", text)
    return re.sub(r"Latency min/avg/max: \d+/\d+\.\d+/\d+", "Latency min/avg/max: I/D/I", text)


def lines_of(text):
    """Lines with their ends, the last one perhaps without."""
    return [repr(line) for line in text.splitlines(keepends=True)]


def settle(play):
    """Waits until Apache has put away what it answered last; the words asked for that are not counted."""
    play.polls = getattr(play, "polls", 0)
    end = time.monotonic() + 30
    while time.monotonic() < end:
        found = named(play, raw(play, b"cons"))
        play.polls += 1
        if all(re.search(rf"^ /{conn.name}\[1\]\(queued=0,", found, re.M) for conn in play.all if conn.live):
            return
    raise TimeoutError(f"a connection does not come to rest:\n{found}")


def counted(play, text):
    """Packets without those of settle()."""
    return re.sub(r"^(Received: |Sent: |zk_packets_(?:received|sent)\t)(\d+)$",
                  lambda found: found[1] + str(int(found[2]) - play.polls), text, flags=re.M)


def ask(play, word, change=lambda text: text):
    settle(play)
    play.say(f"-- {word}")
    play.lines.extend(lines_of(change(counted(play, named(play, raw(play, word.encode()))))))
    if word == "srst":
        play.polls = 0


def reset(play):
    """The counters of packets begin at 0: what was answered before is counted, and counts no more."""
    settle(play)
    raw(play, b"srst")
    play.polls = 0


def sorted_lines(keep=lambda line: False):
    """The text with its lines in order: those with `keep` stay where they are, before the others."""
    def change(text):
        lines = text.splitlines(keepends=True)
        return "".join([line for line in lines if keep(line)] + sorted(line for line in lines if not keep(line)))
    return change


def connections_sorted(text):
    text = re.sub(r"est=\d+", "est=T", re.sub(r"lresp=\d+", "lresp=T", text))
    text = re.sub(r"(llat|minlat|avglat|maxlat)=\d+", r"\1=I", text)
    # Of the connection that asks, nobody knows yet whether it wants to write.
    text = re.sub(r" /the-word\[\d\]", " /the-word[N]", text)
    lines = text.splitlines(keepends=True)
    clients = sorted(line for line in lines if line.startswith(" /"))
    at = next((n for n, line in enumerate(lines) if line.startswith(" /")), len(lines))
    rest = [line for line in lines if not line.startswith(" /")]
    return "".join(rest[:at] + clients + rest[at:])


def blocks_sorted(text):
    """Heads, each with lines of a TAB behind it; heads and lines are sets."""
    blocks = re.findall(r"^\S.*\n(?:\t.*\n)*", text, re.M)
    rest = re.sub(r"^\S.*\n(?:\t.*\n)*", "", text, flags=re.M)
    return "".join(sorted(block.split("\n", 1)[0] + "\n" + "".join(sorted(block.splitlines(keepends=True)[1:]))
                          for block in blocks)) + rest


def dump(text):
    """Times decide what ends together: of the sets only their form and all they hold."""
    head, sessions, ephemerals, ends = re.fullmatch(
        r"(SessionTracker dump:\n)(Session Sets.*)(ephemeral nodes dump:\n.*)(Connections dump:\n.*)", text, re.S).groups()
    sets = re.compile(rf"^(\d+) expire at {DATE}:\n((?:\t.*\n)*)", re.M)

    def flat(part):
        for count, held in sets.findall(part):
            assert int(count) == len(held.splitlines()), part
        held = sorted("".join(held for _, held in sets.findall(part)).splitlines(keepends=True))
        assert len(sets.findall(part)) == int(re.search(r"Sets \((\d+)\)/", part).group(1)), part
        return re.sub(r"Sets \(\d+\)/", "Sets (N)/", sets.sub("", part)) + "".join(held)
    first, rest = ephemerals.split("\n", 1)
    return head + flat(sessions) + first + "\n" + blocks_sorted(rest) + flat(ends)


def environment(text):
    keys = "host.name user.dir zookeeper.version java.version java.vendor java.home java.class.path java.library.path java.compiler".split()
    text = re.sub(rf"^({'|'.join(map(re.escape, keys))})=.*$", r"\1=VALUE", text, flags=re.M)
    return re.sub(r"^(os\.memory\.\w+)=\d+MB$", r"\1=NMB", text, flags=re.M)


def metrics(text):
    """First lines as they stand; then one line per key, its value if it is known, otherwise its form."""
    def form(line):
        key, tab, value = line.partition("\t")
        if key.removeprefix("zk_") in COUNTED or key == "zk_version":
            return line
        shape = "I" if re.fullmatch(r"-?\d+\n", value) else "D" if re.fullmatch(r"-?\d+\.\d+(E-?\d+)?\n", value) else value
        return f"{key}{tab}{shape.rstrip()}\n"
    lines = [form(line) for line in text.splitlines(keepends=True)]
    return "".join(lines[:2] + sorted(lines[2:]))


def configuration(play):
    def change(text):
        for name in ("dataDir", "dataLogDir"):
            text = re.sub(rf"^{name}=.*/(version-2)$", rf"{name}=DIR/\1", text, flags=re.M)
        text = text.replace(f"clientPort={play.server.port}\n", "clientPort=PORT\n")
        return re.sub(r"^(data\w*Size)=\d+$", r"\1=N", text, flags=re.M)
    return change


def populated(play):
    """Two clients, ephemerals, watches of all kinds, some requests of every kind."""
    one, two = play.client("one", timeout=90_000), play.client("two", timeout=80_000)
    one.call(CREATE, create("/words"))
    for client, path in ((one, "/words/e1"), (one, "/words/e2"), (two, "/words/e3")):
        client.call(CREATE, create(path, b"x", 1))
    one.call(CREATE, create("/words/gone"))
    one.call(GET, watched("/words", True))
    one.call(EXISTS, watched("/words/none", True))
    two.call(CHILDREN, watched("/words", True))
    two.call(ADD_WATCH, kind("/words", 0))
    two.call(ADD_WATCH, kind("/words/r", 1))
    two.call(GET, watched("/words/e1", True))
    return one, two


class Words(BothTest):
    def test_words_that_count(self):
        def script(play):
            one, two = populated(play)
            for word in ("ruok", "isro", "gtmk", "crst", "srst"):
                ask(play, word)
            ask(play, "srvr")
            ask(play, "stat", connections_sorted)
            ask(play, "cons", connections_sorted)
            for number, body in ((SET, set_data("/words", b"1")), (SET, set_data("/words", b"2", 7)), (GET, watched("/none")),
                                 (DELETE, versioned("/words/gone"))):
                one.call(number, body)
            two.ping()
            ask(play, "srvr")
            ask(play, "stat", connections_sorted)
            ask(play, "cons", connections_sorted)
            for word in ("crst", "cons", "srst", "srvr"):
                ask(play, word, connections_sorted)
            two.close()  # which ends first decides who is told what
        self.play(script)

    def test_last_operations_have_names(self):
        def script(play):
            one = play.client("one")
            one.call(CREATE, create("/words"))
            for number, body in ((CREATE, create("/lop")), (wire.CREATE2, create("/lop2")),
                                 (wire.CREATE_CONTAINER, create("/lop3", flags=4)), (wire.CREATE_TTL, create("/lop4", flags=5, ttl=10**7)),
                                 (SET, set_data("/lop")), (wire.SET_ACL, wire.set_acl("/lop", wire.OPEN)), (DELETE, versioned("/lop")),
                                 (DELETE, versioned("/lop")), (wire.MULTI, wire.multi()), (wire.MULTI_READ, wire.multi()),
                                 (GET, watched("/")), (GET, watched("/none")), (EXISTS, watched("/")), (CHILDREN, watched("/")),
                                 (wire.CHILDREN2, watched("/")), (wire.GET_ACL, wire.s("/")), (wire.SYNC, wire.s("/")),
                                 (wire.COUNT, wire.s("/")), (wire.EPHEMERALS, wire.s("/")), (wire.WHO_AM_I, b""),
                                 (ADD_WATCH, kind("/", 0)), (wire.CHECK_WATCHES, kind("/", 3)), (wire.REMOVE_WATCHES, kind("/", 3)),
                                 (wire.SET_WATCHES, wire.set_watches(0, [], [], [])), (wire.SASL, wire.s(b"")),
                                 (wire.SET_WATCHES2, wire.set_watches(0, [], [], [], [], [])), (wire.AUTH, wire.auth("digest", "a:b")),
                                 (wire.RECONFIG, wire.s(None) * 3 + wire.q(-1)), (GET, b"")):
                one.call(number, body)
                ask(play, "cons", connections_sorted)
            one.ping()
            ask(play, "cons", connections_sorted)
        self.play(script)

    def test_dumps_and_watches(self):
        def script(play):
            one, two = populated(play)
            ask(play, "dump", dump)
            ask(play, "wchs")
            for word in ("wchc", "wchp"):
                ask(play, word, blocks_sorted)
            ask(play, "hash")
            two.close()
        self.play(script)

    def test_what_is_known_of_the_server(self):
        def script(play):
            ask(play, "conf", configuration(play))
            ask(play, "envi", environment)
            ask(play, "dirs", lambda text: re.sub(r"_size: \d+\n", "_size: N\n", text))
        self.play(script)

    def test_metrics(self):
        def script(play):
            reset(play)
            one, two = populated(play)
            one.call(SET, set_data("/words", b"1"))
            one.call(GET, watched("/words"))
            two.ping()
            ask(play, "mntr", metrics)
            two.close()
        self.play(script)

    def test_forms_in_which_a_word_may_come(self):
        def script(play):
            reset(play)
            for word in ("ruok", "srvr", "wchs", "isro"):
                play.say(f"half-closed {word}: {named(play, raw(play, word.encode(), half_close=True))!r}")
            for data, pieces in ((b"ruok", 4), (b"ruok", 2), (b"ruok\n", 1), (b"ruok\r\n", 1), (b"ruok and more", 1), (b"ruokruok", 1),
                                 (b"isro", 4), (b"ruo", 1), (b"ru", 1), (b"RUOK", 1), (b"kill", 1), (b"reqs", 1), (b"lsnp", 1),
                                 (b"\xff\xf4\xff\xfd", 1)):
                half = len(data) < 4
                play.say(f"{data} {pieces} {half} {raw(play, data, pieces, half)!r}")
            for mask in (306, 0, -1, 2**63 - 1, 2):
                play.say(f"stmk {mask}: {raw(play, b'stmk' + wire.q(mask))!r} {raw(play, b'gtmk')!r}")
            raw(play, b"stmk" + wire.q(306))
        self.play(script)


class FewWords(BothTest):
    config = {"4lw.commands.whitelist": " srvr , isro,nonsense"}

    def test_the_others_are_not_executed(self):
        def script(play):
            for word in WORDS:
                if word != "srvr":
                    play.say(repr(raw(play, word.encode())))
            play.say(repr(raw(play, b"\xff\xf4\xff\xfd")))
            play.say(repr(raw(play, b"stmk" + wire.q(5))))
            play.say(repr(raw(play, b"RUOK")))
        self.play(script)


if __name__ == "__main__":
    unittest.main()
