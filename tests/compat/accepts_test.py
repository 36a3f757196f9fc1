"""Limits::java_3_8() accepts and refuses exactly what Apache ZooKeeper 3.8.0's own classes do, on damaged files.

A bundle is a file of cases, each: u16 length and kind ("log.1", "snapshot.1[.gz|.snappy]", "properties", "epoch",
"name"), u32 length and bytes. ZKARK_ACCEPTS (accepts.cc) and oracle/Accepts.java give one line a case.
ZKARK_CASES in the environment sets how many random cases of each kind there are (default 3000), ZKARK_SEED the seed.
"""

import gzip
import os
import random
import struct
import subprocess
import tempfile
import unittest
import zlib
from pathlib import Path

import apache

CASES = int(os.environ.get("ZKARK_CASES", "3000"))
SEED = int(os.environ.get("ZKARK_SEED", "1"))
LENGTHS = [0, 1, 2, 0x7FFFFFFF, 0xFFFFFFFF, 0xFFFFFFFE, 0x80000000, 0x1FFFFE, 0x1FFFFF, 0x00100000]


def adler(data):
    return zlib.adler32(data) & 0xFFFFFFFF


def verdicts(cases):
    """(Apache's lines, zkark's lines) for [(kind, bytes)]."""
    with tempfile.TemporaryDirectory() as scratch:
        bundle, ours, theirs = (Path(scratch) / n for n in ("bundle", "ours", "theirs"))
        with bundle.open("wb") as out:
            for kind, content in cases:
                out.write(struct.pack(">H", len(kind)) + kind.encode() + struct.pack(">I", len(content)) + content)
        # Default flags: no extended types, digests on.
        command = apache.oracle_command([])[:-1] + ["Accepts", str(bundle), str(theirs)]
        subprocess.run(command, check=True)
        subprocess.run([os.environ["ZKARK_ACCEPTS"], str(bundle), str(ours)], check=True)
        return theirs.read_text().splitlines(), ours.read_text().splitlines()


def flipped(rng, data):
    damaged = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        bit = rng.randrange(len(damaged) * 8)
        damaged[bit // 8] ^= 1 << bit % 8
    return bytes(damaged)


def mutated(rng, data):
    """One random damage: bits, a cut, a lying length, bytes lost, added, repeated."""
    choice = rng.randrange(8)
    if choice < 3 or len(data) < 8:
        return flipped(rng, data) if data else b"x"
    at = rng.randrange(len(data) - 4)
    if choice == 3:
        return data[:at]
    if choice == 4:
        return data[:at] + struct.pack(">I", rng.choice(LENGTHS)) + data[at + 4:]
    if choice == 5:
        return data[:at] + data[at + rng.randrange(1, 20):]
    if choice == 6:
        return data[:at] + bytes(rng.choice([0, 1, 0x42, 0xFF]) for _ in range(rng.randrange(1, 20))) + data[at:]
    other = rng.randrange(len(data))
    return data[:at] + data[other:other + 40] + data[at:]


def records(log):
    """[payload] of a log's records."""
    at, found = 16, []
    while at + 12 <= len(log):
        size = struct.unpack_from(">i", log, at + 8)[0]
        if size <= 0:
            break
        found.append(log[at + 12:at + 12 + size])
        at += 13 + size
    return found


def framed(payload):
    return struct.pack(">QI", adler(payload), len(payload)) + payload + b"B"


def used(log):
    return log[:16] + b"".join(framed(p) for p in records(log))


def resealed(plain, tail):
    """A snapshot's plain stream with every seal made anew; tail is 0, 21, 33 or 54."""
    body = plain[:len(plain) - tail - 13]
    sections = plain[len(plain) - tail:]
    out = body + struct.pack(">Q", adler(body)) + b"\0\0\0\1/"
    for size in {0: [], 21: [8], 33: [20], 54: [20, 8]}[tail]:
        out += sections[:size]
        out += struct.pack(">Q", adler(out)) + b"\0\0\0\1/"
        sections = sections[size + 13:]
    return out


def xerial(plain, block=32768):
    """Blocks of literals only: what no Java writes, but Java reads."""
    out = b"\x82SNAPPY\0" + struct.pack(">II", 1, 1)
    for at in range(0, len(plain), block):
        piece, length = plain[at:at + block], b""
        n = len(piece)
        while n > 127:
            length, n = length + bytes([n & 127 | 128]), n >> 7
        raw = length + bytes([n]) + bytes([61 << 2]) + struct.pack("<H", len(piece) - 1) + piece
        out += struct.pack(">I", len(raw)) + raw
    return out


def fixture_bytes(pattern, most):
    """Different small files of the fixtures, by name."""
    found = {}
    for path in sorted(apache.FIXTURES.glob(f"zk-*/**/version-2/{pattern}")):
        content = path.read_bytes()
        content = used(content) if path.name.startswith("log.") else content
        if len(content) <= most:
            found[str(path.relative_to(apache.FIXTURES))] = content
    return found


@unittest.skipUnless("ZKARK_ACCEPTS" in os.environ, "ZKARK_ACCEPTS does not name the program")
class Differential(unittest.TestCase):
    def setUp(self):
        self.rng = random.Random(SEED)

    def agree(self, what, cases):
        theirs, ours = verdicts([(kind, content) for kind, content, _ in cases])
        self.assertEqual(len(theirs), len(cases))
        self.assertEqual(len(ours), len(cases))
        different = [(cases[i], theirs[i], ours[i]) for i in range(len(cases)) if theirs[i] != ours[i]]
        accepted = sum(1 for line in theirs if line != "refused")
        print(f"{what}: {len(cases) - len(different)} of {len(cases)} verdicts equal, {accepted} of them accepted", flush=True)
        for (kind, content, origin), apache_says, zkark_says in different[:5]:
            print(f"  {origin} as {kind}: Apache {apache_says!r}, zkark {zkark_says!r}\n  {content.hex()[:3000]}", flush=True)
        self.assertEqual(different, [])

    def test_logs_with_every_prefix_and_random_damage(self):
        logs = fixture_bytes("log.*", 3000)
        smallest = min(logs.values(), key=len)
        cases = [("log.1", smallest[:cut] + zeros, f"cut {cut}") for cut in range(len(smallest) + 1) for zeros in (b"", bytes(50))]
        for _ in range(CASES):
            origin = self.rng.choice(sorted(logs))
            cases.append(("log.1", mutated(self.rng, logs[origin]) + bytes(self.rng.choice([0, 30])), origin))
        self.agree("damaged logs", cases)

    def test_records_that_were_changed_and_sealed_again(self):
        samples = {}
        for origin, log in fixture_bytes("log.*", 20000).items():
            for payload in records(log):
                if len(payload) < 500:
                    samples.setdefault((payload[28:32], len(payload) // 16), (origin, payload))
        chosen = [samples[key] for key in sorted(samples)]
        cases = []
        for _ in range(2 * CASES):
            origin, payload = self.rng.choice(chosen)
            parts = [self.rng.choice(chosen)[1], mutated(self.rng, payload), self.rng.choice(chosen)[1]]
            cases.append(("log.1", b"ZKLG\0\0\0\2" + bytes(8) + b"".join(map(framed, parts)), origin))
        for origin, payload in chosen:  # every type without its digest, as its older form, cut anywhere
            for cut in range(len(payload)):
                cases.append(("log.1", b"ZKLG\0\0\0\2" + bytes(8) + framed(payload[:cut]), f"{origin} cut {cut}"))
        self.agree("sealed records", cases)

    def snapshots(self):
        """{origin: (plain bytes, length of the tail)}"""
        found = {}
        for origin, content in fixture_bytes("snapshot.*", 3000).items():
            if origin.endswith((".gz", ".snappy")):
                continue
            release = origin.split("-")[1]
            off = "digest-off" in origin
            tail = 0 if release in ("3.4", "3.5") else (0 if off else 33) if release in ("3.6", "3.8.0") else 21 if off else 54
            self.assertEqual(resealed(content, tail), content, origin)
            found[origin] = (content, tail)
        return found

    def test_plain_snapshots(self):
        snapshots = self.snapshots()
        smallest = min((s for s, _ in snapshots.values()), key=len)
        cases = [("snapshot.1", smallest[:cut], f"cut {cut}") for cut in range(len(smallest))]
        cases += [("snapshot.1", content, origin) for origin, (content, _) in snapshots.items()]
        for _ in range(CASES):
            origin = self.rng.choice(sorted(snapshots))
            cases.append(("snapshot.1", mutated(self.rng, snapshots[origin][0]), origin))
        self.agree("damaged snapshots", cases)

    def test_snapshots_that_were_changed_and_sealed_again(self):
        snapshots, cases = self.snapshots(), []
        for _ in range(CASES):
            origin = self.rng.choice(sorted(snapshots))
            content, tail = snapshots[origin]
            cases.append(("snapshot.1", resealed(mutated(self.rng, content), tail), origin))
        self.agree("sealed snapshots", cases)

    def test_compressed_snapshots(self):
        cases = []
        for suffix in ("gz", "snappy"):
            files = fixture_bytes(f"snapshot.*.{suffix}", 1200)
            smallest = min(files.values(), key=len)
            cases += [(f"snapshot.1.{suffix}", smallest[:cut], f"cut {cut}") for cut in range(len(smallest) + 1)]
            cases += [(f"snapshot.1.{suffix}", smallest + more, "longer") for more in (b"\0", b"x" * 40, smallest, b"\x1f\x8b\x08")]
            for _ in range(CASES):
                origin = self.rng.choice(sorted(files))
                cases.append((f"snapshot.1.{suffix}", mutated(self.rng, files[origin]), origin))
        self.agree("damaged compressed snapshots", cases)

    def test_compressed_streams_that_hold_something_else(self):
        snapshots, cases = self.snapshots(), []
        for _ in range(CASES // 2):
            origin = self.rng.choice(sorted(snapshots))
            content, tail = snapshots[origin]
            content = self.rng.choice([content, mutated(self.rng, content), resealed(mutated(self.rng, content), tail), content + b"more"])
            packed = gzip.compress(content, self.rng.choice([0, 1, 9]), mtime=0)
            cases.append(("snapshot.1.gz", self.rng.choice([packed, packed[:-self.rng.randrange(1, 30)], flipped(self.rng, packed)]), origin))
            packed = xerial(content, self.rng.choice([100, 32768]))
            cases.append(("snapshot.1.snappy", self.rng.choice([packed, packed[:-self.rng.randrange(1, 30)], packed + packed[:16]]), origin))
        self.agree("compressed anew", cases)

    def test_properties_epochs_and_names(self):
        seeds = [p.read_bytes() for p in sorted(apache.FIXTURES.glob("zk-*/**/zoo.cfg*"))][:8]
        pieces = [b"dataDir", b"a", b"=", b":", b" ", b"\t", b"\f", b"\n", b"\r", b"\r\n", b"\\", b"\\\n", b"\\\r\n", b"#", b"!",
                  b"\\u0041", b"\\u12", b"\\ud83d\\ude00", b"\\udc00", b"\xe4", b"\xc3\xa4", b"\0", b"\\t", b"\\=", b"server.1", b"x y"]
        cases = [("properties", s, "seed") for s in seeds]
        for _ in range(2 * CASES):
            cases.append(("properties", b"".join(self.rng.choices(pieces, k=self.rng.randrange(1, 25))), "pieces"))
        for _ in range(CASES // 2):
            cases.append(("properties", mutated(self.rng, self.rng.choice(seeds)), "mutated"))
        for _ in range(CASES):
            cases.append(("epoch", bytes(self.rng.choices(b"0123456789+- \n\r\tx", k=self.rng.randrange(0, 6))), "epoch"))
            cases.append(("epoch", str(self.rng.randrange(-2**64, 2**64)).encode(), "epoch"))
            words = [b"log", b"snapshot", b".", b".", b"1", b"a", b"F", b"-", b"+", b"0x", b"gz", b"GZ", b"snappy", b"tmp", b"7fffffffffffffff", b"8", b" "]
            cases.append(("name", b"".join([self.rng.choice(words[:2]), b"."] + self.rng.choices(words, k=self.rng.randrange(0, 5))), "name"))
        self.agree("properties, epochs, names", cases)


if __name__ == "__main__":
    unittest.main()
