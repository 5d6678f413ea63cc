"""The opener as the desk has it, with real children: hostile parcels, children that die, and limits that hold."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dearly.exchange import vcard
from dearly.letter.content import Enclosure
from dearly.letter.envelope import LARGEST_PARCEL
from dearly.letter.errors import CannotSealOrOpen, DearlyError, Locked, Refused, Usage
from dearly.letter.sealing import TEXT_WITHHELD, Seal, Shape
from dearly.opener import pool, process
from dearly.opener.pool import Opener
from dearly.seal import packets
from dearly.seal.openpgp import SessionKey
from dearly.seal.packets import Packet, Tag
from tests.support import parcels
from tests.support.opening import SECRET, Room, around, cases, here, letter, seal_of, sealed, texts
from tests.support.openpgp import NOW, address, bomb, forged_signature, person, revoked, seal_raw


def may_look_into_others() -> bool:
    """CAP_SYS_PTRACE: what an administrator has."""
    found = Path("/proc/self/status")
    effective = found.read_text().split("CapEff:\t")[1].split()[0] if found.exists() else "0"
    return bool(int(effective, 16) >> 19 & 1)


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="what Linux offers")


@pytest.fixture(scope="module")
def room() -> Iterator[Room]:
    with Room() as made:
        yield made


def still_works(room: Room) -> None:
    opened = room.open(sealed(), known=[person("ada").certificate])
    assert seal_of(opened) is Seal.SIGNED_PINNED
    assert opened.letter is not None
    assert opened.letter.text == SECRET + "\n"


# parcels


@pytest.mark.parametrize("name", cases())
def test_a_child_comes_to_the_same_as_reading_here(room: Room, name: str) -> None:
    case = cases()[name]
    opened = room.open(case.raw, case.reader, case.known)
    assert seal_of(opened) is case.seal
    assert opened == here(case.raw, case.reader, case.known)
    if case.seal in TEXT_WITHHELD:
        assert SECRET not in texts(opened)


@pytest.mark.parametrize("name", parcels.hostile())
def test_hostile_shapes_come_back_as_values(room: Room, name: str) -> None:
    raw = parcels.hostile()[name]
    opened = room.open(raw)
    assert (opened.letter is None) is (opened.trouble is not None)
    outline = room.opener.outline(raw)
    if opened.trouble is None:
        assert room.run(outline).shape is Shape.PLAIN
    else:
        with pytest.raises(Refused) as caught:
            room.run(outline)
        assert caught.value.code == opened.trouble.code


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    st.binary(max_size=2000)
    | st.binary(max_size=500).map(lambda data: around(data))
    | st.binary(max_size=300).map(lambda data: around(seal_raw(data, person("bert"))))
    | st.binary(max_size=500).map(lambda data: parcels.multi(b"multipart/mixed", data))
)
def test_random_bytes_are_answered_with_a_value(room: Room, raw: bytes) -> None:
    opened = room.open(raw)
    assert not opened.signers
    assert opened.found == ()


def test_the_largest_letter_comes_through(room: Room) -> None:
    data = os.urandom(49_000_000)
    raw = sealed(letter(enclosures=(Enclosure("film.bin", "video/mp4", data),)))
    opened = room.open(raw)
    assert opened.trouble is None
    assert opened.letter is not None
    assert opened.letter.enclosures[0].data == data


def test_a_parcel_beyond_all_measure_is_not_even_handed_over(room: Room) -> None:
    opened = room.open(bytes(LARGEST_PARCEL + 1))
    assert opened.trouble is not None
    assert opened.trouble.code == "too_large_to_open"
    with pytest.raises(Refused):
        room.run(room.opener.outline(bytes(LARGEST_PARCEL + 1)))


# limits


@LINUX
def test_every_limit_is_proven(room: Room) -> None:
    found = room.run(room.opener.limits())
    assert found.memory
    assert found.cpu
    assert found.descriptors
    assert found.output
    assert found.no_net
    assert found.no_files
    assert found.processes
    # Nothing is private before the administrator, and the answer says so.
    assert found.private is not may_look_into_others()
    assert found.locks.seccomp or found.locks.landlock or found.locks.namespaces


@LINUX
def test_a_limit_that_is_not_there_is_not_claimed(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same self-test in a child that locks nothing down: it must find that everything is possible."""
    script = (
        "import sys; from dearly.opener import child, limits, serving; limits.MEMORY = 1 << 20\n"
        "limits.lock_down = lambda memory: limits.Locks(); limits.start_timing = lambda seconds: None\n"
        "serving.serve(child._trying)\n"
    )
    monkeypatch.setattr(process, "command", lambda *_: (sys.executable, "-I", "-c", script))
    found = room.run(room.opener.limits())
    assert not any(
        [found.memory, found.cpu, found.descriptors, found.output, found.no_net, found.no_files, found.processes]
    )


@LINUX
@pytest.mark.parametrize(
    ("missing", "lost"),
    [
        (("seccomp",), set()),
        (("landlock", "alone"), set()),
        (("seccomp", "alone"), set()),
        (("seccomp", "landlock", "alone"), {"no_files"}),
    ],
)
def test_a_system_that_gives_less_is_told_as_it_is(
    room: Room, monkeypatch: pytest.MonkeyPatch, missing: tuple[str, ...], lost: set[str]
) -> None:
    """A container that forbids namespaces, an old kernel: the other layers hold, and what does not is said."""
    script = (
        "import sys; from dearly.opener import child, linux, serving\n"
        + "".join(f"linux.{name} = {'int' if name == 'landlock' else 'bool'}\n" for name in missing)
        + "serving.serve(child._trying)\n"
    )
    monkeypatch.setattr(process, "command", lambda *_: (sys.executable, "-I", "-c", script))
    found = room.run(room.opener.limits())
    assert {
        name for name in ("memory", "cpu", "descriptors", "output", "no_net", "no_files") if not getattr(found, name)
    } == lost
    # Without seccomp a process may at least be asked whether it is there.
    assert found.processes is ("seccomp" not in missing)
    assert (found.locks.seccomp, bool(found.locks.landlock), found.locks.namespaces) == (
        "seccomp" not in missing,
        "landlock" not in missing,
        "alone" not in missing,
    )


def test_memory_that_runs_out_is_a_value_and_the_next_letter_opens(room: Room) -> None:
    """A25, with a person who allowed too much."""
    opened = room.open(around(seal_raw(bomb(600), person("bert"))), limit=4 << 30)
    assert seal_of(opened) is Seal.TOO_BIG
    assert opened.trouble is not None
    assert opened.trouble.code == "too_large_to_open"
    still_works(room)


def test_time_that_runs_out_is_a_value_and_the_next_letter_opens(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    still_works(room)
    monkeypatch.setattr(pool, "REQUEST_SECONDS", 0.01)
    opened = room.open(around(seal_raw(bomb(300), person("bert"))), limit=400 << 20)
    monkeypatch.undo()
    assert seal_of(opened) is Seal.TOO_BIG
    assert opened.trouble is not None
    assert opened.trouble.code == "too_slow_to_open"
    still_works(room)


def test_silence_has_an_end(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    still_works(room)
    monkeypatch.setattr(process, "SILENCE_SECONDS", 0.3)
    os.kill(room.pids()[-1], signal.SIGSTOP)
    opened = room.open(cases()["a postcard"].raw)
    monkeypatch.undo()
    # It was stopped before it took the parcel, so another child opened it.
    assert opened.trouble is None
    still_works(room)


def test_silence_after_taking_a_letter_is_that_letters_doing(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    still_works(room)

    async def stop(_: list[bytes]) -> Sequence[SessionKey]:
        os.kill(busy(room), signal.SIGSTOP)
        return []

    monkeypatch.setattr(process, "SILENCE_SECONDS", 0.3)
    opened = room.open(sealed(), keyholder=stop)
    monkeypatch.undo()
    assert opened.trouble is not None
    assert opened.trouble.code == "too_slow_to_open"
    assert opened.evidence.shape is Shape.SEALED
    still_works(room)


@LINUX
def test_a_child_has_nothing_of_ours(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEARLY_SECRET_OF_THE_TEST", "fake")
    held = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(held, True)

    async def look() -> dict[str, str]:
        async with Opener() as opener:
            await opener.start()
            (child,) = opener._idle
            status = Path(f"/proc/{child.pid}/status").read_text()
            found = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            found["session"] = str(os.getsid(child.pid))
            found["pid"] = str(child.pid)
            if may_look_into_others():
                found["environment"] = Path(f"/proc/{child.pid}/environ").read_text()
                found["folder"] = os.readlink(f"/proc/{child.pid}/cwd")
                found["open"] = " ".join(sorted(os.listdir(f"/proc/{child.pid}/fd"), key=int))
            return found

    found = room.run(look())
    os.close(held)
    assert found["session"] == found["pid"]
    assert found["Threads"] == "1"
    assert found["NoNewPrivs"] == "1"
    assert found["Seccomp"] == "2"
    if "environment" in found:
        assert found["environment"] == ""
        assert found["folder"] == "/"
        assert found["open"] == "0 1 2 3 4"


@LINUX
@pytest.mark.skipif(not may_look_into_others(), reason="only the administrator may look into a child")
def test_of_the_environment_only_the_language_reaches_a_child(room: Room) -> None:
    async def look() -> bytes:
        async with Opener(languages=["de", "en"]) as opener:
            await opener.start()
            return Path(f"/proc/{opener._idle[0].pid}/environ").read_bytes()

    assert room.run(look()) == b"LANGUAGE=de:en\0"


@pytest.mark.parametrize("worn", ["limits.REQUESTS = 2", "limits.LIFE_SECONDS = 0"])
def test_a_child_that_has_served_its_time_is_replaced(room: Room, monkeypatch: pytest.MonkeyPatch, worn: str) -> None:
    script = f"from dearly.opener import child, limits, serving\n{worn}\nserving.serve(child._letters)\n"
    monkeypatch.setattr(process, "command", lambda *_: (sys.executable, "-I", "-c", script))

    async def ask() -> None:
        async with Opener(size=1) as opener:
            seen = set()
            for _ in range(4):
                assert (await opener.open(cases()["a postcard"].raw, nothing, nothing, now=NOW)).letter
                seen |= {child.pid for child in opener._idle}
            assert len(seen) <= 2
            assert not opener._idle

    room.run(ask())


def test_a_fault_of_ours_is_told_without_any_of_the_text(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    script = (
        "from dearly.opener import child, serving\n"
        "def fails(raw): raise LookupError(raw)\n"
        "child.reading.look = fails\nserving.serve(child._letters)\n"
    )
    monkeypatch.setattr(process, "command", lambda *_: (sys.executable, "-I", "-c", script))

    async def ask() -> None:
        async with Opener() as opener:
            with pytest.raises(DearlyError) as caught:
                await opener.outline(SECRET.encode())
            assert caught.value.code == "opener_failed"
            assert "LookupError" in caught.value.message
            assert SECRET not in caught.value.message
            assert opener._idle

    room.run(ask())


# children that die


def busy(room: Room) -> int:
    (child,) = room.opener._busy
    return child.pid


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGKILL, "opener_ended"),
        (signal.SIGTERM, "opener_ended"),
    ],
)
def test_a_child_that_is_killed_gives_one_clear_error(room: Room, number: int, code: str) -> None:
    async def kill(_: list[bytes]) -> Sequence[SessionKey]:
        os.kill(busy(room), number)
        return []

    with pytest.raises(DearlyError) as caught:
        room.open(sealed(), keyholder=kill)
    assert caught.value.code == code
    assert caught.value.retry
    assert caught.value.hint
    still_works(room)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGSEGV, "opener_crashed"),
        (signal.SIGABRT, "too_large_to_open"),
        (signal.SIGXCPU, "too_slow_to_open"),
    ],
)
def test_a_child_that_breaks_over_a_letter_is_that_letters_doing(room: Room, number: int, code: str) -> None:
    async def kill(_: list[bytes]) -> Sequence[SessionKey]:
        os.kill(busy(room), number)
        return []

    opened = room.open(sealed(), keyholder=kill)
    assert opened.trouble is not None
    assert opened.trouble.code == code
    assert opened.letter is None
    still_works(room)


def test_a_parcel_that_ended_its_child_is_never_tried_again(room: Room) -> None:
    times = 0

    async def kill(_: list[bytes]) -> Sequence[SessionKey]:
        nonlocal times
        times += 1
        os.kill(busy(room), signal.SIGKILL)
        return []

    with pytest.raises(DearlyError):
        room.open(sealed(), keyholder=kill)
    assert times == 1


def test_a_child_that_died_while_idle_is_replaced_without_a_word(room: Room) -> None:
    still_works(room)
    for pid in room.pids():
        os.kill(pid, signal.SIGKILL)
    still_works(room)


def test_what_the_desk_cannot_answer_comes_out_as_it_is(room: Room) -> None:
    async def locked(_: list[bytes]) -> Sequence[SessionKey]:
        raise Locked("locked", "The drawer is locked.")

    async def broken(_: list[str]) -> Sequence[bytes]:
        raise TimeoutError("of the desk")

    with pytest.raises(Locked):
        room.open(sealed(), keyholder=locked)
    with pytest.raises(TimeoutError, match="of the desk"):
        room.open(sealed(), find=broken)
    still_works(room)


def test_a_caller_that_goes_away_takes_the_child_along(room: Room) -> None:
    async def cancel() -> None:
        reached = asyncio.Event()

        async def never(_: list[bytes]) -> Sequence[SessionKey]:
            reached.set()
            await asyncio.sleep(1000)
            return []

        task = asyncio.ensure_future(room.opening(sealed(), keyholder=never))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    room.run(cancel())
    still_works(room)


def test_closing_ends_what_is_being_asked(room: Room) -> None:
    async def close() -> None:
        reached, go = asyncio.Event(), asyncio.Event()

        async def slowly(_: list[bytes]) -> Sequence[SessionKey]:
            reached.set()
            await go.wait()
            return []

        async def nobody(_: list[str]) -> Sequence[bytes]:
            return []

        opener = Opener(size=1)
        first = asyncio.ensure_future(opener.open(sealed(), slowly, nobody, now=NOW))
        await reached.wait()
        second = asyncio.ensure_future(opener.open(sealed(), slowly, nobody, now=NOW))
        closing = asyncio.ensure_future(opener.close())
        go.set()
        await closing
        outcomes = await asyncio.gather(first, second, return_exceptions=True)
        assert [getattr(one, "code", None) for one in outcomes] == ["opener_ended", "opener_closed"]
        with pytest.raises(DearlyError, match="closing"):
            await opener.outline(b"x")

    room.run(close())


def test_children_end_when_the_desk_is_gone(room: Room) -> None:
    """A desk that is killed closes nothing; its children see the end of their input."""
    script = (
        "import asyncio, os\nfrom dearly.opener.pool import Opener\n"
        "async def main():\n    opener = Opener()\n    await opener.start()\n"
        "    print(opener._idle[0].pid, flush=True)\n    os.kill(os.getpid(), 9)\nasyncio.run(main())\n"
    )

    async def run() -> int:
        desk = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-c", script, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
        )
        out, _ = await desk.communicate()
        return int(out)

    pid = room.run(run())
    end = time.monotonic() + 60
    while running(pid):
        assert time.monotonic() < end, "the child outlived its desk"
        time.sleep(0.02)


def running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_a_system_without_room_for_a_child_says_so(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask() -> None:
        async with Opener() as opener:
            with pytest.raises(DearlyError) as caught:
                await opener.start()
            assert caught.value.code == "opener_not_started"

    for nothing in (("/nonexistent/python",), (sys.executable, "-I", "-c", "")):
        monkeypatch.setattr(process, "command", lambda *_, nothing=nothing: nothing)
        room.run(ask())


# children that lie

FRONT = """
import os, sys, time
from dearly.opener import frames, wire
from dearly.opener.frames import Frame
from dearly.opener.limits import Locks
def say(head, *blobs):
    for piece in frames.encode(Frame(head, blobs)):
        os.write(1, piece)
def hear():
    return frames.read(sys.stdin.buffer)
say({"ready": [False, 0, False]})
first = hear()
"""
LIES = {
    "garbage": "os.write(1, b'\\xde\\xad' * 5000)",
    "a frame without end": "os.write(1, b'DL1\\0' + b'\\0\\0\\0\\2\\0\\0\\0\\1' + b'\\xff' * 8)",
    "an endless stream": "say({'took': True})\nwhile True: os.write(1, b'DL1\\0' * 10000)",
    "nothing more": "say({'took': True}); sys.exit(0)",
    "half a frame": "say({'took': True}); os.write(1, b'DL1\\0\\0\\0'); sys.exit(0)",
    "done before it took anything": "say({'done': True, 'last': False})",
    "took it twice": "say({'took': True}); say({'took': True})",
    "the wrong type": "say({'took': True}); say({'done': ['x'], 'last': False})",
    "an unknown word": "say({'took': True}); say({'hello': 1})",
    "a question that nobody allowed": "say({'took': True}); say({'ask': 'files', 'v': []})",
    "a question of the wrong type": "say({'took': True}); say({'ask': 'keys', 'v': ['x']})",
    "the same question twice": "say({'took': True})\nfor _ in 1, 2: say({'ask': 'keys', 'v': []}); hear()",
    "an error of an unknown kind": "say({'took': True}); say({'failed': ['SystemExit','a','b','c',True],'last':True})",
    "an error that is none": "say({'took': True}); say({'failed': 7, 'last': True})",
    "a loss that it cannot know": "say({'took': True}); say({'lost': 'ended'})",
    "deep JSON": "say({'took': True}); t = b'{\"a\":' + b'[' * 99999\n"
    "os.write(1, frames._HEAD.pack(frames.MAGIC, len(t), 0) + t); time.sleep(9)",
}


def liar(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(process, "command", lambda *_: (sys.executable, "-I", "-c", FRONT + script))


async def nothing(_: Sequence[Any]) -> Sequence[Any]:
    return []


@pytest.mark.parametrize("lie", LIES)
def test_a_child_that_lies_is_ended_with_a_clear_error(room: Room, monkeypatch: pytest.MonkeyPatch, lie: str) -> None:
    liar(monkeypatch, LIES[lie])

    async def ask() -> None:
        async with Opener() as opener:
            with pytest.raises(DearlyError) as caught:
                await opener.open(sealed(), nothing, nothing, now=NOW)
            assert caught.value.code in ("opener_confused", "opener_ended")
            assert not opener._idle

    room.run(ask())


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.binary(max_size=300), st.booleans())
def test_whatever_a_child_writes_the_desk_ends_it(
    room: Room, monkeypatch: pytest.MonkeyPatch, data: bytes, framed: bool
) -> None:
    text = f"data = {data!r}\n"
    text += "say({'took': True}); " + ("say({'done': 0, 'last': False}, data)" if framed else "os.write(1, data)")
    liar(monkeypatch, text)

    async def ask() -> None:
        async with Opener() as opener:
            with pytest.raises(DearlyError):
                await opener.open(b"x", nothing, nothing, now=NOW)

    room.run(ask())


def test_an_error_from_a_child_is_cleaned(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    liar(
        monkeypatch,
        "say({'took': True}); say({'failed': ['Refused','a\\n','\\x1b[2Jx\\u202e'*999,'',True],'last':True})",
    )

    async def ask() -> None:
        async with Opener() as opener:
            with pytest.raises(Refused) as caught:
                await opener.outline(b"x")
            assert caught.value.message.startswith("[2Jx")
            assert len(caught.value.message) <= 1000

    room.run(ask())


def test_a_child_cannot_show_text_that_the_seal_withholds(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """It answers with a letter, and with evidence that says that the seal is broken."""
    script = (
        "from dataclasses import replace\nfrom dearly.opener import child\nfrom dearly.opener.values import Opened\n"
        "from dearly.opener.protocol_letters import Open\nfrom dearly.letter.sealing import Evidence, Shape\n"
        "raw = wire.unpack(Open, first.head['v'], first.blobs)\n"
        "opened = child.reading.open_parcel(raw, None)\n"
        "assert opened.letter\n"
        "say({'took': True}); blobs = []\n"
        "packed = wire.pack(Opened, replace(opened, evidence=Evidence(Shape.MALFORMED)), blobs)\n"
        "say({'done': packed, 'last': False}, *blobs); hear()\n"
    )
    liar(monkeypatch, script)

    async def ask() -> None:
        async with Opener() as opener:
            opened = await opener.open(cases()["a postcard"].raw, nothing, nothing, now=NOW)
            assert opened.letter is None
            assert opened.outer is not None

    room.run(ask())


# keys


def needles() -> list[bytes]:
    """What only Bert's secret keys hold: halves of the octets of each."""
    secrets = [key.secret[2:] if len(key.secret) < 40 else key.secret for key in person("bert").keys]
    return [secret[n : n + 16] for secret in secrets for n in range(0, len(secret) - 15, 16)]


def memory(pid: int) -> bytes:
    found = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as file:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            if line.split()[1].startswith("rw"):
                start, end = (int(one, 16) for one in line.split()[0].split("-"))
                try:
                    file.seek(start)
                    found.append(file.read(end - start))
                except OSError:
                    continue
    return b"".join(found)


@LINUX
@pytest.mark.skipif(not may_look_into_others(), reason="only the administrator may look into a child")
def test_no_private_key_is_ever_in_a_child_that_parses(room: Room) -> None:
    still_works(room)
    secrets = needles()
    assert len(secrets) == 10
    for pid in room.pids():
        seen = memory(pid)
        assert person("bert").fingerprint.encode() in seen  # it was told that
        assert not [needle for needle in secrets if needle in seen]
    keyholder = room.keyholder("bert")._child
    assert keyholder is not None
    seen = memory(keyholder.pid)
    assert all(needle in seen for needle in secrets)


def test_nothing_private_is_ever_written_to_a_child_that_parses(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    written: dict[int, list[bytes]] = {}
    send: Callable[..., Awaitable[None]] = process.Child._send

    async def note(child: process.Child, head: dict[str, Any], blobs: list[bytes]) -> None:
        written.setdefault(child.pid, []).extend([repr(head).encode(), *blobs])
        await send(child, head, blobs)

    monkeypatch.setattr(process.Child, "_send", note)
    still_works(room)
    keyholder = room.keyholder("bert")._child
    assert keyholder is not None
    openers = [b"".join(pieces) for pid, pieces in written.items() if pid != keyholder.pid]
    assert len(openers) == 1
    assert sealed()[:100] in openers[0]
    assert not [needle for needle in needles() if needle in openers[0]]


def test_a_child_cannot_make_the_keyholder_work_for_it(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    async def count(pkesks: list[bytes]) -> Sequence[SessionKey]:
        asked.append(len(pkesks))
        return []

    for pkesks in ([b"x"] * 65, [b"x" * 8193]):
        script = (
            f"say({{'took': True}}); say({{'ask': 'keys', 'v': list(range({len(pkesks)}))}}, *{pkesks!r})\n"
            "assert hear().head == {'answer': []}; sys.exit(0)"
        )
        liar(monkeypatch, script)

        async def ask() -> None:
            async with Opener() as opener:
                with pytest.raises(DearlyError, match="ended before"):
                    await opener.open(b"x", count, nothing, now=NOW)

        room.run(ask())
    assert asked == []


# many, and other foreign bytes


def test_many_parcels_come_back_in_their_order(room: Room) -> None:
    known = [person("ada").certificate]
    raws = [sealed(letter(f"letter {n}")) if n % 3 else cases()["a postcard"].raw for n in range(30)]

    async def find(_: list[str]) -> Sequence[bytes]:
        return known

    async def all_of_them() -> list[str]:
        found = []
        async for opened in room.opener.open_many(raws, room.keyholder().session_keys, find, now=NOW):
            assert not isinstance(opened, DearlyError)
            assert opened.letter is not None
            found.append(opened.letter.text.strip())
        return found

    room.keyholder()
    assert room.run(all_of_them()) == [f"letter {n}" if n % 3 else "hello" for n in range(30)]


def test_one_that_fails_stands_in_its_place(room: Room) -> None:
    async def all_of_them() -> list[str]:
        raws = [cases()["a postcard"].raw, sealed(), cases()["a postcard"].raw]

        async def kill(_: list[bytes]) -> Sequence[SessionKey]:
            for child in room.opener._busy:
                os.kill(child.pid, signal.SIGKILL)
            return []

        async with Opener(size=1) as opener:
            mine, room.opener = room.opener, opener
            try:
                return [type(one).__name__ async for one in opener.open_many(raws, kill, nothing, now=NOW)]
            finally:
                room.opener = mine

    assert room.run(all_of_them()) == ["Opened", "DearlyError", "Opened"]


def test_a_poisoned_certificate_is_reduced(room: Room) -> None:
    """A15: twenty thousand signatures of nobody."""
    own = person("ada").certificate
    victim = person("ada").primary.public
    junk = [Packet(Tag.SIGNATURE, forged_signature(victim, n)) for n in range(2_000)]
    found = packets.read(own)
    poisoned = packets.join([*found[:2], *junk, *found[2:]])
    minimised, facts = room.run(room.opener.read_certificate(poisoned, NOW))
    assert len(minimised) < 2 * len(own)
    assert facts.fingerprint == person("ada").fingerprint
    with pytest.raises(DearlyError):
        room.run(room.opener.read_certificate(bytes(pool.LARGEST_CERTIFICATE * 2 + 1), NOW))


def test_certificates_are_judged_in_the_child(room: Room) -> None:
    opener, ada = room.opener, person("ada").certificate
    assert room.run(opener.examine(ada, NOW)).quantum_safe
    merged = room.run(opener.merge(ada, revoked(person("ada"))))
    assert room.run(opener.examine(merged, NOW)).revoked
    assert room.run(opener.minimise(ada, address("ada")))
    plan = room.run(opener.plan({address("ada"): ada}, NOW))
    assert plan.quantum_safe
    with pytest.raises(CannotSealOrOpen) as caught:
        room.run(opener.plan({address("clara"): None}, NOW))
    assert caught.value.code == "no_key"
    for bad in (person("ada").to_bytes(), b"", b"nonsense", sealed()):
        with pytest.raises(CannotSealOrOpen) as caught:
            room.run(opener.read_certificate(bad, NOW))
        assert caught.value.code == "bad_certificate"
    with pytest.raises(CannotSealOrOpen) as caught:
        room.run(opener.merge(ada, person("bert").certificate))
    assert caught.value.code == "other_certificate"


def test_cards_are_read_in_a_child_of_their_own(room: Room) -> None:
    text = vcard.write_card("Ada Example", ["ada@letters.test"], person("ada").certificate, None)
    card = room.run(room.opener.read_card(text.encode(), now=NOW))
    assert (card.name, card.addresses) == ("Ada Example", ("ada@letters.test",))
    facts = room.run(room.opener.examine(card.certificates[0], NOW))
    assert facts.fingerprint == person("ada").fingerprint
    other = vcard.write_card("Eve", ["eve@letters.test"], b"no certificate", None)
    assert room.run(room.opener.read_card(other.encode(), now=NOW)).certificates == ()
    for bad in (b"", b"BEGIN:VCARD\r\n" * 5000, bytes(pool.LARGEST_CARD + 1)):
        with pytest.raises((Usage, Refused)):
            room.run(room.opener.read_card(bad, now=NOW))


def test_what_is_expected_is_there_before_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_PAGE_FIRST", 0.0)

    async def act() -> None:
        async with Opener() as opener:
            opener.expect()
            opener.expect()
            assert opener._coming is not None
            await opener._coming
            assert [len(idle) for _free, idle in opener._kept.values()] == [1, 1]
            (child,) = opener._kept["showing"][1]
            await opener.paper([])
            assert list(opener._kept["showing"][1]) == [child]
        assert not child.usable

    asyncio.run(act())


def test_a_letter_waits_for_the_child_that_is_just_coming(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_PAGE_FIRST", 0.0)

    async def act() -> None:
        async with Opener() as opener:
            opener.expect()
            await asyncio.sleep(0.02)
            await opener.paper([])
            assert len(opener._kept["showing"][1]) == 1

    asyncio.run(act())


@pytest.mark.parametrize("wait", [0.0, 0.05, 0.2])
def test_a_desk_that_closes_waits_for_no_expected_child(monkeypatch: pytest.MonkeyPatch, wait: float) -> None:
    monkeypatch.setattr(pool, "_PAGE_FIRST", 0.0)

    async def act() -> None:
        opener = Opener()
        opener.expect()
        await asyncio.sleep(wait)
        await opener.close()
        assert not any(idle for _free, idle in opener._kept.values())
        opener.expect()
        assert opener._coming is not None
        assert opener._coming.done()

    asyncio.run(act())
