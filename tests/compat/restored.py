"""What the tests of restored directories share: sources, the recorded points, how a restored server is started."""

import re
from pathlib import Path

import apache
import zkreal

# Points whose txns this member never had; and points at which there were two states (fixtures/README.md).
NOT_HERE = {("zk-3.8.0-ensemble/2", 0x10000003a)}
TWO_STATES = {("zk-3.8.0-lost-ttl", 0xc)}


def source(lab, data_dir, log_dir):
    """What to give zkark as SRC: the directory, or a zoo.cfg where logs live elsewhere."""
    if data_dir == log_dir:
        return data_dir
    cfg = lab.new_dir("cfg") / "zoo.cfg"
    cfg.write_text(f"dataDir={data_dir}\ndataLogDir={log_dir}\nclientPort=0\n")
    return cfg


def own_log_dir(lab, data_dir, log_dir, name="restored-log"):
    """An exact copy is refused while the source's dataLogDir, which counts as a target, holds later records."""
    return [] if data_dir == log_dir else ["--to-log-dir", lab.dir / name]


def points():
    """[(name, data dir, log dir, zxid, truth, last of its folder)] for every recorded truth of every fixture."""
    for fixture in apache.fixtures():
        truths = zkreal.truths(fixture)
        for name, data_dir, log_dir in apache.data_dirs(fixture):
            for zxid, tree in truths:
                if (name, zxid) not in NOT_HERE | TWO_STATES:
                    yield name, data_dir, log_dir, zxid, tree, zxid == truths[-1][0]


def flags(data_dir):
    """What the restored directory needs: extended types, but none of the source's oddities."""
    needed = [f for f in apache.java_flags(data_dir) if "digest.enabled" not in f and "closeSessionTxn" not in f]
    return [*needed, zkreal.NOTHING_REAPED]


def snapshot_zxid(directory):
    """zxid in the name of the only snapshot of a restored directory."""
    names = [f.name for f in (Path(directory) / "version-2").iterdir() if f.name.startswith("snapshot.")]
    assert len(names) == 1, names
    return int(re.fullmatch(r"snapshot\.([0-9a-f]+)(\.gz|\.snappy)?", names[0])[1], 16)


def quiet_config():
    """A restored server must change nothing by itself while a test compares: kept sessions of a second do not end."""
    return {"tickTime": zkreal.tick_without_expiry()}


def boot(lab, target, data_dir, log_dir=None):
    """A restored directory as a standalone server."""
    return lab.standalone(target, log_dir, flags=flags(data_dir), config=quiet_config())


def boot_ensemble(lab, targets, data_dir, log_dirs=None):
    """{id: restored directory} as one ensemble, serving; log_dirs: {id: dataLogDir} where they are apart."""
    servers = lab.ensemble(targets, flags=flags(data_dir), config=quiet_config(), start=False)
    for n, server in servers.items():
        if log_dirs:
            server.config["dataLogDir"] = log_dirs[n]
    zkreal.start_together(servers.values())
    return servers
