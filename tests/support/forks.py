"""Programs of ours that need not import anything: forked from a process that has imported it all once.

    process = Forked([DEARLY, "outbox", "--json"], cwd=..., env=..., stdout=subprocess.PIPE, text=True)

is used as `subprocess.Popen` is, and the child is what `python -m` would have made of it: its own process with these
arguments, folder, environment, streams, signals and end. Only the second or so that the imports take is gone, which is
most of what a short command costs. What it starts itself, it starts as always. Each pytest process has one such server.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

DEARLY = "dearly.__main__:main"
"""The program itself, by the name under which it is installed."""

ROOT = Path(__file__).parents[2]
_ROOMS = ("assemble", "cli", "desk", "office")
_MORE = ("pytest", "tests.support.days", "tests.support.desks", "tests.support.drawer_plays", "tests.support.offices")
_MOST = 1 << 17
"""Octets of one order: arguments and environment, in one packet of the socket."""

_starting = threading.Lock()


class Forked(subprocess.Popen[Any]):
    """A child that is a fork of the server. Its first argument is "module:function"; what that returns, it exits with.

    Popen makes the pipes and does all the talking; where it would start a program and wait for its own child, the
    server is asked instead."""

    def _execute_child(self, args: Any, *more: Any) -> None:
        cwd, env, ends = more[4], more[5], more[9:15]
        read_by_child, _in, _out, written_by_child, _err, complaints = ends
        order = [list(map(str, args)), str(cwd or os.getcwd()), dict(os.environ if env is None else env)]
        # In packets: a quick child's end must not run into its number where this process comes late to read.
        self._fate, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        given = [
            end if end != -1 else number for number, end in enumerate((read_by_child, written_by_child, complaints))
        ]
        with theirs:
            packet = json.dumps(order).encode()
            socket.send_fds(_server(), [packet], [*given, theirs.fileno()])
        if not (begun := self._fate.recv(32)):
            self._fate.close()
            raise ChildProcessError("the server of forks has ended")
        self.pid = int(begun)
        self._child_created = True
        self._close_pipe_fds(*ends)

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        ready, _, _ = select.select([self._fate], [], [], 0 if wait_flags & os.WNOHANG else None)
        if not ready:
            return 0, 0
        with self._fate:
            return self.pid, int(self._fate.recv(32))

    def _internal_poll(self, *_unused: Any, **_more: Any) -> int | None:
        if self.returncode is None and self._waitpid_lock.acquire(blocking=False):
            try:
                pid, status = self._try_wait(os.WNOHANG)
                if pid:
                    self._handle_exitstatus(status)
            finally:
                self._waitpid_lock.release()
        return self.returncode


def _server() -> socket.socket:
    """The socket of this process's server, which ends with it."""
    with _starting:
        return _started()


@cache
def _started() -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    order = [sys.executable, "-m", "tests.support.forks", str(theirs.fileno())]
    process = subprocess.Popen(
        order, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[theirs.fileno()], cwd=ROOT
    )
    process.returncode = 0  # nobody waits for it
    theirs.close()
    return ours


def _import_all() -> None:
    for room in _ROOMS:
        package = importlib.import_module(f"dearly.{room}")
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if found.name != "dearly.office.postgres":
                importlib.import_module(found.name)
    for name in _MORE:
        importlib.import_module(name)


def _serve(orders: socket.socket) -> tuple[list[str], Callable[[], Any]]:
    """Fork for each order, and tell how each child ended. Returns in the children alone: what to run as whom."""
    running: dict[int, socket.socket] = {}
    woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker)
    while True:
        ready, _, _ = select.select([orders.fileno(), woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            while running and (ended := os.waitpid(-1, os.WNOHANG))[0]:
                with running.pop(ended[0]) as fate:
                    fate.send(str(ended[1]).encode())
        if orders.fileno() in ready:
            packet, handles, _flags, _from = socket.recv_fds(orders, _MOST, 4)
            if not packet:
                sys.exit()
            fate = socket.socket(fileno=handles.pop())
            if (pid := os.fork()) == 0:
                argv, cwd, env = json.loads(packet)
                return _become(argv, cwd, env, handles)
            running[pid] = fate
            fate.send(str(pid).encode())
            for handle in handles:
                os.close(handle)


def _become(argv: list[str], cwd: str, env: dict[str, str], handles: list[int]) -> tuple[list[str], Callable[[], Any]]:
    """In the child: everything that a new program would find otherwise."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, handle in enumerate(handles):
        os.dup2(handle, number)
    os.closerange(3, 1024)
    sys.stdin = os.fdopen(0, errors="surrogateescape", closefd=False)
    sys.stdout = os.fdopen(1, "w", errors="surrogateescape", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    tempfile.tempdir = None
    module, function = argv[0].split(":")
    return argv, getattr(importlib.import_module(module), function)


def _run(work: Callable[[], Any]) -> None:
    """Work, and end as a program does, but for its memory, which the system takes back in a tenth of the time."""
    code: list[int] = []

    def leave() -> None:
        if code:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code[0])

    atexit.register(leave)  # the first that is registered is the last that runs
    code.append(work() or 0)


if __name__ == "__main__":
    _control = socket.socket(fileno=int(sys.argv[1]))
    with suppress(ImportError):  # whoever needs what cannot be imported will say so
        _import_all()
    gc.freeze()
    assert threading.active_count() == 1, "a process with threads is not to be forked"
    sys.argv, _work = _serve(_control)
    _run(_work)
