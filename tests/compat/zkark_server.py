"""`zkark serve` as a server of a zkreal.Lab: the same life and the same clients as Apache's."""

import os
import subprocess

import zkark
import zkreal


class ZkarkServer(zkreal.Server):
    """Takes the zoo.cfg that Apache's server takes; `flags` are -D options."""

    def start(self, wait=True):
        cfg = self.home / "zoo.cfg"
        cfg.write_text("".join(f"{k}={v}\n" for k, v in self.config.items()))
        command = [zkark.binary(), "serve", str(cfg), "-Dzookeeper.extendedTypesEnabled=true",
                   f"-Dzookeeper.DigestAuthenticationProvider.superDigest={zkreal.digest_id(zkreal.SUPER[1])}",
                   *(flag for flag in self.flags if flag.startswith("-D"))]
        with open(self.home / "server.log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.home,
                                            env={**os.environ, **self.environment}, preexec_fn=zkreal._die_with_parent)
        return self.wait_ready() if wait else self


def standalone(lab, data_dir, log_dir=None, flags=(), config=None, port=None, start=True):
    """Like Lab.standalone, of zkark."""
    port = port or zkreal.free_ports(1)[0]
    settings = {**zkreal.CONFIG, "dataDir": data_dir, **({"dataLogDir": log_dir} if log_dir else {}),
                "clientPort": port, "clientPortAddress": "127.0.0.1", **(config or {})}
    server = ZkarkServer(lab, lab.new_dir("zkark"), settings, flags, port)
    lab.servers.append(server)
    return lab.started(server) if start else server
