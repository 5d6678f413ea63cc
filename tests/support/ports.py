"""Ports for servers that must know theirs before they start, or come back to it."""

from __future__ import annotations

import random
import socket
from contextlib import suppress

_FROM, _TO = 10_000, 32_000
"""Below those that a system gives by itself: no neighbour's connection or listener takes one between choosing and
binding, nor while a server is away."""

_chance = random.SystemRandom()


def free_port() -> int:
    """A port of this machine that nobody uses, and hardly anybody else chooses."""
    while True:
        port = _chance.randrange(_FROM, _TO)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def free_ports(count: int) -> list[int]:
    """Some of them, all different."""
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port())
    return list(found)
