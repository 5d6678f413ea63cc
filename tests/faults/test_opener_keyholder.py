"""The process that holds our key: it seals and unlocks, gives nothing else away, and comes back when it was ended."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from dearly.letter.errors import CannotSealOrOpen, Damaged, DearlyError, Locked, Refused
from dearly.letter.sealing import Signature
from dearly.opener import keyholder as keyholding
from dearly.opener import process
from dearly.opener.keyholder import Keyholder
from dearly.seal import openpgp
from tests.support.openpgp import TEXT, bomb, open_letter, person, plan_for, revoked, seal_raw, signed

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    async def limited() -> T:
        async with asyncio.timeout(60):
            return await work

    return asyncio.run(limited())


async def ada() -> bytes:
    return person("ada").to_bytes()


@asynccontextmanager
async def holding(own: Callable[[], Awaitable[bytes]] = ada) -> AsyncIterator[Keyholder]:
    async with Keyholder(own) as holder:
        yield holder


def pid_of(holder: Keyholder) -> int:
    assert holder._child is not None
    return holder._child.pid


def test_it_seals_and_unlocks_as_the_room_of_seals_does() -> None:
    async def work() -> None:
        async with holding() as holder:
            assert await holder.start() == person("ada").fingerprint
            sealed = await holder.seal(TEXT, plan_for(person("bert")))
            opened = open_letter(sealed.armored, person("bert"), [person("ada").certificate])
            assert opened.unpacked.data == TEXT
            assert opened.verified.signature is Signature.HOLDS
            assert opened.verified.intended == sealed.fingerprints
            assert sealed.slice_sha256 == opened.outer.seal_sha256
            pkesks = opened.outer.pkesks
            assert await holder.session_keys(pkesks) == openpgp.session_keys(pkesks, person("ada"))
            assert await holder.session_keys(()) == ()

    run(work())


def test_what_sealing_refuses_is_refused_in_the_same_words() -> None:
    async def work() -> None:
        withdrawn = replace(plan_for(person("bert")), certificates=(revoked(person("bert")),))
        async with holding() as holder:
            with pytest.raises(CannotSealOrOpen) as there:
                await holder.seal(TEXT, withdrawn)
            with pytest.raises(CannotSealOrOpen) as here:
                openpgp.seal(TEXT, person("ada"), withdrawn)
            assert (there.value.code, there.value.message, there.value.hint) == (
                here.value.code,
                here.value.message,
                here.value.hint,
            )
            assert (await holder.seal(TEXT, plan_for(person("bert")))).quantum_safe

    run(work())


def test_hostile_key_packets_open_nothing_and_break_nothing() -> None:
    """A26: too many or too large ones never reach it; odd ones give no key."""

    async def work() -> None:
        async with holding() as holder:
            good = openpgp.outer((await holder.seal(TEXT, plan_for())).armored).pkesks[0]
            started = pid_of(holder)
            assert await holder.session_keys([good] * 65) == ()
            assert await holder.session_keys([good, bytes(8193)]) == ()
            odd = [b"", b"\3", b"\6" * 300, good[:-1], good[:10] + bytes(len(good) - 10), os.urandom(8192)]
            assert await holder.session_keys(odd) == ()
            assert len(await holder.session_keys([*odd, good])) == 1
            assert pid_of(holder) == started

    run(work())


def test_the_largest_letter_is_sealed_and_the_loop_goes_on() -> None:
    async def work() -> None:
        longest = 0.0

        async def tick() -> None:
            nonlocal longest
            while True:
                begun = time.monotonic()
                await asyncio.sleep(0.005)
                longest = max(longest, time.monotonic() - begun)

        data = bytes(64 << 20)
        async with holding() as holder:
            await holder.start()
            ticking = asyncio.ensure_future(tick())
            begun = time.monotonic()
            sealed = await holder.seal(data, plan_for(person("bert")))
            took = time.monotonic() - begun
            ticking.cancel()
            assert len(sealed.armored) > len(data)
            assert longest < took / 2
            with pytest.raises(Refused) as caught:
                await holder.seal(bytes(keyholding.LARGEST_SEALED + 1), plan_for(person("bert")))
            assert caught.value.code == "too_large"

    run(work())


def test_a_damaged_key_is_told() -> None:
    async def damaged() -> bytes:
        return person("ada").to_bytes()[:-40]

    async def work() -> None:
        async with holding(damaged) as holder:
            with pytest.raises(Damaged) as caught:
                await holder.start()
            assert caught.value.code == "own_key_damaged"

    run(work())


def test_a_locked_drawer_stays_the_reason() -> None:
    async def locked() -> bytes:
        raise Locked("locked", "The drawer is locked.")

    async def work() -> None:
        async with holding(locked) as holder:
            with pytest.raises(Locked):
                await holder.session_keys([b"x"])

    run(work())


def test_it_comes_back_with_the_key_after_it_was_ended() -> None:
    asked = 0

    async def own() -> bytes:
        nonlocal asked
        asked += 1
        return person("ada").to_bytes()

    async def work() -> None:
        async with holding(own) as holder:
            await holder.start()
            for number in (signal.SIGKILL, signal.SIGSEGV):
                os.kill(pid_of(holder), number)
                assert (await holder.seal(TEXT, plan_for(person("bert")))).armored
            assert asked == 3

    run(work())


def test_ended_in_the_middle_it_is_one_clear_error() -> None:
    async def work() -> None:
        async with holding() as holder:
            await holder.start()
            assert holder._child is not None
            holder._child._took = False  # of starting it
            sealing = asyncio.ensure_future(holder.seal(bytes(20 << 20), plan_for(person("bert"))))
            while not holder._child._took:
                await asyncio.sleep(0)
            os.kill(pid_of(holder), signal.SIGKILL)
            with pytest.raises(DearlyError) as caught:
                await sealing
            assert caught.value.code == "keyholder_ended"
            assert caught.value.retry
            assert (await holder.seal(TEXT, plan_for(person("bert")))).armored

    run(work())


def test_requests_at_once_are_answered_one_after_the_other() -> None:
    async def work() -> None:
        async with holding() as holder:
            plan = plan_for(person("bert"))
            sealed = await asyncio.gather(*(holder.seal(TEXT + bytes([n]), plan) for n in range(8)))
            for n, one in enumerate(sealed):
                assert open_letter(one.armored, person("bert")).unpacked.data == TEXT + bytes([n])

    run(work())


def test_after_closing_there_is_no_key_and_no_process() -> None:
    async def work() -> None:
        holder = Keyholder(ada)
        await holder.start()
        pid = pid_of(holder)
        await holder.close()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        with pytest.raises(DearlyError) as caught:
            await holder.session_keys([b"x"])
        assert caught.value.code == "keyholder_closed"

    run(work())


def test_it_does_not_start_where_nothing_can() -> None:
    async def work() -> None:
        async with holding() as holder:
            with pytest.raises(DearlyError) as caught:
                await holder.start()
            assert caught.value.code == "keyholder_ended"

    for nothing in (("/nonexistent/python",), (sys.executable, "-I", "-c", "print('hello')")):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(process, "command", lambda *_, nothing=nothing: nothing)
            run(work())


def test_it_may_have_ended_before_its_pipes_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    async def until_it_has_ended(loop: Any, *order: Any, **how: Any) -> tuple[Any, Any]:
        transport, streams = await start(loop, *order, **how)
        while not transport.get_pipe_transport(0).get_extra_info("pipe").closed:
            await asyncio.sleep(0.01)
        return transport, streams

    async def work() -> None:
        async with holding() as holder:
            with pytest.raises(DearlyError) as caught:
                await holder.start()
            assert caught.value.code == "keyholder_ended"

    start = asyncio.BaseEventLoop.subprocess_exec
    monkeypatch.setattr(asyncio.BaseEventLoop, "subprocess_exec", until_it_has_ended)
    monkeypatch.setattr(process, "command", lambda *_: (sys.executable, "-I", "-S", "-c", ""))
    run(work())


@pytest.mark.skipif(sys.platform != "linux", reason="what Linux offers")
def test_it_is_locked_down_like_the_others() -> None:
    async def work() -> None:
        async with holding() as holder:
            await holder.start()
            status = Path(f"/proc/{pid_of(holder)}/status").read_text()
            assert "\nSeccomp:\t2\n" in status
            assert "\nNoNewPrivs:\t1\n" in status
            assert "\nThreads:\t1\n" in status
            assert (
                "Max core file size        0                    0" in Path(f"/proc/{pid_of(holder)}/limits").read_text()
            )
            arguments = Path(f"/proc/{pid_of(holder)}/cmdline").read_bytes().split(b"\0")
            assert arguments[1:-1] == [b"-I", b"-m", b"dearly.opener.keychild"]

    run(work())


def test_it_opens_no_letter() -> None:
    """It knows its three acts and nothing else: mail, bombs among it, cannot even be asked of it."""

    async def work() -> None:
        from dearly.opener.protocol_letters import OPEN, Open
        from tests.support.openpgp import NOW

        async with holding() as holder:
            await holder.start()
            assert holder._child is not None
            raw = seal_raw(bomb(10) + signed(TEXT, person("bert")), person("ada"))
            with pytest.raises(process.Lost):
                await holder._child.call(OPEN, Open(raw, NOW, (), (), 1 << 20), seconds=5)
            assert await holder.session_keys([b"x"]) == ()

    run(work())
