"""What a child takes from itself before it sees a foreign byte, in the one order in which it works.

`keep_private` is its first act. Then it imports and warms up everything that it will ever need, because `lock_down`
leaves it nothing but memory, a clock and its two pipes. What of this the system really gave is *tried*, not believed:
see `probe` and `Limits`.
"""

from __future__ import annotations

import resource
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MEMORY = 512 << 20
"""Bytes that a child may take beyond what it needs to start (A25)."""

KEYHOLDER_MEMORY = 1 << 30
"""The same for a keyholder: sealing the largest letter takes eight times its size, and all of that is our own."""

REQUEST_SECONDS = 20.0
"""Processor time for one request."""

LIFE_SECONDS = 120
"""Processor time after which a child is replaced, between two requests; 30 s later the kernel ends it."""

REQUESTS = 5_000
"""Requests after which a child is replaced, so that nothing can pile up in it."""


@dataclass(frozen=True, slots=True)
class Locks:
    """Which ways of taking rights away this system gave. `landlock`: version of its interface, 0 for none."""

    namespaces: bool = False
    landlock: int = 0
    seccomp: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What a child was proven unable to do here, each by trying: True means that the attempt failed as it should.

    `memory`: to take more than 512 MiB beyond its start. `cpu`: to compute on after its time. `descriptors`: to get one
    more file descriptor. `output`: to write to a file, even one that is open. `no_net`: to open or connect a socket of
    any kind. `no_files`: to read, list, make or remove a file. `processes`: to fork, exec or signal. `private`: to
    dump core or be looked into. `locks`: by which means."""

    memory: bool
    cpu: bool
    descriptors: bool
    output: bool
    no_net: bool
    no_files: bool
    processes: bool
    private: bool
    locks: Locks


def keep_private() -> None:
    """No core dump, and no look into the memory for other processes of the same user."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        from dearly.opener import linux

        linux.not_dumpable()


def lock_down(memory: int = MEMORY, seconds: int = LIFE_SECONDS + 30) -> Locks:
    """Give everything else away, for ever. Never raises; what the system refuses is left out of the result.

    `memory`: bytes that may be taken beyond what is taken now. `seconds`: processor time for the whole of its life."""
    locks = Locks()
    _limit_memory(memory)  # first: it reads a file
    if sys.platform == "linux":
        from dearly.opener import linux

        alone = linux.alone()
        linux.no_new_privileges()
        locks = Locks(namespaces=alone, landlock=linux.landlock())
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CPU, seconds)
    with suppress(AttributeError):  # not on every system
        _limit(resource.RLIMIT_NPROC, 0)
    # 0, not 3: what is open stays open, and closing one of those gives no room for another.
    _limit(resource.RLIMIT_NOFILE, 0)
    if sys.platform == "linux":
        linux.not_dumpable()  # a new user namespace may have changed it
        locks = Locks(locks.namespaces, locks.landlock, seccomp=linux.seccomp())
    return locks


def _limit(what: int, value: int) -> None:
    with suppress(OSError, ValueError):
        resource.setrlimit(what, (value, value))


def _limit_memory(more: int) -> None:
    """RLIMIT_AS and RLIMIT_DATA, counted from what is taken now. Where that cannot be known, no limit is set."""
    with suppress(OSError, ValueError, IndexError):
        pages = [int(word) for word in Path("/proc/self/statm").read_bytes().split()]
        size = resource.getpagesize()
        _limit(resource.RLIMIT_AS, pages[0] * size + more)
        _limit(resource.RLIMIT_DATA, pages[5] * size + more)


def start_timing(seconds: float) -> None:
    """The process ends (SIGPROF) when it computes for longer than this from now."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def stop_timing() -> None:
    signal.setitimer(signal.ITIMER_PROF, 0)
