"""Ports for servers that must know theirs before they start, or come back to it."""

from __future__ import annotations

import os
import random
import socket
from contextlib import suppress

_FROM, _TO = 10_000, 32_000
"""Below those that a system gives by itself: no neighbour's connection or listener takes one between choosing and
binding, nor while a server is away."""

_SHARES = 8

_chance = random.SystemRandom()
_chosen: set[int] = set()
"""What this process has chosen: never again, for whose it is may be away for a moment."""


def free_port() -> int:
    """A port of this machine that nobody uses, and nobody else chooses: those who test side by side share them out."""
    share = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _SHARES
    while True:
        port = _chance.randrange(_FROM + share, _TO, _SHARES)
        if port in _chosen:
            continue
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            _chosen.add(port)
            return port


def free_ports(count: int) -> list[int]:
    """Some of them, all different."""
    return [free_port() for _number in range(count)]
