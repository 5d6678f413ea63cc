"""What Linux offers a process that wants to be able to do less: prctl, namespaces, Landlock and seccomp, by ctypes.

Each function tries one thing and says whether it took. None raises: an old or restricted kernel is answered with
False, and the child's self-test (`probe`) shows what holds all the same. On other systems nothing here is called.
"""

from __future__ import annotations

import ctypes
import os
import struct

_libc = ctypes.CDLL(None, use_errno=True)

_PR_SET_DUMPABLE = 4
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUTS = 0x04000000
_CLONE_NEWIPC = 0x08000000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000


def not_dumpable() -> bool:
    """No core dump, and no other process of the same user may attach or read the memory (prctl(2))."""
    return bool(_libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0) == 0)


def no_new_privileges() -> bool:
    """No exec may ever give more rights; Landlock and seccomp demand this of ordinary users."""
    return bool(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)


def alone() -> bool:
    """A user, network and IPC namespace of its own: no network card but a dead loopback, no rights outside.

    Containers and some distributions forbid it. The process must have one thread."""
    apart = _CLONE_NEWNET | _CLONE_NEWIPC | _CLONE_NEWUTS
    return bool(_libc.unshare(_CLONE_NEWUSER | apart) == 0 or _libc.unshare(apart) == 0)


# Landlock has the same numbers on every architecture.
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT = 444, 446
_FS_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
"""How many access rights to files each version of the interface knows; they are the lowest bits. From 5: 16."""


def landlock() -> int:
    """No file may be opened, made, run or removed, no TCP port bound or connected. The version of the interface, 0 if
    there is none (Linux before 5.13, or not switched on)."""
    version = int(_libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1))
    if version < 1:
        return 0
    files = (1 << _FS_RIGHTS.get(version, 16)) - 1
    ports = 0b11 if version >= 4 else 0  # bind and connect
    scopes = 0b11 if version >= 6 else 0  # abstract Unix sockets and signals to processes outside
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    rules = struct.pack("=QQQ", files, ports, scopes)[:size]
    descriptor = int(_libc.syscall(_LANDLOCK_CREATE, rules, ctypes.c_size_t(size), 0))
    if descriptor < 0:
        return 0
    try:
        return version if _libc.syscall(_LANDLOCK_RESTRICT, descriptor, 0) == 0 else 0
    finally:
        os.close(descriptor)


# name: number on x86_64, number on aarch64 (None: that architecture has none)
_ALLOWED: dict[str, tuple[int, int | None]] = {
    "read": (0, 63),
    "write": (1, 64),
    "readv": (19, 65),
    "writev": (20, 66),
    "close": (3, 57),
    "fstat": (5, 80),
    "lseek": (8, 62),
    "poll": (7, None),
    "ppoll": (271, 73),
    "brk": (12, 214),
    "mmap": (9, 222),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "mprotect": (10, 226),
    "madvise": (28, 233),
    "futex": (202, 98),
    "membarrier": (324, 283),
    "set_robust_list": (273, 99),
    "rseq": (334, 293),
    "getrandom": (318, 278),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "gettimeofday": (96, 169),
    "nanosleep": (35, 101),
    "clock_nanosleep": (230, 115),
    "setitimer": (38, 103),
    "restart_syscall": (219, 128),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sigaltstack": (131, 132),
    "getpid": (39, 172),
    "gettid": (186, 178),
    "getrusage": (98, 165),
    "times": (100, 153),
    "sysinfo": (99, 179),
    "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123),
    "exit": (60, 93),
    "exit_group": (231, 94),
}
_TGKILL = (234, 131)
_ARCH = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_KILL, _ALLOW, _REFUSE = 0x80000000, 0x7FFF0000, 0x00050001  # SECCOMP_RET_ERRNO with EPERM


def _step(code: int, value: int, then: int = 0, otherwise: int = 0) -> bytes:
    """One `struct sock_filter`: a BPF instruction with its two jumps."""
    return struct.pack("=HBBI", code, then, otherwise, value)


def _program(column: int, arch: int, pid: int) -> bytes:
    """The filter over `struct seccomp_data`: nr at 0, arch at 4, arguments of 8 octets each from 16."""
    steps = [_step(_LOAD, 4), _step(_EQUAL, arch, 1), _step(_RETURN, _KILL), _step(_LOAD, 0)]
    for numbers in _ALLOWED.values():
        number = numbers[column]
        if number is not None:
            steps += [_step(_EQUAL, number, 0, 1), _step(_RETURN, _ALLOW)]
    # abort() is a signal to itself: it tells the desk that memory ran out. A signal to anyone else is refused.
    steps += [_step(_EQUAL, _TGKILL[column], 0, 3), _step(_LOAD, 16), _step(_EQUAL, pid, 0, 1), _step(_RETURN, _ALLOW)]
    steps.append(_step(_RETURN, _REFUSE))
    return b"".join(steps)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def seccomp() -> bool:
    """From here on only computing, and reading and writing what is already open: every other system call fails with
    EPERM, so no file, socket, process, signal or new limit. Known for x86_64 and aarch64; elsewhere False."""
    column, arch = _ARCH.get(os.uname().machine, (0, 0))
    if not arch or ctypes.sizeof(ctypes.c_void_p) != 8:
        return False
    steps = _program(column, arch, os.getpid())
    program = _Program(len(steps) // 8, steps)
    return bool(_libc.prctl(_PR_SET_SECCOMP, 2, ctypes.byref(program), 0, 0) == 0)
