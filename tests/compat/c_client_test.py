"""A program with the C client of Apache ZooKeeper (c_client.cc) on Apache and on `zkark serve`: it is told the same."""

import difflib
import os
import socket
import subprocess
import threading
import unittest

import zkark_server
import zkreal


class Proxy:
    """Passes bytes to a server until it is told to drop all connections; new ones are taken again."""

    def __init__(self, port):
        self.target, self.open, self.lock = port, [], threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                inside = self.listener.accept()[0]
                outside = socket.create_connection(("127.0.0.1", self.target), 10)
            except OSError:
                return
            outside.settimeout(None)
            with self.lock:
                self.open += [inside, outside]
            for source, sink in ((inside, outside), (outside, inside)):
                threading.Thread(target=self.pass_on, args=(source, sink), daemon=True).start()

    def pass_on(self, source, sink):
        try:
            while part := source.recv(65536):
                sink.sendall(part)
        except OSError:
            pass
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def drop(self):
        with self.lock:
            for one in self.open:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
            self.open.clear()

    def close(self):
        self.listener.close()
        self.drop()


def told(server):
    """What the program prints, line by line; its exit code last."""
    program = os.environ.get("ZKARK_C_CLIENT", "")
    if not os.access(program, os.X_OK):
        raise RuntimeError("ZKARK_C_CLIENT names no program: install libzookeeper-mt-dev (scripts/setup.sh) and configure again")
    proxy = Proxy(server.port)
    try:
        with subprocess.Popen([program, f"127.0.0.1:{proxy.port}", f"127.0.0.1:{server.port}"], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, preexec_fn=zkreal._die_with_parent) as process:
            killer = threading.Timer(60, process.kill)
            killer.start()
            lines = []
            for line in process.stdout:
                lines.append(line.decode().rstrip("\n"))
                if lines[-1] == "@drop":
                    proxy.drop()
            killer.cancel()
        return [*lines, f"exit {process.returncode}"]
    finally:
        proxy.close()


class CClient(unittest.TestCase):
    def test_it_is_told_the_same(self):
        with zkreal.Lab() as lab:
            ours = zkark_server.standalone(lab, lab.new_dir("zkark"))
            theirs = lab.standalone(lab.new_dir("apache"))
            expected, found = told(theirs), told(ours)
            self.assertEqual(expected[-1], "exit 0", "\n".join(expected[-10:]))
            self.assertEqual("\n".join(difflib.unified_diff(expected, found, "apache", "zkark", lineterm="")), "")


if __name__ == "__main__":
    unittest.main()
