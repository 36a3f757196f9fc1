"""Tarballs as the backup scripts of operators make them: copy what lies in version-2, tar it."""

import json
import shutil
import subprocess
import time

from zkreal import AMY

from .recorder import Truth, flags, numbers


class Script:
    """The hand-written script: `cp` into a folder named after the moment, then `tar`."""

    def __init__(self, lab, server, folder):
        self.lab, self.server, self.folder, self.listing, self.moment = lab, server, folder, {}, 0

    def take(self, name, zxid, files, below="", config=True, cut=None, compress="z"):
        self.moment += 1
        stage = self.lab.new_dir("stage")
        top = stage / time.strftime(f"%Y%m%d-%H%M%S.{self.moment}", time.gmtime())
        (top / below).mkdir(parents=True)
        for file in files:
            shutil.copy2(file, top / below)
        if config:
            home = self.server.home / "zoo.cfg"
            (top / "zoo.cfg").write_text(home.read_text().replace(str(self.server.config["dataDir"]), "/var/lib/zookeeper"))
            (top / "myid").write_text("1\n")
        if cut:
            cut(top / below)
        subprocess.run(["tar", "--sort=name", "--owner=0", "--group=0", f"-c{compress}f", str(self.folder / name), top.name],
                       cwd=stage, check=True)
        self.listing[name] = {"zxid": zxid, "folder": top.name, "files": sorted(p.name for p in (top / below).iterdir() if p.is_file())}


def cut_newest_log(directory):
    """What a copy looks like that ran while the record was being written: 9 bytes short of its end."""
    newest = max(directory.glob("log.*"), key=lambda f: int(f.suffix[1:], 16))
    with open(newest, "r+b") as log:
        log.truncate(len(newest.read_bytes().rstrip(b"\0")) - 9)


def tarballs(lab, folder):
    folder.mkdir()
    truth, server = Truth(), lab.standalone(lab.new_dir("data"), flags=flags(snap_count=40))
    amy, data = server.client(AMY), server.config["dataDir"] / "version-2"
    script = Script(lab, server, folder)

    def files(*prefixes, above=-1):
        found = ((int(f.suffix[1:], 16), f) for f in data.iterdir() if f.stem in prefixes)
        return [f for zxid, f in sorted(found) if f.stem == "snapshot" or zxid > above]

    def work(label, count):
        for i in range(count):
            amy.create(f"/w/{label}-", b"%d" % i, sequence=True)
            amy.set("/w", label.encode() + b"%d" % i)
        return truth.note(amy, server)

    amy.create("/w", b"")
    zxid = work("one", 30)
    script.take("full-flat.tar.gz", zxid, files("snapshot", "log"))
    script.take("full-version2.tar.gz", zxid, files("snapshot", "log"), below="version-2")
    script.take("full-flat.tar", zxid, files("snapshot", "log"), compress="")
    newest = numbers(data.parent, "log")[-1]
    zxid = work("two", 30)
    script.take("logs-only-1.tar.gz", zxid, files("log", above=newest - 1), config=False)
    newest = numbers(data.parent, "log")[-1]
    zxid = work("three", 6)
    amy.create("/w/torn", b"the record that is cut")
    script.take("logs-only-2-torn.tar.gz", zxid, files("log", above=newest - 1), config=False, cut=cut_newest_log)
    work("four", 8)
    server.restart(amy)
    zxid = work("five", 40)
    script.take("logs-only-3.tar.gz", zxid, files("log", above=newest - 1), config=False)
    script.take("newest-snapshot-and-logs.tar.gz", zxid, [*files("snapshot")[-1:], *files("log")[-2:]])
    server.kill()
    truth.write(folder)
    (folder / "tarballs.json").write_text(json.dumps(script.listing, indent=1) + "\n")
