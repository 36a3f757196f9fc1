"""Ports for the servers of tests that run beside each other."""

import random
import socket
from pathlib import Path


def free_ports(count):
    """Ports that are this process's until it ends, as far as others ask here.

    They lie below those that the system gives to outgoing connections: such a connection would keep a member of an
    ensemble from the port that the others look for it at, and it would be waited for in vain."""
    first_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    found = []
    for port in random.sample(range(23000, max(first_outgoing, 32768)), 1000):
        with socket.socket(socket.AF_UNIX) as claim, socket.socket() as probe:
            try:
                claim.bind(f"\0zkark-test-port-{port}")
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            claim.detach()  # open until the process ends
        found.append(port)
        if len(found) == count:
            return found
    raise RuntimeError("no free ports")
