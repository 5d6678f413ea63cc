"""Each way of giving rights away, alone, in a process of its own that then tries to use them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what Linux offers")

FRONT = """
import encodings.idna, hashlib, mmap, os, resource, signal, socket, sys, time
from dearly.opener import limits, linux
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
if os.geteuid() == 0 and AS_NOBODY:
    os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
kept = os.open("/dev/null", os.O_WRONLY)
file = os.memfd_create("file")
def refused(act):
    try: act()
    except (OSError, MemoryError): return True
    except ValueError as error: return 'not allowed' in str(error)  # setrlimit
    return False
"""


def run(script: str, *, nobody: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", "-c", FRONT.replace("AS_NOBODY", str(nobody)) + script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def holds(taken: str, *attempts: str, nobody: bool = True) -> None:
    """After `taken`, every attempt is refused; without it, none is."""
    lines = "".join(f"print(refused(lambda: {attempt}))\n" for attempt in attempts)
    without = run(lines, nobody=nobody)
    assert without.stdout.split() == ["False"] * len(attempts), without.stderr
    took = f"took = {taken}\nif not took: print('not here'); sys.exit()\n"
    found = run(took + lines, nobody=nobody)
    if found.stdout.strip() == "not here":
        pytest.skip("this system does not give it")
    assert found.stdout.split() == ["True"] * len(attempts), found.stderr


READS = ("open('/etc/passwd').read()", "os.listdir('/')")
SOCKETS = ("socket.socket()", "socket.socket(socket.AF_UNIX)")


@pytest.mark.parametrize("nobody", [True, False], ids=["as nobody", "as whoever runs this"])
class TestOneByOne:
    def test_landlock(self, nobody: bool) -> None:
        holds("linux.no_new_privileges() and linux.landlock()", *READS, nobody=nobody)

    def test_landlock_makes_nothing(self, nobody: bool) -> None:
        holds("linux.no_new_privileges() and linux.landlock()", "os.mkdir(f'/tmp/dearly-{os.getpid()}')", nobody=nobody)

    def test_namespaces(self, nobody: bool) -> None:
        listener = "(lambda s: (s.bind(('127.0.0.1', 0)), s.listen(), socket.create_connection(s.getsockname())))"
        holds("linux.alone()", f"{listener}(socket.socket())", nobody=nobody)

    def test_seccomp_files_and_sockets(self, nobody: bool) -> None:
        holds("linux.no_new_privileges() and linux.seccomp()", *READS, *SOCKETS, nobody=nobody)

    def test_seccomp_processes_and_limits(self, nobody: bool) -> None:
        holds(
            "linux.no_new_privileges() and linux.seccomp()",
            "os.fork() or os._exit(0)",
            "os.kill(os.getpid(), 0)",
            "resource.setrlimit(resource.RLIMIT_CPU, (1000, 1000))",
            "os.memfd_create('x')",
            nobody=nobody,
        )

    def test_seccomp_leaves_computing_and_the_open_pipes(self, nobody: bool) -> None:
        found = run(
            "linux.no_new_privileges(); linux.seccomp()\n"
            "assert os.urandom(8) and len(bytearray(50_000_000))\n"
            "os.write(kept, b'x'); print(hashlib.sha256(b'x').hexdigest()[:4])\n",
            nobody=nobody,
        )
        assert found.stdout.strip() == "2d71", found.stderr

    def test_everything_together(self, nobody: bool) -> None:
        holds(
            "limits.lock_down() is not None",
            *READS,
            *SOCKETS,
            "os.dup(kept)",
            "os.write(file, b'x')",
            "os.fork() or os._exit(0)",
            "bytearray(limits.MEMORY + 1)",
            "mmap.mmap(-1, limits.MEMORY + 1)",
            nobody=nobody,
        )

    def test_what_fits_the_memory_is_given(self, nobody: bool) -> None:
        found = run("limits.lock_down(); print(len(bytearray(limits.MEMORY // 2)))", nobody=nobody)
        assert found.stdout.strip() == str(256 << 20), found.stderr


def test_abort_is_still_told_as_such() -> None:
    """It is how memory that runs out in a library ends a process, and the desk tells it from a crash by it."""
    assert run("limits.lock_down(); os.abort()").returncode == -6


def test_time_ends_a_process_that_computes_on() -> None:
    assert run("limits.lock_down(); limits.start_timing(0.1)\nwhile True: pass\n").returncode == -27


def test_time_is_given_back() -> None:
    found = run(
        "limits.start_timing(0.2); limits.stop_timing(); begun = time.process_time()\n"
        "while time.process_time() < begun + 0.4: pass\nprint('done')\n"
    )
    assert found.stdout.strip() == "done"


def test_a_whole_life_has_an_end_that_cannot_be_moved() -> None:
    script = (
        "limits.LIFE_SECONDS = -29\n"  # one second in all
        "limits._limit(resource.RLIMIT_CPU, limits.LIFE_SECONDS + 30)\n"
        "try: resource.setrlimit(resource.RLIMIT_CPU, (100, 100))\n"
        "except ValueError: pass\n"
        "while True: pass\n"
    )
    assert run(script).returncode in (-24, -9)


def test_private_processes_cannot_be_looked_into() -> None:
    script = (
        "limits.keep_private()\n"
        "print(refused(lambda: open('/proc/self/mem', 'rb')), resource.getrlimit(resource.RLIMIT_CORE))\n"
    )
    assert run(script).stdout.split(maxsplit=1) == ["True", "(0, 0)\n"]


def test_the_filter_refuses_calls_of_another_architecture_by_ending() -> None:
    """The first steps of the program: a wrong architecture is killed, not looked up in the wrong table."""
    from dearly.opener import linux

    program = linux._program(0, 0xC000003E, os.getpid())
    steps = [program[n : n + 8] for n in range(0, len(program), 8)]
    assert steps[:3] == [linux._step(0x20, 4), linux._step(0x15, 0xC000003E, 1), linux._step(0x06, 0x80000000)]
    assert steps[-1] == linux._step(0x06, 0x00050001)
    assert len(steps) < 256


@pytest.mark.parametrize("column", [0, 1])
def test_no_dangerous_call_is_on_the_list(column: int) -> None:
    from dearly.opener import linux

    numbers = [pair[column] for pair in linux._ALLOWED.values() if pair[column] is not None]
    assert len(numbers) == len(set(numbers))
    assert not {name for name in linux._ALLOWED if name.startswith(("open", "exec", "sock", "clone", "kill", "ptrace"))}
