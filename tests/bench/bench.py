#!/usr/bin/python3
"""Measures zkark beside its peers, in one run on one machine, and prints the ratios.

Both sides run in turn, so that a noisy machine is noisy for both; of each figure the median of several runs counts.
Files are in the page cache for both. Called by scripts/bench.sh.
"""

import argparse
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "compat"))
import apache  # noqa: E402
import serve_bench  # noqa: E402
import zkreal  # noqa: E402

JAVA_HEAP = "-Xmx2g"


class Run:
    def __init__(self, wall, memory_mb, code):
        self.wall, self.memory_mb, self.code = wall, memory_mb, code


def run(command, output=None, environment=None, codes=(0,)):
    """Runs one command to its end; its wall time and largest resident memory."""
    with open(output or os.devnull, "wb") as out:
        begin = time.monotonic()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE,
                                 env={**os.environ, **(environment or {})})
        errors = child.stderr.read()
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - begin
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in codes:
        sys.exit(f"bench: {' '.join(map(str, command))}: exit {child.returncode}\n{errors.decode(errors='replace')}")
    return Run(wall, usage.ru_maxrss / 1024, child.returncode)


def median(runs, key=lambda r: r.wall):
    return sorted(key(r) for r in runs)[len(runs) // 2]


def alternate(rounds, *sides):
    """Each side once a round: a list of runs per side."""
    results = [[] for _ in sides]
    for _ in range(rounds):
        for result, side in zip(results, sides):
            result.append(side())
    return results


def record_ends(log):
    """Offsets behind each record of a log: to cut a history at a record. Small in memory, which children inherit."""
    ends = []
    at = 16
    with open(log, "rb") as file:
        while True:
            file.seek(at)
            head = file.read(12)
            length = struct.unpack_from(">i", head, 8)[0] if len(head) == 12 else 0
            if length <= 0:
                return ends
            at += 12 + length + 1
            ends.append(at)


def cut_last_records(log, count):
    """Takes the last records away, as if they were not written yet: zeros again, the size as before."""
    ends = record_ends(log)
    with open(log, "r+b") as file:
        size = file.seek(0, 2)
        file.truncate(ends[-count - 1])
        file.truncate(size)


def bytes_read(trace, directory):
    """What the traced calls read of the files below a directory. Mapped files would escape the count: none may be."""
    total = calls = 0
    for file in trace.parent.glob(trace.name + ".*"):  # one a thread: no call is cut in two
        for line in file.read_text(errors="replace").splitlines():
            call = re.match(r"(\w+)\(.*?<(/[^>]*)>.* = (0x[0-9a-f]+|\d+)$", line)
            if not call or not call[2].startswith(f"{directory}/"):
                continue
            if call[1] == "mmap":
                sys.exit(f"bench: {call[2]} is mapped; its reads cannot be counted")
            total += int(call[3])
            calls += 1
        file.unlink()
    if calls == 0:
        sys.exit("bench: strace saw no read of the source")
    return total


def copy_dir(source, target):
    subprocess.run(["cp", "-r", "--sparse=always", str(source), str(target)], check=True)
    return target


def stored_bytes(directory):
    return sum(p.stat().st_size for p in Path(directory).rglob("*") if p.is_file())


class Bench:
    def __init__(self, arguments):
        self.zkark = arguments.zkark
        self.work = Path(arguments.work).resolve()  # the servers have working directories of their own
        self.rounds = arguments.rounds
        self.rows = []
        self.corpus = self.work / "corpus"

    def row(self, what, ours, theirs, ratio, at_least, aim):
        self.rows.append((what, ours, theirs, ratio, at_least, aim))
        print(f"  {what}: {ours}; {theirs}; {ratio} (at least {at_least}, aim {aim})", flush=True)

    def make_corpus(self, make, arguments):
        made = self.work / "corpus.json"
        if not made.is_file():
            shutil.rmtree(self.corpus, ignore_errors=True)
            text = subprocess.run([make, "--out", self.corpus, *arguments], check=True, capture_output=True, text=True).stdout
            made.write_text(json.dumps({"text": text.strip()}))
        self.about = json.loads(made.read_text())["text"]
        self.payload_mb = int(self.about.split("payload ")[1].split()[0]) / 2**20
        print(f"corpus: {self.about}", flush=True)

    def log(self):
        log = sorted((self.corpus / "version-2").glob("log.*"), key=lambda p: int(p.name[4:], 16))[1]
        java = ["java", JAVA_HEAP, "-cp", apache.SERVER_CLASSPATH,
                "org.apache.zookeeper.server.persistence.TxnLogToolkit", "-d", log]
        # What is printed is thrown away on both sides: the disk would be measured.
        ours, theirs = alternate(self.rounds, lambda: run([self.zkark, "log", log, "-o", "ndjson"]), lambda: run(java))
        self.row("one log as NDJSON, output discarded, wall", f"{median(ours):.3f} s", f"TxnLogToolkit -d {median(theirs):.2f} s",
                 f"{median(theirs) / median(ours):.1f}x", "15x", "40x")
        memory = median([run([self.zkark, "log", self.corpus, "-o", "ndjson"])], lambda r: r.memory_mb)
        self.row("memory of log over all logs", f"{memory:.0f} MB", f"TxnLogToolkit {median(theirs, lambda r: r.memory_mb):.0f} MB for one",
                 "-", "64 MB", "32 MB")

    def boot(self):
        def java_boot():
            before = set(self.corpus.rglob("*"))
            with zkreal.Lab() as lab:
                server = lab.standalone(self.corpus, flags=[JAVA_HEAP], start=False)
                begin = time.monotonic()
                server.start()
                wall = time.monotonic() - begin
                status = Path(f"/proc/{server.process.pid}/status").read_text()
                memory = int(status.split("VmHWM:")[1].split()[0]) / 1024
                server.kill()
            # A started server leaves a snapshot of what it loaded: both sides begin with the same files again.
            for made in set(self.corpus.rglob("*")) - before:
                made.unlink()
            return Run(wall, memory, 0)

        ours, theirs = alternate(self.rounds, lambda: run([self.zkark, "verify", self.corpus, "--replay"]), java_boot)
        self.row("verify --replay to a ready tree / boot to serving, wall", f"{median(ours):.3f} s",
                 f"Apache {median(theirs):.2f} s", f"{median(theirs) / median(ours):.1f}x", "8x", "20x")
        memory = median(ours, lambda r: r.memory_mb)
        self.row("memory with the tree loaded / payload", f"{memory:.0f} MB of {self.payload_mb:.0f} MB payload",
                 f"Apache {median(theirs, lambda r: r.memory_mb):.0f} MB with {JAVA_HEAP}", f"{memory / self.payload_mb:.2f}x", "1.8x", "1.4x")

    def backup(self):
        repo, restic = self.work / "repo", self.work / "restic"
        password = {"RESTIC_PASSWORD": "bench", "RESTIC_CACHE_DIR": str(self.work / "restic-cache")}

        def ours():
            shutil.rmtree(repo, ignore_errors=True)
            run([self.zkark, "init", "-r", repo, "--encryption", "none"])
            return run([self.zkark, "backup", self.corpus, "-r", repo])

        def theirs():
            shutil.rmtree(restic, ignore_errors=True)
            run(["restic", "init", "-r", restic], environment=password)
            return run(["restic", "backup", "-r", restic, self.corpus], environment=password)

        mine, other = alternate(self.rounds, ours, theirs)
        self.row("first full backup, proof included, wall", f"{median(mine):.2f} s", f"restic {median(other):.2f} s",
                 f"{median(other) / median(mine):.2f}x", "1.5x", "3x")
        self.row("stored", f"{stored_bytes(repo) / 1e6:.0f} MB", f"restic {stored_bytes(restic) / 1e6:.0f} MB",
                 f"{stored_bytes(repo) / stored_bytes(restic):.2f}", "1.00", "-")
        shutil.rmtree(repo)
        run([self.zkark, "init", "-r", repo, "--encryption", "none"])
        plain = run([self.zkark, "backup", self.corpus, "-r", repo, "--no-prove"])
        self.row("first full backup without the proof", f"{plain.wall:.2f} s", f"restic {median(other):.2f} s",
                 f"{median(other) / plain.wall:.2f}x", "-", "-")
        self.row("memory of backup without the proof", f"{plain.memory_mb:.0f} MB",
                 f"restic {median(other, lambda r: r.memory_mb):.0f} MB", "-", "64 MB", "32 MB")

    def increment(self):
        whole, early, repo = self.corpus, self.work / "early", self.work / "repo"
        newest = max((whole / "version-2").glob("log.*"), key=lambda p: int(p.name[4:], 16)).name
        runs, idle = [], []

        def prepare():
            shutil.rmtree(repo, ignore_errors=True)
            shutil.rmtree(early, ignore_errors=True)
            copy_dir(whole, early)
            cut_last_records(early / "version-2" / newest, 1000)
            run([self.zkark, "init", "-r", repo, "--encryption", "none"])
            run([self.zkark, "backup", early, "-r", repo, "--no-prove"])
            shutil.copy(whole / "version-2" / newest, early / "version-2" / newest)

        for _ in range(self.rounds):
            prepare()
            runs.append(run([self.zkark, "backup", early, "-r", repo]))
            idle.append(run([self.zkark, "backup", early, "-r", repo]))
        prepare()
        trace = self.work / "trace"
        run(["strace", "-ff", "-y", "-o", trace, "-e", "trace=read,pread64,readv,preadv,preadv2,mmap", self.zkark,
             "backup", early, "-r", repo])
        ends = record_ends(whole / "version-2" / newest)
        beyond = bytes_read(trace, early) - (ends[-1] - ends[-1001])
        self.row("increment after 1,000 new txns, source bytes read beyond them", f"{beyond / 1e6:.2f} MB", "-", "-", "1 MB",
                 "one read")
        self.row("increment after 1,000 new txns, wall", f"{median(runs) * 1000:.0f} ms", "-", "-", "100 ms", "30 ms")
        self.row("backup with nothing new, wall", f"{median(idle) * 1000:.0f} ms", "-", "-", "-", "-")
        shutil.rmtree(early)

    def forensics(self):
        """Answers over all logs; the one that is asked about is written in the middle of the history."""
        logs = sorted((self.corpus / "version-2").glob("log.*"), key=lambda p: int(p.name[4:], 16))
        txns = int(self.about.split()[0])
        middle = logs[len(logs) // 2].name[4:]
        found = subprocess.run([self.zkark, "log", self.corpus, "--zxid", f"0x{middle}..", "--type", "create", "-o", "ndjson",
                                "--limit", "1"], check=True, capture_output=True, text=True).stdout
        path = json.loads(found.splitlines()[0])["path"]
        toolkit = ["java", JAVA_HEAP, "-cp", apache.SERVER_CLASSPATH,
                   "org.apache.zookeeper.server.persistence.TxnLogToolkit", "-d", logs[1]]
        one_log = len(record_ends(logs[1]))
        filtered, dumped = alternate(self.rounds, lambda: run([self.zkark, "log", self.corpus, "--path", path]), lambda: run(toolkit))
        ours, theirs = txns / median(filtered), one_log / median(dumped)
        self.row("log --path over everything", f"{ours / 1e6:.2f} M txns/s", f"TxnLogToolkit {theirs / 1e6:.2f} M txns/s, no filter",
                 f"{ours / theirs:.0f}x", "1.5 M txns/s", "-")

        def answer(what, at_least, *command, codes=(0,), rounds=self.rounds):
            runs = [run([self.zkark, *command], codes=codes) for _ in range(rounds)]
            self.row(what, f"{median(runs):.2f} s", "no peer", "-", at_least, "-")
            return runs[0]

        answer("history of one path", "1.5 s", "history", self.corpus, path)
        answer("blame of one path", "1.5 s", "blame", self.corpus, path)
        answer("diff of two points", "2 s", "diff", self.corpus, "--from", f"zxid:0x{logs[-1].name[4:]}", codes=(4,))
        members = [self.work / f"member{i}" for i in (1, 2, 3)]
        for member in members:  # hard links: three times the files, once the disk
            shutil.rmtree(member, ignore_errors=True)
            subprocess.run(["cp", "-rl", self.corpus, member], check=True)
        answer("compare of three members", "4 s", "compare", *members)
        for member in members:
            shutil.rmtree(member)
        for what, command in (("grep --history", ["grep", "no-such-text-anywhere", self.corpus, "--history"]),
                              ("inspect --no-replay", ["inspect", self.corpus, "--no-replay"])):
            runs = [run([self.zkark, *command], codes=(0, 5))]
            self.row(f"memory of {what}", f"{median(runs, lambda r: r.memory_mb):.0f} MB", "no peer", "-", "64 MB", "-")
            self.row(f"{what} over everything", f"{median(runs):.2f} s", "no peer", "-", "-", "-")

    def serve(self):
        serve_bench.ServeBench(self).run()

    def report(self, file):
        lines = [f"## {date.today()}", "", f"Corpus: {self.about}.",
                 f"{os.cpu_count()} cores, median of {self.rounds} runs, both sides in turn, files in the page cache.", "",
                 "| | zkark | peer | ratio | at least | aim |", "|---|---|---|---|---|---|"]
        lines += ["| " + " | ".join(row) + " |" for row in self.rows]
        print("\n".join(lines))
        if file:
            path = Path(file)
            head, _, older = path.read_text().partition("\n## ")
            path.write_text(head.rstrip() + "\n\n" + "\n".join(lines) + "\n" + (f"\n## {older}" if older else ""))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--zkark", required=True)
    parser.add_argument("--make-corpus", required=True)
    parser.add_argument("--work", required=True, help="kept between runs: the corpus is made once")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="log,boot,backup,increment,forensics,serve")
    parser.add_argument("--small", action="store_true", help="a corpus of a hundredth: does everything run?")
    parser.add_argument("--write", help="docs/performance.md, to put the table into")
    arguments = parser.parse_args()
    os.makedirs(arguments.work, exist_ok=True)
    os.environ["ZKARK"] = str(Path(arguments.zkark).resolve())
    bench = Bench(arguments)
    size = ["--znodes", "10000", "--txns", "20000", "--log-txns", "3500"] if arguments.small else []
    bench.make_corpus(arguments.make_corpus, size)
    for part in arguments.only.split(","):
        getattr(bench, part)()
    bench.report(arguments.write)


if __name__ == "__main__":
    main()
