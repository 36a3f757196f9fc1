"""Where Apache ZooKeeper 3.8.0 is on this machine, and its own classes asked about files (oracle/)."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

JARS = Path("/usr/share/java")
# zookeeper.jar names the other jars it needs in its manifest.
SERVER_CLASSPATH = f"{JARS}/zookeeper.jar:{JARS}/slf4j-simple.jar"
SOURCES = sorted((Path(__file__).parent / "oracle").glob("*.java"))
FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
# Nobody types these for a real server of today, but without the first TTL nodes of the fixtures would be reaped.
USUAL_FLAGS = ["-Dzookeeper.extendedTypesEnabled=true", "-Dfile.encoding=UTF-8"]


def java_flags(directory):
    """The -D flags that a server needs to read this data directory, from java-flags in it or above it."""
    for place in (Path(directory), Path(directory).parent):
        if (place / "java-flags").is_file():
            return USUAL_FLAGS + (place / "java-flags").read_text().split()
    return list(USUAL_FLAGS)


def data_dirs(fixture):
    """[(name, data dir, log dir)] of a fixture folder: itself, its members, or data/ and log/."""
    fixture = Path(fixture)
    if (fixture / "data/version-2").is_dir():
        return [(fixture.name, fixture / "data", fixture / "log")]
    if (fixture / "version-2").is_dir():
        return [(fixture.name, fixture, fixture)]
    return [(f"{fixture.name}/{m.name}", m, m) for m in sorted(fixture.iterdir()) if (m / "version-2").is_dir()]


def fixtures():
    return [f for f in sorted(FIXTURES.iterdir()) if f.name.startswith("zk-") and data_dirs(f)]


def oracle_classes():
    """The compiled oracle; compiled once per change of its sources, kept in the temporary directory."""
    digest = hashlib.sha256(b"".join(s.read_bytes() for s in SOURCES)).hexdigest()[:16]
    target = Path(tempfile.gettempdir()) / f"zkark-oracle-{os.getuid()}-{digest}"
    if not target.is_dir():
        fresh = tempfile.mkdtemp(prefix="zkark-oracle-")
        subprocess.run(["javac", "-Xlint:all", "-Xlint:-path", "-Werror", "-cp", f"{JARS}/zookeeper.jar:{JARS}/zookeeper-jute.jar",
                        "-d", fresh, *map(str, SOURCES)], check=True)
        try:
            os.rename(fresh, target)
        except OSError:  # another run was first
            shutil.rmtree(fresh)
    return target


def oracle_command(flags):
    """Digests are always on: a folder written without them is judged by its tree, whose digest is printed all the same."""
    return ["java", "-Xshare:auto", "-XX:TieredStopAtLevel=1", *flags, "-Dzookeeper.digest.enabled=true", "-cp",
            f"{oracle_classes()}:{JARS}/zookeeper.jar:{JARS}/slf4j-nop.jar", "Oracle"]


def oracle(*args, flags=None):
    """Output of one oracle command as text."""
    command = oracle_command(USUAL_FLAGS if flags is None else flags) + [str(a) for a in args]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.decode()


def oracle_batch(jobs, flags):
    """Runs many oracle commands in one JVM. jobs: [(output file, command, argument...)]."""
    lines = "".join("\t".join(map(str, job)) + "\n" for job in jobs)
    subprocess.run(oracle_command(flags) + ["batch"], input=lines.encode(), check=True)
