"""What every maker does at the end: leave a folder as fixtures/README.md describes it."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import zkreal


def flags(prealloc_kb=16, snap_count=None, **more):
    """JVM flags: small preallocation, snapCount, and zookeeper.* switches (underscores become dots)."""
    names = {"preAllocSize": prealloc_kb, **({"snapCount": snap_count} if snap_count else {})}
    names.update({name.replace("_", "."): value for name, value in more.items()})
    return [f"-Dzookeeper.{name}={str(value).lower() if isinstance(value, bool) else value}" for name, value in names.items()]


class Truth:
    """Collects what a client sees at points of a history; the last one becomes the main truth."""

    def __init__(self, zookeeper=False):
        self.points, self.zookeeper = [], zookeeper

    def note(self, client, server):
        """Call only while nobody writes: the tree and the zxid must belong together."""
        tree = zkreal.read_tree(client)
        if self.zookeeper:
            tree.update({p: v for p, v in zkreal.read_tree(client, "/zookeeper/quota").items()})
        zxid = server.srvr()["zxid"]
        self.points.append({"zxid": zxid, "tree": dict(sorted(tree.items()))})
        return zxid

    def write(self, folder):
        *earlier, last = self.points
        text = json.dumps({**last, "earlier": earlier} if earlier else last, ensure_ascii=False, separators=(",", ":"))
        (folder / "truth.json").write_text(text.replace('"/', '\n"/') + "\n")


def keep_data(data_dir, target):
    """The files of a data directory, byte for byte."""
    target.mkdir(parents=True, exist_ok=True)
    for name in ("version-2", "myid"):
        source = Path(data_dir) / name
        if source.exists():
            subprocess.run(["cp", "-r", "--sparse=always", str(source), str(target)], check=True)


def keep_config(server, target, **paths):
    """zoo.cfg with its directories made relative."""
    config = {**server.config, "dataDir": ".", **paths}
    (target / "zoo.cfg").write_text("".join(f"{k}={v}\n" for k, v in config.items()))


def keep(server, folder, truth, java_flags=()):
    """The usual folder of a standalone server."""
    folder.mkdir(parents=True)
    keep_data(server.config["dataDir"], folder)
    keep_config(server, folder)
    truth.write(folder)
    if java_flags:
        (folder / "java-flags").write_text("\n".join(java_flags) + "\n")


def numbers(directory, prefix):
    """zxids in the names of a data directory's files."""
    names = (re.fullmatch(prefix + r"\.([0-9a-f]+)", f.name) for f in (Path(directory) / "version-2").iterdir())
    return sorted(int(m[1], 16) for m in names if m)


def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)
