"""Programs of ours that need not import anything: forked from a process that has imported it all once.

    process = Forked([DEARLY, "outbox", "--json"], cwd=..., env=..., stdout=subprocess.PIPE, text=True)

is used as `subprocess.Popen` is, and the child is what `python -m` would have made of it: its own process with these
arguments, folder, environment, streams, signals and end. Only the second or so that the imports take is gone, which is
most of what a short command costs. Each pytest process has one such server.

What it starts itself of ours (openers, keyholders, the process of a drawer) is a fork of the same server, which holds
nothing of anybody's; so a parent in /proc is the server, and an environment there the server's. All else it starts as
always; and where `AFRESH` stands in its environment, these as well.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import runpy
import secrets
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
from pathlib import Path
from typing import Any

DEARLY = "dearly.__main__:main"
"""The program itself, by the name under which it is installed."""

ROOT = Path(__file__).parents[2]
AFRESH = "DEARLY_TESTS_AFRESH"
"""In the environment of a program: it starts everything from nothing, for tests that look at processes in /proc."""

_ROOMS = ("assemble", "cli", "desk", "office", "opener")
_MORE = (
    "dearly.exchange.vcard",
    "pytest",
    "tests.support.days",
    "tests.support.desks",
    "tests.support.drawer_plays",
    "tests.support.offices",
)
_MOST = 1 << 17
"""Octets of one order: arguments and environment, in one packet of the socket."""

_WHOLE = "__main__"
"""In the place of a function's name: the module, as `python -m` runs it."""

_ROOM = 2048
"""Octets among the server's own arguments, where its forks write theirs."""

_Popen, _wait = subprocess.Popen, os.waitpid
_starting = threading.Lock()
_address = ""
"""Where the server listens, once it does."""

_fates: dict[int, socket.socket] = {}
"""In a fork: what it has started as forks, and where the server says how each ended."""


class Forked(subprocess.Popen[Any]):
    """A child that is a fork of the server. Its first argument is "module:function"; what that returns, it exits with.

    Popen makes the pipes and does all the talking; where it would start a program and wait for its own child, the
    server is asked instead."""

    _fate: socket.socket | None = None

    def _execute_child(self, args: Any, *more: Any) -> None:
        self._fork(list(map(str, args)), [], more)

    def _fork(self, order: list[str], shown: list[str], more: tuple[Any, ...]) -> None:
        """`shown`: arguments that the system is to tell of it, if any."""
        cwd, env, ends, session = more[4], more[5], more[9:15], more[20]
        read_by_child, _in, _out, written_by_child, _err, complaints = ends
        whole = [order, shown, str(cwd or os.getcwd()), dict(os.environ if env is None else env), bool(session)]
        given = [
            end if end != -1 else number for number, end in enumerate((read_by_child, written_by_child, complaints))
        ]
        # In packets: a quick child's end must not run into its number where this process comes late to read.
        self._fate = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._fate.connect(_server())
        socket.send_fds(self._fate, [json.dumps(whole).encode()], given)
        if not (begun := self._fate.recv(32)):
            self._fate.close()
            raise ChildProcessError("the server of forks has ended")
        self.pid = int(begun)
        self._child_created = True
        self._close_pipe_fds(*ends)

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        assert self._fate is not None
        ended = _ended(self._fate, wait_flags)
        if ended is None:
            return 0, 0
        if self.pid not in _fates:
            self._fate.close()
        return self.pid, ended

    def _internal_poll(self, *_unused: Any, **_more: Any) -> int | None:
        if self.returncode is None and self._waitpid_lock.acquire(blocking=False):
            try:
                pid, status = self._try_wait(os.WNOHANG)
                if pid:
                    self._handle_exitstatus(status)
            finally:
                self._waitpid_lock.release()
        return self.returncode


class _Started(Forked):
    """What a fork starts: a fork as well where it is of ours, and else what it always was."""

    def _execute_child(self, args: Any, *more: Any) -> None:
        given = [os.fsdecode(one) for one in args] if isinstance(args, list | tuple) else []
        match given:
            case [sys.executable, "-I", "-m", module, *rest] if module.startswith("dearly.opener."):
                self._fork([f"{module}:{_WHOLE}", *rest], given, more)
            case [sys.executable, "-m", "dearly", *rest]:
                self._fork([DEARLY, *rest], given, more)
            case _:
                _Popen._execute_child(self, args, *more)  # type: ignore[attr-defined]  # it has one
                _fates.pop(self.pid, None)
                return
        assert self._fate is not None
        _fates[self.pid] = self._fate

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        return super()._try_wait(wait_flags) if self._fate else _waited(self.pid, wait_flags)


def _waited(pid: int, options: int) -> tuple[int, int]:
    """`os.waitpid` in a fork, for its own children and for those of the server that are meant to be its own: threads of
    asyncio wait with it."""
    if pid not in _fates:
        return _wait(pid, options)
    ended = _ended(_fates[pid], options)
    return (0, 0) if ended is None else (pid, ended)


def _ended(fate: socket.socket, flags: int) -> int | None:
    """How a fork ended; None while it runs and is not to be waited for. Whoever asks again is told again."""
    ready, _, _ = select.select([fate], [], [], 0 if flags & os.WNOHANG else None)
    return int(fate.recv(32, socket.MSG_PEEK) or signal.SIGKILL) if ready else None


def _server() -> str:
    """Where this process's server listens; the server ends with it."""
    global _address
    with _starting:
        _address = _address or _begin()
        return _address


def _begin() -> str:
    address = f"\0dearly-forks-{secrets.token_hex(8)}"
    life, _held_as_long_as_we_live = os.pipe()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listening:
        listening.bind(address)
        listening.listen(64)
        handles = [listening.fileno(), life]
        order = [sys.executable, "-m", "tests.support.forks", *map(str, handles), address[1:], "-" * _ROOM]
        process = subprocess.Popen(
            order, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=handles, cwd=ROOT
        )
    os.close(life)
    process.returncode = 0  # nobody waits for it
    return address


def _import_all() -> None:
    for room in _ROOMS:
        package = importlib.import_module(f"dearly.{room}")
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if found.name != "dearly.office.postgres":
                importlib.import_module(found.name)
    for name in _MORE:
        importlib.import_module(name)


def _serve(listening: socket.socket, life: int) -> tuple[list[str], Callable[[], Any]]:
    """Fork for each order, and tell how each child ended. Returns in the children alone: what to run as whom."""
    running: dict[int, socket.socket] = {}
    woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker)
    while True:
        ready, _, _ = select.select([listening.fileno(), woken, life], [], [])
        if woken in ready:
            os.read(woken, 4096)
            while running and (ended := os.waitpid(-1, os.WNOHANG))[0]:
                with running.pop(ended[0]) as fate, suppress(OSError):  # nobody may be left who asks
                    fate.send(str(ended[1]).encode())
        if life in ready:
            sys.exit()
        if listening.fileno() in ready:
            fate, _whose = listening.accept()
            packet, handles, _flags, _from = socket.recv_fds(fate, _MOST, 3)
            if not packet:  # who asked was ended in between
                fate.close()
                continue
            if (pid := os.fork()) == 0:
                return _become(*json.loads(packet), handles)
            running[pid] = fate
            with suppress(OSError):
                fate.send(str(pid).encode())
            for handle in handles:
                os.close(handle)


def _become(
    order: list[str], shown: list[str], cwd: str, env: dict[str, str], session: bool, handles: list[int]
) -> tuple[list[str], Callable[[], Any]]:
    """In the child: everything that a new program would find otherwise."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if session:
        os.setsid()
    if shown:
        _show(shown)
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
    if AFRESH not in env and sys.version_info < (3, 12):  # later, asyncio waits in ways that know only real children
        subprocess.Popen, os.waitpid = _Started, _waited  # type: ignore[misc]  # in this process alone
    module, function = order[0].split(":")
    if function == _WHOLE:
        del sys.modules[module]
        return order, lambda: runpy.run_module(module, run_name="__main__", alter_sys=True) and None
    return order, getattr(importlib.import_module(module), function)


def _show(arguments: list[str]) -> None:
    """Write them where the system looks for the arguments of a process (proc(5): arg_start and arg_end)."""
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end = int(fields[45]), int(fields[46])
    written = b"".join(os.fsencode(one) + b"\0" for one in arguments)
    assert len(written) <= end - start, "arguments that are longer than the server's"
    ctypes.memmove(start, written.ljust(end - start, b"\0"), end - start)


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


def _main() -> None:
    """The server, and in the end each of its forks."""
    global _address
    listening, life, name, _room = sys.argv[1:]
    with suppress(ImportError):  # whoever needs what cannot be imported will say so
        _import_all()
    _address = f"\0{name}"
    gc.freeze()
    assert threading.active_count() == 1, "a process with threads is not to be forked"
    sys.argv, work = _serve(socket.socket(fileno=int(listening)), int(life))
    _run(work)


if __name__ == "__main__":
    # Not what runs as __main__: forks know this module by its name.
    importlib.import_module("tests.support.forks")._main()
